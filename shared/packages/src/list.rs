//! The feeder `list`: any files at all, for the caches of npm, Gradle, Cargo or pip alike.
//!
//! JSON lines, one file each; what else an object says is not looked at:
//!
//! ```json
//! {"url": "https://files.example.com/six-1.17.0.whl", "path": "wheels/six-1.17.0.whl", "sha256": "…", "size": 11050}
//! ```
//!
//! `path` is relative to the volume's root. `size` (bytes) may be left out. With it, a file of that size is taken for the
//! right one where the volume knows no digest; without it, such a file is read and hashed each night.

use reqwest::Url;
use serde::Deserialize;

use crate::{
    Digest, VolumePath,
    feeder::Found,
    plan::{Candidate, Cause, Problem},
};

#[derive(Deserialize)]
struct Line {
    url: String,
    path: String,
    sha256: String,
    size: Option<u64>,
}

/// The lines of `text` that cannot be read, by their numbers from 1.
pub fn problems(text: &str) -> Vec<(usize, Cause)> {
    read(text).filter_map(|(number, read)| Some((number, read.err()?))).collect()
}

pub(crate) fn parse(text: &str) -> Found {
    let mut found = Found::default();
    for (number, read) in read(text) {
        match read {
            Ok(candidate) => found.candidates.push(candidate),
            Err(cause) => found.problems.push(Problem::in_line(number, cause)),
        }
    }
    found
}

fn read(text: &str) -> impl Iterator<Item = (usize, Result<Candidate, Cause>)> {
    let lines = (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty());
    lines.map(|(number, line)| (number, candidate(line)))
}

fn candidate(line: &str) -> Result<Candidate, Cause> {
    let Line { url, path, sha256, size } = serde_json::from_str(line).map_err(Cause::unreadable)?;
    let url = Url::parse(&url).map_err(Cause::unreadable)?;
    let path = VolumePath::parse(&path).map_err(Cause::BadPath)?;
    let digest = Digest::sha256(&sha256).ok_or(Cause::NoDigest)?;
    Ok(Candidate { path, url, digest: Some(digest), size, is_fixed: size.is_some() })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHA256: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[test]
    fn a_line_is_a_file_and_a_bad_line_spoils_no_other() {
        let good =
            format!(r#"{{"url": "https://x.example.com/a.tgz", "path": "npm/a.tgz", "sha256": "{SHA256}"}}"#);
        let long = good.replace('}', r#", "size": 7, "comment": "ours"}"#);
        let lines = [
            good.as_str(),
            "",
            &good.replace("npm/", "../"),
            &good.replace(SHA256, "abc"),
            &good.replace("https://x", "x"),
            "a,b,c",
            &long,
        ];
        let found = parse(&lines.join("\n"));
        let numbers: Vec<&str> = found.problems.iter().map(|it| it.subject.as_str()).collect();
        assert_eq!(numbers, ["line 3", "line 4", "line 5", "line 6"]);
        let numbers: Vec<usize> = problems(&lines.join("\n")).into_iter().map(|(number, _)| number).collect();
        assert_eq!(numbers, [3, 4, 5, 6]);
        assert_eq!(found.problems[0].cause, Cause::BadPath(crate::BadPath::Dots));
        assert_eq!(found.problems[1].cause, Cause::NoDigest);
        let seen: Vec<_> =
            found.candidates.iter().map(|it| (it.path.as_str(), it.size, it.is_fixed)).collect();
        assert_eq!(seen, [("npm/a.tgz", None, false), ("npm/a.tgz", Some(7), true)]);
    }
}
