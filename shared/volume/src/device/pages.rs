//! One block in memory, page by page, so that what is zero or can be read again takes no room.

use super::{
    spare::Spare,
    store::{PAGE, PAGES, Store},
};
use crate::snapshots::Block;

/// All pages of a block: one for each bit of a mask.
const ALL: u128 = u128::MAX;

/// A block of which some pages are in memory.
#[derive(Debug)]
pub(super) struct Pages {
    /// A page that is not here is zeros, or it is `remote`.
    store: Store,
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
        Self { store: Store::zeros(), remote: 0, written: 0, settled: 0 }
    }

    /// A block that the parent has, and nobody has read.
    pub fn remote() -> Self {
        Self { remote: ALL, ..Self::zeros() }
    }

    /// Takes in what the parent has. What was written in the meantime stays.
    pub fn fill(&mut self, block: &Block) {
        for (at, bytes) in block.data().chunks_exact(PAGE).enumerate() {
            if self.remote & bit(at) != 0 {
                self.store.set(at, 0, bytes);
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
            match self.store.page(at) {
                Some(page) => target.copy_from_slice(&page[within..within + piece.len()]),
                None => target.fill(0),
            }
        }
        Access::Done
    }

    /// Notes that the block is about to be written from its start on, first with these bytes. It takes room for all of
    /// it until [`Pages::end_row`].
    pub fn start_row(&mut self, bytes: &[u8], spare: &mut Spare) {
        self.store.start_row(bytes, spare);
    }

    /// Gives back the room that was taken for pages that were not written.
    pub fn end_row(&mut self) {
        self.store.end_row();
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
            if self.remote & bit(at) == 0 && self.store.has(at, within, source) {
                continue;
            }
            self.store.set(at, within, source);
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
        self.remote == 0 && self.store.is_zero()
    }

    /// Forgets the pages that the parent has just so.
    pub fn forget_unwritten(&mut self) {
        for at in (0..PAGES).filter(|at| self.written & bit(*at) == 0) {
            self.store.forget(at);
        }
        self.remote = !self.written;
    }

    /// All its bytes. Pages that are remote are zeros in it.
    pub fn into_bytes(self, spare: &mut Spare) -> Vec<u8> {
        self.store.into_bytes(spare)
    }

    /// What it takes in memory, in bytes.
    pub fn memory(&self) -> usize {
        self.store.memory()
    }
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
    use proptest::{collection::vec, prelude::*, sample::select};

    use super::{super::store::OVERHEAD, *};
    use crate::snapshots::BLOCK;

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

    /// What may happen to a block.
    #[derive(Clone, Debug)]
    enum Step {
        Write { offset: usize, length: usize, byte: u8 },
        EndRow,
        Forget,
    }

    fn step() -> impl Strategy<Value = Step> {
        let whole = (0..8usize, 1..4usize).prop_map(|(at, pages)| (at * PAGE, pages * PAGE));
        let part = (0..8 * PAGE, 1..2 * PAGE);
        let write = (prop_oneof![3 => whole, 1 => part], select(vec![0, 1, 2]));
        prop_oneof![
            8 => write.prop_map(|((offset, length), byte)| Step::Write { offset, length, byte }),
            1 => Just(Step::EndRow),
            1 => Just(Step::Forget),
        ]
    }

    proptest! {
        #[test]
        fn whatever_is_done_the_bytes_are_those_of_a_plain_buffer(
            parent in select(vec![None, Some(0), Some(7)]),
            in_order in 0..5usize,
            steps in vec(step(), 0..24),
        ) {
            let mut plain = vec![parent.unwrap_or(0); BLOCK];
            let mut pages = if parent.is_some() { Pages::remote() } else { Pages::zeros() };
            let parent = parent.map(block);
            let mut spare = Spare::default();
            let row = (0..in_order).map(|at| Step::Write { offset: at * PAGE, length: PAGE, byte: 3 });
            for step in row.chain(steps) {
                match (step, &parent) {
                    (Step::Write { offset, length, byte }, _) => {
                        let bytes = vec![byte; length];
                        if offset == 0 {
                            pages.start_row(&bytes, &mut spare);
                        }
                        while pages.write(offset, &bytes) == Access::Remote {
                            pages.fill(parent.as_ref().unwrap());
                        }
                        plain[offset..offset + length].copy_from_slice(&bytes);
                    }
                    (Step::EndRow, _) => pages.end_row(),
                    (Step::Forget, Some(_)) => pages.forget_unwritten(),
                    (Step::Forget, None) => {}
                }
                let mut read = vec![9; 12 * PAGE];
                if pages.read(PAGE / 2, &mut read) == Access::Done {
                    prop_assert!(read == plain[PAGE / 2..][..12 * PAGE]);
                }
            }
            if let Some(parent) = parent {
                pages.fill(&parent);
            }
            prop_assert_eq!(pages.is_zero(), plain.iter().all(|byte| *byte == 0));
            prop_assert!(pages.into_bytes(&mut spare) == plain);
        }
    }
}
