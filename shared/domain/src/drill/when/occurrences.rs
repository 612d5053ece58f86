//! The moments that a schedule names, daylight saving included.
//!
//! Source: EventBridge Scheduler User Guide, "Schedule types", "Daylight savings time": a time that the clock skips has no
//! run, and one that it shows twice has one.

use jiff::{
    SignedDuration, Timestamp,
    civil::DateTime,
    tz::{AmbiguousOffset, TimeZone},
};

use super::Cron;

/// One moment of a schedule.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Occurrence {
    /// What the clock shows: which one it is, since each local time occurs once.
    pub local: DateTime,
    /// When that is.
    pub at: Timestamp,
}

/// Its local time, to the minute: `2027-03-30T10:00`.
impl std::fmt::Display for Occurrence {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.local.strftime("%Y-%m-%dT%H:%M"))
    }
}

/// The occurrences of `cron` in `zone` from `from` on and before `to`, in order.
pub fn occurrences<'a>(
    cron: &'a Cron,
    zone: &'a TimeZone,
    from: Timestamp,
    to: Timestamp,
) -> impl Iterator<Item = Occurrence> + use<'a> {
    let local = zone.to_datetime(from);
    let occurring = cron.local_times(local).filter_map(move |local| {
        let at = first_moment(zone, local)?;
        (zone.to_datetime(at) == local).then_some(Occurrence { local, at })
    });
    occurring.skip_while(move |it| it.at < from).take_while(move |it| it.at < to)
}

/// A local time that a schedule names, and that the clock skips.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Skipped {
    /// The local time.
    pub local: DateTime,
    /// The first one that is skipped.
    pub from: DateTime,
    /// The first one that is there again.
    pub to: DateTime,
}

/// What happens to it, and the mend.
impl std::fmt::Display for Skipped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { local, from, to } = self;
        let (time, day) = (local.strftime("%H:%M"), local.date());
        let form = if from.date() == to.date() { "%H:%M" } else { "%Y-%m-%d %H:%M" };
        let (from, to) = (from.strftime(form), to.strftime(form));
        write!(f, "{time} is skipped on {day}, when the clock goes forward: move it out of {from}–{to}")
    }
}

/// The local times of `cron` that the clock of `zone` skips from `from` on and before `until`, in order.
pub fn skipped<'a>(
    cron: &'a Cron,
    zone: &'a TimeZone,
    from: Timestamp,
    until: Timestamp,
) -> impl Iterator<Item = Skipped> + use<'a> {
    let changes = zone.following(from).map(|change| change.timestamp());
    let gaps = changes.take_while(move |at| *at < until).filter_map(|at| gap(zone, at));
    gaps.flat_map(move |(from, to)| {
        let inside = cron.local_times(from).take_while(move |local| *local < to);
        inside.map(move |local| Skipped { local, from, to })
    })
}

/// The local times that are skipped at the change `at`: from, to.
fn gap(zone: &TimeZone, at: Timestamp) -> Option<(DateTime, DateTime)> {
    let before = zone.to_offset(at.checked_sub(SignedDuration::from_nanos(1)).ok()?);
    let after = zone.to_offset(at);
    (before < after).then(|| (before.to_datetime(at), after.to_datetime(at)))
}

/// When the clock of `zone` first shows `local` or, where it skips that, what comes after.
pub(super) fn first_moment(zone: &TimeZone, local: DateTime) -> Option<Timestamp> {
    match zone.to_ambiguous_timestamp(local).offset() {
        AmbiguousOffset::Unambiguous { offset } => offset.to_timestamp(local).ok(),
        AmbiguousOffset::Fold { before, .. } => before.to_timestamp(local).ok(),
        AmbiguousOffset::Gap { before, .. } => {
            // As if the clock had not gone forward: not before the change, which is the last one up to then.
            let after = before.to_timestamp(local).ok()?.checked_add(SignedDuration::from_secs(1)).ok()?;
            zone.preceding(after).next().map(|change| change.timestamp())
        }
    }
}

#[cfg(test)]
mod tests;
