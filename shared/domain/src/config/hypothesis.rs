//! Reading `[drill.hypothesis]`.

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;

use super::reader::Section;
use crate::experiment::{
    hypothesis::{Hypothesis, Measure, Metric, Preset, Source, Tolerance},
    statistics::Aggregate,
};

const BOUNDS: [&str; 4] = ["min", "max", "at_most_above_percent", "at_most_below_percent"];
/// Of how many measures one drill may be judged: each is a metric to pay for on every run.
const MEASURES: usize = 20;

impl Hypothesis {
    /// Reads the table `hypothesis` of a drill.
    pub(super) fn read(section: &Section<'_, '_>) -> Self {
        section.only(&[
            "title",
            "measure",
            "alarms",
            "detected_by",
            "detect_minutes",
            "recovery_minutes",
            "baseline_minutes",
            "min_data_percent",
        ]);
        let minutes = |key, range| section.integer(key, range).map(SignedDuration::from_mins);
        let hypothesis = Self {
            title: section.string("title"),
            measures: section.tables("measure").iter().filter_map(measure).collect(),
            alarms: alarms(section, "alarms"),
            detected_by: alarms(section, "detected_by"),
            detect_within: minutes("detect_minutes", 1..=720).unwrap_or(SignedDuration::from_mins(5)),
            recovery: minutes("recovery_minutes", 1..=720),
            baseline: minutes("baseline_minutes", 5..=1440).unwrap_or(SignedDuration::from_mins(30)),
            min_data_percent: percent(section).unwrap_or(80),
        };
        hypothesis.check(section);
        hypothesis
    }

    /// What each key allows and all of them together do not.
    fn check(&self, section: &Section<'_, '_>) {
        if !["measure", "alarms", "detected_by"].iter().any(|key| section.has(key)) {
            section.problem("this hypothesis claims nothing: add `alarms`, `detected_by` or a `measure`");
        }
        if section.has("detect_minutes") && !section.has("detected_by") {
            section.problem_at(
                "detect_minutes",
                "`detect_minutes` needs `detected_by`: the alarms that should go off",
            );
        }
        if !self.alarms.is_disjoint(&self.detected_by) {
            section.problem_at(
                "detected_by",
                "an alarm of `detected_by` should go off, and one of `alarms` should not",
            );
        }
        let names: BTreeSet<_> = self.measures.iter().map(|it| &it.name).collect();
        if names.len() < self.measures.len() {
            section.problem_at("measure", "two measures have the same `name`");
        }
        if self.measures.len() > MEASURES {
            section.problem_at("measure", &format!("a hypothesis has at most {MEASURES} measures"));
        }
        if let Some(long) = self.measures.iter().find(|it| self.is_too_long(it.period)) {
            let name = &long.name;
            let message = format!("a baseline and a recovery must be at least two periods of `{name}` long");
            section.problem(&message);
        }
    }

    fn is_too_long(&self, period: SignedDuration) -> bool {
        let shortest = self.recovery.unwrap_or(self.baseline).min(self.baseline);
        shortest < period.saturating_mul(2)
    }
}

fn percent(section: &Section<'_, '_>) -> Option<u8> {
    u8::try_from(section.integer("min_data_percent", 1..=100)?).ok()
}

/// ARNs of CloudWatch alarms.
fn alarms(section: &Section<'_, '_>, key: &str) -> BTreeSet<String> {
    let arns = section.strings(key);
    if arns
        .iter()
        .any(|arn| !(arn.starts_with("arn:") && arn.contains(":cloudwatch:") && arn.contains(":alarm:")))
    {
        let example = "arn:aws:cloudwatch:eu-west-1:111122223333:alarm:checkout-errors";
        section.problem_at(key, &format!("`{key}` must list the ARNs of alarms, as in {example}"));
    }
    arns.into_iter().collect()
}

fn measure(section: &Section<'_, '_>) -> Option<Measure> {
    let own = ["name", "unit", "period_seconds", "aggregate", "fault"];
    let source = source(section, &[&own, BOUNDS.as_slice()].concat());
    let steady = tolerance(section);
    if !BOUNDS.iter().any(|key| section.has(key)) {
        let keys = BOUNDS.join("`, `");
        section.problem(&format!("this measure asks for nothing: add one of `{keys}`"));
    }
    Some(Measure {
        name: section.required("name"),
        unit: section.string("unit").unwrap_or_default(),
        period: period(section),
        aggregate: aggregate(section),
        steady,
        fault: section.table("fault").map(|fault| {
            fault.only(&BOUNDS);
            tolerance(&fault)
        }),
        source: source?,
    })
}

fn tolerance(section: &Section<'_, '_>) -> Tolerance {
    let percent = |key| {
        let percent = section.decimal(key)?;
        if percent < 0.0 {
            section.problem_at(key, &format!("`{key}` must not be below 0"));
        }
        Some(percent)
    };
    let tolerance = Tolerance {
        min: section.decimal("min"),
        max: section.decimal("max"),
        above_percent: percent("at_most_above_percent"),
        below_percent: percent("at_most_below_percent"),
    };
    if tolerance.min.zip(tolerance.max).is_some_and(|(min, max)| min > max) {
        section.problem_at("min", "`min` is above `max`: nothing can be in between");
    }
    tolerance
}

/// Periods that divide an hour, so that they are aligned whenever CloudWatch is asked.
fn period(section: &Section<'_, '_>) -> SignedDuration {
    let seconds = section.integer("period_seconds", 60..=3600).unwrap_or(60);
    if seconds % 60 != 0 || 3600 % seconds != 0 {
        section.problem_at(
            "period_seconds",
            "`period_seconds` must be whole minutes that divide an hour: 60, 120, 300, 600",
        );
    }
    SignedDuration::from_secs(seconds)
}

fn aggregate(section: &Section<'_, '_>) -> Aggregate {
    let Some(word) = section.string("aggregate") else { return Aggregate::default() };
    word.parse().unwrap_or_else(|why: String| {
        section.problem_at("aggregate", &format!("`aggregate`: {why}"));
        Aggregate::default()
    })
}

/// Where a measure comes from: a preset, an expression, or a metric. `own` are the other keys of the measure.
fn source(section: &Section<'_, '_>, own: &[&str]) -> Option<Source> {
    if section.has("preset") {
        section.only(&[own, &["preset", "dimensions"]].concat());
        return preset(section);
    }
    if section.has("expression") {
        section.only(&[own, &["expression", "inputs"]].concat());
        return Some(expression(section));
    }
    if !section.has("metric") {
        section.problem("a measure needs one of `metric`, `expression` and `preset`");
        return None;
    }
    section.only(&[own, &METRIC].concat());
    Some(Source::Metric(metric(section)))
}

const METRIC: [&str; 4] = ["namespace", "metric", "dimensions", "stat"];

fn metric(section: &Section<'_, '_>) -> Metric {
    let stat = section.required("stat");
    if !stat.is_empty() && !is_stat(&stat) {
        let known = "Average, Sum, SampleCount, Minimum, Maximum, p99, tm90, …";
        section.problem_at("stat", &format!("`stat` must be a statistic of CloudWatch: {known}"));
    }
    Metric {
        namespace: section.required("namespace"),
        name: section.required("metric"),
        dimensions: dimensions(section),
        stat,
    }
}

/// Source: Amazon CloudWatch User Guide, "CloudWatch statistics definitions".
fn is_stat(stat: &str) -> bool {
    let word = stat.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
    let is_plain = ["Average", "Sum", "SampleCount", "Minimum", "Maximum", "IQM"].contains(&stat);
    let is_short = ["p", "tm", "wm", "tc", "ts", "pr"].contains(&word) && word.len() < stat.len();
    let is_range =
        ["TM(", "WM(", "PR(", "TC(", "TS("].iter().any(|it| stat.starts_with(it)) && stat.ends_with(')');
    is_plain || is_short || is_range
}

fn dimensions(section: &Section<'_, '_>) -> BTreeMap<String, String> {
    section.table("dimensions").map(|table| table.entries().into_iter().collect()).unwrap_or_default()
}

fn expression(section: &Section<'_, '_>) -> Source {
    let inputs = section.table("inputs").map(|table| table.named_tables()).unwrap_or_default();
    let read = |(id, table): (String, Section<'_, '_>)| {
        table.only(&METRIC);
        // Source: Amazon CloudWatch API Reference, `MetricDataQuery`, `Id`.
        let is_id = id.starts_with(|c: char| c.is_ascii_lowercase())
            && id.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if !is_id {
            table.problem(&format!(
                "`{id}` must begin with a small letter, and go on with letters, digits or _"
            ));
        }
        (id, metric(&table))
    };
    Source::Expression {
        expression: section.required("expression"),
        inputs: inputs.into_iter().map(read).collect(),
    }
}

fn preset(section: &Section<'_, '_>) -> Option<Source> {
    let word = section.required("preset");
    let Some(preset) = Preset::ALL.into_iter().find(|preset| preset.as_str() == word) else {
        let known = Preset::ALL.map(Preset::as_str).join(", ");
        section.problem_at("preset", &format!("`preset` must be one of {known}"));
        return None;
    };
    let dimensions = dimensions(section);
    let given: BTreeSet<_> = dimensions.keys().map(String::as_str).collect();
    if given != BTreeSet::from(preset.dimensions()) {
        let needed = preset.dimensions().join(", ");
        section.problem_at("dimensions", &format!("`{word}` needs the `dimensions` {needed}"));
    }
    Some(preset.source(dimensions))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Problem, reader::Problems};

    fn read(toml: &str) -> Result<Hypothesis, Vec<Problem>> {
        let problems = Problems::of(toml);
        let hypothesis = Hypothesis::read(&Section::root(toml, &problems).unwrap());
        match problems.into_sorted() {
            none if none.is_empty() => Ok(hypothesis),
            some => Err(some),
        }
    }

    const FULL: &str = r#"
title = "Checkout answers while one zone is gone"
alarms = ["arn:aws:cloudwatch:eu-west-1:111122223333:alarm:checkout-errors"]
detected_by = ["arn:aws:cloudwatch:eu-west-1:111122223333:alarm:zone-down"]
detect_minutes = 3
recovery_minutes = 10
baseline_minutes = 20
min_data_percent = 90

[[measure]]
name = "latency p99"
namespace = "AWS/ApplicationELB"
metric = "TargetResponseTime"
stat = "p99"
dimensions = { LoadBalancer = "app/checkout/50dc6c495c0c9188" }
unit = "s"
aggregate = "p95"
max = 0.8
at_most_above_percent = 20
fault = { max = 2 }

[[measure]]
name = "errors"
expression = "100 * FILL(errors, 0) / requests"
unit = "%"
period_seconds = 300
max = 1
fault = {}
[measure.inputs]
errors = { namespace = "AWS/ApplicationELB", metric = "HTTPCode_Target_5XX_Count", stat = "Sum" }
requests = { namespace = "AWS/ApplicationELB", metric = "RequestCount", stat = "Sum" }

[[measure]]
name = "pods"
preset = "running-pods"
dimensions = { ClusterName = "shop", Namespace = "checkout", Service = "web" }
min = 3
"#;

    #[test]
    fn a_whole_hypothesis_is_read() {
        insta::assert_debug_snapshot!(read(FULL).unwrap());
    }

    #[test]
    fn few_words_are_enough() {
        let short = read("alarms = [\"arn:aws:cloudwatch:eu-west-1:111122223333:alarm:x\"]").unwrap();
        assert_eq!((short.baseline.as_mins(), short.recovery, short.min_data_percent), (30, None, 80));
        assert_eq!(short.detect_within.as_mins(), 5);
    }

    #[test]
    fn every_problem_has_its_place_and_its_mend() {
        let toml = r#"
alarms = ["checkout-errors"]
detect_minutes = 3
recovery_minutes = 5

[[measure]]
name = "a"
metric = "RequestCount"
namespace = "AWS/ApplicationELB"
stat = "average"
period_seconds = 90
aggregate = "sum"
colour = "red"

[[measure]]
name = "a"
expression = "1/x"
inputs = { X = { namespace = "n", metric = "m", stat = "p99.9" } }
min = 3
max = 2.5
at_most_above_percent = -1

[[measure]]
name = "b"
preset = "pods"
max = "1"

[[measure]]
name = "c"
preset = "pod-restarts"
period_seconds = 300
max = 0

[[measure]]
name = "d"
max = nan
"#;
        let problems = read(toml).unwrap_err().iter().map(ToString::to_string).collect::<Vec<_>>();
        insta::assert_snapshot!(problems.join("\n"));
        assert_eq!(read("").unwrap_err().len(), 1);
    }
}
