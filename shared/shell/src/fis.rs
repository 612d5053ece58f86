//! AWS FIS: what it knows, and the two things that may be done to it.
//!
//! Source: AWS FIS API Reference, each operation by its name.

mod answer;
mod lever;
mod verbatim;

pub use lever::SafetyLever;

use aws_config::{SdkConfig, retry::RetryConfig};
use aws_sdk_fis::{
    Client,
    operation::{
        get_experiment::GetExperimentError, get_experiment_template::GetExperimentTemplateError,
        start_experiment::StartExperimentError, stop_experiment::StopExperimentError,
    },
    types::{ActionsMode, StartExperimentExperimentOptionsInput},
};
use serde_json::Value;
use watchkeeper_domain::{
    drill::ListedTemplate,
    experiment::{Experiment, Lever, Listed, Order, Ordered, ResolvedTarget, Status},
    failure::Failure,
    ports::{Experiments, Starts, Stops},
};

use self::verbatim::Verbatim;
use crate::{error::failure, leash::Leash};

/// How often a call is tried: again after a 5xx, a throttled call, a time-out, a lost connection.
const TRIES: u32 = 3;
/// The most that a page of a list can have.
const PAGE: i32 = 100;

/// FIS in one account and Region.
#[derive(Clone, Debug)]
pub struct Fis {
    client: Client,
    leash: Leash,
}

impl Fis {
    /// FIS, reached through `config`, whose time-outs hold; `leash` holds back what starts and stops. A call is tried
    /// three times, starting and stopping too: the token of an order, and the id of an experiment, make a repeat the
    /// same act.
    pub fn connect(config: &SdkConfig, leash: Leash) -> Self {
        let retries = RetryConfig::standard().with_max_attempts(TRIES);
        let config = aws_sdk_fis::config::Builder::from(config).retry_config(retries);
        Self { client: Client::from_conf(config.build()), leash }
    }
}

impl Experiments for Fis {
    /// `GetExperimentTemplate`, as it came over the wire: a field that the SDK does not know yet counts for the hash, too.
    async fn template(&self, id: &str) -> Result<Option<Value>, Failure> {
        const OPERATION: &str = "read the experiment template";
        let verbatim = Verbatim::default();
        let request = self.client.get_experiment_template().id(id).customize();
        match request.interceptor(verbatim.clone()).send().await {
            Ok(_) => {
                let template = verbatim.field("experimentTemplate");
                template.map(Some).map_err(|error| Failure::new(OPERATION, id, error))
            }
            Err(error) => match error.as_service_error() {
                Some(GetExperimentTemplateError::ResourceNotFoundException(_)) => Ok(None),
                _ => Err(failure(OPERATION, id, error)),
            },
        }
    }

    /// `ListExperimentTemplates`.
    async fn templates(&self) -> Result<Vec<ListedTemplate>, Failure> {
        let mut pages = self.client.list_experiment_templates().max_results(PAGE).into_paginator().send();
        let mut templates = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| failure("list the experiment templates of", "FIS", error))?;
            templates.extend(page.experiment_templates.unwrap_or_default().into_iter().map(answer::template));
        }
        Ok(templates)
    }

    /// `GetExperiment`.
    async fn experiment(&self, id: &str) -> Result<Option<Experiment>, Failure> {
        match self.client.get_experiment().id(id).send().await {
            Ok(answer) => Ok(answer.experiment.map(answer::experiment)),
            Err(error) => match error.as_service_error() {
                Some(GetExperimentError::ResourceNotFoundException(_)) => Ok(None),
                _ => Err(failure("read the experiment", id, error)),
            },
        }
    }

    /// `ListExperiments`.
    async fn experiments(&self) -> Result<Vec<Listed>, Failure> {
        let mut pages = self.client.list_experiments().max_results(PAGE).into_paginator().send();
        let mut experiments = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| failure("list the experiments of", "FIS", error))?;
            experiments.extend(page.experiments.unwrap_or_default().into_iter().map(answer::listed));
        }
        Ok(experiments)
    }

    /// `ListExperimentResolvedTargets`.
    async fn resolved(&self, id: &str) -> Result<Vec<ResolvedTarget>, Failure> {
        let request = self.client.list_experiment_resolved_targets().experiment_id(id).max_results(PAGE);
        let mut pages = request.into_paginator().send();
        let mut targets = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| failure("list the resolved targets of", id, error))?;
            targets.extend(page.resolved_targets.unwrap_or_default().into_iter().map(answer::target));
        }
        Ok(targets)
    }

    /// `GetSafetyLever`.
    async fn lever(&self) -> Result<Lever, Failure> {
        const OPERATION: &str = "read the safety lever";
        let answer = self.client.get_safety_lever().id("default").send().await;
        let lever = answer.map_err(|error| failure(OPERATION, "default", error))?.safety_lever;
        let state = lever.and_then(|lever| lever.state);
        let state = state.ok_or_else(|| Failure::new(OPERATION, "default", "an answer without its state"))?;
        Ok(answer::lever(state))
    }
}

impl Starts for Fis {
    /// `StartExperiment`.
    async fn start(&self, order: &Order) -> Result<Ordered, Failure> {
        const OPERATION: &str = "start an experiment of";
        self.leash.holds(&format!("the start of {}", order.template))?;
        let mode = if order.skips_actions { ActionsMode::SkipAll } else { ActionsMode::RunAll };
        let options = StartExperimentExperimentOptionsInput::builder().actions_mode(mode).build();
        let mut request = self.client.start_experiment().experiment_template_id(&order.template);
        request = request.client_token(&order.token).experiment_options(options);
        for (key, value) in &order.tags {
            request = request.tags(key, value);
        }
        let answer = match request.send().await {
            Ok(answer) => answer,
            Err(error) => {
                return match error.as_service_error().filter(|error| is_lasting(error)) {
                    Some(refusal) => Ok(Ordered::Rejected(words(refusal))),
                    None => Err(failure(OPERATION, &order.template, error)),
                };
            }
        };
        let id = answer.experiment.and_then(|experiment| experiment.id);
        let id = id.ok_or_else(|| {
            Failure::new(OPERATION, &order.template, "an answer without the experiment's id").in_doubt()
        });
        id.map(Ordered::Accepted)
    }
}

impl Stops for Fis {
    /// `StopExperiment`. What it answers for an experiment that is over is unverified; where it refuses, that is looked up.
    async fn stop(&self, id: &str) -> Result<(), Failure> {
        const OPERATION: &str = "stop the experiment";
        self.leash.holds(&format!("the stop of {id}"))?;
        let Err(error) = self.client.stop_experiment().id(id).send().await else { return Ok(()) };
        match error.as_service_error() {
            Some(StopExperimentError::ResourceNotFoundException(_)) => Ok(()),
            Some(StopExperimentError::ValidationException(_)) if self.is_ending(id).await => Ok(()),
            _ => Err(failure(OPERATION, id, error)),
        }
    }
}

impl Fis {
    async fn is_ending(&self, id: &str) -> bool {
        let Ok(Some(experiment)) = self.experiment(id).await else { return false };
        experiment.listed.status == Status::Stopping || experiment.listed.status.is_terminal()
    }
}

/// Whether FIS will say the same however often it is asked.
fn is_lasting(error: &StartExperimentError) -> bool {
    error.is_validation_exception()
        || error.is_resource_not_found_exception()
        || error.is_conflict_exception()
        || error.is_service_quota_exceeded_exception()
}

/// What FIS answered: `ServiceQuotaExceededException: …`.
fn words(error: &StartExperimentError) -> String {
    let meta = error.meta();
    format!("{}: {}", meta.code().unwrap_or("refused"), meta.message().unwrap_or("no message"))
}
