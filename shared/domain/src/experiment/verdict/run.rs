//! What the run itself says: how it ended, and whether everything in it was done.

use jiff::Timestamp;

use super::{Abort, Because, Doubt, Evidence, Trial, alarms::Watched};
use crate::{
    experiment::Status,
    ports::{StopCall, StopSort},
};

/// Everything that the run says about itself.
pub(super) fn because(trial: &Trial<'_>, watched: &Watched<'_>, evidence: &Evidence) -> Vec<Because> {
    let timeline = trial.timeline;
    let mut because = Vec::new();
    let doubt = |doubt: Doubt| Because::Doubted(doubt);
    match &timeline.end {
        None => {
            let status = timeline.status().map_or("unknown", Status::as_str).to_owned();
            return vec![doubt(Doubt::NotOver(status))];
        }
        Some(Status::Failed) => because.push(Because::Errored(timeline.error.clone())),
        Some(Status::Cancelled) => because.push(doubt(Doubt::Cancelled)),
        Some(Status::Stopped) => because.extend(cause(trial, watched, evidence)),
        Some(
            Status::Completed
            | Status::Pending
            | Status::Initiating
            | Status::Running
            | Status::Stopping
            | Status::Other(_),
        ) => {}
    }
    if !timeline.contradicted_by.is_empty() {
        let ends = timeline.contradicted_by.iter().map(|status| status.as_str().to_owned()).collect();
        because.push(doubt(Doubt::Contradicted(ends)));
    }
    if timeline.skips_actions == Some(true) {
        because.push(doubt(Doubt::Preview));
        return because;
    }
    because.extend(undone(trial).into_iter().map(Because::Doubted));
    because
}

/// Who or what stopped it, unless an alarm did: those speak for themselves.
fn cause(trial: &Trial<'_>, watched: &Watched<'_>, evidence: &Evidence) -> Option<Because> {
    let end = trial.run()?.to;
    let alarm = watched.raised_until(end);
    let call = match &evidence.stops {
        Ok(calls) => calls.iter().filter(|call| call.at <= end).min(),
        Err(_) => None,
    };
    if let Some(because) = &evidence.halted {
        // Its own call stands in CloudTrail, too; why it made the call does not.
        let is_later = alarm.zip(call).is_some_and(|(alarm, call)| !is_before(call, alarm));
        let is_alarm = is_later || (call.is_none() && alarm.is_some());
        return (!is_alarm).then(|| Because::Aborted(Abort::Watchkeeper(because.clone())));
    }
    match (call, alarm) {
        (Some(call), alarm) if alarm.is_none_or(|alarm| is_before(call, alarm)) => {
            let (by, at) = (call.by.clone(), call.at);
            Some(Because::Aborted(match call.sort {
                StopSort::StopExperiment => Abort::Stopped { by, at },
                StopSort::SafetyLever => Abort::Lever { by, at },
            }))
        }
        (_, Some(_)) => None,
        (_, None) => Some(Because::Doubted(match &evidence.stops {
            Ok(_) => Doubt::UnknownCause,
            Err(why) => Doubt::Unread { what: "who stopped it".to_owned(), why: why.clone() },
        })),
    }
}

/// Whether a call came before an alarm. CloudTrail counts whole seconds: in the same one, the alarm is taken to be first.
fn is_before(call: &StopCall, alarm: Timestamp) -> bool {
    call.at.as_second() < alarm.as_second()
}

/// What a pass needs and was not done, or not seen.
fn undone(trial: &Trial<'_>) -> Vec<Doubt> {
    let timeline = trial.timeline;
    let mut doubts = Vec::new();
    if !timeline.sealed {
        let why = "FIS has not shown how it ended".to_owned();
        doubts.push(Doubt::Unread { what: "the experiment".to_owned(), why });
    } else if timeline.fault().is_none() && timeline.end != Some(Status::Cancelled) {
        doubts.push(Doubt::NothingRan);
    }
    if trial.hypothesis.is_none_or(|it| it.measures.is_empty() && it.all_alarms().is_empty()) {
        doubts.push(Doubt::NothingClaimed);
    }
    for (name, action) in &timeline.actions {
        match action.status.as_str() {
            "skipped" => doubts.push(Doubt::Skipped(name.clone())),
            "completed" => {}
            status if timeline.end == Some(Status::Completed) => {
                doubts.push(Doubt::NotCompleted { action: name.clone(), status: status.to_owned() });
            }
            _ => {}
        }
    }
    match &timeline.targets {
        Some(resolved) => {
            let empty =
                trial.targets.iter().filter(|name| resolved.get(*name).is_none_or(|it| it.count == 0));
            doubts.extend(empty.cloned().map(Doubt::EmptyTarget));
        }
        None if trial.targets.is_empty() => {}
        None => {
            let why = "FIS has not shown what they came to".to_owned();
            doubts.push(Doubt::Unread { what: "the targets".to_owned(), why });
        }
    }
    doubts
}
