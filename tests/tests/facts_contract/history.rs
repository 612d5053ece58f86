//! What was measured and who did what, of CloudWatch and CloudTrail.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use serde_json::{Value, json};
use watchkeeper_domain::{
    experiment::{
        hypothesis::{Metric, Source},
        windows::Interval,
    },
    ports::{AlarmChange, History, Metrics, Query, StopCall, StopSort},
};
use watchkeeper_shell::{CloudWatchMetrics, EventHistory};
use watchkeeper_tests::support::{
    api::Api,
    aws::{REGION, config},
};

use super::{alarm_arn, at, set};

pub(super) fn metric(name: &str) -> Metric {
    let dimensions = BTreeMap::from([("LoadBalancer".to_owned(), "app/shop/1".to_owned())]);
    Metric { namespace: "AWS/ApplicationELB".into(), name: name.into(), dimensions, stat: "Sum".into() }
}

pub(super) fn query(id: &str, source: Source) -> Query {
    Query { id: id.into(), source, period: SignedDuration::from_secs(60) }
}

fn stat(id: &str, name: &str) -> Value {
    let dimensions = json!([{ "Name": "LoadBalancer", "Value": "app/shop/1" }]);
    let metric = json!({ "Namespace": "AWS/ApplicationELB", "MetricName": name, "Dimensions": dimensions });
    json!({ "Id": id, "MetricStat": { "Metric": metric, "Period": 60, "Stat": "Sum" } })
}

const HOUR: (i64, i64) = (0, 3_600);

pub(super) fn hour() -> Interval {
    Interval { from: at(HOUR.0), to: at(HOUR.1) }
}

#[tokio::test]
async fn a_metric_and_an_expression_are_read_page_by_page() {
    let api = Api::start().await.unwrap();
    let result = |id: &str, second: i64, value: f64, status: &str| json!({ "Id": id, "Label": "x", "StatusCode": status, "Values": [value], "Timestamps": [{ "$time": second }] });
    let first = [result("metric0", 0, 1.5, "PartialData"), result("metric1", 0, 9.0, "Complete")];
    api.answer("GetMetricData", json!({ "MetricDataResults": first, "NextToken": "more" }));
    let rest = [result("metric0", 60, 2.5, "Complete")];
    api.answer("GetMetricData", json!({ "MetricDataResults": rest }));
    let rate = [result("result", 0, 7.0, "PartialData")];
    api.answer("GetMetricData", json!({ "MetricDataResults": rate }));
    let metrics = CloudWatchMetrics::connect(&config(&api.endpoint));
    let inputs = BTreeMap::from([("e".to_owned(), metric("Errors"))]);
    let rate = Source::Expression { expression: "100 * e".into(), inputs };
    let [requests, errors] = ["RequestCount", "Errors"].map(|name| Source::Metric(metric(name)));
    let queries = [query("requests", requests), query("errors", errors), query("error rate", rate)];

    let series = metrics.series(&queries, hour()).await.unwrap();

    let seen = series.iter().map(|it| {
        (it.id.as_str(), it.complete, it.points.iter().map(|it| (it.at, it.value)).collect::<Vec<_>>())
    });
    let expected = [
        ("requests", true, vec![(at(0), 1.5), (at(60), 2.5)]),
        ("errors", true, vec![(at(0), 9.0)]),
        ("error rate", false, vec![(at(0), 7.0)]),
    ];
    assert_eq!(seen.collect::<Vec<_>>(), expected);
    let asked = api.asked("GetMetricData");
    let of = |queries: Value| {
        json!({
            "MetricDataQueries": queries, "StartTime": { "$time": HOUR.0 }, "EndTime": { "$time": HOUR.1 },
            "ScanBy": "TimestampAscending",
        })
    };
    assert_eq!(asked[0], of(json!([stat("metric0", "RequestCount"), stat("metric1", "Errors")])), "one call");
    assert_eq!(asked[1]["NextToken"], "more");
    let mut input = stat("e", "Errors");
    input["ReturnData"] = false.into();
    assert_eq!(asked[2], of(json!([{ "Id": "result", "Expression": "100 * e", "ReturnData": true }, input])));
}

#[tokio::test]
async fn an_expression_that_is_refused_names_the_query() {
    let api = Api::start().await.unwrap();
    api.refuse("GetMetricData", "ValidationError", "Error in expression");
    let source = Source::Expression { expression: "100 *".into(), inputs: BTreeMap::new() };
    let metrics = CloudWatchMetrics::connect(&config(&api.endpoint));
    let chain = metrics.series(&[query("error rate", source)], hour()).await.unwrap_err().chain();
    let expected =
        "could not read the metric \"error rate\": ValidationError: Error in expression (HTTP 400, ";
    assert!(chain.starts_with(expected), "{chain}");
    assert_eq!(api.asked("GetMetricData")[0]["MetricDataQueries"][0]["Period"], 60);
}

#[tokio::test]
async fn the_changes_of_alarms_are_read_page_by_page_and_told_in_order() {
    let api = Api::start().await.unwrap();
    let item = |second: i64, from: &str, to: &str| {
        let data =
            json!({ "version": "1.0", "oldState": { "stateValue": from }, "newState": { "stateValue": to } });
        json!({ "AlarmName": "x", "Timestamp": { "$time": second }, "HistoryData": data.to_string() })
    };
    api.answer(
        "DescribeAlarmHistory",
        json!({ "AlarmHistoryItems": [item(60, "OK", "ALARM")], "NextToken": "more" }),
    );
    let late = [item(120, "ALARM", "OK"), item(HOUR.1, "OK", "ALARM")];
    api.answer("DescribeAlarmHistory", json!({ "AlarmHistoryItems": late }));
    api.answer("DescribeAlarmHistory", json!({ "AlarmHistoryItems": [item(30, "INSUFFICIENT_DATA", "OK")] }));
    let history = EventHistory::connect(&config(&api.endpoint));
    let [errors, p99] = ["errors", "p99"].map(|name| alarm_arn(REGION, name));

    let changes = history.alarm_changes(&set([&errors, &p99]), hour()).await.unwrap();

    let expected =
        [(30, &p99, "INSUFFICIENT_DATA", "OK"), (60, &errors, "OK", "ALARM"), (120, &errors, "ALARM", "OK")];
    let expected = expected.map(|(second, arn, from, to)| AlarmChange {
        at: at(second),
        arn: arn.clone(),
        from: from.into(),
        to: to.into(),
    });
    assert_eq!(changes, expected);
    let asked = api.asked("DescribeAlarmHistory");
    let first = json!({
        "AlarmName": "errors", "AlarmTypes": ["MetricAlarm", "CompositeAlarm", "LogAlarm"],
        "HistoryItemType": "StateUpdate", "StartDate": { "$time": HOUR.0 }, "EndDate": { "$time": HOUR.1 },
        "MaxRecords": 100, "ScanBy": "TimestampAscending",
    });
    assert_eq!(asked[0], first);
    assert_eq!((&asked[1]["NextToken"], &asked[2]["AlarmName"]), (&json!("more"), &json!("p99")));
    api.answer(
        "DescribeAlarmHistory",
        json!({ "AlarmHistoryItems": [{ "Timestamp": { "$time": 60 }, "HistoryData": "{}" }] }),
    );
    let chain = history.alarm_changes(&set([&p99]), hour()).await.unwrap_err().chain();
    assert_eq!(chain, format!("could not read the history of {p99}: a change that cannot be read"));
}

#[tokio::test]
async fn who_ended_an_experiment_is_known_and_who_was_not_allowed_to_is_left_out() {
    let api = Api::start().await.unwrap();
    let event = |second: i64, record: &Value| json!({ "EventTime": second, "Username": "ada", "CloudTrailEvent": record.to_string() });
    let call = |id: &str, who: &Value| json!({ "eventSource": "fis.amazonaws.com", "userIdentity": who, "requestParameters": { "id": id } });
    let (ada, service) = (
        json!({ "arn": "arn:aws:iam::111122223333:user/ada" }),
        json!({ "invokedBy": "scheduler.amazonaws.com" }),
    );
    let mut refused = call("EXP1", &ada);
    refused["errorCode"] = "AccessDenied".into();
    let mut other = call("EXP1", &ada);
    other["eventSource"] = "states.amazonaws.com".into();
    let stops = [
        event(90, &call("EXP1", &service)),
        event(80, &call("EXP2", &ada)),
        event(70, &refused),
        event(65, &other),
    ];
    api.answer("LookupEvents", json!({ "Events": stops, "NextToken": "more" }));
    api.answer("LookupEvents", json!({ "Events": [event(60, &call("EXP1", &ada))] }));
    let lever = |status: &str| {
        let state = json!({ "id": "default", "state": { "status": status, "reason": "drill" } });
        json!({ "eventSource": "fis.amazonaws.com", "userIdentity": {}, "requestParameters": state })
    };
    api.answer(
        "LookupEvents",
        json!({ "Events": [event(75, &lever("engaged")), event(85, &lever("disengaged"))] }),
    );

    let calls = EventHistory::connect(&config(&api.endpoint)).stop_calls("EXP1", hour()).await.unwrap();

    let expected = [
        (60, StopSort::StopExperiment, "arn:aws:iam::111122223333:user/ada"),
        (75, StopSort::SafetyLever, "ada"),
        (90, StopSort::StopExperiment, "scheduler.amazonaws.com"),
    ];
    assert_eq!(calls, expected.map(|(second, sort, by)| StopCall { at: at(second), sort, by: by.into() }));
    let asked = api.asked("LookupEvents");
    let of = |name: &str| {
        json!({
            "LookupAttributes": [{ "AttributeKey": "EventName", "AttributeValue": name }],
            "StartTime": HOUR.0, "EndTime": HOUR.1, "MaxResults": 50,
        })
    };
    assert_eq!((&asked[0], &asked[2]), (&of("StopExperiment"), &of("UpdateSafetyLeverState")));
    assert_eq!(asked[1]["NextToken"], "more");
}
