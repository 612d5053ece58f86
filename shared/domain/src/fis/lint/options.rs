//! The experiment's options, and fields that nobody knows.

use super::super::{Finding, Limits, Template, template::Text};

/// A target that resolves to nothing fails the experiment.
///
/// Source: AWS FIS User Guide, "Experiment options for AWS FIS" (`emptyTargetResolutionMode`).
pub(super) fn empty_targets(template: &Template, limits: &Limits) -> Vec<Finding> {
    let place = "experimentOptions.emptyTargetResolutionMode";
    let judged = match &template.experiment_options.empty_target_resolution_mode {
        None => None,
        Some(Text::Deferred(_)) => Some(Finding::unresolved(place)),
        Some(Text::Known(mode)) if mode == "fail" => None,
        Some(Text::Known(mode)) if mode == "skip" => {
            let message =
                "with `skip` a mistyped tag gives a run that ends well and tested nothing: write `fail`";
            let judge = if limits.allow_empty_targets { Finding::warn } else { Finding::refuse };
            Some(judge("empty-targets-skipped", place, message))
        }
        Some(Text::Known(mode)) => {
            let message = format!("`{mode}` is unknown: write `fail`");
            Some(Finding::refuse("empty-targets-skipped", place, message))
        }
    };
    Vec::from_iter(judged)
}

/// Whether actions run is decided when an experiment is started, not in its template.
pub(super) fn actions_mode(template: &Template, _: &Limits) -> Vec<Finding> {
    let mode = template.experiment_options.actions_mode.as_ref().filter(|mode| !mode.is("run-all"));
    let refuse = |mode: &Text| {
        let message =
            format!("`{mode}` does nothing to anybody: remove it here; a dry run asks for it when it starts");
        Finding::refuse("actions-mode", "experimentOptions.actionsMode", message)
    };
    mode.map(refuse).into_iter().collect()
}

/// A run over several accounts reaches what the template does not show.
pub(super) fn account_targeting(template: &Template, _: &Limits) -> Vec<Finding> {
    let targeting = &template.experiment_options.account_targeting;
    let is_single =
        targeting.as_ref().is_none_or(|it| it.is("single-account")) && template.target_accounts == 0;
    let message = "the run reaches other accounts, which the template does not name: look at its target accounts; \
                   each costs the same again";
    let warn = || Finding::warn("several-accounts", "experimentOptions.accountTargeting", message);
    Vec::from_iter((!is_single).then(warn))
}

/// A field that is not known may be mistyped, or newer than these rules.
pub(super) fn unknown_fields(template: &Template, _: &Limits) -> Vec<Finding> {
    let message = "is not known here: mend it if it is mistyped; if AWS added it, no rule looks at it yet";
    template.unknown.keys().map(|place| Finding::warn("unknown-field", place, message)).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::sample::{spoiled, spoiled_under};
    use super::*;

    #[test]
    fn skipping_empty_targets_hides_a_mistyped_tag() {
        let skip = |it: &mut serde_json::Value| {
            it["experimentOptions"] = json!({ "emptyTargetResolutionMode": "skip" });
        };
        let at = "empty-targets-skipped experimentOptions.emptyTargetResolutionMode";
        assert_eq!(spoiled(skip), [format!("Refuse {at}")]);
        let limits = Limits { allow_empty_targets: true, ..Limits::default() };
        assert_eq!(spoiled_under(&limits, skip), [format!("Warn {at}")]);
        let odd = json!({ "emptyTargetResolutionMode": "ignore" });
        assert_eq!(spoiled_under(&limits, |it| it["experimentOptions"] = odd), [format!("Refuse {at}")]);
    }

    #[test]
    fn a_template_that_skips_its_actions_tests_nothing() {
        let found = spoiled(|it| it["experimentOptions"] = json!({ "actionsMode": "skip-all" }));
        assert_eq!(found, ["Refuse actions-mode experimentOptions.actionsMode"]);
        assert_eq!(spoiled(|it| it["experimentOptions"] = json!({ "actionsMode": "run-all" })), [""; 0]);
    }

    #[test]
    fn a_run_over_several_accounts_is_warned_of() {
        let warned = ["Warn several-accounts experimentOptions.accountTargeting"];
        let found = spoiled(|it| it["experimentOptions"] = json!({ "accountTargeting": "multi-account" }));
        assert_eq!(found, warned);
        assert_eq!(spoiled(|it| it["targetAccountConfigurationsCount"] = json!(3)), warned);
    }

    #[test]
    fn a_mistyped_field_is_seen() {
        let found = spoiled(|it| it["actions"]["settle"]["startafter"] = json!([]));
        assert_eq!(found, ["Warn unknown-field actions.settle.startafter"]);
    }
}
