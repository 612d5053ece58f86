//! The fields of `detail`, read without regard to upper and lower case, native types or missing parts.

use std::collections::BTreeMap;

use jiff::{Timestamp, civil, fmt::rfc2822, tz::TimeZone};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use watchkeeper_domain::{
    case::{Entity, EntityStatus, When},
    text,
};

/// An object whose keys AWS has spelt in several ways (`lastUpdatedTime`, `lastUpdatedtime`, `lastupdatedTime`).
pub(super) struct Fields<'a>(&'a Map<String, Value>);

impl<'a> Fields<'a> {
    pub(super) fn of(value: &'a Value) -> Option<Self> {
        value.as_object().map(Self)
    }

    fn get(&self, key: &str) -> Option<&'a Value> {
        let found = self.0.get(key);
        found.or_else(|| {
            self.0.iter().find(|(name, _)| name.eq_ignore_ascii_case(key)).map(|(_, value)| value)
        })
    }

    /// A text, number or boolean as trimmed text; an empty one counts as absent.
    pub(super) fn text(&self, key: &str) -> Option<String> {
        let text = match self.get(key)? {
            Value::String(text) => text.trim().to_owned(),
            Value::Number(number) => number.to_string(),
            Value::Bool(flag) => flag.to_string(),
            Value::Null | Value::Array(_) | Value::Object(_) => return None,
        };
        (!text.is_empty()).then_some(text)
    }

    pub(super) fn number(&self, key: &str) -> Option<u32> {
        self.text(key)?.parse().ok()
    }

    /// A value of one of the enums that keep what they don't know.
    pub(super) fn parsed<T: DeserializeOwned>(&self, key: &str) -> Option<T> {
        serde_json::from_value(Value::String(self.text(key)?)).ok()
    }

    pub(super) fn when(&self, key: &str) -> Option<When> {
        let text = self.text(key)?;
        Some(instant(&text).map_or(When::Raw(text), When::At))
    }

    /// The English text, or the first one that there is.
    pub(super) fn description(&self) -> String {
        let texts: Vec<_> =
            self.get("eventDescription").and_then(Value::as_array).into_iter().flatten().collect();
        let english = texts.iter().find(|it| it["language"].as_str().is_some_and(|it| it.starts_with("en")));
        let chosen = english.or(texts.first()).and_then(|it| it["latestDescription"].as_str());
        text::clean(chosen.unwrap_or_default())
    }

    pub(super) fn metadata(&self) -> BTreeMap<String, String> {
        self.get("eventMetadata").map(texts).unwrap_or_default()
    }

    /// The documentation's table says `OPERATIONAL`; its samples and the API say `OPERATIONS`.
    pub(super) fn personas(&self) -> Vec<String> {
        let named = match self.get("personas") {
            Some(Value::Array(items)) => items.iter().filter_map(Value::as_str).collect(),
            Some(Value::String(one)) => vec![one.as_str()],
            _ => Vec::new(),
        };
        named.into_iter().map(|it| if it == "OPERATIONAL" { "OPERATIONS" } else { it }.to_owned()).collect()
    }

    /// `affectedEntities`, or `resources` of the envelope where there are none.
    pub(super) fn entities(&self, resources: &[String]) -> Vec<Entity> {
        let listed = self.get("affectedEntities").and_then(Value::as_array);
        let entities: Vec<_> = listed.into_iter().flatten().map(entity).collect();
        if !entities.is_empty() {
            return entities;
        }
        let unknown = |value: &String| Entity {
            value: value.clone(),
            status: EntityStatus::Unknown,
            tags: BTreeMap::new(),
        };
        resources.iter().map(unknown).collect()
    }
}

fn entity(value: &Value) -> Entity {
    let unknown = || Entity { value: "UNKNOWN".into(), status: EntityStatus::Unknown, tags: BTreeMap::new() };
    let Some(fields) = Fields::of(value) else {
        return Entity { value: value.as_str().unwrap_or("UNKNOWN").to_owned(), ..unknown() };
    };
    let status = fields.text("status").or_else(|| fields.text("statusCode")).map(|it| it.to_uppercase());
    let status = status.and_then(|it| serde_json::from_value(Value::String(it)).ok());
    Entity {
        value: fields.text("entityValue").unwrap_or_else(|| "UNKNOWN".into()),
        status: status.unwrap_or(EntityStatus::Unknown),
        tags: fields.get("tags").map(texts).unwrap_or_default(),
    }
}

fn texts(value: &Value) -> BTreeMap<String, String> {
    let entries = value.as_object().into_iter().flatten();
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    entries.map(|(key, value)| (key.clone(), text(value))).collect()
}

/// `Thu, 2 Jun 2022 00:02:24 GMT`, whatever the weekday says (the documentation's samples carry wrong ones), or ISO 8601.
pub(super) fn instant(text: &str) -> Option<Timestamp> {
    let rfc2822 = rfc2822::DateTimeParser::new().relaxed_weekday(true);
    let zoneless = || text.parse::<civil::DateTime>().ok()?.to_zoned(TimeZone::UTC).ok();
    rfc2822
        .parse_timestamp(text)
        .or_else(|_| text.parse())
        .ok()
        .or_else(|| zoneless().map(|it| it.timestamp()))
}
