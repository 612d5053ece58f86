//! `drill gate`: every end of a run.

use chaos_trigger::{
    decide::Reason,
    standing::{Phase, Run},
};
use jiff::SignedDuration;
use serde_json::{Value, json};
use watchkeeper_domain::{drill::Guard, experiment::Status};

use super::{
    cloud::{Cloud, now},
    course::{run, started, verdict},
    detail, objection, ops, stderr, stdout,
};
use crate::out;

/// What a gate for the run of `id` says at once, as JSON and as text.
async fn gate(cloud: &Cloud, id: &str) -> (Value, String) {
    let args = ["drill", "gate", "cart", "--because", "x", "--id", id, "--wait", "0", "--every-ms", "10"];
    let text = ops(cloud, &args).await;

    let json = ops(cloud, &[&args[..], &["--json"]].concat()).await;
    assert_eq!(text.status, json.status);
    let value: Value = serde_json::from_str(&stdout(&json)).unwrap();
    assert_eq!(value["passed"] == true, json.status.success(), "{json:?}");
    assert!(json.status.code().is_some_and(|code| code < 2));
    (value, stdout(&text))
}

#[tokio::test]
async fn a_gate_stays_shut_when_a_run_ends_before_it_begins() {
    let cloud = Cloud::start("gate-ended-early").await;
    let ends = [
        (
            Reason::Refused(vec![objection(Guard::Alarm, "errors is ALARM")]),
            "refused",
            "errors is ALARM [alarm]",
        ),
        (
            Reason::Refused(vec![objection(Guard::Concurrency, "another run of it")]),
            "busy",
            "another run of it",
        ),
        (
            Reason::Rejected("ValidationException: no role".to_owned()),
            "rejected",
            "ValidationException: no role",
        ),
        (Reason::Rehearsed, "rehearsed", "nothing was started"),
        (Reason::Cancelled("a sale, by bob".to_owned()), "cancelled", "a sale, by bob"),
    ];
    for (reason, end, because) in ends {
        let run = run(end, Phase::Announced, now());
        cloud.decided(&Reason::Announced, &run, None, now()).await;
        cloud.decided(&reason, &Run { seq: 2, ..run }, None, now()).await;
        let (json, text) = gate(&cloud, end).await;
        assert_eq!((json["end"].as_str(), json["passed"].as_bool()), (Some(end), Some(false)), "{json}");
        assert!(json["because"][0].as_str().unwrap().contains(because), "{json}");
        assert!(text.contains(because) && text.contains("\n  next: "), "{text}");
    }
    assert_eq!(cloud.with(|state| state.puts), 0, "each was asked for before");
}

#[tokio::test]
async fn a_gate_opens_for_no_verdict_but_passed() {
    let cloud = Cloud::start("gate-verdicts").await;
    let before = now() - SignedDuration::from_hours(2);
    let judged = [
        ("passed", verdict(Status::Completed, 0.2, before, |_| ())),
        ("failed", verdict(Status::Completed, 3.0, before, |_| ())),
        ("inconclusive", verdict(Status::Completed, 0.2, before, |it| it.series = Err("down".to_owned()))),
        ("errored", verdict(Status::Failed, 0.2, before, |_| ())),
        ("aborted", verdict(Status::Stopped, 0.2, before, |it| it.halted = Some("an issue".to_owned()))),
    ];
    for (end, verdict) in judged {
        let experiment = format!("EXP{end}");
        let run = run(end, started(&experiment), before);
        cloud.decided(&Reason::Over(Status::Completed), &run, None, now()).await;
        cloud.knows(&experiment, Status::Completed, Some(verdict), before).await;
        let (json, text) = gate(&cloud, end).await;
        assert_eq!(
            (json["end"].as_str(), json["passed"].as_bool()),
            (Some(end), Some(end == "passed")),
            "{json}"
        );
        assert_eq!((&json["experiment"], &json["verdict"]["outcome"]), (&json!(experiment), &json!(end)));
        assert_eq!(text.contains("\n  next: "), end != "passed", "{text}");
    }
    assert_eq!(cloud.with(|state| state.puts), 0);
}

#[tokio::test]
async fn a_gate_whose_time_is_over_says_what_it_was_waiting_for() {
    let cloud = Cloud::start("gate-late").await;
    let (json, text) = gate(&cloud, "unheard").await;
    assert_eq!(json["end"], "time-over");
    assert!(text.contains("chaos-trigger has not answered yet") && text.contains("deployed"), "{text}");
    assert_eq!(cloud.with(|state| state.puts), 2, "nobody knew of it, so it was asked for each time");

    let announced = run("announced", Phase::Announced, now());
    cloud.decided(&Reason::Announced, &announced, None, now()).await;
    cloud.stands(Some(announced), None).await;
    let (json, text) = gate(&cloud, "announced").await;
    assert_eq!(json["end"], "time-over");
    assert!(
        text.contains("announced; it may start from")
            && text.contains("gate cart --id announced --because …`, or"),
        "{text}"
    );

    let over = run("over", started("EXP1"), now());
    cloud.decided(&Reason::Over(Status::Completed), &over, None, now()).await;
    cloud.knows("EXP1", Status::Completed, None, now()).await;
    let (json, text) = gate(&cloud, "over").await;
    assert_eq!(json["end"], "no-verdict");
    assert!(text.contains("waiting for its verdict, which comes about"), "{text}");
    assert_eq!(cloud.with(|state| state.puts), 2);
}

#[tokio::test]
async fn a_gate_asks_once_and_waits_and_a_second_one_waits_for_the_same_run() {
    let cloud = Cloud::start("gate-twice").await;
    let args = ["drill", "gate", "cart", "--because", "release", "--id", "b7", "--every-ms", "20"];
    let first = cloud.reached_by(cloud.words(&args));
    cloud.asked().await;
    let announced = run("b7", Phase::Announced, now());
    cloud.decided(&Reason::Announced, &announced, None, now()).await;
    cloud.stands(Some(announced.clone()), None).await;
    let second = cloud.reached_by(cloud.words(&args));
    let at = now() - SignedDuration::from_hours(1);
    let running = Run { seq: 2, phase: started("EXP7"), ..announced };
    cloud.decided(&Reason::Running, &running, None, now()).await;
    cloud.stands(Some(running), Some(now())).await;
    cloud.knows("EXP7", Status::Running, None, at).await;
    cloud.knows("EXP7", Status::Completed, Some(verdict(Status::Completed, 0.2, at, |_| ())), at).await;
    for output in [first.await.unwrap(), second.await.unwrap()] {
        assert!(stderr(&output).contains("cart: waiting for run person-b7\n"), "{output:?}");
        assert!(
            out(&output).starts_with("cart passed (EXP7)\n  - all that was claimed held: "),
            "{output:?}"
        );
    }
    cloud.with(|state| assert_eq!((state.puts, &detail(&state.entries[0])["id"]), (1, &json!("b7"))));
}

#[tokio::test]
async fn a_gate_of_which_nobody_reads_a_word_stays_shut_all_the_same() {
    let cloud = Cloud::start("gate-unread").await;
    for (id, reason, open) in
        [("shut", Reason::Rehearsed, false), ("open", Reason::Over(Status::Completed), true)]
    {
        let at = now() - SignedDuration::from_hours(1);
        cloud.decided(&reason, &run(id, started("EXP1"), at), None, now()).await;
        if open {
            cloud
                .knows("EXP1", Status::Completed, Some(verdict(Status::Completed, 0.2, at, |_| ())), at)
                .await;
        }
        let args = ["drill", "gate", "cart", "--because", "x", "--id", id, "--wait", "0"];
        assert_eq!(cloud.unread(cloud.words(&args)).await.unwrap().success(), open, "{id}");
    }
}
