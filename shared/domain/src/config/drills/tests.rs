use std::collections::BTreeSet;

use jiff::civil::{Weekday, date, time};
use wildmatch::WildMatch;

use super::*;
use crate::{
    channel::SecretName,
    config::Config,
    drill::Window,
    fis::{Limits, Tag},
};

const LEAST: &str = r#"
[[drill]]
name = "cart-partition"
template = "EXT1a2b3c4d5e6f7"
service = "cart"
environment = "staging"
zone = "Europe/Berlin"
"#;

fn drills(toml: &str) -> Drills {
    Config::parse(toml)
        .map_err(|problems| problems.iter().map(ToString::to_string).collect::<Vec<_>>())
        .unwrap()
        .drills
}

fn problems(toml: &str) -> Vec<String> {
    Config::parse(toml).unwrap_err().iter().map(ToString::to_string).collect()
}

#[test]
fn the_least_drill_is_off_strict_and_has_the_defaults_that_its_types_name() {
    let [drill] = drills(LEAST).drills.try_into().unwrap();
    let minutes = SignedDuration::from_mins;
    let expected = Drill {
        name: "cart-partition".into(),
        template: "EXT1a2b3c4d5e6f7".into(),
        approved: None,
        enabled: false,
        service: "cart".into(),
        environment: "staging".into(),
        owner: None,
        runbook: None,
        schedule: None,
        zone: TimeZone::get("Europe/Berlin").unwrap(),
        flexible: SignedDuration::ZERO,
        windows: Vec::new(),
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
        max_zones: 1,
        min_healthy: None,
        limits: Limits::default(),
        promotion: None,
        after_deployment: Vec::new(),
        rehearses: None,
        weight: 5,
        hypothesis: None,
    };
    assert_eq!(drill, expected);
}

#[test]
fn everything_that_a_drill_may_say_is_read() {
    let toml = r#"
        [drills]
        zones = { eu-west-1a = "euw1-az2" }
        health_api = true
        holidays = [2026-12-25, 2026-12-26]
        roles = ["arn:aws:iam::*:role/fis-*"]
        on_call = { pagerduty_schedule = "PSHARED", secret = "ssm:/watchkeeper/pagerduty-api" }
        incident_url = "https://status.example.com/incidents?open=1"

        [[drill]]
        name = "zone-power"
        template = "EXT1"
        approved = "0123456789abcdef0123456789abcdef"
        enabled = true
        service = "shop"
        environment = "production"
        owner = "platform"
        runbook = "https://runbooks.example.com/zone"
        schedule = "cron(0 10 ? * TUE *)"
        zone = "Australia/Lord_Howe"
        flexible_minutes = 5
        holidays = ["2026-11-03"]
        calendars = ["freeze", "arn:aws:ssm:eu-west-1:123456789012:document/freeze"]
        alarms = ["arn:aws:cloudwatch:eu-west-1:123456789012:alarm:errors: too many"]
        stable_minutes = 0
        health_services = ["EC2", "MULTIPLE_SERVICES"]
        announce_minutes = 30
        late_minutes = 35
        recovery_minutes = 45
        interval_hours = 160
        interval_work_days = 2
        max_runs_per_week = 3
        on_call = { pagerduty_schedule = "PSHOP", secret = "secretsmanager:watchkeeper/pd", endpoint = "https://api.eu.pagerduty.com/" }
        quiet_after_deployment_minutes = 90
        chance_percent = 50
        max_cost_dollars = 25
        limits = { max_count = 20, max_percent = 100, max_duration_minutes = 45, max_zones = 2, min_healthy = 3, allow_destructive = true, allowed_actions = ["aws:ec2:*"], allow_ssm_automation = ["arn:aws:ssm:*:*:document/Fail*"], allow_empty_targets = true, allow_unlogged = true, forbid_tags = ["NoChaos=*"], opt_in_tag = "Chaos=a=b" }
        promotion = { after = "zone-power-staging", within_days = 14 }
        after_deployment = ["codepipeline:shop-*", "codedeploy:shop/blue"]
        rehearses = { service = ["RDS"] }
        weight = 9

        [[drill.window]]
        days = ["MON", "tue"]
        from = "22:00"
        to = 06:00:00

        [drill.hypothesis]
        alarms = ["arn:aws:cloudwatch:eu-west-1:123456789012:alarm:errors"]

        [[drill]]
        name = "zone-power-staging"
        template = "EXT2"
        service = "shop"
        environment = "staging"
        zone = "UTC"
    "#;
    let read = drills(toml);
    assert_eq!(read.zone_ids["eu-west-1a"], "euw1-az2");
    assert!(read.health_api);
    assert_eq!(read.incident_url.as_deref(), Some("https://status.example.com/incidents?open=1"));
    let shared = OnCall {
        schedule: "PSHARED".into(),
        secret: SecretName::Ssm("/watchkeeper/pagerduty-api".into()),
        endpoint: "https://api.pagerduty.com".into(),
    };
    let own = OnCall {
        schedule: "PSHOP".into(),
        secret: SecretName::SecretsManager("watchkeeper/pd".into()),
        endpoint: "https://api.eu.pagerduty.com".into(),
    };
    let on_call = ["zone-power-staging", "zone-power"].map(|name| read.named(name).unwrap().on_call.clone());
    assert_eq!(on_call, [Some(shared), Some(own)]);
    assert_eq!(read.named("zone-power-staging").unwrap().limits.allowed_roles, ["arn:aws:iam::*:role/fis-*"]);
    assert_eq!(
        read.named("zone-power-staging").unwrap().holidays,
        [date(2026, 12, 25), date(2026, 12, 26)].into()
    );
    let drill = read.named("zone-power").unwrap();
    assert_eq!(
        drill.windows,
        [Window {
            days: vec![Weekday::Monday, Weekday::Tuesday],
            from: time(22, 0, 0, 0),
            to: time(6, 0, 0, 0)
        }]
    );
    assert_eq!(drill.holidays, [date(2026, 11, 3), date(2026, 12, 25), date(2026, 12, 26)].into());
    let minutes = SignedDuration::from_mins;
    assert_eq!(
        (drill.flexible, drill.stable, drill.announce, drill.lateness, drill.recovery, drill.interval),
        (minutes(5), minutes(0), minutes(30), minutes(35), minutes(45), SignedDuration::from_hours(160))
    );
    assert_eq!(drill.interval_work_days, 2);
    assert_eq!((drill.quiet, drill.max_runs_per_week, drill.min_healthy), (minutes(90), Some(3), Some(3)));
    assert_eq!((drill.chance, drill.max_cost_cents, drill.max_zones, drill.weight), (50, 2500, 2, 9));
    let limits = Limits {
        opt_in_tag: Tag { key: "Chaos".into(), value: "a=b".into() },
        max_count: 20,
        max_percent: 100,
        max_duration: minutes(45),
        allow_destructive: true,
        allowed_actions: vec!["aws:ec2:*".into()],
        allowed_roles: vec!["arn:aws:iam::*:role/fis-*".into()],
        allow_ssm_automation: vec!["arn:aws:ssm:*:*:document/Fail*".into()],
        allow_empty_targets: true,
        allow_unlogged: true,
        forbid_tags: vec!["NoChaos=*".into()],
    };
    assert_eq!(drill.limits, limits);
    assert_eq!(drill.approved.as_deref(), Some("0123456789abcdef0123456789abcdef"));
    let promotion =
        Promotion { after: "zone-power-staging".into(), within: SignedDuration::from_hours(14 * 24) };
    assert_eq!(drill.promotion, Some(promotion));
    assert_eq!(
        drill.after_deployment,
        [WildMatch::new("codepipeline:shop-*"), WildMatch::new("codedeploy:shop/blue")]
    );
    assert!(drill.enabled && drill.rehearses.is_some() && drill.schedule.is_some());
    assert_eq!((drill.calendars.len(), drill.alarms.len(), drill.health_services.len()), (2, 1, 2));
    assert_eq!(drill.hypothesis.as_ref().unwrap().alarms.len(), 1);
    let words = (drill.owner.as_deref(), drill.runbook.as_deref());
    assert_eq!(words, (Some("platform"), Some("https://runbooks.example.com/zone")));
}

#[test]
fn every_problem_of_a_drill_is_named_with_its_place() {
    for (line, problem) in [
        ("colour = 1", "8:1: unknown key `colour`; known here: name, template, approved"),
        ("approved = \"ABC\"", "8:12: `ABC` is no hash of a template: `watchkeeper drill approve` writes it"),
        ("enabled = \"yes\"", "8:11: `enabled` must be true or false"),
        ("enabled = true", "2:1: it is enabled and has no `[[drill.window]]`, so it would never start"),
        ("runbook = \"wiki\"", "8:11: `runbook` must be an address that begins with https://"),
        ("schedule = \"rate(1 day)\"", "8:12: `schedule`: `rate(…)` has no time of day"),
        ("schedule = \"cron(0 25 ? * TUE *)\"", "8:12: `schedule`: the hour `25` must be 0 to 23"),
        ("flexible_minutes = 1441", "8:20: `flexible_minutes` must be a whole number from 0 to 1440"),
        ("holidays = [\"soon\"]", "8:12: `holidays` must be a list of days, as in [2026-12-25, 2026-12-26]"),
        ("calendars = [\"no/ne\"]", "8:13: `no/ne` is no SSM Change Calendar"),
        ("calendars = [\"arn:aws:ssm:eu-west-1:123456789012:parameter/x\"]", "is no SSM Change Calendar"),
        ("alarms = [\"errors\"]", "8:10: `errors` is no ARN of an alarm, as in arn:aws:cloudwatch:"),
        ("alarms = [\"arn:aws:cloudwatch:eu-west-1:123456789012:alarm:\"]", "is no ARN of an alarm"),
        ("alarms = [\"arn:aws:cloudwatch:eu-west-1:1:alarm:x\"]", "is no ARN of an alarm"),
        ("health_services = [\"Amazon EC2\"]", "8:19: `Amazon EC2` is no service as AWS Health names it"),
        ("chance_percent = 0", "8:18: `chance_percent` must be a whole number from 1 to 100"),
        ("limits = { max_percent = 0 }", "8:26: `max_percent` must be a whole number from 1 to 100"),
        (
            "limits = { max_duration_minutes = 721 }",
            "`max_duration_minutes` must be a whole number from 1 to 720",
        ),
        ("limits = { min_healthy = 0 }", "8:26: `min_healthy` must be a whole number from 1 to 1000000"),
        ("max_runs_per_week = 0", "8:21: `max_runs_per_week` must be a whole number from 1 to 1000"),
        (
            "quiet_after_deployment_minutes = 1441",
            "8:34: `quiet_after_deployment_minutes` must be a whole number",
        ),
        ("on_call = { secret = \"ssm:x\" }", "8:11: `pagerduty_schedule` is missing here"),
        ("on_call = { pagerduty_schedule = \"P1\" }", "8:11: `secret` is missing here"),
        ("on_call = { pagerduty_schedule = \"P1\", secret = \"u+key\" }", "8:49: `secret` must name where"),
        (
            "on_call = { pagerduty_schedule = \"a/b\", secret = \"ssm:x\" }",
            "8:34: `a/b` is no id of a schedule: the letters and digits at the end of its address",
        ),
        (
            "on_call = { who = \"ada\" }",
            "8:13: unknown key `who`; known here: pagerduty_schedule, secret, endpoint",
        ),
        (
            "[drills]\nroles = [\"fis-*\"]",
            "9:9: `fis-*` must be the ARN of a role, as in arn:aws:iam::*:role/fis-*",
        ),
        ("[drills]\nroles = []", "9:9: `roles` must be a list of texts"),
        (
            "[drills]\nincident_url = \"http://x\"",
            "9:16: `incident_url` must be an address that begins with https://",
        ),
        ("[drills]\non_call = { pagerduty_schedule = \"P 1\" }", "9:34: `P 1` is no id of a schedule"),
        ("limits = { many = 0 }", "8:12: unknown key `many`; known here: max_count, max_percent"),
        ("limits = { allowed_actions = [\"ec2:*\"] }", "`ec2:*` must be the id of an action"),
        ("limits = { allow_ssm_automation = [\"Fail*\"] }", "`Fail*` must be the ARN of a document"),
        ("interval_work_days = 251", "8:22: `interval_work_days` must be a whole number from 0 to 250"),
        ("limits = { forbid_tags = [\"NoChaos\"] }", "`NoChaos` must be a tag, as in \"NoChaos=*\""),
        ("limits = { opt_in_tag = \"ChaosReady\" }", "`opt_in_tag` must be a tag, as in \"ChaosReady=Yes\""),
        (
            "promotion = { after = \"other\", within_days = 7 }",
            "8:13: there is no drill `other`; known: cart-partition",
        ),
        (
            "promotion = { after = \"cart-partition\", within_days = 7 }",
            "8:13: these drills wait for each other",
        ),
        ("promotion = { after = \"cart-partition\" }", "8:13: `within_days` is missing here"),
        (
            "after_deployment = [\"shop\"]",
            "8:20: `shop` must be codepipeline:NAME or codedeploy:APPLICATION/GROUP",
        ),
        ("after_deployment = [\"codedeploy:shop\"]", "8:20: `codedeploy:shop` must be"),
        ("rehearses = {}", "8:13: this would rehearse every case"),
        ("rehearses = { colour = [\"red\"] }", "unknown key `colour`; known here: kind, severity"),
        ("weight = 11", "8:10: `weight` must be a whole number from 1 to 10"),
        (
            "[[drill.window]]\ndays = [\"Monday\"]\nfrom = \"1:00\"\nto = \"24:00\"",
            "`Monday` is no day: write MON",
        ),
        ("[drill.hypothesis]\ncolour = 1", "9:1: unknown key `colour`; known here: title, measure"),
        ("[drills]\nholidays = 1", "9:12: `holidays` must be a list of days"),
        ("[drills]\nhealth_api = 1", "9:14: `health_api` must be true or false"),
        ("[drills]\nzones = { euw1-az2 = \"eu-west-1a\" }", "9:22: write the name of a zone and its id"),
        ("[drills]\nzone = {}", "9:1: unknown key `zone`; known here: zones, health_api, holidays, roles"),
    ] {
        let found = problems(&format!("{LEAST}{line}\n"));
        assert!(found.iter().any(|told| told.contains(problem)), "{line}: {found:?}");
    }
}

#[test]
fn what_every_drill_needs_is_asked_for() {
    let told = problems("[[drill]]\n[[drill.window]]\n");
    for key in ["name", "template", "service", "environment", "zone"] {
        assert!(told.contains(&format!("1:1: `{key}` is missing here")), "{key}: {told:?}");
    }
    for key in ["days", "from", "to"] {
        assert!(told.contains(&format!("2:1: `{key}` is missing here")), "{key}: {told:?}");
    }
}

#[test]
fn names_and_templates_have_a_shape() {
    let named = |name: &str| LEAST.replace("cart-partition", name);
    let long = "a".repeat(41);
    for name in ["Cart", "1-cart", "-cart", "cart_1", "cärt", &long] {
        assert!(
            problems(&named(name))[0].starts_with(&format!("3:8: `{name}` must begin with a small letter")),
            "{name}"
        );
    }
    drills(&named(&long[1..]));
    let of = |id: &str| LEAST.replace("EXT1a2b3c4d5e6f7", id);
    for id in [
        "EXT",
        "EXT-1",
        "Network Partition",
        "arn:aws:fis:eu-west-1:123456789012:experiment-template/EXT1",
        &format!("EXT{}", "1".repeat(62)),
    ] {
        assert!(
            problems(&of(id))[0]
                .starts_with(&format!("4:12: `{id}` is neither an id of an experiment template")),
            "{id}"
        );
    }
    let template = |text: &str| drills(&of(text)).drills.remove(0).template;
    assert_eq!(template("EXT1"), TemplateRef::Id("EXT1".into()));
    assert_eq!(template("network-partition"), TemplateRef::Name("network-partition".into()));
}

#[test]
fn two_drills_have_two_names_and_more_than_a_dash_between_them() {
    let told = problems(&format!("{LEAST}{LEAST}"));
    assert_eq!(told, ["10:8: another drill has this name"]);
    let other = LEAST.replace("cart-partition", "cartpartition");
    let told = problems(&format!("{LEAST}{other}"));
    assert_eq!(
        told,
        ["10:8: another drill is called cart-partition: the dashes alone don't tell them apart"]
    );
}

#[test]
fn drills_that_wait_for_each_other_are_all_named() {
    let drill = |name: &str, after: &str| {
        let named = LEAST.replace("cart-partition", name);
        format!("{named}promotion = {{ after = \"{after}\", within_days = 7 }}\n")
    };
    let told = problems(&[drill("a", "b"), drill("b", "c"), drill("c", "a"), drill("d", "a")].concat());
    assert_eq!(told.len(), 3, "d waits for them and is not waited for: {told:?}");
    assert!(told.iter().all(|told| told.contains("wait for each other")), "{told:?}");
}
