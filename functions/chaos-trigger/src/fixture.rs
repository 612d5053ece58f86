//! What the tests of this crate begin with: a run that nothing objects to.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use watchkeeper_domain::{
    config::Config,
    drill::{Facts, Fleet, Site, Targets},
    experiment::{Experiment, Lever, Listed, ResolvedTarget, Status},
    fis::Template,
    ports::Alarm,
};

use crate::{
    decide::{News, Seen},
    standing::{Phase, Run, Standing, Trigger},
};

const STOP: &str = "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:errors";
const INSTANCE: &str = "arn:aws:ec2:eu-west-1:123456789012:instance/i-1";

/// Tuesday, 24 November 2026, 10:00 in Berlin.
pub(crate) fn now() -> Timestamp {
    "2026-11-24T09:00:00Z".parse().unwrap()
}

/// A run that is due now and announced fifteen minutes ago.
pub(crate) fn run(id: &str) -> Run {
    Run {
        id: id.into(),
        trigger: Trigger::Schedule,
        because: "its schedule".into(),
        due: now(),
        announced_at: now() - SignedDuration::from_mins(15),
        ready_at: now(),
        seq: 1,
        phase: Phase::Announced,
        preview: None,
        ends_by: None,
    }
}

pub(crate) fn standing(phase: Phase) -> Standing {
    let run = Run { phase, ..run("2026-11-24T10:00") };
    let heard = BTreeMap::from([(run.id.clone(), now())]);
    Standing { run: Some(run), heard, ..Standing::new("stop-one") }
}

pub(crate) fn config() -> Config {
    let hash = template().hash();
    let toml = format!(
        r#"
[[drill]]
name = "stop-one"
template = "EXT1"
approved = "{hash}"
enabled = true
service = "checkout"
environment = "staging"
schedule = "cron(0 10 ? * TUE *)"
zone = "Europe/Berlin"
[[drill.window]]
days = ["MON", "TUE", "WED", "THU", "FRI"]
from = "09:00"
to = "16:00"
"#
    );
    Config::parse(&toml).unwrap()
}

pub(crate) fn site(leash: bool) -> Site {
    Site { account: "123456789012".into(), region: "eu-west-1".into(), leash }
}

fn json_template() -> Value {
    json!({
        "targets": { "One": {
            "resourceType": "aws:ec2:instance", "resourceTags": { "ChaosReady": "Yes" },
            "filters": [{ "path": "State.Name", "values": ["running"] }], "selectionMode": "COUNT(1)",
        } },
        "actions": { "stop": { "actionId": "aws:ec2:stop-instances", "targets": { "Instances": "One" },
            "parameters": { "startInstancesAfterDuration": "PT10M" } } },
        "stopConditions": [{ "source": "aws:cloudwatch:alarm", "value": STOP }],
        "roleArn": "arn:aws:iam::123456789012:role/drills",
        "logConfiguration": { "logSchemaVersion": 2, "cloudWatchLogsConfiguration": {
            "logGroupArn": "arn:aws:logs:eu-west-1:123456789012:log-group:drills:*" } },
        "tags": { "Name": "stop-one", "watchkeeper": "drill" },
    })
}

pub(crate) fn template() -> Template {
    Template::parse(&json_template()).unwrap()
}

pub(crate) fn experiment(id: &str, status: Status) -> Experiment {
    let listed = Listed {
        id: id.into(),
        template: "EXT1".into(),
        status,
        created_at: Some(now()),
        skips_actions: false,
        tags: BTreeMap::new(),
    };
    Experiment {
        listed,
        arn: format!("arn:aws:fis:eu-west-1:123456789012:experiment/{id}"),
        reason: String::new(),
        error: None,
        started_at: Some(now()),
        ended_at: Some(now()),
        actions: BTreeMap::new(),
        stop_alarms: vec![STOP.into()],
        target_accounts: 0,
    }
}

/// Everything is well, the floor is ours, and the preview is over.
pub(crate) fn seen(news: News) -> Seen {
    let resolved = ResolvedTarget {
        target: "One".into(),
        resource_type: "aws:ec2:instance".into(),
        information: BTreeMap::from([("arn".into(), INSTANCE.into())]),
    };
    let tags = BTreeMap::from([("ChaosReady".into(), "Yes".into())]);
    let since = Some(now() - SignedDuration::from_hours(2));
    let fleet = Fleet { size: 4, well: Ok(None), spared_zone: None };
    let facts = Facts {
        halt: Ok(None),
        lever: Ok(Lever { status: "disengaged".into(), reason: String::new() }),
        template: Ok(Some(template())),
        calendars: Ok(Vec::new()),
        incidents: Ok(Vec::new()),
        on_call: Err("nobody has asked".into()),
        deployments: Err("nobody has asked".into()),
        issues: Ok(Vec::new()),
        alarms: Ok(vec![Alarm { arn: STOP.into(), state: "OK".into(), since }]),
        active: Ok(Vec::new()),
        floor: Ok(None),
        proofs: Ok(Vec::new()),
        targets: Some(Ok(Targets {
            experiment: "EXP0".into(),
            at: Some(now()),
            resolved: BTreeSet::from([resolved]),
            tags: BTreeMap::from([(INSTANCE.into(), tags)]),
            fleets: BTreeMap::from([("aws:ec2:instance".into(), Some(fleet))]),
            zones: BTreeMap::from([(INSTANCE.into(), "euw1-az1".into())]),
        })),
    };
    let preview = Some(experiment("EXP0", Status::Completed));
    let template_id = Some("EXT1".into());
    Seen { news, facts, template_id, has_floor: true, preview, experiment: None, acted: None }
}
