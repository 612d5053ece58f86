//! The commands that speak to a deployed stack, and what people read of them.

use std::{fs, process::Output};

use chaos_trigger::{
    decide::Reason,
    standing::{Phase, Run},
};
use jiff::{SignedDuration, Timestamp, Zoned};
use serde_json::{Value, json};
use watchkeeper_domain::{
    drill::{Guard, Objection},
    experiment::Status,
};

use crate::out;

pub mod cloud;
mod course;
mod gate;
mod halt;

use cloud::{Cloud, Fault, now};
use course::{errors, run, verdict};
use halt::thrown;

async fn ops(cloud: &Cloud, args: &[&str]) -> Output {
    cloud.reached_by(cloud.words(args)).await.unwrap()
}

pub fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

pub fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

pub fn detail(entry: &Value) -> Value {
    serde_json::from_str(entry["Detail"].as_str().unwrap()).unwrap()
}

#[tokio::test]
async fn a_request_is_one_event_with_who_and_why_and_an_id() {
    let cloud = Cloud::start("request").await;
    let told = out(&ops(&cloud, &["drill", "start", "cart", "--because", "release\n4.2"]).await);
    let entry = cloud.with(|state| state.entries.remove(0));
    assert_eq!(
        [&entry["EventBusName"], &entry["Source"], &entry["DetailType"]],
        ["watchkeeper", "watchkeeper.ops", "Drill Requested"]
    );
    let id = detail(&entry)["id"].as_str().unwrap().to_owned();
    assert_eq!(detail(&entry), json!({"drill": "cart", "by": "alice", "because": "release 4.2", "id": id}));
    assert_eq!(
        told,
        format!(
            "asked for a run of cart: release 4.2, by alice\n  \
             id    {id}: asked again with --id, it is the same run\n  \
             next  it is announced 15 minutes before it starts, or refused: `watchkeeper drill log cart`\n"
        )
    );
    for (word, kind) in [("cancel", "Drill Cancelled"), ("release", "Drill Released")] {
        let args = ["drill", word, "cart", "--because", "sale", "--by", "bob", "--bus", "other"];
        assert!(out(&ops(&cloud, &args).await).contains("cart: sale, by bob\n"), "{word}");
        let entry = cloud.with(|state| state.entries.remove(0));
        assert_eq!((&entry["EventBusName"], &entry["DetailType"]), (&json!("other"), &json!(kind)));
        assert_eq!(detail(&entry)["by"], "bob");
    }
}

#[tokio::test]
async fn what_nobody_could_carry_out_is_not_asked_for() {
    let cloud = Cloud::start("request-refused").await;
    let output = ops(&cloud, &["drill", "start", "card", "--because", "x"]).await;
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("no drill `card` in the configuration; known: cart, ledger, off"));
    let long = "x".repeat(201);
    for wrong in [
        &["start", "cart"][..],
        &["cancel", "cart", "--because", " "],
        &["release", "cart", "--because", &long],
    ] {
        let output = ops(&cloud, &[&["drill"], wrong].concat()).await;
        assert_eq!(output.status.code(), Some(2), "{wrong:?}");
    }
    let nobody = ops(&cloud, &["drill", "start", "cart", "--because", "x", "--by", ""]).await;
    assert_eq!(nobody.status.code(), Some(2));
    assert_eq!(cloud.with(|state| state.puts), 0);
}

#[tokio::test]
async fn a_request_is_put_once_and_a_doubtful_one_names_the_id_that_makes_a_second_try_safe() {
    let cloud = Cloud::start("request-in-doubt").await;
    let start = ["drill", "start", "cart", "--because", "x"];
    let faults = [
        (Fault::CutAfterAccepting, true),
        (Fault::Refuse(500, "InternalException"), true),
        (Fault::FailEntry("InternalFailure"), true),
        (Fault::Refuse(400, "AccessDeniedException"), false),
        (Fault::FailEntry("NotAuthorizedForSource"), false),
    ];
    for (fault, doubtful) in faults {
        cloud.with(|state| (state.puts, state.put_faults) = (0, [fault].into()));
        let output = ops(&cloud, &start).await;
        let told = stderr(&output);
        assert_eq!((output.status.code(), cloud.with(|state| state.puts)), (Some(1), 1), "{fault:?}");
        assert_eq!(told.contains("with --id "), doubtful, "{fault:?}: {told}");
        assert_eq!(told.contains("nothing was asked for"), !doubtful, "{fault:?}: {told}");
    }
    out(&ops(&cloud, &[&start[..], &["--id", "build-7"]].concat()).await);
    assert_eq!(cloud.with(|state| detail(state.entries.last().unwrap())["id"].clone()), "build-7");
}

#[tokio::test]
async fn without_its_name_the_table_is_said_to_be_an_output_of_the_stack() {
    let cloud = Cloud::start("stack-unnamed").await;
    for args in [&["drill", "log", "cart"][..], &["drill", "score"], &["drill", "report", "cart"]] {
        let mut command = cloud.words(args);
        command.args(["--table", ""]);
        let output = cloud.reached_by(command).await.unwrap();
        assert_eq!(output.status.code(), Some(1));
        assert!(stderr(&output).contains("It is the output `Table` of the stack"), "{}", stderr(&output));
    }
    let output = ops(&cloud, &["drill", "log", "cart", "--table", "nowhere"]).await;
    assert!(
        stderr(&output).contains("it is not in this account and Region: see --table")
            && output.status.code() == Some(1),
        "{}",
        stderr(&output)
    );
}

#[tokio::test]
async fn without_credentials_nothing_is_in_doubt_and_the_mend_is_named() {
    let cloud = Cloud::start("stack-unsigned").await;
    for (args, more) in [
        (&["drill", "start", "cart", "--because", "x"][..], "nothing was asked for"),
        (&["drill", "log", "cart"], ""),
        (&["halt", "--because", "x"], "NOT ALL OF IT IS HALTED"),
    ] {
        let output = cloud.reached_unsigned_by(cloud.words(args)).await.unwrap();
        let told = stdout(&output) + &stderr(&output);
        assert_eq!(output.status.code(), Some(1), "{told}");
        assert!(told.contains("no AWS credentials: set AWS_PROFILE") && told.contains(more), "{told}");
        assert!(!told.contains("all the same") && !told.contains("--id"), "{told}");
    }
    assert_eq!((cloud.with(|state| state.puts), thrown(&cloud).await), (0, None));
}

/// `10:00:00` on a day in Berlin.
fn at(time: &str) -> Timestamp {
    format!("2026-11-17T{time}+01:00").parse().unwrap()
}

/// `10:00:00` yesterday in Berlin: the log is looked for from today on backwards.
fn yesterday(time: &str) -> Zoned {
    let day = now().in_tz("Europe/Berlin").unwrap().date().yesterday().unwrap();
    day.to_datetime(time.parse().unwrap()).in_tz("Europe/Berlin").unwrap()
}

fn objection(guard: Guard, because: &str) -> Objection {
    Objection { guard, because: because.to_owned() }
}

#[tokio::test]
async fn the_log_shows_where_a_drill_stands_and_each_decision_run_by_run() {
    let cloud = Cloud::start("drill-log").await;
    let empty = out(&ops(&cloud, &["drill", "log", "cart"]).await);
    assert_eq!(empty, "cart: shop in staging\n  nothing was ever asked of it\n");

    let time = |time: &str| yesterday(time).timestamp();
    let first = run("a", Phase::Announced, time("09:30:00"));
    cloud.decided(&Reason::Announced, &first, None, time("09:30:00")).await;
    let refused = Reason::Refused(vec![
        objection(Guard::Alarm, "checkout-errors is ALARM"),
        objection(Guard::Window, "too late"),
    ]);
    let facts = serde_json::json!({
        "halt": {"Ok": null}, "alarms": {"Err": "the network is down"}, "issues": {"Err": "nobody has asked"},
        "lever": {"Ok": {"status": "disengaged", "reason": ""}}, "targets": null,
    });
    let mut entry =
        chaos_trigger::log::Entry::new(&refused, Some(&Run { seq: 2, ..first }), None, time("09:45:00"));
    entry.facts = facts;
    cloud.keep(&entry.key("cart"), &entry).await;
    let second = run("b", Phase::Announced, time("10:30:00"));
    cloud.decided(&Reason::Announced, &second, None, time("10:30:00")).await;
    let entering = Run { phase: Phase::Entering, ..second.clone() };
    cloud.decided(&Reason::Clear("take the floor"), &entering, None, time("10:45:00")).await;
    let previewing = Run { phase: Phase::Previewing { since: time("10:45:00") }, ..second.clone() };
    cloud.decided(&Reason::Clear("preview"), &previewing, None, time("10:45:00")).await;
    cloud.stands(Some(previewing), Some(time("08:00:00"))).await;

    let told = out(&ops(&cloud, &["drill", "log", "cart"]).await);
    let day = yesterday("10:00:00").strftime("%a %F").to_string();
    let last_start = yesterday("08:00:00").strftime("%a %-d %b %Y %H:%M %Z").to_string();
    let expected = include_str!("stack/log.txt").replace("DAY", &day).replace("LAST START", &last_start);
    assert_eq!(told, expected);
    let last = out(&ops(&cloud, &["drill", "log", "cart", "--last", "1"]).await);
    assert!(!last.contains("person-a") && last.contains("person-b, asked"), "{last}");
    let known = out(&ops(&cloud, &["drill", "log", "cart", "--facts"]).await);
    for line in ["alarms   not known: the network is down\n", "halt     none\n", "lever    {\"reason\":"] {
        assert!(known.contains(line), "{line}: {known}");
    }
    assert!(!known.contains("issues") && !told.contains("disengaged"), "{known}");
    let json = out(&ops(&cloud, &["drill", "log", "cart", "--json"]).await);
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["standing"]["run"]["id"], "person-b");
    assert_eq!(json["runs"][0]["entries"][1]["reason"]["refused"][0]["guard"], "alarm");
    assert!(json["runs"][0]["entries"][1].get("facts").is_none());
}

#[tokio::test]
async fn a_report_tells_the_last_verdict_with_its_numbers_and_the_runs_before() {
    let cloud = Cloud::start("drill-report").await;
    let report = |more: &'static [&'static str]| {
        let args = [&["drill", "report", "cart"], more].concat();
        let command = cloud.words(&args);
        cloud.reached_by(command)
    };
    let none = report(&[]).await.unwrap();
    assert!(
        stderr(&none).contains("cart has no verdict yet: `watchkeeper drill log cart` shows where it stands")
    );
    let (old, new) = (at("08:00:00"), at("10:00:00"));
    cloud.knows("EXPold", Status::Completed, Some(verdict(Status::Completed, 0.2, old, |_| ())), old).await;
    cloud.knows("EXPnew", Status::Completed, Some(verdict(Status::Completed, 3.0, new, |_| ())), new).await;
    cloud.measured("EXPnew", &errors(3.0, new)).await;
    let told = out(&report(&[]).await.unwrap());
    assert_eq!(told, include_str!("stack/report.txt"));

    let earlier = out(&report(&["--experiment", "EXPold"]).await.unwrap());
    assert!(earlier.starts_with("cart PASSED\n") && !earlier.contains("Compared"), "{earlier}");
    let unknown = report(&["--experiment", "EXPx"]).await.unwrap();
    assert!(
        stderr(&unknown)
            .contains("no verdict of the experiment EXPx; the last that have one: EXPnew, EXPold")
    );
    let json: Value = serde_json::from_str(&out(&report(&["--json"]).await.unwrap())).unwrap();
    assert_eq!(
        (&json["verdict"]["outcome"], &json["earlier"][0]["experiment"]),
        (&json!("failed"), &json!("EXPold"))
    );
    assert_eq!(json["series"][0]["points"].as_array().unwrap().len(), 80);

    let page = cloud.folder.join("cart.html");
    let args = ["drill", "report", "cart", "--html", page.to_str().unwrap()];
    assert!(out(&ops(&cloud, &args).await).ends_with("cart.html: cart failed\n"));
    let page = fs::read_to_string(page).unwrap();
    assert!(page.contains("<svg") && page.contains("EXPold"));
}

#[tokio::test]
async fn the_score_names_what_is_switched_on_and_has_no_verdict() {
    let cloud = Cloud::start("drill-score").await;
    let before = now() - SignedDuration::from_hours(49);
    cloud
        .knows("EXP1", Status::Completed, Some(verdict(Status::Completed, 0.2, before, |_| ())), before)
        .await;
    let told = out(&ops(&cloud, &["drill", "score"]).await);
    assert_eq!(
        told,
        "  SCORE  COVERAGE  SERVICE\n      \
               –       0 %  bank\n    \
             100     100 %  shop\n    \
             100      33 %  all of them\n\
         \n  \
           VERDICT  AGE     WORTH  WEIGHT  DRILL\n  \
           –        –         0 %  5       ledger\n  \
           –        –         0 %  5       off (switched off)\n  \
           passed   2 days  100 %  5       cart\n\
         \n\
         Switched on, and without a verdict: ledger\n"
    );
    let json = out(&ops(&cloud, &["drill", "score", "--json"]).await);
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["without_verdict"], json!(["ledger"]));
    assert_eq!((&json["whole"]["score"], &json["services"]["bank"]["score"]), (&json!(100.0), &Value::Null));
}
