//! The ports of drills: FIS, what a guard has to know, and the one-shot schedule that ends a run whose minder has died.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    drill::{ListedTemplate, OnCall},
    experiment::{Experiment, Lever, Listed, Order, Ordered, ResolvedTarget},
    failure::Failure,
};

/// What FIS knows: `fis:GetExperimentTemplate`, `ListExperimentTemplates`, `GetExperiment`, `ListExperiments`,
/// `ListExperimentResolvedTargets`, `GetSafetyLever`. An implementation waits at most 5 s an attempt and tries three times.
#[expect(async_fn_in_trait, reason = "functions run on one thread, so futures need not be Send")]
pub trait Experiments {
    /// The template `id` as the API gives it (camelCase JSON, without its wrapper), or `None` when there is none.
    async fn template(&self, id: &str) -> Result<Option<Value>, Failure>;
    /// Every template of this account and Region, all pages.
    async fn templates(&self) -> Result<Vec<ListedTemplate>, Failure>;
    /// The experiment `id`, or `None` when there is none, or none any more: FIS forgets after 120 days.
    async fn experiment(&self, id: &str) -> Result<Option<Experiment>, Failure>;
    /// Every experiment of this account and Region, all pages.
    async fn experiments(&self) -> Result<Vec<Listed>, Failure>;
    /// What the targets of `id` came to, all pages. Complete only once it is running; empty before.
    async fn resolved(&self, id: &str) -> Result<Vec<ResolvedTarget>, Failure>;
    /// The safety lever `default` of this account and Region.
    async fn lever(&self) -> Result<Lever, Failure>;
}

/// Starts experiments: `fis:StartExperiment`, `fis:TagResource`. Goes through the leash.
#[expect(async_fn_in_trait, reason = "functions run on one thread, so futures need not be Send")]
pub trait Starts {
    /// Starts what `order` says, once however often it is asked with the same token.
    async fn start(&self, order: &Order) -> Result<Ordered, Failure>;
}

/// Stops experiments: `fis:StopExperiment`. Goes through the leash.
#[expect(async_fn_in_trait, reason = "functions run on one thread, so futures need not be Send")]
pub trait Stops {
    /// Stops the experiment `id` in whatever state it is. Nothing happens to one that is over or unknown.
    async fn stop(&self, id: &str) -> Result<(), Failure>;
}

/// A CloudWatch alarm.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Alarm {
    /// Its ARN.
    pub arn: String,
    /// `OK`, `ALARM`, `INSUFFICIENT_DATA`.
    pub state: String,
    /// Since when.
    pub since: Option<Timestamp>,
}

/// CloudWatch alarms: `cloudwatch:DescribeAlarms`.
#[expect(async_fn_in_trait, reason = "functions run on one thread, so futures need not be Send")]
pub trait Alarms {
    /// The alarms with these ARNs, metric and composite alike. One that does not exist is not in the answer.
    async fn alarms(&self, arns: &BTreeSet<String>) -> Result<Vec<Alarm>, Failure>;
}

/// An SSM Change Calendar at one moment.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct CalendarState {
    /// Its name or ARN, as the configuration has it.
    pub name: String,
    /// Whether changes are allowed.
    pub open: bool,
    /// When that changes next, if it does.
    pub until: Option<Timestamp>,
}

/// SSM: `ssm:GetCalendarState`, and `ssm:DescribeOpsItems` for incidents in progress. With an address, over HTTPS as well,
/// which needs no permission.
#[expect(async_fn_in_trait, reason = "functions run on one thread, so futures need not be Send")]
pub trait Calendars {
    /// The state of each of `names` at `now`.
    async fn calendars(&self, names: &[String], now: Timestamp) -> Result<Vec<CalendarState>, Failure>;
    /// The titles of the OpsItems of severity 1 or 2 that are open or in progress, and of the incidents that `page` lists.
    ///
    /// `page` is an address that answers a GET with 204, or with 200 and a JSON array: one text, or one object with a
    /// text `title`, for each open incident, and nothing in it when there is none. Anything else is a failure. An
    /// implementation follows no redirect, waits at most 5 s an attempt, and asks once more after no answer, a 5xx or a
    /// 429.
    async fn incidents(&self, page: Option<&str>) -> Result<Vec<String>, Failure>;
}

/// The on-call schedules of PagerDuty. The key of its REST API is a secret: `secretsmanager:GetSecretValue`,
/// `ssm:GetParameter`.
#[expect(async_fn_in_trait, reason = "functions run on one thread, so futures need not be Send")]
pub trait OnCalls {
    /// Whether anybody is on call now. An implementation waits at most 5 s an attempt, asks once more after no answer, a
    /// 5xx or a 429, and reads the secret again after a 401 or 403.
    async fn is_anybody_on_call(&self, on_call: &OnCall) -> Result<bool, Failure>;
}

/// An issue that AWS Health has open.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Issue {
    /// The event ARN.
    pub arn: String,
    /// `EC2`.
    pub service: String,
    /// `eu-west-1`, or `global`.
    pub region: String,
    /// Its type code.
    pub type_code: String,
    /// AWS's text, and the names of affected entities: Health events have no field for a zone.
    pub text: String,
}

/// The AWS Health API: `health:DescribeEvents`, `DescribeEventDetails`, `DescribeAffectedEntities`. It needs a
/// Business, Enterprise On-Ramp or Enterprise support plan.
#[expect(async_fn_in_trait, reason = "functions run on one thread, so futures need not be Send")]
pub trait Issues {
    /// The open issues for `region` and for `global`, public and of this account, all pages.
    async fn open_issues(&self, region: &str) -> Result<Vec<Issue>, Failure>;
}

/// What resources are: `tag:GetResources`, `cloudformation:GetResource` (Cloud Control API).
#[expect(async_fn_in_trait, reason = "functions run on one thread, so futures need not be Send")]
pub trait Inventory {
    /// The tags of each of `arns`. A resource that has none, or is not known to the tagging API, has no entry.
    async fn tags(
        &self,
        arns: &BTreeSet<String>,
    ) -> Result<BTreeMap<String, BTreeMap<String, String>>, Failure>;
    /// The ARNs of the resources of `resource_type` (FIS's word: `aws:ec2:instance`) that have the tag `key`=`value`;
    /// `None` when the tagging API does not know the type.
    async fn fleet(
        &self,
        resource_type: &str,
        key: &str,
        value: &str,
    ) -> Result<Option<BTreeSet<String>>, Failure>;
    /// The Availability Zone of each of `arns` that lives in one: its id where known, or else its name. Something
    /// whose sort has zones and whose zone could not be read is a failure.
    async fn zones(&self, arns: &BTreeSet<String>) -> Result<BTreeMap<String, String>, Failure>;
}

/// The one-shot schedule that stops a run at the latest moment, whatever has become of its minder:
/// `scheduler:CreateSchedule`, `UpdateSchedule`, `DeleteSchedule`, `iam:PassRole`. Goes through the leash.
///
/// It deletes itself once it has fired (`ActionAfterCompletion: DELETE`).
#[expect(async_fn_in_trait, reason = "functions run on one thread, so futures need not be Send")]
pub trait DeadMan {
    /// Sets `name` to wake `experiment-watcher` at `at` with `{"tick":"dead-man","token":…}`. Setting it again moves it.
    async fn arm(&self, name: &str, at: Timestamp, token: &str) -> Result<(), Failure>;
    /// Points `name` straight at `StopExperiment` of `experiment`, at `at`.
    async fn aim(&self, name: &str, at: Timestamp, experiment: &str) -> Result<(), Failure>;
    /// Deletes `name`. Nothing happens if it is gone.
    async fn disarm(&self, name: &str) -> Result<(), Failure>;
}
