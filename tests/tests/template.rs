//! `template.yaml` against the code: who hears what, what each function may do, where state is kept.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use watchkeeper_shell::{CacheSettings, DrillSettings, NotifierSettings, Settings};
use watchkeeper_sim::{
    bus::{Bus, DEFAULT},
    template::document,
};
use watchkeeper_tests::support::template::{events, repository, resources, source};

const FUNCTION: &str = "AWS::Serverless::Function";

/// Each function: its logical id, its crate, the ports that its `World` is made of.
fn functions() -> BTreeMap<String, (String, BTreeSet<String>)> {
    let functions = resources().into_iter().filter(|(_, it)| it["Type"] == FUNCTION);
    let with_ports = |(id, function): (String, Value)| {
        let uri = function["Properties"]["CodeUri"].as_str().unwrap().to_owned();
        let code = source(&format!("{uri}/src/lib.rs"));
        let world = code.split("pub trait World:").nth(1).and_then(|it| it.split('{').next()).unwrap();
        (id, (uri, world.split('+').map(|port| port.trim().to_owned()).collect()))
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
        "Experiments" => &[
            "fis:GetExperiment",
            "fis:GetExperimentTemplate",
            "fis:GetSafetyLever",
            "fis:ListExperimentResolvedTargets",
            "fis:ListExperimentTemplates",
            "fis:ListExperiments",
        ],
        "Starts" => &["fis:StartExperiment", "fis:TagResource"],
        "Stops" => &["fis:StopExperiment"],
        "Alarms" => &["cloudwatch:DescribeAlarms"],
        "Calendars" => &["ssm:DescribeOpsItems", "ssm:GetCalendarState"],
        "OnCalls" => &["secretsmanager:GetSecretValue", "ssm:GetParameter"],
        "Issues" => {
            &["health:DescribeAffectedEntities", "health:DescribeEventDetails", "health:DescribeEvents"]
        }
        // Cloud Control reads with the caller's own permissions.
        "Inventory" => &[
            "autoscaling:Describe*",
            "cloudformation:GetResource",
            "ec2:DescribeAccountAttributes",
            "ec2:DescribeAvailabilityZones",
            "ec2:DescribeInstanceAttribute",
            "ec2:DescribeInstanceCreditSpecifications",
            "ec2:DescribeInstances",
            "ec2:DescribeInternetGateways",
            "ec2:DescribeLaunchTemplates",
            "ec2:DescribeNetworkAcls",
            "ec2:DescribeNetworkInterfaces",
            "ec2:DescribeSecurityGroups",
            "ec2:DescribeSubnets",
            "ec2:DescribeTags",
            "ec2:DescribeVolumeAttribute",
            "ec2:DescribeVolumes",
            "ec2:DescribeVpcAttribute",
            "ec2:DescribeVpcs",
            "iam:GetRole",
            "iam:GetRolePolicy",
            "iam:ListAttachedRolePolicies",
            "iam:ListRolePolicies",
            "managed-fleets:Get*",
            "rds:DescribeDBInstances",
            "ssm:DescribeAssociation",
            "ssm:ListAssociations",
            "tag:GetResources",
        ],
        "DeadMan" => &[
            "iam:PassRole",
            "scheduler:CreateSchedule",
            "scheduler:DeleteSchedule",
            "scheduler:UpdateSchedule",
        ],
        "Archive" => &["ec2:CopySnapshot", "ec2:CreateTags", "ec2:DeleteSnapshot", "ec2:DescribeSnapshots"],
        "Volumes" => &[
            "ec2:CopyVolumes",
            "ec2:CreateTags",
            "ec2:CreateVolume",
            "ec2:DeleteVolume",
            "ec2:DescribeVolumeStatus",
            "ec2:DescribeVolumes",
        ],
        // EBS uses the keys of encrypted snapshots with the caller's own permissions.
        "HoldsSnapshots" => &[
            "ebs:CompleteSnapshot",
            "ebs:GetSnapshotBlock",
            "ebs:ListChangedBlocks",
            "ebs:ListSnapshotBlocks",
            "ebs:PutSnapshotBlock",
            "ebs:StartSnapshot",
            "ec2:CreateTags",
            "kms:CreateGrant",
            "kms:Decrypt",
            "kms:DescribeKey",
            "kms:Encrypt",
            "kms:GenerateDataKey",
            "kms:GenerateDataKeyWithoutPlaintext",
            "kms:ReEncryptFrom",
            "kms:ReEncryptTo",
        ],
        "Repositories" => &["secretsmanager:GetSecretValue", "ssm:GetParameter"],
        "Metrics" => &["cloudwatch:GetMetricData"],
        "History" => &["cloudtrail:LookupEvents", "cloudwatch:DescribeAlarmHistory"],
        unknown => panic!("{unknown} has no actions yet: add it here and to the policy of its function"),
    }
}

/// Whether `action` looks at what anybody may have named, and changes nothing: most of these know no resources.
fn only_reads(action: &str) -> bool {
    let (service, verb) = action.split_once(':').unwrap_or_default();
    let reads = ["Describe", "Get", "List", "Lookup"].iter().any(|word| verb.starts_with(word));
    let is_about_the_account = matches!(
        service,
        "autoscaling"
            | "cloudformation"
            | "cloudtrail"
            | "cloudwatch"
            | "ec2"
            | "fis"
            | "health"
            | "iam"
            | "managed-fleets"
            | "rds"
            | "tag"
    );
    let of_ssm = matches!(
        action,
        "ssm:DescribeAssociation" | "ssm:DescribeOpsItems" | "ssm:GetCalendarState" | "ssm:ListAssociations"
    );
    (reads && is_about_the_account) || of_ssm
}

/// Only templates that carry the tag may be started.
#[test]
fn nothing_starts_but_what_is_meant_to_be_started() {
    let resources = resources();
    let starting: Vec<_> = resources
        .iter()
        .filter(|(_, it)| it["Type"] == FUNCTION)
        .flat_map(|(_, function)| statements(function))
        .filter(|it| it["Resource"].to_string().contains("experiment-template/"))
        .filter(|it| list(&it["Action"]).iter().any(|action| action == "fis:StartExperiment"))
        .collect();
    assert_eq!(starting.len(), 1);
    assert_eq!(starting[0]["Condition"]["StringEquals"]["aws:ResourceTag/watchkeeper"], "drill");
    assert_eq!(resources["ChaosTrigger"]["Properties"]["EventInvokeConfig"]["MaximumEventAgeInSeconds"], 300);
}

/// What makes, fills, copies or deletes snapshots and volumes: on what, and with which tag, on what is new or on what is
/// there. The source of a copy needs none.
#[test]
fn only_what_is_a_caches_is_made_filled_and_deleted() {
    let mut allowed = BTreeSet::new();
    for statement in resources().values().filter(|it| it["Type"] == FUNCTION).flat_map(statements) {
        let arn = statement["Resource"]["Fn::Sub"].as_str().unwrap_or_default();
        let resource = arn.rsplit(':').next().unwrap_or_default();
        let tag = statement["Condition"]["Null"].as_object().and_then(|keys| keys.iter().next());
        for action in list(&statement["Action"]) {
            let (service, verb) = action.split_once(':').unwrap();
            let changes = ["Complete", "Copy", "Create", "Delete", "Put", "Start"];
            if matches!(service, "ebs" | "ec2") && changes.iter().any(|word| verb.starts_with(word)) {
                let tag = tag.filter(|(_, is_missing)| *is_missing == "false");
                allowed.insert((action, resource.to_owned(), tag.map(|(key, _)| key.clone())));
            }
        }
    }
    let (new, there) = (Some("aws:RequestTag/watchkeeper:cache"), Some("aws:ResourceTag/watchkeeper:cache"));
    let expected = [
        ("ebs:CompleteSnapshot", "snapshot/*", there),
        ("ebs:PutSnapshotBlock", "snapshot/*", there),
        ("ebs:StartSnapshot", "snapshot/*", new),
        ("ec2:CopySnapshot", "snapshot/*", new),
        ("ec2:CopySnapshot", "snapshot/snap-*", None),
        ("ec2:CopyVolumes", "volume/*", new),
        ("ec2:CopyVolumes", "volume/vol-*", there),
        ("ec2:CreateTags", "snapshot/*", None),
        ("ec2:CreateTags", "volume/*", None),
        ("ec2:CreateVolume", "snapshot/*", there),
        ("ec2:CreateVolume", "volume/*", new),
        ("ec2:DeleteSnapshot", "snapshot/*", there),
        ("ec2:DeleteVolume", "volume/*", there),
    ];
    let expected =
        expected.map(|(action, on, tag)| (action.to_owned(), on.to_owned(), tag.map(str::to_owned)));
    assert_eq!(allowed, BTreeSet::from(expected));
}

/// Whoever could put the tag on what is there could delete it.
#[test]
fn tags_are_given_at_birth_only() {
    let statements =
        resources().values().filter(|it| it["Type"] == FUNCTION).flat_map(statements).collect::<Vec<_>>();
    let tagging = |it: &&Value| list(&it["Action"]).iter().any(|action| action == "ec2:CreateTags");
    let mut conditions = statements.iter().filter(tagging).map(|it| &it["Condition"]).collect::<Vec<_>>();
    conditions.sort_by_key(|it| it.to_string());
    assert_eq!(conditions.len(), 2);
    assert_eq!(conditions[0]["StringNotEquals"]["ec2:CreateAction"], "CreateTags");
    assert_eq!(conditions[1]["StringEquals"]["ec2:CreateAction"], json!(["CopyVolumes", "CreateVolume"]));
}

#[test]
fn keys_are_used_by_ebs_only() {
    let all = statements(&resources()["CacheRefresher"]);
    let mut uses = 0;
    for statement in all.iter().filter(|it| list(&it["Action"])[0].starts_with("kms:")) {
        let (condition, action) = (&statement["Condition"], list(&statement["Action"]));
        let through = condition["StringLike"]["kms:ViaService"].to_string();
        let is_of_ebs = through.contains("ebs.*") && through.contains("ec2.*") && !through.contains("\"*\"");
        let is_grant =
            action == ["kms:CreateGrant"] && condition["Bool"]["kms:GrantIsForAWSResource"] == "true";
        assert!(is_of_ebs != is_grant, "{statement}");
        uses += 1;
    }
    assert_eq!(uses, 2);
}

#[test]
fn caches_are_in_a_vpc_only_where_subnets_are_named_and_the_code_may_not_touch_its_interfaces() {
    let template = document(&source("template.yaml")).unwrap();
    let is_empty = json!({ "Fn::Equals": [{ "Fn::Join": ["", { "Ref": "CacheSubnetIds" }] }, ""] });
    assert_eq!(template["Conditions"]["CachesAreInVpc"], json!({ "Fn::Not": [is_empty] }));
    assert_eq!(template["Parameters"]["CacheSubnetIds"]["Default"], "");
    assert_eq!(template["Parameters"]["CreateCacheEndpoints"]["Default"], "false");
    let resources = resources();
    let function = &resources["CacheRefresher"]["Properties"];
    let inside = json!({
        "SubnetIds": { "Ref": "CacheSubnetIds" },
        "SecurityGroupIds": { "Ref": "CacheSecurityGroupIds" },
    });
    let vpc = json!({ "Fn::If": ["CachesAreInVpc", inside, { "Ref": "AWS::NoValue" }] });
    assert_eq!(function["VpcConfig"], vpc);
    // SAM attaches a policy with these actions all the same.
    let all = all_statements(&resources["CacheRefresher"]);
    let denied: Vec<_> = all.iter().filter(|it| it["Effect"] == "Deny").collect();
    assert_eq!(denied.len(), 1);
    for action in
        ["AssignPrivateIpAddresses", "CreateNetworkInterface", "DeleteNetworkInterface", "DescribeSubnets"]
    {
        assert!(list(&denied[0]["Action"]).contains(&format!("ec2:{action}")), "{action}");
    }
    let caller = denied[0]["Condition"]["ArnEquals"]["lambda:SourceFunctionArn"]["Fn::Sub"].as_str().unwrap();
    let name = function["FunctionName"]["Fn::Sub"].as_str().unwrap();
    assert!(caller.ends_with(&format!(":function:{name}")), "{caller}");
}

#[test]
fn there_is_an_endpoint_for_each_service_that_cache_refresher_calls() {
    let services = |statement: &Value| {
        let service = |action: &String| action.split_once(':').unwrap().0.to_owned();
        list(&statement["Action"]).iter().map(service).collect::<Vec<_>>()
    };
    let mut called: BTreeSet<_> =
        statements(&resources()["CacheRefresher"]).iter().flat_map(services).collect();
    // EBS, SNS and DynamoDB call it.
    assert!(called.remove("kms"));
    let template = document(&source("infra/cache-endpoints.yaml")).unwrap();
    let endpoints = template["Resources"].as_object().unwrap().values();
    let names = endpoints.filter_map(|it| it["Properties"]["ServiceName"]["Fn::Sub"].as_str());
    let reached: BTreeSet<_> = names.map(|it| it.rsplit('.').next().unwrap().to_owned()).collect();
    assert_eq!(reached, called);
}

#[test]
fn the_leash_is_on_until_somebody_takes_it_off() {
    let template = document(&source("template.yaml")).unwrap();
    assert_eq!(template["Parameters"]["Leash"]["Default"], "on");
}

/// What `function` may do.
fn statements(function: &Value) -> Vec<Value> {
    all_statements(function).into_iter().filter(|it| it["Effect"] == "Allow").collect()
}

fn all_statements(function: &Value) -> Vec<Value> {
    let policies = function["Properties"]["Policies"].as_array().unwrap();
    policies.iter().flat_map(|policy| policy["Statement"].as_array().unwrap().clone()).collect()
}

fn list(value: &Value) -> Vec<String> {
    let texts = |items: &Vec<Value>| items.iter().map(|it| it.as_str().unwrap().to_owned()).collect();
    value.as_array().map_or_else(|| vec![value.as_str().unwrap().to_owned()], texts)
}

/// Ends of ARNs whose names are not known at deployment, and the Regions of copies.
const NAMED_ELSEWHERE: [&str; 10] = [
    "watchkeeper/*",
    ":experiment/*",
    ":experiment-template/*",
    "/watchkeeper-dead-man-*",
    "::snapshot/*",
    "::snapshot/snap-*",
    ":volume/*",
    ":volume/vol-*",
    ":ec2:*",
    ":kms:*:${AWS::AccountId}:key/*",
];

#[test]
fn the_world_of_each_function_is_its_policy() {
    let resources = resources();
    for (id, (_, ports)) in functions() {
        let statements = statements(&resources[&id]);
        let allowed: BTreeSet<_> = statements.iter().flat_map(|it| list(&it["Action"])).collect();
        let needed = ports.iter().flat_map(|port| actions_of(port)).map(ToString::to_string).collect();
        assert_eq!(allowed, needed, "{id}");
        for statement in statements.iter().filter(|it| !list(&it["Action"]).iter().all(|it| only_reads(it))) {
            // Secrets are named by people, experiments by FIS, dead men by their token, snapshots and volumes by EBS; their
            // keys are whoever's they are. Everything else is named here.
            let resource = statement["Resource"].to_string();
            let left = NAMED_ELSEWHERE.into_iter().fold(resource, |left, named| left.replace(named, ""));
            assert!(!left.contains('*'), "{id}: {statement}");
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
            if is_no_rules(&event) {
                assert_eq!(who_hears(&bus, &event), BTreeSet::new(), "{folder}/{name}");
                continue;
            }
            let expected: BTreeSet<_> = also_heard_by(&event).iter().copied().chain([id.as_str()]).collect();
            assert_eq!(who_hears(&bus, &event), expected, "{folder}/{name}");
            heard += 1;
        }
    }
    assert!(heard >= 40, "only {heard} events");
    for (name, event) in events("foreign") {
        assert_eq!(who_hears(&bus, &event), BTreeSet::new(), "foreign/{name}");
    }
}

/// Whether it comes some other way: an envelope through a queue or a topic, a tick from a schedule, a claim from a job.
fn is_no_rules(event: &Value) -> bool {
    ["Records", "tick", "claim", "release"].iter().any(|key| event.get(key).is_some())
}

/// The functions that are meant to hear of `event`, besides the one in whose folder it is.
fn also_heard_by(event: &Value) -> &'static [&'static str] {
    match event["detail-type"].as_str() {
        Some("FIS Experiment State Change" | "Case Opened" | "Case Updated") => {
            &["ChaosTrigger", "ExperimentWatcher"]
        }
        _ => &[],
    }
}

/// Each once: AWS speaks on the default bus, and what is Watchkeeper's own comes on its own.
fn who_hears<'a>(bus: &'a Bus, event: &Value) -> BTreeSet<&'a str> {
    let is_own = event["source"].as_str().is_some_and(|it| it.starts_with("watchkeeper"));
    let heard = bus.functions_for(event, if is_own { "watchkeeper" } else { DEFAULT });
    assert_eq!(heard.iter().collect::<BTreeSet<_>>().len(), heard.len(), "twice: {heard:?}");
    heard.into_iter().collect()
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
    for (id, function) in resources().into_iter().filter(|(_, it)| it["Type"] == FUNCTION) {
        let given = &function["Properties"]["Environment"]["Variables"];
        let text = |name: &str| given.get(name).map(ToString::to_string);
        let missing = match id.as_str() {
            "HealthResponder" => Settings::read(text).err(),
            "Notifier" => NotifierSettings::read(text).err(),
            "ChaosTrigger" | "ExperimentWatcher" => DrillSettings::read(text).err(),
            "CacheRefresher" => CacheSettings::read(text).err(),
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
