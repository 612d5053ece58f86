//! The real world of `chaos-trigger` and `experiment-watcher`: the table, FIS, and everything that a guard has to know.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::Value;
use watchkeeper_domain::{
    drill::{ListedTemplate, OnCall},
    experiment::{Experiment, Lever, Listed, Order, Ordered, ResolvedTarget, windows::Interval},
    failure::Failure,
    notice::{DomainEvent, Notice},
    ports::{
        Alarm, AlarmChange, Alarms, CalendarState, Calendars, DeadMan, Events, Experiments, History,
        Inventory, Issue, Issues, Metrics, Notices, OnCalls, Query, Series, Starts, StopCall, Stops,
    },
    records::HoldsRecords,
};

use crate::{
    alarms::CloudWatchAlarms,
    aws::{Aws, sdk_config},
    calendars::SystemsManager,
    dynamo::Table,
    fis::Fis,
    history::EventHistory,
    inventory::Resources,
    issues::HealthApi,
    leash::Leash,
    metrics::CloudWatchMetrics,
    on_calls::PagerDutyOnCalls,
    scheduler::{DeadManSchedules, Schedules},
    settings::DrillSettings,
};

/// Everything that drills reach. What a function does reach of it is its `World`.
#[derive(Clone, Debug)]
pub struct Lab {
    aws: Aws,
    fis: Fis,
    alarms: CloudWatchAlarms,
    calendars: SystemsManager,
    on_calls: PagerDutyOnCalls,
    issues: HealthApi,
    resources: Resources,
    dead_man: DeadManSchedules,
    metrics: CloudWatchMetrics,
    history: EventHistory,
}

impl Lab {
    /// Connects as [`crate::Aws::connect`] does. Nothing is sent yet.
    pub async fn connect(settings: &DrillSettings) -> Self {
        let config = sdk_config().await;
        let leash = Leash { on: settings.site.leash };
        let schedules = Schedules {
            group: settings.schedule_group.clone(),
            role: settings.schedule_role.clone(),
            watcher: settings.watcher.clone(),
            dead_letters: settings.dead_letters.clone(),
        };
        Self {
            aws: Aws::with(&config, &settings.common),
            fis: Fis::connect(&config, leash),
            alarms: CloudWatchAlarms::connect(&config),
            calendars: SystemsManager::connect(&config),
            on_calls: PagerDutyOnCalls::connect(&config),
            issues: HealthApi::connect(&config),
            resources: Resources::connect(&config),
            dead_man: DeadManSchedules::connect(&config, schedules, leash),
            metrics: CloudWatchMetrics::connect(&config),
            history: EventHistory::connect(&config),
        }
    }
}

impl HoldsRecords for Lab {
    type Table = Table;

    fn records(&self) -> &Table {
        self.aws.records()
    }
}

impl Notices for Lab {
    async fn publish(&self, notice: &Notice, repeated: bool) -> Result<(), Failure> {
        self.aws.publish(notice, repeated).await
    }
}

impl Events for Lab {
    async fn put(&self, event: &DomainEvent) -> Result<(), Failure> {
        self.aws.put(event).await
    }
}

impl Experiments for Lab {
    async fn template(&self, id: &str) -> Result<Option<Value>, Failure> {
        self.fis.template(id).await
    }

    async fn templates(&self) -> Result<Vec<ListedTemplate>, Failure> {
        self.fis.templates().await
    }

    async fn experiment(&self, id: &str) -> Result<Option<Experiment>, Failure> {
        self.fis.experiment(id).await
    }

    async fn experiments(&self) -> Result<Vec<Listed>, Failure> {
        self.fis.experiments().await
    }

    async fn resolved(&self, id: &str) -> Result<Vec<ResolvedTarget>, Failure> {
        self.fis.resolved(id).await
    }

    async fn lever(&self) -> Result<Lever, Failure> {
        self.fis.lever().await
    }
}

impl Starts for Lab {
    async fn start(&self, order: &Order) -> Result<Ordered, Failure> {
        self.fis.start(order).await
    }
}

impl Stops for Lab {
    async fn stop(&self, id: &str) -> Result<(), Failure> {
        self.fis.stop(id).await
    }
}

impl Alarms for Lab {
    async fn alarms(&self, arns: &BTreeSet<String>) -> Result<Vec<Alarm>, Failure> {
        self.alarms.alarms(arns).await
    }
}

impl Calendars for Lab {
    async fn calendars(&self, names: &[String], now: Timestamp) -> Result<Vec<CalendarState>, Failure> {
        self.calendars.calendars(names, now).await
    }

    async fn incidents(&self, page: Option<&str>) -> Result<Vec<String>, Failure> {
        self.calendars.incidents(page).await
    }
}

impl OnCalls for Lab {
    async fn is_anybody_on_call(&self, on_call: &OnCall) -> Result<bool, Failure> {
        self.on_calls.is_anybody_on_call(on_call).await
    }
}

impl Issues for Lab {
    async fn open_issues(&self, region: &str) -> Result<Vec<Issue>, Failure> {
        self.issues.open_issues(region).await
    }
}

impl Inventory for Lab {
    async fn tags(
        &self,
        arns: &BTreeSet<String>,
    ) -> Result<BTreeMap<String, BTreeMap<String, String>>, Failure> {
        self.resources.tags(arns).await
    }

    async fn fleet(
        &self,
        resource_type: &str,
        key: &str,
        value: &str,
    ) -> Result<Option<BTreeSet<String>>, Failure> {
        self.resources.fleet(resource_type, key, value).await
    }

    async fn zones(&self, arns: &BTreeSet<String>) -> Result<BTreeMap<String, String>, Failure> {
        self.resources.zones(arns).await
    }
}

impl DeadMan for Lab {
    async fn arm(&self, name: &str, at: Timestamp, token: &str) -> Result<(), Failure> {
        self.dead_man.arm(name, at, token).await
    }

    async fn aim(&self, name: &str, at: Timestamp, experiment: &str) -> Result<(), Failure> {
        self.dead_man.aim(name, at, experiment).await
    }

    async fn disarm(&self, name: &str) -> Result<(), Failure> {
        self.dead_man.disarm(name).await
    }
}

impl Metrics for Lab {
    async fn series(&self, queries: &[Query], within: Interval) -> Result<Vec<Series>, Failure> {
        self.metrics.series(queries, within).await
    }
}

impl History for Lab {
    async fn alarm_changes(
        &self,
        arns: &BTreeSet<String>,
        within: Interval,
    ) -> Result<Vec<AlarmChange>, Failure> {
        self.history.alarm_changes(arns, within).await
    }

    async fn stop_calls(&self, experiment: &str, within: Interval) -> Result<Vec<StopCall>, Failure> {
        self.history.stop_calls(experiment, within).await
    }
}
