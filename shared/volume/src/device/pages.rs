//! One block in memory, page by page, so that what is zero or can be read again takes no room.

use crate::snapshots::{BLOCK, Block};

/// The size of a page, in bytes: that of a block of most filesystems.
const PAGE: usize = 4096;
/// How many pages a block has: one for each bit of the masks.
const PAGES: usize = BLOCK / PAGE;
static ZEROS: [u8; PAGE] = [0; PAGE];
/// All pages of a block.
const ALL: u128 = u128::MAX;
/// What a block takes besides its pages, in bytes.
const OVERHEAD: usize = PAGES * size_of::<Option<Box<[u8; PAGE]>>>() + 128;

/// A block of which some pages are in memory.
#[derive(Debug)]
pub(super) struct Pages {
    /// A page that is not here is zeros, or it is `remote`.
    pages: Box<[Option<Box<[u8; PAGE]>>]>,
    /// How many pages are here.
    here: usize,
    /// Pages that only the parent has: to be read before they are used.
    remote: u128,
    /// Pages that were written.
    written: u128,
    /// Written pages that nobody reads before the snapshot is complete.
    settled: u128,
}

/// Whether something could be done with the pages that are here.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Access {
    Done,
    /// The block has to be read from the parent first. Nothing was done.
    Remote,
}

impl Pages {
    /// A block that the parent does not have.
    pub fn zeros() -> Self {
        Self { pages: (0..PAGES).map(|_| None).collect(), here: 0, remote: 0, written: 0, settled: 0 }
    }

    /// A block that the parent has, and nobody has read.
    pub fn remote() -> Self {
        Self { remote: ALL, ..Self::zeros() }
    }

    /// Takes in what the parent has. What was written in the meantime stays.
    pub fn fill(&mut self, block: &Block) {
        for (at, bytes) in block.data().chunks_exact(PAGE).enumerate() {
            if self.remote & bit(at) != 0 {
                self.set(at, |page| page.copy_from_slice(bytes));
            }
        }
        self.remote = 0;
    }

    /// Copies the bytes at `offset` in the block.
    pub fn read(&self, offset: usize, into: &mut [u8]) -> Access {
        if self.remote & touched(offset, into.len()) != 0 {
            return Access::Remote;
        }
        for (at, within, piece) in pieces(offset, into.len()) {
            let target = &mut into[piece.clone()];
            match &self.pages[at] {
                Some(page) => target.copy_from_slice(&page[within..within + piece.len()]),
                None => target.fill(0),
            }
        }
        Access::Done
    }

    /// Writes `bytes` at `offset` in the block. A page that has these bytes already does not count as written.
    pub fn write(&mut self, offset: usize, bytes: &[u8]) -> Access {
        let partial = |(_, _, piece): &(usize, usize, std::ops::Range<usize>)| piece.len() < PAGE;
        let needed = pieces(offset, bytes.len()).filter(partial).fold(0, |mask, (at, ..)| mask | bit(at));
        if self.remote & needed != 0 {
            return Access::Remote;
        }
        for (at, within, piece) in pieces(offset, bytes.len()) {
            let source = &bytes[piece];
            if self.remote & bit(at) == 0 && self.has(at, within, source) {
                continue;
            }
            self.set(at, |page| page[within..within + source.len()].copy_from_slice(source));
            self.remote &= !bit(at);
            self.written |= bit(at);
            self.settled &= !bit(at);
        }
        Access::Done
    }

    /// Notes that nobody reads these bytes before the snapshot is complete. Whole pages only.
    pub fn settle(&mut self, offset: usize, length: usize) {
        let whole = pieces(offset, length).filter(|(_, _, piece)| piece.len() == PAGE);
        self.settled |= whole.fold(0, |mask, (at, ..)| mask | bit(at)) & self.written;
    }

    /// Whether nothing in it was written.
    pub fn is_clean(&self) -> bool {
        self.written == 0
    }

    /// Whether all of it was written and nobody reads it.
    pub fn is_settled(&self) -> bool {
        self.settled == ALL
    }

    /// Whether the parent has to be asked before all of it can be put.
    pub fn is_partly_remote(&self) -> bool {
        self.remote != 0
    }

    /// Whether it is zeros.
    pub fn is_zero(&self) -> bool {
        self.remote == 0 && self.here == 0
    }

    /// Forgets the pages that the parent has just so.
    pub fn forget_unwritten(&mut self) {
        for (at, page) in self.pages.iter_mut().enumerate() {
            if self.written & bit(at) == 0 && page.take().is_some() {
                self.here -= 1;
            }
        }
        self.remote = !self.written;
    }

    /// All its bytes. Pages that are remote are zeros in it.
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = vec![0; BLOCK];
        for (page, target) in self.pages.iter().zip(bytes.chunks_exact_mut(PAGE)) {
            if let Some(page) = page {
                target.copy_from_slice(page.as_slice());
            }
        }
        bytes
    }

    /// What it takes in memory, in bytes.
    pub fn memory(&self) -> usize {
        OVERHEAD + self.here * PAGE
    }

    fn has(&self, at: usize, within: usize, bytes: &[u8]) -> bool {
        match &self.pages[at] {
            Some(page) => &page[within..within + bytes.len()] == bytes,
            None => is_zero(bytes),
        }
    }

    /// Changes a page. One that comes out as zeros takes no room.
    fn set(&mut self, at: usize, change: impl FnOnce(&mut [u8])) {
        let page = self.pages[at].take();
        self.here -= usize::from(page.is_some());
        let mut page = page.unwrap_or_else(|| Box::new([0; PAGE]));
        change(page.as_mut_slice());
        if !is_zero(page.as_slice()) {
            self.pages[at] = Some(page);
            self.here += 1;
        }
    }
}

/// Whether all of `bytes` are zero.
fn is_zero(bytes: &[u8]) -> bool {
    bytes.chunks(PAGE).all(|piece| *piece == ZEROS[..piece.len()])
}

fn bit(at: usize) -> u128 {
    1 << at
}

fn touched(offset: usize, length: usize) -> u128 {
    pieces(offset, length).fold(0, |mask, (at, ..)| mask | bit(at))
}

/// The pages that `length` bytes at `offset` lie on: which, where in it, and which of the bytes.
fn pieces(offset: usize, length: usize) -> impl Iterator<Item = (usize, usize, std::ops::Range<usize>)> {
    let end = offset + length;
    (offset / PAGE..end.div_ceil(PAGE)).map(move |at| {
        let from = offset.max(at * PAGE);
        let to = end.min((at + 1) * PAGE);
        (at, from - at * PAGE, from - offset..to - offset)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(byte: u8) -> Block {
        Block::new(vec![byte; BLOCK].into()).unwrap()
    }

    fn read(pages: &Pages, offset: usize, length: usize) -> Vec<u8> {
        let mut bytes = vec![9; length];
        assert_eq!(pages.read(offset, &mut bytes), Access::Done);
        bytes
    }

    #[test]
    fn whole_pages_are_written_without_reading_the_parent_and_survive_it() {
        let mut pages = Pages::remote();
        assert_eq!(pages.write(PAGE, &[1; PAGE]), Access::Done);
        assert_eq!(read(&pages, PAGE + 7, 3), [1; 3]);
        assert_eq!(pages.read(0, &mut [0]), Access::Remote);
        pages.fill(&block(5));
        let bytes = [read(&pages, 0, PAGE), read(&pages, PAGE, PAGE), read(&pages, 2 * PAGE, 1)];
        assert_eq!(bytes, [vec![5; PAGE], vec![1; PAGE], vec![5]]);
    }

    #[test]
    fn part_of_a_page_is_written_only_over_what_the_parent_has() {
        let mut pages = Pages::remote();
        assert_eq!(
            pages.write(PAGE - 1, &[1; PAGE + 1]),
            Access::Remote,
            "the first page is touched in part"
        );
        assert!(pages.is_clean());
        pages.fill(&block(5));
        assert_eq!(pages.write(PAGE - 1, &[1; PAGE + 1]), Access::Done);
        assert_eq!(read(&pages, PAGE - 2, 3), [5, 1, 1]);
    }

    #[test]
    fn what_is_written_over_itself_is_not_written() {
        let mut pages = Pages::zeros();
        pages.write(100, &[0; 3 * PAGE]);
        assert!(pages.is_clean());
        pages.write(100, &[1]);
        assert!(!pages.is_clean());
    }

    #[test]
    fn pages_of_zeros_take_no_room() {
        let mut pages = Pages::zeros();
        pages.write(0, &[1; PAGE]);
        assert_eq!(pages.memory(), OVERHEAD + PAGE);
        pages.write(0, &[0; PAGE]);
        assert!(pages.is_zero());
        assert_eq!(pages.memory(), OVERHEAD);
        let mut read = Pages::remote();
        read.fill(&block(0));
        assert_eq!(read.memory(), OVERHEAD);
    }

    #[test]
    fn what_is_forgotten_comes_back_from_the_parent() {
        let mut pages = Pages::remote();
        pages.fill(&block(5));
        pages.write(PAGE, &[1; PAGE]);
        pages.forget_unwritten();
        assert_eq!(pages.memory(), OVERHEAD + PAGE);
        assert!(pages.is_partly_remote());
        pages.fill(&block(5));
        assert_eq!([read(&pages, 0, 1), read(&pages, PAGE, 1)], [[5], [1]]);
    }

    #[test]
    fn a_block_is_settled_when_each_of_its_pages_was_written_and_settled_since() {
        let mut pages = Pages::zeros();
        pages.write(0, &[1; BLOCK]);
        pages.settle(0, BLOCK - 1);
        assert!(!pages.is_settled(), "half a page does not count");
        pages.settle(BLOCK - PAGE, PAGE);
        assert!(pages.is_settled());
        pages.write(PAGE, &[2]);
        assert!(!pages.is_settled());
    }

    #[test]
    fn zeros_are_found_whatever_the_length() {
        assert!([0, 1, 15, 16, 17, PAGE].into_iter().all(|length| is_zero(&vec![0; length])));
        for length in [1, 15, 33, PAGE + 2] {
            for at in [0, length / 2, length - 1] {
                let mut bytes = vec![0; length];
                bytes[at] = 1;
                assert!(!is_zero(&bytes), "{at} of {length}");
            }
        }
    }
}
