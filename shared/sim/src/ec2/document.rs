//! Snapshots and volumes as the API shows them.

use std::collections::BTreeMap;

use jiff::Timestamp;
use watchkeeper_domain::ports::{Snapshot, SnapshotState, VolumeState};

use super::{
    ZONES,
    volume::Stored,
    xml::{Element, elements, list, text},
};

pub(super) fn snapshot(it: &Snapshot) -> Vec<Element> {
    let status = match it.state {
        SnapshotState::Pending => "pending",
        SnapshotState::Completed => "completed",
        SnapshotState::Error => "error",
        SnapshotState::Elsewhere => "recoverable",
    };
    let mut snapshot = vec![
        text("snapshotId", &it.id),
        text("status", status),
        text("statusMessage", &it.message),
        text("volumeSize", it.size_gib),
        text("storageTier", "standard"),
        tags(&it.tags),
    ];
    snapshot.extend(it.full_bytes.map(|bytes| text("fullSnapshotSizeInBytes", bytes)));
    snapshot.extend(it.started_at.map(|at| text("startTime", at)));
    snapshot
}

pub(super) fn volume(it: &Stored, now: Timestamp) -> Vec<Element> {
    let shown = it.show(now);
    let name = ZONES.iter().find(|(id, _)| *id == it.zone).map_or("", |(_, name)| name);
    let attachments = shown.attached_to.iter().map(|instance| {
        vec![text("volumeId", &it.id), text("instanceId", instance), text("status", "attached")]
    });
    let mut volume = vec![
        text("volumeId", &it.id),
        text("status", state(shown.state)),
        text("size", it.size_gib),
        text("volumeType", "gp3"),
        text("snapshotId", shown.snapshot.unwrap_or_default()),
        text("availabilityZone", name),
        text("availabilityZoneId", &it.zone),
        text("createTime", it.created_at),
        list("attachmentSet", attachments),
        tags(&it.tags),
    ];
    volume.extend(shown.source.map(|source| text("sourceVolumeId", source)));
    volume.extend(shown.initialization_mib.map(|rate| text("volumeInitializationRate", rate)));
    volume
}

pub(super) fn status(it: &Stored, now: Timestamp) -> Vec<Element> {
    let sort = match (it.source(), it.rate()) {
        (Some(_), _) => "volume-copy",
        (None, Some(_)) => "provisioned-rate",
        (None, None) => "default",
    };
    let initialization = vec![text("initializationType", sort), text("progress", it.progress(now))];
    vec![text("volumeId", &it.id), elements("initializationStatusDetails", initialization)]
}

fn tags(tags: &BTreeMap<String, String>) -> Element {
    list("tagSet", tags.iter().map(|(key, value)| vec![text("key", key), text("value", value)]))
}

fn state(state: VolumeState) -> &'static str {
    match state {
        VolumeState::Creating => "creating",
        VolumeState::Available => "available",
        VolumeState::InUse => "in-use",
        VolumeState::Deleting => "deleting",
        VolumeState::Deleted => "deleted",
        VolumeState::Error => "error",
    }
}
