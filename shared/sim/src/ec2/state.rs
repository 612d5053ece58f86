//! What EC2 holds: volumes, tokens, the snapshots of each Region; and what is to go wrong.

use std::collections::{BTreeMap, VecDeque};

use jiff::Timestamp;
use watchkeeper_domain::ports::{VolumeOrder, VolumeState};

use super::{Operation, REGION, refusal::Refusal, volume::Stored};
use crate::{clock::Clock, ebs::Store};

/// How a call goes wrong.
#[derive(Clone, Debug)]
pub(super) enum Fault {
    /// It ends with this code, and nothing is done.
    Refuse(String),
    /// It is done, and never answered.
    Lose,
}

#[derive(Debug)]
pub(super) struct State {
    clock: Clock,
    stores: BTreeMap<String, Store>,
    pub volumes: BTreeMap<String, Stored>,
    /// The orders by their client tokens, and what was made.
    pub tokens: BTreeMap<String, (VolumeOrder, String)>,
    pub storage_gib: Option<u64>,
    pub faults: BTreeMap<Operation, VecDeque<Fault>>,
    pub calls: BTreeMap<Operation, usize>,
}

impl State {
    pub fn new(home: Store, clock: Clock) -> Self {
        Self {
            clock,
            stores: [(REGION.to_owned(), home)].into(),
            volumes: BTreeMap::new(),
            tokens: BTreeMap::new(),
            storage_gib: None,
            faults: BTreeMap::new(),
            calls: BTreeMap::new(),
        }
    }

    /// The snapshots of `region`. Their ids are in no other Region.
    pub fn store(&mut self, region: &str) -> Store {
        let first = (self.stores.len() as u64) << 40;
        let clock = &self.clock;
        let store = || Store::counting_from(clock.clone(), first);
        self.stores.entry(region.to_owned()).or_insert_with(store).clone()
    }

    /// The volumes that EC2 shows, the oldest first.
    pub fn visible(&self, now: Timestamp) -> impl Iterator<Item = &Stored> {
        self.volumes.values().filter(move |volume| volume.is_visible(now))
    }

    /// The volume `id`, if EC2 shows it.
    pub fn volume(&self, id: &str, now: Timestamp) -> Result<&Stored, Refusal> {
        let found = self.volumes.get(id).filter(|volume| volume.is_visible(now));
        found.ok_or_else(|| Refusal::no_volume(id))
    }

    /// `DeleteVolume`: "The volume must be in the `available` state (not attached to an instance)." One that failed can be
    /// deleted, too.
    pub fn delete_volume(&mut self, id: &str, now: Timestamp) -> Result<(), Refusal> {
        let volume = self.volumes.get_mut(id).ok_or_else(|| Refusal::no_volume(id))?;
        match volume.state(now) {
            VolumeState::Available | VolumeState::Error => {
                volume.deleted_at = Some(now);
                Ok(())
            }
            VolumeState::InUse => {
                let holder = volume.attached_to.as_deref().unwrap_or_default();
                Err(Refusal::new("VolumeInUse", format!("Volume {id} is currently attached to {holder}")))
            }
            VolumeState::Creating => Err(Refusal::state(id, "creating")),
            VolumeState::Deleting | VolumeState::Deleted => Err(Refusal::no_volume(id)),
        }
    }

    pub fn attach(&mut self, id: &str, instance: &str, now: Timestamp) -> bool {
        let free = self.volumes.get_mut(id).filter(|volume| volume.state(now) == VolumeState::Available);
        free.map(|volume| volume.attached_to = Some(instance.to_owned())).is_some()
    }

    /// Changes the volume `id`, if there is one.
    pub fn change(&mut self, id: &str, change: impl FnOnce(&mut Stored)) {
        if let Some(volume) = self.volumes.get_mut(id) {
            change(volume);
        }
    }
}
