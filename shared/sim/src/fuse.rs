//! Crash injection: the process is killed before or after any of its steps.

use std::sync::{Mutex, PoisonError};

use watchkeeper_domain::failure::Failure;

const OPERATION: &str = "go on after";
const SUBJECT: &str = "the kill";

/// Kills one process of the fake world. Every operation on the world is a step, reads as well; steps count from 0.
///
/// A kill looks like a [`Failure`] (see [`Fuse::is_kill`]). From then on every operation fails the same way and does
/// nothing, so whatever the process tries next has no effect either. [`Fuse::reset`] starts a new process.
#[derive(Debug, Default)]
pub struct Fuse {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    plan: Option<Plan>,
    steps: usize,
    blown: bool,
}

#[derive(Clone, Copy, Debug)]
struct Plan {
    step: usize,
    after: bool,
}

/// What becomes of a step.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Step {
    /// It is done.
    Done,
    /// It is done, but the process never learns of it.
    DoneUnseen,
    /// It is not done.
    NotDone,
}

impl Fuse {
    /// Never blows.
    pub fn never() -> Self {
        Self::default()
    }

    /// Blows before `step`, which is not done.
    pub fn before(step: usize) -> Self {
        Self::planned(Plan { step, after: false })
    }

    /// Blows after `step`, which is done, but its answer is lost.
    pub fn after(step: usize) -> Self {
        Self::planned(Plan { step, after: true })
    }

    /// How many steps this process has tried: those of an uninterrupted run are the places to kill it.
    pub fn steps(&self) -> usize {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).steps
    }

    /// Whether this process has been killed.
    pub fn is_blown(&self) -> bool {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).blown
    }

    /// Starts a new process, which is not killed and counts its steps from 0.
    pub fn reset(&self) {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = State::default();
    }

    /// Whether `failure` is the kill. A failure caused by the kill is not.
    pub fn is_kill(failure: &Failure) -> bool {
        failure.operation == OPERATION && failure.subject == SUBJECT
    }

    /// The failure that a killed process sees, if anybody did look.
    pub(crate) fn kill() -> Failure {
        Failure::new(OPERATION, SUBJECT, "the fuse has blown")
    }

    /// Counts a step and says what becomes of it.
    pub(crate) fn step(&self) -> Step {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.blown {
            return Step::NotDone;
        }
        let number = state.steps;
        state.steps += 1;
        let Some(plan) = state.plan.filter(|plan| plan.step == number) else { return Step::Done };
        state.blown = true;
        if plan.after { Step::DoneUnseen } else { Step::NotDone }
    }

    fn planned(plan: Plan) -> Self {
        Self { state: Mutex::new(State { plan: Some(plan), ..State::default() }) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_done_after_the_kill_until_a_new_process_starts() {
        let fuse = Fuse::after(1);
        let run = [fuse.step(), fuse.step(), fuse.step(), fuse.step()];
        assert_eq!(run, [Step::Done, Step::DoneUnseen, Step::NotDone, Step::NotDone]);
        assert!(fuse.is_blown());
        fuse.reset();
        assert_eq!([fuse.step(), fuse.step(), fuse.step()], [Step::Done; 3]);
        assert_eq!((fuse.steps(), fuse.is_blown()), (3, false));
    }
}
