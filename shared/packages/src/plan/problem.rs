//! What cannot be had, and why.

use serde::Serialize;
use watchkeeper_domain::text;

use crate::path::BadPath;

/// How much of what somebody else wrote is repeated, in characters.
const EXCERPT: usize = 200;

/// Something that a feeder named and that is left out of the plan.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub struct Problem {
    /// The path, the coordinate, or the line.
    pub subject: String,
    /// What is wrong with it.
    pub cause: Cause,
}

/// What can be wrong with one file, or with one line about it.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize, thiserror::Error)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// 404 or 410.
    #[error("the repository does not have it, or has no .sha1 for it")]
    Missing,
    /// 403 or 451: a package that the repository holds back.
    #[error("the repository refuses it with {status}")]
    Refused {
        /// The HTTP status.
        status: u16,
    },
    /// What stands where a digest is expected is none, or the listing has none.
    #[error("the repository has no digest for it")]
    NoDigest,
    /// It does not hash to what the repository says.
    #[error("its digest is not the one that the repository publishes")]
    WrongDigest,
    /// It has another size than the feeder says.
    #[error("it has {found} bytes where {announced} were announced")]
    WrongSize {
        /// What the feeder says.
        announced: u64,
        /// What came.
        found: u64,
    },
    /// It is longer than allowed.
    #[error("it has more than {limit} bytes")]
    TooLong {
        /// In bytes.
        limit: u64,
    },
    /// It cannot be a path on the volume.
    #[error("no path for a volume: {0}")]
    BadPath(BadPath),
    /// A path that is not laid out as a Maven repository.
    #[error("not laid out as a Maven repository: group/artifact/version/artifact-version.extension")]
    UnknownShape,
    /// A line or a document that cannot be read.
    #[error("unreadable: {0}")]
    Unreadable(String),
    /// A property in the place of a version that no POM above it defines.
    #[error("${{{0}}} is defined neither in this POM nor in its parents")]
    Unresolved(String),
    /// A POM that is its own ancestor.
    #[error("a POM that is its own ancestor")]
    Circular,
    /// More parents and imports than [`crate::Limits`] allows.
    #[error("more POMs behind it than are followed")]
    TooDeep,
    /// Two feeders expect different digests.
    #[error("two feeders expect different digests; the first one counts")]
    Disagreement,
}

impl Problem {
    /// `cause` of `subject`, which is cut and cleaned: somebody else wrote it.
    pub fn new(subject: &str, cause: Cause) -> Self {
        Self { subject: excerpt(subject), cause }
    }

    /// Something wrong with line `number`, counted from 1.
    pub(crate) fn in_line(number: usize, cause: Cause) -> Self {
        Self { subject: format!("line {number}"), cause }
    }
}

impl Cause {
    /// A document, or a line, that `error` is about.
    pub(crate) fn unreadable(error: impl std::fmt::Display) -> Self {
        Self::Unreadable(excerpt(&error.to_string()))
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.subject, self.cause)
    }
}

fn excerpt(text: &str) -> String {
    text::cut(&text::line(text), EXCERPT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_is_one_short_line_whoever_wrote_its_subject() {
        let problem =
            Problem::new(&format!("a\nb\u{202e}{}", "c".repeat(1_000)), Cause::Unresolved("revision".into()));
        let text = problem.to_string();
        assert!(text.starts_with("a bccc"), "{text}");
        assert!(text.ends_with("…: ${revision} is defined neither in this POM nor in its parents"), "{text}");
        assert_eq!(problem.subject.chars().count(), EXCERPT);
    }
}
