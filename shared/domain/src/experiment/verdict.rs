//! What a run has proved.
//!
//! | outcome | when | counts for the score |
//! |---|---|---|
//! | [`Outcome::Errored`] | FIS failed: the fault was not made as planned | no |
//! | [`Outcome::Aborted`] | somebody or something stopped it before any alarm did | no |
//! | [`Outcome::Inconclusive`] | the service was not well before it began, so nothing after can be laid on the fault | no |
//! | [`Outcome::Failed`] | an alarm went off, a measure left its bounds, nobody noticed, or the service did not recover | yes |
//! | [`Outcome::Inconclusive`] | something that a pass needs was not done or is not known: missing data is never zero | no |
//! | [`Outcome::Passed`] | everything was done, is known, and held | yes |
//!
//! The first line that fits decides. What the others would have said is kept in [`Verdict::because`].

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{
    Status,
    hypothesis::{Hypothesis, Measure},
    timeline::{Step, Timeline},
    windows::{Interval, Windows},
};
use crate::{
    drill::Fact,
    ports::{Alarm, AlarmChange, Query, Series, StopCall},
};

mod alarms;
mod because;
mod measured;
mod run;

pub use because::{Abort, Because, Before, Breach, Doubt};
pub use measured::{Measured, Numbers};

/// What CloudTrail may take until a call is there.
///
/// Source: AWS CloudTrail User Guide, "How CloudTrail works" (about 5 minutes on average, not guaranteed).
const TRAIL_DELAY: SignedDuration = SignedDuration::from_mins(15);

/// How a run came out.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// The hypothesis held.
    Passed,
    /// It did not.
    Failed,
    /// Nobody can tell.
    Inconclusive,
    /// FIS failed.
    Errored,
    /// Somebody or something stopped it.
    Aborted,
}

impl Outcome {
    /// Every outcome.
    pub const ALL: [Self; 5] = [Self::Passed, Self::Failed, Self::Inconclusive, Self::Errored, Self::Aborted];

    /// Its word in messages and in [`crate::drill::Proof::outcome`].
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Inconclusive => "inconclusive",
            Self::Errored => "errored",
            Self::Aborted => "aborted",
        }
    }

    /// The outcome with this word.
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.as_str() == word)
    }

    /// Whether it says something about the service: only these count for the score.
    pub fn counts(self) -> bool {
        matches!(self, Self::Passed | Self::Failed)
    }
}

/// What a verdict is given on.
#[derive(Clone, Copy, Debug)]
pub struct Trial<'a> {
    /// What is known of the run.
    pub timeline: &'a Timeline,
    /// What the drill claims. Nothing claimed is nothing proved.
    pub hypothesis: Option<&'a Hypothesis>,
    /// How long the drill allows for recovery, where the hypothesis doesn't say.
    pub recovery: SignedDuration,
    /// The names of the template's targets. Each must have come to something.
    pub targets: &'a BTreeSet<String>,
}

/// What was read to judge a run. What could not be read says why.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Evidence {
    /// The answer to [`Trial::queries`] in [`Windows::asked`].
    pub series: Fact<Vec<Series>>,
    /// The alarms of [`Trial::alarms`] as they are now.
    pub alarms: Fact<Vec<Alarm>>,
    /// Their changes of state in [`Trial::history`].
    pub changes: Fact<Vec<AlarmChange>>,
    /// Who ended the run, according to CloudTrail, in [`Trial::history`]. It matters only of a run that was stopped.
    pub stops: Fact<Vec<StopCall>>,
    /// Why Watchkeeper itself has stopped the run, if it has.
    pub halted: Option<String>,
}

/// What a run has proved, and why.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Verdict {
    /// How it came out.
    pub outcome: Outcome,
    /// Why: first what decided, then what else there is to say. Never empty.
    pub because: Vec<Because>,
    /// The windows, if anything was harmed.
    pub windows: Option<Windows>,
    /// Each measure in each window, in the order of the hypothesis.
    pub measures: Vec<Measured>,
    /// From the start of the first action to the first alarm.
    pub time_to_detect: Option<SignedDuration>,
    /// From the end of the last action until every measure was in its bounds, and every alarm `OK`, for good. Zero where
    /// nothing was amiss by then; `None` where it was not so within the objective, or where nobody knows.
    pub time_to_recover: Option<SignedDuration>,
    /// Whether it is known that the service was well again in time. Where not, the next run waits for a person.
    pub recovered: bool,
}

impl Trial<'_> {
    /// The recovery time objective.
    pub fn objective(&self) -> SignedDuration {
        self.hypothesis.map_or(self.recovery, |it| it.recovery_or(self.recovery))
    }

    /// The windows. `None` until the run is over, and of a run in which no action has begun.
    pub fn windows(&self) -> Option<Windows> {
        let baseline = self.hypothesis.map_or(SignedDuration::from_mins(30), |it| it.baseline);
        self.timeline.windows(baseline, self.objective())
    }

    /// When it can be judged: a later tick. The points of the windows must be there, and of a run that was stopped,
    /// CloudTrail must be able to tell by whom. `None` until the run is over.
    pub fn judged_at(&self) -> Option<Timestamp> {
        let is_stopped = *self.timeline.end.as_ref()? == Status::Stopped;
        let told = self.run().and_then(|run| {
            let delay = if is_stopped { TRAIL_DELAY } else { SignedDuration::ZERO };
            run.to.checked_add(delay).ok()
        });
        let period = self.hypothesis.map_or(SignedDuration::from_mins(1), Hypothesis::longest_period);
        self.windows().map(|windows| windows.judged_at(period)).max(told)
    }

    /// What to ask CloudWatch for: a query for each measure, by its name.
    pub fn queries(&self) -> Vec<Query> {
        let measures = self.hypothesis.map(|it| it.measures.iter()).into_iter().flatten();
        let query = |measure: &Measure| Query {
            id: measure.name.clone(),
            source: measure.source.clone(),
            period: measure.period,
        };
        measures.map(query).collect()
    }

    /// The alarms to ask about: the stop conditions, and those of the hypothesis.
    pub fn alarms(&self) -> BTreeSet<String> {
        let own = self.hypothesis.map(Hypothesis::all_alarms).unwrap_or_default();
        own.union(&self.timeline.stop_alarms).cloned().collect()
    }

    /// Of what time to ask what alarms and people did, when it is judged at `now`: from the baseline on.
    pub fn history(&self, now: Timestamp) -> Option<Interval> {
        let from = self.windows().map(|it| it.baseline.from).or_else(|| self.run().map(|run| run.from))?;
        Some(Interval { from, to: now.max(from) })
    }

    /// From the start of the experiment to its end.
    fn run(&self) -> Option<Interval> {
        let it = self.timeline;
        let step = |step: &Step| step.at;
        let from = it.started_at.or(it.created_at).or_else(|| it.states.iter().find_map(step))?;
        let to = it.ended_at.or_else(|| it.states.iter().rev().find_map(step))?;
        Some(Interval { from: from.min(to), to })
    }

    /// Judges the run. The same evidence gives the same verdict.
    pub fn judge(&self, evidence: &Evidence) -> Verdict {
        let windows = self.windows();
        let measures = measured::all(self, windows.as_ref(), evidence);
        let watched = alarms::Watched::of(self, windows.as_ref(), evidence);
        let mut because = run::because(self, &watched, evidence);
        because.extend(watched.because());
        because.extend(measured::because(self, &measures, evidence));
        because.sort_by_key(Because::rank);
        let outcome = because.first().map_or(Outcome::Passed, Because::outcome);
        if because.is_empty() {
            because.push(Because::Held { measures: measures.len(), alarms: self.alarms().len() });
        }
        let recovery = self.recovery_time(windows.as_ref(), &measures, &watched);
        Verdict {
            outcome,
            because,
            windows,
            measures,
            time_to_detect: watched.time_to_detect(),
            time_to_recover: recovery,
            recovered: recovery.is_some(),
        }
    }

    /// The longest that any measure or alarm took, if each is known to be well. Of a run that harmed nothing: no time. Where
    /// nobody looked, nobody knows.
    fn recovery_time(
        &self,
        windows: Option<&Windows>,
        measures: &[Measured],
        watched: &alarms::Watched<'_>,
    ) -> Option<SignedDuration> {
        if windows.is_none() {
            return (self.timeline.sealed && self.timeline.fault().is_none()).then_some(SignedDuration::ZERO);
        }
        if measures.is_empty() && self.alarms().is_empty() {
            return None;
        }
        let mut each = measures.iter().map(|it| it.recovered_after).chain([watched.time_to_recover()]);
        each.try_fold(SignedDuration::ZERO, |all, one| Some(all.max(one?)))
    }
}

#[cfg(test)]
mod tests;
