//! How the filesystem reads and writes the device, on a thread where it may wait.

use std::{io, ops::Range, sync::Arc};

use fs_ext4::block_io::BlockDevice;
use watchkeeper_domain::failure::Failure;

use super::{Device, pages::Access, state::State};
use crate::snapshots::{BLOCK, BlockIndex, Snapshots};

impl<S: Snapshots> BlockDevice for Device<S> {
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> fs_ext4::Result<()> {
        self.check(offset, buf.len())?;
        for (index, within, piece) in pieces(offset, buf.len()) {
            let into = &mut buf[piece];
            self.with(index, |state| state.read(index, within, into)).map_err(io::Error::other)?;
        }
        self.make_room().map_err(io::Error::other)?;
        Ok(())
    }

    fn size_bytes(&self) -> u64 {
        self.size
    }

    fn write_at(&self, offset: u64, buf: &[u8]) -> fs_ext4::Result<()> {
        self.check(offset, buf.len())?;
        for (index, within, piece) in pieces(offset, buf.len()) {
            let bytes = &buf[piece];
            self.with(index, |state| state.write(index, within, bytes)).map_err(io::Error::other)?;
        }
        self.make_room().map_err(io::Error::other)?;
        Ok(())
    }

    /// Does nothing: all or nothing becomes a snapshot when it is completed.
    fn flush(&self) -> fs_ext4::Result<()> {
        Ok(())
    }

    fn is_writable(&self) -> bool {
        true
    }
}

/// The same device, for those who only look.
#[derive(Debug)]
pub(crate) struct ReadOnly<S>(pub Arc<Device<S>>);

impl<S: Snapshots> BlockDevice for ReadOnly<S> {
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> fs_ext4::Result<()> {
        self.0.read_at(offset, buf)
    }

    fn size_bytes(&self) -> u64 {
        self.0.size
    }
}

impl<S: Snapshots> Device<S> {
    /// Does `access` to a block, with the block read first if need be.
    fn with(
        &self,
        index: BlockIndex,
        mut access: impl FnMut(&mut State) -> Result<Access, &'static str>,
    ) -> Result<(), Failure> {
        loop {
            let done = access(&mut self.lock());
            match done {
                Ok(Access::Done) => return Ok(()),
                Ok(Access::Remote) => self.runtime.block_on(self.load(index))?,
                Err(cause) => {
                    return Err(Failure::new("use", format!("block {index} of {}", self.subject()), cause));
                }
            }
        }
    }

    fn check(&self, offset: u64, length: usize) -> fs_ext4::Result<()> {
        match offset.checked_add(length as u64) {
            Some(end) if end <= self.size => Ok(()),
            Some(_) | None => Err(fs_ext4::Error::OutOfBounds),
        }
    }
}

pub(super) fn clamp(length: u64) -> usize {
    usize::try_from(length).unwrap_or(usize::MAX)
}

/// The blocks that `length` bytes at `offset` lie on: which, where in it, and which of the bytes.
pub(super) fn pieces(offset: u64, length: usize) -> impl Iterator<Item = (BlockIndex, usize, Range<usize>)> {
    let mut done = 0;
    std::iter::from_fn(move || {
        let at = offset + done as u64;
        let within = clamp(at % BLOCK as u64);
        let take = (BLOCK - within).min(length - done);
        let piece = done..done + take;
        done += take;
        (take > 0).then(|| (BlockIndex::holding(at), within, piece))
    })
}
