//! A snapshot as a block device: blocks are read when they are needed, and what is written stays in memory until it is
//! uploaded.
//!
//! | a block that… | in memory | when memory runs short |
//! |---|---|---|
//! | the snapshot does not have | is zeros, and costs neither a call nor room | |
//! | was read | its pages that are not zeros | goes first; it can be read again |
//! | was written in part | the same | keeps only the pages that were written |
//! | was written whole, by files that are finished | all of it | is put ahead of the others |
//!
//! What has been put cannot be read back, since the snapshot is pending: reading or writing such a block is an error.
//! It cannot happen while every file is written once a run, because only blocks that finished files fill to the last
//! byte are put ahead: nothing else in them can change. Writing a file a second time may hit one, and then fails loudly.
//!
//! The filesystem is synchronous, so it calls the device on a blocking thread ([`tokio::task::spawn_blocking`]), which
//! waits there for the client; the runtime goes on meanwhile. In an async context the device would panic.

mod access;
mod pages;
mod send;
mod spare;
mod state;
mod store;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::{StreamExt, TryStreamExt, stream};
use tokio::{runtime::Handle, task::JoinSet};
use watchkeeper_domain::failure::Failure;

pub(crate) use self::access::ReadOnly;
use self::{
    access::{clamp, pieces},
    state::{Room, State},
};
use crate::{
    progress::Progress,
    snapshots::{BLOCK, BlockIndex, Got, IN_FLIGHT, Listing, SnapshotId, Snapshots},
};

/// How much memory a device may take for blocks, in bytes, unless the caller says otherwise. With what is on its way
/// ([`IN_FLIGHT`] blocks, 64 MiB) and a listing of some MB it stays under 300 MB.
pub const MEMORY: usize = 200 * 1024 * 1024;

/// The least that works: some blocks that are needed at the same time.
const LEAST_MEMORY: usize = 16 * BLOCK;
/// How often a block is asked for when its token turns out stale each time.
const LISTINGS: usize = 3;

/// Why a device takes no more: what changed is more than its memory holds, and it may not be put ahead.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("what changed needs more than {} MiB of memory", self.memory >> 20)]
pub struct Full {
    /// What it may take, in bytes.
    pub memory: usize,
}

/// The device. It is shared by the filesystem, which reads and writes, and the night, which uploads.
#[derive(Debug)]
pub struct Device<S> {
    snapshots: S,
    parent: Option<SnapshotId>,
    size: u64,
    memory: usize,
    runtime: Handle,
    state: Arc<Mutex<State>>,
    relist: tokio::sync::Mutex<()>,
    /// The blocks that are being put ahead of the others.
    ahead: tokio::sync::Mutex<JoinSet<Result<(), Failure>>>,
    progress: Arc<Progress>,
}

impl Full {
    /// Whether it is the cause of `failure`, which may be one of the filesystem above the device.
    pub fn is_cause_of(failure: &Failure) -> bool {
        failure.source.is::<Self>() || failure.source.downcast_ref::<Failure>().is_some_and(Self::is_cause_of)
    }
}

impl<S: Snapshots> Device<S> {
    /// The volume of the completed snapshot `parent`. Its blocks are listed, and none is read yet. `memory` is
    /// [`MEMORY`] or another number of bytes.
    ///
    /// # Errors
    /// When the snapshot cannot be listed, or lists a block outside its volume.
    pub async fn open(snapshots: S, parent: &SnapshotId, memory: usize) -> Result<Arc<Self>, Failure> {
        let listing = snapshots.list(parent).await?;
        if let Some(index) = listing.outside() {
            let cause = format!("block {index} lies outside the volume");
            return Err(Failure::new("open", parent.as_str(), cause));
        }
        Ok(Self::new(snapshots, Some(parent.clone()), listing, memory))
    }

    /// A volume of zeros, of `size_gib` GiB, for the first snapshot of a line. Called in an async context, as
    /// [`Device::open`] is.
    pub fn blank(snapshots: S, size_gib: u32, memory: usize) -> Arc<Self> {
        Self::new(snapshots, None, Listing::new(size_gib), memory)
    }

    fn new(snapshots: S, parent: Option<SnapshotId>, listing: Listing, memory: usize) -> Arc<Self> {
        Arc::new(Self {
            snapshots,
            parent,
            size: listing.size(),
            memory: memory.max(LEAST_MEMORY),
            runtime: Handle::current(),
            state: Arc::new(Mutex::new(State::new(listing))),
            relist: tokio::sync::Mutex::default(),
            ahead: tokio::sync::Mutex::default(),
            progress: Arc::default(),
        })
    }

    /// The snapshot that is read, if there is one.
    pub fn parent(&self) -> Option<&SnapshotId> {
        self.parent.as_ref()
    }

    /// The size of the volume, in bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// How far the work is.
    pub fn progress(&self) -> Arc<Progress> {
        Arc::clone(&self.progress)
    }

    /// How many blocks have changed so far. Some of them may turn out to be what the parent has.
    pub fn changed(&self) -> usize {
        self.lock().changed()
    }

    /// The most memory that blocks, their listing and what was on its way have taken at once, in bytes.
    pub fn peak_memory(&self) -> usize {
        self.lock().peak()
    }

    /// Allows blocks to be put into the pending snapshot `to` before [`Device::upload`], when memory runs short. Without
    /// it, more changes than memory holds are an error.
    pub fn send_ahead(&self, to: &SnapshotId) {
        self.lock().ahead = Some(to.clone());
    }

    /// Reads the blocks that hold these ranges of bytes (offset, length), as many at once as the pace allows. Blocks
    /// that are in memory or not in the snapshot cost nothing.
    ///
    /// # Errors
    /// When a block cannot be read.
    pub async fn prefetch(&self, ranges: impl IntoIterator<Item = (u64, u64)>) -> Result<(), Failure> {
        let wanted = {
            let state = self.lock();
            let mut wanted: Vec<BlockIndex> = ranges
                .into_iter()
                .flat_map(|(offset, length)| blocks_of(offset, length))
                .filter(|index| state.is_remote(*index))
                .collect();
            wanted.sort_unstable();
            wanted.dedup();
            wanted.truncate(self.memory / BLOCK / 2);
            wanted
        };
        let loads = stream::iter(wanted).map(|index| self.load(index));
        loads.buffer_unordered(IN_FLIGHT).try_collect::<()>().await
    }

    /// [`Device::prefetch`] on a blocking thread.
    pub(crate) fn prefetch_now(&self, ranges: impl IntoIterator<Item = (u64, u64)>) -> Result<(), Failure> {
        self.runtime.block_on(self.prefetch(ranges))
    }

    /// The blocks that the parent has.
    pub(crate) fn listed(&self) -> Vec<BlockIndex> {
        self.lock().blocks_listed()
    }

    /// Notes that nobody reads or writes these bytes before the snapshot is complete: they are those of a finished
    /// file.
    pub fn settle(&self, offset: u64, length: u64) {
        let mut state = self.lock();
        for (index, within, piece) in pieces(offset, clamp(length)) {
            state.settle(index, within, piece.len());
        }
    }

    /// Reads a block from the parent, unless it is there.
    async fn load(&self, index: BlockIndex) -> Result<(), Failure> {
        let Some(parent) = &self.parent else { return Ok(()) };
        for _ in 0..LISTINGS {
            let (token, listed) = match self.lock().token(index) {
                Some(found) => found,
                None => return Ok(()),
            };
            match self.snapshots.get(parent, index, &token).await? {
                Got::Block(block) => {
                    self.progress.read();
                    let mut state = self.lock();
                    state.fill(index, &block);
                    state.drop_clean(self.memory, Some(index));
                    return Ok(());
                }
                Got::StaleToken => self.list_again(parent, listed).await?,
            }
        }
        let subject = format!("block {index} of {parent}");
        Err(Failure::new("read", subject, "its token is stale however often the blocks are listed"))
    }

    /// Lists the parent's blocks again, once for all that find their token stale. `seen` is the listing that they
    /// have it from.
    async fn list_again(&self, parent: &SnapshotId, seen: u64) -> Result<(), Failure> {
        let _one_at_a_time = self.relist.lock().await;
        if self.lock().listed() == seen {
            let listing = self.snapshots.list(parent).await?;
            self.lock().relist(listing);
        }
        Ok(())
    }

    /// Makes room once more memory is taken than is allowed.
    fn make_room(&self) -> Result<(), Failure> {
        loop {
            let room = self.lock().make_room(self.memory);
            match room {
                Room::Enough => return Ok(()),
                Room::Send(to, blocks) => self.put_ahead(&to, blocks)?,
                Room::Wait if self.runtime.block_on(self.wait_for_room())? => {}
                Room::Wait | Room::Full => {
                    return Err(Failure::new("write", self.subject(), Full { memory: self.memory }));
                }
            }
        }
    }

    fn subject(&self) -> String {
        self.parent.as_ref().map_or_else(|| "the new volume".to_owned(), ToString::to_string)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn blocks_of(offset: u64, length: u64) -> impl Iterator<Item = BlockIndex> {
    let last = BlockIndex::holding(offset.saturating_add(length.max(1) - 1));
    (BlockIndex::holding(offset).0..=last.0).map(BlockIndex)
}
