//! Buffers of blocks that were put, for the next ones: the kernel has to clear what it gives anew.

use bytes::Bytes;

use crate::snapshots::BLOCK;

/// The buffers. Each is empty, and has room for a block.
#[derive(Debug, Default)]
pub(super) struct Spare(Vec<Vec<u8>>);

impl Spare {
    /// A buffer, the one that was used last, or a new one.
    pub fn take(&mut self) -> Vec<u8> {
        self.0.pop().unwrap_or_else(|| Vec::with_capacity(BLOCK))
    }

    /// Takes in the buffer of `data`, unless somebody else has it too.
    pub fn give(&mut self, data: Bytes) {
        if let Ok(mut data) = data.try_into_mut() {
            data.clear();
            let buffer = Vec::from(data);
            if buffer.capacity() == BLOCK {
                self.0.push(buffer);
            }
        }
    }

    /// Drops what does not fit into so many bytes.
    pub fn shrink(&mut self, limit: usize) {
        self.0.truncate(limit / BLOCK);
    }

    /// What they take in memory, in bytes.
    pub fn memory(&self) -> usize {
        self.0.len() * BLOCK
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full(spare: &mut Spare) -> Vec<u8> {
        let mut buffer = spare.take();
        buffer.resize(BLOCK, 1);
        buffer
    }

    #[test]
    fn a_buffer_is_used_again_once_nobody_else_has_it() {
        let mut spare = Spare::default();
        let buffer = full(&mut spare);
        let place = buffer.as_ptr();
        let data = Bytes::from(buffer);
        let copy = data.clone();
        spare.give(data);
        assert_eq!(spare.memory(), 0);
        spare.give(copy);
        assert_eq!(spare.memory(), BLOCK);
        let again = spare.take();
        assert_eq!((again.as_ptr(), again.len(), again.capacity()), (place, 0, BLOCK));
    }

    #[test]
    fn what_does_not_fit_is_dropped() {
        let mut spare = Spare::default();
        let buffers: Vec<Vec<u8>> = (0..3).map(|_| full(&mut spare)).collect();
        buffers.into_iter().for_each(|buffer| spare.give(buffer.into()));
        spare.shrink(3 * BLOCK - 1);
        assert_eq!(spare.memory(), 2 * BLOCK);
    }
}
