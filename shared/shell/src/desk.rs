//! The real world of `notifier`: the table, everything that shows messages, the failure queue, the topic `notices`.

use watchkeeper_domain::{
    channel::Channel,
    failure::Failure,
    message::{Message, Post, Trouble},
    notice::Notice,
    ports::{Channels, Notices, Undelivered},
    records::HoldsRecords,
};

use crate::{
    aws::sdk_config, channels::Webhooks, dynamo::Table, settings::NotifierSettings, sns::Topic,
    undelivered::FailureQueue,
};

/// Everything that `notifier` reaches.
#[derive(Clone, Debug)]
pub struct Desk {
    table: Table,
    topic: Topic,
    webhooks: Webhooks,
    queue: FailureQueue,
}

impl Desk {
    /// Connects as [`crate::Aws::connect`] does. Nothing is sent yet.
    ///
    /// # Errors
    /// When there is no TLS to speak.
    pub async fn connect(settings: &NotifierSettings) -> Result<Self, Failure> {
        let config = sdk_config().await;
        Ok(Self {
            table: Table::connect(&config, &settings.table),
            topic: Topic::connect(&config, &settings.notices_topic),
            webhooks: Webhooks::connect(&config, &settings.messages_topic)?,
            queue: FailureQueue::connect(&config, &settings.failure_queue),
        })
    }
}

impl HoldsRecords for Desk {
    type Table = Table;

    fn records(&self) -> &Table {
        &self.table
    }
}

impl Notices for Desk {
    async fn publish(&self, notice: &Notice, repeated: bool) -> Result<(), Failure> {
        self.topic.publish(notice, repeated).await
    }
}

impl Channels for Desk {
    async fn show(
        &self,
        channel: &Channel,
        message: &Message,
        post: &Post,
    ) -> Result<Option<String>, Trouble> {
        self.webhooks.show(channel, message, post).await
    }
}

impl Undelivered for Desk {
    async fn put_undelivered(&self, channel: &str, notice: &Notice, cause: &str) -> Result<(), Failure> {
        self.queue.put_undelivered(channel, notice, cause).await
    }
}
