//! State: one DynamoDB table, its keys, and the port through which it is kept.
//!
//! | item | `pk` | `sk` | content |
//! |---|---|---|---|
//! | head of a case | `CASE#<account>#<event ARN>` | `HEAD` | [`crate::case::Case`], `version`, `outbox` |
//! | page of a communication | the same | `PAGE#<communication>#<page>` | [`crate::case::Page`], written once |
//! | payload nobody could read | `MALFORMED#<fingerprint>` | `HEAD` | its beginning, `version`, `outbox` |
//! | conversation on a channel | `TALK#<channel>#<conversation>` | `HEAD` | what is shown, who is speaking, `version` |
//! | notice to be shown in it | the same | `NOTICE#<thread>#<seq>` | what the conversation needs of it, written once |
//! | conversation that a case has joined | `THREAD#<channel>#<thread>` | `HEAD` | its name, written once |
//! | where a drill stands | `DRILL#<name>` | `HEAD` | its run, what it has heard, `version`, `outbox` |
//! | decision about it | the same | `LOG#<time>#<id>` | why, and the facts that it was made on, written once |
//! | what a run has proved | the same | `PROOF#<time>#<experiment>` | [`crate::drill::Proof`], written once |
//! | where a cache stands | `CACHE#<name>` | `HEAD` | its generations, its night, `version`, `outbox` |
//! | what a CI job has missed in it | the same | `MISSED#<id>` | the paths, written once, for two weeks |
//! | its volumes in one zone | `POOL#<cache>#<zone id>` | `HEAD` | who has which, `version`, `outbox` |
//! | experiment | `EXPERIMENT#<id>` | `HEAD` | its timeline and verdict, `version`, `outbox` |
//! | what was measured of it | the same | `SERIES#<nn>` | [`crate::ports::Series`] of one measure, written once |
//! | drill that may start | `FLOOR` | `HEAD` | [`crate::drill::Floor`], `version` |
//! | switch that halts all drills | `HALT` | `HEAD` | [`crate::drill::Halt`], or none, `version` |
//! | open issues of AWS Health | `ISSUES` | `HEAD` | [`crate::drill::Book`], `version` |
//! | conversation that new cases of a topic join | `TOPIC#<channel>#<fingerprint>` | `HEAD` | its name, until when, `version` |
//!
//! Every item has `schema` and `body`. A head also has `version`, which every change of `body` raises by one, and
//! `outbox`, a map by effect id: recording adds entries and settling removes them by key, so nobody drops another's.
//! Items that the sweep has to look at carry `sweep` (the function) and `due_at` (UTC, whole seconds): the keys of the
//! sparse index `sweep`. The index only nominates; what is decided on is read consistently, and an item leaves the
//! index when the sweep has looked at it and found nothing more to do. `expires_at` is the table's TTL (epoch seconds).

use jiff::Timestamp;
use serde::{Serialize, de::DeserializeOwned};

use crate::failure::Failure;

mod held;

pub use held::HoldsRecords;

/// The version of the stored shapes. An item with another one is reported and left alone.
pub const SCHEMA: u32 = 1;

/// The sort key of every head.
pub const HEAD: &str = "HEAD";

/// The key of one item.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub struct Key {
    /// Partition key, at most 2,048 bytes.
    pub pk: String,
    /// Sort key, at most 1,024 bytes.
    pub sk: String,
}

impl Key {
    /// The head of the partition `pk`.
    pub fn head(pk: impl Into<String>) -> Self {
        Self { pk: pk.into(), sk: HEAD.to_owned() }
    }
}

impl std::fmt::Display for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} / {}", self.pk, self.sk)
    }
}

/// When the sweep of a function should look at an item, at the latest.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Due {
    /// The function whose sweep it is.
    pub sweep: &'static str,
    /// The moment, kept in whole seconds.
    pub at: Timestamp,
}

/// The state that a head keeps.
pub trait State: Serialize + DeserializeOwned {
    /// When the sweep should look at it although nothing has happened, if ever.
    fn wake_at(&self) -> Option<Timestamp>;
    /// When it may be deleted, if ever.
    fn expires_at(&self) -> Option<Timestamp>;
}

/// An effect: something to be done once it is recorded.
pub trait Effect: Clone + Serialize + DeserializeOwned {
    /// The same for the same effect on every run: the key in the outbox.
    fn id(&self) -> String;
    /// Its place in the order of its record. Lower ones are done first.
    fn seq(&self) -> u32;
    /// Whether it starts, stops, creates or deletes something in somebody's account. An act is done once, by whoever has
    /// recorded the intent, and never stands in an outbox: what is left of one is observed, and decided anew.
    fn is_act(&self) -> bool {
        false
    }
}

/// The effect of records that have no outbox.
#[derive(Clone, Debug, PartialEq, Serialize, serde::Deserialize)]
pub enum Nothing {}

impl Effect for Nothing {
    fn id(&self) -> String {
        match *self {}
    }

    fn seq(&self) -> u32 {
        match *self {}
    }
}

/// An effect in the outbox of a record.
#[derive(Clone, Debug, PartialEq, Serialize, serde::Deserialize)]
pub struct Entry<E> {
    /// What to do.
    pub effect: E,
    /// The end of the lease of whoever is doing it; [`Entry::FREE`] when nobody is.
    pub until: Timestamp,
    /// When it was recorded: the age of the outbox.
    pub since: Timestamp,
    /// Whether an earlier attempt may have gone out.
    pub doubtful: bool,
}

impl<E> Entry<E> {
    /// The lease of nobody.
    pub const FREE: Timestamp = Timestamp::UNIX_EPOCH;

    /// Whether somebody is doing it at `now`.
    pub fn is_leased(&self, now: Timestamp) -> bool {
        self.until > now
    }
}

/// A head as it was read: its version is what the next write is compared with.
#[derive(Clone, Debug, PartialEq)]
pub struct Record<S, E> {
    /// 0 when there is no item yet.
    pub version: u64,
    /// The state, when there is an item.
    pub state: Option<S>,
    /// What was recorded and is not settled, in the order of [`Effect::seq`].
    pub outbox: Vec<Entry<E>>,
}

/// What to write.
#[derive(Clone, Debug, PartialEq)]
pub struct Write<'a, S> {
    /// The body of the item.
    pub body: &'a S,
    /// When the sweep should look at it.
    pub due: Option<Due>,
    /// When it may be deleted.
    pub expires_at: Option<Timestamp>,
}

/// How a leased entry ended.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Settled {
    /// It was done: it leaves the outbox.
    Done(String),
    /// It was not done: it stays, free to be taken at once.
    Failed {
        /// Its id.
        id: String,
        /// The lease under which it was tried. Nothing happens if somebody else has taken the entry meanwhile.
        until: Timestamp,
        /// Whether it may have gone out all the same.
        doubtful: bool,
    },
}

/// The table: `dynamodb:GetItem`, `PutItem`, `UpdateItem`, `Query` (and `Query` on the index `sweep`).
///
/// Every read but [`Records::due`] is consistent. Every operation can be repeated.
#[expect(async_fn_in_trait, reason = "functions run on one thread, so futures need not be Send")]
pub trait Records {
    /// The head at `key`. An item of another shape is a failure, never an empty record.
    async fn read<S: DeserializeOwned, E: Effect>(&self, key: &Key) -> Result<Record<S, E>, Failure>;

    /// The bodies of the items of `pk` whose sort key begins with `prefix`, by sort key.
    async fn list<T: DeserializeOwned>(&self, pk: &str, prefix: &str) -> Result<Vec<T>, Failure>;

    /// Writes an item that never changes, unless it is there already.
    async fn keep<T: Serialize>(&self, key: &Key, write: &Write<'_, T>) -> Result<(), Failure>;

    /// Replaces the body at `key` if its version is still `version`, and adds `entries` to the outbox.
    /// Returns the whole outbox as it then is, or `None` when somebody else was faster.
    async fn swap<S: Serialize, E: Effect>(
        &self,
        key: &Key,
        version: u64,
        write: &Write<'_, S>,
        entries: &[Entry<E>],
    ) -> Result<Option<Vec<Entry<E>>>, Failure>;

    /// Takes the entry `id` if its lease still ends at `from`: the new lease ends at `until`, and the entry is doubtful
    /// from now on if `doubtful` says so. Returns whether it was taken.
    async fn lease(
        &self,
        key: &Key,
        id: &str,
        from: Timestamp,
        until: Timestamp,
        doubtful: bool,
    ) -> Result<bool, Failure>;

    /// Ends leases, without raising the version. Returns what is left in the outbox.
    async fn settle<E: Effect>(&self, key: &Key, settled: &[Settled]) -> Result<Vec<Entry<E>>, Failure>;

    /// The keys that are due for `sweep` at `now`, earliest first, with the moment each was due. May be out of date.
    async fn due(&self, sweep: &str, now: Timestamp) -> Result<Vec<(Key, Timestamp)>, Failure>;

    /// Moves an item that was due at `was` to `next`, or out of the index. Nothing happens if it has moved meanwhile.
    async fn rest(&self, key: &Key, was: Timestamp, next: Option<Timestamp>) -> Result<(), Failure>;
}

/// `at` as the index stores it: UTC, whole seconds, so that text sorts as time.
pub fn index_time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
