//! The crate from outside: bases of every sort, nights of churn, a night on the wire. Linux's own tools are the judges.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test fails by panicking, and says so if nobody can judge"
)]

mod bases;
mod churn;
mod device;
mod endpoint;
mod features;
mod judge;
mod memory;
mod plans;
mod workload;

use jiff::Timestamp;
use watchkeeper_sim::maven::bytes;
use watchkeeper_volume::ext4::Attributes;

/// When the runs of these tests take place.
fn now() -> Timestamp {
    "2026-11-21T02:00:00Z".parse().unwrap()
}

/// What the files of these tests look like.
const OURS: Attributes = Attributes { mode: 0o644, uid: 1001, gid: 121, modified: Timestamp::UNIX_EPOCH };
/// What the directories of these tests look like.
const DIRECTORY: Attributes = Attributes { mode: 0o755, ..OURS };
