use std::{collections::BTreeMap, path::Path};

use serde_json::json;
use watchkeeper_domain::{fis::Template, ports::Alarm};
use watchkeeper_sim::{facts::Resource, fis::Resolution};

use super::*;

const STOP: &str = "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:errors";
const INSTANCE: &str = "arn:aws:ec2:eu-west-1:123456789012:instance/i-1";

/// A machine with one drill, on Tuesdays at ten in Berlin.
async fn machine(more: &str) -> Machine {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let config = root.join("infra/config/watchkeeper.toml");
    let checkout = Checkout { root, state: "there is none".into(), config };
    let toml = format!(
        r#"
[[drill]]
name = "stop-one"
template = "stop-one"
service = "checkout"
environment = "staging"
schedule = "cron(0 10 ? * TUE *)"
zone = "Europe/Berlin"
{more}
[[drill.window]]
days = ["TUE"]
from = "09:00"
to = "16:00"
"#
    );
    let mut machine = Machine::copy(&checkout).await.unwrap();
    machine.config.drills = Config::parse(&toml).unwrap().drills;
    machine
}

fn template() -> Value {
    json!({
        "targets": { "One": {
            "resourceType": "aws:ec2:instance", "resourceTags": { "ChaosReady": "Yes" }, "selectionMode": "COUNT(1)",
            "filters": [{ "path": "State.Name", "values": ["running"] }],
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

/// Something that nobody hears. Time passes until then.
fn nothing(time: &str) -> Value {
    json!({ "source": "shop", "detail-type": "Nothing", "time": format!("2026-11-24T{time}Z"), "detail": {} })
}

/// What people are told between two times of Tuesday, 24 November 2026, with when and by which function.
async fn told(machine: &mut Machine, from: &str, to: &str) -> Vec<String> {
    machine.deliver(&nothing(from)).await.unwrap();
    let deliveries = machine.deliver(&nothing(to)).await.unwrap();
    let line = |delivery: &Delivery| {
        let at = delivery.at.strftime("%H:%M").to_string();
        let by = delivery.function.unwrap_or("nobody");
        delivery.notices.iter().map(|(it, _)| format!("{at} {by}: {}", it.headline)).collect::<Vec<_>>()
    };
    deliveries.iter().flat_map(line).collect()
}

#[tokio::test]
async fn a_drill_is_announced_when_time_passes_its_announcement_and_then_judged() {
    let approved = format!("enabled = true\napproved = \"{}\"", "0".repeat(32));
    let said = told(&mut machine(&approved).await, "07:00:30", "11:00:00").await;
    assert_eq!(said.len(), 2, "{said:?}");
    assert_eq!(
        said[0],
        "08:45 chaos-trigger: Drill stop-one in staging starts in 15 minutes (24 Nov 2026 10:00 CET)"
    );
    assert!(said[1].starts_with("09:00 chaos-trigger: Drill stop-one in staging refused: "), "{said:?}");
}

#[tokio::test]
async fn nobody_hears_of_a_drill_that_is_off_or_not_in_this_time() {
    assert_eq!(told(&mut machine("").await, "07:00:00", "11:00:00").await, [""; 0]);
    let approved = format!("enabled = true\napproved = \"{}\"", "0".repeat(32));
    for (from, to) in [("07:00:00", "08:44:59"), ("09:00:01", "15:00:00")] {
        assert_eq!(told(&mut machine(&approved).await, from, to).await, [""; 0], "{from} to {to}");
    }
    let said = told(&mut machine(&approved).await, "08:45:00", "08:45:30").await;
    assert_eq!(said.len(), 1, "the first moment counts: {said:?}");
}

#[tokio::test]
async fn with_its_template_in_the_fake_a_drill_is_run_and_watched_to_its_verdict() {
    let hash = Template::parse(&template()).unwrap().hash();
    let mut machine = machine(&format!("enabled = true\napproved = \"{hash}\"")).await;
    let estate = machine.world.estate.clone();
    estate.fis.put_template("EXT1", template());
    estate.fis.resolve("One", Resolution::arns([INSTANCE]));
    let tags = BTreeMap::from([("ChaosReady".to_owned(), "Yes".to_owned())]);
    let instance = Resource { resource_type: "aws:ec2:instance".into(), tags, zone: Some("euw1-az1".into()) };
    estate.facts.set_resource(INSTANCE, instance);
    let since = Some("2026-11-24T06:00:00Z".parse().unwrap());
    estate.facts.set_alarm(Alarm { arn: STOP.into(), state: "OK".into(), since });
    let said = told(&mut machine, "08:30:00", "13:00:00").await;
    assert_eq!(
        said,
        [
            "08:45 chaos-trigger: Drill stop-one in staging starts in 15 minutes (24 Nov 2026 10:00 CET)",
            "09:02 chaos-trigger: Drill stop-one in staging started",
            "09:47 experiment-watcher: Drill stop-one in staging inconclusive: the drill has no hypothesis",
        ]
    );
    for function in [Function::ChaosTrigger, Function::ExperimentWatcher] {
        assert_eq!(machine.world.due(function.name(), machine.now()).await.unwrap(), []);
    }
}
