//! Which blocks a snapshot has, and the token by which each is read.

use super::{BLOCK, BlockIndex};

/// The blocks of a snapshot. Tokens lie end to end in one text, so that a block costs little more than its token: with
/// tokens of 64 characters, 1 TiB of data is listed in 160 MB.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Listing {
    size_gib: u32,
    indexes: Vec<u32>,
    /// Where the token of the index at the same place ends. It begins where the one before ends.
    ends: Vec<u64>,
    tokens: String,
}

impl Listing {
    /// A listing without blocks yet, of a volume of `size_gib` GiB.
    pub fn new(size_gib: u32) -> Self {
        Self { size_gib, ..Self::default() }
    }

    /// Adds a block behind those that are there: EBS lists in ascending order.
    ///
    /// # Errors
    /// With the index that it would have to follow, when it is not higher. Nothing is added then.
    pub fn push(&mut self, index: BlockIndex, token: &str) -> Result<(), BlockIndex> {
        match self.indexes.last() {
            Some(last) if *last >= index.0 => Err(BlockIndex(*last)),
            Some(_) | None => {
                self.indexes.push(index.0);
                self.tokens.push_str(token);
                self.ends.push(self.tokens.len() as u64);
                Ok(())
            }
        }
    }

    /// Gives back the memory that was taken in advance. For when all blocks are there.
    #[must_use]
    pub fn shrunk(mut self) -> Self {
        self.indexes.shrink_to_fit();
        self.ends.shrink_to_fit();
        self.tokens.shrink_to_fit();
        self
    }

    /// The size of the volume, in bytes.
    pub fn size(&self) -> u64 {
        u64::from(self.size_gib) << 30
    }

    /// How many blocks there are.
    pub fn len(&self) -> usize {
        self.indexes.len()
    }

    /// Whether all of the volume is zeros.
    pub fn is_empty(&self) -> bool {
        self.indexes.is_empty()
    }

    /// Whether the block is there. One that is not is zeros.
    pub fn contains(&self, index: BlockIndex) -> bool {
        self.indexes.binary_search(&index.0).is_ok()
    }

    /// The token by which the block is read.
    pub fn token(&self, index: BlockIndex) -> Option<&str> {
        let place = self.indexes.binary_search(&index.0).ok()?;
        let end = *self.ends.get(place)?;
        let start = place.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or(0);
        self.tokens.get(usize::try_from(start).ok()?..usize::try_from(end).ok()?)
    }

    /// The indexes, ascending.
    pub fn indexes(&self) -> impl Iterator<Item = BlockIndex> + '_ {
        self.indexes.iter().copied().map(BlockIndex)
    }

    /// A block that does not lie in the volume, if EBS listed one.
    pub fn outside(&self) -> Option<BlockIndex> {
        let end = self.size() / BLOCK as u64;
        self.indexes.last().filter(|last| u64::from(**last) >= end).copied().map(BlockIndex)
    }

    /// What it takes in memory, in bytes.
    pub fn memory(&self) -> usize {
        self.indexes.capacity() * 4 + self.ends.capacity() * 8 + self.tokens.capacity()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_block_keeps_its_own_token() {
        let mut listing = Listing::new(1);
        for (index, token) in [(0, "zero"), (7, ""), (9, "nine")] {
            listing.push(BlockIndex(index), token).unwrap();
        }
        let found = [0, 1, 7, 9].map(|index| listing.token(BlockIndex(index)));
        assert_eq!(found, [Some("zero"), None, Some(""), Some("nine")]);
    }

    #[test]
    fn a_block_out_of_order_or_twice_is_not_taken() {
        let mut listing = Listing::new(1);
        listing.push(BlockIndex(3), "a").unwrap();
        assert_eq!(listing.push(BlockIndex(3), "b"), Err(BlockIndex(3)));
        assert_eq!(listing.push(BlockIndex(2), "b"), Err(BlockIndex(3)));
        assert_eq!((listing.len(), listing.token(BlockIndex(3))), (1, Some("a")));
    }

    #[test]
    fn a_block_costs_its_token_and_12_bytes() {
        let mut listing = Listing::new(1024);
        for index in 0..20_000 {
            listing.push(BlockIndex(index), &"t".repeat(64)).unwrap();
        }
        assert_eq!(listing.shrunk().memory(), 20_000 * (64 + 12));
    }

    #[test]
    fn a_block_behind_the_end_of_the_volume_is_noticed() {
        let mut listing = Listing::new(1);
        listing.push(BlockIndex(2047), "a").unwrap();
        assert_eq!(listing.outside(), None);
        listing.push(BlockIndex(2048), "b").unwrap();
        assert_eq!(listing.outside(), Some(BlockIndex(2048)));
    }
}
