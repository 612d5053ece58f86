//! What a device holds in memory, and what it lets go of when there is too much.

use std::collections::BTreeMap;

use super::pages::{Access, Pages};
use crate::snapshots::{BLOCK, Block, BlockIndex, Digest, Listing, SnapshotId};

/// How many blocks are put ahead at a time.
const BATCH: usize = 64;

/// The blocks in memory, and what became of the others.
#[derive(Debug)]
pub(super) struct State {
    listing: Listing,
    /// How often the blocks were listed.
    listings: u64,
    held: BTreeMap<BlockIndex, Held>,
    /// What the parent has, of the blocks that were read.
    origins: BTreeMap<BlockIndex, Digest>,
    /// What was put, and by which digest.
    sent: BTreeMap<BlockIndex, Digest>,
    /// Where blocks may be put ahead of the others.
    pub ahead: Option<SnapshotId>,
    uses: u64,
    /// What `held` takes, in bytes.
    memory: usize,
    /// What is being put, in bytes.
    on_its_way: usize,
    peak: usize,
}

#[derive(Debug)]
struct Held {
    pages: Pages,
    /// When it was used last, counted in uses.
    used: u64,
}

/// What making room came to.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Room {
    Enough,
    /// These blocks have to be put first.
    Send(SnapshotId, Vec<BlockIndex>),
    /// Nothing is left to let go of.
    Full,
}

/// What is to be put for a block that changed.
#[derive(Debug)]
pub(super) enum Taken {
    /// Its bytes, and the digest of what the parent has if that is known.
    Bytes(Vec<u8>, Option<Digest>),
    /// Zeros, where the parent has nothing.
    Nothing,
    /// The parent has to be read first.
    Remote,
}

const SENT: &str = "it was put already and cannot be read back: a file was written twice in one run";

impl State {
    pub fn new(listing: Listing) -> Self {
        let mut state = Self {
            listing,
            listings: 0,
            held: BTreeMap::new(),
            origins: BTreeMap::new(),
            sent: BTreeMap::new(),
            ahead: None,
            uses: 0,
            memory: 0,
            on_its_way: 0,
            peak: 0,
        };
        state.note_peak();
        state
    }

    /// The token of a block that the parent has, and the listing that it comes from.
    pub fn token(&self, index: BlockIndex) -> Option<(String, u64)> {
        self.listing.token(index).map(|token| (token.to_owned(), self.listings))
    }

    pub fn blocks_listed(&self) -> Vec<BlockIndex> {
        self.listing.indexes().collect()
    }

    /// How often the blocks were listed again.
    pub fn listed(&self) -> u64 {
        self.listings
    }

    pub fn relist(&mut self, listing: Listing) {
        self.listing = listing;
        self.listings += 1;
    }

    pub fn peak(&self) -> usize {
        self.peak
    }

    /// Whether a block, or a part of it, has to be read before it can be used.
    pub fn is_remote(&self, index: BlockIndex) -> bool {
        match self.held.get(&index) {
            Some(held) => held.pages.is_partly_remote(),
            None => self.listing.contains(index) && !self.sent.contains_key(&index),
        }
    }

    pub fn changed(&self) -> usize {
        self.held.values().filter(|held| !held.pages.is_clean()).count() + self.sent.len()
    }

    /// The blocks that changed and were not put, ascending.
    pub fn unsent(&self) -> Vec<BlockIndex> {
        self.held.iter().filter(|(_, held)| !held.pages.is_clean()).map(|(index, _)| *index).collect()
    }

    /// What was put.
    pub fn sent(&self) -> &BTreeMap<BlockIndex, Digest> {
        &self.sent
    }

    pub fn fill(&mut self, index: BlockIndex, block: &Block) {
        self.origins.insert(index, block.digest());
        self.change(index, |pages| pages.fill(block));
    }

    pub fn read(
        &mut self,
        index: BlockIndex,
        within: usize,
        into: &mut [u8],
    ) -> Result<Access, &'static str> {
        if self.sent.contains_key(&index) {
            return Err(SENT);
        }
        self.uses += 1;
        match self.held.get_mut(&index) {
            Some(held) => {
                held.used = self.uses;
                Ok(held.pages.read(within, into))
            }
            None if self.listing.contains(index) => Ok(Access::Remote),
            None => {
                into.fill(0);
                Ok(Access::Done)
            }
        }
    }

    pub fn write(&mut self, index: BlockIndex, within: usize, bytes: &[u8]) -> Result<Access, &'static str> {
        if self.sent.contains_key(&index) {
            return Err(SENT);
        }
        Ok(self.change(index, |pages| pages.write(within, bytes)))
    }

    pub fn settle(&mut self, index: BlockIndex, within: usize, length: usize) {
        if let Some(held) = self.held.get_mut(&index) {
            held.pages.settle(within, length);
        }
    }

    /// Lets go of what can be read again until it fits, the longest unused first. `keep` stays: somebody is about to
    /// use it.
    pub fn drop_clean(&mut self, limit: usize, keep: Option<BlockIndex>) {
        if self.memory <= limit {
            return;
        }
        for index in self.by_use(Pages::is_clean).into_iter().filter(|index| Some(*index) != keep) {
            if self.memory <= low(limit) {
                break;
            }
            self.remove(index);
        }
    }

    /// Lets go of what can be, in the order of what it costs: nothing, an early put, another read.
    pub fn make_room(&mut self, limit: usize) -> Room {
        if self.memory <= limit {
            return Room::Enough;
        }
        self.drop_clean(limit, None);
        if self.memory <= limit {
            return Room::Enough;
        }
        if let Some(to) = self.ahead.clone() {
            let mut settled = self.by_use(Pages::is_settled);
            settled.truncate(BATCH);
            if !settled.is_empty() {
                return Room::Send(to, settled);
            }
        }
        for index in self.by_use(|pages| !pages.is_partly_remote()) {
            if self.memory <= low(limit) {
                break;
            }
            if self.listing.contains(index) {
                self.change(index, Pages::forget_unwritten);
            }
        }
        if self.memory <= limit { Room::Enough } else { Room::Full }
    }

    /// Takes a block out, to put it. From now on nobody may use it.
    pub fn take(&mut self, index: BlockIndex) -> Taken {
        let Some(held) = self.held.get(&index) else { return Taken::Nothing };
        if held.pages.is_partly_remote() {
            return Taken::Remote;
        }
        let nothing = held.pages.is_zero() && !self.listing.contains(index);
        let bytes = held.pages.bytes();
        self.remove(index);
        if nothing {
            return Taken::Nothing;
        }
        self.on_its_way += BLOCK;
        self.note_peak();
        Taken::Bytes(bytes, self.origins.get(&index).copied())
    }

    /// Notes what a block is put as, from the moment on when it is about to be.
    pub fn sends(&mut self, index: BlockIndex, digest: Digest) {
        self.sent.insert(index, digest);
    }

    /// Notes that a block that was taken is no longer in memory.
    pub fn is_gone(&mut self) {
        self.on_its_way = self.on_its_way.saturating_sub(BLOCK);
    }

    /// The blocks that are `so`, the longest unused first.
    fn by_use(&self, so: impl Fn(&Pages) -> bool) -> Vec<BlockIndex> {
        let mut found: Vec<(u64, BlockIndex)> = self
            .held
            .iter()
            .filter(|(_, held)| so(&held.pages))
            .map(|(index, held)| (held.used, *index))
            .collect();
        found.sort_unstable();
        found.into_iter().map(|(_, index)| index).collect()
    }

    fn change<T>(&mut self, index: BlockIndex, change: impl FnOnce(&mut Pages) -> T) -> T {
        self.uses += 1;
        let is_listed = self.listing.contains(index);
        let new = || {
            let pages = if is_listed { Pages::remote() } else { Pages::zeros() };
            Held { pages, used: 0 }
        };
        let before = self.held.get(&index).map_or(0, |held| held.pages.memory());
        let held = self.held.entry(index).or_insert_with(new);
        held.used = self.uses;
        let changed = change(&mut held.pages);
        let after = held.pages.memory();
        self.memory = self.memory + after - before;
        if !is_listed && held.pages.is_zero() {
            self.remove(index);
        }
        self.note_peak();
        changed
    }

    fn remove(&mut self, index: BlockIndex) {
        if let Some(held) = self.held.remove(&index) {
            self.memory -= held.pages.memory();
        }
    }

    fn note_peak(&mut self) {
        self.peak = self.peak.max(self.memory + self.on_its_way + self.listing.memory());
    }
}

/// How far memory is emptied once it is full, so that not every write has to.
fn low(limit: usize) -> usize {
    limit - limit / 8
}
