//! A range for drills: `chaos-trigger` and `experiment-watcher` on any table and the fake FIS, one process for each
//! invocation, minute by minute.

use std::collections::{BTreeMap, BTreeSet};

use experiment_watcher::{decide::Effect, watch::Watch};
use jiff::{SignedDuration, Timestamp, civil::Weekday, tz::TimeZone};
use serde_json::{Value, json};
use watchkeeper_domain::{
    config::Config,
    drill::{Cron, Drill, Drills, Proof, Site, Window, partition},
    experiment::Order,
    fis::{Limits, Template},
    notice::Notice,
    ports::Alarm,
    records::{Record, Records},
};
use watchkeeper_shell::{Report, Run, observe::PROOF};
use watchkeeper_sim::{
    channels::Channels,
    clock::Clock,
    dead_man::Target,
    estate::Estate,
    facts::Resource,
    fis::{ACCOUNT, REGION, Resolution},
    fuse::Fuse,
    screens::Screens,
    world::World,
};

/// The alarm that ends a run.
pub const STOP: &str = "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:checkout-errors";
/// What a run is done to.
pub const INSTANCE: &str = "arn:aws:ec2:eu-west-1:123456789012:instance/i-1";
/// The template of every drill here.
pub const TEMPLATE: &str = "EXT1";

/// What stays when a process ends.
#[derive(Clone, Debug)]
pub struct Range<R> {
    /// The table.
    pub records: R,
    /// What was published.
    pub channels: Channels,
    /// FIS, the dead men, the facts.
    pub estate: Estate,
    /// The time.
    pub clock: Clock,
    /// The configuration of every process.
    pub config: Config,
    /// Where it takes place.
    pub site: Site,
    /// Whether `experiment-watcher` runs as well, and the dead men with it.
    pub watched: bool,
}

/// Tuesday, 24 November 2026, 09:40 in Berlin: twenty minutes before the drill is due.
pub fn before() -> Timestamp {
    "2026-11-24T08:40:00Z".parse().expect("a timestamp")
}

/// The template, as the API gives it: one instance is stopped for ten minutes.
pub fn template() -> Value {
    json!({
        "id": TEMPLATE,
        "description": "stop one instance for ten minutes",
        "targets": { "One": {
            "resourceType": "aws:ec2:instance", "resourceTags": { "ChaosReady": "Yes" },
            "filters": [{ "path": "State.Name", "values": ["running"] }], "selectionMode": "COUNT(1)",
        } },
        "actions": { "stop": { "actionId": "aws:ec2:stop-instances", "targets": { "Instances": "One" },
            "parameters": { "startInstancesAfterDuration": "PT10M" } } },
        "stopConditions": [{ "source": "aws:cloudwatch:alarm", "value": STOP }],
        "roleArn": "arn:aws:iam::123456789012:role/drills",
        "logConfiguration": { "logSchemaVersion": 2, "cloudWatchLogsConfiguration": {
            "logGroupArn": "arn:aws:logs:eu-west-1:123456789012:log-group:drills:*" } },
        "tags": { "Name": "stop-one", "watchkeeper": "drill" },
    })
}

/// A drill that is due on Tuesdays at ten in Berlin, approved and switched on.
pub fn drill(name: &str) -> Drill {
    use Weekday::{Friday, Monday, Thursday, Tuesday, Wednesday};
    let approved = Template::parse(&template()).expect("a template").hash();
    let time = |text: &str| text.parse().expect("a time");
    let days = vec![Monday, Tuesday, Wednesday, Thursday, Friday];
    Drill {
        name: name.into(),
        template: TEMPLATE.into(),
        approved: Some(approved),
        enabled: true,
        service: "checkout".into(),
        environment: "staging".into(),
        owner: Some("payments".into()),
        runbook: None,
        schedule: Some(Cron::parse("cron(0 10 ? * TUE *)").expect("a schedule")),
        zone: TimeZone::get("Europe/Berlin").expect("a zone"),
        flexible: SignedDuration::ZERO,
        windows: vec![Window { days, from: time("09:00"), to: time("16:00") }],
        holidays: BTreeSet::new(),
        calendars: Vec::new(),
        alarms: BTreeSet::new(),
        stable: SignedDuration::from_mins(10),
        health_services: BTreeSet::new(),
        announce: SignedDuration::from_mins(15),
        lateness: SignedDuration::from_mins(20),
        recovery: SignedDuration::from_mins(30),
        on_call: None,
        quiet: SignedDuration::ZERO,
        interval: SignedDuration::from_hours(20),
        interval_work_days: 0,
        max_runs_per_week: None,
        chance: 100,
        max_cost_cents: 1000,
        limits: Limits::default(),
        max_zones: 1,
        min_healthy: None,
        promotion: None,
        after_deployment: Vec::new(),
        rehearses: None,
        weight: 5,
        hypothesis: None,
    }
}

impl<R: Records + Clone> Range<R> {
    /// A range with one drill, on which everything is well at [`before`].
    pub fn new(records: R) -> Self {
        Self::with(records, vec![drill("stop-one")])
    }

    /// The same with these drills.
    pub fn with(records: R, drills: Vec<Drill>) -> Self {
        let clock = Clock::at(before());
        let estate = Estate::at(&clock);
        estate.fis.put_template(TEMPLATE, template());
        estate.fis.resolve("One", Resolution::arns([INSTANCE]));
        let tags = BTreeMap::from([("ChaosReady".to_owned(), "Yes".to_owned())]);
        let zone = Some("euw1-az1".to_owned());
        let instance = Resource { resource_type: "aws:ec2:instance".into(), tags, zone };
        estate.facts.set_resource(INSTANCE, instance);
        let since = Some(before() - SignedDuration::from_hours(2));
        estate.facts.set_alarm(Alarm { arn: STOP.into(), state: "OK".into(), since });
        let config = Config { drills: Drills { drills, ..Drills::default() }, ..Config::default() };
        let site = Site { account: ACCOUNT.into(), region: REGION.into(), leash: false };
        Self { records, channels: Channels::default(), estate, clock, config, site, watched: false }
    }

    /// The same with `experiment-watcher`.
    pub fn watched(records: R, drills: Vec<Drill>) -> Self {
        Self { watched: true, ..Self::with(records, drills) }
    }

    /// A process of its own, to be killed as `fuse` says.
    pub fn process(&self, fuse: Fuse) -> World<R> {
        let (records, channels) = (self.records.clone(), self.channels.clone());
        let (clock, estate) = (self.clock.clone(), self.estate.clone());
        World { records, screens: Screens::default(), channels, fuse, clock, estate }
    }

    /// Invokes `chaos-trigger` with `payload` now.
    pub async fn invoke(&self, payload: &Value) -> Report {
        self.invoke_in(&self.process(Fuse::never()), payload).await
    }

    /// Invokes it in a process of the caller's.
    pub async fn invoke_in(&self, process: &World<R>, payload: &Value) -> Report {
        let now = self.clock.now();
        let run = Run { function: chaos_trigger::NAME, now, deadline: now + SignedDuration::from_secs(120) };
        chaos_trigger::handle(process, &self.config, &self.site, payload, &run).await
    }

    /// Invokes `experiment-watcher` with `payload` now.
    pub async fn watch(&self, payload: &Value) -> Report {
        self.watch_in(&self.process(Fuse::never()), payload).await
    }

    /// Invokes it in a process of the caller's.
    pub async fn watch_in(&self, process: &World<R>, payload: &Value) -> Report {
        let now = self.clock.now();
        let run =
            Run { function: experiment_watcher::NAME, now, deadline: now + SignedDuration::from_secs(120) };
        experiment_watcher::handle(process, &self.config, &self.site, payload, &run).await
    }

    /// The minute's sweep of each function.
    pub async fn sweep(&self) {
        let sweep = json!({ "tick": "sweep" });
        self.invoke(&sweep).await;
        if self.watched {
            self.watch(&sweep).await;
        }
    }

    /// Delivers every event of FIS, and wakes whom dead men wake.
    pub async fn deliver(&self) {
        for event in self.estate.fis.take_events() {
            self.invoke(&event).await;
            if self.watched {
                self.watch(&event).await;
            }
        }
        if self.watched {
            self.wake().await;
        }
    }

    /// Fires the dead men whose time has come.
    pub async fn wake(&self) {
        for fired in self.estate.fire().await.expect("a schedule that fires") {
            if let Target::Watcher { token } = fired.target {
                self.watch(&json!({ "tick": "dead-man", "token": token })).await;
            }
        }
    }

    /// Lets time pass: every minute the sweeps, and every event.
    pub async fn minutes(&self, minutes: i64) {
        for _ in 0..minutes {
            self.clock.advance(SignedDuration::from_mins(1));
            self.sweep().await;
            self.deliver().await;
        }
    }

    /// What `experiment-watcher` knows of `experiment`.
    pub async fn known(&self, experiment: &str) -> Watch {
        let record: Record<Watch, Effect> =
            self.records.read(&Watch::key(experiment)).await.expect("a record");
        assert_eq!(record.outbox, [], "nothing waits");
        record.state.expect("something is known")
    }

    /// What the runs of `drill` have proved, the newest last.
    pub async fn proofs(&self, drill: &str) -> Vec<Proof> {
        self.records.list(&partition(drill), PROOF).await.expect("proofs")
    }

    /// The orders of previews, and of real runs, that have reached FIS.
    pub fn orders(&self) -> (Vec<Order>, Vec<Order>) {
        self.estate.fis.starts().into_iter().partition(|order| order.skips_actions)
    }

    /// How many experiments there are that are no previews.
    pub fn experiments(&self) -> usize {
        self.estate.fis.runs().iter().filter(|run| !run.listed.skips_actions).count()
    }

    /// What people were told, in order, repeats left out.
    pub fn told(&self) -> Vec<Notice> {
        let mut seen = BTreeSet::new();
        let notices = self.channels.notices();
        notices
            .into_iter()
            .filter(|(notice, _)| seen.insert(notice.id.clone()))
            .map(|(notice, _)| notice)
            .collect()
    }

    /// The headlines of it.
    pub fn headlines(&self) -> Vec<String> {
        self.told().into_iter().map(|notice| notice.headline).collect()
    }
}

/// What a schedule of `drill` sends.
pub fn fired(drill: &str, scheduled: &str) -> Value {
    json!({ "tick": "drill", "drill": drill, "scheduled": scheduled })
}

/// What a person puts on the bus: `Drill Requested`, `Drill Cancelled`, `Drill Released`.
pub fn asked(what: &str, drill: &str, at: Timestamp) -> Value {
    json!({
        "version": "0", "id": format!("{what}-{at}"), "source": "watchkeeper.ops", "detail-type": what,
        "account": ACCOUNT, "region": REGION, "time": at.to_string(), "resources": [],
        "detail": { "drill": drill, "by": "ada", "because": "a look at the new pool" },
    })
}
