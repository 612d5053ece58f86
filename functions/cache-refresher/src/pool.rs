//! The volumes of a cache in one Availability Zone: some wait for jobs, some are with them, some are on their way.
//!
//! ```text
//! Making ─ Filling ─ Ready ─ Claimed ─ Retiring ─ gone
//!                      └── outdated ──────┘
//! ```
//!
//! A slot is the life of one volume, and its number is never given again; so its token is its own. A volume that a job
//! has had is not handed out again: the job may have written to it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use watchkeeper_domain::{
    ports::VolumeOrder,
    records::{Key, State},
    text::fingerprint,
};

pub mod decide;
mod effect;
mod intake;
mod reason;
mod supply;

pub use decide::{Acted, Answer, Current, News, Seen, decide};
pub use effect::Effect;
pub use reason::Reason;

/// The pool of one cache in one zone: the head of `POOL#<cache>#<zone>`.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Pool {
    /// The cache.
    pub cache: String,
    /// The id of the Availability Zone.
    pub zone: String,
    /// When this record was begun: tokens of another stack, or of a table that was lost, are others.
    pub since: Timestamp,
    /// Its volumes, by their numbers.
    pub slots: BTreeMap<u32, Slot>,
    /// The number of the next slot.
    pub next: u32,
    /// Before that, EC2 is not asked for a volume again.
    pub hold_until: Option<Timestamp>,
    /// Before that, EC2 is not asked for a copy again.
    pub copies_hold_until: Option<Timestamp>,
    /// What keeps volumes from being made.
    pub trouble: Option<Trouble>,
    /// When the sweep should look; [`Timestamp::UNIX_EPOCH`] for each time.
    pub look_at: Option<Timestamp>,
}

/// One volume, from the order to the end.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Slot {
    /// The generation that it was made from.
    pub generation: u32,
    /// Whether it is the one that others are copied from, and nobody gets.
    pub is_source: bool,
    /// How far it has come.
    pub phase: Phase,
}

/// How far a volume has come.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// It is ordered.
    Making {
        /// The order.
        order: Box<VolumeOrder>,
        /// Since when.
        since: Timestamp,
    },
    /// It is there, and cannot be used yet.
    Filling {
        /// Its id.
        volume: String,
        /// Since when.
        since: Timestamp,
    },
    /// It waits for a job.
    Ready {
        /// Its id.
        volume: String,
        /// Since when.
        since: Timestamp,
    },
    /// A job has it.
    Claimed {
        /// Its id.
        volume: String,
        /// The job.
        by: String,
        /// Since when.
        since: Timestamp,
        /// Until when, unless it is still attached then.
        until: Timestamp,
    },
    /// It is on its way out.
    Retiring {
        /// Its id.
        volume: String,
        /// Why.
        because: String,
    },
}

/// What keeps volumes from being made.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Trouble {
    /// Since when.
    pub since: Timestamp,
    /// EC2's words.
    pub why: String,
    /// Whether people know.
    pub told: bool,
    /// Whether it is over.
    pub is_over: bool,
}

impl Pool {
    /// The key of the head of `cache` in `zone`.
    pub fn key(cache: &str, zone: &str) -> Key {
        Key::head(format!("POOL#{cache}#{zone}"))
    }

    /// The cache and the zone of the pool whose partition is `pk`.
    pub fn parse(pk: &str) -> Option<(&str, &str)> {
        pk.strip_prefix("POOL#")?.split_once('#')
    }

    /// A pool without volumes.
    pub fn new(cache: &str, zone: &str, since: Timestamp) -> Self {
        Self {
            cache: cache.to_owned(),
            zone: zone.to_owned(),
            since,
            slots: BTreeMap::new(),
            next: 1,
            hold_until: None,
            copies_hold_until: None,
            trouble: None,
            look_at: None,
        }
    }

    /// The token of the slot `number`.
    pub fn token(&self, number: u32) -> String {
        fingerprint(
            [&self.cache, &self.zone, &self.since.to_string(), &number.to_string()].map(String::as_str),
        )
    }

    /// How many of the volumes that jobs may get wait for one.
    pub fn ready(&self) -> usize {
        self.slots
            .values()
            .filter(|slot| !slot.is_source && matches!(slot.phase, Phase::Ready { .. }))
            .count()
    }
}

impl Phase {
    /// The id of the volume, once there is one.
    pub fn volume(&self) -> Option<&str> {
        match self {
            Self::Making { .. } => None,
            Self::Filling { volume, .. }
            | Self::Ready { volume, .. }
            | Self::Claimed { volume, .. }
            | Self::Retiring { volume, .. } => Some(volume),
        }
    }

    /// The word for it.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Making { .. } => "making",
            Self::Filling { .. } => "filling",
            Self::Ready { .. } => "ready",
            Self::Claimed { .. } => "claimed",
            Self::Retiring { .. } => "retiring",
        }
    }
}

impl State for Pool {
    fn wake_at(&self) -> Option<Timestamp> {
        self.look_at
    }

    fn expires_at(&self) -> Option<Timestamp> {
        None
    }
}
