//! The functions of `template.yaml` that run here, with their own code.

use cache_refresher::Setting;
use jiff::SignedDuration;
use serde_json::Value;
use watchkeeper_domain::{
    ports::{Channels, Undelivered},
    records::Records,
};
use watchkeeper_shell::{CacheSettings, DrillSettings, NotifierSettings, Report, Run, Settings};
use watchkeeper_sim::{
    depot::{Depot, Stock},
    world::World,
};

/// A function.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Function {
    /// `functions/health-responder`.
    HealthResponder,
    /// `functions/notifier`.
    Notifier,
    /// `functions/chaos-trigger`.
    ChaosTrigger,
    /// `functions/experiment-watcher`.
    ExperimentWatcher,
    /// `functions/cache-refresher`.
    CacheRefresher,
}

impl Function {
    /// The function with that logical id in `template.yaml`.
    pub fn named(logical_id: &str) -> Option<Self> {
        match logical_id {
            "HealthResponder" => Some(Self::HealthResponder),
            "Notifier" => Some(Self::Notifier),
            "ChaosTrigger" => Some(Self::ChaosTrigger),
            "ExperimentWatcher" => Some(Self::ExperimentWatcher),
            "CacheRefresher" => Some(Self::CacheRefresher),
            _ => None,
        }
    }

    /// Its logical id.
    pub fn logical_id(self) -> &'static str {
        match self {
            Self::HealthResponder => "HealthResponder",
            Self::Notifier => "Notifier",
            Self::ChaosTrigger => "ChaosTrigger",
            Self::ExperimentWatcher => "ExperimentWatcher",
            Self::CacheRefresher => "CacheRefresher",
        }
    }

    /// How long an invocation may take: its `Timeout`.
    pub fn timeout(self) -> SignedDuration {
        match self {
            Self::HealthResponder => SignedDuration::from_secs(30),
            Self::Notifier => SignedDuration::from_secs(60),
            Self::ChaosTrigger | Self::ExperimentWatcher => SignedDuration::from_secs(120),
            Self::CacheRefresher => SignedDuration::from_secs(900),
        }
    }

    /// Its own name: of its crate, its sweep, its log lines.
    pub fn name(self) -> &'static str {
        match self {
            Self::HealthResponder => health_responder::NAME,
            Self::Notifier => notifier::NAME,
            Self::ChaosTrigger => chaos_trigger::NAME,
            Self::ExperimentWatcher => experiment_watcher::NAME,
            Self::CacheRefresher => cache_refresher::NAME,
        }
    }

    /// The environment variables that it reads at its start and `lookup` does not have.
    pub fn unset(self, lookup: impl Fn(&str) -> Option<String>) -> Option<String> {
        let settings = match self {
            Self::HealthResponder => Settings::read(lookup).map(drop),
            Self::Notifier => NotifierSettings::read(lookup).map(drop),
            Self::ChaosTrigger | Self::ExperimentWatcher => DrillSettings::read(lookup).map(drop),
            Self::CacheRefresher => CacheSettings::read(lookup).map(drop),
        };
        settings.err().map(|failure| failure.source.to_string())
    }

    /// Lets it handle `payload` as `setting` says.
    pub async fn handle<R: Records, S: Channels + Undelivered>(
        self,
        (world, stock): (&World<R, S>, &Stock),
        setting: Setting<'_>,
        payload: &Value,
        run: &Run,
    ) -> Report {
        let Setting { config, site, .. } = setting;
        match self {
            Self::HealthResponder => health_responder::handle(world, config, payload, run).await,
            Self::Notifier => notifier::handle(world, config, payload, run).await,
            Self::ChaosTrigger => chaos_trigger::handle(world, config, site, payload, run).await,
            Self::ExperimentWatcher => experiment_watcher::handle(world, config, site, payload, run).await,
            Self::CacheRefresher => {
                cache_refresher::handle(&Depot { world, stock }, setting, payload, run).await
            }
        }
    }
}
