//! Drills: schedules that daylight saving would skip or that never come, and `infra/schedules.yaml`.

use std::fs;

use jiff::{SignedDuration, Timestamp};
use watchkeeper_domain::drill::{
    Cron, Drill, Drills,
    when::{fits, occurrences, skipped},
};

use super::Findings;
use crate::{
    checkout::{Checkout, shown},
    drill::schedules,
    place,
};

/// How far ahead a skipped hour is looked for: it comes every year, not always on a day of the schedule.
const YEARS: SignedDuration = SignedDuration::from_hours(3 * 366 * 24);
/// How many times of a schedule are held against the windows: more than a week of them, if it is no more than hourly.
const TIMES: usize = 200;
const WEEK: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Checks the drills of the configuration `text`, as of `now`.
pub(super) fn check(
    checkout: &Checkout,
    text: &str,
    drills: &Drills,
    now: Timestamp,
    findings: &mut Findings,
) {
    let file = shown(&checkout.config);
    let scheduled = drills.drills.iter().filter_map(|drill| Some((drill, drill.schedule.as_ref()?)));
    for ((drill, cron), at) in scheduled.zip(place::values(text, "drill", "schedule")) {
        if let Some(problem) = problem(drill, cron, now) {
            findings.add(&file, at, format!("`schedule`: {problem}"));
        }
    }
    // Another configuration has schedules of its own.
    if checkout.config == checkout.root.join("infra/config/watchkeeper.toml") {
        let path = checkout.root.join("infra/schedules.yaml");
        findings.files += 1;
        if fs::read_to_string(&path).ok() != Some(schedules::template(drills)) {
            findings.add(&shown(&path), (1, 1), schedules::STALE);
        }
    }
}

fn problem(drill: &Drill, cron: &Cron, now: Timestamp) -> Option<String> {
    let until = now.checked_add(YEARS).ok()?;
    let zone = drill.zone.iana_name().unwrap_or_default();
    if let Some(skipped) = skipped(cron, &drill.zone, now, until).next() {
        return Some(format!("{skipped} ({zone})"));
    }
    let times: Vec<_> = occurrences(cron, &drill.zone, now, until).take(TIMES).collect();
    if times.is_empty() {
        return Some("it names no time within the next three years".to_owned());
    }
    if drill.windows.is_empty() || (times.len() == TIMES && times.last()?.at < now + WEEK) {
        return None;
    }
    let outside =
        |it| fits(&drill.windows, &drill.zone, &drill.holidays, drill.due(it), drill.recovery).err();
    let first = outside(times.first()?)?;
    let is_always = times.iter().all(|it| outside(it).is_some());
    is_always.then(|| format!("none of its times fits into its windows: {first}"))
}
