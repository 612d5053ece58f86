//! All that this function may do to the world for a cache's generations.

use serde::{Deserialize, Serialize};
use watchkeeper_domain::{
    notice::{DomainEvent, Notice},
    ports::SnapshotCopy,
    records,
};

use crate::{
    night::Sealed,
    standing::{Doomed, Night},
};

/// What to do once it is recorded.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    /// Publish a notice.
    Tell(Box<Notice>),
    /// Put a domain event on the bus.
    Emit(Box<DomainEvent>),
    /// Write a part of a night into a new snapshot. On the leash, only work out what would be written.
    Write(Box<Night>),
    /// Seal the snapshot.
    Complete(Box<Sealed>),
    /// Read the snapshot of a night back.
    Check(Box<Night>),
    /// Copy a generation to another Region.
    Copy(Box<SnapshotCopy>),
    /// Delete a snapshot of ours.
    Delete(Doomed),
}

impl records::Effect for Effect {
    fn id(&self) -> String {
        match self {
            Self::Tell(notice) => notice.id.clone(),
            Self::Emit(event) => event.id.clone(),
            Self::Write(_) | Self::Complete(_) | Self::Check(_) | Self::Copy(_) | Self::Delete(_) => {
                self.to_string()
            }
        }
    }

    fn seq(&self) -> u32 {
        match self {
            Self::Tell(notice) => notice.seq,
            Self::Emit(event) => event.notice.seq,
            Self::Write(_) | Self::Complete(_) | Self::Check(_) | Self::Copy(_) | Self::Delete(_) => 0,
        }
    }

    fn is_act(&self) -> bool {
        match self {
            Self::Tell(_) | Self::Emit(_) => false,
            Self::Write(_) | Self::Complete(_) | Self::Check(_) | Self::Copy(_) | Self::Delete(_) => true,
        }
    }
}

/// As the log may hold it.
impl std::fmt::Display for Effect {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Tell(notice) => write!(f, "tell {} {}", notice.severity.as_str(), notice.id),
            Self::Emit(event) => write!(f, "emit {} {}", event.detail_type, event.id),
            Self::Write(night) => write!(f, "write part {} of {}", night.part, night.id),
            Self::Complete(sealed) => write!(f, "complete {}", sealed.receipt.snapshot),
            Self::Check(night) => write!(f, "check part {} of {}", night.part, night.id),
            Self::Copy(copy) => write!(f, "copy {} to {}", copy.snapshot, copy.to),
            Self::Delete(doomed) => write!(f, "delete {} in {}", doomed.snapshot, doomed.region),
        }
    }
}
