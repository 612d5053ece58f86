//! One all-day event: its first day, how many days it takes, and in which years.

use std::{collections::BTreeSet, num::NonZeroU16};

use icalendar::parser::{Component, Property};
use jiff::{Span, civil::Date};
use watchkeeper_domain::text;

/// The longest name of a day, in characters.
pub(super) const NAME: usize = 60;

const MEND: &str = "make each of its days an event of its own";

/// An event that takes whole days.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Event {
    /// Its summary, on one line.
    pub(super) name: String,
    /// How many days after its first it goes on.
    pub(super) further_days: i32,
    start: Date,
    yearly: Option<Yearly>,
    except: BTreeSet<Date>,
}

/// The same day again, every so many years.
#[derive(Clone, Debug, PartialEq)]
struct Yearly {
    every: NonZeroU16,
    times: Option<NonZeroU16>,
    until: Option<Date>,
}

impl Event {
    /// Reads it. `replaced` are days on which it is not repeated, for another event stands in their place.
    ///
    /// # Errors
    /// What keeps its days from being known.
    pub(super) fn read(event: &Component<'_>, replaced: Option<&BTreeSet<Date>>) -> Result<Self, String> {
        let start = value(event, "DTSTART").ok_or("it has no DTSTART")?;
        let start = day_of("DTSTART", start)?;
        for refused in ["RDATE", "EXRULE"] {
            if let Some(value) = value(event, refused) {
                return Err(format!("{refused} {} is not understood: {MEND}", shown(value)));
            }
        }
        for replaced in properties(event, "RECURRENCE-ID") {
            day_of("RECURRENCE-ID", replaced.val.as_str())?;
            if replaced.params.iter().any(|it| it.key.as_str().eq_ignore_ascii_case("RANGE")) {
                return Err(format!("RECURRENCE-ID with a RANGE is not understood: {MEND}"));
            }
        }
        Ok(Self {
            name: value(event, "SUMMARY").map(shown).unwrap_or_default(),
            further_days: further_days(event, start)?,
            start,
            yearly: yearly(event, start)?,
            except: except(event, replaced)?,
        })
    }

    /// The first days of it, until `last`.
    pub(super) fn starts(&self, last: Date) -> Vec<Date> {
        let mut starts = match &self.yearly {
            Some(yearly) => yearly.starts(self.start, last),
            None => vec![self.start],
        };
        starts.retain(|start| !self.except.contains(start));
        starts
    }
}

impl Yearly {
    fn starts(&self, first: Date, last: Date) -> Vec<Date> {
        let years = (first.year()..=last.year()).step_by(usize::from(self.every.get()));
        // 29 February is left out in other years, and does not count (RFC 5545, 3.3.10).
        let starts = years.filter_map(|year| Date::new(year, first.month(), first.day()).ok());
        let starts = starts.take(self.times.map_or(usize::MAX, |times| usize::from(times.get())));
        starts.take_while(|start| self.until.is_none_or(|until| *start <= until)).collect()
    }
}

/// Whether it begins at a time of day.
pub(super) fn is_timed(event: &Component<'_>) -> bool {
    let start = value(event, "DTSTART").and_then(|start| start.split_once(['T', 't']));
    start.is_some_and(|(start, _)| day(start).is_some())
}

/// A day as in `20261225`.
pub(super) fn day(text: &str) -> Option<Date> {
    let is_day = text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_digit());
    is_day.then(|| Date::strptime("%Y%m%d", text).ok()).flatten()
}

/// How people know an event: by its summary or its UID, and its start.
pub(super) fn label(event: &Component<'_>) -> String {
    let named = ["SUMMARY", "UID"].into_iter().find_map(|name| value(event, name));
    let name = named.map_or("an event without a summary".to_owned(), |name| format!("`{}`", shown(name)));
    match value(event, "DTSTART").and_then(|start| day(start.get(..8)?)) {
        Some(day) => format!("{name} on {day}"),
        None => name,
    }
}

/// The first value of a property, unless that is empty.
pub(super) fn value<'a>(event: &'a Component<'_>, name: &str) -> Option<&'a str> {
    let value = properties(event, name).next().map(|property| property.val.as_str().trim());
    value.filter(|value| !value.is_empty())
}

fn properties<'a, 'b>(event: &'a Component<'b>, name: &str) -> impl Iterator<Item = &'a Property<'b>> {
    event.properties.iter().filter(move |property| property.name.as_str().eq_ignore_ascii_case(name))
}

/// On one line, and not too long.
fn shown(text: &str) -> String {
    text::cut(&text::line(text), NAME)
}

fn day_of(property: &str, text: &str) -> Result<Date, String> {
    day(text.trim()).ok_or_else(|| format!("{property} {} is no day, as in 20261225", shown(text)))
}

/// The end is not in it; without one it takes a day (RFC 5545, 3.6.1). One that ends as it begins does so, too: many
/// programs have written that.
fn further_days(event: &Component<'_>, start: Date) -> Result<i32, String> {
    let end = match (value(event, "DTEND"), value(event, "DURATION")) {
        (Some(end), _) => day_of("DTEND", end)?,
        (None, Some(text)) => {
            let end = text.parse::<Span>().and_then(|span| start.checked_add(span));
            end.map_err(|_| format!("DURATION {} is no number of days, as in P2D", shown(text)))?
        }
        (None, None) => start,
    };
    let days = start.until(end).map_err(|error| error.to_string())?.get_days();
    if days < 0 { Err(format!("it ends on {end}, before it begins")) } else { Ok((days - 1).max(0)) }
}

/// RFC 5545, 3.3.10. Without BYMONTH, a BYMONTHDAY is that day of every month.
fn yearly(event: &Component<'_>, start: Date) -> Result<Option<Yearly>, String> {
    let mut rules = properties(event, "RRULE").map(|rule| rule.val.as_str());
    let Some(rule) = rules.next() else { return Ok(None) };
    let refused = || {
        let rule = shown(rule);
        format!("RRULE {rule} is not understood, only its own day of each year is: {MEND}")
    };
    let mut yearly = Yearly { every: NonZeroU16::MIN, times: None, until: None };
    let mut keys = BTreeSet::new();
    for part in rule.split(';').filter(|part| !part.is_empty()) {
        let (key, value) = part.split_once('=').ok_or_else(refused)?;
        let key = key.to_ascii_uppercase();
        let is_understood = match key.as_str() {
            "FREQ" => value.eq_ignore_ascii_case("YEARLY"),
            "BYMONTH" => value.parse() == Ok(start.month()),
            "BYMONTHDAY" => value.parse() == Ok(start.day()),
            "INTERVAL" => value.parse().map(|every| yearly.every = every).is_ok(),
            "COUNT" => value.parse().map(|times| yearly.times = Some(times)).is_ok(),
            "UNTIL" => {
                yearly.until = value.split(['T', 't']).next().and_then(day);
                yearly.until.is_some()
            }
            "WKST" => true,
            _ => false,
        };
        if !is_understood || !keys.insert(key) {
            return Err(refused());
        }
    }
    let is_own_day = keys.contains("FREQ") && (keys.contains("BYMONTH") || !keys.contains("BYMONTHDAY"));
    if is_own_day && rules.next().is_none() { Ok(Some(yearly)) } else { Err(refused()) }
}

/// The days that its own EXDATE takes away, and those that are replaced, unless it is a replacement itself.
fn except(event: &Component<'_>, replaced: Option<&BTreeSet<Date>>) -> Result<BTreeSet<Date>, String> {
    let days = properties(event, "EXDATE").flat_map(|property| property.val.as_str().split(','));
    let own: Result<BTreeSet<_>, _> = days.map(|text| day_of("EXDATE", text)).collect();
    let replaced = replaced.filter(|_| properties(event, "RECURRENCE-ID").next().is_none());
    Ok(own?.into_iter().chain(replaced.into_iter().flatten().copied()).collect())
}
