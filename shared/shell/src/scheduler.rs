//! EventBridge Scheduler: the one-shot schedule that ends a run whose minder has died.

use aws_config::{SdkConfig, retry::RetryConfig};
use aws_sdk_scheduler::{
    Client,
    operation::create_schedule::CreateScheduleError,
    types::{
        ActionAfterCompletion, DeadLetterConfig, FlexibleTimeWindow, FlexibleTimeWindowMode, RetryPolicy,
        Target,
    },
};
use jiff::Timestamp;
use serde_json::{Value, json};
use watchkeeper_domain::{failure::Failure, ports::DeadMan};

use crate::{error::failure, leash::Leash};

/// For how long Scheduler tries to deliver, in seconds, and how often at the most. To end a run late is better than not
/// at all, and a day, which is Scheduler's default, is longer than any run (12 hours: AWS FIS User Guide, "Quotas").
const RETRIES: (i32, i32) = (3_600, 185);

/// Where the schedules are, and whom they wake.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Schedules {
    /// The name of their group.
    pub group: String,
    /// The ARN of the role with which Scheduler acts: `lambda:InvokeFunction` on the function, `fis:StopExperiment`.
    pub role: String,
    /// The ARN of the function `experiment-watcher`.
    pub watcher: String,
    /// The ARN of the SQS queue for what could not be delivered.
    pub dead_letters: String,
}

/// The dead-man schedules of one account and Region.
#[derive(Clone, Debug)]
pub struct DeadManSchedules {
    client: Client,
    schedules: Schedules,
    leash: Leash,
}

impl DeadManSchedules {
    /// Schedules set through `config`. A call is tried three times: a name is set only once, however often it is asked.
    pub fn connect(config: &SdkConfig, schedules: Schedules, leash: Leash) -> Self {
        let retries = RetryConfig::standard().with_max_attempts(3);
        let config = aws_sdk_scheduler::config::Builder::from(config).retry_config(retries);
        Self { client: Client::from_conf(config.build()), schedules, leash }
    }

    /// Creates `name`, or changes it if it is there.
    ///
    /// The name is what makes this safe to repeat. The client token is left to the SDK, which keeps one for the tries of
    /// one call: a token of our own would make Scheduler answer "done" to a schedule that was deleted in between.
    async fn set(&self, name: &str, at: Timestamp, target: Target) -> Result<(), Failure> {
        let window = window(name)?;
        let request = self.client.create_schedule().group_name(&self.schedules.group).name(name);
        let request = request.schedule_expression(once(at)).schedule_expression_timezone("UTC");
        let request = request.flexible_time_window(window).target(target.clone());
        match request.action_after_completion(ActionAfterCompletion::Delete).send().await {
            Ok(_) => Ok(()),
            Err(error) => match error.as_service_error() {
                Some(CreateScheduleError::ConflictException(_)) => self.change(name, at, target).await,
                _ => Err(failure("create", subject(name), error)),
            },
        }
    }

    /// `UpdateSchedule` resets whatever it is not told.
    async fn change(&self, name: &str, at: Timestamp, target: Target) -> Result<(), Failure> {
        let window = window(name)?;
        let request = self.client.update_schedule().group_name(&self.schedules.group).name(name);
        let request = request.schedule_expression(once(at)).schedule_expression_timezone("UTC");
        let request = request.flexible_time_window(window).target(target);
        let answer = request.action_after_completion(ActionAfterCompletion::Delete).send().await;
        answer.map(drop).map_err(|error| failure("change", subject(name), error))
    }

    fn target(&self, name: &str, arn: impl Into<String>, input: &Value) -> Result<Target, Failure> {
        let (age, attempts) = RETRIES;
        let retries =
            RetryPolicy::builder().maximum_event_age_in_seconds(age).maximum_retry_attempts(attempts);
        Target::builder()
            .arn(arn)
            .role_arn(&self.schedules.role)
            .input(input.to_string())
            .retry_policy(retries.build())
            .dead_letter_config(DeadLetterConfig::builder().arn(&self.schedules.dead_letters).build())
            .build()
            .map_err(|error| Failure::new("set", subject(name), error))
    }
}

impl DeadMan for DeadManSchedules {
    async fn arm(&self, name: &str, at: Timestamp, token: &str) -> Result<(), Failure> {
        self.leash.holds(&format!("the setting of {}", subject(name)))?;
        let input = json!({ "tick": "dead-man", "token": token });
        self.set(name, at, self.target(name, &self.schedules.watcher, &input)?).await
    }

    /// A universal target (EventBridge Scheduler User Guide, "Using universal targets"): Scheduler itself calls FIS.
    /// Creates the schedule if it is gone.
    async fn aim(&self, name: &str, at: Timestamp, experiment: &str) -> Result<(), Failure> {
        self.leash.holds(&format!("the setting of {}", subject(name)))?;
        let partition = self.schedules.role.split(':').nth(1).unwrap_or("aws");
        let arn = format!("arn:{partition}:scheduler:::aws-sdk:fis:stopExperiment");
        let target = self.target(name, arn, &json!({ "Id": experiment }))?;
        self.set(name, at, target).await
    }

    async fn disarm(&self, name: &str) -> Result<(), Failure> {
        self.leash.holds(&format!("the deletion of {}", subject(name)))?;
        let request = self.client.delete_schedule().group_name(&self.schedules.group).name(name);
        match request.send().await {
            Ok(_) => Ok(()),
            Err(error) if error.as_service_error().is_some_and(|it| it.is_resource_not_found_exception()) => {
                Ok(())
            }
            Err(error) => Err(failure("delete", subject(name), error)),
        }
    }
}

fn subject(name: &str) -> String {
    format!("the schedule {name}")
}

/// It fires when it is due (EventBridge Scheduler User Guide: to the minute), not some time after.
fn window(name: &str) -> Result<FlexibleTimeWindow, Failure> {
    let window = FlexibleTimeWindow::builder().mode(FlexibleTimeWindowMode::Off).build();
    window.map_err(|error| Failure::new("set", subject(name), error))
}

/// `at(2026-11-21T10:30:00)`, in UTC.
fn once(at: Timestamp) -> String {
    format!("at({})", at.strftime("%Y-%m-%dT%H:%M:%S"))
}
