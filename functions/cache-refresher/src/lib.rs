//! A CI cache is refreshed at night, inside its snapshot, and its volumes wait for jobs in the morning.
//!
//! | module | what it holds |
//! |---|---|
//! | [`event`] | wire JSON → a night is asked for, a job wants a volume, something of EBS has changed, a tick |
//! | [`mod@decide`] | every rule of nights and generations |
//! | [`pool`] | every rule of the volumes that wait for jobs |
//! | [`standing`] | where a cache stands |
//! | [`night`] | one night: plan, download, write, upload; and the check after |
//! | [`missed`] | what CI jobs had to download |
//! | [`keyring`] | the repositories, and the secrets that open them |
//! | [`words`] | everything that it says to people |
//! | `ec2` | EC2's part of snapshots and volumes, with the feature `aws` |

use std::{cell::RefCell, time::Duration};

use jiff::Timestamp;
use serde_json::Value;
use tokio::time::Instant;
use watchkeeper_domain::{
    cache::{CACHE_TAG, Cache, Manifests},
    config::Config,
    drill::Site,
    failure::Failure,
    notice::Notice,
    ports::{Archive, Events, Notices, Volumes},
    records::{Record, Records},
};
use watchkeeper_packages::Repositories;
use watchkeeper_shell::{Concluded, Outcome, Report, Run, conclude, leash::Leash};
use watchkeeper_volume::snapshots::{HoldsSnapshots, SnapshotId, Snapshots};

use decide::{Acted, Answer, Effect, News, Reason, Rules, decide};
use event::{Arrival, Event};
use night::Job;
use standing::{Night, Phase, Standing};

#[cfg(feature = "aws")]
pub mod aws;
pub mod decide;
#[cfg(feature = "aws")]
pub mod ec2;
pub mod event;
pub mod keyring;
pub mod missed;
pub mod night;
mod observe;
pub mod pool;
pub mod standing;
mod sweep;
mod volumes;
pub mod words;

#[cfg(test)]
mod fixture;

pub use volumes::{claim, release};

/// The name of this function: of its sweep, its log lines, its metrics.
pub const NAME: &str = "cache-refresher";

/// How many steps one invocation takes with a cache: from the writing to the last snapshot that goes.
const PASSES: usize = 12;
/// What is left of an invocation's time for recording what was done.
const RESERVE: Duration = Duration::from_secs(20);

/// What the function is told once, at start-up.
#[derive(Clone, Copy, Debug)]
pub struct Setting<'a> {
    /// `watchkeeper.toml`.
    pub config: &'a Config,
    /// The files that its feeders name.
    pub manifests: &'a Manifests,
    /// Where it runs, and whether on the leash.
    pub site: &'a Site,
}

/// What this function reaches of the world: its policy in `template.yaml`, as a test sees to.
pub trait World: Records + Notices + Events + Archive + Volumes + HoldsSnapshots + Repositories {}
impl<W: Records + Notices + Events + Archive + Volumes + HoldsSnapshots + Repositories> World for W {}

/// Handles whatever Lambda was invoked with.
pub async fn handle(world: &impl World, setting: Setting<'_>, payload: &Value, run: &Run) -> Report {
    let stage = Stage { world, setting, run, began: Instant::now() };
    let mut reports = Vec::new();
    for Arrival { id, event } in event::parse(payload) {
        reports.push(Report { event_id: id, ..stage.hear(event).await });
    }
    Report::whole(reports)
}

/// One invocation.
struct Stage<'a, W> {
    world: &'a W,
    setting: Setting<'a>,
    run: &'a Run,
    began: Instant,
}

impl<W: World> Stage<'_, W> {
    async fn hear(&self, event: Event) -> Report {
        match event {
            Event::SweepDue => self.sweep().await,
            Event::Foreign(what) => Report::new("foreign", Outcome::Foreign, what),
            Event::Malformed(why) => Report::malformed("malformed", "the event", why),
            Event::RefreshRequested { cache, id, because } => {
                self.of(&cache, "request", News::Asked { id, because }).await
            }
            Event::RollbackRequested { cache, to, because } => {
                self.of(&cache, "request", News::RolledBack { to, because }).await
            }
            Event::PackagesMissed(missed) => self.packages_missed(&missed).await,
            Event::VolumeClaimed { cache, zone, by } => self.volume_claimed(&cache, &zone, &by).await,
            Event::VolumeReleased { cache, volume } => self.volume_released(&cache, &volume).await,
            Event::SnapshotChanged { snapshot } => self.snapshot_changed(&snapshot).await,
            Event::VolumeChanged { volume } => self.volume_changed(&volume).await,
        }
    }

    fn named(&self, name: &str) -> Option<&Cache> {
        self.setting.config.caches.iter().find(|cache| cache.name == name)
    }

    /// What is said of a name that no cache has.
    fn unknown(&self, name: &str) -> Report {
        let known: Vec<_> = self.setting.config.caches.iter().map(|cache| cache.name.as_str()).collect();
        let why = format!("there is no cache `{name}` in watchkeeper.toml; known: {}", known.join(", "));
        Report::new("request", Outcome::Refused, why)
    }

    async fn of(&self, name: &str, kind: &str, news: News) -> Report {
        match self.named(name) {
            Some(cache) => self.cache(cache, kind, news).await.0,
            None => self.unknown(name),
        }
    }

    async fn packages_missed(&self, missed: &event::Missed) -> Report {
        if self.named(&missed.cache).is_none() {
            return self.unknown(&missed.cache);
        }
        let paths = missed.paths.len();
        match missed::keep(self.world, missed, self.run.now).await {
            Ok(()) => {
                Report::new("missed", Outcome::Acted, format!("{paths} paths of job {} are kept", missed.job))
            }
            Err(failure) => Report::failed("missed", failure),
        }
    }

    /// Whose snapshot it is, its tag says.
    async fn snapshot_changed(&self, id: &str) -> Report {
        let snapshot = match self.world.snapshot(&self.setting.site.region, id).await {
            Ok(snapshot) => snapshot,
            Err(failure) => return Report::failed("snapshot", failure),
        };
        let name = snapshot.and_then(|it| it.tags.get(CACHE_TAG).cloned());
        match name.and_then(|name| self.named(&name)) {
            Some(cache) => self.cache(cache, "snapshot", News::Look).await.0,
            None => Report::new("snapshot", Outcome::Unchanged, "not a snapshot of ours"),
        }
    }

    /// Passes over one cache, as long as each has done something that the next one can go on from. Where that changes what
    /// jobs get, its pools follow. Returns when to look again, if all went well.
    async fn cache(&self, cache: &Cache, kind: &str, news: News) -> (Report, Option<conclude::Rest>) {
        let mut whole = Report::new(kind, Outcome::Unchanged, "");
        let (mut news, mut acted, mut rest) = (news, None, None);
        let mut is_new = false;
        for _ in 0..PASSES {
            let (concluded, answer) = match self.pass(cache, &news, acted.as_ref()).await {
                Ok(concluded) => concluded,
                Err(failure) => return (whole.and(Report::failed(kind, failure)), None),
            };
            is_new |= matches!(concluded.because, Reason::Published(_) | Reason::RolledBack { .. });
            whole = whole.and(self.report(kind, &concluded));
            rest = concluded.rest;
            news = News::Look;
            acted = concluded.acted.zip(answer).map(|(act, answer)| Acted { act, answer });
            // Whoever was published or given up is looked after in the same breath.
            let goes_on = acted.is_some()
                || is_new && rest.is_some_and(|rest| rest.until == Some(Timestamp::UNIX_EPOCH));
            if !goes_on {
                break;
            }
        }
        if is_new {
            whole = whole.and(self.pools(cache, kind).await);
        }
        (whole, rest)
    }

    /// Observes, decides, records, performs and settles.
    async fn pass(
        &self,
        cache: &Cache,
        news: &News,
        acted: Option<&Acted>,
    ) -> Result<(Concluded<Reason, Effect>, Option<Answer>), Failure> {
        let key = Standing::key(&cache.name);
        let answer = RefCell::new(None);
        let rules = self.rules(cache);
        let observe = async || {
            let record: Record<Standing, Effect> = self.world.read(&key).await?;
            let standing = record.state.clone().unwrap_or_else(|| Standing::new(&cache.name));
            let at = (cache, self.setting.site, self.run.now);
            let seen = observe::look(self.world, at, &standing, (news, acted)).await?;
            Ok((record, (standing, seen)))
        };
        let decide = |_: &Record<Standing, Effect>, (standing, seen): &(Standing, decide::Seen)| {
            decide(standing, seen, rules)
        };
        let perform = async |effect: &Effect, repeated: bool| match effect {
            Effect::Tell(notice) => self.world.publish(notice, repeated).await,
            Effect::Emit(event) => self.world.put(event).await,
            Effect::Write(_)
            | Effect::Complete(_)
            | Effect::Check(_)
            | Effect::Copy(_)
            | Effect::Delete(_) => {
                let came_of_it = self.act(cache, effect).await.unwrap_or_else(|failure| Answer::Failed {
                    why: failure.chain(),
                    in_doubt: failure.ambiguous,
                });
                *answer.borrow_mut() = Some(came_of_it);
                Ok(())
            }
        };
        let concluded = conclude(self.world, self.run, &key, observe, decide, perform).await?;
        Ok((concluded, answer.into_inner()))
    }

    /// Does one act. What it may do besides reading goes through the leash: here, or in the adapter of EC2.
    async fn act(&self, cache: &Cache, act: &Effect) -> Result<Answer, Failure> {
        let leash = Leash { on: self.setting.site.leash };
        match act {
            Effect::Write(night) => self.write(cache, night).await,
            Effect::Complete(sealed) => {
                let receipt = &sealed.receipt;
                leash.holds(&format!("the completion of {}", receipt.snapshot))?;
                let snapshots = HoldsSnapshots::snapshots(self.world, self.left());
                snapshots.complete(&receipt.snapshot, receipt.blocks, receipt.checksum).await?;
                Ok(Answer::Done)
            }
            Effect::Check(night) => self.check(night).await,
            Effect::Copy(copy) => Ok(Answer::Copied(self.world.copy_snapshot(copy).await?)),
            Effect::Delete(doomed) => {
                self.world.delete_snapshot(&doomed.region, &doomed.snapshot).await?;
                Ok(Answer::Done)
            }
            Effect::Tell(_) | Effect::Emit(_) => Ok(Answer::Done), // these are no acts
        }
    }

    async fn write(&self, cache: &Cache, night: &Night) -> Result<Answer, Failure> {
        let reports = missed::reports(self.world, &cache.name, self.run.now).await?;
        let parent = night.parent.as_ref().map(SnapshotId::new);
        let job = Job {
            cache,
            manifests: self.setting.manifests,
            parent: parent.as_ref(),
            token: &night.token(&cache.name),
            generation: night.number,
            began: night.began,
            missed: &reports,
            newer_than: night.newer_than,
            rehearses: self.setting.site.leash,
            within: self.left(),
        };
        // On the heap, as the check below: these futures are large, and each pass would hold them.
        let outcome = Box::pin(night::refresh(self.world, &job, &|_| ())).await?;
        Ok(Answer::Wrote(Box::new(outcome)))
    }

    async fn check(&self, night: &Night) -> Result<Answer, Failure> {
        let Phase::Checking { sealed, .. } = &night.phase else {
            return Err(Failure::new("check", night.id.as_str(), "it is not sealed"));
        };
        let parent = night.parent.as_ref().map(SnapshotId::new);
        let at = (parent.as_ref(), &**sealed);
        let verdict = Box::pin(night::check(self.world, at, night.began, self.left())).await?;
        Ok(Answer::Checked(verdict))
    }

    /// What is left of this invocation for one act.
    fn left(&self) -> Duration {
        let whole = Duration::try_from(self.run.deadline.duration_since(self.run.now)).unwrap_or_default();
        whole.saturating_sub(self.began.elapsed()).saturating_sub(RESERVE)
    }

    fn rules<'a>(&'a self, cache: &'a Cache) -> Rules<'a> {
        Rules { cache, site: self.setting.site, now: self.run.now, deadline: self.run.deadline }
    }

    fn report(&self, kind: &str, concluded: &Concluded<Reason, Effect>) -> Report {
        let report = concluded.report(kind, self.run.now, ToString::to_string, notice);
        let outcome = if concluded.because.is_refusal() { Outcome::Refused } else { report.outcome };
        Report { outcome, ..report }
    }
}

fn notice(effect: &Effect) -> Option<Notice> {
    match effect {
        Effect::Tell(notice) => Some(Notice::clone(notice)),
        Effect::Emit(_)
        | Effect::Write(_)
        | Effect::Complete(_)
        | Effect::Check(_)
        | Effect::Copy(_)
        | Effect::Delete(_) => None,
    }
}
