//! Downloads, handed to the writer one after another, as far as time and room go.

use std::{ops::ControlFlow, sync::Arc};

use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, timeout_at},
};
use watchkeeper_domain::failure::Failure;
use watchkeeper_packages::{Cause, Limits, Repositories, Wanted, fetch_all};
use watchkeeper_volume::{
    device::Device,
    snapshots::{Order, SnapshotId, Snapshots},
};

use super::{Step, account::Amount, agenda::Agenda, edit::Parcel};

/// What a block of the filesystem takes, in bytes: what files are rounded up to.
const BLOCK: u64 = 4096;

/// What came of the downloads.
#[derive(Debug, Default)]
pub(super) struct Fed {
    /// What is known to be written.
    pub written: Amount,
    /// What does not come, and why not.
    pub refused: Vec<(String, Cause)>,
    /// Why not all of it was taken.
    pub stop: Option<Stop>,
}

/// Why no more is taken.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Stop {
    /// As much is written as one part may have.
    Part,
    /// The volume is full.
    Room,
    /// The rest of the time is for the upload.
    Time,
    /// The writer has failed, and says why.
    Writer,
    /// A rehearsal has run out of memory.
    Memory,
}

/// How much is taken.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// In bytes. The first file is taken whatever it has.
    pub part: u64,
    /// In bytes, on the volume.
    pub room: u64,
    pub until: Instant,
}

/// The pending snapshot, started once there is something to put into it.
#[derive(Debug)]
pub(super) struct Pending<'a, S> {
    pub snapshots: S,
    pub device: &'a Arc<Device<S>>,
    /// None in a rehearsal.
    pub order: Option<Order>,
    pub started: Option<SnapshotId>,
}

impl<S: Snapshots> Pending<'_, S> {
    /// Starts it, unless it is or nothing is to be started.
    pub(super) async fn start(&mut self) -> Result<(), Failure> {
        if let (None, Some(order)) = (&self.started, &self.order) {
            let snapshot = self.snapshots.start(order).await?;
            self.device.send_ahead(&snapshot);
            self.started = Some(snapshot);
        }
        Ok(())
    }
}

/// Downloads what is wanted and hands it to the writer.
///
/// # Errors
/// When a repository does not answer or refuses more than one file, or the snapshot cannot be started. The writer is
/// left without an end then, and fails too.
pub(super) async fn feed<S: Snapshots>(
    from: &impl Repositories,
    (agenda, limits, bounds): (&Agenda, &Limits, Bounds),
    pending: &mut Pending<'_, S>,
    (writer, watch): (mpsc::Sender<Parcel>, &dyn Fn(Step)),
) -> Result<Fed, Failure> {
    let mut fed = Fed::default();
    let take = async |wanted: &Wanted, fetched: Result<Vec<u8>, Cause>| {
        let bytes = match fetched {
            Ok(bytes) => bytes,
            Err(cause) => {
                fed.refused.push((wanted.path.to_string(), cause));
                return Ok(ControlFlow::Continue(()));
            }
        };
        let size = bytes.len() as u64;
        fed.stop = bounds.stop(fed.written, size);
        if fed.stop.is_some() {
            return Ok(ControlFlow::Break(()));
        }
        pending.start().await?;
        if hand_over(&writer, wanted, bytes).await.is_none() {
            fed.stop = Some(Stop::Writer);
            return Ok(ControlFlow::Break(()));
        }
        fed.written = fed.written.and(size);
        watch(Step::Wrote(fed.written));
        Ok(ControlFlow::Continue(()))
    };
    match timeout_at(bounds.until, fetch_all(from, &agenda.wanted, limits, take)).await {
        Ok(fetched) => fetched?,
        Err(_) => fed.stop = Some(Stop::Time),
    }
    let refused = fed.refused.iter().map(|(path, _)| path.clone()).collect();
    // The writer that is gone has failed, and says why.
    let _ = writer.send(Parcel::End { refused }).await;
    Ok(fed)
}

/// Hands a file over, and comes back when it is written. `None` if the writer is gone.
async fn hand_over(writer: &mpsc::Sender<Parcel>, wanted: &Wanted, bytes: Vec<u8>) -> Option<()> {
    let (written, is_written) = oneshot::channel();
    writer.send(Parcel::File { path: wanted.path.to_string(), bytes, written }).await.ok()?;
    is_written.await.ok()
}

impl Bounds {
    /// Why a file of `size` is not taken after `written`.
    fn stop(&self, written: Amount, size: u64) -> Option<Stop> {
        let blocks = |amount: Amount| amount.bytes + amount.files * BLOCK;
        if blocks(written.and(size)) > self.room {
            Some(Stop::Room)
        } else if written.files > 0 && written.bytes + size > self.part {
            Some(Stop::Part)
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_part_ends_before_it_is_too_large_but_has_one_file_and_a_volume_ends_before_it_is_full() {
        let bounds = Bounds { part: 100, room: 20_000, until: Instant::now() };
        let some = Amount { files: 1, bytes: 60 };
        assert_eq!(bounds.stop(some, 40), None);
        assert_eq!(bounds.stop(some, 41), Some(Stop::Part));
        assert_eq!(bounds.stop(Amount::default(), 1_000), None);
        assert_eq!(bounds.stop(Amount::default(), 20_000), Some(Stop::Room));
        assert_eq!(bounds.stop(Amount { files: 4, bytes: 0 }, 0), Some(Stop::Room));
    }
}
