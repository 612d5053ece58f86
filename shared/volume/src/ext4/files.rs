//! What is written: directories, files, and what is removed.

use std::{collections::BTreeSet, io::Read};

use fs_ext4::{Error, extent, inode::Inode};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use watchkeeper_domain::failure::Failure;

use super::{Volume, failure, path};
use crate::snapshots::{Digest, Snapshots};

/// How much of a file is written at once, in bytes. It fits into every journal that `mke2fs` makes.
const PIECE: usize = 4 * 1024 * 1024;
/// The size of a directory, in bytes, from which on nothing is added to it: some 20,000 names. Each name costs the
/// directory's size, so 60,000 names take minutes.
pub const FULL: u64 = 1024 * 1024;
/// The root directory (ext4 documentation, "Special inodes").
const ROOT: u32 = 2;
/// Where e2fsck puts what it finds. It stays when it is empty.
const LOST_AND_FOUND: &str = "lost+found";

/// Whose a file or a directory is, and what may be done with it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Attributes {
    /// The permission bits, as in `0o644`.
    pub mode: u16,
    /// The owner.
    pub uid: u32,
    /// The group.
    pub gid: u32,
    /// When it was modified last, as far as it says. Seconds and nanoseconds are kept.
    pub modified: Timestamp,
}

/// A file that was written: what [`crate::night::verify`] compares.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Written {
    /// Its path.
    pub path: String,
    /// Its size, in bytes.
    pub size: u64,
    /// The SHA-256 of its content.
    pub digest: Digest,
}

impl<S: Snapshots> Volume<S> {
    /// Makes those of the directories that are not there yet, and returns how many. Do this for all files of a run
    /// before the first is written: directories then lie together, and far fewer blocks change.
    ///
    /// # Errors
    /// When something on a path is not a directory, or there is no room.
    pub fn make_dirs<'a>(
        &self,
        paths: impl IntoIterator<Item = &'a str>,
        attributes: &Attributes,
    ) -> Result<usize, Failure> {
        let mut wanted = BTreeSet::new();
        for path in paths {
            let names = path::names(path)?;
            wanted.extend((1..=names.len()).map(|depth| names[..depth].to_vec()));
        }
        let mut made = 0;
        for names in wanted {
            let Some((name, parents)) = names.split_last() else { continue };
            let shown = names.join("/");
            let parent = self.directory(parents)?;
            match self.filesystem.lookup_at(parent, name.as_bytes()) {
                Ok(_) => _ = self.directory(&names)?,
                Err(Error::NotFound) => {
                    self.check_room(parent, &shown)?;
                    self.make_dir(parent, name, attributes)
                        .map_err(|error| failure("make the directory", shown, error))?;
                    made += 1;
                }
                Err(error) => return Err(failure("look up", shown, error)),
            }
        }
        Ok(made)
    }

    /// Writes a file, in place of what was there. Its directory is there already. Write each file once a run.
    ///
    /// # Errors
    /// When the directory is not there or full, the path is a directory, `content` cannot be read, or there is no room.
    /// The volume must not be uploaded then.
    pub fn write_file(
        &self,
        path: &str,
        mut content: impl Read,
        attributes: &Attributes,
    ) -> Result<Written, Failure> {
        const OPERATION: &str = "write";
        let (parents, name) = path::split(path)?;
        let parent = self.directory(&parents)?;
        let file = self.empty_file(parent, name, path, attributes)?;
        let mut hash = Sha256::new();
        let mut size = 0;
        let mut piece = Vec::with_capacity(PIECE.min(64 * 1024));
        loop {
            piece.clear();
            let read = (&mut content).take(PIECE as u64).read_to_end(&mut piece);
            read.map_err(|error| Failure::new(OPERATION, path, error))?;
            if piece.is_empty() {
                break;
            }
            hash.update(&piece);
            let written = self.filesystem.apply_pwrite_ino(file, size, &piece);
            // What is not the end is final already, so that a file may be larger than memory.
            let settled = written.and_then(|_| if piece.len() == PIECE { self.settle(file) } else { Ok(()) });
            settled.map_err(|error| failure(OPERATION, path, error))?;
            size += piece.len() as u64;
        }
        self.dress(file, attributes)
            .and_then(|()| self.settle(file))
            .map_err(|error| failure(OPERATION, path, error))?;
        Ok(Written { path: path.to_owned(), size, digest: Digest(hash.finalize().into()) })
    }

    /// Removes a file, a link or an empty directory, and the directories above it that are empty then. Returns whether
    /// it was there.
    ///
    /// # Errors
    /// When it is a directory that is not empty.
    pub fn remove(&self, path: &str) -> Result<bool, Failure> {
        let (mut parents, name) = path::split(path)?;
        let Some(parent) = self.find(&parents)? else { return Ok(false) };
        let removed = match self.filesystem.apply_unlink_at(parent, name.as_bytes()) {
            Err(Error::IsADirectory) => self.filesystem.apply_rmdir_at(parent, name.as_bytes()),
            Err(Error::NotFound | Error::NotADirectory) => return Ok(false),
            unlinked => unlinked,
        };
        removed.map_err(|error| failure("remove", path, error))?;
        while let Some(name) = parents.pop() {
            if parents.is_empty() && name == LOST_AND_FOUND {
                break;
            }
            let above = self.directory(&parents)?;
            match self.filesystem.apply_rmdir_at(above, name.as_bytes()) {
                Ok(()) => {}
                Err(Error::DirectoryNotEmpty) => break,
                Err(error) => return Err(failure("remove the directory above", path, error)),
            }
        }
        Ok(true)
    }

    /// The inode that `names` lead to, if they lead to one.
    pub(super) fn find(&self, names: &[&str]) -> Result<Option<u32>, Failure> {
        let mut at = ROOT;
        for name in names {
            at = match self.filesystem.lookup_at(at, name.as_bytes()) {
                Ok(next) => next,
                Err(Error::NotFound | Error::NotADirectory) => return Ok(None),
                Err(error) => return Err(failure("look up", names.join("/"), error)),
            };
        }
        Ok(Some(at))
    }

    pub(super) fn inode(&self, number: u32, shown: &str) -> Result<Inode, Failure> {
        self.filesystem.stat_ino(number).map_err(|error| failure("look at", shown, error))
    }

    fn directory(&self, names: &[&str]) -> Result<u32, Failure> {
        let shown = || names.join("/");
        let found = self.find(names)?.ok_or_else(|| failure("find", shown(), Error::NotFound))?;
        match self.inode(found, &shown())?.is_dir() {
            true => Ok(found),
            false => Err(failure("use", shown(), Error::NotADirectory)),
        }
    }

    fn check_room(&self, directory: u32, shown: &str) -> Result<(), Failure> {
        if self.inode(directory, shown)?.size < FULL {
            return Ok(());
        }
        Err(Failure::new(
            "add",
            shown,
            "its directory has too many names: each further one would take longer",
        ))
    }

    fn make_dir(&self, parent: u32, name: &str, attributes: &Attributes) -> fs_ext4::Result<()> {
        let made = self.filesystem.apply_mkdir_at(parent, name.as_bytes(), attributes.mode)?;
        self.dress(made, attributes)
    }

    /// An empty file of this name: the one that is there, unless it has other names too or is a link.
    fn empty_file(
        &self,
        parent: u32,
        name: &str,
        path: &str,
        attributes: &Attributes,
    ) -> Result<u32, Failure> {
        let broken = |error| failure("write", path, error);
        match self.filesystem.lookup_at(parent, name.as_bytes()) {
            Ok(file) => {
                let inode = self.inode(file, path)?;
                if inode.is_file() && inode.links_count == 1 {
                    self.filesystem.apply_truncate_ino(file, 0).map_err(broken)?;
                    self.filesystem.apply_chmod_ino(file, attributes.mode).map_err(broken)?;
                    return Ok(file);
                }
                self.filesystem.apply_unlink_at(parent, name.as_bytes()).map_err(broken)?;
            }
            Err(Error::NotFound) => {}
            Err(error) => return Err(broken(error)),
        }
        self.check_room(parent, path)?;
        self.filesystem.apply_create_at(parent, name.as_bytes(), attributes.mode).map_err(broken)
    }

    fn dress(&self, inode: u32, attributes: &Attributes) -> fs_ext4::Result<()> {
        let now = self.filesystem.stat_ino(inode)?;
        if (now.uid, now.gid) != (attributes.uid, attributes.gid) {
            self.filesystem.apply_chown_ino(inode, attributes.uid, attributes.gid)?;
        }
        let (seconds, nanoseconds) =
            (attributes.modified.as_second(), attributes.modified.subsec_nanosecond());
        let (seconds, nanoseconds) = match u32::try_from(nanoseconds) {
            Ok(nanoseconds) => (seconds, nanoseconds),
            Err(_) => (seconds - 1, (nanoseconds + 1_000_000_000).unsigned_abs()), // before 1970
        };
        self.filesystem.apply_utimens_ino(inode, seconds, nanoseconds, seconds, nanoseconds)
    }

    /// Tells the device that the content that this file has by now is final.
    fn settle(&self, file: u32) -> fs_ext4::Result<()> {
        let inode = self.filesystem.stat_ino(file)?;
        if !inode.has_extents() {
            return Ok(());
        }
        let size = self.filesystem.sb.block_size();
        for run in extent::collect_all(&inode.block, self.device.as_ref(), size)? {
            let length = u64::from(run.length) * u64::from(size);
            self.device.settle(run.physical_block * u64::from(size), length);
        }
        Ok(())
    }
}
