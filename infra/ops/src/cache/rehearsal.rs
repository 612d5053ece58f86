//! `cache refresh --dry-run`: what a night would do, worked out here with the code of the night. Feeders and repositories
//! are asked, files are downloaded, snapshots are read; nothing is started in EBS, and nothing is kept.

use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use cache_refresher::{
    decide::{Effect, News},
    keyring::Keyring,
    missed,
    night::{self, Account, Job, Outcome},
    standing::{Night, Standing},
    words::{advice, bytes},
};
use jiff::Timestamp;
use serde_json::{Value, json};
use watchkeeper_domain::{
    cache::Cache,
    failure::Failure,
    render::terminal::Paint,
    text::{self, count},
};
use watchkeeper_packages::{Answer, Repositories, Request, missed::Report};
use watchkeeper_shell::lambda;
use watchkeeper_volume::{
    ebs::Ebs,
    snapshots::{HoldsSnapshots, SnapshotId},
};

use self::bar::Bar;
use super::{find, known};
use crate::{
    checkout::Checkout,
    cli::{Place, cache::Refresh},
    screen::Screen,
    stack::{Stack, told},
    when,
};

mod bar;

/// How long it may take: downloads come slower to a desk than to a Lambda function.
const WITHIN: Duration = Duration::from_secs(60 * 60);

/// Works out what a night would do now. Returns true: what cannot be had is no failure of the night.
///
/// # Errors
/// An unknown cache; files of feeders that are not there; whatever would fail the night.
pub async fn rehearse(place: &Place, what: &Refresh, screen: &mut Screen) -> Result<bool> {
    let checkout = Checkout::find(place)?;
    let config = checkout.config()?;
    let cache = find(&config, &what.name)?;
    let manifests = lambda::manifests(&checkout.config, &config).map_err(told)?;
    let (stack, now) = (Stack::connect().await, when::now());
    let (standing, missed) = remembered(&stack, what, now).await?;
    let night = night_now(&standing, cache, now)?;
    let parent = what.snapshot.clone().or_else(|| night.parent.clone()).map(SnapshotId::new);
    let study = Study { ebs: stack.ebs()?, repositories: Keyring::new(stack.secrets(), &config) };
    let job = Job {
        cache,
        manifests: &manifests,
        parent: parent.as_ref(),
        token: &night.token(&cache.name),
        generation: night.number,
        began: night.began,
        missed: &missed,
        newer_than: night.newer_than,
        rehearses: true,
        within: WITHIN,
    };
    let bar = Bar::new();
    let outcome = night::refresh(&study, &job, &|step| bar.show(&step)).await;
    bar.done();
    let rehearsed = Rehearsed { job: &job, outcome: outcome.map_err(told)? };
    match what.json {
        true => screen.line(&rehearsed.to_json().to_string())?,
        false => screen.write(&rehearsed.to_text(what.table.is_named(), screen))?,
    }
    Ok(true)
}

/// Where the cache stands and what jobs have missed, as far as the table was named.
async fn remembered(stack: &Stack, what: &Refresh, now: Timestamp) -> Result<(Standing, Vec<Report>)> {
    if !what.table.is_named() {
        return Ok((Standing::new(&what.name), Vec::new()));
    }
    let table = stack.table(&what.table)?;
    let standing = known::standing(&table, &what.name).await?;
    Ok((standing, missed::reports(&table, &what.name, now).await.map_err(told)?))
}

/// The night that `cache-refresher` would begin now, were the cache switched on and at rest.
fn night_now(standing: &Standing, cache: &Cache, now: Timestamp) -> Result<Night> {
    let (cache, site) = (Cache { enabled: true, ..cache.clone() }, known::site(""));
    let standing = Standing { night: None, ..standing.clone() };
    let news = News::Asked { id: format!("rehearsal of {now}"), because: String::new() };
    let decision = known::judged(&standing, news, known::rules(&cache, &site, now));
    let night = decision
        .effects
        .into_iter()
        .find_map(|effect| if let Effect::Write(night) = effect { Some(*night) } else { None });
    night
        .ok_or_else(|| anyhow!("no night would begin: {}", decision.because))
        .context("could not plan a night")
}

/// The real EBS and the real repositories, of which nothing but reading is asked.
struct Study {
    ebs: Ebs,
    repositories: Keyring,
}

impl HoldsSnapshots for Study {
    type Snapshots = Ebs;

    fn snapshots(&self, within: Duration) -> Ebs {
        self.ebs.within(within)
    }
}

impl Repositories for Study {
    async fn get(&self, request: &Request) -> Result<Answer, Failure> {
        self.repositories.get(request).await
    }
}

/// What came of it.
struct Rehearsed<'a> {
    job: &'a Job<'a>,
    outcome: Outcome,
}

impl Rehearsed<'_> {
    /// A rehearsal writes nothing, so the last one does not come to pass.
    fn account(&self) -> (&'static str, &Account) {
        match &self.outcome {
            Outcome::Idle(account) => ("nothing-new", account),
            Outcome::Rehearsed(account) => ("rehearsed", account),
            Outcome::Written(_, account) => ("written", account),
        }
    }

    fn advice(&self) -> Option<String> {
        let site = known::site("");
        advice(self.account().1, known::rules(self.job.cache, &site, self.job.began))
    }

    fn to_json(&self) -> Value {
        let (outcome, account) = self.account();
        json!({
            "cache": self.job.cache.name,
            "parent": self.job.parent,
            "generation": self.job.generation,
            "outcome": outcome,
            "account": account,
            "advice": self.advice(),
        })
    }

    fn to_text(&self, knows_table: bool, screen: &Screen) -> String {
        let (_, account) = self.account();
        let Job { cache, generation, .. } = self.job;
        let on = match self.job.parent {
            Some(parent) => format!("on top of {parent}"),
            None => format!("on a new volume of {} GiB", cache.size_gib),
        };
        let title = format!("{}: generation {generation}, {on}", cache.name);
        let mut out = format!("{}\n", screen.paint(&title, Paint::Bold));
        for (name, value) in rows(account, cache, self.advice()) {
            out.push_str(&format!("  {name:<8}  {}\n", text::line(&value)));
        }
        for problem in &account.problems {
            out.push_str(&format!("    - {}\n", text::line(problem)));
        }
        out.push_str("Nothing was started in EBS.\n");
        if !knows_table {
            out.push_str("Without the table (--table), nothing is known of generations and of what jobs have missed.\n");
        }
        out
    }
}

/// Each figure with its name.
fn rows(account: &Account, cache: &Cache, advice: Option<String>) -> Vec<(&'static str, String)> {
    let files = |number: u64| count(usize::try_from(number).unwrap_or(usize::MAX), "file");
    let written = match account.written_files {
        0 if account.planned_files == 0 => "nothing: all that is wanted is there".to_owned(),
        number => format!("{}, {}", files(number), bytes(account.written_bytes)),
    };
    let left =
        format!("{}, for a generation right after: one takes {} MiB", files(account.left), cache.limits.mib);
    let at_least = if account.blocks_are_at_least { "at least " } else { "" };
    let blocks = format!("{at_least}{} of 512 KiB put, {} read", account.blocks, account.blocks_read);
    let cost = match account.example_microdollars {
        0..100 => "less than $0.0001".to_owned(),
        micros => format!("about ${:.4}", micros as f64 / 1e6),
    };
    let cost = format!("{cost} for these blocks, by AWS's example; rates differ by Region");
    let space = account.space.map(|it| format!("{} of {}", bytes(it.used_bytes), bytes(it.total_bytes)));
    let all = [
        ("write", Some(written)),
        ("remove", (account.removed > 0).then(|| files(account.removed))),
        ("left", (account.left > 0).then_some(left)),
        ("blocks", Some(blocks)),
        ("cost", Some(cost)),
        ("in use", space),
        ("memory", Some(format!("{} at most", bytes(account.peak_memory)))),
        ("advice", advice),
        ("problems", (account.problem_count > 0).then(|| account.problem_count.to_string())),
    ];
    all.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}
