//! Start, Put, Complete.

use std::{collections::BTreeSet, sync::Arc};

use jiff::{SignedDuration, Timestamp};

use super::{
    answer::{self, Outcome},
    refusal::Refusal,
    request::{Start, Tag},
    snapshot::{Block, Checksum, SnapshotState, Stored},
    store::State,
    token::later,
};

/// The pending snapshots that an account may have (Service Quotas).
const PENDING: usize = 100;

impl State {
    /// `StartSnapshot`. A client token that was used before brings back what it brought then, if all else is equal.
    pub fn start(&mut self, start: Start, now: Timestamp) -> Result<Outcome, Refusal> {
        check(&start)?;
        let earlier = start.client_token.as_ref().and_then(|token| self.client_tokens.get(token));
        let id = match earlier {
            Some((earlier, _)) if *earlier != start => return Err(Refusal::conflict()),
            Some((_, id)) => id.clone(),
            None => {
                let id = self.begin(&start, now)?;
                if let Some(token) = start.client_token.clone() {
                    self.client_tokens.insert(token, (start, id.clone()));
                }
                id
            }
        };
        let stored = self.snapshots.get(&id).ok_or_else(|| Refusal::not_found(&id))?;
        answer::started(&id, stored, now)
    }

    fn begin(&mut self, start: &Start, now: Timestamp) -> Result<String, Refusal> {
        let is_pending = |stored: &&Stored| stored.state(now) == SnapshotState::Pending;
        if self.snapshots.values().filter(is_pending).count() >= PENDING {
            return Err(Refusal::too_many_pending());
        }
        let size_gib = size_gib(start)?;
        let parent = start.parent_snapshot_id.as_deref();
        let parent = parent.map(|id| self.readable(id, now)).transpose()?.cloned();
        if parent.as_ref().is_some_and(|parent| parent.size_gib > size_gib) {
            return Err(invalid_size("VolumeSize is smaller than that of the parent snapshot."));
        }
        let id = self.next_id();
        let new = Stored::empty(&id, size_gib, now);
        let new = match parent {
            Some(Stored { root, encrypted, kms_key, blocks, .. }) => {
                Stored { root, encrypted, kms_key, blocks, ..new }
            }
            None => {
                Stored { encrypted: start.encrypted == Some(true), kms_key: start.kms_key_arn.clone(), ..new }
            }
        };
        let new = Stored {
            parent: start.parent_snapshot_id.clone(),
            tags: start.tags.iter().map(|tag| (tag.key.clone(), tag.value.clone())).collect(),
            description: start.description.clone(),
            timeout: start.timeout.map_or(new.timeout, SignedDuration::from_mins),
            ..new
        };
        Ok(self.keep(id, new))
    }

    /// `PutSnapshotBlock`. "If the specified block contains data, the existing data is overwritten."
    pub fn put(
        &mut self,
        id: &str,
        index: u32,
        block: Arc<Block>,
        now: Timestamp,
    ) -> Result<Outcome, Refusal> {
        let stored = self.open(id, now)?;
        if !stored.contains(index) {
            return Err(Refusal::invalid("INVALID_BLOCK", "BlockIndex lies outside the volume."));
        }
        let outcome = Outcome::Taken(*block.checksum());
        Arc::make_mut(&mut stored.blocks).insert(index, block);
        stored.written.insert(index);
        stored.touched_at = now;
        self.counters.blocks_put += 1;
        Ok(outcome)
    }

    /// `CompleteSnapshot`.
    pub fn complete(
        &mut self,
        id: &str,
        count: usize,
        aggregate: Option<Checksum>,
        now: Timestamp,
    ) -> Result<Outcome, Refusal> {
        let completion = self.settings.completion;
        let stored = self.open(id, now)?;
        if stored.written.len() != count {
            let message = format!("ChangedBlocksCount is {count}, written are {}.", stored.written.len());
            return Err(Refusal::parameter(message));
        }
        if aggregate.is_some_and(|aggregate| aggregate != stored.aggregate()) {
            return Err(Refusal::parameter("Checksum is not that of the written blocks."));
        }
        stored.completed_at = Some(later(now, completion));
        Ok(answer::sealed())
    }

    /// The snapshot `id`, if it takes blocks: "The target snapshot must be in the pending state."
    fn open(&mut self, id: &str, now: Timestamp) -> Result<&mut Stored, Refusal> {
        if !self.find(id, now)?.is_open(now) {
            return Err(Refusal::snapshot_state(id, "pending"));
        }
        self.snapshots.get_mut(id).ok_or_else(|| Refusal::not_found(id))
    }
}

/// What can be said without looking at other snapshots (the limits are those of the service model).
fn check(start: &Start) -> Result<(), Refusal> {
    if start.parent_snapshot_id.is_some() && (start.encrypted.is_some() || start.kms_key_arn.is_some()) {
        return Err(Refusal::parameter("ParentSnapshotId goes neither with Encrypted nor with KmsKeyArn."));
    }
    if start.kms_key_arn.is_some() && start.encrypted != Some(true) {
        return Err(Refusal::parameter("KmsKeyArn goes only with Encrypted."));
    }
    if start.timeout.is_some_and(|minutes| !(10..=4_320).contains(&minutes)) {
        return Err(Refusal::parameter("Timeout has to be 10 to 4320."));
    }
    if start.description.as_ref().is_some_and(|text| text.is_empty() || text.chars().count() > 255) {
        return Err(Refusal::parameter("Description has to have 1 to 255 characters."));
    }
    if start.client_token.as_deref().is_some_and(|token| !is_client_token(token)) {
        return Err(Refusal::parameter("ClientToken has to have 1 to 64 ASCII characters."));
    }
    check_tags(&start.tags)
}

/// The guide (`ebs-direct-api-idempotency`) says 64, the API page 255: the smaller number is safe.
fn is_client_token(token: &str) -> bool {
    (1..=64).contains(&token.len()) && token.bytes().all(|byte| byte.is_ascii_graphic())
}

/// "You can specify up to 50 tags"; keys of 127 and values of 255 characters; `aws:` is reserved (`Using_Tags`).
fn check_tags(tags: &[Tag]) -> Result<(), Refusal> {
    let mut keys = BTreeSet::new();
    let is_good = |tag: &Tag| {
        (1..=127).contains(&tag.key.chars().count())
            && tag.value.chars().count() <= 255
            && !tag.key.to_ascii_lowercase().starts_with("aws:")
    };
    if tags.len() > 50 || !tags.iter().all(|tag| is_good(tag) && keys.insert(&tag.key)) {
        return Err(Refusal::invalid("INVALID_TAG", "There is a tag that cannot be."));
    }
    Ok(())
}

fn size_gib(start: &Start) -> Result<u32, Refusal> {
    let size = u32::try_from(start.volume_size).ok().filter(|size| (1..=65_536).contains(size));
    size.ok_or_else(|| invalid_size("VolumeSize has to be 1 to 65536."))
}

fn invalid_size(message: &str) -> Refusal {
    Refusal::invalid("INVALID_VOLUME_SIZE", message)
}
