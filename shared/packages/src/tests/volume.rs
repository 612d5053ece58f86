//! A volume in memory.

use std::{cell::RefCell, collections::BTreeMap};

use watchkeeper_domain::failure::Failure;

use crate::{Contents, Digest, Stored, VolumePath};

/// Files by path. What was read is remembered.
#[derive(Default)]
pub(super) struct Shelf {
    pub files: BTreeMap<String, Vec<u8>>,
    /// Whether it knows digests without reading.
    pub knows_digests: bool,
    pub reads: RefCell<Vec<String>>,
}

impl Shelf {
    pub(super) fn with(files: &[(&str, &[u8])]) -> Self {
        let files = files.iter().map(|(path, bytes)| ((*path).to_owned(), bytes.to_vec())).collect();
        Self { files, ..Self::default() }
    }
}

impl Contents for Shelf {
    async fn stored(&self, path: &VolumePath) -> Result<Option<Stored>, Failure> {
        let stored = |bytes: &Vec<u8>| Stored {
            size: bytes.len() as u64,
            digest: self.knows_digests.then(|| Digest::sha1(&super::sha1(bytes))).flatten(),
        };
        Ok(self.files.get(path.as_str()).map(stored))
    }

    async fn read(&self, path: &VolumePath) -> Result<Option<Vec<u8>>, Failure> {
        self.reads.borrow_mut().push(path.to_string());
        Ok(self.files.get(path.as_str()).cloned())
    }
}
