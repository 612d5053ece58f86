//! How long a run takes, and what it may cost, as far as the template says.

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;

use super::{
    actions::{self, Lasting},
    duration,
    template::{Action, Template, Text},
};

/// What one action costs a minute, in US cents, in the commercial Regions, however many resources it is done to. In
/// GovCloud it is 12. Each further target account costs the same again.
///
/// Source: <https://aws.amazon.com/fis/pricing/>, as of November 2026.
pub const CENTS_PER_ACTION_MINUTE: u64 = 10;

/// What an action without a duration counts for: it happens and is over, and is billed for the minute it began.
const MOMENT: SignedDuration = SignedDuration::from_mins(1);

/// Why the duration of an action is not known.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Lack {
    /// The parameter that must say it is absent.
    Absent(&'static str),
    /// The parameter can't be read: what is wrong, and the mend.
    Unreadable(&'static str, String),
    /// CloudFormation decides when it deploys.
    Deferred(&'static str),
}

/// How long `action` takes by its own parameters. One that happens and is over counts for a minute, and so does
/// stopping instances for good.
///
/// # Errors
/// Why that is not known.
pub fn lasts(action: &Action) -> Result<SignedDuration, Lack> {
    let id = action.action_id.known().unwrap_or_default();
    let parameter = match actions::find(id).map(|known| known.lasting) {
        Some(Lasting::Moment) => return Ok(MOMENT),
        Some(Lasting::For(parameter)) => parameter,
        Some(Lasting::UntilUndone(parameter)) if !action.parameters.contains_key(parameter) => {
            return Ok(MOMENT);
        }
        Some(Lasting::UntilUndone(parameter)) => parameter,
        None if action.parameters.contains_key("maxDuration") => "maxDuration",
        None => "duration",
    };
    match action.parameters.get(parameter) {
        None => Err(Lack::Absent(parameter)),
        Some(Text::Deferred(_)) => Err(Lack::Deferred(parameter)),
        Some(Text::Known(text)) => duration::iso(text).map_err(|wrong| Lack::Unreadable(parameter, wrong)),
    }
}

/// How long a run is planned to take: the longest chain of `startAfter`. `None` when that can't be known: a duration
/// is missing or unreadable, or the order is unknown or circular. Guards take `None` for an objection.
pub fn planned_duration(template: &Template) -> Option<SignedDuration> {
    let mut ends: BTreeMap<&str, SignedDuration> = BTreeMap::new();
    while ends.len() < template.actions.len() {
        let ready = template.actions.iter().filter(|(name, _)| !ends.contains_key(name.as_str()));
        let mut next = Vec::new();
        for (name, action) in ready {
            let before = action.start_after.iter().map(|after| ends.get(after.known()?).copied());
            if let Some(before) = before.collect::<Option<Vec<_>>>() {
                let start = before.into_iter().max().unwrap_or_default();
                next.push((name.as_str(), start.checked_add(lasts(action).ok()?)?));
            }
        }
        if next.is_empty() {
            return None;
        }
        ends.extend(next);
    }
    Some(ends.into_values().max().unwrap_or_default())
}

/// The action-minutes of a run that nothing ends early: each action's duration, rounded up, in one account. `None`
/// when a duration is not known. An upper bound of the price is this times [`CENTS_PER_ACTION_MINUTE`].
pub fn action_minutes(template: &Template) -> Option<u64> {
    let minutes = template.actions.values().map(|action| {
        let seconds = u64::try_from(lasts(action).ok()?.as_secs()).ok()?;
        Some(seconds.div_ceil(60).max(1))
    });
    minutes.sum()
}

/// The names of the actions that wait for one another in a circle, or are between two circles.
pub(super) fn circle(template: &Template) -> BTreeSet<&str> {
    let mut left: BTreeSet<&str> = template.actions.keys().map(String::as_str).collect();
    loop {
        let waits = |name: &str| after(template, name).any(|other| left.contains(other));
        let awaited = |name: &str| left.iter().any(|other| after(template, other).any(|it| it == name));
        let kept: BTreeSet<_> = left.iter().copied().filter(|name| waits(name) && awaited(name)).collect();
        if kept.len() == left.len() {
            return left;
        }
        left = kept;
    }
}

fn after<'t>(template: &'t Template, name: &str) -> impl Iterator<Item = &'t str> {
    let actions = template.actions.get(name).into_iter();
    actions.flat_map(|action| action.start_after.iter().filter_map(Text::known))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn waits(actions: &[(&str, &str, &[&str])]) -> Template {
        let action = |(name, duration, after): &(&str, &str, &[&str])| {
            let action = json!({ "actionId": "aws:fis:wait", "parameters": { "duration": duration },
                "startAfter": after });
            ((*name).to_owned(), action)
        };
        let actions: serde_json::Map<String, Value> = actions.iter().map(action).collect();
        Template::parse(&json!({ "actions": actions })).unwrap()
    }

    #[test]
    fn the_longest_chain_is_the_planned_duration() {
        let template = waits(&[
            ("a", "PT5M", &[]),
            ("b", "PT10M", &["a"]),
            ("c", "PT1M", &["a", "b"]),
            ("d", "PT12M", &[]),
        ]);
        assert_eq!(planned_duration(&template), Some(SignedDuration::from_mins(16)));
        assert_eq!(planned_duration(&waits(&[])), Some(SignedDuration::ZERO));
    }

    #[test]
    fn what_cannot_be_known_is_not_guessed() {
        for template in [
            waits(&[("a", "PT5M", &["b"]), ("b", "PT5M", &["a"])]),
            waits(&[("a", "PT5M", &["nowhere"])]),
            waits(&[("a", "soon", &[])]),
        ] {
            assert_eq!(planned_duration(&template), None);
        }
        assert_eq!(action_minutes(&waits(&[("a", "soon", &[])])), None);
    }

    #[test]
    fn each_action_is_rounded_up_to_the_minute() {
        let mut template = waits(&[("a", "PT90S", &[]), ("b", "PT20M", &[]), ("c", "PT1S", &[])]);
        assert_eq!(action_minutes(&template), Some(2 + 20 + 1));
        template.actions.insert(
            "d".into(),
            Action { action_id: "aws:rds:failover-db-cluster".into(), ..Action::default() },
        );
        assert_eq!(action_minutes(&template), Some(2 + 20 + 1 + 1));
    }

    #[test]
    fn instances_that_are_started_again_count_until_then() {
        let mut stop = Action { action_id: "aws:ec2:stop-instances".into(), ..Action::default() };
        assert_eq!(lasts(&stop), Ok(MOMENT));
        stop.parameters.insert("startInstancesAfterDuration".into(), "PT7M".into());
        assert_eq!(lasts(&stop), Ok(SignedDuration::from_mins(7)));
    }

    #[test]
    fn only_the_actions_in_a_circle_are_named() {
        let template = waits(&[
            ("first", "PT1M", &[]),
            ("a", "PT1M", &["first", "b"]),
            ("b", "PT1M", &["a"]),
            ("last", "PT1M", &["b"]),
        ]);
        assert_eq!(circle(&template).into_iter().collect::<Vec<_>>(), ["a", "b"]);
    }
}
