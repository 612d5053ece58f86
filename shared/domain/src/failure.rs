//! The one deployed error type.

use std::error::Error;

/// An operation on something outside that did not succeed.
///
/// `Display` never repeats the source: [`Failure::chain`] prints the whole chain, at one place.
#[derive(Debug, thiserror::Error)]
#[error("could not {operation} {subject}")]
pub struct Failure {
    /// What was tried, as a verb phrase: `publish to`, `read`.
    pub operation: &'static str,
    /// What it was tried on: a key, a topic, a file. Never a secret.
    pub subject: String,
    /// Whether it may have happened all the same, as after a time-out.
    pub ambiguous: bool,
    /// What went wrong underneath.
    #[source]
    pub source: Box<dyn Error + Send + Sync>,
}

impl Failure {
    /// A failure after which it is certain that nothing was done.
    pub fn new(
        operation: &'static str,
        subject: impl Into<String>,
        source: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        Self { operation, subject: subject.into(), ambiguous: false, source: source.into() }
    }

    /// The same failure, after which it is unknown whether the thing was done.
    #[must_use]
    pub fn in_doubt(mut self) -> Self {
        self.ambiguous = true;
        self
    }

    /// Every message from the outermost to the cause, each once, joined by `: `.
    pub fn chain(&self) -> String {
        let mut messages = vec![self.to_string()];
        let mut next: Option<&dyn Error> = Some(self.source.as_ref());
        while let Some(error) = next {
            let message = error.to_string();
            if messages.last().is_none_or(|last| !last.ends_with(&message)) {
                messages.push(message);
            }
            next = error.source();
        }
        messages.join(": ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chain_names_every_cause_once() {
        let inner = Failure::new("read", "CASE#1", "connection refused");
        let outer = Failure::new("handle", "event 7", inner);
        assert_eq!(outer.to_string(), "could not handle event 7");
        assert_eq!(outer.chain(), "could not handle event 7: could not read CASE#1: connection refused");
    }
}
