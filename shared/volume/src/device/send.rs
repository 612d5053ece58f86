//! How the blocks that changed get into the pending snapshot.

use std::collections::BTreeMap;

use futures::{StreamExt, TryStreamExt, stream};
use watchkeeper_domain::failure::Failure;

use super::{Device, state::Taken};
use crate::snapshots::{Block, BlockIndex, Digest, IN_FLIGHT, SnapshotId, Snapshots};

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
        let unsent = self.lock().unsent();
        self.send_all(to, unsent).await?;
        Ok(self.lock().sent().clone())
    }

    /// Puts `blocks`, as many at once as the pace allows.
    pub(super) async fn send_all(&self, to: &SnapshotId, blocks: Vec<BlockIndex>) -> Result<(), Failure> {
        self.progress.to_put(blocks.len());
        let sends = stream::iter(blocks).map(|index| self.send(to, index));
        sends.buffer_unordered(IN_FLIGHT).try_collect::<()>().await
    }

    async fn send(&self, to: &SnapshotId, index: BlockIndex) -> Result<(), Failure> {
        let (bytes, origin) = loop {
            let taken = self.lock().take(index);
            match taken {
                Taken::Bytes(bytes, origin) => break (bytes, origin),
                Taken::Remote => self.load(index).await?,
                Taken::Nothing => {
                    self.progress.need_not_put();
                    return Ok(());
                }
            }
        };
        let block = Block::new(bytes.into())
            .map_err(|size| Failure::new("put", format!("block {index}"), format!("it has {size} bytes")))?;
        if origin == Some(block.digest()) {
            self.progress.need_not_put();
        } else {
            self.lock().sends(index, block.digest());
            self.snapshots.put(to, index, &block).await?;
            self.progress.put();
        }
        self.lock().is_gone();
        Ok(())
    }
}
