//! `drill preview`, `drill schedules`, `drill approve` and `drill holidays`, and what `check` says of drills.

use std::{fs, path::Path};

use serde_json::{Value, json};
use watchkeeper_sim::template::document;

mod approve;
mod holidays;

use crate::{ROOT, command, config, fresh, json_lines, out, watchkeeper};

/// Two drills in the weeks around Christmas: one that may start, and one that is off.
const DRILLS: &str = r#"
[drills]
holidays = [2026-12-25]

[[drill]]
name = "weekly"
template = "EXT1"
approved = "0123456789abcdef0123456789abcdef"
enabled = true
service = "cart: the \"best\""
environment = "staging"
schedule = "cron(0 10 ? * FRI *)"
zone = "Europe/Berlin"

[[drill.window]]
days = ["FRI"]
from = "09:00"
to = "16:00"

[[drill]]
name = "hourly"
template = "EXT2"
service = "cart"
environment = "production"
schedule = "cron(30 14-15 18 12 ? 2026)"
zone = "America/New_York"
flexible_minutes = 15
late_minutes = 60
promotion = { after = "weekly", within_days = 7 }

[[drill.window]]
days = ["FRI"]
from = "09:00"
to = "16:00"

[[drill]]
name = "asked-for"
template = "EXT3"
service = "cart"
environment = "staging"
zone = "UTC"
"#;

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn preview_shows_each_run_in_its_zone_and_what_would_refuse_it() {
    let dir = fresh("preview");
    let config = config(&dir, DRILLS);
    let preview = ["drill", "preview", "--config", &config, "--from", "2026-12-14", "--days", "14"];
    let told = out(&watchkeeper(&dir, &preview));
    let rows: Vec<_> = told.lines().take_while(|line| !line.is_empty()).collect();
    assert_eq!(
        rows,
        [
            "4 runs in 14 days from Mon 2026-12-14 00:00 UTC",
            "  DUE                   ZONE              UTC               DRILL   FORESEEN",
            "  Fri 2026-12-18 10:00  Europe/Berlin     2026-12-18 09:00  weekly  may start",
            "  Fri 2026-12-18 14:44  America/New_York  2026-12-18 19:44  hourly  refused: switch, approval",
            "  Fri 2026-12-18 15:33  America/New_York  2026-12-18 20:33  hourly  refused: switch, approval, window",
            "  Fri 2026-12-25 10:00  Europe/Berlin     2026-12-25 09:00  weekly  refused: window",
        ]
    );
    for reason in [
        "weekly\n  Fri 2026-12-25 10:00: 2026-12-25 is a holiday; it fits at Fri 2027-01-01 09:00 [window]\n",
        "hourly\n  each time: the drill is switched off: ",
        "  Fri 2026-12-18 15:33: it would be over at Fri 2026-12-18 16:03, and its window closes at 16:00; ",
        "  each time: weekly must have passed within 7 days before\n",
        "asked-for\n  it has no schedule: it is due when asked for\n",
        "its recovery alone is held against the windows",
    ] {
        assert!(told.contains(reason), "{reason}\n{told}");
    }
    let runs = json_lines(&out(&watchkeeper(&dir, &[&preview[..], &["--json"]].concat())));
    let of = |run: &Value| (run["run"].clone(), run["due"].clone(), run["refused"].clone());
    assert_eq!(of(&runs[0]), (json!("2026-12-18T10:00"), json!("2026-12-18T09:00:00Z"), json!(false)));
    assert_eq!(runs[3]["objections"][0]["guard"], "window");
    assert_eq!((&runs[1]["zone"], &runs[1]["after"]), (&json!("America/New_York"), &json!("weekly")));
}

#[test]
fn a_run_that_comes_too_soon_after_one_that_may_start_is_refused() {
    let dir = fresh("preview-interval");
    let config =
        config(&dir, &DRILLS.replace("FRI *", "FRI,SAT *").replace("[\"FRI\"]", "[\"FRI\", \"SAT\"]"));
    let often =
        fs::read_to_string(&config).unwrap().replace("enabled = true", "enabled = true\ninterval_hours = 25");
    fs::write(&config, often).unwrap();
    let preview = ["drill", "preview", "--config", &config, "--from", "2026-12-25", "--days", "9", "--json"];
    let runs = json_lines(&out(&watchkeeper(&dir, &preview)));
    let refused: Vec<_> =
        runs.iter().map(|run| run["objections"][0]["guard"].as_str().unwrap_or("")).collect();
    assert_eq!(refused, ["window", "", "", "interval"], "the holiday did not start, so it counts for nobody");
}

#[test]
fn a_week_that_will_be_full_is_foreseen() {
    let dir = fresh("preview-week");
    let daily = DRILLS
        .replace("FRI *", "MON-SAT *")
        .replace("[\"FRI\"]", "[\"MON\", \"TUE\", \"WED\", \"THU\", \"FRI\", \"SAT\"]")
        .replace("enabled = true", "enabled = true\nmax_runs_per_week = 2");
    let config = config(&dir, &daily);
    let preview = ["drill", "preview", "--config", &config, "--from", "2026-11-23", "--days", "9", "--json"];
    let runs = json_lines(&out(&watchkeeper(&dir, &preview)));
    let refused: Vec<_> =
        runs.iter().map(|run| run["objections"][0]["guard"].as_str().unwrap_or("")).collect();
    // Monday and Tuesday, and the same a week later.
    assert_eq!(refused, ["", "", "interval", "interval", "interval", "interval", "", ""]);
}

#[test]
fn the_schedules_of_the_repository_are_current() {
    let told = out(&watchkeeper(&fresh("schedules"), &["drill", "schedules", "--check"]));
    assert_eq!(told, "infra/schedules.yaml is current\n");
}

#[test]
fn a_schedule_invokes_the_function_in_its_zone_and_soon_or_not_at_all() {
    let dir = fresh("schedules-written");
    let config = config(&dir, DRILLS);
    let file = dir.join("schedules.yaml");
    let write = ["drill", "schedules", "--config", &config, "--out", file.to_str().unwrap()];
    let check = [&write[..], &["--check"]].concat();
    assert_eq!(watchkeeper(&dir, &check).status.code(), Some(1), "there is none");
    assert!(!file.exists());
    assert!(out(&watchkeeper(&dir, &write)).ends_with("schedules.yaml: 2 schedules\n"));
    out(&watchkeeper(&dir, &check));

    let template = document(&fs::read_to_string(&file).unwrap()).unwrap();
    let weekly = &template["Resources"]["DrillWeekly"]["Properties"];
    assert_eq!(weekly["Description"], "Drill of cart: the \"best\" in staging");
    assert_eq!(
        (&weekly["State"], &weekly["ScheduleExpression"], &weekly["ScheduleExpressionTimezone"]),
        (&json!("ENABLED"), &json!("cron(0 10 ? * FRI *)"), &json!("Europe/Berlin"))
    );
    assert_eq!(weekly["FlexibleTimeWindow"], json!({"Mode": "OFF"}));
    let target = &weekly["Target"];
    assert_eq!(target["RetryPolicy"], json!({"MaximumEventAgeInSeconds": 300, "MaximumRetryAttempts": 2}));
    assert_eq!(target["DeadLetterConfig"]["Arn"], json!({"Fn::GetAtt": ["DeadLetters", "Arn"]}));
    let input: Value = serde_json::from_str(target["Input"].as_str().unwrap()).unwrap();
    assert_eq!(
        input,
        json!({"tick": "drill", "drill": "weekly", "scheduled": "<aws.scheduler.scheduled-time>"})
    );
    let hourly = &template["Resources"]["DrillHourly"]["Properties"];
    assert_eq!(hourly["State"], "DISABLED");
    assert_eq!(hourly["FlexibleTimeWindow"], json!({"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 15}));
    assert_eq!(template["Resources"].get("DrillAskedFor"), None);

    fs::write(&config, DRILLS.replace("0 10", "0 11")).unwrap();
    let stale = watchkeeper(&dir, &check);
    assert_eq!(stale.status.code(), Some(1));
    assert!(text(&stale.stdout).contains("write it with `watchkeeper drill schedules`"), "{stale:?}");
}

#[test]
fn check_refuses_schedules_that_the_clock_skips_that_never_come_or_never_fit() {
    let dir = fresh("check-drills");
    let of = |cron: &str| {
        let drills = DRILLS.replace("cron(30 14-15 18 12 ? 2026)", "cron(30 14 ? * FRI *)");
        let config = config(&dir, &drills.replace("cron(0 10 ? * FRI *)", cron));
        let found = watchkeeper(&dir, &["check", "--json", "--config", &config]);
        let found: Value = serde_json::from_slice(&found.stdout).unwrap();
        let problems = found["problems"].as_array().unwrap().iter();
        let ours =
            problems.filter(|it| it["file"].as_str().unwrap().ends_with("check-drills/watchkeeper.toml"));
        ours.map(|it| (it["line"].clone(), it["message"].as_str().unwrap().to_owned())).collect::<Vec<_>>()
    };
    let never = "`schedule`: it names no time within the next three years";
    assert_eq!(of("cron(0 10 ? * FRI 2020)"), [(json!(12), never.to_owned())]);
    let [(line, skipped)] = of("cron(30 2 ? * SUN *)").try_into().unwrap();
    assert_eq!(line, 12);
    assert!(skipped.starts_with("`schedule`: 02:30 is skipped on 20"), "{skipped}");
    assert!(skipped.ends_with("move it out of 02:00–03:00 (Europe/Berlin)"), "{skipped}");
    let [(_, outside)] = of("cron(0 10 ? * MON *)").try_into().unwrap();
    assert!(outside.contains("none of its times fits into its windows: Mon "), "{outside}");
    assert_eq!(of("cron(0 10 ? * FRI *)"), []);
}

#[test]
fn check_names_schedules_that_are_not_current() {
    let dir = fresh("check-schedules");
    fs::create_dir_all(dir.join("infra/config")).unwrap();
    fs::write(dir.join("template.yaml"), "Resources: {}\n").unwrap();
    fs::write(dir.join("infra/config/watchkeeper.toml"), DRILLS).unwrap();
    let run =
        |args: &[&str]| text(&command(&dir.join("state"), args).current_dir(&dir).output().unwrap().stdout);
    let problem = "infra/schedules.yaml:1:1: is not what watchkeeper.toml declares";
    assert!(run(&["check"]).contains(problem));
    assert_eq!(run(&["drill", "schedules"]), "infra/schedules.yaml: 2 schedules\n");
    assert!(!run(&["check"]).contains(problem));
}

/// As `aws fis get-experiment-template` answers.
fn template() -> Value {
    json!({ "experimentTemplate": {
        "id": "EXT1",
        "description": "stop one instance for ten minutes",
        "targets": { "One": {
            "resourceType": "aws:ec2:instance", "resourceTags": { "ChaosReady": "Yes" },
            "filters": [{ "path": "State.Name", "values": ["running"] }], "selectionMode": "COUNT(1)",
        } },
        "actions": { "stop": { "actionId": "aws:ec2:stop-instances", "targets": { "Instances": "One" },
            "parameters": { "startInstancesAfterDuration": "PT10M" } } },
        "stopConditions": [{ "source": "aws:cloudwatch:alarm",
            "value": "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:checkout-errors" }],
        "roleArn": "arn:aws:iam::123456789012:role/drills",
        "logConfiguration": { "logSchemaVersion": 2, "cloudWatchLogsConfiguration": {
            "logGroupArn": "arn:aws:logs:eu-west-1:123456789012:log-group:drills:*" } },
        "tags": { "Name": "stop-one" },
    } })
}

fn write(dir: &Path, name: &str, value: &Value) -> String {
    let path = dir.join(name);
    fs::write(&path, value.to_string()).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn an_approval_is_written_once_and_nothing_else_is_touched() {
    let dir = fresh("approve");
    let (config, file) = (config(&dir, DRILLS), write(&dir, "template.json", &template()));
    let approve = ["drill", "approve", "hourly", "--template", &file, "--config", &config];
    let told = out(&watchkeeper(&dir, &approve));
    let hash = told.lines().find_map(|line| line.trim().strip_prefix("hash ")).unwrap();
    assert!(told.contains("may be started") && told.contains("hourly is approved in "), "{told}");
    let expected = DRILLS.replace("\"EXT2\"\n", &format!("\"EXT2\"\napproved = \"{hash}\"\n"));
    assert_eq!(fs::read_to_string(&config).unwrap(), expected);
    assert!(out(&watchkeeper(&dir, &approve)).contains("hourly was approved as it is"));
    assert_eq!(fs::read_to_string(&config).unwrap(), expected);
}

#[test]
fn a_template_that_is_refused_or_not_known_yet_is_not_approved() {
    let dir = fresh("approve-refused");
    let config = config(&dir, DRILLS);
    let mut endless = template();
    endless["experimentTemplate"]["stopConditions"] = json!([{ "source": "none" }]);
    let endless = write(&dir, "endless.json", &endless);
    let approve = |name: &str, file: &str, more: &[&str]| {
        let args = ["drill", "approve", name, "--template", file, "--config", &config];
        let output = watchkeeper(&dir, &[&args[..], more].concat());
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        text(&output.stdout) + &text(&output.stderr)
    };
    assert!(approve("hourly", &endless, &[]).contains("hourly is not approved: mend what is refused"));
    let ours = "infra/fis/template.yaml";
    assert!(approve("hourly", ours, &[]).contains("name one with --resource: ContainerKill, "));
    for resource in ["NetworkPartition", "network-partition"] {
        let deferred = approve("hourly", ours, &["--resource", resource]);
        assert!(deferred.contains("infra/fis/template.yaml: NetworkPartition: may be started"), "{deferred}");
        assert!(
            deferred.contains("known only once it is deployed: deploy it, and approve what is in AWS"),
            "{deferred}"
        );
    }
    assert!(
        approve("hourly", ours, &["--resource", "Nothing"]).contains("there is no template Nothing in it")
    );
    assert!(
        approve("daily", ours, &[]).contains("there is no drill `daily` in the configuration; known: weekly")
    );
    assert_eq!(fs::read_to_string(&config).unwrap(), DRILLS);
}

#[test]
fn a_file_with_several_is_asked_for_the_one_that_the_drill_names() {
    let dir = fresh("approve-name");
    let config = config(&dir, &DRILLS.replace("EXT2", "network-partition"));
    let approve =
        ["drill", "approve", "hourly", "--template", "infra/fis/template.yaml", "--config", &config];
    let output = watchkeeper(&dir, &approve);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(text(&output.stdout).contains("template.yaml: NetworkPartition: may be started"), "{output:?}");
}

#[test]
fn a_name_that_none_of_ours_has_is_a_problem_and_a_refusal_before_it_is_due() {
    let dir = fresh("check-names");
    let mistyped =
        config(&dir, &DRILLS.replace("EXT1", "network-partition").replace("EXT2", "netwrok-partition"));
    let told = text(&watchkeeper(&dir, &["check", "--config", &mistyped]).stdout);
    let problem = "watchkeeper.toml:22:12: `template`: no template in infra/fis is called `netwrok-partition`; known: \
                   container-kill, cpu-stress, ";
    assert!(told.contains(problem) && !told.contains("`network-partition`;"), "{told}");
    let preview = ["drill", "preview", "--config", &mistyped, "--from", "2026-12-14", "--days", "7"];
    let told = out(&watchkeeper(&dir, &preview));
    assert!(told.contains("weekly  may start\n"), "{told}");
    assert!(told.contains("each time: no template in infra/fis is called `netwrok-partition`; "), "{told}");

    // A checkout without the folder knows none.
    fs::write(dir.join("template.yaml"), "Resources: {}\n").unwrap();
    let alone =
        command(&dir.join("state"), &["check", "--config", &mistyped]).current_dir(&dir).output().unwrap();
    assert!(!text(&alone.stdout).contains("is called"), "{alone:?}");
}

#[test]
fn the_drills_that_are_delivered_are_off_and_nobody_has_approved_them() {
    let toml = fs::read_to_string(Path::new(ROOT).join("infra/config/watchkeeper.toml")).unwrap();
    let drills = watchkeeper_domain::config::Config::parse(&toml).unwrap().drills.drills;
    assert!(drills.len() >= 2);
    assert!(drills.iter().all(|drill| !drill.enabled && drill.approved.is_none()), "{drills:?}");
}
