//! For how long.

use jiff::SignedDuration;

use super::super::{
    Finding, Limits, Template, actions, duration,
    plan::{self, Lack},
    template::Action,
};

/// Each action says how long it takes, no longer than the limits allow.
pub(super) fn durations(template: &Template, limits: &Limits) -> Vec<Finding> {
    let judged = template.actions.iter().filter_map(|(name, action)| {
        let at = |parameter: &str| format!("actions.{name}.parameters.{parameter}");
        match plan::lasts(action) {
            Ok(lasts) if lasts > limits.max_duration => {
                let place = format!("actions.{name}");
                Some(Finding::refuse("duration-too-long", place, too_long(lasts, limits)))
            }
            Ok(_) => None,
            // An unknown action is refused as such; one that is allowed by name must still say how long it takes.
            Err(Lack::Absent(_)) if is_refused_as_unknown(action, limits) => None,
            Err(Lack::Absent(parameter)) => {
                let message =
                    format!("missing: write how long the action may take, such as `{parameter}: PT5M`");
                Some(Finding::refuse("duration-absent", at(parameter), message))
            }
            Err(Lack::Unreadable(parameter, wrong)) => {
                Some(Finding::refuse("duration-malformed", at(parameter), wrong))
            }
            Err(Lack::Deferred(parameter)) => Some(Finding::unresolved(at(parameter))),
        }
    });
    judged.collect()
}

fn is_refused_as_unknown(action: &Action, limits: &Limits) -> bool {
    action.action_id.known().is_none_or(|id| actions::find(id).is_none() && !limits.names_action(id))
}

/// The longest chain of actions ends in time.
pub(super) fn planned(template: &Template, limits: &Limits) -> Vec<Finding> {
    let longest = template.actions.values().filter_map(|action| plan::lasts(action).ok()).max();
    let is_said_already = longest.is_some_and(|longest| longest > limits.max_duration);
    let planned = plan::planned_duration(template).filter(|it| *it > limits.max_duration && !is_said_already);
    let refuse = |planned| {
        let message =
            format!("one after the other, the actions take too long: {}", too_long(planned, limits));
        Finding::refuse("planned-duration", "actions", message)
    };
    planned.map(refuse).into_iter().collect()
}

fn too_long(lasts: SignedDuration, limits: &Limits) -> String {
    format!("{} is longer than the {} allowed", duration::shown(lasts), duration::shown(limits.max_duration))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::sample::{spoiled, spoiled_under};
    use super::*;

    #[test]
    fn an_action_says_how_long_it_takes() {
        let settle = "actions.settle.parameters.duration";
        let found = |duration| spoiled(|it| it["actions"]["settle"]["parameters"]["duration"] = duration);
        assert_eq!(found(json!(null)), [format!("Refuse duration-absent {settle}")]);
        assert_eq!(found(json!("5m")), [format!("Refuse duration-malformed {settle}")]);
        assert_eq!(found(json!({ "Ref": "Duration" })), [format!("Refuse unresolved {settle}")]);
        assert_eq!(found(json!("PT61M")), ["Refuse duration-too-long actions.settle"]);
    }

    #[test]
    fn a_new_action_that_is_allowed_by_name_says_it_too() {
        let limits =
            Limits { allowed_actions: vec!["aws:*".into(), "aws:fis:meteor".into()], ..Limits::default() };
        let found = |parameters| {
            spoiled_under(&limits, |it| {
                it["actions"]["settle"]["actionId"] = json!("aws:fis:meteor");
                it["actions"]["settle"]["parameters"] = parameters;
            })
        };
        assert_eq!(found(json!({})), ["Refuse duration-absent actions.settle.parameters.duration"]);
        assert_eq!(found(json!({ "maxDuration": "PT5M" })), [""; 0]);
    }

    #[test]
    fn a_chain_is_as_long_as_its_actions_together() {
        let limits = Limits { max_duration: SignedDuration::from_mins(9), ..Limits::default() };
        assert_eq!(spoiled_under(&limits, |_| ()), ["Refuse planned-duration actions"]);
        let limits = Limits { max_duration: SignedDuration::from_mins(10), ..limits };
        assert_eq!(spoiled_under(&limits, |_| ()), [""; 0]);
    }
}
