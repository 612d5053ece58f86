use serde_json::json;

use super::*;

const TEMPLATE: &str = "EXT1";

fn start() -> Timestamp {
    "2026-11-20T12:00:00Z".parse().unwrap()
}

/// Two instances stop for five minutes; then the experiment waits for two.
fn fis() -> (Fis, Clock) {
    let clock = Clock::at(start());
    let fis = Fis::at(&clock);
    fis.put_template(TEMPLATE, template("fail"));
    (fis, clock)
}

fn template(mode: &str) -> Value {
    json!({
        "targets": { "Nodes": { "resourceType": "aws:ec2:instance", "selectionMode": "ALL" } },
        "actions": {
            "stop": { "actionId": "aws:ec2:stop-instances", "targets": { "Instances": "Nodes" },
                "parameters": { "startInstancesAfterDuration": "PT5M" } },
            "wait": { "actionId": "aws:fis:wait", "parameters": { "duration": "PT2M" }, "startAfter": ["stop"] },
        },
        "stopConditions": [{ "source": "aws:cloudwatch:alarm", "value": "arn:alarm" }],
        "roleArn": "arn:role",
        "experimentOptions": { "emptyTargetResolutionMode": mode },
    })
}

fn order(token: &str) -> Order {
    let tags = [(watchkeeper_domain::experiment::TOKEN_TAG.to_owned(), token.to_owned())].into();
    Order { template: TEMPLATE.to_owned(), token: token.to_owned(), skips_actions: false, tags }
}

async fn started(fis: &Fis, order: &Order) -> String {
    match fis.start(order).await.unwrap() {
        Ordered::Accepted(id) => id,
        Ordered::Rejected(words) => panic!("{words}"),
    }
}

/// Its state, and that of each action.
async fn seen(fis: &Fis, id: &str) -> String {
    let experiment = fis.experiment(id).await.unwrap().unwrap();
    let actions = experiment.actions.values().map(|action| action.status.as_str());
    std::iter::once(experiment.listed.status.as_str()).chain(actions).collect::<Vec<_>>().join(" ")
}

const fn s(seconds: i64) -> SignedDuration {
    SignedDuration::from_secs(seconds)
}

#[tokio::test(flavor = "current_thread")]
async fn an_experiment_comes_to_its_end_by_the_clock_one_action_after_another() {
    let (fis, clock) = fis();
    let id = started(&fis, &order("a")).await;
    let mut course = vec![seen(&fis, &id).await];
    for seconds in [1, 12, 299, 1, 119, 1, 1_000] {
        clock.advance(s(seconds));
        course.push(seen(&fis, &id).await);
    }
    let expected = [
        "pending pending pending",
        "initiating pending pending",
        "running running pending",
        "running running pending",
        "running completed running",
        "running completed running",
        "completed completed completed",
        "completed completed completed",
    ];
    assert_eq!(course, expected);
    let ended = fis.experiment(&id).await.unwrap().unwrap();
    let running = start() + PENDING + INITIATING;
    assert_eq!((ended.started_at, ended.ended_at), (Some(start() + PENDING), Some(running + s(420))));
    let wait = &ended.actions["wait"];
    assert_eq!((wait.started_at, wait.ended_at), (Some(running + s(300)), Some(running + s(420))));
    assert_eq!(ended.stop_alarms, ["arn:alarm"]);
}

#[tokio::test(flavor = "current_thread")]
async fn the_same_token_starts_nothing_twice_and_five_are_enough() {
    let (fis, clock) = fis();
    let first = started(&fis, &order("1")).await;
    assert_eq!(started(&fis, &order("1")).await, first);
    for token in ["2", "3", "4", "5"] {
        started(&fis, &order(token)).await;
    }
    let rejected = async |order: &Order| match fis.start(order).await.unwrap() {
        Ordered::Rejected(words) => words.split(':').next().unwrap_or_default().to_owned(),
        Ordered::Accepted(id) => panic!("{id}"),
    };
    assert_eq!(rejected(&order("6")).await, "ServiceQuotaExceededException");
    assert_eq!(rejected(&Order { skips_actions: true, ..order("1") }).await, "ConflictException");
    let nowhere = Order { template: "EXT0".into(), ..order("7") };
    assert_eq!(rejected(&nowhere).await, "ResourceNotFoundException");
    assert_eq!(rejected(&order("a b")).await, "ValidationException");
    assert_eq!((fis.starts().len(), fis.runs().len()), (10, 5));
    clock.advance(s(3_600));
    started(&fis, &order("6")).await;
}

#[tokio::test(flavor = "current_thread")]
async fn a_preview_resolves_its_targets_and_skips_its_actions() {
    let (fis, clock) = fis();
    fis.resolve("Nodes", Resolution::arns(["arn:one", "arn:two"]));
    let id = started(&fis, &Order { skips_actions: true, ..order("a") }).await;
    clock.advance(s(12));
    assert_eq!(fis.resolved(&id).await.unwrap(), []);
    clock.advance(s(1));
    assert_eq!(seen(&fis, &id).await, "running skipped skipped");
    clock.advance(s(1));
    assert_eq!(seen(&fis, &id).await, "completed skipped skipped");
    let resolved = fis.resolved(&id).await.unwrap();
    assert_eq!(
        resolved.iter().map(ResolvedTarget::arn).collect::<Vec<_>>(),
        [Some("arn:one"), Some("arn:two")]
    );
}

#[tokio::test(flavor = "current_thread")]
async fn a_target_without_resources_fails_the_experiment_or_skips_its_actions() {
    let (fis, clock) = fis();
    fis.resolve("Nodes", Resolution::nothing());
    let failing = started(&fis, &order("a")).await;
    fis.put_template(TEMPLATE, template("skip"));
    let skipping = started(&fis, &order("b")).await;
    fis.resolve("Nodes", Resolution::Fails);
    let lacking = started(&fis, &order("c")).await;
    clock.advance(s(13));
    assert_eq!(seen(&fis, &skipping).await, "running skipped running");
    for id in [failing, lacking] {
        assert_eq!(seen(&fis, &id).await, "failed cancelled cancelled");
        let error = fis.experiment(&id).await.unwrap().unwrap().error.unwrap();
        assert_eq!((error.code.as_str(), error.location.as_str()), ("InvalidTarget", "targets.Nodes"));
    }
    clock.advance(s(120));
    assert_eq!(seen(&fis, &skipping).await, "completed skipped completed");
}

#[tokio::test(flavor = "current_thread")]
async fn what_is_stopped_takes_its_time_and_what_is_over_stays_as_it_is() {
    let (fis, clock) = fis();
    let id = started(&fis, &order("a")).await;
    clock.advance(s(20));
    fis.stop(&id).await.unwrap();
    assert_eq!(seen(&fis, &id).await, "stopping stopping cancelled");
    clock.advance(s(28));
    fis.stop(&id).await.unwrap();
    clock.advance(s(1));
    assert_eq!(seen(&fis, &id).await, "stopped stopped cancelled");
    fis.stop("EXP0").await.unwrap();
    assert_eq!(fis.stops().len(), 3);

    let pending = started(&fis, &order("b")).await;
    fis.stop(&pending).await.unwrap();
    clock.advance(STOPPING);
    assert_eq!(seen(&fis, &pending).await, "stopped cancelled cancelled");

    let done = started(&fis, &order("c")).await;
    clock.advance(s(3_600));
    fis.stop(&done).await.unwrap();
    assert_eq!(seen(&fis, &done).await, "completed completed completed");
}

#[tokio::test(flavor = "current_thread")]
async fn what_hangs_is_over_when_somebody_stops_it() {
    let (fis, clock) = fis();
    fis.hang();
    let id = started(&fis, &order("a")).await;
    clock.advance(SignedDuration::from_hours(1));
    assert_eq!(seen(&fis, &id).await, "running completed completed");
    fis.stop(&id).await.unwrap();
    clock.advance(STOPPING);
    assert_eq!(seen(&fis, &id).await, "stopped completed completed");
}

#[tokio::test(flavor = "current_thread")]
async fn an_alarm_ends_what_is_running_when_it_fires() {
    let (fis, clock) = fis();
    fis.fire_stop_condition(TEMPLATE, start() + s(320));
    let early = started(&fis, &order("a")).await;
    clock.advance(s(310));
    let late = started(&fis, &order("b")).await;
    clock.advance(s(10));
    assert_eq!(seen(&fis, &early).await, "stopping completed stopping");
    clock.advance(STOPPING);
    let stopped = fis.experiment(&early).await.unwrap().unwrap();
    assert_eq!(stopped.reason, "Experiment halted by stop condition.");
    assert_eq!(seen(&fis, &early).await, "stopped completed stopped");
    assert_eq!(seen(&fis, &late).await, "running running pending");
}

#[tokio::test(flavor = "current_thread")]
async fn the_safety_lever_stops_what_is_on_and_cancels_what_comes() {
    let (fis, clock) = fis();
    let running = started(&fis, &order("a")).await;
    clock.advance(s(20));
    let pending = started(&fis, &order("b")).await;
    assert!(fis.lever().await.unwrap().is_disengaged());
    fis.engage_lever("an outage");
    assert_eq!(seen(&fis, &running).await, "stopping stopping cancelled");
    assert_eq!(seen(&fis, &pending).await, "cancelled cancelled cancelled");
    let engaging = Lever { status: "engaging".into(), reason: "an outage".into() };
    assert_eq!(fis.lever().await.unwrap(), engaging);
    let refused = started(&fis, &order("c")).await;
    clock.advance(STOPPING);
    assert_eq!(seen(&fis, &running).await, "stopped stopped cancelled");
    assert_eq!(seen(&fis, &refused).await, "cancelled cancelled cancelled");
    assert_eq!(fis.lever().await.unwrap().status, "engaged");
    fis.disengage_lever("over");
    let on = started(&fis, &order("d")).await;
    clock.advance(s(13));
    assert_eq!(seen(&fis, &on).await, "running running pending");
}

#[tokio::test(flavor = "current_thread")]
async fn the_list_may_lag_behind_and_fis_forgets() {
    let (fis, clock) = fis();
    fis.lag_list_by(s(10));
    let id = started(&fis, &order("a")).await;
    assert_eq!(fis.experiments().await.unwrap(), []);
    clock.advance(s(13));
    let listed = fis.experiments().await.unwrap();
    assert_eq!((listed[0].status.as_str(), listed[0].token()), ("initiating", Some("a")));
    assert_eq!(seen(&fis, &id).await, "running running pending");
    clock.advance(SignedDuration::from_hours(121 * 24));
    assert_eq!(fis.experiments().await.unwrap(), []);
    assert_eq!(fis.experiment(&id).await.unwrap(), None);
}

#[tokio::test(flavor = "current_thread")]
async fn every_change_is_told_once_in_order_unless_it_is_lost() {
    let (fis, clock) = fis();
    let id = started(&fis, &order("a")).await;
    assert!(fis.take_events().is_empty());
    clock.advance(s(20));
    let words = |events: Vec<Value>| -> Vec<String> {
        let state =
            |event: &Value, state: &str| event["detail"][state]["status"].as_str().unwrap().to_owned();
        events.iter().map(|it| format!("{} {}", state(it, "old-state"), state(it, "new-state"))).collect()
    };
    let events = fis.take_events();
    let running = &events[1];
    assert_eq!(running["detail-type"], "FIS Experiment State Change");
    assert_eq!(running["time"], "2026-11-20T12:00:13Z");
    assert_eq!(running["detail"]["experiment-id"], json!(id));
    assert_eq!(running["detail"]["experiment-template-id"], TEMPLATE);
    assert_eq!(words(events), ["pending initiating", "initiating running"]);
    fis.stop(&id).await.unwrap();
    assert_eq!(words(fis.take_events()), ["running stopping"]);
    fis.lose_next_events(1);
    started(&fis, &order("b")).await;
    clock.advance(s(30));
    assert_eq!(words(fis.take_events()), ["initiating running", "stopping stopped"]);
    assert!(fis.take_events().is_empty());
}

#[tokio::test(flavor = "current_thread")]
async fn what_is_refused_is_not_done_and_what_is_not_answered_is() {
    let (fis, _) = fis();
    fis.fail_next(Operation::Start, 1, Outcome::Refuse);
    assert!(!fis.start(&order("a")).await.unwrap_err().ambiguous);
    assert_eq!(fis.runs().len(), 0);
    fis.fail_next(Operation::Start, 1, Outcome::HangAfterAccepting);
    assert!(fis.start(&order("a")).await.unwrap_err().ambiguous);
    let id = started(&fis, &order("a")).await;
    assert_eq!((fis.starts().len(), fis.runs().len()), (3, 1));
    fis.fail_next(Operation::Stop, 1, Outcome::HangAfterAccepting);
    fis.stop(&id).await.unwrap_err();
    assert_eq!(seen(&fis, &id).await, "stopping pending pending");
    fis.fail_next(Operation::Resolved, 1, Outcome::Refuse);
    fis.resolved(&id).await.unwrap_err();
    fis.resolved(&id).await.unwrap();
}
