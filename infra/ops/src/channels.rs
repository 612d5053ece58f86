//! The channels of one machine: those of `watchkeeper.toml`, or the terminal when it names none.

use anyhow::{Result, anyhow};
use aws_sdk_secretsmanager::config::ProvideCredentials;
use watchkeeper_domain::{
    channel::{Channel, ChannelKind},
    config::{
        Config,
        routing::{MESSAGES, Routing},
    },
    text,
};
use watchkeeper_shell::{Webhooks, aws::sdk_config};

/// The name of the channel that takes the place of the topic [`MESSAGES`] when no channel is configured.
pub const TERMINAL: &str = "terminal";

/// `config` with the terminal in the place of the topic, if it names no channel of its own. The routes, with their
/// mutes and quiet hours, stay the same.
#[must_use]
pub fn on_one_machine(mut config: Config) -> Config {
    let built_in = Routing::default().channels;
    if config.routing.channels == built_in {
        let routing = &mut config.routing;
        routing.channels = vec![Channel { name: TERMINAL.to_owned(), kind: ChannelKind::Terminal }];
        let named = routing.routes.iter_mut().flat_map(|route| &mut route.channels);
        for name in named.chain(&mut routing.default).filter(|name| *name == MESSAGES) {
            TERMINAL.clone_into(name);
        }
    }
    config
}

/// Whether the terminal is all there is.
pub fn is_terminal_only(routing: &Routing) -> bool {
    routing.channels.iter().all(|channel| channel.kind == ChannelKind::Terminal)
}

/// Whether messages to such a channel leave this machine.
pub fn is_remote(kind: &ChannelKind) -> bool {
    match kind {
        ChannelKind::SlackWebhook { .. }
        | ChannelKind::SlackWorkflow { .. }
        | ChannelKind::SlackBot { .. }
        | ChannelKind::Teams { .. }
        | ChannelKind::PagerDuty { .. } => true,
        ChannelKind::Topic | ChannelKind::Terminal => false,
    }
}

/// What reaches the remote channels of `routing`, if there are any, as the usual AWS environment says. Nothing is sent
/// yet.
///
/// # Errors
/// When there are some, and no AWS credentials with which to read their secrets.
pub async fn connect(routing: &Routing) -> Result<Option<Webhooks>> {
    let remote: Vec<_> = routing.channels.iter().filter(|channel| is_remote(&channel.kind)).collect();
    if remote.is_empty() {
        return Ok(None);
    }
    let config = sdk_config().await;
    let names: Vec<_> = remote.iter().map(|channel| channel.name.as_str()).collect();
    let credentials = match config.credentials_provider() {
        Some(provider) => provider.provide_credentials().await.map_err(|error| error.to_string()),
        None => Err("none are configured".to_owned()),
    };
    let region = config.region().map(drop).ok_or_else(|| "no Region is set".to_owned());
    credentials.map(drop).and(region).map_err(|cause| {
        let secrets = text::count(names.len(), "channel");
        anyhow!(
            "the secrets of {secrets} ({}) are read from AWS, and that cannot be reached: {cause}. Set AWS_PROFILE \
             and AWS_REGION, or name a configuration without channels with --config FILE",
            names.join(", ")
        )
    })?;
    // The topic has no address here: `Board` shows what goes there.
    Webhooks::connect(&config, "").map(Some).map_err(|failure| anyhow!(failure.chain()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_channels_the_terminal_takes_the_place_of_the_topic_in_every_route() {
        let toml = "[[route]]\nmatch = { kind = [\"issue\"] }\nchannels = [\"messages\"]\n";
        let routing = on_one_machine(Config::parse(toml).unwrap()).routing;
        assert!(is_terminal_only(&routing));
        assert_eq!(
            (&routing.default, &routing.routes[0].channels),
            (&vec![TERMINAL.into()], &vec![TERMINAL.into()])
        );
    }

    #[test]
    fn configured_channels_stay_as_they_are() {
        let toml = "[[channel]]\nname = \"slack\"\nkind = \"slack-webhook\"\nsecret = \"ssm:/hook\"\n";
        let config = Config::parse(toml).unwrap();
        assert_eq!(on_one_machine(config.clone()), config);
        assert!(!is_terminal_only(&config.routing));
    }
}
