//! Why it was decided so.

use serde::Serialize;
use watchkeeper_domain::{drill::Objection, experiment::Status};

use crate::words::Saying;

/// Why it was decided so.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// People are told of a run before it starts.
    Announced,
    /// Something objects, so it does not start.
    Refused(Vec<Objection>),
    /// FIS will not do it, however often it is asked.
    Rejected(String),
    /// On the leash, it would have started.
    Rehearsed,
    /// Nothing objects: the next step.
    Clear(&'static str),
    /// It waits for its time, or for FIS.
    Waiting(&'static str),
    /// It was seen running.
    Running,
    /// The experiment is over.
    Over(Status),
    /// Somebody has cancelled it, and why.
    Cancelled(String),
    /// Somebody lets it run again after a failure, and why.
    Released(String),
    /// The same run was asked for before.
    Duplicate,
    /// It has begun: it can be halted, and not cancelled any more.
    TooLateToCancel,
    /// There is nothing to be done.
    Nothing,
}

impl Reason {
    /// What there is to tell people, if anything.
    pub fn saying(&self) -> Option<Saying<'_>> {
        match self {
            Self::Announced => Some(Saying::Announced),
            Self::Running => Some(Saying::Started),
            Self::Refused(objections) => Some(Saying::Refused(objections)),
            Self::Rejected(words) => Some(Saying::Rejected(words)),
            Self::Rehearsed => Some(Saying::Rehearsed),
            Self::Cancelled(why) => Some(Saying::Cancelled(why)),
            Self::Clear(_)
            | Self::Waiting(_)
            | Self::Over(_)
            | Self::Released(_)
            | Self::Duplicate
            | Self::TooLateToCancel
            | Self::Nothing => None,
        }
    }

    /// Whether something keeps a run from starting.
    pub fn is_refusal(&self) -> bool {
        matches!(self, Self::Refused(_) | Self::Rejected(_))
    }
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Announced => f.write_str("announced"),
            Self::Refused(objections) => {
                let all: Vec<_> = objections.iter().map(ToString::to_string).collect();
                write!(f, "refused: {}", all.join("; "))
            }
            Self::Rejected(words) => write!(f, "rejected by FIS: {words}"),
            Self::Rehearsed => f.write_str("nothing objects, and the leash is on"),
            Self::Clear(step) => write!(f, "nothing objects: {step}"),
            Self::Waiting(what) => write!(f, "waiting for {what}"),
            Self::Running => f.write_str("running"),
            Self::Over(status) => write!(f, "over: {}", status.as_str()),
            Self::Cancelled(why) => write!(f, "cancelled: {why}"),
            Self::Released(why) => write!(f, "released: {why}"),
            Self::Duplicate => f.write_str("asked for before"),
            Self::TooLateToCancel => f.write_str("it has begun: halt it"),
            Self::Nothing => f.write_str("nothing to do"),
        }
    }
}
