//! What is let go of when there is too much in memory.

use super::{BLOCK, BlockIndex, Pages, SnapshotId, State};

/// How many blocks are on their way ahead of the others, at most.
const AHEAD: usize = 64;

/// What making room came to.
#[derive(Debug, Eq, PartialEq)]
pub(in super::super) enum Room {
    Enough,
    /// These blocks have to be put, so that there will be room.
    Send(SnapshotId, Vec<BlockIndex>),
    /// Blocks that are on their way have to arrive first.
    Wait,
    /// Nothing is left to let go of.
    Full,
}

impl State {
    /// Lets go of what can be, in the order of what it costs: nothing, an early put, another read.
    pub fn make_room(&mut self, limit: usize) -> Room {
        if self.fits(limit) {
            return Room::Enough;
        }
        self.drop_clean(limit, None);
        if self.fits(limit) {
            return Room::Enough;
        }
        if let Some(to) = self.ahead.clone() {
            let mut settled = self.by_use(Pages::is_settled);
            settled.truncate(AHEAD.saturating_sub(self.on_its_way / BLOCK));
            if !settled.is_empty() {
                return Room::Send(to, settled);
            }
        }
        if self.on_its_way > 0 {
            return Room::Wait;
        }
        for index in self.by_use(|pages| !pages.is_partly_remote()) {
            if self.has_room(limit) {
                break;
            }
            if self.listing.contains(index) {
                self.change(index, |pages, _| pages.forget_unwritten());
            }
        }
        if self.fits(limit) { Room::Enough } else { Room::Full }
    }

    /// Lets go of what can be read again until it fits, the longest unused first. `keep` stays: somebody is about to
    /// use it.
    pub fn drop_clean(&mut self, limit: usize, keep: Option<BlockIndex>) {
        if self.fits(limit) {
            return;
        }
        for index in self.by_use(Pages::is_clean).into_iter().filter(|index| Some(*index) != keep) {
            if self.has_room(limit) {
                break;
            }
            self.remove(index);
        }
    }

    /// Whether so much less than `limit` is taken that not every write has to make room.
    pub fn has_room(&self, limit: usize) -> bool {
        self.memory + self.on_its_way <= limit - limit / 8
    }

    /// Whether no more than `limit` is taken, once spare buffers have made way.
    fn fits(&mut self, limit: usize) -> bool {
        let taken = self.memory + self.on_its_way;
        self.spare.shrink(limit.saturating_sub(taken));
        taken <= limit
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
}

#[cfg(test)]
mod tests {
    use super::{
        super::{Listing, Taken},
        *,
    };

    /// With so many blocks, all of them final.
    fn filled(blocks: u32) -> State {
        let mut state = State::new(Listing::new(1));
        state.ahead = Some(SnapshotId::new("snap-child"));
        for index in (0..blocks).map(BlockIndex) {
            state.write(index, 0, &[1; BLOCK]).unwrap();
            state.settle(index, 0, BLOCK);
        }
        state
    }

    fn take(state: &mut State, index: u32) -> Vec<u8> {
        match state.take(BlockIndex(index)) {
            Taken::Bytes(bytes, _) => bytes,
            Taken::Nothing | Taken::Remote => panic!("block {index} has no bytes"),
        }
    }

    #[test]
    fn no_more_than_64_blocks_are_put_ahead_at_once() {
        let mut state = filled(70);
        let (limit, mut under_way) = (4 * BLOCK, Vec::new());
        let Room::Send(_, blocks) = state.make_room(limit) else { panic!("there are 70 blocks") };
        assert_eq!(blocks, Vec::from_iter((0..64).map(BlockIndex)));
        under_way.extend((0..64).map(|index| take(&mut state, index)));
        assert_eq!(state.make_room(limit), Room::Wait);
        state.is_gone(under_way.remove(0).into());
        assert_eq!(state.make_room(limit), Room::Send(SnapshotId::new("snap-child"), vec![BlockIndex(64)]));
    }

    #[test]
    fn the_buffer_of_a_block_that_was_put_holds_the_next_one() {
        let mut state = filled(1);
        let bytes = take(&mut state, 0);
        let place = bytes.as_ptr();
        state.is_gone(bytes.into());
        state.write(BlockIndex(1), 0, &[2; BLOCK]).unwrap();
        let next = take(&mut state, 1);
        assert_eq!(next.as_ptr(), place);
        assert!(next == [2; BLOCK]);
    }

    #[test]
    fn buffers_that_are_not_used_make_way_for_blocks() {
        let mut state = filled(3);
        let put = [0, 1, 2].map(|index| take(&mut state, index));
        put.into_iter().for_each(|bytes| state.is_gone(bytes.into()));
        let most = 3 * BLOCK;
        assert_eq!((state.make_room(most), state.spare.memory()), (Room::Enough, most));
        state.write(BlockIndex(3), 1, &[1]).unwrap();
        assert_eq!((state.make_room(most), state.spare.memory()), (Room::Enough, 2 * BLOCK));
    }
}
