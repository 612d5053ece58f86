//! What of a plan cannot be written where it should be, so that it spoils nothing else.

use std::collections::{BTreeMap, BTreeSet};

use watchkeeper_domain::failure::Failure;
use watchkeeper_packages::Wanted;
use watchkeeper_volume::{
    ext4::{FULL, Kind, Volume},
    snapshots::Snapshots,
};

use super::{
    account::problem,
    generation::{FOLDER, TRACKING},
};

/// Why a file is not written.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(super) enum Obstacle {
    #[error("a place that is the volume's own")]
    Reserved,
    #[error("never written: it ties packages to the name of one mirror")]
    Tracking,
    #[error("a directory is in its place")]
    IsDirectory,
    #[error("something on its way is no directory")]
    NoDirectory,
    #[error("its directory has too many names: each further one would take longer")]
    TooManyNames,
}

/// What a directory on the way is.
#[derive(Clone, Copy)]
enum Way {
    Absent,
    There { is_full: bool },
    Blocked,
}

/// Takes out of `wanted` what cannot be written, and says why not. Without a volume, everything is free.
///
/// # Errors
/// When the directories on the way cannot be read.
pub(super) fn take_out<S: Snapshots>(
    wanted: &mut Vec<Wanted>,
    volume: Option<&Volume<S>>,
) -> Result<Vec<String>, Failure> {
    let files: BTreeSet<String> = wanted.iter().map(|it| it.path.to_string()).collect();
    let mut ways = BTreeMap::new();
    let (mut free, mut problems) = (Vec::new(), Vec::new());
    for it in wanted.drain(..) {
        let obstacle = match by_name(it.path.as_str(), &files) {
            None => match volume {
                Some(volume) => on(volume, it.path.as_str(), &mut ways)?,
                None => None,
            },
            named => named,
        };
        match obstacle {
            Some(obstacle) => problems.push(problem(it.path.as_str(), obstacle)),
            None => free.push(it),
        }
    }
    *wanted = free;
    Ok(problems)
}

fn by_name(path: &str, files: &BTreeSet<String>) -> Option<Obstacle> {
    let first = path.split('/').next();
    let name = path.rsplit('/').next();
    if first == Some(FOLDER) || first == Some("lost+found") {
        Some(Obstacle::Reserved)
    } else if name == Some(TRACKING) {
        Some(Obstacle::Tracking)
    } else {
        above(path).any(|directory| files.contains(directory)).then_some(Obstacle::NoDirectory)
    }
}

fn on<S: Snapshots>(
    volume: &Volume<S>,
    path: &str,
    ways: &mut BTreeMap<String, Way>,
) -> Result<Option<Obstacle>, Failure> {
    let mut is_full = false;
    for directory in above(path) {
        let way = match ways.get(directory) {
            Some(way) => *way,
            None => {
                let way = look(volume, directory)?;
                ways.insert(directory.to_owned(), way);
                way
            }
        };
        match way {
            Way::There { is_full: full } => is_full = full,
            Way::Blocked => return Ok(Some(Obstacle::NoDirectory)),
            Way::Absent => return Ok(is_full.then_some(Obstacle::TooManyNames)),
        }
    }
    Ok(match volume.stat(path)? {
        Some(stat) if stat.kind == Kind::Directory => Some(Obstacle::IsDirectory),
        Some(_) => None,
        None => is_full.then_some(Obstacle::TooManyNames),
    })
}

fn look<S: Snapshots>(volume: &Volume<S>, directory: &str) -> Result<Way, Failure> {
    Ok(match volume.stat(directory)? {
        None => Way::Absent,
        Some(stat) if stat.kind == Kind::Directory => Way::There { is_full: stat.size >= FULL },
        Some(_) => Way::Blocked,
    })
}

/// The directories above `path`, from the root on, without the root.
pub(super) fn above(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices('/').map(|(at, _)| &path[..at])
}
