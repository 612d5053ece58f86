//! What is done to the volume, by one writer on a thread where it may wait: removals, then all directories, then the
//! files as they come, then our own notes.

use std::collections::BTreeSet;

use tokio::sync::{mpsc, oneshot};
use watchkeeper_domain::{cache::Files, failure::Failure};
use watchkeeper_volume::{
    ext4::{Attributes, Volume, Written},
    snapshots::Snapshots,
};

use super::{
    Job,
    account::{Amount, Space},
    agenda::Agenda,
    generation::{self, Entry, FOLDER, Generation, TRACKING},
    prune::UNUSED,
};

/// What the writer is given.
#[derive(Debug)]
pub(super) enum Parcel {
    /// A file whose digest is right.
    File {
        path: String,
        bytes: Vec<u8>,
        /// Told once it is written.
        written: oneshot::Sender<()>,
    },
    /// All that come have come. These paths do not.
    End { refused: Vec<String> },
}

/// What came of an edit.
#[derive(Debug)]
pub(super) struct Edited {
    pub written: Amount,
    /// Files.
    pub removed: u64,
    /// The file that says what was done.
    pub manifest: Written,
    pub space: Space,
}

/// An edit that is to be done.
#[derive(Debug)]
pub(super) struct Edit {
    /// Everything that is written or removed.
    paths: Vec<String>,
    directories: BTreeSet<String>,
    removals: Vec<String>,
    unused: Option<String>,
    file: Attributes,
    directory: Attributes,
    done: Generation,
}

impl Edit {
    pub(super) fn of(job: &Job<'_>, agenda: &Agenda) -> Self {
        let Files { uid, gid, file_mode, dir_mode } = job.cache.files;
        let file = Attributes { mode: file_mode, uid, gid, modified: job.began };
        let wanted = agenda.wanted.iter().map(|wanted| wanted.path.as_str());
        let directories = wanted.clone().filter_map(folder).chain([FOLDER]).map(str::to_owned).collect();
        let paths = wanted.map(str::to_owned).chain(agenda.removals.iter().cloned());
        Self {
            paths: paths.chain([generation::PATH, UNUSED].map(str::to_owned)).collect(),
            directories,
            removals: agenda.removals.clone(),
            unused: agenda.unused.as_ref().map(ToString::to_string),
            file,
            directory: Attributes { mode: dir_mode, ..file },
            done: Generation {
                cache: job.cache.name.clone(),
                generation: job.generation,
                began: job.began,
                files: Vec::new(),
                removed: Vec::new(),
            },
        }
    }

    /// Does it, with the files that come. `None` if nothing came and nothing else was to be done: the volume is as it
    /// was then.
    ///
    /// # Errors
    /// When the volume cannot be read or written, or the files do not come to their end. It must not be uploaded then.
    pub(super) fn run<S: Snapshots>(
        mut self,
        volume: &Volume<S>,
        mut parcels: mpsc::Receiver<Parcel>,
    ) -> Result<Option<Edited>, Failure> {
        volume.warm(self.paths.iter().map(String::as_str))?;
        for path in std::mem::take(&mut self.removals) {
            self.remove(volume, path)?;
        }
        let removed = self.done.removed.len() as u64;
        self.files(volume, &mut parcels)?;
        if let Some(unused) = self.unused.take() {
            self.note(volume, UNUSED, unused.as_bytes())?;
        } else if self.done.files.is_empty() && self.done.removed.is_empty() {
            return Ok(None);
        }
        let files = self.done.files.iter().filter(|file| file.path != UNUSED);
        let written = files.fold(Amount::default(), |sum, file| sum.and(file.size));
        let manifest = self.seal(volume)?;
        Ok(Some(Edited { written, removed, manifest, space: Space::of(&volume.space()?) }))
    }

    /// Writes the files as they come.
    fn files<S: Snapshots>(
        &mut self,
        volume: &Volume<S>,
        parcels: &mut mpsc::Receiver<Parcel>,
    ) -> Result<(), Failure> {
        loop {
            match parcels.blocking_recv() {
                Some(Parcel::File { path, bytes, written }) => {
                    self.make_dirs(volume)?;
                    self.write(volume, &path, &bytes)?;
                    // Nobody waits for it any more when time is over.
                    let _ = written.send(());
                }
                Some(Parcel::End { refused }) => return Self::tidy(volume, &refused),
                None => {
                    return Err(Failure::new(
                        "write",
                        self.done.cache.as_str(),
                        "the downloads have broken off",
                    ));
                }
            }
        }
    }

    /// Makes all directories that the files need, before the first of them is written, so that they lie together.
    fn make_dirs<S: Snapshots>(&mut self, volume: &Volume<S>) -> Result<(), Failure> {
        let directories = std::mem::take(&mut self.directories);
        volume.make_dirs(directories.iter().map(String::as_str), &self.directory)?;
        Ok(())
    }

    fn write<S: Snapshots>(&mut self, volume: &Volume<S>, path: &str, bytes: &[u8]) -> Result<(), Failure> {
        self.done.files.push(Entry::of(volume.write_file(path, bytes, &self.file)?));
        let tracking =
            folder(path).map_or_else(|| TRACKING.to_owned(), |folder| format!("{folder}/{TRACKING}"));
        self.remove(volume, tracking)
    }

    fn remove<S: Snapshots>(&mut self, volume: &Volume<S>, path: String) -> Result<(), Failure> {
        if volume.remove(&path)? {
            self.done.removed.push(path);
        }
        Ok(())
    }

    /// Removes the directories that were made for files that do not come.
    fn tidy<S: Snapshots>(volume: &Volume<S>, refused: &[String]) -> Result<(), Failure> {
        for directory in refused.iter().filter_map(|path| folder(path)) {
            if volume.exists(directory)? && volume.list(directory)?.is_empty() {
                volume.remove(directory)?;
            }
        }
        Ok(())
    }

    /// Writes what later nights need to know.
    fn note<S: Snapshots>(&mut self, volume: &Volume<S>, path: &str, bytes: &[u8]) -> Result<(), Failure> {
        volume.make_dirs([FOLDER], &self.directory)?;
        self.write(volume, path, bytes)
    }

    /// Writes what was done.
    fn seal<S: Snapshots>(&self, volume: &Volume<S>) -> Result<Written, Failure> {
        volume.make_dirs([FOLDER], &self.directory)?;
        let text =
            serde_json::to_vec(&self.done).map_err(|error| Failure::new("write", generation::PATH, error))?;
        volume.write_file(generation::PATH, text.as_slice(), &self.file)
    }
}

pub(super) fn folder(path: &str) -> Option<&str> {
    path.rsplit_once('/').map(|(folder, _)| folder)
}
