//! What CI jobs had to download since the cache did not have it: kept as it is reported, and added up at night.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use watchkeeper_domain::{
    failure::Failure,
    records::{Key, Records, Write},
    text::fingerprint,
};
use watchkeeper_packages::missed::Report;

use crate::{event::Missed, standing::Standing};

/// How long a report counts.
const KEPT: SignedDuration = SignedDuration::from_hours(14 * 24);
const PREFIX: &str = "MISSED#";

#[derive(Debug, Deserialize, Serialize)]
struct Kept {
    job: String,
    paths: Vec<String>,
    at: Timestamp,
}

/// Keeps a report. The same one twice is one.
///
/// # Errors
/// When it cannot be written.
pub async fn keep(world: &impl Records, missed: &Missed, now: Timestamp) -> Result<(), Failure> {
    let sk = format!("{PREFIX}{}", fingerprint([missed.job.as_str(), missed.id.as_str()]));
    let key = Key { pk: Standing::partition(&missed.cache), sk };
    let body = Kept { job: missed.job.clone(), paths: missed.paths.clone(), at: now };
    world.keep(&key, &Write { body: &body, due: None, expires_at: Some(now + KEPT) }).await
}

/// How many jobs have missed each path in the last two weeks.
///
/// # Errors
/// When the reports cannot be read.
pub async fn reports(world: &impl Records, cache: &str, now: Timestamp) -> Result<Vec<Report>, Failure> {
    let kept: Vec<Kept> = world.list(&Standing::partition(cache), PREFIX).await?;
    let mut jobs: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    // DynamoDB takes days to delete what has expired.
    for report in kept.into_iter().filter(|it| now.duration_since(it.at) < KEPT) {
        for path in report.paths {
            jobs.entry(path).or_default().insert(report.job.clone());
        }
    }
    let report = |(path, jobs): (String, BTreeSet<String>)| Report {
        path,
        jobs: u32::try_from(jobs.len()).unwrap_or(u32::MAX),
    };
    Ok(jobs.into_iter().map(report).collect())
}
