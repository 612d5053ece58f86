//! What a night came to: what people are shown of it.

use std::fmt::Display;

use serde::{Deserialize, Serialize};
use watchkeeper_domain::text;
use watchkeeper_packages::Limits;
use watchkeeper_volume::{device::Device, ext4, snapshots::Snapshots};

use super::{
    agenda::Agenda,
    edit::Edited,
    feed::{Fed, Stop},
};

/// How much of a path is repeated, in characters.
const EXCERPT: usize = 200;
/// How many problems are kept word by word.
const SHOWN: usize = 20;
/// The example rates of EBS for the direct APIs, in millionths of a dollar a block (EBS User Guide, "Pricing for EBS
/// direct APIs"): reading and putting. Listing costs less than a millionth a night.
const RATES: [u64; 2] = [3, 6];

/// What a night came to. Those of several parts are added up by [`Account::and`].
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct Account {
    /// Files that were to be downloaded.
    pub planned_files: u64,
    /// Their size in bytes, where it was known before.
    pub planned_bytes: u64,
    /// Files that were written.
    pub written_files: u64,
    /// Their size, in bytes.
    pub written_bytes: u64,
    /// Files that are left for the next part.
    pub left: u64,
    /// Files that were taken out.
    pub removed: u64,
    /// Files that could not be had or written, and whatever else went wrong and did not end the night.
    pub problem_count: u64,
    /// The first 20 of them, in words.
    pub problems: Vec<String>,
    /// Blocks of 512 KiB that were put; in a rehearsal, that changed.
    pub blocks: u64,
    /// Whether they would be more: the rehearsal had no room in memory for all of it, or no time.
    pub blocks_are_at_least: bool,
    /// Blocks that were read.
    pub blocks_read: u64,
    /// The most memory that blocks have taken, and downloads may have taken, in bytes.
    pub peak_memory: u64,
    /// How full the filesystem is.
    pub space: Option<Space>,
    /// What EBS asks for reading and putting, in millionths of a dollar, by the rates of its documentation's example. An
    /// example: rates differ by Region.
    pub example_microdollars: u64,
}

/// Files, and their size.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Amount {
    /// How many there are.
    pub files: u64,
    /// Their size, in bytes.
    pub bytes: u64,
}

/// How full a filesystem is.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Space {
    /// What is in use, in bytes.
    pub used_bytes: u64,
    /// What there is, in bytes.
    pub total_bytes: u64,
}

impl Account {
    /// This and what the next part of the same night came to.
    #[must_use]
    pub fn and(mut self, next: Self) -> Self {
        // What the next part was to do is what this one left.
        self.planned_files = self.planned_files.max(self.written_files + next.planned_files);
        self.planned_bytes = self.planned_bytes.max(self.written_bytes + next.planned_bytes);
        self.written_files += next.written_files;
        self.written_bytes += next.written_bytes;
        self.left = next.left;
        self.removed += next.removed;
        // Each part meets the problems of the one before again.
        if next.problem_count >= self.problem_count {
            (self.problem_count, self.problems) = (next.problem_count, next.problems);
        }
        self.blocks += next.blocks;
        self.blocks_are_at_least |= next.blocks_are_at_least;
        self.blocks_read += next.blocks_read;
        self.peak_memory = self.peak_memory.max(next.peak_memory);
        self.space = next.space.or(self.space);
        self.example_microdollars += next.example_microdollars;
        self
    }

    pub(super) fn planned(agenda: &Agenda) -> Self {
        let mut account = Self {
            planned_files: agenda.wanted.len() as u64,
            planned_bytes: agenda.wanted.iter().filter_map(|wanted| wanted.size).sum(),
            space: agenda.space,
            ..Self::default()
        };
        agenda.problems.iter().for_each(|problem| account.note(problem));
        account
    }

    pub(super) fn note(&mut self, problem: impl Display) {
        self.problem_count += 1;
        if self.problems.len() < SHOWN {
            self.problems.push(problem.to_string());
        }
    }

    /// Takes in what was downloaded, and what was done with it; without `edited`, as far as it is known.
    pub(super) fn settle(&mut self, fed: &Fed, edited: Option<&Edited>) {
        fed.refused.iter().for_each(|(path, cause)| self.note(problem(path, cause)));
        let written = edited.map_or(fed.written, |edited| edited.written);
        (self.written_files, self.written_bytes) = (written.files, written.bytes);
        self.removed = edited.map_or(0, |edited| edited.removed);
        self.space = edited.map(|edited| edited.space).or(self.space);
        let left = self.planned_files.saturating_sub(written.files + fed.refused.len() as u64);
        if fed.stop == Some(Stop::Room) {
            let files = text::count(usize::try_from(left).unwrap_or(usize::MAX), "file");
            self.note(format!("the volume is full, {files} left out: prune, or begin a larger volume"));
        } else {
            self.left = left;
        }
        self.blocks_are_at_least = self.left > 0 || fed.stop == Some(Stop::Memory);
    }

    /// Takes in what it took by now.
    pub(super) fn measure<S: Snapshots>(&mut self, device: &Device<S>, limits: &Limits) {
        self.blocks_read = device.progress().counts().read;
        self.peak_memory = (device.peak_memory() as u64).saturating_add(limits.memory());
        self.example_microdollars = RATES[0] * self.blocks_read + RATES[1] * self.blocks;
    }
}

/// What is wrong with the file at `path`, which somebody else has named.
pub(super) fn problem(path: &str, cause: impl Display) -> String {
    format!("{}: {cause}", text::cut(&text::line(path), EXCERPT))
}

impl Amount {
    /// This and one more file.
    pub(super) fn and(self, bytes: u64) -> Self {
        Self { files: self.files + 1, bytes: self.bytes + bytes }
    }
}

impl Space {
    pub(super) fn of(space: &ext4::Space) -> Self {
        let size = u64::from(space.block_size);
        let used = space.blocks.saturating_sub(space.free_blocks);
        Self { used_bytes: used * size, total_bytes: space.blocks * size }
    }
}
