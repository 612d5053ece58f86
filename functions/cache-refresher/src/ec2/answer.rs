//! The SDK's types as the domain's. An answer without an id, or with a state that nobody knows, is none.

use std::collections::BTreeMap;

use aws_sdk_ec2::{
    primitives::DateTime,
    types::{self, StorageTier, Tag, VolumeAttachment, VolumeStatusItem},
};
use jiff::Timestamp;
use watchkeeper_domain::ports::{Snapshot, SnapshotState, Volume, VolumeState};

/// What an answer lacks.
#[derive(Debug)]
pub(super) struct Lacking(&'static str);

impl std::fmt::Display for Lacking {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "an answer without {}", self.0)
    }
}

impl std::error::Error for Lacking {}

pub(super) fn snapshot(it: types::Snapshot) -> Result<Snapshot, Lacking> {
    let size_gib = it.volume_size.and_then(|size| size.try_into().ok());
    Ok(Snapshot {
        id: it.snapshot_id.ok_or(Lacking("the snapshot's id"))?,
        state: snapshot_state(it.state.as_ref(), it.storage_tier.as_ref()),
        message: it.state_message.unwrap_or_default(),
        size_gib: size_gib.ok_or(Lacking("the snapshot's size"))?,
        full_bytes: it.full_snapshot_size_in_bytes.and_then(|bytes| bytes.try_into().ok()),
        started_at: it.start_time.as_ref().and_then(timestamp),
        tags: sorted(it.tags),
    })
}

pub(super) fn volume(it: types::Volume) -> Result<Volume, Lacking> {
    let zone = it.availability_zone_id.or(it.availability_zone);
    Ok(Volume {
        id: it.volume_id.ok_or(Lacking("the volume's id"))?,
        state: volume_state(it.state.as_ref()).ok_or(Lacking("a state that is known"))?,
        zone: zone.unwrap_or_default(),
        snapshot: it.snapshot_id.filter(|id| !id.is_empty()),
        source: it.source_volume_id.filter(|id| !id.is_empty()),
        initialization_mib: it.volume_initialization_rate.and_then(|rate| rate.try_into().ok()),
        initialized: None,
        attached_to: it.attachments.unwrap_or_default().into_iter().map(holder).collect(),
        created_at: it.create_time.as_ref().and_then(timestamp),
        tags: sorted(it.tags),
    })
}

/// The volume, and how much of it is filled, in percent.
pub(super) fn progress(it: &VolumeStatusItem) -> Option<(String, u8)> {
    let progress = it.initialization_status_details.as_ref()?.progress?;
    Some((it.volume_id.clone()?, u8::try_from(progress).ok().filter(|percent| *percent <= 100)?))
}

/// What is archived, in the recycle bin or in a state that is not known can't be read as it is.
fn snapshot_state(state: Option<&types::SnapshotState>, tier: Option<&StorageTier>) -> SnapshotState {
    if tier == Some(&StorageTier::Archive) {
        return SnapshotState::Elsewhere;
    }
    match state {
        Some(types::SnapshotState::Pending) => SnapshotState::Pending,
        Some(types::SnapshotState::Completed) => SnapshotState::Completed,
        Some(types::SnapshotState::Error) => SnapshotState::Error,
        Some(_) | None => SnapshotState::Elsewhere,
    }
}

fn volume_state(state: Option<&types::VolumeState>) -> Option<VolumeState> {
    match state?.as_str() {
        "creating" => Some(VolumeState::Creating),
        "available" => Some(VolumeState::Available),
        "in-use" => Some(VolumeState::InUse),
        "deleting" => Some(VolumeState::Deleting),
        "deleted" => Some(VolumeState::Deleted),
        "error" => Some(VolumeState::Error),
        _ => None,
    }
}

/// The instance, or what AWS has attached it to instead (`VolumeAttachment`).
fn holder(it: VolumeAttachment) -> String {
    let holder = it.instance_id.or(it.associated_resource).or(it.instance_owning_service);
    holder.unwrap_or_else(|| "unnamed".to_owned())
}

fn timestamp(time: &DateTime) -> Option<Timestamp> {
    Timestamp::new(time.secs(), i32::try_from(time.subsec_nanos()).ok()?).ok()
}

fn sorted(tags: Option<Vec<Tag>>) -> BTreeMap<String, String> {
    let tags = tags.unwrap_or_default().into_iter();
    tags.filter_map(|tag| Some((tag.key?, tag.value.unwrap_or_default()))).collect()
}

#[cfg(test)]
mod tests {
    use aws_sdk_ec2::types::InitializationStatusDetails;

    use super::*;

    #[test]
    fn a_snapshot_that_is_not_at_hand_is_elsewhere() {
        let state = |state, tier| snapshot_state(Some(&types::SnapshotState::from(state)), tier);
        assert_eq!(state("completed", None), SnapshotState::Completed);
        assert_eq!(state("completed", Some(&StorageTier::Standard)), SnapshotState::Completed);
        assert_eq!(state("completed", Some(&StorageTier::Archive)), SnapshotState::Elsewhere);
        assert_eq!(state("recoverable", None), SnapshotState::Elsewhere);
        assert_eq!(state("in-a-museum", None), SnapshotState::Elsewhere);
        assert_eq!(snapshot_state(None, None), SnapshotState::Elsewhere);
    }

    #[test]
    fn the_zone_of_a_volume_may_be_told_by_its_name_and_its_state_has_to_be_known() {
        let known = types::Volume::builder()
            .volume_id("vol-1")
            .state(types::VolumeState::Available)
            .availability_zone("eu-west-1a")
            .snapshot_id("");
        let named = volume(known.clone().build()).unwrap();
        assert_eq!((named.zone.as_str(), named.snapshot, named.source), ("eu-west-1a", None, None));
        let with_id = known.clone().availability_zone_id("euw1-az1").build();
        assert_eq!(volume(with_id).unwrap().zone, "euw1-az1");
        let odd = volume(known.clone().state("resting".into()).build()).unwrap_err();
        assert_eq!(odd.to_string(), "an answer without a state that is known");
        assert_eq!(volume(known.set_availability_zone(None).build()).unwrap().zone, "", "as moto has it");
    }

    #[test]
    fn whatever_holds_a_volume_is_named() {
        let held = VolumeAttachment::builder().associated_resource("arn:aws:ecs:task").build();
        assert_eq!(holder(held), "arn:aws:ecs:task");
        assert_eq!(holder(VolumeAttachment::builder().build()), "unnamed");
    }

    #[test]
    fn a_progress_is_a_percentage() {
        let of = |percent| {
            let details = InitializationStatusDetails::builder().set_progress(percent).build();
            let item = VolumeStatusItem::builder().volume_id("vol-1").initialization_status_details(details);
            progress(&item.build()).map(|(_, percent)| percent)
        };
        assert_eq!([of(Some(0)), of(Some(100)), of(Some(101)), of(None)], [Some(0), Some(100), None, None]);
    }
}
