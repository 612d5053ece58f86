//! Drills: what can be said before anything is deployed, and what a deployed stack knows of them.
//!
//! | module | what it holds |
//! |---|---|
//! | [`preview`](mod@preview) | when each is due, and what would refuse it |
//! | [`schedules`](mod@schedules) | `infra/schedules.yaml`, made of `watchkeeper.toml` |
//! | [`approve`](mod@approve) | the hash of a template, written into `watchkeeper.toml` |
//! | [`holidays`](mod@holidays) | days without drills, taken from an iCalendar file |
//! | `ours` | our own templates, by name |
//! | [`request`] | a run asked for, cancelled, released |
//! | [`gate`](mod@gate) | a run asked for, and its verdict waited for |
//! | [`past`] | what the table knows of a drill's runs |
//! | [`log`](mod@log) | each decision, run by run |
//! | [`report`](mod@report) | what a run has proved |
//! | [`score`](mod@score) | what all runs together say |

pub mod approve;
pub mod gate;
pub mod holidays;
pub mod log;
pub(crate) mod ours;
pub mod past;
pub mod preview;
pub mod report;
pub mod request;
pub mod schedules;
pub mod score;

pub use approve::approve;
pub use gate::gate;
pub use holidays::holidays;
pub use log::log;
pub use preview::preview;
pub use report::report;
pub use request::{cancel, release, start};
pub use schedules::schedules;
pub use score::score;

use anyhow::{Result, anyhow};
use watchkeeper_domain::drill::{Drill, Drills};

/// The drill called `name`.
pub(crate) fn find<'a>(drills: &'a Drills, name: &str) -> Result<&'a Drill> {
    drills.named(name).ok_or_else(|| {
        let known: Vec<_> = drills.drills.iter().map(|drill| drill.name.as_str()).collect();
        anyhow!("there is no drill `{name}` in the configuration; known: {}", known.join(", "))
    })
}
