//! The same on moto with the adapter of FIS itself. There only a look at an experiment advances it, and nothing is put on
//! a bus: the events are made from what `GetExperiment` shows.

use std::collections::{BTreeMap, BTreeSet};

use experiment_watcher::{decide::Effect, watch::Watch};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use watchkeeper_domain::{
    config::Config,
    drill::{Drills, ListedTemplate, Site},
    experiment::{
        DRILL_TAG, Experiment, Lever, Listed, Order, Ordered, ResolvedTarget, TOKEN_TAG, verdict::Outcome,
        windows::Interval,
    },
    failure::Failure,
    notice::{DomainEvent, Notice},
    ports::{
        Alarm, AlarmChange, Alarms, CalendarState, Calendars, Events, Experiments, History, Inventory, Issue,
        Issues, Metrics, Notices, Query, Series, Starts, StopCall, Stops,
    },
    records::{HoldsRecords, Record, Records},
};
use watchkeeper_shell::{Fis, Leash, Run};
use watchkeeper_sim::{
    facts::Resource,
    fis::{ACCOUNT, REGION},
    memory::Memory,
    world::World,
};
use watchkeeper_tests::support::{
    aws::{config, moto, unique},
    range::{INSTANCE, STOP},
};

use super::{LATENCY, claiming};

/// The fake world, but for FIS. moto has no safety lever.
struct Lab {
    world: World<Memory>,
    fis: Fis,
    config: Config,
}

impl HoldsRecords for Lab {
    type Table = Memory;

    fn records(&self) -> &Memory {
        &self.world.records
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
        self.world.lever().await
    }
}

impl Stops for Lab {
    async fn stop(&self, id: &str) -> Result<(), Failure> {
        self.fis.stop(id).await
    }
}

impl Notices for Lab {
    async fn publish(&self, notice: &Notice, repeated: bool) -> Result<(), Failure> {
        self.world.publish(notice, repeated).await
    }
}

impl Events for Lab {
    async fn put(&self, event: &DomainEvent) -> Result<(), Failure> {
        self.world.put(event).await
    }
}

impl Alarms for Lab {
    async fn alarms(&self, arns: &BTreeSet<String>) -> Result<Vec<Alarm>, Failure> {
        self.world.alarms(arns).await
    }
}

impl Calendars for Lab {
    async fn calendars(&self, names: &[String], now: Timestamp) -> Result<Vec<CalendarState>, Failure> {
        self.world.calendars(names, now).await
    }
    async fn incidents(&self, page: Option<&str>) -> Result<Vec<String>, Failure> {
        self.world.incidents(page).await
    }
}

impl Issues for Lab {
    async fn open_issues(&self, region: &str) -> Result<Vec<Issue>, Failure> {
        self.world.open_issues(region).await
    }
}

impl Inventory for Lab {
    async fn tags(
        &self,
        arns: &BTreeSet<String>,
    ) -> Result<BTreeMap<String, BTreeMap<String, String>>, Failure> {
        self.world.tags(arns).await
    }
    async fn fleet(
        &self,
        resource_type: &str,
        key: &str,
        value: &str,
    ) -> Result<Option<BTreeSet<String>>, Failure> {
        self.world.fleet(resource_type, key, value).await
    }
    async fn zones(&self, arns: &BTreeSet<String>) -> Result<BTreeMap<String, String>, Failure> {
        self.world.zones(arns).await
    }
}

impl Metrics for Lab {
    async fn series(&self, queries: &[Query], within: Interval) -> Result<Vec<Series>, Failure> {
        self.world.series(queries, within).await
    }
}

impl History for Lab {
    async fn alarm_changes(
        &self,
        arns: &BTreeSet<String>,
        within: Interval,
    ) -> Result<Vec<AlarmChange>, Failure> {
        self.world.alarm_changes(arns, within).await
    }
    async fn stop_calls(&self, experiment: &str, within: Interval) -> Result<Vec<StopCall>, Failure> {
        self.world.stop_calls(experiment, within).await
    }
}

/// A Region of its own: whoever lists and looks at experiments advances them, those of other tests as well.
fn region(endpoint: &str) -> aws_config::SdkConfig {
    config(endpoint).to_builder().region(aws_config::Region::from_static("eu-central-1")).build()
}

/// Creates a template that stops one instance for ten minutes.
async fn template(client: &aws_sdk_fis::Client) -> String {
    use aws_sdk_fis::types::{
        CreateExperimentTemplateActionInput as Action, CreateExperimentTemplateStopConditionInput as Stop,
        CreateExperimentTemplateTargetInput as Target,
    };
    let target =
        Target::builder().resource_type("aws:ec2:instance").resource_arns(INSTANCE).selection_mode("ALL");
    let action = Action::builder().action_id("aws:ec2:stop-instances").targets("Instances", "One");
    let action = action.parameters("startInstancesAfterDuration", "PT10M");
    let stop = Stop::builder().source("aws:cloudwatch:alarm").value(STOP);
    let request =
        client.create_experiment_template().client_token(unique("template")).description("stop one");
    let request = request.targets("One", target.build().unwrap()).actions("stop", action.build().unwrap());
    let request =
        request.stop_conditions(stop.build().unwrap()).role_arn("arn:aws:iam::123456789012:role/fis");
    request.send().await.unwrap().experiment_template.unwrap().id.unwrap()
}

impl Lab {
    /// Starts a run of the drill, and a world at that moment in which everything is well.
    async fn start(endpoint: &str) -> (Self, String) {
        let config = region(endpoint);
        let template = template(&aws_sdk_fis::Client::new(&config)).await;
        let fis = Fis::connect(&config, Leash { on: false });
        let tags = [(DRILL_TAG, "stop-one"), (TOKEN_TAG, "token")];
        let tags = tags.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
        let order = Order { template, token: unique("token"), skips_actions: false, tags };
        let Ordered::Accepted(id) = fis.start(&order).await.unwrap() else {
            panic!("moto accepts everything")
        };
        let listed = fis.experiments().await.unwrap().into_iter().find(|it| it.id == id).unwrap();
        let now = listed.created_at.unwrap();
        let world = World::new(Memory::default(), now);
        let facts = &world.estate.facts;
        facts.set_alarm(Alarm { arn: STOP.into(), state: "OK".into(), since: None });
        let tags = BTreeMap::from([("ChaosReady".to_owned(), "Yes".to_owned())]);
        let (resource_type, zone) = ("aws:ec2:instance".into(), Some("euw1-az1".into()));
        facts.set_resource(INSTANCE, Resource { resource_type, tags, zone });
        world.estate.measured.set(LATENCY, 0.5);
        let drills = Drills { drills: vec![claiming("stop-one")], ..Drills::default() };
        (Self { world, fis, config: Config { drills, ..Config::default() } }, id)
    }

    /// Invokes the watcher a minute later.
    async fn watch(&self, payload: &Value) {
        let now = self.world.clock.advance(SignedDuration::from_mins(1));
        let run =
            Run { function: experiment_watcher::NAME, now, deadline: now + SignedDuration::from_secs(50) };
        let site = Site { account: ACCOUNT.into(), region: REGION.into(), leash: false };
        let report = experiment_watcher::handle(self, &self.config, &site, payload, &run).await;
        assert!(report.failure.is_none(), "{:?}", report.failure);
    }

    async fn sweep(&self) {
        self.watch(&json!({ "tick": "sweep" })).await;
    }

    /// The event that FIS would have emitted, made from what it shows now.
    async fn event(&self, id: &str) -> Value {
        let seen = self.fis.experiment(id).await.unwrap().unwrap();
        json!({
            "version": "0", "id": "e", "source": "aws.fis", "detail-type": "FIS Experiment State Change",
            "account": ACCOUNT, "region": REGION, "time": self.world.clock.now().to_string(), "resources": [seen.arn],
            "detail": {
                "experiment-id": id, "experiment-template-id": seen.listed.template,
                "new-state": { "status": seen.listed.status.as_str(), "reason": seen.reason },
            },
        })
    }

    async fn known(&self, id: &str) -> Watch {
        let record: Record<Watch, Effect> = self.records().read(&Watch::key(id)).await.unwrap();
        assert_eq!(record.outbox, []);
        record.state.unwrap()
    }

    /// A run, watched in one of two ways until it is over, and then judged.
    async fn record(endpoint: &str, sweeps: bool, halts: bool) -> (Value, Watch) {
        let (lab, id) = Self::start(endpoint).await;
        for step in 0..4 {
            // Sweeps see every state and events every second one, so a halt is first heeded while it runs, in both ways.
            if halts && step == usize::from(sweeps) {
                super::halt_in(lab.records(), lab.world.clock.now()).await;
            }
            match sweeps {
                true => lab.sweep().await,
                false => lab.watch(&lab.event(&id).await).await,
            }
        }
        let over = lab.known(&id).await;
        assert!(over.timeline.sealed && over.verdict.is_none(), "{:?}", over.timeline);
        for _ in 0..30 {
            lab.sweep().await;
        }
        let known = lab.known(&id).await;
        let mut value = serde_json::to_value(&known.timeline).unwrap();
        normalise(&mut value, &id);
        (value, known)
    }
}

/// Leaves nothing that is different of any two runs.
fn normalise(value: &mut Value, id: &str) {
    match value {
        Value::String(text) if text == id => *text = "the experiment".to_owned(),
        Value::String(text) if text.parse::<Timestamp>().is_ok() => *text = "some time".to_owned(),
        Value::Array(items) => items.iter_mut().for_each(|item| normalise(item, id)),
        Value::Object(fields) => fields.values_mut().for_each(|field| normalise(field, id)),
        Value::String(_) | Value::Number(_) | Value::Bool(_) | Value::Null => {}
    }
    if value.get("template").is_some() {
        value["template"] = json!("the template");
    }
}

/// One test, one after another: they share the experiments of a Region.
#[tokio::test]
async fn a_run_on_moto_has_the_same_record_whether_it_is_watched_by_sweeps_or_by_events() {
    let Some(endpoint) = moto() else { return };
    for (halts, outcome, end) in [(false, Outcome::Passed, "completed"), (true, Outcome::Aborted, "stopped")]
    {
        let (swept, by_sweeps) = Lab::record(&endpoint, true, halts).await;
        let (heard, by_events) = Lab::record(&endpoint, false, halts).await;
        assert_eq!(swept["end"], end);
        assert_eq!(heard, swept);
        let [one, other] = [by_sweeps, by_events].map(|watch| watch.verdict.unwrap());
        assert_eq!(one.outcome, outcome, "{:?}", one.because);
        assert_eq!((&one.because, one.recovered), (&other.because, other.recovered));
    }
}
