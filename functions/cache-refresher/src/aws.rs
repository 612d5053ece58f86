//! The real world of this function: the table, EC2, the EBS direct APIs, the repositories, the topic, the bus.

use std::time::Duration;

use aws_config::SdkConfig;
use watchkeeper_domain::{
    config::Config,
    failure::Failure,
    notice::{DomainEvent, Notice},
    ports::{Archive, Events, Made, Notices, Snapshot, SnapshotCopy, Volume, VolumeOrder, Volumes},
    records::HoldsRecords,
};
use watchkeeper_packages::{Answer, Repositories, Request};
use watchkeeper_shell::{Aws, CacheSettings, Table, leash::Leash, secrets::Secrets};
use watchkeeper_volume::{ebs::Ebs, snapshots::HoldsSnapshots};

use crate::{ec2::Ec2, keyring::Keyring};

/// Everything that this function reaches.
#[derive(Debug)]
pub struct Depot {
    aws: Aws,
    ec2: Ec2,
    ebs: Ebs,
    repositories: Keyring,
}

impl Depot {
    /// Connects to what `settings` and `config` name. Nothing is sent yet.
    pub fn connect(sdk: &SdkConfig, settings: &CacheSettings, config: &Config) -> Self {
        Self {
            aws: Aws::with(sdk, &settings.common),
            ec2: Ec2::connect(sdk, Leash { on: settings.site.leash }),
            ebs: Ebs::connect(sdk),
            repositories: Keyring::new(Secrets::connect(sdk), config),
        }
    }
}

impl Repositories for Depot {
    async fn get(&self, request: &Request) -> Result<Answer, Failure> {
        self.repositories.get(request).await
    }
}

impl HoldsSnapshots for Depot {
    type Snapshots = Ebs;

    fn snapshots(&self, within: Duration) -> Ebs {
        self.ebs.within(within)
    }
}

impl HoldsRecords for Depot {
    type Table = Table;

    fn records(&self) -> &Table {
        self.aws.records()
    }
}

impl Notices for Depot {
    async fn publish(&self, notice: &Notice, repeated: bool) -> Result<(), Failure> {
        self.aws.publish(notice, repeated).await
    }
}

impl Events for Depot {
    async fn put(&self, event: &DomainEvent) -> Result<(), Failure> {
        self.aws.put(event).await
    }
}

impl Archive for Depot {
    async fn snapshot(&self, region: &str, id: &str) -> Result<Option<Snapshot>, Failure> {
        self.ec2.snapshot(region, id).await
    }

    async fn snapshots(&self, region: &str, tag: (&str, &str)) -> Result<Vec<Snapshot>, Failure> {
        self.ec2.snapshots(region, tag).await
    }

    async fn copy_snapshot(&self, copy: &SnapshotCopy) -> Result<String, Failure> {
        self.ec2.copy_snapshot(copy).await
    }

    async fn delete_snapshot(&self, region: &str, id: &str) -> Result<(), Failure> {
        self.ec2.delete_snapshot(region, id).await
    }
}

impl Volumes for Depot {
    async fn volume(&self, id: &str) -> Result<Option<Volume>, Failure> {
        self.ec2.volume(id).await
    }

    async fn volumes(&self, tag: (&str, &str)) -> Result<Vec<Volume>, Failure> {
        self.ec2.volumes(tag).await
    }

    async fn make(&self, order: &VolumeOrder) -> Result<Made, Failure> {
        self.ec2.make(order).await
    }

    async fn delete_volume(&self, id: &str) -> Result<(), Failure> {
        self.ec2.delete_volume(id).await
    }
}
