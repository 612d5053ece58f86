//! What a drill asks for besides: somebody on call, a page without incidents, quiet after a deployment, a week that is
//! not full, enough that is left, a role that may act.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use watchkeeper_domain::{
    channel::SecretName,
    drill::{Cron, Deployments, Drill, OnCall},
    records::{Nothing, Record, Records},
};
use watchkeeper_sim::{facts::Question, memory::Memory};
use watchkeeper_tests::support::range::{Range, before, drill};

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

fn deployed(pipeline: &str, at: Timestamp) -> Value {
    json!({
        "version": "0", "id": format!("{pipeline}-{at}"), "source": "aws.codepipeline",
        "detail-type": "CodePipeline Pipeline Execution State Change",
        "account": "123456789012", "region": "eu-west-1", "time": at.to_string(), "resources": [],
        "detail": { "pipeline": pipeline, "execution-id": "e-1", "state": "SUCCEEDED" },
    })
}

#[tokio::test(flavor = "current_thread")]
async fn what_was_just_deployed_is_left_alone_for_as_long_as_the_drill_says() {
    // Twenty minutes before it is due.
    let quiet = |minutes: i64| with(move |it| it.quiet = SignedDuration::from_mins(minutes));
    let early = quiet(30);
    early.invoke(&deployed("cart", before())).await;
    refused(&early, "codepipeline:cart was deployed at 2026-11-24T08:40:00Z").await;

    let late = quiet(15);
    late.invoke(&deployed("cart", before())).await;
    assert_eq!(lived(&late).await.0, 1);

    let between = quiet(15);
    while between.orders().0.is_empty() {
        between.minutes(1).await;
    }
    between.invoke(&deployed("cart", between.clock.now())).await;
    refused(&between, "[deployment]").await;

    let careless = quiet(0);
    careless.invoke(&deployed("cart", before())).await;
    let kept: Record<Deployments, Nothing> = careless.records.read(&Deployments::key()).await.unwrap();
    assert_eq!((kept.version, lived(&careless).await.0), (0, 1), "nobody asks, so nothing is kept");
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
