//! From a path in a Maven repository back to what it is.

use super::coordinate::{Coordinate, Gav};
use crate::VolumePath;

/// Extensions with a dot in them.
const DOUBLE: [&str; 3] = ["tar.gz", "tar.bz2", "tar.xz"];

/// What a path in a Maven repository is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Place {
    /// A package, or its POM.
    Artifact(Artifact),
    /// A digest, a signature, metadata, an index, a tracking file: what Maven does without, or is even led astray by. A
    /// `_remote.repositories` makes it refuse a file that came from a mirror of another name (MNG-5185).
    ByProduct,
    /// Something else.
    Unknown,
}

/// A file of a package.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Artifact {
    pub coordinate: Coordinate,
    /// Which build of a snapshot it is.
    pub build: Option<Build>,
}

/// The build of a snapshot: `20261120.031500-7`. A newer one is greater.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Build {
    pub time: String,
    pub number: u32,
}

impl Artifact {
    /// The file in a local repository, where a snapshot has no timestamp.
    pub(crate) fn local(&self) -> String {
        let Coordinate { gav, extension, classifier } = &self.coordinate;
        gav.file(&gav.version, classifier.as_deref(), extension.as_deref().unwrap_or("jar"))
    }
}

pub(crate) fn place(path: &VolumePath) -> Place {
    let segments: Vec<&str> = path.as_str().split('/').collect();
    match segments.as_slice() {
        [".index", ..] => Place::ByProduct,
        [.., file] if is_by_product(file) => Place::ByProduct,
        [group @ .., artifact, version, file] if !group.is_empty() => {
            artifact_of(&group.join("."), artifact, version, file).map_or(Place::Unknown, Place::Artifact)
        }
        _ => Place::Unknown,
    }
}

fn artifact_of(group: &str, artifact: &str, version: &str, file: &str) -> Option<Artifact> {
    let gav = Gav::new(group, artifact, version)?;
    let rest = file.strip_prefix(artifact)?.strip_prefix('-')?;
    let (rest, build) = match rest.strip_prefix(version) {
        Some(rest) => (rest, None),
        None => {
            let base = version.strip_suffix("SNAPSHOT").filter(|base| base.ends_with('-'))?;
            let (build, rest) = timestamped(rest.strip_prefix(base)?)?;
            (rest, Some(build))
        }
    };
    let (classifier, extension) = match rest.strip_prefix('.') {
        Some(extension) => (None, extension),
        None => {
            let (classifier, extension) = split(rest.strip_prefix('-')?)?;
            (Some(classifier), extension)
        }
    };
    extension.starts_with(|c: char| c.is_ascii_alphabetic()).then_some(())?;
    Some(Artifact { coordinate: Coordinate::new(gav, Some(extension), classifier)?, build })
}

/// `20261120.031500-7.jar` is a timestamp, a build number and the rest.
fn timestamped(text: &str) -> Option<(Build, &str)> {
    let (time, rest) = text.split_once('-')?;
    let is_time = time.len() == 15
        && time.bytes().enumerate().all(|(at, b)| if at == 8 { b == b'.' } else { b.is_ascii_digit() });
    let end = rest.find(|c: char| !c.is_ascii_digit()).filter(|_| is_time)?;
    let (number, rest) = rest.split_at(end);
    Some((Build { time: time.to_owned(), number: number.parse().ok()? }, rest))
}

fn split(text: &str) -> Option<(&str, &str)> {
    let double = DOUBLE.iter().find_map(|it| Some((text.strip_suffix(it)?.strip_suffix('.')?, *it)));
    double.or_else(|| text.rsplit_once('.'))
}

fn is_by_product(file: &str) -> bool {
    const ENDS: [&str; 10] = [
        ".sha1",
        ".sha256",
        ".sha512",
        ".md5",
        ".asc",
        ".sigstore",
        ".sigstore.json",
        ".lastUpdated",
        ".part",
        ".lock",
    ];
    const NAMES: [&str; 4] = [
        "_remote.repositories",
        "_maven.repositories",
        "resolver-status.properties",
        "archetype-catalog.xml",
    ];
    let is_metadata = file.starts_with("maven-metadata") && file.ends_with(".xml");
    is_metadata || NAMES.contains(&file) || ENDS.iter().any(|end| file.ends_with(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(text: &str) -> String {
        match place(&VolumePath::parse(text).unwrap()) {
            Place::Artifact(Artifact { coordinate, build: None }) => coordinate.to_string(),
            Place::Artifact(Artifact { coordinate, build: Some(Build { time, number }) }) => {
                format!("{coordinate} built {time} as {number}")
            }
            Place::ByProduct => "by-product".to_owned(),
            Place::Unknown => "unknown".to_owned(),
        }
    }

    #[test]
    fn a_path_is_what_its_folders_say() {
        for (path, expected) in [
            ("org/a/b/1.0/b-1.0.jar", "org.a:b:jar:1.0"),
            ("org/a/b/1.0/b-1.0.pom", "org.a:b:pom:1.0"),
            ("g/b/1.0/b-1.0.tar.gz", "g:b:tar.gz:1.0"),
            ("g/b-c/1.0-rc-1/b-c-1.0-rc-1-linux-x86_64.exe", "g:b-c:exe:linux-x86_64:1.0-rc-1"),
            ("g/b/1/b-1-bin.tar.gz", "g:b:tar.gz:bin:1"),
            ("g/b/1/b-1-jdk1.5.jar", "g:b:jar:jdk1.5:1"),
            ("g/b/1-SNAPSHOT/b-1-SNAPSHOT.jar", "g:b:jar:1-SNAPSHOT"),
            ("g/b/1-SNAPSHOT/b-1-20261120.031500-7.jar", "g:b:jar:1-SNAPSHOT built 20261120.031500 as 7"),
            (
                "g/b/1-SNAPSHOT/b-1-20261120.031500-12-tests.jar",
                "g:b:jar:tests:1-SNAPSHOT built 20261120.031500 as 12",
            ),
        ] {
            assert_eq!(seen(path), expected, "{path}");
        }
    }

    #[test]
    fn what_belongs_to_no_package_is_unknown() {
        for path in [
            "b/1/b-1.jar",
            "g/b/1/b-2.jar",
            "g/b/1/b-1.5.jar",
            "g/b/1/b-1-20261120.031500-7",
            "g/b/1/c-1.jar",
            "g/b/1/b-1",
            "g/b/1/b-1x.jar",
            "g/b/1/b-1-.jar",
            "g/b/1/b-1-bin",
            "g/b/1/b-1.",
            "g/b/1-SNAPSHOT/b-1-2026.jar",
            "g/b c/1/b c-1.jar",
            "readme.txt",
            "g/b/1-SNAPSHOT/b-1-20261120.031500-.jar",
        ] {
            assert_eq!(seen(path), "unknown", "{path}");
        }
    }

    #[test]
    fn by_products_are_told_from_packages() {
        for file in [
            "b-1.jar.sha1",
            "b-1.pom.md5",
            "b-1.jar.asc",
            "_remote.repositories",
            "maven-metadata.xml",
            "maven-metadata-nexus.xml",
            "b-1.jar.lastUpdated",
            "resolver-status.properties",
            "b-1.jar.part",
        ] {
            assert_eq!(seen(&format!("g/b/1/{file}")), "by-product", "{file}");
        }
    }
}
