//! The thin impure layer: one adapter for each AWS service, and what a function needs around its `handle`.
//!
//! | module | what it holds |
//! |---|---|
//! | [`alarms`] | CloudWatch alarms: [`watchkeeper_domain::ports::Alarms`] |
//! | [`aws`] | the clients, their time-outs and retries; all ports at once |
//! | [`calendars`] | change calendars, incidents: [`watchkeeper_domain::ports::Calendars`] |
//! | [`channels`] | what shows messages to people: [`watchkeeper_domain::ports::Channels`] |
//! | [`desk`] | the same for `notifier` |
//! | [`dynamo`] | the table: [`watchkeeper_domain::records::Records`] |
//! | [`sns`] | the topic `notices`: [`watchkeeper_domain::ports::Notices`] |
//! | [`eventbridge`] | the bus `watchkeeper`: [`watchkeeper_domain::ports::Events`] |
//! | [`http`] | a request over HTTPS, outside AWS |
//! | [`history`] | what alarms and people did: [`watchkeeper_domain::ports::History`] |
//! | [`inventory`] | resources: [`watchkeeper_domain::ports::Inventory`] |
//! | [`issues`] | the AWS Health API: [`watchkeeper_domain::ports::Issues`] |
//! | [`error`] | what an AWS call's error means |
//! | [`envelope`] | what a person sends again, out of its envelopes |
//! | [`mod@conclude`] | the one loop: observe → decide → record → perform → settle |
//! | [`fis`] | experiments: [`watchkeeper_domain::ports::Experiments`], and starting and stopping them |
//! | [`lab`] | the real world of drills |
//! | [`lambda`] | start-up, the loop of invocations |
//! | [`leash`] | what keeps acts from being sent |
//! | [`metrics`] | CloudWatch metrics: [`watchkeeper_domain::ports::Metrics`] |
//! | [`on_calls`] | who is on call: [`watchkeeper_domain::ports::OnCalls`] |
//! | [`observe`] | what guards judge, read through the ports |
//! | [`report`] | what an invocation came to |
//! | [`secrets`] | tokens, keys and addresses that are secret |
//! | [`status_page`] | incidents that somebody lists outside AWS |
//! | [`scheduler`] | the dead-man schedules: [`watchkeeper_domain::ports::DeadMan`] |
//! | [`settings`] | where things are, from the environment |
//! | [`telemetry`] | the one line of an invocation, with its metrics |
//! | [`undelivered`] | the failure queue: [`watchkeeper_domain::ports::Undelivered`] |

#[cfg(feature = "drills")]
pub mod alarms;
pub mod aws;
#[cfg(feature = "drills")]
pub mod calendars;
#[cfg(feature = "channels")]
pub mod channels;
pub mod conclude;
#[cfg(feature = "channels")]
pub mod desk;
pub mod dynamo;
pub mod envelope;
pub mod error;
pub mod eventbridge;
#[cfg(feature = "drills")]
pub mod fis;
#[cfg(feature = "drills")]
pub mod history;
#[cfg(any(feature = "channels", feature = "drills"))]
pub mod http;
#[cfg(feature = "drills")]
pub mod inventory;
#[cfg(feature = "drills")]
pub mod issues;
#[cfg(feature = "drills")]
pub mod lab;
pub mod lambda;
pub mod leash;
#[cfg(feature = "drills")]
pub mod metrics;
pub mod observe;
#[cfg(feature = "drills")]
pub mod on_calls;
pub mod report;
#[cfg(feature = "drills")]
pub mod scheduler;
#[cfg(any(feature = "caches", feature = "channels", feature = "drills"))]
pub mod secrets;
pub mod settings;
pub mod sns;
#[cfg(feature = "drills")]
pub mod status_page;
pub mod telemetry;
#[cfg(feature = "drills")]
mod time;
#[cfg(any(feature = "caches", feature = "channels", feature = "drills"))]
mod trouble;
#[cfg(feature = "channels")]
pub mod undelivered;

#[cfg(feature = "drills")]
pub use alarms::CloudWatchAlarms;
pub use aws::Aws;
#[cfg(feature = "drills")]
pub use calendars::SystemsManager;
#[cfg(feature = "channels")]
pub use channels::Webhooks;
pub use conclude::{Concluded, Run, conclude};
#[cfg(feature = "channels")]
pub use desk::Desk;
pub use dynamo::Table;
pub use eventbridge::Bus;
#[cfg(feature = "drills")]
pub use fis::{Fis, SafetyLever};
#[cfg(feature = "drills")]
pub use history::EventHistory;
#[cfg(feature = "drills")]
pub use inventory::Resources;
#[cfg(feature = "drills")]
pub use issues::HealthApi;
#[cfg(feature = "drills")]
pub use lab::Lab;
pub use lambda::{serve, start};
pub use leash::Leash;
#[cfg(feature = "drills")]
pub use metrics::CloudWatchMetrics;
#[cfg(feature = "drills")]
pub use on_calls::PagerDutyOnCalls;
pub use report::Report;
#[cfg(feature = "drills")]
pub use scheduler::{DeadManSchedules, Schedules};
pub use settings::{CacheSettings, DrillSettings, NotifierSettings, Settings};
pub use sns::Topic;
pub use telemetry::Outcome;
#[cfg(feature = "channels")]
pub use undelivered::FailureQueue;
