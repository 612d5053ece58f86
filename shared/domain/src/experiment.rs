//! FIS experiments: as FIS tells of them, and what they have proved.
//!
//! | module | what it holds |
//! |---|---|
//! | [`hypothesis`] | what a drill claims |
//! | [`windows`] | which part of time shows what |
//! | [`plot`] | a measure as a line of text, and as a picture |
//! | [`report`] | all about one run: a page for people, JSON for machines |
//! | [`score`] | what all runs together say |
//! | [`statistics`] | what a window's points come to |
//! | [`timeline`] | what is known of one experiment |
//! | [`verdict`] | what a run has proved |

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub mod hypothesis;
pub mod plot;
pub mod report;
pub mod score;
pub mod statistics;
pub mod timeline;
pub mod verdict;
pub mod windows;

/// The tag of an experiment that says which drill it belongs to.
pub const DRILL_TAG: &str = "watchkeeper:drill";
/// The tag of an experiment that holds its token: how a later pass finds what an earlier one has started.
pub const TOKEN_TAG: &str = "watchkeeper:token";
/// The tag of an experiment that names the thread in which people read of it.
pub const THREAD_TAG: &str = "watchkeeper:thread";

/// Where an experiment stands.
///
/// Source: AWS FIS API Reference, `ExperimentState`. `cancelled` is in the API and not on the page about events.
#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(from = "String", into = "String")]
pub enum Status {
    /// Accepted.
    Pending,
    /// Its targets are being resolved.
    Initiating,
    /// Its targets are resolved and its actions under way.
    Running,
    /// All actions are over.
    Completed,
    /// A stop condition, a person or the safety lever has ended it; post actions are under way.
    Stopping,
    /// It was ended early.
    Stopped,
    /// A target could not be resolved, or an action failed.
    Failed,
    /// It was started while the safety lever was engaged.
    Cancelled,
    /// A word that is not known here, kept as it came.
    Other(String),
}

impl Status {
    /// The word of the API.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Pending => "pending",
            Self::Initiating => "initiating",
            Self::Running => "running",
            Self::Completed => "completed",
            Self::Stopping => "stopping",
            Self::Stopped => "stopped",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Other(word) => word,
        }
    }

    /// Whether nothing can follow. An unknown word is not the end.
    pub fn is_terminal(&self) -> bool {
        self.rank() == Some(4)
    }

    /// The order in which states follow one another, whatever the order in which their events arrive. `None` for an
    /// unknown word.
    pub fn rank(&self) -> Option<u8> {
        match self {
            Self::Pending => Some(0),
            Self::Initiating => Some(1),
            Self::Running => Some(2),
            Self::Stopping => Some(3),
            Self::Completed | Self::Stopped | Self::Failed | Self::Cancelled => Some(4),
            Self::Other(_) => None,
        }
    }
}

impl From<String> for Status {
    fn from(word: String) -> Self {
        match word.as_str() {
            "pending" => Self::Pending,
            "initiating" => Self::Initiating,
            "running" => Self::Running,
            "completed" => Self::Completed,
            "stopping" => Self::Stopping,
            "stopped" => Self::Stopped,
            "failed" => Self::Failed,
            "cancelled" => Self::Cancelled,
            _ => Self::Other(word),
        }
    }
}

impl From<Status> for String {
    fn from(status: Status) -> Self {
        status.as_str().to_owned()
    }
}

/// An experiment as `ListExperiments` shows it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Listed {
    /// `EXP…`.
    pub id: String,
    /// `EXT…`.
    pub template: String,
    /// Where it stands.
    pub status: Status,
    /// When it was accepted.
    pub created_at: Option<Timestamp>,
    /// Whether it is a preview (`actionsMode: skip-all`).
    pub skips_actions: bool,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
}

impl Listed {
    /// The token with which Watchkeeper has started it, if it has.
    pub fn token(&self) -> Option<&str> {
        self.tags.get(TOKEN_TAG).map(String::as_str)
    }
}

/// An experiment as `GetExperiment` shows it.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Experiment {
    /// What the list shows of it as well.
    pub listed: Listed,
    /// Its ARN.
    pub arn: String,
    /// FIS's words for its state: for people, never for a rule.
    pub reason: String,
    /// Why it failed, of the first action that did.
    pub error: Option<Fault>,
    /// When its first action began to be prepared.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// Its actions, by name.
    pub actions: BTreeMap<String, ActionRun>,
    /// The ARNs of the alarms that stop it.
    pub stop_alarms: Vec<String>,
    /// How many more accounts it reaches.
    pub target_accounts: u64,
}

/// Why an experiment failed.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Fault {
    /// The account in which.
    pub account: String,
    /// `InvalidTarget`, `AuthorizationFailure`, …: subject to change, except `InternalFailure`.
    pub code: String,
    /// The action or target.
    pub location: String,
}

/// One action of an experiment.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct ActionRun {
    /// `aws:ec2:stop-instances`.
    pub action_id: String,
    /// `pending`, `initiating`, `running`, `completed`, `cancelled`, `stopping`, `stopped`, `failed`, `skipped`.
    pub status: String,
    /// FIS's words for it.
    pub reason: String,
    /// When it began.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
}

/// What a target came to, as `ListExperimentResolvedTargets` shows it.
#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub struct ResolvedTarget {
    /// The name of the target in the template.
    pub target: String,
    /// `aws:ec2:instance`.
    pub resource_type: String,
    /// `arn` of most things; of a pod `pod_name`, `namespace`, `cluster_arn`, `target_container_name`.
    pub information: BTreeMap<String, String>,
}

impl ResolvedTarget {
    /// The ARN by which the resource can be asked for: of a pod, that of its cluster.
    pub fn arn(&self) -> Option<&str> {
        self.information.get("arn").or_else(|| self.information.get("cluster_arn")).map(String::as_str)
    }

    /// One line for people.
    pub fn name(&self) -> String {
        match (self.information.get("arn"), self.information.get("pod_name")) {
            (Some(arn), _) => arn.clone(),
            (None, Some(pod)) => {
                let namespace = self.information.get("namespace").map_or("?", String::as_str);
                format!("{namespace}/{pod}")
            }
            (None, None) => self.information.values().cloned().collect::<Vec<_>>().join(" "),
        }
    }
}

/// The kill switch of FIS in one account and Region.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Lever {
    /// `disengaged`, `engaging`, `engaged`.
    pub status: String,
    /// Who pulled it, and why, in their words.
    pub reason: String,
}

impl Lever {
    /// Whether experiments may start.
    pub fn is_disengaged(&self) -> bool {
        self.status == "disengaged"
    }
}

/// An order to FIS.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Order {
    /// `EXT…`.
    pub template: String,
    /// `clientToken`, at most 64 characters: the same for every attempt, so that a retry starts nothing twice.
    pub token: String,
    /// Whether the actions are skipped: a preview of the targets.
    pub skips_actions: bool,
    /// The tags of the experiment; among them [`DRILL_TAG`] and [`TOKEN_TAG`].
    pub tags: BTreeMap<String, String>,
}

/// What came of an order.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Ordered {
    /// The experiment with this id was accepted, now or by an earlier attempt with the same token.
    Accepted(String),
    /// FIS will not do it however often it is asked: what it answered.
    Rejected(String),
}
