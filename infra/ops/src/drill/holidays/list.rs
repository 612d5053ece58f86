//! `[drills] holidays` in `watchkeeper.toml`: one day a line, and what people wrote beside it.

use std::{
    collections::{BTreeMap, BTreeSet},
    mem,
};

use anyhow::{Context, Result, bail};
use jiff::civil::Date;
use toml_edit::{Array, Datetime, DocumentMut, Item, RawString, Value};
use watchkeeper_domain::config::Config;

const BY_HAND: &str =
    "the configuration could not be changed: write the days into `[drills] holidays` yourself";
/// In front of each day, where the list was on one line.
const INDENT: &str = "  ";

/// The days that are in `text`.
///
/// # Errors
/// A list that holds something else.
pub(super) fn days(text: &str) -> Result<BTreeSet<Date>> {
    let document: DocumentMut = text.parse()?;
    let list = document.get("drills").and_then(|drills| drills.get("holidays"));
    let list = list.and_then(Item::as_array).into_iter().flat_map(Array::iter);
    list.map(day).collect()
}

/// `text` with the days `new` in its list, each with its name beside it, and everything else as it was. The list is
/// sorted then, a day a line; a comment stays with its day, whether it stands beside or above it.
///
/// # Errors
/// A configuration in which there is no place for them, or which would not be one any more.
pub(super) fn with(text: &str, new: &BTreeMap<Date, String>) -> Result<String> {
    let mut document: DocumentMut = text.parse()?;
    let drills = document.entry("drills").or_insert_with(toml_edit::table);
    let drills = drills.as_table_like_mut().context(BY_HAND)?;
    let list = drills.entry("holidays").or_insert_with(|| toml_edit::value(Array::new()));
    add(list.as_array_mut().context(BY_HAND)?, new)?;
    let text = document.to_string();
    let Ok(config) = Config::parse(&text) else { bail!(BY_HAND) };
    let written = days(&text)?;
    let each = config.drills.drills.iter().map(|drill| &drill.holidays);
    let is_there = |days: &BTreeSet<Date>| new.keys().all(|day| days.contains(day));
    if each.chain([&written]).all(is_there) { Ok(text) } else { bail!(BY_HAND) }
}

fn day(value: &Value) -> Result<Date> {
    let text = value.as_datetime().map(ToString::to_string).or_else(|| value.as_str().map(str::to_owned));
    text.and_then(|text| text.parse().ok()).context(BY_HAND)
}

/// A day of the list.
struct Entry {
    day: Date,
    value: Value,
    /// The lines with comments above it.
    above: String,
    /// The comment beside it, with the space in front of it.
    beside: String,
}

fn add(list: &mut Array, new: &BTreeMap<Date, String>) -> Result<()> {
    let gaps = gaps(list);
    let indent = gaps.first().filter(|_| !list.is_empty()).and_then(|gap| gap.indent.clone());
    let indent = indent.unwrap_or_else(|| INDENT.to_owned());
    let closing = gaps.last().and_then(|gap| gap.indent.clone()).unwrap_or_default();
    let mut gaps = gaps.into_iter();
    let Gap { beside: mut line, mut above, .. } = gaps.next().unwrap_or_default();
    let mut entries = Vec::new();
    for (value, gap) in list.iter().zip(gaps) {
        let above = mem::replace(&mut above, gap.above);
        entries.push(Entry { day: day(value)?, value: value.clone(), above, beside: gap.beside });
    }
    for (day, name) in new {
        let beside = if name.is_empty() { String::new() } else { format!(" # {name}") };
        let value = day.to_string().parse::<Datetime>()?.into();
        entries.push(Entry { day: *day, value, above: String::new(), beside });
    }
    entries.sort_by_key(|entry| entry.day);
    list.clear();
    for entry in entries {
        let before = format!("{line}\n{}{indent}", entry.above);
        list.push_formatted(entry.value.decorated(before, ""));
        line = entry.beside;
    }
    list.set_trailing(format!("{line}\n{above}{closing}"));
    list.set_trailing_comma(true);
    Ok(())
}

/// What stands in front of a day, or of the end of the list.
#[derive(Default)]
struct Gap {
    /// The comment beside the day before it, or beside the bracket.
    beside: String,
    /// The lines with comments, to the end of the last one.
    above: String,
    /// The space in front of it, if it has a line of its own.
    indent: Option<String>,
}

impl Gap {
    fn of(text: &str) -> Self {
        // A comment goes to the end of its line: where there is no line, there is only space.
        let Some((beside, rest)) = text.split_once('\n') else { return Self::default() };
        let (above, indent) = rest.split_at(rest.rfind('\n').map_or(0, |at| at + 1));
        Self {
            beside: beside.trim_end().to_owned(),
            above: above.to_owned(),
            indent: Some(indent.to_owned()),
        }
    }
}

/// One more than there are days.
fn gaps(list: &Array) -> Vec<Gap> {
    let raw = |text: Option<&RawString>| text.and_then(RawString::as_str).unwrap_or_default().to_owned();
    let (mut gaps, mut gap) = (Vec::new(), String::new());
    for value in list {
        gap.push_str(&raw(value.decor().prefix()));
        gaps.push(Gap::of(&gap));
        gap = raw(value.decor().suffix());
    }
    gap.push_str(&raw(Some(list.trailing())));
    gaps.push(Gap::of(&gap));
    gaps
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(text: &str) -> Date {
        text.parse().unwrap()
    }

    /// The list of `text`, after these days were added.
    fn added(text: &str, new: &[(&str, &str)]) -> String {
        let new = new.iter().map(|(day, name)| (date(day), (*name).to_owned()));
        with(text, &new.collect()).unwrap()
    }

    #[test]
    fn a_list_on_one_line_gets_a_line_for_each_day_and_nothing_else_changes() {
        let text = "\
# ours
[drills]
# Days without drills.
holidays = [2026-12-24, \"2027-01-01\"] # reviewed
health_api = false

[[drill]]
name = \"one\"           # kept
template = \"EXT1\"
service = \"s\"
environment = \"e\"
zone = \"UTC\"
";
        let expected = text.replace(
            "[2026-12-24, \"2027-01-01\"]",
            "[\n  2026-12-24,\n  2026-12-25, # Christmas Day\n  \"2027-01-01\",\n  2027-01-06,\n]",
        );
        assert_eq!(added(text, &[("2026-12-25", "Christmas Day"), ("2027-01-06", "")]), expected);
    }

    #[test]
    fn every_comment_stays_with_its_day() {
        let text = "\
[drills]
holidays = [ # all of us
    2026-05-01,   # Labour Day

    # The office is closed.
    2026-12-24
    # only until noon
    , 2026-12-31 # New Year's Eve
    # end
    ]
";
        let expected = "\
[drills]
holidays = [ # all of us
    2026-05-01,   # Labour Day
    2026-12-08, # Conception

    # The office is closed.
    2026-12-24,
    # only until noon
    2026-12-31, # New Year's Eve
    2027-01-01, # New Year
    # end
    ]
";
        let new = [("2027-01-01", "New Year"), ("2026-12-08", "Conception")];
        assert_eq!(added(text, &new), expected);
    }

    #[test]
    fn days_that_nobody_has_sorted_are_sorted() {
        let text = "drills.holidays = [\n\t2027-01-01, # b\n\t2026-12-24, # a\n]\n";
        let expected = "drills.holidays = [\n\t2026-12-24, # a\n\t2026-12-25, # x\n\t2027-01-01, # b\n]\n";
        assert_eq!(added(text, &[("2026-12-25", "x")]), expected);
    }

    #[test]
    fn a_list_that_is_empty_or_not_there_is_begun() {
        let new = [("2026-12-25", "x")];
        let list = "[drills]\nholidays = [\n  2026-12-25, # x\n]\n";
        for text in ["", "[drills]\n", "[drills]\nholidays = []\n"] {
            assert_eq!(added(text, &new), list, "{text}");
        }
        assert_eq!(
            added("[drills]\nholidays = [\n  # none yet\n]\n", &new),
            "[drills]\nholidays = [\n  2026-12-25, # x\n  # none yet\n]\n"
        );
        assert_eq!(
            added("drills = { health_api = false, holidays = [] }\n", &new),
            "drills = { health_api = false, holidays = [\n  2026-12-25, # x\n] }\n"
        );
        assert_eq!(added("[drills.zones]\n", &new), format!("{list}[drills.zones]\n"));
    }

    #[test]
    fn what_is_no_list_is_left_alone() {
        for text in ["drills = 1\n", "[drills]\nholidays = 1\n", "[drills]\nholidays = [1]\n"] {
            let new = [(date("2026-12-25"), String::new())].into();
            assert!(with(text, &new).unwrap_err().to_string().contains("yourself"), "{text}");
        }
    }
}
