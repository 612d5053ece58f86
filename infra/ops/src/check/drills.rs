//! Drills: schedules that daylight saving would skip or that never come, names that no template of ours has, and
//! `infra/schedules.yaml`.

use std::fs;

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use watchkeeper_domain::drill::{
    Cron, Drill, Drills,
    when::{fits, occurrences, skipped},
};

use super::Findings;
use crate::{
    checkout::{Checkout, shown},
    drill::{
        ours::{FOLDER, Ours},
        schedules,
    },
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
    templates(checkout, text, drills, findings);
    // Another configuration has schedules of its own.
    if checkout.config == checkout.root.join("infra/config/watchkeeper.toml") {
        let path = checkout.root.join("infra/schedules.yaml");
        findings.files += 1;
        if fs::read_to_string(&path).ok() != Some(schedules::template(drills)) {
            findings.add(&shown(&path), (1, 1), schedules::STALE);
        }
    }
}

/// A name that none of our templates has, as far as those are at hand.
fn templates(checkout: &Checkout, text: &str, drills: &Drills, findings: &mut Findings) {
    let ours = match Ours::read(checkout) {
        Ok(Some(ours)) => ours,
        Ok(None) => return,
        Err(error) => return findings.add(&shown(&checkout.root.join(FOLDER)), (1, 1), format!("{error:#}")),
    };
    for (drill, at) in drills.drills.iter().zip(place::values(text, "drill", "template")) {
        if let Some(missing) = ours.missing(&drill.template) {
            findings.add(&shown(&checkout.config), at, format!("`template`: {missing}"));
        }
    }
}

fn problem(drill: &Drill, cron: &Cron, now: Timestamp) -> Option<String> {
    if let Some(problem) = untimely(cron, &drill.zone, now) {
        return Some(problem);
    }
    let until = now.checked_add(YEARS).ok()?;
    let times: Vec<_> = occurrences(cron, &drill.zone, now, until).take(TIMES).collect();
    if drill.windows.is_empty() || (times.len() == TIMES && times.last()?.at < now + WEEK) {
        return None;
    }
    let outside =
        |it| fits(&drill.windows, &drill.zone, &drill.holidays, drill.due(it), drill.recovery).err();
    let first = outside(times.first()?)?;
    let is_always = times.iter().all(|it| outside(it).is_some());
    is_always.then(|| format!("none of its times fits into its windows: {first}"))
}

/// A time of `cron` that daylight saving skips within the next three years, or that it names none.
pub(super) fn untimely(cron: &Cron, zone: &TimeZone, now: Timestamp) -> Option<String> {
    let until = now.checked_add(YEARS).ok()?;
    if let Some(skipped) = skipped(cron, zone, now, until).next() {
        return Some(format!("{skipped} ({})", zone.iana_name().unwrap_or_default()));
    }
    let is_never = occurrences(cron, zone, now, until).next().is_none();
    is_never.then(|| "it names no time within the next three years".to_owned())
}
