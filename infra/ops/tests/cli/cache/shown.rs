//! `cache show`, and `cache manifests` of what the table knows.

use cache_refresher::{
    pool::{self, Phase, Pool, Trouble},
    standing::{self, Ended, Night, Standing},
};
use serde_json::{Value, json};
use watchkeeper_domain::ports::{VolumeOrder, VolumeOrigin};

use super::yard::{Yard, at, ready, standing};
use crate::{json_lines, out, stack::stderr};

fn night() -> Night {
    Night {
        id: "n-1".into(),
        because: "a new parent,\nby ada".into(),
        began: at(2880),
        newer_than: None,
        part: 2,
        so_far: Default::default(),
        parent: Some("snap-02".into()),
        number: 3,
        attempt: 1,
        tries: 1,
        phase: standing::Phase::Pausing { until: at(2885), why: "no\u{1b} route".into() },
    }
}

#[tokio::test]
async fn a_cache_is_shown_with_its_generations_its_night_and_who_has_which_volume() {
    let yard = Yard::start("cache-show").await;
    let outcome = "the night has failed,\nand the last generation stays: no \u{1b}route".into();
    let last = Some(Ended { began: at(1440), at: at(1500), outcome });
    yard.stands(&Standing { night: Some(night()), last, ..standing("snap-02") }).await;
    let order = VolumeOrder {
        origin: VolumeOrigin::Volume { id: "vol-0a".into() },
        zone: "euw1-az1".into(),
        size_gib: 1,
        token: "t".into(),
        tags: Default::default(),
    };
    let claimed =
        Phase::Claimed { volume: "vol-0b".into(), by: "job 7".into(), since: at(30), until: at(150) };
    let making = Phase::Making { order: Box::new(order), since: at(40) };
    yard.pool(&[ready("vol-0a"), claimed, making]).await;
    let trouble =
        Trouble { since: at(50), why: "VolumeLimitExceeded: 20 TiB".into(), told: false, is_over: false };
    let second = Pool { trouble: Some(trouble), ..Pool::new("maven", "euw1-az2", at(0)) };
    yard.cloud.head::<_, pool::Effect>(&Pool::key("maven", "euw1-az2"), &second).await;

    let told = out(&yard.ops(&["show", "maven"]).await);
    assert_eq!(told, include_str!("shown.txt"));
    let json: Value = serde_json::from_str(&out(&yard.ops(&["show", "maven", "--json"]).await)).unwrap();
    assert_eq!((&json["cache"], &json["current"]["number"]), (&json!("maven"), &json!(2)));
    assert_eq!(json["standing"]["night"]["part"], 2);
    assert_eq!(json["pools"][0]["pool"]["slots"]["2"]["phase"]["claimed"]["by"], "job 7");
    assert!(json["advice"].as_str().unwrap().starts_with("90 % of the filesystem"));
}

#[tokio::test]
async fn all_caches_are_shown_a_line_each_and_what_nobody_knows_is_said_to_be_so() {
    let yard = Yard::start("cache-show-all").await;
    let told = out(&yard.ops(&["show"]).await);
    let rows: Vec<_> =
        told.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    assert_eq!(rows[0], "CACHE GENERATION PUBLISHED VOLUMES NIGHT");
    assert!(
        rows[1]
            .starts_with("maven none - euw1-az1 0 of 2 ready, euw1-az2 0 of 2 ready none; the next is due "),
        "{told}"
    );
    assert_eq!(rows[2], "npm none - - none: it is switched off in watchkeeper.toml (`enabled`)");
    yard.stands(&standing("snap-02")).await;
    yard.pool(&[ready("vol-0a")]).await;
    let told = out(&yard.ops(&["show"]).await);
    assert!(
        told.contains("maven  2           Wed 18 Nov 2026 02:00 CET  euw1-az1 1 of 2 ready, euw1-az2 0 of 2 ready  none;"),
        "{told}"
    );
    let lines = json_lines(&out(&yard.ops(&["show", "--json"]).await));
    assert_eq!((lines.len(), &lines[1]["current"]), (2, &Value::Null));
    let never = out(&yard.ops(&["show", "npm"]).await);
    assert!(never.contains("  jobs get  no generation yet\n"), "{never}");
    let unknown = yard.ops(&["show", "gradle"]).await;
    assert_eq!(unknown.status.code(), Some(1));
    assert!(
        stderr(&unknown).contains("no cache `gradle` in the configuration; known: maven, npm"),
        "{unknown:?}"
    );
}

#[tokio::test]
async fn manifests_are_of_the_generation_that_jobs_get_unless_another_is_named() {
    let yard = Yard::start("cache-manifests").await;
    let none = yard.ops(&["manifests", "maven"]).await;
    assert_eq!(none.status.code(), Some(1));
    assert!(
        stderr(&none).contains("`watchkeeper cache refresh maven --because …` asks for the first one"),
        "{none:?}"
    );
    yard.stands(&standing("snap-02")).await;
    let current = out(&yard.ops(&["manifests", "maven"]).await);
    assert!(
        current.contains("snapshotHandle: snap-02") && current.contains("name: maven-cache-2"),
        "{current}"
    );
    let first = out(&yard.ops(&["manifests", "maven", "--generation", "1", "--size-gib", "9"]).await);
    assert!(first.contains("snapshotHandle: snap-01") && first.contains("storage: 9Gi"), "{first}");
    let gone = yard.ops(&["manifests", "maven", "--generation", "7"]).await;
    assert!(stderr(&gone).contains("maven has no generation 7; kept: 1, 2"), "{gone:?}");
    let unnamed = yard.ops(&["manifests", "maven", "--table", ""]).await;
    assert!(
        stderr(&unnamed).contains("name it with --generation and --snapshot, or the table"),
        "{unnamed:?}"
    );
}
