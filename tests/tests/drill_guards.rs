//! What a drill asks for besides: somebody on call, a page without incidents, quiet after a deployment, a week that is
//! not full, enough that is left and well, a zone that is spared, no tag that forbids, a role that may act.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use watchkeeper_domain::{
    channel::SecretName,
    config::Config,
    drill::{Cron, Deployments, Drill, OnCall},
    fis::Template,
    ports::Alarm,
    records::{Nothing, Record, Records},
};
use watchkeeper_sim::{
    facts::{Question, Resource},
    fis::Resolution,
    measured,
    memory::Memory,
};
use watchkeeper_tests::support::range::{INSTANCE, Range, TEMPLATE, asked, before, drill, template};
use wildmatch::WildMatch;

fn with(change: impl FnOnce(&mut Drill)) -> Range<Memory> {
    let mut drill = drill("stop-one");
    change(&mut drill);
    Range::with(Memory::default(), vec![drill])
}

/// How many experiments there were after `range` has lived through the drill, and what was told last.
async fn lived(range: &Range<Memory>) -> (usize, String) {
    range.minutes(50).await;
    let told = range.told().pop().unwrap();
    (range.experiments(), format!("{}\n{}", told.headline, told.text))
}

async fn refused(range: &Range<Memory>, says: &str) {
    let (experiments, told) = lived(range).await;
    assert!(experiments == 0 && told.contains(says), "{experiments}: {told}");
}

fn on_call(drill: &mut Drill) {
    let secret = SecretName::Ssm("/watchkeeper/pagerduty-api".into());
    drill.on_call = Some(OnCall { schedule: "PSHOP".into(), secret, endpoint: String::new() });
}

#[tokio::test(flavor = "current_thread")]
async fn a_drill_starts_only_while_somebody_is_on_call() {
    refused(&with(on_call), "nobody is on call in the PagerDuty schedule PSHOP").await;

    let manned = with(on_call);
    manned.estate.facts.go_on_call("PSHOP");
    assert_eq!(lived(&manned).await.0, 1);

    let unknown = with(on_call);
    unknown.estate.facts.fail(Question::OnCall, "the network is down");
    refused(&unknown, "the network is down [on-call]").await;

    // Whoever goes between preview and start is missed.
    let left = with(on_call);
    left.estate.facts.go_on_call("PSHOP");
    while left.orders().0.is_empty() {
        left.minutes(1).await;
    }
    left.estate.facts.go_off_call("PSHOP");
    refused(&left, "[on-call]").await;

    let unasked = with(|_| ());
    unasked.estate.facts.fail(Question::OnCall, "nobody may ask");
    assert_eq!(lived(&unasked).await.0, 1);
}

#[tokio::test(flavor = "current_thread")]
async fn incidents_on_a_page_and_a_page_that_is_gone_refuse() {
    let url = "https://status.example.com/incidents";
    let paged = || {
        let mut range = with(|_| ());
        range.config.drills.incident_url = Some(url.to_owned());
        range
    };
    let busy = paged();
    busy.estate.facts.set_page(url, ["carts are down"]);
    refused(&busy, "an incident is in progress: carts are down [incident]").await;
    refused(&paged(), "there is no such page [incident]").await;
    let calm = paged();
    calm.estate.facts.set_page(url, []);
    assert_eq!(lived(&calm).await.0, 1);
}

/// What CodePipeline says of an execution of `pipeline`.
fn execution(pipeline: &str, state: &str, at: Timestamp) -> Value {
    json!({
        "version": "0", "id": format!("{pipeline}-{state}-{at}"), "source": "aws.codepipeline",
        "detail-type": "CodePipeline Pipeline Execution State Change",
        "account": "123456789012", "region": "eu-west-1", "time": at.to_string(), "resources": [],
        "detail": { "pipeline": pipeline, "execution-id": format!("e-{pipeline}"), "state": state },
    })
}

fn quiet(minutes: i64) -> Range<Memory> {
    with(move |it| it.quiet = SignedDuration::from_mins(minutes))
}

#[tokio::test(flavor = "current_thread")]
async fn what_was_just_deployed_is_left_alone_for_as_long_as_the_drill_says() {
    // Twenty minutes before it is due.
    let early = quiet(30);
    early.invoke(&execution("cart", "SUCCEEDED", before())).await;
    refused(&early, "the last deployment of codepipeline:cart ended at 2026-11-24T08:40:00Z").await;

    let late = quiet(15);
    late.invoke(&execution("cart", "SUCCEEDED", before())).await;
    assert_eq!(lived(&late).await.0, 1);

    // Between the preview and the run.
    for state in ["STARTED", "STOPPED"] {
        let between = quiet(15);
        while between.orders().0.is_empty() {
            between.minutes(1).await;
        }
        between.invoke(&execution("cart", state, between.clock.now())).await;
        refused(&between, "[deployment]").await;
    }

    let careless = quiet(0);
    careless.invoke(&execution("cart", "STARTED", before())).await;
    careless.invoke(&execution("basket", "SUCCEEDED", before())).await;
    let kept: Record<Deployments, Nothing> = careless.records.read(&Deployments::key()).await.unwrap();
    assert_eq!((kept.version, lived(&careless).await.0), (0, 1), "nobody asks, so nothing is kept");
}

#[tokio::test(flavor = "current_thread")]
async fn nothing_starts_while_anything_is_being_deployed_nor_right_after_it_failed() {
    let range = quiet(30);
    let ask = async || {
        range.invoke(&asked("Drill Requested", "stop-one", range.clock.now())).await;
        lived(&range).await
    };
    range.invoke(&execution("cart", "STARTED", before())).await;
    refused(&range, "codepipeline:cart is being deployed since 2026-11-24T08:40:00Z [deployment]").await;

    // Asked for again, it is due fifteen minutes later.
    range.invoke(&execution("cart", "FAILED", range.clock.now())).await;
    let (experiments, told) = ask().await;
    let says = "the last deployment of codepipeline:cart ended at 2026-11-24T09:30:00Z; 30 minutes of quiet";
    assert!(experiments == 0 && told.contains(says), "{experiments}: {told}");

    // A copy of its start comes late, and begins nothing.
    range.invoke(&execution("cart", "STARTED", before())).await;
    assert_eq!(ask().await.0, 1, "{:?}", range.headlines());
}

#[tokio::test(flavor = "current_thread")]
async fn a_drill_may_start_while_what_it_waits_for_is_being_deployed() {
    let range = with(|it| {
        it.quiet = SignedDuration::from_mins(30);
        it.after_deployment = vec![WildMatch::new("codepipeline:cart")];
    });
    range.invoke(&execution("cart", "STARTED", before())).await;
    range.invoke(&execution("cart", "FAILED", before() + SignedDuration::from_mins(9))).await;
    assert_eq!(lived(&range).await.0, 1, "{:?}", range.headlines());
}

/// Every working day at ten, from Tuesday on.
fn daily(drill: &mut Drill) {
    drill.schedule = Some(Cron::parse("cron(0 10 ? * MON-FRI *)").unwrap());
    drill.max_runs_per_week = Some(2);
}

#[tokio::test(flavor = "current_thread")]
async fn a_week_that_is_full_refuses_before_anybody_is_told_and_is_over_by_the_day() {
    let range = with(daily);
    let days = async |days: i64| range.minutes(60 * 24 * days).await;
    days(2).await;
    assert_eq!(range.experiments(), 2);
    days(2).await;
    assert_eq!(range.experiments(), 2, "{:?}", range.headlines());
    let last = range.told().pop().unwrap();
    assert!(
        last.text.contains("it ran 2 times since 2026-11-21; 2 a week are allowed [interval]"),
        "{}",
        last.text
    );
    // On Monday both starts still count, on Tuesday only Wednesday's does.
    days(3).await;
    assert_eq!(range.experiments(), 2);
    days(1).await;
    assert_eq!(range.experiments(), 3, "{:?}", range.headlines());
}

#[tokio::test(flavor = "current_thread")]
async fn rehearsals_on_the_leash_fill_no_week() {
    let mut range = with(daily);
    range.site.leash = true;
    range.minutes(60 * 24 * 4).await;
    let refused: Vec<_> = range.headlines().into_iter().filter(|it| it.contains("refused")).collect();
    assert_eq!(refused, [""; 0]);
}

#[tokio::test(flavor = "current_thread")]
async fn too_few_that_are_left_and_a_role_that_may_not_act_refuse() {
    refused(&with(|it| it.min_healthy = Some(1)), "0 of 1 resources of type aws:ec2:instance would be left")
        .await;
    let roles = |pattern: &str| with(|it| it.limits.allowed_roles = vec![pattern.to_owned()]);
    refused(&roles("arn:aws:iam::*:role/fis-*"), "is none of the roles that are allowed").await;
    assert_eq!(lived(&roles("arn:aws:iam::*:role/drills")).await.0, 1);
}

/// An instance that has opted in, in `zone`, and its ARN.
fn instance(range: &Range<Memory>, id: &str, zone: &str) -> String {
    let arn = format!("arn:aws:ec2:eu-west-1:123456789012:instance/{id}");
    let tags = BTreeMap::from([("ChaosReady".to_owned(), "Yes".to_owned())]);
    let resource = Resource { resource_type: "aws:ec2:instance".into(), tags, zone: Some(zone.into()) };
    range.estate.facts.set_resource(&arn, resource);
    arn
}

#[tokio::test(flavor = "current_thread")]
async fn of_the_instances_that_are_left_those_count_that_pass_their_status_checks() {
    let with_others = || {
        let range = with(|it| it.min_healthy = Some(2));
        for id in ["i-2", "i-3"] {
            instance(&range, id, "euw1-az1");
        }
        range.estate.measured.set("i-2", 0.0);
        range
    };
    let says = "1 of 3 resources of type aws:ec2:instance would be left and well; 2 are asked for";
    refused(&with_others(), says).await;
    let impaired = with_others();
    impaired.estate.measured.set("i-3", 1.0);
    refused(&impaired, says).await;
    let well = with_others();
    well.estate.measured.set("i-3", 0.0);
    assert_eq!(lived(&well).await.0, 1);
    let unknown = with_others();
    unknown.estate.measured.fail(measured::Question::Series, "throttled");
    refused(&unknown, "throttled [blast-radius]").await;
    let half_told = with_others();
    half_told.estate.measured.set("i-3", 0.0);
    half_told.estate.measured.set_incomplete("i-3", true);
    refused(&half_told, "CloudWatch has not told all of it").await;
}

#[tokio::test(flavor = "current_thread")]
async fn a_resource_is_left_in_a_zone_that_is_not_hit() {
    let in_two_zones = || {
        let range = with(|it| (it.max_zones, it.limits.max_percent) = (2, 100));
        let other = instance(&range, "i-2", "euw1-az2");
        range.estate.fis.resolve("One", Resolution::arns([INSTANCE, &other]));
        range
    };
    let says = "every Availability Zone with resources of type aws:ec2:instance would be hit";
    refused(&in_two_zones(), says).await;
    let crowded = in_two_zones();
    instance(&crowded, "i-3", "euw1-az2");
    refused(&crowded, says).await;
    let spread = in_two_zones();
    instance(&spread, "i-3", "euw1-az3");
    assert_eq!(lived(&spread).await.0, 1);
}

#[tokio::test(flavor = "current_thread")]
async fn one_ecs_task_may_be_hit_although_nobody_tells_its_zone() {
    let tasks = |ids: &[&str]| {
        let mut json = template();
        json["targets"]["One"]["resourceType"] = "aws:ecs:task".into();
        json["targets"]["One"]["filters"] = json!([]);
        let parameters = json!({ "duration": "PT10M" });
        json["actions"] = json!({ "stress": { "actionId": "aws:ecs:task-cpu-stress", "targets": { "Tasks": "One" },
            "parameters": parameters } });
        let approved = Some(Template::parse(&json).unwrap().hash());
        let range = with(|it| (it.approved, it.max_zones, it.limits.max_percent) = (approved, 20, 100));
        range.estate.fis.put_template(TEMPLATE, json);
        let arns: Vec<_> =
            ids.iter().map(|id| format!("arn:aws:ecs:eu-west-1:123456789012:task/web/{id}")).collect();
        for arn in &arns {
            let tags = BTreeMap::from([("ChaosReady".to_owned(), "Yes".to_owned())]);
            let task = Resource { resource_type: "aws:ecs:task".into(), tags, zone: None };
            range.estate.facts.set_resource(arn, task);
        }
        range.estate.fis.resolve("One", Resolution::arns(arns));
        range.estate.facts.fail(Question::Zones, "Cloud Control does not tell");
        range
    };
    let lone = tasks(&["0a"]);
    let (experiments, told) = lived(&lone).await;
    assert_eq!(experiments, 1, "{told}");
    refused(&tasks(&["0a", "0b"]), "Cloud Control does not tell").await;
}

#[tokio::test(flavor = "current_thread")]
async fn a_tag_that_forbids_refuses_whoever_has_opted_in() {
    let range = with(|it| it.limits.forbid_tags = vec!["NoChaos=*".to_owned()]);
    let tags = [("ChaosReady", "Yes"), ("NoChaos", "audit")];
    let tags = tags.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
    let zone = Some("euw1-az1".to_owned());
    range
        .estate
        .facts
        .set_resource(INSTANCE, Resource { resource_type: "aws:ec2:instance".into(), tags, zone });
    refused(&range, "i-1 has the tag NoChaos=audit, which forbids to hit it [opt-in]").await;
}

#[tokio::test(flavor = "current_thread")]
async fn an_alarm_of_the_hypothesis_that_rings_already_refuses() {
    let page = "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:page";
    let detected = |state: &str| {
        let text = format!(
            "[[drill]]\nname = \"a\"\ntemplate = \"EXT1\"\nservice = \"s\"\nenvironment = \"e\"\nzone = \"UTC\"\n[drill.hypothesis]\ndetected_by = [\"{page}\"]\n"
        );
        let hypothesis = Config::parse(&text).unwrap().drills.drills.remove(0).hypothesis;
        let range = with(move |it| it.hypothesis = hypothesis);
        let since = Some(before() - SignedDuration::from_hours(2));
        range.estate.facts.set_alarm(Alarm { arn: page.into(), state: state.into(), since });
        range
    };
    refused(&detected("ALARM"), "alarm:page is ALARM [alarm]").await;
    assert_eq!(lived(&detected("OK")).await.0, 1);
}
