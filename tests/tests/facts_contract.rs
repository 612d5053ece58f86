//! What a guard has to know is asked for as documented, read whole, and a failure where it cannot be read.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod alarms;
mod calendars;
mod history;
mod issues;
mod resources;
mod schedules;

use std::collections::BTreeSet;

use jiff::Timestamp;
use watchkeeper_domain::{
    experiment::hypothesis::Source,
    failure::Failure,
    ports::{Alarms, Calendars, DeadMan, History, Inventory, Issues, Metrics},
};
use watchkeeper_shell::{
    CloudWatchAlarms, CloudWatchMetrics, EventHistory, HealthApi, Resources, SystemsManager,
};
use watchkeeper_tests::support::{
    aws::{REGION, config},
    faults::{Fault, Faulty},
};

use history::{hour, metric, query};
use schedules::{OFF, dead_man};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn set<const N: usize>(items: [&str; N]) -> BTreeSet<String> {
    items.map(str::to_owned).into()
}

fn words<const N: usize>(items: [&str; N]) -> [String; N] {
    items.map(str::to_owned)
}

fn alarm_arn(region: &str, name: &str) -> String {
    format!("arn:aws:cloudwatch:{region}:111122223333:alarm:{name}")
}

fn ec2(kind: &str, id: &str) -> String {
    format!("arn:aws:ec2:{REGION}:111122223333:{kind}/{id}")
}

#[tokio::test]
async fn every_call_is_tried_three_times() {
    async fn tries<T>(read: impl AsyncFnOnce(&str) -> Result<T, Failure>) -> (usize, bool) {
        let server = Faulty::start(Fault::Answer(500, "{}")).await.unwrap();
        let failure = read(&server.endpoint).await.err().expect("a failure");
        (server.requests(), failure.ambiguous)
    }
    let alarm = set([&alarm_arn(REGION, "p99")]);
    let instance = set([&ec2("instance", "i-1")]);
    let tries = futures::join!(
        tries(async |it| CloudWatchAlarms::connect(&config(it)).alarms(&alarm).await),
        tries(async |it| SystemsManager::connect(&config(it)).calendars(&words(["freeze"]), at(0)).await),
        tries(async |it| SystemsManager::connect(&config(it)).incidents(None).await),
        tries(async |it| HealthApi::connect(&config(it)).open_issues(REGION).await),
        tries(async |it| Resources::connect(&config(it)).tags(&instance).await),
        tries(async |it| Resources::connect(&config(it)).fleet("aws:ec2:instance", "k", "v").await),
        tries(async |it| Resources::connect(&config(it)).zones(&instance).await),
        tries(async |it| EventHistory::connect(&config(it)).alarm_changes(&alarm, hour()).await),
        tries(async |it| EventHistory::connect(&config(it)).stop_calls("EXP1", hour()).await),
        tries(async |it| {
            let query = query("requests", Source::Metric(metric("RequestCount")));
            CloudWatchMetrics::connect(&config(it)).series(&[query], hour()).await
        }),
        tries(async |it| dead_man(it, OFF).arm("night", at(0), "t1").await),
        tries(async |it| dead_man(it, OFF).disarm("night").await),
    );
    let three = (3, true);
    assert_eq!(tries, (three, three, three, three, three, three, three, three, three, three, three, three));
}
