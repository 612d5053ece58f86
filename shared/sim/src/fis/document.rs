//! What the API answers, as JSON.
//!
//! Source: AWS FIS API Reference, `Experiment`, `ExperimentSummary`, `ExperimentTemplateSummary`, `ResolvedTarget`,
//! `SafetyLever`.

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use watchkeeper_domain::{
    drill::ListedTemplate,
    experiment::{ActionRun, Experiment, Lever, Listed, ResolvedTarget},
};

use super::{ACCOUNT, REGION, arn, run::Run};

/// What an experiment takes over from its template.
const KEPT: [&str; 8] = [
    "targets",
    "actions",
    "stopConditions",
    "roleArn",
    "logConfiguration",
    "experimentOptions",
    "experimentReportConfiguration",
    "targetAccountConfigurationsCount",
];

pub(super) fn experiment(run: &Run, now: Timestamp) -> Value {
    let Experiment { listed, arn, reason, error, started_at, ended_at, actions, .. } = run.experiment(now);
    let kept = KEPT.iter().filter_map(|key| Some(((*key).to_owned(), run.document.get(*key)?.clone())));
    let mut document = Value::Object(kept.collect::<Map<_, _>>());
    for (name, action) in actions {
        fill(&mut document["actions"][name], action);
    }
    let error = error.map(|it| json!({ "accountId": it.account, "code": it.code, "location": it.location }));
    document["id"] = json!(listed.id);
    document["arn"] = json!(arn);
    document["experimentTemplateId"] = json!(listed.template);
    document["state"] = without_nulls(json!({ "status": listed.status, "reason": reason, "error": error }));
    document["creationTime"] = seconds(listed.created_at);
    document["startTime"] = seconds(started_at);
    document["endTime"] = seconds(ended_at);
    document["tags"] = json!(listed.tags);
    document["experimentOptions"]["actionsMode"] = json!(mode(&listed));
    without_nulls(document)
}

/// A template that was put here, as a list shows it.
pub(super) fn listed_template((id, document): (&String, &Value)) -> ListedTemplate {
    let tags = document["tags"].as_object().into_iter().flatten();
    let tags = tags.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect();
    ListedTemplate { id: id.clone(), tags }
}

pub(super) fn template_summary(listed: &ListedTemplate) -> Value {
    json!({ "id": listed.id, "tags": listed.tags })
}

pub(super) fn summary(listed: &Listed) -> Value {
    without_nulls(json!({
        "id": listed.id,
        "arn": arn(&listed.id),
        "experimentTemplateId": listed.template,
        "state": { "status": listed.status },
        "creationTime": seconds(listed.created_at),
        "tags": listed.tags,
        "experimentOptions": { "actionsMode": mode(listed) },
    }))
}

pub(super) fn target(target: &ResolvedTarget) -> Value {
    json!({
        "targetName": target.target,
        "resourceType": target.resource_type,
        "targetInformation": target.information,
    })
}

pub(super) fn lever(lever: &Lever) -> Value {
    json!({ "safetyLever": {
        "id": "default",
        "arn": format!("arn:aws:fis:{REGION}:{ACCOUNT}:safety-lever/default"),
        "state": { "status": lever.status, "reason": lever.reason },
    } })
}

fn fill(document: &mut Value, action: ActionRun) {
    document["state"] = json!({ "status": action.status, "reason": action.reason });
    document["startTime"] = seconds(action.started_at);
    document["endTime"] = seconds(action.ended_at);
    *document = without_nulls(document.take());
}

fn mode(listed: &Listed) -> &'static str {
    if listed.skips_actions { "skip-all" } else { "run-all" }
}

/// A time as REST-JSON has it: seconds since 1970, with a fraction.
fn seconds(at: Option<Timestamp>) -> Value {
    json!(at.map(|at| at.as_duration().as_secs_f64()))
}

fn without_nulls(document: Value) -> Value {
    match document {
        Value::Object(fields) => fields.into_iter().filter(|(_, value)| !value.is_null()).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => document,
    }
}
