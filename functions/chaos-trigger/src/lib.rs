//! Scheduled FIS experiments start when it is safe, and say why when they do not.
//!
//! | module | what it holds |
//! |---|---|
//! | [`event`] | wire JSON → somebody asks for a run, an experiment or a deployment has changed, a tick, foreign, malformed |
//! | [`mod@decide`] | every rule of this function; the guards themselves are in `domain::drill::guards` |
//! | [`standing`] | where a drill stands |
//! | [`ask`] | which drills an event asks for |
//! | [`words`] | everything that it says to people |
//! | [`log`] | every decision, with the facts that it was made on |

use std::cell::RefCell;

use serde_json::Value;
use watchkeeper_domain::{
    config::Config,
    drill::{
        Site,
        deployments::{self, Progress},
    },
    failure::Failure,
    notice::Notice,
    ports::{
        Alarms, Calendars, DeadMan, Events, Experiments, Inventory, Issues, Metrics, Notices, OnCalls, Starts,
    },
    records::{Record, Records},
};
use watchkeeper_shell::{
    Concluded, Outcome, Report, Run, conclude,
    conclude::Rest,
    observe::{deployment_changed, hear},
};

use decide::{Acted, Decision, Effect, News, Reason, Rules, decide};
use event::{Arrival, Event};
use observe::Look;
use standing::Standing;

pub mod ask;
pub mod decide;
pub mod event;
mod floor;
pub mod log;
mod observe;
pub mod standing;
mod sweep;
pub mod words;

#[cfg(test)]
mod fixture;

/// The name of this function: of its sweep, its log lines, its metrics.
pub const NAME: &str = "chaos-trigger";

/// How many steps one invocation takes: from the preview's end to the start there are four.
const PASSES: usize = 6;

/// What this function reaches of the world: its policy in `template.yaml`, as a test sees to.
pub trait World:
    Records
    + Notices
    + Events
    + Experiments
    + Starts
    + Alarms
    + Calendars
    + OnCalls
    + Issues
    + Inventory
    + Metrics
    + DeadMan
{
}
impl<W> World for W where
    W: Records
        + Notices
        + Events
        + Experiments
        + Starts
        + Alarms
        + Calendars
        + OnCalls
        + Issues
        + Inventory
        + Metrics
        + DeadMan
{
}

/// Handles whatever Lambda was invoked with.
pub async fn handle(world: &impl World, config: &Config, site: &Site, payload: &Value, run: &Run) -> Report {
    let stage = Stage { world, config, site, run };
    let mut reports = Vec::new();
    for Arrival { id, event } in event::parse(payload, run.now) {
        reports.push(Report { event_id: id, ..stage.hear(event).await });
    }
    Report::whole(reports)
}

/// One invocation.
struct Stage<'a, W> {
    world: &'a W,
    config: &'a Config,
    site: &'a Site,
    run: &'a Run,
}

impl<W: World> Stage<'_, W> {
    async fn hear(&self, event: Event) -> Report {
        let drills = &self.config.drills;
        match event {
            Event::SweepDue => self.sweep().await,
            Event::Foreign(what) => Report::new("foreign", Outcome::Foreign, what),
            Event::Malformed(why) => Report::malformed("malformed", "the event", why),
            Event::ExperimentChanged { experiment } => self.experiment_changed(&experiment).await,
            Event::CaseChanged(notice) => match hear(self.world, &notice, self.run).await {
                Ok(_) => self.all("case", ask::by_case(drills, &notice, self.run.now)).await,
                Err(failure) => Report::failed("case", failure),
            },
            Event::ScheduleFired { drill, scheduled } => match ask::by_schedule(drills, &drill, scheduled) {
                Ok(news) => self.all("schedule", vec![(drill, news)]).await,
                Err(why) => Report::new("schedule", Outcome::Refused, why),
            },
            Event::Deployed { what, id, at } => {
                let due = ask::by_deployment(drills, &what, &id, at);
                self.deployment(&Progress { what, id, stage: deployments::Stage::Ended, at }, due).await
            }
            Event::DeploymentChanged(progress) => self.deployment(&progress, Vec::new()).await,
            Event::DrillRequested(request) => self.requested(ask::by_request(request)).await,
            Event::DrillCancelled(request) => {
                let why = format!("{}, by {}", request.because, request.by);
                self.requested((request.drill, News::Cancelled(why))).await
            }
            Event::DrillReleased(request) => {
                let why = format!("{}, by {}", request.because, request.by);
                self.requested((request.drill, News::Released(why))).await
            }
        }
    }

    /// A deployment goes on or has ended: the drills that ask for quiet will look at it. Those that have waited for it
    /// are `due`.
    async fn deployment(&self, progress: &Progress, due: Vec<(String, News)>) -> Report {
        if self.config.drills.drills.iter().any(|drill| !drill.quiet.is_zero())
            && let Err(failure) = deployment_changed(self.world, progress, self.run).await
        {
            return Report::failed("deployment", failure);
        }
        self.all("deployment", due).await
    }

    async fn requested(&self, (drill, news): (String, News)) -> Report {
        if self.config.drills.named(&drill).is_none() {
            let known: Vec<_> = self.config.drills.drills.iter().map(|drill| drill.name.as_str()).collect();
            let why = format!("there is no drill `{drill}`; known: {}", known.join(", "));
            return Report::new("request", Outcome::Refused, why);
        }
        self.all("request", vec![(drill, news)]).await
    }

    /// An experiment of ours has moved: its run goes on. One of somebody else's is `experiment-watcher`'s business.
    async fn experiment_changed(&self, id: &str) -> Report {
        let experiment = match self.world.experiment(id).await {
            Ok(Some(experiment)) => experiment,
            Ok(None) => return Report::new("experiment", Outcome::Unchanged, "FIS does not know it"),
            Err(failure) => return Report::failed("experiment", failure),
        };
        match experiment.listed.tags.get(watchkeeper_domain::experiment::DRILL_TAG) {
            Some(drill) if self.config.drills.named(drill).is_some() => {
                self.all("experiment", vec![(drill.clone(), News::Look)]).await
            }
            Some(_) | None => Report::new("experiment", Outcome::Unchanged, "not an experiment of ours"),
        }
    }

    async fn all(&self, kind: &str, news: Vec<(String, News)>) -> Report {
        let mut whole = Report::new(kind, Outcome::Unchanged, "");
        for (drill, news) in news {
            whole = whole.and(self.drill(kind, &drill, news).await);
        }
        whole
    }

    async fn drill(&self, kind: &str, name: &str, news: News) -> Report {
        self.passes(kind, name, news).await.0
    }

    /// Passes over one drill, as long as each has done something that the next one can go on from. Returns when to look
    /// again, if all went well.
    async fn passes(&self, kind: &str, name: &str, news: News) -> (Report, Option<Rest>) {
        let mut whole = Report::new(kind, Outcome::Unchanged, "");
        let (mut news, mut acted, mut rest) = (news, None, None);
        for _ in 0..PASSES {
            // On the heap: whoever awaits it would otherwise hold it, all of its reads side by side, on the stack.
            let (concluded, answer) = match Box::pin(self.pass(name, &news, acted.as_ref())).await {
                Ok(concluded) => concluded,
                Err(failure) => return (whole.and(Report::failed(kind, failure)), None),
            };
            whole = whole.and(self.report(kind, &concluded));
            rest = concluded.rest;
            let Some(act) = concluded.acted else { break };
            acted = Some(Acted { act, answer });
            news = News::Look;
        }
        (whole, rest)
    }

    /// Observes, decides, records, performs and settles.
    async fn pass(
        &self,
        name: &str,
        news: &News,
        acted: Option<&Acted>,
    ) -> Result<(Concluded<Reason, Effect>, Option<watchkeeper_domain::experiment::Ordered>), Failure> {
        let Some(drill) = self.config.drills.named(name) else {
            return Err(Failure::new("find", format!("the drill {name}"), "it is not in watchkeeper.toml"));
        };
        let (drills, site, now) = (&self.config.drills, self.site, self.run.now);
        let answer = RefCell::new(None);
        let observe = async || {
            let record: Record<Standing, Effect> = self.world.read(&Standing::key(name)).await?;
            let standing = record.state.clone().unwrap_or_else(|| Standing::new(name));
            let look = Look { drill, drills, site, now };
            let seen = observe::look(self.world, look, &standing, news, acted).await?;
            Ok((record, (standing, seen)))
        };
        let decide = |_: &Record<Standing, Effect>,
                      (standing, seen): &(Standing, decide::Seen)|
         -> Decision { decide(standing, seen, Rules { drill, drills, site, now }) };
        let perform = async |effect: &Effect, repeated: bool| match effect {
            Effect::Tell(notice) => self.world.publish(notice, repeated).await,
            Effect::Emit(event) => self.world.put(event).await,
            Effect::Log(entry) => log::keep(self.world, name, entry).await,
            Effect::TakeFloor { run } => floor::take(self.world, name, run, now).await,
            Effect::Start(order) => {
                let ordered = self.world.start(order).await?;
                *answer.borrow_mut() = Some(ordered);
                Ok(())
            }
            Effect::Arm { name, at, token } => self.world.arm(name, *at, token).await,
            Effect::Aim { name, at, experiment } => self.world.aim(name, *at, experiment).await,
            Effect::Disarm { name } => self.world.disarm(name).await,
        };
        let concluded =
            conclude(self.world, self.run, &Standing::key(name), observe, decide, perform).await?;
        Ok((concluded, answer.into_inner()))
    }

    fn report(&self, kind: &str, concluded: &Concluded<Reason, Effect>) -> Report {
        let report = concluded.report(kind, self.run.now, brief, notice);
        let outcome = if concluded.because.is_refusal() { Outcome::Refused } else { report.outcome };
        Report { outcome, ..report }
    }
}

/// An effect as the log may hold it.
fn brief(effect: &Effect) -> String {
    match effect {
        Effect::Tell(notice) => format!("tell {} {}", notice.severity.as_str(), notice.id),
        Effect::Emit(event) => format!("emit {} {}", event.detail_type, event.id),
        Effect::Log(entry) => format!("log {}", entry.id),
        Effect::TakeFloor { run } => format!("take the floor for {run}"),
        Effect::Start(order) if order.skips_actions => format!("preview {}", order.token),
        Effect::Start(order) => format!("start {}", order.token),
        Effect::Arm { name, at, .. } => format!("arm {name} for {at}"),
        Effect::Aim { name, experiment, .. } => format!("aim {name} at {experiment}"),
        Effect::Disarm { name } => format!("disarm {name}"),
    }
}

fn notice(effect: &Effect) -> Option<Notice> {
    match effect {
        Effect::Tell(notice) => Some(Notice::clone(notice)),
        Effect::Emit(_)
        | Effect::Log(_)
        | Effect::TakeFloor { .. }
        | Effect::Start(_)
        | Effect::Arm { .. }
        | Effect::Aim { .. }
        | Effect::Disarm { .. } => None,
    }
}
