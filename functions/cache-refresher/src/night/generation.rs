//! What the volume says of itself: `.watchkeeper/generation.json`, the last file that a night writes. The check after
//! reads what it has to look for from there, and the digest that was kept vouches for it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use watchkeeper_domain::failure::Failure;
use watchkeeper_volume::{
    ext4::{Volume, Written},
    night::{Done, Fault},
    snapshots::{Digest, Snapshots},
};

/// The folder on the volume that is ours.
pub(super) const FOLDER: &str = ".watchkeeper";
/// The file.
pub(super) const PATH: &str = ".watchkeeper/generation.json";
/// What Maven keeps beside packages: which mirror each came from. It refuses them under any other name of the mirror
/// (MNG-5185), so it is never written, and taken away where something is written beside it.
pub(super) const TRACKING: &str = "_remote.repositories";

/// What a night has done.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(super) struct Generation {
    pub cache: String,
    pub generation: u32,
    /// When the night began.
    pub began: Timestamp,
    pub files: Vec<Entry>,
    /// Paths of files.
    pub removed: Vec<String>,
}

/// A file that was written.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(super) struct Entry {
    pub path: String,
    pub size: u64,
    pub sha256: Digest,
}

impl Entry {
    pub(super) fn of(Written { path, size, digest }: Written) -> Self {
        Self { path, size, sha256: digest }
    }
}

/// What the night has done, by the file on the volume that must be `manifest`.
///
/// # Errors
/// When it cannot be read from EBS. What else can be wrong with it is a fault.
pub(super) fn read<S: Snapshots>(
    volume: &Volume<S>,
    manifest: &Written,
) -> Result<Result<Done, Fault>, Failure> {
    let fault = |cause: String| Ok(Err(Fault::Content { path: manifest.path.clone(), cause }));
    match volume.stat(&manifest.path)? {
        None => return fault("it is not there".to_owned()),
        Some(stat) if stat.size != manifest.size => {
            return fault(format!("{} bytes, not {}", stat.size, manifest.size));
        }
        Some(_) => {}
    }
    let bytes = volume.read(&manifest.path)?;
    if Digest::of(&bytes) != manifest.digest {
        return fault("other bytes".to_owned());
    }
    let generation: Generation = match serde_json::from_slice(&bytes) {
        Ok(generation) => generation,
        Err(error) => return fault(error.to_string()),
    };
    let written = generation.files.into_iter();
    let written =
        written.map(|Entry { path, size, sha256 }| Written { path, size, digest: sha256 }).collect();
    Ok(Ok(Done { written, removed: generation.removed }))
}
