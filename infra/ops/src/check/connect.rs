//! The secrets of channels: read, and judged by their values. No value is ever shown.

use watchkeeper_domain::{
    channel::{Channel, ChannelKind, SecretName},
    config::Config,
    render::teams,
};
use watchkeeper_shell::aws::sdk_config;

use super::{Findings, secrets::Stores};
use crate::{
    checkout::{Checkout, shown},
    place,
};

/// How many characters a PagerDuty routing key has (Events API v2 Overview, "Parameters").
const ROUTING_KEY: usize = 32;
/// Where Slack takes webhooks, GovSlack among them.
const SLACK: [&str; 2] = ["https://hooks.slack.com/", "https://hooks.slack-gov.com/"];
/// How the path of an incoming webhook begins (Slack, "Sending messages using incoming webhooks").
const WEBHOOK: &str = "services/";
/// How the path of a workflow's address begins (Slack, "Create a workflow that starts outside of Slack").
const WORKFLOW: [&str; 2] = ["triggers/", "workflows/"];

/// Reads every secret that a channel of the configuration names. Returns how many channels have one.
pub(super) async fn check(checkout: &Checkout, findings: &mut Findings) -> usize {
    // What is wrong with the configuration itself has been reported.
    let Ok(text) = checkout.config_text() else { return 0 };
    let Ok(config) = Config::parse(&text) else { return 0 };
    let channels = config.routing.channels.iter();
    let with_secret: Vec<_> =
        channels.filter_map(|channel| Some((channel, secret(&channel.kind)?))).collect();
    if with_secret.is_empty() {
        return 0;
    }
    let stores = Stores::connect(&sdk_config().await);
    let file = shown(&checkout.config);
    let places = place::values(&text, "channel", "secret");
    for (index, (channel, name)) in with_secret.iter().enumerate() {
        let problem = match stores.read(name).await {
            Ok(value) => judge(&channel.kind, value.trim()),
            Err(cause) => Some(format!("it cannot be read: {cause}")),
        };
        if let Some(problem) = problem {
            let place = places.get(index).copied().unwrap_or((1, 1));
            findings.add(&file, place, format!("the secret of the {}: {problem}", called(channel)));
        }
    }
    with_secret.len()
}

fn called(channel: &Channel) -> String {
    let kind = match &channel.kind {
        ChannelKind::SlackWebhook { .. } => "slack-webhook",
        ChannelKind::SlackWorkflow { .. } => "slack-workflow",
        ChannelKind::SlackBot { .. } => "slack-bot",
        ChannelKind::Teams { .. } => "teams",
        ChannelKind::PagerDuty { .. } => "pagerduty",
        ChannelKind::Topic => "topic",
        ChannelKind::Terminal => "terminal",
    };
    format!("{kind} channel `{}`", channel.name)
}

fn secret(kind: &ChannelKind) -> Option<&SecretName> {
    match kind {
        ChannelKind::SlackWebhook { secret }
        | ChannelKind::SlackWorkflow { secret }
        | ChannelKind::SlackBot { secret, .. }
        | ChannelKind::Teams { secret }
        | ChannelKind::PagerDuty { secret, .. } => Some(secret),
        ChannelKind::Topic | ChannelKind::Terminal => None,
    }
}

/// Why a channel of that kind cannot work with `value`, which is not repeated.
fn judge(kind: &ChannelKind, value: &str) -> Option<String> {
    let slack_path = || SLACK.iter().find_map(|base| value.strip_prefix(base));
    let is_workflow = |path: &str| WORKFLOW.iter().any(|begin| path.starts_with(begin));
    let problem = match kind {
        ChannelKind::SlackWebhook { .. } => match slack_path() {
            None => "it does not begin with https://hooks.slack.com/",
            Some(path) if is_workflow(path) => "it is the address of a workflow: use the kind slack-workflow",
            Some(path) if !path.starts_with(WEBHOOK) => {
                "it does not begin with https://hooks.slack.com/services/"
            }
            Some(_) => return None,
        },
        ChannelKind::SlackWorkflow { .. } => match slack_path() {
            None => "it does not begin with https://hooks.slack.com/",
            Some(path) if is_workflow(path) => return None,
            Some(_) => {
                "it is not the address of a workflow: that begins with https://hooks.slack.com/triggers/"
            }
        },
        ChannelKind::SlackBot { .. } if !value.starts_with("xoxb-") => {
            "it is not a bot token: that begins with xoxb-"
        }
        ChannelKind::Teams { .. } if teams::retired(value) => {
            "it is the address of an Office 365 connector, which Microsoft has retired: make a Workflow with the \
             trigger \"When a Teams webhook request is received\" and keep its address instead"
        }
        ChannelKind::Teams { .. } if !value.starts_with("https://") => "it does not begin with https://",
        ChannelKind::PagerDuty { .. } if value.chars().count() != ROUTING_KEY => {
            let length = value.chars().count();
            return Some(format!("a routing key has {ROUTING_KEY} characters, and this has {length}"));
        }
        ChannelKind::PagerDuty { .. } if !value.bytes().all(|it| it.is_ascii_alphanumeric()) => {
            "a routing key has letters and digits only"
        }
        ChannelKind::SlackBot { .. }
        | ChannelKind::Teams { .. }
        | ChannelKind::PagerDuty { .. }
        | ChannelKind::Topic
        | ChannelKind::Terminal => return None,
    };
    Some(problem.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name() -> SecretName {
        SecretName::Ssm("/watchkeeper/x".to_owned())
    }

    fn pager() -> ChannelKind {
        ChannelKind::PagerDuty { secret: name(), endpoint: String::new() }
    }

    fn bot() -> ChannelKind {
        ChannelKind::SlackBot { secret: name(), channel: "C1".into(), endpoint: String::new() }
    }

    #[test]
    fn what_the_makers_hand_out_is_taken() {
        let (hook, workflow, teams) = (
            ChannelKind::SlackWebhook { secret: name() },
            ChannelKind::SlackWorkflow { secret: name() },
            ChannelKind::Teams { secret: name() },
        );
        for (kind, value) in [
            (&hook, "https://hooks.slack.com/services/T0/B0/x"),
            (&hook, "https://hooks.slack-gov.com/services/T0/B0/x"),
            (&workflow, "https://hooks.slack.com/triggers/T0/1/x"),
            (&workflow, "https://hooks.slack.com/workflows/T0/A0/1/x"),
            (
                &teams,
                "https://prod-00.westeurope.logic.azure.com:443/workflows/x/triggers/manual/paths/invoke?sig=x",
            ),
            (
                &teams,
                "https://x.environment.api.powerplatform.com/powerautomate/automations/direct/workflows/x",
            ),
            (&bot(), "xoxb-1-2-x"),
            (&pager(), "0123456789abcdef0123456789ABCDEF"),
        ] {
            assert_eq!(judge(kind, value), None, "{value}");
        }
    }

    #[test]
    fn what_cannot_work_is_named_without_the_value() {
        let (hook, workflow, teams) = (
            ChannelKind::SlackWebhook { secret: name() },
            ChannelKind::SlackWorkflow { secret: name() },
            ChannelKind::Teams { secret: name() },
        );
        for (kind, value, problem) in [
            (&hook, "http://hooks.slack.com/services/hush", "https://hooks.slack.com/"),
            (&hook, "https://hooks.slack.com.evil.example/services/hush", "https://hooks.slack.com/"),
            (&hook, "https://hooks.slack.com/triggers/hush", "slack-workflow"),
            (&hook, "https://hooks.slack.com/hush", "/services/"),
            (&workflow, "https://hooks.slack.com/services/hush", "/triggers/"),
            (&teams, "https://contoso.webhook.office.com/webhookb2/hush", "Microsoft has retired"),
            (&teams, "http://example.com/hush", "https://"),
            (&bot(), "xoxp-hush", "xoxb-"),
            (&pager(), "hush", "32 characters, and this has 4"),
            (&pager(), "hush-hush-hush-hush-hush-hush-hu", "letters and digits"),
        ] {
            let told = judge(kind, value).unwrap();
            assert!(told.contains(problem) && !told.contains("hush"), "{told}");
        }
    }
}
