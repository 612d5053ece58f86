//! An FIS experiment template as data, whatever form it came in.
//!
//! Source: AWS FIS API Reference, `ExperimentTemplate`; CloudFormation, `AWS::FIS::ExperimentTemplate`.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use super::Finding;

mod canon;
mod parse;
mod reader;
mod text;

pub use text::Text;

/// An experiment template.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Template {
    /// `description`.
    pub description: Option<Text>,
    /// `targets`, by name.
    pub targets: BTreeMap<String, Target>,
    /// `actions`, by name.
    pub actions: BTreeMap<String, Action>,
    /// `stopConditions`.
    pub stop_conditions: Vec<StopCondition>,
    /// `roleArn`: what FIS acts as.
    pub role_arn: Option<Text>,
    /// `logConfiguration`.
    pub log_configuration: Option<LogConfiguration>,
    /// `experimentOptions`.
    pub experiment_options: ExperimentOptions,
    /// `tags` of the template, without AWS's own (`aws:…`), which a deployment adds.
    pub tags: BTreeMap<String, Text>,
    /// `experimentReportConfiguration`, as it was given.
    pub report: Option<Value>,
    /// `targetAccountConfigurationsCount`: how many more accounts a run reaches.
    pub target_accounts: u64,
    /// Fields that are not known here, by place. They count for the hash, since nobody knows what they do.
    pub unknown: BTreeMap<String, Value>,
}

/// Which resources an action is done to.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Target {
    /// `resourceType`: `aws:ec2:instance`.
    pub resource_type: Text,
    /// `resourceArns`. They exclude tags and filters.
    pub resource_arns: Vec<Text>,
    /// `resourceTags`: a resource must have them all.
    pub resource_tags: BTreeMap<String, Text>,
    /// `filters`: a resource must match them all.
    pub filters: Vec<Filter>,
    /// `selectionMode`: `ALL`, `COUNT(n)`, `PERCENT(n)`.
    pub selection_mode: Text,
    /// `parameters`: of pods, subnets, volumes, database clusters, …
    pub parameters: BTreeMap<String, Text>,
}

/// A condition on what AWS describes of a resource.
#[derive(Clone, Debug, Default, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub struct Filter {
    /// `path`: `Placement.AvailabilityZone`.
    pub path: Text,
    /// `values`: any of them.
    pub values: Vec<Text>,
}

/// One fault, or a wait.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Action {
    /// `actionId`: `aws:ec2:stop-instances`.
    pub action_id: Text,
    /// `description`.
    pub description: Option<Text>,
    /// `parameters`.
    pub parameters: BTreeMap<String, Text>,
    /// `targets`: the names of targets, by the action's word for them (`Instances`, `Cluster`).
    pub targets: BTreeMap<String, Text>,
    /// `startAfter`: the names of actions that must be over. Without any it starts at once.
    pub start_after: Vec<Text>,
}

/// What ends the experiment early.
#[derive(Clone, Debug, Default, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub struct StopCondition {
    /// `source`: `aws:cloudwatch:alarm`, or `none`.
    pub source: Text,
    /// `value`: the ARN of the alarm.
    pub value: Option<Text>,
}

/// Where FIS writes what it did.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LogConfiguration {
    /// `logSchemaVersion`: 2 names the resolved targets, 1 does not.
    pub schema_version: Option<u64>,
    /// `cloudWatchLogsConfiguration.logGroupArn`.
    pub log_group: Option<Text>,
    /// `s3Configuration.bucketName`.
    pub bucket: Option<Text>,
    /// `s3Configuration.prefix`.
    pub prefix: Option<Text>,
}

/// `experimentOptions`.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ExperimentOptions {
    /// `accountTargeting`: `single-account` (the default) or `multi-account`.
    pub account_targeting: Option<Text>,
    /// `emptyTargetResolutionMode`: `fail` (the default) or `skip`.
    pub empty_target_resolution_mode: Option<Text>,
    /// `actionsMode`: `run-all` (the default) or `skip-all`. AWS takes it when an experiment starts.
    pub actions_mode: Option<Text>,
}

impl Template {
    /// Reads a template: the answer of `GetExperimentTemplate` with or without its wrapper, the CLI's input for
    /// `create-experiment-template`, or the properties of an `AWS::FIS::ExperimentTemplate`, whose intrinsic functions
    /// stay as they are ([`Text::Deferred`]).
    ///
    /// # Errors
    /// Every value of the wrong type and every required field that is missing, with its place and the mend.
    pub fn parse(template: &Value) -> Result<Self, Vec<Finding>> {
        parse::template(template)
    }

    /// The first 32 hexadecimal digits of the SHA-256 of the template's canonical form: the same before and after a
    /// deployment and in every form, as long as nothing changes that a run depends on. Ids, times, the order of what
    /// has no order, defaults said or unsaid, and AWS's own tags do not matter.
    pub fn hash(&self) -> String {
        canon::hash(self)
    }
}
