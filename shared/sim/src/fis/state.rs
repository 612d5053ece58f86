//! Everything that FIS remembers, and how it answers.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use watchkeeper_domain::{
    experiment::{Lever, Order, Ordered},
    fis::{Template, planned_duration},
};

use super::{
    LONGEST, MOST_ACTIVE, Operation, Resolution,
    run::{Run, Why},
    targets,
};
use crate::faults::Faults;

#[derive(Debug, Default)]
pub(super) struct State {
    pub templates: BTreeMap<String, Value>,
    pub runs: Vec<Run>,
    pub script: BTreeMap<String, Resolution>,
    pub alarms: BTreeMap<String, BTreeSet<Timestamp>>,
    pub engaged: bool,
    pub hangs: bool,
    pub lever_reason: String,
    pub list_lag: SignedDuration,
    pub faults: Faults<Operation>,
    pub calls: BTreeMap<Operation, usize>,
    pub losing: usize,
    pub starts: Vec<Order>,
    pub stops: Vec<String>,
}

impl State {
    pub(super) fn run(&self, id: &str, now: Timestamp) -> Option<&Run> {
        self.runs.iter().find(|run| run.id == id && !run.is_forgotten(now))
    }

    fn active(&self, now: Timestamp) -> usize {
        self.runs.iter().filter(|run| !run.status(now).is_terminal()).count()
    }

    /// AWS FIS User Guide, "Safety levers": it is `engaging` until everything has stopped.
    pub(super) fn lever(&self, now: Timestamp) -> Lever {
        let status = match self.engaged {
            true if self.active(now) > 0 => "engaging",
            true => "engaged",
            false => "disengaged",
        };
        Lever { status: status.to_owned(), reason: self.lever_reason.clone() }
    }

    /// Unverified: what FIS answers when a token is used for another order.
    pub(super) fn start(&mut self, order: &Order, now: Timestamp) -> Ordered {
        if let Some(run) = self.runs.iter().find(|run| run.order.token == order.token) {
            let asked = |order: &Order| (order.template.clone(), order.skips_actions);
            return if asked(&run.order) == asked(order) {
                Ordered::Accepted(run.id.clone())
            } else {
                Ordered::Rejected("ConflictException: the token was used for another order".to_owned())
            };
        }
        let id = format!("EXP{:015}", self.runs.len() + 1);
        match self.run_of(order, &id, now) {
            Ok(run) => self.runs.push(run),
            Err((code, message)) => return Ordered::Rejected(format!("{code}: {message}")),
        }
        Ordered::Accepted(id)
    }

    /// A new run, or the code and message of the refusal. FIS would not have created a template that cannot be read.
    fn run_of(&self, order: &Order, id: &str, now: Timestamp) -> Result<Run, (&'static str, String)> {
        if let Some(wrong) = wrong(order) {
            return Err(("ValidationException", wrong.to_owned()));
        }
        let document = self.templates.get(&order.template);
        let document = document.ok_or(("ResourceNotFoundException", format!("no {}", order.template)))?;
        let template = Template::parse(document).ok();
        let template = template.filter(|it| planned_duration(it).is_some_and(|planned| planned <= LONGEST));
        let template =
            template.ok_or(("ValidationException", format!("{} is no template", order.template)))?;
        if self.active(now) >= MOST_ACTIVE {
            return Err(("ServiceQuotaExceededException", format!("{MOST_ACTIVE} are active")));
        }
        Ok(Run {
            id: id.to_owned(),
            order: order.clone(),
            document: document.clone(),
            targets: targets::resolve(&template, &self.script),
            template,
            created_at: now,
            cancelled: self.engaged,
            hangs: self.hangs,
            halt: None,
            alarms: self.alarms.get(&order.template).cloned().unwrap_or_default(),
            told: 1,
        })
    }

    pub(super) fn stop(&mut self, id: &str, now: Timestamp) {
        self.runs.iter_mut().filter(|run| run.id == id).for_each(|run| run.halt(now, Why::Person));
    }
}

/// What is wrong with an order (AWS FIS API Reference, `StartExperiment`).
fn wrong(order: &Order) -> Option<&'static str> {
    let is_token = |text: &str| (1..=1024).contains(&text.len()) && !text.contains(char::is_whitespace);
    let is_key = |key: &String| (1..=128).contains(&key.len()) && !key.starts_with("aws:");
    match () {
        () if !is_token(&order.token) => Some("clientToken"),
        () if order.tags.len() > 50 || !order.tags.keys().all(is_key) => Some("tags"),
        () if order.tags.values().any(|value| value.len() > 256) => Some("tags"),
        () => None,
    }
}
