//! What a device holds in memory.

mod room;

use std::collections::BTreeMap;

use bytes::Bytes;

pub(super) use self::room::Room;
use super::{
    pages::{Access, Pages},
    spare::Spare,
};
use crate::snapshots::{BLOCK, Block, BlockIndex, Digest, Listing, SnapshotId};

/// The blocks in memory, and what became of the others.
#[derive(Debug)]
pub(super) struct State {
    listing: Listing,
    /// How often the blocks were listed.
    listings: u64,
    held: BTreeMap<BlockIndex, Held>,
    /// The block that is being written from its start on: of those that are not whole, it alone is held in a row.
    filling: Option<BlockIndex>,
    /// What was put leaves its buffers here.
    spare: Spare,
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
            filling: None,
            spare: Spare::default(),
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
        self.change(index, |pages, _| pages.fill(block));
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
        let begins = within == 0 && !self.held.contains_key(&index);
        if begins {
            self.fills(index);
        }
        Ok(self.change(index, |pages, spare| {
            if begins {
                pages.start_row(bytes, spare);
            }
            pages.write(within, bytes)
        }))
    }

    pub fn settle(&mut self, index: BlockIndex, within: usize, length: usize) {
        if let Some(held) = self.held.get_mut(&index) {
            held.pages.settle(within, length);
        }
    }

    /// Takes a block out, to put it. From now on nobody may use it.
    pub fn take(&mut self, index: BlockIndex) -> Taken {
        let Some(held) = self.held.get(&index) else { return Taken::Nothing };
        if held.pages.is_partly_remote() {
            return Taken::Remote;
        }
        let nothing = held.pages.is_zero() && !self.listing.contains(index);
        let Some(held) = self.remove(index).filter(|_| !nothing) else { return Taken::Nothing };
        let bytes = held.pages.into_bytes(&mut self.spare);
        self.on_its_way += BLOCK;
        self.note_peak();
        Taken::Bytes(bytes, self.origins.get(&index).copied())
    }

    /// Notes what a block is put as, from the moment on when it is about to be.
    pub fn sends(&mut self, index: BlockIndex, digest: Digest) {
        self.sent.insert(index, digest);
    }

    /// Notes that a block that was taken, with these bytes, is no longer needed.
    pub fn is_gone(&mut self, data: Bytes) {
        self.on_its_way = self.on_its_way.saturating_sub(BLOCK);
        self.spare.give(data);
    }

    /// Notes that the block is written from its start on. The one before gives back the room that it has not used.
    fn fills(&mut self, index: BlockIndex) {
        let before = self.filling.replace(index);
        if let Some(before) = before.filter(|before| self.held.contains_key(before)) {
            self.change(before, |pages, _| pages.end_row());
        }
    }

    fn change<T>(&mut self, index: BlockIndex, change: impl FnOnce(&mut Pages, &mut Spare) -> T) -> T {
        self.uses += 1;
        let is_listed = self.listing.contains(index);
        let new = || {
            let pages = if is_listed { Pages::remote() } else { Pages::zeros() };
            Held { pages, used: 0 }
        };
        let before = self.held.get(&index).map_or(0, |held| held.pages.memory());
        let held = self.held.entry(index).or_insert_with(new);
        held.used = self.uses;
        let changed = change(&mut held.pages, &mut self.spare);
        let after = held.pages.memory();
        self.memory = self.memory + after - before;
        if !is_listed && held.pages.is_zero() {
            self.remove(index);
        }
        self.note_peak();
        changed
    }

    fn remove(&mut self, index: BlockIndex) -> Option<Held> {
        let held = self.held.remove(&index)?;
        self.memory -= held.pages.memory();
        Some(held)
    }

    fn note_peak(&mut self) {
        let blocks = self.memory + self.spare.memory() + self.on_its_way;
        self.peak = self.peak.max(blocks + self.listing.memory());
    }
}
