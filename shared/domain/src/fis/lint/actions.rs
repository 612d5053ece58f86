//! What is done.

use super::super::{
    Finding, Limits, Template,
    actions::{SEND_COMMAND, START_AUTOMATION, find},
    template::Text,
};

/// Each action is known, and allowed.
pub(super) fn unknown_or_not_allowed(template: &Template, limits: &Limits) -> Vec<Finding> {
    if template.actions.is_empty() {
        let message = "there is nothing to do: add an action";
        return vec![Finding::refuse("actions-absent", "actions", message)];
    }
    let judged = template.actions.iter().filter_map(|(name, action)| {
        let place = format!("actions.{name}.actionId");
        let Some(id) = action.action_id.known() else { return Some(Finding::unresolved(place)) };
        if find(id).is_none() && !limits.names_action(id) {
            let message = format!("`{id}` is unknown here: mend it, or allow a new action by its exact id");
            return Some(Finding::refuse("action-unknown", place, message));
        }
        let message =
            format!("`{id}` is not among the actions allowed: {}", limits.allowed_actions.join(", "));
        (!limits.allows_action(id)).then(|| Finding::refuse("action-not-allowed", place, message))
    });
    judged.collect()
}

/// What stopping the experiment can't undo needs an allowance. So does stopping instances without starting them again.
pub(super) fn destructive(template: &Template, limits: &Limits) -> Vec<Finding> {
    if limits.allow_destructive {
        return Vec::new();
    }
    let judged = template.actions.iter().filter_map(|(name, action)| {
        let id = action.action_id.known()?;
        let stays =
            id == "aws:ec2:stop-instances" && !action.parameters.contains_key("startInstancesAfterDuration");
        let message = if stays {
            "the instances stay stopped: add `startInstancesAfterDuration`".to_owned()
        } else {
            format!("stopping the experiment can't undo `{id}`: it needs an explicit allowance")
        };
        let is_refused = stays || super::super::actions::is_destructive(id);
        is_refused.then(|| Finding::refuse("destructive-action", format!("actions.{name}"), message))
    });
    judged.collect()
}

/// An SSM document does whatever it does: its blast radius is unknown, and a target preview shows nothing of an
/// automation. Of the commands, only those that AWS wrote for FIS (`AWSFIS-…`) have a known end.
///
/// Source: AWS FIS User Guide, "Use Systems Manager SSM documents with AWS FIS".
pub(super) fn ssm_documents(template: &Template, limits: &Limits) -> Vec<Finding> {
    let judged = template.actions.iter().filter_map(|(name, action)| {
        let id = action.action_id.known().filter(|id| [SEND_COMMAND, START_AUTOMATION].contains(id))?;
        let place = format!("actions.{name}.parameters.documentArn");
        let document = match action.parameters.get("documentArn") {
            Some(Text::Known(document)) => document.as_str(),
            Some(Text::Deferred(_)) => return Some(Finding::unresolved(place)),
            None => "",
        };
        let is_known = id == SEND_COMMAND && is_fis_document(document);
        let message = format!(
            "what `{document}` does, and to how much, is unknown to FIS and to its preview: read it, then allow it \
             by its ARN"
        );
        (!is_known && !limits.allows_document(document)).then(|| Finding::refuse("ssm-document", place, message))
    });
    judged.collect()
}

/// `arn:aws:ssm:<region>::document/AWSFIS-…`: AWS's own, since the account is empty.
fn is_fis_document(arn: &str) -> bool {
    let parts: Vec<_> = arn.splitn(6, ':').collect();
    matches!(parts.as_slice(), ["arn", _, "ssm", _, "", name] if name.starts_with("document/AWSFIS-"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::sample::{spoiled, spoiled_under};
    use super::*;

    #[test]
    fn an_action_that_nobody_knows_needs_its_name_in_the_limits() {
        let new = |it: &mut serde_json::Value| it["actions"]["settle"]["actionId"] = json!("aws:fis:meteor");
        let refused = ["Refuse action-unknown actions.settle.actionId"];
        assert_eq!(spoiled(new), refused);
        let mut limits = Limits::default();
        limits.allowed_actions.push("aws:fis:*".into());
        assert_eq!(spoiled_under(&limits, new), refused);
        limits.allowed_actions.push("aws:fis:meteor".into());
        assert_eq!(spoiled_under(&limits, new), [""; 0]);
    }

    #[test]
    fn an_action_that_is_not_allowed_is_refused() {
        let limits = Limits { allowed_actions: vec!["aws:fis:*".into()], ..Limits::default() };
        assert_eq!(spoiled_under(&limits, |_| ()), ["Refuse action-not-allowed actions.stop.actionId"]);
    }

    #[test]
    fn what_cannot_be_undone_needs_an_allowance() {
        let reboot = |it: &mut serde_json::Value| {
            it["actions"]["stop"]["actionId"] = json!("aws:ec2:reboot-instances");
        };
        assert_eq!(spoiled(reboot), ["Refuse destructive-action actions.stop"]);
        let stay = |it: &mut serde_json::Value| it["actions"]["stop"]["parameters"] = json!({});
        assert_eq!(spoiled(stay), ["Refuse destructive-action actions.stop"]);
        let limits = Limits { allow_destructive: true, ..Limits::default() };
        assert_eq!(spoiled_under(&limits, reboot), [""; 0]);
    }

    #[test]
    fn an_ssm_document_is_known_only_when_aws_wrote_it_for_fis() {
        let run = |arn: &str| {
            let arn = arn.to_owned();
            move |it: &mut serde_json::Value| {
                it["actions"]["stop"]["actionId"] = json!("aws:ssm:send-command");
                it["actions"]["stop"]["parameters"] = json!({ "duration": "PT5M", "documentArn": arn });
            }
        };
        assert_eq!(spoiled(run("arn:aws:ssm:eu-west-1::document/AWSFIS-Run-CPU-Stress")), [""; 0]);
        let refused = ["Refuse ssm-document actions.stop.parameters.documentArn"];
        assert_eq!(spoiled(run("arn:aws:ssm:eu-west-1::document/AWS-RunShellScript")), refused);
        let imitation = "arn:aws:ssm:eu-west-1:123456789012:document/AWSFIS-Run-CPU-Stress";
        assert_eq!(spoiled(run(imitation)), refused);
        let limits = Limits { allow_ssm_automation: vec!["*:document/AWSFIS-*".into()], ..Limits::default() };
        assert_eq!(spoiled_under(&limits, run(imitation)), [""; 0]);
    }

    #[test]
    fn an_automation_is_never_known() {
        let found = spoiled(|it| {
            it["targets"] = json!({});
            it["actions"] = json!({ "run": { "actionId": "aws:ssm:start-automation-execution",
                "parameters": { "maxDuration": "PT5M",
                    "documentArn": "arn:aws:ssm:eu-west-1::document/AWSFIS-Automation" } } });
        });
        assert_eq!(found, ["Refuse ssm-document actions.run.parameters.documentArn"]);
    }

    #[test]
    fn a_template_without_actions_does_nothing() {
        let found = spoiled(|it| {
            it["targets"] = json!({});
            it["actions"] = json!({});
        });
        assert_eq!(found, ["Refuse actions-absent actions"]);
    }
}
