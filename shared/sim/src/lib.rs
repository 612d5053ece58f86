//! A fake world with state, in which the functions' own code runs: for tests, and for one machine.
//!
//! | module | in the fake world | in AWS |
//! |---|---|---|
//! | [`memory`] | a table in memory | DynamoDB |
//! | [`channels`] | what was published, and failures on request | the SNS topic `notices`, the bus `watchkeeper` |
//! | [`clock`] | a clock that stands still until it is advanced | the time |
//! | [`fuse`] | kills the process before or after any step | a time-out, a crash |
//! | [`screens`] | what people see, and the failure queue | Slack, Teams, PagerDuty, SNS, SQS |
//! | [`webhooks`] | an HTTP server that takes what webhooks take, and misbehaves on request | Slack, Teams, PagerDuty |
//! | [`template`] | CloudFormation documents as data | CloudFormation |
//! | [`world`] | these four, as the ports of a function | – |
//! | [`bus`] | who hears what, by `template.yaml` | EventBridge rules, schedules, SNS subscriptions |
//! | [`pattern`] | event patterns, or a refusal where they would mean something else | EventBridge |
//! | [`schedule`] | how often a schedule ticks | EventBridge Scheduler |

pub mod bus;
pub mod channels;
pub mod clock;
pub mod fuse;
mod item;
pub mod memory;
pub mod pattern;
pub mod schedule;
pub mod screens;
pub mod template;
mod turn;
pub mod webhooks;
pub mod world;
