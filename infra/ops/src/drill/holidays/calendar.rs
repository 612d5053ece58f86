//! Days out of an iCalendar file (RFC 5545): all-day events, alone or repeated every year.

use std::collections::{BTreeMap, BTreeSet};

use icalendar::parser::{Component, read_calendar_simple};
use jiff::{ToSpan, civil::Date};
use watchkeeper_domain::text;

mod event;
mod lines;

use event::{Event, label, value};
use lines::{Line, unfold};

/// The first and the last day.
type Range = (Date, Date);

/// What a file says of the days asked for.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Found {
    /// The days, each with what its events call it: on one line, and empty where no event has a summary.
    pub(super) days: BTreeMap<Date, String>,
    /// The events that were left out for they have a time of day.
    pub(super) timed: Vec<String>,
}

/// The all-day events of `bytes` on the days from `first` to `last`, without those that are cancelled.
///
/// An event may take several days, and may repeat its own day every year. What is repeated in another way is refused: a
/// holiday that is silently missing would let a drill start. Free or busy makes no difference: calendars of holidays
/// say either.
///
/// # Errors
/// Every problem in it, each with the line or the event.
pub(super) fn read(bytes: &[u8], first: Date, last: Date) -> Result<Found, Vec<String>> {
    let lines = unfold(bytes).map_err(|problem| vec![problem])?;
    if lines.is_empty() {
        return Err(vec!["it is empty".to_owned()]);
    }
    let (mut found, mut problems) = (Found::default(), Vec::new());
    // A stream may hold several calendars, one after the other (RFC 5545, 3.4).
    for calendar in lines.split_inclusive(Line::ends_calendar) {
        let content: String = calendar.iter().map(Line::content).collect();
        match parsed(&content, calendar) {
            Ok(calendar) => collect(&calendar, (first, last), &mut found, &mut problems),
            Err(problem) => problems.push(problem),
        }
    }
    if problems.is_empty() { Ok(found) } else { Err(problems) }
}

/// The calendar of these lines.
fn parsed<'a>(content: &'a str, lines: &[Line]) -> Result<Component<'a>, String> {
    if let Some(line) = lines.first().filter(|line| !line.begins_calendar()) {
        return Err(line.wrong("is no iCalendar file: that begins with BEGIN:VCALENDAR"));
    }
    if lines.last().is_none_or(|line| !line.ends_calendar()) {
        return Err("it ends before its END:VCALENDAR: fetch it again".to_owned());
    }
    let stopped = match read_calendar_simple(content).map(|roots| roots.into_iter().next()) {
        Ok(Some(calendar)) => return Ok(calendar),
        Ok(None) => 0,
        Err(error) => content.len().saturating_sub(error.input.len()),
    };
    // For a line that it cannot read, the parser names the BEGIN above it.
    let unread = lines.iter().find(|line| !line.can_be_read());
    let index = content.get(..stopped).unwrap_or_default().matches('\n').count();
    let wrong = unread.or(lines.get(index)).or(lines.last());
    Err(wrong.map(|line| line.wrong("is nothing that an iCalendar file has there")).unwrap_or_default())
}

/// Adds the days of one calendar.
fn collect(calendar: &Component<'_>, range: Range, found: &mut Found, problems: &mut Vec<String>) {
    let is_event = |it: &&Component<'_>| it.name.as_str().eq_ignore_ascii_case("VEVENT");
    let events: Vec<_> = calendar.components.iter().filter(is_event).collect();
    let replaced = replaced(&events);
    for event in events {
        if value(event, "STATUS").is_some_and(|status| status.eq_ignore_ascii_case("CANCELLED")) {
            continue;
        }
        if event::is_timed(event) {
            found.timed.push(label(event));
            continue;
        }
        match Event::read(event, value(event, "UID").and_then(|uid| replaced.get(uid))) {
            Ok(event) => add(&event, range, found),
            Err(problem) => problems.push(format!("{}: {problem}", label(event))),
        }
    }
}

/// By UID, the days of a series in whose place an event of its own stands, or nothing (RFC 5545, 3.8.4.4).
fn replaced<'a>(events: &[&'a Component<'_>]) -> BTreeMap<&'a str, BTreeSet<Date>> {
    let mut days: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for event in events {
        let day = value(event, "RECURRENCE-ID").and_then(event::day);
        if let (Some(uid), Some(day)) = (value(event, "UID"), day) {
            days.entry(uid).or_default().insert(day);
        }
    }
    days
}

fn add(event: &Event, (first, last): Range, found: &mut Found) {
    for start in event.starts(last) {
        let end = start.saturating_add(event.further_days.days()).min(last);
        for day in start.max(first).series(1.day()).take_while(|day| *day <= end) {
            let name = found.days.entry(day).or_default();
            if name.is_empty() {
                name.clone_from(&event.name);
            } else if !event.name.is_empty() && !name.split("; ").any(|known| known == event.name) {
                *name = text::cut(&format!("{name}; {}", event.name), event::NAME);
            }
        }
    }
}

#[cfg(test)]
mod tests;
