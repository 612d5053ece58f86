//! The one shape that people receive, and the domain event beside it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// How much something matters, in the order in which to look at it.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Good to know.
    Low,
    /// Plan it.
    Medium,
    /// Do it this week.
    High,
    /// Do it now.
    Critical,
}

impl Severity {
    /// Every severity, the least first.
    pub const ALL: [Self; 4] = [Self::Low, Self::Medium, Self::High, Self::Critical];

    /// The next lower one.
    #[must_use]
    pub fn lowered(self) -> Self {
        match self {
            Self::Critical => Self::High,
            Self::High => Self::Medium,
            Self::Medium | Self::Low => Self::Low,
        }
    }

    /// The word in messages and message attributes.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

/// What sort of thing a notice is about.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Something is broken now.
    Issue,
    /// A version or a feature is ending.
    PlannedLifecycle,
    /// Maintenance or a retirement at a known time.
    ScheduledChange,
    /// News about the account.
    AccountNotification,
    /// Abuse, risk, exposed credentials.
    Security,
    /// Something went well.
    GoodNews,
    /// A payload that nobody could read.
    Malformed,
    /// A channel that refuses messages.
    Undeliverable,
    /// A rehearsal of a failure: announced, refused, started, over.
    Drill,
    /// A CI cache: refreshed, not refreshed, rolled back.
    Cache,
}

impl Kind {
    /// The word in messages and message attributes.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Issue => "issue",
            Self::PlannedLifecycle => "planned-lifecycle",
            Self::ScheduledChange => "scheduled-change",
            Self::AccountNotification => "account-notification",
            Self::Security => "security",
            Self::GoodNews => "good-news",
            Self::Malformed => "malformed",
            Self::Undeliverable => "undeliverable",
            Self::Drill => "drill",
            Self::Cache => "cache",
        }
    }
}

/// What has changed since the last notice of the same case.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// It is new.
    Opened,
    /// Something about it is different.
    Updated,
    /// Some resources are resolved since.
    BurnedDown,
    /// Its deadline has come closer.
    CountedDown,
    /// It is over.
    Resolved,
    /// It was over and is not any more.
    Reopened,
}

impl Change {
    /// The word in messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::Updated => "updated",
            Self::BurnedDown => "burned down",
            Self::CountedDown => "counted down",
            Self::Resolved => "resolved",
            Self::Reopened => "reopened",
        }
    }
}

/// A named fact, to be shown as a line of a list.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Fact {
    /// Its name: `Deadline`.
    pub name: String,
    /// Its value, one line.
    pub value: String,
}

/// An affected resource, by name.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Resource {
    /// An ARN or an id, as AWS sent it.
    pub name: String,
    /// AWS's word for its status.
    pub status: String,
}

/// A place to go on reading.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Link {
    /// What it is: `Runbook`.
    pub title: String,
    /// An `https` address.
    pub url: String,
}

/// What people receive, and all that they receive. At most about 32 KiB as JSON.
///
/// Text that AWS wrote (`text`, names of resources) is cleaned, not escaped: each renderer escapes for its channel.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Notice {
    /// The same for the same notice on every run.
    pub id: String,
    /// The case, as a short thread key.
    pub thread: String,
    /// Its place in the case, from 1. On a channel, a lower one than the last is out of date.
    pub seq: u32,
    /// What sort of thing it is about.
    pub kind: Kind,
    /// What has changed.
    pub change: Change,
    /// How much it matters.
    pub severity: Severity,
    /// One line: what, where, until when.
    pub headline: String,
    /// AWS's own words, cleaned and cut.
    pub text: String,
    /// The facts, in the order to show them.
    pub facts: Vec<Fact>,
    /// The first affected resources, those that need something first.
    pub resources: Vec<Resource>,
    /// How many affected resources there are.
    pub resource_count: u32,
    /// The day by which somebody must have acted.
    pub deadline: Option<Timestamp>,
    /// Who owns it.
    pub owner: Option<String>,
    /// What to do next, in one or two sentences.
    pub next_step: String,
    /// The runbook first, then AWS's pages.
    pub links: Vec<Link>,
    /// `RDS`.
    pub service: String,
    /// `AWS_RDS_PLANNED_LIFECYCLE_EVENT`.
    pub type_code: String,
    /// The impacted Region, or `global`.
    pub region: String,
    /// The affected account.
    pub account: String,
    /// `production`, where the configuration names it.
    pub environment: Option<String>,
    /// `OPERATIONS`, `SECURITY`, `BILLING`.
    pub personas: Vec<String>,
    /// `ACTION_REQUIRED`, `ACTION_MAY_BE_REQUIRED`, `INFORMATIONAL`, or empty.
    pub actionability: String,
    /// The event ARN; empty for a malformed payload.
    pub event_arn: String,
    /// What to fold a storm by: the type code with the deprecated version, or the service and Region of an issue.
    pub topic: String,
    /// Whether the provider causes a change (all but drills and malformed payloads).
    pub provider_change: bool,
    /// Whether it is a drill.
    pub drill: bool,
    /// When it was decided.
    pub at: Timestamp,
}

impl Notice {
    /// Whether what it is about is over.
    pub fn is_closed(&self) -> bool {
        self.change == Change::Resolved
    }

    /// What has changed, in the word that fits its kind: a drill is not opened but announced.
    pub fn change_word(&self) -> &'static str {
        match (self.kind, self.change) {
            (Kind::Drill, Change::Opened) => "announced",
            (Kind::Drill, Change::Resolved) => "over",
            (Kind::Cache, Change::Opened) => "failed",
            (Kind::Cache, Change::Updated) => "failed again",
            (Kind::Cache, Change::Resolved) => "done",
            (_, change) => change.as_str(),
        }
    }
}

/// What a function concluded, for other functions and for the user's own automation.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct DomainEvent {
    /// The same for the same event on every run.
    pub id: String,
    /// The detail-type: `Case Opened`, `Case Updated`, `Case Closed`.
    pub detail_type: String,
    /// The detail: what people were told.
    pub notice: Notice,
}
