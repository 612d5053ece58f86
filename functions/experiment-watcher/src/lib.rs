//! Every FIS experiment has a timeline, an end and a verdict.
//!
//! | module | what it holds |
//! |---|---|
//! | [`event`] | wire JSON → a state change, an issue, a dead man, a tick, foreign, malformed |
//! | [`mod@decide`] | every rule of this function; guards and verdicts are in `domain` |
//! | [`watch`] | what is known of one experiment |
//! | [`words`] | everything that it says to people |

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use watchkeeper_domain::{
    config::Config,
    drill::{Site, partition as drill_partition},
    experiment::{Listed, TOKEN_TAG, verdict::Evidence},
    failure::Failure,
    notice::{Kind, Notice},
    ports::{Alarms, Calendars, Events, Experiments, History, Inventory, Issues, Metrics, Notices, Stops},
    records::{Key, Record, Records, Write},
};
use watchkeeper_shell::{
    Concluded, Outcome, Report, Run, conclude,
    observe::{PROOF, hear},
};

use decide::{Decision, Effect, News, Reason, Rules, Seen, decide};
use event::{Arrival, Event};
use watch::{EXPERIMENT, Watch, partition};

pub mod decide;
pub mod event;
mod objections;
mod observe;
pub mod watch;
pub mod words;

/// The name of this function: of its sweep, its log lines, its metrics.
pub const NAME: &str = "experiment-watcher";

/// The beginning of the sort key of what was measured of an experiment: one [`watchkeeper_domain::ports::Series`] a measure, in their order.
pub const SERIES: &str = "SERIES#";

/// How long ago an experiment may have been accepted to be found by the sweep although it is over: the longest take half of
/// that.
const RECENT: SignedDuration = SignedDuration::from_hours(24);

/// What this function reaches of the world: its policy in `template.yaml`, as a test sees to.
pub trait World:
    Records + Notices + Events + Experiments + Stops + Alarms + Calendars + Issues + Inventory + Metrics + History
{
}
impl<W> World for W where
    W: Records
        + Notices
        + Events
        + Experiments
        + Stops
        + Alarms
        + Calendars
        + Issues
        + Inventory
        + Metrics
        + History
{
}

/// Handles whatever Lambda was invoked with.
pub async fn handle(world: &impl World, config: &Config, site: &Site, payload: &Value, run: &Run) -> Report {
    let post = Post { world, config, site, run };
    let mut reports = Vec::new();
    for Arrival { id, event } in event::parse(payload, run.now) {
        reports.push(Report { event_id: id, ..post.hear(event).await });
    }
    Report::whole(reports)
}

/// One invocation.
struct Post<'a, W> {
    world: &'a W,
    config: &'a Config,
    site: &'a Site,
    run: &'a Run,
}

impl<W: World> Post<'_, W> {
    async fn hear(&self, event: Event) -> Report {
        match event {
            Event::StateChanged(change) => {
                let id = change.experiment.clone();
                self.experiment("experiment", &id, News::Changed(change)).await
            }
            Event::DeadManWoke(token) => self.dead_man(&token).await,
            Event::CaseChanged(notice) => match hear(self.world, &notice, self.run).await {
                // `chaos-trigger` may have taken it in before: then it is no news, and still a reason to look.
                Ok(_) if notice.kind == Kind::Issue => self.sweep("case").await,
                Ok(_) => Report::new("case", Outcome::Unchanged, "not an issue"),
                Err(failure) => Report::failed("case", failure),
            },
            Event::SweepDue => self.sweep("sweep").await,
            Event::Foreign(what) => Report::new("foreign", Outcome::Foreign, what),
            Event::Malformed(why) => Report::malformed("malformed", "the event", why),
        }
    }

    /// Everything that is not over or waits for its verdict, and what no event has told of. One that fails does not keep the
    /// others waiting.
    async fn sweep(&self, kind: &str) -> Report {
        let (due, listed) = (self.world.due(NAME, self.run.now).await, self.world.experiments().await);
        let mut whole = Report::new(kind, Outcome::Unchanged, "");
        let mut nominees: BTreeMap<String, Option<Timestamp>> = BTreeMap::new();
        match listed {
            Ok(listed) => {
                let of_interest = listed.into_iter().filter(|it| self.is_of_interest(it));
                nominees.extend(of_interest.map(|it| (it.id, None)));
            }
            Err(failure) => whole = whole.and(Report::failed(kind, failure)),
        }
        match due {
            Ok(due) => nominees.extend(due.into_iter().filter_map(|(key, was)| Some((id(&key)?, Some(was))))),
            Err(failure) => whole = whole.and(Report::failed(kind, failure)),
        }
        for (id, was) in nominees {
            let report = self.nominee(kind, &id, was).await;
            whole = whole.and(report.unwrap_or_else(|failure| Report::failed(kind, failure)));
        }
        whole
    }

    /// Looks at an experiment, and lets its record rest if there is nothing to do before a later time.
    async fn nominee(&self, kind: &str, id: &str, was: Option<Timestamp>) -> Result<Report, Failure> {
        let concluded = self.pass(id, &News::Look).await?;
        let rests = concluded.rest.filter(|rest| rest.until.is_none_or(|at| at > self.run.now));
        if let (Some(was), Some(rest)) = (was, rests) {
            self.world.rest(&Watch::key(id), was, rest.until).await?;
        }
        Ok(self.report(kind, &concluded))
    }

    fn is_of_interest(&self, listed: &Listed) -> bool {
        let is_recent = listed.created_at.is_some_and(|at| self.run.now.duration_since(at) < RECENT);
        !listed.skips_actions && (!listed.status.is_terminal() || is_recent)
    }

    /// The dead man knows the token only: the id was not known when it was armed.
    async fn dead_man(&self, token: &str) -> Report {
        let listed = match self.world.experiments().await {
            Ok(listed) => listed,
            Err(failure) => return Report::failed("dead man", failure),
        };
        let its =
            |it: &&Listed| it.tags.get(TOKEN_TAG).is_some_and(|own| own == token) && !it.status.is_terminal();
        let mut whole = Report::new("dead man", Outcome::Unchanged, "nothing with its token is under way");
        for listed in listed.iter().filter(its) {
            whole = whole.and(self.experiment("dead man", &listed.id, News::DeadMan).await);
        }
        whole
    }

    async fn experiment(&self, kind: &str, id: &str, news: News) -> Report {
        match self.pass(id, &news).await {
            Ok(concluded) => self.report(kind, &concluded),
            Err(failure) => Report::failed(kind, failure),
        }
    }

    /// Observes, decides, records, performs and settles.
    async fn pass(&self, id: &str, news: &News) -> Result<Concluded<Reason, Effect>, Failure> {
        let (drills, site, now) = (&self.config.drills, self.site, self.run.now);
        let observe = async || {
            let record: Record<Watch, Effect> = self.world.read(&Watch::key(id)).await?;
            let watch = record.state.clone().unwrap_or_else(|| Watch::new(id));
            let seen = self.look(&watch, news).await?;
            self.keep_series(id, &seen).await?;
            Ok((record, (watch, seen)))
        };
        let decide = |_: &Record<Watch, Effect>, (watch, seen): &(Watch, Seen)| -> Decision {
            let drill = observe::drill_of(watch, seen, drills);
            decide(watch, seen, Rules { drill, drills, site, now })
        };
        let perform = async |effect: &Effect, repeated: bool| match effect {
            Effect::Tell(notice) => self.world.publish(notice, repeated).await,
            Effect::Emit(event) => self.world.put(event).await,
            Effect::Prove(proof, _) => {
                let sk = format!("{PROOF}{}#{}", proof.at.strftime("%Y-%m-%dT%H:%M:%SZ"), proof.experiment);
                let key = Key { pk: drill_partition(&proof.drill), sk };
                self.world.keep(&key, &Write { body: proof.as_ref(), due: None, expires_at: None }).await
            }
            Effect::Stop { experiment } => self.world.stop(experiment).await,
        };
        conclude(self.world, self.run, &Watch::key(id), observe, decide, perform).await
    }

    /// Thousands of points are too long for the head, so they have items of their own, written first: a verdict that is
    /// recorded has its series.
    async fn keep_series(&self, id: &str, seen: &Seen) -> Result<(), Failure> {
        let Some(Ok(Evidence { series: Ok(series), .. })) = &seen.evidence else { return Ok(()) };
        for (place, one) in series.iter().enumerate() {
            let key = Key { pk: partition(id), sk: format!("{SERIES}{place:02}") };
            self.world.keep(&key, &Write { body: one, due: None, expires_at: None }).await?;
        }
        Ok(())
    }

    fn report(&self, kind: &str, concluded: &Concluded<Reason, Effect>) -> Report {
        concluded.report(kind, self.run.now, brief, notice)
    }
}

/// The experiment whose head `key` is.
fn id(key: &Key) -> Option<String> {
    key.pk.strip_prefix(EXPERIMENT).map(str::to_owned)
}

/// An effect as the log may hold it.
fn brief(effect: &Effect) -> String {
    match effect {
        Effect::Tell(notice) => format!("tell {} {}", notice.severity.as_str(), notice.id),
        Effect::Emit(event) => format!("emit {} {}", event.detail_type, event.id),
        Effect::Prove(proof, _) => format!("prove {} {}", proof.drill, proof.outcome),
        Effect::Stop { experiment } => format!("stop {experiment}"),
    }
}

fn notice(effect: &Effect) -> Option<Notice> {
    match effect {
        Effect::Tell(notice) => Some(Notice::clone(notice)),
        Effect::Emit(_) | Effect::Prove(..) | Effect::Stop { .. } => None,
    }
}
