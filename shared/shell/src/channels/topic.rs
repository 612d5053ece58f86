//! The SNS topic `messages`: mail, and Amazon Q Developer in chat applications.

use aws_config::{SdkConfig, retry::RetryConfig};
use aws_sdk_sns::Client;
use watchkeeper_domain::{
    message::{Message, Trouble},
    render::mail,
};

use crate::trouble::trouble;

/// The topic. Its client does not retry: `Publish` has no idempotency key, so a repeat has to be marked.
#[derive(Clone, Debug)]
pub struct MessagesTopic {
    client: Client,
    arn: String,
}

impl MessagesTopic {
    /// The topic `arn`, reached through `config`.
    pub fn connect(config: &SdkConfig, arn: &str) -> Self {
        let config = aws_sdk_sns::config::Builder::from(config).retry_config(RetryConfig::disabled());
        Self { client: Client::from_conf(config.build()), arn: arn.to_owned() }
    }

    /// SNS API Reference, `Publish`, with `MessageStructure=json`: each protocol gets its own form. A topic gives no
    /// id by which a message could be edited.
    pub(super) async fn show(&self, message: &Message) -> Result<Option<String>, Trouble> {
        let request = self.client.publish().topic_arn(&self.arn).subject(mail::subject(message));
        let request = request.message_structure("json").message(mail::forms(message).to_json());
        request.send().await.map_err(|error| trouble("SNS", error))?;
        Ok(None)
    }
}
