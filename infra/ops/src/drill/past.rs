//! What the table knows of a drill: where it stands, and its decisions run by run.

use std::collections::BTreeSet;

use anyhow::Result;
use chaos_trigger::{
    decide::Effect,
    log::{Entry, PREFIX},
    standing::{Phase, Run, Standing},
};
use jiff::{SignedDuration, Timestamp, ToSpan, civil::Date, tz::TimeZone};
use serde_json::Value;
use watchkeeper_domain::{
    drill::{Objection, partition},
    records::{Record, Records},
    text,
};
use watchkeeper_shell::Table;

use crate::stack::told;

/// How many months the log is kept, the current one included.
const MONTHS: i32 = 25;
/// How far two clocks may be apart.
const SKEW: SignedDuration = SignedDuration::from_hours(24);

/// Where `drill` stands, or `None` when nothing was ever asked of it.
///
/// # Errors
/// When the table cannot be read.
pub async fn standing(table: &Table, drill: &str) -> Result<Option<Standing>> {
    let record: Record<Standing, Effect> = table.read(&Standing::key(drill)).await.map_err(told)?;
    Ok(record.state)
}

/// The decisions about `drill` in the month of `now` and before, the earliest first, as far back as it takes for `runs` runs.
///
/// # Errors
/// When the table cannot be read.
pub async fn decisions(table: &Table, drill: &str, runs: usize, now: Timestamp) -> Result<Vec<Entry>> {
    let mut entries: Vec<Entry> = Vec::new();
    let this = day(now.saturating_add(SKEW)?).first_of_month();
    for back in 0..MONTHS {
        let month = this.saturating_sub(back.months());
        let mut earlier = within(table, drill, &month.strftime("%Y-%m").to_string()).await?;
        earlier.append(&mut entries);
        entries = earlier;
        // A run may have begun in the month before.
        if ids(&entries).len() > runs {
            break;
        }
    }
    Ok(sorted(entries))
}

/// The decisions about `drill` from the day before `from` until now, the earliest first.
///
/// # Errors
/// When the table cannot be read.
pub async fn decisions_since(
    table: &Table,
    drill: &str,
    from: Timestamp,
    now: Timestamp,
) -> Result<Vec<Entry>> {
    let (first, last) = (day(from.saturating_sub(SKEW)?), day(now.saturating_add(SKEW)?));
    let mut entries = Vec::new();
    for day in first.series(1.day()).take_while(|day| *day <= last) {
        entries.extend(within(table, drill, &day.to_string()).await?);
    }
    Ok(sorted(entries))
}

async fn within(table: &Table, drill: &str, time: &str) -> Result<Vec<Entry>> {
    table.list(&partition(drill), &format!("{PREFIX}{time}")).await.map_err(told)
}

fn day(at: Timestamp) -> Date {
    at.to_zoned(TimeZone::UTC).date()
}

fn ids(entries: &[Entry]) -> BTreeSet<&str> {
    entries.iter().filter_map(|entry| Some(entry.run.as_ref()?.id.as_str())).collect()
}

/// One invocation takes several steps, all of them at the time of its beginning: they stand in the order of their phases.
fn sorted(mut entries: Vec<Entry>) -> Vec<Entry> {
    entries.sort_by_key(|entry| {
        let step = entry.run.as_ref().map(|run| (run.announced_at, run.seq, rank(&run.phase)));
        (entry.at, step, reason(entry) == "over")
    });
    entries
}

fn rank(phase: &Phase) -> u8 {
    match phase {
        Phase::Announced => 0,
        Phase::Entering => 1,
        Phase::Previewing { .. } => 2,
        Phase::Arming => 3,
        Phase::Starting { .. } => 4,
        Phase::Started { aimed: false, told: false, .. } => 5,
        Phase::Started { .. } => 6,
    }
}

/// The sort of the reason of `entry`: `announced`, `refused`, `over`, …, as `chaos_trigger::decide::Reason` is written.
pub fn reason(entry: &Entry) -> &str {
    let object = || entry.reason.as_object()?.keys().next().map(String::as_str);
    entry.reason.as_str().or_else(object).unwrap_or_default()
}

/// What `entry` says, as far as its reason has words: of a cancellation why, of a rejection what FIS answered.
pub fn words(entry: &Entry) -> String {
    let words = entry.reason.get(reason(entry)).and_then(Value::as_str);
    text::line(words.unwrap_or(&entry.because))
}

/// What objected, where `entry` is a refusal.
pub fn objections(entry: &Entry) -> Vec<Objection> {
    let objections = entry.reason.get("refused").cloned().unwrap_or_default();
    serde_json::from_value(objections).unwrap_or_default()
}

/// The id of the experiment of the run that `entries` are about, once it is known.
pub fn experiment(entries: &[&Entry]) -> Option<String> {
    entries.iter().rev().find_map(|entry| started(entry.run.as_ref()?))
}

/// The id of the experiment of `run`, once it is known.
pub fn started(run: &Run) -> Option<String> {
    match &run.phase {
        Phase::Started { experiment, .. } => Some(experiment.clone()),
        Phase::Announced
        | Phase::Entering
        | Phase::Previewing { .. }
        | Phase::Arming
        | Phase::Starting { .. } => None,
    }
}

/// How far `run` has come, in words.
pub fn phase(run: &Run, zone: &TimeZone) -> String {
    match &run.phase {
        Phase::Announced => format!("announced; it may start from {} on", moment(run.ready_at, zone)),
        Phase::Entering => "waiting for its turn: one drill at a time".to_owned(),
        Phase::Previewing { .. } => "previewing: FIS resolves the targets and skips the actions".to_owned(),
        Phase::Arming => "about to start: the schedule that ends it in any case is being set".to_owned(),
        Phase::Starting { .. } => "ordered; FIS has not shown it yet".to_owned(),
        Phase::Started { experiment, told: false, .. } => format!("accepted by FIS as {experiment}"),
        Phase::Started { experiment, told: true, .. } => format!("running as {experiment}"),
    }
}

/// `Tue 24 Nov 2026 10:00 CET`.
pub fn moment(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned(zone.clone()).strftime("%a %-d %b %Y %H:%M %Z").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use chaos_trigger::{decide::Reason, standing::Trigger};
    use watchkeeper_domain::{drill::Guard, experiment::Status};

    fn run(phase: Phase, seq: u32) -> Run {
        Run {
            id: "person-1".to_owned(),
            trigger: Trigger::Person,
            because: "release".to_owned(),
            due: Timestamp::UNIX_EPOCH,
            announced_at: Timestamp::UNIX_EPOCH,
            ready_at: Timestamp::UNIX_EPOCH,
            seq,
            phase,
            preview: None,
            ends_by: None,
        }
    }

    fn entry(reason: &Reason, phase: Phase, seq: u32) -> Entry {
        Entry::new(reason, Some(&run(phase, seq)), None, Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn steps_of_one_invocation_stand_in_their_order_though_their_time_is_the_same() {
        let at = Timestamp::UNIX_EPOCH;
        let started = |aimed, told| Phase::Started { experiment: "EXP1".to_owned(), aimed, told };
        let steps = [
            entry(&Reason::Announced, Phase::Announced, 1),
            entry(&Reason::Clear("take the floor"), Phase::Entering, 1),
            entry(&Reason::Clear("preview"), Phase::Previewing { since: at }, 1),
            entry(&Reason::Clear("arm the dead man"), Phase::Arming, 1),
            entry(&Reason::Clear("start"), Phase::Starting { since: at }, 1),
            entry(&Reason::Clear("it is accepted"), started(false, false), 1),
            entry(&Reason::Running, started(true, true), 2),
            entry(&Reason::Over(Status::Completed), started(true, true), 2),
        ];
        let mut mixed = steps.to_vec();
        mixed.reverse();
        assert_eq!(sorted(mixed), steps);
        assert_eq!(experiment(&steps.iter().collect::<Vec<_>>()), Some("EXP1".to_owned()));
        assert_eq!(experiment(&steps[..5].iter().collect::<Vec<_>>()), None);
    }

    #[test]
    fn reasons_are_known_by_the_words_with_which_they_are_stored() {
        let objection = Objection { guard: Guard::Window, because: "too late".to_owned() };
        let reasons = [
            (Reason::Announced, "announced", "announced"),
            (Reason::Refused(vec![objection.clone()]), "refused", "refused: too late [window]"),
            (Reason::Rejected("no".to_owned()), "rejected", "no"),
            (Reason::Rehearsed, "rehearsed", "nothing objects, and the leash is on"),
            (Reason::Cancelled("not now".to_owned()), "cancelled", "not now"),
            (Reason::Over(Status::Stopped), "over", "stopped"),
        ];
        for (stored, word, said) in reasons {
            let entry = entry(&stored, Phase::Announced, 1);
            assert_eq!((reason(&entry), words(&entry).as_str()), (word, said));
        }
        let refused = entry(&Reason::Refused(vec![objection.clone()]), Phase::Announced, 1);
        assert_eq!(objections(&refused), [objection]);
    }
}
