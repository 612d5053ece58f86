//! What the table knows of a cache, and what `cache-refresher` would decide on it.

use anyhow::{Result, anyhow};
use cache_refresher::{
    decide::{Decision, Effect, News, Rules, Seen, decide},
    pool::{self, Pool},
    standing::{Generation, Night, Phase, Standing},
};
use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use watchkeeper_domain::{
    cache::Cache,
    drill::Site,
    records::{Record, Records},
    text,
};
use watchkeeper_shell::Table;

use crate::{drill::past::moment, stack::told};

/// How long an invocation of `cache-refresher` may take.
const INVOCATION: SignedDuration = SignedDuration::from_mins(15);

/// Where `cache` stands; as one that has never had a night, when nothing is known of it.
///
/// # Errors
/// When the table cannot be read.
pub async fn standing(table: &Table, cache: &str) -> Result<Standing> {
    let record: Record<Standing, Effect> = table.read(&Standing::key(cache)).await.map_err(told)?;
    Ok(record.state.unwrap_or_else(|| Standing::new(cache)))
}

/// The pool of `cache` in `zone`, if anything was ever kept of it.
///
/// # Errors
/// When the table cannot be read.
pub async fn pool(table: &Table, cache: &str, zone: &str) -> Result<Option<Pool>> {
    let record: Record<Pool, pool::Effect> = table.read(&Pool::key(cache, zone)).await.map_err(told)?;
    Ok(record.state)
}

/// The generation with this number, or the one that jobs get.
///
/// # Errors
/// When it is not kept, or there is none yet.
pub fn generation<'a>(standing: &'a Standing, cache: &str, number: Option<u32>) -> Result<&'a Generation> {
    let found = match number {
        Some(number) => standing.numbered(number),
        None => standing.current(),
    };
    found.ok_or_else(|| match number {
        Some(number) if !standing.generations.is_empty() => {
            let kept: Vec<_> = standing.generations.iter().map(|it| it.number.to_string()).collect();
            anyhow!("{cache} has no generation {number}; kept: {}", kept.join(", "))
        }
        Some(_) | None => anyhow!(
            "{cache} has no generation yet: `watchkeeper cache refresh {cache} --because …` asks for the first one"
        ),
    })
}

/// What stands for the deployed function here. Nothing is sent through it.
pub fn site(region: &str) -> Site {
    Site { account: String::new(), region: region.to_owned(), leash: true }
}

/// The rules for `cache` at `now`, as an invocation that begins then has them.
pub fn rules<'a>(cache: &'a Cache, site: &'a Site, now: Timestamp) -> Rules<'a> {
    Rules { cache, site, now, deadline: now + INVOCATION }
}

/// What `cache-refresher` would make of a request of a person.
pub fn judged(standing: &Standing, news: News, rules: Rules<'_>) -> Decision {
    let seen = Seen { news, acted: None, snapshot: None, snapshots: Default::default() };
    decide(standing, &seen, rules)
}

/// The number and the snapshot of `generation`: `generation 7 (snap-…)`.
pub fn named(generation: &Generation) -> String {
    format!("generation {} ({})", generation.number, generation.snapshot)
}

/// How far `night` is, in words.
pub fn phase(night: &Night, zone: &TimeZone) -> String {
    let at = |at: Timestamp| moment(at, zone);
    let part = if night.part > 1 { format!("part {}: ", night.part) } else { String::new() };
    let phase = match &night.phase {
        Phase::Queued => "the next invocation writes it".to_owned(),
        Phase::Writing { until } => format!("downloading and writing, until {} at the latest", at(*until)),
        Phase::Pausing { until, why } => {
            format!("it has failed, and is begun again at {}: {}", at(*until), text::line(why))
        }
        Phase::Sealing { .. } => "everything is put, and the snapshot is being sealed".to_owned(),
        Phase::Completing { since, .. } => format!("EBS is completing the snapshot, since {}", at(*since)),
        Phase::Checking { until, .. } => {
            format!("reading the snapshot back, until {} at the latest", at(*until))
        }
    };
    format!("{part}{phase}")
}
