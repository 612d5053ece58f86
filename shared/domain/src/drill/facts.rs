//! What a guard judges. A fact that could not be read says why, and counts as an objection.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Deployments;
use crate::{
    experiment::{Lever, Listed, ResolvedTarget},
    fis::Template,
    ports::{Alarm, CalendarState, Issue},
};

/// A fact, or why it is not known.
pub type Fact<T> = Result<T, String>;

/// Everything that the guards of one drill look at, as it was at one moment.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Facts {
    /// The switch that a person has thrown, if one has.
    pub halt: Fact<Option<Halt>>,
    /// The safety lever.
    pub lever: Fact<Lever>,
    /// The template, read and with its name; `None` when FIS has none of that id.
    #[serde(serialize_with = "by_hash")]
    pub template: Fact<Option<Template>>,
    /// The drill's change calendars.
    pub calendars: Fact<Vec<CalendarState>>,
    /// The open incidents: OpsItems of severity 1 and 2, and what `incident_url` lists.
    pub incidents: Fact<Vec<String>>,
    /// Whether anybody is on call.
    pub on_call: Fact<bool>,
    /// What was deployed lately.
    pub deployments: Fact<Deployments>,
    /// The open issues of AWS Health in this Region, FIS's own left out.
    pub issues: Fact<Vec<Issue>>,
    /// The alarms that must be `OK`.
    pub alarms: Fact<Vec<Alarm>>,
    /// The experiments that are not over, previews too.
    pub active: Fact<Vec<Listed>>,
    /// Which run has the floor, if another one has.
    pub floor: Fact<Option<Floor>>,
    /// What this drill and the one before it in promotion have proved, the newest last.
    pub proofs: Fact<Vec<Proof>>,
    /// What the targets came to, once a preview or a run has resolved them.
    pub targets: Option<Fact<Targets>>,
}

/// A drill's template is stored by its hash: its text is in FIS, and long.
fn by_hash<S: serde::Serializer>(template: &Fact<Option<Template>>, to: S) -> Result<S::Ok, S::Error> {
    template.as_ref().map(|it| it.as_ref().map(Template::hash)).serialize(to)
}

/// A switch in the table that keeps every drill from starting and ends those that run.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Halt {
    /// Who has thrown it.
    pub by: String,
    /// Why.
    pub because: String,
    /// When.
    pub at: Timestamp,
}

/// The run that may preview and start: one at a time in an account and Region.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Floor {
    /// The drill.
    pub drill: String,
    /// The run of it.
    pub run: String,
    /// When it took the floor.
    pub since: Timestamp,
}

/// What one run has proved.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Proof {
    /// The drill.
    pub drill: String,
    /// The experiment.
    pub experiment: String,
    /// The template's hash at the time.
    pub template: String,
    /// `passed`, `failed`, `inconclusive`, `errored`, `aborted`.
    pub outcome: String,
    /// Whether the service was well again within the recovery time.
    pub recovered: bool,
    /// When it was judged.
    pub at: Timestamp,
}

/// What the targets came to, and what is known of those resources.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Targets {
    /// The experiment that resolved them.
    pub experiment: String,
    /// When it was over, if it is.
    pub at: Option<Timestamp>,
    /// The resources, by target.
    pub resolved: BTreeSet<ResolvedTarget>,
    /// The tags of each ARN.
    pub tags: BTreeMap<String, BTreeMap<String, String>>,
    /// All resources of each type that have opted in; `None` where they can't be counted.
    pub fleets: BTreeMap<String, Option<Fleet>>,
    /// The Availability Zone of each ARN that lives in one.
    pub zones: BTreeMap<String, String>,
}

impl Targets {
    /// The Availability Zones of the resources of type `kind` that would be hit.
    pub fn zones_hit(&self, kind: &str) -> BTreeSet<&str> {
        let of_kind = self.resolved.iter().filter(|it| it.resource_type == kind);
        of_kind.filter_map(|it| self.zones.get(it.arn()?)).map(String::as_str).collect()
    }
}

/// All resources of one type that have opted in, those that would be hit included.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Fleet {
    /// How many there are.
    pub size: u64,
    /// How many of those that would not be hit are well; `None` where nobody measures that. Looked for only where
    /// `min_healthy` asks.
    pub well: Fact<Option<u64>>,
    /// An Availability Zone in which one of them lives and none would be hit. Looked for only where several zones would.
    pub spared_zone: Option<String>,
}
