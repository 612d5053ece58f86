//! Volumes.

use std::collections::BTreeMap;

use aws_sdk_ec2::{
    error::ProvideErrorMetadata,
    types::{ResourceType, VolumeType},
};
use watchkeeper_domain::{
    cache::TOKEN_TAG,
    failure::Failure,
    ports::{Made, Volume, VolumeOrder, VolumeOrigin, VolumeState, Volumes},
};
use watchkeeper_shell::error::failure;

use super::{Ec2, PAGE, answer, filter, is_tagged, nameless, refusal, tags};

/// How many volumes are asked for in one `DescribeVolumeStatus`. Its limit is not documented.
const BATCH: usize = 100;

impl Volumes for Ec2 {
    async fn volume(&self, id: &str) -> Result<Option<Volume>, Failure> {
        const OPERATION: &str = "describe the volume";
        let answer = match self.home.describe_volumes().volume_ids(id).send().await {
            Ok(answer) => answer,
            Err(error) if error.code() == Some(refusal::NO_VOLUME) => return Ok(None),
            Err(error) => return Err(failure(OPERATION, id, error)),
        };
        let found = answer.volumes.unwrap_or_default().into_iter().next();
        let found = found.map(answer::volume).transpose();
        let mut found: Vec<_> =
            found.map_err(|error| Failure::new(OPERATION, id, error))?.into_iter().collect();
        self.add_progress(&mut found).await?;
        Ok(found.pop())
    }

    async fn volumes(&self, tag: (&str, &str)) -> Result<Vec<Volume>, Failure> {
        let mut volumes = self.tagged(tag).await?;
        self.add_progress(&mut volumes).await?;
        Ok(volumes)
    }

    /// EC2 looks at its quotas before it looks at the token, so that an order that is already carried out may be refused
    /// when it comes again (`aws-ebs-csi-driver`). What carries the order's [`TOKEN_TAG`] is looked up first, therefore.
    async fn make(&self, order: &VolumeOrder) -> Result<Made, Failure> {
        self.leash.holds(&format!("the making of a volume of {}", subject(order)))?;
        let made = match &order.origin {
            VolumeOrigin::Snapshot { id, initialization_mib } => {
                self.create(order, id, *initialization_mib).await?
            }
            VolumeOrigin::Volume { id } => self.copy(order, id).await?,
        };
        let Made::Refused { code, .. } = &made else { return Ok(made) };
        if code == refusal::OTHER_ORDER {
            return Ok(made);
        }
        let earlier = self.made_earlier(order).await.map_err(Failure::in_doubt)?;
        Ok(earlier.map_or(made, Made::Volume))
    }

    async fn delete_volume(&self, id: &str) -> Result<(), Failure> {
        self.leash.holds(&format!("the deletion of {id}"))?;
        match self.home.delete_volume().volume_id(id).send().await {
            Ok(_) => Ok(()),
            Err(error) if error.code() == Some(refusal::NO_VOLUME) => Ok(()),
            Err(error) => Err(failure("delete the volume", id, error)),
        }
    }
}

impl Ec2 {
    /// `CreateVolume`.
    async fn create(&self, order: &VolumeOrder, snapshot: &str, rate: Option<u32>) -> Result<Made, Failure> {
        const OPERATION: &str = "create a volume of";
        let request = self
            .home
            .create_volume()
            .availability_zone_id(&order.zone)
            .snapshot_id(snapshot)
            .volume_type(VolumeType::Gp3)
            .size(number(OPERATION, order, order.size_gib)?)
            .set_volume_initialization_rate(rate.map(|rate| number(OPERATION, order, rate)).transpose()?)
            .client_token(&order.token)
            .tag_specifications(tags(ResourceType::Volume, &order.tags));
        match request.send().await {
            Ok(volume) => {
                volume.volume_id.map(Made::Volume).ok_or_else(|| nameless(OPERATION, subject(order)))
            }
            Err(error) => refusal::made(OPERATION, snapshot, error),
        }
    }

    /// `CopyVolumes`. The copy is in the zone of its source, whatever the order says.
    async fn copy(&self, order: &VolumeOrder, source: &str) -> Result<Made, Failure> {
        const OPERATION: &str = "copy the volume";
        let request = self
            .home
            .copy_volumes()
            .source_volume_id(source)
            .volume_type(VolumeType::Gp3)
            .size(number(OPERATION, order, order.size_gib)?)
            .client_token(&order.token)
            .tag_specifications(tags(ResourceType::Volume, &order.tags));
        match request.send().await {
            Ok(answer) => {
                let volume = answer.volumes.unwrap_or_default().into_iter().next();
                let id = volume.and_then(|volume| volume.volume_id);
                id.map(Made::Volume).ok_or_else(|| nameless(OPERATION, source))
            }
            Err(error) => refusal::made(OPERATION, source, error),
        }
    }

    /// The volume that an earlier attempt at this very order has made, if it is good for anything.
    async fn made_earlier(&self, order: &VolumeOrder) -> Result<Option<String>, Failure> {
        let Some(token) = order.tags.get(TOKEN_TAG) else { return Ok(None) };
        let mut volumes = self.tagged((TOKEN_TAG, token)).await?.into_iter();
        let is_good = |volume: &Volume| match volume.state {
            VolumeState::Creating | VolumeState::Available | VolumeState::InUse => true,
            VolumeState::Deleting | VolumeState::Deleted | VolumeState::Error => false,
        };
        Ok(volumes.find(is_good).map(|volume| volume.id))
    }

    /// The volumes with the tag, without what `DescribeVolumeStatus` says.
    async fn tagged(&self, tag: (&str, &str)) -> Result<Vec<Volume>, Failure> {
        const OPERATION: &str = "list the volumes with";
        let request = self.home.describe_volumes().filters(filter(tag)).max_results(PAGE);
        let mut pages = request.into_paginator().send();
        let mut volumes = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| failure(OPERATION, tag.0, error))?;
            for volume in page.volumes.unwrap_or_default() {
                volumes.push(answer::volume(volume).map_err(|error| Failure::new(OPERATION, tag.0, error))?);
            }
        }
        volumes.retain(|volume| volume.state != VolumeState::Deleted && is_tagged(&volume.tags, tag));
        Ok(volumes)
    }

    /// `DescribeVolumeStatus` for those that are being filled. EC2 may be 5 minutes behind (`VolumeStatusItem`). When one
    /// of them is gone in the meantime, it says nothing of the others either, and nor do we.
    async fn add_progress(&self, volumes: &mut [Volume]) -> Result<(), Failure> {
        let filling = volumes.iter().filter(|volume| is_being_filled(volume));
        let filling: Vec<_> = filling.map(|volume| volume.id.clone()).collect();
        let mut progress = BTreeMap::new();
        for ids in filling.chunks(BATCH) {
            let request = self.home.describe_volume_status().set_volume_ids(Some(ids.to_vec()));
            match request.send().await {
                Ok(answer) => progress
                    .extend(answer.volume_statuses.unwrap_or_default().iter().filter_map(answer::progress)),
                Err(error) if error.code() == Some(refusal::NO_VOLUME) => {}
                Err(error) => return Err(failure("read the initialization of", ids.join(", "), error)),
            }
        }
        for volume in volumes {
            volume.initialized = progress.remove(&volume.id);
        }
        Ok(())
    }
}

/// Whether it is worth asking how far it is: EBS fills it, also while a job has it already.
fn is_being_filled(volume: &Volume) -> bool {
    let is_there = match volume.state {
        VolumeState::Creating | VolumeState::Available | VolumeState::InUse => true,
        VolumeState::Deleting | VolumeState::Deleted | VolumeState::Error => false,
    };
    is_there && (volume.source.is_some() || volume.initialization_mib.is_some())
}

fn subject(order: &VolumeOrder) -> &str {
    match &order.origin {
        VolumeOrigin::Snapshot { id, .. } | VolumeOrigin::Volume { id } => id,
    }
}

fn number(operation: &'static str, order: &VolumeOrder, number: u32) -> Result<i32, Failure> {
    i32::try_from(number).map_err(|error| Failure::new(operation, subject(order), error))
}
