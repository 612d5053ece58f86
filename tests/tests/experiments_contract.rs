//! One contract for FIS, held to by the fake itself, by the adapter in front of it, and by the adapter in front of moto
//! as far as moto goes: it has no safety lever, no quotas, no previews, and only a look at an experiment advances it.
#![expect(clippy::expect_used, clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{collections::BTreeMap, time::Duration};

use aws_sdk_fis::types::{
    CreateExperimentTemplateActionInput, CreateExperimentTemplateStopConditionInput,
    CreateExperimentTemplateTargetInput,
};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use watchkeeper_domain::{
    experiment::{DRILL_TAG, Experiment, Lever, Listed, Order, Ordered, ResolvedTarget, Status, TOKEN_TAG},
    failure::Failure,
    fis::Template,
    ports::{Experiments, Starts, Stops},
};
use watchkeeper_shell::{Fis, Leash};
use watchkeeper_sim::{
    channels::Outcome,
    clock::Clock,
    fis::{self, MOST_ACTIVE, Operation, Resolution, http::Server},
};
use watchkeeper_tests::support::{
    aws::{config, config_with, moto, unique},
    faults::{Fault, Faulty, nobody},
};

const TEMPLATE: &str = "EXT1";
const NODE: &str = "arn:aws:ec2:eu-west-1:123456789012:instance/i-0f7ee2abffc330de5";
const ALARM: &str = "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:errors";
const ROLE: &str = "arn:aws:iam::123456789012:role/fis";
const FREE: Leash = Leash { on: false };

/// One instance stops for five minutes.
fn template() -> Value {
    json!({
        "description": "stop one",
        "targets": { "Node": { "resourceType": "aws:ec2:instance", "resourceArns": [NODE], "selectionMode": "ALL" } },
        "actions": { "stop": { "actionId": "aws:ec2:stop-instances", "targets": { "Instances": "Node" },
            "parameters": { "startInstancesAfterDuration": "PT5M" } } },
        "stopConditions": [{ "source": "aws:cloudwatch:alarm", "value": ALARM }],
        "roleArn": ROLE,
        "tags": { "Name": "stop-one", "watchkeeper": "drill" },
    })
}

fn order(template: &str, token: &str) -> Order {
    let tags = [(DRILL_TAG, "nodes"), (TOKEN_TAG, token)];
    Order {
        template: template.to_owned(),
        token: token.to_owned(),
        skips_actions: false,
        tags: tags.map(|(key, value)| (key.to_owned(), value.to_owned())).into(),
    }
}

/// The fake, its clock, and the adapter in front of it.
async fn stand_in() -> (fis::Fis, Clock, Fis) {
    let clock = Clock::at("2026-11-20T12:00:00Z".parse().unwrap());
    let fake = fis::Fis::at(&clock);
    fake.put_template(TEMPLATE, template());
    let server = Server::start(fake.clone()).await.unwrap();
    (fake, clock, Fis::connect(&config(&server.endpoint), FREE))
}

async fn accepted(fis: &impl Starts, order: &Order) -> String {
    match fis.start(order).await.unwrap() {
        Ordered::Accepted(id) => id,
        Ordered::Rejected(words) => panic!("{words}"),
    }
}

async fn rejected(fis: &impl Starts, order: &Order) -> String {
    match fis.start(order).await.unwrap() {
        Ordered::Rejected(words) => words,
        Ordered::Accepted(id) => panic!("{id}"),
    }
}

/// Looks at `id` until it stands at `status`. `later` lets time pass.
async fn until(fis: &impl Experiments, id: &str, status: &Status, later: &impl Fn()) -> Experiment {
    for _ in 0..100 {
        let experiment = fis.experiment(id).await.unwrap().unwrap();
        if experiment.listed.status == *status {
            return experiment;
        }
        later();
    }
    panic!("{id} is never {status:?}");
}

/// Five seconds.
fn later(clock: &Clock) -> impl Fn() {
    || {
        clock.advance(SignedDuration::from_secs(5));
    }
}

// ── What everybody keeps to ─────────────────────────────────────────────────────────────────────────────

async fn the_contract<F: Experiments + Starts + Stops>(fis: &F, template_id: &str, later: impl Fn()) {
    let read = fis.template(template_id).await.unwrap().unwrap();
    let hash = |template: &Value| Template::parse(template).unwrap().hash();
    assert_eq!(hash(&read), hash(&template()));
    assert_eq!(fis.template("EXT0").await.unwrap(), None);
    let listed = fis.templates().await.unwrap();
    let [listed] = listed.iter().filter(|it| it.id == template_id).collect::<Vec<_>>()[..] else {
        panic!("{listed:?}")
    };
    let tags = [("Name", "stop-one"), ("watchkeeper", "drill")];
    assert_eq!(listed.tags, tags.map(|(key, value)| (key.to_owned(), value.to_owned())).into());
    assert_eq!(fis.experiment("EXP0").await.unwrap(), None);
    let nowhere = rejected(fis, &order("EXT0", &unique("token"))).await;
    assert!(nowhere.starts_with("ResourceNotFoundException: "), "{nowhere}");

    let first = order(template_id, &unique("token"));
    let id = accepted(fis, &first).await;
    assert_eq!(accepted(fis, &first).await, id, "the same token is the same experiment");
    let listed: Vec<_> = fis.experiments().await.unwrap().into_iter().filter(|it| it.id == id).collect();
    let [listed] = listed.as_slice() else { panic!("{listed:?}") };
    assert_eq!(listed.status, Status::Pending);
    assert_eq!((listed.token(), &listed.tags), (Some(first.token.as_str()), &first.tags));
    assert_eq!((listed.template.as_str(), listed.skips_actions), (template_id, false));
    assert!(listed.created_at.is_some());

    let running = until(fis, &id, &Status::Running, &later).await;
    assert_eq!(running.stop_alarms, [ALARM]);
    assert_eq!((running.error, running.target_accounts), (None, 0));
    assert!(running.arn.ends_with(&format!(":experiment/{id}")), "{}", running.arn);
    assert_eq!(running.actions["stop"].action_id, "aws:ec2:stop-instances");
    assert_eq!(running.actions["stop"].status, "running");
    assert_eq!(running.listed, Listed { status: Status::Running, ..listed.clone() });
    let node = ResolvedTarget {
        target: "Node".to_owned(),
        resource_type: "aws:ec2:instance".to_owned(),
        information: [("arn".to_owned(), NODE.to_owned())].into(),
    };
    assert_eq!(fis.resolved(&id).await.unwrap(), [node]);

    fis.stop(&id).await.unwrap();
    fis.stop(&id).await.unwrap();
    let stopped = until(fis, &id, &Status::Stopped, &later).await;
    assert!(stopped.started_at.is_some() && stopped.ended_at.is_some());
    fis.stop(&id).await.expect("one that is over stays so");
    fis.stop("EXP0").await.expect("nothing to stop");
    until(fis, &id, &Status::Stopped, &later).await;

    let second = accepted(fis, &order(template_id, &unique("token"))).await;
    assert_ne!(second, id);
    let done = until(fis, &second, &Status::Completed, &later).await;
    assert_eq!(done.actions["stop"].status, "completed");
    fis.stop(&second).await.expect("one that is over stays so");
    assert_eq!(fis.experiment(&second).await.unwrap().unwrap().listed.status, Status::Completed);
}

#[tokio::test]
async fn the_fake_keeps_the_contract() {
    let (fake, clock, _) = stand_in().await;
    the_contract(&fake, TEMPLATE, later(&clock)).await;
}

#[tokio::test]
async fn the_adapter_in_front_of_the_fake_keeps_the_contract() {
    let (_, clock, fis) = stand_in().await;
    the_contract(&fis, TEMPLATE, later(&clock)).await;
}

#[tokio::test]
async fn the_adapter_in_front_of_moto_keeps_the_contract() {
    let Some(endpoint) = moto() else { return };
    let config = config(&endpoint);
    let id = create(&aws_sdk_fis::Client::new(&config)).await;
    the_contract(&Fis::connect(&config, FREE), &id, || ()).await;
}

/// Creates [`template`].
async fn create(client: &aws_sdk_fis::Client) -> String {
    let target = CreateExperimentTemplateTargetInput::builder()
        .resource_type("aws:ec2:instance")
        .resource_arns(NODE)
        .selection_mode("ALL");
    let action = CreateExperimentTemplateActionInput::builder()
        .action_id("aws:ec2:stop-instances")
        .targets("Instances", "Node")
        .parameters("startInstancesAfterDuration", "PT5M");
    let alarm =
        CreateExperimentTemplateStopConditionInput::builder().source("aws:cloudwatch:alarm").value(ALARM);
    let request = client
        .create_experiment_template()
        .client_token(unique("template"))
        .description("stop one")
        .targets("Node", target.build().unwrap())
        .actions("stop", action.build().unwrap())
        .stop_conditions(alarm.build().unwrap())
        .role_arn(ROLE)
        .tags("Name", "stop-one")
        .tags("watchkeeper", "drill");
    request.send().await.unwrap().experiment_template.unwrap().id.unwrap()
}

#[tokio::test]
async fn every_page_of_templates_is_read_and_one_without_tags_has_none() {
    let (fake, _, fis) = stand_in().await;
    for number in 2..=7 {
        fake.put_template(&format!("EXT{number}"), json!({ "tags": { "Name": format!("drill-{number}") } }));
    }
    fake.put_template("EXT8", json!({}));
    let listed = fis.templates().await.unwrap();
    assert_eq!(listed, fake.templates().await.unwrap());
    let tags: Vec<_> = listed.iter().map(|it| (it.id.as_str(), it.tags.len())).collect();
    assert_eq!(tags[..2], [("EXT1", 2), ("EXT2", 1)]);
    assert_eq!((tags.len(), tags[7]), (8, ("EXT8", 0)));
}

// ── What the adapter sees is what the fake has ──────────────────────────────────────────────────────────

/// Everything there is to see, by name.
async fn everything(fis: &impl Experiments) -> (Vec<Listed>, Vec<Experiment>, Vec<ResolvedTarget>, Lever) {
    let listed = fis.experiments().await.unwrap();
    let (mut experiments, mut resolved) = (Vec::new(), Vec::new());
    for one in &listed {
        experiments.push(fis.experiment(&one.id).await.unwrap().unwrap());
        resolved.extend(fis.resolved(&one.id).await.unwrap());
    }
    (listed, experiments, resolved, fis.lever().await.unwrap())
}

#[tokio::test]
async fn at_every_moment_of_a_bad_night_the_adapter_sees_what_the_fake_has() {
    let (fake, clock, fis) = stand_in().await;
    let mut seen = BTreeMap::<String, usize>::new();
    let mut skipping = template();
    skipping["experimentOptions"] = json!({ "emptyTargetResolutionMode": "skip" });
    skipping["targetAccountConfigurationsCount"] = json!(2);
    skipping["targets"]["Pods"] = json!({ "resourceType": "aws:eks:pod", "selectionMode": "COUNT(1)" });
    fake.put_template("EXT2", skipping);
    let start = clock.now();
    for step in (0..15).chain([40, 69, 70]).chain(100..115) {
        clock.advance_to(start + SignedDuration::from_secs(5 * step));
        match step {
            0 => drop(accepted(&fis, &order(TEMPLATE, "stopped")).await),
            1 => drop(accepted(&fis, &Order { skips_actions: true, ..order("EXT2", "preview") }).await),
            2 => fake.resolve("Node", Resolution::nothing()),
            3 => drop(accepted(&fis, &order(TEMPLATE, "failed")).await),
            4 => drop(accepted(&fis, &order("EXT2", "skipped")).await),
            5 => fis.stop("EXP000000000000001").await.unwrap(),
            6 => fake.resolve("Node", Resolution::arns([NODE, "arn:aws:ec2:::instance/i-2", "arn:3"])),
            7 => drop(accepted(&fis, &order("EXT2", "completed")).await),
            100 => drop(accepted(&fis, &order(TEMPLATE, "halted")).await),
            105 => fake.engage_lever("an outage"),
            106 => drop(accepted(&fis, &order(TEMPLATE, "cancelled")).await),
            _ => {}
        }
        let all = everything(&fis).await;
        assert_eq!(all, everything(&fake).await, "step {step}");
        for experiment in &all.1 {
            *seen.entry(experiment.listed.status.as_str().to_owned()).or_default() += 1;
            for action in experiment.actions.values() {
                *seen.entry(format!("action {}", action.status)).or_default() += 1;
            }
        }
    }
    let seen: Vec<_> = seen.into_keys().collect();
    let actions = ["cancelled", "completed", "pending", "running", "skipped", "stopped", "stopping"];
    let statuses =
        ["cancelled", "completed", "failed", "initiating", "pending", "running", "stopped", "stopping"];
    let expected: Vec<_> = actions.map(|it| format!("action {it}")).into_iter().collect();
    assert_eq!(seen, [expected, statuses.map(str::to_owned).to_vec()].concat());
}

#[tokio::test]
async fn a_preview_skips_its_actions_and_a_lever_cancels() {
    let (fake, clock, fis) = stand_in().await;
    let preview = accepted(&fis, &Order { skips_actions: true, ..order(TEMPLATE, "preview") }).await;
    clock.advance(SignedDuration::from_mins(1));
    let preview = fis.experiment(&preview).await.unwrap().unwrap();
    assert_eq!((preview.listed.status, preview.listed.skips_actions), (Status::Completed, true));
    assert_eq!(preview.actions["stop"].status, "skipped");

    assert!(fis.lever().await.unwrap().is_disengaged());
    fake.engage_lever("an outage");
    let lever = Lever { status: "engaged".to_owned(), reason: "an outage".to_owned() };
    assert_eq!(fis.lever().await.unwrap(), lever);
    let cancelled = accepted(&fis, &order(TEMPLATE, "cancelled")).await;
    clock.advance(SignedDuration::from_mins(1));
    assert_eq!(fis.experiment(&cancelled).await.unwrap().unwrap().listed.status, Status::Cancelled);
}

#[tokio::test]
async fn what_fis_refuses_for_good_is_an_answer_and_not_a_failure() {
    let (fake, _, fis) = stand_in().await;
    for token in 0..MOST_ACTIVE {
        accepted(&fis, &order(TEMPLATE, &token.to_string())).await;
    }
    let expected = format!("ServiceQuotaExceededException: {MOST_ACTIVE} are active");
    assert_eq!(rejected(&fis, &order(TEMPLATE, "6")).await, expected);
    let other = rejected(&fis, &Order { skips_actions: true, ..order(TEMPLATE, "0") }).await;
    assert!(other.starts_with("ConflictException: "), "{other}");
    let wrong = rejected(&fis, &order(TEMPLATE, "a token with spaces")).await;
    assert!(wrong.starts_with("ValidationException: "), "{wrong}");
    assert_eq!(fake.starts().len(), MOST_ACTIVE + 3, "nothing is tried again");
    assert_eq!(fis.experiments().await.unwrap().len(), MOST_ACTIVE, "all pages");
}

#[tokio::test]
async fn a_template_keeps_the_fields_that_the_sdk_does_not_know() {
    let (fake, _, fis) = stand_in().await;
    let mut odd = template();
    odd["blastShield"] = json!({ "of": ["the", "day", 7, null] });
    odd["actions"]["stop"]["retries"] = json!(3);
    odd["id"] = json!("EXT2");
    odd["lastUpdateTime"] = json!(1_772_618_400.5);
    fake.put_template("EXT2", odd.clone());
    let read = fis.template("EXT2").await.unwrap().unwrap();
    assert_eq!(read, odd);
    assert_ne!(Template::parse(&read).unwrap().hash(), Template::parse(&template()).unwrap().hash());
}

// ── The leash, and what goes wrong on the way ───────────────────────────────────────────────────────────

#[tokio::test]
async fn on_the_leash_nothing_is_sent() {
    let server = Faulty::start(Fault::Answer(200, "{}")).await.unwrap();
    let fis = Fis::connect(&config(&server.endpoint), Leash::default());
    let start = fis.start(&order(TEMPLATE, "token")).await.unwrap_err();
    let stop = fis.stop("EXP1").await.unwrap_err();
    assert_eq!(server.requests(), 0);
    for failure in [&start, &stop] {
        assert!(!failure.ambiguous);
        assert!(failure.chain().contains("the leash is on"), "{}", failure.chain());
    }
    let free = Fis::connect(&config(&server.endpoint), FREE);
    let _ = (free.start(&order(TEMPLATE, "token")).await, free.stop("EXP1").await);
    assert_eq!(server.requests(), 2, "off the leash both are sent");
}

#[tokio::test]
async fn what_is_not_allowed_is_a_certain_failure() {
    let (fake, _, fis) = stand_in().await;
    fake.fail_next(Operation::Start, 1, Outcome::Refuse);
    fake.fail_next(Operation::Stop, 1, Outcome::Refuse);
    let failures = [fis.start(&order(TEMPLATE, "a")).await.unwrap_err(), fis.stop("EXP1").await.unwrap_err()];
    for failure in failures {
        assert!(!failure.ambiguous);
        assert!(failure.chain().contains("AccessDeniedException: "), "{}", failure.chain());
    }
    assert_eq!((fake.starts().len(), fake.stops().len(), fake.runs().len()), (1, 1, 0));
    for operation in [
        Operation::Template,
        Operation::Templates,
        Operation::Experiment,
        Operation::Experiments,
        Operation::Resolved,
    ] {
        fake.fail_next(operation, 1, Outcome::Refuse);
    }
    let id = accepted(&fake, &order(TEMPLATE, "a")).await;
    fis.template(TEMPLATE).await.unwrap_err();
    fis.templates().await.unwrap_err();
    fis.experiment(&id).await.unwrap_err();
    fis.experiments().await.unwrap_err();
    fis.resolved(&id).await.unwrap_err();
    fake.fail_next(Operation::Lever, 1, Outcome::Refuse);
    fis.lever().await.unwrap_err();
}

#[tokio::test]
async fn a_start_that_is_not_answered_is_repeated_and_starts_nothing_twice() {
    let clock = Clock::at(Timestamp::UNIX_EPOCH);
    let fake = fis::Fis::at(&clock);
    fake.put_template(TEMPLATE, template());
    let server = Server::start(fake.clone()).await.unwrap();
    let fis = Fis::connect(&config_with(&server.endpoint, Duration::from_millis(300)), FREE);
    fake.fail_next(Operation::Start, 1, Outcome::HangAfterAccepting);
    let id = accepted(&fis, &order(TEMPLATE, "a")).await;
    assert_eq!((fake.starts().len(), fake.runs().len()), (2, 1));
    assert_eq!(fake.runs()[0].listed.id, id);

    fake.fail_next(Operation::Start, 3, Outcome::HangAfterAccepting);
    let failure = fis.start(&order(TEMPLATE, "b")).await.unwrap_err();
    assert!(failure.ambiguous, "{}", failure.chain());
    assert_eq!((fake.starts().len(), fake.runs().len()), (2 + 3, 2), "three tries, and no more");
}

#[tokio::test]
async fn an_error_of_the_service_is_tried_three_times_and_no_connection_is_certain() {
    let server = Faulty::start(Fault::Answer(503, r#"{"message":"later"}"#)).await.unwrap();
    let failure = Fis::connect(&config(&server.endpoint), FREE).experiments().await.unwrap_err();
    assert_eq!(server.requests(), 3, "{}", failure.chain());
    let fis = Fis::connect(&config(&nobody().await.unwrap()), FREE);
    let failure: Failure = fis.start(&order(TEMPLATE, "token")).await.unwrap_err();
    assert!(!failure.ambiguous, "{}", failure.chain());
}

#[tokio::test]
async fn an_answer_that_lacks_what_was_asked_for_is_a_failure() {
    let server = Faulty::start(Fault::Answer(200, "{}")).await.unwrap();
    let fis = Fis::connect(&config(&server.endpoint), FREE);
    let template = fis.template(TEMPLATE).await.unwrap_err();
    assert!(template.chain().ends_with("an answer without `experimentTemplate`"), "{}", template.chain());
    let lever = fis.lever().await.unwrap_err();
    assert!(lever.chain().ends_with("an answer without its state"), "{}", lever.chain());
    let start = fis.start(&order(TEMPLATE, "token")).await.unwrap_err();
    assert!(start.ambiguous, "{}", start.chain());
}
