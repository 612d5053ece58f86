//! A fake world with state, in which the functions' own code runs: for tests, and for one machine.
//!
//! | module | in the fake world | in AWS |
//! |---|---|---|
//! | [`memory`] | a table in memory | DynamoDB |
//! | [`channels`] | what was published, and failures on request | the SNS topic `notices`, the bus `watchkeeper` |
//! | [`clock`] | a clock that stands still until it is advanced | the time |
//! | [`ebs`] | snapshots behind the EBS direct APIs, over HTTP, that misbehave on request | EBS |
//! | [`ec2`] | snapshots and volumes that age by the clock, in the ports and over HTTP | EC2 |
//! | [`dead_man`] | one-shot schedules that fire when the clock has passed them | EventBridge Scheduler |
//! | `depot` | EBS, EC2 and repositories, as the ports of `cache-refresher`; with the feature `caches` | – |
//! | [`estate`] | what drills are about | – |
//! | [`facts`] | alarms, calendars, incidents, issues, resources, as they were set | CloudWatch, SSM, Health, tagging |
//! | [`fis`] | experiments that keep time by the clock, and go wrong on request | FIS |
//! | [`fuse`] | kills the process before or after any step | a time-out, a crash |
//! | [`maven`] | a cache and a night of it, for tests that count | – |
//! | [`measured`] | series, alarm changes and calls that ended a run, as they were scripted | CloudWatch, CloudTrail |
//! | [`screens`] | what people see, and the failure queue | Slack, Teams, PagerDuty, SNS, SQS |
//! | [`webhooks`] | an HTTP server that takes what webhooks take, and misbehaves on request | Slack, Teams, PagerDuty |
//! | [`template`] | CloudFormation documents as data | CloudFormation |
//! | [`world`] | all of these, as the ports of a function | – |
//! | [`bus`] | who hears what, by `template.yaml` | EventBridge rules, schedules, SNS subscriptions |
//! | [`pattern`] | event patterns, or a refusal where they would mean something else | EventBridge |
//! | [`schedule`] | how often a schedule ticks | EventBridge Scheduler |

pub mod bus;
pub mod channels;
pub mod clock;
pub mod dead_man;
#[cfg(feature = "caches")]
pub mod depot;
pub mod ebs;
pub mod ec2;
pub mod estate;
pub mod facts;
mod faults;
pub mod fis;
pub mod fuse;
mod item;
pub mod maven;
pub mod measured;
pub mod memory;
pub mod pattern;
pub mod schedule;
pub mod screens;
pub mod template;
mod turn;
pub mod webhooks;
pub mod world;
