//! Reading JSON in either spelling so that every problem is found at once, with its place.

use std::{cell::RefCell, collections::BTreeMap};

use serde_json::{Map, Value};

use super::{Finding, Text};

/// What was found on the way.
#[derive(Default)]
pub(super) struct Notes {
    findings: RefCell<Vec<Finding>>,
    unknown: RefCell<BTreeMap<String, Value>>,
}

impl Notes {
    /// `value` is not what belongs at `place`.
    pub(super) fn malformed(&self, place: &str, message: impl Into<String>) {
        self.findings.borrow_mut().push(Finding::refuse("malformed", place, message));
    }

    pub(super) fn into_parts(self) -> (Vec<Finding>, BTreeMap<String, Value>) {
        (self.findings.into_inner(), self.unknown.into_inner())
    }
}

/// An object. Readers return what is there and note what is wrong with it. `null` is the same as nothing.
pub(super) struct Node<'v, 'n> {
    fields: &'v Map<String, Value>,
    place: String,
    notes: &'n Notes,
}

impl<'v, 'n> Node<'v, 'n> {
    pub(super) fn new(value: &'v Value, place: &str, notes: &'n Notes) -> Option<Self> {
        match value.as_object().filter(|fields| !is_function(fields)) {
            Some(fields) => Some(Self { fields, place: place.to_owned(), notes }),
            None => wrong(notes, place, value, "an object"),
        }
    }

    /// Where `key` is, in the API's spelling.
    fn at(&self, key: &str) -> String {
        if self.place.is_empty() { key.to_owned() } else { format!("{}.{key}", self.place) }
    }

    /// The value of `key`, in the API's spelling or in CloudFormation's.
    fn get(&self, key: &str) -> Option<&'v Value> {
        self.fields.get(key).or_else(|| self.fields.get(&pascal(key))).filter(|value| !value.is_null())
    }

    /// Keeps every field that is neither `known` nor `ignored`, and notes fields that are given in both spellings.
    pub(super) fn only(&self, known: &[&str], ignored: &[&str]) {
        for (name, value) in self.fields {
            let key = camel(name);
            let is_known = known.contains(&key.as_str());
            if is_known && *name != key && self.fields.contains_key(&key) {
                self.notes.malformed(&self.at(&key), format!("given twice, also as `{name}`: keep one"));
            }
            if !is_known && !ignored.contains(&key.as_str()) && !value.is_null() {
                self.notes.unknown.borrow_mut().insert(self.at(&key), value.clone());
            }
        }
    }

    pub(super) fn text(&self, key: &str) -> Option<Text> {
        text(self.get(key)?, &self.at(key), self.notes).filter(|text| !text.is(""))
    }

    pub(super) fn required(&self, key: &str) -> Text {
        if self.get(key).is_none() {
            self.notes.malformed(&self.at(key), format!("missing: `{key}` is required here"));
        }
        self.text(key).unwrap_or_default()
    }

    pub(super) fn number(&self, key: &str) -> Option<u64> {
        let value = self.get(key)?;
        let number = value.as_u64().or_else(|| value.as_str()?.parse().ok());
        number.or_else(|| wrong(self.notes, &self.at(key), value, "a whole number"))
    }

    pub(super) fn texts(&self, key: &str) -> Vec<Text> {
        let read = |(at, value): (String, _)| text(value, &at, self.notes);
        self.list(key).into_iter().filter_map(read).collect()
    }

    pub(super) fn nodes(&self, key: &str) -> Vec<Self> {
        let read = |(at, value): (String, _)| Self::new(value, &at, self.notes);
        self.list(key).into_iter().filter_map(read).collect()
    }

    pub(super) fn node(&self, key: &str) -> Option<Self> {
        Self::new(self.get(key)?, &self.at(key), self.notes)
    }

    /// The object at `key`, whose keys are names that somebody gave.
    pub(super) fn named(&self, key: &str) -> Vec<(String, Self)> {
        let Some(map) = self.node(key) else { return Vec::new() };
        let read = |(name, value)| Some((String::clone(name), Self::new(value, &map.at(name), self.notes)?));
        map.fields.iter().filter_map(read).collect()
    }

    /// The object at `key`, whose keys are names that somebody gave, and whose values are texts.
    pub(super) fn named_texts(&self, key: &str) -> BTreeMap<String, Text> {
        let Some(map) = self.node(key) else { return BTreeMap::new() };
        let fields = map.fields.iter().filter(|(_, value)| !value.is_null());
        let read = |(name, value)| Some((String::clone(name), text(value, &map.at(name), self.notes)?));
        fields.filter_map(read).collect()
    }

    pub(super) fn raw(&self, key: &str) -> Option<Value> {
        self.get(key).cloned()
    }

    fn list(&self, key: &str) -> Vec<(String, &'v Value)> {
        match self.get(key) {
            None => Vec::new(),
            Some(Value::Array(items)) => {
                let at = |(index, item)| (format!("{}[{index}]", self.at(key)), item);
                items.iter().enumerate().map(at).collect()
            }
            Some(other) => wrong(self.notes, &self.at(key), other, "a list").unwrap_or_default(),
        }
    }
}

/// A text, a number or a truth value as text (FIS's parameters are all texts), or an intrinsic function.
fn text(value: &Value, place: &str, notes: &Notes) -> Option<Text> {
    match value {
        Value::String(text) => Some(Text::Known(text.clone())),
        Value::Bool(_) | Value::Number(_) => Some(Text::Known(value.to_string())),
        Value::Object(fields) if is_function(fields) => Some(Text::Deferred(value.clone())),
        Value::Object(_) | Value::Array(_) => {
            wrong(notes, place, value, "a text; JSON inside a parameter goes in quotes, as one text")
        }
        Value::Null => wrong(notes, place, value, "a text"),
    }
}

fn wrong<T>(notes: &Notes, place: &str, value: &Value, expected: &str) -> Option<T> {
    let place = if place.is_empty() { "template" } else { place };
    let found = match value {
        Value::Null => "nothing",
        Value::Bool(_) => "a truth value",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(fields) if is_function(fields) => {
            "a CloudFormation function, which can't be judged before it is deployed"
        }
        Value::Object(_) => "an object",
    };
    notes.malformed(place, format!("must be {expected}; this is {found}"));
    None
}

/// Whether an object is an intrinsic function of CloudFormation, in its long form (`{"Fn::Sub": …}`).
fn is_function(fields: &Map<String, Value>) -> bool {
    let only = fields.iter().next().filter(|_| fields.len() == 1);
    only.is_some_and(|(name, value)| name.starts_with("Fn::") || (name == "Ref" && value.is_string()))
}

fn pascal(key: &str) -> String {
    recased(key, |first| first.to_ascii_uppercase())
}

fn camel(key: &str) -> String {
    recased(key, |first| first.to_ascii_lowercase())
}

fn recased(key: &str, case: impl Fn(char) -> char) -> String {
    let mut chars = key.chars();
    chars.next().map(case).into_iter().chain(chars).collect()
}
