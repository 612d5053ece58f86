//! What EC2 does with snapshots: it shows, deletes and copies them.

use std::{collections::BTreeMap, sync::Arc};

use jiff::SignedDuration;

use super::{
    snapshot::{Snapshot, Stored},
    store::Store,
    token::later,
};

impl Store {
    /// The snapshots that EC2 shows, the oldest first: not those that were started [`super::Settings::invisible`] ago
    /// or less.
    pub(crate) fn shown(&self) -> Vec<Snapshot> {
        self.at_now(|state, now| {
            let ids = state.snapshots.keys().filter_map(|id| Some((id, state.find(id, now).ok()?)));
            ids.map(|(id, stored)| stored.describe(id, now)).collect()
        })
    }

    /// Tags the snapshot `id`, if there is one.
    pub fn tag(&self, id: &str, key: &str, value: &str) {
        self.with(|state| {
            if let Some(stored) = state.snapshots.get_mut(id) {
                stored.tags.insert(key.to_owned(), value.to_owned());
            }
        });
    }

    /// Deletes the snapshot `id`, and says whether there was one. Those that were started from it keep all their blocks.
    pub fn delete(&self, id: &str) -> bool {
        self.with(|state| state.snapshots.remove(id).is_some())
    }

    /// Copies the snapshot `id` into `to`, where it is completed after a while, and returns the id of the copy. A copy is
    /// the first of a lineage, and has the tags that it is given.
    pub(crate) fn copy(
        &self,
        id: &str,
        to: &Self,
        (description, tags): (&str, &BTreeMap<String, String>),
        takes: SignedDuration,
    ) -> Option<String> {
        let source = self.with(|state| state.snapshots.get(id).cloned())?;
        to.at_now(|state, now| {
            let id = state.next_id();
            let copy = Stored {
                tags: tags.clone(),
                description: Some(description.to_owned()),
                encrypted: source.encrypted,
                kms_key: source.kms_key,
                completed_at: Some(later(now, takes)),
                blocks: Arc::clone(&source.blocks),
                written: source.blocks.keys().copied().collect(),
                ..Stored::empty(&id, source.size_gib, now)
            };
            Some(state.keep(id, copy))
        })
    }
}
