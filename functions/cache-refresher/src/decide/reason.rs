//! Why it was decided so.

use jiff::Timestamp;
use serde::Serialize;

/// Why it was decided so.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// Nothing has to be done.
    Nothing,
    /// This night was heard of before.
    Duplicate,
    /// The cache is switched off.
    Disabled,
    /// Another night is under way, since then.
    UnderWay(Timestamp),
    /// Another invocation is at it, until then.
    InProgress(Timestamp),
    /// A part is written.
    Writing {
        /// Which part.
        part: u32,
        /// Which snapshot of it.
        attempt: u32,
    },
    /// Everything that is wanted is there.
    NothingNew,
    /// The leash is on: what would have been written was worked out.
    Rehearsed,
    /// The leash is on: copies and leftovers wait.
    Leashed,
    /// All blocks are in.
    Sealing,
    /// EBS has not completed the snapshot yet, or a pause is not over.
    Waiting,
    /// The snapshot is read back.
    Checking,
    /// Something went wrong, and is tried again.
    TriesAgain(String),
    /// Something went wrong, and the night is over.
    Failed(String),
    /// A generation is what jobs get from now on.
    Published(u32),
    /// An earlier generation is what jobs get again.
    RolledBack {
        /// Which.
        to: u32,
        /// Why.
        because: String,
    },
    /// There is no such generation to roll back to.
    NoGeneration {
        /// Which was asked for.
        asked: Option<u32>,
        /// Those that are kept.
        kept: Vec<u32>,
    },
    /// It is what jobs get already.
    CurrentAlready(u32),
    /// A generation is copied to another Region.
    Copying(String),
    /// A snapshot that is not needed any more goes.
    Deleting(String),
    /// Copies and leftovers are looked after.
    CaredFor,
}

impl Reason {
    /// Whether something that was asked for is not done.
    pub fn is_refusal(&self) -> bool {
        match self {
            Self::Disabled
            | Self::UnderWay(_)
            | Self::NoGeneration { .. }
            | Self::CurrentAlready(_)
            | Self::Failed(_) => true,
            Self::Nothing
            | Self::Duplicate
            | Self::InProgress(_)
            | Self::Writing { .. }
            | Self::NothingNew
            | Self::Rehearsed
            | Self::Leashed
            | Self::Sealing
            | Self::Waiting
            | Self::Checking
            | Self::TriesAgain(_)
            | Self::Published(_)
            | Self::RolledBack { .. }
            | Self::Copying(_)
            | Self::Deleting(_)
            | Self::CaredFor => false,
        }
    }
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Nothing => f.write_str("nothing has to be done"),
            Self::Duplicate => f.write_str("this night was heard of before"),
            Self::Disabled => f.write_str("the cache is switched off in watchkeeper.toml (`enabled`)"),
            Self::UnderWay(since) => write!(f, "a night is under way since {since}"),
            Self::InProgress(until) => write!(f, "another invocation is at it, until {until} at the latest"),
            Self::Writing { part, attempt: 1 } => write!(f, "part {part} of the night is written"),
            Self::Writing { part, attempt } => {
                write!(f, "part {part} of the night is written, into its snapshot number {attempt}")
            }
            Self::NothingNew => f.write_str("everything that is wanted is there"),
            Self::Rehearsed => f.write_str("the leash is on: it was only worked out what would be written"),
            Self::Leashed => f.write_str("the leash is on: nothing is copied or deleted"),
            Self::Sealing => f.write_str("all blocks are in, and the snapshot is sealed"),
            Self::Waiting => f.write_str("it is not time to go on yet"),
            Self::Checking => f.write_str("the snapshot is complete, and is read back"),
            Self::TriesAgain(why) => write!(f, "it is tried again: {why}"),
            Self::Failed(why) => write!(f, "the night has failed, and the last generation stays: {why}"),
            Self::Published(number) => write!(f, "generation {number} is published"),
            Self::RolledBack { to, because } => write!(f, "back to generation {to}: {because}"),
            Self::NoGeneration { asked, kept } => {
                let kept: Vec<_> = kept.iter().map(u32::to_string).collect();
                let kept = if kept.is_empty() { "none".to_owned() } else { kept.join(", ") };
                match asked {
                    Some(number) => write!(f, "there is no generation {number}; kept: {kept}"),
                    None => write!(f, "there is no earlier generation; kept: {kept}"),
                }
            }
            Self::CurrentAlready(number) => write!(f, "generation {number} is what jobs get already"),
            Self::Copying(region) => write!(f, "the current generation is copied to {region}"),
            Self::Deleting(snapshot) => write!(f, "{snapshot} is not needed any more"),
            Self::CaredFor => f.write_str("copies and leftovers are looked after"),
        }
    }
}
