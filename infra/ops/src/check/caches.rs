//! CI caches: schedules that daylight saving would skip or that never come, and the files that feeders name.

use std::fs;

use jiff::Timestamp;
use watchkeeper_domain::cache::{Cache, Feeder, Source};
use watchkeeper_packages::{Cause, list, manifest};

use super::{Findings, drills::untimely};
use crate::{
    checkout::{Checkout, shown},
    place,
};

/// Checks the caches of the configuration `text`, as of `now`.
pub(super) fn check(
    checkout: &Checkout,
    text: &str,
    caches: &[Cache],
    now: Timestamp,
    findings: &mut Findings,
) {
    let file = shown(&checkout.config);
    let scheduled = caches.iter().filter_map(|cache| Some((cache, cache.schedule.as_ref()?)));
    for ((cache, cron), at) in scheduled.zip(place::values(text, "cache", "schedule")) {
        if let Some(problem) = untimely(cron, &cache.zone, now) {
            findings.add(&file, at, format!("`schedule`: {problem}"));
        }
    }
    for (cache, at) in caches.iter().zip(place::tables(text, "cache")) {
        for feeder in &cache.feeders {
            lines(checkout, feeder, at, findings);
        }
    }
}

/// The lines of a text that cannot be read, by their numbers.
type Problems = fn(&str) -> Vec<(usize, Cause)>;

/// The file that `feeder` names, if it does: whether it is there, and each line that cannot be read.
fn lines(checkout: &Checkout, feeder: &Feeder, at: (usize, usize), findings: &mut Findings) {
    let (name, problems): (_, Problems) = match feeder {
        Feeder::Manifest { source: Source::File(name), .. } => (name, manifest::problems),
        Feeder::List { source: Source::File(name) } => (name, list::problems),
        Feeder::Manifest { .. } | Feeder::List { .. } | Feeder::Missed { .. } | Feeder::Nexus { .. } => {
            return;
        }
    };
    let path = checkout.config.with_file_name(name);
    match fs::read_to_string(&path) {
        Ok(text) => {
            findings.files += 1;
            for (line, cause) in problems(&text) {
                findings.add(&shown(&path), (line, 1), cause.to_string());
            }
        }
        Err(error) => {
            let message =
                format!("a feeder of this cache names {}, which cannot be read: {error}", shown(&path));
            findings.add(&shown(&checkout.config), at, message);
        }
    }
}
