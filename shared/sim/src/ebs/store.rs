//! What is behind the server: snapshots, and what tests make of it.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, PoisonError},
};

use hyper::body::Bytes;
use jiff::Timestamp;
use tokio::sync::watch;

use super::{
    answer::Outcome,
    quota::Windows,
    refusal::Refusal,
    request::{Call, Start},
    script::{Counters, Fault, Operation, Settings},
    snapshot::{Snapshot, Stored},
    token::later,
};
use crate::clock::Clock;

/// The snapshots of an account in a Region. Clones share them.
#[derive(Clone, Debug)]
pub struct Store {
    clock: Clock,
    state: Arc<Mutex<State>>,
    pub(super) is_stopped: watch::Sender<bool>,
}

#[derive(Debug, Default)]
pub(super) struct State {
    pub settings: Settings,
    pub snapshots: BTreeMap<String, Stored>,
    /// The requests with a client token, and what was started.
    pub client_tokens: BTreeMap<String, (Start, String)>,
    /// How many snapshots there ever were.
    pub count: u64,
    /// Tokens are of the present epoch.
    pub epoch: u64,
    pub scripts: BTreeMap<Operation, VecDeque<Fault>>,
    pub short_pages: VecDeque<usize>,
    pub stop: Option<(Operation, u64)>,
    pub windows: Windows,
    pub counters: Counters,
}

impl Store {
    /// A store without snapshots, which keeps time by `clock`.
    pub fn new(clock: Clock) -> Self {
        Self { clock, state: Arc::default(), is_stopped: watch::Sender::new(false) }
    }

    /// The same, with ids that are counted from `first` on: those of no other Region.
    pub(crate) fn counting_from(clock: Clock, first: u64) -> Self {
        let store = Self::new(clock);
        store.with(|state| state.count = first);
        store
    }

    /// All snapshots, the oldest first.
    pub fn snapshots(&self) -> Vec<Snapshot> {
        self.at_now(|state, now| state.snapshots.iter().map(|(id, it)| it.describe(id, now)).collect())
    }

    /// One snapshot.
    pub fn snapshot(&self, id: &str) -> Option<Snapshot> {
        self.at_now(|state, now| Some(state.snapshots.get(id)?.describe(id, now)))
    }

    /// The data of a block of a snapshot, its own or inherited, whatever the snapshot's state. None means zeros.
    pub fn block(&self, id: &str, index: u32) -> Option<Bytes> {
        self.with(|state| Some(state.snapshots.get(id)?.blocks.get(&index)?.data.clone()))
    }

    /// What the server has seen so far.
    pub fn counters(&self) -> Counters {
        self.with(|state| state.counters.clone())
    }

    /// Changes what holds from now on.
    pub fn set(&self, change: impl FnOnce(&mut Settings)) {
        self.with(|state| change(&mut state.settings));
    }

    /// Makes the next requests of `operation` go so wrong, in this order. After them all is well again.
    pub fn script(&self, operation: Operation, faults: impl IntoIterator<Item = Fault>) {
        self.with(|state| state.scripts.entry(operation).or_default().extend(faults));
    }

    /// Makes the next pages of listings look at no more than so many blocks each, in this order. A page that looks at
    /// none is empty and has a token for the next, as AWS says may happen.
    pub fn shorten_pages(&self, limits: impl IntoIterator<Item = usize>) {
        self.with(|state| state.short_pages.extend(limits));
    }

    /// Makes all block tokens and page tokens expire that were ever given.
    pub fn expire_tokens(&self) {
        self.with(|state| state.epoch += 1);
    }

    /// Stops as soon as `operation` was done `times` more times: what comes after that is neither done nor answered.
    pub fn stop_after(&self, operation: Operation, times: u64) {
        self.with(|state| {
            state.stop = Some((operation, times)).filter(|_| times > 0);
            self.is_stopped.send_replace(times == 0);
        });
    }

    /// Comes back when the server has stopped.
    pub async fn stopped(&self) {
        // An error would mean that the sender is gone, which `self` holds.
        let _ = self.is_stopped.subscribe().wait_for(|is_stopped| *is_stopped).await;
    }

    /// Starts it again. What was not answered stays so.
    pub fn resume(&self) {
        self.with(|state| {
            state.stop = None;
            self.is_stopped.send_replace(false);
        });
    }

    /// Does what is asked, or nothing at all if the server has stopped.
    pub(super) fn perform(&self, operation: Operation, call: Call) -> Option<Result<Outcome, Refusal>> {
        self.at_now(|state, now| {
            if *self.is_stopped.borrow() {
                return None;
            }
            let result = state.perform(call, now);
            if result.is_ok() && state.is_last(operation) {
                self.is_stopped.send_replace(true);
            }
            Some(result)
        })
    }

    pub(super) fn with<T>(&self, look: impl FnOnce(&mut State) -> T) -> T {
        look(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn at_now<T>(&self, look: impl FnOnce(&mut State, Timestamp) -> T) -> T {
        self.with(|state| look(state, self.clock.now()))
    }
}

impl State {
    fn perform(&mut self, call: Call, now: Timestamp) -> Result<Outcome, Refusal> {
        match call {
            Call::Start(start) => self.start(start, now),
            Call::Put { id, index, block } => self.put(&id, index, block, now),
            Call::Complete { id, count, aggregate } => self.complete(&id, count, aggregate, now),
            Call::List { id, page } => self.list(&id, &page, now),
            Call::Changed { first, second, page } => self.changed((&first, &second), &page, now),
            Call::Get { id, index, token } => self.get(&id, index, &token, now),
        }
    }

    /// Whether `operation`, just done, was the last before the stop.
    fn is_last(&mut self, operation: Operation) -> bool {
        let Some((_, left)) = self.stop.as_mut().filter(|(which, _)| *which == operation) else {
            return false;
        };
        *left -= 1;
        let is_last = *left == 0;
        if is_last {
            self.stop = None;
        }
        is_last
    }

    /// The snapshot `id`, if it can be seen yet.
    pub fn find(&self, id: &str, now: Timestamp) -> Result<&Stored, Refusal> {
        let digits = id.strip_prefix("snap-").unwrap_or_default();
        let is_id = (1..=59).contains(&digits.len())
            && digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if !is_id {
            return Err(Refusal::invalid("INVALID_SNAPSHOT_ID", format!("'{id}' is no ID of a snapshot.")));
        }
        let found = self.snapshots.get(id);
        let found = found.filter(|stored| later(stored.started_at, self.settings.invisible) <= now);
        found.ok_or_else(|| Refusal::not_found(id))
    }

    /// Keeps a snapshot under a new ID.
    pub fn keep(&mut self, id: String, stored: Stored) -> String {
        self.snapshots.insert(id.clone(), stored);
        id
    }

    /// An ID that sorts after all earlier ones.
    pub fn next_id(&mut self) -> String {
        self.count += 1;
        format!("snap-{:017x}", self.count)
    }
}
