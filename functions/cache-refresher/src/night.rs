//! One night of a cache: what belongs into it is found out, downloaded, written into the filesystem of its snapshot, and
//! the blocks that changed are uploaded; and the check after.
//!
//! | step | module |
//! |---|---|
//! | what the feeders name, less what the volume has; what is taken out | `agenda` |
//! | downloads, in the order in which they are written, within time and room | `feed` |
//! | what is done to the volume | `edit` |
//! | what is told of it | `account` |
//!
//! The same job does the same again: a run that was killed is repeated with the same token, and gives the same bytes, as
//! long as the feeders and the repositories say the same. Where they do not, `CompleteSnapshot` refuses the number of
//! blocks, and the next attempt takes another token.
//!
//! Of 300 MB of memory, blocks get what downloads ([`Limits::memory`]) and what is on its way to EBS leave.

mod account;
mod agenda;
mod edit;
mod feed;
mod feeders;
mod generation;
mod obstacles;
mod prune;
mod shelf;
mod terms;

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::{
    sync::mpsc,
    time::{Instant, timeout_at},
};
use watchkeeper_domain::{
    cache::{Cache, Manifests},
    failure::Failure,
};
use watchkeeper_packages::{Limits, Repositories, missed::Report};
use watchkeeper_volume::{
    device::{self, Device, Full},
    ext4::{Volume, Written},
    night::{self, Receipt, Verdict},
    progress::Progress,
    snapshots::{HoldsSnapshots, SnapshotId, Snapshots},
};

pub use self::account::{Account, Amount, Space};
use self::{
    agenda::Agenda,
    edit::{Edit, Edited},
    feed::{Bounds, Fed, Pending, Stop},
};

/// What one night is asked to do.
#[derive(Clone, Copy, Debug)]
pub struct Job<'a> {
    /// The cache.
    pub cache: &'a Cache,
    /// The lines of the feeders that stand in files.
    pub manifests: &'a Manifests,
    /// The current generation. Without one, a volume of `cache.size_gib` is formatted.
    pub parent: Option<&'a SnapshotId>,
    /// The token of `StartSnapshot`, and the value of the tag `watchkeeper:token`. At most 64 ASCII characters.
    pub token: &'a str,
    /// The number of the generation that is made.
    pub generation: u32,
    /// When the night began: the time of everything that it writes, the same on every attempt.
    pub began: Timestamp,
    /// What CI jobs have missed.
    pub missed: &'a [Report],
    /// What a feeder that lists only what is new is asked for. Everything without one.
    pub newer_than: Option<Timestamp>,
    /// Whether nothing is started and nothing uploaded: the leash, or a dry run.
    pub rehearses: bool,
    /// How long all of it may take. In the last quarter of it, and the last minute, nothing is downloaded.
    pub within: Duration,
}

/// What came of a night.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// There was nothing to do, or nothing that could be done. No generation comes of it.
    Idle(Account),
    /// It was done in memory only.
    Rehearsed(Account),
    /// The blocks are in a pending snapshot, which is to be completed.
    Written(Sealed, Account),
}

/// What has to be kept to complete a snapshot and to check it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Sealed {
    /// What was put.
    pub receipt: Receipt,
    /// The file on the volume that says what the night has done.
    pub manifest: Written,
}

/// How far a night is.
#[derive(Clone, Debug)]
pub enum Step {
    /// The volume is open. These counters go on until the end.
    Opened(Arc<Progress>),
    /// It is clear what is to be done: files to write, files to remove.
    Planned {
        /// To write.
        files: u64,
        /// To remove.
        removals: u64,
    },
    /// So much is written by now.
    Wrote(Amount),
    /// Everything is written. What changed is being put.
    Uploading {
        /// In blocks; some may turn out to be what the parent has.
        blocks: u64,
    },
}

/// Does the job, up to the upload: `CompleteSnapshot` is the caller's, once it has kept the receipt.
///
/// # Errors
/// When a feeder or a repository does not answer, or refuses the credentials; when the volume cannot be opened or
/// written; when EBS fails; when time is over before the first file has come. Nothing is to be completed then.
pub async fn refresh<W: HoldsSnapshots + Repositories>(
    world: &W,
    job: &Job<'_>,
    watch: &dyn Fn(Step),
) -> Result<Outcome, Failure> {
    let (limits, until) = (terms::limits(job.cache), Instant::now() + terms::for_downloads(job.within));
    let snapshots = world.snapshots(job.within);
    let device = match job.parent {
        Some(parent) => Device::open(snapshots.clone(), parent, terms::memory(&limits)).await?,
        None => Device::blank(snapshots.clone(), job.cache.size_gib, terms::memory(&limits)),
    };
    watch(Step::Opened(device.progress()));
    let agenda = timeout_at(until, agenda::draw_up(world, &device, job, &limits)).await;
    let agenda = agenda.map_err(|late| Failure::new("plan", job.cache.name.as_str(), late))??;
    watch(Step::Planned { files: agenda.wanted.len() as u64, removals: agenda.removals.len() as u64 });
    let order = (!job.rehearses).then(|| terms::order(job, &device));
    let mut pending = Pending { snapshots, device: &device, order, started: None };
    let mut account = Account::planned(&agenda);
    if agenda.is_empty() {
        account.measure(&device, &limits);
        return Ok(Outcome::Idle(account));
    }
    let bounds = Bounds { part: job.cache.limits.mib << 20, room: agenda.room, until };
    let (fed, edited) = carry_out(world, job, (&agenda, &limits, bounds), &mut pending, watch).await?;
    account.settle(&fed, edited.as_ref());
    account.blocks = device.changed() as u64;
    account.measure(&device, &limits);
    match (edited, pending.started) {
        (Some(edited), Some(snapshot)) => {
            watch(Step::Uploading { blocks: account.blocks });
            let receipt = night::upload(&device, &snapshot).await?;
            (account.blocks, account.blocks_are_at_least) = (receipt.blocks.into(), false);
            account.measure(&device, &limits);
            Ok(Outcome::Written(Sealed { receipt, manifest: edited.manifest }, account))
        }
        (None, _) if fed.stop != Some(Stop::Memory) => idle(job, (&agenda, &fed), account),
        (Some(_), None) | (None, _) => Ok(Outcome::Rehearsed(account)),
    }
}

/// Reads a completed snapshot back and compares it with what its night has done: `began` is the job's.
///
/// # Errors
/// When the snapshot cannot be read. This says nothing about it.
pub async fn check<W: HoldsSnapshots>(
    world: &W,
    (parent, sealed): (Option<&SnapshotId>, &Sealed),
    began: Timestamp,
    within: Duration,
) -> Result<Verdict, Failure> {
    let manifest = sealed.manifest.clone();
    let done = move |volume: &Volume<W::Snapshots>| generation::read(volume, &manifest);
    let snapshots = world.snapshots(within);
    night::verify_with(&snapshots, (parent, &sealed.receipt), (done, began), device::MEMORY).await
}

/// Downloads and writes at the same time. Without an edit, the volume is as it was, or a rehearsal has run out of
/// memory.
async fn carry_out<S: Snapshots>(
    from: &impl Repositories,
    job: &Job<'_>,
    (agenda, limits, bounds): (&Agenda, &Limits, Bounds),
    pending: &mut Pending<'_, S>,
    watch: &dyn Fn(Step),
) -> Result<(Fed, Option<Edited>), Failure> {
    if !agenda.removals.is_empty() || agenda.unused.is_some() {
        pending.start().await?;
    }
    let (sender, parcels) = mpsc::channel(1);
    let edit = Edit::of(job, agenda);
    let device = Arc::clone(pending.device);
    let editing = async {
        let run = move |volume: &Volume<S>| edit.run(volume, parcels);
        match job.parent {
            Some(_) => night::edit(&device, job.began, run).await,
            None => {
                night::make(&device, (terms::label(job.cache), terms::uuid(job.token), job.began), run).await
            }
        }
    };
    let feeding = feed::feed(from, (agenda, limits, bounds), pending, (sender, watch));
    let (fed, edited) = tokio::join!(feeding, editing);
    // The writer fails as well when the downloads do, but does not know why.
    let mut fed = fed?;
    match edited {
        Err(full) if job.rehearses && Full::is_cause_of(&full) => {
            fed.stop = Some(Stop::Memory);
            Ok((fed, None))
        }
        edited => Ok((fed, edited?)),
    }
}

/// Nothing has come of it, for a reason that may last, or for one that is a failure.
fn idle(job: &Job<'_>, (agenda, fed): (&Agenda, &Fed), account: Account) -> Result<Outcome, Failure> {
    let failure = |cause: &str| Err(Failure::new("refresh", job.cache.name.as_str(), cause));
    if account.left > 0 {
        failure("not one file has come in time: check the repositories, or give the function more time")
    } else if agenda::is_locked_out(fed.refused.iter().map(|(_, cause)| cause), agenda.has_any) {
        failure(agenda::LOCKED_OUT)
    } else {
        Ok(Outcome::Idle(account))
    }
}
