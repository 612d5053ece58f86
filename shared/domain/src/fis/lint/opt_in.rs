//! To whose: only resources whose owner agreed.

use std::collections::BTreeMap;

use super::super::{
    Finding, Limits, Template,
    template::{Target, Text},
};

/// A target by tag names the opt-in tag, and means it.
pub(super) fn by_tag(template: &Template, limits: &Limits) -> Vec<Finding> {
    let by_tag = template.targets.iter().filter(|(_, target)| !is_unverifiable(target));
    by_tag.filter_map(|(name, target)| judge(&format!("targets.{name}"), target, limits)).collect()
}

fn judge(place: &str, target: &Target, limits: &Limits) -> Option<Finding> {
    let tag = &limits.opt_in_tag;
    let at = |key: &str| format!("{place}.resourceTags.{key}");
    if let Some(mistyped) = near_miss(&target.resource_tags, &tag.key) {
        let message = format!("`{mistyped}` selects nothing that opted in: did you mean `{}`?", tag.key);
        return Some(Finding::refuse("opt-in-tag-mistyped", at(mistyped), message));
    }
    match target.resource_tags.get(&tag.key) {
        Some(Text::Known(value)) if *value == tag.value => None,
        Some(Text::Known(value)) => {
            let message = format!("`{value}` is not what opts in: did you mean `{}`?", tag.value);
            Some(Finding::refuse("opt-in-tag-mistyped", at(&tag.key), message))
        }
        Some(Text::Deferred(_)) => Some(Finding::unresolved(at(&tag.key))),
        None => {
            let message = format!("selects resources whose owners did not opt in: add the tag {tag}");
            Some(Finding::refuse("opt-in-tag-absent", format!("{place}.resourceTags"), message))
        }
    }
}

/// A key that somebody meant to be `key`: at most two edits away, whatever its case, dashes and underscores.
fn near_miss<'t>(tags: &'t BTreeMap<String, Text>, key: &str) -> Option<&'t str> {
    let plain = |text: &str| -> Vec<char> {
        text.chars().filter(|c| !matches!(c, '-' | '_' | ' ')).flat_map(char::to_lowercase).collect()
    };
    let wanted = plain(key);
    // Of short keys, many are two edits apart and mean different things.
    let allowed = if wanted.len() < 6 { 1 } else { 2 };
    let others = tags.keys().map(String::as_str).filter(|other| *other != key);
    others.into_iter().find(|other| distance(&plain(other), &wanted) <= allowed)
}

/// The Levenshtein distance: how many characters must be added, removed or changed.
fn distance(one: &[char], other: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (done, c) in one.iter().enumerate() {
        let mut diagonal = done;
        let mut left = done + 1;
        for (above, d) in row.iter_mut().skip(1).zip(other) {
            let here = (diagonal + usize::from(c != d)).min(left + 1).min(*above + 1);
            (diagonal, left) = (*above, here);
            *above = here;
        }
        if let Some(first) = row.first_mut() {
            *first = done + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}

/// Whether the template can't say who opted in: resources by ARN, and pods, which have no tags.
fn is_unverifiable(target: &Target) -> bool {
    !target.resource_arns.is_empty() || target.resource_type.is("aws:eks:pod")
}

/// A target that FIS does not select by tag: the opt-in must be read from each resource before the start.
///
/// Source: AWS FIS User Guide, "Targets for AWS FIS" (ARNs exclude tags; pods are selected by parameters).
pub(super) fn unverified(template: &Template, limits: &Limits) -> Vec<Finding> {
    let unverified = template.targets.iter().filter(|(_, target)| is_unverifiable(target));
    let warn = |(name, _): (&String, _)| {
        let tag = &limits.opt_in_tag;
        let message = format!(
            "not selected by tag, so {tag} is only checked on the resolved resource, or its cluster, before the start"
        );
        Finding::warn("opt-in-unverified", format!("targets.{name}"), message)
    };
    unverified.map(warn).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::super::Tag;
    use super::super::sample::{spoiled, spoiled_under};
    use super::*;

    fn tagged(tags: Value) -> Vec<String> {
        spoiled(|it| it["targets"]["One"]["resourceTags"] = tags)
    }

    #[test]
    fn a_mistyped_tag_is_refused_and_only_for_that() {
        for key in ["ChoasReady", "chaosready", "Chaos-Ready", "ChaosRedy", "CHAOS_READY"] {
            let refused = [format!("Refuse opt-in-tag-mistyped targets.One.resourceTags.{key}")];
            assert_eq!(tagged(json!({ key: "Yes" })), refused);
            assert_eq!(tagged(json!({ key: "Yes", "ChaosReady": "Yes" })), refused, "tags are joined by AND");
        }
        let message = judge(
            "targets.Nodes",
            &Target { resource_tags: [("ChoasReady".into(), "Yes".into())].into(), ..Target::default() },
            &Limits::default(),
        );
        assert!(message.unwrap().message.ends_with("did you mean `ChaosReady`?"));
    }

    #[test]
    fn a_truth_value_is_not_the_text_yes() {
        let refused = ["Refuse opt-in-tag-mistyped targets.One.resourceTags.ChaosReady"];
        assert_eq!(tagged(json!({ "ChaosReady": true })), refused);
    }

    #[test]
    fn resources_whose_owners_did_not_opt_in_are_not_selected() {
        let refused = ["Refuse opt-in-tag-absent targets.One.resourceTags"];
        assert_eq!(tagged(json!({ "Team": "shop" })), refused);
        assert_eq!(tagged(json!({})), refused);
        assert_eq!(tagged(json!({ "ChaosReady": "Yes", "Team": "shop" })), [""; 0]);
    }

    #[test]
    fn another_opt_in_tag_may_be_agreed_on() {
        let opt_in_tag = Tag { key: "FIS-Ready".into(), value: "True".into() };
        let limits = Limits { opt_in_tag, ..Limits::default() };
        let found =
            spoiled_under(&limits, |it| it["targets"]["One"]["resourceTags"] = json!({ "FIS-Ready": true }));
        assert_eq!(found, ["Refuse opt-in-tag-mistyped targets.One.resourceTags.FIS-Ready"]);
        let found = spoiled_under(&limits, |it| {
            it["targets"]["One"]["resourceTags"] = json!({ "FIS-Ready": "True" })
        });
        assert_eq!(found, [""; 0]);
    }

    #[test]
    fn a_short_key_has_fewer_near_misses() {
        let tags = |key: &str| BTreeMap::from([(key.to_owned(), Text::from("x"))]);
        assert_eq!(near_miss(&tags("app"), "env"), None);
        assert_eq!(near_miss(&tags("enf"), "env"), Some("enf"));
    }

    #[test]
    fn the_distance_counts_edits() {
        let of = |one: &str, other: &str| {
            distance(&one.chars().collect::<Vec<_>>(), &other.chars().collect::<Vec<_>>())
        };
        assert_eq!(of("choasready", "chaosready"), 2);
        assert_eq!(of("", "abc"), 3);
        assert_eq!(of("kitten", "sitting"), 3);
        assert_eq!(of("same", "same"), 0);
    }
}
