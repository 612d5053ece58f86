//! Whether a finished snapshot is what it should be.

use std::sync::Arc;

use jiff::Timestamp;
use sha2::{Digest as _, Sha256};
use watchkeeper_domain::failure::Failure;

use super::{Done, Receipt, aside, digest_of};
use crate::{
    device::Device,
    ext4::{Audit, Refusal, Volume},
    snapshots::{Digest, SnapshotId, Snapshots},
};

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
    /// Something in its filesystem cannot be read as what it should be.
    #[error("its filesystem cannot be read: {0}")]
    Unreadable(String),
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
    verify_with(snapshots, (parent, receipt), (|_: &Volume<S>| Ok(Ok(done)), now), memory).await
}

/// [`verify`], where what was done is found out on the completed snapshot itself: it stands in a file there, whose
/// digest somebody has kept. What `done` finds wrong with that file is a fault of the snapshot.
///
/// # Errors
/// As [`verify`], and those of `done`.
pub async fn verify_with<S: Snapshots>(
    snapshots: &S,
    (parent, receipt): (Option<&SnapshotId>, &Receipt),
    (done, now): (
        impl FnOnce(&Volume<S>) -> Result<Result<Done, Fault>, Failure> + Send + 'static,
        Timestamp,
    ),
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
    let mut checked = aside(move || check(child, done, now)).await?;
    faults.append(&mut checked.faults);
    if faults.is_empty() {
        Ok(Verdict::Sound { files: checked.files, bytes: checked.bytes, read: progress.counts().read })
    } else {
        Ok(Verdict::Unsound(faults))
    }
}

/// What came of looking at the filesystem.
#[derive(Default)]
struct Checked {
    faults: Vec<Fault>,
    files: usize,
    bytes: u64,
}

/// Looks at the filesystem. What cannot be understood is a fault; what cannot be read from EBS is none.
fn check<S: Snapshots>(
    device: Arc<Device<S>>,
    done: impl FnOnce(&Volume<S>) -> Result<Result<Done, Fault>, Failure>,
    now: Timestamp,
) -> Result<Checked, Failure> {
    let mut checked = Checked::default();
    match checked.look(device, done, now) {
        Ok(()) => {}
        Err(failure) if failure.source.is::<fs_ext4::Error>() => {
            checked.faults.push(Fault::Unreadable(failure.chain()));
        }
        Err(failure) => match Refusal::of(&failure) {
            Some(refusal) => checked.faults.push(Fault::Refused(refusal.clone())),
            None => return Err(failure),
        },
    }
    Ok(checked)
}

impl Checked {
    fn look<S: Snapshots>(
        &mut self,
        device: Arc<Device<S>>,
        done: impl FnOnce(&Volume<S>) -> Result<Result<Done, Fault>, Failure>,
        now: Timestamp,
    ) -> Result<(), Failure> {
        let volume = Volume::open_read_only(device, now)?;
        let done = match done(&volume)? {
            Ok(done) => done,
            Err(fault) => {
                self.faults.push(fault);
                Done::default()
            }
        };
        volume.warm_reads(done.written.iter().map(|file| file.path.as_str()), false)?;
        let audit = volume.audit()?;
        if !audit.is_clean() {
            self.faults.push(Fault::Damaged(audit));
        }
        self.files = done.written.len();
        self.bytes = done.written.iter().map(|file| file.size).sum();
        self.compare(&volume, &done)
    }

    /// Finds what is not as it was done.
    fn compare<S: Snapshots>(&mut self, volume: &Volume<S>, done: &Done) -> Result<(), Failure> {
        for file in &done.written {
            let fault = |cause| Fault::Content { path: file.path.clone(), cause };
            let mut hash = Sha256::new();
            match volume.read_with(&file.path, |piece| hash.update(piece)) {
                Ok(size) if size != file.size => {
                    self.faults.push(fault(format!("{size} bytes, not {}", file.size)));
                }
                Ok(_) if Digest(hash.finalize().into()) != file.digest => {
                    self.faults.push(fault("other bytes".into()));
                }
                Ok(_) => {}
                Err(failure) if failure.source.is::<fs_ext4::Error>() => {
                    self.faults.push(fault(failure.chain()));
                }
                Err(failure) => return Err(failure),
            }
        }
        for path in &done.removed {
            if volume.exists(path)? {
                self.faults.push(Fault::Left(path.clone()));
            }
        }
        Ok(())
    }
}
