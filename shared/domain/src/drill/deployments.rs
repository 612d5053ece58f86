//! What was deployed lately: `quiet_after_deployment_minutes` looks at it.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::records::{Key, State};

/// As long as a drill can ask for quiet.
const FORGOTTEN: SignedDuration = SignedDuration::from_hours(24);
/// How many are kept: the newest.
const KEPT: usize = 200;

/// The last deployment of each pipeline and deployment group: the head of `DEPLOYMENTS`. One is known once it is done: of
/// one that is under way nobody has heard.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Deployments {
    /// By `codepipeline:NAME`, `codedeploy:APPLICATION/GROUP`.
    done: BTreeMap<String, Timestamp>,
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

    /// The newest of those whose name `counts`.
    pub fn newest(&self, counts: impl Fn(&str) -> bool) -> Option<(&str, Timestamp)> {
        let counted = self.done.iter().filter(|(what, _)| counts(what));
        counted.max_by_key(|(_, at)| **at).map(|(what, at)| (what.as_str(), *at))
    }

    /// The deployments once it is known at `now` that `what` was done at `at`. A copy, and one that is older than what is
    /// known, change nothing.
    #[must_use]
    pub fn with(mut self, what: &str, at: Timestamp, now: Timestamp) -> Self {
        let at = at.min(now);
        let known = self.done.entry(what.to_owned()).or_insert(at);
        *known = at.max(*known);
        self.done.retain(|_, at| now.duration_since(*at) < FORGOTTEN);
        while self.done.len() > KEPT {
            let oldest = self.done.iter().min_by_key(|(_, at)| **at).map(|(what, _)| what.clone());
            self.done.remove(&oldest.unwrap_or_default());
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minute: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_mins(minute)
    }

    #[test]
    fn the_last_deployment_of_each_counts_whatever_order_they_are_heard_in() {
        let heard = Deployments::default().with("a", at(7), at(8)).with("b", at(3), at(8));
        assert_eq!(heard.newest(|_| true), Some(("a", at(7))));
        assert_eq!(heard.newest(|what| what != "a"), Some(("b", at(3))));
        let later = heard.clone().with("a", at(2), at(9));
        assert_eq!(later, heard, "an older one comes late");
        assert_eq!(heard.clone().with("a", at(7), at(9)), heard, "a copy");
    }

    #[test]
    fn a_clock_that_is_ahead_does_not_make_a_deployment_of_the_future() {
        assert_eq!(Deployments::default().with("a", at(99), at(8)).newest(|_| true), Some(("a", at(8))));
    }

    #[test]
    fn what_no_drill_can_ask_for_is_forgotten() {
        let day = 24 * 60;
        let heard = Deployments::default().with("a", at(0), at(0)).with("b", at(1), at(1));
        assert_eq!(heard.clone().with("b", at(1), at(day)).newest(|what| what == "a"), None);
        let mut many = heard;
        for number in 0..300 {
            many = many.with(&format!("pipeline {number}"), at(2 + number), at(400));
        }
        assert_eq!((many.done.len(), many.newest(|_| true)), (KEPT, Some(("pipeline 299", at(301)))));
    }
}
