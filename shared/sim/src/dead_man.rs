//! One-shot schedules that fire when the clock has passed them, and then delete themselves.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use jiff::Timestamp;
use watchkeeper_domain::{failure::Failure, ports::DeadMan};

use crate::{
    channels::Outcome,
    clock::Clock,
    faults::{self, Faults},
    turn::turn,
};

/// What can be asked of the schedules, to make it go wrong.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Operation {
    /// [`DeadMan::arm`].
    Arm,
    /// [`DeadMan::aim`].
    Aim,
    /// [`DeadMan::disarm`].
    Disarm,
}

/// A schedule that fires once.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct OneShot {
    /// Its name.
    pub name: String,
    /// When it fires.
    pub at: Timestamp,
    /// What it does then.
    pub target: Target,
}

/// What a schedule does when it fires.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Target {
    /// It wakes `experiment-watcher` with `{"tick":"dead-man","token":…}`.
    Watcher {
        /// The token.
        token: String,
    },
    /// It stops an experiment by itself.
    Stop {
        /// The id of the experiment.
        experiment: String,
    },
}

/// The schedules, by name. Clones share them.
#[derive(Clone, Debug)]
pub struct Schedules {
    clock: Clock,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    armed: BTreeMap<String, OneShot>,
    faults: Faults<Operation>,
}

impl Schedules {
    /// No schedules yet; they will keep time by `clock`.
    pub fn at(clock: &Clock) -> Self {
        Self { clock: clock.clone(), state: Arc::default() }
    }

    /// Those that have not fired, by name.
    pub fn armed(&self) -> Vec<OneShot> {
        self.with(|state| state.armed.values().cloned().collect())
    }

    /// Those that the clock has passed, the earliest first. They are gone then.
    pub fn fire(&self) -> Vec<OneShot> {
        let now = self.clock.now();
        let mut fired: Vec<_> =
            self.with(|state| state.armed.extract_if(.., |_, it| it.at <= now).map(|(_, it)| it).collect());
        fired.sort_by_key(|it| it.at);
        fired
    }

    /// Makes the next `count` calls of `operation` end with `outcome`. 0 mends it.
    pub fn fail_next(&self, operation: Operation, count: usize, outcome: Outcome) {
        self.with(|state| state.faults.plan(operation, count, outcome));
    }

    fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    async fn call(
        &self,
        operation: Operation,
        name: &str,
        act: impl FnOnce(&mut State),
    ) -> Result<(), Failure> {
        turn().await;
        let verb = match operation {
            Operation::Arm | Operation::Aim => "set the schedule",
            Operation::Disarm => "delete the schedule",
        };
        self.with(|state| {
            let outcome = state.faults.take(&operation);
            faults::answer(outcome, verb, name, || act(state))
        })
    }

    async fn set(&self, operation: Operation, one: OneShot) -> Result<(), Failure> {
        let name = one.name.clone();
        self.call(operation, &name, |state| drop(state.armed.insert(one.name.clone(), one))).await
    }
}

impl DeadMan for Schedules {
    async fn arm(&self, name: &str, at: Timestamp, token: &str) -> Result<(), Failure> {
        let target = Target::Watcher { token: token.to_owned() };
        self.set(Operation::Arm, OneShot { name: name.to_owned(), at, target }).await
    }

    async fn aim(&self, name: &str, at: Timestamp, experiment: &str) -> Result<(), Failure> {
        let target = Target::Stop { experiment: experiment.to_owned() };
        self.set(Operation::Aim, OneShot { name: name.to_owned(), at, target }).await
    }

    async fn disarm(&self, name: &str) -> Result<(), Failure> {
        self.call(Operation::Disarm, name, |state| drop(state.armed.remove(name))).await
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    #[tokio::test(flavor = "current_thread")]
    async fn a_schedule_fires_once_where_it_was_set_last() {
        let start: Timestamp = "2026-11-20T12:00:00Z".parse().unwrap();
        let minute = |minutes| start + SignedDuration::from_mins(minutes);
        let clock = Clock::at(start);
        let schedules = Schedules::at(&clock);
        schedules.arm("one", minute(5), "t1").await.unwrap();
        schedules.arm("two", minute(4), "t2").await.unwrap();
        schedules.arm("gone", minute(1), "t3").await.unwrap();
        schedules.aim("one", minute(3), "EXP1").await.unwrap();
        schedules.disarm("gone").await.unwrap();
        schedules.disarm("gone").await.unwrap();
        schedules.fail_next(Operation::Arm, 1, Outcome::HangAfterAccepting);
        assert!(schedules.arm("two", minute(6), "t2").await.unwrap_err().ambiguous);

        clock.advance_to(minute(2));
        assert_eq!(schedules.fire(), []);
        clock.advance_to(minute(6));
        let stop = Target::Stop { experiment: "EXP1".into() };
        let wake = Target::Watcher { token: "t2".into() };
        let fired = [
            OneShot { name: "one".into(), at: minute(3), target: stop },
            OneShot { name: "two".into(), at: minute(6), target: wake },
        ];
        assert_eq!(schedules.fire(), fired);
        assert_eq!((schedules.fire(), schedules.armed()), (vec![], vec![]));
    }
}
