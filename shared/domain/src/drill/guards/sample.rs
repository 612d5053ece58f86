//! A run that no guard objects to, to be spoiled one thing at a time.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp, civil::Weekday, tz::TimeZone};
use serde_json::{Value, json};

use super::{BEFORE_PREVIEW, BEFORE_START, Check, Plan, Question, ask};
use crate::{
    drill::{Drill, Drills, Facts, Fleet, Targets, Window},
    experiment::{Lever, Listed, ResolvedTarget, Status, TOKEN_TAG},
    fis::{Limits, Template},
    ports::Alarm,
};

pub(super) const STOP: &str = "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:ErrorRate";
pub(super) const INSTANCE: &str = "arn:aws:ec2:eu-west-1:123456789012:instance/i-1";

pub(super) struct Sample {
    pub drill: Drill,
    pub drills: Drills,
    pub plan: Plan,
    pub facts: Facts,
    pub now: Timestamp,
}

/// Tuesday, 24 November 2026, 10:00 in Berlin.
pub(super) fn now() -> Timestamp {
    "2026-11-24T09:00:00Z".parse().unwrap()
}

pub(super) fn minutes(minutes: i64) -> SignedDuration {
    SignedDuration::from_mins(minutes)
}

pub(super) fn template() -> Value {
    json!({
        "targets": { "One": {
            "resourceType": "aws:ec2:instance", "resourceTags": { "ChaosReady": "Yes" },
            "filters": [{ "path": "Placement.AvailabilityZone", "values": ["eu-west-1a"] }],
            "selectionMode": "COUNT(1)",
        } },
        "actions": { "stop": { "actionId": "aws:ec2:stop-instances", "targets": { "Instances": "One" },
            "parameters": { "startInstancesAfterDuration": "PT10M" } } },
        "stopConditions": [{ "source": "aws:cloudwatch:alarm", "value": STOP }],
        "roleArn": "arn:aws:iam::123456789012:role/drills",
        "logConfiguration": { "logSchemaVersion": 2, "cloudWatchLogsConfiguration": {
            "logGroupArn": "arn:aws:logs:eu-west-1:123456789012:log-group:drills:*" } },
        "tags": { "Name": "stop-one" },
    })
}

impl Sample {
    pub fn new() -> Self {
        let template = Template::parse(&template()).unwrap();
        let drill = Drill { approved: Some(template.hash()), ..drill() };
        Self { drill, drills: Drills::default(), plan: plan(), facts: facts(template), now: now() }
    }

    /// The guards of `checks` that object once `spoil` has been at the sample, with what they say.
    pub fn ask(checks: &[Check], spoil: impl FnOnce(&mut Self)) -> Vec<String> {
        let mut sample = Self::new();
        spoil(&mut sample);
        let Self { drill, drills, plan, facts, now } = &sample;
        let question = Question { drill, drills, plan, facts, now: *now };
        ask(checks, &question).iter().map(ToString::to_string).collect()
    }

    pub fn before_preview(spoil: impl FnOnce(&mut Self)) -> Vec<String> {
        Self::ask(&BEFORE_PREVIEW, spoil)
    }

    pub fn before_start(spoil: impl FnOnce(&mut Self)) -> Vec<String> {
        Self::ask(&BEFORE_START, spoil)
    }
}

fn drill() -> Drill {
    use Weekday::{Friday, Monday, Thursday, Tuesday, Wednesday};
    let window = Window {
        days: vec![Monday, Tuesday, Wednesday, Thursday, Friday],
        from: "09:00".parse().unwrap(),
        to: "16:00".parse().unwrap(),
    };
    Drill {
        name: "stop-one".into(),
        template: "EXT1".into(),
        approved: None,
        enabled: true,
        service: "checkout".into(),
        environment: "staging".into(),
        owner: None,
        runbook: None,
        schedule: None,
        zone: TimeZone::get("Europe/Berlin").unwrap(),
        flexible: SignedDuration::ZERO,
        windows: vec![window],
        holidays: BTreeSet::new(),
        calendars: Vec::new(),
        alarms: BTreeSet::new(),
        stable: minutes(10),
        health_services: BTreeSet::new(),
        announce: minutes(15),
        lateness: minutes(20),
        recovery: minutes(30),
        on_call: None,
        quiet: SignedDuration::ZERO,
        interval: SignedDuration::from_hours(20),
        interval_work_days: 0,
        max_runs_per_week: None,
        chance: 100,
        max_cost_cents: 1000,
        limits: Limits::default(),
        max_zones: 1,
        min_healthy: None,
        promotion: None,
        after_deployment: Vec::new(),
        rehearses: None,
        weight: 5,
        hypothesis: None,
    }
}

fn plan() -> Plan {
    Plan {
        run: "2026-11-24T10:00".into(),
        scheduled: true,
        due: now(),
        announced_at: Some(now() - minutes(15)),
        started_at: None,
        starts: Vec::new(),
        released_at: None,
        tokens: ["own preview".into(), "own run".into()],
    }
}

fn facts(template: Template) -> Facts {
    let resolved = ResolvedTarget {
        target: "One".into(),
        resource_type: "aws:ec2:instance".into(),
        information: BTreeMap::from([("arn".into(), INSTANCE.into())]),
    };
    let tags = BTreeMap::from([("ChaosReady".into(), "Yes".into())]);
    Facts {
        halt: Ok(None),
        lever: Ok(Lever { status: "disengaged".into(), reason: String::new() }),
        template: Ok(Some(template)),
        calendars: Ok(Vec::new()),
        incidents: Ok(Vec::new()),
        on_call: Err("nobody has asked".into()),
        deployments: Err("nobody has asked".into()),
        issues: Ok(Vec::new()),
        alarms: Ok(vec![Alarm { arn: STOP.into(), state: "OK".into(), since: Some(now() - minutes(60)) }]),
        active: Ok(Vec::new()),
        floor: Ok(None),
        proofs: Ok(Vec::new()),
        targets: Some(Ok(Targets {
            experiment: "EXP0".into(),
            at: Some(now() - minutes(1)),
            resolved: BTreeSet::from([resolved]),
            tags: BTreeMap::from([(INSTANCE.into(), tags)]),
            fleets: BTreeMap::from([("aws:ec2:instance".into(), Some(fleet(4)))]),
            zones: BTreeMap::from([(INSTANCE.into(), "euw1-az1".into())]),
        })),
    }
}

pub(super) fn fleet(size: u64) -> Fleet {
    Fleet { size, well: Ok(None), spared_zone: None }
}

pub(super) fn listed(token: &str, status: Status) -> Listed {
    Listed {
        id: "EXP7".into(),
        template: "EXT7".into(),
        status,
        created_at: None,
        skips_actions: false,
        tags: BTreeMap::from([(TOKEN_TAG.into(), token.into())]),
    }
}
