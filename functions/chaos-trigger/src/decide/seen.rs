//! What a decision is made on.

use jiff::Timestamp;
use watchkeeper_domain::{
    drill::Facts,
    experiment::{Experiment, Ordered},
};

use super::Effect;
use crate::standing::Trigger;

/// What has happened.
#[derive(Clone, Debug, PartialEq)]
pub enum News {
    /// Somebody or something asks for a run.
    Asked(Ask),
    /// Somebody cancels the announced run, and why.
    Cancelled(String),
    /// Somebody lets the drill run again, and why.
    Released(String),
    /// A tick, or an experiment has changed: look.
    Look,
}

/// Somebody or something asks for a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Ask {
    /// The same for every copy of it.
    pub id: String,
    /// Who or what asks.
    pub trigger: Trigger,
    /// When it should start. `None`: as soon as people have been told.
    pub due: Option<Timestamp>,
    /// When it was asked.
    pub at: Timestamp,
    /// Why, in one line.
    pub because: String,
}

/// What was observed.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    /// What has happened.
    pub news: News,
    /// What the guards judge. What was not asked for counts as not read.
    pub facts: Facts,
    /// The id of its template, once it is known: one that is named is looked up.
    pub template_id: Option<String>,
    /// Whether the floor is ours.
    pub has_floor: bool,
    /// Our preview, if there is one.
    pub preview: Option<Experiment>,
    /// Our experiment, if there is one.
    pub experiment: Option<Experiment>,
    /// What the pass before has done in this invocation.
    pub acted: Option<Acted>,
}

/// An act that was done, and what FIS has answered if it was asked to start something.
#[derive(Clone, Debug, PartialEq)]
pub struct Acted {
    /// The act.
    pub act: Effect,
    /// FIS's answer.
    pub answer: Option<Ordered>,
}
