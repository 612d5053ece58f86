//! Events late, twice, reordered, lost or unheard of: one timeline, one verdict, and no end that changes.

use std::{collections::BTreeMap, fs, path::PathBuf};

use experiment_watcher::watch::Watch;
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use serde_json::{Value, json};
use watchkeeper_domain::experiment::{
    Status,
    timeline::Timeline,
    verdict::{Outcome, Verdict},
};
use watchkeeper_sim::{fis::Resolution, memory::Memory};
use watchkeeper_tests::support::range::{Range, STOP, TEMPLATE, before};

use super::{ADA, assert_repeats_are_marked, halt, range, start};

fn sweep() -> Value {
    json!({ "tick": "sweep" })
}

// ── What was recorded, of experiments that FIS has forgotten ────────────────────────────────────────────

/// The recorded sequences, where they are present, and one as events were in 2021: without a template id.
fn sequences() -> BTreeMap<String, Vec<Value>> {
    let mut sequences = BTreeMap::from([("of 2021".to_owned(), of_2021())]);
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/fixtures/fis");
    let Ok(files) = fs::read_dir(&folder) else {
        eprintln!("SKIPPED: no recorded events at {}; they are not part of the project", folder.display());
        return sequences;
    };
    for path in files.map(|file| file.unwrap().path()) {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if name.starts_with("synthetic-sequence-") {
            let events: Vec<Value> = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
            sequences.insert(name, of_today(events));
        }
    }
    assert_eq!(sequences.len(), 4);
    sequences
}

/// The same events, the first of them now.
fn of_today(mut events: Vec<Value>) -> Vec<Value> {
    let time = |event: &Value| -> Timestamp { event["time"].as_str().unwrap().parse().unwrap() };
    let later = before().duration_since(time(&events[0]));
    for event in &mut events {
        event["time"] = json!((time(event) + later).to_string());
    }
    events
}

fn of_2021() -> Vec<Value> {
    let event = |second: u32, old: &str, new: &str, reason: &str| {
        json!({
            "version": "0", "id": format!("e-{second}"), "source": "aws.fis",
            "detail-type": "FIS Experiment State Change", "account": "123456789012", "region": "us-east-1",
            "time": format!("2021-12-09T03:00:{second:02}Z"), "resources": [],
            "detail": {
                "experiment-id": "EXP2021", "new-state": { "status": new, "reason": reason },
                "old-state": { "status": old, "reason": "" },
            },
        })
    };
    of_today(vec![
        event(1, "pending", "initiating", "Experiment is initiating."),
        event(2, "initiating", "running", "Experiment is running."),
        event(40, "running", "completed", "Experiment completed."),
    ])
}

fn permutations(events: &[Value]) -> Vec<Vec<Value>> {
    let Some((first, others)) = events.split_first() else { return vec![Vec::new()] };
    let places = |rest: Vec<Value>| {
        (0..=rest.len()).map(move |place| {
            let mut all = rest.clone();
            all.insert(place, first.clone());
            all
        })
    };
    permutations(others).into_iter().flat_map(places).collect()
}

/// The record after `events`, each of them delivered twice, and what was told.
async fn heard(events: &[Value]) -> (Watch, Vec<String>) {
    let range = range();
    range.clock.advance(SignedDuration::from_hours(1));
    for event in events.iter().chain(events) {
        let report = range.watch(event).await;
        assert!(report.failure.is_none(), "{:?}", report.failure);
    }
    range.clock.advance(SignedDuration::from_hours(24));
    range.watch(&sweep()).await;
    let id = events[0]["detail"]["experiment-id"].as_str().unwrap();
    let known = range.known(id).await;
    assert_eq!(known.wake_at, None, "nothing more is to be done");
    for event in events {
        range.watch(event).await;
    }
    assert_eq!(range.known(id).await, known, "what comes after the verdict changes nothing");
    assert_repeats_are_marked(&range);
    (known, range.headlines())
}

#[tokio::test(flavor = "current_thread")]
async fn every_recorded_sequence_in_any_order_ends_in_one_timeline_and_one_verdict() {
    for (name, events) in sequences() {
        let (expected, told) = heard(&events).await;
        let last = events.last().unwrap()["detail"]["new-state"]["status"].as_str().unwrap();
        assert_eq!(expected.timeline.end.as_ref().map(Status::as_str), Some(last), "{name}");
        let outcome = if last == "failed" { Outcome::Errored } else { Outcome::Inconclusive };
        assert_eq!(expected.verdict.as_ref().map(|it| it.outcome), Some(outcome), "{name}");
        assert_eq!(told.len(), 1, "{name}: {told:?}");
        for order in permutations(&events) {
            let (known, again) = heard(&order).await;
            assert_eq!(
                (&known.timeline, &known.verdict),
                (&expected.timeline, &expected.verdict),
                "{name}: {order:?}"
            );
            assert_eq!(again, told, "{name}");
        }
    }
}

#[tokio::test(flavor = "current_thread")]
async fn whatever_is_lost_of_a_recorded_sequence_there_is_a_verdict() {
    for (name, events) in sequences() {
        for lost in 0..events.len() {
            let mut others = events.clone();
            others.remove(lost);
            let (known, told) = heard(&others).await;
            assert_eq!((known.verdict.is_some(), told.len()), (true, 1), "{name} without {lost}");
        }
    }
}

#[tokio::test(flavor = "current_thread")]
async fn an_end_is_never_overwritten() {
    let mut events = of_2021();
    let mut other = events[2].clone();
    other["detail"]["new-state"] = json!({ "status": "stopped", "reason": "Experiment stopped." });
    events.push(other);
    let (known, _) = heard(&events).await;
    assert_eq!(known.timeline.end, Some(Status::Completed));
    assert!(known.timeline.contradicted_by.contains(&Status::Stopped));
}

// ── Generated courses of experiments that FIS knows ─────────────────────────────────────────────────────

/// What becomes of an experiment.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Course {
    Completes,
    Fails,
    Alarms,
    StoppedByAPerson,
    HaltedByWatchkeeper,
}

const COURSES: [Course; 5] =
    [Course::Completes, Course::Fails, Course::Alarms, Course::StoppedByAPerson, Course::HaltedByWatchkeeper];

/// What becomes of an event: how often it comes, and how late.
#[derive(Clone, Copy, Debug)]
struct Delivery {
    copies: i64,
    late: i64,
}

const IN_TIME: Delivery = Delivery { copies: 1, late: 0 };
const LOST: Delivery = Delivery { copies: 0, late: 0 };

/// What happens in the `minute` of the experiment `id`.
async fn happen(range: &Range<Memory>, id: &str, course: Course, minute: i64) {
    match (course, minute) {
        (Course::StoppedByAPerson, 5) => range.estate.stop(id, ADA).await.unwrap(),
        (Course::Alarms, 5) => {
            range.estate.change_alarm(STOP, "ALARM").await.unwrap();
            range.estate.fis.fire_stop_condition(TEMPLATE, range.clock.now());
        }
        (Course::Alarms, 9) => range.estate.change_alarm(STOP, "OK").await.unwrap(),
        _ => {}
    }
}

/// Lets an experiment of the drill take its `course` for forty minutes. Its events come as `deliveries` says, the first
/// of which is about its first one; those without a delivery are lost. `odd` is when an event with a state comes that
/// nobody knows. Then, whoever has heard of it or not, the sweeps judge it.
async fn play(course: Course, deliveries: &[Delivery], sweeps: bool, odd: Option<i64>) -> Watch {
    let range = range();
    if course == Course::Fails {
        range.estate.fis.resolve("One", Resolution::Fails);
    }
    if course == Course::HaltedByWatchkeeper {
        halt(&range).await;
        range.clock.advance(SignedDuration::from_secs(1));
    }
    let id = start(&range, Some("stop-one"), "token-1").await;
    let (mut waiting, mut count) = (Vec::new(), 0);
    for minute in 1..=40 {
        range.clock.advance(SignedDuration::from_mins(1));
        happen(&range, &id, course, minute).await;
        if sweeps {
            range.watch(&sweep()).await;
        }
        for event in range.estate.fis.take_events() {
            let Delivery { copies, late } = deliveries.get(count).copied().unwrap_or(LOST);
            waiting.extend((1..=copies).map(|copy| (minute + late * copy, event.clone())));
            count += 1;
        }
        let (due, rest) = waiting.into_iter().partition::<Vec<_>, _>(|(at, _)| *at <= minute);
        waiting = rest;
        for (_, event) in due {
            range.watch(&event).await;
        }
        if odd == Some(minute) {
            let mut event = of_2021().remove(1);
            event["detail"]["experiment-id"] = json!(id);
            event["detail"]["new-state"]["status"] = json!("paused");
            range.watch(&event).await;
        }
    }
    for _ in 0..40 {
        range.clock.advance(SignedDuration::from_mins(1));
        range.watch(&sweep()).await;
    }
    assert_repeats_are_marked(&range);
    let judged =
        range.told().into_iter().filter(|it| it.headline.starts_with("Drill stop-one in staging ")).count();
    assert!(judged >= 1, "{:?}", range.headlines());
    assert_eq!(range.proofs("stop-one").await.len(), 1);
    range.known(&id).await
}

/// What must be the same however it was learnt: all but words that nobody knows.
fn record(watch: &Watch) -> (Timeline, Option<Verdict>) {
    let mut timeline = watch.timeline.clone();
    timeline.states.retain(|step| step.status.rank().is_some());
    (timeline, watch.verdict.clone())
}

#[tokio::test(flavor = "current_thread")]
async fn watched_only_by_sweeps_and_only_by_events_gives_the_same_record() {
    for course in COURSES {
        let swept = play(course, &[], true, None).await;
        let heard = play(course, &[IN_TIME; 6], false, None).await;
        let verdict = swept.verdict.as_ref().unwrap();
        let (end, outcome) = match course {
            Course::Completes => (Status::Completed, Outcome::Passed),
            Course::Fails => (Status::Failed, Outcome::Errored),
            Course::Alarms => (Status::Stopped, Outcome::Failed),
            Course::StoppedByAPerson | Course::HaltedByWatchkeeper => (Status::Stopped, Outcome::Aborted),
        };
        assert_eq!(
            (swept.timeline.end.as_ref(), verdict.outcome),
            (Some(&end), outcome),
            "{:?}",
            verdict.because
        );
        assert_eq!(record(&heard), record(&swept), "{course:?}");
    }
}

fn delivery() -> impl Strategy<Value = Delivery> {
    (0..3_i64, 0..20_i64).prop_map(|(copies, late)| Delivery { copies, late })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]
    #[test]
    fn however_events_arrive_there_is_one_timeline_and_one_verdict(
        course in prop::sample::select(&COURSES[..4]),
        deliveries in prop::collection::vec(delivery(), 0..6),
        sweeps in any::<bool>(),
        odd in prop::option::of(1..40_i64),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (swept, played) = runtime.block_on(async {
            (play(course, &[], true, None).await, play(course, &deliveries, sweeps, odd).await)
        });
        prop_assert_eq!(record(&played), record(&swept));
        let is_odd = |watch: &Watch| watch.timeline.states.iter().any(|step| step.status.rank().is_none());
        prop_assert_eq!(is_odd(&played), odd.is_some(), "a word that nobody knows is kept");
    }
}
