//! The SDK's types as the domain's. What is absent becomes an empty text, which no rule takes for good news.

use std::collections::BTreeMap;

use aws_sdk_fis::types::{self, ActionsMode, ExperimentOptions, ExperimentState, SafetyLeverState};
use watchkeeper_domain::{
    drill::ListedTemplate,
    experiment::{ActionRun, Experiment, Fault, Lever, Listed, ResolvedTarget, Status},
};

use crate::time::timestamp;

pub(super) fn template(it: types::ExperimentTemplateSummary) -> ListedTemplate {
    ListedTemplate { id: it.id.unwrap_or_default(), tags: sorted(it.tags) }
}

pub(super) fn listed(it: types::ExperimentSummary) -> Listed {
    Listed {
        id: it.id.unwrap_or_default(),
        template: it.experiment_template_id.unwrap_or_default(),
        status: status(it.state.as_ref()),
        created_at: it.creation_time.as_ref().and_then(timestamp),
        skips_actions: skips_actions(it.experiment_options.as_ref()),
        tags: sorted(it.tags),
    }
}

pub(super) fn experiment(it: types::Experiment) -> Experiment {
    let stop_alarms = it.stop_conditions.unwrap_or_default().into_iter();
    let status = status(it.state.as_ref());
    let (reason, error) = it.state.map(|state| (state.reason, state.error)).unwrap_or_default();
    Experiment {
        listed: Listed {
            id: it.id.unwrap_or_default(),
            template: it.experiment_template_id.unwrap_or_default(),
            status,
            created_at: it.creation_time.as_ref().and_then(timestamp),
            skips_actions: skips_actions(it.experiment_options.as_ref()),
            tags: sorted(it.tags),
        },
        arn: it.arn.unwrap_or_default(),
        reason: reason.unwrap_or_default(),
        error: error.map(fault),
        started_at: it.start_time.as_ref().and_then(timestamp),
        ended_at: it.end_time.as_ref().and_then(timestamp),
        actions: it.actions.unwrap_or_default().into_iter().map(|(name, it)| (name, action(it))).collect(),
        stop_alarms: stop_alarms.filter_map(|condition| condition.value).collect(),
        target_accounts: it
            .target_account_configurations_count
            .and_then(|it| it.try_into().ok())
            .unwrap_or(0),
    }
}

pub(super) fn target(it: types::ResolvedTarget) -> ResolvedTarget {
    ResolvedTarget {
        target: it.target_name.unwrap_or_default(),
        resource_type: it.resource_type.unwrap_or_default(),
        information: sorted(it.target_information),
    }
}

pub(super) fn lever(it: SafetyLeverState) -> Lever {
    Lever {
        status: it.status.map(|status| status.as_str().to_owned()).unwrap_or_default(),
        reason: it.reason.unwrap_or_default(),
    }
}

fn action(it: types::ExperimentAction) -> ActionRun {
    let (status, reason) = it.state.map(|state| (state.status, state.reason)).unwrap_or_default();
    ActionRun {
        action_id: it.action_id.unwrap_or_default(),
        status: status.map(|status| status.as_str().to_owned()).unwrap_or_default(),
        reason: reason.unwrap_or_default(),
        started_at: it.start_time.as_ref().and_then(timestamp),
        ended_at: it.end_time.as_ref().and_then(timestamp),
    }
}

fn fault(it: types::ExperimentError) -> Fault {
    Fault {
        account: it.account_id.unwrap_or_default(),
        code: it.code.unwrap_or_default(),
        location: it.location.unwrap_or_default(),
    }
}

fn status(state: Option<&ExperimentState>) -> Status {
    let status = state.and_then(|state| state.status.as_ref());
    Status::from(status.map(|status| status.as_str().to_owned()).unwrap_or_default())
}

fn skips_actions(options: Option<&ExperimentOptions>) -> bool {
    options.and_then(|options| options.actions_mode.as_ref()) == Some(&ActionsMode::SkipAll)
}

fn sorted(map: Option<impl IntoIterator<Item = (String, String)>>) -> BTreeMap<String, String> {
    map.into_iter().flatten().collect()
}
