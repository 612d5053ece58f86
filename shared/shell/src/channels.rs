//! Everything that shows messages to people: webhooks over HTTPS, and the SNS topic `messages`.

mod pagerduty;
mod slack;
mod teams;
mod topic;

use aws_config::SdkConfig;
use reqwest::Client;
use watchkeeper_domain::{
    channel::{Channel, ChannelKind},
    failure::Failure,
    message::{Message, Post, Trouble},
    ports::Channels,
};

pub use self::topic::MessagesTopic;
use crate::http;
pub use crate::{http::Patience, secrets::Secrets};

/// The channels of the configuration. Each `show` sends one request, and a second one only after the first was
/// refused for its secret.
#[derive(Clone, Debug)]
pub struct Webhooks {
    client: Client,
    secrets: Secrets,
    topic: MessagesTopic,
}

impl Webhooks {
    /// Reaches the topic `messages` and the stores of secrets through `config`, and webhooks with the usual patience.
    /// Nothing is sent yet.
    ///
    /// # Errors
    /// When there is no TLS to speak.
    pub fn connect(config: &SdkConfig, messages_topic: &str) -> Result<Self, Failure> {
        let topic = MessagesTopic::connect(config, messages_topic);
        Self::new(Secrets::connect(config), topic, Patience::default())
    }

    /// The same with the parts given.
    ///
    /// # Errors
    /// When there is no TLS to speak.
    pub fn new(secrets: Secrets, topic: MessagesTopic, patience: Patience) -> Result<Self, Failure> {
        Ok(Self { client: http::client(patience)?, secrets, topic })
    }
}

impl Channels for Webhooks {
    /// A webhook waits at most 5 s ([`Patience`]); a secret that is not known yet is read before.
    async fn show(
        &self,
        channel: &Channel,
        message: &Message,
        post: &Post,
    ) -> Result<Option<String>, Trouble> {
        let (client, secrets) = (&self.client, &self.secrets);
        match &channel.kind {
            ChannelKind::SlackWebhook { secret } => {
                secrets.with(secret, async |url| slack::webhook(client, url, message, post).await).await
            }
            ChannelKind::SlackWorkflow { secret } => {
                secrets.with(secret, async |url| slack::workflow(client, url, message, post).await).await
            }
            ChannelKind::SlackBot { secret, channel, endpoint } => {
                let to = (endpoint.as_str(), channel.as_str());
                secrets.with(secret, async |token| slack::bot(client, token, to, message, post).await).await
            }
            ChannelKind::Teams { secret } => {
                secrets.with(secret, async |url| teams::show(client, url, message, post).await).await
            }
            ChannelKind::PagerDuty { secret, endpoint } => {
                secrets
                    .with(secret, async |key| pagerduty::show(client, endpoint, key, message, post).await)
                    .await
            }
            ChannelKind::Topic => self.topic.show(message).await,
            ChannelKind::Terminal => Err(Trouble::lasting("only the operator's command has a terminal")),
        }
    }
}
