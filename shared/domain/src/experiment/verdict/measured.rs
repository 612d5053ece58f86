//! What the measures came to in each window.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Because, Before, Breach, Doubt, Evidence, Trial};
use crate::{
    experiment::{
        hypothesis::{Measure, Range, Tolerance},
        statistics::{self, Aggregate},
        windows::{Part, Share, Windows},
    },
    ports::Series,
};

/// A measure of a run.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Measured {
    /// Its name.
    pub name: String,
    /// Whether CloudWatch has given all of its points. If not, nothing is judged by it.
    pub is_complete: bool,
    /// What its numbers count, for people.
    pub unit: String,
    /// The period of its points.
    pub period: SignedDuration,
    /// What a window comes to, from its points.
    pub aggregate: Aggregate,
    /// Its numbers in each window.
    pub parts: BTreeMap<Part, Numbers>,
    /// How long after the fault it was in its bounds for good; `None` where it was not, or where nobody knows.
    pub recovered_after: Option<SignedDuration>,
}

/// What the points of one window come to.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Numbers {
    /// How many points there are. Those that are missing count for nothing, and never as zero.
    pub present: usize,
    /// How many there should be.
    pub expected: usize,
    /// Whether they are enough to judge by.
    pub is_enough: bool,
    /// What they come to by the measure's own aggregate.
    pub value: Option<f64>,
    /// The least.
    pub min: Option<f64>,
    /// Half of the points are not above it.
    pub p50: Option<f64>,
    /// 95 of a hundred points are not above it.
    pub p95: Option<f64>,
    /// The greatest.
    pub max: Option<f64>,
    /// Where the value should be, as far as the baseline tells. In the recovery: each point, once it is well again.
    pub range: Option<Range>,
}

/// Every measure of the hypothesis, where anything was harmed.
pub(super) fn all(trial: &Trial<'_>, windows: Option<&Windows>, evidence: &Evidence) -> Vec<Measured> {
    let (Some(hypothesis), Some(windows)) = (trial.hypothesis, windows) else { return Vec::new() };
    let nothing = Vec::new();
    let series = evidence.series.as_ref().unwrap_or(&nothing);
    let of = |measure: &Measure| {
        let series = series.iter().find(|series| series.id == measure.name);
        measured(measure, windows, series, hypothesis.min_data_percent)
    };
    hypothesis.measures.iter().map(of).collect()
}

fn measured(measure: &Measure, windows: &Windows, series: Option<&Series>, percent: u8) -> Measured {
    let points = series.map(|series| series.points.as_slice()).unwrap_or_default();
    let is_complete = series.is_none_or(|series| series.complete);
    let share = |part| windows.share(part, points, measure.period);
    let numbers = |part| numbers(&share(part), measure.aggregate, is_complete, percent);
    let mut parts: BTreeMap<_, _> = Part::ALL.into_iter().map(|part| (part, numbers(part))).collect();
    let usual = parts.get(&Part::Baseline).filter(|it| it.is_enough).and_then(|it| it.value);
    let steady = measure.steady.range(usual);
    let ranges = [Some(measure.steady.absolute()), measure.under_fault().range(usual), steady];
    for (numbers, range) in parts.values_mut().zip(ranges) {
        numbers.range = range;
    }
    let is_known = parts.get(&Part::Recovery).is_some_and(|it| it.is_enough);
    let recovered_after = steady
        .filter(|_| is_known)
        .and_then(|range| recovered_after(&share(Part::Recovery), range, windows.fault.to, measure.period));
    Measured {
        name: measure.name.clone(),
        is_complete,
        unit: measure.unit.clone(),
        period: measure.period,
        aggregate: measure.aggregate,
        parts,
        recovered_after,
    }
}

fn numbers(share: &Share, aggregate: Aggregate, is_complete: bool, percent: u8) -> Numbers {
    let values: Vec<f64> = share.points.iter().map(|point| point.value).collect();
    let (present, expected) = (values.len(), share.expected);
    let is_enough = present.saturating_mul(100) >= expected.saturating_mul(usize::from(percent));
    Numbers {
        present,
        expected,
        is_enough: is_enough && present > 0 && is_complete,
        value: aggregate.of(&values),
        min: Aggregate::Min.of(&values),
        p50: statistics::percentile(&values, 50.0),
        p95: statistics::percentile(&values, 95.0),
        max: Aggregate::Max.of(&values),
        range: None,
    }
}

/// How long after `end` the last point out of `range` was over, if a good one follows.
fn recovered_after(
    share: &Share,
    range: Range,
    end: Timestamp,
    period: SignedDuration,
) -> Option<SignedDuration> {
    let last = share.points.last()?;
    let bad = share.points.iter().rev().find(|point| !range.contains(point.value));
    let Some(bad) = bad else { return Some(SignedDuration::ZERO) };
    let well = bad.at.checked_add(period).ok()?;
    (last.at > bad.at).then(|| well.duration_since(end).max(SignedDuration::ZERO))
}

/// Everything that the measures say about the run.
pub(super) fn because(trial: &Trial<'_>, measures: &[Measured], evidence: &Evidence) -> Vec<Because> {
    let Some(hypothesis) = trial.hypothesis else { return Vec::new() };
    if let Err(why) = &evidence.series
        && !measures.is_empty()
    {
        let what = "the measures".to_owned();
        return vec![Because::Doubted(Doubt::Unread { what, why: why.clone() })];
    }
    let each = hypothesis.measures.iter().zip(measures);
    each.flat_map(|(measure, measured)| of_one(measure, measured, trial.objective())).collect()
}

fn of_one(measure: &Measure, measured: &Measured, within: SignedDuration) -> Vec<Because> {
    if !measured.is_complete {
        return vec![Because::Doubted(Doubt::Incomplete(measured.name.clone()))];
    }
    let mut because = Vec::new();
    for (part, numbers) in &measured.parts {
        let asked = asked(measure, *part);
        if asked.is_any() {
            continue;
        }
        if !numbers.is_enough {
            because.push(Because::Doubted(missing(&measured.name, *part, numbers)));
            continue;
        }
        let (Some(value), Some(range)) = (numbers.value, numbers.range) else { continue };
        let name = measured.name.clone();
        match part {
            Part::Baseline if !range.contains(value) => {
                because.push(Because::Before(Before::Measure { measure: name, value, range }));
            }
            Part::Fault if !range.contains(value) => {
                because.push(Because::Broken(Breach::Measure { measure: name, value, range }));
            }
            Part::Recovery if measured.recovered_after.is_none() => {
                because.push(Because::Broken(Breach::NotRecovered { what: name, within }));
            }
            Part::Baseline | Part::Fault | Part::Recovery => {}
        }
    }
    because
}

/// What is asked of `measure` in `part`. Each bound needs the baseline: to be compared with, or to have been kept before.
fn asked(measure: &Measure, part: Part) -> Tolerance {
    match part {
        Part::Fault => measure.under_fault(),
        Part::Baseline | Part::Recovery => measure.steady,
    }
}

fn missing(measure: &str, part: Part, numbers: &Numbers) -> Doubt {
    let (present, expected) = (numbers.present, numbers.expected);
    Doubt::MissingData { measure: measure.to_owned(), part, present, expected }
}
