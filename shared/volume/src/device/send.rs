//! How the blocks that changed get into the pending snapshot.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use futures::{StreamExt, TryStreamExt, stream};
use tokio::task::JoinError;
use watchkeeper_domain::failure::Failure;

use super::{
    Device,
    state::{State, Taken},
};
use crate::{
    progress::Progress,
    snapshots::{Block, BlockIndex, Digest, IN_FLIGHT, SnapshotId, Snapshots},
};

/// A block that is about to be put.
struct Put<S> {
    snapshots: S,
    to: SnapshotId,
    index: BlockIndex,
    block: Block,
    state: Arc<Mutex<State>>,
    progress: Arc<Progress>,
}

impl<S: Snapshots> Device<S> {
    /// Puts all blocks that changed into the pending snapshot `to`, and returns what was put, with what was put ahead.
    /// Blocks that turn out to be what the parent has are left out, and so are zeros where it has none.
    ///
    /// Nothing may be read or written afterwards. A run that was killed is repeated from the start, with the same
    /// pending snapshot if it does the same: the last put of a block counts.
    ///
    /// # Errors
    /// When a block cannot be put, or a part of it that did not change cannot be read. The snapshot stays pending.
    pub async fn upload(&self, to: &SnapshotId) -> Result<BTreeMap<BlockIndex, Digest>, Failure> {
        let mut ahead = self.ahead.lock().await;
        while let Some(put) = ahead.join_next().await {
            arrived(put)?;
        }
        let unsent = self.lock().unsent();
        self.progress.to_put(unsent.len());
        let sends = stream::iter(unsent).map(|index| self.send(to, index));
        sends.buffer_unordered(IN_FLIGHT).try_collect::<()>().await?;
        Ok(self.lock().sent().clone())
    }

    /// Begins to put `blocks`, all of which was written, and does not wait until they have arrived.
    pub(super) fn put_ahead(&self, to: &SnapshotId, blocks: Vec<BlockIndex>) -> Result<(), Failure> {
        self.progress.to_put(blocks.len());
        let mut ahead = self.ahead.blocking_lock();
        while let Some(put) = ahead.try_join_next() {
            arrived(put)?;
        }
        for index in blocks {
            let taken = self.lock().take(index);
            if let Some(put) = self.put(to, index, taken)? {
                ahead.spawn_on(put.make(), &self.runtime);
            }
        }
        Ok(())
    }

    /// Waits until enough of what was put ahead has arrived, or all of it. Returns whether there was any.
    pub(super) async fn wait_for_room(&self) -> Result<bool, Failure> {
        let mut ahead = self.ahead.lock().await;
        let was_any = !ahead.is_empty();
        while let Some(put) = ahead.join_next().await {
            arrived(put)?;
            if self.lock().has_room(self.memory) {
                break;
            }
        }
        Ok(was_any)
    }

    async fn send(&self, to: &SnapshotId, index: BlockIndex) -> Result<(), Failure> {
        let taken = loop {
            let taken = self.lock().take(index);
            match taken {
                Taken::Remote => self.load(index).await?,
                Taken::Bytes(..) | Taken::Nothing => break taken,
            }
        };
        match self.put(to, index, taken)? {
            Some(put) => put.make().await,
            None => Ok(()),
        }
    }

    /// What is to be done with a block that was taken out. From now on it counts as put.
    fn put(&self, to: &SnapshotId, index: BlockIndex, taken: Taken) -> Result<Option<Put<S>>, Failure> {
        let Taken::Bytes(bytes, origin) = taken else {
            self.progress.need_not_put();
            return Ok(None);
        };
        let block = Block::new(bytes.into())
            .map_err(|size| Failure::new("put", format!("block {index}"), format!("it has {size} bytes")))?;
        if origin == Some(block.digest()) {
            self.progress.need_not_put();
            self.lock().is_gone(block.into_data());
            return Ok(None);
        }
        self.lock().sends(index, block.digest());
        let (snapshots, to) = (self.snapshots.clone(), to.clone());
        let (state, progress) = (Arc::clone(&self.state), Arc::clone(&self.progress));
        Ok(Some(Put { snapshots, to, index, block, state, progress }))
    }
}

impl<S: Snapshots> Put<S> {
    async fn make(self) -> Result<(), Failure> {
        let put = self.snapshots.put(&self.to, self.index, &self.block).await;
        if put.is_ok() {
            self.progress.put();
        }
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.is_gone(self.block.into_data());
        put
    }
}

fn arrived(put: Result<Result<(), Failure>, JoinError>) -> Result<(), Failure> {
    put.map_err(|error| Failure::new("put", "a block", error))?
}
