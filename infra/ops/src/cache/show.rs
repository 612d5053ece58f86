//! `cache show`: generations, the night under way, and who has which volume.

use anyhow::Result;
use cache_refresher::{
    pool::{Phase, Pool, Slot},
    standing::{Ended, Generation, Standing},
    words::{advice, bytes},
};
use jiff::{Timestamp, tz::TimeZone};
use serde_json::{Value, json};
use watchkeeper_domain::{
    cache::Cache,
    drill::when::occurrences,
    render::terminal::Paint,
    text::{self, count},
};
use watchkeeper_shell::Table;

use super::{
    find,
    known::{self, named},
};
use crate::{
    checkout::Checkout,
    cli::{Place, cache::Show},
    drill::past::moment,
    screen::Screen,
    stack::Stack,
    table::lines,
    when,
};

/// Shows one cache, or all of them. Returns true.
///
/// # Errors
/// An unknown cache, or a table that cannot be read.
pub async fn show(place: &Place, what: &Show, screen: &mut Screen) -> Result<bool> {
    let config = Checkout::find(place)?.config()?;
    let asked: Vec<&Cache> = match &what.name {
        Some(name) => vec![find(&config, name)?],
        None => config.caches.iter().collect(),
    };
    let table = Stack::connect().await.table(&what.table)?;
    let (mut all, now) = (Vec::new(), when::now());
    for cache in asked {
        all.push(Known::read(&table, cache).await?);
    }
    match &what.name {
        _ if what.json => {
            for known in &all {
                screen.line(&known.to_json(now).to_string())?;
            }
        }
        Some(_) => {
            for known in &all {
                screen.write(&known.to_text(now, screen))?;
            }
        }
        None if all.is_empty() => screen.line("watchkeeper.toml names no cache")?,
        None => {
            for line in overview(&all, now) {
                screen.line(&line)?;
            }
        }
    }
    Ok(true)
}

/// What is known of a cache.
struct Known<'a> {
    cache: &'a Cache,
    standing: Standing,
    /// By zone, as configured.
    pools: Vec<(&'a str, Option<Pool>)>,
}

impl<'a> Known<'a> {
    async fn read(table: &Table, cache: &'a Cache) -> Result<Self> {
        let standing = known::standing(table, &cache.name).await?;
        let mut pools = Vec::new();
        for zone in cache.pool.iter().flat_map(|pool| &pool.zones) {
            pools.push((zone.as_str(), known::pool(table, &cache.name, zone).await?));
        }
        Ok(Self { cache, standing, pools })
    }

    fn advice(&self, now: Timestamp) -> Option<String> {
        let site = known::site("");
        advice(&self.standing.current()?.account, known::rules(self.cache, &site, now))
    }

    fn to_json(&self, now: Timestamp) -> Value {
        let pools = self.pools.iter().map(|(zone, pool)| json!({ "az_id": zone, "pool": pool }));
        json!({
            "cache": self.cache.name,
            "enabled": self.cache.enabled,
            "current": self.standing.current(),
            "standing": self.standing,
            "pools": pools.collect::<Vec<_>>(),
            "advice": self.advice(now),
        })
    }

    fn to_text(&self, now: Timestamp, screen: &Screen) -> String {
        let mut out = self.head(now, screen);
        if !self.standing.generations.is_empty() {
            out.push('\n');
            push(&mut out, &generations(&self.standing, &self.cache.zone));
        }
        for (zone, pool) in &self.pools {
            let title = format!("{zone}: {}", self.waiting(pool.as_ref()));
            out.push_str(&format!("\n{}\n", screen.paint(&title, Paint::Bold)));
            let slots = pool.iter().flat_map(|pool| pool.slots.values());
            push(&mut out, &lines(&slots.map(|slot| self.row(slot)).collect::<Vec<_>>()));
            if let Some(trouble) = pool.as_ref().and_then(|pool| pool.trouble.as_ref()) {
                let since = moment(trouble.since, &self.cache.zone);
                out.push_str(&format!("  EC2 refuses more since {since}: {}\n", text::line(&trouble.why)));
            }
        }
        out
    }

    fn head(&self, now: Timestamp, screen: &Screen) -> String {
        let Self { cache, standing, .. } = self;
        let current = standing.current();
        let title = screen.paint(&cache.name, Paint::Bold);
        let space = current.and_then(|it| it.account.space);
        let rows = [
            ("jobs get", Some(current.map_or("no generation yet".to_owned(), named))),
            ("night", Some(self.night(now))),
            ("because", standing.night.as_ref().map(|night| text::line(&night.because))),
            ("last", standing.last.as_ref().map(|last| self.ended(last))),
            ("in use", space.map(|it| format!("{} of {}", bytes(it.used_bytes), bytes(it.total_bytes)))),
            ("advice", self.advice(now).map(|it| text::line(&it))),
        ];
        let rows = rows.into_iter().filter_map(|(name, value)| Some(format!("  {name:<8}  {}\n", value?)));
        let rows: String = rows.collect();
        format!("{title}: {} GiB, keeps {} generations\n{rows}", cache.size_gib, cache.keep)
    }

    /// The night under way, or the next one.
    fn night(&self, now: Timestamp) -> String {
        let zone = &self.cache.zone;
        if let Some(night) = &self.standing.night {
            let (began, phase) = (moment(night.began, zone), known::phase(night, zone));
            return format!("generation {}, begun {began}: {phase}", night.number);
        }
        if !self.cache.enabled {
            return "none: it is switched off in watchkeeper.toml (`enabled`)".to_owned();
        }
        let next =
            self.cache.schedule.as_ref().and_then(|cron| occurrences(cron, zone, now, Timestamp::MAX).next());
        next.map_or("none".to_owned(), |next| format!("none; the next is due {}", moment(next.at, zone)))
    }

    fn ended(&self, last: &Ended) -> String {
        let zone = &self.cache.zone;
        format!("{}: {}", moment(last.at, zone), text::line(&last.outcome))
    }

    fn waiting(&self, pool: Option<&Pool>) -> String {
        let size = self.cache.pool.as_ref().map_or(0, |pool| pool.size);
        format!("{} of {size} ready", pool.map_or(0, Pool::ready))
    }

    fn row(&self, slot: &Slot) -> Vec<String> {
        let at = |at: &Timestamp| moment(*at, &self.cache.zone);
        let more = match &slot.phase {
            Phase::Making { since, .. } | Phase::Filling { since, .. } | Phase::Ready { since, .. } => {
                format!("since {}", at(since))
            }
            Phase::Claimed { by, until, .. } => format!("by {}, until {}", text::line(by), at(until)),
            Phase::Retiring { because, .. } => text::line(because),
        };
        let source = if slot.is_source { ", to copy from" } else { "" };
        vec![
            slot.phase.volume().unwrap_or("(ordered)").to_owned(),
            slot.phase.as_str().to_owned(),
            format!("generation {}{source}", slot.generation),
            more,
        ]
    }
}

fn push(out: &mut String, lines: &[String]) {
    lines.iter().for_each(|line| out.push_str(&format!("{line}\n")));
}

/// The generations that are kept, a line each.
fn generations(standing: &Standing, zone: &TimeZone) -> Vec<String> {
    let header = ["GENERATION", "PUBLISHED", "SNAPSHOT", "WRITTEN", "REMOVED", "BLOCKS", "COPIES"];
    let row = |it: &Generation| {
        let account = &it.account;
        let current = if standing.current == Some(it.number) { " (current)" } else { "" };
        let files = count(usize::try_from(account.written_files).unwrap_or(usize::MAX), "file");
        let copies: Vec<_> = it.copies.iter().map(|(region, copy)| format!("{region} {copy}")).collect();
        vec![
            format!("{}{current}", it.number),
            moment(it.published_at, zone),
            it.snapshot.clone(),
            format!("{files}, {}", bytes(account.written_bytes)),
            account.removed.to_string(),
            account.blocks.to_string(),
            copies.join(", "),
        ]
    };
    let header = header.map(str::to_owned).to_vec();
    lines(&[header].into_iter().chain(standing.generations.iter().map(row)).collect::<Vec<_>>())
}

/// A line for each cache.
fn overview(all: &[Known<'_>], now: Timestamp) -> Vec<String> {
    let header = ["CACHE", "GENERATION", "PUBLISHED", "VOLUMES", "NIGHT"].map(str::to_owned).to_vec();
    let row = |known: &Known<'_>| {
        let current = known.standing.current();
        let volumes =
            known.pools.iter().map(|(zone, pool)| format!("{zone} {}", known.waiting(pool.as_ref())));
        let volumes: Vec<_> = volumes.collect();
        vec![
            known.cache.name.clone(),
            current.map_or("none".to_owned(), |it| it.number.to_string()),
            current.map_or("-".to_owned(), |it| moment(it.published_at, &known.cache.zone)),
            if volumes.is_empty() { "-".to_owned() } else { volumes.join(", ") },
            known.night(now),
        ]
    };
    lines(&[header].into_iter().chain(all.iter().map(row)).collect::<Vec<_>>())
}
