//! The bytes of one block in memory: the first pages in a row, the others one by one.

use std::ops::Range;

use super::spare::Spare;
use crate::snapshots::BLOCK;

/// The size of a page, in bytes: that of a block of most filesystems.
pub(super) const PAGE: usize = 4096;
/// How many pages a block has.
pub(super) const PAGES: usize = BLOCK / PAGE;
static ZEROS: [u8; PAGE] = [0; PAGE];
/// What a block takes besides its pages, in bytes.
pub(super) const OVERHEAD: usize = PAGES * size_of::<Option<Page>>() + 160;

type Page = Box<[u8; PAGE]>;

/// The pages of a block. One that is not here is zeros.
#[derive(Debug)]
pub(super) struct Store {
    /// The first pages, none of them zeros. If there are any, there is room for all.
    row: Vec<u8>,
    /// The pages that are not in the row. The first are `None` if they are there.
    pages: Box<[Option<Page>]>,
    /// How many of `pages` are here.
    here: usize,
}

impl Store {
    /// A block of zeros.
    pub fn zeros() -> Self {
        Self { row: Vec::new(), pages: (0..PAGES).map(|_| None).collect(), here: 0 }
    }

    /// Whether it is zeros.
    pub fn is_zero(&self) -> bool {
        self.row.is_empty() && self.here == 0
    }

    /// The page, unless it is zeros.
    pub fn page(&self, at: usize) -> Option<&[u8]> {
        self.row.get(range(at)).or_else(|| self.pages[at].as_ref().map(|page| page.as_slice()))
    }

    /// Whether the page has these bytes, at `within`.
    pub fn has(&self, at: usize, within: usize, bytes: &[u8]) -> bool {
        match self.page(at) {
            Some(page) => &page[within..within + bytes.len()] == bytes,
            None => is_zero(bytes),
        }
    }

    /// If nothing is here yet, and `bytes` can be the first page, holds that and those that follow in order in a row: what
    /// is written from the start of a block to its end is not copied again. It takes room for all of the block until
    /// [`Store::end_row`].
    pub fn start_row(&mut self, bytes: &[u8], spare: &mut Spare) {
        if self.is_zero() && bytes.get(range(0)).is_some_and(|first| !is_zero(first)) {
            self.row = spare.take();
        }
    }

    /// Gives back the room that a row has for more pages.
    pub fn end_row(&mut self) {
        if self.row.len() < self.row.capacity() {
            self.loosen();
        }
    }

    /// Puts bytes into the page, at `within`. If it comes out as zeros it takes no room.
    pub fn set(&mut self, at: usize, within: usize, bytes: &[u8]) {
        if let Some(page) = self.row.get_mut(range(at)) {
            page[within..within + bytes.len()].copy_from_slice(bytes);
            if is_zero(page) {
                self.loosen();
            }
        } else if self.is_next(at) && bytes.len() == PAGE && !is_zero(bytes) {
            self.row.extend_from_slice(bytes);
        } else {
            let page = self.pages[at].take();
            self.here -= usize::from(page.is_some());
            self.pages[at] = changed(page, within, bytes);
            self.here += usize::from(self.pages[at].is_some());
        }
    }

    /// Forgets the page.
    pub fn forget(&mut self, at: usize) {
        if self.row.len() > at * PAGE {
            self.loosen();
        }
        self.here -= usize::from(self.pages[at].take().is_some());
    }

    /// All the bytes of the block.
    pub fn into_bytes(self, spare: &mut Spare) -> Vec<u8> {
        let mut bytes = if self.row.capacity() == 0 { spare.take() } else { self.row };
        for page in &self.pages[bytes.len() / PAGE..] {
            bytes.extend_from_slice(page.as_deref().unwrap_or(&ZEROS));
        }
        bytes
    }

    /// What it takes in memory, in bytes.
    pub fn memory(&self) -> usize {
        OVERHEAD + self.row.capacity() + self.here * PAGE
    }

    fn is_next(&self, at: usize) -> bool {
        self.row.len() == at * PAGE && self.row.len() < self.row.capacity() && self.pages[at].is_none()
    }

    /// Holds one by one what is in the row.
    fn loosen(&mut self) {
        for (page, bytes) in self.pages.iter_mut().zip(std::mem::take(&mut self.row).chunks_exact(PAGE)) {
            *page = changed(None, 0, bytes);
            self.here += usize::from(page.is_some());
        }
    }
}

/// Where the page is in its block.
fn range(at: usize) -> Range<usize> {
    at * PAGE..(at + 1) * PAGE
}

/// The page with other bytes at `within`, unless that makes it zeros.
fn changed(page: Option<Page>, within: usize, bytes: &[u8]) -> Option<Page> {
    let mut page = match page {
        Some(page) => page,
        None if is_zero(bytes) => return None,
        None if bytes.len() == PAGE => return Box::<[u8]>::from(bytes).try_into().ok(),
        None => Box::new([0; PAGE]),
    };
    page[within..within + bytes.len()].copy_from_slice(bytes);
    (!is_zero(page.as_slice())).then_some(page)
}

/// Whether all of `bytes` are zero.
fn is_zero(bytes: &[u8]) -> bool {
    bytes.chunks(PAGE).all(|piece| *piece == ZEROS[..piece.len()])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A row with this many pages.
    fn row(pages: usize) -> Store {
        let mut store = Store::zeros();
        store.start_row(&[1; PAGE], &mut Spare::default());
        for at in 0..pages {
            store.set(at, 0, &[1; PAGE]);
        }
        store
    }

    fn bytes(store: Store) -> Vec<u8> {
        store.into_bytes(&mut Spare::default())
    }

    #[test]
    fn a_whole_row_is_put_as_it_is() {
        let store = row(PAGES);
        let written = store.row.as_ptr();
        let bytes = bytes(store);
        assert_eq!((bytes.as_ptr(), bytes.len(), bytes.capacity()), (written, BLOCK, BLOCK));
        assert!(bytes == [1; BLOCK]);
    }

    #[test]
    fn what_is_not_in_order_lies_behind_the_row() {
        let mut store = row(2);
        store.set(3, 0, &[3; PAGE]);
        store.set(4, 5, &[4; 7]);
        store.set(2, 0, &[2; PAGE]);
        store.set(3, 0, &[3; PAGE]);
        store.set(3, 1, &[9]);
        store.set(1, 1, &[8]);
        assert_eq!((store.row.len(), store.here), (3 * PAGE, 2));
        let mut expected =
            [vec![1; 2 * PAGE], vec![2; PAGE], vec![3; PAGE], vec![0; BLOCK - 4 * PAGE]].concat();
        expected[PAGE + 1] = 8;
        expected[3 * PAGE + 1] = 9;
        expected[4 * PAGE + 5..4 * PAGE + 12].fill(4);
        assert!(bytes(store) == expected);
    }

    #[test]
    fn zeros_end_a_row_and_take_no_room() {
        let mut store = row(3);
        store.set(3, 0, &[0; PAGE]);
        store.set(4, 0, &[1; PAGE]);
        assert_eq!((store.row.len(), store.here), (3 * PAGE, 1));
        store.set(1, 0, &[0; PAGE]);
        assert_eq!((store.row.len(), store.here), (0, 3));
        assert_eq!(store.memory(), OVERHEAD + 3 * PAGE);
        assert!(bytes(store)[..2 * PAGE] == [[1; PAGE], [0; PAGE]].concat());
    }

    #[test]
    fn a_row_that_ends_takes_the_room_of_its_pages() {
        let mut store = row(3);
        assert_eq!(store.memory(), OVERHEAD + BLOCK);
        store.end_row();
        assert_eq!(store.memory(), OVERHEAD + 3 * PAGE);
        store.set(3, 0, &[1; PAGE]);
        store.forget(0);
        assert_eq!(store.memory(), OVERHEAD + 3 * PAGE);
        let mut whole = row(PAGES);
        whole.end_row();
        assert_eq!(whole.row.len(), BLOCK, "it has no room to give back");
        whole.forget(0);
        assert!(bytes(whole)[PAGE - 1..=PAGE] == [0, 1]);
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
