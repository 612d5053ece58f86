//! What a package of Maven is called, and where that puts it in a repository.

/// The name of a POM.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Gav {
    pub group: String,
    pub artifact: String,
    pub version: String,
}

/// The name of a file: `group:artifact[:extension[:classifier]]:version`.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Coordinate {
    pub gav: Gav,
    /// Without one, the POM's packaging decides.
    pub extension: Option<String>,
    pub classifier: Option<String>,
}

impl Gav {
    /// `None` when a part has characters that a file name in a repository does not have.
    pub(crate) fn new(group: &str, artifact: &str, version: &str) -> Option<Self> {
        let is_good = group.split('.').all(is_id) && is_id(artifact) && is_part(version);
        let [group, artifact, version] = [group, artifact, version].map(str::to_owned);
        is_good.then_some(Self { group, artifact, version })
    }

    /// Whether what is published under this name changes: `…-SNAPSHOT`.
    pub(crate) fn is_snapshot(&self) -> bool {
        self.version.ends_with("-SNAPSHOT")
    }

    /// `org/example/a/1.0`.
    pub(crate) fn folder(&self) -> String {
        format!("{}/{}/{}", self.group.replace('.', "/"), self.artifact, self.version)
    }

    /// `org/example/a/1.0/a-1.0-classifier.extension`. `version` is what stands in the file name: another one than in
    /// the folder for a snapshot in a remote repository.
    pub(crate) fn file(&self, version: &str, classifier: Option<&str>, extension: &str) -> String {
        let classifier = classifier.map(|text| format!("-{text}")).unwrap_or_default();
        format!("{}/{}-{version}{classifier}.{extension}", self.folder(), self.artifact)
    }
}

impl Coordinate {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let parts: Vec<&str> = text.split(':').collect();
        let (group, artifact, extension, classifier, version) = match *parts.as_slice() {
            [group, artifact, version] => (group, artifact, None, None, version),
            [group, artifact, extension, version] => (group, artifact, Some(extension), None, version),
            [group, artifact, extension, classifier, version] => {
                (group, artifact, Some(extension), Some(classifier), version)
            }
            _ => return None,
        };
        Self::new(Gav::new(group, artifact, version)?, extension, classifier)
    }

    pub(crate) fn new(gav: Gav, extension: Option<&str>, classifier: Option<&str>) -> Option<Self> {
        let is_good = extension.is_none_or(is_part) && classifier.is_none_or(is_part);
        let [extension, classifier] = [extension, classifier].map(|part| part.map(str::to_owned));
        is_good.then_some(Self { gav, extension, classifier })
    }
}

impl std::fmt::Display for Gav {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}:{}", self.group, self.artifact, self.version)
    }
}

impl std::fmt::Display for Coordinate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Gav { group, artifact, version } = &self.gav;
        write!(f, "{group}:{artifact}:")?;
        for part in self.extension.iter().chain(&self.classifier) {
            write!(f, "{part}:")?;
        }
        f.write_str(version)
    }
}

/// A group's segment or an artifact id (Maven's `DefaultModelValidator`: letters, digits, `-`, `_`, `.`).
fn is_id(text: &str) -> bool {
    is_part(text) && !text.contains(['+', '~'])
}

/// A version, an extension or a classifier. Maven forbids what file systems forbid; here nothing but these is allowed.
fn is_part(text: &str) -> bool {
    let is_usual = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '+' | '~');
    !text.is_empty() && text.chars().all(is_usual) && text.chars().any(|c| c != '.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_coordinate_is_three_to_five_parts_and_its_file_follows_from_it() {
        let file = |text: &str| {
            let it = Coordinate::parse(text)?;
            assert_eq!(it.to_string(), text);
            let extension = it.extension.as_deref().unwrap_or("jar");
            Some(it.gav.file(&it.gav.version, it.classifier.as_deref(), extension))
        };
        assert_eq!(file("org.a:b:1.0").as_deref(), Some("org/a/b/1.0/b-1.0.jar"));
        assert_eq!(file("org.a:b.c:pom:1+x").as_deref(), Some("org/a/b.c/1+x/b.c-1+x.pom"));
        assert_eq!(file("g:b:tar.gz:bin:1").as_deref(), Some("g/b/1/b-1-bin.tar.gz"));
        for text in [
            "",
            "a:b",
            "a:b:c:d:e:f",
            "a::1",
            "a:b:",
            ":b:1",
            "a:..:1",
            "a:b:..",
            "a..b:c:1",
            ".a:c:1",
            "a/b:c:1",
            "a:b/c:1",
            "a:b:1/2",
            "a:b:[1,2)",
            "a:b:${v}",
            "a:b:jar/x:1",
            "a:b:jar:..:1",
            "a b:c:1",
            "a:b\n:1",
        ] {
            assert_eq!(Coordinate::parse(text), None, "{text:?}");
        }
    }
}
