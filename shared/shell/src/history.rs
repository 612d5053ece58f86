//! What alarms and people did while a run lasted: the alarms' history, and CloudTrail's event history.

use std::collections::BTreeSet;

use aws_config::{SdkConfig, retry::RetryConfig};
use aws_sdk_cloudtrail::types::{Event, LookupAttribute, LookupAttributeKey};
use aws_sdk_cloudwatch::types::{AlarmHistoryItem, AlarmType, HistoryItemType, ScanBy};
use serde_json::Value;
use watchkeeper_domain::{
    experiment::windows::Interval,
    failure::Failure,
    ports::{AlarmChange, History, StopCall, StopSort},
};

use crate::{alarms, error::failure, time};

/// The history of one account and Region.
#[derive(Clone, Debug)]
pub struct EventHistory {
    alarms: aws_sdk_cloudwatch::Client,
    trail: aws_sdk_cloudtrail::Client,
}

impl EventHistory {
    /// The history that `config` reaches. A call is tried three times: it only reads.
    pub fn connect(config: &SdkConfig) -> Self {
        let retries = RetryConfig::standard().with_max_attempts(3);
        let alarms = aws_sdk_cloudwatch::config::Builder::from(config).retry_config(retries.clone());
        let trail = aws_sdk_cloudtrail::config::Builder::from(config).retry_config(retries);
        Self {
            alarms: aws_sdk_cloudwatch::Client::from_conf(alarms.build()),
            trail: aws_sdk_cloudtrail::Client::from_conf(trail.build()),
        }
    }

    /// CloudWatch API Reference, `DescribeAlarmHistory`: it takes one name, and keeps 30 days.
    async fn changes(&self, arn: &str, within: Interval) -> Result<Vec<AlarmChange>, Failure> {
        const OPERATION: &str = "read the history of";
        let Some(name) = alarms::name(arn) else {
            return Err(Failure::new(OPERATION, arn, "it is no ARN of an alarm"));
        };
        let types = [AlarmType::MetricAlarm, AlarmType::CompositeAlarm, AlarmType::LogAlarm];
        let request =
            self.alarms.describe_alarm_history().alarm_name(name).set_alarm_types(Some(types.into()));
        let request = request.history_item_type(HistoryItemType::StateUpdate).max_records(100);
        let request = request.start_date(time::sdk(within.from)).end_date(time::sdk(within.to));
        let mut pages = request.scan_by(ScanBy::TimestampAscending).into_paginator().send();
        let mut changes = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| failure(OPERATION, arn, error))?;
            for item in page.alarm_history_items() {
                let change = change(arn, item);
                changes.push(
                    change.ok_or_else(|| Failure::new(OPERATION, arn, "a change that cannot be read"))?,
                );
            }
        }
        Ok(changes)
    }

    /// CloudTrail API Reference, `LookupEvents`: it takes one attribute, and two calls a second in an account.
    async fn calls(&self, sort: StopSort, within: Interval) -> Result<Vec<Event>, Failure> {
        let name = event_name(sort);
        let attribute = LookupAttribute::builder().attribute_key(LookupAttributeKey::EventName);
        let attribute = attribute.attribute_value(name).build();
        let attribute = attribute.map_err(|error| Failure::new("look up", name, error))?;
        let request = self.trail.lookup_events().lookup_attributes(attribute).max_results(50);
        let request = request.start_time(time::sdk(within.from)).end_time(time::sdk(within.to));
        let mut pages = request.into_paginator().send();
        let mut events = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| failure("look up", format!("{name} in CloudTrail"), error))?;
            events.extend(page.events.unwrap_or_default());
        }
        Ok(events)
    }
}

impl History for EventHistory {
    async fn alarm_changes(
        &self,
        arns: &BTreeSet<String>,
        within: Interval,
    ) -> Result<Vec<AlarmChange>, Failure> {
        let mut changes = Vec::new();
        for arn in arns {
            changes.extend(self.changes(arn, within).await?);
        }
        changes.retain(|it| within.from <= it.at && it.at < within.to);
        changes.sort();
        Ok(changes)
    }

    async fn stop_calls(&self, experiment: &str, within: Interval) -> Result<Vec<StopCall>, Failure> {
        let mut calls = Vec::new();
        for sort in [StopSort::StopExperiment, StopSort::SafetyLever] {
            let events = self.calls(sort, within).await?;
            calls.extend(events.iter().filter_map(|event| stop_call(sort, event, experiment)));
        }
        calls.retain(|it| within.from <= it.at && it.at < within.to);
        calls.sort();
        Ok(calls)
    }
}

/// `HistoryData` is JSON in a text: `{"oldState": {"stateValue": "OK", …}, "newState": {"stateValue": "ALARM", …}}`.
fn change(arn: &str, item: &AlarmHistoryItem) -> Option<AlarmChange> {
    let data: Value = serde_json::from_str(item.history_data()?).ok()?;
    let state = |which: &str| data[which]["stateValue"].as_str().map(str::to_owned);
    let at = time::timestamp(item.timestamp()?)?;
    Some(AlarmChange { at, arn: arn.to_owned(), from: state("oldState")?, to: state("newState")? })
}

fn event_name(sort: StopSort) -> &'static str {
    match sort {
        StopSort::StopExperiment => "StopExperiment",
        StopSort::SafetyLever => "UpdateSafetyLeverState",
    }
}

/// The call of FIS that `event` is, if it ended `experiment` and was not refused.
///
/// Not verified against AWS: under which name CloudTrail shows the experiment's id and the lever's new state, so that any
/// parameter with that very value will do.
fn stop_call(sort: StopSort, event: &Event, experiment: &str) -> Option<StopCall> {
    let record: Value = serde_json::from_str(event.cloud_trail_event()?).ok()?;
    let value = match sort {
        StopSort::StopExperiment => experiment,
        StopSort::SafetyLever => "engaged",
    };
    let is_ours = record["eventSource"] == "fis.amazonaws.com"
        && record.get("errorCode").is_none()
        && has(&record["requestParameters"], value);
    let who = &record["userIdentity"];
    let by = who["arn"].as_str().or(who["invokedBy"].as_str()).or(event.username()).unwrap_or("unknown");
    let at = time::timestamp(event.event_time()?)?;
    is_ours.then(|| StopCall { at, sort, by: by.to_owned() })
}

/// Whether `text` is a value somewhere in `value`.
fn has(value: &Value, text: &str) -> bool {
    match value {
        Value::String(it) => it == text,
        Value::Array(items) => items.iter().any(|it| has(it, text)),
        Value::Object(fields) => fields.values().any(|it| has(it, text)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}
