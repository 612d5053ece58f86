//! A strict fake of EC2's part of caches: snapshots in every Region, volumes in one.
//!
//! It follows the EC2 API Reference and the EBS User Guide ("Copy an Amazon EBS volume", "Initialize Amazon EBS volumes",
//! "Quotas for Amazon EBS"). AWS doesn't say everything. What is a guess here, on the strict side:
//!
//! | question | here |
//! |---|---|
//! | the second copy of a source, a copy of a copy, before the first is initialized | `IncorrectState` |
//! | more than the quota of initialization rates | `ResourceLimitExceeded` |
//! | what counts for that quota | the rates of all volumes that are not yet initialized |
//! | an order that comes again while a quota is used up | refused, though its token is known (`aws-ebs-csi-driver`) |
//! | the token of a volume that failed or is deleted | `IdempotentParameterMismatch`, for ever (the same; there, for 12 h) |
//! | how fast a volume is filled when nobody has asked for a rate | [`volume::DEFAULT_RATE`] |
//! | how fast a copy is filled | all of it at the rate of its first TiB |
//! | deleting a volume that is `creating` | `IncorrectState` |
//! | deleting one that is being deleted, or that is deleted | `InvalidVolume.NotFound` |
//! | which Availability Zones there are | [`ZONES`] |
//!
//! Progress is never behind, while AWS allows itself 5 minutes. Not checked: signatures, tags, who may do what.

mod archive;
mod document;
pub mod http;
mod limits;
mod make;
mod ports;
mod query;
mod refusal;
mod state;
#[cfg(test)]
mod tests;
pub mod volume;
mod xml;

use std::{
    collections::VecDeque,
    iter::repeat_n,
    sync::{Arc, Mutex, PoisonError},
};

use jiff::Timestamp;
use watchkeeper_domain::ports::Volume;

pub use self::{
    archive::COPYING,
    limits::{MOST_COPIES, MOST_RATE},
};
use self::{
    refusal::Refusal,
    state::{Fault, State},
};
use crate::{channels::Outcome, clock::Clock, ebs::Store, fis, turn::turn};

/// The Region of the volumes.
pub const REGION: &str = fis::REGION;
/// Its Availability Zones: id and name.
pub const ZONES: [(&str, &str); 3] =
    [("euw1-az1", "eu-west-1a"), ("euw1-az2", "eu-west-1b"), ("euw1-az3", "eu-west-1c")];

/// An action of EC2.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
#[expect(missing_docs, reason = "these are the names of the API")]
pub enum Operation {
    DescribeSnapshots,
    CopySnapshot,
    DeleteSnapshot,
    DescribeVolumes,
    DescribeVolumeStatus,
    CreateVolume,
    CopyVolumes,
    DeleteVolume,
}

/// EC2 of one account. Clones share it.
#[derive(Clone, Debug)]
pub struct Ec2 {
    clock: Clock,
    state: Arc<Mutex<State>>,
}

impl Ec2 {
    /// EC2 over the snapshots of `store`, which are those of [`REGION`]. Volumes age by `clock`.
    pub fn over(store: &Store, clock: &Clock) -> Self {
        let state = State::new(store.clone(), clock.clone());
        Self { clock: clock.clone(), state: Arc::new(Mutex::new(state)) }
    }

    /// The snapshots of `region`.
    pub fn store(&self, region: &str) -> Store {
        self.with(|state, _| state.store(region))
    }

    /// Every volume that can be seen, those that are deleted too, the oldest first: no call, and without its progress.
    pub fn seen(&self) -> Vec<Volume> {
        self.with(|state, now| state.visible(now).map(|volume| volume.show(now)).collect())
    }

    /// Attaches a volume to an instance. Returns whether it could: a volume that is not `available` stays as it is.
    pub fn attach(&self, volume: &str, instance: &str) -> bool {
        self.with(|state, now| state.attach(volume, instance, now))
    }

    /// Detaches a volume from whatever it is attached to.
    pub fn detach(&self, volume: &str) {
        self.with(|state, _| state.change(volume, |volume| volume.attached_to = None));
    }

    /// Makes a volume fail: it is in the state `error` from now on.
    pub fn break_volume(&self, volume: &str) {
        self.with(|state, _| state.change(volume, |volume| volume.is_broken = true));
    }

    /// The quota for the sizes of all volumes together, in GiB. There is none at first.
    pub fn limit_storage(&self, gib: Option<u64>) {
        self.with(|state, _| state.storage_gib = gib);
    }

    /// Makes the next `count` calls of `operation` end with EC2's error `code`: nothing is done.
    pub fn refuse_next(&self, operation: Operation, count: usize, code: &str) {
        self.plan(operation, count, &Fault::Refuse(code.to_owned()));
    }

    /// Makes the next `count` calls of `operation` end with `outcome`; a refusal is `UnauthorizedOperation`.
    pub fn fail_next(&self, operation: Operation, count: usize, outcome: Outcome) {
        let fault = match outcome {
            Outcome::Refuse => Fault::Refuse("UnauthorizedOperation".to_owned()),
            Outcome::HangAfterAccepting => Fault::Lose,
        };
        self.plan(operation, count, &fault);
    }

    /// How many calls of `operation` there were, whatever became of them.
    pub fn calls(&self, operation: Operation) -> usize {
        self.with(|state, _| state.calls.get(&operation).copied().unwrap_or_default())
    }

    fn plan(&self, operation: Operation, count: usize, fault: &Fault) {
        self.with(|state, _| {
            state.faults.entry(operation).or_default().extend(repeat_n(fault.clone(), count));
        });
    }

    fn with<T>(&self, act: impl FnOnce(&mut State, Timestamp) -> T) -> T {
        let now = self.clock.now();
        act(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner), now)
    }

    /// A call, as it would be over the network.
    async fn call<T>(
        &self,
        operation: Operation,
        act: impl FnOnce(&mut State, Timestamp) -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        turn().await;
        self.with(|state, now| {
            *state.calls.entry(operation).or_default() += 1;
            match state.faults.get_mut(&operation).and_then(VecDeque::pop_front) {
                None => act(state, now),
                Some(Fault::Refuse(code)) => Err(Refusal::of_code(&code)),
                Some(Fault::Lose) => {
                    drop(act(state, now));
                    Err(Refusal::Silence)
                }
            }
        })
    }
}
