//! What tests make the server do, and what it has seen.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use jiff::SignedDuration;

use super::{BLOCK_SIZE, quota::Quotas};

/// An action of the EBS direct APIs.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
#[expect(missing_docs, reason = "these are the names of the API")]
pub enum Operation {
    StartSnapshot,
    PutSnapshotBlock,
    CompleteSnapshot,
    ListSnapshotBlocks,
    ListChangedBlocks,
    GetSnapshotBlock,
}

/// How a request goes wrong. "Done" means that it has its effect all the same.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Fault {
    /// Not done: `RequestThrottledException`.
    RequestThrottled,
    /// Not done: `ThrottlingException`.
    Throttling,
    /// Not done: `InternalServerException` with this status, 500 or above.
    Server(u16),
    /// Not done: `ResourceNotFoundException`, as for a snapshot that is only just started.
    NotFound,
    /// Not done: `AccessDeniedException`.
    Denied,
    /// Not done: `ValidationException`, "Failed to read block data", as when a body did not arrive whole.
    Unreadable,
    /// Not done, and never answered; the connection stays open.
    Hang,
    /// Done, and never answered; the connection stays open.
    Lose,
    /// Done, and the connection is closed without an answer.
    Cut,
    /// Done; half of the answer's body comes, and then nothing more.
    HalfThenHang,
    /// Done; half of the answer's body comes, or less, and then the connection is closed.
    HalfThenCut,
    /// Done; the checksum in the answer is that of something else.
    WrongChecksum,
}

/// What holds for every request until it is changed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Settings {
    /// Whether the data of a Put is compared with its checksum. A benchmark may do without: then the checksum is believed.
    pub verify: bool,
    /// How long a snapshot is still `pending` after Complete, by the clock.
    pub completion: SignedDuration,
    /// For how long after Start a snapshot is not found by anything but Start, by the clock. Up to two minutes in AWS
    /// (coldsnap issue 43).
    pub invisible: SignedDuration,
    /// How long an answer takes at least, in real time.
    pub latency: BTreeMap<Operation, Duration>,
    /// What is answered with `AccessDeniedException`.
    pub denied: BTreeSet<Operation>,
    /// Rates, in real time. None by default.
    pub quotas: Option<Quotas>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            verify: true,
            completion: SignedDuration::ZERO,
            invisible: SignedDuration::ZERO,
            latency: BTreeMap::new(),
            denied: BTreeSet::new(),
            quotas: None,
        }
    }
}

/// What the server has seen so far.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Counters {
    /// Blocks sent, or half sent.
    pub blocks_got: u64,
    /// Blocks taken; one that was put twice counts twice.
    pub blocks_put: u64,
    pub(super) requests: BTreeMap<Operation, u64>,
}

impl Counters {
    /// Requests, whatever became of them.
    pub fn requests(&self, operation: Operation) -> u64 {
        self.requests.get(&operation).copied().unwrap_or_default()
    }

    /// The bytes of [`Counters::blocks_got`].
    pub fn bytes_got(&self) -> u64 {
        self.blocks_got * BLOCK_SIZE as u64
    }

    /// The bytes of [`Counters::blocks_put`].
    pub fn bytes_put(&self) -> u64 {
        self.blocks_put * BLOCK_SIZE as u64
    }
}
