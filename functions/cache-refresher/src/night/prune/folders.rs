//! The version folders of Maven packages on a volume.

use std::collections::BTreeMap;

use jiff::Timestamp;
use watchkeeper_domain::failure::Failure;
use watchkeeper_volume::{
    ext4::{Kind, Stat, Volume},
    snapshots::Snapshots,
};

/// A folder that holds files of one version of a package, `…/artifact/version/artifact-….jar` or `.pom`, and nothing
/// but files.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(in crate::night) struct Folder {
    pub path: String,
    /// When the package in it was written last.
    pub modified: Timestamp,
    /// The size of all of its files.
    pub bytes: u64,
}

/// What is known of a folder so far.
#[derive(Default)]
struct Draft {
    modified: Option<Timestamp>,
    bytes: u64,
    is_more: bool,
}

/// All of them, in the order of their paths.
///
/// # Errors
/// When a directory cannot be read.
pub(in crate::night) fn survey<S: Snapshots>(volume: &Volume<S>) -> Result<Vec<Folder>, Failure> {
    let mut drafts: BTreeMap<String, Draft> = BTreeMap::new();
    volume.walk("", &mut |path, stat| {
        if let Some((folder, name)) = path.rsplit_once('/') {
            drafts.entry(folder.to_owned()).or_default().add(folder, name, stat);
        }
    })?;
    let folder = |(path, draft): (String, Draft)| {
        let modified = draft.modified.filter(|_| !draft.is_more && !path.contains(char::is_control))?;
        Some(Folder { path, modified, bytes: draft.bytes })
    };
    Ok(drafts.into_iter().filter_map(folder).collect())
}

impl Draft {
    fn add(&mut self, folder: &str, name: &str, stat: &Stat) {
        self.bytes += stat.size;
        match stat.kind {
            Kind::File if is_package(folder, name) => self.modified = self.modified.max(Some(stat.modified)),
            Kind::File => {}
            Kind::Directory | Kind::Link | Kind::Other => self.is_more = true,
        }
    }
}

impl Folder {
    /// The folder of the artifact.
    pub(super) fn artifact(&self) -> &str {
        self.path.rsplit_once('/').map_or("", |(artifact, _)| artifact)
    }

    pub(super) fn version(&self) -> &str {
        self.path.rsplit_once('/').map_or("", |(_, version)| version)
    }
}

fn is_package(folder: &str, name: &str) -> bool {
    let artifact = folder.rsplit('/').nth(1).unwrap_or_default();
    let rest = name.strip_prefix(artifact).and_then(|rest| rest.strip_prefix('-'));
    !artifact.is_empty() && rest.is_some_and(|rest| rest.ends_with(".jar") || rest.ends_with(".pom"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_is_called_like_the_folder_above_its_version() {
        for (folder, name, expected) in [
            ("m2/org/a/1.0", "a-1.0.jar", true),
            ("m2/org/a/1.0", "a-1.0-sources.jar", true),
            ("a/1.0", "a-1.0.pom", true),
            ("m2/org/a/1.0", "a-1.0.jar.sha1", false),
            ("m2/org/a/1.0", "b-1.0.jar", false),
            ("m2/org/a/1.0", "a.jar", false),
            ("lib", "lib-1.jar", false),
        ] {
            assert_eq!(is_package(folder, name), expected, "{folder}/{name}");
        }
    }
}
