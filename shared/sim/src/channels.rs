//! What was published: the topic `notices` and the bus `watchkeeper`, both with failures on request.

use std::sync::{Arc, Mutex, PoisonError};

use watchkeeper_domain::{
    failure::Failure,
    notice::{DomainEvent, Notice},
    ports::{Events, Notices},
};

use crate::turn::turn;

/// Everything that went out, in order. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Channels {
    state: Arc<Mutex<State>>,
}

/// How a publication fails.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// It is refused: nothing went out, and that is certain.
    Refuse,
    /// It goes out, but the answer never comes: the failure is [`Failure::ambiguous`].
    HangAfterAccepting,
}

#[derive(Debug, Default)]
struct State {
    notices: Vec<(Notice, bool)>,
    events: Vec<DomainEvent>,
    publishes: Script,
    puts: Script,
}

/// How the next few publications end.
#[derive(Debug, Default)]
struct Script {
    failing: usize,
    outcome: Option<Outcome>,
}

impl Script {
    fn next(&mut self) -> Option<Outcome> {
        self.failing = self.failing.checked_sub(1)?;
        self.outcome
    }
}

impl Channels {
    /// The notices that were accepted, each with whether it was marked as a repeat.
    pub fn notices(&self) -> Vec<(Notice, bool)> {
        self.with(|state| state.notices.clone())
    }

    /// The domain events that were accepted.
    pub fn events(&self) -> Vec<DomainEvent> {
        self.with(|state| state.events.clone())
    }

    /// The notices since the last time, as [`Channels::notices`].
    pub fn take_notices(&self) -> Vec<(Notice, bool)> {
        self.with(|state| std::mem::take(&mut state.notices))
    }

    /// The domain events since the last time, as [`Channels::events`].
    pub fn take_events(&self) -> Vec<DomainEvent> {
        self.with(|state| std::mem::take(&mut state.events))
    }

    /// Makes the next `count` notices end with `outcome`. 0 mends the topic.
    pub fn fail_next_publishes(&self, count: usize, outcome: Outcome) {
        self.with(|state| state.publishes = Script { failing: count, outcome: Some(outcome) });
    }

    /// Makes the next `count` domain events end with `outcome`. 0 mends the bus.
    pub fn fail_next_puts(&self, count: usize, outcome: Outcome) {
        self.with(|state| state.puts = Script { failing: count, outcome: Some(outcome) });
    }

    fn with<T>(&self, look: impl FnOnce(&mut State) -> T) -> T {
        look(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Notices for Channels {
    async fn publish(&self, notice: &Notice, repeated: bool) -> Result<(), Failure> {
        turn().await;
        self.with(|state| {
            let outcome = state.publishes.next();
            if outcome != Some(Outcome::Refuse) {
                state.notices.push((notice.clone(), repeated));
            }
            answer(outcome, "publish", &notice.id)
        })
    }
}

impl Events for Channels {
    async fn put(&self, event: &DomainEvent) -> Result<(), Failure> {
        turn().await;
        self.with(|state| {
            let outcome = state.puts.next();
            if outcome != Some(Outcome::Refuse) {
                state.events.push(event.clone());
            }
            answer(outcome, "put on the bus", &event.id)
        })
    }
}

fn answer(outcome: Option<Outcome>, operation: &'static str, subject: &str) -> Result<(), Failure> {
    match outcome {
        None => Ok(()),
        Some(Outcome::Refuse) => Err(Failure::new(operation, subject, "the channel refused it")),
        Some(Outcome::HangAfterAccepting) => {
            Err(Failure::new(operation, subject, "the channel did not answer").in_doubt())
        }
    }
}
