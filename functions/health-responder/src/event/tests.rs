use serde_json::json;
use watchkeeper_domain::case::{Actionability, EntityStatus};

use super::*;

fn now() -> Timestamp {
    "2026-11-20T12:00:00Z".parse().unwrap()
}

fn health(detail: Value) -> Value {
    json!({
        "version": "0", "id": "e-1", "detail-type": "AWS Health Event", "source": "aws.health",
        "account": "111122223333", "time": "2026-11-20T11:59:00Z", "region": "eu-west-1", "detail": detail
    })
}

fn minimal() -> Value {
    json!({"eventArn": "arn:aws:health:eu-west-1::event/RDS/AWS_RDS_X/AWS_RDS_X_1", "eventTypeCategory": "scheduledChange"})
}

fn with(mut detail: Value, changes: Value) -> Value {
    for (key, value) in changes.as_object().unwrap() {
        detail[key] = value.clone();
    }
    detail
}

fn parsed(detail: Value) -> Page {
    let Event::PageDelivered(page) = parse(&health(detail), now()).remove(0).event else {
        panic!("not a page")
    };
    *page
}

#[test]
fn an_arn_is_enough() {
    let page = parsed(minimal());
    assert_eq!(page.case.account, "111122223333");
    assert_eq!((page.content.service.as_str(), page.content.type_code.as_str()), ("RDS", "AWS_RDS_X"));
    assert_eq!((page.page, page.total_pages), (1, 1));
    assert_eq!(page.content.updated_at.to_string(), "2026-11-20T11:59:00Z");
    assert_eq!(page.content.region, "eu-west-1");
}

#[test]
fn dates_are_read_with_wrong_weekdays_as_iso_or_kept_raw() {
    let at = |text: &str| parsed(with(minimal(), json!({"startTime": text}))).content.start;
    let expected = Some(When::At("2026-01-27T06:02:51Z".parse().unwrap()));
    assert_eq!(at("Thu, 27 Jan 2026 06:02:51 GMT"), expected);
    assert_eq!(at("2026-01-27T06:02:51Z"), expected);
    assert_eq!(at("2026-01-27T06:02:51"), expected);
    assert_eq!(at("Thu, 2 Jun 2022 00:02:24 GMT"), Some(When::At("2022-06-02T00:02:24Z".parse().unwrap())));
    assert_eq!(at("some day soon"), Some(When::Raw("some day soon".into())));
    assert_eq!(at(""), None);
}

#[test]
fn numbers_and_booleans_may_be_native_or_text() {
    let native = parsed(with(
        minimal(),
        json!({"communicationId": "c-2", "page": 2, "totalPages": 3, "backupEvent": true}),
    ));
    let text = parsed(with(
        minimal(),
        json!({"communicationId": "c-2", "page": "2", "totalPages": "3", "backupEvent": "true"}),
    ));
    assert_eq!(native, text);
    assert_eq!((native.communication.as_str(), native.page, native.total_pages), ("c", 2, 3));
}

#[test]
fn a_communication_id_loses_its_page_and_nothing_else() {
    let id = |id: &str, total: u32| without_page_suffix(id, total);
    assert_eq!(id("c0ffee-1", 1), "c0ffee");
    assert_eq!(id("c0ffee-10", 12), "c0ffee");
    assert_eq!(id("c0ffee", 1), "c0ffee");
    assert_eq!(id("5f0c0d5c-2b8a-4e7f-9d1e-000000000001", 1), "5f0c0d5c-2b8a-4e7f-9d1e-000000000001");
    assert_eq!(id("c-4711", 3), "c-4711");
}

#[test]
fn a_copy_without_communication_id_is_the_same_communication() {
    let original = parsed(with(minimal(), json!({"lastUpdatedTime": "Thu, 5 Nov 2026 10:00:00 GMT"})));
    let copy = parsed(with(
        minimal(),
        json!({"lastUpdatedTime": "Thu, 5 Nov 2026 10:00:00 GMT", "backupEvent": "true"}),
    ));
    let other =
        parsed(with(minimal(), json!({"lastUpdatedTime": "Thu, 5 Nov 2026 10:00:00 GMT", "endTime": "x"})));
    assert_eq!(original.communication, copy.communication);
    assert_ne!(original.communication, other.communication);
}

#[test]
fn unknown_values_and_odd_spellings_are_preserved() {
    let page = parsed(with(
        minimal(),
        json!({"statusCode": "paused", "eventTypeCategory": "investigation", "actionability": "SOMETHING_NEW",
               "lastupdatedTime": "Thu, 5 Nov 2026 10:00:00 GMT", "personas": ["OPERATIONAL", "NEW"],
               "affectedEntities": [{"entityValue": "x", "statusCode": "PENDING"}, {"status": "odd"}, "y"]}),
    ));
    assert_eq!(page.content.status, Status::Other("paused".into()));
    assert_eq!(page.content.actionability, Some(Actionability::Other("SOMETHING_NEW".into())));
    assert_eq!(page.content.updated_at.to_string(), "2026-11-05T10:00:00Z");
    assert_eq!(page.content.personas, ["OPERATIONS", "NEW"]);
    let entities: Vec<_> = page.entities.iter().map(|it| (it.value.as_str(), it.status.clone())).collect();
    assert_eq!(
        entities,
        [
            ("x", EntityStatus::Pending),
            ("UNKNOWN", EntityStatus::Other("ODD".into())),
            ("y", EntityStatus::Unknown)
        ]
    );
}

#[test]
fn before_status_codes_an_issue_closed_by_ending_and_a_change_was_upcoming_until_it_began() {
    let status = |category: &str, dates: Value| {
        parsed(with(minimal(), with(dates, json!({"eventTypeCategory": category})))).content.status
    };
    assert_eq!(status("issue", json!({})), Status::Open);
    assert_eq!(status("issue", json!({"endTime": "Fri, 20 Nov 2026 11:00:00 GMT"})), Status::Closed);
    assert_eq!(
        status("scheduledChange", json!({"startTime": "Fri, 27 Nov 2026 11:00:00 GMT"})),
        Status::Upcoming
    );
    assert_eq!(
        status("scheduledChange", json!({"startTime": "Fri, 13 Nov 2026 11:00:00 GMT"})),
        Status::Open
    );
}

#[test]
fn resources_stand_in_for_absent_entities() {
    let mut payload = health(minimal());
    payload["resources"] = json!(["i-1"]);
    let Event::PageDelivered(page) = parse(&payload, now()).remove(0).event else { panic!() };
    assert_eq!(page.entities[0].value, "i-1");
}

#[test]
fn an_event_is_found_in_every_envelope() {
    let event = health(minimal());
    let bare = parse(&event, now());
    let sns = json!({"Records": [{"Sns": {"MessageId": "m", "Message": event.to_string()}}]});
    let sqs = json!({"Records": [{"eventSource": "aws:sqs", "body": event.to_string()}]});
    let sns_in_sqs = json!({"Records": [{"body": json!({"Type": "Notification", "Message": event.to_string()}).to_string()}]});
    let failed =
        json!({"Records": [{"body": json!({"requestPayload": sns, "responsePayload": {}}).to_string()}]});
    for envelope in [sns, sqs, sns_in_sqs, failed] {
        assert_eq!(parse(&envelope, now()), bare, "{envelope}");
    }
}

#[test]
fn each_record_of_an_envelope_is_an_arrival() {
    let record = json!({"body": health(minimal()).to_string()});
    assert_eq!(parse(&json!({"Records": [record, record, {"s3": {}}]}), now()).len(), 3);
}

#[test]
fn what_is_about_health_and_unreadable_is_malformed_and_the_rest_is_foreign() {
    let kind = |payload: Value| match parse(&payload, now()).remove(0).event {
        Event::PageDelivered(_) => "page".to_owned(),
        Event::SweepDue => "sweep".to_owned(),
        Event::Foreign(what) => format!("foreign: {what}"),
        Event::Malformed(malformed) => format!("malformed: {}", malformed.why),
    };
    assert_eq!(kind(health(json!({}))), "malformed: `detail.eventArn` is missing");
    assert_eq!(kind(health(json!("text"))), "malformed: `detail` is not an object");
    assert_eq!(
        kind(json!({"Records": [{"body": "{oops"}]})),
        "malformed: the message in the envelope is not a JSON object"
    );
    assert_eq!(kind(json!({"source": "aws.ec2", "detail-type": "X"})), "foreign: aws.ec2: X");
    assert_eq!(kind(json!({"nextToken": "t"})), "foreign: not an EventBridge event");
    assert_eq!(kind(json!([1])), "foreign: not an EventBridge event");
    assert_eq!(kind(json!({"tick": "sweep"})), "sweep");
    let long = with(minimal(), json!({"eventArn": format!("arn:{}", "x".repeat(1600))}));
    assert_eq!(kind(health(long)), "malformed: `detail.eventArn` is longer than 1600 characters");
}

proptest::proptest! {
    #[test]
    fn no_payload_panics_or_vanishes(key in "[a-zA-Z]{1,20}", text in ".{0,40}", number: i64) {
        for value in [json!(text), json!(number), json!(null), json!([text]), json!({&key: number})] {
            let mut payload = health(minimal());
            payload["detail"][&key] = value.clone();
            proptest::prop_assert!(!parse(&payload, now()).is_empty());
            payload[&key] = value.clone();
            proptest::prop_assert!(!parse(&payload, now()).is_empty());
            payload["detail"] = value.clone();
            proptest::prop_assert!(!parse(&payload, now()).is_empty());
            proptest::prop_assert!(!parse(&value, now()).is_empty());
        }
    }
}
