//! Reading `[[channel]]`.

use super::reader::Section;
use crate::channel::{Channel, ChannelKind, SecretName};

/// The channel that `section` describes, if it describes one.
pub(super) fn read_channel(section: &Section<'_, '_>) -> Option<Channel> {
    let (name, kind) = (section.required("name"), section.required("kind"));
    if name.is_empty() || !name.bytes().all(|it| it.is_ascii_alphanumeric() || it == b'-') {
        section.problem_at("name", "`name` must consist of letters, digits and hyphens");
    }
    let webhook = ["name", "kind", "secret"];
    let kind = match kind.as_str() {
        "slack-webhook" => {
            section.only(&webhook);
            ChannelKind::SlackWebhook { secret: secret(section)? }
        }
        "slack-workflow" => {
            section.only(&webhook);
            ChannelKind::SlackWorkflow { secret: secret(section)? }
        }
        "teams" => {
            section.only(&webhook);
            ChannelKind::Teams { secret: secret(section)? }
        }
        "slack-bot" => {
            section.only(&["name", "kind", "secret", "channel", "endpoint"]);
            let endpoint = section.endpoint("endpoint", "https://slack.com/api");
            ChannelKind::SlackBot { channel: section.required("channel"), secret: secret(section)?, endpoint }
        }
        "pagerduty" => {
            section.only(&["name", "kind", "secret", "endpoint"]);
            let endpoint = section.endpoint("endpoint", "https://events.pagerduty.com");
            ChannelKind::PagerDuty { secret: secret(section)?, endpoint }
        }
        "topic" => {
            section.only(&["name", "kind"]);
            ChannelKind::Topic
        }
        _ => {
            let known = "slack-webhook, slack-workflow, slack-bot, teams, pagerduty, topic";
            section.problem_at("kind", &format!("`kind` must be one of {known}"));
            return None;
        }
    };
    Some(Channel { name, kind })
}

/// The name of a secret. A value in its place must not stay unnoticed, nor be repeated in the message.
pub(super) fn secret(section: &Section<'_, '_>) -> Option<SecretName> {
    let text = section.required("secret");
    let named = match text.split_once(':') {
        Some(("secretsmanager", name)) if !name.is_empty() => {
            Some(SecretName::SecretsManager(name.to_owned()))
        }
        Some(("ssm", name)) if !name.is_empty() => Some(SecretName::Ssm(name.to_owned())),
        _ => None,
    };
    if named.is_none() {
        section.problem_at(
            "secret",
            "`secret` must name where the secret is kept: \"secretsmanager:NAME\" or \"ssm:NAME\"; never the secret itself",
        );
    }
    named
}
