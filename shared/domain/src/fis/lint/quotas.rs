//! How much FIS takes at all.

use super::super::{Finding, Limits, Template};

/// The template is within FIS's own quotas, so that it fails here and not when it is deployed or started.
///
/// Source: AWS FIS User Guide, "Quotas and limitations": 20 actions and 5 stop conditions a template, 5 ARNs a target.
pub(super) fn too_many(template: &Template, _: &Limits) -> Vec<Finding> {
    let judge = |rule, place: String, found: usize, most: usize| {
        let message = format!("{found} are more than FIS takes, which is {most}: split the template");
        (found > most).then(|| Finding::refuse(rule, place, message))
    };
    let actions = judge("too-many-actions", "actions".to_owned(), template.actions.len(), 20);
    let conditions = template.stop_conditions.len();
    let conditions = judge("too-many-stop-conditions", "stopConditions".to_owned(), conditions, 5);
    let targets = template.targets.iter().filter_map(|(name, target)| {
        judge("too-many-arns", format!("targets.{name}.resourceArns"), target.resource_arns.len(), 5)
    });
    actions.into_iter().chain(conditions).chain(targets).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::sample::spoiled;

    #[test]
    fn what_fis_would_not_take_is_refused_before() {
        let found = spoiled(|it| {
            let wait = it["actions"]["settle"].clone();
            for at in 0..19 {
                it["actions"][format!("wait-{at}")] = wait.clone();
            }
            it["stopConditions"] = vec![it["stopConditions"][0].clone(); 6].into();
            let target = json!({ "resourceType": "aws:ec2:instance", "selectionMode": "COUNT(1)",
                "resourceArns": ["a", "b", "c", "d", "e", "f"] });
            it["targets"]["One"] = target;
        });
        assert_eq!(
            found,
            [
                "Warn opt-in-unverified targets.One",
                "Refuse too-many-actions actions",
                "Refuse too-many-stop-conditions stopConditions",
                "Refuse too-many-arns targets.One.resourceArns",
            ]
        );
    }
}
