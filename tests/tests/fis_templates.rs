//! FIS templates under the rules: other people's are refused for the right reasons, ours pass, and nothing panics.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::PathBuf,
};

use proptest::prelude::*;
use serde::Deserialize;
use serde_json::{Value, json};
use watchkeeper_domain::{
    drill::template::startable_name,
    fis::{
        Limits, Severity, Template, action_minutes, cloudformation, duration, is_refused, lint, plan,
        planned_duration,
    },
};
use watchkeeper_tests::support::template::source;

// ── Other people's ──────────────────────────────────────────────────────────────────────────────────────

/// A recorded template beside the checkout, or nothing, said aloud.
fn recorded(name: &str) -> Option<Value> {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/fixtures/fis").join(name);
    let Ok(text) = fs::read(&file) else {
        eprintln!("SKIPPED: no recorded template at {}; it is not part of the project", file.display());
        return None;
    };
    Some(serde_json::from_slice(&text).unwrap())
}

fn judged(template: &Template, limits: &Limits) -> Vec<String> {
    let findings = lint(template, limits);
    findings.iter().map(|it| format!("{:?} {} {}", it.severity, it.rule, it.place)).collect()
}

#[test]
fn the_recorded_partition_is_refused_for_its_stop_condition_reach_and_endlessness() {
    let Some(template) = recorded("template-seed-chaosmesh-network-partition.json") else { return };
    let template = Template::parse(&template).unwrap();
    let spec = "actions.inject-network-partition.parameters.kubernetesSpec";
    assert_eq!(
        judged(&template, &Limits::default()),
        [
            "Refuse stop-condition-none stopConditions[0]".to_owned(),
            "Warn opt-in-unverified targets.EKS-Cluster".to_owned(),
            format!("Refuse kubernetes-mode {spec}.mode"),
            format!("Refuse kubernetes-cluster-wide {spec}.target"),
            format!("Refuse kubernetes-duration-absent {spec}.duration"),
        ]
    );
}

#[test]
fn the_recorded_chain_is_refused_for_its_mistyped_tag_and_all_that_it_breaks() {
    let Some(template) = recorded("template-seed-multi-action.json") else { return };
    let template = Template::parse(&template).unwrap();
    let spec = "actions.k8s-pod-cpu-stress.parameters.kubernetesSpec";
    let findings = lint(&template, &Limits::default());
    assert_eq!(
        judged(&template, &Limits::default()),
        [
            "Refuse stop-condition-none stopConditions[0]".to_owned(),
            "Refuse log-absent logConfiguration".to_owned(),
            "Refuse destructive-action actions.ec2-terminate".to_owned(),
            "Refuse destructive-action actions.rds-reboot".to_owned(),
            "Refuse selection-all targets.DBInstances-Target-3.selectionMode".to_owned(),
            "Refuse selection-all targets.Instances-Target-4.selectionMode".to_owned(),
            "Refuse selection-all targets.Nodegroups-Target-2.selectionMode".to_owned(),
            "Refuse opt-in-tag-mistyped targets.Nodegroups-Target-2.resourceTags.ChoasReady".to_owned(),
            "Warn opt-in-unverified targets.Cluster-Target-1".to_owned(),
            format!("Warn litmus-annotation-unchecked {spec}.annotationCheck"),
            format!("Refuse litmus-experiments-absent {spec}.experiments"),
            format!("Refuse kubernetes-duration-absent {spec}.experiments"),
        ]
    );
    let mistyped = findings.iter().find(|it| it.rule == "opt-in-tag-mistyped").unwrap();
    assert!(mistyped.message.contains("did you mean `ChaosReady`?"), "{mistyped}");
    assert_eq!(planned_duration(&template).map(duration::shown).as_deref(), Some("22m"));
    assert_eq!(action_minutes(&template), Some(22));
}

#[test]
fn a_recorded_template_is_the_same_as_the_answer_of_the_api() {
    let Some(template) = recorded("template-seed-multi-action.json") else { return };
    let mut answer = json!({ "experimentTemplate": template });
    answer["experimentTemplate"]["id"] = json!("EXT1a2b3c4d5e6f7");
    answer["experimentTemplate"]["experimentOptions"] =
        json!({ "accountTargeting": "single-account", "emptyTargetResolutionMode": "fail" });
    assert_eq!(Template::parse(&answer).unwrap().hash(), Template::parse(&template).unwrap().hash());
}

// ── Ours ────────────────────────────────────────────────────────────────────────────────────────────────

fn document() -> Value {
    watchkeeper_sim::template::document(&source("infra/fis/template.yaml")).unwrap()
}

/// Our templates, as they are deployed with the defaults of their parameters.
fn ours() -> BTreeMap<String, Template> {
    let given = [
        ("AWS::AccountId", "123456789012"),
        ("AWS::Partition", "aws"),
        ("AWS::Region", "eu-west-1"),
        ("AvailabilityZone", "eu-west-1a"),
        ("ClusterName", "shop"),
        ("StopAlarmArn", "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:checkout-errors"),
        ("Vpc", "vpc-0123456789abcdef0"),
    ];
    let given = given.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let templates = cloudformation::templates(&document(), &given);
    assert_eq!(templates.len(), 11);
    templates.into_iter().map(|(id, properties)| (id, Template::parse(&properties).unwrap())).collect()
}

/// What each of ours is allowed beyond the default limits: whether it can't be undone, and the largest share.
fn allowance(id: &str) -> Limits {
    let (allow_destructive, max_percent) = match id {
        "ContainerKill" | "DatabaseFailover" | "DatabaseReboot" | "NodeGroupTermination" | "PodDelete" => {
            (true, 50)
        }
        "ZonePower" => (true, 100),
        _ => (false, 50),
    };
    Limits { allow_destructive, max_percent, max_count: 1, ..Limits::default() }
}

#[test]
fn ours_pass_every_rule_with_no_more_allowance_than_is_said() {
    for (id, template) in ours() {
        let found = judged(&template, &allowance(&id));
        let in_cluster = template.targets.contains_key("Cluster");
        let expected: &[&str] = if in_cluster { &["Warn opt-in-unverified targets.Cluster"] } else { &[] };
        assert_eq!(found, expected, "{id}");
        let needs_allowance = allowance(&id).allow_destructive;
        assert_eq!(is_refused(&lint(&template, &Limits::default())), needs_allowance, "{id}");
    }
}

#[test]
fn what_of_ours_cannot_be_undone_is_refused_without_the_allowance() {
    for (id, template) in ours().into_iter().filter(|(id, _)| allowance(id).allow_destructive) {
        let limits = Limits { allow_destructive: false, ..allowance(&id) };
        let findings = lint(&template, &limits);
        let refused: BTreeSet<_> =
            findings.iter().filter(|it| it.severity == Severity::Refuse).map(|it| it.rule).collect();
        assert!(
            refused.iter().all(|rule| ["destructive-action", "kubernetes-destructive"].contains(rule)),
            "{id}: {refused:?}"
        );
        assert!(!refused.is_empty(), "{id}");
    }
}

#[test]
fn the_table_of_ours_says_how_long_each_takes_and_what_it_costs() {
    let readme = source("infra/fis/README.md");
    let ours = ours();
    for (id, template) in &ours {
        let name = template.tags["Name"].known().unwrap();
        let row = readme.lines().find(|line| line.starts_with(&format!("| `{name}` |"))).expect(id);
        let cells: Vec<_> = row.split('|').map(str::trim).collect();
        let cents = action_minutes(template).unwrap() * plan::CENTS_PER_ACTION_MINUTE;
        let undone = if allowance(id).allow_destructive { "no" } else { "yes" };
        let planned = duration::shown(planned_duration(template).unwrap());
        assert_eq!(cells[3..6], [undone, &planned, &format!("${}.{:02}", cents / 100, cents % 100)], "{id}");
    }
    assert_eq!(readme.lines().filter(|line| line.starts_with("| `")).count(), ours.len());
}

#[test]
fn each_of_ours_is_called_by_its_logical_id_in_small_letters() {
    for (id, template) in ours() {
        let dashed = |letter: char| {
            if letter.is_ascii_uppercase() {
                format!("-{}", letter.to_ascii_lowercase())
            } else {
                letter.into()
            }
        };
        let name = id.chars().map(dashed).collect::<String>();
        assert_eq!(startable_name(|tag| template.tags.get(tag)?.known()), Some(&name[1..]), "{id}");
    }
}

#[test]
fn nothing_of_ours_exists_until_drills_are_enabled() {
    let document = document();
    assert_eq!(document["Parameters"]["EnableDrills"]["Default"], "false");
    let conditions = document["Conditions"].as_object().unwrap();
    assert_eq!(conditions["Drills"], json!({ "Fn::Equals": [{ "Ref": "EnableDrills" }, "true"] }));
    for (name, condition) in conditions.iter().filter(|(name, _)| *name != "Drills") {
        let first = condition["Fn::And"][0]["Condition"].as_str().unwrap();
        assert!(conditions.contains_key(first) && first != name, "{name}");
    }
    for (id, resource) in document["Resources"].as_object().unwrap() {
        assert!(conditions.contains_key(resource["Condition"].as_str().unwrap_or_default()), "{id}");
    }
}

/// The statements of every policy of ours, by the logical id of their role or policy.
fn statements() -> Vec<(String, Value)> {
    let document = document();
    let resources = document["Resources"].as_object().unwrap();
    let policies = resources.iter().flat_map(|(id, resource)| {
        let own = &resource["Properties"]["PolicyDocument"];
        let inline = resource["Properties"]["Policies"].as_array().into_iter().flatten();
        let all = inline.map(|policy| &policy["PolicyDocument"]).chain((!own.is_null()).then_some(own));
        all.flat_map(|it| it["Statement"].as_array().unwrap().clone())
            .map(|it| (id.clone(), it))
            .collect::<Vec<_>>()
    });
    policies.collect()
}

#[test]
fn our_roles_can_do_no_more_than_their_faults() {
    // What has no permissions by resource, or ends what the role began.
    let unscoped = [
        "ec2:InjectApiError",
        "logs:CreateLogDelivery",
        "logs:PutResourcePolicy",
        "ssm:CancelCommand",
        "tag:GetResources",
    ];
    for (id, statement) in statements() {
        let actions = match &statement["Action"] {
            Value::Array(actions) => actions.iter().map(|it| it.as_str().unwrap().to_owned()).collect(),
            one => vec![one.as_str().unwrap().to_owned()],
        };
        for action in actions {
            let verb = action.split(':').nth(1).unwrap();
            let is_reading = verb.starts_with("Describe") || verb.starts_with("List");
            assert!(!action.contains('*'), "{id}: {action}");
            if statement["Resource"] == "*" {
                assert!(is_reading || unscoped.contains(&action.as_str()), "{id}: {action}");
            }
        }
    }
    let document = document();
    let roles =
        document["Resources"].as_object().unwrap().iter().filter(|(_, it)| it["Type"] == "AWS::IAM::Role");
    for (id, role) in roles {
        let trust = &role["Properties"]["AssumeRolePolicyDocument"]["Statement"][0];
        assert_eq!(trust["Principal"]["Service"], "fis.amazonaws.com", "{id}");
        assert!(trust["Condition"]["StringEquals"]["aws:SourceAccount"].is_object(), "{id}");
        assert!(trust["Condition"]["ArnLike"]["aws:SourceArn"].is_object(), "{id}");
    }
}

#[test]
fn in_a_cluster_ours_may_make_their_own_kinds_of_fault_in_one_namespace() {
    let text = source("infra/fis/kubernetes-rbac.yaml");
    let read = |document| Value::deserialize(document).unwrap();
    let objects: Vec<Value> = serde_yaml_ng::Deserializer::from_str(&text).map(read).collect();
    assert!(
        objects
            .iter()
            .all(|it| ["Role", "RoleBinding", "ServiceAccount"].contains(&it["kind"].as_str().unwrap()))
    );
    let rules = objects.iter().flat_map(|it| it["rules"].as_array().cloned().unwrap_or_default());
    assert!(rules.clone().all(|rule| !rule.to_string().contains("\"*\"")));
    let made: BTreeSet<_> = rules
        .filter(|rule| rule["verbs"].as_array().unwrap().contains(&json!("create")))
        .flat_map(|rule| rule["resources"].as_array().unwrap().clone())
        .collect::<Vec<_>>()
        .iter()
        .map(|it| it.as_str().unwrap().to_owned())
        .collect();
    for (id, template) in ours() {
        for action in template.actions.values() {
            let Some(kind) = action.parameters.get("kubernetesKind") else { continue };
            let kind = kind.to_string().to_lowercase();
            assert!(made.contains(&kind) || made.contains(&format!("{kind}s")), "{id}: {kind}");
        }
    }
    let group = &document()["Resources"]["ClusterAccess"]["Properties"]["KubernetesGroups"][0];
    let subjects: Vec<_> = objects.iter().filter_map(|it| it["subjects"][0].as_object()).collect();
    assert!(subjects.iter().any(|it| it["kind"] == "Group" && it["name"] == *group));
    assert!(!document().to_string().contains("system:masters"));
}

// ── Properties ──────────────────────────────────────────────────────────────────────────────────────────

/// A template with something in every field.
fn full() -> Value {
    json!({
        "description": "everything",
        "targets": {
            "Cluster": { "resourceType": "aws:eks:cluster", "selectionMode": "ALL",
                "resourceArns": ["arn:aws:eks:eu-west-1:123456789012:cluster/b", "arn:aws:eks:eu-west-1:123456789012:cluster/a"] },
            "Half": { "resourceType": "aws:ec2:instance", "resourceTags": { "ChaosReady": "Yes", "Team": "shop" },
                "filters": [{ "path": "State.Name", "values": ["running", "pending"] },
                    { "path": "Placement.AvailabilityZone", "values": ["eu-west-1a"] }],
                "parameters": { "zone": "a" }, "selectionMode": "PERCENT(50)" },
        },
        "actions": {
            "stop": { "actionId": "aws:ec2:stop-instances", "description": "off",
                "parameters": { "startInstancesAfterDuration": "PT5M" }, "targets": { "Instances": "Half" } },
            "partition": { "actionId": "aws:eks:inject-kubernetes-custom-resource", "targets": { "Cluster": "Cluster" },
                "parameters": { "maxDuration": "PT5M", "kubernetesApiVersion": "chaos-mesh.org/v1alpha1",
                    "kubernetesKind": "NetworkChaos", "kubernetesNamespace": "shop",
                    "kubernetesSpec": "{\"mode\":\"one\",\"selector\":{\"namespaces\":[\"shop\"]}}" } },
            "settle": { "actionId": "aws:fis:wait", "parameters": { "duration": "PT5M" },
                "startAfter": ["stop", "partition"] },
        },
        "stopConditions": [
            { "source": "aws:cloudwatch:alarm", "value": "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:b" },
            { "source": "aws:cloudwatch:alarm", "value": "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:a" },
        ],
        "roleArn": "arn:aws:iam::123456789012:role/drills",
        "logConfiguration": { "logSchemaVersion": 2, "s3Configuration": { "bucketName": "logs", "prefix": "fis" },
            "cloudWatchLogsConfiguration": { "logGroupArn": "arn:aws:logs:eu-west-1:123456789012:log-group:drills:*" } },
        "experimentOptions": { "accountTargeting": "multi-account", "emptyTargetResolutionMode": "skip" },
        "experimentReportConfiguration": { "preExperimentDuration": "PT20M",
            "outputs": { "s3Configuration": { "bucketName": "reports" } } },
        "targetAccountConfigurationsCount": 1,
        "tags": { "Name": "everything", "Team": "shop" },
    })
}

/// JSON pointers to every value that is no container.
fn leaves(value: &Value) -> Vec<String> {
    let below = |key: &str, value: &Value| -> Vec<String> {
        let key = key.replace('~', "~0").replace('/', "~1");
        leaves(value).into_iter().map(|rest| format!("/{key}{rest}")).collect()
    };
    match value {
        Value::Object(fields) => fields.iter().flat_map(|(key, value)| below(key, value)).collect(),
        Value::Array(items) => {
            items.iter().enumerate().flat_map(|(at, it)| below(&at.to_string(), it)).collect()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => vec![String::new()],
    }
}

#[test]
fn a_change_of_any_field_is_a_change_of_the_hash() {
    let whole = full();
    let hash = Template::parse(&whole).unwrap().hash();
    let mut seen = BTreeSet::from([hash.clone()]);
    let leaves = leaves(&whole);
    for at in &leaves {
        let mut changed = whole.clone();
        let leaf = changed.pointer_mut(at).unwrap();
        *leaf = match &*leaf {
            Value::Number(number) => json!(number.as_u64().unwrap() + 1),
            other => json!(format!("{}x", other.as_str().unwrap())),
        };
        assert!(seen.insert(Template::parse(&changed).unwrap().hash()), "{at}");
    }
    assert!(leaves.len() > 40);
    for ignored in [
        json!({ "id": "EXT1" }),
        json!({ "creationTime": 1.5, "lastUpdateTime": 2 }),
        json!({ "arn": "arn:aws:fis:eu-west-1:123456789012:experiment-template/EXT1" }),
    ] {
        let mut same = whole.clone();
        same.as_object_mut().unwrap().extend(ignored.as_object().unwrap().clone());
        assert_eq!(Template::parse(&same).unwrap().hash(), hash);
    }
}

/// `value` as JSON text, with the keys of objects, and the items of lists, in an order that `seed` decides.
fn shuffled(value: &Value, seed: u64) -> String {
    let rank = |text: &str| {
        let mixed = text.bytes().fold(seed, |sum, byte| sum.rotate_left(5) ^ u64::from(byte));
        mixed.wrapping_mul(0x9E37_79B9_7F4A_7C15)
    };
    let mut parts: Vec<String> = match value {
        Value::Object(fields) => {
            fields.iter().map(|(key, value)| format!("{}:{}", json!(key), shuffled(value, seed))).collect()
        }
        Value::Array(items) => items.iter().map(|item| shuffled(item, seed)).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => return value.to_string(),
    };
    parts.sort_by_key(|part| rank(part));
    let inner = parts.join(",");
    if value.is_object() { format!("{{{inner}}}") } else { format!("[{inner}]") }
}

fn any_json() -> impl Strategy<Value = Value> {
    let text = prop_oneof![
        any::<String>().boxed(),
        prop::sample::select(vec![
            "ALL",
            "COUNT(1)",
            "PT5M",
            "P1M",
            "none",
            "aws:fis:wait",
            "Half",
            "stop",
            "one",
            "kube-system",
            "{}",
            "aws:eks:inject-kubernetes-custom-resource",
            "chaos-mesh.org/v1alpha1",
            "litmuschaos.io/v1alpha1",
        ])
        .prop_map(str::to_owned)
        .boxed(),
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        text.prop_map(Value::from),
    ];
    let key = prop_oneof![
        any::<String>().boxed(),
        prop::sample::select(vec![
            "targets",
            "Actions",
            "parameters",
            "stopConditions",
            "Ref",
            "Fn::Sub",
            "Resources",
            "Properties",
            "selector",
            "experiments",
            "spec",
            "components",
            "env",
            "name",
            "value",
            "mode",
            "namespaces",
        ])
        .prop_map(str::to_owned)
        .boxed(),
    ];
    leaf.prop_recursive(5, 48, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(key.clone(), inner, 0..6)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

/// Everything that is done to a template by anybody.
fn exercise(value: &Value) {
    for (_, properties) in cloudformation::templates(value, &cloudformation::Parameters::new()) {
        let _ = Template::parse(&properties);
    }
    if let Ok(template) = Template::parse(value) {
        let limits = Limits { allow_destructive: true, ..Limits::default() };
        for finding in lint(&template, &limits) {
            assert!(!finding.message.is_empty(), "{finding:?}");
        }
        let _ = (planned_duration(&template), action_minutes(&template));
        assert_eq!(template.hash().len(), 32);
    }
}

proptest! {
    #[test]
    fn no_json_makes_the_rules_panic(value in any_json()) {
        exercise(&value);
    }

    #[test]
    fn no_template_with_one_thing_replaced_makes_the_rules_panic(at in any::<prop::sample::Index>(), odd in any_json()) {
        let mut template = full();
        let leaves = leaves(&template);
        *template.pointer_mut(&leaves[at.index(leaves.len())]).unwrap() = odd;
        exercise(&template);
    }

    #[test]
    fn no_resource_inside_an_action_makes_the_rules_panic(spec in any_json(), litmus in any::<bool>()) {
        let mut template = full();
        let parameters = &mut template["actions"]["partition"]["parameters"];
        parameters["kubernetesSpec"] = json!(spec.to_string());
        if litmus {
            parameters["kubernetesApiVersion"] = json!("litmuschaos.io/v1alpha1");
            parameters["kubernetesKind"] = json!("ChaosEngine");
        }
        exercise(&template);
    }

    #[test]
    fn the_order_of_what_has_none_never_changes_the_hash(seed in any::<u64>()) {
        let whole = full();
        let again: Value = serde_json::from_str(&shuffled(&whole, seed)).unwrap();
        prop_assert_eq!(Template::parse(&again).unwrap().hash(), Template::parse(&whole).unwrap().hash());
    }
}
