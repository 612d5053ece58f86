//! What a night may use, and what it asks EBS for.

use std::time::Duration;

use watchkeeper_domain::cache::{CACHE_TAG, Cache, Encryption, GENERATION_TAG, TOKEN_TAG};
use watchkeeper_packages::Limits;
use watchkeeper_volume::{
    device::Device,
    snapshots::{BLOCK, Digest, IN_FLIGHT, Order, Origin, Snapshots},
};

use super::Job;

/// How much memory a night takes, in bytes, as far as it can be kept.
const MEMORY: u64 = 300_000_000;
/// How much of it blocks get at least.
const LEAST_FOR_BLOCKS: u64 = 64 * 1024 * 1024;
/// After so many minutes without a put EBS cancels a snapshot that is not completed.
const TIMEOUT_MINUTES: u16 = 60;
/// What is kept for the upload at least, where there is as much.
const UPLOAD: Duration = Duration::from_secs(60);
/// The longest label of an ext4 filesystem, in bytes.
const LABEL: usize = 16;

pub(super) fn order<S: Snapshots>(job: &Job<'_>, device: &Device<S>) -> Order {
    let Job { cache, token, generation, .. } = job;
    let origin = match (job.parent, &cache.encryption) {
        (Some(parent), _) => Origin::Parent(parent.clone()),
        (None, Encryption::None) => Origin::Empty,
        (None, Encryption::Key(key)) => Origin::Encrypted(key.clone()),
    };
    let tags = [
        (CACHE_TAG, cache.name.clone()),
        (TOKEN_TAG, (*token).to_owned()),
        (GENERATION_TAG, generation.to_string()),
    ];
    Order {
        origin,
        size_gib: u32::try_from(device.size() >> 30).unwrap_or(u32::MAX),
        token: (*token).to_owned(),
        timeout_minutes: TIMEOUT_MINUTES,
        description: format!("watchkeeper: generation {generation} of the cache {}", cache.name),
        tags: tags.into_iter().map(|(key, value)| (key.to_owned(), value)).collect(),
    }
}

pub(super) fn limits(cache: &Cache) -> Limits {
    let file_bytes = cache.limits.file_mib << 20;
    Limits { in_flight: cache.limits.in_flight, file_bytes, ..Limits::default() }
}

/// What blocks may take of the memory.
pub(super) fn memory(limits: &Limits) -> usize {
    let on_its_way = (IN_FLIGHT * BLOCK) as u64;
    let left = MEMORY.saturating_sub(on_its_way).saturating_sub(limits.memory());
    usize::try_from(left.max(LEAST_FOR_BLOCKS)).unwrap_or(usize::MAX)
}

/// How long there are downloads: for the upload stays a quarter of the time, a minute at least, half of it at most.
pub(super) fn for_downloads(within: Duration) -> Duration {
    within - (within / 4).max(UPLOAD).min(within / 2)
}

pub(super) fn label(cache: &Cache) -> &str {
    cache.name.get(..LABEL).unwrap_or(&cache.name)
}

/// The identity of a new filesystem: the same for the same order (RFC 9562, version 8).
pub(super) fn uuid(token: &str) -> [u8; 16] {
    let mut uuid = [0; 16];
    uuid.iter_mut().zip(Digest::of(token.as_bytes()).0).for_each(|(to, from)| *to = from);
    uuid[6] = uuid[6] & 0x0F | 0x80;
    uuid[8] = uuid[8] & 0x3F | 0x80;
    uuid
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quarter_of_the_time_is_for_the_upload_a_minute_at_least_but_not_more_than_half() {
        let seconds = |within| for_downloads(Duration::from_secs(within)).as_secs();
        assert_eq!([900, 200, 60].map(seconds), [675, 140, 30]);
    }

    #[test]
    fn blocks_and_downloads_share_300_mb_unless_downloads_are_allowed_more() {
        let limits = |in_flight, mib: u64| Limits { in_flight, file_bytes: mib << 20, ..Limits::default() };
        let default = limits(8, 64);
        assert_eq!(memory(&default) as u64 + default.memory() + (64 << 20), 300_000_000);
        assert_eq!(memory(&limits(8, 512)), 64 << 20);
    }

    #[test]
    fn a_filesystem_has_the_same_identity_for_the_same_token() {
        assert_eq!(uuid("one"), uuid("one"));
        assert_ne!(uuid("one"), uuid("two"));
        assert_eq!((uuid("one")[6] >> 4, uuid("one")[8] >> 6), (8, 0b10));
    }
}
