//! `maven-metadata.xml` of a snapshot: what its newest files are called.

use roxmltree::{Document, Node};

use super::{
    coordinate::Gav,
    pom::{children, decode, text},
};

/// The names of a snapshot's files.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Metadata {
    /// Classifier (may be empty), extension, and the version that stands in the file name.
    files: Vec<(String, String, String)>,
    /// Timestamp and build number, from before each file had its own (Maven 2).
    whole: Option<(String, String)>,
}

impl Metadata {
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, roxmltree::Error> {
        let decoded = decode(bytes);
        let document = Document::parse(&decoded)?;
        let versioning = children(document.root_element(), "versioning").next();
        Ok(versioning.map(Self::of).unwrap_or_default())
    }

    fn of(versioning: Node<'_, '_>) -> Self {
        let files = children(versioning, "snapshotVersions").flat_map(|it| children(it, "snapshotVersion"));
        let snapshot = children(versioning, "snapshot").next();
        Self {
            files: files
                .map(|it| (text(it, "classifier"), text(it, "extension"), text(it, "value")))
                .collect(),
            whole: snapshot
                .map(|it| (text(it, "timestamp"), text(it, "buildNumber")))
                .filter(|(time, build)| !time.is_empty() && !build.is_empty()),
        }
    }

    /// The version in the name of a file of `gav`, if the metadata say: `1.0-20261120.031500-7`.
    pub(crate) fn version(&self, gav: &Gav, classifier: Option<&str>, extension: &str) -> Option<String> {
        let file = self.files.iter().find(|(c, e, _)| c == classifier.unwrap_or_default() && e == extension);
        let base = gav.version.strip_suffix("SNAPSHOT")?;
        let version = match (file, &self.whole) {
            (Some((_, _, version)), _) => version.clone(),
            (None, Some((time, build))) if self.files.is_empty() => format!("{base}{time}-{build}"),
            (None, _) => return None,
        };
        Gav::new(&gav.group, &gav.artifact, &version).map(|it| it.version)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(xml: &str, classifier: Option<&str>, extension: &str) -> Option<String> {
        let gav = Gav::new("g", "a", "1.0-SNAPSHOT").unwrap();
        Metadata::parse(xml.as_bytes()).unwrap().version(&gav, classifier, extension)
    }

    #[test]
    fn each_file_of_a_snapshot_has_a_version_of_its_own() {
        let xml = "<metadata><versioning><snapshot><timestamp>20261120.031500</timestamp><buildNumber>7</buildNumber></snapshot>
            <snapshotVersions>
              <snapshotVersion><extension>jar</extension><value>1.0-20261120.031500-7</value></snapshotVersion>
              <snapshotVersion><classifier>tests</classifier><extension>jar</extension><value>1.0-20261119.031500-6</value></snapshotVersion>
              <snapshotVersion><extension>zip</extension><value>../../evil</value></snapshotVersion>
            </snapshotVersions></versioning></metadata>";
        assert_eq!(version(xml, None, "jar").as_deref(), Some("1.0-20261120.031500-7"));
        assert_eq!(version(xml, Some("tests"), "jar").as_deref(), Some("1.0-20261119.031500-6"));
        assert_eq!(version(xml, None, "pom"), None);
        assert_eq!(version(xml, None, "zip"), None);
    }

    #[test]
    fn the_metadata_of_maven_2_speak_for_all_files() {
        let xml = "<metadata><versioning><snapshot><timestamp>20061120.031500</timestamp><buildNumber>7</buildNumber></snapshot></versioning></metadata>";
        assert_eq!(version(xml, None, "pom").as_deref(), Some("1.0-20061120.031500-7"));
        let local =
            "<metadata><versioning><snapshot><localCopy>true</localCopy></snapshot></versioning></metadata>";
        assert_eq!(version(local, None, "pom"), None);
        assert_eq!(version("<metadata/>", None, "pom"), None);
    }
}
