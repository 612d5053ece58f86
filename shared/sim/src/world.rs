//! The whole fake world as one function sees it: its state, its channels, its clock, and the fuse of its process.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use watchkeeper_domain::{
    channel::Channel,
    drill::{ListedTemplate, OnCall},
    experiment::{Experiment, Lever, Listed, Order, Ordered, ResolvedTarget, windows::Interval},
    failure::Failure,
    message::{Message, Post, Trouble},
    notice::{DomainEvent, Notice},
    ports::{
        self, Alarm, AlarmChange, Alarms, CalendarState, Calendars, DeadMan, Events, Experiments, History,
        Inventory, Issue, Issues, Metrics, Notices, OnCalls, Query, Series, Starts, StopCall, Stops,
        Undelivered,
    },
    records::{Effect, Entry, Key, Record, Records, Settled, Write},
};

use crate::{
    channels::Channels,
    clock::Clock,
    estate::{Estate, WATCHER},
    fuse::{Fuse, Step},
    screens::Screens,
};

/// One process in the fake world. Two processes share clones of `records`, `channels`, `clock` and `estate`, and each
/// has its own fuse.
#[derive(Debug)]
pub struct World<R, S = Screens> {
    /// The table.
    pub records: R,
    /// What people see.
    pub screens: S,
    /// What was published.
    pub channels: Channels,
    /// Kills the process.
    pub fuse: Fuse,
    /// The time.
    pub clock: Clock,
    /// What drills are about.
    pub estate: Estate,
}

impl<R: Records> World<R> {
    /// A world at `start` in which `records` is remembered, nothing was published and nobody is killed.
    pub fn new(records: R, start: Timestamp) -> Self {
        let clock = Clock::at(start);
        Self {
            records,
            screens: Screens::default(),
            channels: Channels::default(),
            fuse: Fuse::never(),
            estate: Estate::at(&clock),
            clock,
        }
    }
}

impl<R, S> World<R, S> {
    /// Does `operation` unless the process is dead. An answer that comes after the kill is lost.
    pub(crate) async fn step<T>(
        &self,
        operation: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        if self.fuse.step() == Step::NotDone {
            return Err(Fuse::kill());
        }
        let answer = operation.await;
        if self.fuse.is_blown() { Err(Fuse::kill()) } else { answer }
    }
}

impl<R: Records, C> Records for World<R, C> {
    async fn read<S: DeserializeOwned, E: Effect>(&self, key: &Key) -> Result<Record<S, E>, Failure> {
        self.step(self.records.read(key)).await
    }

    async fn list<T: DeserializeOwned>(&self, pk: &str, prefix: &str) -> Result<Vec<T>, Failure> {
        self.step(self.records.list(pk, prefix)).await
    }

    async fn keep<T: Serialize>(&self, key: &Key, write: &Write<'_, T>) -> Result<(), Failure> {
        self.step(self.records.keep(key, write)).await
    }

    async fn swap<S: Serialize, E: Effect>(
        &self,
        key: &Key,
        version: u64,
        write: &Write<'_, S>,
        entries: &[Entry<E>],
    ) -> Result<Option<Vec<Entry<E>>>, Failure> {
        self.step(self.records.swap(key, version, write, entries)).await
    }

    async fn lease(
        &self,
        key: &Key,
        id: &str,
        from: Timestamp,
        until: Timestamp,
        doubtful: bool,
    ) -> Result<bool, Failure> {
        self.step(self.records.lease(key, id, from, until, doubtful)).await
    }

    async fn settle<E: Effect>(&self, key: &Key, settled: &[Settled]) -> Result<Vec<Entry<E>>, Failure> {
        self.step(self.records.settle(key, settled)).await
    }

    async fn due(&self, sweep: &str, now: Timestamp) -> Result<Vec<(Key, Timestamp)>, Failure> {
        self.step(self.records.due(sweep, now)).await
    }

    async fn rest(&self, key: &Key, was: Timestamp, next: Option<Timestamp>) -> Result<(), Failure> {
        self.step(self.records.rest(key, was, next)).await
    }
}

impl<R, S> Notices for World<R, S> {
    async fn publish(&self, notice: &Notice, repeated: bool) -> Result<(), Failure> {
        self.step(self.channels.publish(notice, repeated)).await
    }
}

impl<R, S> Events for World<R, S> {
    async fn put(&self, event: &DomainEvent) -> Result<(), Failure> {
        self.step(self.channels.put(event)).await
    }
}

impl<R, S: ports::Channels> ports::Channels for World<R, S> {
    async fn show(
        &self,
        channel: &Channel,
        message: &Message,
        post: &Post,
    ) -> Result<Option<String>, Trouble> {
        let outcome = self.step(async { Ok(self.screens.show(channel, message, post).await) }).await;
        // A killed process learns nothing, and whatever it makes of it has no effect.
        outcome.unwrap_or_else(|_| Err(Trouble::in_doubt("the fuse has blown")))
    }
}

impl<R, S: Undelivered> Undelivered for World<R, S> {
    async fn put_undelivered(&self, channel: &str, notice: &Notice, cause: &str) -> Result<(), Failure> {
        self.step(self.screens.put_undelivered(channel, notice, cause)).await
    }
}

impl<R, S> Experiments for World<R, S> {
    async fn template(&self, id: &str) -> Result<Option<Value>, Failure> {
        self.step(self.estate.fis.template(id)).await
    }

    async fn templates(&self) -> Result<Vec<ListedTemplate>, Failure> {
        self.step(self.estate.fis.templates()).await
    }

    async fn experiment(&self, id: &str) -> Result<Option<Experiment>, Failure> {
        self.step(self.estate.fis.experiment(id)).await
    }

    async fn experiments(&self) -> Result<Vec<Listed>, Failure> {
        self.step(self.estate.fis.experiments()).await
    }

    async fn resolved(&self, id: &str) -> Result<Vec<ResolvedTarget>, Failure> {
        self.step(self.estate.fis.resolved(id)).await
    }

    async fn lever(&self) -> Result<Lever, Failure> {
        self.step(self.estate.fis.lever()).await
    }
}

impl<R, S> Starts for World<R, S> {
    async fn start(&self, order: &Order) -> Result<Ordered, Failure> {
        self.step(self.estate.fis.start(order)).await
    }
}

impl<R, S> Stops for World<R, S> {
    async fn stop(&self, id: &str) -> Result<(), Failure> {
        self.step(self.estate.stop(id, WATCHER)).await
    }
}

impl<R, S> Alarms for World<R, S> {
    async fn alarms(&self, arns: &BTreeSet<String>) -> Result<Vec<Alarm>, Failure> {
        self.step(self.estate.facts.alarms(arns)).await
    }
}

impl<R, S> Calendars for World<R, S> {
    async fn calendars(&self, names: &[String], now: Timestamp) -> Result<Vec<CalendarState>, Failure> {
        self.step(self.estate.facts.calendars(names, now)).await
    }

    async fn incidents(&self, page: Option<&str>) -> Result<Vec<String>, Failure> {
        self.step(self.estate.facts.incidents(page)).await
    }
}

impl<R, S> OnCalls for World<R, S> {
    async fn is_anybody_on_call(&self, on_call: &OnCall) -> Result<bool, Failure> {
        self.step(self.estate.facts.is_anybody_on_call(on_call)).await
    }
}

impl<R, S> Issues for World<R, S> {
    async fn open_issues(&self, region: &str) -> Result<Vec<Issue>, Failure> {
        self.step(self.estate.facts.open_issues(region)).await
    }
}

impl<R, S> Inventory for World<R, S> {
    async fn tags(
        &self,
        arns: &BTreeSet<String>,
    ) -> Result<BTreeMap<String, BTreeMap<String, String>>, Failure> {
        self.step(self.estate.facts.tags(arns)).await
    }

    async fn fleet(
        &self,
        resource_type: &str,
        key: &str,
        value: &str,
    ) -> Result<Option<BTreeSet<String>>, Failure> {
        self.step(self.estate.facts.fleet(resource_type, key, value)).await
    }

    async fn zones(&self, arns: &BTreeSet<String>) -> Result<BTreeMap<String, String>, Failure> {
        self.step(self.estate.facts.zones(arns)).await
    }
}

impl<R, S> DeadMan for World<R, S> {
    async fn arm(&self, name: &str, at: Timestamp, token: &str) -> Result<(), Failure> {
        self.step(self.estate.dead_man.arm(name, at, token)).await
    }

    async fn aim(&self, name: &str, at: Timestamp, experiment: &str) -> Result<(), Failure> {
        self.step(self.estate.dead_man.aim(name, at, experiment)).await
    }

    async fn disarm(&self, name: &str) -> Result<(), Failure> {
        self.step(self.estate.dead_man.disarm(name)).await
    }
}

impl<R, S> Metrics for World<R, S> {
    async fn series(&self, queries: &[Query], within: Interval) -> Result<Vec<Series>, Failure> {
        self.step(self.estate.measured.series(queries, within)).await
    }
}

impl<R, S> History for World<R, S> {
    async fn alarm_changes(
        &self,
        arns: &BTreeSet<String>,
        within: Interval,
    ) -> Result<Vec<AlarmChange>, Failure> {
        self.step(self.estate.measured.alarm_changes(arns, within)).await
    }

    async fn stop_calls(&self, experiment: &str, within: Interval) -> Result<Vec<StopCall>, Failure> {
        self.step(self.estate.measured.stop_calls(experiment, within)).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{channels::Outcome, memory::Memory};
    use serde::Deserialize;
    use watchkeeper_domain::notice::{Change, Kind, Severity};

    #[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
    struct Nothing;

    impl Effect for Nothing {
        fn id(&self) -> String {
            String::new()
        }
        fn seq(&self) -> u32 {
            0
        }
    }

    const START: Timestamp = Timestamp::UNIX_EPOCH;

    fn notice(id: &str) -> Notice {
        Notice {
            id: id.into(),
            thread: String::new(),
            seq: 1,
            kind: Kind::Issue,
            change: Change::Opened,
            severity: Severity::High,
            headline: String::new(),
            text: String::new(),
            facts: Vec::new(),
            resources: Vec::new(),
            resource_count: 0,
            deadline: None,
            owner: None,
            next_step: String::new(),
            links: Vec::new(),
            service: String::new(),
            type_code: String::new(),
            region: String::new(),
            account: String::new(),
            environment: None,
            personas: Vec::new(),
            actionability: String::new(),
            event_arn: String::new(),
            topic: String::new(),
            provider_change: true,
            drill: false,
            at: START,
        }
    }

    /// Read, write, tell: three steps.
    async fn run(world: &World<Memory>) -> Result<(), Failure> {
        let key = Key::head("CASE#1");
        let record: Record<u32, Nothing> = world.read(&key).await?;
        let write = Write { body: &7, due: None, expires_at: None };
        world.swap::<u32, Nothing>(&key, record.version, &write, &[]).await?;
        world.publish(&notice("n1"), record.version > 0).await
    }

    #[tokio::test(flavor = "current_thread")]
    async fn a_kill_before_a_step_leaves_it_undone_and_one_after_it_done() {
        let world = World::new(Memory::default(), START);
        run(&world).await.unwrap();
        assert_eq!(world.fuse.steps(), 3);

        let done = async |fuse: Fuse| {
            let world = World { fuse, ..World::new(Memory::default(), START) };
            assert!(Fuse::is_kill(&run(&world).await.unwrap_err()));
            assert!(Fuse::is_kill(&run(&world).await.unwrap_err()), "a dead process does nothing");
            let done = (world.records.snapshot().len(), world.channels.notices().len());
            world.fuse.reset();
            run(&world).await.unwrap();
            done
        };
        assert_eq!([done(Fuse::before(0)).await, done(Fuse::after(0)).await], [(0, 0), (0, 0)]);
        assert_eq!([done(Fuse::before(1)).await, done(Fuse::after(1)).await], [(0, 0), (1, 0)]);
        assert_eq!([done(Fuse::before(2)).await, done(Fuse::after(2)).await], [(1, 0), (1, 1)]);
    }

    #[tokio::test(flavor = "current_thread")]
    async fn an_act_after_which_the_process_is_killed_is_done_but_not_seen() {
        let order =
            Order { template: "EXT1".into(), token: "t".into(), skips_actions: false, tags: BTreeMap::new() };
        for (fuse, started) in [(Fuse::before(1), 0), (Fuse::after(1), 1)] {
            let world = World { fuse, ..World::new(Memory::default(), START) };
            world.estate.fis.put_template("EXT1", serde_json::json!({}));
            world.arm("dead-man", START, "t").await.unwrap();
            assert!(Fuse::is_kill(&world.start(&order).await.unwrap_err()));
            assert!(Fuse::is_kill(&world.disarm("dead-man").await.unwrap_err()));
            let estate = &world.estate;
            assert_eq!((estate.fis.runs().len(), estate.dead_man.armed().len()), (started, 1));
        }
    }

    #[tokio::test(flavor = "current_thread")]
    async fn a_channel_that_hangs_has_accepted_and_one_that_refuses_has_not() {
        let world = World::new(Memory::default(), START);
        world.channels.fail_next_publishes(1, Outcome::Refuse);
        assert!(!world.publish(&notice("refused"), false).await.unwrap_err().ambiguous);
        world.channels.fail_next_publishes(1, Outcome::HangAfterAccepting);
        assert!(world.publish(&notice("hung"), false).await.unwrap_err().ambiguous);
        world.publish(&notice("sent"), true).await.unwrap();
        let event = DomainEvent { id: "e".into(), detail_type: "Case Opened".into(), notice: notice("sent") };
        world.channels.fail_next_puts(1, Outcome::Refuse);
        world.put(&event).await.unwrap_err();
        world.put(&event).await.unwrap();

        let notices = world.channels.take_notices();
        let arrived: Vec<_> =
            notices.iter().map(|(notice, repeated)| (notice.id.as_str(), *repeated)).collect();
        assert_eq!(arrived, [("hung", false), ("sent", true)]);
        assert_eq!((world.channels.notices().len(), world.channels.take_events()), (0, vec![event]));
    }
}
