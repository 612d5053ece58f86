//! Each reason for a verdict as a sentence, without its full stop.

use std::fmt::{Display, Formatter, Result};

use jiff::Timestamp;

use super::{Abort, Because, Before, Breach, Doubt};
use crate::{
    experiment::{Fault, statistics::figure},
    fis::duration::shown,
    text,
};

impl Display for Because {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Errored(None) => write!(f, "FIS failed, and does not say why"),
            Self::Errored(Some(Fault { account, code, location })) => {
                write!(f, "FIS failed with {code} at {location} (account {account})")
            }
            Self::Aborted(abort) => abort.fmt(f),
            Self::Before(before) => before.fmt(f),
            Self::Broken(breach) => breach.fmt(f),
            Self::Doubted(doubt) => doubt.fmt(f),
            Self::Held { measures, alarms } => {
                let (measures, alarms) = (text::count(*measures, "measure"), text::count(*alarms, "alarm"));
                write!(f, "all that was claimed held: {measures}, {alarms}")
            }
        }
    }
}

impl Display for Abort {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Watchkeeper(because) => write!(f, "Watchkeeper stopped it: {because}"),
            Self::Stopped { by, at } => write!(f, "{by} stopped it at {}", clock(*at)),
            Self::Lever { by, at } => write!(f, "{by} pulled the safety lever at {}", clock(*at)),
        }
    }
}

impl Display for Before {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Measure { measure, value, range } => {
                write!(f, "{measure} came to {} before it began, instead of {range}", figure(*value))
            }
            Self::Alarm { alarm, state } => write!(f, "{} was {state} when it began", short(alarm)),
        }
    }
}

impl Display for Breach {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::StopCondition { alarm, at } => {
                write!(f, "the stop condition {} went off at {}", short(alarm), clock(*at))
            }
            Self::Alarm { alarm, at } => write!(f, "{} went off at {}", short(alarm), clock(*at)),
            Self::Measure { measure, value, range } => {
                write!(f, "{measure} came to {} during the fault, instead of {range}", figure(*value))
            }
            Self::NotDetected { within } => {
                write!(f, "none of the alarms that should notice went off within {}", shown(*within))
            }
            Self::NotRecovered { what, within } => {
                write!(f, "{} was not well again within {}", short(what), shown(*within))
            }
        }
    }
}

impl Display for Doubt {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::NotOver(status) => write!(f, "it is not over: {status}"),
            Self::Cancelled => write!(f, "it was cancelled before it began: the safety lever was engaged"),
            Self::Preview => write!(f, "it was a preview: every action was skipped"),
            Self::NothingRan => write!(f, "no action has begun"),
            Self::NothingClaimed => write!(f, "the drill has no hypothesis"),
            Self::UnknownCause => write!(f, "neither alarms nor CloudTrail tell who stopped it"),
            Self::Contradicted(ends) => write!(f, "FIS has also said that it was {}", ends.join(" and ")),
            Self::Skipped(action) => write!(f, "the action {action} was skipped"),
            Self::NotCompleted { action, status } => write!(f, "the action {action} ended as {status}"),
            Self::EmptyTarget(target) => write!(f, "the target {target} came to nothing"),
            Self::Incomplete(measure) => write!(f, "CloudWatch has not given all points of {measure}"),
            Self::MissingData { measure, part, present, expected } => {
                let points = text::count(*expected, "point");
                write!(f, "{measure} has {present} of {points} of the {}", part.as_str())
            }
            Self::AlarmBlind { alarm, state } => {
                write!(f, "{} was {state} when the recovery was over", short(alarm))
            }
            Self::Unread { what, why } => write!(f, "{} could not be read: {why}", short(what)),
        }
    }
}

/// What people call an alarm: the end of its ARN.
fn short(arn: &str) -> &str {
    arn.split_once(":alarm:").map_or(arn, |(_, name)| name)
}

fn clock(at: Timestamp) -> String {
    at.strftime("%H:%M:%S UTC").to_string()
}
