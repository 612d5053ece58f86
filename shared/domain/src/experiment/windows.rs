//! Which part of time shows what is usual, what the fault does, and whether the service is well again.
//!
//! A point of a series stands for a whole period, so it is part of the baseline only if the period is over when the run
//! begins, part of the fault if the fault touches it, and part of the recovery if it begins after.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::ports::Point;

/// What CloudWatch may take, besides two periods, until a point is there.
const METRIC_DELAY: SignedDuration = SignedDuration::from_mins(3);
/// Series are asked for from a whole hour to a whole hour: that aligns every period that divides one.
const GRID: SignedDuration = SignedDuration::from_hours(1);

/// A stretch of time: `from` belongs to it and `to` does not.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Interval {
    /// Its first moment.
    pub from: Timestamp,
    /// The first moment after it; not before `from`.
    pub to: Timestamp,
}

impl Interval {
    /// Whether `at` lies in it.
    pub fn contains(&self, at: Timestamp) -> bool {
        self.from <= at && at < self.to
    }

    /// How long it is.
    pub fn duration(&self) -> SignedDuration {
        self.to.duration_since(self.from)
    }
}

/// The three parts of the time around a run.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Part {
    /// Before the run.
    Baseline,
    /// From the start of the first action to the end of the last.
    Fault,
    /// From there on, for as long as the recovery may take.
    Recovery,
}

impl Part {
    /// Every part, in the order of time.
    pub const ALL: [Self; 3] = [Self::Baseline, Self::Fault, Self::Recovery];

    /// Its word in messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Baseline => "baseline",
            Self::Fault => "fault",
            Self::Recovery => "recovery",
        }
    }
}

/// The windows of one run.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Windows {
    /// `[start - B, start)`, the start being that of the experiment.
    pub baseline: Interval,
    /// From the start of the first action to the end of the last, as `GetExperiment` has them.
    pub fault: Interval,
    /// From the end of the last action to the recovery time objective.
    pub recovery: Interval,
}

/// The points of a series in one window.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Share {
    /// Those that are there, the earliest first.
    pub points: Vec<Point>,
    /// How many there would be if none were missing.
    pub expected: usize,
}

impl Windows {
    /// The windows of a run that began at `start` and harmed during `fault`. `None` only beyond the end of the calendar.
    pub fn around(
        start: Timestamp,
        fault: Interval,
        baseline: SignedDuration,
        recovery: SignedDuration,
    ) -> Option<Self> {
        let start = start.min(fault.from);
        Some(Self {
            baseline: Interval { from: start.checked_sub(baseline).ok()?, to: start },
            fault,
            recovery: Interval { from: fault.to, to: fault.to.checked_add(recovery).ok()? },
        })
    }

    /// The window of `part`.
    pub fn of(&self, part: Part) -> Interval {
        match part {
            Part::Baseline => self.baseline,
            Part::Fault => self.fault,
            Part::Recovery => self.recovery,
        }
    }

    /// From the beginning of the baseline to the end of the recovery.
    pub fn whole(&self) -> Interval {
        Interval { from: self.baseline.from, to: self.recovery.to }
    }

    /// What to ask [`crate::ports::Metrics`] for: [`Windows::whole`] in whole hours, so that every period that divides an
    /// hour begins where [`Windows::share`] expects it.
    ///
    /// Source: Amazon CloudWatch API Reference, `GetMetricData`, `StartTime`.
    pub fn asked(&self) -> Interval {
        let whole = self.whole();
        let (from, to) = (index(whole.from, GRID), index(whole.to, GRID).saturating_add(1));
        Interval { from: begin(from, GRID).unwrap_or(whole.from), to: begin(to, GRID).unwrap_or(whole.to) }
    }

    /// When the points of every window can have arrived: two periods of the longest and three minutes after its end.
    pub fn judged_at(&self, longest_period: SignedDuration) -> Timestamp {
        let delay = longest_period.saturating_mul(2).saturating_add(METRIC_DELAY);
        self.recovery.to.saturating_add(delay).unwrap_or(self.recovery.to)
    }

    /// The points of a series of this `period` that belong to `part`. One period has at most one.
    pub fn share(&self, part: Part, points: &[Point], period: SignedDuration) -> Share {
        let (first, end) = self.periods(part, period);
        let known: BTreeMap<_, _> = points.iter().map(|point| (index(point.at, period), *point)).collect();
        let points = known.range(first..end.max(first)).map(|(_, point)| *point).collect();
        Share { points, expected: usize::try_from(end.saturating_sub(first)).unwrap_or_default() }
    }

    /// The periods of `part` one by one, those that are missing too; at most 10,000.
    pub fn slots(&self, part: Part, points: &[Point], period: SignedDuration) -> Vec<Option<Point>> {
        let (first, end) = self.periods(part, period);
        let known: BTreeMap<_, _> = points.iter().map(|point| (index(point.at, period), *point)).collect();
        (first..end).take(10_000).map(|one| known.get(&one).copied()).collect()
    }

    /// The first period of `part` and the first after it, counted from the epoch.
    fn periods(&self, part: Part, period: SignedDuration) -> (i64, i64) {
        let window = self.of(part);
        let after_fault = index(last(self.fault), period).saturating_add(1);
        match part {
            Part::Baseline => (next(window.from, period), index(window.to, period)),
            Part::Fault => (index(window.from, period), after_fault),
            Part::Recovery => (after_fault, index(last(window), period).saturating_add(1)),
        }
    }
}

/// The last moment of `interval`; its only one, if it has no length.
fn last(interval: Interval) -> Timestamp {
    let last = interval.to.checked_sub(SignedDuration::from_nanos(1)).unwrap_or(interval.to);
    last.max(interval.from)
}

/// The period in which `at` lies, counted from the epoch.
fn index(at: Timestamp, period: SignedDuration) -> i64 {
    at.as_second().div_euclid(period.as_secs().max(1))
}

/// The first period that begins at `at` or later.
fn next(at: Timestamp, period: SignedDuration) -> i64 {
    let index = index(at, period);
    if begin(index, period) == Some(at) { index } else { index.saturating_add(1) }
}

fn begin(index: i64, period: SignedDuration) -> Option<Timestamp> {
    Timestamp::from_second(index.checked_mul(period.as_secs())?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(text: &str) -> Timestamp {
        format!("2026-03-04T{text}Z").parse().unwrap()
    }

    /// Accepted at 10:00:00.1, harmed from 10:00:13 to 10:05:20.5, ten minutes to recover.
    fn windows() -> Windows {
        let fault = Interval { from: at("10:00:13"), to: at("10:05:20.5") };
        let minutes = SignedDuration::from_mins;
        Windows::around(at("10:00:00.1"), fault, minutes(30), minutes(10)).unwrap()
    }

    fn every_minute() -> Vec<Point> {
        let whole = Interval { from: at("09:00:00"), to: at("11:00:00") };
        let minutes = (0..).map(|n| whole.from + SignedDuration::from_mins(n));
        minutes.take_while(|at| *at < whole.to).map(|at| Point { at, value: 1.0 }).collect()
    }

    fn ends(part: Part, period: SignedDuration) -> (String, String, usize) {
        let share = windows().share(part, &every_minute(), period);
        let shown = |point: Option<&Point>| point.unwrap().at.strftime("%H:%M").to_string();
        (shown(share.points.first()), shown(share.points.last()), share.expected)
    }

    #[test]
    fn what_the_fault_touches_is_neither_usual_nor_recovered() {
        let minute = SignedDuration::from_mins(1);
        let expected = [("09:31", "09:59", 29), ("10:00", "10:05", 6), ("10:06", "10:15", 10)];
        for (part, (first, last, count)) in Part::ALL.into_iter().zip(expected) {
            assert_eq!(ends(part, minute), (first.into(), last.into(), count), "{}", part.as_str());
        }
    }

    #[test]
    fn missing_points_are_counted_and_a_repeated_one_is_one() {
        let points: Vec<_> = every_minute().into_iter().step_by(2).flat_map(|point| [point, point]).collect();
        let share = windows().share(Part::Fault, &points, SignedDuration::from_mins(1));
        assert_eq!((share.points.len(), share.expected), (3, 6));
    }

    #[test]
    fn a_fault_without_length_still_touches_a_period() {
        let fault = Interval { from: at("10:00:00"), to: at("10:00:00") };
        let minutes = SignedDuration::from_mins;
        let windows = Windows::around(at("10:00:00"), fault, minutes(30), minutes(2)).unwrap();
        let count = |part| windows.share(part, &every_minute(), minutes(1)).points.len();
        assert_eq!(Part::ALL.map(count), [30, 1, 1]);
    }

    #[test]
    fn whole_hours_are_asked_for() {
        assert_eq!(windows().asked(), Interval { from: at("09:00:00"), to: at("11:00:00") });
    }

    #[test]
    fn nobody_judges_before_the_points_can_be_there() {
        let minutes = SignedDuration::from_mins;
        assert_eq!(windows().judged_at(minutes(1)), at("10:20:20.5"));
        assert_eq!(windows().judged_at(minutes(5)), at("10:28:20.5"));
    }

    proptest! {
        #[test]
        fn each_period_is_in_one_window_at_most_and_none_is_lost_between_fault_and_recovery(
            start in 0_i64..7200, before in 0_i64..120, length in 0_i64..7200, recovery in 1_i64..90,
            minutes in prop::sample::select(vec![1_i64, 2, 5, 10, 60]),
        ) {
            let (second, minute) = (SignedDuration::from_secs, SignedDuration::from_mins);
            let from = at("10:00:00") + second(start);
            let fault = Interval { from, to: from + second(length) };
            let windows = Windows::around(from - second(before), fault, minute(90), minute(recovery)).unwrap();
            let period = minute(minutes);
            let [baseline, fault, recovery] = Part::ALL.map(|part| windows.periods(part, period));
            prop_assert!(baseline.1 <= fault.0);
            prop_assert!(fault.0 < fault.1);
            prop_assert_eq!(fault.1, recovery.0);
            let asked = windows.asked();
            prop_assert_eq!(asked.from.as_second() % 3600, 0);
            let first_and_last = [baseline, fault, recovery].into_iter().filter(|(first, end)| first < end);
            for one in first_and_last.flat_map(|(first, end)| [first, end - 1]) {
                prop_assert!(asked.contains(begin(one, period).unwrap()));
            }
        }
    }
}
