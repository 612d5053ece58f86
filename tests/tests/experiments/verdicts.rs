//! Every outcome that a run can have, from its drill's announcement to what is told and kept of it.

use experiment_watcher::SERIES;
use jiff::SignedDuration;
use serde_json::json;
use watchkeeper_domain::{
    drill::Proof,
    experiment::{Experiment, Status, verdict::Outcome, windows::Interval},
    fis::{Limits, Template},
    notice::Severity,
    ports::Series,
    records::Records,
};
use watchkeeper_sim::{
    channels,
    fis::{Operation, Resolution},
    measured::Question,
    memory::Memory,
};
use watchkeeper_tests::support::range::{Range, STOP, TEMPLATE, drill, template};

use super::{LATENCY, because, claiming, fault, judged, previewed, range, range_of, run, started, until};

#[tokio::test(flavor = "current_thread")]
async fn a_drill_is_announced_started_and_passed_in_one_thread() {
    let range = range();
    let id = started(&range).await;
    let verdict = judged(&range, &id).await;
    range.minutes(90).await;
    assert_eq!(
        range.headlines(),
        [
            "Drill stop-one in staging starts in 15 minutes (24 Nov 2026 10:00 CET)",
            "Drill stop-one in staging started",
            "Drill stop-one in staging passed: all that was claimed held: 1 measure, 1 alarm",
        ]
    );
    let told = range.told();
    assert!(told.iter().all(|notice| notice.thread == told[0].thread));
    assert_eq!(told.iter().map(|notice| notice.seq).collect::<Vec<_>>(), [1, 2, 1001]);
    assert!(range.channels.notices().iter().all(|(_, repeated)| !repeated));
    let (numbers, picture) = told[2].text.split_once(" after ").unwrap();
    assert!(numbers.ends_with("latency: 0.50 s before, 0.50 s during, 0.50 s"), "{numbers}");
    let windows: Vec<_> = picture.split('│').map(|part| part.chars().count()).collect();
    assert_eq!(windows, [10, 6, 5], "{picture}");
    assert_eq!((told[2].severity, told[2].owner.as_deref()), (Severity::Low, Some("payments")));
    let events: Vec<_> = range.channels.events().into_iter().map(|event| event.detail_type).collect();
    assert_eq!(events, ["Drill Announced", "Drill Started", "Drill Finished"]);

    let known = range.known(&id).await;
    assert_eq!(
        (&verdict.outcome, known.verdict.as_ref(), known.wake_at),
        (&Outcome::Passed, Some(&verdict), None)
    );
    let states: Vec<_> = known.timeline.states.iter().map(|step| step.status.as_str()).collect();
    assert_eq!(states, ["pending", "initiating", "running", "completed"]);
    let proofs = range.proofs("stop-one").await;
    let template = Template::parse(&template()).unwrap().hash();
    let (outcome, drill) = ("passed".to_owned(), "stop-one".to_owned());
    let at = proofs[0].at;
    assert_eq!(proofs, [Proof { drill, experiment: id.clone(), template, outcome, recovered: true, at }]);
    let late = at.duration_since(verdict.windows.unwrap().recovery.to);
    assert!(late >= SignedDuration::from_mins(5) && late < SignedDuration::from_mins(7), "{late:?}");
    let series: Vec<Series> = range.records.list(&format!("EXPERIMENT#{id}"), SERIES).await.unwrap();
    assert_eq!((series.len(), series[0].id.as_str(), series[0].complete), (1, LATENCY, true));
    let due = range.records.due(experiment_watcher::NAME, range.clock.now()).await.unwrap();
    assert_eq!(due, [], "nobody looks again at what is judged");
}

/// While FIS cannot be listed, what is known is looked at all the same.
#[tokio::test(flavor = "current_thread")]
async fn a_run_is_judged_although_fis_cannot_be_listed() {
    let range = range();
    let id = until(&range, Status::Completed).await;
    range.estate.fis.fail_next(Operation::Experiments, 1000, channels::Outcome::Refuse);
    let report = range.watch(&json!({ "tick": "sweep" })).await;
    assert!(report.failure.is_some(), "it is no secret");
    assert_eq!(judged(&range, &id).await.outcome, Outcome::Passed);
}

/// What spoils a run once it has begun.
type Spoil = fn(&Range<Memory>, &Experiment);

#[tokio::test(flavor = "current_thread")]
async fn what_was_measured_decides() {
    let minutes = SignedDuration::from_mins;
    let cases: [(Spoil, Outcome, &str); 6] = [
        (
            |range, run| {
                let Interval { from, to } = fault(run);
                let whole = Interval { from: from - SignedDuration::from_mins(1), to };
                range.estate.measured.set_during(LATENCY, whole, Some(3.0));
            },
            Outcome::Failed,
            "during the fault, instead of at most 2",
        ),
        (
            |range, run| {
                let from = fault(run).to;
                let after = Interval { from, to: from + SignedDuration::from_hours(1) };
                range.estate.measured.set_during(LATENCY, after, Some(1.5));
            },
            Outcome::Failed,
            "latency was not well again within 10m",
        ),
        (
            |range, run| {
                let Interval { from, to } = fault(run);
                let whole = Interval { from: from - SignedDuration::from_mins(1), to };
                range.estate.measured.set_during(LATENCY, whole, None);
            },
            Outcome::Inconclusive,
            "latency has 0 of 11 points of the fault",
        ),
        (
            |range, run| {
                let to = run.started_at.unwrap();
                let before = Interval { from: to - SignedDuration::from_hours(1), to };
                range.estate.measured.set_during(LATENCY, before, Some(5.0));
            },
            Outcome::Inconclusive,
            "before it began, instead of at most 1",
        ),
        (
            |range, _| range.estate.measured.set_incomplete(LATENCY, true),
            Outcome::Inconclusive,
            "CloudWatch has not given all points of latency",
        ),
        (
            |range, _| range.estate.measured.fail(Question::Series, "throttled"),
            Outcome::Inconclusive,
            "the measures could not be read: could not read series: throttled",
        ),
    ];
    for (spoil, outcome, why) in cases {
        let range = range();
        let id = started(&range).await;
        spoil(&range, &run(&range).unwrap());
        let verdict = judged(&range, &id).await;
        let because = because(&verdict);
        assert_eq!((verdict.outcome, because.contains(why)), (outcome, true), "{why}: {because}");
        let told = range.told();
        assert_eq!(told.len(), 3, "{:?}", range.headlines());
        assert_eq!(told[2].headline, format!("Drill stop-one in staging {}: {because}", outcome.as_str()));
        assert_eq!(range.proofs("stop-one").await[0].outcome, outcome.as_str());
        let waits = range.proofs("stop-one").await[0].at.duration_since(fault(&run(&range).unwrap()).to);
        let is_unread = why.contains("CloudWatch") || why.contains("throttled");
        assert_eq!(
            waits > minutes(60),
            is_unread,
            "{why}: what cannot be read is waited for, and nothing else"
        );
    }
}

#[tokio::test(flavor = "current_thread")]
async fn what_can_be_read_an_hour_later_is_judged_then() {
    let range = range();
    let id = started(&range).await;
    range.estate.measured.fail(Question::Series, "throttled");
    range.estate.measured.set_incomplete(LATENCY, true);
    range.minutes(40).await;
    let reason = range.watch(&json!({ "tick": "sweep" })).await.reason;
    assert!(reason.contains("not judged yet: could not read series: throttled"), "{reason}");
    range.estate.measured.mend(Question::Series);
    range.minutes(5).await;
    assert_eq!(range.known(&id).await.verdict, None, "not all points are there");
    range.estate.measured.set_incomplete(LATENCY, false);
    assert_eq!(judged(&range, &id).await.outcome, Outcome::Passed);
    assert_eq!(range.told().len(), 3, "{:?}", range.headlines());
}

#[tokio::test(flavor = "current_thread")]
async fn a_run_that_claims_nothing_proves_nothing() {
    let range = range_of(vec![drill("stop-one")]);
    let id = started(&range).await;
    let verdict = judged(&range, &id).await;
    assert_eq!(
        (verdict.outcome, because(&verdict).as_str()),
        (Outcome::Inconclusive, "the drill has no hypothesis")
    );
}

/// A mistyped tag: FIS calls that completed.
#[tokio::test(flavor = "current_thread")]
async fn an_experiment_that_skips_its_actions_proves_nothing_by_completing() {
    let mut skips = template();
    skips["experimentOptions"] = json!({ "emptyTargetResolutionMode": "skip" });
    let mut drill = claiming("stop-one");
    drill.approved = Some(Template::parse(&skips).unwrap().hash());
    drill.limits = Limits { allow_empty_targets: true, ..Limits::default() };
    let range = range_of(vec![drill]);
    range.estate.fis.put_template(TEMPLATE, skips);
    previewed(&range).await;
    range.estate.fis.resolve("One", Resolution::nothing());
    let id = until(&range, Status::Completed).await;
    let verdict = judged(&range, &id).await;
    let because: Vec<_> = verdict.because.iter().map(ToString::to_string).collect();
    assert_eq!(verdict.outcome, Outcome::Inconclusive);
    for why in ["no action has begun", "the action stop was skipped", "the target One came to nothing"] {
        assert!(because.iter().any(|it| it == why), "{why}: {because:?}");
    }
}

#[tokio::test(flavor = "current_thread")]
async fn a_failure_of_fis_is_told_with_its_code_and_location() {
    let range = range();
    previewed(&range).await;
    range.estate.fis.resolve("One", Resolution::Fails);
    let id = until(&range, Status::Failed).await;
    let known = range.known(&id).await;
    let verdict = known.verdict.unwrap();
    let why = "FIS failed with InvalidTarget at targets.One (account 123456789012)";
    assert_eq!(
        (verdict.outcome, because(&verdict).as_str(), verdict.recovered),
        (Outcome::Errored, why, true)
    );
    let told = range.told();
    assert_eq!(told.last().unwrap().headline, format!("Drill stop-one in staging errored: {why}"));
    range.minutes(30).await;
    assert_eq!(range.told().len(), told.len(), "{:?}", range.headlines());
}

/// The alarm goes off, FIS halts some time later, and the service is well again five minutes after that.
async fn alarmed(halted_after: SignedDuration) -> (Range<Memory>, String) {
    let range = range();
    let id = started(&range).await;
    range.estate.change_alarm(STOP, "ALARM").await.unwrap();
    range.estate.fis.fire_stop_condition(TEMPLATE, range.clock.now() + halted_after);
    range.minutes(5).await;
    range.estate.change_alarm(STOP, "OK").await.unwrap();
    (range, id)
}

#[tokio::test(flavor = "current_thread")]
async fn a_stop_condition_fails_a_run_whoever_was_faster() {
    // FIS takes 40 s as a rule; where it takes longer, Watchkeeper sees the alarm first and stops the run itself.
    for (seconds, stops) in [(40, 0), (150, 1)] {
        let (range, id) = alarmed(SignedDuration::from_secs(seconds)).await;
        let verdict = judged(&range, &id).await;
        assert_eq!(range.estate.fis.stops().len(), stops, "{seconds}");
        let why = because(&verdict);
        assert!(why.starts_with("the stop condition checkout-errors went off at 09:"), "{why}");
        assert_eq!((verdict.outcome, verdict.recovered), (Outcome::Failed, true));
        assert!(verdict.time_to_detect.is_some() && verdict.time_to_recover > Some(SignedDuration::ZERO));
        let headlines = range.headlines();
        assert!(
            headlines.contains(&"Drill stop-one in staging has ended early: stopped".to_owned()),
            "{headlines:?}"
        );
        assert_eq!(headlines.len(), 4 + stops, "{headlines:?}");
    }
}

#[tokio::test(flavor = "current_thread")]
async fn who_has_stopped_it_is_waited_for_when_cloudtrail_cannot_be_read() {
    let (range, id) = alarmed(SignedDuration::from_secs(40)).await;
    range.estate.measured.fail(Question::StopCalls, "throttled");
    range.minutes(40).await;
    assert_eq!(range.known(&id).await.verdict, None);
    range.estate.measured.mend(Question::StopCalls);
    assert_eq!(judged(&range, &id).await.outcome, Outcome::Failed);
}
