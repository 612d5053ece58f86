//! One refresh from end to end: start, edit, upload, complete, verify.
//!
//! | step | repeated | what the caller keeps |
//! |---|---|---|
//! | [`Snapshots::start`] | gives the same snapshot, by its token | the snapshot's id |
//! | [`edit`], or [`make`] the first time | gives the same bytes, from the same parent, plan and time | |
//! | [`upload`] | puts the same blocks again | the [`Receipt`] |
//! | [`Snapshots::complete`] | not: see there | that it was asked for |
//! | [`verify()`], once EBS says `completed` | reads only | the verdict |
//!
//! A run that was killed while it uploaded is begun again from `edit`, with the same snapshot. If by then it would do
//! something else, blocks that only the first run has put are in the snapshot too: `complete` fails, since their number
//! is wrong, and the next attempt needs another token.

mod verify;

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use watchkeeper_domain::failure::Failure;

pub use self::verify::{Fault, Verdict, verify, verify_with};
use crate::{
    device::Device,
    ext4::{Volume, Written},
    snapshots::{BlockIndex, Digest, SnapshotId, Snapshots},
};

/// What was put into a snapshot.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Receipt {
    /// The snapshot.
    pub snapshot: SnapshotId,
    /// How many blocks were put.
    pub blocks: u32,
    /// The SHA-256 over their digests in the order of their indexes, which `complete` gives to EBS.
    pub checksum: Digest,
    /// The SHA-256 over their indexes, ascending, each as four bytes, the lowest first.
    pub indexes: Digest,
}

/// What a run has done to the files, as far as it is compared.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Done {
    /// The files that were written.
    pub written: Vec<Written>,
    /// The paths that were removed.
    pub removed: Vec<String>,
}

/// Opens the filesystem on a thread where it may wait, lets `edit` work on it, and ends the work. If it fails, the
/// device must not be uploaded.
///
/// # Errors
/// Those of [`Volume::open`], of `edit`, and of [`Volume::finish`].
pub async fn edit<S: Snapshots, T: Send + 'static>(
    device: &Arc<Device<S>>,
    now: Timestamp,
    edit: impl FnOnce(&Volume<S>) -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    let device = Arc::clone(device);
    aside(move || {
        let volume = Volume::open(device, now)?;
        let done = edit(&volume)?;
        volume.finish()?;
        Ok(done)
    })
    .await
}

/// The same for the first snapshot of a line: makes the filesystem (see [`Volume::format`]) on a blank device first.
///
/// # Errors
/// Those of [`Volume::format`], of `edit`, and of [`Volume::finish`].
pub async fn make<S: Snapshots, T: Send + 'static>(
    device: &Arc<Device<S>>,
    (label, uuid, now): (&str, [u8; 16], Timestamp),
    edit: impl FnOnce(&Volume<S>) -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    let (device, label) = (Arc::clone(device), label.to_owned());
    aside(move || {
        let volume = Volume::format(device, &label, uuid, now)?;
        let done = edit(&volume)?;
        volume.finish()?;
        Ok(done)
    })
    .await
}

/// Puts all blocks that changed into the pending snapshot. Where [`Device::changed`] is 0 there is nothing to start a
/// snapshot for.
///
/// # Errors
/// Those of [`Device::upload`].
pub async fn upload<S: Snapshots>(device: &Device<S>, snapshot: &SnapshotId) -> Result<Receipt, Failure> {
    let put = device.upload(snapshot).await?;
    let blocks = u32::try_from(put.len()).map_err(|error| Failure::new("count", snapshot.as_str(), error))?;
    Ok(Receipt {
        snapshot: snapshot.clone(),
        blocks,
        checksum: Digest::linear(put.values().copied()),
        indexes: digest_of(put.keys().copied()),
    })
}

/// Runs `work` on a thread where it may wait: there alone a [`Volume`] can be used.
///
/// # Errors
/// Those of `work`.
pub async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| Failure::new("use", "the filesystem", error))?
}

fn digest_of(indexes: impl Iterator<Item = BlockIndex>) -> Digest {
    let bytes: Vec<u8> = indexes.flat_map(|index| index.0.to_le_bytes()).collect();
    Digest::of(&bytes)
}
