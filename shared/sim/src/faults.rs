//! The next few calls of an operation, failing on request.

use std::collections::BTreeMap;

use watchkeeper_domain::failure::Failure;

use crate::channels::Outcome;

/// How the next calls of each operation end. An operation that is not in it succeeds.
#[derive(Debug)]
pub(crate) struct Faults<O> {
    next: BTreeMap<O, (usize, Outcome)>,
}

/// No faults.
impl<O> Default for Faults<O> {
    fn default() -> Self {
        Self { next: BTreeMap::new() }
    }
}

impl<O: Ord> Faults<O> {
    /// Makes the next `count` calls of `operation` end with `outcome`. 0 mends it.
    pub(crate) fn plan(&mut self, operation: O, count: usize, outcome: Outcome) {
        self.next.insert(operation, (count, outcome));
    }

    /// How this call of `operation` ends, when it is not well.
    pub(crate) fn take(&mut self, operation: &O) -> Option<Outcome> {
        let (left, outcome) = self.next.get_mut(operation)?;
        *left = left.checked_sub(1)?;
        Some(*outcome)
    }
}

/// Does `act` as far as `outcome` has it, and answers so. `operation` and `subject` are those of the failure.
pub(crate) fn answer<T>(
    outcome: Option<Outcome>,
    operation: &'static str,
    subject: &str,
    act: impl FnOnce() -> T,
) -> Result<T, Failure> {
    match outcome {
        None => Ok(act()),
        Some(Outcome::Refuse) => Err(Failure::new(operation, subject, "it was refused")),
        Some(Outcome::HangAfterAccepting) => {
            act();
            Err(Failure::new(operation, subject, "it was not answered").in_doubt())
        }
    }
}
