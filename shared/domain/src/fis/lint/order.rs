//! What follows what, and what is done to what.

use std::collections::BTreeSet;

use super::super::{
    Finding, Limits, Template,
    actions::find,
    plan,
    template::{Action, Text},
};

/// `startAfter` names actions of the template, and not in a circle.
pub(super) fn start_after(template: &Template, _: &Limits) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (name, action) in &template.actions {
        for (at, after) in action.start_after.iter().enumerate() {
            let place = format!("actions.{name}.startAfter[{at}]");
            match after {
                Text::Deferred(_) => findings.push(Finding::unresolved(place)),
                Text::Known(other) if template.actions.contains_key(other) => {}
                Text::Known(other) => {
                    let message = format!("there is no action `{other}`{}", among(template.actions.keys()));
                    findings.push(Finding::refuse("start-after-unknown", place, message));
                }
            }
        }
    }
    let circle = plan::circle(template);
    if !circle.is_empty() {
        let names = Vec::from_iter(circle).join(", ");
        let message = format!("{names} wait for one another: take one out of `startAfter`");
        findings.push(Finding::refuse("start-after-circular", "actions", message));
    }
    findings
}

/// Each action has the targets it needs, of the right type, and each target has an action.
pub(super) fn targets(template: &Template, _: &Limits) -> Vec<Finding> {
    let actions = template.actions.iter();
    let mut findings: Vec<_> =
        actions.flat_map(|(name, action)| targets_of(template, &format!("actions.{name}"), action)).collect();
    let actions = template.actions.values();
    let used: BTreeSet<_> =
        actions.flat_map(|action| action.targets.values()).filter_map(Text::known).collect();
    let unused = template.targets.keys().filter(|name| !used.contains(name.as_str()));
    findings.extend(unused.map(|name| {
        let message = "no action is done to it: remove it, or name it in an action";
        Finding::warn("target-unused", format!("targets.{name}"), message)
    }));
    findings
}

fn targets_of(template: &Template, place: &str, action: &Action) -> Vec<Finding> {
    let resource = action.action_id.known().and_then(find).and_then(|known| known.resource);
    let mut findings = Vec::new();
    if let (Some(resource), true) = (resource, action.targets.is_empty()) {
        let message = format!("is done to nothing: name a target of type {resource}");
        findings.push(Finding::refuse("target-absent", format!("{place}.targets"), message));
    }
    for (key, name) in &action.targets {
        let place = format!("{place}.targets.{key}");
        let Some(name) = name.known() else {
            findings.push(Finding::unresolved(place));
            continue;
        };
        let Some(target) = template.targets.get(name) else {
            let message = format!("there is no target `{name}`{}", among(template.targets.keys()));
            findings.push(Finding::refuse("target-unknown", place, message));
            continue;
        };
        let is_other = resource.is_some_and(|resource| !target.resource_type.is(resource));
        if is_other {
            let message = format!(
                "`{name}` is of type {}, and this action is done to {}",
                target.resource_type,
                resource.unwrap_or_default()
            );
            findings.push(Finding::refuse("target-type", place, message));
        }
    }
    findings
}

fn among<'t>(names: impl Iterator<Item = &'t String>) -> String {
    let names: Vec<_> = names.map(String::as_str).collect();
    if names.is_empty() { String::new() } else { format!("; there are {}", names.join(", ")) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::sample::spoiled;

    #[test]
    fn an_action_waits_only_for_one_that_exists() {
        assert_eq!(
            spoiled(|it| it["actions"]["settle"]["startAfter"] = json!(["stop", "start"])),
            ["Refuse start-after-unknown actions.settle.startAfter[1]"]
        );
    }

    #[test]
    fn actions_that_wait_for_one_another_never_start() {
        assert_eq!(
            spoiled(|it| it["actions"]["stop"]["startAfter"] = json!(["settle"])),
            ["Refuse start-after-circular actions"]
        );
        assert_eq!(
            spoiled(|it| it["actions"]["stop"]["startAfter"] = json!(["stop"])),
            ["Refuse start-after-circular actions"]
        );
    }

    #[test]
    fn an_action_is_done_to_a_target_that_exists_and_fits() {
        assert_eq!(
            spoiled(|it| it["actions"]["stop"]["targets"]["Instances"] = json!("Two")),
            ["Refuse target-unknown actions.stop.targets.Instances", "Warn target-unused targets.One"]
        );
        assert_eq!(
            spoiled(|it| it["actions"]["stop"]["targets"] = json!({})),
            ["Refuse target-absent actions.stop.targets", "Warn target-unused targets.One"]
        );
        assert_eq!(
            spoiled(|it| it["targets"]["One"]["resourceType"] = json!("aws:rds:db")),
            ["Refuse target-type actions.stop.targets.Instances"]
        );
    }
}
