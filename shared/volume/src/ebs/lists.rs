//! The listings, page by page.

use aws_sdk_ebs::{
    config::http::HttpResponse,
    error::SdkError,
    operation::{
        list_changed_blocks::{ListChangedBlocksError, ListChangedBlocksOutput},
        list_snapshot_blocks::{ListSnapshotBlocksError, ListSnapshotBlocksOutput},
    },
    types::ValidationExceptionReason as Invalid,
};
use watchkeeper_domain::failure::Failure;

use super::{CHANGES, Ebs, LIST, index, retry::Refused};
use crate::snapshots::{BlockIndex, Listing, SnapshotId};

/// How many blocks a page has, at most. EBS takes 100 to 10,000. A page may have fewer, or none, and not be the last.
const PAGE: i32 = 10_000;

impl Ebs {
    /// The blocks of a snapshot, or `None` if a page token has expired.
    pub(super) async fn list_once(&self, snapshot: &SnapshotId) -> Result<Option<Listing>, Failure> {
        let broken = |cause: String| Failure::new(LIST, snapshot.as_str(), cause);
        let mut listing: Option<Listing> = None;
        let mut next: Option<String> = None;
        loop {
            let Some(page) = self.list_page(snapshot, next.as_deref()).await? else { return Ok(None) };
            let size = page.volume_size().and_then(|size| u32::try_from(size).ok());
            let size = size.ok_or_else(|| broken("an answer without the volume's size".into()))?;
            let listing = listing.get_or_insert_with(|| Listing::new(size));
            for block in page.blocks() {
                let index = index(block.block_index());
                let index = index.ok_or_else(|| broken("a block without index".into()))?;
                let token = block.block_token().unwrap_or_default();
                listing.push(index, token).map_err(|last| broken(format!("block {index} after {last}")))?;
            }
            next = page.next_token().map(str::to_owned);
            if next.is_none() {
                return Ok(Some(std::mem::take(listing).shrunk()));
            }
        }
    }

    /// The indexes of the blocks that differ, or `None` if a page token has expired.
    pub(super) async fn changed_once(
        &self,
        parent: &SnapshotId,
        child: &SnapshotId,
    ) -> Result<Option<Vec<BlockIndex>>, Failure> {
        let mut changed = Vec::new();
        let mut next: Option<String> = None;
        loop {
            let page = self.changed_page(parent, child, next.as_deref()).await?;
            let Some(page) = page else { return Ok(None) };
            for block in page.changed_blocks() {
                let index = index(block.block_index());
                let broken = || Failure::new(CHANGES, child.as_str(), "a block without index");
                changed.push(index.ok_or_else(broken)?);
            }
            next = page.next_token().map(str::to_owned);
            if next.is_none() {
                return Ok(Some(changed));
            }
        }
    }

    async fn list_page(
        &self,
        snapshot: &SnapshotId,
        token: Option<&str>,
    ) -> Result<Option<ListSnapshotBlocksOutput>, Failure> {
        let request = || {
            let request = self.client.list_snapshot_blocks().snapshot_id(snapshot.as_str());
            let request = request.max_results(PAGE).set_next_token(token.map(str::to_owned));
            async move {
                match request.send().await {
                    Ok(page) => Ok(Some(page)),
                    Err(error) if token.is_some() && is_stale_list(&error) => Ok(None),
                    Err(error) => Err(Refused::new(error)),
                }
            }
        };
        self.call(LIST, snapshot.as_str(), None).make(request).await
    }

    async fn changed_page(
        &self,
        parent: &SnapshotId,
        child: &SnapshotId,
        token: Option<&str>,
    ) -> Result<Option<ListChangedBlocksOutput>, Failure> {
        let request = || {
            let request = self.client.list_changed_blocks().first_snapshot_id(parent.as_str());
            let request = request.second_snapshot_id(child.as_str());
            let request = request.max_results(PAGE).set_next_token(token.map(str::to_owned));
            async move {
                match request.send().await {
                    Ok(page) => Ok(Some(page)),
                    Err(error) if token.is_some() && is_stale_change(&error) => Ok(None),
                    Err(error) => Err(Refused::new(error)),
                }
            }
        };
        self.call(CHANGES, child.as_str(), None).make(request).await
    }
}

fn is_stale_list(error: &SdkError<ListSnapshotBlocksError, HttpResponse>) -> bool {
    matches!(error.as_service_error(), Some(ListSnapshotBlocksError::ValidationException(invalid))
        if invalid.reason() == Some(&Invalid::InvalidPageToken))
}

fn is_stale_change(error: &SdkError<ListChangedBlocksError, HttpResponse>) -> bool {
    matches!(error.as_service_error(), Some(ListChangedBlocksError::ValidationException(invalid))
        if invalid.reason() == Some(&Invalid::InvalidPageToken))
}
