//! The whole fake world as one function sees it: its state, its channels, its clock, and the fuse of its process.

use jiff::Timestamp;
use serde::{Serialize, de::DeserializeOwned};
use watchkeeper_domain::{
    channel::Channel,
    failure::Failure,
    message::{Message, Post, Trouble},
    notice::{DomainEvent, Notice},
    ports::{self, Events, Notices, Undelivered},
    records::{Effect, Entry, Key, Record, Records, Settled, Write},
};

use crate::{
    channels::Channels,
    clock::Clock,
    fuse::{Fuse, Step},
    screens::Screens,
};

/// One process in the fake world. Two processes share clones of `records`, `channels` and `clock`, and each has its
/// own fuse.
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
}

impl<R: Records> World<R> {
    /// A world at `start` in which `records` is remembered, nothing was published and nobody is killed.
    pub fn new(records: R, start: Timestamp) -> Self {
        Self {
            records,
            screens: Screens::default(),
            channels: Channels::default(),
            fuse: Fuse::never(),
            clock: Clock::at(start),
        }
    }
}

impl<R, S> World<R, S> {
    /// Does `operation` unless the process is dead. An answer that comes after the kill is lost.
    async fn step<T>(&self, operation: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
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
