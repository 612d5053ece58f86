//! The log of a drill: every decision, each refusal among them, with the facts that it was made on.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use watchkeeper_domain::{
    drill::{Facts, partition},
    failure::Failure,
    records::{Key, Records, Write},
    text::{self, fingerprint},
};

use crate::{decide::Reason, standing::Run};

/// How long an entry is kept.
const KEPT: SignedDuration = SignedDuration::from_hours(24 * 730);

/// The beginning of the sort key of every entry.
pub const PREFIX: &str = "LOG#";

/// How many characters of facts are kept: an outbox entry lives in the item of the drill, which may have 400 KB.
const FACTS: usize = 30_000;

/// One decision.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Entry {
    /// The same for the same decision.
    pub id: String,
    /// When.
    pub at: Timestamp,
    /// The run, if there was one.
    pub run: Option<Run>,
    /// Why, in one line.
    pub because: String,
    /// The same for programs.
    pub reason: Value,
    /// What was known. `null` where nothing was asked.
    pub facts: Value,
}

impl Entry {
    /// The entry of a decision.
    pub fn new(reason: &Reason, run: Option<&Run>, facts: Option<&Facts>, at: Timestamp) -> Self {
        let because = reason.to_string();
        let facts = facts.map_or(Value::Null, shortened);
        let run_id = run.map(|run| run.id.as_str()).unwrap_or_default();
        Self {
            id: fingerprint([run_id, &at.to_string(), &because]),
            at,
            run: run.cloned(),
            reason: serde_json::to_value(reason).unwrap_or_default(),
            because,
            facts,
        }
    }

    /// The key of the entry in the log of `drill`: sorted by time.
    pub fn key(&self, drill: &str) -> Key {
        let at = self.at.strftime("%Y-%m-%dT%H:%M:%S%.3fZ");
        Key { pk: partition(drill), sk: format!("{PREFIX}{at}#{}", self.id) }
    }
}

fn shortened(facts: &Facts) -> Value {
    let whole = serde_json::to_value(facts).unwrap_or_default();
    let text = whole.to_string();
    if text.len() <= FACTS { whole } else { Value::String(text::cut(&text, FACTS)) }
}

/// Stores `entry` in the log of `drill`, once.
pub(crate) async fn keep<W: Records>(world: &W, drill: &str, entry: &Entry) -> Result<(), Failure> {
    let write = Write { body: entry, due: None, expires_at: Some(entry.at + KEPT) };
    world.keep(&entry.key(drill), &write).await
}
