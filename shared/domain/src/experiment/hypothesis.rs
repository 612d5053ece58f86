//! What a drill claims: which measures stay within which bounds, which alarms stay quiet, and how soon all is well again.

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use super::statistics::{Aggregate, figure};
use crate::fis::duration::shown;

mod preset;

pub use preset::Preset;

/// `[drill.hypothesis]`: what must be true of the service while it is harmed, and after.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Hypothesis {
    /// `title`: the claim in one sentence.
    pub title: Option<String>,
    /// `[[drill.hypothesis.measure]]`: names are unique.
    pub measures: Vec<Measure>,
    /// `alarms`: ARNs of alarms that must not go off between the start and the end of recovery. The stop conditions of the
    /// experiment are among them without being named.
    pub alarms: BTreeSet<String>,
    /// `detected_by`: ARNs of alarms of which one must go off: a drill of the monitoring.
    pub detected_by: BTreeSet<String>,
    /// `detect_minutes`: how long after the first action at the latest. By default 5.
    pub detect_within: SignedDuration,
    /// `recovery_minutes`: the recovery time objective. By default `recovery_minutes` of the drill.
    pub recovery: Option<SignedDuration>,
    /// `baseline_minutes`: how much of the time before the start shows what is usual. By default 30.
    pub baseline: SignedDuration,
    /// `min_data_percent`: how many of its points a window must have for its numbers to count. By default 80.
    pub min_data_percent: u8,
}

/// `[[drill.hypothesis.measure]]`: one series and its bounds.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Measure {
    /// `name`: what people call it.
    pub name: String,
    /// Where it comes from.
    pub source: Source,
    /// `unit`: what its numbers count (`s`, `%`), for people.
    pub unit: String,
    /// `period_seconds`: 60 by default, or a multiple of it.
    pub period: SignedDuration,
    /// `aggregate`: what a window comes to, from its points. By default the mean.
    pub aggregate: Aggregate,
    /// `min`, `max`, `at_most_above_percent`, `at_most_below_percent`: the steady state, at least one of them. It holds of the
    /// baseline, as far as its numbers are absolute, and each point must keep it again by the end of the recovery.
    pub steady: Tolerance,
    /// `fault`: what must hold while the fault lasts. By default the steady state; an empty table asks for nothing.
    pub fault: Option<Tolerance>,
}

/// Where a series comes from.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// One metric of CloudWatch.
    Metric(Metric),
    /// A metric-math expression that comes to one series.
    Expression {
        /// `expression`: `100 * errors / requests`.
        expression: String,
        /// `inputs`: its metrics, by the ids that it calls them: a small letter, then letters, digits and `_`.
        inputs: BTreeMap<String, Metric>,
    },
}

/// A metric of CloudWatch with a statistic.
///
/// Source: Amazon CloudWatch API Reference, `MetricStat`.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Metric {
    /// `namespace`: `AWS/ApplicationELB`.
    pub namespace: String,
    /// `metric`: `TargetResponseTime`.
    pub name: String,
    /// `dimensions`: all of them, exactly as the metric has them.
    pub dimensions: BTreeMap<String, String>,
    /// `stat`: `Average`, `Sum`, `SampleCount`, `Minimum`, `Maximum`, `p50`, `p99.9`, `tm90`, …
    pub stat: String,
}

/// Bounds. Those that are given must all hold; both ends belong to the range.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Tolerance {
    /// `min`: not less than this.
    pub min: Option<f64>,
    /// `max`: not more than this.
    pub max: Option<f64>,
    /// `at_most_above_percent`: not more than this share above the baseline.
    pub above_percent: Option<f64>,
    /// `at_most_below_percent`: not more than this share below the baseline.
    pub below_percent: Option<f64>,
}

/// The range that a [`Tolerance`] comes to once the baseline is known.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Range {
    /// Not less than this.
    pub low: Option<f64>,
    /// Not more than this.
    pub high: Option<f64>,
}

impl Hypothesis {
    /// The recovery time objective of a drill whose own is `drill`.
    pub fn recovery_or(&self, drill: SignedDuration) -> SignedDuration {
        self.recovery.unwrap_or(drill)
    }

    /// Every alarm it speaks of.
    pub fn all_alarms(&self) -> BTreeSet<String> {
        self.alarms.union(&self.detected_by).cloned().collect()
    }

    /// The longest period of its measures; a minute without any.
    pub fn longest_period(&self) -> SignedDuration {
        self.measures.iter().map(|it| it.period).max().unwrap_or(SignedDuration::from_mins(1))
    }
}

impl Measure {
    /// What must hold while the fault lasts.
    pub fn under_fault(&self) -> Tolerance {
        self.fault.unwrap_or(self.steady)
    }
}

/// `latency p99 (p95 of 1m points) is at most 0.8, at most 20 % above usual; during the fault at most 2.`
impl std::fmt::Display for Measure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (name, steady) = (&self.name, self.steady);
        let unit = if self.unit.is_empty() { String::new() } else { format!(" in {}", self.unit) };
        write!(f, "{name}{unit} ({} of {} points) is {steady}", self.aggregate, shown(self.period))?;
        match self.fault {
            Some(fault) if fault.is_any() => write!(f, "; during the fault it may be anything."),
            Some(fault) => write!(f, "; during the fault {fault}."),
            None => write!(f, "."),
        }
    }
}

impl std::fmt::Display for Tolerance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let absolute = Some(self.absolute()).filter(|range| !range.is_any()).map(|range| range.to_string());
        let share = |percent: Option<f64>, way| Some(format!("at most {} % {way} usual", figure(percent?)));
        let words = [absolute, share(self.above_percent, "above"), share(self.below_percent, "below")];
        f.write_str(&words.into_iter().flatten().collect::<Vec<_>>().join(", "))
    }
}

impl Tolerance {
    /// Whether it asks for nothing.
    pub fn is_any(&self) -> bool {
        *self == Self::default()
    }

    /// Whether it asks for something that only a baseline can tell.
    pub fn is_relative(&self) -> bool {
        self.above_percent.is_some() || self.below_percent.is_some()
    }

    /// The part of it that holds without a baseline.
    pub fn absolute(&self) -> Range {
        Range { low: self.min, high: self.max }
    }

    /// The range it comes to where `baseline` is usual, or `None` if it can't be told without one.
    ///
    /// A share of a baseline of zero is zero: give `max` as well where usually nothing happens.
    pub fn range(&self, baseline: Option<f64>) -> Option<Range> {
        if !self.is_relative() {
            return Some(self.absolute());
        }
        let usual = baseline?;
        let share = |percent: f64| usual.abs() * percent / 100.0;
        let high = self.above_percent.map(|percent| usual + share(percent));
        let low = self.below_percent.map(|percent| usual - share(percent));
        Some(Range { low: tighter(self.min, low, f64::max), high: tighter(self.max, high, f64::min) })
    }
}

fn tighter(one: Option<f64>, other: Option<f64>, pick: fn(f64, f64) -> f64) -> Option<f64> {
    match (one, other) {
        (Some(one), Some(other)) => Some(pick(one, other)),
        (one, other) => one.or(other),
    }
}

impl Range {
    /// Whether everything lies in it.
    pub fn is_any(&self) -> bool {
        *self == Self::default()
    }

    /// Whether `value` lies in it, its ends included.
    pub fn contains(&self, value: f64) -> bool {
        self.low.is_none_or(|low| value >= low) && self.high.is_none_or(|high| value <= high)
    }
}

impl std::fmt::Display for Range {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.low.map(figure), self.high.map(figure)) {
            (None, None) => f.write_str("anything"),
            (Some(low), None) => write!(f, "at least {low}"),
            (None, Some(high)) => write!(f, "at most {high}"),
            (Some(low), Some(high)) => write!(f, "between {low} and {high}"),
        }
    }
}
