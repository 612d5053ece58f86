//! Alarms, of CloudWatch.

use std::collections::BTreeSet;

use serde_json::json;
use watchkeeper_domain::ports::{Alarm, Alarms};
use watchkeeper_shell::CloudWatchAlarms;
use watchkeeper_tests::support::{
    api::Api,
    aws::{REGION, config},
};

use super::{alarm_arn, at, set};

#[tokio::test]
async fn alarms_of_every_type_are_read_by_name_page_by_page_and_known_by_their_arn() {
    let api = Api::start().await.unwrap();
    let [p99, tree, logs, gone] = ["p99: slow", "tree", "logs", "gone"].map(|name| alarm_arn(REGION, name));
    let elsewhere = alarm_arn("us-east-1", "errors");
    let alarm = |arn: &str, state: &str| json!({ "AlarmArn": arn, "StateValue": state, "StateUpdatedTimestamp": { "$time": 90 } });
    let mut slow = alarm(&p99, "ALARM");
    slow["StateTransitionedTimestamp"] = json!({ "$time": 60 });
    let namesake = alarm(&alarm_arn(REGION, "errors"), "OK");
    api.answer("DescribeAlarms", json!({ "MetricAlarms": [slow, namesake], "NextToken": "more" }));
    api.answer(
        "DescribeAlarms",
        json!({ "CompositeAlarms": [alarm(&tree, "OK")], "LogAlarms": [alarm(&logs, "INSUFFICIENT_DATA")] }),
    );

    let alarms = CloudWatchAlarms::connect(&config(&api.endpoint));
    let asked = BTreeSet::from([p99.clone(), tree.clone(), logs.clone(), gone, elsewhere]);
    let found = alarms.alarms(&asked).await.unwrap();

    let expected = [(p99, "ALARM", 60), (tree, "OK", 90), (logs, "INSUFFICIENT_DATA", 90)];
    let expected =
        expected.map(|(arn, state, since)| Alarm { arn, state: state.into(), since: Some(at(since)) });
    assert_eq!(found, expected);
    let first = json!({
        "AlarmNames": ["errors", "gone", "logs", "p99: slow", "tree"],
        "AlarmTypes": ["MetricAlarm", "CompositeAlarm", "LogAlarm"], "MaxRecords": 100,
    });
    let mut second = first.clone();
    second["NextToken"] = "more".into();
    assert_eq!(api.asked("DescribeAlarms"), [first, second]);
}

#[tokio::test]
async fn a_call_takes_a_hundred_alarms_and_nobody_asks_for_none() {
    let api = Api::start().await.unwrap();
    api.answer("DescribeAlarms", json!({}));
    api.answer("DescribeAlarms", json!({}));
    let alarms = CloudWatchAlarms::connect(&config(&api.endpoint));
    let many = (0..101).map(|number| alarm_arn(REGION, &number.to_string())).collect();
    assert_eq!(alarms.alarms(&many).await.unwrap(), []);
    let sizes = api
        .asked("DescribeAlarms")
        .iter()
        .map(|it| it["AlarmNames"].as_array().unwrap().len())
        .collect::<Vec<_>>();
    assert_eq!(sizes, [100, 1]);
    alarms.alarms(&set(["no-arn"])).await.unwrap();
    assert_eq!(api.calls(), 2, "no names would mean all alarms");
}
