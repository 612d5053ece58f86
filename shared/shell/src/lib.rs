//! The thin impure layer: one adapter for each AWS service, and what a function needs around its `handle`.
//!
//! | module | what it holds |
//! |---|---|
//! | [`aws`] | the clients, their time-outs and retries; all ports at once |
//! | [`channels`] | what shows messages to people: [`watchkeeper_domain::ports::Channels`] |
//! | [`desk`] | the same for `notifier` |
//! | [`dynamo`] | the table: [`watchkeeper_domain::records::Records`] |
//! | [`sns`] | the topic `notices`: [`watchkeeper_domain::ports::Notices`] |
//! | [`eventbridge`] | the bus `watchkeeper`: [`watchkeeper_domain::ports::Events`] |
//! | [`mod@conclude`] | the one loop: observe → decide → record → perform → settle |
//! | [`lambda`] | start-up, the loop of invocations |
//! | [`report`] | what an invocation came to |
//! | [`settings`] | where things are, from the environment |
//! | [`telemetry`] | the one line of an invocation, with its metrics |
//! | [`undelivered`] | the failure queue: [`watchkeeper_domain::ports::Undelivered`] |

pub mod aws;
#[cfg(feature = "channels")]
pub mod channels;
pub mod conclude;
#[cfg(feature = "channels")]
pub mod desk;
pub mod dynamo;
mod error;
pub mod eventbridge;
pub mod lambda;
pub mod report;
pub mod settings;
pub mod sns;
pub mod telemetry;
#[cfg(feature = "channels")]
pub mod undelivered;

pub use aws::Aws;
#[cfg(feature = "channels")]
pub use channels::Webhooks;
pub use conclude::{Concluded, Run, conclude};
#[cfg(feature = "channels")]
pub use desk::Desk;
pub use dynamo::Table;
pub use eventbridge::Bus;
pub use lambda::{serve, start};
pub use report::Report;
pub use settings::{NotifierSettings, Settings};
pub use sns::Topic;
pub use telemetry::Outcome;
#[cfg(feature = "channels")]
pub use undelivered::FailureQueue;
