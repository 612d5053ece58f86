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

use std::sync::LazyLock;

use jiff::Timestamp;
use watchkeeper_volume::ext4::Attributes;

/// When the runs of these tests take place.
fn now() -> Timestamp {
    "2026-11-21T02:00:00Z".parse().unwrap()
}

/// What the files of these tests look like.
const OURS: Attributes = Attributes { mode: 0o644, uid: 1001, gid: 121, modified: Timestamp::UNIX_EPOCH };
/// What the directories of these tests look like.
const DIRECTORY: Attributes = Attributes { mode: 0o755, ..OURS };

/// Bytes that are others for every seed, and in every 4 KiB.
fn bytes(seed: u64, length: usize) -> Vec<u8> {
    static NOISE: LazyLock<Vec<u8>> = LazyLock::new(|| {
        let mut state = 0x9E37_79B9_7F4A_7C15_u64;
        let word = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()
        };
        std::iter::repeat_with(word).take(2 * 4096 / 8).flatten().collect()
    });
    let mut bytes = Vec::with_capacity(length);
    for page in 0..length.div_ceil(4096) as u64 {
        let mixed = (seed ^ page.rotate_left(40)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let start = (mixed >> 52) as usize;
        let take = 4096.min(length - bytes.len());
        bytes.extend_from_slice(&NOISE[start..start + take]);
        let stamp = mixed.to_le_bytes();
        let at = bytes.len() - take;
        bytes[at..at + take.min(8)].copy_from_slice(&stamp[..take.min(8)]);
    }
    bytes
}
