//! CloudWatch alarms: what ends a run, and what tells of the service's health.

use std::collections::BTreeSet;

use aws_config::{SdkConfig, retry::RetryConfig};
use aws_sdk_cloudwatch::{
    Client,
    operation::describe_alarms::DescribeAlarmsOutput,
    primitives::DateTime,
    types::{AlarmType, StateValue},
};
use watchkeeper_domain::{
    failure::Failure,
    ports::{Alarm, Alarms},
};

use crate::{error::failure, time::timestamp};

/// The most names that one call takes (CloudWatch API Reference, `DescribeAlarms`).
const BATCH: usize = 100;

/// The alarms of one account and Region.
#[derive(Clone, Debug)]
pub struct CloudWatchAlarms {
    client: Client,
}

impl CloudWatchAlarms {
    /// The alarms that `config` reaches. A call is tried three times: it only reads.
    pub fn connect(config: &SdkConfig) -> Self {
        let retries = RetryConfig::standard().with_max_attempts(3);
        let config = aws_sdk_cloudwatch::config::Builder::from(config).retry_config(retries);
        Self { client: Client::from_conf(config.build()) }
    }
}

impl Alarms for CloudWatchAlarms {
    /// `DescribeAlarms` by name, all pages. Without `AlarmTypes` it would tell of metric alarms only, and without names
    /// of every alarm there is. Names are unique only in an account and Region, so whatever has another ARN is left out.
    async fn alarms(&self, arns: &BTreeSet<String>) -> Result<Vec<Alarm>, Failure> {
        let names: BTreeSet<_> = arns.iter().filter_map(|arn| name(arn)).collect();
        let names: Vec<_> = names.into_iter().map(str::to_owned).collect();
        let mut alarms = Vec::new();
        for names in names.chunks(BATCH) {
            let request = self.client.describe_alarms().set_alarm_names(Some(names.to_vec()));
            let types = [AlarmType::MetricAlarm, AlarmType::CompositeAlarm, AlarmType::LogAlarm];
            let mut pages =
                request.set_alarm_types(Some(types.into())).max_records(100).into_paginator().send();
            while let Some(page) = pages.next().await {
                let page = page.map_err(|error| failure("read", "the CloudWatch alarms", error))?;
                alarms.extend(on(&page).filter(|alarm| arns.contains(&alarm.arn)));
            }
        }
        Ok(alarms)
    }
}

/// `arn:aws:cloudwatch:eu-west-1:111122223333:alarm:NAME`; a name may have colons. `None` if it is no alarm's.
pub(crate) fn name(arn: &str) -> Option<&str> {
    let mut parts = arn.splitn(7, ':');
    (parts.nth(2)? == "cloudwatch" && parts.nth(2)? == "alarm").then(|| parts.next())?
}

/// The alarms on a page, of every type.
fn on(page: &DescribeAlarmsOutput) -> impl Iterator<Item = Alarm> {
    let metric = page.metric_alarms().iter().filter_map(|it| {
        let since = it.state_transitioned_timestamp().or(it.state_updated_timestamp());
        alarm(it.alarm_arn(), it.state_value(), since)
    });
    let composite = page.composite_alarms().iter().filter_map(|it| {
        let since = it.state_transitioned_timestamp().or(it.state_updated_timestamp());
        alarm(it.alarm_arn(), it.state_value(), since)
    });
    let log = page.log_alarms().iter().filter_map(|it| {
        let since = it.state_transitioned_timestamp().or(it.state_updated_timestamp());
        alarm(it.alarm_arn(), it.state_value(), since)
    });
    metric.chain(composite).chain(log)
}

/// The state is updated whenever its reason changes, and transitioned only when it changes itself; an alarm from before
/// that field has only the former, which is never the earlier one.
fn alarm(arn: Option<&str>, state: Option<&StateValue>, since: Option<&DateTime>) -> Option<Alarm> {
    let state = state.map_or("UNKNOWN", StateValue::as_str).to_owned();
    Some(Alarm { arn: arn?.to_owned(), state, since: since.and_then(timestamp) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_an_alarm_is_the_end_of_its_arn_with_all_its_colons() {
        let arn = |end: &str| format!("arn:aws:cloudwatch:eu-west-1:111122223333:{end}");
        assert_eq!(name(&arn("alarm:checkout p99: slow")), Some("checkout p99: slow"));
        assert_eq!(name(&arn("dashboard:checkout")), None);
        assert_eq!(name("arn:aws:sns:eu-west-1:111122223333:alarm:x"), None);
        assert_eq!(name("checkout"), None);
    }
}
