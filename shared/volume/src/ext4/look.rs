//! What can be seen of the filesystem without changing it.

use fs_ext4::{dir::DirEntryType, inode::Inode};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use watchkeeper_domain::failure::Failure;

use super::{Volume, failure, path};
use crate::snapshots::Snapshots;

/// How much of a file is read at once, in bytes.
const PIECE: usize = 1024 * 1024;
/// How many findings of an audit are shown.
const SHOWN: usize = 20;

/// What a name stands for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Link,
    /// A device, a pipe or a socket.
    Other,
}

/// One name in a directory.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Entry {
    /// The name. One that is not UTF-8 has `U+FFFD` in it, and cannot be used in a path.
    pub name: String,
    /// What it stands for.
    pub kind: Kind,
}

/// What is known of a file or a directory.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Stat {
    /// What it is.
    pub kind: Kind,
    /// Its size, in bytes.
    pub size: u64,
    /// The permission bits.
    pub mode: u16,
    /// The owner.
    pub uid: u32,
    /// The group.
    pub gid: u32,
    /// When it was modified last.
    pub modified: Timestamp,
}

/// How much room there is.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Space {
    /// The size of a block of the filesystem, in bytes.
    pub block_size: u32,
    /// How many blocks there are.
    pub blocks: u64,
    /// How many of them are free.
    pub free_blocks: u64,
    /// How many inodes there are: one for each file and directory.
    pub inodes: u32,
    /// How many of them are free.
    pub free_inodes: u32,
}

/// What a check of the filesystem's structure found: a part of what `e2fsck -n` checks.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Audit {
    /// How many directories were read.
    pub directories: u32,
    /// How many inodes were compared with the names that lead to them.
    pub inodes: u32,
    /// How much is wrong.
    pub wrong: u64,
    /// The first of it, in words.
    pub findings: Vec<String>,
}

impl<S: Snapshots> Volume<S> {
    /// What is known of `path`, if it is there.
    ///
    /// # Errors
    /// When the directories on the way cannot be read.
    pub fn stat(&self, path: &str) -> Result<Option<Stat>, Failure> {
        match self.find(&path::names(path)?)? {
            Some(number) => Ok(Some(Stat::of(&self.inode(number, path)?))),
            None => Ok(None),
        }
    }

    /// Whether `path` is there.
    ///
    /// # Errors
    /// When the directories on the way cannot be read.
    pub fn exists(&self, path: &str) -> Result<bool, Failure> {
        Ok(self.find(&path::names(path)?)?.is_some())
    }

    /// The content of a file.
    ///
    /// # Errors
    /// When it is not there, not a file, or not to be read.
    pub fn read(&self, path: &str) -> Result<Vec<u8>, Failure> {
        let mut content = Vec::new();
        self.read_with(path, |piece| content.extend_from_slice(piece))?;
        Ok(content)
    }

    /// Shows the content of a file piece by piece, and returns its size.
    ///
    /// # Errors
    /// When it is not there, not a file, or not to be read.
    pub fn read_with(&self, path: &str, mut show: impl FnMut(&[u8])) -> Result<u64, Failure> {
        let broken = |error| failure("read", path, error);
        let file = self.find(&path::names(path)?)?.ok_or_else(|| broken(fs_ext4::Error::NotFound))?;
        let size = self.inode(file, path)?.size;
        let mut piece = vec![0; PIECE.min(usize::try_from(size).unwrap_or(PIECE))];
        let mut done = 0;
        while done < size {
            let read = self.filesystem.read_ino(file, done, &mut piece).map_err(broken)?;
            if read == 0 {
                return Err(Failure::new("read", path, format!("it ends at {done} of {size} bytes")));
            }
            show(&piece[..read]);
            done += read as u64;
        }
        Ok(done)
    }

    /// What a directory has, in the order of the names.
    ///
    /// # Errors
    /// When it is not there, not a directory, or not to be read.
    pub fn list(&self, path: &str) -> Result<Vec<Entry>, Failure> {
        let names = path::names(path)?;
        let directory = self.find(&names)?.ok_or_else(|| failure("list", path, fs_ext4::Error::NotFound))?;
        let entries = self.entries(directory, path)?;
        Ok(entries.into_iter().map(|(entry, _)| entry).collect())
    }

    /// How much room there is now.
    ///
    /// # Errors
    /// When the superblock cannot be read.
    pub fn space(&self) -> Result<Space, Failure> {
        let now = fs_ext4::Superblock::read(self.device.as_ref());
        let now = now.map_err(|error| failure("read", "the superblock", error))?;
        Ok(Space {
            block_size: now.block_size(),
            blocks: now.blocks_count,
            free_blocks: now.free_blocks_count,
            inodes: now.inodes_count,
            free_inodes: now.free_inodes_count,
        })
    }

    /// Reads all directories, the inodes that they name and the bitmaps, and compares them.
    ///
    /// # Errors
    /// When a block cannot be read.
    pub fn audit(&self) -> Result<Audit, Failure> {
        let report = self.filesystem.audit(u32::MAX, u32::MAX);
        let report = report.map_err(|error| failure("check", "the filesystem", error))?;
        Ok(Audit {
            directories: report.directories_scanned,
            inodes: report.inodes_visited,
            wrong: report.anomalies_count,
            findings: report.anomalies.iter().take(SHOWN).map(|wrong| format!("{wrong:?}")).collect(),
        })
    }

    pub(super) fn entries(&self, directory: u32, shown: &str) -> Result<Vec<(Entry, u32)>, Failure> {
        let entries =
            self.filesystem.read_dir_ino(directory).map_err(|error| failure("list", shown, error))?;
        let mut found: Vec<(Entry, u32)> = entries
            .into_iter()
            .filter(|entry| entry.inode != 0 && entry.name != b"." && entry.name != b"..")
            .map(|entry| {
                let name = String::from_utf8_lossy(&entry.name).into_owned();
                (Entry { name, kind: Kind::of(entry.file_type) }, entry.inode)
            })
            .collect();
        found.sort_unstable_by(|(one, _), (other, _)| one.name.cmp(&other.name));
        Ok(found)
    }
}

impl Audit {
    /// Whether nothing is wrong.
    pub fn is_clean(&self) -> bool {
        self.wrong == 0
    }
}

impl Kind {
    fn of(entry: DirEntryType) -> Self {
        match entry {
            DirEntryType::RegFile => Self::File,
            DirEntryType::Directory => Self::Directory,
            DirEntryType::Symlink => Self::Link,
            DirEntryType::CharDev
            | DirEntryType::BlockDev
            | DirEntryType::Fifo
            | DirEntryType::Socket
            | DirEntryType::Unknown => Self::Other,
        }
    }
}

impl Stat {
    pub(super) fn of(inode: &Inode) -> Self {
        let nanosecond = i32::try_from(inode.mtime_nsec).unwrap_or(0);
        Self {
            kind: Kind::of(DirEntryType::from_mode(inode.mode)),
            size: inode.size,
            mode: inode.mode & 0o7777,
            uid: inode.uid,
            gid: inode.gid,
            modified: Timestamp::new(inode.mtime, nanosecond).unwrap_or_default(),
        }
    }
}
