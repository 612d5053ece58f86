//! `DescribeSnapshots`, `CopySnapshot`, `DeleteSnapshot`: over the snapshots that the EBS direct APIs make.

use jiff::SignedDuration;
use watchkeeper_domain::ports::{Snapshot, SnapshotCopy, SnapshotState};

use super::{refusal::Refusal, state::State};
use crate::ebs::{self, BLOCK_SIZE};

/// How long a copy of a snapshot is `pending`.
pub const COPYING: SignedDuration = SignedDuration::from_mins(10);

impl State {
    /// The snapshots of `region`, the oldest first.
    pub fn snapshots(&mut self, region: &str) -> Vec<Snapshot> {
        self.store(region).shown().into_iter().map(snapshot).collect()
    }

    /// The snapshot `id` in `region`.
    pub fn snapshot(&mut self, region: &str, id: &str) -> Result<Snapshot, Refusal> {
        let found = self.snapshots(region).into_iter().find(|snapshot| snapshot.id == id);
        found.ok_or_else(|| Refusal::no_snapshot(id))
    }

    /// `CopySnapshot`, in the Region of the copy.
    pub fn copy_snapshot(&mut self, copy: &SnapshotCopy) -> Result<String, Refusal> {
        let source = self.snapshot(&copy.from, &copy.snapshot)?;
        if source.state != SnapshotState::Completed {
            return Err(Refusal::state(&source.id, "not completed"));
        }
        let (from, to) = (self.store(&copy.from), self.store(&copy.to));
        let made = from.copy(&source.id, &to, (&copy.description, &copy.tags), COPYING);
        made.ok_or_else(|| Refusal::no_snapshot(&copy.snapshot))
    }

    /// `DeleteSnapshot`. Volumes that were made of it don't mind.
    pub fn delete_snapshot(&mut self, region: &str, id: &str) -> Result<(), Refusal> {
        self.store(region).delete(id).then_some(()).ok_or_else(|| Refusal::no_snapshot(id))
    }
}

/// What EC2 shows of it. That the full size shows only once it is completed is a guess.
fn snapshot(it: ebs::Snapshot) -> Snapshot {
    let (state, message) = match it.state {
        ebs::SnapshotState::Pending => (SnapshotState::Pending, ""),
        ebs::SnapshotState::Completed => (SnapshotState::Completed, ""),
        ebs::SnapshotState::Error => (SnapshotState::Error, "The snapshot was not completed in time."),
    };
    let full_bytes = (state == SnapshotState::Completed).then_some(it.blocks as u64 * BLOCK_SIZE as u64);
    Snapshot {
        id: it.id,
        state,
        message: message.to_owned(),
        size_gib: it.size_gib,
        full_bytes,
        started_at: Some(it.started_at),
        tags: it.tags,
    }
}
