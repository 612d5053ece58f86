//! What an item of the table in memory holds, as JSON.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use watchkeeper_domain::{
    failure::Failure,
    records::{Due, Effect, Entry, Key, SCHEMA, Settled, index_time},
};

/// An item, less its key.
#[derive(Debug, Default)]
pub(crate) struct Item {
    pub(crate) schema: u32,
    pub(crate) body: Value,
    /// Absent from a page.
    pub(crate) head: Option<Head>,
    /// Whose sweep, and its `due_at`: absent from the index without.
    pub(crate) sweep: Option<(String, String)>,
    /// Epoch seconds.
    pub(crate) expires_at: Option<i64>,
}

/// What a head has, and a page has not.
#[derive(Clone, Debug, Default)]
pub(crate) struct Head {
    pub(crate) version: u64,
    pub(crate) outbox: BTreeMap<String, Entry<Value>>,
}

impl Item {
    /// An item in today's schema, outside of the index.
    pub(crate) fn new(body: Value, head: Option<Head>) -> Self {
        Self { schema: SCHEMA, body, head, ..Self::default() }
    }

    /// The same, in the index if `due` says so.
    pub(crate) fn due(mut self, due: Option<Due>) -> Self {
        self.sweep = due.map(|due| (due.sweep.to_owned(), index_time(due.at)));
        self
    }

    /// The same, with a time to live.
    pub(crate) fn expires(mut self, at: Option<Timestamp>) -> Self {
        self.expires_at = at.map(Timestamp::as_second);
        self
    }

    /// What it says, if that can be understood.
    pub(crate) fn body<T: DeserializeOwned>(&self, key: &Key) -> Result<T, Failure> {
        if self.schema != SCHEMA {
            return Err(unreadable(key, format!("its schema is {}, not {SCHEMA}", self.schema)));
        }
        from_json(key, &self.body)
    }
}

impl Head {
    /// In the order of [`Effect::seq`], and of the ids where that is the same.
    pub(crate) fn outbox<E: Effect>(&self, key: &Key) -> Result<Vec<Entry<E>>, Failure> {
        let entries = self.outbox.values().map(|entry| {
            let Entry { until, since, doubtful, .. } = *entry;
            Ok(Entry { effect: from_json(key, &entry.effect)?, until, since, doubtful })
        });
        let mut entries = entries.collect::<Result<Vec<Entry<E>>, Failure>>()?;
        entries.sort_by_key(|entry| entry.effect.seq());
        Ok(entries)
    }

    /// Ends one lease.
    pub(crate) fn settle(&mut self, settled: &Settled) {
        match settled {
            Settled::Done(id) => {
                self.outbox.remove(id);
            }
            Settled::Failed { id, until, doubtful } => {
                if let Some(entry) = self.outbox.get_mut(id).filter(|entry| entry.until == *until) {
                    entry.until = Entry::<Value>::FREE;
                    entry.doubtful |= doubtful;
                }
            }
        }
    }
}

/// `entry` as it is kept, under its id.
pub(crate) fn stored<E: Effect>(key: &Key, entry: &Entry<E>) -> Result<(String, Entry<Value>), Failure> {
    let Entry { until, since, doubtful, .. } = *entry;
    let effect = to_json(key, &entry.effect)?;
    Ok((entry.effect.id(), Entry { effect, until, since, doubtful }))
}

/// `value` as it is kept.
pub(crate) fn to_json(key: &Key, value: &impl Serialize) -> Result<Value, Failure> {
    serde_json::to_value(value).map_err(|error| Failure::new("encode", key.to_string(), error))
}

fn from_json<T: DeserializeOwned>(key: &Key, value: &Value) -> Result<T, Failure> {
    T::deserialize(value).map_err(|error| unreadable(key, error))
}

/// What is at `key` cannot be understood.
pub(crate) fn unreadable(key: &Key, why: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Failure {
    Failure::new("interpret", key.to_string(), why)
}
