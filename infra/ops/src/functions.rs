//! The functions of `template.yaml` that run here, with their own code.

use serde_json::Value;
use watchkeeper_domain::{
    config::Config,
    ports::{Events, Notices},
    records::Records,
};
use watchkeeper_shell::{Report, Run, Settings};

/// A function.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Function {
    /// `functions/health-responder`.
    HealthResponder,
}

impl Function {
    /// The function with that logical id in `template.yaml`.
    pub fn named(logical_id: &str) -> Option<Self> {
        match logical_id {
            "HealthResponder" => Some(Self::HealthResponder),
            _ => None,
        }
    }

    /// Its own name: of its crate, its sweep, its log lines.
    pub fn name(self) -> &'static str {
        match self {
            Self::HealthResponder => health_responder::NAME,
        }
    }

    /// The environment variables that it reads at its start and `lookup` does not have.
    pub fn unset(self, lookup: impl Fn(&str) -> Option<String>) -> Option<String> {
        let settings = match self {
            Self::HealthResponder => Settings::read(lookup).map(drop),
        };
        settings.err().map(|failure| failure.source.to_string())
    }

    /// Lets it handle `payload`.
    pub async fn handle<W>(self, world: &W, config: &Config, payload: &Value, run: &Run) -> Report
    where
        W: Records + Notices + Events,
    {
        match self {
            Self::HealthResponder => health_responder::handle(world, config, payload, run).await,
        }
    }
}
