//! What a function concluded: why, the next state, the effects.

use std::fmt::Display;

use serde::Serialize;

/// The outcome of one `decide`: a value with two faces, printed (dry run, log, `explain`) or carried out.
///
/// `R` is the function's reason, `S` its state, `E` its effects. A refusal is a decision too.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Decision<R, S, E> {
    /// Why it was decided so.
    pub because: R,
    /// The state to record, if it changes.
    pub next: Option<S>,
    /// What to do once `next` is recorded, in this order.
    pub effects: Vec<E>,
}

impl<R, S, E> Decision<R, S, E> {
    /// A decision that changes nothing.
    pub fn because(reason: R) -> Self {
        Self { because: reason, next: None, effects: Vec::new() }
    }

    /// The same decision, recording `state`.
    #[must_use]
    pub fn record(mut self, state: S) -> Self {
        self.next = Some(state);
        self
    }

    /// The same decision, followed by `effect`.
    #[must_use]
    pub fn then(mut self, effect: E) -> Self {
        self.effects.push(effect);
        self
    }
}

/// One readable paragraph: the reason, then each effect.
impl<R: Display, S, E: Display> Display for Decision<R, S, E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.", self.because)?;
        if self.next.is_some() {
            write!(f, " Record the new state.")?;
        }
        for effect in &self.effects {
            write!(f, " {effect}.")?;
        }
        if self.next.is_none() && self.effects.is_empty() {
            write!(f, " Nothing to do.")?;
        }
        Ok(())
    }
}
