//! One refresh from end to end: start, edit, upload, complete, verify.
//!
//! | step | repeated | what the caller keeps |
//! |---|---|---|
//! | [`Snapshots::start`] | gives the same snapshot, by its token | the snapshot's id |
//! | [`edit`], or [`make`] the first time | gives the same bytes, from the same parent, plan and time | |
//! | [`upload`] | puts the same blocks again | the [`Receipt`] |
//! | [`Snapshots::complete`] | not: see there | that it was asked for |
//! | [`verify`], once EBS says `completed` | reads only | the verdict |
//!
//! A run that was killed while it uploaded is begun again from `edit`, with the same snapshot. If by then it would do
//! something else, blocks that only the first run has put are in the snapshot too: `complete` fails, since their number
//! is wrong, and the next attempt needs another token.

use std::{collections::BTreeSet, sync::Arc};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use watchkeeper_domain::failure::Failure;

use crate::{
    device::Device,
    ext4::{Audit, Refusal, Volume, Written},
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

/// What is thought of a finished snapshot.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Verdict {
    /// It is what it should be.
    Sound {
        /// How many files were read back.
        files: usize,
        /// How many bytes they have.
        bytes: u64,
        /// How many blocks were read for it.
        read: u64,
    },
    /// It is not, and must not be used.
    Unsound(Vec<Fault>),
}

/// What is wrong with a finished snapshot.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Fault {
    /// Other blocks differ from the parent than those that were put.
    #[error("{found} blocks differ from the parent, and they are not the {put} that were put")]
    Blocks {
        /// How many were put.
        put: u32,
        /// How many differ.
        found: usize,
    },
    /// Its filesystem cannot be opened.
    #[error("its filesystem cannot be opened: {0}")]
    Refused(Refusal),
    /// The structure of its filesystem is wrong.
    #[error("its filesystem is damaged: {}", .0.findings.join(", "))]
    Damaged(Audit),
    /// A file that was written is not there, or is another.
    #[error("{path} is not what was written: {cause}")]
    Content {
        /// The file.
        path: String,
        /// In what it differs, or why it cannot be read.
        cause: String,
    },
    /// A path that was removed is there.
    #[error("{0} was removed and is there")]
    Left(String),
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

/// Reads a completed snapshot back: the blocks that differ from `parent` are those that were put, the filesystem can be
/// opened and its structure is sound, every file that was written has its content, and what was removed is gone.
/// `memory` is as for [`Device::open`].
///
/// # Errors
/// When the snapshot cannot be read. This says nothing about it.
pub async fn verify<S: Snapshots>(
    snapshots: &S,
    (parent, receipt): (Option<&SnapshotId>, &Receipt),
    (done, now): (Done, Timestamp),
    memory: usize,
) -> Result<Verdict, Failure> {
    let child = Device::open(snapshots.clone(), &receipt.snapshot, memory).await?;
    let changed = match parent {
        Some(parent) => snapshots.changed(parent, &receipt.snapshot).await?,
        None => child.listed(),
    };
    let mut faults = Vec::new();
    let is_put =
        changed.len() == receipt.blocks as usize && digest_of(changed.iter().copied()) == receipt.indexes;
    if !is_put {
        faults.push(Fault::Blocks { put: receipt.blocks, found: changed.len() });
    }
    let progress = child.progress();
    let (files, bytes) = (done.written.len(), done.written.iter().map(|file| file.size).sum());
    faults.extend(aside(move || check(child, &done, now)).await?);
    if faults.is_empty() {
        Ok(Verdict::Sound { files, bytes, read: progress.counts().read })
    } else {
        Ok(Verdict::Unsound(faults))
    }
}

/// What is wrong with the filesystem.
fn check<S: Snapshots>(device: Arc<Device<S>>, done: &Done, now: Timestamp) -> Result<Vec<Fault>, Failure> {
    let volume = match Volume::open_read_only(device, now) {
        Ok(volume) => volume,
        Err(failure) => match Refusal::of(&failure) {
            Some(refusal) => return Ok(vec![Fault::Refused(refusal.clone())]),
            None => return Err(failure),
        },
    };
    let paths: BTreeSet<&str> = done.written.iter().map(|file| file.path.as_str()).collect();
    volume.warm(paths)?;
    let mut faults = Vec::new();
    let audit = volume.audit()?;
    if !audit.is_clean() {
        faults.push(Fault::Damaged(audit));
    }
    for file in &done.written {
        let fault = |cause| Fault::Content { path: file.path.clone(), cause };
        let mut hash = Sha256::new();
        match volume.read_with(&file.path, |piece| hash.update(piece)) {
            Ok(size) if size != file.size => faults.push(fault(format!("{size} bytes, not {}", file.size))),
            Ok(_) if Digest(hash.finalize().into()) != file.digest => {
                faults.push(fault("other bytes".into()))
            }
            Ok(_) => {}
            Err(failure) if failure.source.is::<fs_ext4::Error>() => faults.push(fault(failure.chain())),
            Err(failure) => return Err(failure),
        }
    }
    for path in &done.removed {
        if volume.exists(path)? {
            faults.push(Fault::Left(path.clone()));
        }
    }
    Ok(faults)
}

/// Runs `work` on a thread where it may wait.
async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| Failure::new("use", "the filesystem", error))?
}

fn digest_of(indexes: impl Iterator<Item = BlockIndex>) -> Digest {
    let bytes: Vec<u8> = indexes.flat_map(|index| index.0.to_le_bytes()).collect();
    Digest::of(&bytes)
}
