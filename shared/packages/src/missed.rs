//! The feeder `missed`: what CI jobs had to download because the volume did not have it.
//!
//! A job reports the files that are new on its clone, relative to the local repository. That closes the loop: a real
//! build knows what it needs, `dependency:go-offline` does not (apache/maven-dependency-plugin#625).

use std::collections::BTreeMap;

use crate::{
    VolumePath,
    maven::{Coordinate, Place, place},
    plan::{Cause, Problem},
};

/// A path that jobs have missed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Report {
    /// Relative to the local repository: `org/example/a/1.0/a-1.0.jar`.
    pub path: String,
    /// How many jobs said so.
    pub jobs: u32,
}

/// What at least `at_least` jobs have missed. By-products of a download (digests, tracking files, metadata) are left
/// out silently: Maven writes them beside every file.
pub(crate) fn wanted(reports: &[Report], at_least: u32) -> (Vec<Coordinate>, Vec<Problem>) {
    let mut jobs: BTreeMap<&str, u32> = BTreeMap::new();
    for report in reports {
        let sum = jobs.entry(&report.path).or_default();
        *sum = sum.saturating_add(report.jobs);
    }
    let (mut coordinates, mut problems) = (Vec::new(), Vec::new());
    for (text, _) in jobs.into_iter().filter(|(_, jobs)| *jobs >= at_least) {
        match VolumePath::parse(text).map(|path| place(&path)) {
            Ok(Place::Artifact(artifact)) => coordinates.push(artifact.coordinate),
            Ok(Place::ByProduct) => {}
            Ok(Place::Unknown) => problems.push(Problem::new(text, Cause::UnknownShape)),
            Err(bad) => problems.push(Problem::new(text, Cause::BadPath(bad))),
        }
    }
    (coordinates, problems)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(path: &str, jobs: u32) -> Report {
        Report { path: path.to_owned(), jobs }
    }

    #[test]
    fn only_what_enough_jobs_have_missed_is_wanted() {
        let reports = [
            report("org/a/b/1/b-1.jar", 3),
            report("org/a/b/1/b-1.pom", 2),
            report("org/a/c/1/c-1.jar", 1),
            report("org/a/c/1/c-1.jar", u32::MAX),
        ];
        let paths = |at_least| {
            let (coordinates, problems) = wanted(&reports, at_least);
            assert_eq!(problems, []);
            coordinates.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(paths(3), ["org.a:b:jar:1", "org.a:c:jar:1"]);
        assert_eq!(paths(2), ["org.a:b:jar:1", "org.a:b:pom:1", "org.a:c:jar:1"]);
    }

    #[test]
    fn what_leads_out_or_has_no_known_shape_is_a_problem_and_by_products_are_nothing() {
        let reports = [
            "../../etc/passwd",
            "/etc/passwd",
            "org/a/b/1/b-1.jar.sha1",
            "org/a/b/1/_remote.repositories",
            "org/a/b/1/b-1.jar.lastUpdated",
            "org/a/b/1/b-2.jar",
            "notes.txt",
        ];
        let (coordinates, problems) = wanted(&reports.map(|path| report(path, 9)), 2);
        assert_eq!(coordinates, []);
        let subjects: Vec<&str> = problems.iter().map(|it| it.subject.as_str()).collect();
        assert_eq!(subjects, ["../../etc/passwd", "/etc/passwd", "notes.txt", "org/a/b/1/b-2.jar"]);
    }
}
