//! What a decision about a cache is made on.

use std::collections::BTreeMap;

use watchkeeper_domain::ports::Snapshot;
use watchkeeper_volume::night::Verdict;

use super::Effect;
use crate::night::Outcome;

/// What was observed.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    /// What has happened.
    pub news: News,
    /// What the last pass of this invocation did, and what came of it.
    pub acted: Option<Acted>,
    /// The snapshot of the night, where there should be one: by its id, or by its token.
    pub snapshot: Option<Snapshot>,
    /// While a cache is looked after: its snapshots by Region, at home and where copies belong.
    pub snapshots: BTreeMap<String, Vec<Snapshot>>,
}

/// What has happened.
#[derive(Clone, Debug, PartialEq)]
pub enum News {
    /// A night is asked for, by its schedule or by a person.
    Asked {
        /// The same for every copy of that.
        id: String,
        /// Why.
        because: String,
    },
    /// A person wants an earlier generation back.
    RolledBack {
        /// Which; the one before without a number.
        to: Option<u32>,
        /// Why.
        because: String,
    },
    /// Perhaps something: look.
    Look,
}

/// What was done a moment ago.
#[derive(Clone, Debug, PartialEq)]
pub struct Acted {
    /// The act.
    pub act: Effect,
    /// What came of it.
    pub answer: Answer,
}

/// What came of an act. A failure is an answer as well: the rules say whether it is tried again.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// It is done.
    Done,
    /// A part was written, or there was nothing to write.
    Wrote(Box<Outcome>),
    /// A snapshot was read back.
    Checked(Verdict),
    /// The copy has this id.
    Copied(String),
    /// It failed, with these words.
    Failed {
        /// The whole chain.
        why: String,
        /// Whether it may have happened all the same.
        in_doubt: bool,
    },
}
