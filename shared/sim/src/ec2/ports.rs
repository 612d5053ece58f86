//! EC2 as the ports of a function: what the adapter in front of the real one comes to.

use watchkeeper_domain::{
    cache::TOKEN_TAG,
    failure::Failure,
    ports::{Archive, Made, Snapshot, SnapshotCopy, Volume, VolumeOrder, VolumeOrigin, VolumeState, Volumes},
};

use super::{Ec2, Operation, refusal::Refusal};

impl Archive for Ec2 {
    async fn snapshot(&self, region: &str, id: &str) -> Result<Option<Snapshot>, Failure> {
        let found = self.call(Operation::DescribeSnapshots, |state, _| state.snapshot(region, id)).await;
        unless_missing(found, "InvalidSnapshot.NotFound")
            .map_err(|refusal| refusal.failure("describe the snapshot", id))
    }

    async fn snapshots(&self, region: &str, (key, value): (&str, &str)) -> Result<Vec<Snapshot>, Failure> {
        let all = self.call(Operation::DescribeSnapshots, |state, _| Ok(state.snapshots(region))).await;
        let mut all = all.map_err(|refusal| refusal.failure("list the snapshots with", key))?;
        all.retain(|snapshot| snapshot.tags.get(key).is_some_and(|it| it == value));
        Ok(all)
    }

    async fn copy_snapshot(&self, copy: &SnapshotCopy) -> Result<String, Failure> {
        let made = self.call(Operation::CopySnapshot, |state, _| state.copy_snapshot(copy)).await;
        made.map_err(|refusal| refusal.failure("copy the snapshot", &copy.snapshot))
    }

    async fn delete_snapshot(&self, region: &str, id: &str) -> Result<(), Failure> {
        let done = self.call(Operation::DeleteSnapshot, |state, _| state.delete_snapshot(region, id)).await;
        unless_missing(done, "InvalidSnapshot.NotFound")
            .map_err(|refusal| refusal.failure("delete the snapshot", id))?;
        Ok(())
    }
}

impl Volumes for Ec2 {
    async fn volume(&self, id: &str) -> Result<Option<Volume>, Failure> {
        let found = self.call(Operation::DescribeVolumes, |state, now| Ok(state.volume(id, now)?.show(now)));
        let found = unless_missing(found.await, "InvalidVolume.NotFound")
            .map_err(|refusal| refusal.failure("describe the volume", id))?;
        let mut found: Vec<_> = found.into_iter().collect();
        self.add_progress(&mut found).await?;
        Ok(found.pop())
    }

    async fn volumes(&self, tag: (&str, &str)) -> Result<Vec<Volume>, Failure> {
        let mut volumes = self.tagged(tag).await?;
        self.add_progress(&mut volumes).await?;
        Ok(volumes)
    }

    async fn make(&self, order: &VolumeOrder) -> Result<Made, Failure> {
        let (operation, verb, subject) = match &order.origin {
            VolumeOrigin::Snapshot { id, .. } => (Operation::CreateVolume, "create a volume of", id),
            VolumeOrigin::Volume { id } => (Operation::CopyVolumes, "copy the volume", id),
        };
        let refusal = match self.call(operation, |state, now| state.make(order, now)).await {
            Ok(id) => return Ok(Made::Volume(id)),
            Err(refusal) => refusal,
        };
        let Some((code, message)) = refusal.of_order() else { return Err(refusal.failure(verb, subject)) };
        let refused = Made::Refused { code: code.to_owned(), message: message.to_owned() };
        if refusal.has_code("IdempotentParameterMismatch") {
            return Ok(refused);
        }
        let Some(token) = order.tags.get(TOKEN_TAG) else { return Ok(refused) };
        let earlier = self.tagged((TOKEN_TAG, token)).await.map_err(Failure::in_doubt)?;
        let good = earlier.into_iter().find(is_there);
        Ok(good.map_or(refused, |volume| Made::Volume(volume.id)))
    }

    async fn delete_volume(&self, id: &str) -> Result<(), Failure> {
        let done = self.call(Operation::DeleteVolume, |state, now| state.delete_volume(id, now)).await;
        unless_missing(done, "InvalidVolume.NotFound")
            .map_err(|refusal| refusal.failure("delete the volume", id))?;
        Ok(())
    }
}

impl Ec2 {
    async fn tagged(&self, (key, value): (&str, &str)) -> Result<Vec<Volume>, Failure> {
        let all = self.call(Operation::DescribeVolumes, |state, now| {
            Ok(state.visible(now).map(|volume| volume.show(now)).collect::<Vec<_>>())
        });
        let mut all = all.await.map_err(|refusal| refusal.failure("list the volumes with", key))?;
        all.retain(|volume| {
            volume.state != VolumeState::Deleted && volume.tags.get(key).is_some_and(|it| it == value)
        });
        Ok(all)
    }

    async fn add_progress(&self, volumes: &mut [Volume]) -> Result<(), Failure> {
        let is_being_filled = |volume: &&mut Volume| {
            is_there(volume) && (volume.source.is_some() || volume.initialization_mib.is_some())
        };
        let mut filling: Vec<_> = volumes.iter_mut().filter(is_being_filled).collect();
        if filling.is_empty() {
            return Ok(());
        }
        let read = self.call(Operation::DescribeVolumeStatus, |state, now| {
            for volume in &mut filling {
                volume.initialized = Some(state.volume(&volume.id, now)?.progress(now));
            }
            Ok(())
        });
        let read = unless_missing(read.await, "InvalidVolume.NotFound");
        read.map_err(|refusal| refusal.failure("read the initialization of", "volumes"))?;
        Ok(())
    }
}

fn is_there(volume: &Volume) -> bool {
    match volume.state {
        VolumeState::Creating | VolumeState::Available | VolumeState::InUse => true,
        VolumeState::Deleting | VolumeState::Deleted | VolumeState::Error => false,
    }
}

/// What was found, or nothing where EC2 says with `code` that there is no such thing.
fn unless_missing<T>(found: Result<T, Refusal>, code: &str) -> Result<Option<T>, Refusal> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(refusal) if refusal.has_code(code) => Ok(None),
        Err(refusal) => Err(refusal),
    }
}
