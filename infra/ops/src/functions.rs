//! The functions of `template.yaml` that run here, with their own code.

use jiff::SignedDuration;
use serde_json::Value;
use watchkeeper_domain::{
    config::Config,
    ports::{Channels, Events, Notices, Undelivered},
    records::Records,
};
use watchkeeper_shell::{NotifierSettings, Report, Run, Settings};

/// A function.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Function {
    /// `functions/health-responder`.
    HealthResponder,
    /// `functions/notifier`.
    Notifier,
}

impl Function {
    /// The function with that logical id in `template.yaml`.
    pub fn named(logical_id: &str) -> Option<Self> {
        match logical_id {
            "HealthResponder" => Some(Self::HealthResponder),
            "Notifier" => Some(Self::Notifier),
            _ => None,
        }
    }

    /// Its logical id.
    pub fn logical_id(self) -> &'static str {
        match self {
            Self::HealthResponder => "HealthResponder",
            Self::Notifier => "Notifier",
        }
    }

    /// How long an invocation may take: its `Timeout`.
    pub fn timeout(self) -> SignedDuration {
        match self {
            Self::HealthResponder => SignedDuration::from_secs(30),
            Self::Notifier => SignedDuration::from_secs(60),
        }
    }

    /// Its own name: of its crate, its sweep, its log lines.
    pub fn name(self) -> &'static str {
        match self {
            Self::HealthResponder => health_responder::NAME,
            Self::Notifier => notifier::NAME,
        }
    }

    /// The environment variables that it reads at its start and `lookup` does not have.
    pub fn unset(self, lookup: impl Fn(&str) -> Option<String>) -> Option<String> {
        let settings = match self {
            Self::HealthResponder => Settings::read(lookup).map(drop),
            Self::Notifier => NotifierSettings::read(lookup).map(drop),
        };
        settings.err().map(|failure| failure.source.to_string())
    }

    /// Lets it handle `payload`.
    pub async fn handle<W>(self, world: &W, config: &Config, payload: &Value, run: &Run) -> Report
    where
        W: Records + Notices + Events + Channels + Undelivered,
    {
        match self {
            Self::HealthResponder => health_responder::handle(world, config, payload, run).await,
            Self::Notifier => notifier::handle(world, config, payload, run).await,
        }
    }
}
