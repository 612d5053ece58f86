//! What a channel is asked to show, and what may come of it.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::notice::{Notice, Severity};

/// What a channel is asked to show: a notice, or a storm of them folded into one. `domain::render` has a renderer for
/// each sort of channel.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Message {
    /// The newest notice of the case that leads the conversation.
    pub notice: Notice,
    /// The cases of other accounts and Regions that it speaks for, if any.
    pub fold: Option<Fold>,
    /// The conversation: a short key, the same for all its messages. PagerDuty's `dedup_key`, a chat service's
    /// `threadId`.
    pub conversation: String,
    /// Whether an earlier attempt may have arrived: the message must say so in a few words.
    pub repeated: bool,
}

/// Notices of one topic across accounts and Regions, as one. The leading case is among them.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Fold {
    /// How many cases there are.
    pub cases: u32,
    /// How many of them are not over.
    pub open: u32,
    /// How many accounts are affected.
    pub accounts: u32,
    /// The Regions, at most 40.
    pub regions: BTreeSet<String>,
    /// How many affected resources there are.
    pub resources: u32,
    /// The gravest severity of those that are not over.
    pub severity: Severity,
    /// The earliest deadline of those that are not over.
    pub deadline: Option<Timestamp>,
    /// A few of the accounts, at most 10.
    pub examples: Vec<String>,
}

impl Message {
    /// How much it matters: of a storm, the gravest of it.
    pub fn severity(&self) -> Severity {
        self.fold.as_ref().map_or(self.notice.severity, |fold| fold.severity)
    }

    /// The day by which somebody must have acted: of a storm, the earliest.
    pub fn deadline(&self) -> Option<Timestamp> {
        self.fold.as_ref().map_or(self.notice.deadline, |fold| fold.deadline)
    }

    /// Whether everything that it speaks of is over.
    pub fn is_closed(&self) -> bool {
        self.fold.as_ref().map_or(self.notice.is_closed(), |fold| fold.open == 0)
    }
}

impl Fold {
    /// One line: `14 accounts in 2 Regions, 120 resources`.
    pub fn summary(&self) -> String {
        use crate::text::count;
        let number = |count: u32| usize::try_from(count).unwrap_or(usize::MAX);
        format!(
            "{} in {}, {}, {} of {} still open",
            count(number(self.accounts), "account"),
            count(self.regions.len(), "Region"),
            count(number(self.resources), "resource"),
            self.open,
            count(number(self.cases), "case"),
        )
    }
}

/// What a channel is asked to do with a message.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Post {
    /// Show it as the first message of its conversation, or as the next one where a channel cannot thread.
    New,
    /// Show it below the first message, whose id (a Slack `ts`) is given.
    Reply(String),
    /// Put it in the place of the first message, whose id is given.
    Edit(String),
}

/// Why a channel has not shown a message.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Trouble {
    /// What the channel answered, in a few words: a status, an error code. Never an address or a key.
    pub cause: String,
    /// Whether another attempt can succeed.
    pub passing: bool,
    /// How long the channel asks to be left alone (`Retry-After`).
    pub retry_after: Option<SignedDuration>,
    /// Whether it may have been shown all the same, as after a time-out.
    pub ambiguous: bool,
}

impl Trouble {
    /// Nothing that another attempt could change: a 4xx answer.
    pub fn lasting(cause: impl Into<String>) -> Self {
        Self { cause: cause.into(), passing: false, retry_after: None, ambiguous: false }
    }

    /// Something that may be over soon, and the message was certainly not shown: a 429, a refused connection.
    pub fn passing(cause: impl Into<String>, retry_after: Option<SignedDuration>) -> Self {
        Self { cause: cause.into(), passing: true, retry_after, ambiguous: false }
    }

    /// A time-out or a broken answer: the message may have been shown.
    pub fn in_doubt(cause: impl Into<String>) -> Self {
        Self { cause: cause.into(), passing: true, retry_after: None, ambiguous: true }
    }
}
