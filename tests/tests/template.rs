//! `template.yaml` against the code: who hears what, what each function may do, where state is kept.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use watchkeeper_shell::{NotifierSettings, Settings};
use watchkeeper_sim::bus::{Bus, DEFAULT};
use watchkeeper_tests::support::template::{events, repository, resources, source};

/// Each function: its logical id, its crate, the ports in the bound of its `handle`.
fn functions() -> BTreeMap<String, (String, BTreeSet<String>)> {
    let functions = resources().into_iter().filter(|(_, it)| it["Type"] == "AWS::Serverless::Function");
    let with_ports = |(id, function): (String, Value)| {
        let uri = function["Properties"]["CodeUri"].as_str().unwrap().to_owned();
        let code = source(&format!("{uri}/src/lib.rs"));
        let bound = code.split("pub async fn handle").nth(1).and_then(|it| it.split("W: ").nth(1)).unwrap();
        let ports =
            bound.split(['{', ',']).next().unwrap().split('+').map(|port| port.trim().to_owned()).collect();
        (id, (uri, ports))
    };
    functions.map(with_ports).collect()
}

fn actions_of(port: &str) -> &'static [&'static str] {
    match port {
        "Records" => &["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query", "dynamodb:UpdateItem"],
        "Notices" => &["sns:Publish"],
        "Events" => &["events:PutEvents"],
        "Channels" => &["secretsmanager:GetSecretValue", "sns:Publish", "ssm:GetParameter"],
        "Undelivered" => &["sqs:SendMessage"],
        unknown => panic!("{unknown} has no actions yet: add it here and to the policy of its function"),
    }
}

fn statements(function: &Value) -> Vec<Value> {
    let policies = function["Properties"]["Policies"].as_array().unwrap();
    policies.iter().flat_map(|policy| policy["Statement"].as_array().unwrap().clone()).collect()
}

fn list(value: &Value) -> Vec<String> {
    let texts = |items: &Vec<Value>| items.iter().map(|it| it.as_str().unwrap().to_owned()).collect();
    value.as_array().map_or_else(|| vec![value.as_str().unwrap().to_owned()], texts)
}

#[test]
fn the_bound_of_each_handle_is_its_policy() {
    let resources = resources();
    for (id, (_, ports)) in functions() {
        let statements = statements(&resources[&id]);
        let allowed: BTreeSet<_> = statements.iter().flat_map(|it| list(&it["Action"])).collect();
        let needed = ports.iter().flat_map(|port| actions_of(port)).map(ToString::to_string).collect();
        assert_eq!(allowed, needed, "{id}");
        for statement in statements {
            // Secrets are named by people; everything else is named here.
            let resource = statement["Resource"].to_string().replace("watchkeeper/*", "");
            assert!(!resource.contains('*'), "{id}: {statement}");
        }
    }
}

#[test]
fn each_sample_event_is_heard_by_its_function_and_by_no_other() {
    let bus = Bus::from_template(&source("template.yaml")).unwrap();
    let mut heard = 0;
    for (id, (uri, _)) in functions() {
        let folder = uri.rsplit('/').next().unwrap().to_owned();
        for (name, event) in events(&folder) {
            // An envelope comes through a queue or a topic, not through a rule.
            if event.get("Records").is_none() && event.get("tick").is_none() {
                assert_eq!(bus.functions_for(&event, DEFAULT), [id.as_str()], "{folder}/{name}");
                heard += 1;
            }
        }
    }
    assert!(heard >= 12, "only {heard} events");
    for (name, event) in events("foreign") {
        assert_eq!(bus.functions_for(&event, DEFAULT), [""; 0], "foreign/{name}");
    }
}

#[test]
fn a_drill_is_heard_like_the_real_thing() {
    let bus = Bus::from_template(&source("template.yaml")).unwrap();
    let mut drill = events("health-responder").into_values().find(|it| it.get("detail").is_some()).unwrap();
    drill["source"] = "watchkeeper.drill".into();
    assert_eq!(bus.functions_for(&drill, DEFAULT), ["HealthResponder"]);
    drill["source"] = "aws.healthlake".into();
    assert_eq!(bus.functions_for(&drill, DEFAULT), [""; 0]);
}

#[test]
fn every_function_has_a_crate_a_sweep_and_a_failure_queue() {
    let bus = Bus::from_template(&source("template.yaml")).unwrap();
    let resources = resources();
    for (id, (uri, _)) in functions() {
        let function = &resources[&id];
        let binary = function["Metadata"]["BuildProperties"]["Binary"].as_str().unwrap();
        assert!(source(&format!("{uri}/Cargo.toml")).contains(&format!("name = \"{binary}\"")), "{id}");
        assert!(uri.ends_with(binary) && repository(&uri).join("src/main.rs").exists(), "{id}");
        let ticks: Vec<_> = bus.ticks().into_iter().filter(|tick| tick.function == id).collect();
        assert!(ticks.iter().any(|tick| tick.input["tick"] == "sweep"), "{id}: {ticks:?}");
        let on_failure = &function["Properties"]["EventInvokeConfig"]["DestinationConfig"]["OnFailure"];
        assert_eq!(on_failure["Type"], "SQS", "{id}");
        assert!(function["Properties"].get("DeadLetterQueue").is_none(), "{id}: it would lose the cause");
        for (name, event) in function["Properties"]["Events"].as_object().unwrap() {
            if event["Type"] == "EventBridgeRule" {
                assert!(event["Properties"].get("DeadLetterConfig").is_some(), "{id}/{name}");
            }
        }
    }
}

#[test]
fn the_template_gives_every_setting_that_the_functions_read() {
    for (id, function) in resources().into_iter().filter(|(_, it)| it["Type"] == "AWS::Serverless::Function")
    {
        let given = &function["Properties"]["Environment"]["Variables"];
        let text = |name: &str| given.get(name).map(ToString::to_string);
        let missing = match id.as_str() {
            "HealthResponder" => Settings::read(text).err(),
            "Notifier" => NotifierSettings::read(text).err(),
            unknown => panic!("{unknown}: what does it read?"),
        };
        assert!(missing.is_none(), "{id}: {missing:?}");
    }
}

#[test]
fn the_table_is_kept_recoverable_and_encrypted() {
    let resources = resources();
    let table = &resources["Table"];
    assert_eq!(table["DeletionPolicy"], "Retain");
    let properties = &table["Properties"];
    assert_eq!(properties["BillingMode"], "PAY_PER_REQUEST");
    assert_eq!(properties["TimeToLiveSpecification"]["AttributeName"], "expires_at");
    for switch in ["PointInTimeRecoverySpecification", "SSESpecification"] {
        assert!(properties[switch].to_string().contains("true"), "{switch}");
    }
    assert_eq!(properties["DeletionProtectionEnabled"], true);
    let index = &properties["GlobalSecondaryIndexes"][0];
    assert_eq!(
        (index["IndexName"].as_str(), index["Projection"]["ProjectionType"].as_str()),
        (Some("sweep"), Some("KEYS_ONLY"))
    );
}
