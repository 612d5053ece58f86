//! What the volume has already.

use watchkeeper_domain::failure::Failure;

use crate::{Digest, VolumePath, plan::Candidate};

/// The files of the volume as the night begins.
#[expect(async_fn_in_trait, reason = "functions run on one thread, so futures need not be Send")]
pub trait Contents {
    /// The file at `path`, if there is one.
    async fn stored(&self, path: &VolumePath) -> Result<Option<Stored>, Failure>;

    /// All bytes of the file at `path`, if there is one. Asked for POMs, which name others, and where only a digest
    /// tells whether a file is still the right one. Whoever cannot read says `None`, and such files are fetched again.
    async fn read(&self, path: &VolumePath) -> Result<Option<Vec<u8>>, Failure>;

    /// Says what is asked next, so that it can be got together. Whoever has everything at hand does nothing.
    async fn announce(&self, paths: &[VolumePath], asked: Asked) -> Result<(), Failure> {
        let _ = (paths, asked);
        Ok(())
    }
}

/// How many files are announced at once.
pub(crate) const ANNOUNCED: usize = 1_000;

/// What is asked about a file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Asked {
    /// [`Contents::stored`].
    Stored,
    /// [`Contents::read`].
    Read,
}

/// A file of the volume.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Stored {
    /// In bytes.
    pub size: u64,
    /// Where it is known without reading the file.
    pub digest: Option<Digest>,
}

/// Whether the volume has what `wanted` is, as far as it can be told without the network. `None`: it takes a digest
/// from the repository to tell.
///
/// | what is known | what decides |
/// |---|---|
/// | both sizes, and they differ | not there |
/// | both digests, by one algorithm | the digests |
/// | the file never changes under its name (a release in a Maven repository) | there |
/// | the expected digest only | the file is read and hashed |
pub(crate) async fn has(contents: &impl Contents, wanted: &Candidate) -> Result<Option<bool>, Failure> {
    let Some(stored) = contents.stored(&wanted.path).await? else { return Ok(Some(false)) };
    if wanted.size.is_some_and(|size| size != stored.size) {
        return Ok(Some(false));
    }
    match (wanted.digest, stored.digest) {
        (Some(expected), Some(digest)) if expected.is_comparable(&digest) => Ok(Some(expected == digest)),
        _ if wanted.is_fixed => Ok(Some(true)),
        (Some(expected), _) => {
            let bytes = contents.read(&wanted.path).await?;
            Ok(Some(bytes.is_some_and(|bytes| expected.is_of(&bytes))))
        }
        (None, _) => Ok(None),
    }
}
