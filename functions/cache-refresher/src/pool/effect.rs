//! All that this function may do to the world for a pool.

use serde::{Deserialize, Serialize};
use watchkeeper_domain::{notice::Notice, ports::VolumeOrder, records};

/// What to do once it is recorded.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    /// Publish a notice.
    Tell(Box<Notice>),
    /// Make a volume.
    Make(Box<VolumeOrder>),
    /// Delete a volume of ours.
    Delete(String),
}

impl records::Effect for Effect {
    fn id(&self) -> String {
        match self {
            Self::Tell(notice) => notice.id.clone(),
            Self::Make(order) => format!("make {}", order.token),
            Self::Delete(volume) => format!("delete {volume}"),
        }
    }

    fn seq(&self) -> u32 {
        match self {
            Self::Tell(notice) => notice.seq,
            Self::Make(_) | Self::Delete(_) => 0,
        }
    }

    fn is_act(&self) -> bool {
        match self {
            Self::Tell(_) => false,
            Self::Make(_) | Self::Delete(_) => true,
        }
    }
}

/// As the log may hold it.
impl std::fmt::Display for Effect {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Tell(notice) => write!(f, "tell {} {}", notice.severity.as_str(), notice.id),
            Self::Make(order) => write!(f, "make a volume in {} ({})", order.zone, order.token),
            Self::Delete(volume) => write!(f, "delete {volume}"),
        }
    }
}
