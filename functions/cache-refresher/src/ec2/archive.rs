//! Snapshots.

use aws_config::retry::RetryConfig;
use aws_sdk_ec2::{config::Builder, error::ProvideErrorMetadata, types::ResourceType};
use watchkeeper_domain::{
    failure::Failure,
    ports::{Archive, Snapshot, SnapshotCopy},
};
use watchkeeper_shell::error::failure;

use super::{Ec2, PAGE, answer, filter, is_tagged, nameless, refusal, tags};

impl Archive for Ec2 {
    async fn snapshot(&self, region: &str, id: &str) -> Result<Option<Snapshot>, Failure> {
        const OPERATION: &str = "describe the snapshot";
        let request = self.in_region(region).describe_snapshots().owner_ids("self").snapshot_ids(id);
        match request.send().await {
            Ok(answer) => {
                let found = answer.snapshots.unwrap_or_default().into_iter().next();
                let found = found.map(answer::snapshot).transpose();
                found.map_err(|error| Failure::new(OPERATION, id, error))
            }
            Err(error) if error.code() == Some(refusal::NO_SNAPSHOT) => Ok(None),
            Err(error) => Err(failure(OPERATION, id, error)),
        }
    }

    async fn snapshots(&self, region: &str, tag: (&str, &str)) -> Result<Vec<Snapshot>, Failure> {
        const OPERATION: &str = "list the snapshots with";
        let request = self.in_region(region).describe_snapshots().owner_ids("self").filters(filter(tag));
        let mut pages = request.max_results(PAGE).into_paginator().send();
        let mut snapshots = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| failure(OPERATION, tag.0, error))?;
            for snapshot in page.snapshots.unwrap_or_default() {
                snapshots
                    .push(answer::snapshot(snapshot).map_err(|error| Failure::new(OPERATION, tag.0, error))?);
            }
        }
        snapshots.retain(|snapshot| is_tagged(&snapshot.tags, tag));
        Ok(snapshots)
    }

    /// `CopySnapshot` is not repeated, not even after a time-out: that might make a second copy. For an encrypted snapshot
    /// its reference asks for a presigned address, which the SDK's authors say EC2 has done away with (smithy-rs, issue
    /// 133). Here is none; unverified.
    async fn copy_snapshot(&self, copy: &SnapshotCopy) -> Result<String, Failure> {
        const OPERATION: &str = "copy the snapshot";
        self.leash.holds(&format!("the copy of {} into {}", copy.snapshot, copy.to))?;
        let request = self
            .in_region(&copy.to)
            .copy_snapshot()
            .source_region(&copy.from)
            .source_snapshot_id(&copy.snapshot)
            .description(&copy.description)
            .tag_specifications(tags(ResourceType::Snapshot, &copy.tags));
        let once = Builder::new().retry_config(RetryConfig::disabled());
        let answer = request.customize().config_override(once).send().await;
        let answer = answer.map_err(|error| failure(OPERATION, &copy.snapshot, error))?;
        answer.snapshot_id.ok_or_else(|| nameless(OPERATION, &copy.snapshot))
    }

    async fn delete_snapshot(&self, region: &str, id: &str) -> Result<(), Failure> {
        self.leash.holds(&format!("the deletion of {id} in {region}"))?;
        match self.in_region(region).delete_snapshot().snapshot_id(id).send().await {
            Ok(_) => Ok(()),
            Err(error) if error.code() == Some(refusal::NO_SNAPSHOT) => Ok(()),
            Err(error) => Err(failure("delete the snapshot", id, error)),
        }
    }
}
