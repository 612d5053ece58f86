//! The safety lever, pulled by a person. No function pulls it: what a function may do goes through the leash.

use aws_config::{SdkConfig, retry::RetryConfig};
use aws_sdk_fis::{
    Client,
    config::{Builder, Region},
    types::{SafetyLeverStatusInput, UpdateSafetyLeverStateInput},
};
use watchkeeper_domain::{experiment::Lever, failure::Failure, ports::Experiments, text};

use super::{Fis, TRIES, answer};
use crate::{error::failure, leash::Leash};

/// The only lever there is in an account and Region.
const DEFAULT: &str = "default";
/// How many characters of a reason are sent. Unverified: other texts of FIS have that limit.
const REASON: usize = 512;

/// The safety lever of one account and Region: engaged, it ends every experiment and lets none begin.
///
/// Source: AWS FIS User Guide, "Safety levers for AWS FIS". While it is `engaging`, it cannot be moved.
#[derive(Clone, Debug)]
pub struct SafetyLever {
    fis: Fis,
}

impl SafetyLever {
    /// The lever of `region`, reached through `config`, whose time-outs hold. A call is tried three times: pulling a lever
    /// twice is pulling it once.
    pub fn connect(config: &SdkConfig, region: &str) -> Self {
        let retries = RetryConfig::standard().with_max_attempts(TRIES);
        let config = Builder::from(config).retry_config(retries).region(Region::new(region.to_owned()));
        Self { fis: Fis { client: Client::from_conf(config.build()), leash: Leash::default() } }
    }

    /// `GetSafetyLever`.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn read(&self) -> Result<Lever, Failure> {
        self.fis.lever().await
    }

    /// Engages it because of `reason`. Returns how it stands then: with another reason, if somebody was faster.
    ///
    /// # Errors
    /// When it is neither `engaged` nor `engaging` after that, or nobody knows.
    pub async fn engage(&self, reason: &str) -> Result<Lever, Failure> {
        let answer = self.update("engage", SafetyLeverStatusInput::Engaged, reason).await;
        self.settled(answer, |lever| matches!(lever.status.as_str(), "engaged" | "engaging")).await
    }

    /// Disengages it because of `reason`. Returns how it stands then.
    ///
    /// # Errors
    /// When it is not `disengaged` after that, or nobody knows.
    pub async fn disengage(&self, reason: &str) -> Result<Lever, Failure> {
        let answer = self.update("disengage", SafetyLeverStatusInput::Disengaged, reason).await;
        self.settled(answer, Lever::is_disengaged).await
    }

    /// `UpdateSafetyLeverState`.
    async fn update(
        &self,
        operation: &'static str,
        status: SafetyLeverStatusInput,
        reason: &str,
    ) -> Result<Lever, Failure> {
        let subject = "the safety lever";
        let state = UpdateSafetyLeverStateInput::builder().status(status).reason(text::cut(reason, REASON));
        let state = state.build().map_err(|error| Failure::new(operation, subject, error))?;
        let request = self.fis.client.update_safety_lever_state().id(DEFAULT).state(state);
        let answer = request.send().await.map_err(|error| failure(operation, subject, error))?;
        let state = answer.safety_lever.and_then(|lever| lever.state);
        let state = state
            .ok_or_else(|| Failure::new(operation, subject, "an answer without its state").in_doubt())?;
        Ok(answer::lever(state))
    }

    /// The answer. After a failure the lever itself is asked: FIS refuses to move it to where it stands already (how is
    /// unverified), and an answer that was lost may have moved it.
    async fn settled(
        &self,
        answer: Result<Lever, Failure>,
        stands_so: impl Fn(&Lever) -> bool,
    ) -> Result<Lever, Failure> {
        let failure = match answer {
            Ok(lever) if stands_so(&lever) => return Ok(lever),
            Ok(lever) => Failure::new("move", "the safety lever", format!("it is {}", lever.status)),
            Err(failure) => failure,
        };
        match self.read().await {
            Ok(lever) if stands_so(&lever) => Ok(lever),
            Ok(_) | Err(_) => Err(failure),
        }
    }
}
