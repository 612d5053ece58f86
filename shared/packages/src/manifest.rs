//! The feeder `manifest`: Maven coordinates, from text.
//!
//! One `group:artifact[:extension[:classifier]]:version` a line, as Maven prints and takes them. Empty lines do not
//! count, nor does what follows a `#`. Without an extension it is what the POM's packaging says: nothing for `pom`,
//! `.jar` for nearly everything else.

use crate::{
    maven::Coordinate,
    plan::{Cause, Problem},
};

/// The lines of `text` that cannot be read, by their numbers from 1.
pub fn problems(text: &str) -> Vec<(usize, Cause)> {
    read(text).1
}

pub(crate) fn parse(text: &str) -> (Vec<Coordinate>, Vec<Problem>) {
    let (coordinates, problems) = read(text);
    let problem = |(number, cause)| Problem::in_line(number, cause);
    (coordinates, problems.into_iter().map(problem).collect())
}

fn read(text: &str) -> (Vec<Coordinate>, Vec<(usize, Cause)>) {
    let (mut coordinates, mut problems) = (Vec::new(), Vec::new());
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.split('#').next().unwrap_or_default().trim();
        match Coordinate::parse(line) {
            Some(coordinate) => coordinates.push(coordinate),
            None if line.is_empty() => {}
            None => problems.push((number, Cause::unreadable(line))),
        }
    }
    (coordinates, problems)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_has_comments_and_a_bad_line_spoils_no_other() {
        let text = "# what CI builds with\norg.a:b:1.0 # the library\n\n  org.a:b:zip:bin:1.0\norg.a:b\norg.a:b:${v}\n";
        let numbers: Vec<usize> = problems(text).into_iter().map(|(number, _)| number).collect();
        assert_eq!(numbers, [5, 6]);
        let (coordinates, problems) = parse(text);
        let shown: Vec<String> = coordinates.iter().map(ToString::to_string).collect();
        assert_eq!(shown, ["org.a:b:1.0", "org.a:b:zip:bin:1.0"]);
        let shown: Vec<String> = problems.iter().map(ToString::to_string).collect();
        assert_eq!(shown, ["line 5: unreadable: org.a:b", "line 6: unreadable: org.a:b:${v}"]);
    }
}
