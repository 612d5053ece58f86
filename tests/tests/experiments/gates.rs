//! What a verdict opens and closes: the next run, and the next environment.

use jiff::SignedDuration;
use watchkeeper_domain::{drill::Promotion, experiment::verdict::Outcome};
use watchkeeper_sim::memory::Memory;
use watchkeeper_tests::support::range::{Range, asked};

use super::{LATENCY, claiming, judged, range, range_of, run, started};

/// Asks for a run, and lets it be announced and start, or not.
async fn ask(range: &Range<Memory>, drill: &str) {
    range.invoke(&asked("Drill Requested", drill, range.clock.now())).await;
    range.minutes(20).await;
}

/// The next day at eleven in Berlin. Nothing happens in between.
fn a_day_later(range: &Range<Memory>) {
    let tomorrow = range.clock.now() + SignedDuration::from_hours(24);
    range.clock.advance_to(format!("{}T10:00:00Z", tomorrow.strftime("%Y-%m-%d")).parse().unwrap());
}

#[tokio::test(flavor = "current_thread")]
async fn a_failed_drill_waits_until_somebody_releases_it() {
    let range = range();
    let id = started(&range).await;
    range.estate.measured.set(LATENCY, 3.0);
    let early = run(&range).unwrap().started_at.unwrap();
    let before = watchkeeper_domain::experiment::windows::Interval {
        from: early - SignedDuration::from_hours(1),
        to: early,
    };
    range.estate.measured.set_during(LATENCY, before, Some(0.5));
    assert_eq!(judged(&range, &id).await.outcome, Outcome::Failed);
    range.estate.measured.set(LATENCY, 0.5);

    a_day_later(&range);
    ask(&range, "stop-one").await;
    let told = range.told();
    let refusal = told.last().unwrap();
    assert!(refusal.headline.contains("refused") && refusal.text.contains("[blocked]"), "{}", refusal.text);
    assert_eq!(range.experiments(), 1);

    range.invoke(&asked("Drill Released", "stop-one", range.clock.now())).await;
    ask(&range, "stop-one").await;
    assert_eq!(range.experiments(), 2, "{:?}", range.headlines());
    let second = run(&range).unwrap().listed.id;
    assert_eq!(judged(&range, &second).await.outcome, Outcome::Passed);

    a_day_later(&range);
    ask(&range, "stop-one").await;
    assert_eq!(range.experiments(), 3, "one that has passed needs nobody: {:?}", range.headlines());
}

#[tokio::test(flavor = "current_thread")]
async fn production_follows_staging_once_that_has_passed() {
    let mut production = claiming("stop-one-production");
    production.environment = "production".into();
    production.schedule = None;
    production.promotion =
        Some(Promotion { after: "stop-one".into(), within: SignedDuration::from_hours(24 * 7) });
    let range = range_of(vec![claiming("stop-one"), production]);
    ask(&range, "stop-one-production").await;
    let refusal = range.told().into_iter().find(|it| it.headline.contains("refused")).unwrap();
    assert!(
        refusal.text.contains("stop-one has never run, and must pass first [promotion]"),
        "{}",
        refusal.text
    );

    let staging = started(&range).await;
    let drills = |range: &Range<Memory>| -> Vec<String> {
        let runs = range.estate.fis.runs().into_iter().filter(|it| !it.listed.skips_actions);
        runs.map(|it| it.listed.tags["watchkeeper:drill"].clone()).collect()
    };
    assert_eq!(judged(&range, &staging).await.outcome, Outcome::Passed);
    assert_eq!(drills(&range), ["stop-one"]);
    ask(&range, "stop-one-production").await;
    assert_eq!(drills(&range), ["stop-one", "stop-one-production"], "{:?}", range.headlines());
    let id = run(&range).unwrap().listed.id;
    assert_eq!(judged(&range, &id).await.outcome, Outcome::Passed);
    let last = range.headlines().pop().unwrap();
    assert!(last.starts_with("Drill stop-one-production in production passed"), "{last}");
}
