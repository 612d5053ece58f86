//! The ports of judging a run: what CloudWatch has measured, and what alarms and people did meanwhile.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{
    experiment::{hypothesis::Source, windows::Interval},
    failure::Failure,
};

/// One series to ask CloudWatch for.
#[derive(Clone, Debug, PartialEq)]
pub struct Query {
    /// What the answer is found by; unique among the queries of one call. Not a word for CloudWatch, whose own ids are
    /// narrower: an adapter makes up those.
    pub id: String,
    /// The metric, or the expression with its metrics.
    pub source: Source,
    /// The period of its points: 60 s or a multiple of it.
    pub period: SignedDuration,
}

/// What CloudWatch has of one query.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Series {
    /// [`Query::id`].
    pub id: String,
    /// Its points, each once, the earliest first. A period without data has none: it is never zero.
    pub points: Vec<Point>,
    /// Whether CloudWatch says that this is everything (`StatusCode: Complete` of the last page). Anything else is not
    /// all, whatever points there are.
    pub complete: bool,
}

/// One point of a series.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub struct Point {
    /// When its period begins.
    pub at: Timestamp,
    /// Its value, a finite number.
    pub value: f64,
}

/// CloudWatch metrics: `cloudwatch:GetMetricData`. An implementation waits at most 5 s an attempt, tries three times
/// and reads all pages.
#[expect(async_fn_in_trait, reason = "functions run on one thread, so futures need not be Send")]
pub trait Metrics {
    /// The series of `queries` for the periods that begin in `within`, one for each query, in their order. A metric that
    /// does not exist is a series without points. An expression that is refused, or gives more than one series, is a
    /// failure that names the query.
    async fn series(&self, queries: &[Query], within: Interval) -> Result<Vec<Series>, Failure>;
}

/// A change of an alarm's state.
#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub struct AlarmChange {
    /// When.
    pub at: Timestamp,
    /// The ARN of the alarm.
    pub arn: String,
    /// The state before: `OK`, `ALARM`, `INSUFFICIENT_DATA`.
    pub from: String,
    /// The state after.
    pub to: String,
}

/// How somebody ended an experiment.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum StopSort {
    /// `StopExperiment` of this experiment.
    StopExperiment,
    /// `UpdateSafetyLeverState` to `engaged`: it ends all of the account and Region.
    SafetyLever,
}

/// A call that ended an experiment, as CloudTrail has it.
#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub struct StopCall {
    /// When. CloudTrail counts whole seconds.
    pub at: Timestamp,
    /// Which call.
    pub sort: StopSort,
    /// Who: the ARN of the identity, or the AWS service that called for itself.
    pub by: String,
}

/// What alarms and people did: `cloudwatch:DescribeAlarmHistory`, `cloudtrail:LookupEvents`. An implementation waits at
/// most 5 s an attempt, tries three times and reads all pages.
#[expect(async_fn_in_trait, reason = "functions run on one thread, so futures need not be Send")]
pub trait History {
    /// The changes of state (`HistoryItemType: StateUpdate`) of the alarms with these ARNs, metric and composite alike,
    /// that fall in `within`, the earliest first.
    async fn alarm_changes(
        &self,
        arns: &BTreeSet<String>,
        within: Interval,
    ) -> Result<Vec<AlarmChange>, Failure>;

    /// The calls in `within` that ended `experiment`, the earliest first. Calls that were refused (`errorCode`) are not
    /// among them. CloudTrail may take 15 minutes to know of one.
    async fn stop_calls(&self, experiment: &str, within: Interval) -> Result<Vec<StopCall>, Failure>;
}
