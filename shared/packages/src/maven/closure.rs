//! Which POMs stand behind some POMs: parents, imported BOMs, and where packages have moved to.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    coordinate::{Coordinate, Gav},
    effective::{Dangling, Effective},
    pom::Pom,
};
use crate::plan::{Cause, Problem};

/// The POMs that are known so far; `None` where one cannot be had.
pub(super) type Known<'a> = BTreeMap<&'a Gav, Option<&'a Pom>>;

/// What the known POMs say.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Survey {
    /// POMs to get next.
    pub missing: BTreeSet<Gav>,
    /// What packages have moved to.
    pub moved: BTreeSet<Coordinate>,
    pub problems: BTreeSet<Problem>,
}

/// Follows `wanted` as far as `known` goes.
///
/// Imports are those of packages and of BOMs, with all that these inherit. A POM that is only a parent is not asked
/// what it would import by itself: Maven does not build it.
pub(super) fn survey<'a>(wanted: impl Iterator<Item = &'a Coordinate>, known: &Known<'_>) -> Survey {
    let mut survey = Survey::default();
    let mut work: Vec<(Gav, Option<Coordinate>)> =
        wanted.map(|it| (it.gav.clone(), Some(it.clone()))).collect();
    let mut seen = BTreeSet::new();
    while let Some(step) = work.pop() {
        if !seen.insert(step.clone()) {
            continue;
        }
        let (gav, package) = step;
        let Some(effective) = survey.effective(&gav, known) else { continue };
        if let (Some(package), Some(to)) = (package, effective.relocation())
            && let Some(to) = survey.follow(&gav, to)
        {
            let moved = Coordinate { gav: to.clone(), ..package };
            survey.moved.insert(moved.clone());
            work.push((to, Some(moved)));
        }
        for import in effective.imports() {
            work.extend(survey.follow(&gav, import).map(|bom| (bom, None)));
        }
    }
    survey
}

impl Survey {
    /// The POM `gav` with all its parents, once they are known.
    fn effective<'a>(&mut self, gav: &'a Gav, known: &Known<'a>) -> Option<Effective<'a>> {
        let mut effective = Effective { gav, line: Vec::new() };
        let mut names = vec![gav.clone()];
        let mut next = Some(gav.clone());
        while let Some(name) = next {
            let Some(pom) = known.get(&name) else {
                self.missing.insert(name);
                return None;
            };
            effective.line.push((*pom)?);
            let link = Effective { gav: &name, line: vec![(*pom)?] };
            next = match link.parent() {
                Some(parent) => Some(self.follow(&name, parent)?),
                None => None,
            };
            if let Some(parent) = &next {
                if names.contains(parent) {
                    self.problems.insert(Problem::new(&parent.to_string(), Cause::Circular));
                    return None;
                }
                names.push(parent.clone());
            }
        }
        Some(effective)
    }

    fn follow(&mut self, from: &Gav, to: Result<Gav, Dangling>) -> Option<Gav> {
        let cause = match to {
            Ok(gav) => return Some(gav),
            Err(Dangling::Property(name)) => Cause::Unresolved(name),
            Err(Dangling::Name(name)) => Cause::unreadable(name),
        };
        self.problems.insert(Problem::new(&from.to_string(), cause));
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gav(text: &str) -> Gav {
        Coordinate::parse(text).unwrap().gav
    }

    fn parent(artifact: &str) -> String {
        format!(
            "<parent><groupId>g</groupId><artifactId>{artifact}</artifactId><version>1</version></parent>"
        )
    }

    fn import(artifact: &str) -> String {
        format!(
            "<dependencyManagement><dependencies><dependency><groupId>g</groupId><artifactId>{artifact}</artifactId>\
             <version>1</version><type>pom</type><scope>import</scope></dependency></dependencies></dependencyManagement>"
        )
    }

    fn surveyed(wanted: &str, poms: &[(&str, String)]) -> (Vec<String>, Vec<String>, Vec<String>) {
        let poms: Vec<(Gav, Pom)> = poms
            .iter()
            .map(|(name, inside)| {
                (
                    gav(&format!("g:{name}:1")),
                    Pom::parse(format!("<project>{inside}</project>").as_bytes()).unwrap(),
                )
            })
            .collect();
        let known: Known<'_> = poms.iter().map(|(gav, pom)| (gav, Some(pom))).collect();
        let survey = survey([Coordinate::parse(wanted).unwrap()].iter(), &known);
        (
            survey.missing.iter().map(ToString::to_string).collect(),
            survey.moved.iter().map(ToString::to_string).collect(),
            survey.problems.iter().map(ToString::to_string).collect(),
        )
    }

    fn list(items: &[&str]) -> Vec<String> {
        items.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn parents_come_first_and_imports_once_the_line_of_parents_is_whole() {
        let a = ("a", parent("p") + &import("bom"));
        assert_eq!(surveyed("g:a:1", &[]).0, ["g:a:1"]);
        assert_eq!(surveyed("g:a:1", std::slice::from_ref(&a)).0, ["g:p:1"]);
        assert_eq!(surveyed("g:a:1", &[a.clone(), ("p", import("other"))]).0, ["g:bom:1", "g:other:1"]);
        let all = [a, ("p", String::new()), ("bom", parent("q") + &import("bom2")), ("q", String::new())];
        assert_eq!(surveyed("g:a:1", &all).0, ["g:bom2:1"]);
    }

    #[test]
    fn what_goes_round_in_circles_ends() {
        let circle = [("a", parent("b")), ("b", parent("a"))];
        assert_eq!(
            surveyed("g:a:1", &circle),
            (vec![], vec![], list(&["g:a:1: a POM that is its own ancestor"]))
        );
        let boms = [("a", import("b")), ("b", import("a"))];
        assert_eq!(surveyed("g:a:1", &boms), (vec![], vec![], vec![]));
    }

    #[test]
    fn a_package_that_has_moved_is_followed_with_its_extension_and_classifier() {
        let to = |name: &str| {
            format!(
                "<distributionManagement><relocation><artifactId>{name}</artifactId></relocation></distributionManagement>"
            )
        };
        let (missing, moved, problems) = surveyed("g:a:zip:bin:1", &[("a", to("b")), ("b", to("c"))]);
        assert_eq!((missing, problems), (list(&["g:c:1"]), vec![]));
        assert_eq!(moved, ["g:b:zip:bin:1", "g:c:zip:bin:1"]);
        let (_, moved, _) = surveyed("g:a:1", &[("a", to("b")), ("b", to("a"))]);
        assert_eq!(moved, ["g:a:1", "g:b:1"]);
    }

    #[test]
    fn a_pom_that_cannot_be_had_ends_its_line_only() {
        let (a, b) = (gav("g:a:1"), gav("g:b:1"));
        let pom = Pom::parse(format!("<project>{}</project>", parent("p")).as_bytes()).unwrap();
        let known: Known<'_> = [(&a, None), (&b, Some(&pom))].into();
        let wanted = ["g:a:1", "g:b:1"].map(|text| Coordinate::parse(text).unwrap());
        assert_eq!(survey(wanted.iter(), &known).missing, BTreeSet::from([gav("g:p:1")]));
    }
}
