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

fn pipeline(state: &str) -> Event {
    let detail = json!({ "pipeline": "shop", "execution-id": "e-1", "state": state });
    only(&event("aws.codepipeline", "CodePipeline Pipeline Execution State Change", detail))
}

fn deployment(state: &str) -> Event {
    let detail =
        json!({ "application": "shop", "deploymentGroup": "blue", "deploymentId": "d-1", "state": state });
    only(&event("aws.codedeploy", "CodeDeploy Deployment State-change Notification", detail))
}

#[test]
fn only_a_success_is_a_deployment_that_a_drill_can_wait_for() {
    let at = "2026-11-24T08:00:00Z".parse().unwrap();
    let deployed = |what: &str, id: &str| Event::Deployed { what: what.into(), id: id.into(), at };
    assert_eq!(pipeline("SUCCEEDED"), deployed("codepipeline:shop", "e-1"));
    assert_eq!(deployment("SUCCESS"), deployed("codedeploy:shop/blue", "d-1"));
}

#[test]
fn every_other_state_says_whether_the_deployment_goes_on() {
    let at = "2026-11-24T08:00:00Z".parse().unwrap();
    let changed = |what: &str, id: &str, stage: Stage| {
        Event::DeploymentChanged(Progress { what: what.into(), id: id.into(), stage, at })
    };
    let of_a_pipeline = [
        (Stage::UnderWay, ["STARTED", "RESUMED", "STOPPING"].as_slice()),
        (Stage::Ended, &["FAILED", "STOPPED", "CANCELED", "SUPERSEDED"]),
    ];
    for (stage, states) in of_a_pipeline {
        for state in states {
            assert_eq!(pipeline(state), changed("codepipeline:shop", "e-1", stage), "{state}");
        }
    }
    let of_a_deployment =
        [(Stage::UnderWay, ["START", "READY"].as_slice()), (Stage::Ended, &["FAILURE", "STOP"])];
    for (stage, states) in of_a_deployment {
        for state in states {
            assert_eq!(deployment(state), changed("codedeploy:shop/blue", "d-1", stage), "{state}");
        }
    }
    assert_eq!(pipeline("BAKING"), Event::Foreign("a pipeline that is BAKING".into()));
    assert_eq!(deployment("BAKING"), Event::Foreign("a deployment that is BAKING".into()));
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
