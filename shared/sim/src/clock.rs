//! A clock that stands still until it is advanced.

use std::sync::{Arc, Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};

/// The time of the fake world. It never goes back. Clones show the same time.
#[derive(Clone, Debug)]
pub struct Clock {
    now: Arc<Mutex<Timestamp>>,
}

impl Clock {
    /// A clock that shows `start`.
    pub fn at(start: Timestamp) -> Self {
        Self { now: Arc::new(Mutex::new(start)) }
    }

    /// The time.
    pub fn now(&self) -> Timestamp {
        *self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Advances to `moment`. Nothing happens if that is over. Returns the time as it then is.
    pub fn advance_to(&self, moment: Timestamp) -> Timestamp {
        let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        *now = moment.max(*now);
        *now
    }

    /// Advances by `duration`. Nothing happens if that is negative. Returns the time as it then is.
    pub fn advance(&self, duration: SignedDuration) -> Timestamp {
        let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        *now = now.saturating_add(duration).unwrap_or(*now).max(*now);
        *now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_advances_for_everybody_and_never_goes_back() {
        let start: Timestamp = "2026-11-20T12:00:00Z".parse().unwrap();
        let clock = Clock::at(start);
        let other = clock.clone();
        clock.advance(SignedDuration::from_mins(5));
        clock.advance_to(start);
        clock.advance(SignedDuration::from_mins(-5));
        assert_eq!(other.now(), start + SignedDuration::from_mins(5));
    }

    #[test]
    fn a_negative_step_out_of_range_does_not_move_the_clock() {
        let clock = Clock::at(Timestamp::UNIX_EPOCH);
        assert_eq!(clock.advance(SignedDuration::MIN), Timestamp::UNIX_EPOCH);
    }
}
