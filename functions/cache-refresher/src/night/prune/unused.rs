//! Since when nobody has named a folder: a file on the volume, a line each, as in `2026-11-21 repository/org/a/1.0`.
//!
//! What was named in the last night stands not in it, so that a night in which everything is named changes nothing.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::{self, Display},
};

use jiff::civil::Date;

/// The file.
pub(in crate::night) const PATH: &str = ".watchkeeper/unused";

/// The first night in which a folder was not named, by its path.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(in crate::night) struct Unused(BTreeMap<String, Date>);

impl Unused {
    /// From the file. A line that cannot be read is none: its folder counts from tonight.
    pub(in crate::night) fn parse(text: &[u8]) -> Self {
        let line = |line: &str| {
            let (day, path) = line.split_once(' ')?;
            Some((path.to_owned(), day.parse().ok()?))
        };
        Self(String::from_utf8_lossy(text).lines().filter_map(line).collect())
    }

    /// What is to be noted tonight: every folder that is not named, since the day that is noted for it or today.
    pub(super) fn tonight<'a>(
        &self,
        folders: impl Iterator<Item = &'a str>,
        named: &BTreeSet<String>,
        today: Date,
    ) -> Self {
        let since = |path: &str| (path.to_owned(), self.0.get(path).copied().unwrap_or(today));
        Self(folders.filter(|path| !named.contains(*path)).map(since).collect())
    }

    /// The folders that nobody has named for so many days.
    pub(super) fn for_days(&self, days: u32, today: Date) -> impl Iterator<Item = String> {
        let is_long = move |(_, since): &(&String, &Date)| {
            (today - **since).get_days() >= i32::try_from(days).unwrap_or(i32::MAX)
        };
        self.0.iter().filter(is_long).map(|(path, _)| path.clone())
    }

    /// The same without these.
    pub(super) fn without(mut self, folders: &BTreeSet<String>) -> Self {
        self.0.retain(|path, _| !folders.contains(path));
        self
    }
}

impl Display for Unused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|(path, since)| writeln!(f, "{since} {path}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_read_as_it_was_written_and_bad_lines_are_none() {
        let text = "2026-11-20 m2/a b/1\n2026-11-21 m2/c/2\n";
        assert_eq!(Unused::parse(text.as_bytes()).to_string(), text);
        let bad = format!("{text}yesterday m2/d/1\n\nm2/e/1\n\u{fffd}");
        assert_eq!(Unused::parse(bad.as_bytes()).to_string(), text);
        assert_eq!(Unused::parse(&[0xff, 0xfe]), Unused::default());
    }
}
