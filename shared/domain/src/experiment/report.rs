//! All about one run: a page for people, and as JSON ([`Report`] itself) the journal for machines.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{hypothesis::Hypothesis, timeline::Timeline, verdict::Verdict};
use crate::ports::Series;

mod page;
mod tables;

pub use page::html;

/// One run, as it was judged.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Report {
    /// The drill; `None` of an experiment that somebody else has started.
    pub drill: Option<String>,
    /// What it exercises.
    pub service: String,
    /// `staging`, `production`.
    pub environment: String,
    /// What was claimed.
    pub hypothesis: Option<Hypothesis>,
    /// What happened.
    pub timeline: Timeline,
    /// What it proved.
    pub verdict: Verdict,
    /// What was measured.
    pub series: Vec<Series>,
    /// Runs of the same drill before, to compare with.
    pub earlier: Vec<Earlier>,
    /// When it was judged.
    pub at: Timestamp,
}

/// A run of the same drill before.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Earlier {
    /// `EXP…`.
    pub experiment: String,
    /// When it was judged.
    pub at: Timestamp,
    /// What it proved.
    pub verdict: Verdict,
}

#[cfg(test)]
mod tests;
