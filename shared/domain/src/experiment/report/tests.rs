use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;
use proptest::prelude::*;

use super::*;
use crate::{
    experiment::{
        ActionRun, DRILL_TAG, Experiment, Listed, ResolvedTarget, Status, TOKEN_TAG,
        hypothesis::{Measure, Metric, Source, Tolerance},
        statistics::Aggregate,
        verdict::{Evidence, Outcome, Trial},
    },
    ports::{Alarm, AlarmChange, Point},
};

const STOP: &str = "arn:aws:cloudwatch:eu-west-1:111122223333:alarm:checkout-errors";

fn minute(minute: i64) -> Timestamp {
    Timestamp::from_second(1_772_618_400 + minute * 60).unwrap()
}

fn seen() -> Experiment {
    let run = |action: &str, from, to| ActionRun {
        action_id: action.into(),
        status: "completed".into(),
        reason: "Action was completed.".into(),
        started_at: Some(minute(from)),
        ended_at: Some(minute(to)),
    };
    let tags = [(DRILL_TAG, "checkout-zone"), (TOKEN_TAG, "t1")];
    Experiment {
        listed: Listed {
            id: "EXPaBCD1efg2HIJkL3".into(),
            template: "EXTa1b2c3de5f6g7h".into(),
            status: Status::Completed,
            created_at: Some(minute(0)),
            skips_actions: false,
            tags: tags.map(|(key, value)| (key.to_owned(), value.to_owned())).into(),
        },
        arn: String::new(),
        reason: "Experiment completed.".into(),
        error: None,
        started_at: Some(minute(0)),
        ended_at: Some(minute(11)),
        actions: BTreeMap::from([
            ("stop-one".to_owned(), run("aws:ec2:stop-instances", 1, 6)),
            ("settle".to_owned(), run("aws:fis:wait", 6, 11)),
        ]),
        stop_alarms: vec![STOP.into()],
        target_accounts: 0,
    }
}

fn hypothesis() -> Hypothesis {
    let metric = Metric {
        namespace: "AWS/ApplicationELB".into(),
        name: "TargetResponseTime".into(),
        dimensions: BTreeMap::new(),
        stat: "p99".into(),
    };
    let measure = |name: &str, unit: &str, max, fault| Measure {
        name: name.into(),
        source: Source::Metric(metric.clone()),
        unit: unit.into(),
        period: SignedDuration::from_mins(1),
        aggregate: Aggregate::Percentile(95.0),
        steady: Tolerance { max: Some(max), above_percent: Some(30.0), ..Tolerance::default() },
        fault,
    };
    let fault = Some(Tolerance { max: Some(1.5), ..Tolerance::default() });
    Hypothesis {
        title: Some("Checkout answers while one instance is gone".into()),
        measures: vec![measure("latency p99", "s", 0.5, fault), measure("errors", "%", 1.0, None)],
        alarms: BTreeSet::from([STOP.to_owned()]),
        detected_by: BTreeSet::from(["arn:aws:cloudwatch:eu-west-1:111122223333:alarm:host-down".to_owned()]),
        detect_within: SignedDuration::from_mins(5),
        recovery: None,
        baseline: SignedDuration::from_mins(30),
        min_data_percent: 80,
    }
}

fn series(id: &str, harmed: f64, usual: f64) -> Series {
    let wave = |n: i64| 1.0 + 0.04 * f64::from(i32::try_from(n.rem_euclid(4)).unwrap());
    let value = |n: i64| wave(n) * if (1..14).contains(&n) { harmed } else { usual };
    let point = |n: i64| Point { at: minute(n), value: value(n) };
    Series { id: id.into(), points: (-60..60).filter(|n| *n != -9).map(point).collect(), complete: true }
}

/// A run that held but for the errors, with two before it.
fn report() -> Report {
    let mut timeline = Timeline::of("EXPaBCD1efg2HIJkL3");
    timeline.get(&seen());
    let instance = |id: usize| ResolvedTarget {
        target: "Instances".into(),
        resource_type: "aws:ec2:instance".into(),
        information: [("arn".to_owned(), format!("arn:aws:ec2:eu-west-1:111122223333:instance/i-{id:017}"))]
            .into(),
    };
    timeline.resolve(&(0..12).map(instance).collect::<Vec<_>>());
    let hypothesis = hypothesis();
    let host_down = hypothesis.detected_by.first().unwrap().clone();
    let change = |at, from: &str, to: &str| AlarmChange {
        at: minute(at),
        arn: host_down.clone(),
        from: from.into(),
        to: to.into(),
    };
    let series = vec![series("latency p99", 0.9, 0.2), series("errors", 3.0, 0.1)];
    let ok = |arn: &str| Alarm { arn: arn.into(), state: "OK".into(), since: None };
    let evidence = Evidence {
        series: Ok(series.clone()),
        alarms: Ok(vec![ok(STOP), ok(&host_down)]),
        changes: Ok(vec![change(3, "OK", "ALARM"), change(13, "ALARM", "OK")]),
        stops: Ok(Vec::new()),
        halted: None,
    };
    let recovery = SignedDuration::from_mins(20);
    let targets = BTreeSet::from(["Instances".to_owned()]);
    let trial = Trial { timeline: &timeline, hypothesis: Some(&hypothesis), recovery, targets: &targets };
    let verdict = trial.judge(&evidence);
    let earlier = |experiment: &str, day: i64, outcome| Earlier {
        experiment: experiment.into(),
        at: minute(-day * 1440),
        verdict: Verdict { outcome, ..verdict.clone() },
    };
    Report {
        drill: Some("checkout-zone".into()),
        service: "checkout".into(),
        environment: "staging".into(),
        earlier: vec![earlier("EXPold1", 14, Outcome::Passed), earlier("EXPold2", 7, Outcome::Aborted)],
        hypothesis: Some(hypothesis),
        timeline,
        verdict,
        series,
        at: minute(36),
    }
}

#[test]
fn a_report_for_people() {
    insta::assert_snapshot!(html(&report()).replace("><", ">\n<"));
}

#[test]
fn a_run_that_is_known_by_its_name_only_is_a_page_too() {
    let timeline = Timeline::of("EXP1");
    let targets = BTreeSet::new();
    let trial =
        Trial { timeline: &timeline, hypothesis: None, recovery: SignedDuration::ZERO, targets: &targets };
    let nothing = Evidence {
        series: Err("no".into()),
        alarms: Err("no".into()),
        changes: Err("no".into()),
        stops: Err("no".into()),
        halted: None,
    };
    let verdict = trial.judge(&nothing);
    let page = html(&Report {
        drill: None,
        service: String::new(),
        environment: String::new(),
        hypothesis: None,
        verdict,
        series: Vec::new(),
        earlier: Vec::new(),
        timeline: timeline.clone(),
        at: minute(0),
    });
    assert!(page.contains("it is not over: unknown."), "{page}");
}

#[test]
fn the_page_of_a_journal_is_the_page_of_its_run() {
    let report = report();
    let journal = serde_json::to_string(&report).unwrap();
    assert_eq!(html(&serde_json::from_str(&journal).unwrap()), html(&report));
}

proptest! {
    #[test]
    fn nothing_that_somebody_else_wrote_becomes_markup(word in "[<>&\"'/a-z]{0,30}") {
        let hostile = format!("{word}<script>alert(1)</script><img src=x onerror=y>");
        let mut report = report();
        report.drill = Some(hostile.clone());
        report.service = hostile.clone();
        report.timeline.states[0].reason = hostile.clone();
        report.timeline.actions.values_mut().for_each(|run| run.reason = hostile.clone());
        report.hypothesis.as_mut().unwrap().title = Some(hostile.clone());
        report.verdict.measures[0].name = hostile.clone();
        report.verdict.measures[0].unit = hostile.clone();
        report.earlier[0].experiment = hostile;
        let page = html(&report);
        prop_assert!(!page.contains("<script") && !page.contains("<img"));
    }
}
