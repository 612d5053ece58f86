//! The ports of caches: EC2's part of snapshots and volumes. What is inside a snapshot is another port's, in the crate
//! `watchkeeper-volume`.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::failure::Failure;

/// A snapshot as EC2 describes it (`DescribeSnapshots`).
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Snapshot {
    /// `snap-…`.
    pub id: String,
    /// Whether it can be read.
    pub state: SnapshotState,
    /// EC2's words about a failure, or empty.
    pub message: String,
    /// The size of its volume, in GiB.
    pub size_gib: u32,
    /// How many bytes of data it has, where EC2 says so (`FullSnapshotSizeInBytes`): what a copy and initialization are
    /// billed by.
    pub full_bytes: Option<u64>,
    /// When it was started.
    pub started_at: Option<Timestamp>,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
}

/// The state of a snapshot.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SnapshotState {
    /// Being written, or being sealed.
    Pending,
    /// It can be read.
    Completed,
    /// It never can: failed, cancelled by EBS.
    Error,
    /// In an archive or a recycle bin: it cannot be read as it is.
    Elsewhere,
}

/// A copy of a snapshot in another Region.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct SnapshotCopy {
    /// The snapshot.
    pub snapshot: String,
    /// Its Region.
    pub from: String,
    /// The Region of the copy.
    pub to: String,
    /// What the copy says of itself.
    pub description: String,
    /// The tags of the copy. `CopySnapshot` knows no client token: an earlier attempt is found by them.
    pub tags: BTreeMap<String, String>,
}

/// EC2's part of snapshots: `ec2:DescribeSnapshots`, `DeleteSnapshot`, `CopySnapshot`, `CreateTags` on what is made.
/// Deleting and copying go through the leash. An implementation waits at most 10 s an attempt and tries three times; it
/// copies once, since a repeat could make a second copy.
#[expect(async_fn_in_trait, reason = "functions run on one thread, so futures need not be Send")]
pub trait Archive {
    /// The snapshot `id` of this account in `region`, if there is one.
    async fn snapshot(&self, region: &str, id: &str) -> Result<Option<Snapshot>, Failure>;
    /// The snapshots of this account in `region` that carry the tag, all pages.
    async fn snapshots(&self, region: &str, tag: (&str, &str)) -> Result<Vec<Snapshot>, Failure>;
    /// Copies a snapshot, and returns the id of the copy. It is not idempotent: look for the tags first.
    async fn copy_snapshot(&self, copy: &SnapshotCopy) -> Result<String, Failure>;
    /// Deletes the snapshot `id` in `region`. Nothing happens to one that is not there.
    async fn delete_snapshot(&self, region: &str, id: &str) -> Result<(), Failure>;
}

/// A volume as EC2 describes it (`DescribeVolumes`, and `DescribeVolumeStatus` for its initialization).
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Volume {
    /// `vol-…`.
    pub id: String,
    /// Its state.
    pub state: VolumeState,
    /// The id of its Availability Zone.
    pub zone: String,
    /// The snapshot that it was made from, if it was.
    pub snapshot: Option<String>,
    /// The volume that it is a copy of, if it is.
    pub source: Option<String>,
    /// How fast it is filled, in MiB/s, where that was asked for.
    pub initialization_mib: Option<u32>,
    /// How much of it is filled, in percent; `None` where nobody says.
    pub initialized: Option<u8>,
    /// The instances that it is attached to.
    pub attached_to: Vec<String>,
    /// When it was made.
    pub created_at: Option<Timestamp>,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
}

/// The state of a volume.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum VolumeState {
    /// Not yet to be used.
    Creating,
    /// Attached to nothing.
    Available,
    /// Attached.
    InUse,
    /// On its way out.
    Deleting,
    /// Gone.
    Deleted,
    /// It failed.
    Error,
}

/// The volume that is asked for: gp3.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct VolumeOrder {
    /// What it is made of.
    pub origin: VolumeOrigin,
    /// The id of its Availability Zone.
    pub zone: String,
    /// Its size, in GiB.
    pub size_gib: u32,
    /// `ClientToken`: orders with the same token and the same fields are one volume. At most 64 ASCII characters.
    pub token: String,
    /// Its tags; among them [`crate::cache::CACHE_TAG`] and [`crate::cache::TOKEN_TAG`].
    pub tags: BTreeMap<String, String>,
}

/// What a volume is made of.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum VolumeOrigin {
    /// A snapshot (`CreateVolume`), filled at this rate in MiB/s, where one is given.
    Snapshot {
        /// Its id.
        id: String,
        /// 100 to 300.
        initialization_mib: Option<u32>,
    },
    /// Another volume in the same zone (`CopyVolumes`).
    Volume {
        /// Its id.
        id: String,
    },
}

/// What came of an order.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Made {
    /// The volume, by its id.
    Volume(String),
    /// EC2 will not: a limit, or a token that is used up. Asking again at once is of no use.
    Refused {
        /// EC2's error code: `CopyVolumesLimitExceeded`, `IdempotentParameterMismatch`.
        code: String,
        /// EC2's words.
        message: String,
    },
}

/// Volumes: `ec2:DescribeVolumes`, `DescribeVolumeStatus`, `CreateVolume`, `CopyVolumes`, `DeleteVolume`, `CreateTags`
/// on what is made. Making and deleting go through the leash. An implementation waits at most 10 s an attempt and tries
/// three times.
#[expect(async_fn_in_trait, reason = "functions run on one thread, so futures need not be Send")]
pub trait Volumes {
    /// The volume `id`, if there is one.
    async fn volume(&self, id: &str) -> Result<Option<Volume>, Failure>;
    /// The volumes that carry the tag, all pages; without those that are deleted.
    async fn volumes(&self, tag: (&str, &str)) -> Result<Vec<Volume>, Failure>;
    /// Makes a volume, once however often it is asked with the same token.
    async fn make(&self, order: &VolumeOrder) -> Result<Made, Failure>;
    /// Deletes the volume `id`. Nothing happens to one that is not there.
    async fn delete_volume(&self, id: &str) -> Result<(), Failure>;
}
