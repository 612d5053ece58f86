//! What is known of one experiment, and what has been done about it.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use watchkeeper_domain::{
    experiment::{timeline::Timeline, verdict::Verdict},
    records::{Key, State},
    text::fingerprint,
};

/// The notices of `chaos-trigger` in the same thread have lower numbers.
const FIRST: u32 = 1000;

/// The beginning of the partition of an experiment.
pub(crate) const EXPERIMENT: &str = "EXPERIMENT#";

/// The head of `EXPERIMENT#<id>`. It is kept for good: FIS forgets after 120 days.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Watch {
    /// What has happened.
    pub timeline: Timeline,
    /// The number of the last notice of it from here. They count on from 1000, after those of `chaos-trigger`.
    pub seq: u32,
    /// Whether people know of it here: of an experiment that nobody has announced, or of an early end.
    pub told: BTreeSet<Told>,
    /// The hash of its template, when it was first seen.
    pub template: Option<String>,
    /// The names of the targets of its template.
    pub targets: BTreeSet<String>,
    /// Why Watchkeeper has decided to stop it, and when it asked FIS last.
    pub stop: Option<(String, Timestamp)>,
    /// What it has proved.
    pub verdict: Option<Verdict>,
    /// When to look at it again.
    pub wake_at: Option<Timestamp>,
}

/// What people were told of an experiment besides its verdict, once.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Told {
    /// It runs, and no drill has announced it.
    Stranger,
    /// Watchkeeper stops it.
    Stop,
    /// Watchkeeper would stop it, but for the leash.
    Leash,
    /// It has ended early.
    EarlyEnd,
}

impl Watch {
    /// Nothing known but the id.
    pub fn new(experiment: &str) -> Self {
        Self { timeline: Timeline::of(experiment), seq: FIRST, ..Self::default() }
    }

    /// The thread in which people read of it: that of its drill's run, or one of its own.
    pub fn thread(&self) -> String {
        self.timeline.thread.clone().unwrap_or_else(|| fingerprint([self.timeline.experiment.as_str()]))
    }

    /// Where it is kept.
    pub fn key(experiment: &str) -> Key {
        Key::head(partition(experiment))
    }
}

/// The partition of everything about an experiment.
pub fn partition(experiment: &str) -> String {
    format!("{EXPERIMENT}{experiment}")
}

impl State for Watch {
    fn wake_at(&self) -> Option<Timestamp> {
        self.wake_at
    }

    fn expires_at(&self) -> Option<Timestamp> {
        None
    }
}
