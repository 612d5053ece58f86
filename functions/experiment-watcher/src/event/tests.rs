use proptest::prelude::*;
use serde_json::json;

use super::*;

fn now() -> Timestamp {
    "2026-11-24T09:30:00Z".parse().unwrap()
}

fn only(payload: &Value) -> Event {
    let mut arrivals = parse(payload, now());
    assert_eq!(arrivals.len(), 1);
    arrivals.remove(0).event
}

fn event(source: &str, detail_type: &str, detail: Value) -> Value {
    json!({
        "version": "0", "id": "e-1", "source": source, "detail-type": detail_type, "account": "123456789012",
        "region": "eu-west-1", "time": "2026-11-24T09:00:13Z", "resources": [], "detail": detail,
    })
}

fn changed(detail: Value) -> Event {
    only(&event("aws.fis", "FIS Experiment State Change", detail))
}

fn detail(status: &str) -> Value {
    json!({
        "experiment-id": "EXP1", "experiment-template-id": "EXT1",
        "new-state": { "status": status, "reason": "Experiment is\nrunning." },
        "old-state": { "status": "initiating", "reason": "Experiment is initiating." },
    })
}

#[test]
fn a_state_change_is_read_by_its_kebab_case_keys() {
    let expected = StateChange {
        experiment: "EXP1".into(),
        template: Some("EXT1".into()),
        from: (Status::Initiating, "Experiment is initiating.".into()),
        to: (Status::Running, "Experiment is running.".into()),
        at: "2026-11-24T09:00:13Z".parse().unwrap(),
    };
    assert_eq!(changed(detail("running")), Event::StateChanged(expected));
    let camel = json!({ "experimentId": "EXP1", "newState": { "status": "running" } });
    assert!(matches!(changed(camel), Event::Malformed(why) if why.contains("experiment-id")));
}

#[test]
fn every_state_is_read_and_a_word_that_nobody_knows_is_kept() {
    let to = |status: &str| {
        let Event::StateChanged(change) = changed(detail(status)) else { panic!("{status}") };
        change.to.0
    };
    let ends = ["completed", "stopped", "failed", "cancelled"];
    assert!(ends.into_iter().all(|word| to(word).is_terminal()));
    assert_eq!(to("paused"), Status::Other("paused".into()));
    let Status::Other(long) = to(&"x".repeat(5000)) else { panic!("nobody knows it") };
    assert!(long.chars().count() <= 64, "{}", long.len());
}

/// Events of 2021 have no template id, and the documentation leaves `reason` open.
#[test]
fn what_may_be_missing_is_not_missed() {
    let bare = json!({ "experiment-id": "EXP1", "new-state": { "status": "completed" } });
    let Event::StateChanged(change) = changed(bare) else { panic!("it is enough") };
    assert_eq!((change.template, change.to), (None, (Status::Completed, String::new())));
    assert_eq!(change.from, (Status::Pending, String::new()), "every experiment was pending once");
    let mut timeless = event("aws.fis", "FIS Experiment State Change", detail("running"));
    timeless.as_object_mut().unwrap().remove("time");
    assert!(matches!(only(&timeless), Event::StateChanged(change) if change.at == now()));
}

#[test]
fn what_must_not_be_missing_is_named() {
    for (detail, what) in [
        (json!({ "new-state": { "status": "running" } }), "experiment-id"),
        (json!({ "experiment-id": 7, "new-state": { "status": "running" } }), "experiment-id"),
        (json!({ "experiment-id": "E".repeat(129), "new-state": { "status": "running" } }), "experiment-id"),
        (json!({ "experiment-id": "EXP1", "new-state": {} }), "new-state.status"),
        (json!({ "experiment-id": "EXP1", "new-state": { "status": " " } }), "new-state.status"),
        (Value::Null, "experiment-id"),
    ] {
        let event = changed(detail.clone());
        assert!(matches!(&event, Event::Malformed(why) if why.contains(what)), "{detail}: {event:?}");
    }
}

#[test]
fn the_dead_man_knows_a_token() {
    let woke = only(&json!({ "tick": "dead-man", "token": "t-1" }));
    assert_eq!(woke, Event::DeadManWoke("t-1".into()));
    let nobody = only(&json!({ "tick": "dead-man" }));
    assert!(matches!(nobody, Event::Malformed(why) if why.contains("token")));
    assert_eq!(only(&json!({ "tick": "sweep" })), Event::SweepDue);
}

#[test]
fn whatever_else_comes_is_foreign() {
    for (source, kind) in [
        ("aws.fis", "AWS API Call via CloudTrail"),
        ("aws.health", "AWS Health Event"),
        ("watchkeeper", "Case Closed"),
        ("watchkeeper", "Drill Finished"),
    ] {
        let event = only(&event(source, kind, detail("running")));
        assert_eq!(event, Event::Foreign(format!("{source}: {kind}")));
    }
    for payload in [json!(null), json!("text"), json!([]), json!({}), json!({ "tick": "tock" })] {
        assert!(matches!(only(&payload), Event::Foreign(_)), "{payload}");
    }
    let case = only(&event("watchkeeper", "Case Opened", json!({ "id": "e" })));
    assert!(matches!(case, Event::Malformed(why) if why.contains("detail.notice")));
}

#[test]
fn what_failed_before_comes_again_in_an_envelope() {
    let failed = json!({ "version": "1.0", "requestPayload": { "tick": "sweep" } });
    assert_eq!(only(&failed), Event::SweepDue);
    let queued = json!({ "Records": [{ "body": failed.to_string() }, { "body": "no" }] });
    let events: Vec<_> = parse(&queued, now()).into_iter().map(|arrival| arrival.event).collect();
    assert_eq!(events[0], Event::SweepDue);
    assert!(matches!(events[1], Event::Foreign(_)));
}

proptest! {
    #[test]
    fn whatever_comes_is_read(text in "\\PC*", word in "[a-z-]{0,12}", depth in 0..5_usize) {
        let state = json!({ "status": text, "reason": text });
        let detail = json!({ "experiment-id": word, "new-state": state, "old-state": text });
        let kinds = ["FIS Experiment State Change", "Case Opened", text.as_str()];
        let events = kinds.map(|kind| event(if kind.starts_with('C') { "watchkeeper" } else { "aws.fis" }, kind, detail.clone()));
        for payload in events.into_iter().chain([json!(text), json!({ "tick": text, "token": text })]) {
            let wrap = |inner: Value, _| json!({ "Records": [{ "body": inner.to_string() }], "requestPayload": inner });
            prop_assert!(!parse(&(0..depth).fold(payload, wrap), now()).is_empty());
        }
    }
}
