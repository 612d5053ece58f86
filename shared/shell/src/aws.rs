//! The real world: the table, the topic and the bus, with the clients that reach them.

use std::time::Duration;

use aws_config::{BehaviorVersion, SdkConfig, timeout::TimeoutConfig};
use watchkeeper_domain::{
    failure::Failure,
    notice::{DomainEvent, Notice},
    ports::{Events, Notices},
    records::HoldsRecords,
};

use crate::{dynamo::Table, eventbridge::Bus, settings::Settings, sns::Topic};

/// Everything of AWS that a function may reach. What one does reach is its `World`.
#[derive(Clone, Debug)]
pub struct Aws {
    /// The state.
    pub table: Table,
    /// Where notices go.
    pub topic: Topic,
    /// Where domain events go.
    pub bus: Bus,
}

impl Aws {
    /// Connects as the environment and its profile say (credentials, Region, `AWS_ENDPOINT_URL*`), and waits for
    /// nobody longer than [`timeouts`]. Nothing is sent yet.
    pub async fn connect(settings: &Settings) -> Self {
        Self::with(&sdk_config().await, settings)
    }

    /// The same with a configuration of the caller's. Retries are each adapter's own.
    pub fn with(config: &SdkConfig, settings: &Settings) -> Self {
        Self {
            table: Table::connect(config, &settings.table),
            topic: Topic::connect(config, &settings.notices_topic),
            bus: Bus::connect(config, &settings.bus),
        }
    }
}

/// What every client is made of: credentials, Region and endpoints of the environment, and [`timeouts`].
pub async fn sdk_config() -> SdkConfig {
    aws_config::defaults(BehaviorVersion::latest()).timeout_config(timeouts()).load().await
}

/// 2 s to connect, 5 s an attempt, 12 s a call with all its attempts: a function has 30 s.
pub fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(2))
        .operation_attempt_timeout(Duration::from_secs(5))
        .operation_timeout(Duration::from_secs(12))
        .build()
}

impl Notices for Aws {
    async fn publish(&self, notice: &Notice, repeated: bool) -> Result<(), Failure> {
        self.topic.publish(notice, repeated).await
    }
}

impl Events for Aws {
    async fn put(&self, event: &DomainEvent) -> Result<(), Failure> {
        self.bus.put(event).await
    }
}

impl HoldsRecords for Aws {
    type Table = Table;

    fn records(&self) -> &Table {
        &self.table
    }
}
