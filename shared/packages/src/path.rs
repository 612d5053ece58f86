//! A path on the volume that cannot lead out of it.

use serde::Serialize;

/// The longest segment, in bytes (`EXT4_NAME_LEN`).
const SEGMENT: usize = 255;
/// The longest path, in bytes (`PATH_MAX`).
const WHOLE: usize = 4_096;

/// A relative path: segments joined by `/`, none of them empty, `.` or `..`, none with a control character.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct VolumePath(String);

/// Why something is no [`VolumePath`].
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize, thiserror::Error)]
#[serde(rename_all = "kebab-case")]
pub enum BadPath {
    /// It is absolute, ends in `/`, has `//` in it, or is empty.
    #[error("an empty segment: a path here is relative and names a file")]
    EmptySegment,
    /// A segment is `.` or `..`.
    #[error("a segment that is . or ..")]
    Dots,
    /// A zero byte, a line break or the like.
    #[error("a control character")]
    Control,
    /// A segment of more than 255 bytes.
    #[error("a segment of more than 255 bytes")]
    LongSegment,
    /// More than 4,096 bytes in all.
    #[error("more than 4,096 bytes")]
    Long,
}

impl VolumePath {
    /// Checks `text`.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn parse(text: &str) -> Result<Self, BadPath> {
        if text.len() > WHOLE {
            return Err(BadPath::Long);
        }
        text.split('/').try_for_each(check)?;
        Ok(Self(text.to_owned()))
    }

    /// `text` in `folder`, or by itself.
    pub(crate) fn under(folder: Option<&Self>, text: &str) -> Result<Self, BadPath> {
        folder.map_or_else(|| Self::parse(text), |folder| Self::parse(&format!("{folder}/{text}")))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for VolumePath {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

fn check(segment: &str) -> Result<(), BadPath> {
    match segment {
        "" => Err(BadPath::EmptySegment),
        "." | ".." => Err(BadPath::Dots),
        _ if segment.contains(char::is_control) => Err(BadPath::Control),
        _ if segment.len() > SEGMENT => Err(BadPath::LongSegment),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::path::{Component, Path};

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_path_that_could_lead_out_or_confuse_is_refused_by_name() {
        let refusal = |text: &str| VolumePath::parse(text).err();
        for text in ["", "/etc/passwd", "a//b", "a/", "/"] {
            assert_eq!(refusal(text), Some(BadPath::EmptySegment), "{text:?}");
        }
        for text in ["..", "../a", "a/../../b", "a/..", ".", "./a", "a/./b"] {
            assert_eq!(refusal(text), Some(BadPath::Dots), "{text:?}");
        }
        for text in ["a\0b", "a/b\n", "\u{7f}", "a\u{85}b"] {
            assert_eq!(refusal(text), Some(BadPath::Control), "{text:?}");
        }
    }

    #[test]
    fn the_limits_are_those_of_ext4_and_linux() {
        assert!(VolumePath::parse(&"a".repeat(255)).is_ok());
        assert_eq!(VolumePath::parse(&"a".repeat(256)), Err(BadPath::LongSegment));
        assert_eq!(VolumePath::parse(&"ä".repeat(128)), Err(BadPath::LongSegment), "bytes, not characters");
        let long = "a/".repeat(2_047);
        assert!(VolumePath::parse(&format!("{long}aa")).is_ok());
        assert_eq!(VolumePath::parse(&format!("{long}aaa")), Err(BadPath::Long));
    }

    #[test]
    fn a_path_in_a_folder_is_checked_as_a_whole() {
        let folder = VolumePath::parse("m2/repository").unwrap();
        assert_eq!(VolumePath::under(Some(&folder), "a/b").unwrap().as_str(), "m2/repository/a/b");
        assert_eq!(VolumePath::under(Some(&folder), "../a"), Err(BadPath::Dots));
        assert_eq!(VolumePath::under(Some(&folder), "/a"), Err(BadPath::EmptySegment));
        assert_eq!(VolumePath::under(Some(&folder), &"a/".repeat(2_047)[..4_093]), Err(BadPath::Long));
    }

    proptest! {
        #[test]
        fn whatever_is_taken_stays_below_the_root(
            text in prop_oneof![
                any::<String>(),
                proptest::collection::vec(
                    prop_oneof![Just(".."), Just("."), Just(""), Just("a"), Just("..a"), Just("a\0"), Just("~"), Just("…")],
                    0..6,
                ).prop_map(|segments| segments.join("/")),
            ]
        ) {
            if let Ok(path) = VolumePath::parse(&text) {
                prop_assert_eq!(path.as_str(), &text);
                prop_assert!(Path::new(&text).components().all(|it| matches!(it, Component::Normal(_))));
                prop_assert_eq!(Path::new(&text).components().count(), text.split('/').count());
                prop_assert!(!text.contains(char::is_control));
            }
        }

        #[test]
        fn a_harmless_path_is_taken(text in "[a-zA-Z0-9_+-][a-zA-Z0-9._+ -]{0,40}(/[a-zA-Z0-9_+-][a-zA-Z0-9._+ -]{0,40}){0,8}") {
            prop_assert!(VolumePath::parse(&text).is_ok());
        }
    }
}
