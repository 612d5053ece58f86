//! AWS FIS experiment templates: read in every form that people have, judged before anything is started.
//!
//! | module | what it holds |
//! |---|---|
//! | [`template`] | a template as data, and the hash by which "unchanged since approval" is checked |
//! | [`cloudformation`] | the templates inside a CloudFormation document |
//! | [`actions`] | what is known of each FIS action: its target, its duration, whether it can be undone |
//! | [`duration`] | ISO 8601 as FIS writes it, Go's form as Chaos Mesh writes it |
//! | [`plan`] | how long a run takes, and what it may cost |
//! | [`kubernetes`] | the Chaos Mesh or Litmus resource inside an action |
//! | [`lint`](mod@lint) | every rule, and the limits it is held to |

pub mod actions;
pub mod cloudformation;
pub mod duration;
mod finding;
pub mod kubernetes;
mod limits;
pub mod lint;
pub mod plan;
pub mod template;

pub use finding::{Finding, Severity, is_refused};
pub use limits::{Limits, Tag};
pub use lint::lint;
pub use plan::{action_minutes, planned_duration};
pub use template::Template;
