//! Where a drill stands: its run, and what it has heard and done before.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use watchkeeper_domain::{
    drill::{guards::Plan, partition},
    experiment::{DRILL_TAG, Order, THREAD_TAG, TOKEN_TAG},
    records::{Key, State},
    text::fingerprint,
};

/// How long a run is remembered after its end, so that a late copy of its trigger starts nothing. EventBridge tries for
/// a day; what comes later than that is refused as late.
const MEMORY: SignedDuration = SignedDuration::from_hours(72);

/// How long a start is remembered: a day more than a week, whose days are those of the drill's zone.
const STARTS: SignedDuration = SignedDuration::from_hours(24 * 8);

/// Where a drill stands: the head of `DRILL#<name>`.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Standing {
    /// Its name.
    pub drill: String,
    /// The run that is announced or under way.
    pub run: Option<Run>,
    /// The runs of the last three days, with when each was asked for.
    pub heard: BTreeMap<String, Timestamp>,
    /// When it has really started last: not a preview, not on the leash.
    pub started_at: Option<Timestamp>,
    /// Its real starts of the last eight days: what a weekly limit counts.
    #[serde(default)]
    pub starts: Vec<Timestamp>,
    /// When somebody has released it last after a failure.
    pub released_at: Option<Timestamp>,
}

/// One run of a drill, from its announcement to its end.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Run {
    /// What it is asked for by: the same for every copy of that.
    pub id: String,
    /// Who or what has asked.
    pub trigger: Trigger,
    /// Why, in one line.
    pub because: String,
    /// When it is due.
    pub due: Timestamp,
    /// When people were told.
    pub announced_at: Timestamp,
    /// When it may start: due, and long enough announced.
    pub ready_at: Timestamp,
    /// How many notices there are of it.
    pub seq: u32,
    /// How far it has come.
    pub phase: Phase,
    /// The experiment of its preview, once known.
    pub preview: Option<String>,
    /// When it is over at the latest: what the dead-man schedule is set to.
    pub ends_by: Option<Timestamp>,
}

/// What has asked for a run.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Trigger {
    /// Its schedule.
    Schedule,
    /// A deployment, or any rule of the user's own.
    Deployment,
    /// A Health case that it rehearses.
    Case,
    /// A person, or a pipeline that waits for the verdict.
    Person,
}

/// How far a run has come. Each step records its intent first; what has come of it is observed by the next pass.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// People know. It waits for its time.
    Announced,
    /// It takes the floor: one drill at a time.
    Entering,
    /// Its preview is ordered.
    Previewing {
        /// Since when.
        since: Timestamp,
    },
    /// The dead-man schedule is being set.
    Arming,
    /// The experiment is ordered.
    Starting {
        /// Since when.
        since: Timestamp,
    },
    /// The experiment is there.
    Started {
        /// Its id.
        experiment: String,
        /// Whether the dead-man schedule points at it.
        aimed: bool,
        /// Whether it was seen running, and people were told.
        told: bool,
    },
}

impl Standing {
    /// The key of the head of `drill`.
    pub fn key(drill: &str) -> Key {
        Key::head(partition(drill))
    }

    /// A drill that has never run.
    pub fn new(drill: &str) -> Self {
        Self { drill: drill.to_owned(), ..Self::default() }
    }

    /// Remembers that `run` was asked for, and forgets what is long over.
    pub(crate) fn hear(&mut self, run: &str, now: Timestamp) {
        self.heard.retain(|_, at| now.duration_since(*at) < MEMORY);
        self.heard.insert(run.to_owned(), now);
    }

    /// The same after a real start that was seen at `now`.
    pub(crate) fn after_start(&self, now: Timestamp) -> Self {
        let starts = self.starts().into_iter().filter(|at| now.duration_since(*at) < STARTS);
        let starts = starts.chain([now]).collect();
        Self { started_at: Some(now), starts, ..self.clone() }
    }

    /// Its real starts of the last week. What was stored before they were has only the last one.
    fn starts(&self) -> Vec<Timestamp> {
        match self.starts.as_slice() {
            [] => self.started_at.into_iter().collect(),
            starts => starts.to_vec(),
        }
    }
}

impl State for Standing {
    /// A run is looked at every minute; before its time, it rests.
    fn wake_at(&self) -> Option<Timestamp> {
        self.run.as_ref().map(|run| run.ready_at)
    }

    fn expires_at(&self) -> Option<Timestamp> {
        None
    }
}

impl Run {
    /// The thread in which people read of it.
    pub fn thread(&self, drill: &str) -> String {
        fingerprint([drill, self.id.as_str()])
    }

    /// The token of its preview.
    pub fn preview_token(&self, drill: &str) -> String {
        token(drill, &self.id, "preview")
    }

    /// The token of its experiment.
    pub fn token(&self, drill: &str) -> String {
        token(drill, &self.id, "run")
    }

    /// The name of its dead-man schedule.
    pub fn dead_man(&self, drill: &str) -> String {
        format!("watchkeeper-dead-man-{}", token(drill, &self.id, "run"))
    }

    /// The order of its preview, which skips all actions, or of the experiment itself.
    pub fn order(&self, drill: &str, template: &str, skips_actions: bool) -> Order {
        let token = if skips_actions { self.preview_token(drill) } else { self.token(drill) };
        let tags = [
            ("Name", drill.to_owned()),
            (DRILL_TAG, drill.to_owned()),
            (TOKEN_TAG, token.clone()),
            (THREAD_TAG, self.thread(drill)),
        ];
        let tags = tags.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
        Order { template: template.to_owned(), token, skips_actions, tags }
    }

    /// What guards want to know of it.
    pub fn plan(&self, standing: &Standing) -> Plan {
        Plan {
            run: self.id.clone(),
            scheduled: self.trigger == Trigger::Schedule,
            due: self.due,
            announced_at: Some(self.announced_at),
            started_at: standing.started_at,
            starts: standing.starts(),
            released_at: standing.released_at,
            tokens: [self.preview_token(&standing.drill), self.token(&standing.drill)],
        }
    }
}

/// At most 32 characters: a `clientToken` may have 64, the name of a schedule as well.
fn token(drill: &str, run: &str, what: &str) -> String {
    fingerprint([drill, run, what])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_preview_and_its_run_have_tokens_of_their_own_and_keep_them() {
        let run = crate::fixture::run("2026-11-24T10:00");
        assert_ne!(run.token("d"), run.preview_token("d"));
        assert_ne!(run.token("d"), run.token("e"));
        assert_eq!(run.token("d"), run.clone().token("d"));
        assert!(run.dead_man("d").len() <= 64, "{}", run.dead_man("d"));
        let order = run.order("d", "EXT1", true);
        assert_eq!(order.tags[TOKEN_TAG], order.token);
    }

    #[test]
    fn what_was_stored_before_starts_were_still_reads_and_counts_its_last_one() {
        let mut stored = serde_json::to_value(Standing::new("d")).unwrap();
        stored.as_object_mut().unwrap().remove("starts").unwrap();
        stored["started_at"] = "2026-11-20T09:00:00Z".into();
        let standing: Standing = serde_json::from_value(stored).unwrap();
        let run = crate::fixture::run("2026-11-24T10:00");
        assert_eq!(run.plan(&standing).starts, standing.started_at.into_iter().collect::<Vec<_>>());
        let now = "2026-11-24T09:00:00Z".parse().unwrap();
        assert_eq!(run.plan(&standing.after_start(now)).starts, [standing.started_at.unwrap(), now]);
    }

    #[test]
    fn starts_are_remembered_for_as_long_as_a_week_can_count_them() {
        let at = |hours: i64| Timestamp::UNIX_EPOCH + SignedDuration::from_hours(hours);
        let standing = Standing::new("d").after_start(at(0)).after_start(at(100));
        assert_eq!(
            (standing.starts.as_slice(), standing.started_at),
            ([at(0), at(100)].as_slice(), Some(at(100)))
        );
        assert_eq!(standing.after_start(at(192)).starts, [at(100), at(192)]);
    }

    #[test]
    fn runs_are_forgotten_after_three_days() {
        let mut standing = Standing::new("d");
        let at = |hours: i64| Timestamp::UNIX_EPOCH + SignedDuration::from_hours(hours);
        standing.hear("a", at(0));
        standing.hear("b", at(71));
        assert_eq!(standing.heard.len(), 2);
        standing.hear("c", at(72));
        assert_eq!(standing.heard.keys().collect::<Vec<_>>(), ["b", "c"]);
    }
}
