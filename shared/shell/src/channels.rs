//! Everything that shows messages to people: webhooks over HTTPS, and the SNS topic `messages`.

mod http;
mod pagerduty;
mod secrets;
mod slack;
mod teams;
mod topic;
mod trouble;

use aws_config::SdkConfig;
use reqwest::Client;
use watchkeeper_domain::{
    channel::{Channel, ChannelKind, SecretName},
    failure::Failure,
    message::{Message, Post, Trouble},
    ports::Channels,
};

pub use self::{http::Patience, secrets::Secrets, topic::MessagesTopic};

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

    /// Sends with the secret called `name`. After a 401 or 403 the secret is read again and tried once more: it may
    /// have been rotated.
    async fn with(
        &self,
        name: &SecretName,
        send: impl AsyncFn(&str) -> Result<Option<String>, Trouble>,
    ) -> Result<Option<String>, Trouble> {
        let known = self.secrets.get(name).await?;
        match send(known.value()).await {
            Err(trouble) if is_refused_secret(&trouble) => {
                let read = self.secrets.fresh(name).await?;
                send(read.value()).await
            }
            answer => answer,
        }
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
        let client = &self.client;
        match &channel.kind {
            ChannelKind::SlackWebhook { secret } => {
                self.with(secret, async |url| slack::webhook(client, url, message, post).await).await
            }
            ChannelKind::SlackWorkflow { secret } => {
                self.with(secret, async |url| slack::workflow(client, url, message, post).await).await
            }
            ChannelKind::SlackBot { secret, channel, endpoint } => {
                let to = (endpoint.as_str(), channel.as_str());
                self.with(secret, async |token| slack::bot(client, token, to, message, post).await).await
            }
            ChannelKind::Teams { secret } => {
                self.with(secret, async |url| teams::show(client, url, message, post).await).await
            }
            ChannelKind::PagerDuty { secret, endpoint } => {
                self.with(secret, async |key| pagerduty::show(client, endpoint, key, message, post).await)
                    .await
            }
            ChannelKind::Topic => self.topic.show(message).await,
            ChannelKind::Terminal => Err(Trouble::lasting("only the operator's command has a terminal")),
        }
    }
}

fn is_refused_secret(trouble: &Trouble) -> bool {
    !trouble.passing && (trouble.cause.starts_with("401") || trouble.cause.starts_with("403"))
}
