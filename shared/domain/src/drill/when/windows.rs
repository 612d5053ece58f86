//! Whether a run lies in its windows and touches no holiday, and when it would.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Span, Timestamp, ToSpan, civil::Date, tz::TimeZone};

use super::occurrences::first_moment;
use crate::{drill::Window, fis::duration};

/// How many days ahead a better time is looked for: every holiday of a year comes by.
const AHEAD: i64 = 400;

/// Why a run does not fit, and when it would.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct OutsideWindow {
    /// Why not.
    pub why: Why,
    /// The next start at which it fits, within about a year.
    pub next: Option<Timestamp>,
    zone: TimeZone,
    span: SignedDuration,
}

/// Why a run does not fit.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Why {
    /// There are no windows.
    NoWindow,
    /// It would start outside of every window.
    Closed {
        /// The start.
        start: Timestamp,
    },
    /// It would not be over when its window closes.
    TooLate {
        /// When it would be over.
        over: Timestamp,
        /// When the window closes.
        closes: Timestamp,
    },
    /// It would touch a holiday.
    Holiday(Date),
}

/// A sentence without its full stop.
impl std::fmt::Display for OutsideWindow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let shown = |at: Timestamp, form: &str| at.to_zoned(self.zone.clone()).strftime(form).to_string();
        let long = |at| shown(at, "%a %Y-%m-%d %H:%M");
        match self.why {
            Why::NoWindow => return f.write_str("it has no window: add a `[[drill.window]]`"),
            Why::Closed { start } => write!(f, "{} is outside of its windows", long(start))?,
            Why::TooLate { over, closes } => {
                let closes = shown(closes, "%H:%M");
                write!(f, "it would be over at {}, and its window closes at {closes}", long(over))?;
            }
            Why::Holiday(day) => write!(f, "{day} is a holiday")?,
        }
        match self.next {
            Some(next) => write!(f, "; it fits at {}", long(next)),
            None => write!(f, "; no window of the next year has room for {}", duration::shown(self.span)),
        }
    }
}

/// Whether a run from `start` on that takes `span` lies in one of `windows`, all of it, and touches none of `holidays`
/// in `zone`.
///
/// The moment at which a window closes is not in it any more, so a run may end then and must not start. Windows that
/// touch are one. Where the clock skips the end of a window it closes, or opens, at that change; where it shows it
/// twice, the first counts.
///
/// # Errors
/// Why not, and the next time at which it would.
pub fn fits(
    windows: &[Window],
    zone: &TimeZone,
    holidays: &BTreeSet<Date>,
    start: Timestamp,
    span: SignedDuration,
) -> Result<(), OutsideWindow> {
    let calendar = Calendar { windows, zone, holidays };
    let Some(why) = calendar.objection(start, span) else { return Ok(()) };
    let next = calendar.next(start, span);
    Err(OutsideWindow { why, next, zone: zone.clone(), span })
}

/// When something may happen.
struct Calendar<'a> {
    windows: &'a [Window],
    zone: &'a TimeZone,
    holidays: &'a BTreeSet<Date>,
}

impl Calendar<'_> {
    fn objection(&self, start: Timestamp, span: SignedDuration) -> Option<Why> {
        if self.windows.is_empty() {
            return Some(Why::NoWindow);
        }
        let over = end(start, span);
        if let Some(day) = self.holiday(start, over) {
            return Some(Why::Holiday(day));
        }
        let open = self.open(self.day(start), self.day(over));
        match open.into_iter().find(|(opens, closes)| *opens <= start && start < *closes) {
            None => Some(Why::Closed { start }),
            Some((_, closes)) => (closes < over).then_some(Why::TooLate { over, closes }),
        }
    }

    /// The first start after `start` at which nothing objects: when a window opens, or at midnight after a holiday.
    fn next(&self, start: Timestamp, span: SignedDuration) -> Option<Timestamp> {
        let today = self.day(start);
        let last = today.checked_add(AHEAD.days()).ok()?;
        self.open(today, last).into_iter().find_map(|(opens, closes)| {
            let opens = opens.max(start);
            let midnights = self.days(self.day(opens), last).skip(1).map_while(|day| self.midnight(day));
            let mut starts = std::iter::once(opens).chain(midnights).take_while(|start| *start < closes);
            starts.find(|start| {
                let over = end(*start, span);
                over <= closes && self.holiday(*start, over).is_none()
            })
        })
    }

    /// From when till when one window or another is open, for those that open from the day before `first` to the day
    /// after `last`. In order, and apart from each other.
    fn open(&self, first: Date, last: Date) -> Vec<(Timestamp, Timestamp)> {
        let day = Span::new().days(1);
        let (first, last) = (first.saturating_sub(day), last.saturating_add(day));
        let windows = self
            .days(first, last)
            .flat_map(|day| self.windows.iter().filter_map(move |window| self.opened(window, day)));
        let mut windows: Vec<_> = windows.collect();
        windows.sort();
        let mut open: Vec<(Timestamp, Timestamp)> = Vec::new();
        for (opens, closes) in windows {
            match open.last_mut().filter(|(_, end)| opens <= *end) {
                Some((_, end)) => *end = closes.max(*end),
                None => open.push((opens, closes)),
            }
        }
        open
    }

    /// `window` as it opens on `day`.
    fn opened(&self, window: &Window, day: Date) -> Option<(Timestamp, Timestamp)> {
        if !window.days.contains(&day.weekday()) {
            return None;
        }
        let last = if window.to <= window.from { day.tomorrow().ok()? } else { day };
        let opens = first_moment(self.zone, day.to_datetime(window.from))?;
        let closes = first_moment(self.zone, last.to_datetime(window.to))?;
        Some((opens, closes))
    }

    /// The first holiday that something from `start` until `over` touches.
    fn holiday(&self, start: Timestamp, over: Timestamp) -> Option<Date> {
        let last = over.checked_sub(SignedDuration::from_nanos(1)).unwrap_or(over).max(start);
        let (one, other) = (self.day(start), self.day(last)); // a clock may go back over midnight
        self.holidays.range(one.min(other)..=one.max(other)).next().copied()
    }

    fn midnight(&self, day: Date) -> Option<Timestamp> {
        first_moment(self.zone, day.to_datetime(jiff::civil::Time::midnight()))
    }

    fn day(&self, at: Timestamp) -> Date {
        self.zone.to_datetime(at).date()
    }

    fn days(&self, first: Date, last: Date) -> impl Iterator<Item = Date> + use<> {
        first.series(1.day()).take_while(move |day| *day <= last)
    }
}

/// When something is over that begins at `start`.
fn end(start: Timestamp, span: SignedDuration) -> Timestamp {
    start.saturating_add(span).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests;
