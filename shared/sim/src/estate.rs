//! The part of the fake world that drills are about.

use watchkeeper_domain::{
    failure::Failure,
    ports::{Alarm, AlarmChange, Alarms, StopCall, StopSort, Stops},
};

use crate::{
    clock::Clock,
    dead_man::{OneShot, Schedules, Target},
    facts::Facts,
    fis::Fis,
    measured::Measured,
};

/// Whose calls CloudTrail shows when Watchkeeper itself ends an experiment: the role of `experiment-watcher`.
pub const WATCHER: &str =
    "arn:aws:sts::123456789012:assumed-role/watchkeeper-ExperimentWatcherRole/experiment-watcher";
/// The same of a schedule: the role that it assumes.
pub const DEAD_MAN: &str = "arn:aws:sts::123456789012:assumed-role/watchkeeper-DeadManRole/dead-man";

/// FIS, the schedules that end a run whose minder has died, and what a guard has to know. Clones share it.
#[derive(Clone, Debug)]
pub struct Estate {
    /// The experiments.
    pub fis: Fis,
    /// The schedules.
    pub dead_man: Schedules,
    /// The facts.
    pub facts: Facts,
    /// What was measured, and who did what.
    pub measured: Measured,
    clock: Clock,
}

impl Estate {
    /// An estate in which nothing has happened, and whose time is that of `clock`.
    pub fn at(clock: &Clock) -> Self {
        Self {
            fis: Fis::at(clock),
            dead_man: Schedules::at(clock),
            facts: Facts::default(),
            measured: Measured::at(clock),
            clock: clock.clone(),
        }
    }

    /// `by` calls `StopExperiment`, which CloudTrail will tell.
    ///
    /// # Errors
    /// When FIS was made to fail.
    pub async fn stop(&self, experiment: &str, by: &str) -> Result<(), Failure> {
        let stopped = self.fis.stop(experiment).await;
        if stopped.as_ref().is_err_and(|failure| !failure.ambiguous) {
            return stopped;
        }
        self.measured.add_call(Some(experiment), self.call(StopSort::StopExperiment, by));
        stopped
    }

    /// `by` engages the safety lever, which CloudTrail will tell.
    pub fn engage_lever(&self, by: &str, reason: &str) {
        self.fis.engage_lever(reason);
        self.measured.add_call(None, self.call(StopSort::SafetyLever, by));
    }

    /// Changes the state of the alarm `arn` now, as its history will tell. FIS acts on it where [`Fis::fire_stop_condition`]
    /// says so.
    ///
    /// # Errors
    /// When alarms were made to fail.
    pub async fn change_alarm(&self, arn: &str, to: &str) -> Result<(), Failure> {
        let now = self.clock.now();
        let known = self.facts.alarms(&[arn.to_owned()].into()).await?;
        let from = known.first().map_or("INSUFFICIENT_DATA", |alarm| alarm.state.as_str()).to_owned();
        self.measured.change_alarm(AlarmChange { at: now, arn: arn.to_owned(), from, to: to.to_owned() });
        self.facts.set_alarm(Alarm { arn: arn.to_owned(), state: to.to_owned(), since: Some(now) });
        Ok(())
    }

    fn call(&self, sort: StopSort, by: &str) -> StopCall {
        StopCall { at: self.clock.now(), sort, by: by.to_owned() }
    }

    /// Fires the schedules that the clock has passed, and returns them. What is aimed at an experiment stops it;
    /// waking `experiment-watcher` is up to the caller.
    ///
    /// # Errors
    /// When FIS was made to fail.
    pub async fn fire(&self) -> Result<Vec<OneShot>, Failure> {
        let fired = self.dead_man.fire();
        for one in &fired {
            if let Target::Stop { experiment } = &one.target {
                self.stop(experiment, DEAD_MAN).await?;
            }
        }
        Ok(fired)
    }
}

#[cfg(test)]
mod tests {
    use jiff::{SignedDuration, Timestamp};
    use serde_json::json;
    use watchkeeper_domain::{
        experiment::{Order, Status, windows::Interval},
        ports::{DeadMan, History, Starts},
    };

    use super::*;

    #[tokio::test(flavor = "current_thread")]
    async fn a_schedule_that_is_aimed_at_an_experiment_stops_it() {
        let clock = Clock::at(Timestamp::UNIX_EPOCH);
        let estate = Estate::at(&clock);
        let action = json!({ "actionId": "aws:fis:wait", "parameters": { "duration": "PT1H" } });
        estate.fis.put_template("EXT1", json!({ "actions": { "wait": action } }));
        let (token, tags) = ("t".to_owned(), Default::default());
        let order = Order { template: "EXT1".to_owned(), token, skips_actions: false, tags };
        estate.fis.start(&order).await.unwrap();
        let id = estate.fis.runs()[0].listed.id.clone();
        let at = clock.now() + SignedDuration::from_mins(20);
        estate.dead_man.aim("dead-man", at, &id).await.unwrap();

        assert_eq!(estate.fire().await.unwrap(), []);
        clock.advance_to(at);
        assert_eq!(estate.fire().await.unwrap().len(), 1);
        assert_eq!(estate.fis.runs()[0].listed.status, Status::Stopping);
        clock.advance(crate::measured::TRAIL_DELAY);
        let within = Interval { from: Timestamp::UNIX_EPOCH, to: clock.now() };
        let calls = estate.measured.stop_calls(&id, within).await.unwrap();
        assert_eq!(calls, [StopCall { at, sort: StopSort::StopExperiment, by: DEAD_MAN.to_owned() }]);
    }
}
