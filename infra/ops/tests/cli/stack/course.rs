//! What the functions leave in the table of a run, in their own types.

use std::collections::{BTreeMap, BTreeSet};

use chaos_trigger::{
    decide::{Effect, Reason},
    log::Entry,
    standing::{Phase, Run, Standing, Trigger},
};
use experiment_watcher::{
    SERIES,
    watch::{Watch, partition as of_experiment},
};
use jiff::{SignedDuration, Timestamp};
use watchkeeper_domain::{
    config::Config,
    drill::{Facts, Proof, partition},
    experiment::{
        ActionRun, DRILL_TAG, Experiment, Listed, ResolvedTarget, Status, TOKEN_TAG,
        verdict::{Evidence, Trial, Verdict},
    },
    ports::{Point, Series},
    records::Key,
};
use watchkeeper_shell::observe::PROOF;

use super::cloud::Cloud;

/// The drill of these tests, and one that is off.
pub const DRILLS: &str = r#"
[[drill]]
name = "cart"
template = "EXT1"
enabled = true
service = "shop"
environment = "staging"
zone = "Europe/Berlin"
recovery_minutes = 20

[[drill.window]]
days = ["MON", "TUE"]
from = "09:00"
to = "16:00"

[drill.hypothesis]
title = "Carts answer while half of their pods are cut off"

[[drill.hypothesis.measure]]
name = "errors"
namespace = "AWS/ApplicationELB"
metric = "HTTPCode_Target_5XX_Count"
stat = "Sum"
unit = "%"
max = 1

[[drill]]
name = "ledger"
template = "EXT2"
enabled = true
service = "bank"
environment = "staging"
zone = "UTC"

[[drill.window]]
days = ["MON", "TUE"]
from = "09:00"
to = "16:00"

[[drill]]
name = "off"
template = "EXT3"
service = "bank"
environment = "production"
zone = "UTC"
"#;

pub const DRILL: &str = "cart";

/// The run that was asked for with the id `id`.
pub fn run(id: &str, phase: Phase, at: Timestamp) -> Run {
    Run {
        id: format!("person-{id}"),
        trigger: Trigger::Person,
        because: "release 4.2, by alice".to_owned(),
        due: at + SignedDuration::from_mins(15),
        announced_at: at,
        ready_at: at + SignedDuration::from_mins(15),
        seq: 1,
        phase,
        preview: None,
        ends_by: None,
    }
}

pub fn started(experiment: &str) -> Phase {
    Phase::Started { experiment: experiment.to_owned(), aimed: true, told: true }
}

impl Cloud {
    /// A decision about `run`.
    pub async fn decided(&self, reason: &Reason, run: &Run, facts: Option<&Facts>, at: Timestamp) {
        let entry = Entry::new(reason, Some(run), facts, at);
        self.keep(&entry.key(DRILL), &entry).await;
    }

    /// Where the drill stands.
    pub async fn stands(&self, run: Option<Run>, started_at: Option<Timestamp>) {
        let standing = Standing { run, started_at, ..Standing::new(DRILL) };
        self.head::<_, Effect>(&Standing::key(DRILL), &standing).await;
    }

    /// What is known of an experiment of the drill, with its verdict if it has one, which is then a proof.
    pub async fn knows(&self, experiment: &str, status: Status, verdict: Option<Verdict>, at: Timestamp) {
        let mut watch = Watch::new(experiment);
        watch.timeline.get(&seen(experiment, status, at));
        watch.timeline.resolve(&[pod("cart-1"), pod("cart-2")]);
        watch.verdict = verdict.clone();
        watch.wake_at = verdict.is_none().then_some(at + SignedDuration::from_mins(40));
        self.head::<_, experiment_watcher::decide::Effect>(&Watch::key(experiment), &watch).await;
        let Some(verdict) = verdict else { return };
        let proof = Proof {
            drill: DRILL.to_owned(),
            experiment: experiment.to_owned(),
            template: String::new(),
            outcome: verdict.outcome.as_str().to_owned(),
            recovered: verdict.recovered,
            at,
        };
        let sk = format!("{PROOF}{}#{experiment}", at.strftime("%Y-%m-%dT%H:%M:%SZ"));
        self.keep(&Key { pk: partition(DRILL), sk }, &proof).await;
    }

    /// What was measured of it.
    pub async fn measured(&self, experiment: &str, series: &Series) {
        let key = Key { pk: of_experiment(experiment), sk: format!("{SERIES}00") };
        self.keep(&key, series).await;
    }
}

fn pod(name: &str) -> ResolvedTarget {
    let information = [("pod_name", name), ("namespace", "shop")];
    ResolvedTarget {
        target: "Pods".to_owned(),
        resource_type: "aws:eks:pod".to_owned(),
        information: information.map(|(key, value)| (key.to_owned(), value.to_owned())).into(),
    }
}

/// An experiment that began at `at`, and harmed for five minutes from the second on.
fn seen(id: &str, status: Status, at: Timestamp) -> Experiment {
    let minute = |minutes| Some(at + SignedDuration::from_mins(minutes));
    let action = ActionRun {
        action_id: "aws:eks:inject-kubernetes-custom-resource".to_owned(),
        status: status.as_str().to_owned(),
        reason: String::new(),
        started_at: minute(1),
        ended_at: minute(6),
    };
    let tags = [(DRILL_TAG, DRILL), (TOKEN_TAG, "t1")];
    Experiment {
        listed: Listed {
            id: id.to_owned(),
            template: "EXT1".to_owned(),
            status,
            created_at: Some(at),
            skips_actions: false,
            tags: tags.map(|(key, value)| (key.to_owned(), value.to_owned())).into(),
        },
        arn: String::new(),
        reason: "Experiment completed.".to_owned(),
        error: None,
        started_at: Some(at),
        ended_at: minute(6),
        actions: BTreeMap::from([("partition".to_owned(), action)]),
        stop_alarms: Vec::new(),
        target_accounts: 0,
    }
}

/// The errors of a service that has `harmed` percent of them during the fault.
pub fn errors(harmed: f64, at: Timestamp) -> Series {
    let value = |n: i64| if (1..6).contains(&n) { harmed } else { 0.1 };
    let first = Timestamp::from_second(at.as_second().div_euclid(60) * 60).unwrap();
    let point = |n: i64| Point { at: first + SignedDuration::from_mins(n), value: value(n) };
    Series { id: "errors".to_owned(), points: (-40..40).map(point).collect(), complete: true }
}

/// The verdict that `experiment-watcher` would give on that, of a run that ended in `status` at `at`.
pub fn verdict(status: Status, harmed: f64, at: Timestamp, evidence: impl FnOnce(&mut Evidence)) -> Verdict {
    let drills = Config::parse(DRILLS).unwrap().drills;
    let mut watch = Watch::new("EXP1");
    watch.timeline.get(&seen("EXP1", status, at));
    watch.timeline.resolve(&[pod("cart-1")]);
    let hypothesis = drills.named(DRILL).unwrap().hypothesis.as_ref();
    let targets = BTreeSet::from(["Pods".to_owned()]);
    let recovery = SignedDuration::from_mins(20);
    let trial = Trial { timeline: &watch.timeline, hypothesis, recovery, targets: &targets };
    let mut given = Evidence {
        series: Ok(vec![errors(harmed, at)]),
        alarms: Ok(Vec::new()),
        changes: Ok(Vec::new()),
        stops: Ok(Vec::new()),
        halted: None,
    };
    evidence(&mut given);
    trial.judge(&given)
}
