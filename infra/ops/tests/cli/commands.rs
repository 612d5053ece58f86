//! Each command, as it is without any channel.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

use serde_json::Value;

use crate::{ROOT, fresh, json_lines, out, sample, watchkeeper};

/// The table of open cases, without the time at which it was made.
fn open_cases(text: &str) -> Vec<&str> {
    let lines = text.lines().skip_while(|line| !line.contains("open cases at"));
    lines.skip(1).take_while(|line| !line.is_empty()).collect()
}

/// How many sample events there are in that folder.
fn samples(folder: &str) -> usize {
    let files = fs::read_dir(Path::new(ROOT).join("events").join(folder)).unwrap();
    files.filter(|file| file.as_ref().unwrap().path().extension().is_some_and(|it| it == "json")).count()
}

/// The folders that `local` shows.
const SHOWN: [&str; 3] = ["events/foreign", "events/health-responder", "events/malformed"];

fn all_samples() -> usize {
    ["health-responder", "foreign", "malformed"].map(samples).iter().sum()
}

#[test]
fn local_tells_everything_once_and_the_second_time_nothing() {
    let state = fresh("local");
    let first = out(&watchkeeper(&state, &[]));
    assert!(first.contains("━━ CRITICAL ━━ security, opened"), "{first}");
    assert!(first.contains("Reminder: "), "{first}");
    assert!(
        first.contains(&format!("\n{} events: ", all_samples())) && first.contains(" 0 failed. "),
        "{first}"
    );
    assert!(first.contains("connection pool survives the restart"), "{first}");
    assert!(!first.contains('\u{1b}'), "a pipe gets no colours");

    let second = out(&watchkeeper(&state, &["local"]));
    let [known, foreign, malformed] = ["health-responder", "foreign", "malformed"].map(samples);
    let tally =
        format!("{known} unchanged, {foreign} foreign, {malformed} malformed, 0 failed. Nobody was alerted.");
    assert!(second.contains(&tally), "{second}");
    assert!(!second.contains("━━"), "{second}");
    assert_eq!(open_cases(&first), open_cases(&second));
    assert!(
        open_cases(&first).iter().any(|line| line.contains("30 Apr 2027") && line.contains("36 of 36")),
        "{first}"
    );
}

#[test]
fn replay_writes_one_json_object_a_line() {
    let lines =
        json_lines(&out(&watchkeeper(&fresh("json"), &[&["replay"], &SHOWN[..], &["--json"]].concat())));
    for line in &lines {
        let mut keys: Vec<_> = line.as_object().unwrap().keys().map(String::as_str).collect();
        keys.sort_unstable();
        assert_eq!(keys, ["event_id", "file", "function", "notices", "outcome", "reason"]);
    }
    let of = |file: &str| lines.iter().find(|line| line["file"].as_str().unwrap().ends_with(file)).unwrap();
    let foreign = of("foreign/01-ec2-instance-state-change.json");
    assert_eq!((&foreign["function"], &foreign["outcome"]), (&Value::Null, &"foreign".into()));
    let told = of("health-responder/01-rds-mysql80-upgrade-announced.json");
    assert_eq!((&told["function"], &told["outcome"]), (&"health-responder".into(), &"acted".into()));
    assert_eq!(told["event_id"], "e7ee3576-adbb-5f48-a895-0fdfb75f677d");
    assert_eq!(
        (&told["notices"][0]["kind"], &told["notices"][0]["severity"]),
        (&"planned-lifecycle".into(), &"medium".into())
    );
    let sweeps: Vec<_> = lines.iter().filter(|line| line["file"] == "(sweep)").collect();
    assert!(!sweeps.is_empty() && sweeps.iter().all(|line| line["notices"][0]["headline"] != Value::Null));
    assert_eq!(lines.len(), all_samples() + sweeps.len());
}

#[test]
fn in_disorder_and_three_times_each_the_same_cases_are_open_in_the_end() {
    let ordered = out(&watchkeeper(&fresh("ordered"), &["local"]));
    assert!(open_cases(&ordered).len() > 2, "{ordered}");
    for seed in ["7", "8"] {
        let shuffled = [&["replay"], &SHOWN[..], &["--shuffle", seed, "--times", "3"]].concat();
        let shuffled = out(&watchkeeper(&fresh("shuffled"), &shuffled));
        assert!(shuffled.contains(&format!("\n{} events: ", 3 * all_samples())), "{shuffled}");
        assert_eq!(open_cases(&ordered), open_cases(&shuffled), "seed {seed}");
    }
}

#[test]
fn what_cannot_be_read_is_named_with_its_place_and_the_rest_goes_on() {
    let dir = fresh("unreadable");
    let event = sample("17-exposed-access-key.json");
    fs::write(dir.join("1.ndjson"), format!("{event}\n{{\"id\": }}\n{event}\n")).unwrap();
    fs::write(dir.join("2.json"), "[\n").unwrap();
    fs::write(dir.join("README.md"), "not an event").unwrap();
    let output = watchkeeper(&dir.join("state"), &["replay", dir.to_str().unwrap(), "--json"]);
    assert_eq!(output.status.code(), Some(1));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(
        stderr.contains("1.ndjson:2:8: not JSON: ") && stderr.contains("2.json:2:1: not JSON: "),
        "{stderr}"
    );
    let lines = json_lines(&String::from_utf8(output.stdout).unwrap());
    let outcomes: Vec<_> = lines.iter().map(|line| line["outcome"].as_str().unwrap()).collect();
    assert_eq!(outcomes, ["acted", "failed", "unchanged", "failed"]);
}

#[test]
fn whoever_stops_reading_causes_no_panic() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_watchkeeper"));
    let command = command.current_dir(ROOT).arg("--state").arg(fresh("pipe"));
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

#[test]
fn check_finds_nothing_here_and_names_every_problem_elsewhere() {
    let dir = fresh("check");
    let fine = out(&watchkeeper(&dir, &["check"]));
    let others = samples("chaos-trigger") + samples("experiment-watcher") + samples("cache-refresher");
    let files = 4 + all_samples() + others; // the configuration, the packages of its cache, the schedules, the template
    let said =
        format!("no problems in the configuration, the template and the sample events, {files} files\n");
    assert_eq!(fine, said);

    let config = dir.join("broken.toml");
    fs::write(&config, "[health]\nremind_days = 7\n\n[[rule]]\nowner = 1\n").unwrap();
    let config = config.to_str().unwrap();
    let output = watchkeeper(&dir, &["check", "--config", config]);
    assert_eq!(output.status.code(), Some(1));
    let told = String::from_utf8(output.stdout).unwrap();
    for place in ["2:15: `remind_days` must be a list", "5:9: `owner` must be a text"] {
        assert!(told.contains(&format!("broken.toml:{place}")), "{told}");
    }
    let output = watchkeeper(&dir, &["check", "--json", "--config", config]);
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    // Schedules are made of the repository's own configuration, and so only held against that. This one names no packages.
    assert_eq!((&told["problems"][0]["line"], &told["files"]), (&2.into(), &(files - 2).into()));
}

#[test]
fn outside_the_repository_the_mend_is_named() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_watchkeeper"));
    let output = command.current_dir("/").arg("check").output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(
        stderr.starts_with("error: no template.yaml in /") && stderr.contains("run this inside"),
        "{stderr}"
    );
}
