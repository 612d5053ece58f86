//! The one loop: observe → decide → record → perform → settle.
//!
//! Effects of one record are performed in the order of their `seq`, by one invocation at a time: whoever records while
//! somebody else still speaks leaves its effects in the outbox, and the one who speaks goes on with them. So nobody is
//! told of a state older than one already told, and a killed invocation's effects wait for the next one or the sweep.
//!
//! An act (start, stop, create, delete) is another matter: at most one a pass, done right after its intent is recorded,
//! and never replayed. The next pass observes what came of it.

use std::collections::BTreeSet;

use jiff::Timestamp;
use watchkeeper_domain::{
    decision::Decision,
    failure::Failure,
    records::{Due, Effect, Entry, Key, Record, Records, Settled, State, Write},
};

/// How often an invocation decides anew after it lost the race to record.
const RACES: usize = 3;
/// How often a message is tried while its channel may only have hiccuped.
const TRIES: usize = 3;

/// One invocation.
#[derive(Clone, Debug)]
pub struct Run {
    /// The function: its sweep, its log lines, its metrics.
    pub function: &'static str,
    /// When it began. Nothing in it reads a clock.
    pub now: Timestamp,
    /// When Lambda will stop it: the end of its leases.
    pub deadline: Timestamp,
}

/// How a record was concluded.
#[derive(Debug)]
pub struct Concluded<R, E> {
    /// Why it was decided so.
    pub because: R,
    /// The effects that were performed, in order: those decided, and those that somebody else had left.
    pub performed: Vec<E>,
    /// How many of them may have gone out before.
    pub repeated: usize,
    /// When the oldest of what was found in the outbox had been recorded.
    pub oldest: Option<Timestamp>,
    /// When the sweep should look again, if nothing is left in the outbox.
    pub rest: Option<Rest>,
    /// The act that was done: the next pass can go on from it.
    pub acted: Option<E>,
}

/// The next look at a record that is settled.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Rest {
    /// When, if ever.
    pub until: Option<Timestamp>,
}

/// Observes, decides, records, performs and settles the head at `key`.
///
/// `perform` is told whether an earlier attempt may have gone out.
///
/// # Errors
/// What could not be observed, recorded, performed or settled. Everything recorded stays in the outbox until it is done.
pub async fn conclude<W, S, F, R, E>(
    world: &W,
    run: &Run,
    key: &Key,
    observe: impl AsyncFn() -> Result<(Record<S, E>, F), Failure>,
    decide: impl Fn(&Record<S, E>, &F) -> Decision<R, S, E>,
    perform: impl AsyncFn(&E, bool) -> Result<(), Failure>,
) -> Result<Concluded<R, E>, Failure>
where
    W: Records,
    S: State,
    E: Effect,
{
    let speaker = Speaker { world, run, key };
    for _ in 0..RACES {
        let (record, facts) = observe().await?;
        let decision = decide(&record, &facts);
        let wake_at = decision.next.as_ref().or(record.state.as_ref()).and_then(State::wake_at);
        let (acts, effects) = decision.effects.into_iter().partition::<Vec<E>, _>(Effect::is_act);
        let decision = Decision { effects, ..decision };
        let act = single(acts, &decision, key)?;
        let Some(outbox) = speaker.record(&record, &decision).await? else { continue };
        // Nobody is kept waiting for the news by an act that fails, and no act by a channel that does.
        let done = match &act {
            Some(act) => perform(act, false).await,
            None => Ok(()),
        };
        let mut concluded = Concluded {
            because: decision.because,
            performed: Vec::new(),
            repeated: 0,
            oldest: record.outbox.iter().map(|entry| entry.since).min(),
            rest: None,
            acted: None,
        };
        let is_settled = speaker.drain(outbox, &perform, &mut concluded).await?;
        done?;
        concluded.acted = act;
        concluded.rest = is_settled.then_some(Rest { until: wake_at });
        return Ok(concluded);
    }
    let source = format!("{RACES} other invocations were faster; the retry or the sweep will try again");
    Err(Failure::new("record", key.to_string(), source))
}

/// The one act of a decision. Without a recorded intent there is none: nobody could tell later whether it was done.
fn single<R, S, E>(mut acts: Vec<E>, decision: &Decision<R, S, E>, key: &Key) -> Result<Option<E>, Failure> {
    let act = acts.pop();
    if !acts.is_empty() || (act.is_some() && decision.next.is_none()) {
        return Err(Failure::new("act on", key.to_string(), "a decision must record one act, and no more"));
    }
    Ok(act)
}

/// An entry of the outbox, and whether it is ours already.
type Held<E> = (Entry<E>, bool);

/// One invocation at one record.
struct Speaker<'a, W> {
    world: &'a W,
    run: &'a Run,
    key: &'a Key,
}

impl<W: Records> Speaker<'_, W> {
    /// Records what was decided, if it changes anything. Returns the outbox as it then is, or `None` if the race was
    /// lost.
    async fn record<S: State, E: Effect, R>(
        &self,
        record: &Record<S, E>,
        decision: &Decision<R, S, E>,
    ) -> Result<Option<Vec<Held<E>>>, Failure> {
        let Some(next) = &decision.next else {
            return Ok(Some(record.outbox.iter().map(|entry| (entry.clone(), false)).collect()));
        };
        // With nobody else speaking, the new entries are ours from the start, which saves taking them.
        let ours = record.outbox.is_empty();
        let until = if ours { self.run.deadline } else { Entry::<E>::FREE };
        let entry =
            |effect: &E| Entry { effect: effect.clone(), until, since: self.run.now, doubtful: false };
        let entries: Vec<_> = decision.effects.iter().map(entry).collect();
        let speaks = !(entries.is_empty() && record.outbox.is_empty());
        let at = next.wake_at().into_iter().chain(speaks.then_some(self.run.deadline)).min();
        let due = at.map(|at| Due { sweep: self.run.function, at });
        let write = Write { body: next, due, expires_at: next.expires_at() };
        let outbox = self.world.swap(self.key, record.version, &write, &entries).await?;
        Ok(outbox.map(|outbox| outbox.into_iter().map(|entry| (entry, ours)).collect()))
    }

    /// Performs what is in `outbox`, lowest `seq` first, until it is empty (`true`) or somebody else is at it.
    async fn drain<R, E: Effect>(
        &self,
        mut outbox: Vec<Held<E>>,
        perform: &impl AsyncFn(&E, bool) -> Result<(), Failure>,
        concluded: &mut Concluded<R, E>,
    ) -> Result<bool, Failure> {
        // Those recorded just now stay ours until they are done, whatever their place in the order.
        let own: BTreeSet<_> =
            outbox.iter().filter(|(_, ours)| *ours).map(|(entry, _)| entry.effect.id()).collect();
        while let Some(seq) = outbox.iter().map(|(entry, _)| entry.effect.seq()).min() {
            let (mut settled, mut failure) = (Vec::new(), None);
            for (entry, ours) in outbox.into_iter().filter(|(entry, _)| entry.effect.seq() == seq) {
                let Some(doubtful) = self.take(&entry, ours).await? else { continue };
                let id = entry.effect.id();
                match attempt(&entry.effect, doubtful, perform).await {
                    Ok(repeated) => {
                        concluded.repeated += usize::from(repeated);
                        concluded.performed.push(entry.effect);
                        settled.push(Settled::Done(id));
                    }
                    Err(error) => {
                        let doubtful = doubtful || error.ambiguous;
                        settled.push(Settled::Failed { id, until: self.run.deadline, doubtful });
                        failure = failure.or(Some(error));
                    }
                }
            }
            if settled.is_empty() {
                return Ok(false); // whoever holds the lowest ones goes on with the others
            }
            let left = self.world.settle(self.key, &settled).await?;
            if let Some(failure) = failure {
                return Err(failure);
            }
            let held = |entry: Entry<E>| {
                let ours = own.contains(&entry.effect.id());
                (entry, ours)
            };
            outbox = left.into_iter().map(held).collect();
        }
        Ok(true)
    }

    /// Makes `entry` ours. Returns whether it may have gone out before, or `None` if somebody else has it.
    async fn take<E: Effect>(&self, entry: &Entry<E>, ours: bool) -> Result<Option<bool>, Failure> {
        if ours {
            return Ok(Some(false));
        }
        if entry.is_leased(self.run.now) {
            return Ok(None);
        }
        // A lease that ran out was not given back: whoever held it was stopped, perhaps after sending.
        let doubtful = entry.doubtful || entry.until != Entry::<E>::FREE;
        let id = entry.effect.id();
        let taken = self.world.lease(self.key, &id, entry.until, self.run.deadline, doubtful).await?;
        Ok(taken.then_some(doubtful))
    }
}

/// Performs `effect`, up to three times at once: a hiccup must not cost the minutes until Lambda's own retry. Returns
/// whether an earlier attempt may have gone out.
async fn attempt<E>(
    effect: &E,
    mut doubtful: bool,
    perform: &impl AsyncFn(&E, bool) -> Result<(), Failure>,
) -> Result<bool, Failure> {
    let mut tries = 1;
    loop {
        match perform(effect, doubtful).await {
            Ok(()) => return Ok(doubtful),
            Err(mut failure) if tries == TRIES => {
                failure.ambiguous |= doubtful;
                return Err(failure);
            }
            Err(failure) => doubtful |= failure.ambiguous,
        }
        tries += 1;
    }
}
