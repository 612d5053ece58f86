//! Routes, quiet hours and storms on one machine, and what happens to what a channel does not take.

use std::fs;

use serde_json::{Value, json};

use crate::{command, config, fresh, json_lines, out, sample, watchkeeper};

const RDS: &str = "01-rds-mysql80-upgrade-announced.json";

#[test]
fn without_a_channel_the_terminal_keeps_the_routes_with_their_mutes_and_quiet_hours() {
    let dir = fresh("quiet");
    let config = config(
        &dir,
        r#"
[[route]]
match = { service = ["EKS"] }
mute = { kind = ["*"] }
channels = ["messages"]

[[route]]
channels = ["messages"]
quiet = { from = "09:00", to = "17:00", zone = "UTC" }
"#,
    );
    let events = [RDS, "02-eks-134-end-of-standard-support.json"].map(sample);
    fs::write(dir.join("events.json"), json!(events).to_string()).unwrap();
    let events = dir.join("events.json").to_str().unwrap().to_owned();
    let told = out(&watchkeeper(&dir.join("state"), &["replay", &events, "--config", &config]));
    let is_headline = |line: &&str| line.get(3..6) == Some("Aug") || line.starts_with("━━");
    let lines: Vec<_> = told.lines().filter(is_headline).collect();
    assert_eq!(lines.len(), 6, "{told}");
    assert!(lines[1].contains("terminal: quiet until 2026-08-10T17:00:00Z"), "{told}");
    assert!(
        lines[2].starts_with("10 Aug 17:00  acted      notifier") && lines[2].contains("(sweep)"),
        "{told}"
    );
    assert!(lines[3].starts_with("━━ MEDIUM ━━ planned lifecycle"), "{told}");
    assert!(lines[5].ends_with("no channel is to show it"), "{told}");
    assert!(told.contains("0 failed. 1 alert; 1 sweep had something to say."), "{told}");
}

#[test]
fn what_quiet_hours_hold_back_at_the_end_is_shown_before_the_end() {
    let dir = fresh("held");
    let quiet = "[[route]]\nchannels = [\"messages\"]\nquiet = { from = \"09:00\", to = \"08:00\", zone = \"UTC\" }\n";
    let config = config(&dir, quiet);
    let event = format!("events/health-responder/{RDS}");
    let told = out(&watchkeeper(&dir.join("state"), &["replay", &event, "--config", &config]));
    assert!(told.contains("11 Aug 08:00  acted") && told.contains("1 alert; 1 sweep"), "{told}");
    assert!(!told.contains("conversation"), "{told}");
}

#[test]
fn one_topic_in_many_accounts_is_told_as_one() {
    let dir = fresh("storm");
    let accounts = ["111122223333", "444455556666", "777788889999"];
    let event = |account: &str| -> Value {
        let mut event = sample(RDS);
        event["account"] = json!(account);
        event["detail"]["affectedAccount"] = json!(account);
        event
    };
    fs::write(dir.join("events.json"), json!(accounts.map(event)).to_string()).unwrap();
    let events = dir.join("events.json").to_str().unwrap().to_owned();
    let told = out(&watchkeeper(&dir.join("state"), &["replay", &events]));
    assert!(told.contains("terminal: folded into the next message, at 2026-08-10T09:15:"), "{told}");
    let fold = "  One of several: 3 accounts in 1 Region, 9 resources, 3 of 3 cases still open.";
    assert!(told.contains(fold), "{told}");
    assert!(told.contains("0 failed. 2 alerts; 1 sweep had something to say."), "{told}");
}

const SLACK: &str = r#"
[[channel]]
name = "slack"
kind = "slack-webhook"
secret = "secretsmanager:watchkeeper/slack"

[[route]]
channels = ["slack"]
"#;

/// Nobody listens on that port.
const NOWHERE: [(&str, &str); 6] = [
    ("AWS_ENDPOINT_URL", "http://127.0.0.1:1"),
    ("AWS_ACCESS_KEY_ID", "testing"),
    ("AWS_SECRET_ACCESS_KEY", "testing"),
    ("AWS_REGION", "eu-west-1"),
    ("AWS_CONFIG_FILE", "/dev/null"),
    ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null"),
];

#[test]
fn a_channel_that_cannot_be_reached_fails_the_run_and_its_notice_waits_in_a_file() {
    let dir = fresh("unreachable");
    let (config, state) = (config(&dir, SLACK), dir.join("state"));
    let event = format!("events/health-responder/{RDS}");
    let run =
        |args: &[&str]| command(&state, args).args(["--config", &config]).envs(NOWHERE).output().unwrap();
    let first = run(&["replay", &event]);
    let told = String::from_utf8(first.stdout).unwrap();
    assert_eq!(first.status.code(), Some(1), "{told}");
    let cause =
        "slack: the channel refuses it: gave up after 12 tries; the last one: secret \"watchkeeper/slack\"";
    assert!(told.lines().any(|line| line.contains("failed     notifier") && line.contains(cause)), "{told}");
    // People hear of it on the default channel, which has no address here.
    assert!(told.contains("What goes to the topic `messages` is shown here as a mail"), "{told}");
    assert!(told.contains("Mail of messages: [HIGH] The channel slack refuses messages"), "{told}");
    let queue = state.join("undelivered.jsonl").to_str().unwrap().to_owned();
    assert!(
        told.contains("1 notice waits in ") && told.contains("undelivered.jsonl, refused by a channel"),
        "{told}"
    );
    assert!(told.contains("1 failed. 1 alert (1 on messages)"), "{told}");

    // Nobody is told twice, and what waits still waits.
    let second = out(&run(&["replay", &event]));
    assert!(second.contains("Nobody was alerted.") && second.contains("1 notice waits"), "{second}");

    let waiting = json_lines(&fs::read_to_string(&queue).unwrap()).remove(0);
    let record = &waiting["requestPayload"]["Records"][0]["Sns"];
    assert_eq!(record["MessageAttributes"]["refused_by"]["Value"], "slack");
    let again = run(&["replay", &queue, "--json"]);
    assert_eq!(again.status.code(), Some(1), "{again:?}");
    let lines = json_lines(&String::from_utf8(again.stdout).unwrap());
    assert_eq!(lines[0]["function"], "notifier");
    assert!(lines[0]["event_id"].as_str().unwrap().starts_with(&waiting_id(record)), "{lines:?}");
    let failed = lines.iter().filter(|line| line["outcome"] == "failed");
    assert!(failed.clone().all(|line| line["reason"].as_str().unwrap().contains("slack: ")), "{lines:?}");
    assert_eq!(failed.count(), 1, "{lines:?}");
    assert_eq!(fs::read_to_string(&queue).unwrap().lines().count(), 1, "it waits once");
}

fn waiting_id(record: &Value) -> String {
    let notice: Value = serde_json::from_str(record["Message"].as_str().unwrap()).unwrap();
    notice["id"].as_str().unwrap().to_owned()
}

#[test]
fn without_credentials_the_mend_is_named_before_anything_is_sent() {
    let dir = fresh("credentials");
    let config = config(&dir, SLACK);
    let mut command = command(&dir.join("state"), &["local", "--config", &config]);
    for (name, _) in NOWHERE {
        command.env_remove(name);
    }
    command.env_remove("AWS_PROFILE").env("AWS_EC2_METADATA_DISABLED", "true").env("AWS_REGION", "eu-west-1");
    command.env("AWS_CONFIG_FILE", "/dev/null").env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null");
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(told.starts_with("error: the secrets of 1 channel (slack) are read from AWS, and"), "{told}");
    assert!(!dir.join("state").exists());
}
