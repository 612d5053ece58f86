//! A snapshot, and how it ages.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, OnceLock},
};

use hyper::body::Bytes;
use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};

use super::BLOCK_SIZE;

/// `StartSnapshot`, `Timeout`: "defaults to 60 minutes".
const TIMEOUT: SignedDuration = SignedDuration::from_mins(60);

/// A SHA-256.
pub(super) type Checksum = [u8; 32];

/// The blocks of a volume by index. What is absent is zeros.
pub(super) type Blocks = BTreeMap<u32, Arc<Block>>;

/// The data of one block, shared by all snapshots that have it.
#[derive(Debug)]
pub(super) struct Block {
    pub data: Bytes,
    checksum: OnceLock<Checksum>,
    /// The same for all that one Put has made of a block, whatever became of its data.
    origin: Arc<()>,
}

impl Block {
    pub fn new(data: Bytes) -> Self {
        Self { data, checksum: OnceLock::new(), origin: Arc::default() }
    }

    /// A block whose checksum is believed.
    pub fn with_checksum(data: Bytes, checksum: Checksum) -> Self {
        Self { data, checksum: OnceLock::from(checksum), origin: Arc::default() }
    }

    /// The block with other data, which no listing of changes shows.
    pub fn damaged(&self, data: Bytes, checksum: Option<Checksum>) -> Self {
        let checksum = checksum.map(OnceLock::from).unwrap_or_default();
        Self { data, checksum, origin: Arc::clone(&self.origin) }
    }

    /// Whether both were made by one Put. The same data put twice makes two.
    pub fn is_of_one_put(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.origin, &other.origin)
    }

    pub fn checksum(&self) -> &Checksum {
        self.checksum.get_or_init(|| Sha256::digest(&self.data).into())
    }
}

/// The state of a snapshot, as `DescribeSnapshots` (EC2) would show it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SnapshotState {
    /// Being written, or completed a moment ago.
    Pending,
    /// Readable, and never to change.
    Completed,
    /// Cancelled by its time-out. That it shows as `error` is a guess.
    Error,
}

impl SnapshotState {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Completed => "completed",
            Self::Error => "error",
        }
    }
}

/// A snapshot, as `DescribeSnapshots` (EC2) would show it, and its blocks.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Snapshot {
    /// `snap-…`.
    pub id: String,
    /// The one that it was started from.
    pub parent: Option<String>,
    /// The size of its volume in GiB.
    pub size_gib: u32,
    /// What it is now.
    pub state: SnapshotState,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// Its description.
    pub description: Option<String>,
    /// Whether it is encrypted; a child is as its parent.
    pub encrypted: bool,
    /// When it was started.
    pub started_at: Timestamp,
    /// How many blocks it has, inherited ones too.
    pub blocks: usize,
    /// The indexes of those that were put into it.
    pub written: BTreeSet<u32>,
}

#[derive(Clone, Debug)]
pub(super) struct Stored {
    pub parent: Option<String>,
    /// The first ancestor: snapshots with the same one are of one lineage.
    pub root: String,
    pub size_gib: u32,
    pub tags: BTreeMap<String, String>,
    pub description: Option<String>,
    pub encrypted: bool,
    pub kms_key: Option<String>,
    pub started_at: Timestamp,
    pub timeout: SignedDuration,
    /// When it was started or last put into.
    pub touched_at: Timestamp,
    /// When it is completed, once Complete was accepted.
    pub completed_at: Option<Timestamp>,
    pub blocks: Arc<Blocks>,
    pub written: BTreeSet<u32>,
    /// How many listings were begun: block tokens are of the last.
    pub listing: u64,
}

impl Stored {
    /// A new snapshot without blocks, the first of its lineage.
    pub fn empty(id: &str, size_gib: u32, now: Timestamp) -> Self {
        Self {
            parent: None,
            root: id.to_owned(),
            size_gib,
            tags: BTreeMap::new(),
            description: None,
            encrypted: false,
            kms_key: None,
            started_at: now,
            timeout: TIMEOUT,
            touched_at: now,
            completed_at: None,
            blocks: Arc::new(Blocks::new()),
            written: BTreeSet::new(),
            listing: 0,
        }
    }

    /// `StartSnapshot`, `Timeout`: "automatically cancelled if no blocks are written, or it is not completed after
    /// writing the last block".
    pub fn state(&self, now: Timestamp) -> SnapshotState {
        match self.completed_at {
            Some(at) if at <= now => SnapshotState::Completed,
            Some(_) => SnapshotState::Pending,
            None if now.duration_since(self.touched_at) >= self.timeout => SnapshotState::Error,
            None => SnapshotState::Pending,
        }
    }

    /// Whether blocks can be put.
    pub fn is_open(&self, now: Timestamp) -> bool {
        self.completed_at.is_none() && self.state(now) == SnapshotState::Pending
    }

    /// Whether `index` lies inside the volume.
    pub fn contains(&self, index: u32) -> bool {
        u64::from(index) < (u64::from(self.size_gib) << 30) / BLOCK_SIZE as u64
    }

    /// The checksum over the checksums of the written blocks, in ascending order (`CompleteSnapshot`, `LINEAR`).
    pub fn aggregate(&self) -> Checksum {
        let written = self.written.iter().filter_map(|index| self.blocks.get(index));
        written.fold(Sha256::new(), |sum, block| sum.chain_update(block.checksum())).finalize().into()
    }

    pub fn describe(&self, id: &str, now: Timestamp) -> Snapshot {
        Snapshot {
            id: id.to_owned(),
            parent: self.parent.clone(),
            size_gib: self.size_gib,
            state: self.state(now),
            tags: self.tags.clone(),
            description: self.description.clone(),
            encrypted: self.encrypted,
            started_at: self.started_at,
            blocks: self.blocks.len(),
            written: self.written.clone(),
        }
    }
}
