//! How far a refresh is, for whoever watches.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counters that may be read while the work goes on.
#[derive(Debug, Default)]
pub struct Progress {
    read: AtomicU64,
    to_put: AtomicU64,
    put: AtomicU64,
}

/// What the counters say at one moment, in blocks of 512 KiB.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Counts {
    /// Read from the parent.
    pub read: u64,
    /// To be put. Grows while blocks are sent ahead, and falls by those that turn out to be what the parent has.
    pub to_put: u64,
    /// Put.
    pub put: u64,
}

impl Progress {
    /// What the counters say now.
    pub fn counts(&self) -> Counts {
        Counts {
            read: self.read.load(Ordering::Relaxed),
            to_put: self.to_put.load(Ordering::Relaxed),
            put: self.put.load(Ordering::Relaxed),
        }
    }

    pub(crate) fn read(&self) {
        self.read.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn to_put(&self, blocks: usize) {
        self.to_put.fetch_add(blocks as u64, Ordering::Relaxed);
    }

    pub(crate) fn need_not_put(&self) {
        self.to_put.fetch_sub(1, Ordering::Relaxed);
    }

    pub(crate) fn put(&self) {
        self.put.fetch_add(1, Ordering::Relaxed);
    }
}
