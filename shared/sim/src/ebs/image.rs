//! Snapshots from images and into images, and damage.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom, Write},
    sync::Arc,
};

use hyper::body::Bytes;

use super::{
    BLOCK_SIZE,
    snapshot::{Block, Blocks, Stored},
    store::Store,
};

/// What is wrong with a damaged block, all of whose bits are turned.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Damage {
    /// Its checksum is still that of the right data: whoever compares sees it.
    Visible,
    /// Its checksum is that of the damaged data: only who knows what should be there sees it.
    Silent,
}

static ZEROS: [u8; BLOCK_SIZE] = [0; BLOCK_SIZE];

impl Store {
    /// Makes a completed snapshot of a volume of `size_gib` that begins with `image`, and returns its ID. Blocks that
    /// are all zeros are left out.
    ///
    /// # Errors
    /// When `image` cannot be read or has data beyond the end of the volume.
    pub fn import(&self, size_gib: u32, mut image: impl Read) -> io::Result<String> {
        let mut blocks = Vec::new();
        for index in 0.. {
            let mut data = Vec::with_capacity(BLOCK_SIZE);
            let length = image.by_ref().take(BLOCK_SIZE as u64).read_to_end(&mut data)?;
            if length == 0 {
                break;
            }
            data.resize(BLOCK_SIZE, 0);
            if data != ZEROS {
                blocks.push((index, data));
            }
        }
        self.import_blocks(size_gib, blocks)
    }

    /// Makes a completed snapshot of a volume of `size_gib` with these blocks by index, and returns its ID.
    ///
    /// # Errors
    /// When a block is not [`BLOCK_SIZE`] long or lies outside the volume.
    pub fn import_blocks<B: Into<Bytes>>(
        &self,
        size_gib: u32,
        blocks: impl IntoIterator<Item = (u32, B)>,
    ) -> io::Result<String> {
        let blocks = blocks.into_iter().map(|(index, data)| (index, Arc::new(Block::new(data.into()))));
        let blocks: Blocks = blocks.collect();
        self.at_now(|state, now| {
            let id = state.next_id();
            let stored = Stored { completed_at: Some(now), ..Stored::empty(&id, size_gib, now) };
            let is_good = |(index, block): (&u32, &Arc<Block>)| {
                stored.contains(*index) && block.data.len() == BLOCK_SIZE
            };
            if !blocks.iter().all(is_good) {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidInput,
                    "a block that the volume can't have",
                ));
            }
            let written = blocks.keys().copied().collect();
            Ok(state.keep(id, Stored { blocks: Arc::new(blocks), written, ..stored }))
        })
    }

    /// Makes `file` the image of the snapshot `id`, sparse where the snapshot has no blocks.
    ///
    /// # Errors
    /// When there is no such snapshot, or `file` cannot be written.
    pub fn export(&self, id: &str, file: &mut File) -> io::Result<()> {
        let (size_gib, blocks) = self
            .with(|state| state.snapshots.get(id).map(|it| (it.size_gib, Arc::clone(&it.blocks))))
            .ok_or_else(no_such_thing)?;
        file.set_len(0)?;
        file.set_len(u64::from(size_gib) << 30)?;
        for (index, block) in blocks.iter() {
            file.seek(SeekFrom::Start(u64::from(*index) * BLOCK_SIZE as u64))?;
            file.write_all(&block.data)?;
        }
        file.flush()
    }

    /// Damages a block of the snapshot `id`. Other snapshots keep it as it was.
    ///
    /// # Errors
    /// When the snapshot has no such block.
    pub fn corrupt(&self, id: &str, index: u32, damage: Damage) -> io::Result<()> {
        self.with(|state| {
            let stored = state.snapshots.get_mut(id).ok_or_else(no_such_thing)?;
            let block = stored.blocks.get(&index).ok_or_else(no_such_thing)?;
            let data: Bytes = block.data.iter().map(|byte| !byte).collect();
            let checksum = match damage {
                Damage::Visible => Some(*block.checksum()),
                Damage::Silent => None,
            };
            let damaged = Arc::new(block.damaged(data, checksum));
            Arc::make_mut(&mut stored.blocks).insert(index, damaged);
            Ok(())
        })
    }
}

fn no_such_thing() -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, "no such snapshot or block")
}
