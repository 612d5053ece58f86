//! A template out of JSON.

use serde_json::Value;

use super::{
    Action, ExperimentOptions, Filter, Finding, LogConfiguration, StopCondition, Target, Template,
    reader::{Node, Notes},
};

/// What AWS answers and a run does not depend on.
const IGNORED: [&str; 5] = ["id", "arn", "creationTime", "lastUpdateTime", "clientToken"];

pub(super) fn template(value: &Value) -> Result<Template, Vec<Finding>> {
    let notes = Notes::default();
    if value.get("Resources").is_some_and(Value::is_object) {
        notes.malformed("template", "this is a whole CloudFormation document: read one of its templates");
    }
    let template = Node::new(unwrapped(value), "", &notes).map(|node| read(&node)).unwrap_or_default();
    let (mut findings, unknown) = notes.into_parts();
    findings.sort_by(|one, other| one.place.cmp(&other.place));
    if findings.is_empty() { Ok(Template { unknown, ..template }) } else { Err(findings) }
}

/// Without the API's `experimentTemplate`, or CloudFormation's `Type` and `Properties`.
fn unwrapped(value: &Value) -> &Value {
    let inner = value.get("experimentTemplate").or_else(|| value.get("Properties"));
    inner.filter(|inner| inner.is_object()).unwrap_or(value)
}

fn read(node: &Node<'_, '_>) -> Template {
    let known = [
        "description",
        "targets",
        "actions",
        "stopConditions",
        "roleArn",
        "logConfiguration",
        "experimentOptions",
        "tags",
        "experimentReportConfiguration",
        "targetAccountConfigurationsCount",
    ];
    node.only(&known, &IGNORED);
    let mut tags = node.named_texts("tags");
    tags.retain(|key, _| !key.starts_with("aws:"));
    Template {
        description: node.text("description"),
        targets: node.named("targets").into_iter().map(|(name, node)| (name, target(&node))).collect(),
        actions: node.named("actions").into_iter().map(|(name, node)| (name, action(&node))).collect(),
        stop_conditions: node.nodes("stopConditions").iter().map(stop_condition).collect(),
        role_arn: node.text("roleArn"),
        log_configuration: node.node("logConfiguration").map(|node| log_configuration(&node)),
        experiment_options: node.node("experimentOptions").map(|node| options(&node)).unwrap_or_default(),
        tags,
        report: node.raw("experimentReportConfiguration"),
        target_accounts: node.number("targetAccountConfigurationsCount").unwrap_or_default(),
        ..Template::default()
    }
}

fn target(node: &Node<'_, '_>) -> Target {
    let known = ["resourceType", "resourceArns", "resourceTags", "filters", "selectionMode", "parameters"];
    node.only(&known, &[]);
    Target {
        resource_type: node.required("resourceType"),
        resource_arns: node.texts("resourceArns"),
        resource_tags: node.named_texts("resourceTags"),
        filters: node.nodes("filters").iter().map(filter).collect(),
        selection_mode: node.required("selectionMode"),
        parameters: node.named_texts("parameters"),
    }
}

fn filter(node: &Node<'_, '_>) -> Filter {
    node.only(&["path", "values"], &[]);
    Filter { path: node.required("path"), values: node.texts("values") }
}

fn action(node: &Node<'_, '_>) -> Action {
    node.only(&["actionId", "description", "parameters", "targets", "startAfter"], &[]);
    Action {
        action_id: node.required("actionId"),
        description: node.text("description"),
        parameters: node.named_texts("parameters"),
        targets: node.named_texts("targets"),
        start_after: node.texts("startAfter"),
    }
}

fn stop_condition(node: &Node<'_, '_>) -> StopCondition {
    node.only(&["source", "value"], &[]);
    StopCondition { source: node.required("source"), value: node.text("value") }
}

fn log_configuration(node: &Node<'_, '_>) -> LogConfiguration {
    node.only(&["logSchemaVersion", "cloudWatchLogsConfiguration", "s3Configuration"], &[]);
    let logs = node.node("cloudWatchLogsConfiguration");
    let s3 = node.node("s3Configuration");
    LogConfiguration {
        schema_version: node.number("logSchemaVersion"),
        log_group: logs.and_then(|logs| logs.text("logGroupArn")),
        bucket: s3.as_ref().and_then(|s3| s3.text("bucketName")),
        prefix: s3.and_then(|s3| s3.text("prefix")),
    }
}

fn options(node: &Node<'_, '_>) -> ExperimentOptions {
    node.only(&["accountTargeting", "emptyTargetResolutionMode", "actionsMode"], &[]);
    ExperimentOptions {
        account_targeting: node.text("accountTargeting"),
        empty_target_resolution_mode: node.text("emptyTargetResolutionMode"),
        actions_mode: node.text("actionsMode"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::fis::template::Text;

    #[test]
    fn the_api_the_cli_and_cloudformation_say_the_same() {
        let inner = json!({
            "description": "stop one",
            "targets": { "One": { "resourceType": "aws:ec2:instance", "selectionMode": "COUNT(1)",
                "resourceTags": { "ChaosReady": "Yes" },
                "filters": [{ "path": "State.Name", "values": ["running"] }] } },
            "actions": { "stop": { "actionId": "aws:ec2:stop-instances", "targets": { "Instances": "One" },
                "parameters": { "startInstancesAfterDuration": "PT5M" } } },
            "stopConditions": [{ "source": "none" }],
            "roleArn": "arn:aws:iam::123456789012:role/fis",
            "logConfiguration": { "logSchemaVersion": 2, "s3Configuration": { "bucketName": "logs" } },
            "tags": { "Team": "platform" },
        });
        let mut api = json!({ "experimentTemplate": inner });
        api["experimentTemplate"]["id"] = json!("EXT1");
        api["experimentTemplate"]["creationTime"] = json!(1.5);
        let mut cli = inner.clone();
        cli["clientToken"] = json!("once");
        let cloudformation = json!({ "Type": "AWS::FIS::ExperimentTemplate", "Properties": {
            "Description": "stop one",
            "Targets": { "One": { "ResourceType": "aws:ec2:instance", "SelectionMode": "COUNT(1)",
                "ResourceTags": { "ChaosReady": "Yes" },
                "Filters": [{ "Path": "State.Name", "Values": ["running"] }] } },
            "Actions": { "stop": { "ActionId": "aws:ec2:stop-instances", "Targets": { "Instances": "One" },
                "Parameters": { "startInstancesAfterDuration": "PT5M" } } },
            "StopConditions": [{ "Source": "none" }],
            "RoleArn": "arn:aws:iam::123456789012:role/fis",
            "LogConfiguration": { "LogSchemaVersion": "2", "S3Configuration": { "BucketName": "logs" } },
            "Tags": { "Team": "platform", "aws:cloudformation:stack-name": "drills" },
        } });
        let read = Template::parse(&inner).unwrap();
        assert_eq!(read.targets["One"].filters[0].path, Text::from("State.Name"));
        for form in [api, cli, cloudformation] {
            let same = Template::parse(&form).unwrap();
            assert_eq!(same, read);
            assert_eq!(same.hash(), read.hash());
        }
    }

    #[test]
    fn every_problem_names_its_place_and_the_mend() {
        let problems = Template::parse(&json!({
            "targets": { "Nodes": { "resourceType": "aws:eks:nodegroup" }, "Odd": 7 },
            "actions": { "inject": { "actionId": "x", "parameters": { "kubernetesSpec": { "mode": "all" } } } },
            "StopConditions": { "source": "none" },
            "stopConditions": [],
        }))
        .unwrap_err();
        let shown: Vec<_> = problems.iter().map(ToString::to_string).collect();
        assert_eq!(
            shown,
            [
                "refused: actions.inject.parameters.kubernetesSpec: must be a text; JSON inside a parameter goes \
                 in quotes, as one text; this is an object [malformed]",
                "refused: stopConditions: given twice, also as `StopConditions`: keep one [malformed]",
                "refused: targets.Nodes.selectionMode: missing: `selectionMode` is required here [malformed]",
                "refused: targets.Odd: must be an object; this is a number [malformed]",
            ]
        );
    }

    #[test]
    fn an_intrinsic_function_stays_what_it_is_and_a_field_nobody_knows_is_kept() {
        let template = Template::parse(&json!({
            "RoleArn": { "Fn::GetAtt": ["Role", "Arn"] },
            "Actions": { "a": { "ActionId": "aws:fis:wait", "Parameters": { "duration": 5 }, "Timeout": 1 } },
        }))
        .unwrap();
        assert_eq!(template.role_arn, Some(Text::Deferred(json!({ "Fn::GetAtt": ["Role", "Arn"] }))));
        assert_eq!(template.actions["a"].parameters["duration"], Text::from("5"));
        assert_eq!(template.unknown["actions.a.timeout"], json!(1));
    }

    #[test]
    fn what_is_no_template_says_so() {
        for value in [json!(null), json!([]), json!("x"), json!({ "Resources": {} })] {
            assert_eq!(Template::parse(&value).unwrap_err()[0].place, "template", "{value}");
        }
    }
}
