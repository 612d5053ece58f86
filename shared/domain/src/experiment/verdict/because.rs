//! The reasons for a verdict.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::Outcome;
use crate::experiment::{Fault, hypothesis::Range, windows::Part};

mod sentence;

/// A reason for a verdict. The first sort that occurs decides, in this order.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "snake_case")]
pub enum Because {
    /// FIS says that the experiment failed.
    Errored(Option<Fault>),
    /// Somebody or something stopped it.
    Aborted(Abort),
    /// The service was not well before.
    Before(Before),
    /// The hypothesis does not hold.
    Broken(Breach),
    /// Something is not known.
    Doubted(Doubt),
    /// Everything that was claimed held.
    Held {
        /// How many measures.
        measures: usize,
        /// How many alarms.
        alarms: usize,
    },
}

/// Who or what stopped a run before any alarm had gone off.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "snake_case")]
pub enum Abort {
    /// Watchkeeper, for this reason.
    Watchkeeper(String),
    /// Somebody called `StopExperiment`.
    Stopped {
        /// Who.
        by: String,
        /// When.
        at: Timestamp,
    },
    /// Somebody pulled the safety lever.
    Lever {
        /// Who.
        by: String,
        /// When.
        at: Timestamp,
    },
}

/// What was wrong before the fault began.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "snake_case")]
pub enum Before {
    /// A measure was out of bounds.
    Measure {
        /// Its name.
        measure: String,
        /// What the baseline came to.
        value: f64,
        /// Where it should have been.
        range: Range,
    },
    /// An alarm was not `OK`.
    Alarm {
        /// Its ARN.
        alarm: String,
        /// What it was.
        state: String,
    },
}

/// What does not hold.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "snake_case")]
pub enum Breach {
    /// A stop condition ended the run.
    StopCondition {
        /// The ARN of the alarm.
        alarm: String,
        /// When it went off.
        at: Timestamp,
    },
    /// An alarm went off that should not have.
    Alarm {
        /// Its ARN.
        alarm: String,
        /// When.
        at: Timestamp,
    },
    /// A measure left its bounds during the fault.
    Measure {
        /// Its name.
        measure: String,
        /// What the fault made of it.
        value: f64,
        /// Where it should have been.
        range: Range,
    },
    /// None of the alarms that should have gone off did so in time.
    NotDetected {
        /// In what time.
        within: SignedDuration,
    },
    /// A measure or an alarm was not well again in time.
    NotRecovered {
        /// The name of the measure, or the ARN of the alarm.
        what: String,
        /// In what time.
        within: SignedDuration,
    },
}

/// Why nobody can tell.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "snake_case")]
pub enum Doubt {
    /// The experiment is not over: where it stands.
    NotOver(String),
    /// It was cancelled before it began: the safety lever was engaged.
    Cancelled,
    /// It was a preview.
    Preview,
    /// No action has begun.
    NothingRan,
    /// The drill claims nothing.
    NothingClaimed,
    /// It was stopped, and neither alarms nor CloudTrail tell by what.
    UnknownCause,
    /// FIS has named other ends as well: these.
    Contradicted(Vec<String>),
    /// An action was skipped.
    Skipped(String),
    /// An action did not come to its end, though the experiment did.
    NotCompleted {
        /// Its name.
        action: String,
        /// Where it ended.
        status: String,
    },
    /// A target came to nothing.
    EmptyTarget(String),
    /// CloudWatch has not given all points of a measure.
    Incomplete(String),
    /// A measure has too few points in a window.
    MissingData {
        /// Its name.
        measure: String,
        /// Which window.
        part: Part,
        /// How many points there are.
        present: usize,
        /// How many there should be.
        expected: usize,
    },
    /// An alarm could not tell whether all was well when the recovery was over.
    AlarmBlind {
        /// Its ARN.
        alarm: String,
        /// What it was.
        state: String,
    },
    /// Something could not be read.
    Unread {
        /// What.
        what: String,
        /// Why not.
        why: String,
    },
}

impl Because {
    /// The outcome it leads to where it decides.
    pub fn outcome(&self) -> Outcome {
        match self {
            Self::Errored(_) => Outcome::Errored,
            Self::Aborted(_) => Outcome::Aborted,
            Self::Before(_) | Self::Doubted(_) => Outcome::Inconclusive,
            Self::Broken(_) => Outcome::Failed,
            Self::Held { .. } => Outcome::Passed,
        }
    }

    /// Its place: the lowest decides.
    pub(super) fn rank(&self) -> u8 {
        match self {
            Self::Errored(_) => 0,
            Self::Aborted(_) => 1,
            Self::Before(_) => 2,
            Self::Broken(_) => 3,
            Self::Doubted(_) => 4,
            Self::Held { .. } => 5,
        }
    }
}
