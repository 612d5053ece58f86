//! What is to be done tonight: what the feeders name less what the volume has, and what is taken out.

use std::sync::Arc;

use watchkeeper_domain::{cache::Prune, failure::Failure};
use watchkeeper_packages::{Cause, Limits, Plan, Repositories, Wanted, plan};
use watchkeeper_volume::{device::Device, ext4::Volume, snapshots::Snapshots};

use super::{
    Job,
    account::Space,
    feeders, obstacles,
    prune::{self, Rules, UNUSED, Unused},
    shelf::Shelf,
};

/// How much of a volume stays free, as a part of it.
const RESERVE: u64 = 64;
/// What of a new volume its filesystem takes for itself, as a part of it.
const OVERHEAD: u64 = 50;

/// From so many files on that are all held back, it is not for their own sake.
const MANY: usize = 10;

/// What is to be done.
#[derive(Debug, Default)]
pub(super) struct Agenda {
    /// What is downloaded and written, in this order: POMs first, and both in the order of the paths.
    pub wanted: Vec<Wanted>,
    /// The files that are taken out.
    pub removals: Vec<String>,
    /// What is noted of folders that nobody has named, where that is something else than is noted.
    pub unused: Option<Unused>,
    /// What cannot be done, and why not.
    pub problems: Vec<String>,
    /// How full the filesystem is.
    pub space: Option<Space>,
    /// How much may be written, in bytes.
    pub room: u64,
    /// Whether the volume has something that a feeder has named.
    pub has_any: bool,
}

impl Agenda {
    /// Whether there is nothing to do.
    pub(super) fn is_empty(&self) -> bool {
        self.wanted.is_empty() && self.removals.is_empty() && self.unused.is_none()
    }
}

/// Asks the feeders and looks at the volume.
///
/// # Errors
/// When a feeder, a repository or the volume does not answer; when the repositories hold everything back.
pub(super) async fn draw_up<S: Snapshots>(
    from: &impl Repositories,
    device: &Arc<Device<S>>,
    job: &Job<'_>,
    limits: &Limits,
) -> Result<Agenda, Failure> {
    let feeders = feeders::ready(from, job).await?;
    let shelf = match job.parent {
        Some(_) => Shelf::open(device, job.began).await?,
        None => Shelf::empty(),
    };
    let plan = plan(&feeders, from, &shelf, limits).await?;
    let has_any = !plan.already_there.is_empty();
    if plan.wanted.is_empty() && is_locked_out(plan.problems.iter().map(|problem| &problem.cause), has_any) {
        return Err(Failure::new("plan", job.cache.name.as_str(), LOCKED_OUT));
    }
    let (rules, size) = (Rules::of(job, &plan), device.size());
    shelf.look(move |volume| Agenda::of(plan, rules, volume, size)).await
}

/// What [`is_locked_out`] means.
pub(super) const LOCKED_OUT: &str = "every file is held back: check the credentials and what they may read";

/// Whether the credentials are wrong: many repositories answer 403 for each file then. One that holds back single
/// packages does that too, so where the volume `has_any` already, it takes several.
pub(super) fn is_locked_out<'a>(causes: impl Iterator<Item = &'a Cause>, has_any: bool) -> bool {
    let causes: Vec<&Cause> = causes.collect();
    let least = if has_any { MANY } else { 1 };
    causes.len() >= least && causes.iter().all(|cause| matches!(cause, Cause::Refused { .. }))
}

impl Agenda {
    /// The plan, as far as it can be had on the volume.
    fn of<S: Snapshots>(
        plan: Plan,
        rules: Rules,
        volume: Option<&Volume<S>>,
        size: u64,
    ) -> Result<Self, Failure> {
        let mut agenda = Self {
            has_any: !plan.already_there.is_empty(),
            problems: plan.problems.iter().map(ToString::to_string).collect(),
            wanted: plan.wanted,
            room: size - size / OVERHEAD - size / RESERVE,
            ..Self::default()
        };
        agenda.problems.append(&mut obstacles::take_out(&mut agenda.wanted, volume)?);
        put_poms_first(&mut agenda.wanted);
        if let Some(volume) = volume {
            let space = Space::of(&volume.space()?);
            agenda.space = Some(space);
            agenda.room = (space.total_bytes - space.used_bytes).saturating_sub(space.total_bytes / RESERVE);
            agenda.problems.extend(rules.suspended.iter().cloned());
            agenda.prune(&rules, volume)?;
        }
        Ok(agenda)
    }

    /// Chooses what is taken out. That makes room.
    fn prune<S: Snapshots>(&mut self, rules: &Rules, volume: &Volume<S>) -> Result<(), Failure> {
        if rules.prune == Prune::default() {
            return Ok(());
        }
        let noted = match volume.exists(UNUSED)? {
            true => Unused::parse(&volume.read(UNUSED)?),
            false => Unused::default(),
        };
        let folders = prune::survey(volume)?;
        let chosen = prune::choose(rules.prune, &folders, &rules.named, (&noted, rules.today));
        self.problems.extend(chosen.problem);
        self.unused = chosen.unused.filter(|unused| *unused != noted);
        for folder in folders.iter().filter(|folder| chosen.folders.contains(&folder.path)) {
            let files = volume.list(&folder.path)?;
            self.removals.extend(files.into_iter().map(|file| format!("{}/{}", folder.path, file.name)));
            self.room += folder.bytes;
        }
        Ok(())
    }
}

/// POMs are read every night, packages are not: written together, they lie together in few blocks.
fn put_poms_first(wanted: &mut [Wanted]) {
    wanted.sort_by_key(|wanted| !wanted.path.as_str().ends_with(".pom"));
}
