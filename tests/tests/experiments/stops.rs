//! What ends a run that is under way, and who is named for it.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use watchkeeper_domain::{
    experiment::{Status, verdict::Outcome},
    notice::Severity,
};
use watchkeeper_shell::{Outcome as Ending, Report};
use watchkeeper_sim::{
    channels,
    dead_man::Target,
    facts::{self, Resource},
    fis::{Operation, Resolution},
    fuse::Fuse,
    memory::Memory,
};
use watchkeeper_tests::support::{
    range::{INSTANCE, Range},
    samples,
};

use super::{ADA, because, claiming, halt, judged, ordered, previewed, range, range_of, run, start, started};

fn sweep() -> Value {
    json!({ "tick": "sweep" })
}

/// `health-responder` has opened a case of EC2 in this Region.
fn case(kind: &str, at: Timestamp) -> Value {
    let mut notice = serde_json::to_value(samples::notice()).unwrap();
    notice["kind"] = json!(kind);
    notice["service"] = json!("EC2");
    notice["region"] = json!("eu-west-1");
    notice["change"] = json!("opened");
    json!({
        "version": "0", "id": "1", "source": "watchkeeper", "detail-type": "Case Opened",
        "account": "123456789012", "region": "eu-west-1", "time": at.to_string(), "resources": [],
        "detail": { "id": "e", "notice": notice },
    })
}

/// The run was stopped by Watchkeeper, people were told of it once and why, and the verdict says so.
async fn assert_aborted(range: &Range<Memory>, id: &str, why: &str) {
    let verdict = judged(range, id).await;
    let because = because(&verdict);
    assert_eq!(verdict.outcome, Outcome::Aborted, "{because}");
    assert!(because.starts_with("Watchkeeper stopped it: ") && because.contains(why), "{why}: {because}");
    let told = range.told();
    let stops: Vec<_> = told.iter().filter(|it| it.headline.contains("is being stopped")).collect();
    assert_eq!(stops.len(), 1, "{:?}", range.headlines());
    assert!(stops[0].text.contains(why) && stops[0].severity == Severity::High, "{}", stops[0].text);
    assert_eq!(range.estate.fis.runs().last().unwrap().listed.status, Status::Stopped);
    let proofs = range.proofs("stop-one").await;
    assert_eq!((proofs.len(), proofs[0].outcome.as_str()), (1, "aborted"));
    let events: Vec<_> = range.channels.events().into_iter().map(|event| event.detail_type).collect();
    assert_eq!(events.iter().filter(|it| *it == "Drill Stopped").count(), 1);
}

#[tokio::test(flavor = "current_thread")]
async fn a_halt_ends_a_run() {
    let range = range();
    let id = started(&range).await;
    halt(&range).await;
    assert_aborted(&range, &id, "ada has halted all drills: sale").await;
    assert_eq!(range.estate.fis.stops(), [id]);
}

#[tokio::test(flavor = "current_thread")]
async fn a_run_can_be_stopped_before_it_has_begun() {
    for (seconds, status) in [(0, Status::Pending), (5, Status::Initiating)] {
        let range = range();
        ordered(&range).await;
        range.clock.advance(SignedDuration::from_secs(seconds));
        assert_eq!(run(&range).unwrap().listed.status, status);
        halt(&range).await;
        range.watch(&sweep()).await;
        let run = run(&range).unwrap();
        assert_eq!(run.listed.status, Status::Stopping);
        assert_aborted(&range, &run.listed.id, "ada has halted all drills: sale").await;
    }
}

#[tokio::test(flavor = "current_thread")]
async fn a_new_issue_ends_a_run_at_once_and_other_cases_do_not() {
    let range = range();
    let id = started(&range).await;
    range.watch(&case("planned-lifecycle", range.clock.now())).await;
    assert_eq!(range.estate.fis.stops(), [""; 0]);
    range.watch(&case("issue", range.clock.now())).await;
    assert_eq!(range.estate.fis.stops(), [id.as_str()]);
    assert_aborted(&range, &id, "AWS Health has an issue open for EC2 in eu-west-1").await;
}

/// Both functions hear of a case, in any order: whoever is second finds it written down already.
#[tokio::test(flavor = "current_thread")]
async fn an_issue_that_the_trigger_has_taken_in_before_ends_a_run_as_well() {
    let range = range();
    let id = started(&range).await;
    range.invoke(&case("issue", range.clock.now())).await;
    range.watch(&case("issue", range.clock.now())).await;
    assert_eq!(range.estate.fis.stops(), [id]);
}

#[tokio::test(flavor = "current_thread")]
async fn a_calendar_that_closes_ends_a_run() {
    let mut drill = claiming("stop-one");
    drill.calendars = vec!["freeze".into()];
    let range = range_of(vec![drill]);
    range.estate.facts.set_calendar("freeze", []);
    let id = started(&range).await;
    let now = range.clock.now();
    range.estate.facts.set_calendar("freeze", [now..now + SignedDuration::from_hours(1)]);
    assert_aborted(&range, &id, "the change calendar freeze has closed").await;
}

#[tokio::test(flavor = "current_thread")]
async fn a_run_that_hangs_is_ended() {
    let range = range();
    previewed(&range).await;
    range.estate.fis.hang();
    let id = started(&range).await;
    assert_aborted(&range, &id, "minutes, and 10 were planned").await;
    let run = run(&range).unwrap();
    let taken = run.ended_at.unwrap().duration_since(run.started_at.unwrap());
    assert!(taken < SignedDuration::from_mins(18), "{taken:?}");
}

/// A selection of one in many is drawn anew: the run may hit what the preview has not shown.
#[tokio::test(flavor = "current_thread")]
async fn a_run_that_hits_what_it_must_not_is_ended() {
    let other = "arn:aws:ec2:eu-west-1:123456789012:instance/i-2";
    let instance = |zone: &str, tags: &[(&str, &str)]| Resource {
        resource_type: "aws:ec2:instance".into(),
        tags: tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
        zone: Some(zone.into()),
    };
    let ready = [("ChaosReady", "Yes")];
    let many: Vec<_> = (0..6).map(|n| format!("{INSTANCE}{n}")).collect();
    let cases = [
        (vec![other.to_owned()], instance("euw1-az1", &[]), "its owner has not agreed [opt-in]"),
        (
            vec![INSTANCE.into(), other.into()],
            instance("euw1-az2", &ready),
            "2 Availability Zones would be hit",
        ),
        (many, instance("euw1-az1", &ready), "the target One came to 6 resources; 5 are allowed"),
    ];
    for (arns, resource, why) in cases {
        let range = range();
        previewed(&range).await;
        for arn in arns.iter().filter(|arn| *arn != INSTANCE) {
            range.estate.facts.set_resource(arn, resource.clone());
        }
        range.estate.fis.resolve("One", Resolution::arns(arns));
        let id = ordered(&range).await;
        assert_aborted(&range, &id, why).await;
    }
}

#[tokio::test(flavor = "current_thread")]
async fn what_a_run_hits_counts_as_wrong_when_it_cannot_be_read() {
    for question in [facts::Question::Tags, facts::Question::Zones] {
        let range = range();
        let id = ordered(&range).await;
        range.estate.facts.fail(question, "throttled");
        assert_aborted(&range, &id, "what it hits could not be read").await;
    }
}

#[tokio::test(flavor = "current_thread")]
async fn whoever_stops_it_or_pulls_the_lever_is_named() {
    let stopped = range();
    let id = started(&stopped).await;
    stopped.estate.stop(&id, ADA).await.unwrap();
    let verdict = judged(&stopped, &id).await;
    let why = because(&verdict);
    assert_eq!(verdict.outcome, Outcome::Aborted);
    assert!(why.starts_with(&format!("{ADA} stopped it at 09:")), "{why}");
    assert_eq!(stopped.estate.fis.stops(), [id], "Watchkeeper leaves it to her");
    assert!(
        !stopped.headlines().iter().any(|it| it.contains("is being stopped")),
        "{:?}",
        stopped.headlines()
    );

    let levered = range();
    let id = started(&levered).await;
    levered.estate.engage_lever(ADA, "sale");
    let verdict = judged(&levered, &id).await;
    let why = because(&verdict);
    assert!(why.starts_with(&format!("{ADA} pulled the safety lever at 09:")), "{why}");
    assert_eq!((verdict.outcome, levered.estate.fis.stops().len()), (Outcome::Aborted, 0));
}

#[tokio::test(flavor = "current_thread")]
async fn a_lever_that_was_pulled_between_preview_and_start_leaves_a_cancelled_run_that_proves_nothing() {
    let range = range();
    let id = start(&range, Some("stop-one"), "token-1").await;
    range.estate.engage_lever(ADA, "sale");
    range.minutes(3).await;
    let verdict = range.known(&id).await.verdict.unwrap();
    assert_eq!(verdict.outcome, Outcome::Inconclusive);
    assert_eq!(because(&verdict), "it was cancelled before it began: the safety lever was engaged");
}

#[tokio::test(flavor = "current_thread")]
async fn a_stop_is_repeated_once_a_minute_until_the_run_is_over() {
    for (refused, outcome) in [(3, channels::Outcome::Refuse), (1, channels::Outcome::HangAfterAccepting)] {
        let range = range();
        let id = started(&range).await;
        range.estate.fis.fail_next(Operation::Stop, refused, outcome);
        halt(&range).await;
        let sweep = sweep();
        let reports: Vec<Report> = futures::future::join_all((0..4).map(|_| range.watch(&sweep))).await;
        assert!(reports.iter().any(|report| report.outcome == Ending::Failed), "a refusal is no secret");
        assert_eq!(range.estate.fis.stops().len(), 1, "once a minute");
        assert_aborted(&range, &id, "ada has halted all drills: sale").await;
        let stops = range.estate.fis.stops().len();
        let expected = if outcome == channels::Outcome::Refuse { refused + 1 } else { 1 };
        assert_eq!(stops, expected, "{outcome:?}");
    }
}

/// `chaos-trigger` dies after the start and before it knows the id; from then on nobody runs but the schedule.
#[tokio::test(flavor = "current_thread")]
async fn the_dead_man_ends_a_run_whose_functions_have_died() {
    for step in 0..200 {
        let range = range();
        previewed(&range).await;
        range.estate.fis.hang();
        range.clock.advance(SignedDuration::from_mins(1));
        let process = range.process(Fuse::after(step));
        range.invoke_in(&process, &sweep()).await;
        assert!(process.fuse.is_blown(), "there is no step between start and aim");
        let armed = range.estate.dead_man.armed();
        let is_unaimed = matches!(armed.first().map(|it| &it.target), Some(Target::Watcher { .. }));
        if range.experiments() == 0 || !is_unaimed {
            continue;
        }
        range.clock.advance_to(armed[0].at);
        range.wake().await;
        let run = run(&range).unwrap();
        assert_eq!(run.listed.status, Status::Stopping);
        assert_eq!(range.estate.fis.stops(), [run.listed.id.as_str()]);
        assert_aborted(&range, &run.listed.id, "its dead man woke").await;
        return;
    }
}

#[tokio::test(flavor = "current_thread")]
async fn a_dead_man_of_a_run_that_is_over_ends_nothing() {
    let range = range();
    start(&range, Some("stop-one"), "token-1").await;
    let other = start(&range, Some("stop-one"), "token-2").await;
    range.clock.advance(SignedDuration::from_mins(5));
    let report = range.watch(&json!({ "tick": "dead-man", "token": "token-3" })).await;
    assert_eq!((report.outcome, range.estate.fis.stops().len()), (Ending::Unchanged, 0));
    range.watch(&json!({ "tick": "dead-man", "token": "token-2" })).await;
    assert_eq!(range.estate.fis.stops(), [other]);
    range.clock.advance(SignedDuration::from_mins(15));
    range.watch(&json!({ "tick": "dead-man", "token": "token-1" })).await;
    assert_eq!(range.estate.fis.stops().len(), 1);
}

#[tokio::test(flavor = "current_thread")]
async fn on_the_leash_nothing_is_stopped_and_people_are_told_once_that_it_would_have_been() {
    let mut range = range();
    range.site.leash = true;
    let id = start(&range, Some("stop-one"), "token-1").await;
    range.clock.advance(SignedDuration::from_mins(1));
    halt(&range).await;
    for _ in 0..20 {
        range.watch(&sweep()).await;
        range.clock.advance(SignedDuration::from_mins(1));
    }
    assert_eq!(range.estate.fis.stops(), [""; 0]);
    let headlines = range.headlines();
    assert_eq!(headlines, ["Drill stop-one in staging would be stopped, but for the leash"]);
    let events: Vec<_> = range.channels.events().into_iter().map(|event| event.detail_type).collect();
    assert_eq!(events, ["Drill Updated"], "no machine hears that it was stopped");
    assert_eq!(judged(&range, &id).await.outcome, Outcome::Passed);
}
