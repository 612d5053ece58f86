//! Why it was decided so.

use serde::Serialize;

/// Why it was decided so about a pool.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// Enough volumes wait, and nothing is on its way.
    AtRest,
    /// A job gets this volume.
    Given {
        /// Its id.
        volume: String,
        /// The generation that it was made from.
        generation: u32,
    },
    /// No volume is ready; so many are on their way.
    NoneReady(usize),
    /// A job has given a volume back.
    Released(String),
    /// Nobody has claimed that volume here.
    NotClaimed(String),
    /// A volume is made.
    Making(u32),
    /// A volume goes.
    Deleting(String),
    /// Something is on its way.
    Waiting,
    /// The leash is on: nothing is made or deleted.
    Leashed,
    /// EC2 will not.
    Refused(String),
    /// Something went wrong, and is tried again.
    TriesAgain(String),
}

impl Reason {
    /// Whether something that was asked for is not done.
    pub fn is_refusal(&self) -> bool {
        match self {
            Self::NoneReady(_) | Self::NotClaimed(_) | Self::Refused(_) => true,
            Self::AtRest
            | Self::Given { .. }
            | Self::Released(_)
            | Self::Making(_)
            | Self::Deleting(_)
            | Self::Waiting
            | Self::Leashed
            | Self::TriesAgain(_) => false,
        }
    }
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::AtRest => f.write_str("enough volumes wait"),
            Self::Given { volume, generation } => write!(f, "{volume} is yours, generation {generation}"),
            Self::NoneReady(0) => f.write_str("no volume is ready, and none is on its way"),
            Self::NoneReady(coming) => write!(f, "no volume is ready; {coming} on their way"),
            Self::Released(volume) => write!(f, "{volume} is given back"),
            Self::NotClaimed(volume) => write!(f, "nobody has claimed {volume} here"),
            Self::Making(slot) => write!(f, "volume number {slot} is made"),
            Self::Deleting(volume) => write!(f, "{volume} is deleted"),
            Self::Waiting => f.write_str("volumes are on their way"),
            Self::Leashed => f.write_str("the leash is on: no volume is made or deleted"),
            Self::Refused(why) => write!(f, "EC2 refuses: {why}"),
            Self::TriesAgain(why) => write!(f, "it is tried again: {why}"),
        }
    }
}
