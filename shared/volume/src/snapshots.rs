//! The port to the EBS direct APIs: what they can do, in our own small types.
//!
//! The words are those of the EBS direct APIs reference and of the EBS User Guide, "Use EBS direct APIs to access the
//! contents of an EBS snapshot".

mod listing;

use std::{fmt, time::Duration};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use watchkeeper_domain::failure::Failure;

pub use self::listing::Listing;

/// The size of a block, in bytes. EBS knows no other (`StartSnapshot`, `BlockSize`).
pub const BLOCK: usize = 512 * 1024;

/// How many requests are under way at once, at most. AWS's advice is a connection a request, and about 100 of them for
/// the 1,000 puts a second that a snapshot takes (EBS User Guide, "Optimize performance for the EBS direct APIs").
pub const IN_FLIGHT: usize = 128;

/// The id of a snapshot: `snap-…`.
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct SnapshotId(String);

/// Where a block is: its offset in the volume divided by [`BLOCK`].
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct BlockIndex(pub u32);

/// A SHA-256 digest. Written as 64 hexadecimal digits.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Digest(pub [u8; 32]);

/// The bytes of one block, and their digest.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Block {
    data: Bytes,
    digest: Digest,
}

/// What came of reading a block.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Got {
    /// The block. Its digest has been compared with the one that EBS sent.
    Block(Block),
    /// The token is no longer valid: it is 7 days old, or the blocks were listed anew. List them again.
    StaleToken,
}

/// The snapshot that is asked for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Order {
    /// What it is made on top of.
    pub origin: Origin,
    /// The size of the volume, in GiB. With a parent, its size or more.
    pub size_gib: u32,
    /// `ClientToken`: orders with the same token and the same fields are one snapshot. At most 64 ASCII characters.
    /// A snapshot that was cancelled keeps its token, so an attempt after that needs another one.
    pub token: String,
    /// After so many minutes without a put EBS cancels the snapshot: 10 to 4,320.
    pub timeout_minutes: u16,
    /// What the snapshot says of itself, in at most 255 characters.
    pub description: String,
    /// Its tags.
    pub tags: Vec<(String, String)>,
}

/// What a snapshot is made on top of. EBS takes a parent or an encryption, not both.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Origin {
    /// The blocks of this snapshot, and its key.
    Parent(SnapshotId),
    /// Nothing, unencrypted. An account that encrypts by default makes it encrypted all the same (unverified).
    Empty,
    /// Nothing, encrypted with this key, by its ARN; with `None`, with the account's default key.
    Encrypted(Option<String>),
}

/// The EBS direct APIs: `ebs:ListSnapshotBlocks`, `ListChangedBlocks`, `GetSnapshotBlock`, `StartSnapshot`,
/// `PutSnapshotBlock`, `CompleteSnapshot`.
///
/// The filesystem works on a blocking thread, so the futures are `Send`. Every call has a time-out, and is repeated as
/// the implementation says: a failure that comes out of here is the last word.
pub trait Snapshots: Clone + Send + Sync + 'static {
    /// The blocks of a completed snapshot, those of its parents among them. What is not listed is zeros.
    fn list(&self, snapshot: &SnapshotId) -> impl Future<Output = Result<Listing, Failure>> + Send;

    /// The indexes of the blocks in which `child` differs from `parent`, ascending. Both are completed.
    fn changed(
        &self,
        parent: &SnapshotId,
        child: &SnapshotId,
    ) -> impl Future<Output = Result<Vec<BlockIndex>, Failure>> + Send;

    /// One block of a completed snapshot, with the token that [`Snapshots::list`] gave for it.
    fn get(
        &self,
        snapshot: &SnapshotId,
        index: BlockIndex,
        token: &str,
    ) -> impl Future<Output = Result<Got, Failure>> + Send;

    /// Starts a snapshot. It is pending, and cannot be read, until it is completed.
    fn start(&self, order: &Order) -> impl Future<Output = Result<SnapshotId, Failure>> + Send;

    /// Puts one block into a pending snapshot. The last put of an index counts.
    fn put(
        &self,
        snapshot: &SnapshotId,
        index: BlockIndex,
        block: &Block,
    ) -> impl Future<Output = Result<(), Failure>> + Send;

    /// Seals a pending snapshot that `blocks` different blocks were put into. `checksum` is the SHA-256 over their
    /// digests in ascending order of their indexes (`CompleteSnapshot`, checksum aggregation method `LINEAR`).
    ///
    /// It cannot be repeated: after an ambiguous failure the snapshot's state says whether it happened.
    fn complete(
        &self,
        snapshot: &SnapshotId,
        blocks: u32,
        checksum: Digest,
    ) -> impl Future<Output = Result<(), Failure>> + Send;
}

/// A world in which there are the EBS direct APIs.
pub trait HoldsSnapshots {
    /// Their implementation.
    type Snapshots: Snapshots;

    /// The APIs, for work that must be done within this time: afterwards every call fails.
    fn snapshots(&self, within: Duration) -> Self::Snapshots;
}

impl SnapshotId {
    /// The id, as AWS writes it.
    pub fn new(id: impl Into<String>) -> Self {
        Self(id.into())
    }

    /// The id, as AWS writes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SnapshotId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl BlockIndex {
    /// The block that holds the byte at `offset`. Offsets end at 64 TiB, the size of the largest volume.
    pub fn holding(offset: u64) -> Self {
        Self(u32::try_from(offset / BLOCK as u64).unwrap_or(u32::MAX))
    }

    /// Where its first byte is.
    pub fn offset(self) -> u64 {
        u64::from(self.0) * BLOCK as u64
    }
}

impl fmt::Display for BlockIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Block {
    /// The block with these bytes, which must be [`BLOCK`] many. Computes the digest.
    ///
    /// # Errors
    /// The number of bytes, when it is another.
    pub fn new(data: Bytes) -> Result<Self, usize> {
        if data.len() != BLOCK {
            return Err(data.len());
        }
        let digest = Digest::of(&data);
        Ok(Self { data, digest })
    }

    /// Its bytes, [`BLOCK`] of them.
    pub fn data(&self) -> &Bytes {
        &self.data
    }

    /// Its bytes, for whoever needs no more of it.
    pub fn into_data(self) -> Bytes {
        self.data
    }

    /// Their SHA-256.
    pub fn digest(&self) -> Digest {
        self.digest
    }
}

impl Digest {
    /// The SHA-256 of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// The SHA-256 over `digests`, one after the other: EBS's aggregation method `LINEAR`.
    pub fn linear(digests: impl IntoIterator<Item = Self>) -> Self {
        let mut all = Sha256::new();
        for digest in digests {
            all.update(digest.0);
        }
        Self(all.finalize().into())
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Digest {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let byte = |at: usize| text.get(2 * at..2 * at + 2).and_then(|hex| u8::from_str_radix(hex, 16).ok());
        let bytes: Option<Vec<u8>> = (0..32).map(byte).collect();
        match bytes.and_then(|bytes| <[u8; 32]>::try_from(bytes).ok()) {
            Some(bytes) if text.len() == 64 => Ok(Self(bytes)),
            Some(_) | None => Err(serde::de::Error::custom("a SHA-256 has 64 hexadecimal digits")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_linear_checksum_is_taken_over_the_raw_digests() {
        let digests = [Digest::of(b"one"), Digest::of(b"two")];
        let concatenated = [digests[0].0, digests[1].0].concat();
        assert_eq!(Digest::linear(digests), Digest::of(&concatenated));
    }

    #[test]
    fn a_block_has_512_kib_and_nothing_else() {
        assert_eq!(Block::new(Bytes::from(vec![7; BLOCK - 1])).err(), Some(BLOCK - 1));
        let block = Block::new(Bytes::from(vec![7; BLOCK])).unwrap();
        assert_eq!(block.digest(), Digest::of(&vec![7; BLOCK]));
    }

    #[test]
    fn offsets_and_indexes_agree_up_to_the_end_of_the_largest_volume() {
        let last = BlockIndex(65_536 * 2048 - 1);
        assert_eq!(BlockIndex::holding(last.offset() + BLOCK as u64 - 1), last);
        assert_eq!(BlockIndex::holding(last.offset() - 1), BlockIndex(last.0 - 1));
    }
}
