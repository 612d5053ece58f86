//! `cache claim`, `cache release`, `cache rollback`.

use cache_refresher::{
    pool::{Effect, Phase, Pool},
    standing::Standing,
};
use serde_json::{Value, json};
use watchkeeper_domain::records::{Record, Records};

use super::yard::{Yard, at, ready, standing};
use crate::{
    out,
    stack::{cloud::Fault, detail, stderr, stdout},
};

const CLAIM: [&str; 4] = ["claim", "maven", "--az-id", "euw1-az1"];

async fn phases(yard: &Yard) -> Vec<&'static str> {
    let key = Pool::key("maven", "euw1-az1");
    let record: Record<Pool, Effect> = yard.cloud.table.read(&key).await.unwrap();
    record.state.unwrap().slots.values().map(|slot| slot.phase.as_str()).collect()
}

#[tokio::test]
async fn a_job_gets_a_volume_the_same_each_time_and_gives_it_back_once() {
    let yard = Yard::start("cache-claim").await;
    yard.stands(&standing("snap-02")).await;
    yard.pool(&[ready("vol-0a"), Phase::Filling { volume: "vol-0b".into(), since: at(30) }]).await;
    let job = |job: &'static str| [&CLAIM[..], &["--by", job]].concat();
    for _ in 0..2 {
        assert_eq!(out(&yard.ops(&job("job 7")).await), "vol-0a\n", "nothing but the id: scripts read it");
    }
    let json: Value =
        serde_json::from_str(&out(&yard.ops(&[&job("job 7")[..], &["--json"]].concat()).await)).unwrap();
    assert_eq!(
        (&json["volume"], &json["generation"], &json["on_their_way"]),
        (&json!("vol-0a"), &json!(2), &json!(1))
    );
    assert!(json["until"].is_string(), "{json}");
    let none = yard.ops(&job("job 8")).await;
    assert_eq!((none.status.code(), stdout(&none).as_str()), (Some(1), ""));
    assert_eq!(stderr(&none), "maven in euw1-az1: no volume is ready; 1 on their way\n");
    let none = yard.ops(&[&job("job 8")[..], &["--json"]].concat()).await;
    let json: Value = serde_json::from_str(&stdout(&none)).unwrap();
    assert_eq!((none.status.code(), &json["volume"], &json["until"]), (Some(1), &Value::Null, &Value::Null));
    assert_eq!(phases(&yard).await, ["claimed", "filling"]);

    let released = out(&yard.ops(&["release", "maven", "vol-0a"]).await);
    assert_eq!(released, "vol-0a is given back: it is deleted once it is not attached\n");
    assert_eq!(phases(&yard).await, ["retiring", "filling"]);
    let again = yard.ops(&["release", "maven", "vol-0a"]).await;
    assert_eq!(again.status.code(), Some(1));
    assert_eq!(stderr(&again), "maven: nobody has claimed vol-0a here\n");
}

#[tokio::test]
async fn a_zone_without_a_pool_is_named_with_those_that_have_one() {
    let yard = Yard::start("cache-claim-zones").await;
    let elsewhere = yard.ops(&["claim", "maven", "--az-id", "use1-az1", "--by", "7"]).await;
    assert_eq!(elsewhere.status.code(), Some(1));
    assert!(
        stderr(&elsewhere)
            .contains("maven has no pool of volumes in use1-az1; it has in: euw1-az1, euw1-az2"),
        "{elsewhere:?}"
    );
    let never = yard.ops(&["claim", "npm", "--az-id", "euw1-az1", "--by", "7"]).await;
    assert!(stderr(&never).contains("npm has no pool of volumes: give it one"), "{never:?}");
    let nobody = yard.ops(&CLAIM).await;
    assert_eq!(nobody.status.code(), Some(2));
    let empty = yard.ops(&[&CLAIM[..], &["--by", "7"]].concat()).await;
    assert_eq!(stderr(&empty), "maven in euw1-az1: no volume is ready, and none is on its way\n");
}

#[tokio::test]
async fn a_rollback_is_asked_for_by_number_if_there_is_that_generation() {
    let yard = Yard::start("cache-rollback").await;
    let rollback = ["rollback", "maven", "--because", "builds break"];
    let to = |number: &'static str| [&rollback[..], &["--to", number]].concat();
    yard.stands(&Standing::new("maven")).await;
    let refused = [
        (rollback.to_vec(), "nothing was asked for: there is no earlier generation; kept: none"),
        (to("2"), "nothing was asked for: there is no generation 2; kept: none"),
    ];
    for (args, why) in refused {
        let output = yard.ops(&args).await;
        assert_eq!(output.status.code(), Some(1));
        assert!(stderr(&output).contains(why), "{output:?}");
    }
    yard.stands(&standing("snap-02")).await;
    let current = yard.ops(&to("2")).await;
    assert!(stderr(&current).contains("generation 2 is what jobs get already"), "{current:?}");
    assert_eq!(yard.cloud.with(|state| state.puts), 0);

    for args in [rollback.to_vec(), to("1")] {
        let told = out(&yard.ops(&args).await);
        assert!(
            told.starts_with(
                "asked for generation 1 (snap-01) of maven instead of generation 2: builds break, by alice\n"
            ),
            "{told}"
        );
        let entry = yard.cloud.with(|state| state.entries.remove(0));
        assert_eq!(
            (&entry["Source"], &entry["DetailType"]),
            (&json!("watchkeeper.ops"), &json!("Cache Rollback Requested"))
        );
        let detail = detail(&entry);
        let said = [&detail["cache"], &detail["by"], &detail["because"]];
        assert_eq!(
            (said, &detail["to"]),
            ([&json!("maven"), &json!("alice"), &json!("builds break")], &json!(1))
        );
    }
    yard.cloud.with(|state| state.put_faults = [Fault::CutAfterAccepting].into());
    let doubtful = yard.ops(&rollback).await;
    assert_eq!(doubtful.status.code(), Some(1));
    assert!(stderr(&doubtful).contains("asked for all the same: asking again does no harm"), "{doubtful:?}");
}
