//! The leash: the one place that acts on somebody's infrastructure go through.

use watchkeeper_domain::failure::Failure;

/// Whether acts that touch somebody's infrastructure are held back. On by default.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Leash {
    /// Whether it is on.
    pub on: bool,
}

impl Default for Leash {
    fn default() -> Self {
        Self { on: true }
    }
}

impl Leash {
    /// Lets `what`, an act as a noun phrase, pass. It is asked before anything is sent.
    ///
    /// # Errors
    /// While it is on: nothing was done, and that is certain.
    pub fn holds(self, what: &str) -> Result<(), Failure> {
        if self.on {
            Err(Failure::new("go through with", what, "the leash is on: nothing was sent"))
        } else {
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_on_until_somebody_takes_it_off() {
        let held = Leash::default().holds("the stop of EXP1").unwrap_err();
        assert!(!held.ambiguous);
        assert_eq!(
            held.chain(),
            "could not go through with the stop of EXP1: the leash is on: nothing was sent"
        );
        assert!(Leash { on: false }.holds("the stop of EXP1").is_ok());
    }
}
