//! Taking two accounts of the same thing as one, so that neither their order nor a repeat makes a difference.

use std::{
    cmp::Ordering,
    collections::{BTreeMap, BTreeSet},
};

use super::{ACTIONS, ALARMS, NAME, NAMES, Resolved, STATES, Step, TARGETS, TEXT};
use crate::{
    experiment::{ActionRun, Fault, ResolvedTarget, Status},
    text,
};

/// Adds `step`: a state is entered once, at the earliest time that anybody tells.
pub(super) fn step(states: &mut Vec<Step>, step: Step) {
    let step = Step { status: unknown_word_cut(step.status), ..step };
    match states.iter_mut().find(|known| known.status == step.status) {
        Some(known) => {
            known.at = earlier(known.at, step.at);
            let is_better =
                known.reason.is_empty() || (!step.reason.is_empty() && step.reason < known.reason);
            if is_better {
                known.reason = step.reason;
            }
        }
        None => {
            states.push(step);
            states.sort_by(|one, other| order(&one.status, &other.status));
            drop_unknown(states);
        }
    }
}

/// By rank; words that nobody knows stand before the end.
fn order(one: &Status, other: &Status) -> Ordering {
    let place = |status: &Status| status.rank().map_or(7, |rank| rank.saturating_mul(2));
    place(one).cmp(&place(other)).then_with(|| one.cmp(other))
}

fn unknown_word_cut(status: Status) -> Status {
    if let Status::Other(word) = &status {
        return Status::Other(text::cut(&text::line(word), 40));
    }
    status
}

/// Of too many unknown words the last by the alphabet goes, whenever it came.
fn drop_unknown(states: &mut Vec<Step>) {
    if states.len() > STATES
        && let Some(last) = states.iter().rposition(|step| step.status.rank().is_none())
    {
        states.remove(last);
    }
}

/// Adds what `seen` says of each action: of two accounts, the one that is further on.
pub(super) fn actions(known: &mut BTreeMap<String, ActionRun>, seen: &BTreeMap<String, ActionRun>) {
    for (name, run) in seen {
        let run = cut(run);
        let name = text::cut(name, NAME);
        let joined = known.remove(&name).map_or_else(|| run.clone(), |before| further(before, run.clone()));
        known.insert(name, joined);
    }
    while known.len() > ACTIONS {
        known.pop_last();
    }
}

fn cut(run: &ActionRun) -> ActionRun {
    ActionRun {
        action_id: text::cut(&run.action_id, NAME),
        status: text::cut(&run.status, 40),
        reason: text::cut(&text::line(&run.reason), TEXT),
        ..run.clone()
    }
}

fn further(one: ActionRun, other: ActionRun) -> ActionRun {
    let key = |run: &ActionRun| (rank(&run.status), run.status.clone(), run.reason.clone());
    let (started_at, ended_at) =
        (earlier(one.started_at, other.started_at), earlier(one.ended_at, other.ended_at));
    let further = if key(&one) < key(&other) { other } else { one };
    ActionRun { started_at, ended_at, ..further }
}

/// The order in which the states of an action follow one another.
///
/// Source: AWS FIS API Reference, `ExperimentActionState`.
fn rank(status: &str) -> u8 {
    match status {
        "pending" => 0,
        "initiating" => 1,
        "running" => 2,
        "stopping" => 3,
        "completed" | "cancelled" | "stopped" | "failed" | "skipped" => 5,
        _ => 4,
    }
}

fn earlier<T: Ord>(one: Option<T>, other: Option<T>) -> Option<T> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

/// Adds resolved resources: each target counts those of the longest answer, and names the first of all.
pub(super) fn targets(known: &mut BTreeMap<String, Resolved>, resolved: &[ResolvedTarget]) {
    let mut seen: BTreeMap<&str, (&str, BTreeSet<String>)> = BTreeMap::new();
    for it in resolved {
        let (_, names) = seen.entry(&it.target).or_insert_with(|| (&it.resource_type, BTreeSet::new()));
        names.insert(text::cut(&text::line(&it.name()), 200));
    }
    for (target, (resource_type, names)) in seen {
        let entry = known.entry(text::cut(target, NAME)).or_default();
        entry.resource_type = text::cut(resource_type, NAME);
        entry.count = entry.count.max(u64::try_from(names.len()).unwrap_or(u64::MAX));
        entry.names.extend(names);
        while entry.names.len() > NAMES {
            entry.names.pop_last();
        }
    }
    while known.len() > TARGETS {
        known.pop_last();
    }
}

/// Adds the ARNs of stop conditions.
pub(super) fn alarms(known: &mut BTreeSet<String>, seen: &[String]) {
    known.extend(seen.iter().map(|arn| text::cut(arn, TEXT)));
    while known.len() > ALARMS {
        known.pop_last();
    }
}

/// What FIS says of a failure, cleaned and cut.
pub(super) fn fault(fault: &Fault) -> Fault {
    let cut = |word: &str| text::cut(&text::line(word), TEXT);
    Fault { account: cut(&fault.account), code: cut(&fault.code), location: cut(&fault.location) }
}
