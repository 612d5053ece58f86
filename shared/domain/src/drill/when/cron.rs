//! A cron expression of EventBridge Scheduler, as written there.
//!
//! Source: EventBridge Scheduler User Guide, "Schedule types", and EventBridge User Guide, "Cron expressions reference".

use std::iter;

use croner::parser::{CronParser, Seconds, Year};
use jiff::civil::{DateTime, date};

/// `cron(0 10 ? * TUE *)`: minute, hour, day of the month, month, day of the week (1 is Sunday), year.
#[derive(Clone, Debug, PartialEq)]
pub struct Cron {
    /// The expression as it was written.
    pub text: String,
    pattern: croner::Cron,
}

impl Cron {
    /// Reads `text`.
    ///
    /// # Errors
    /// Which field is wrong, and the mend. `rate(…)` and `at(…)` are no schedules of drills. What the sources don't
    /// mention is refused, so that nothing means one thing here and another there: `FRI-MON`, `L-3`, and a list with
    /// `L`, `W` or `#` in it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let fields = fields(text.trim())?;
        let [minute, hour, day, month, weekday, year] = fields;
        for (field, text) in FIELDS.iter().zip(fields) {
            field.check(text)?;
        }
        if (day == "?") == (weekday == "?") {
            return Err(
                "one of day of the month and day of the week must be `?`, and the other must not".to_owned()
            );
        }
        // Alone, `L` is the last day of the week.
        let weekday = if weekday.eq_ignore_ascii_case("L") { "SAT" } else { weekday };
        let parser = CronParser::builder().seconds(Seconds::Required).year(Year::Required);
        let parser = parser.alternative_weekdays(true).sloppy_ranges(true).build();
        let pattern = parser.parse(&format!("0 {minute} {hour} {day} {month} {weekday} {year}"));
        let pattern = pattern.map_err(|error| format!("it can't be read: {error}"))?;
        let cron = Self { text: text.trim().to_owned(), pattern };
        let first = cron.local_times(date(1970, 1, 1).at(0, 0, 0, 0)).next();
        first.map(|_| cron).ok_or_else(|| "no year has such a day".to_owned())
    }

    /// Every local time that it names, from `from` on, in order.
    pub(super) fn local_times(&self, from: DateTime) -> impl Iterator<Item = DateTime> + use<'_> {
        let next = |at: &DateTime, inclusive| self.pattern.find_next_occurrence(at, inclusive).ok();
        iter::successors(next(&from, true), move |at| next(at, false))
    }
}

impl std::fmt::Display for Cron {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

/// The six fields inside `cron(…)`.
fn fields(text: &str) -> Result<[&str; 6], String> {
    if text.starts_with("rate(") {
        return Err("`rate(…)` has no time of day, so nobody could say when it is due: \
                    name one, as in cron(0 10 ? * TUE *)"
            .to_owned());
    }
    if text.starts_with("at(") {
        return Err("`at(…)` comes once: name its year, as in cron(0 10 24 11 ? 2026)".to_owned());
    }
    let inside = text.strip_prefix("cron(").and_then(|text| text.strip_suffix(')'));
    let fields: Vec<_> = inside.unwrap_or_default().split_whitespace().collect();
    let count = fields.len();
    match (<[&str; 6]>::try_from(fields), count) {
        (Ok(fields), _) => Ok(fields),
        (Err(_), 5) => Err("its year is missing: `*` for each one".to_owned()),
        (Err(_), _) => Err("it must be cron(minute hour day-of-month month day-of-week year), as in \
                            cron(0 10 ? * TUE *)"
            .to_owned()),
    }
}

struct Field {
    name: &'static str,
    low: u16,
    high: u16,
    /// Of its values from the lowest on.
    names: &'static [&'static str],
    /// What it takes, in words.
    takes: &'static str,
    /// What it takes when nothing else stands beside it.
    alone: fn(&Field, &str) -> bool,
}

const FIELDS: [Field; 6] = [
    Field { name: "minute", low: 0, high: 59, names: &[], takes: "0 to 59", alone: nothing },
    Field { name: "hour", low: 0, high: 23, names: &[], takes: "0 to 23", alone: nothing },
    Field {
        name: "day of the month",
        low: 1,
        high: 31,
        names: &[],
        takes: "1 to 31, or by itself `L`, `LW` or a day with `W`",
        alone: day_of_month,
    },
    Field {
        name: "month",
        low: 1,
        high: 12,
        names: &["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"],
        takes: "1 to 12 or JAN to DEC",
        alone: nothing,
    },
    Field {
        name: "day of the week",
        low: 1,
        high: 7,
        names: &["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"],
        takes: "1 to 7 (SUN to SAT), or by itself `L`, the last one (`FRIL`) or one by number (`TUE#2`)",
        alone: day_of_week,
    },
    Field { name: "year", low: 1970, high: 2199, names: &[], takes: "1970 to 2199", alone: nothing },
];

fn nothing(_: &Field, _: &str) -> bool {
    false
}

fn day_of_month(field: &Field, text: &str) -> bool {
    let is_nearest_weekday =
        |text: &str| text.strip_suffix('W').is_some_and(|day| field.value(day).is_some());
    matches!(text, "?" | "L" | "LW") || is_nearest_weekday(text)
}

fn day_of_week(field: &Field, text: &str) -> bool {
    let is_last = text.strip_suffix('L').is_some_and(|day| field.value(day).is_some());
    let nth = text.split_once('#');
    let is_nth = nth
        .is_some_and(|(day, nth)| field.value(day).is_some() && matches!(nth, "1" | "2" | "3" | "4" | "5"));
    matches!(text, "?" | "L") || is_last || is_nth
}

impl Field {
    fn check(&self, text: &str) -> Result<(), String> {
        if (self.alone)(self, &text.to_ascii_uppercase()) {
            return Ok(());
        }
        let problem = |item: &str, why: String| format!("the {} `{item}` {why}", self.name);
        text.split(',').try_for_each(|item| self.check_item(item).map_err(|why| problem(item, why)))
    }

    /// `*`, `5`, `5-9`, each with a step or without: `*/2`, `5/2`, `5-9/2`.
    fn check_item(&self, item: &str) -> Result<(), String> {
        let (values, step) = item.split_once('/').map_or((item, None), |(values, step)| (values, Some(step)));
        let most = self.high - self.low;
        if step.is_some_and(|step| number(step).is_none_or(|step| !(1..=most).contains(&step))) {
            return Err(format!("must step by 1 to {most}"));
        }
        if values == "*" {
            let is_open = step.is_some() && self.name == "year";
            return if is_open { Err("must say from which year on".to_owned()) } else { Ok(()) };
        }
        let (first, last) = values.split_once('-').unwrap_or((values, values));
        match (self.value(first), self.value(last)) {
            (Some(first), Some(last)) if first <= last => Ok(()),
            (Some(_), Some(_)) => Err("runs backwards: name its values one by one, with commas".to_owned()),
            (None, _) | (_, None) => Err(format!("must be {}", self.takes)),
        }
    }

    fn value(&self, text: &str) -> Option<u16> {
        let named = self.names.iter().zip(self.low..).find(|(name, _)| name.eq_ignore_ascii_case(text));
        let value = named.map(|(_, value)| value).or_else(|| number(text));
        value.filter(|value| (self.low..=self.high).contains(value))
    }
}

fn number(text: &str) -> Option<u16> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first few local times from the beginning of 2027, a year that begins on a Friday.
    fn first(text: &str) -> Vec<String> {
        let cron = Cron::parse(text).unwrap();
        let times = cron.local_times(date(2027, 1, 1).at(0, 0, 0, 0)).take(3);
        times.map(|at| at.strftime("%a %Y-%m-%d %H:%M").to_string()).collect()
    }

    #[test]
    fn weekdays_are_counted_from_sunday_as_aws_does() {
        let sundays = ["Sun 2027-01-03 10:00", "Sun 2027-01-10 10:00", "Sun 2027-01-17 10:00"];
        for text in ["cron(0 10 ? * 1 *)", "cron(0 10 ? * SUN *)", "cron(0 10 ? * sun *)"] {
            assert_eq!(first(text), sundays, "{text}");
        }
        assert_eq!(first("cron(0 10 ? * 7 *)")[0], "Sat 2027-01-02 10:00");
        let working = ["Fri 2027-01-01 09:05", "Mon 2027-01-04 09:05", "Tue 2027-01-05 09:05"];
        assert_eq!(first("cron(5 9 ? * MON-FRI *)"), working);
        assert_eq!(first("cron(5 9 ? * 2-6 *)"), working);
        assert_eq!(
            first("cron(0 0 ? * 2/2 *)"),
            ["Fri 2027-01-01 00:00", "Mon 2027-01-04 00:00", "Wed 2027-01-06 00:00"]
        );
    }

    #[test]
    fn last_nearest_and_nth_days_are_what_aws_says() {
        assert_eq!(first("cron(0 10 L * ? *)")[1], "Sun 2027-02-28 10:00");
        assert_eq!(first("cron(0 10 LW * ? *)")[1], "Fri 2027-02-26 10:00");
        assert_eq!(first("cron(0 10 3W * ? *)")[0], "Mon 2027-01-04 10:00");
        assert_eq!(first("cron(0 10 ? * L *)")[0], "Sat 2027-01-02 10:00");
        assert_eq!(first("cron(0 10 ? * 6L *)")[0], "Fri 2027-01-29 10:00");
        assert_eq!(first("cron(0 10 ? * FRIL *)")[0], "Fri 2027-01-29 10:00");
        assert_eq!(first("cron(0 10 ? * 3#2 *)")[0], "Tue 2027-01-12 10:00");
        assert_eq!(first("cron(0 10 ? * tue#2 *)")[0], "Tue 2027-01-12 10:00");
    }

    #[test]
    fn steps_lists_and_years_are_read() {
        let quarters = ["Fri 2027-01-01 00:00", "Fri 2027-01-01 00:15", "Fri 2027-01-01 00:30"];
        assert_eq!(first("cron(0/15 * * * ? *)"), quarters);
        assert_eq!(first("cron(*/15 * * * ? *)"), quarters);
        let listed = ["Tue 2027-06-01 08:00", "Tue 2027-06-01 18:00", "Fri 2028-01-07 08:00"];
        assert_eq!(first("cron(0 8,18 1 JUN ? 2027)"), &listed[..2]);
        assert_eq!(first("cron(0 8 7 1-3 ? 2028/4)")[0], listed[2]);
        assert_eq!(first("cron(0 8 ? JAN,MAR MON 2026-2028)")[0], "Mon 2027-01-04 08:00");
        assert_eq!(first("cron(0 0 29 2 ? *)")[0], "Tue 2028-02-29 00:00");
    }

    #[test]
    fn the_text_is_kept_as_it_was_written() {
        assert_eq!(Cron::parse("  cron(0 10 ? * tue *) ").unwrap().to_string(), "cron(0 10 ? * tue *)");
    }

    #[test]
    fn what_is_wrong_is_named_with_its_field() {
        for (text, problem) in [
            ("rate(1 day)", "`rate(…)` has no time of day"),
            ("at(2026-12-01T10:00:00)", "`at(…)` comes once"),
            ("0 10 ? * TUE *", "it must be cron(minute hour"),
            ("cron(0 10 ? * TUE * *)", "it must be cron(minute hour"),
            ("cron(0 10 ? * TUE)", "its year is missing"),
            ("@daily", "it must be cron("),
            ("cron(60 10 ? * TUE *)", "the minute `60` must be 0 to 59"),
            ("cron(+5 10 ? * TUE *)", "the minute `+5` must be 0 to 59"),
            ("cron(MON 10 ? * TUE *)", "the minute `MON` must be"),
            ("cron(0 24 ? * TUE *)", "the hour `24` must be 0 to 23"),
            ("cron(0 10,,12 ? * TUE *)", "the hour `` must be 0 to 23"),
            ("cron(0 /2 ? * TUE *)", "the hour `/2` must be 0 to 23"),
            ("cron(0 0/24 ? * TUE *)", "the hour `0/24` must step by 1 to 23"),
            ("cron(0 0/0 ? * TUE *)", "the hour `0/0` must step by 1 to 23"),
            ("cron(0 10 0 * ? *)", "the day of the month `0` must be 1 to 31"),
            ("cron(0 10 1,L * ? *)", "the day of the month `L` must be 1 to 31, or by itself"),
            ("cron(0 10 L-3 * ? *)", "the day of the month `L-3` must be"),
            ("cron(0 10 32W * ? *)", "the day of the month `32W` must be"),
            ("cron(0 10 ? FOO TUE *)", "the month `FOO` must be 1 to 12 or JAN to DEC"),
            ("cron(0 10 ? MON TUE *)", "the month `MON` must be"),
            ("cron(0 10 ? * 0 *)", "the day of the week `0` must be 1 to 7"),
            ("cron(0 10 ? * +MON *)", "the day of the week `+MON` must be"),
            ("cron(0 10 ? * FRI-MON *)", "the day of the week `FRI-MON` runs backwards"),
            ("cron(0 10 ? * 3#1,6#3 *)", "the day of the week `3#1` must be"),
            ("cron(0 10 ? * TUE#6 *)", "the day of the week `TUE#6` must be"),
            ("cron(0 10 ? * TUE 1969)", "the year `1969` must be 1970 to 2199"),
            ("cron(0 10 ? * TUE */2)", "the year `*/2` must say from which year on"),
            ("cron(0 10 * * TUE *)", "one of day of the month and day of the week must be `?`"),
            ("cron(0 10 ? * ? *)", "one of day of the month and day of the week must be `?`"),
            ("cron(0 10 30 2 ? *)", "no year has such a day"),
        ] {
            let told = Cron::parse(text).unwrap_err();
            assert!(told.contains(problem), "{text}: {told}");
        }
    }
}
