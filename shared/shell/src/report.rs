//! What an invocation came to: for the log, for Lambda, and for the operator's command.

use jiff::Timestamp;
use watchkeeper_domain::{failure::Failure, notice::Notice};

use crate::{conclude::Concluded, telemetry::Outcome};

/// What an invocation came to.
#[derive(Debug)]
pub struct Report {
    /// The id of the event, for the log.
    pub event_id: String,
    /// What sort of event it was: `health event`, `sweep`.
    pub kind: String,
    /// How it ended.
    pub outcome: Outcome,
    /// Why it was decided so.
    pub reason: String,
    /// Each effect in a few words.
    pub effects: Vec<String>,
    /// What people were told.
    pub notices: Vec<Notice>,
    /// How many messages may have arrived before.
    pub repeated: usize,
    /// The age in seconds of the oldest effect that was found unsettled.
    pub outbox_age: u64,
    /// What whoever waits for it is answered, beside the outcome.
    pub answer: Option<serde_json::Value>,
    /// Why it failed: Lambda tries again, and in the end the event waits in the failure queue.
    pub failure: Option<Failure>,
}

impl Report {
    /// A report of something that ended as `outcome`, because of `reason`, without effects.
    pub fn new(kind: &str, outcome: Outcome, reason: impl Into<String>) -> Self {
        Self {
            event_id: NO_ID.to_owned(),
            kind: kind.to_owned(),
            outcome,
            reason: reason.into(),
            effects: Vec::new(),
            notices: Vec::new(),
            repeated: 0,
            outbox_age: 0,
            answer: None,
            failure: None,
        }
    }

    /// A report of `failure`.
    pub fn failed(kind: &str, failure: Failure) -> Self {
        Self { failure: Some(failure), ..Self::new(kind, Outcome::Failed, "") }
    }

    /// A report of `what`, which nobody can understand.
    pub fn malformed(kind: &str, what: &str, why: String) -> Self {
        let failure = Failure::new("understand", what, why);
        Self { outcome: Outcome::Malformed, ..Self::failed(kind, failure) }
    }

    /// The report of an invocation with these events.
    pub fn whole(events: Vec<Self>) -> Self {
        let nothing = || Self::new("foreign", Outcome::Foreign, "an empty envelope");
        events.into_iter().reduce(Self::and).unwrap_or_else(nothing)
    }

    /// Both reports as one, as for an envelope with several events: the gravest outcome, the first failure.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.event_id = join(self.event_id, &other.event_id);
        self.kind = join(self.kind, &other.kind);
        self.reason = join(self.reason, &other.reason);
        self.outcome = self.outcome.max(other.outcome);
        self.effects.extend(other.effects);
        self.notices.extend(other.notices);
        self.repeated += other.repeated;
        self.outbox_age = self.outbox_age.max(other.outbox_age);
        self.answer = self.answer.or(other.answer);
        self.failure = self.failure.or(other.failure);
        self
    }
}

impl<R: ToString, E> Concluded<R, E> {
    /// The report of what was concluded at `now`: acted, if anything was done. `brief` is an effect as the log may hold it,
    /// and `notice` what people were told by it.
    pub fn report(
        &self,
        kind: &str,
        now: Timestamp,
        brief: impl Fn(&E) -> String,
        notice: impl Fn(&E) -> Option<Notice>,
    ) -> Report {
        let done = || self.performed.iter().chain(&self.acted);
        let outcome = if done().next().is_some() { Outcome::Acted } else { Outcome::Unchanged };
        let age = self.oldest.map(|oldest| now.duration_since(oldest).as_secs());
        Report {
            effects: done().map(brief).collect(),
            notices: self.performed.iter().filter_map(notice).collect(),
            repeated: self.repeated,
            outbox_age: age.and_then(|age| u64::try_from(age).ok()).unwrap_or_default(),
            ..Report::new(kind, outcome, self.because.to_string())
        }
    }
}

/// The id of what has none.
const NO_ID: &str = "-";

fn join(one: String, other: &str) -> String {
    match (one.as_str(), other) {
        ("" | NO_ID, other) => other.to_owned(),
        (_, "" | NO_ID) => one,
        (so_far, other) if so_far.split("; ").any(|part| part == other) => one,
        (one, other) => format!("{one}; {other}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gravest_outcome_counts_and_nothing_is_named_twice() {
        let one = Report { event_id: "e-1".into(), ..Report::new("notice", Outcome::Acted, "shown") };
        let whole = one.and(Report::new("", Outcome::Unchanged, "")).and(Report::new(
            "notice",
            Outcome::Foreign,
            "shown",
        ));
        let (id, kind, reason) = (whole.event_id.as_str(), whole.kind.as_str(), whole.reason.as_str());
        assert_eq!((id, kind, reason, whole.outcome), ("e-1", "notice", "shown", Outcome::Acted));
        let failure = Failure::new("read", "the table", "no");
        assert_eq!(whole.and(Report::failed("notice", failure)).outcome, Outcome::Failed);
    }
}
