//! What a run will read, read at once instead of one block after the other.

use std::collections::{BTreeMap, BTreeSet};

use fs_ext4::{
    Superblock,
    bgd::{self, BgdFlags},
    extent,
};
use watchkeeper_domain::failure::Failure;

use super::{Volume, failure, path};
use crate::{device::Device, snapshots::Snapshots};

/// The root directory.
const ROOT: u32 = 2;

/// The names that are left of the paths that lead through an inode.
type Ways<'a> = BTreeMap<u32, Vec<&'a [&'a str]>>;

/// Reads the group descriptors: everything begins with them.
pub(super) fn descriptors<S: Snapshots>(device: &Device<S>, superblock: &Superblock) -> Result<(), Failure> {
    let size = u64::from(superblock.block_size());
    let groups = superblock.block_group_count();
    let per_block = superblock.descs_per_block().max(1);
    let blocks = (0..groups).step_by(usize::try_from(per_block).unwrap_or(1));
    device.prefetch_now(blocks.map(|group| (superblock.descriptor_location(group).0 * size, size)))
}

impl<S: Snapshots> Volume<S> {
    /// Reads ahead what writing and removing these paths takes: the directories on the way level by level, the inodes,
    /// and the bitmaps of their groups. What is not there yet costs nothing.
    ///
    /// # Errors
    /// When a block cannot be read.
    pub fn warm<'a>(&self, paths: impl IntoIterator<Item = &'a str>) -> Result<(), Failure> {
        let names = paths.into_iter().map(path::names).collect::<Result<Vec<_>, _>>()?;
        let mut ways: Ways<'_> = BTreeMap::from([(ROOT, names.iter().map(Vec::as_slice).collect())]);
        let mut groups = BTreeSet::new();
        while !ways.is_empty() {
            groups.extend(ways.keys().map(|inode| (inode - 1) / self.filesystem.sb.inodes_per_group));
            self.warm_inodes(ways.keys().copied())?;
            ways.retain(|_, ways| ways.iter().any(|names| !names.is_empty()));
            self.warm_content(ways.keys().copied())?;
            ways = self.next(&ways)?;
        }
        self.device.prefetch_now(groups.into_iter().flat_map(|group| self.bitmaps(group)))
    }

    /// Reads ahead what looking at these paths takes: the directories on the way level by level, and the inodes. With
    /// `content`, that of the files among them too.
    ///
    /// # Errors
    /// When a block cannot be read.
    pub fn warm_reads<'a>(
        &self,
        paths: impl IntoIterator<Item = &'a str>,
        content: bool,
    ) -> Result<(), Failure> {
        let names = paths.into_iter().map(path::names).collect::<Result<Vec<_>, _>>()?;
        let mut ways: Ways<'_> = BTreeMap::from([(ROOT, names.iter().map(Vec::as_slice).collect())]);
        let mut ends = Vec::new();
        while !ways.is_empty() {
            self.warm_inodes(ways.keys().copied())?;
            ends.extend(ways.iter().filter(|(_, ways)| ways.contains(&[].as_slice())).map(|(end, _)| *end));
            ways.retain(|_, ways| ways.iter().any(|names| !names.is_empty()));
            self.warm_content(ways.keys().copied())?;
            ways = self.next(&ways)?;
        }
        if content { self.warm_content(ends) } else { Ok(()) }
    }

    /// Reads these inodes ahead.
    pub(super) fn warm_inodes(&self, inodes: impl IntoIterator<Item = u32>) -> Result<(), Failure> {
        self.device.prefetch_now(inodes.into_iter().filter_map(|inode| self.place(inode)))
    }

    /// Reads ahead what these inodes hold: the names of a directory, the bytes of a file.
    pub(super) fn warm_content(&self, inodes: impl IntoIterator<Item = u32>) -> Result<(), Failure> {
        let runs: Result<Vec<_>, Failure> = inodes.into_iter().map(|inode| self.extents(inode)).collect();
        self.device.prefetch_now(runs?.concat())
    }

    /// One name further.
    fn next<'a>(&self, ways: &Ways<'a>) -> Result<Ways<'a>, Failure> {
        let mut next: Ways<'a> = BTreeMap::new();
        for (inode, ways) in ways {
            let mut below: BTreeMap<&str, Vec<&'a [&'a str]>> = BTreeMap::new();
            for names in ways {
                if let Some((name, rest)) = names.split_first() {
                    below.entry(name).or_default().push(rest);
                }
            }
            for (name, rest) in below {
                match self.filesystem.lookup_at(*inode, name.as_bytes()) {
                    Ok(found) => next.entry(found).or_default().extend(rest),
                    Err(fs_ext4::Error::NotFound | fs_ext4::Error::NotADirectory) => {}
                    Err(error) => return Err(failure("look up", name, error)),
                }
            }
        }
        Ok(next)
    }

    /// Where an inode is.
    fn place(&self, inode: u32) -> Option<(u64, u64)> {
        let superblock = &self.filesystem.sb;
        let (block, within) = bgd::locate_inode(superblock, &self.filesystem.groups, inode).ok()?;
        let offset = block * u64::from(superblock.block_size()) + u64::from(within);
        Some((offset, u64::from(superblock.inode_size)))
    }

    /// Where the content of a directory or a file is.
    fn extents(&self, number: u32) -> Result<Vec<(u64, u64)>, Failure> {
        let shown = || format!("inode {number}");
        let inode = self.inode(number, &shown())?;
        if !(inode.is_dir() || inode.is_file()) || !inode.has_extents() {
            return Ok(Vec::new());
        }
        let size = self.filesystem.sb.block_size();
        let runs = extent::collect_all(&inode.block, self.device.as_ref(), size);
        let runs = runs.map_err(|error| failure("read", shown(), error))?;
        let size = u64::from(size);
        Ok(runs.iter().map(|run| (run.physical_block * size, u64::from(run.length) * size)).collect())
    }

    fn bitmaps(&self, group: u32) -> Vec<(u64, u64)> {
        let size = u64::from(self.filesystem.sb.block_size());
        let Some(descriptor) = self.filesystem.groups.get(group as usize) else { return Vec::new() };
        let flags = descriptor.flags();
        let bitmaps = [
            (BgdFlags::BLOCK_UNINIT, descriptor.block_bitmap),
            (BgdFlags::INODE_UNINIT, descriptor.inode_bitmap),
        ];
        bitmaps
            .iter()
            .filter(|(absent, _)| !flags.contains(*absent))
            .map(|(_, block)| (block * size, size))
            .collect()
    }
}
