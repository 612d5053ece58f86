//! What is to be downloaded tonight: the feeders asked, the volume looked at, a digest found for everything.

use std::collections::{BTreeMap, btree_map::Entry};

use futures::{StreamExt, TryStreamExt, stream};
use reqwest::Url;
use serde::Serialize;
use watchkeeper_domain::failure::Failure;

use crate::{
    Digest, VolumePath, contents,
    contents::{ANNOUNCED, Asked, Contents},
    feeder::{Feeder, Found, World},
    limits::Limits,
    repository,
    repository::{Repositories, Request, serialize_shown, shown},
};

mod problem;

pub use problem::{Cause, Problem};

/// The most of a `.sha1` file that is read, in bytes.
const SIDECAR: u64 = 4 * 1024;

/// A night's work, in the order of the paths.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Plan {
    /// What is to be downloaded.
    pub wanted: Vec<Wanted>,
    /// What a feeder named and the volume has: it is still in use.
    pub already_there: Vec<VolumePath>,
    /// What a feeder named and nobody can have, each with its reason.
    pub problems: Vec<Problem>,
    /// How many files each feeder named, in the order of the feeders. One that named none may be out of order.
    pub named: Vec<usize>,
}

/// One file to download. There is always a digest: what nobody vouches for does not come onto the volume.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Wanted {
    /// Where it goes.
    pub path: VolumePath,
    /// Where it is.
    #[serde(serialize_with = "serialize_shown")]
    pub url: Url,
    /// What it must hash to.
    pub digest: Digest,
    /// In bytes, where the feeder says so.
    pub size: Option<u64>,
}

/// A file that a feeder names, before anybody has looked whether it is there.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Candidate {
    pub path: VolumePath,
    pub url: Url,
    /// Without one, it stands in the file beside `url` that is named like it and ends in `.sha1`.
    pub digest: Option<Digest>,
    pub size: Option<u64>,
    /// Whether what is published under this name never changes.
    pub is_fixed: bool,
}

/// What comes of a candidate.
enum Fate {
    Wanted(Wanted),
    There(VolumePath),
    Problem(Problem),
}

/// Asks `feeders` what belongs onto the volume, and leaves out what `contents` has.
///
/// # Errors
/// When a repository does not answer, refuses the credentials, or has no listing; and when `contents` fails. What is
/// wrong with one file only is a [`Problem`].
pub async fn plan(
    feeders: &[Feeder],
    repositories: &impl Repositories,
    contents: &impl Contents,
    limits: &Limits,
) -> Result<Plan, Failure> {
    let world = World { repositories, contents, limits };
    let (mut found, mut named) = (Found::default(), Vec::new());
    for feeder in feeders {
        let more = feeder.find(&world).await?;
        named.push(more.candidates.len());
        found.append(more);
    }
    let Found { candidates, mut problems } = found;
    let candidates = merge(candidates, &mut problems);
    let mut fates: Vec<Fate> = Vec::new();
    for candidates in candidates.chunks(ANNOUNCED) {
        contents.announce(&paths(candidates), Asked::Stored).await?;
        let settled = stream::iter(candidates).map(|it| settle(&world, it.clone()));
        fates.append(&mut settled.buffered(limits.in_flight.max(1)).try_collect().await?);
    }
    let mut plan = Plan { problems, named, ..Plan::default() };
    for fate in fates {
        match fate {
            Fate::Wanted(wanted) => plan.wanted.push(wanted),
            Fate::There(path) => plan.already_there.push(path),
            Fate::Problem(problem) => plan.problems.push(problem),
        }
    }
    plan.problems.sort();
    plan.problems.dedup();
    Ok(plan)
}

/// One candidate a path, in the order of the paths. The first feeder that names one counts; another that expects
/// something else there is a problem.
fn merge(candidates: Vec<Candidate>, problems: &mut Vec<Problem>) -> Vec<Candidate> {
    let mut by_path: BTreeMap<VolumePath, Candidate> = BTreeMap::new();
    for candidate in candidates {
        match by_path.entry(candidate.path.clone()) {
            Entry::Vacant(free) => {
                free.insert(candidate);
            }
            Entry::Occupied(mut first) => match (first.get().digest, candidate.digest) {
                (Some(one), Some(other)) if one.is_comparable(&other) && one != other => {
                    problems.push(Problem::new(candidate.path.as_str(), Cause::Disagreement));
                }
                (None, Some(digest)) if first.get().url == candidate.url => {
                    first.get_mut().digest = Some(digest);
                }
                _ => {}
            },
        }
    }
    by_path.into_values().collect()
}

fn paths(candidates: &[Candidate]) -> Vec<VolumePath> {
    candidates.iter().map(|it| it.path.clone()).collect()
}

async fn settle<R: Repositories, C: Contents>(
    world: &World<'_, R, C>,
    mut candidate: Candidate,
) -> Result<Fate, Failure> {
    let mut has = contents::has(world.contents, &candidate).await?;
    if has != Some(true) && candidate.digest.is_none() {
        match sidecar(world.repositories, &candidate.url).await? {
            Ok(digest) => candidate.digest = Some(digest),
            Err(cause) => return Ok(Fate::Problem(Problem::new(candidate.path.as_str(), cause))),
        }
        if has.is_none() {
            has = contents::has(world.contents, &candidate).await?;
        }
    }
    Ok(fate(candidate, has == Some(true), world.limits))
}

fn fate(candidate: Candidate, is_there: bool, limits: &Limits) -> Fate {
    let Candidate { path, url, digest, size, is_fixed: _ } = candidate;
    match digest {
        _ if is_there => Fate::There(path),
        _ if size.is_some_and(|size| size > limits.file_bytes) => {
            Fate::Problem(Problem::new(path.as_str(), Cause::TooLong { limit: limits.file_bytes }))
        }
        Some(digest) => Fate::Wanted(Wanted { path, url, digest, size }),
        None => Fate::Problem(Problem::new(path.as_str(), Cause::NoDigest)),
    }
}

/// The digest that the repository publishes beside `url` (Maven's repository layout; Central and Nexus write it for
/// every file). A file without one is missing, or cannot be vouched for: one request tells both.
pub(crate) async fn sidecar(from: &impl Repositories, url: &Url) -> Result<Result<Digest, Cause>, Failure> {
    let mut beside = url.clone();
    beside.set_path(&format!("{}.sha1", url.path()));
    let text = repository::read(from, &Request::text(beside, SIDECAR)).await?;
    Ok(text.and_then(|text| Digest::in_sidecar(&text).ok_or(Cause::NoDigest)))
}

impl std::fmt::Display for Wanted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} from {} ({})", self.path, shown(&self.url), self.digest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(path: &str, host: &str, digest: Option<u8>) -> Candidate {
        Candidate {
            path: VolumePath::parse(path).unwrap(),
            url: Url::parse(&format!("https://{host}.example.com/{path}")).unwrap(),
            digest: digest.map(|byte| Digest::Sha1([byte; 20])),
            size: None,
            is_fixed: true,
        }
    }

    #[test]
    fn the_first_feeder_that_names_a_path_counts_and_a_contradiction_is_told() {
        let mut problems = Vec::new();
        let merged = merge(
            vec![
                candidate("b", "one", Some(1)),
                candidate("a", "one", None),
                candidate("b", "two", Some(2)),
                candidate("b", "three", Some(1)),
                candidate("a", "one", Some(3)),
            ],
            &mut problems,
        );
        assert_eq!(merged, [candidate("a", "one", Some(3)), candidate("b", "one", Some(1))]);
        assert_eq!(problems, [Problem::new("b", Cause::Disagreement)]);
    }

    #[test]
    fn a_digest_from_elsewhere_does_not_vouch_for_another_address() {
        let merged =
            merge(vec![candidate("a", "one", None), candidate("a", "two", Some(1))], &mut Vec::new());
        assert_eq!(merged, [candidate("a", "one", None)]);
    }
}
