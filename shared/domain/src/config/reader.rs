//! Reading TOML so that every problem is found at once, with its place.

use std::{cell::RefCell, ops::Range, ops::RangeInclusive};

use jiff::{
    civil::{Date, Time},
    tz::TimeZone,
};
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::Problem;

/// The problems found so far in one text.
pub(super) struct Problems<'t> {
    text: &'t str,
    found: RefCell<Vec<Problem>>,
}

impl<'t> Problems<'t> {
    pub(super) fn of(text: &'t str) -> Self {
        Self { text, found: RefCell::default() }
    }

    fn add(&self, at: usize, message: &str) {
        let before = self.text.get(..at).unwrap_or(self.text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        self.found.borrow_mut().push(Problem { line, column, message: message.to_owned() });
    }

    pub(super) fn into_sorted(self) -> Vec<Problem> {
        let mut found = self.found.into_inner();
        found.sort();
        found.dedup();
        found
    }
}

/// A table of the file. Readers return what is there and note what is wrong with it.
#[derive(Clone)]
pub(super) struct Section<'t, 'p> {
    table: DeTable<'t>,
    at: usize,
    problems: &'p Problems<'t>,
}

impl<'t, 'p> Section<'t, 'p> {
    pub(super) fn root(text: &'t str, problems: &'p Problems<'t>) -> Option<Self> {
        let (table, errors) = DeTable::parse_recoverable(text);
        for error in &errors {
            let at = error.span().map_or(0, |span| span.start);
            problems.add(at, &format!("not TOML: {}", error.message()));
        }
        errors.is_empty().then(|| Self { table: table.into_inner(), at: 0, problems })
    }

    /// Notes a problem with the table as a whole.
    pub(super) fn problem(&self, message: &str) {
        self.problems.add(self.at, message);
    }

    /// Notes a problem with the value of `key`.
    pub(super) fn problem_at(&self, key: &str, message: &str) {
        self.problems.add(self.get(key).map_or(self.at, |value| value.span().start), message);
    }

    /// Notes every key that is not among `known`.
    pub(super) fn only(&self, known: &[&str]) {
        for key in self.table.keys().filter(|key| !known.contains(&key.get_ref().as_ref())) {
            let name = key.get_ref();
            let message = format!("unknown key `{name}`; known here: {}", known.join(", "));
            self.problems.add(key.span().start, &message);
        }
    }

    /// Whether `key` is given, well or badly.
    pub(super) fn has(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    pub(super) fn table(&self, key: &str) -> Option<Self> {
        let value = self.get(key)?;
        self.enter(value).or_else(|| self.wrong(value, key, "a table"))
    }

    pub(super) fn tables(&self, key: &str) -> Vec<Self> {
        let Some(value) = self.get(key) else { return Vec::new() };
        let tables =
            value.get_ref().as_array().map(|items| items.iter().map(|item| self.enter(item)).collect());
        let wrong = || self.wrong(value, key, &format!("a list of tables, each under `[[{key}]]`"));
        tables.flatten().or_else(wrong).unwrap_or_default()
    }

    pub(super) fn string(&self, key: &str) -> Option<String> {
        let value = self.get(key)?;
        let text = value.get_ref().as_str().filter(|text| !text.trim().is_empty()).map(str::to_owned);
        text.or_else(|| self.wrong(value, key, "a text in quotes, not empty"))
    }

    pub(super) fn required(&self, key: &str) -> String {
        if self.get(key).is_none() {
            self.problem(&format!("`{key}` is missing here"));
        }
        self.string(key).unwrap_or_default()
    }

    pub(super) fn url(&self, key: &str) -> Option<String> {
        let url = self.string(key)?;
        if !url.starts_with("https://") || url.contains(char::is_whitespace) {
            self.problem_at(key, &format!("`{key}` must be an address that begins with https://"));
        }
        Some(url)
    }

    pub(super) fn strings(&self, key: &str) -> Vec<String> {
        let Some(value) = self.get(key) else { return Vec::new() };
        let texts = value.get_ref().as_array().and_then(|items| {
            let texts = items.iter().map(|item| item.get_ref().as_str().map(str::to_owned));
            texts.collect::<Option<Vec<_>>>().filter(|texts| !texts.is_empty())
        });
        texts
            .or_else(|| self.wrong(value, key, "a list of texts, as in [\"one\", \"two\"]"))
            .unwrap_or_default()
    }

    pub(super) fn integer(&self, key: &str, range: RangeInclusive<i64>) -> Option<i64> {
        let value = self.get(key)?;
        let (low, high) = (range.start(), range.end());
        let number = number(value).filter(|number| range.contains(number));
        number.or_else(|| self.wrong(value, key, &format!("a whole number from {low} to {high}")))
    }

    pub(super) fn integers(&self, key: &str, range: RangeInclusive<i64>) -> Option<Vec<i64>> {
        let value = self.get(key)?;
        let (low, high) = (range.start(), range.end());
        let numbers = value.get_ref().as_array().and_then(|items| {
            items.iter().map(|item| number(item).filter(|number| range.contains(number))).collect()
        });
        numbers.or_else(|| self.wrong(value, key, &format!("a list of whole numbers from {low} to {high}")))
    }

    /// A number, whole or not.
    pub(super) fn decimal(&self, key: &str) -> Option<f64> {
        let value = self.get(key)?;
        let whole = || value.get_ref().as_integer().map(|it| it.as_str());
        let text = value.get_ref().as_float().map(|it| it.as_str()).or_else(whole);
        let decimal = text.and_then(|text| text.parse::<f64>().ok()).filter(|it| it.is_finite());
        decimal.or_else(|| self.wrong(value, key, "a number"))
    }

    pub(super) fn count(&self, key: &str, range: RangeInclusive<i64>) -> Option<u64> {
        self.integer(key, range)?.try_into().ok()
    }

    pub(super) fn boolean(&self, key: &str) -> Option<bool> {
        let value = self.get(key)?;
        value.get_ref().as_bool().or_else(|| self.wrong(value, key, "true or false"))
    }

    pub(super) fn date(&self, key: &str) -> Option<Date> {
        let value = self.get(key)?;
        date(value).or_else(|| self.wrong(value, key, "a day, as in 2026-12-31"))
    }

    pub(super) fn dates(&self, key: &str) -> Vec<Date> {
        let Some(value) = self.get(key) else { return Vec::new() };
        let dates = value.get_ref().as_array().and_then(|items| items.iter().map(date).collect());
        let wrong = || self.wrong(value, key, "a list of days, as in [2026-12-25, 2026-12-26]");
        dates.or_else(wrong).unwrap_or_default()
    }

    /// An IANA time zone, which must be given.
    pub(super) fn zone(&self, key: &str) -> Option<TimeZone> {
        let name = self.required(key);
        let zone = TimeZone::get(&name).ok();
        if zone.is_none() && !name.is_empty() {
            self.problem_at(key, &format!("`{name}` is no IANA time zone, as in Europe/Berlin"));
        }
        zone
    }

    pub(super) fn time(&self, key: &str) -> Option<Time> {
        if self.get(key).is_none() {
            self.problem(&format!("`{key}` is missing here"));
        }
        let value = self.get(key)?;
        let text = match value.get_ref() {
            DeValue::Datetime(time) => Some(time.to_string()),
            DeValue::String(text) => Some(text.to_string()),
            DeValue::Integer(_)
            | DeValue::Float(_)
            | DeValue::Boolean(_)
            | DeValue::Array(_)
            | DeValue::Table(_) => None,
        };
        let time = text.and_then(|text| text.parse().ok());
        time.or_else(|| self.wrong(value, key, "a time of day, as in \"22:00\""))
    }

    /// An `https` address, or one on this machine, without a slash at its end; `default` where none is given.
    pub(super) fn endpoint(&self, key: &str, default: &str) -> String {
        let Some(_) = self.get(key) else { return default.to_owned() };
        let url = self.string(key).unwrap_or_default();
        let is_local = url.starts_with("http://127.0.0.1:") || url.starts_with("http://localhost:");
        if !(url.starts_with("https://") || is_local) {
            self.problem_at(key, &format!("`{key}` must be an address that begins with https://"));
        }
        url.trim_end_matches('/').to_owned()
    }

    /// The tables in this one, by their keys.
    pub(super) fn named_tables(&self) -> Vec<(String, Self)> {
        let keys: Vec<_> = self.table.keys().map(|key| key.get_ref().to_string()).collect();
        keys.into_iter().filter_map(|key| self.table(&key).map(|table| (key, table))).collect()
    }

    /// The keys of this table with their texts.
    pub(super) fn entries(&self) -> Vec<(String, String)> {
        let keys: Vec<_> = self.table.keys().map(|key| key.get_ref().to_string()).collect();
        keys.into_iter().filter_map(|key| self.string(&key).map(|value| (key, value))).collect()
    }

    fn get(&self, key: &str) -> Option<&Spanned<DeValue<'t>>> {
        self.table.get(key)
    }

    fn enter(&self, value: &Spanned<DeValue<'t>>) -> Option<Self> {
        let table = value.get_ref().as_table()?.clone();
        Some(Self { table, at: value.span().start, problems: self.problems })
    }

    fn wrong<T>(&self, value: &Spanned<DeValue<'t>>, key: &str, expected: &str) -> Option<T> {
        let Range { start, .. } = value.span();
        self.problems.add(start, &format!("`{key}` must be {expected}"));
        None
    }
}

fn number(value: &Spanned<DeValue<'_>>) -> Option<i64> {
    let integer = value.get_ref().as_integer()?;
    i64::from_str_radix(integer.as_str(), integer.radix()).ok()
}

fn date(value: &Spanned<DeValue<'_>>) -> Option<Date> {
    match value.get_ref() {
        DeValue::Datetime(date) => date.to_string().parse().ok(),
        DeValue::String(text) => text.parse().ok(),
        DeValue::Integer(_)
        | DeValue::Float(_)
        | DeValue::Boolean(_)
        | DeValue::Array(_)
        | DeValue::Table(_) => None,
    }
}
