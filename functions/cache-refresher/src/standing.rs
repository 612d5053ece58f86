//! Where a cache stands: its generations, and the night that is under way.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use watchkeeper_domain::{
    records::{Key, State},
    text::fingerprint,
};

use crate::{
    decide::Reason,
    night::{Account, Sealed},
};

/// How long a night is remembered after its end, so that a late copy of what asked for it does nothing.
const MEMORY: SignedDuration = SignedDuration::from_hours(72);

/// Where a cache stands: the head of `CACHE#<name>`.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Standing {
    /// Its name.
    pub cache: String,
    /// The generations that are kept, the oldest first.
    pub generations: Vec<Generation>,
    /// The number of the one that jobs get.
    pub current: Option<u32>,
    /// The highest number that was ever given: none that a snapshot may bear is given twice.
    pub highest: u32,
    /// The night that is under way.
    pub night: Option<Night>,
    /// What was asked for in the last three days, with when each night began.
    pub heard: BTreeMap<String, Timestamp>,
    /// How the last night ended.
    #[serde(default)]
    pub last: Option<Ended>,
    /// When the last night began whose feeders all answered: a delta is asked for since then.
    pub answered_at: Option<Timestamp>,
    /// When the last night began that was only rehearsed.
    pub rehearsed_at: Option<Timestamp>,
    /// Snapshots on their way out, each with its Region: first what is to be deleted is recorded, then it goes.
    pub doomed: Vec<Doomed>,
    /// The tokens of snapshots that came to nothing, with when: what carries one is deleted.
    pub spent: BTreeMap<String, Timestamp>,
    /// Whether copies and leftovers have to be looked after.
    pub care: bool,
    /// The number of the thread in which people read next. A refresh that failed opens one, the next that succeeds ends it.
    pub thread: u32,
    /// How many notices there are in it.
    pub seq: u32,
}

/// A night that is over.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Ended {
    /// When it began.
    pub began: Timestamp,
    /// When it was over.
    pub at: Timestamp,
    /// What came of it: [`crate::decide::Reason`] in words.
    pub outcome: String,
}

/// A published state of a cache.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Generation {
    /// From 1.
    pub number: u32,
    /// Its snapshot.
    pub snapshot: String,
    /// The size of its volume, in GiB.
    pub size_gib: u32,
    /// How many bytes of data it has, where EC2 says so.
    pub full_bytes: Option<u64>,
    /// When it was published.
    pub published_at: Timestamp,
    /// What its night has done.
    pub account: Account,
    /// Its copies, by Region.
    pub copies: BTreeMap<String, String>,
}

/// A snapshot on its way out.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Doomed {
    /// Its Region.
    pub region: String,
    /// Its id.
    pub snapshot: String,
}

/// One night: the way to the next generation. A large one has several parts, each of which is a generation.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Night {
    /// What it was asked for by: the same for every copy of that.
    pub id: String,
    /// Why, in one line.
    pub because: String,
    /// When it began: the time of the files that it writes.
    pub began: Timestamp,
    /// Feeders that can tell are asked for what is newer: what the night before may have seen, and an hour.
    pub newer_than: Option<Timestamp>,
    /// From 1.
    pub part: u32,
    /// What the parts that are published have done.
    pub so_far: Account,
    /// The snapshot that this part begins with.
    pub parent: Option<String>,
    /// The number that its generation will have.
    pub number: u32,
    /// From 1: which snapshot of this part it is. A snapshot that failed keeps its token, so the next one needs another.
    pub attempt: u32,
    /// How often this attempt was begun.
    pub tries: u32,
    /// How far it has come.
    pub phase: Phase,
}

/// How far a night has come. Each step records its intent first; what has come of it is observed by the next pass.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// It begins with the next invocation, which has all its time for it.
    Queued,
    /// An invocation is writing, until then at the latest.
    Writing {
        /// The end of its time.
        until: Timestamp,
    },
    /// Something has failed: it is begun again at that time.
    Pausing {
        /// When.
        until: Timestamp,
        /// What has failed.
        why: String,
    },
    /// All blocks are in the snapshot, and it is being sealed.
    Sealing {
        /// What was put.
        sealed: Box<Sealed>,
        /// What was done.
        account: Box<Account>,
        /// Since when.
        since: Timestamp,
    },
    /// EBS works on the sealed snapshot.
    Completing {
        /// What was put.
        sealed: Box<Sealed>,
        /// What was done.
        account: Box<Account>,
        /// Since when.
        since: Timestamp,
    },
    /// An invocation is reading it back, until then at the latest.
    Checking {
        /// What was put.
        sealed: Box<Sealed>,
        /// What was done.
        account: Box<Account>,
        /// The end of its time.
        until: Timestamp,
    },
}

impl Standing {
    /// The partition of `cache`.
    pub fn partition(cache: &str) -> String {
        format!("CACHE#{cache}")
    }

    /// The key of the head of `cache`.
    pub fn key(cache: &str) -> Key {
        Key::head(Self::partition(cache))
    }

    /// A cache that has never had a night.
    pub fn new(cache: &str) -> Self {
        Self { cache: cache.to_owned(), ..Self::default() }
    }

    /// The generation that jobs get.
    pub fn current(&self) -> Option<&Generation> {
        self.numbered(self.current?)
    }

    /// The generation with this number, if it is kept.
    pub fn numbered(&self, number: u32) -> Option<&Generation> {
        self.generations.iter().find(|generation| generation.number == number)
    }

    /// The same once `night` is over at `now`, for this reason.
    pub(crate) fn after(&self, night: &Night, reason: &Reason, now: Timestamp) -> Self {
        let last = Ended { began: night.began, at: now, outcome: reason.to_string() };
        Self { night: None, last: Some(last), ..self.clone() }
    }

    /// Gives up the snapshot of this attempt of `night`, if there is one.
    pub(crate) fn spend(&mut self, night: &Night, now: Timestamp) {
        self.spent.retain(|_, at| now.duration_since(*at) < MEMORY);
        self.spent.insert(night.token(&self.cache), now);
    }

    /// Remembers that `night` was asked for, and forgets what is long over.
    pub(crate) fn hear(&mut self, night: &str, now: Timestamp) {
        self.heard.retain(|_, at| now.duration_since(*at) < MEMORY);
        self.heard.insert(night.to_owned(), now);
    }
}

impl State for Standing {
    /// A night is looked at as soon as its step is over, or every minute while EBS works; care every minute.
    fn wake_at(&self) -> Option<Timestamp> {
        let night = self.night.as_ref().map(|night| match &night.phase {
            Phase::Queued => night.began,
            Phase::Writing { until } | Phase::Pausing { until, .. } | Phase::Checking { until, .. } => *until,
            Phase::Sealing { since, .. } | Phase::Completing { since, .. } => *since,
        });
        let needs_care = self.care || !self.doomed.is_empty();
        night.or(needs_care.then_some(Timestamp::UNIX_EPOCH))
    }

    fn expires_at(&self) -> Option<Timestamp> {
        None
    }
}

impl Night {
    /// The token of its snapshot.
    pub fn token(&self, cache: &str) -> String {
        fingerprint([cache, &self.id, &self.part.to_string(), &self.attempt.to_string()])
    }
}
