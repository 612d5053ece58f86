//! How a run ends for whoever waits for it: only a verdict of `passed` opens the gate.

use chaos_trigger::{log::Entry, standing::Run};
use experiment_watcher::watch::Watch;
use jiff::tz::TimeZone;
use watchkeeper_domain::{
    drill::Guard,
    experiment::verdict::{Outcome, Verdict},
};

use crate::{drill::past, patience::Sight};

/// What is known of a run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Seen {
    /// The run, as long as it is under way.
    pub run: Option<Run>,
    /// The decisions about it, the earliest first.
    pub entries: Vec<Entry>,
    /// The id of its experiment, once there is one.
    pub experiment: Option<String>,
    /// What is known of that.
    pub watch: Option<Watch>,
}

/// The end of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct End {
    /// Which.
    pub sort: Sort,
    /// Why: sentences without their full stops.
    pub because: Vec<String>,
    /// What to do now, if anything.
    pub next_step: Option<String>,
}

/// The sorts of ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Sort {
    /// It has a verdict. Only `passed` opens the gate.
    Judged(Outcome),
    /// A guard objected.
    Refused,
    /// Another run or experiment was under way.
    Busy,
    /// FIS will not do it.
    Rejected,
    /// On the leash, it would have started.
    Rehearsed,
    /// Somebody has cancelled it.
    Cancelled,
    /// It is over, and no verdict came in time.
    NoVerdict,
    /// It was not over in time.
    TimeOver,
}

impl Sort {
    /// Whether the gate opens.
    pub fn is_pass(self) -> bool {
        self == Self::Judged(Outcome::Passed)
    }

    /// Its word for programs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Judged(outcome) => outcome.as_str(),
            Self::Refused => "refused",
            Self::Busy => "busy",
            Self::Rejected => "rejected",
            Self::Rehearsed => "rehearsed",
            Self::Cancelled => "cancelled",
            Self::NoVerdict => "no-verdict",
            Self::TimeOver => "time-over",
        }
    }

    /// Its words for people, after the name of the drill.
    pub fn words(self) -> &'static str {
        match self {
            Self::Judged(outcome @ (Outcome::Passed | Outcome::Failed)) => outcome.as_str(),
            Self::Judged(Outcome::Inconclusive) => "has proved nothing: inconclusive",
            Self::Judged(Outcome::Errored) => "has proved nothing: FIS failed",
            Self::Judged(Outcome::Aborted) => "has proved nothing: aborted",
            Self::Refused => "was refused",
            Self::Busy => "was refused: another one is under way",
            Self::Rejected => "was rejected by FIS",
            Self::Rehearsed => "has proved nothing: the leash is on",
            Self::Cancelled => "was cancelled",
            Self::NoVerdict => "is over, and has no verdict yet",
            Self::TimeOver => "is not over yet",
        }
    }
}

/// What `seen` means for whoever waits for a run of `drill`.
pub fn look(seen: &Seen, drill: &str, zone: &TimeZone) -> Sight<End> {
    if let Some(verdict) = seen.watch.as_ref().and_then(|watch| watch.verdict.as_ref()) {
        return Sight::Ended(judged(verdict, drill));
    }
    if let Some(end) = seen.entries.iter().find_map(|entry| ended(entry, drill)) {
        return Sight::Ended(end);
    }
    if let Some(status) = over(seen) {
        let at = seen.watch.as_ref().and_then(|watch| watch.wake_at);
        let at = at.map(|at| format!(", which comes about {}", past::moment(at, zone))).unwrap_or_default();
        return Sight::Underway(format!("the experiment is over ({status}): waiting for its verdict{at}"));
    }
    match (&seen.run, seen.entries.last()) {
        (Some(run), _) => Sight::Underway(past::phase(run, zone)),
        (None, Some(entry)) => Sight::Underway(entry.because.clone()),
        (None, None) => Sight::Underway("chaos-trigger has not answered yet".to_owned()),
    }
}

/// How its experiment has ended, once `chaos-trigger` has seen that.
fn over(seen: &Seen) -> Option<String> {
    let over = seen.entries.iter().find(|entry| past::reason(entry) == "over");
    over.map(past::words)
}

fn judged(verdict: &Verdict, drill: &str) -> End {
    let because = verdict.because.iter().map(ToString::to_string).collect();
    let report = format!("`watchkeeper drill report {drill}`");
    let next_step = match verdict.outcome {
        Outcome::Passed => None,
        Outcome::Failed => Some(released(drill, &report)),
        Outcome::Inconclusive | Outcome::Errored | Outcome::Aborted if !verdict.recovered => {
            Some(released(drill, &report))
        }
        Outcome::Inconclusive | Outcome::Errored | Outcome::Aborted => {
            Some(format!("see {report} for what was missing, mend it, and ask again"))
        }
    };
    End { sort: Sort::Judged(verdict.outcome), because, next_step }
}

fn released(drill: &str, report: &str) -> String {
    format!(
        "see {report}, and mend the cause; the drill waits until `watchkeeper drill release {drill} --because …`"
    )
}

/// What `entry` says of a run that ended before it began.
fn ended(entry: &Entry, drill: &str) -> Option<End> {
    let log = format!("`watchkeeper drill log {drill} --facts`");
    let words = vec![past::words(entry)];
    let (sort, because, next_step) = match past::reason(entry) {
        "refused" => return Some(refused(entry, &log)),
        "rejected" => {
            (Sort::Rejected, words, "mend the template or the permissions of chaos-trigger, and ask again")
        }
        "rehearsed" => (
            Sort::Rehearsed,
            vec!["nothing objected, and nothing was started".to_owned()],
            "take the leash off (parameter Leash of the stack), and ask again",
        ),
        "cancelled" => (Sort::Cancelled, words, "ask again when the time is right"),
        _ => return None,
    };
    Some(End { sort, because, next_step: Some(next_step.to_owned()) })
}

fn refused(entry: &Entry, log: &str) -> End {
    let objections = past::objections(entry);
    let is_busy = !objections.is_empty() && objections.iter().all(|it| it.guard == Guard::Concurrency);
    let (sort, next_step) = match is_busy {
        true => (Sort::Busy, "wait until it is over, and ask again".to_owned()),
        false => (Sort::Refused, format!("mend what objects, and ask again; {log} shows what was known")),
    };
    let because = match objections.is_empty() {
        true => vec![past::words(entry)],
        false => objections.iter().map(ToString::to_string).collect(),
    };
    End { sort, because, next_step: Some(next_step) }
}

impl End {
    /// The time is over, after `minutes`, though the run may not be. `id` is that of its request.
    pub fn late(so_far: &str, seen: &Seen, drill: &str, id: &str, minutes: u16) -> Self {
        let because = format!("after {minutes} minutes: {so_far}");
        let wait_on = format!("wait on with `watchkeeper drill gate {drill} --id {id} --because …`");
        let is_over = over(seen).is_some();
        let next_step = if is_over {
            wait_on
        } else if seen.run.is_none() && seen.entries.is_empty() {
            "see that the stack knows the drill (is its watchkeeper.toml deployed?) and listens on this bus"
                .to_owned()
        } else {
            format!("{wait_on}, or `watchkeeper drill cancel {drill} --because …`")
        };
        let sort = if is_over { Sort::NoVerdict } else { Sort::TimeOver };
        Self { sort, because: vec![because], next_step: Some(next_step) }
    }
}
