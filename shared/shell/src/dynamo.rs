//! The table in DynamoDB. Its keys are described in [`watchkeeper_domain::records`], its attributes in `item`.

mod create;
mod item;
mod update;

use aws_config::{SdkConfig, retry::RetryConfig};
use aws_sdk_dynamodb::{Client, operation::put_item::PutItemError, types::AttributeValue};
use jiff::Timestamp;
use serde::{Serialize, de::DeserializeOwned};
use watchkeeper_domain::{
    failure::Failure,
    records::{Effect, Entry, Key, Record, Records, SCHEMA, Settled, Write, index_time},
};

use self::{
    item::{Attributes, encode, number, text},
    update::{After, Update},
};
use crate::error::failure;

/// The sparse index of what a sweep has to look at.
pub const SWEEP_INDEX: &str = "sweep";

/// The most keys that one sweep is given. What is left over is still due at the next.
pub const SWEEP_LIMIT: usize = 500;

/// The table. Its client may retry: every operation can be repeated.
#[derive(Clone, Debug)]
pub struct Table {
    client: Client,
    name: String,
}

impl Table {
    /// The table `name`, reached through `config`. A call is tried three times: every operation can be repeated.
    pub fn connect(config: &SdkConfig, name: &str) -> Self {
        let retries = RetryConfig::standard().with_max_attempts(3);
        let config = aws_sdk_dynamodb::config::Builder::from(config).retry_config(retries);
        Self::new(Client::from_conf(config.build()), name)
    }

    /// The table `name`, reached through `client`.
    pub fn new(client: Client, name: impl Into<String>) -> Self {
        Self { client, name: name.into() }
    }

    async fn get(&self, key: &Key) -> Result<Option<Attributes>, Failure> {
        let request = self.client.get_item().table_name(&self.name).consistent_read(true);
        let request = request.key("pk", text(&key.pk)).key("sk", text(&key.sk));
        let answer = request.send().await.map_err(|error| failure("read", key.to_string(), error))?;
        Ok(answer.item)
    }
}

/// Which calls an operation makes (DynamoDB API Reference), and what their conditions guard.
///
/// When the answer to a conditional write that did succeed is lost, the SDK's own retry fails on the condition. That
/// looks like a lost race and is handled as one: whoever then observes again finds their own state, and a lease that
/// nobody knows of runs out.
impl Records for Table {
    /// `GetItem`, consistent.
    async fn read<S: DeserializeOwned, E: Effect>(&self, key: &Key) -> Result<Record<S, E>, Failure> {
        match self.get(key).await? {
            Some(item) => item::record(key, item),
            None => Ok(Record { version: 0, state: None, outbox: Vec::new() }),
        }
    }

    /// `Query`, consistent, as many as it takes: one gives at most 1 MB.
    async fn list<T: DeserializeOwned>(&self, pk: &str, prefix: &str) -> Result<Vec<T>, Failure> {
        let request = self.client.query().table_name(&self.name).consistent_read(true);
        let mut pages = request
            .key_condition_expression("pk = :pk AND begins_with(sk, :prefix)")
            .expression_attribute_values(":pk", text(pk))
            .expression_attribute_values(":prefix", text(prefix))
            .into_paginator()
            .send();
        let mut bodies = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| failure("list", format!("{pk} / {prefix}…"), error))?;
            for mut item in page.items.unwrap_or_default() {
                let key =
                    item::key(&item).unwrap_or_else(|| Key { pk: pk.to_owned(), sk: prefix.to_owned() });
                bodies.push(item::body(&key, &mut item)?);
            }
        }
        Ok(bodies)
    }

    /// `PutItem`, if there is no item.
    async fn keep<T: Serialize>(&self, key: &Key, write: &Write<'_, T>) -> Result<(), Failure> {
        let mut request = self.client.put_item().table_name(&self.name);
        request = request.item("pk", text(&key.pk)).item("sk", text(&key.sk));
        for (name, value) in item::attributes(key, write)? {
            if let Some(value) = value {
                request = request.item(name, value);
            }
        }
        match request.condition_expression("attribute_not_exists(pk)").send().await {
            Ok(_) => Ok(()),
            Err(error) => match error.as_service_error() {
                Some(PutItemError::ConditionalCheckFailedException(_)) => Ok(()),
                _ => Err(failure("write", key.to_string(), error)),
            },
        }
    }

    /// `UpdateItem`, if the item still has `version`, or if there is none and `version` is 0.
    ///
    /// An entry whose id is in the outbox already stays as it is, since somebody may hold its lease.
    async fn swap<S: Serialize, E: Effect>(
        &self,
        key: &Key,
        version: u64,
        write: &Write<'_, S>,
        entries: &[Entry<E>],
    ) -> Result<Option<Vec<Entry<E>>>, Failure> {
        let mut update = Update::of(self, key).set(&["version"], number(version + 1));
        for (name, value) in item::attributes(key, write)? {
            update = match value {
                Some(value) => update.set(&[name], value),
                None => update.remove(&[name]),
            };
        }
        let mut added = Vec::with_capacity(entries.len());
        for entry in entries {
            added.push((entry.effect.id(), encode(key, entry)?));
        }
        if version == 0 {
            // A path into a map that is not there yet is an error, so the first write brings the map.
            let outbox = AttributeValue::M(added.into_iter().collect());
            update = update.set(&["outbox"], outbox).when_absent("pk");
        } else {
            update = update.when(&["version"], number(version)).when(&["schema"], number(SCHEMA));
            update =
                added.into_iter().fold(update, |update, (id, entry)| update.add(&["outbox", &id], entry));
        }
        match update.send().await? {
            After::Changed(item) => item::outbox(key, item).map(Some).map_err(Failure::in_doubt),
            After::Unmet(_) => Ok(None),
        }
    }

    /// `UpdateItem`, if the lease still ends at `from`. A doubtful entry stays doubtful.
    async fn lease(
        &self,
        key: &Key,
        id: &str,
        from: Timestamp,
        until: Timestamp,
        doubtful: bool,
    ) -> Result<bool, Failure> {
        let update = Update::of(self, key).lease(id, from, until, doubtful);
        Ok(matches!(update.send().await?, After::Changed(_)))
    }

    /// `UpdateItem` for all that were done, and one for each that failed, if its lease is still the same.
    async fn settle<E: Effect>(&self, key: &Key, settled: &[Settled]) -> Result<Vec<Entry<E>>, Failure> {
        let mut done = Update::of(self, key).when_present("outbox");
        let mut updates = Vec::new();
        for each in settled {
            match each {
                Settled::Done(id) => done = done.remove(&["outbox", id]),
                Settled::Failed { id, until, doubtful } => {
                    let free = Entry::<E>::FREE;
                    updates.push(Update::of(self, key).lease(id, *until, free, *doubtful));
                }
            }
        }
        if settled.iter().any(|each| matches!(each, Settled::Done(_))) {
            updates.insert(0, done);
        }
        let mut left = None;
        if updates.is_empty() {
            left = self.get(key).await?;
        }
        for update in updates {
            left = update.send().await?.item();
        }
        left.map_or(Ok(Vec::new()), |item| item::outbox(key, item))
    }

    /// `Query` on the index, as many as it takes for [`SWEEP_LIMIT`] keys. The index lags a little behind the table.
    async fn due(&self, sweep: &str, now: Timestamp) -> Result<Vec<(Key, Timestamp)>, Failure> {
        let request = self.client.query().table_name(&self.name).index_name(SWEEP_INDEX);
        let mut items = request
            .key_condition_expression("#sweep = :sweep AND #due_at <= :now")
            .expression_attribute_names("#sweep", "sweep")
            .expression_attribute_names("#due_at", "due_at")
            .expression_attribute_values(":sweep", text(sweep))
            .expression_attribute_values(":now", text(index_time(now)))
            .into_paginator()
            .items()
            .send();
        let mut due = Vec::new();
        while let Some(item) = items.next().await {
            let item = item.map_err(|error| failure("list what is due for", sweep, error))?;
            match item::due(&item) {
                Some(found) => due.push(found),
                // One item that somebody else wrote must not hide all others from the sweep.
                None => tracing::error!(?item, "an item of the index cannot be interpreted"),
            }
            if due.len() == SWEEP_LIMIT {
                break;
            }
        }
        Ok(due)
    }

    /// `UpdateItem`, if the item is still due at `was`.
    async fn rest(&self, key: &Key, was: Timestamp, next: Option<Timestamp>) -> Result<(), Failure> {
        let update = Update::of(self, key).when(&["due_at"], text(index_time(was)));
        let update = match next {
            Some(next) => update.set(&["due_at"], text(index_time(next))),
            None => update.remove(&["sweep"]).remove(&["due_at"]),
        };
        update.send().await?;
        Ok(())
    }
}
