//! What a delivery or a sweep came to.

use jiff::Timestamp;
use serde_json::{Value, json};
use watchkeeper_domain::{
    failure::Failure,
    notice::{DomainEvent, Notice},
    text,
};
use watchkeeper_shell::{Outcome, Report};

use crate::board::{New, Shown};

/// What stands in the place of the file when nothing but time has passed.
pub const SWEEP: &str = "(sweep)";

/// One invocation, or an event that invoked nobody.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// Where the event came from: a file, or [`SWEEP`].
    pub file: String,
    /// The id of the event; `-` when it has none.
    pub event_id: String,
    /// The function that was invoked.
    pub function: Option<&'static str>,
    /// The time on the clock.
    pub at: Timestamp,
    /// How it ended.
    pub outcome: Outcome,
    /// Why.
    pub reason: String,
    /// The notices that were published, each with whether it may have arrived before.
    pub notices: Vec<(Notice, bool)>,
    /// The domain events that were put on the bus.
    pub events: Vec<DomainEvent>,
    /// What channels have shown.
    pub shown: Vec<Shown>,
    /// Whether it was invoked by a notice or a domain event of another invocation.
    pub follows: bool,
}

impl Delivery {
    /// What `report` says about an invocation of `function` at `at`, in which `notices` arrived.
    pub fn of(function: &'static str, at: Timestamp, report: Report, notices: Vec<(Notice, bool)>) -> Self {
        let failure = report.failure.as_ref().filter(|_| report.outcome == Outcome::Failed);
        Self {
            file: String::new(),
            event_id: report.event_id,
            function: Some(function),
            at,
            outcome: report.outcome,
            reason: failure.map_or(report.reason, Failure::chain),
            notices,
            events: Vec::new(),
            shown: Vec::new(),
            follows: false,
        }
    }

    /// The event `payload` at `at`, which invoked nobody because of `reason`.
    pub fn undelivered(payload: &Value, at: Timestamp, outcome: Outcome, reason: String) -> Self {
        let event_id = payload["id"].as_str().unwrap_or("-").to_owned();
        Self {
            file: String::new(),
            event_id,
            function: None,
            at,
            outcome,
            reason,
            notices: Vec::new(),
            events: Vec::new(),
            shown: Vec::new(),
            follows: false,
        }
    }

    /// The same, in which channels have shown and refused what is `new`. For Lambda a refusal is concluded once it is in
    /// the failure queue; whoever waits for this command is to know of it.
    #[must_use]
    pub fn showing(self, new: New) -> Self {
        let outcome = if new.lost.is_empty() { self.outcome } else { Outcome::Failed };
        Self { shown: new.shown, outcome, ..self }
    }

    /// The same, invoked by a notice or a domain event.
    #[must_use]
    pub fn following(self) -> Self {
        Self { follows: true, ..self }
    }

    /// The same, of `file`.
    #[must_use]
    pub fn from(self, file: &str) -> Self {
        Self { file: file.to_owned(), ..self }
    }

    /// Whether nobody delivered it but the passing of time.
    pub fn is_sweep(&self) -> bool {
        self.file == SWEEP
    }

    /// Whether it is one for machines: what notifier does on its own account only is when it fails.
    pub fn is_for_machines(&self) -> bool {
        let is_own = self.follows || (self.is_sweep() && self.function == Some(notifier::NAME));
        !is_own || self.outcome == Outcome::Failed
    }

    /// `acted`, `unchanged`, `refused`, `foreign`, `malformed` or `failed`.
    pub fn outcome_word(&self) -> String {
        self.outcome.metric().to_lowercase()
    }

    /// One line for machines.
    pub fn to_json(&self) -> Value {
        let notice = |(notice, _): &(Notice, bool)| {
            json!({
                "id": notice.id,
                "kind": notice.kind.as_str(),
                "severity": notice.severity.as_str(),
                "headline": notice.headline,
            })
        };
        json!({
            "event_id": self.event_id,
            "file": self.file,
            "function": self.function,
            "outcome": self.outcome_word(),
            "reason": self.reason,
            "notices": self.notices.iter().map(notice).collect::<Vec<_>>(),
        })
    }

    /// One line for people; a `brief` one has neither function nor id.
    pub fn to_line(&self, brief: bool) -> String {
        let at = self.at.strftime("%d %b %H:%M");
        let outcome = self.outcome_word();
        let what = match text::line(&self.reason) {
            none if none.is_empty() => self.file.clone(),
            reason => format!("{}: {reason}", self.file),
        };
        if brief {
            return format!("{at}  {outcome:<9}  {what}");
        }
        let function = self.function.unwrap_or("-");
        let id: String = text::line(&self.event_id).chars().take(8).collect();
        format!("{at}  {outcome:<9}  {function:<16}  {id:<8}  {what}")
    }
}
