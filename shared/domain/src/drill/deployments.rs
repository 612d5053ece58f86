//! What is being deployed, and what was lately: `quiet_after_deployment_minutes` looks at it.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::records::{Key, State};

/// As long as a drill can ask for quiet. An execution of which nothing was heard for as long is forgotten as well: its end
/// may never be heard, since these events are best effort
/// (<https://docs.aws.amazon.com/eventbridge/latest/ref/events-ref-codepipeline.html>,
/// <https://docs.aws.amazon.com/eventbridge/latest/ref/events-ref-codedeploy.html>).
const FORGOTTEN: SignedDuration = SignedDuration::from_hours(24);
/// How many names and how many executions are kept: the newest, and those under way before those that have ended.
const KEPT: usize = 200;

/// What was heard of one execution of a pipeline, or of one deployment.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Progress {
    /// What it deploys: `codepipeline:NAME`, `codedeploy:APPLICATION/GROUP`.
    pub what: String,
    /// The id of the execution or deployment: several of one name may be under way at once.
    pub id: String,
    /// How far it is.
    pub stage: Stage,
    /// When.
    pub at: Timestamp,
}

/// How far an execution is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Stage {
    /// It goes on.
    UnderWay,
    /// It is over, well or not.
    Ended,
}

/// What is known of all pipelines and deployment groups: the head of `DEPLOYMENTS`.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Deployments {
    /// When the last one of each has ended, by `codepipeline:NAME`, `codedeploy:APPLICATION/GROUP`.
    done: BTreeMap<String, Timestamp>,
    /// By its id. Those that have ended are kept, so that a start that comes late begins nothing.
    #[serde(default)]
    executions: BTreeMap<String, Execution>,
}

impl State for Deployments {
    fn wake_at(&self) -> Option<Timestamp> {
        None
    }

    fn expires_at(&self) -> Option<Timestamp> {
        None
    }
}

impl Deployments {
    /// Where they are kept.
    pub fn key() -> Key {
        Key::head("DEPLOYMENTS")
    }

    /// The one that has ended last of those whose name `counts`, and when.
    pub fn newest(&self, counts: impl Fn(&str) -> bool) -> Option<(&str, Timestamp)> {
        let counted = self.done.iter().filter(|(what, _)| counts(what));
        counted.max_by_key(|(_, at)| **at).map(|(what, at)| (what.as_str(), *at))
    }

    /// The one that is under way at `now` for longest of those whose name `counts`, and since when.
    pub fn under_way(&self, counts: impl Fn(&str) -> bool, now: Timestamp) -> Option<(&str, Timestamp)> {
        let known = self.executions.values().filter(|it| it.is_recent(now) && counts(&it.what));
        known.filter_map(|it| Some((it.what.as_str(), it.since()?))).min_by_key(|(_, since)| *since)
    }

    /// The deployments once `progress` is known at `now`. A copy changes nothing, and no order of arrival makes a
    /// difference.
    #[must_use]
    pub fn with(mut self, progress: &Progress, now: Timestamp) -> Self {
        let Progress { what, id, stage, .. } = progress;
        let at = progress.at.min(now);
        self.executions.entry(id.clone()).or_insert_with(|| Execution::of(what)).hear(*stage, at);
        if *stage == Stage::Ended {
            let known = self.done.entry(what.clone()).or_insert(at);
            *known = at.max(*known);
        }
        self.forget(now);
        self
    }

    fn forget(&mut self, now: Timestamp) {
        self.done.retain(|_, at| now.duration_since(*at) < FORGOTTEN);
        bound(&mut self.done, |at| *at);
        self.executions.retain(|_, it| it.is_recent(now));
        bound(&mut self.executions, |it| (it.since().is_some(), it.heard()));
    }
}

/// What was heard of one execution. The event's own times decide, so that the order of arrival does not matter.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
struct Execution {
    what: String,
    /// When it was under way, as far as was heard: first and last.
    under_way: Option<(Timestamp, Timestamp)>,
    /// When it has ended last.
    ended: Option<Timestamp>,
}

impl Execution {
    fn of(what: &str) -> Self {
        Self { what: what.to_owned(), under_way: None, ended: None }
    }

    fn hear(&mut self, stage: Stage, at: Timestamp) {
        match stage {
            Stage::UnderWay => {
                let (first, last) = self.under_way.unwrap_or((at, at));
                self.under_way = Some((first.min(at), last.max(at)));
            }
            Stage::Ended => self.ended = self.ended.max(Some(at)),
        }
    }

    /// Since when it is under way, unless it has ended. What has ended may go on: a failed execution of a pipeline is
    /// resumed under its own id. Times are of whole seconds, and of two things in one the end comes last.
    fn since(&self) -> Option<Timestamp> {
        let (first, last) = self.under_way?;
        [first, last].into_iter().find(|at| self.ended.is_none_or(|ended| *at > ended))
    }

    /// When it was heard of last.
    fn heard(&self) -> Option<Timestamp> {
        self.ended.max(self.under_way.map(|(_, last)| last))
    }

    fn is_recent(&self, now: Timestamp) -> bool {
        self.heard().is_some_and(|at| now.duration_since(at) < FORGOTTEN)
    }
}

/// Takes the entries of the lowest rank out of `kept`, until there are no more than [`KEPT`].
fn bound<T, R: Ord>(kept: &mut BTreeMap<String, T>, rank: impl Fn(&T) -> R) {
    while kept.len() > KEPT {
        let lowest = kept.iter().min_by_key(|(_, entry)| rank(entry)).map(|(key, _)| key.clone());
        kept.remove(&lowest.unwrap_or_default());
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    const ALL: fn(&str) -> bool = |_| true;

    fn at(minute: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_mins(minute)
    }

    fn progress(what: &str, id: &str, stage: Stage, minute: i64) -> Progress {
        Progress { what: what.into(), id: id.into(), stage, at: at(minute) }
    }

    fn start(what: &str, minute: i64) -> Progress {
        progress(what, what, Stage::UnderWay, minute)
    }

    fn end(what: &str, minute: i64) -> Progress {
        progress(what, what, Stage::Ended, minute)
    }

    fn heard(all: &[Progress], now: i64) -> Deployments {
        all.iter().fold(Deployments::default(), |known, it| known.with(it, at(now)))
    }

    #[test]
    fn the_last_deployment_of_each_counts_whatever_order_they_are_heard_in() {
        let known = heard(&[end("a", 7), end("b", 3)], 8);
        assert_eq!(known.newest(ALL), Some(("a", at(7))));
        assert_eq!(known.newest(|what| what != "a"), Some(("b", at(3))));
        let later = known.clone().with(&end("a", 2), at(9));
        assert_eq!(later, known, "an older one comes late");
        assert_eq!(known.clone().with(&end("a", 7), at(9)), known, "a copy");
    }

    #[test]
    fn one_is_under_way_from_its_first_start_to_its_end() {
        let under_way = |all: &[Progress]| heard(all, 60).under_way(ALL, at(60)).map(|(_, since)| since);
        let (started, ended) = (start("a", 5), end("a", 9));
        assert_eq!(under_way(std::slice::from_ref(&started)), Some(at(5)));
        assert_eq!(under_way(&[started.clone(), start("a", 7)]), Some(at(5)), "it is stopping");
        assert_eq!(under_way(&[started.clone(), ended.clone()]), None);
        assert_eq!(under_way(&[ended.clone(), started.clone()]), None, "a start that comes late");
        assert_eq!(under_way(&[start("a", 9), ended.clone()]), None, "both in one second");
        assert_eq!(under_way(&[started.clone(), ended.clone(), start("a", 30)]), Some(at(30)), "resumed");
        assert_eq!(under_way(&[started, start("a", 30), ended]), Some(at(30)), "its end comes late");
    }

    #[test]
    fn of_several_executions_of_one_pipeline_each_must_end() {
        let of = |id: &str, stage: Stage, minute: i64| progress("a", id, stage, minute);
        let both = heard(&[of("e-1", Stage::UnderWay, 1), of("e-2", Stage::UnderWay, 2)], 8);
        assert_eq!(both.under_way(ALL, at(8)), Some(("a", at(1))));
        assert_eq!(both.under_way(|what| what != "a", at(8)), None);
        let one = both.with(&of("e-1", Stage::Ended, 3), at(8));
        assert_eq!((one.under_way(ALL, at(8)), one.newest(ALL)), (Some(("a", at(2))), Some(("a", at(3)))));
        assert_eq!(one.with(&of("e-2", Stage::Ended, 4), at(8)).under_way(ALL, at(8)), None);
    }

    #[test]
    fn a_clock_that_is_ahead_does_not_make_a_deployment_of_the_future() {
        let known = heard(&[end("a", 99), start("b", 99)], 8);
        assert_eq!(known.newest(ALL), Some(("a", at(8))));
        assert_eq!(known.under_way(ALL, at(8)), Some(("b", at(8))));
    }

    #[test]
    fn what_no_drill_can_ask_for_is_forgotten() {
        let day = 24 * 60;
        let known = heard(&[end("a", 0), end("b", 1)], 1);
        assert_eq!(known.with(&end("b", 1), at(day)).newest(|what| what == "a"), None);
    }

    #[test]
    fn one_whose_end_is_never_heard_is_forgotten_after_a_day() {
        let day = 24 * 60;
        let known = heard(&[start("a", 0)], 0);
        assert_eq!(known.under_way(ALL, at(day - 1)), Some(("a", at(0))));
        assert_eq!(known.under_way(ALL, at(day)), None, "even if nothing else was heard since");
        assert_eq!(known.with(&end("b", day), at(day)).executions.len(), 1);
        let stopping = heard(&[start("a", 0), start("a", 60)], 60);
        assert_eq!(stopping.under_way(ALL, at(day)), Some(("a", at(0))), "of this one more was heard");
    }

    #[test]
    fn the_newest_are_kept_and_what_has_ended_goes_first() {
        let under_way = heard(&[start("old", 0)], 0);
        let many = |stage: Stage| {
            let each = (0..300).map(|it| {
                let name = format!("pipeline {it}");
                progress(&name, &name, stage, 2 + it)
            });
            each.fold(under_way.clone(), |known, it| known.with(&it, at(400)))
        };
        let ended = many(Stage::Ended);
        assert_eq!((ended.done.len(), ended.executions.len()), (KEPT, KEPT));
        assert_eq!(ended.newest(ALL), Some(("pipeline 299", at(301))));
        assert_eq!(ended.under_way(ALL, at(400)), Some(("old", at(0))));
        let busy = many(Stage::UnderWay);
        assert_eq!(
            (busy.executions.len(), busy.under_way(ALL, at(400))),
            (KEPT, Some(("pipeline 100", at(102))))
        );
    }

    #[test]
    fn what_was_stored_before_executions_were_still_reads() {
        let stored = serde_json::json!({ "done": { "codepipeline:a": "1970-01-01T00:07:00Z" } });
        let known: Deployments = serde_json::from_value(stored).unwrap();
        assert_eq!(known.newest(ALL), Some(("codepipeline:a", at(7))));
        assert_eq!(known.under_way(ALL, at(8)), None);
        let next = known.with(&start("codepipeline:a", 8), at(8));
        let again: Deployments = serde_json::from_value(serde_json::to_value(&next).unwrap()).unwrap();
        assert_eq!(again, next);
    }

    /// A few things that happen to three executions, and the same in another order, with copies.
    fn heard_twice() -> impl Strategy<Value = (Vec<Progress>, Vec<Progress>)> {
        let stage = prop_oneof![Just(Stage::UnderWay), Just(Stage::Ended)];
        let one = ("[abc]", stage, 0..30_i64);
        let one = one.prop_map(|(name, stage, minute)| progress(&name, &name, stage, minute));
        let twice = |all: Vec<Progress>| {
            let copies = all.iter().chain(&all).cloned().collect::<Vec<_>>();
            (Just(all), Just(copies).prop_shuffle())
        };
        vec(one, 0..12).prop_flat_map(twice)
    }

    proptest! {
        #[test]
        fn neither_order_nor_copies_make_a_difference((mut all, copies) in heard_twice()) {
            let known = heard(&copies, 60);
            prop_assert_eq!(&known, &heard(&all, 60));
            // What was last of each decides, and an end is later than a start at the same time.
            all.sort_by_key(|it| (it.at, it.stage == Stage::Ended));
            for name in ["a", "b", "c"] {
                let last = all.iter().rfind(|it| it.id == name);
                let is_under_way = known.under_way(|what| what == name, at(60)).is_some();
                prop_assert_eq!(is_under_way, last.is_some_and(|it| it.stage == Stage::UnderWay));
                let ended = all.iter().rfind(|it| it.id == name && it.stage == Stage::Ended);
                prop_assert_eq!(known.newest(|what| what == name), ended.map(|it| (name, it.at)));
            }
        }
    }
}
