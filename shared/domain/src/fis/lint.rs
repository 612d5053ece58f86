//! Every rule that an experiment template is held to.
//!
//! A rule is a function of the template and the limits; each stands with its tests in a module of its own sort.

use super::{Finding, Limits, Template};

mod actions;
mod faults;
mod opt_in;
mod options;
mod order;
mod quotas;
mod safety;
mod selection;
mod time;

/// Everything that is wrong with `template`, in the order in which it is worth mending: what ends a run and who acts,
/// what is done, to how many, to whose, for how long, and at last what only warns.
pub fn lint(template: &Template, limits: &Limits) -> Vec<Finding> {
    let rules = [
        safety::stop_conditions,
        safety::logs,
        safety::role,
        actions::unknown_or_not_allowed,
        actions::destructive,
        actions::ssm_documents,
        selection::too_wide,
        selection::share_too_wide,
        opt_in::by_tag,
        opt_in::unverified,
        options::empty_targets,
        order::start_after,
        order::targets,
        time::durations,
        time::planned,
        quotas::too_many,
        faults::in_clusters,
        faults::in_pods,
        options::actions_mode,
        options::account_targeting,
        options::unknown_fields,
    ];
    rules.into_iter().flat_map(|rule: Rule| rule(template, limits)).collect()
}

type Rule = fn(&Template, &Limits) -> Vec<Finding>;

#[cfg(test)]
mod sample {
    //! A template that no rule objects to, to be spoiled one thing at a time.

    use serde_json::{Value, json};

    use super::{Finding, Limits, Template};

    pub(super) fn template() -> Value {
        json!({
            "description": "stop one instance for five minutes",
            "targets": { "One": {
                "resourceType": "aws:ec2:instance", "resourceTags": { "ChaosReady": "Yes" },
                "filters": [{ "path": "State.Name", "values": ["running"] }], "selectionMode": "COUNT(1)",
            } },
            "actions": {
                "stop": { "actionId": "aws:ec2:stop-instances", "targets": { "Instances": "One" },
                    "parameters": { "startInstancesAfterDuration": "PT5M" } },
                "settle": { "actionId": "aws:fis:wait", "parameters": { "duration": "PT5M" },
                    "startAfter": ["stop"] },
            },
            "stopConditions": [{ "source": "aws:cloudwatch:alarm",
                "value": "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:ErrorRate" }],
            "roleArn": "arn:aws:iam::123456789012:role/drills",
            "logConfiguration": { "logSchemaVersion": 2, "cloudWatchLogsConfiguration": {
                "logGroupArn": "arn:aws:logs:eu-west-1:123456789012:log-group:drills:*" } },
            "tags": { "Name": "stop-one" },
        })
    }

    /// What is found once `spoil` has been at the sample: severity, rule and place.
    pub(super) fn spoiled(spoil: impl FnOnce(&mut Value)) -> Vec<String> {
        spoiled_under(&Limits::default(), spoil)
    }

    pub(super) fn spoiled_under(limits: &Limits, spoil: impl FnOnce(&mut Value)) -> Vec<String> {
        let mut template = template();
        spoil(&mut template);
        let findings = super::lint(&Template::parse(&template).unwrap(), limits);
        let show = |finding: Finding| format!("{:?} {} {}", finding.severity, finding.rule, finding.place);
        findings.into_iter().map(show).collect()
    }

    #[test]
    fn the_sample_itself_is_fine() {
        assert_eq!(spoiled(|_| ()), [""; 0]);
    }
}
