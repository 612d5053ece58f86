//! When the sweeps of `template.yaml` tick while time passes.

use std::collections::BTreeMap;

use chaos_trigger::standing::Standing;
use experiment_watcher::watch::Watch;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use watchkeeper_domain::{
    drill::{Drill, Drills, when::occurrences},
    experiment::Experiment,
    records::Key,
};
use watchkeeper_sim::{
    bus::{Bus, Tick},
    schedule::Every,
};

use crate::functions::Function;

/// How often an item is looked at that stays due, before time goes on without it.
const PATIENCE: u32 = 3;

/// The same for drills, which stay due from their start to their verdict. An experiment takes 12 hours at most (AWS FIS
/// User Guide, "Quotas and limitations"): at a look a minute, this is a day.
const PATIENCE_WITH_DRILLS: u32 = 24 * 60;

/// What a sweep sends when its schedule does not say how often.
const USUAL: SignedDuration = SignedDuration::from_mins(5);

/// The schedules that send `{"tick":"sweep"}`. A tick at which nothing is due is left out: it would find nothing.
#[derive(Debug)]
pub struct Sweeps {
    sweeps: Vec<Sweep>,
}

#[derive(Debug)]
struct Sweep {
    logical_id: String,
    function: Function,
    every: SignedDuration,
    input: Value,
    patience: u32,
    last: Option<Timestamp>,
    nominated: BTreeMap<(Key, Timestamp), u32>,
}

impl Sweeps {
    /// The sweeps of the functions that run here.
    pub fn of(bus: &Bus) -> Self {
        let sweep = |tick: Tick| {
            let every = match tick.every {
                Every::Rate(every) => every,
                Every::Text(_) => USUAL,
            };
            let function = Function::named(&tick.function)?;
            let is_of_drills = matches!(function, Function::ChaosTrigger | Function::ExperimentWatcher);
            Some(Sweep {
                function,
                patience: if is_of_drills { PATIENCE_WITH_DRILLS } else { PATIENCE },
                logical_id: tick.function,
                every,
                input: tick.input,
                last: None,
                nominated: BTreeMap::new(),
            })
        };
        let ticks = bus.ticks().into_iter().filter(|tick| tick.input == json!({"tick": "sweep"}));
        Self { sweeps: ticks.filter_map(sweep).collect() }
    }

    /// The functions that sweep, each with its number.
    pub fn functions(&self) -> Vec<(usize, Function)> {
        self.sweeps.iter().map(|sweep| sweep.function).enumerate().collect()
    }

    /// The time between two ticks, of the one that ticks least often.
    pub fn longest(&self) -> SignedDuration {
        self.sweeps.iter().map(|sweep| sweep.every).max().unwrap_or(USUAL)
    }

    /// The logical ids of the functions whose schedule sends `payload`.
    pub fn heard_by(&self, payload: &Value) -> Vec<&str> {
        let sends = self.sweeps.iter().filter(|sweep| sweep.input == *payload);
        sends.map(|sweep| sweep.logical_id.as_str()).collect()
    }

    /// When sweep `index` ticks next to any purpose, given all that is `due`.
    pub fn next(&mut self, index: usize, due: &[(Key, Timestamp)]) -> Option<Timestamp> {
        let sweep = self.sweeps.get_mut(index)?;
        let counted = due.iter().map(|item| (item.clone(), sweep.nominated.get(item).copied().unwrap_or(0)));
        sweep.nominated = counted.collect();
        let hopeful = sweep.nominated.iter().filter(|(_, looks)| **looks < sweep.patience);
        let tick = tick_from(hopeful.map(|((_, at), _)| *at).min()?, sweep.every);
        Some(sweep.last.map_or(tick, |last| tick.max(last + sweep.every)))
    }

    /// Sweep `index` ticks at `tick`: who is invoked, and with what.
    pub fn begin(&mut self, index: usize, tick: Timestamp) -> (Function, Value) {
        let sweep = &mut self.sweeps[index];
        sweep.last = Some(tick);
        for ((_, at), looks) in &mut sweep.nominated {
            *looks += u32::from(*at <= tick);
        }
        (sweep.function, sweep.input.clone())
    }
}

/// When the runs of `drills` are to be announced, of which no item of the table knows yet: of each drill the next one, if
/// that is between `now` and `until`.
pub fn announcements(drills: &Drills, now: Timestamp, until: Timestamp) -> Vec<(Key, Timestamp)> {
    let next = |drill: &Drill| {
        let cron = drill.schedule.as_ref().filter(|_| drill.enabled)?;
        let first = occurrences(cron, &drill.zone, now + drill.announce, Timestamp::MAX).next()?;
        let at = first.at - drill.announce;
        (at <= until).then(|| (Standing::key(&drill.name), at))
    };
    drills.drills.iter().filter_map(next).collect()
}

/// The experiments that are under way, by the key under which `experiment-watcher` will know each, and since when.
pub fn under_way(experiments: &[Experiment]) -> Vec<(Key, Timestamp)> {
    let listed = experiments.iter().map(|it| &it.listed);
    let real = listed.filter(|it| !it.skips_actions && !it.status.is_terminal());
    real.filter_map(|it| Some((Watch::key(&it.id), it.created_at?))).collect()
}

/// The first tick at or after `at`.
fn tick_from(at: Timestamp, every: SignedDuration) -> Timestamp {
    let every = every.as_secs().max(1);
    let ticks = (at.as_second() + every - 1).div_euclid(every);
    Timestamp::from_second(ticks * every).unwrap_or(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEMPLATE: &str = r#"
Resources:
  HealthResponder:
    Type: AWS::Serverless::Function
    Properties:
      Events:
        Sweep:
          Type: ScheduleV2
          Properties: { ScheduleExpression: rate(5 minutes), Input: '{"tick":"sweep"}' }
"#;

    fn at(text: &str) -> Timestamp {
        format!("2026-11-20T{text}Z").parse().unwrap()
    }

    #[test]
    fn a_sweep_ticks_on_its_schedule_and_only_when_something_is_due() {
        let mut sweeps = Sweeps::of(&Bus::from_template(TEMPLATE).unwrap());
        assert_eq!(sweeps.next(0, &[]), None);
        let due = |time| (Key::head("CASE#1"), at(time));
        assert_eq!(sweeps.next(0, &[due("12:00:01"), due("12:20:00")]), Some(at("12:05:00")));
        sweeps.begin(0, at("12:05:00"));
        assert_eq!(sweeps.next(0, &[due("12:20:00")]), Some(at("12:20:00")));
    }

    #[test]
    fn what_stays_due_does_not_hold_up_time() {
        let mut sweeps = Sweeps::of(&Bus::from_template(TEMPLATE).unwrap());
        let due = [(Key::head("CASE#1"), at("12:00:00"))];
        let mut ticks = Vec::new();
        while let Some(tick) = sweeps.next(0, &due) {
            sweeps.begin(0, tick);
            ticks.push(tick);
        }
        assert_eq!(ticks, [at("12:00:00"), at("12:05:00"), at("12:10:00")]);
    }
}
