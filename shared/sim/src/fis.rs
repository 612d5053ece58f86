//! A fake FIS: it has state, keeps time by the [`Clock`], and goes wrong on request.
//!
//! | moment after the start | what is seen |
//! |---|---|
//! | 0 | `pending` |
//! | [`PENDING`] | `initiating`; or `cancelled`, if the safety lever was engaged |
//! | + [`INITIATING`] | `running`, and the targets are resolved; or `failed`, if one cannot be |
//! | + the actions, one after another by `startAfter` | `completed`; a preview ends after a second, with skipped actions |
//! | [`STOPPING`] after an early end has begun | `stopped` |

mod actions;
mod document;
mod event;
pub mod http;
mod run;
mod state;
mod targets;
#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use watchkeeper_domain::{
    drill::ListedTemplate,
    experiment::{Experiment, Lever, Listed, Order, Ordered, ResolvedTarget},
    failure::Failure,
    ports::{Experiments, Starts, Stops},
};

pub use self::targets::Resolution;
use self::{run::Why, state::State};
use crate::{channels::Outcome, clock::Clock, faults, turn::turn};

/// The account of everything in here.
pub const ACCOUNT: &str = "123456789012";
/// The Region of everything in here.
pub const REGION: &str = "eu-west-1";
/// How long an experiment is pending.
pub const PENDING: SignedDuration = SignedDuration::from_secs(1);
/// How long its targets are being resolved.
pub const INITIATING: SignedDuration = SignedDuration::from_secs(12);
/// How long it takes to stop.
pub const STOPPING: SignedDuration = SignedDuration::from_secs(29);
/// How long an experiment takes at most (AWS FIS User Guide, "Quotas and limitations").
pub const LONGEST: SignedDuration = SignedDuration::from_hours(12);
/// How many experiments may be active at once (the same page).
pub const MOST_ACTIVE: usize = 5;

/// What can be asked of FIS, to make it go wrong.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Operation {
    /// `GetExperimentTemplate`.
    Template,
    /// `ListExperimentTemplates`.
    Templates,
    /// `GetExperiment`.
    Experiment,
    /// `ListExperiments`.
    Experiments,
    /// `ListExperimentResolvedTargets`.
    Resolved,
    /// `GetSafetyLever`.
    Lever,
    /// `StartExperiment`.
    Start,
    /// `StopExperiment`.
    Stop,
}

/// FIS. Clones share it.
#[derive(Clone, Debug)]
pub struct Fis {
    clock: Clock,
    state: Arc<Mutex<State>>,
}

impl Fis {
    /// A FIS without templates, which keeps time by `clock`.
    pub fn at(clock: &Clock) -> Self {
        Self { clock: clock.clone(), state: Arc::default() }
    }

    /// Creates or replaces the template `id`, as the API gives it: camelCase, without its wrapper.
    pub fn put_template(&self, id: &str, template: Value) {
        self.with(|state, _| state.templates.insert(id.to_owned(), template));
    }

    /// What targets called `target` come to in experiments that are started from now on. Otherwise a target comes to
    /// the ARNs that it names, or to one resource with a made-up ARN.
    pub fn resolve(&self, target: &str, resolution: Resolution) {
        self.with(|state, _| state.script.insert(target.to_owned(), resolution));
    }

    /// Fires an alarm of the stop conditions of `template` at `at`, or now if that is over. It ends every experiment
    /// of it that is running then, whether it was started before or after this call.
    pub fn fire_stop_condition(&self, template: &str, at: Timestamp) {
        self.with(|state, now| {
            let at = at.max(now);
            state.alarms.entry(template.to_owned()).or_default().insert(at);
            let runs = state.runs.iter_mut().filter(|run| run.order.template == template);
            runs.for_each(|run| {
                run.alarms.insert(at);
            });
        });
    }

    /// Engages the safety lever: what is pending is cancelled, what is on is stopped, and what is started is cancelled.
    pub fn engage_lever(&self, reason: &str) {
        self.with(|state, now| {
            state.engaged = true;
            reason.clone_into(&mut state.lever_reason);
            state.runs.iter_mut().for_each(|run| run.halt(now, Why::Lever));
        });
    }

    /// Disengages the safety lever.
    pub fn disengage_lever(&self, reason: &str) {
        self.with(|state, _| {
            state.engaged = false;
            reason.clone_into(&mut state.lever_reason);
        });
    }

    /// Makes experiments that are started from now on hang: their actions end, and they do not until somebody stops them.
    pub fn hang(&self) {
        self.with(|state, _| state.hangs = true);
    }

    /// Makes the list of experiments lag behind by `lag`: what it shows is what was so long ago.
    pub fn lag_list_by(&self, lag: SignedDuration) {
        self.with(|state, _| state.list_lag = lag);
    }

    /// Makes the next `count` calls of `operation` end with `outcome`. 0 mends it.
    pub fn fail_next(&self, operation: Operation, count: usize, outcome: Outcome) {
        self.with(|state, _| state.faults.plan(operation, count, outcome));
    }

    /// Loses the next `count` events: they are emitted on a best effort.
    pub fn lose_next_events(&self, count: usize) {
        self.with(|state, _| state.losing = count);
    }

    /// The EventBridge events of everything that has happened since the last time, in order.
    pub fn take_events(&self) -> Vec<Value> {
        self.with(|state, now| {
            let mut events = Vec::new();
            for run in &mut state.runs {
                let changes = run.changes(now);
                for new in run.told..changes.len() {
                    events.push((changes[new].at, event::event(run, &changes[new - 1], &changes[new])));
                }
                run.told = changes.len();
            }
            events.sort_by_key(|(at, _)| *at);
            let lost = events.len().min(state.losing);
            state.losing -= lost;
            events.into_iter().skip(lost).map(|(_, event)| event).collect()
        })
    }

    /// Every order that has reached FIS, refused ones and repeats as well, in order.
    pub fn starts(&self) -> Vec<Order> {
        self.with(|state, _| state.starts.clone())
    }

    /// The experiments that FIS was asked to stop, in order.
    pub fn stops(&self) -> Vec<String> {
        self.with(|state, _| state.stops.clone())
    }

    /// How often `operation` was asked for, faults included.
    pub fn calls(&self, operation: Operation) -> usize {
        self.with(|state, _| state.calls.get(&operation).copied().unwrap_or_default())
    }

    /// Every experiment there is, the oldest first: neither late nor with a fault.
    pub fn runs(&self) -> Vec<Experiment> {
        self.with(|state, now| state.runs.iter().map(|run| run.experiment(now)).collect())
    }

    /// The experiment `id` as the API shows it.
    fn document(&self, id: &str) -> Option<Value> {
        self.with(|state, now| state.run(id, now).map(|run| document::experiment(run, now)))
    }

    fn with<T>(&self, act: impl FnOnce(&mut State, Timestamp) -> T) -> T {
        let now = self.clock.now();
        act(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner), now)
    }

    /// A call, as it would be over the network.
    async fn call<T>(
        &self,
        operation: Operation,
        subject: &str,
        act: impl FnOnce(&mut State, Timestamp) -> T,
    ) -> Result<T, Failure> {
        turn().await;
        self.with(|state, now| {
            *state.calls.entry(operation).or_default() += 1;
            let outcome = state.faults.take(&operation);
            faults::answer(outcome, verb(operation), subject, || act(state, now))
        })
    }
}

impl Experiments for Fis {
    async fn template(&self, id: &str) -> Result<Option<Value>, Failure> {
        self.call(Operation::Template, id, |state, _| state.templates.get(id).cloned()).await
    }

    async fn templates(&self) -> Result<Vec<ListedTemplate>, Failure> {
        let list = |state: &mut State, _| state.templates.iter().map(document::listed_template).collect();
        self.call(Operation::Templates, "FIS", list).await
    }

    async fn experiment(&self, id: &str) -> Result<Option<Experiment>, Failure> {
        let found = |state: &mut State, now| state.run(id, now).map(|run| run.experiment(now));
        self.call(Operation::Experiment, id, found).await
    }

    async fn experiments(&self) -> Result<Vec<Listed>, Failure> {
        let list = |state: &mut State, now: Timestamp| {
            let then = now - state.list_lag;
            let runs = state.runs.iter().filter(|run| run.created_at <= then && !run.is_forgotten(now));
            runs.map(|run| run.listed(then)).collect()
        };
        self.call(Operation::Experiments, "FIS", list).await
    }

    async fn resolved(&self, id: &str) -> Result<Vec<ResolvedTarget>, Failure> {
        let found = |state: &mut State, now| state.run(id, now).map(|run| run.resolved(now).to_vec());
        let found = self.call(Operation::Resolved, id, found).await?;
        found.ok_or_else(|| Failure::new(verb(Operation::Resolved), id, "there is no such experiment"))
    }

    async fn lever(&self) -> Result<Lever, Failure> {
        self.call(Operation::Lever, "default", |state, now| state.lever(now)).await
    }
}

impl Starts for Fis {
    async fn start(&self, order: &Order) -> Result<Ordered, Failure> {
        self.with(|state, _| state.starts.push(order.clone()));
        self.call(Operation::Start, &order.template, |state, now| state.start(order, now)).await
    }
}

impl Stops for Fis {
    async fn stop(&self, id: &str) -> Result<(), Failure> {
        self.with(|state, _| state.stops.push(id.to_owned()));
        self.call(Operation::Stop, id, |state, now| state.stop(id, now)).await
    }
}

/// The ARN of the experiment `id`.
fn arn(id: &str) -> String {
    format!("arn:aws:fis:{REGION}:{ACCOUNT}:experiment/{id}")
}

fn verb(operation: Operation) -> &'static str {
    match operation {
        Operation::Template => "read the experiment template",
        Operation::Templates => "list the experiment templates of",
        Operation::Experiment => "read the experiment",
        Operation::Experiments => "list the experiments of",
        Operation::Resolved => "list the resolved targets of",
        Operation::Lever => "read the safety lever",
        Operation::Start => "start an experiment of",
        Operation::Stop => "stop the experiment",
    }
}
