//! `CreateVolume`, `CopyVolumes`.

use jiff::Timestamp;
use watchkeeper_domain::ports::{SnapshotState, VolumeOrder, VolumeOrigin, VolumeState};

use super::{REGION, ZONES, refusal::Refusal, state::State, volume::Stored};

/// The sizes that a gp3 volume may have, in GiB (`CreateVolume`, `Size`).
const SIZES: std::ops::RangeInclusive<u32> = 1..=65_536;
/// The rates at which a volume may be filled, in MiB/s (`CreateVolume`, `VolumeInitializationRate`).
const RATES: std::ops::RangeInclusive<u32> = 100..=300;

impl State {
    /// Makes the volume, and returns its id. A token that was used before brings back what it brought then, if all else
    /// is equal and that is still good. `zone` counts only for an order from a snapshot.
    pub fn make(&mut self, order: &VolumeOrder, now: Timestamp) -> Result<String, Refusal> {
        let order = &without_zone_of_copy(order);
        check(order)?;
        self.check_quotas(order, now)?;
        if let Some((earlier, id)) = self.tokens.get(&order.token) {
            let is_good = self.volumes.get(id).is_some_and(Stored::is_good);
            return if earlier == order && is_good { Ok(id.clone()) } else { Err(Refusal::other_order()) };
        }
        let (zone, data_bytes) = match &order.origin {
            VolumeOrigin::Snapshot { id, .. } => (order.zone.clone(), self.snapshot_data(id, order)?),
            VolumeOrigin::Volume { id } => self.copy_data(id, order, now)?,
        };
        let id = format!("vol-{:017x}", self.volumes.len() + 1);
        self.volumes.insert(id.clone(), Stored::new(id.clone(), zone, order, data_bytes, now));
        self.tokens.insert(order.token.clone(), (order.clone(), id.clone()));
        Ok(id)
    }

    /// How much a volume of the snapshot `id` has to be filled with, in bytes.
    fn snapshot_data(&mut self, id: &str, order: &VolumeOrder) -> Result<u64, Refusal> {
        let snapshot = self.snapshot(REGION, id)?;
        if snapshot.state != SnapshotState::Completed {
            return Err(Refusal::state(id, "not completed"));
        }
        check_size(order, snapshot.size_gib)?;
        Ok(snapshot.full_bytes.unwrap_or_default())
    }

    /// The zone of a copy of the volume `id`, and what it has to be filled with, in bytes.
    fn copy_data(&self, id: &str, order: &VolumeOrder, now: Timestamp) -> Result<(String, u64), Refusal> {
        let source = self.volume(id, now)?;
        match source.state(now) {
            VolumeState::Available | VolumeState::InUse => {}
            VolumeState::Creating | VolumeState::Deleting | VolumeState::Deleted | VolumeState::Error => {
                return Err(Refusal::state(id, "neither available nor in-use"));
            }
        }
        check_size(order, source.size_gib)?;
        if source.source().is_some() && source.is_initializing(now) {
            return Err(Refusal::state(id, "a copy that is not initialized"));
        }
        let mut copies = self.volumes.values().filter(|volume| volume.source() == Some(id));
        if copies.any(|copy| copy.is_initializing(now)) {
            return Err(Refusal::state(id, "being copied"));
        }
        Ok((source.zone.clone(), source.data_bytes))
    }
}

/// `CopyVolumes` takes no zone.
fn without_zone_of_copy(order: &VolumeOrder) -> VolumeOrder {
    let zone = match order.origin {
        VolumeOrigin::Snapshot { .. } => order.zone.clone(),
        VolumeOrigin::Volume { .. } => String::new(),
    };
    VolumeOrder { zone, ..order.clone() }
}

/// What can be said without looking at anything else.
fn check(order: &VolumeOrder) -> Result<(), Refusal> {
    let is_token = |byte: u8| byte.is_ascii_graphic();
    if !(1..=64).contains(&order.token.len()) || !order.token.bytes().all(is_token) {
        return Err(Refusal::parameter("ClientToken has to have 1 to 64 ASCII characters"));
    }
    if !SIZES.contains(&order.size_gib) {
        return Err(Refusal::parameter("Size has to be 1 to 65536"));
    }
    let VolumeOrigin::Snapshot { initialization_mib, .. } = order.origin else { return Ok(()) };
    if initialization_mib.is_some_and(|rate| !RATES.contains(&rate)) {
        return Err(Refusal::parameter("VolumeInitializationRate has to be 100 to 300"));
    }
    if !ZONES.iter().any(|(id, _)| *id == order.zone) {
        return Err(Refusal::parameter("there is no such AvailabilityZoneId"));
    }
    Ok(())
}

fn check_size(order: &VolumeOrder, least: u32) -> Result<(), Refusal> {
    if order.size_gib < least {
        return Err(Refusal::parameter("Size is smaller than that of the source"));
    }
    Ok(())
}
