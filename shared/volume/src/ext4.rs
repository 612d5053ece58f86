//! The ext4 filesystem on a device: opened if it can be written without harm, or made; and what is done to its files.
//!
//! Everything here is synchronous and reads through the device: call it on a blocking thread ([`crate::night::edit`]
//! does). Paths begin at the root of the volume, with or without a `/`, and have neither `.` nor `..`. Symbolic links
//! are not followed.
//!
//! What came of trying it out, and is kept to here:
//!
//! | trap | what is done |
//! |---|---|
//! | replacing a file larger than the journal fails | it is emptied, and written in pieces of 4 MiB |
//! | a journal writes every byte twice | [`Volume::format`] makes none |
//! | a file takes nine flushes | the device has none: all or nothing is the snapshot's |
//! | a journal that is replayed leaves old sums in the superblock | refused: [`Refusal::NotClean`] |
//! | new files belong to root | owner and mode are given with each file |
//! | the clock | is the caller's, and so are the times of files |
//! | directories cost the square of their size | no more is added to one of [`FULL`] bytes |

mod files;
mod format;
mod look;
mod path;
mod refusal;
mod walk;
mod warm;

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use fs_ext4::{Filesystem, Superblock, block_io::BlockDevice, runtime::Runtime};
use jiff::Timestamp;
use watchkeeper_domain::failure::Failure;

pub use self::{
    files::{Attributes, FULL, Written},
    look::{Audit, Entry, Kind, Space, Stat},
    refusal::Refusal,
};
use crate::{
    device::{Device, ReadOnly},
    snapshots::Snapshots,
};

/// The filesystem, opened. It is left as it was until something is written; [`Volume::finish`] then makes it clean
/// again.
pub struct Volume<S> {
    filesystem: Filesystem,
    device: Arc<Device<S>>,
}

/// The time and the inode generations of one run: the same run gives the same bytes.
struct Clock {
    now: i64,
    generation: AtomicU32,
}

impl<S: Snapshots> Volume<S> {
    /// Opens the filesystem to write to it. `now` is the time that everything done to it gets: that of the run, the
    /// same when it is repeated.
    ///
    /// # Errors
    /// With a [`Refusal`] as its source, when the filesystem cannot be written without harm; nothing has changed then.
    /// When a block cannot be read.
    pub fn open(device: Arc<Device<S>>, now: Timestamp) -> Result<Self, Failure> {
        Self::look(&device, now)?;
        let filesystem = mount(&device, Arc::<Device<S>>::clone(&device), now)?;
        Ok(Self { filesystem, device })
    }

    /// Opens the filesystem to look at it. It refuses what [`Volume::open`] refuses, and every write.
    ///
    /// # Errors
    /// As [`Volume::open`].
    pub fn open_read_only(device: Arc<Device<S>>, now: Timestamp) -> Result<Self, Failure> {
        let filesystem = Self::look(&device, now)?;
        Ok(Self { filesystem, device })
    }

    /// Makes a filesystem on a device that is blank, and opens it. It has no journal, and 64-bit block numbers and
    /// checksums. Blocks of zeros are not written, so that it has a few dozen, whatever its size.
    ///
    /// # Errors
    /// When the device is too small.
    pub fn format(
        device: Arc<Device<S>>,
        label: &str,
        uuid: [u8; 16],
        now: Timestamp,
    ) -> Result<Self, Failure> {
        format::format(device.as_ref(), label, uuid)
            .map_err(|error| failure("format", "the new volume", error))?;
        Self::open(device, now)
    }

    /// Ends the work: the filesystem says that it is clean. The device holds what is to be uploaded.
    ///
    /// # Errors
    /// When something went wrong while writing. The device must not be uploaded then.
    pub fn finish(self) -> Result<(), Failure> {
        self.filesystem.finish().map_err(|error| failure("finish", "the filesystem", error))
    }

    /// Looks whether the filesystem can be written, without writing.
    fn look(device: &Arc<Device<S>>, now: Timestamp) -> Result<Filesystem, Failure> {
        let superblock = Superblock::read(device.as_ref()).map_err(|error| damaged(device, error))?;
        if let Some(refusal) = refusal::of_superblock(&superblock) {
            return Err(refused(device, refusal));
        }
        warm::descriptors(device, &superblock)?;
        let filesystem = mount(device, Arc::new(ReadOnly(Arc::clone(device))), now)?;
        match refusal::of_journal(&filesystem).map_err(|error| damaged(device, error))? {
            Some(refusal) => Err(refused(device, refusal)),
            None => Ok(filesystem),
        }
    }
}

fn mount<S: Snapshots>(
    device: &Device<S>,
    blocks: Arc<dyn BlockDevice>,
    now: Timestamp,
) -> Result<Filesystem, Failure> {
    // A seed that moves with the time of the run, so that an inode that is used again is not taken for the old one.
    let generation = AtomicU32::new(now.as_second().cast_unsigned() as u32);
    let clock = Clock { now: now.as_second(), generation };
    Filesystem::mount_with_runtime(blocks, Arc::new(clock)).map_err(|error| damaged(device, error))
}

impl Runtime for Clock {
    fn now_unix_seconds(&self) -> i64 {
        self.now
    }

    fn next_inode_generation(&self) -> u32 {
        self.generation.fetch_add(1, Ordering::Relaxed)
    }
}

/// What the crate's error says, with the cause that the device gave it.
fn failure(operation: &'static str, subject: impl Into<String>, error: fs_ext4::Error) -> Failure {
    if let fs_ext4::Error::Io(error) = error {
        return match error.into_inner() {
            Some(cause) => Failure::new(operation, subject, cause),
            None => Failure::new(operation, subject, "the device failed"),
        };
    }
    Failure::new(operation, subject, error)
}

/// An error while the filesystem is opened: it is damaged, unless the device could not be read.
fn damaged<S: Snapshots>(device: &Device<S>, error: fs_ext4::Error) -> Failure {
    if matches!(error, fs_ext4::Error::Io(_)) {
        return failure("open", subject(device), error);
    }
    refused(device, Refusal::Damaged(error.to_string()))
}

fn refused<S: Snapshots>(device: &Device<S>, refusal: Refusal) -> Failure {
    Failure::new("open", subject(device), refusal)
}

fn subject<S: Snapshots>(device: &Device<S>) -> String {
    let parent = device.parent().map_or_else(|| "the new volume".to_owned(), ToString::to_string);
    format!("the filesystem of {parent}")
}
