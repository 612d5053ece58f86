use proptest::prelude::*;
use serde_json::json;

use super::*;

fn now() -> Timestamp {
    "2026-11-24T09:00:00Z".parse().unwrap()
}

fn only(payload: &Value) -> Event {
    let mut arrivals = parse(payload, now());
    assert_eq!(arrivals.len(), 1);
    arrivals.remove(0).event
}

fn event(source: &str, detail_type: &str, detail: Value) -> Value {
    json!({
        "version": "0", "id": "e-1", "source": source, "detail-type": detail_type, "account": "123456789012",
        "region": "eu-west-1", "time": "2026-11-24T08:00:00Z", "resources": [], "detail": detail,
    })
}

#[test]
fn a_schedule_names_its_drill_and_its_time() {
    let fired = only(&json!({ "tick": "drill", "drill": "stop-one", "scheduled": "2026-11-24T09:00:00Z" }));
    assert_eq!(fired, Event::ScheduleFired { drill: "stop-one".into(), scheduled: now() });
    let bad = only(&json!({ "tick": "drill", "drill": "stop-one", "scheduled": "soon" }));
    assert!(matches!(bad, Event::Malformed(why) if why.contains("2026-11-24T09:00:00Z")));
}

#[test]
fn a_rule_of_the_users_own_asks_by_an_input_transformer() {
    let asked = only(&json!({ "tick": "drill", "drill": "stop-one", "id": "build-7", "because": "build 7" }));
    let Event::DrillRequested(request) = asked else { panic!("{asked:?}") };
    assert_eq!((request.id.as_str(), request.at, request.person), ("build-7", now(), false));
    let without = only(&json!({ "tick": "drill", "drill": "stop-one" }));
    assert!(
        matches!(without, Event::Malformed(why) if why.contains("`id` is missing")),
        "it could start twice"
    );
}

#[test]
fn an_experiment_is_known_by_its_kebab_case_id_and_may_lack_its_template() {
    let detail = json!({ "experiment-id": "EXP1", "new-state": { "status": "cancelled" } });
    let changed = only(&event("aws.fis", "FIS Experiment State Change", detail));
    assert_eq!(changed, Event::ExperimentChanged { experiment: "EXP1".into() });
    let camel = json!({ "experimentId": "EXP1" });
    assert!(matches!(only(&event("aws.fis", "FIS Experiment State Change", camel)), Event::Malformed(_)));
}

#[test]
fn only_deployments_that_have_succeeded_count() {
    let deploy = |state: &str| {
        let detail = json!({ "application": "shop", "deploymentGroup": "blue", "deploymentId": "d-1", "state": state });
        only(&event("aws.codedeploy", "CodeDeploy Deployment State-change Notification", detail))
    };
    let at = "2026-11-24T08:00:00Z".parse().unwrap();
    assert_eq!(
        deploy("SUCCESS"),
        Event::Deployed { what: "codedeploy:shop/blue".into(), id: "d-1".into(), at }
    );
    assert!(matches!(deploy("FAILURE"), Event::Foreign(_)));
}

#[test]
fn a_request_says_who_and_why() {
    let detail = json!({ "drill": "stop-one", "by": "ada", "because": "a new pool" });
    let asked = only(&event("watchkeeper.ops", "Drill Requested", detail.clone()));
    let Event::DrillRequested(request) = asked else { panic!("{asked:?}") };
    assert_eq!((request.id.as_str(), request.by.as_str(), request.person), ("e-1", "ada", true));
    assert!(matches!(
        only(&event("watchkeeper.ops", "Drill Cancelled", detail.clone())),
        Event::DrillCancelled(_)
    ));
    assert!(matches!(only(&event("watchkeeper.ops", "Drill Released", detail)), Event::DrillReleased(_)));
    let nobody = json!({ "drill": "stop-one", "because": "a new pool" });
    let event = only(&event("watchkeeper.ops", "Drill Requested", nobody));
    assert!(matches!(event, Event::Malformed(why) if why.contains("`by`")));
}

#[test]
fn what_failed_before_comes_again_in_an_envelope() {
    let tick = json!({ "tick": "sweep" });
    let failed = json!({ "version": "1.0", "requestPayload": tick });
    assert_eq!(only(&failed), Event::SweepDue);
    let queued = json!({ "Records": [{ "body": failed.to_string() }, { "body": "no" }] });
    let events: Vec<_> = parse(&queued, now()).into_iter().map(|arrival| arrival.event).collect();
    assert_eq!(events[0], Event::SweepDue);
    assert!(matches!(events[1], Event::Foreign(_)));
}

proptest! {
    #[test]
    fn whatever_comes_is_read(text in "\\PC*", source in "(aws\\.fis|watchkeeper\\.ops|x)") {
        let detail = json!({ "drill": text, "by": text, "because": text, "experiment-id": text });
        for payload in [json!(text), event(&source, &text, detail.clone()), event(&source, "Drill Requested", detail)] {
            prop_assert!(!parse(&payload, now()).is_empty());
        }
    }
}
