//! What ends a run early, what is written down of it, and who acts.

use super::super::{Finding, Limits, Template, template::StopCondition};

/// A stop condition is a CloudWatch alarm, and there is one.
///
/// Source: AWS FIS User Guide, "Stop conditions for AWS FIS".
pub(super) fn stop_conditions(template: &Template, _: &Limits) -> Vec<Finding> {
    if template.stop_conditions.is_empty() {
        let message = "nothing ends the experiment early: add a CloudWatch alarm that users would feel";
        return vec![Finding::refuse("stop-condition-absent", "stopConditions", message)];
    }
    let conditions = template.stop_conditions.iter().enumerate();
    conditions
        .filter_map(|(at, condition)| stop_condition(condition, &format!("stopConditions[{at}]")))
        .collect()
}

fn stop_condition(condition: &StopCondition, place: &str) -> Option<Finding> {
    let mend = "write `aws:cloudwatch:alarm` and the ARN of an alarm that users would feel";
    match condition.source.known() {
        None => Some(Finding::unresolved(format!("{place}.source"))),
        Some("none") => {
            let message = format!("`none` ends nothing, whatever happens: {mend}");
            Some(Finding::refuse("stop-condition-none", place, message))
        }
        Some("aws:cloudwatch:alarm") => {
            let value = condition.value.as_ref();
            let is_alarm = value.is_some_and(|value| value.known().is_none_or(is_alarm_arn));
            let shown = value.map(ToString::to_string).unwrap_or_default();
            let message = format!("`{shown}` is no ARN of an alarm: {mend}");
            let place = format!("{place}.value");
            (!is_alarm).then(|| Finding::refuse("stop-condition-not-an-alarm", place, message))
        }
        Some(other) => {
            let message = format!("`{other}` is no source of FIS: {mend}");
            Some(Finding::refuse("stop-condition-not-an-alarm", format!("{place}.source"), message))
        }
    }
}

/// `arn:aws:cloudwatch:<region>:<account>:alarm:<name>`.
fn is_alarm_arn(arn: &str) -> bool {
    let parts: Vec<_> = arn.splitn(7, ':').collect();
    let [prefix, partition, service, region, account, kind, name] = parts.as_slice() else { return false };
    let is_account = account.len() == 12 && account.chars().all(|c| c.is_ascii_digit());
    let is_alarm = *prefix == "arn" && *service == "cloudwatch" && *kind == "alarm";
    is_alarm && partition.starts_with("aws") && is_account && !region.is_empty() && !name.is_empty()
}

/// FIS writes down what it did, with the resolved targets (schema 2).
///
/// Source: AWS FIS User Guide, "Experiment logging for AWS FIS".
pub(super) fn logs(template: &Template, limits: &Limits) -> Vec<Finding> {
    let unlogged = if limits.allow_unlogged { Finding::warn } else { Finding::refuse };
    let Some(logs) = &template.log_configuration else {
        let message =
            "nobody will know what was done to which resource: add a log group, with schema version 2";
        return vec![unlogged("log-absent", "logConfiguration", message)];
    };
    let mut findings = Vec::new();
    if logs.log_group.is_none() && logs.bucket.is_none() {
        let message = "the log goes nowhere: name a log group or a bucket";
        findings.push(unlogged("log-nowhere", "logConfiguration", message));
    }
    if logs.schema_version != Some(2) {
        let message = "must be 2: schema 1 does not name the pods that were hit";
        findings.push(Finding::warn("log-schema", "logConfiguration.logSchemaVersion", message));
    }
    findings
}

/// FIS acts as a role, and as one of those that are allowed. One that the stack makes is judged once it is deployed.
pub(super) fn role(template: &Template, limits: &Limits) -> Vec<Finding> {
    let Some(role) = &template.role_arn else {
        let message = "missing: name a role of its own for this family of faults, with the least it needs";
        return vec![Finding::refuse("role-absent", "roleArn", message)];
    };
    let is_role = |arn: &str| arn.starts_with("arn:aws") && arn.contains(":iam::") && arn.contains(":role/");
    match role.known() {
        Some(arn) if !is_role(arn) => {
            let message = format!("`{role}` is no ARN of a role: write arn:aws:iam::<account>:role/<name>");
            vec![Finding::refuse("role-malformed", "roleArn", message)]
        }
        Some(arn) if !limits.allows_role(arn) => {
            let allowed = limits.allowed_roles.join(", ");
            let message = format!("`{role}` is none of the roles that are allowed: {allowed}");
            vec![Finding::refuse("role-not-allowed", "roleArn", message)]
        }
        Some(_) | None => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::sample::{spoiled, spoiled_under};
    use crate::fis::Limits;

    #[test]
    fn without_an_alarm_nothing_is_started() {
        assert_eq!(
            spoiled(|it| it["stopConditions"] = json!([])),
            ["Refuse stop-condition-absent stopConditions"]
        );
        let none = json!([{ "source": "none" }]);
        assert_eq!(
            spoiled(|it| it["stopConditions"] = none),
            ["Refuse stop-condition-none stopConditions[0]"]
        );
        for value in
            ["", "ErrorRate", "arn:aws:cloudwatch:eu-west-1:123456789012:dashboard:x", "arn:aws:sns:a:b:c:d"]
        {
            assert_eq!(
                spoiled(|it| it["stopConditions"][0]["value"] = json!(value)),
                ["Refuse stop-condition-not-an-alarm stopConditions[0].value"]
            );
        }
        assert_eq!(
            spoiled(|it| it["stopConditions"][0]["source"] = json!("cloudwatch")),
            ["Refuse stop-condition-not-an-alarm stopConditions[0].source"]
        );
    }

    #[test]
    fn an_alarm_that_the_stack_makes_is_an_alarm() {
        let reference = json!({ "Fn::GetAtt": ["Alarm", "Arn"] });
        assert_eq!(spoiled(|it| it["stopConditions"][0]["value"] = reference), [""; 0]);
        let function = json!({ "Ref": "Source" });
        assert_eq!(
            spoiled(|it| it["stopConditions"][0]["source"] = function),
            ["Refuse unresolved stopConditions[0].source"]
        );
    }

    #[test]
    fn a_run_that_nobody_writes_down_is_refused_unless_that_is_allowed() {
        let absent = |it: &mut Value| it["logConfiguration"] = json!(null);
        let nowhere = |it: &mut Value| it["logConfiguration"] = json!({ "logSchemaVersion": 1 });
        let schema = "Warn log-schema logConfiguration.logSchemaVersion";
        assert_eq!(spoiled(absent), ["Refuse log-absent logConfiguration"]);
        assert_eq!(spoiled(nowhere), ["Refuse log-nowhere logConfiguration", schema]);
        let allowed = Limits { allow_unlogged: true, ..Limits::default() };
        assert_eq!(spoiled_under(&allowed, absent), ["Warn log-absent logConfiguration"]);
        assert_eq!(spoiled_under(&allowed, nowhere), ["Warn log-nowhere logConfiguration", schema]);
    }

    #[test]
    fn somebody_must_act() {
        assert_eq!(spoiled(|it| it["roleArn"] = json!("")), ["Refuse role-absent roleArn"]);
        assert_eq!(spoiled(|it| it["roleArn"] = json!("admin")), ["Refuse role-malformed roleArn"]);
        assert_eq!(spoiled(|it| it["roleArn"] = json!({ "Fn::GetAtt": ["Role", "Arn"] })), [""; 0]);
    }

    #[test]
    fn somebody_else_than_those_allowed_must_not_act() {
        let limits = |pattern: &str| Limits { allowed_roles: vec![pattern.to_owned()], ..Limits::default() };
        let under = |pattern: &str| spoiled_under(&limits(pattern), |_| ());
        assert_eq!(under("arn:aws:iam::*:role/drills"), [""; 0]);
        assert_eq!(under("arn:aws:iam::*:role/fis-*"), ["Refuse role-not-allowed roleArn"]);
        let made = json!({ "Fn::GetAtt": ["Role", "Arn"] });
        let found = spoiled_under(&limits("arn:aws:iam::*:role/fis-*"), |it| it["roleArn"] = made);
        assert_eq!(found, [""; 0]);
    }
}
