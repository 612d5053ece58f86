//! `explain`: what would be done about an event, where it would go, and that nothing is done.

use std::fs;

use serde_json::{Value, json};

use crate::{config, fresh, json_lines, out, watchkeeper};

#[test]
fn explain_says_why_and_leaves_nothing_behind() {
    let state = fresh("explain").join("state");
    let told = out(&watchkeeper(
        &state,
        &["explain", "events/health-responder/18-aurora-certificate-rotation-restart.json"],
    ));
    assert!(told.contains("A new case. Record the new state. Tell people (high): "), "{told}");
    assert!(told.contains("━━ HIGH ━━ scheduled change, opened"), "{told}");
    let foreign = out(&watchkeeper(&state, &["explain", "events/foreign/03-s3-object-created.json"]));
    assert!(foreign.contains("No function is invoked") && foreign.contains("aws.s3"), "{foreign}");
    let malformed = ["explain", "events/malformed/02-detail-is-a-string.json", "--json"];
    let malformed = json_lines(&out(&watchkeeper(&state, &malformed))).remove(0);
    assert_eq!(malformed["notices"][0]["kind"], "malformed");
    assert!(!state.exists());
}

#[test]
fn explain_decides_against_the_state_and_leaves_it_alone() {
    let state = fresh("explain-state");
    let event = "events/health-responder/17-exposed-access-key.json";
    out(&watchkeeper(&state, &["replay", event]));
    let contents = || {
        let mut files: Vec<_> = fs::read_dir(&state).unwrap().map(|file| file.unwrap().path()).collect();
        files.sort();
        files.into_iter().map(|file| (fs::read(&file).unwrap(), file)).collect::<Vec<_>>()
    };
    let before = contents();
    let again = out(&watchkeeper(&state, &["explain", event, "--json"]));
    let again = json_lines(&again).remove(0);
    assert_eq!(again["because"], "A duplicate: this was taken in before. Nothing to do.");
    assert_eq!(again["decision"]["effects"], Value::Array(Vec::new()));
    assert!(contents() == before);
}

const ROUTES: &str = r#"
[[environment]]
name = "production"
accounts = ["111122223333"]

[[channel]]
name = "slack"
kind = "slack-webhook"
secret = "ssm:/watchkeeper/slack"

[[channel]]
name = "pager"
kind = "pagerduty"
secret = "ssm:/watchkeeper/pager"

[[route]]
match = { severity = ["critical", "high"] }
channels = ["pager"]
then = "continue"

[[route]]
match = { service = ["RDS"] }
mute = { kind = ["good-news"] }
channels = ["slack"]
quiet = { from = "08:00", to = "18:00", zone = "UTC" }

[[route]]
match = { service = ["EKS"] }
mute = { kind = ["*"] }
channels = ["slack"]
"#;

#[test]
fn explain_names_the_channels_of_a_notice_and_the_routes_that_lead_there() {
    let dir = fresh("explain-routes");
    let config = config(&dir, ROUTES);
    let explain = |sample: &str, json: &[&str]| {
        let file = format!("events/health-responder/{sample}.json");
        let args = [&["explain", &file, "--config", &config], json].concat();
        out(&watchkeeper(&dir.join("state"), &args))
    };
    let goes_to =
        |sample: &str| explain(sample, &[]).split_once("  Goes to").unwrap().1.trim_start().to_owned();
    let aurora = goes_to("18-aurora-certificate-rotation-restart");
    let (pager, slack) = aurora.split_once('\n').unwrap();
    assert!(pager.starts_with("pager: route 1 (") && pager.ends_with("watchkeeper.toml:16)"), "{aurora}");
    let held = "slack, held until 22 Oct 2026 18:00 UTC: route 2 (";
    assert!(slack.trim_start().starts_with(held) && slack.ends_with("watchkeeper.toml:21)\n"), "{aurora}");
    let eks = goes_to("02-eks-134-end-of-standard-support");
    assert!(
        eks.starts_with("nobody: route 3 (") && eks.ends_with("watchkeeper.toml:27) mutes it\n"),
        "{eks}"
    );
    assert_eq!(
        goes_to("05-acm-certificate-renewed"),
        "messages: no route matches, so it takes the default\n"
    );

    let told = json_lines(&explain("18-aurora-certificate-rotation-restart", &["--json"])).remove(0);
    let slack = &told["destinations"][0][1];
    assert_eq!((&slack["channel"], &slack["hold_until"]), (&json!("slack"), &json!("2026-10-22T18:00:00Z")));
    assert!(!dir.join("state").exists());
}
