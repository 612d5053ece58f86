//! Every guard: a small pure function of what is known, which objects or does not.
//!
//! Cheap and local ones come first, yet all are asked: whoever reads a refusal sees at once everything that stood in the
//! way. `chaos-trigger` asks those before a start, `experiment-watcher` those of a run, and both ask the same functions.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Drill, Drills, Facts};

mod health;
mod live;
mod local;
mod policy;
mod proof;
mod targets;

pub use live::{breach, overtime};

/// Which guard objects. Stable, so that refusals can be counted.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Guard {
    /// The drill is switched off.
    Switch,
    /// A person has halted all drills.
    Halt,
    /// The safety lever is not disengaged.
    Lever,
    /// Dice said no.
    Chance,
    /// People were not told, or not long enough ago.
    Announcement,
    /// Nobody is on call.
    OnCall,
    /// It is later than the drill allows.
    Lateness,
    /// The run and its recovery do not lie in a window, or touch a holiday.
    Window,
    /// A change calendar is closed, or closes too early.
    Calendar,
    /// Its last start is too short a while ago, or it has started too often.
    Interval,
    /// It failed, or did not recover, and nobody has released it.
    Blocked,
    /// The drill before it has not passed, or not recently.
    Promotion,
    /// The template is not the one that was approved.
    Approval,
    /// A rule for templates refuses it.
    Policy,
    /// It may cost too much.
    Cost,
    /// AWS Health has an issue open.
    Health,
    /// Somebody is working on an incident.
    Incident,
    /// Something was deployed a short while ago.
    Deployment,
    /// An alarm is not `OK`, or not long enough.
    Alarm,
    /// Another experiment is under way.
    Concurrency,
    /// The preview has not shown what a run would hit.
    Preview,
    /// A resource has not opted in, or must not be hit.
    OptIn,
    /// Too many resources, too large a share, too few left, too many zones.
    BlastRadius,
    /// It has run for longer than planned.
    Overtime,
}

impl Guard {
    /// The word in logs and notices.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Switch => "switch",
            Self::Halt => "halt",
            Self::Lever => "lever",
            Self::Chance => "chance",
            Self::Announcement => "announcement",
            Self::OnCall => "on-call",
            Self::Lateness => "lateness",
            Self::Window => "window",
            Self::Calendar => "calendar",
            Self::Interval => "interval",
            Self::Blocked => "blocked",
            Self::Promotion => "promotion",
            Self::Approval => "approval",
            Self::Policy => "policy",
            Self::Cost => "cost",
            Self::Health => "health",
            Self::Incident => "incident",
            Self::Deployment => "deployment",
            Self::Alarm => "alarm",
            Self::Concurrency => "concurrency",
            Self::Preview => "preview",
            Self::OptIn => "opt-in",
            Self::BlastRadius => "blast-radius",
            Self::Overtime => "overtime",
        }
    }
}

/// Why a drill must not start, or not go on.
#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub struct Objection {
    /// Which guard.
    pub guard: Guard,
    /// What it found, and the mend where there is one: a sentence without its full stop.
    pub because: String,
}

impl Objection {
    fn new(guard: Guard, because: impl Into<String>) -> Option<Self> {
        Some(Self { guard, because: because.into() })
    }

    fn unread(guard: Guard, what: &str, why: &str) -> Option<Self> {
        Self::new(guard, format!("{what} could not be read: {why}"))
    }
}

impl std::fmt::Display for Objection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} [{}]", self.because, self.guard.as_str())
    }
}

/// What a guard is asked: may this run of this drill start now?
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// The drill.
    pub drill: &'a Drill,
    /// What holds for all drills.
    pub drills: &'a Drills,
    /// The run.
    pub plan: &'a Plan,
    /// What is known.
    pub facts: &'a Facts,
    /// The moment.
    pub now: Timestamp,
}

/// What is planned, as far as guards care.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Plan {
    /// Its id: what dice are cast with.
    pub run: String,
    /// Whether a schedule has asked for it, and no person, deployment or case.
    pub scheduled: bool,
    /// When it is due.
    pub due: Timestamp,
    /// When people were told.
    pub announced_at: Option<Timestamp>,
    /// When the drill has really started last.
    pub started_at: Option<Timestamp>,
    /// When it has really started in the last week or longer: not a preview, not on the leash.
    pub starts: Vec<Timestamp>,
    /// When somebody has released it last.
    pub released_at: Option<Timestamp>,
    /// The tokens of its own preview and run, which are no strangers to it.
    pub tokens: [String; 2],
}

/// A guard.
pub type Check = fn(&Question<'_>) -> Option<Objection>;

/// What can be known before anybody is told: of the drill itself, its past and the calendar of its due time, and of its
/// template if that has been read.
pub const FORESEEABLE: [Check; 11] = [
    local::switch,
    local::approved,
    local::chance,
    local::window_when_due,
    local::interval,
    local::work_days,
    local::weekly,
    proof::blocked,
    proof::promotion,
    policy::template_rules,
    policy::cost,
];

/// What must not object before anything is started, a preview included.
pub const BEFORE_PREVIEW: [Check; 22] = [
    local::switch,
    local::halt,
    local::lever,
    local::chance,
    local::announcement,
    local::on_call,
    local::lateness,
    local::window,
    local::calendar,
    local::interval,
    local::work_days,
    local::weekly,
    proof::blocked,
    proof::promotion,
    policy::approval,
    policy::template_rules,
    policy::cost,
    health::issues,
    health::incidents,
    health::deployments,
    health::alarms,
    local::concurrency,
];

/// What the preview must have shown, besides.
pub const BEFORE_START: [Check; 7] = [
    targets::preview,
    targets::opt_in,
    targets::forbidden,
    targets::count,
    targets::share,
    targets::left,
    targets::zones,
];

/// Everything that the guards `checks` object to.
pub fn ask(checks: &[Check], question: &Question<'_>) -> Vec<Objection> {
    checks.iter().filter_map(|check| check(question)).collect()
}

/// Everything that forbids the run itself: what forbids its preview, and what that has shown.
pub fn before_start(question: &Question<'_>) -> Vec<Objection> {
    let mut found = ask(&BEFORE_PREVIEW, question);
    found.extend(ask(&BEFORE_START, question));
    found
}

#[cfg(test)]
mod sample;
#[cfg(test)]
mod tests;
