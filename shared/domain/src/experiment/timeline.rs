//! What is known of one experiment, the same whatever the order, the repeats and the losses of what it was learnt from.
//!
//! Events are hints: each state is entered once, so a state is the key, and [`Status::rank`] the order; neither the time of
//! an event (whole seconds) nor its arrival is. `GetExperiment` is the truth: once it shows the end, the timeline is sealed,
//! and holds what `GetExperiment` says and nothing that only an event could have told, but for words nobody knows.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{
    ActionRun, DRILL_TAG, Experiment, Fault, Listed, ResolvedTarget, Status, THREAD_TAG, TOKEN_TAG,
    windows::{Interval, Windows},
};
use crate::text;

mod join;

/// How many actions are kept: FIS allows 20 a template.
const ACTIONS: usize = 40;
/// How many targets are kept.
const TARGETS: usize = 40;
/// How many resources are named of each target; all are counted.
const NAMES: usize = 10;
/// How many states are kept: eight are known.
const STATES: usize = 16;
/// How many alarms are kept: FIS allows 5 stop conditions a template.
const ALARMS: usize = 20;
/// The longest reason kept, in characters: FIS's own limit.
const TEXT: usize = 512;
/// The longest name kept, in characters. FIS allows 64.
const NAME: usize = 128;

/// An event "FIS Experiment State Change".
///
/// Source: AWS FIS User Guide, "Monitor AWS FIS experiments using Amazon EventBridge". Best effort, so it may never come.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct StateChange {
    /// `detail.experiment-id`.
    pub experiment: String,
    /// `detail.experiment-template-id`; events of 2021 have none.
    pub template: Option<String>,
    /// `detail.old-state`: the state it has left, with FIS's words for it.
    pub from: (Status, String),
    /// `detail.new-state`: the state it has entered, with FIS's words for it.
    pub to: (Status, String),
    /// `time`: when, in whole seconds.
    pub at: Timestamp,
}

/// All that is known of one experiment. It fits into one item of DynamoDB, whatever FIS says.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Timeline {
    /// `EXP…`.
    pub experiment: String,
    /// `EXT…`.
    pub template: Option<String>,
    /// The drill it belongs to ([`DRILL_TAG`]).
    pub drill: Option<String>,
    /// The token with which Watchkeeper has started it ([`TOKEN_TAG`]). Without one, somebody else has.
    pub token: Option<String>,
    /// The thread in which people read of it ([`THREAD_TAG`]).
    pub thread: Option<String>,
    /// Whether it is a preview (`actionsMode: skip-all`).
    pub skips_actions: Option<bool>,
    /// The states it has entered, in the order of [`Status::rank`]; words that nobody knows stand before the end.
    pub states: Vec<Step>,
    /// How it ended: the first terminal state heard of. No later one changes it.
    pub end: Option<Status>,
    /// Terminal states heard of after [`Timeline::end`], which contradict it.
    pub contradicted_by: BTreeSet<Status>,
    /// Whether `GetExperiment` has shown the end.
    pub sealed: bool,
    /// When it was accepted.
    pub created_at: Option<Timestamp>,
    /// When it began.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// Why it failed.
    pub error: Option<Fault>,
    /// Its actions, by name.
    pub actions: BTreeMap<String, ActionRun>,
    /// The ARNs of the alarms that stop it.
    pub stop_alarms: BTreeSet<String>,
    /// How many more accounts it reaches.
    pub target_accounts: u64,
    /// What its targets came to, by name; `None` while nobody has read it.
    pub targets: Option<BTreeMap<String, Resolved>>,
}

/// A state that an experiment has entered.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Step {
    /// Which.
    pub status: Status,
    /// When, where that is known.
    pub at: Option<Timestamp>,
    /// FIS's words for it: for people, never for a rule.
    pub reason: String,
}

/// What one target came to.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Resolved {
    /// `aws:ec2:instance`.
    pub resource_type: String,
    /// How many resources.
    pub count: u64,
    /// The names of the first of them.
    pub names: BTreeSet<String>,
}

impl Timeline {
    /// Nothing known but the id.
    pub fn of(experiment: impl Into<String>) -> Self {
        Self { experiment: experiment.into(), ..Self::default() }
    }

    /// Takes in an event. One of another experiment changes nothing.
    pub fn hear(&mut self, change: &StateChange) {
        if change.experiment != self.experiment {
            return;
        }
        self.template = self.template.take().or_else(|| change.template.clone());
        let ((from, from_reason), (to, to_reason)) = (&change.from, &change.to);
        self.enter(from, None, from_reason);
        self.enter(to, Some(change.at), to_reason);
    }

    /// Takes in what the list shows. One of another experiment changes nothing.
    pub fn list(&mut self, listed: &Listed) {
        if listed.id == self.experiment {
            self.know(listed);
            self.enter(&listed.status, None, "");
        }
    }

    /// Takes in what `GetExperiment` shows. One of another experiment changes nothing, nor does an old answer once the
    /// timeline is sealed.
    pub fn get(&mut self, seen: &Experiment) {
        let status = &seen.listed.status;
        if seen.listed.id != self.experiment || (self.sealed && !status.is_terminal()) {
            return;
        }
        self.know(&seen.listed);
        self.started_at = seen.started_at.or(self.started_at);
        self.ended_at = seen.ended_at.or(self.ended_at);
        self.error = seen.error.as_ref().map(join::fault).or_else(|| self.error.take());
        join::alarms(&mut self.stop_alarms, &seen.stop_alarms);
        self.target_accounts = self.target_accounts.max(seen.target_accounts);
        join::actions(&mut self.actions, &seen.actions);
        self.enter(status, None, &seen.reason);
        if status.is_terminal() {
            let is_end = self.end.as_ref() == Some(status);
            self.seal(is_end.then_some(&seen.reason));
        }
    }

    /// Takes in what the targets came to: `ListExperimentResolvedTargets`, asked once the experiment runs or is over. Before,
    /// the answer is empty and says nothing.
    pub fn resolve(&mut self, resolved: &[ResolvedTarget]) {
        join::targets(self.targets.get_or_insert_default(), resolved);
    }

    /// Where it stands: the furthest state that is known. An unknown word is behind every known end.
    pub fn status(&self) -> Option<&Status> {
        self.end.as_ref().or_else(|| self.states.last().map(|step| &step.status))
    }

    /// Whether nothing can follow.
    pub fn is_over(&self) -> bool {
        self.end.is_some()
    }

    /// Whether Watchkeeper has started it.
    pub fn is_own(&self) -> bool {
        self.token.is_some()
    }

    /// From the start of the first action to the end of the last, once it is over. `None` when no action has begun.
    pub fn fault(&self) -> Option<Interval> {
        let runs = || self.actions.values().filter(|run| run.started_at.is_some());
        let from = runs().filter_map(|run| run.started_at).min()?;
        // FIS may end an experiment without saying when an action of it ended.
        let ends: Option<Vec<_>> = runs().map(|run| run.ended_at.or(self.ended_at)).collect();
        self.end.as_ref()?;
        Some(Interval { from, to: ends?.into_iter().max()?.max(from) })
    }

    /// The windows to judge it by: `baseline` long before its start, `recovery` long after its last action.
    pub fn windows(&self, baseline: SignedDuration, recovery: SignedDuration) -> Option<Windows> {
        let fault = self.fault()?;
        Windows::around(self.started_at.or(self.created_at).unwrap_or(fault.from), fault, baseline, recovery)
    }

    fn know(&mut self, listed: &Listed) {
        let tag = |name: &str| listed.tags.get(name).map(|value| text::cut(value, NAME));
        self.template = self.template.take().or_else(|| Some(listed.template.clone()));
        self.drill = self.drill.take().or_else(|| tag(DRILL_TAG));
        self.token = self.token.take().or_else(|| tag(TOKEN_TAG));
        self.thread = self.thread.take().or_else(|| tag(THREAD_TAG));
        self.skips_actions = self.skips_actions.or(Some(listed.skips_actions));
        self.created_at = self.created_at.or(listed.created_at);
    }

    /// Notes that it has been in `status`.
    fn enter(&mut self, status: &Status, at: Option<Timestamp>, reason: &str) {
        if status.is_terminal() {
            match &self.end {
                None => self.end = Some(status.clone()),
                Some(end) if end != status => {
                    self.contradicted_by.insert(status.clone());
                    return;
                }
                Some(_) => {}
            }
        }
        if !self.sealed || status.rank().is_none() {
            join::step(&mut self.states, Step { status: status.clone(), at, reason: clean(reason) });
        }
    }

    /// Leaves nothing of the states that `GetExperiment` does not say, so that a watcher that heard every event and one
    /// that heard none have the same record. `reason` is FIS's for the end, unless it speaks of another end.
    fn seal(&mut self, reason: Option<&str>) {
        self.sealed = true;
        let Some(end) = self.end.clone() else { return };
        let mut states = std::mem::take(&mut self.states);
        let heard = states.iter().find(|step| step.status == end).map(|step| step.reason.clone());
        let reason = reason.map(clean).or(heard).unwrap_or_default();
        states.retain(|step| step.status.rank().is_none());
        let running = self.actions.values().filter_map(|run| run.started_at).min();
        let known = [
            Some((Status::Pending, self.created_at)),
            self.started_at.map(|at| (Status::Initiating, Some(at))),
            running.map(|at| (Status::Running, Some(at))),
            (end == Status::Stopped).then_some((Status::Stopping, None)),
        ];
        for (status, at) in known.into_iter().flatten() {
            join::step(&mut states, Step { status, at, reason: String::new() });
        }
        join::step(&mut states, Step { status: end, at: self.ended_at, reason });
        self.states = states;
    }
}

fn clean(reason: impl AsRef<str>) -> String {
    text::cut(&text::line(reason.as_ref()), TEXT)
}

#[cfg(test)]
mod tests;
