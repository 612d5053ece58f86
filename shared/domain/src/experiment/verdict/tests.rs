use proptest::prelude::*;

use super::*;
use crate::{
    experiment::{
        ActionRun, Experiment, Fault, Listed, ResolvedTarget, Status,
        hypothesis::{Measure, Metric, Source, Tolerance},
        statistics::Aggregate,
        windows::Part,
    },
    ports::{Point, StopSort},
};

const STOP: &str = "arn:aws:cloudwatch:eu-west-1:1:alarm:errors";
const QUIET: &str = "arn:aws:cloudwatch:eu-west-1:1:alarm:latency";
const NOTICES: &str = "arn:aws:cloudwatch:eu-west-1:1:alarm:zone-down";

fn at(text: &str) -> Timestamp {
    format!("2026-03-04T{text}Z").parse().unwrap()
}

/// A run from 10:00:00 to 10:05:30, harming from 10:00:10 to 10:05:20, and everything that was read of it.
#[derive(Clone)]
struct Case {
    seen: Experiment,
    hypothesis: Option<Hypothesis>,
    targets: BTreeSet<String>,
    resolved: Option<Vec<ResolvedTarget>>,
    evidence: Evidence,
}

impl Case {
    /// One that passes.
    fn good() -> Self {
        let alarm = |arn: &str| Alarm { arn: arn.into(), state: "OK".into(), since: None };
        Self {
            seen: seen(),
            hypothesis: Some(hypothesis()),
            targets: BTreeSet::from(["web".to_owned()]),
            resolved: Some(vec![ResolvedTarget {
                target: "web".into(),
                resource_type: "aws:ec2:instance".into(),
                information: [("arn".to_owned(), "i-1".to_owned())].into(),
            }]),
            evidence: Evidence {
                series: Ok(vec![series(|_| Some(0.2))]),
                alarms: Ok(vec![alarm(STOP), alarm(QUIET)]),
                changes: Ok(Vec::new()),
                stops: Ok(Vec::new()),
                halted: None,
            },
        }
    }

    fn with(spoil: impl FnOnce(&mut Self)) -> Self {
        let mut case = Self::good();
        spoil(&mut case);
        case
    }

    fn judge(&self) -> Verdict {
        let mut timeline = Timeline::of("EXP1");
        timeline.get(&self.seen);
        self.resolved.iter().for_each(|resolved| timeline.resolve(resolved));
        let hypothesis = self.hypothesis.as_ref();
        let recovery = SignedDuration::from_mins(10);
        Trial { timeline: &timeline, hypothesis, recovery, targets: &self.targets }.judge(&self.evidence)
    }

    /// The outcome, and every reason.
    fn told(&self) -> (Outcome, Vec<String>) {
        let verdict = self.judge();
        (verdict.outcome, verdict.because.iter().map(ToString::to_string).collect())
    }

    fn claims(&mut self) -> &mut Hypothesis {
        self.hypothesis.as_mut().unwrap()
    }

    fn measure(&mut self) -> &mut Measure {
        &mut self.claims().measures[0]
    }

    fn action(&mut self) -> &mut ActionRun {
        self.seen.actions.get_mut("stop").unwrap()
    }

    /// The alarm goes from one state to another.
    fn change(&mut self, arn: &str, time: &str, from: &str, to: &str) {
        let change = AlarmChange { at: at(time), arn: arn.into(), from: from.into(), to: to.into() };
        self.evidence.changes.as_mut().unwrap().push(change);
        let now = self.evidence.alarms.as_mut().unwrap();
        now.retain(|alarm| alarm.arn != arn);
        now.push(Alarm { arn: arn.into(), state: to.into(), since: None });
    }

    fn call(&mut self, time: &str, sort: StopSort) {
        self.evidence.stops.as_mut().unwrap().push(StopCall {
            at: at(time),
            sort,
            by: "arn:aws:iam::1:user/eve".into(),
        });
    }

    fn stopped(&mut self) {
        self.seen.listed.status = Status::Stopped;
        self.action().status = "stopped".into();
    }
}

fn seen() -> Experiment {
    let action = ActionRun {
        action_id: "aws:ec2:stop-instances".into(),
        status: "completed".into(),
        reason: String::new(),
        started_at: Some(at("10:00:10")),
        ended_at: Some(at("10:05:20")),
    };
    Experiment {
        listed: Listed {
            id: "EXP1".into(),
            template: "EXT1".into(),
            status: Status::Completed,
            created_at: Some(at("10:00:00")),
            skips_actions: false,
            tags: [].into(),
        },
        arn: String::new(),
        reason: String::new(),
        error: None,
        started_at: Some(at("10:00:00")),
        ended_at: Some(at("10:05:30")),
        actions: [("stop".to_owned(), action)].into(),
        stop_alarms: vec![STOP.into()],
        target_accounts: 0,
    }
}

fn hypothesis() -> Hypothesis {
    let metric =
        Metric { namespace: "n".into(), name: "m".into(), dimensions: [].into(), stat: "p99".into() };
    let measure = Measure {
        name: "latency".into(),
        source: Source::Metric(metric),
        unit: "s".into(),
        period: SignedDuration::from_mins(1),
        aggregate: Aggregate::Mean,
        steady: Tolerance { max: Some(0.5), ..Tolerance::default() },
        fault: None,
    };
    Hypothesis {
        title: None,
        measures: vec![measure],
        alarms: [QUIET.to_owned()].into(),
        detected_by: [].into(),
        detect_within: SignedDuration::from_mins(5),
        recovery: None,
        baseline: SignedDuration::from_mins(30),
        min_data_percent: 80,
    }
}

/// A point each minute from 9:00 to 11:00, by the minutes since the fault began.
fn series(value: impl Fn(i64) -> Option<f64>) -> Series {
    let point = |minute: i64| {
        let at = at("10:00:00") + SignedDuration::from_mins(minute);
        value(minute).map(|value| Point { at, value })
    };
    Series { id: "latency".into(), points: (-60..60).filter_map(point).collect(), complete: true }
}

fn is(case: &Case, outcome: Outcome, because: &[&str]) {
    let (found, why) = case.told();
    assert_eq!((found, why.iter().map(String::as_str).collect::<Vec<_>>()), (outcome, because.to_vec()));
}

fn spoiled(outcome: Outcome, because: &[&str], spoil: impl FnOnce(&mut Case)) {
    is(&Case::with(spoil), outcome, because);
}

use Outcome::{Aborted, Errored, Failed, Inconclusive, Passed};

#[test]
fn a_run_that_did_everything_and_harmed_nothing_passes() {
    let verdict = Case::good().judge();
    assert_eq!((verdict.outcome, verdict.recovered), (Passed, true));
    assert_eq!((verdict.time_to_detect, verdict.time_to_recover), (None, Some(SignedDuration::ZERO)));
    insta::assert_json_snapshot!(verdict);
}

#[test]
fn a_measure_out_of_bounds_fails() {
    let slow = |minute| Some(if (0..6).contains(&minute) { 0.9 } else { 0.2 });
    let because = ["latency came to 0.9 during the fault, instead of at most 0.5"];
    spoiled(Failed, &because, |it| it.evidence.series = Ok(vec![series(slow)]));
    spoiled(Passed, &["all that was claimed held: 1 measure, 2 alarms"], |it| {
        it.evidence.series = Ok(vec![series(slow)]);
        it.measure().fault = Some(Tolerance { max: Some(1.0), ..Tolerance::default() });
    });
}

#[test]
fn a_bound_may_be_relative_to_what_is_usual() {
    let slower = |minute| Some(if minute >= 0 { 0.25 } else { 0.2 });
    let relative = |percent| {
        Case::with(|it| {
            it.evidence.series = Ok(vec![series(slower)]);
            it.measure().steady = Tolerance { above_percent: Some(percent), ..Tolerance::default() };
        })
    };
    is(&relative(26.0), Passed, &["all that was claimed held: 1 measure, 2 alarms"]);
    let because = [
        "latency came to 0.25 during the fault, instead of at most 0.24",
        "latency was not well again within 10m",
    ];
    is(&relative(20.0), Failed, &because);
}

#[test]
fn missing_data_is_never_zero_and_never_a_pass() {
    let missing = |part: &str| format!("latency has {part}");
    let gap = |from: i64, to: i64| series(move |minute| (!(from..to).contains(&minute)).then_some(0.2));
    for (gap, because) in [
        (gap(-60, 0), "0 of 30 points of the baseline"),
        (gap(-12, -5), "23 of 30 points of the baseline"),
        (gap(1, 4), "3 of 6 points of the fault"),
        (gap(6, 16), "0 of 10 points of the recovery"),
    ] {
        spoiled(Inconclusive, &[&missing(because)], |it| it.evidence.series = Ok(vec![gap]));
    }
    spoiled(Passed, &["all that was claimed held: 1 measure, 2 alarms"], |it| {
        it.evidence.series = Ok(vec![gap(8, 10)]);
    });
    let because = ["CloudWatch has not given all points of latency"];
    spoiled(Inconclusive, &because, |it| {
        it.evidence.series.as_mut().unwrap()[0].complete = false;
    });
    spoiled(Inconclusive, &["the measures could not be read: throttled"], |it| {
        it.evidence.series = Err("throttled".into());
    });
}

#[test]
fn a_service_that_was_not_well_before_proves_nothing() {
    let because = [
        "latency came to 0.9 before it began, instead of at most 0.5",
        "latency came to 0.9 during the fault, instead of at most 0.5",
        "latency was not well again within 10m",
    ];
    spoiled(Inconclusive, &because, |it| it.evidence.series = Ok(vec![series(|_| Some(0.9))]));
    spoiled(Inconclusive, &["latency was ALARM when it began"], |it| {
        it.change(QUIET, "09:58:00", "OK", "ALARM");
        it.change(QUIET, "10:01:00", "ALARM", "OK");
    });
    let because = [
        "errors was INSUFFICIENT_DATA when it began",
        "errors was INSUFFICIENT_DATA when the recovery was over",
    ];
    spoiled(Inconclusive, &because, |it| {
        it.evidence.alarms.as_mut().unwrap()[0].state = "INSUFFICIENT_DATA".into()
    });
}

#[test]
fn recovery_is_measured_to_the_last_bad_point_and_alarm() {
    let slow_until = |end: i64| move |minute: i64| Some(if (0..end).contains(&minute) { 0.9 } else { 0.2 });
    let case = |end: i64| {
        Case::with(|it| {
            it.evidence.series = Ok(vec![series(slow_until(end))]);
            it.measure().fault = Some(Tolerance::default());
        })
    };
    let recovered = |case: &Case| {
        let verdict = case.judge();
        (verdict.outcome, verdict.recovered, verdict.time_to_recover.map(|it| it.as_secs()))
    };
    assert_eq!(recovered(&case(6)), (Passed, true, Some(0)));
    assert_eq!(recovered(&case(9)), (Passed, true, Some(220)));
    assert_eq!(recovered(&case(20)), (Failed, false, None));
    let mut alarmed = case(6);
    alarmed.claims().alarms.clear();
    alarmed.claims().detected_by = [NOTICES.to_owned()].into();
    alarmed.change(NOTICES, "10:01:10", "OK", "ALARM");
    alarmed.change(NOTICES, "10:10:20", "ALARM", "OK");
    assert_eq!(recovered(&alarmed), (Passed, true, Some(300)));
    assert_eq!(alarmed.judge().time_to_detect, Some(SignedDuration::from_mins(1)));
    alarmed.evidence.changes.as_mut().unwrap()[1].at = at("10:16:00");
    assert_eq!(recovered(&alarmed), (Failed, false, None));
}

#[test]
fn an_alarm_that_should_stay_quiet_and_one_that_should_not() {
    let because = ["latency went off at 10:03:00 UTC", "latency was not well again within 10m"];
    spoiled(Failed, &because, |it| it.change(QUIET, "10:03:00", "OK", "ALARM"));
    let detected = |time: &str| {
        Case::with(|it| {
            it.claims().detected_by = [NOTICES.to_owned()].into();
            it.change(NOTICES, time, "OK", "ALARM");
            it.change(NOTICES, "10:09:00", "ALARM", "OK");
        })
    };
    is(&detected("10:04:00"), Passed, &["all that was claimed held: 1 measure, 3 alarms"]);
    is(&detected("10:06:00"), Failed, &["none of the alarms that should notice went off within 5m"]);
}

#[test]
fn a_stop_condition_fails_and_a_person_aborts_whatever_the_reason_says() {
    let because =
        ["the stop condition errors went off at 10:03:00 UTC", "errors was not well again within 10m"];
    spoiled(Failed, &because, |it| {
        it.stopped();
        it.seen.reason = "Stopped by user.".into();
        it.change(STOP, "10:03:00", "OK", "ALARM");
    });
    spoiled(Aborted, &["arn:aws:iam::1:user/eve stopped it at 10:03:00 UTC"], |it| {
        it.stopped();
        it.seen.reason = "Experiment halted by stop condition.".into();
        it.call("10:03:00", StopSort::StopExperiment);
    });
    spoiled(Aborted, &["arn:aws:iam::1:user/eve pulled the safety lever at 10:03:00 UTC"], |it| {
        it.stopped();
        it.call("10:03:00", StopSort::SafetyLever);
        it.call("10:04:00", StopSort::StopExperiment);
    });
    spoiled(Aborted, &["Watchkeeper stopped it: an issue is open"], |it| {
        it.stopped();
        it.call("10:03:00", StopSort::StopExperiment);
        it.evidence.halted = Some("an issue is open".into());
    });
    spoiled(Inconclusive, &["neither alarms nor CloudTrail tell who stopped it"], Case::stopped);
    spoiled(Inconclusive, &["who stopped it could not be read: denied"], |it| {
        it.stopped();
        it.evidence.stops = Err("denied".into());
    });
}

#[test]
fn who_was_first_decides_between_an_alarm_and_a_person() {
    let both = |call: &str, alarm: &str| {
        Case::with(|it| {
            it.stopped();
            it.call(call, StopSort::StopExperiment);
            it.change(STOP, alarm, "OK", "ALARM");
            it.change(STOP, "10:06:00", "ALARM", "OK");
        })
        .judge()
        .outcome
    };
    assert_eq!(both("10:03:00", "10:03:30"), Aborted);
    assert_eq!(both("10:03:30", "10:03:00"), Failed);
    assert_eq!(both("10:03:00", "10:03:00.5"), Failed);
    // After the end, an alarm cannot have stopped anything; that it went off is still a breach.
    let late = Case::with(|it| {
        it.stopped();
        it.change(STOP, "10:05:40", "OK", "ALARM");
        it.change(STOP, "10:06:00", "ALARM", "OK");
    });
    let because = ["errors went off at 10:05:40 UTC", "neither alarms nor CloudTrail tell who stopped it"];
    is(&late, Failed, &because);
}

#[test]
fn an_alarm_that_should_go_off_has_stopped_nothing() {
    let detected = |it: &mut Case| {
        it.stopped();
        it.claims().detected_by = [NOTICES.to_owned()].into();
        it.change(NOTICES, "10:02:00", "OK", "ALARM");
        it.change(NOTICES, "10:07:00", "ALARM", "OK");
    };
    spoiled(Inconclusive, &["neither alarms nor CloudTrail tell who stopped it"], detected);
    spoiled(Aborted, &["arn:aws:iam::1:user/eve stopped it at 10:03:00 UTC"], |it| {
        detected(it);
        it.call("10:03:00", StopSort::StopExperiment);
    });
}

#[test]
fn what_was_not_done_is_not_proved() {
    spoiled(Inconclusive, &["the action stop was skipped"], |it| it.action().status = "skipped".into());
    spoiled(Inconclusive, &["the action stop ended as failed"], |it| it.action().status = "failed".into());
    spoiled(Inconclusive, &["the target web came to nothing"], |it| it.resolved = Some(Vec::new()));
    let because = ["the targets could not be read: FIS has not shown what they came to"];
    spoiled(Inconclusive, &because, |it| it.resolved = None);
    spoiled(Inconclusive, &["the drill has no hypothesis"], |it| it.hypothesis = None);
    let unwatched = Case::with(|it| {
        it.hypothesis = None;
        it.seen.stop_alarms.clear();
    });
    assert!(!unwatched.judge().recovered && Case::with(|it| it.hypothesis = None).judge().recovered);
    spoiled(Inconclusive, &["it was a preview: every action was skipped"], |it| {
        it.seen.listed.skips_actions = true;
        let skipped =
            ActionRun { status: "skipped".into(), started_at: None, ended_at: None, ..it.action().clone() };
        *it.action() = skipped;
    });
    let nothing = Case::with(|it| it.seen.actions.clear());
    is(&nothing, Inconclusive, &["no action has begun"]);
    assert!(nothing.judge().recovered);
}

#[test]
fn fis_itself_may_fail_and_be_forbidden() {
    let fault = Fault { account: "1".into(), code: "InvalidTarget".into(), location: "targets.web".into() };
    let failed = |it: &mut Case| {
        it.seen.listed.status = Status::Failed;
        it.seen.error = Some(fault);
        it.action().status = "failed".into();
    };
    spoiled(Errored, &["FIS failed with InvalidTarget at targets.web (account 1)"], failed);
    let because = ["it was cancelled before it began: the safety lever was engaged"];
    spoiled(Inconclusive, &because, |it| {
        it.seen.listed.status = Status::Cancelled;
        it.seen.actions.clear();
        it.seen.started_at = None;
        it.resolved = Some(vec![]);
        it.targets.clear();
    });
    spoiled(Inconclusive, &["it is not over: running"], |it| it.seen.listed.status = Status::Running);
}

#[test]
fn a_run_known_only_from_events_is_not_judged_as_if_it_had_been_seen() {
    let mut timeline = Timeline::of("EXP1");
    let state = |status| (status, String::new());
    timeline.hear(&crate::experiment::timeline::StateChange {
        experiment: "EXP1".into(),
        template: None,
        from: state(Status::Running),
        to: state(Status::Completed),
        at: at("10:05:30"),
    });
    let (hypothesis, targets) = (hypothesis(), BTreeSet::new());
    let trial = Trial {
        timeline: &timeline,
        hypothesis: Some(&hypothesis),
        recovery: SignedDuration::ZERO,
        targets: &targets,
    };
    let verdict = trial.judge(&Case::good().evidence);
    assert_eq!((verdict.outcome, verdict.recovered), (Inconclusive, false));
    assert_eq!(
        verdict.because[0].to_string(),
        "the experiment could not be read: FIS has not shown how it ended"
    );
}

#[test]
fn what_is_asked_of_whom_and_when() {
    let case = Case::good();
    let mut timeline = Timeline::of("EXP1");
    timeline.get(&case.seen);
    let recovery = SignedDuration::from_mins(10);
    let trial =
        Trial { timeline: &timeline, hypothesis: case.hypothesis.as_ref(), recovery, targets: &case.targets };
    assert_eq!(trial.queries().iter().map(|it| it.id.as_str()).collect::<Vec<_>>(), ["latency"]);
    assert_eq!(trial.alarms(), BTreeSet::from([STOP.to_owned(), QUIET.to_owned()]));
    assert_eq!(trial.judged_at(), Some(at("10:20:20")));
    assert_eq!(trial.history(at("10:21:00")), Some(Interval { from: at("09:30:00"), to: at("10:21:00") }));
    assert_eq!(Trial { timeline: &Timeline::of("EXP1"), ..trial }.judged_at(), None);
    let mut stopped = Timeline::of("EXP1");
    stopped.get(&Case::with(Case::stopped).seen);
    let recovery = SignedDuration::from_mins(1);
    assert_eq!(Trial { timeline: &stopped, recovery, ..trial }.judged_at(), Some(at("10:20:30")));
}

#[test]
fn a_verdict_is_stored_and_read_as_it_was() {
    let verdict = Case::with(|it| it.change(QUIET, "10:03:00", "OK", "ALARM")).judge();
    let stored = serde_json::to_string(&verdict).unwrap();
    assert_eq!(serde_json::from_str::<Verdict>(&stored).unwrap(), verdict);
    for outcome in Outcome::ALL {
        assert_eq!(Outcome::named(outcome.as_str()), Some(outcome));
    }
}

proptest! {
    /// Whatever is missing, a pass needs enough points in every window, and each alarm read.
    #[test]
    fn nothing_passes_on_missing_evidence(
        kept in prop::collection::vec(any::<bool>(), 120), alarms in any::<bool>(), changes in any::<bool>(),
    ) {
        let sparse = series(|minute| kept[usize::try_from(minute + 60).unwrap()].then_some(0.2));
        let case = Case::with(|it| {
            it.evidence.series = Ok(vec![sparse]);
            if !alarms { it.evidence.alarms = Err("denied".into()); }
            if !changes { it.evidence.changes = Err("denied".into()); }
        });
        let verdict = case.judge();
        let has_all = verdict.measures[0].parts.values().all(|it| it.present * 100 >= it.expected * 80);
        prop_assert_eq!(verdict.outcome == Passed, has_all && alarms && changes);
        prop_assert!(verdict.outcome != Failed);
    }

    /// A worse fault never makes a better verdict.
    #[test]
    fn harm_never_helps(level in 0.0..2.0_f64, more in 0.0..2.0_f64, length in 0_i64..30) {
        let with = |level: f64| Case::with(|it| {
            it.evidence.series = Ok(vec![series(|minute| Some(if (0..length).contains(&minute) { level } else { 0.2 }))]);
        }).judge();
        let (mild, hard) = (with(level), with(level + more));
        prop_assert!(mild.outcome <= hard.outcome);
        prop_assert!(mild.recovered || !hard.recovered);
        for part in Part::ALL {
            prop_assert_eq!(mild.measures[0].parts[&part].present, hard.measures[0].parts[&part].present);
        }
    }

    /// Whatever alarms and people did, only a run that came to its end can pass.
    #[test]
    fn a_run_that_was_stopped_never_passes(
        changes in prop::collection::vec((0_usize..3, 0_i64..1800, 0_usize..3), 0..8),
        calls in prop::collection::vec(0_i64..330, 0..3), halted in any::<bool>(), late in 0_i64..3600,
    ) {
        let words = ["OK", "ALARM", "INSUFFICIENT_DATA"];
        let case = Case::with(|it| {
            it.stopped();
            it.claims().detected_by = [NOTICES.to_owned()].into();
            it.seen.ended_at = Some(at("10:05:30") + SignedDuration::from_secs(late));
            it.change(NOTICES, "09:00:00", "OK", "OK");
            for (alarm, second, word) in changes {
                let time = (at("10:00:00") + SignedDuration::from_secs(second)).strftime("%H:%M:%S").to_string();
                it.change([STOP, QUIET, NOTICES][alarm], &time, "OK", words[word]);
            }
            for second in calls {
                let time = (at("10:00:00") + SignedDuration::from_secs(second)).strftime("%H:%M:%S").to_string();
                it.call(&time, StopSort::StopExperiment);
            }
            it.evidence.halted = halted.then(|| "an issue is open".to_owned());
        });
        prop_assert!(case.judge().outcome != Passed, "{:?}", case.told());
    }
}
