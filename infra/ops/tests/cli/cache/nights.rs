//! `cache refresh`: asked for, waited for, rehearsed.

use cache_refresher::standing::{Night, Phase, Standing};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::yard::{OURS, Yard, at, generation, standing};
use crate::{
    out,
    stack::{
        cloud::{Fault, now},
        detail, stderr, stdout,
    },
};

const REFRESH: [&str; 4] = ["refresh", "maven", "--because", "a new\nparent"];
const WAIT: [&str; 7] = ["refresh", "maven", "--because", "x", "--wait=5", "--every-ms", "20"];

/// The cache with this night under way, as the function keeps it.
fn under_way(id: &str, phase: Phase, began: Timestamp) -> Standing {
    let mut next = standing("snap-02");
    next.heard.insert(id.to_owned(), began);
    next.night = Some(Night {
        id: id.to_owned(),
        because: "x, by alice".into(),
        began,
        newer_than: None,
        part: 1,
        so_far: Default::default(),
        parent: Some("snap-02".into()),
        number: 3,
        attempt: 1,
        tries: 1,
        phase,
    });
    next
}

#[tokio::test]
async fn a_night_is_asked_for_with_one_event_that_has_an_id() {
    let yard = Yard::start("cache-refresh").await;
    let told = out(&yard.ops(&REFRESH).await);
    let entry = yard.cloud.with(|state| state.entries.remove(0));
    assert_eq!(
        [&entry["EventBusName"], &entry["Source"], &entry["DetailType"]],
        ["watchkeeper", "watchkeeper.ops", "Cache Refresh Requested"]
    );
    let id = detail(&entry)["id"].as_str().unwrap().to_owned();
    assert_eq!(detail(&entry), json!({"cache": "maven", "by": "alice", "because": "a new parent", "id": id}));
    assert_eq!(
        told,
        format!(
            "asked for a night of maven: a new parent, by alice\n  \
             id    {id}: asked again with --id, it is the same night\n  \
             next  `watchkeeper cache show maven` shows how far it is\n"
        )
    );
    yard.stands(&Standing { night: None, ..under_way("b7", Phase::Queued, at(0)) }).await;
    let again = out(&yard.ops(&[&REFRESH[..], &["--id", "b7"]].concat()).await);
    assert!(again.starts_with("was asked before for a night of maven: "), "{again}");
    let json: Value =
        serde_json::from_str(&out(&yard.ops(&[&REFRESH[..], &["--id", "b7", "--json"]].concat()).await))
            .unwrap();
    assert_eq!(json, json!({"cache": "maven", "id": "b7", "asked_before": true}));
    assert_eq!(yard.cloud.with(|state| state.puts), 1, "what was asked before is not asked again");
    yard.cloud.with(|state| (state.puts, state.put_faults) = (0, [Fault::CutAfterAccepting].into()));
    let doubtful = yard.ops(&REFRESH).await;
    assert_eq!((doubtful.status.code(), yard.cloud.with(|state| state.puts)), (Some(1), 1));
    assert!(stderr(&doubtful).contains("a second try is no second night"), "{doubtful:?}");
}

#[tokio::test]
async fn what_the_function_would_refuse_is_not_asked_for() {
    let yard = Yard::start("cache-refresh-refused").await;
    let off = yard.ops(&["refresh", "npm", "--because", "x"]).await;
    assert_eq!(off.status.code(), Some(1));
    assert!(stderr(&off).contains("nothing was asked for: the cache is switched off"), "{off:?}");
    yard.stands(&under_way("other", Phase::Queued, at(0))).await;
    let busy = yard.ops(&REFRESH).await;
    assert!(stderr(&busy).contains("a night is under way since 2026-11-17T01:00:00Z"), "{busy:?}");
    assert_eq!(yard.cloud.with(|state| state.puts), 0);
    // Without the table nobody knows.
    out(&yard.ops(&[&REFRESH[..], &["--table", ""]].concat()).await);
    assert_eq!(yard.cloud.with(|state| state.puts), 1);
    for wrong in [&["refresh", "maven"][..], &["refresh", "maven", "--because", " "]] {
        assert_eq!(yard.ops(wrong).await.status.code(), Some(2), "{wrong:?}");
    }
}

#[tokio::test]
async fn whoever_waits_learns_of_the_generation_that_came_of_it() {
    let yard = Yard::start("cache-refresh-wait").await;
    yard.stands(&standing("snap-02")).await;
    let waiting = yard.begin(&[&WAIT[..], &["--id", "b7", "--json"]].concat());
    yard.cloud.asked().await;
    let began = now();
    yard.stands(&under_way("b7", Phase::Writing { until: began + SignedDuration::from_mins(15) }, began))
        .await;
    let second = yard.begin(&[&WAIT[..], &["--id", "b7"]].concat());
    let mut published =
        Standing { night: None, answered_at: Some(began), ..under_way("b7", Phase::Queued, began) };
    published
        .generations
        .push(cache_refresher::standing::Generation { published_at: began, ..generation(3, "snap-03", 0) });
    published.current = Some(3);
    yard.stands(&published).await;
    let json: Value = serde_json::from_str(&out(&waiting.await.unwrap())).unwrap();
    assert_eq!(
        (&json["end"], &json["refreshed"], &json["id"]),
        (&json!("published"), &json!(true), &json!("b7"))
    );
    assert_eq!(json["generations"][0]["snapshot"], "snap-03");
    let second = second.await.unwrap();
    assert!(stderr(&second).starts_with("maven: waiting for the night with the id b7\n"), "{second:?}");
    assert_eq!(
        out(&second),
        "maven is refreshed\n  - generation 3 (snap-03): 214 files, 85.2 MB, 3 removed\n"
    );
    assert_eq!(yard.cloud.with(|state| state.puts), 1, "the second one waits for the same night");
}

#[tokio::test]
async fn a_night_that_fails_or_does_not_come_is_no_success() {
    let yard = Yard::start("cache-refresh-fails").await;
    yard.stands(&Standing { night: None, answered_at: None, ..under_way("b7", Phase::Queued, at(2880)) })
        .await;
    let failed = yard.ops(&[&WAIT[..], &["--id", "b7"]].concat()).await;
    assert_eq!(failed.status.code(), Some(1));
    assert!(
        stdout(&failed)
            .starts_with("maven was not refreshed\n  next: mend what the alert names, and ask again"),
        "{failed:?}"
    );
    let args = ["refresh", "maven", "--because", "x", "--wait=0", "--id", "b8"];
    let unheard = yard.ops(&args).await;
    assert_eq!(unheard.status.code(), Some(1));
    let told = stdout(&unheard);
    assert!(told.contains("after 0 minutes: cache-refresher has not answered yet"), "{told}");
    assert!(
        told.contains("next: wait on with `watchkeeper cache refresh maven --id b8 --wait --because …`"),
        "{told}"
    );
}

#[tokio::test]
async fn a_dry_run_says_what_a_night_would_do_and_starts_nothing() {
    let yard = Yard::start("cache-dry-run").await;
    let snapshot = yard
        .snapshot(|volume| {
            volume.make_dirs(["a"], &OURS)?;
            volume.write_file("a/one.bin", &[1_u8; 700_000][..], &OURS).map(drop)
        })
        .await;
    yard.stands(&under_way("other", Phase::Queued, at(0))).await;
    let before = yard.changes();
    let new = vec![3; 90_000];
    yard.list(&[("a/one.bin", &[1; 700_000]), ("b/three.bin", &new)]);
    let current = Standing { generations: vec![generation(2, &snapshot, 0)], ..standing("") };
    yard.stands(&current).await;
    let told = out(&yard.ops(&["refresh", "maven", "--dry-run"]).await);
    assert!(
        told.starts_with(&format!(
            "maven: generation 3, on top of {snapshot}\n  write     1 file, 90.0 kB\n"
        )),
        "{told}"
    );
    assert!(told.ends_with("Nothing was started in EBS.\n") && told.contains(" of 512 KiB put, "), "{told}");
    let json: Value =
        serde_json::from_str(&out(&yard.ops(&["refresh", "maven", "--dry-run", "--json"]).await)).unwrap();
    let account = &json["account"];
    assert_eq!((&json["outcome"], &account["written_bytes"]), (&json!("rehearsed"), &json!(90_000)));
    assert!((1..=20).contains(&account["blocks"].as_u64().unwrap()), "{json}");
    yard.list(&[("a/one.bin", &[1; 700_000])]);
    let idle = out(&yard.ops(&["refresh", "maven", "--dry-run"]).await);
    assert!(idle.contains("  write     nothing: all that is wanted is there\n"), "{idle}");
    assert_eq!((yard.changes(), yard.cloud.with(|state| state.puts)), (before, 0));
}

#[tokio::test]
async fn a_dry_run_without_a_table_is_of_a_first_night_or_on_the_snapshot_that_is_named() {
    let yard = Yard::start("cache-dry-run-first").await;
    yard.list(&[("a/one.bin", &[1; 700_000])]);
    let dry = ["refresh", "npm", "--dry-run", "--table", ""];
    let first = out(&yard.ops(&dry).await);
    assert!(
        first.starts_with("npm: generation 1, on a new volume of 1 GiB\n  write     1 file, 700.0 kB\n"),
        "{first}"
    );
    assert!(first.contains("Without the table (--table), nothing is known of generations"), "{first}");
    assert_eq!(yard.changes(), 0);
    let gone = yard.ops(&[&dry[..], &["--snapshot", "snap-0dead"]].concat()).await;
    assert_eq!(gone.status.code(), Some(1));
    assert!(stderr(&gone).contains("snap-0dead"), "{gone:?}");

    // A file that is not what it should be is left out, and said to be.
    yard.files.replace("a/one.bin", b"another");
    let spoilt = yard.ops(&dry).await;
    assert!(
        stdout(&spoilt).contains("a/one.bin: ") && stdout(&spoilt).contains("problems  1\n"),
        "{spoilt:?}"
    );
}
