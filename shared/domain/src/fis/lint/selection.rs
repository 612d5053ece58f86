//! To how many.

use super::super::{
    Finding, Limits, Template,
    template::{Target, Text},
};

/// `selectionMode`.
enum Selection {
    All,
    Count(u64),
    Percent(u64),
}

/// Parameters that are a share of what a target holds.
const SHARES: [&str; 2] = ["instanceTerminationPercentage", "drainagePercentage"];

/// Each target selects no more than the limits allow.
///
/// Source: AWS FIS User Guide, "Targets for AWS FIS" (`selectionMode`; a percentage is rounded down).
pub(super) fn too_wide(template: &Template, limits: &Limits) -> Vec<Finding> {
    template.targets.iter().filter_map(|(name, target)| judge(name, target, limits)).collect()
}

fn judge(name: &str, target: &Target, limits: &Limits) -> Option<Finding> {
    let place = format!("targets.{name}.selectionMode");
    let Some(mode) = target.selection_mode.known() else { return Some(Finding::unresolved(place)) };
    let (count, percent) = (limits.max_count, limits.max_percent);
    let named = u64::try_from(target.resource_arns.len()).unwrap_or(u64::MAX);
    let mend = format!("select at most COUNT({count}) or PERCENT({percent})");
    let (rule, wrong) = match read(mode) {
        None => {
            let wrong = format!("`{mode}` is unknown: write ALL, COUNT(1) or PERCENT(10)");
            return Some(Finding::refuse("selection-malformed", place, wrong));
        }
        // Of resources that are named, all are as many as are named.
        Some(Selection::All | Selection::Percent(_)) if named > 0 && named <= count => return None,
        Some(Selection::All) if percent < 100 => {
            ("selection-all", "`ALL` takes whatever carries the tag".to_owned())
        }
        Some(Selection::Percent(value)) if value > percent => {
            ("selection-percent", format!("`{mode}` is too much"))
        }
        Some(Selection::Count(value)) if value > count => {
            ("selection-count", format!("`{mode}` is too many"))
        }
        Some(Selection::All | Selection::Percent(_) | Selection::Count(_)) => return None,
    };
    Some(Finding::refuse(rule, place, format!("{wrong}: {mend}")))
}

fn read(mode: &str) -> Option<Selection> {
    let number =
        |prefix: &str| mode.strip_prefix(prefix)?.strip_suffix(')')?.parse().ok().filter(|it| *it > 0);
    if mode == "ALL" {
        return Some(Selection::All);
    }
    let percent = number("PERCENT(").filter(|percent| *percent <= 100).map(Selection::Percent);
    number("COUNT(").map(Selection::Count).or(percent)
}

/// Each share that an action takes of what its target holds (the instances of a node group) is within the limits.
pub(super) fn share_too_wide(template: &Template, limits: &Limits) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (name, action) in &template.actions {
        let shares = SHARES.iter().filter_map(|share| Some((share, action.parameters.get(*share)?)));
        findings.extend(shares.filter_map(|(share, value)| {
            let place = format!("actions.{name}.parameters.{share}");
            let value = match value {
                Text::Known(value) => value,
                Text::Deferred(_) => return Some(Finding::unresolved(place)),
            };
            let is_within = value.parse().is_ok_and(|value: u64| (1..=limits.max_percent).contains(&value));
            let message = format!("`{value}` must be a whole number from 1 to {}", limits.max_percent);
            (!is_within).then(|| Finding::refuse("share-too-wide", place, message))
        }));
    }
    findings
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::sample::{spoiled, spoiled_under};
    use super::*;

    fn selecting(mode: &str, limits: &Limits) -> Vec<String> {
        spoiled_under(limits, |it| it["targets"]["One"]["selectionMode"] = json!(mode))
    }

    #[test]
    fn a_selection_above_the_limits_is_refused() {
        let limits = Limits { max_count: 2, max_percent: 25, ..Limits::default() };
        let at = "targets.One.selectionMode";
        assert_eq!(selecting("ALL", &limits), [format!("Refuse selection-all {at}")]);
        assert_eq!(selecting("COUNT(3)", &limits), [format!("Refuse selection-count {at}")]);
        assert_eq!(selecting("PERCENT(26)", &limits), [format!("Refuse selection-percent {at}")]);
        for fine in ["COUNT(2)", "PERCENT(25)"] {
            assert_eq!(selecting(fine, &limits), [""; 0]);
        }
        assert_eq!(selecting("ALL", &Limits { max_percent: 100, ..limits }), [""; 0]);
    }

    #[test]
    fn a_selection_that_fis_would_not_take_is_refused() {
        for wrong in ["all", "COUNT(0)", "COUNT(-1)", "PERCENT(101)", "COUNT 1", "COUNT(1", "(1)", "COUNT()"]
        {
            let found = selecting(wrong, &Limits::default());
            assert_eq!(found, ["Refuse selection-malformed targets.One.selectionMode"], "{wrong}");
        }
    }

    #[test]
    fn all_of_what_is_named_is_as_many_as_are_named() {
        let found = |limits: &Limits| {
            spoiled_under(limits, |it| {
                it["targets"]["One"] = json!({ "resourceType": "aws:ec2:instance", "selectionMode": "ALL",
                    "resourceArns": ["arn:aws:ec2:eu-west-1:123456789012:instance/i-1", "arn:aws:ec2:x:y:instance/i-2"] });
            })
        };
        assert_eq!(found(&Limits::default()), ["Warn opt-in-unverified targets.One"]);
        let limits = Limits { max_count: 1, ..Limits::default() };
        assert_eq!(
            found(&limits),
            ["Refuse selection-all targets.One.selectionMode", "Warn opt-in-unverified targets.One"]
        );
    }

    #[test]
    fn a_share_of_a_node_group_is_held_to_the_same_limit() {
        let found = |percent: &str| {
            spoiled(|it| {
                it["actions"]["stop"]["parameters"]["instanceTerminationPercentage"] = json!(percent)
            })
        };
        assert_eq!(found("50"), [""; 0]);
        for wrong in ["51", "0", "a few"] {
            let refused = ["Refuse share-too-wide actions.stop.parameters.instanceTerminationPercentage"];
            assert_eq!(found(wrong), refused);
        }
    }
}
