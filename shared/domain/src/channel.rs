//! Where people read: the channels of `watchkeeper.toml`.

use serde::{Deserialize, Serialize};

/// `[[channel]]`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Channel {
    /// `name`, by which routes call it.
    pub name: String,
    /// `kind`, with what it needs.
    pub kind: ChannelKind,
}

/// The sorts of channels. Secrets are names, never values.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChannelKind {
    /// `slack-webhook`: an incoming webhook. It can neither thread nor edit.
    SlackWebhook {
        /// The name of the secret that holds the address.
        secret: SecretName,
    },
    /// `slack-workflow`: a workflow's address, which takes flat text variables.
    SlackWorkflow {
        /// The name of the secret that holds the address.
        secret: SecretName,
    },
    /// `slack-bot`: `chat.postMessage` with a bot token: one thread a conversation, its first message edited.
    SlackBot {
        /// The name of the secret that holds the token.
        secret: SecretName,
        /// `channel`: the id of the Slack channel (`C…`).
        channel: String,
        /// `endpoint`: `https://slack.com/api`, or that of another Slack.
        endpoint: String,
    },
    /// `teams`: a Workflows address that posts Adaptive Cards.
    Teams {
        /// The name of the secret that holds the address.
        secret: SecretName,
    },
    /// `pagerduty`: Events API v2.
    PagerDuty {
        /// The name of the secret that holds the routing key.
        secret: SecretName,
        /// `endpoint`: `https://events.pagerduty.com`, or `https://events.eu.pagerduty.com`.
        endpoint: String,
    },
    /// `topic`: the SNS topic `messages`, for mail and for Amazon Q Developer in chat applications.
    Topic,
    /// The terminal, where nothing else is configured. Only the operator's command has one.
    Terminal,
}

/// Where a secret is kept.
#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SecretName {
    /// `secretsmanager:<name>`: a secret of Secrets Manager.
    SecretsManager(String),
    /// `ssm:<name>`: a SecureString parameter of Systems Manager.
    Ssm(String),
}

impl ChannelKind {
    /// Whether a message can be edited and replied to.
    pub fn has_threads(&self) -> bool {
        matches!(self, Self::SlackBot { .. })
    }
}
