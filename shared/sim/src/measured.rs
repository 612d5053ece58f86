//! What CloudWatch has measured and what alarms and people did, as a test or a person has scripted it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError},
};

use jiff::{SignedDuration, Timestamp};
use watchkeeper_domain::{
    experiment::windows::Interval,
    failure::Failure,
    ports::{AlarmChange, History, Metrics, Point, Query, Series, StopCall},
};

use crate::{clock::Clock, turn::turn};

/// How long after the end of its period a point is there.
pub const METRIC_DELAY: SignedDuration = SignedDuration::from_mins(2);
/// How long after a call CloudTrail tells of it.
pub const TRAIL_DELAY: SignedDuration = SignedDuration::from_mins(5);

/// The measurements and the trail. Clones share them. At first nothing was measured, and nothing was done.
#[derive(Clone, Debug)]
pub struct Measured {
    clock: Clock,
    state: Arc<Mutex<State>>,
}

/// What can be asked, and so what can fail.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Question {
    /// [`Metrics::series`].
    Series,
    /// [`History::alarm_changes`].
    AlarmChanges,
    /// [`History::stop_calls`].
    StopCalls,
}

#[derive(Debug, Default)]
struct State {
    metrics: BTreeMap<String, Metric>,
    changes: BTreeSet<AlarmChange>,
    /// Each with the experiment that it was about; the lever is about all of them.
    calls: Vec<(Option<String>, StopCall)>,
    unreadable: BTreeMap<Question, String>,
}

/// One metric.
#[derive(Debug, Default)]
struct Metric {
    usual: Option<f64>,
    /// Later ones overrule earlier ones.
    exceptions: Vec<(Interval, Option<f64>)>,
    incomplete: bool,
}

impl Metric {
    fn at(&self, at: Timestamp) -> Option<f64> {
        let exception = self.exceptions.iter().rev().find(|(within, _)| within.contains(at));
        exception.map_or(self.usual, |(_, value)| *value)
    }
}

impl Measured {
    /// Nothing yet; what comes keeps time by `clock`.
    pub fn at(clock: &Clock) -> Self {
        Self { clock: clock.clone(), state: Arc::default() }
    }

    /// Gives the query `id` the value `usual` in every period. Without one it has no points.
    pub fn set(&self, id: &str, usual: f64) {
        self.metric(id, |metric| metric.usual = Some(usual));
    }

    /// Gives it `value` in the periods that begin in `within`, or no point at all.
    pub fn set_during(&self, id: &str, within: Interval, value: Option<f64>) {
        self.metric(id, |metric| metric.exceptions.push((within, value)));
    }

    /// Makes CloudWatch say that what it gives of `id` is not everything, or that it is.
    pub fn set_incomplete(&self, id: &str, incomplete: bool) {
        self.metric(id, |metric| metric.incomplete = incomplete);
    }

    /// Adds a change of an alarm's state.
    pub fn change_alarm(&self, change: AlarmChange) {
        self.with(|state| state.changes.insert(change));
    }

    /// Adds a call that has ended `experiment`, or with the lever all of them.
    pub fn add_call(&self, experiment: Option<&str>, call: StopCall) {
        self.with(|state| state.calls.push((experiment.map(str::to_owned), call)));
    }

    /// Makes every answer to `question` a failure with this cause, until [`Measured::mend`].
    pub fn fail(&self, question: Question, cause: &str) {
        self.with(|state| state.unreadable.insert(question, cause.to_owned()));
    }

    /// Makes `question` answerable again.
    pub fn mend(&self, question: Question) {
        self.with(|state| state.unreadable.remove(&question));
    }

    fn metric(&self, id: &str, set: impl FnOnce(&mut Metric)) {
        self.with(|state| set(state.metrics.entry(id.to_owned()).or_default()));
    }

    fn with<T>(&self, look: impl FnOnce(&mut State) -> T) -> T {
        look(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Looks, unless the question fails.
    async fn ask<T>(
        &self,
        question: Question,
        look: impl FnOnce(&State, Timestamp) -> T,
    ) -> Result<T, Failure> {
        turn().await;
        let now = self.clock.now();
        self.with(|state| match state.unreadable.get(&question) {
            Some(cause) => Err(Failure::new("read", format!("{question:?}").to_lowercase(), cause.clone())),
            None => Ok(look(state, now)),
        })
    }
}

impl Metrics for Measured {
    async fn series(&self, queries: &[Query], within: Interval) -> Result<Vec<Series>, Failure> {
        let look =
            |state: &State, now| queries.iter().map(|query| series(state, query, within, now)).collect();
        self.ask(Question::Series, look).await
    }
}

/// The points whose periods are long enough over. Periods are aligned as CloudWatch aligns them.
fn series(state: &State, query: &Query, within: Interval, now: Timestamp) -> Series {
    let id = query.id.clone();
    let Some(metric) = state.metrics.get(&id) else {
        return Series { id, points: Vec::new(), complete: true };
    };
    let period = query.period.as_secs().max(1);
    let first = within.from.as_second().div_euclid(period) * period;
    let last = within.to.min(now - METRIC_DELAY - query.period);
    let begins = (0..).map_while(|place| Timestamp::from_second(first + place * period).ok());
    let begins = begins.take_while(|at| *at <= last).filter(|at| within.contains(*at));
    let points = begins.filter_map(|at| Some(Point { at, value: metric.at(at)? })).collect();
    Series { id, points, complete: !metric.incomplete }
}

impl History for Measured {
    async fn alarm_changes(
        &self,
        arns: &BTreeSet<String>,
        within: Interval,
    ) -> Result<Vec<AlarmChange>, Failure> {
        let is_asked = |it: &&AlarmChange| arns.contains(&it.arn) && within.contains(it.at);
        let look = |state: &State, now| {
            let changes = state.changes.iter().filter(|it| it.at <= now);
            changes.filter(is_asked).cloned().collect()
        };
        self.ask(Question::AlarmChanges, look).await
    }

    async fn stop_calls(&self, experiment: &str, within: Interval) -> Result<Vec<StopCall>, Failure> {
        let look = |state: &State, now| {
            let its = state.calls.iter().filter(|(id, _)| id.as_deref().is_none_or(|id| id == experiment));
            let known = its.map(|(_, call)| call).filter(|call| call.at + TRAIL_DELAY <= now);
            let mut calls: Vec<_> = known.filter(|call| within.contains(call.at)).cloned().collect();
            calls.sort();
            calls
        };
        self.ask(Question::StopCalls, look).await
    }
}

#[cfg(test)]
mod tests {
    use watchkeeper_domain::{
        experiment::hypothesis::{Metric, Source},
        ports::StopSort,
    };

    use super::*;

    fn at(minute: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_mins(minute)
    }

    fn within(from: i64, to: i64) -> Interval {
        Interval { from: at(from), to: at(to) }
    }

    fn query(id: &str) -> Query {
        let metric = Metric {
            namespace: "n".into(),
            name: "m".into(),
            dimensions: BTreeMap::new(),
            stat: "p99".into(),
        };
        Query { id: id.into(), source: Source::Metric(metric), period: SignedDuration::from_mins(1) }
    }

    #[tokio::test(flavor = "current_thread")]
    async fn points_come_late_and_some_never() {
        let clock = Clock::at(at(0));
        let measured = Measured::at(&clock);
        measured.set("p99", 1.0);
        measured.set_during("p99", within(2, 4), Some(5.0));
        measured.set_during("p99", within(3, 4), None);
        let ask = async || {
            let series = measured.series(&[query("p99"), query("errors")], within(1, 6)).await.unwrap();
            assert_eq!((series.len(), series[1].points.len(), series[1].complete), (2, 0, true));
            series[0].points.iter().map(|it| (it.at, it.value)).collect::<Vec<_>>()
        };
        assert_eq!(ask().await, []);
        clock.advance_to(at(5));
        assert_eq!(ask().await, [(at(1), 1.0), (at(2), 5.0)]);
        clock.advance_to(at(60));
        assert_eq!(ask().await, [(at(1), 1.0), (at(2), 5.0), (at(4), 1.0), (at(5), 1.0)]);
        measured.set_incomplete("p99", true);
        assert!(!measured.series(&[query("p99")], within(1, 6)).await.unwrap()[0].complete);
        measured.fail(Question::Series, "throttled");
        let failure = measured.series(&[], within(0, 1)).await.unwrap_err();
        assert_eq!(failure.chain(), "could not read series: throttled");
        measured.mend(Question::Series);
        measured.series(&[], within(0, 1)).await.unwrap();
    }

    #[tokio::test(flavor = "current_thread")]
    async fn cloudtrail_tells_late_and_the_lever_is_about_everything() {
        let clock = Clock::at(at(10));
        let measured = Measured::at(&clock);
        let call = |minute, sort| StopCall { at: at(minute), sort, by: "ada".into() };
        measured.add_call(None, call(9, StopSort::SafetyLever));
        measured.add_call(Some("EXP1"), call(8, StopSort::StopExperiment));
        assert_eq!(measured.stop_calls("EXP1", within(0, 60)).await.unwrap(), []);
        clock.advance_to(at(14));
        assert_eq!(measured.stop_calls("EXP1", within(0, 60)).await.unwrap().len(), 2);
        assert_eq!(
            measured.stop_calls("EXP2", within(0, 60)).await.unwrap(),
            [call(9, StopSort::SafetyLever)]
        );
        assert_eq!(measured.stop_calls("EXP2", within(0, 9)).await.unwrap(), []);
    }

    #[tokio::test(flavor = "current_thread")]
    async fn alarms_have_changed_when_they_have() {
        let clock = Clock::at(at(10));
        let measured = Measured::at(&clock);
        let change = |minute, arn: &str| {
            let [arn, from, to] = [arn, "OK", "ALARM"].map(str::to_owned);
            AlarmChange { at: at(minute), arn, from, to }
        };
        for (minute, arn) in [(12, "a"), (3, "b"), (2, "a")] {
            measured.change_alarm(change(minute, arn));
        }
        let arns = BTreeSet::from(["a".to_owned()]);
        assert_eq!(measured.alarm_changes(&arns, within(0, 60)).await.unwrap(), [change(2, "a")]);
        clock.advance_to(at(12));
        assert_eq!(measured.alarm_changes(&arns, within(3, 60)).await.unwrap(), [change(12, "a")]);
    }
}
