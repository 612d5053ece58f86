//! The attributes of an item, both ways.
//!
//! | attribute | type | content |
//! |---|---|---|
//! | `pk`, `sk` | S | the key |
//! | `schema` | N | [`SCHEMA`] |
//! | `body` | M | the state, or the page |
//! | `version` | N | heads only |
//! | `outbox` | M | heads only: effect id → `{effect, until, since, doubtful}` |
//! | `sweep`, `due_at` | S | the function and the moment ([`index_time`]), when a sweep has to look at the item |
//! | `expires_at` | N | epoch seconds, when the item may be deleted |

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use serde::{Serialize, de::DeserializeOwned};
use serde_dynamo::aws_sdk_dynamodb_1::{from_attribute_value, to_attribute_value};
use watchkeeper_domain::{
    failure::Failure,
    records::{Effect, Entry, Key, Record, SCHEMA, Write, index_time},
};

/// Attributes by name.
#[expect(clippy::disallowed_types, reason = "the SDK's own type; its order is never seen")]
pub(super) type Attributes = std::collections::HashMap<String, AttributeValue>;

/// Why an item cannot be interpreted.
#[derive(Debug, thiserror::Error)]
enum Unreadable {
    #[error("attribute `{0}` is absent or of another type")]
    Attribute(&'static str),
    #[error("it has schema {0}, and only schema {SCHEMA} is known here")]
    Schema(String),
    #[error("its body has another shape")]
    Body(#[source] serde_dynamo::Error),
    #[error("entry `{id}` of its outbox has another shape")]
    Entry { id: String, source: serde_dynamo::Error },
}

/// `value` as an attribute. Fails when it cannot be stored: a map whose keys are not text, for instance.
pub(super) fn encode<T: Serialize>(key: &Key, value: &T) -> Result<AttributeValue, Failure> {
    to_attribute_value(value).map_err(|error| Failure::new("encode", key.to_string(), error))
}

/// What `write` says about each attribute: its value, or that the item must not have it.
pub(super) fn attributes<T: Serialize>(
    key: &Key,
    write: &Write<'_, T>,
) -> Result<[(&'static str, Option<AttributeValue>); 5], Failure> {
    Ok([
        ("schema", Some(number(SCHEMA))),
        ("body", Some(encode(key, write.body)?)),
        ("sweep", write.due.map(|due| text(due.sweep))),
        ("due_at", write.due.map(|due| text(index_time(due.at)))),
        ("expires_at", write.expires_at.map(|at| number(at.as_second()))),
    ])
}

/// The key of an item.
pub(super) fn key(item: &Attributes) -> Option<Key> {
    let part = |name| Some(item.get(name)?.as_s().ok()?.clone());
    Some(Key { pk: part("pk")?, sk: part("sk")? })
}

/// The key of an item of the index, and the moment at which it is due.
pub(super) fn due(item: &Attributes) -> Option<(Key, Timestamp)> {
    let at = item.get("due_at")?.as_s().ok()?.parse().ok()?;
    Some((key(item)?, at))
}

/// The record in a head.
pub(super) fn record<S: DeserializeOwned, E: Effect>(
    key: &Key,
    mut item: Attributes,
) -> Result<Record<S, E>, Failure> {
    let state = body(key, &mut item)?;
    let version = item.get("version").and_then(|version| version.as_n().ok()?.parse().ok());
    let version = version.ok_or_else(|| unreadable(key, Unreadable::Attribute("version")))?;
    Ok(Record { version, state: Some(state), outbox: outbox(key, item)? })
}

/// The body of an item.
pub(super) fn body<T: DeserializeOwned>(key: &Key, item: &mut Attributes) -> Result<T, Failure> {
    match item.get("schema").and_then(|schema| schema.as_n().ok()) {
        Some(schema) if *schema == SCHEMA.to_string() => {}
        Some(other) => return Err(unreadable(key, Unreadable::Schema(other.clone()))),
        None => return Err(unreadable(key, Unreadable::Attribute("schema"))),
    }
    let body = item.remove("body").ok_or_else(|| unreadable(key, Unreadable::Attribute("body")))?;
    from_attribute_value(body).map_err(|error| unreadable(key, Unreadable::Body(error)))
}

/// The outbox of a head, by sequence.
pub(super) fn outbox<E: Effect>(key: &Key, mut item: Attributes) -> Result<Vec<Entry<E>>, Failure> {
    let Some(AttributeValue::M(entries)) = item.remove("outbox") else {
        return Err(unreadable(key, Unreadable::Attribute("outbox")));
    };
    let mut outbox = Vec::with_capacity(entries.len());
    for (id, entry) in entries {
        let entry = from_attribute_value(entry);
        outbox.push(entry.map_err(|source| unreadable(key, Unreadable::Entry { id, source }))?);
    }
    outbox.sort_by_cached_key(|entry: &Entry<E>| (entry.effect.seq(), entry.effect.id()));
    Ok(outbox)
}

/// A text attribute.
pub(super) fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

/// A number attribute.
pub(super) fn number(value: impl std::fmt::Display) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

fn unreadable(key: &Key, why: Unreadable) -> Failure {
    Failure::new("interpret", key.to_string(), why)
}
