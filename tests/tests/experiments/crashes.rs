//! A crash before or after every step of a pass, then the next sweeps: judged once, told once, stopped.

use jiff::SignedDuration;
use serde_json::json;
use watchkeeper_domain::experiment::{Status, verdict::Outcome};
use watchkeeper_sim::{fuse::Fuse, memory::Memory};
use watchkeeper_tests::support::{estate::interleave, range::Range};

use super::{assert_repeats_are_marked, halt, judged, range, run, started};

/// A run that waits for its verdict: the next minute's sweep gives it.
async fn waiting(minutes: i64) -> (Range<Memory>, String) {
    let range = range();
    let id = started(&range).await;
    range.minutes(minutes).await;
    range.clock.advance(SignedDuration::from_mins(1));
    (range, id)
}

/// A run that must end: the next sweep stops it.
async fn halted() -> (Range<Memory>, String) {
    let range = range();
    let id = started(&range).await;
    halt(&range).await;
    range.clock.advance(SignedDuration::from_mins(1));
    (range, id)
}

/// Kills the next sweep at every step, and hands over what has become of it ten minutes later. Returns how often.
async fn crash_anywhere(
    before: impl AsyncFn() -> (Range<Memory>, String),
    afterwards: impl AsyncFn(&Range<Memory>, &str, &str),
) -> usize {
    let mut kills = 0;
    for step in 0..500 {
        let mut is_over = false;
        for after in [false, true] {
            let (range, id) = before().await;
            let process = range.process(if after { Fuse::after(step) } else { Fuse::before(step) });
            range.watch_in(&process, &json!({ "tick": "sweep" })).await;
            if !process.fuse.is_blown() {
                is_over = true;
                continue;
            }
            kills += 1;
            range.minutes(10).await;
            afterwards(&range, &id, &format!("step {step}, after {after}")).await;
            assert_repeats_are_marked(&range);
        }
        if is_over {
            return kills;
        }
    }
    kills
}

#[tokio::test(flavor = "current_thread")]
async fn a_crash_anywhere_in_the_pass_that_judges_leaves_one_verdict_told_once() {
    let calm = range();
    let id = started(&calm).await;
    let begun = calm.clock.now();
    judged(&calm, &id).await;
    let minutes = calm.clock.now().duration_since(begun).as_mins();
    let (headlines, known, proofs) = (calm.headlines(), calm.known(&id).await, calm.proofs("stop-one").await);
    let kills = crash_anywhere(
        async || waiting(minutes - 1).await,
        async |range, id, place| {
            assert_eq!(range.headlines(), headlines, "{place}");
            let after = range.known(id).await;
            assert_eq!((&after.timeline, &after.verdict), (&known.timeline, &known.verdict), "{place}");
            let proved = range.proofs("stop-one").await;
            assert_eq!((proved.len(), &proved[0].outcome), (1, &proofs[0].outcome), "{place}");
            let events = range.channels.events();
            assert!(events.iter().any(|event| event.detail_type == "Drill Finished"), "{place}");
        },
    )
    .await;
    assert!(kills > 20, "only {kills} kills");
}

#[tokio::test(flavor = "current_thread")]
async fn a_crash_anywhere_in_the_pass_that_stops_leaves_a_run_that_is_stopped_and_told_once() {
    let kills = crash_anywhere(halted, async |range, _, place| {
        let run = run(range).unwrap();
        assert_eq!(run.listed.status, Status::Stopped, "{place}");
        let stops = range.estate.fis.stops().len();
        assert!((1..=2).contains(&stops), "{place}: {stops} stops");
        let headlines = range.headlines();
        let told = |what: &str| headlines.iter().filter(|it| it.contains(what)).count();
        assert_eq!((told("is being stopped"), told("has ended early")), (1, 1), "{place}: {headlines:?}");
    })
    .await;
    assert!(kills > 20, "only {kills} kills");
}

#[tokio::test(flavor = "current_thread")]
async fn invocations_side_by_side_judge_once_and_tell_once() {
    for seed in 0..20 {
        let range = range();
        let id = started(&range).await;
        for _ in 0..40 {
            range.clock.advance(SignedDuration::from_mins(1));
            let mut payloads = vec![json!({ "tick": "sweep" }), json!({ "tick": "sweep" })];
            payloads.extend(range.estate.fis.take_events());
            let tasks: Vec<_> = payloads
                .iter()
                .map(|payload| -> std::pin::Pin<Box<dyn Future<Output = _>>> {
                    Box::pin(range.watch(payload))
                })
                .collect();
            interleave(seed, tasks).await;
        }
        let verdict = range.known(&id).await.verdict.unwrap();
        assert_eq!(verdict.outcome, Outcome::Passed, "seed {seed}");
        assert_eq!(range.channels.notices().len(), 3, "seed {seed}: {:?}", range.headlines());
        assert_eq!(range.proofs("stop-one").await.len(), 1, "seed {seed}");
    }
}
