//! Experiments that no drill has announced, and previews.

use experiment_watcher::{decide::Effect, watch::Watch};
use serde_json::json;
use watchkeeper_domain::{
    experiment::{DRILL_TAG, Order, Ordered, Status, verdict::Outcome},
    notice::Severity,
    ports::Starts,
    records::{Record, Records},
};
use watchkeeper_tests::support::range::{STOP, TEMPLATE};

use super::{because, halt, judged, range, run, start, started};

#[tokio::test(flavor = "current_thread")]
async fn an_experiment_that_a_person_has_started_is_watched_and_marked_so() {
    let range = range();
    let id = start(&range, None, "console").await;
    range.minutes(2).await;
    let watched = format!("Experiment {id}, which no drill has announced, is under way");
    assert_eq!(range.headlines(), [watched.as_str()]);
    let known = range.known(&id).await;
    assert!(!known.timeline.is_own());
    assert_eq!(known.timeline.status(), Some(&Status::Running));
    let verdict = judged(&range, &id).await;
    assert_eq!(
        (verdict.outcome, because(&verdict).as_str()),
        (Outcome::Inconclusive, "the drill has no hypothesis")
    );
    let told: Vec<_> = range.told().into_iter().filter(|it| it.headline.starts_with("Experiment ")).collect();
    assert_eq!(told.len(), 2, "{:?}", range.headlines());
    let verdict =
        format!("Experiment {id}, which no drill has announced, inconclusive: the drill has no hypothesis");
    assert_eq!((told[1].headline.as_str(), told[1].severity), (verdict.as_str(), Severity::Low));
    assert_eq!((told[0].thread == told[1].thread, told[0].seq < told[1].seq), (true, true));
    assert_eq!(range.proofs("stop-one").await, [], "it is no run of the drill");
}

#[tokio::test(flavor = "current_thread")]
async fn a_halt_ends_it_and_nothing_else_does() {
    let range = range();
    let id = start(&range, None, "console").await;
    range.minutes(1).await;
    range.estate.change_alarm(STOP, "ALARM").await.unwrap();
    range.minutes(2).await;
    assert_eq!(range.estate.fis.stops(), [""; 0]);
    halt(&range).await;
    range.minutes(1).await;
    assert_eq!(range.estate.fis.stops(), [id]);
}

/// Whoever starts a drill's experiment by hand may give it the tag, and hardly the token.
#[tokio::test(flavor = "current_thread")]
async fn one_that_borrows_the_tag_of_a_drill_is_judged_like_it_and_is_no_run_of_it() {
    let range = range();
    let tags = [(DRILL_TAG.to_owned(), "stop-one".to_owned())].into();
    let order = Order { template: TEMPLATE.into(), token: "console".into(), skips_actions: false, tags };
    let Ordered::Accepted(id) = range.estate.fis.start(&order).await.unwrap() else { panic!("a refusal") };
    assert_eq!(judged(&range, &id).await.outcome, Outcome::Passed);
    let headlines = range.headlines();
    let told =
        headlines.iter().filter(|it| it.starts_with(&format!("Experiment {id}, which no drill"))).count();
    assert_eq!((told, range.proofs("stop-one").await), (2, vec![]), "{headlines:?}");
}

#[tokio::test(flavor = "current_thread")]
async fn previews_are_nobodys_business() {
    let range = range();
    let id = started(&range).await;
    judged(&range, &id).await;
    let previews: Vec<_> = range.estate.fis.runs().into_iter().filter(|it| it.listed.skips_actions).collect();
    assert_eq!(previews.len(), 1);
    let preview = &previews[0].listed.id;
    let detail = json!({ "experiment-id": preview, "new-state": { "status": "completed" } });
    let event = json!({
        "version": "0", "id": "1", "source": "aws.fis", "detail-type": "FIS Experiment State Change",
        "account": "123456789012", "region": "eu-west-1", "time": range.clock.now().to_string(), "resources": [],
        "detail": detail,
    });
    assert_eq!(range.watch(&event).await.reason, "a preview");
    let record: Record<Watch, Effect> = range.records.read(&Watch::key(preview)).await.unwrap();
    assert_eq!(record.state, None);
    assert_eq!(range.proofs("stop-one").await.len(), 1);
}

#[tokio::test(flavor = "current_thread")]
async fn what_fis_does_not_know_is_said_so() {
    let range = range();
    assert_eq!(run(&range), None);
    let event = json!({
        "version": "0", "id": "1", "source": "aws.fis", "detail-type": "FIS Experiment State Change",
        "account": "123456789012", "region": "eu-west-1", "time": range.clock.now().to_string(), "resources": [],
        "detail": { "experiment-id": "EXPlost", "new-state": { "status": "running" } },
    });
    range.watch(&event).await;
    assert_eq!(range.known("EXPlost").await.verdict, None);
    range.clock.advance(jiff::SignedDuration::from_hours(13));
    range.watch(&json!({ "tick": "sweep" })).await;
    let known = range.known("EXPlost").await;
    let verdict = known.verdict.unwrap();
    assert_eq!(
        (verdict.outcome, because(&verdict).as_str()),
        (Outcome::Inconclusive, "it is not over: running")
    );
    assert_eq!(known.timeline.end, None);
}
