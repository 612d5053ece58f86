//! The actions of an experiment, one after another.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use watchkeeper_domain::{
    experiment::{ActionRun, Status},
    fis::{
        plan,
        template::{Action, Text},
    },
};

use super::run::{Change, Run, when};

/// When an action begins and ends, counted from when the experiment is running.
pub(super) struct Span<'t> {
    action: &'t Action,
    start: SignedDuration,
    pub end: SignedDuration,
    skipped: bool,
}

impl Run {
    /// Each action's time, by `startAfter` and the durations of the domain.
    pub(super) fn spans(&self) -> BTreeMap<&str, Span<'_>> {
        let mut spans: BTreeMap<&str, Span<'_>> = BTreeMap::new();
        loop {
            let has_begun = |name: &str| spans.contains_key(name);
            let is_ready = |action: &Action| action.start_after.iter().filter_map(Text::known).all(has_begun);
            let ready = self.template.actions.iter().filter(|(name, it)| !has_begun(name) && is_ready(it));
            let next: Vec<_> = ready.map(|(name, it)| (name.as_str(), self.span(it, &spans))).collect();
            if next.is_empty() {
                return spans;
            }
            spans.extend(next);
        }
    }

    fn span<'t>(&self, action: &'t Action, before: &BTreeMap<&str, Span<'t>>) -> Span<'t> {
        let after = action.start_after.iter().filter_map(|after| Some(before.get(after.known()?)?.end));
        let start = after.max().unwrap_or_default();
        let is_empty = |target: &Text| target.known().is_some_and(|it| self.targets.empty.contains(it));
        let skipped = self.order.skips_actions || action.targets.values().any(is_empty);
        let lasts = if skipped { SignedDuration::ZERO } else { plan::lasts(action).unwrap_or_default() };
        Span { action, start, end: start + lasts, skipped }
    }

    /// The actions as they stand at `now`, after `changes`.
    pub(super) fn actions(&self, changes: &[Change], now: Timestamp) -> BTreeMap<String, ActionRun> {
        let actions = self.spans().into_iter().map(|(name, span)| {
            let (status, started_at, ended_at) = span.at(changes, now);
            let run = ActionRun {
                action_id: span.action.action_id.to_string(),
                status: status.to_owned(),
                reason: format!("Action is {status}."),
                started_at,
                ended_at,
            };
            (name.to_owned(), run)
        });
        actions.collect()
    }
}

impl Span<'_> {
    /// Where the action stands, and from when to when it lasted.
    fn at(&self, changes: &[Change], now: Timestamp) -> (&'static str, Option<Timestamp>, Option<Timestamp>) {
        let over = when(changes, Status::is_terminal);
        let Some(running) = when(changes, |status| *status == Status::Running) else {
            return (if over.is_some() { "cancelled" } else { "pending" }, None, None);
        };
        if self.skipped {
            return ("skipped", None, None);
        }
        let (start, end) = (running + self.start, running + self.end);
        match when(changes, |status| *status == Status::Stopping) {
            Some(halted) if start >= halted => ("cancelled", None, None),
            Some(halted) if end > halted && over.is_none() => ("stopping", Some(start), None),
            Some(halted) if end > halted => ("stopped", Some(start), over),
            _ if end <= now => ("completed", Some(start), Some(end)),
            _ if start <= now => ("running", Some(start), None),
            _ => ("pending", None, None),
        }
    }
}
