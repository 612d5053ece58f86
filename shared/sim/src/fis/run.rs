//! One experiment: what was ordered and what has come in between, and from these where it stands at any moment.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use watchkeeper_domain::{
    experiment::{Experiment, Fault, Listed, Order, ResolvedTarget, Status},
    fis::Template,
};

use super::{ACCOUNT, INITIATING, PENDING, STOPPING, arn};

/// How long a run takes at least: that of a preview, or of one that skips all.
const LEAST: SignedDuration = SignedDuration::from_secs(1);
/// How long FIS remembers an experiment that is over (AWS FIS User Guide, "Quotas and limitations").
const REMEMBERED: SignedDuration = SignedDuration::from_hours(120 * 24);

/// An experiment.
#[derive(Clone, Debug)]
pub(super) struct Run {
    pub id: String,
    pub order: Order,
    /// The template as it was when the experiment was started.
    pub document: Value,
    pub template: Template,
    pub targets: Targets,
    pub created_at: Timestamp,
    /// Whether the safety lever was engaged then.
    pub cancelled: bool,
    /// Whether it does not end although all of its actions have.
    pub hangs: bool,
    /// When and why somebody has ended it.
    pub halt: Option<Halt>,
    /// When alarms of its stop conditions fire.
    pub alarms: BTreeSet<Timestamp>,
    /// How many of its changes EventBridge has been told.
    pub told: usize,
}

/// What the targets of an experiment come to.
#[derive(Clone, Debug, Default)]
pub(super) struct Targets {
    pub resolved: Vec<ResolvedTarget>,
    /// The first one that cannot be resolved: the experiment fails.
    pub lacking: Option<String>,
    /// Those without resources whose actions are skipped.
    pub empty: BTreeSet<String>,
}

/// The end that somebody makes of an experiment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Halt {
    pub at: Timestamp,
    pub why: Why,
}

/// Who.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Why {
    Person,
    Lever,
    Alarm,
}

/// One change of an experiment's state.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Change {
    pub at: Timestamp,
    pub status: Status,
    pub reason: &'static str,
}

impl Run {
    /// The changes of state until `now`, the oldest first. The first one is `pending`.
    pub(super) fn changes(&self, now: Timestamp) -> Vec<Change> {
        let mut changes = self.course();
        if let Some(halt) = self.end() {
            changes.retain(|change| change.at <= halt.at);
            match changes.last().map(|change| &change.status) {
                Some(Status::Pending) if halt.why == Why::Lever => {
                    changes.push(change(halt.at, Status::Cancelled));
                }
                Some(status) if !status.is_terminal() => {
                    let reason = match halt.why {
                        Why::Alarm => "Experiment halted by stop condition.",
                        Why::Lever => "Experiment stopped by the safety lever.",
                        Why::Person => "Experiment stopped.",
                    };
                    changes.push(change(halt.at, Status::Stopping));
                    changes.push(Change { reason, ..change(halt.at + STOPPING, Status::Stopped) });
                }
                Some(_) | None => {}
            }
        }
        changes.retain(|change| change.at <= now);
        changes
    }

    /// Where it stands.
    pub(super) fn status(&self, now: Timestamp) -> Status {
        self.changes(now).pop().map_or(Status::Pending, |change| change.status)
    }

    pub(super) fn listed(&self, now: Timestamp) -> Listed {
        Listed {
            id: self.id.clone(),
            template: self.order.template.clone(),
            status: self.status(now),
            created_at: Some(self.created_at),
            skips_actions: self.order.skips_actions,
            tags: self.order.tags.clone(),
        }
    }

    pub(super) fn experiment(&self, now: Timestamp) -> Experiment {
        let changes = self.changes(now);
        let last = changes.last();
        let failed = last.is_some_and(|change| change.status == Status::Failed);
        let lacking = self.targets.lacking.as_ref().filter(|_| failed);
        let stop_alarms = self.template.stop_conditions.iter().filter_map(|it| it.value.as_ref()?.known());
        Experiment {
            listed: self.listed(now),
            arn: arn(&self.id),
            reason: last.map(|change| change.reason.to_owned()).unwrap_or_default(),
            error: lacking.map(|target| Fault {
                account: ACCOUNT.to_owned(),
                code: "InvalidTarget".to_owned(),
                location: format!("targets.{target}"),
            }),
            started_at: when(&changes, |status| *status == Status::Initiating),
            ended_at: when(&changes, Status::is_terminal),
            actions: self.actions(&changes, now),
            stop_alarms: stop_alarms.map(str::to_owned).collect(),
            target_accounts: self.template.target_accounts,
        }
    }

    /// What its targets have come to: nothing until it is running.
    pub(super) fn resolved(&self, now: Timestamp) -> &[ResolvedTarget] {
        let is_running = when(&self.changes(now), |status| *status == Status::Running).is_some();
        if is_running { &self.targets.resolved } else { &[] }
    }

    /// Whether FIS has forgotten it.
    pub(super) fn is_forgotten(&self, now: Timestamp) -> bool {
        when(&self.changes(now), Status::is_terminal)
            .is_some_and(|ended| now.duration_since(ended) > REMEMBERED)
    }

    /// Ends it early, unless it is over or ending.
    pub(super) fn halt(&mut self, now: Timestamp, why: Why) {
        let status = self.status(now);
        if !status.is_terminal() && status != Status::Stopping {
            self.halt = Some(Halt { at: now, why });
        }
    }

    /// What happens when nobody ends it early.
    fn course(&self) -> Vec<Change> {
        let initiating = self.created_at + PENDING;
        let mut course = vec![change(self.created_at, Status::Pending)];
        if self.cancelled {
            course.push(change(initiating, Status::Cancelled));
            return course;
        }
        course.push(change(initiating, Status::Initiating));
        if self.targets.lacking.is_some() {
            course.push(change(initiating + INITIATING, Status::Failed));
        } else {
            let length = self.spans().into_values().map(|span| span.end).max().unwrap_or_default();
            course.push(change(self.running_at(), Status::Running));
            if !self.hangs {
                course.push(change(self.running_at() + length.max(LEAST), Status::Completed));
            }
        }
        course
    }

    fn running_at(&self) -> Timestamp {
        self.created_at + PENDING + INITIATING
    }

    /// The first thing that ends it early. An alarm does so only while it is running.
    fn end(&self) -> Option<Halt> {
        let alarm = self.alarms.range(self.running_at()..).next();
        let alarm = alarm.map(|at| Halt { at: *at, why: Why::Alarm });
        [self.halt, alarm].into_iter().flatten().min_by_key(|halt| halt.at)
    }
}

/// When the first change came to a status that `is` looks for.
pub(super) fn when(changes: &[Change], is: impl Fn(&Status) -> bool) -> Option<Timestamp> {
    changes.iter().find(|change| is(&change.status)).map(|change| change.at)
}

/// A change with FIS's words for it, where they are known.
fn change(at: Timestamp, status: Status) -> Change {
    let reason = match status {
        Status::Pending => "Experiment is pending.",
        Status::Initiating => "Experiment is initiating.",
        Status::Running => "Experiment is running.",
        Status::Completed => "Experiment completed.",
        Status::Stopping => "Stopping Experiment.",
        Status::Stopped => "Experiment stopped.",
        Status::Failed => "Target resolution returned empty set",
        Status::Cancelled => "Experiment was cancelled: the safety lever is engaged.",
        Status::Other(_) => "",
    };
    Change { at, status, reason }
}
