//! The fake world of caches: EBS behind its own protocol, EC2, and repositories on this machine.
//!
//! Snapshots are read and written by the real adapter over HTTP, so that what it promises is part of every scenario.

use std::{io, sync::Arc, time::Duration};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_ebs::config::{Credentials, SharedCredentialsProvider};
use watchkeeper_domain::{
    failure::Failure,
    notice::{DomainEvent, Notice},
    ports::{Archive, Events, Made, Notices, Snapshot, SnapshotCopy, Volume, VolumeOrder, Volumes},
    records::{HoldsRecords, Records},
};
use watchkeeper_packages::{Answer, Patience, Repositories, Request, Web};
use watchkeeper_volume::{ebs::Ebs, snapshots::HoldsSnapshots};

use crate::{clock::Clock, ebs::Server, ec2::Ec2, world::World};

/// The Region of the fake EBS and EC2.
pub const REGION: &str = crate::ec2::REGION;

/// What caches are kept in. Clones share it.
#[derive(Clone, Debug)]
pub struct Stock {
    /// EBS: its snapshots can be imported, exported, damaged, and its calls scripted.
    pub ebs: Arc<Server>,
    /// EC2 over the same snapshots.
    pub ec2: Ec2,
    /// What reaches that EBS.
    pub client: Ebs,
    web: Web,
}

impl Stock {
    /// An empty account, whose time is that of `clock`.
    ///
    /// # Errors
    /// When no port is free, or there is no TLS to be had.
    pub async fn start(clock: &Clock) -> io::Result<Self> {
        let ebs = Server::start(clock.clone()).await?;
        let credentials = Credentials::new("testing", "testing", None, None, "sim");
        let config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(REGION))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .endpoint_url(&ebs.endpoint)
            .build();
        let patience = Patience { pause: Duration::from_millis(20), ..Patience::default() };
        let web = Web::connect(patience, Vec::new()).map_err(|failure| io::Error::other(failure.chain()))?;
        let (ec2, client) = (Ec2::over(&ebs.store(), clock), Ebs::connect(&config));
        Ok(Self { ebs: Arc::new(ebs), ec2, client, web })
    }
}

/// One process in the fake world, with what caches are kept in.
#[derive(Debug)]
pub struct Depot<'a, R, S> {
    /// The table, the channels, the clock and the fuse.
    pub world: &'a World<R, S>,
    /// EBS, EC2 and repositories.
    pub stock: &'a Stock,
}

impl<R: Records, S> HoldsRecords for Depot<'_, R, S> {
    type Table = World<R, S>;

    fn records(&self) -> &World<R, S> {
        self.world
    }
}

impl<R, S> Notices for Depot<'_, R, S> {
    async fn publish(&self, notice: &Notice, repeated: bool) -> Result<(), Failure> {
        self.world.publish(notice, repeated).await
    }
}

impl<R, S> Events for Depot<'_, R, S> {
    async fn put(&self, event: &DomainEvent) -> Result<(), Failure> {
        self.world.put(event).await
    }
}

impl<R, S> HoldsSnapshots for Depot<'_, R, S> {
    type Snapshots = Ebs;

    fn snapshots(&self, within: Duration) -> Ebs {
        self.stock.client.within(within)
    }
}

impl<R, S> Repositories for Depot<'_, R, S> {
    async fn get(&self, request: &Request) -> Result<Answer, Failure> {
        self.stock.web.get(request).await
    }
}

impl<R, S> Archive for Depot<'_, R, S> {
    async fn snapshot(&self, region: &str, id: &str) -> Result<Option<Snapshot>, Failure> {
        self.world.step(self.stock.ec2.snapshot(region, id)).await
    }

    async fn snapshots(&self, region: &str, tag: (&str, &str)) -> Result<Vec<Snapshot>, Failure> {
        self.world.step(self.stock.ec2.snapshots(region, tag)).await
    }

    async fn copy_snapshot(&self, copy: &SnapshotCopy) -> Result<String, Failure> {
        self.world.step(self.stock.ec2.copy_snapshot(copy)).await
    }

    async fn delete_snapshot(&self, region: &str, id: &str) -> Result<(), Failure> {
        self.world.step(self.stock.ec2.delete_snapshot(region, id)).await
    }
}

impl<R, S> Volumes for Depot<'_, R, S> {
    async fn volume(&self, id: &str) -> Result<Option<Volume>, Failure> {
        self.world.step(self.stock.ec2.volume(id)).await
    }

    async fn volumes(&self, tag: (&str, &str)) -> Result<Vec<Volume>, Failure> {
        self.world.step(self.stock.ec2.volumes(tag)).await
    }

    async fn make(&self, order: &VolumeOrder) -> Result<Made, Failure> {
        self.world.step(self.stock.ec2.make(order)).await
    }

    async fn delete_volume(&self, id: &str) -> Result<(), Failure> {
        self.world.step(self.stock.ec2.delete_volume(id)).await
    }
}
