//! What is taken out of a cache again: versions of Maven packages that are old, or that nobody has named for long.
//!
//! | rule | what goes |
//! |---|---|
//! | `keep_versions` | of each artifact, all but the versions that were written last |
//! | `unused_days` | what no feeder and no job has named for so many days |
//!
//! What is named tonight stays. Nothing goes while a feeder that tells everything tells nothing: it may be out of order.
//! For the same reason no more than a quarter goes in one night.

mod folders;
mod rules;
mod unused;

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use watchkeeper_domain::cache::Prune;

pub(super) use self::{
    folders::{Folder, survey},
    rules::Rules,
    unused::{PATH as UNUSED, Unused},
};

/// No more than one in so many folders goes in one night.
const SHARE: usize = 4;

/// What is to go, and what is to be noted for later nights.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Chosen {
    /// Folders, by their paths.
    pub folders: BTreeSet<String>,
    /// Since when nobody has named what stays and is not named, if that is kept.
    pub unused: Option<Unused>,
    /// Why nothing goes although something would have to.
    pub problem: Option<String>,
}

/// Chooses among all version folders of the volume. `named` are those that somebody has named tonight; `unused` is what
/// earlier nights have noted.
pub(super) fn choose(
    rules: Prune,
    folders: &[Folder],
    named: &BTreeSet<String>,
    (unused, today): (&Unused, Date),
) -> Chosen {
    let mut going: BTreeSet<String> = BTreeSet::new();
    let mut noted = None;
    if let Some(keep) = rules.keep_versions {
        going.extend(outdated(folders, keep));
    }
    if let Some(days) = rules.unused_days {
        let now = unused.tonight(folders.iter().map(|folder| folder.path.as_str()), named, today);
        going.extend(now.for_days(days, today));
        noted = Some(now);
    }
    going.retain(|path| !named.contains(path));
    let mut problem = None;
    if going.len() > folders.len().div_ceil(SHARE) {
        problem = Some(format!(
            "{} of {} folders would go, more than a quarter: nothing is taken out. If that is right, come down to \
             the new rule in steps",
            going.len(),
            folders.len()
        ));
        going.clear();
    }
    Chosen { unused: noted.map(|noted| noted.without(&going)), folders: going, problem }
}

/// All but the `keep` versions of each artifact that were written last. Of those that were written together, higher
/// versions count as later.
fn outdated(folders: &[Folder], keep: u32) -> impl Iterator<Item = String> {
    let mut artifacts: BTreeMap<&str, Vec<&Folder>> = BTreeMap::new();
    for folder in folders {
        artifacts.entry(folder.artifact()).or_default().push(folder);
    }
    artifacts.into_values().flat_map(move |mut versions| {
        versions.sort_by_cached_key(|folder| (folder.modified, rank(folder.version())));
        let going = versions.len().saturating_sub(usize::try_from(keep).unwrap_or(usize::MAX));
        versions.into_iter().take(going).map(|folder| folder.path.clone()).collect::<Vec<_>>()
    })
}

/// `1.10` ranks above `1.9`: numbers by their value, everything else as text.
fn rank(version: &str) -> Vec<(u64, String)> {
    let mut parts = vec![(0_u64, String::new())];
    let mut was_digit = true;
    for c in version.chars() {
        if c.is_ascii_digit() && !was_digit {
            parts.push((0_u64, String::new()));
        }
        was_digit = c.is_ascii_digit();
        if let Some((number, text)) = parts.last_mut() {
            match c.to_digit(10) {
                Some(digit) => *number = number.saturating_mul(10).saturating_add(digit.into()),
                None => text.push(c),
            }
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use proptest::prelude::*;

    use super::*;

    fn folder(path: &str, written: i64) -> Folder {
        Folder { path: path.to_owned(), modified: Timestamp::from_second(written).unwrap(), bytes: 1 }
    }

    fn set(paths: &[&str]) -> BTreeSet<String> {
        paths.iter().map(ToString::to_string).collect()
    }

    fn day(text: &str) -> Date {
        text.parse().unwrap()
    }

    const KEEP_2: Prune = Prune { keep_versions: Some(2), unused_days: None };
    const UNUSED_10: Prune = Prune { keep_versions: None, unused_days: Some(10) };

    /// Enough other folders for the quarter.
    fn others() -> Vec<Folder> {
        (0..20).map(|n| folder(&format!("g/other{n}/1"), 0)).collect()
    }

    fn chosen(rules: Prune, folders: &[Folder], named: &[&str]) -> Chosen {
        choose(rules, folders, &set(named), (&Unused::default(), day("2026-11-21")))
    }

    #[test]
    fn of_each_artifact_the_versions_stay_that_were_written_last() {
        let mut folders = others();
        folders.extend([folder("g/a/1", 50), folder("g/a/2", 40), folder("g/a/3", 30), folder("g/b/9", 1)]);
        assert_eq!(chosen(KEEP_2, &folders, &[]).folders, set(&["g/a/3"]));
        assert_eq!(chosen(KEEP_2, &folders, &["g/a/3"]).folders, set(&[]), "what is named stays");
    }

    #[test]
    fn of_versions_that_were_written_together_the_higher_ones_stay() {
        let mut folders = others();
        folders.extend(["1.9", "1.10", "1.2-rc1", "1.10.1"].map(|it| folder(&format!("g/a/{it}"), 7)));
        assert_eq!(chosen(KEEP_2, &folders, &[]).folders, set(&["g/a/1.2-rc1", "g/a/1.9"]));
    }

    #[test]
    fn what_nobody_names_goes_after_so_many_days_from_the_first_night_without_it() {
        let mut folders = others();
        folders.push(folder("g/a/1", 0));
        let others = (0..20).map(|n| format!("g/other{n}/1"));
        let named: BTreeSet<String> = others.collect();
        let mut unused = Unused::default();
        for (today, goes) in [("2026-11-01", false), ("2026-11-10", false), ("2026-11-11", true)] {
            let chosen = choose(UNUSED_10, &folders, &named, (&unused, day(today)));
            assert_eq!(chosen.folders.contains("g/a/1"), goes, "{today}");
            unused = chosen.unused.unwrap();
        }
        assert_eq!(unused, Unused::default(), "what goes is forgotten");
    }

    #[test]
    fn what_is_named_again_begins_anew() {
        let folders = others();
        let unused = choose(UNUSED_10, &folders, &set(&[]), (&Unused::default(), day("2026-11-01")));
        let named = set(&["g/other0/1"]);
        let again = choose(UNUSED_10, &folders, &named, (&unused.unused.unwrap(), day("2026-11-05")));
        let end = choose(UNUSED_10, &folders[..1], &set(&[]), (&again.unused.unwrap(), day("2026-11-12")));
        assert_eq!(end.folders, set(&[]));
    }

    #[test]
    fn more_than_a_quarter_is_a_problem_and_nothing_goes() {
        let folders: Vec<Folder> = (0..8).map(|n| folder(&format!("g/a/{n}"), n)).collect();
        let keep = |keep| Prune { keep_versions: Some(keep), unused_days: None };
        assert_eq!(chosen(keep(6), &folders, &[]).folders.len(), 2);
        let refused = chosen(keep(5), &folders, &[]);
        assert_eq!(refused.folders, set(&[]));
        assert!(refused.problem.unwrap().starts_with("3 of 8 folders would go"));
    }

    proptest! {
        #[test]
        fn what_is_named_stays_whatever_the_rules(
            folders in proptest::collection::btree_map(("[ab]/[cd]", "[0-9]"), 0_i64..5, 0..30),
            named in proptest::collection::btree_set("[ab]/[cd]/[0-9]", 0..20),
            keep in proptest::option::of(0_u32..4),
            days in proptest::option::of(0_u32..4),
        ) {
            let folders: Vec<Folder> =
                folders.iter().map(|((artifact, version), at)| folder(&format!("{artifact}/{version}"), *at)).collect();
            let rules = Prune { keep_versions: keep, unused_days: days };
            let unused = Unused::parse(b"2026-01-01 a/c/1\n2026-11-20 b/d/2\n");
            let chosen = choose(rules, &folders, &named, (&unused, day("2026-11-21")));
            prop_assert!(chosen.folders.is_disjoint(&named));
            prop_assert!(chosen.folders.len() <= folders.len().div_ceil(4));
            prop_assert!(chosen.folders.iter().all(|path| folders.iter().any(|folder| folder.path == *path)));
        }
    }
}
