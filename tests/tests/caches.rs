//! Caches from the tick to the volume in a job's hands: every scenario enters as wire JSON, snapshots are written and read
//! by the real adapter over HTTP, and e2fsck judges what comes of it.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use serde_json::{Value, json};
use watchkeeper_shell::Outcome;
use watchkeeper_sim::{
    ebs::{Damage, Operation, SnapshotState},
    ec2,
    fuse::Fuse,
    memory::Memory,
};
use watchkeeper_tests::support::caches::{TIMEOUT, Yard, ZONE, asked, file, sha1, snapshot_event};

async fn yard() -> Yard<Memory> {
    Yard::new(Memory::default(), "").await
}

fn answer(report: &watchkeeper_shell::Report) -> Value {
    report.answer.clone().unwrap_or_default()
}

fn claim(by: &str) -> Value {
    json!({ "claim": { "cache": "files", "zone": ZONE, "by": by } })
}

#[tokio::test(flavor = "current_thread")]
async fn a_cache_that_never_was_is_made_filled_checked_and_handed_out() {
    let yard = yard().await;
    yard.minutes(3).await;
    assert_eq!(yard.generations().await, (vec![1], Some(1)));
    assert_eq!(yard.headlines(), ["Cache files refreshed: generation 1, 2 files, 700.0 kB"]);
    assert_eq!(yard.events(), ["Cache Published"]);
    let standing = yard.standing().await;
    yard.fsck(&standing.generations[0].snapshot);
    assert_eq!(yard.current_tree().await.into_keys().collect::<Vec<_>>(), ["a/one.bin", "a/two.txt"]);
    assert_eq!(yard.pool().await, [(1, "ready"), (1, "ready")]);
    let first = answer(&yard.invoke(&claim("job 1")).await);
    let second = answer(&yard.invoke(&claim("job 2")).await);
    assert_eq!((&first["generation"], &second["generation"]), (&json!(1), &json!(1)));
    assert_ne!(first["volume"], second["volume"]);
    assert_eq!(answer(&yard.invoke(&claim("job 1")).await), first, "the same job, the same volume");
    let none = yard.invoke(&claim("job 3")).await;
    assert_eq!((none.outcome, &answer(&none)["volume"]), (Outcome::Refused, &Value::Null));
    yard.minutes(2).await;
    assert_eq!(yard.pool().await.iter().filter(|(_, phase)| *phase == "ready").count(), 2);
}

#[tokio::test(flavor = "current_thread")]
async fn the_next_night_adds_what_is_new_and_a_night_without_news_starts_nothing() {
    let yard = yard().await;
    yard.minutes(2).await;
    yard.until_next_night();
    yard.repository.list(&[("a/one.bin", file(1, 700_000)), ("b/three.bin", file(3, 90_000))]);
    yard.minutes(3).await;
    assert_eq!(yard.generations().await, (vec![1, 2], Some(2)));
    let tree = yard.current_tree().await;
    assert_eq!(tree.keys().collect::<Vec<_>>(), ["a/one.bin", "a/two.txt", "b/three.bin"]);
    yard.fsck(&yard.standing().await.generations[1].snapshot);
    assert_eq!(yard.pool().await, [(2, "ready"), (2, "ready")]);
    let starts = yard.stock.ebs.store().counters().requests(Operation::StartSnapshot);
    yard.until_next_night();
    yard.minutes(3).await;
    assert_eq!(yard.stock.ebs.store().counters().requests(Operation::StartSnapshot), starts);
    assert_eq!(yard.headlines().len(), 2, "nothing new is no news: {:?}", yard.headlines());
}

/// The event drives the next step where it comes, the sweep where it does not: the same comes of both.
#[tokio::test(flavor = "current_thread")]
async fn a_snapshot_that_takes_its_time_is_waited_for_by_event_or_by_sweep() {
    for told in [true, false] {
        let yard = yard().await;
        yard.stock.ebs.store().set(|settings| settings.completion = SignedDuration::from_mins(7));
        yard.minutes(2).await;
        assert_eq!(yard.generations().await, (vec![], None), "jobs get nothing that was not checked");
        let snapshot = yard.snapshots().pop_first().unwrap();
        if told {
            yard.clock.advance(SignedDuration::from_mins(8));
            yard.invoke(&snapshot_event(&snapshot)).await;
        } else {
            yard.minutes(8).await;
        }
        assert_eq!(yard.generations().await, (vec![1], Some(1)), "told: {told}");
        assert_eq!(yard.standing().await.generations[0].snapshot, snapshot);
    }
}

#[tokio::test(flavor = "current_thread")]
async fn two_functions_at_one_night_are_one_that_works_and_one_that_says_so() {
    let yard = yard().await;
    yard.clock.advance(SignedDuration::from_mins(1));
    let (one, other) = futures::future::join(yard.sweep(), yard.sweep()).await;
    let reasons = [one.reason, other.reason];
    assert_eq!(
        reasons.iter().filter(|it| it.contains("generation 1 is published")).count(),
        1,
        "{reasons:?}"
    );
    assert_eq!(yard.stock.ebs.store().counters().requests(Operation::StartSnapshot), 1, "{reasons:?}");
    assert_eq!((yard.generations().await.0, yard.headlines().len()), (vec![1], 1));
}

#[tokio::test(flavor = "current_thread")]
async fn on_the_leash_nothing_that_changes_anything_reaches_ebs_or_ec2() {
    let mut yard = yard().await;
    yard.site.leash = true;
    yard.minutes(20).await;
    let counters = yard.stock.ebs.store().counters();
    for changing in [Operation::StartSnapshot, Operation::PutSnapshotBlock, Operation::CompleteSnapshot] {
        assert_eq!(counters.requests(changing), 0, "{changing:?}");
    }
    for changing in
        [ec2::Operation::CreateVolume, ec2::Operation::DeleteVolume, ec2::Operation::DeleteSnapshot]
    {
        assert_eq!(yard.stock.ec2.calls(changing), 0, "{changing:?}");
    }
    assert_eq!(yard.headlines(), ["Cache files on the leash: 2 files, 700.0 kB would be written"]);
}

#[tokio::test(flavor = "current_thread")]
async fn a_repository_that_does_not_answer_leaves_the_last_generation_in_place_and_is_told() {
    let yard = yard().await;
    yard.minutes(2).await;
    yard.until_next_night();
    yard.repository.serve("/list", "this is no list");
    yard.minutes(2).await;
    assert_eq!(yard.generations().await, (vec![1], Some(1)));
    // Lines that nobody can read are problems of their own; an address that is not there is a failure.
    let mut deaf = yard.clone();
    deaf.config.caches[0].feeders.truncate(1);
    deaf.config.caches[0].feeders = vec![watchkeeper_domain::cache::Feeder::List {
        source: watchkeeper_domain::cache::Source::Url("http://127.0.0.1:9/list".into()),
    }];
    deaf.until_next_night();
    deaf.minutes(30).await;
    assert_eq!(deaf.generations().await, (vec![1], Some(1)));
    assert_eq!(deaf.headlines().last().unwrap(), "Cache files was not refreshed");
    // The next night that succeeds ends the thread.
    let healed = yard.clone();
    healed.repository.list(&[("c/four.txt", b"four".to_vec())]);
    healed.until_next_night();
    healed.minutes(3).await;
    let notices = healed.channels.notices();
    let (failed, good) = (&notices[notices.len() - 2].0, &notices[notices.len() - 1].0);
    assert_eq!((&failed.thread, good.is_closed()), (&good.thread, true));
}

#[tokio::test(flavor = "current_thread")]
async fn a_snapshot_that_comes_out_damaged_is_never_published_and_goes() {
    let yard = yard().await;
    yard.minutes(2).await;
    yard.until_next_night();
    yard.repository.list(&[("b/three.bin", file(3, 2_000_000))]);
    yard.stock.ebs.store().set(|settings| settings.completion = SignedDuration::from_mins(3));
    yard.minutes(1).await;
    let known = yard.standing().await.generations[0].snapshot.clone();
    let store = yard.stock.ebs.store();
    let fresh = store.snapshots().into_iter().find(|it| it.id != known).unwrap();
    let index = *fresh.written.last().unwrap();
    store.corrupt(&fresh.id, index, Damage::Silent).unwrap();
    yard.minutes(10).await;
    assert_eq!(yard.generations().await, (vec![1], Some(1)));
    assert_eq!(yard.headlines().last().unwrap(), "Cache files was not refreshed");
    assert!(!yard.snapshots().contains(&fresh.id), "the damaged one is cleared away");
    assert!(yard.snapshots().contains(&known), "the good one stays");
    assert!(yard.pool().await.iter().all(|(generation, _)| *generation == 1));
}

#[tokio::test(flavor = "current_thread")]
async fn a_person_goes_back_and_the_volumes_follow() {
    let yard = yard().await;
    yard.minutes(2).await;
    yard.until_next_night();
    yard.repository.list(&[("b/three.bin", file(3, 90_000))]);
    yard.minutes(3).await;
    assert_eq!(yard.pool().await, [(2, "ready"), (2, "ready")]);
    let back = asked(
        "Cache Rollback Requested",
        json!({ "cache": "files", "because": "builds break", "by": "ada" }),
    );
    yard.invoke(&back).await;
    yard.minutes(3).await;
    assert_eq!(yard.generations().await, (vec![1, 2], Some(1)));
    assert_eq!(yard.pool().await, [(1, "ready"), (1, "ready")]);
    assert_eq!(yard.headlines().last().unwrap(), "Cache files is back at generation 1");
    let none = yard
        .invoke(&asked(
            "Cache Rollback Requested",
            json!({ "cache": "files", "to": 9, "because": "x", "by": "ada" }),
        ))
        .await;
    assert_eq!(
        (none.outcome, none.reason.as_str()),
        (Outcome::Refused, "there is no generation 9; kept: 1, 2")
    );
}

#[tokio::test(flavor = "current_thread")]
async fn only_as_many_generations_are_kept_as_the_configuration_says_and_other_regions_get_theirs() {
    let yard = Yard::new(Memory::default(), r#"copy_to = ["eu-central-1"]"#).await;
    for night in 1..=4_u8 {
        yard.repository.list(&[("n/night.bin", file(night, 50_000 + usize::from(night)))]);
        yard.minutes(30).await;
        yard.until_next_night();
    }
    assert_eq!(yard.generations().await, (vec![3, 4], Some(4)));
    let standing = yard.standing().await;
    let home: Vec<_> = standing.generations.iter().map(|it| it.snapshot.clone()).collect();
    assert_eq!(yard.snapshots().into_iter().collect::<Vec<_>>(), home);
    let abroad = yard.stock.ec2.store("eu-central-1").snapshots();
    let copies: Vec<_> = standing.generations.iter().map(|it| it.copies["eu-central-1"].clone()).collect();
    assert_eq!(abroad.iter().map(|it| it.id.clone()).collect::<Vec<_>>(), copies);
    assert!(abroad.iter().all(|it| it.state == SnapshotState::Completed));
}

#[tokio::test(flavor = "current_thread")]
async fn what_enough_jobs_have_missed_is_there_in_the_morning() {
    let yard = yard().await;
    let (pom, jar) = (
        "<project><modelVersion>4.0.0</modelVersion><groupId>org.example</groupId><artifactId>lib</artifactId>\
         <version>1.0</version></project>",
        file(9, 30_000),
    );
    for (name, bytes) in [("lib-1.0.pom", pom.as_bytes()), ("lib-1.0.jar", &jar[..])] {
        let path = format!("/maven2/org/example/lib/1.0/{name}");
        yard.repository.serve(&path, bytes);
        yard.repository.serve(&format!("{path}.sha1"), sha1(bytes));
    }
    for job in ["job 1", "job 2"] {
        let paths = json!(["org/example/lib/1.0/lib-1.0.jar", "org/example/rare/1.0/rare-1.0.jar"]);
        let paths = if job == "job 1" { paths } else { json!(["org/example/lib/1.0/lib-1.0.jar"]) };
        let report = asked("Cache Missed", json!({ "cache": "files", "job": job, "paths": paths }));
        assert_eq!(yard.invoke(&report).await.outcome, Outcome::Acted);
        yard.invoke(&report).await;
    }
    yard.minutes(2).await;
    let tree = yard.current_tree().await;
    assert!(tree.contains_key("repository/org/example/lib/1.0/lib-1.0.jar"), "{tree:?}");
    assert!(tree.contains_key("repository/org/example/lib/1.0/lib-1.0.pom"), "{tree:?}");
    assert!(!tree.keys().any(|path| path.contains("rare")), "one job is not enough");
}

#[tokio::test(flavor = "current_thread")]
async fn a_night_that_does_not_fit_goes_on_in_the_next_invocation() {
    let yard = Yard::new(Memory::default(), "limits = { mib = 1, file_mib = 1 }").await;
    let files: Vec<(String, Vec<u8>)> =
        (0..5).map(|number| (format!("big/{number}.bin"), file(number, 700_000))).collect();
    let files: Vec<_> = files.iter().map(|(path, bytes)| (path.as_str(), bytes.clone())).collect();
    yard.repository.list(&files);
    yard.minutes(15).await;
    assert_eq!(yard.current_tree().await.len(), 5);
    let (kept, current) = yard.generations().await;
    assert!(current > Some(1) && kept.len() == 2, "{kept:?}, {current:?}");
    assert_eq!(yard.headlines().len(), 1, "people hear at the end: {:?}", yard.headlines());
    assert!(yard.headlines()[0].contains("5 files, 3.5 MB"), "{:?}", yard.headlines());
    assert_eq!(yard.snapshots().len(), 2, "those in between went");
}

#[tokio::test(flavor = "current_thread")]
async fn a_job_that_died_loses_its_volume_and_one_that_runs_long_keeps_it() {
    let yard = yard().await;
    yard.minutes(3).await;
    let dead = answer(&yard.invoke(&claim("dead")).await)["volume"].clone();
    let long = answer(&yard.invoke(&claim("long")).await)["volume"].clone();
    assert!(yard.stock.ec2.attach(long.as_str().unwrap(), "i-1"));
    yard.minutes(65).await;
    let volumes: BTreeMap<_, _> = yard.stock.ec2.seen().into_iter().map(|it| (it.id.clone(), it)).collect();
    let is_there = |id: &Value| {
        use watchkeeper_domain::ports::VolumeState::{Deleted, Deleting};
        volumes.get(id.as_str().unwrap()).is_some_and(|it| !matches!(it.state, Deleting | Deleted))
    };
    assert_eq!((is_there(&dead), is_there(&long)), (false, true));
    yard.stock.ec2.detach(long.as_str().unwrap());
    let back = yard.invoke(&json!({ "release": { "cache": "files", "volume": long } })).await;
    assert_eq!(answer(&back)["released"], long);
    yard.minutes(3).await;
    assert_eq!(yard.pool().await.len(), 2);
}

/// Everything that a killed night may leave behind, compared with one that was not killed.
async fn outcome(
    yard: &Yard<Memory>,
) -> (Vec<u32>, BTreeMap<String, String>, usize, usize, Vec<(u32, &'static str)>) {
    let pool = yard.pool().await;
    let (generations, _) = yard.generations().await;
    let tree = yard.current_tree().await;
    (generations, tree, yard.headlines().len(), yard.snapshots().len(), pool)
}

/// A crash before or after every step of the night's invocation, then the sweeps of the minutes after.
#[tokio::test(flavor = "current_thread")]
async fn a_crash_between_any_two_steps_is_made_good_by_the_sweeps() {
    let calm = yard().await;
    calm.minutes(40).await;
    let expected = outcome(&calm).await;
    let mut killed = 0;
    for step in 0.. {
        let mut ended = false;
        for after in [false, true] {
            let yard = yard().await;
            yard.clock.advance(SignedDuration::from_mins(1));
            let process = yard.process(if after { Fuse::after(step) } else { Fuse::before(step) });
            yard.invoke_in(&process, &json!({ "tick": "sweep" })).await;
            if !process.fuse.is_blown() {
                ended = true;
                continue;
            }
            killed += 1;
            yard.minutes(40).await;
            assert_eq!(outcome(&yard).await, expected, "step {step}, after {after}");
        }
        if ended {
            break;
        }
    }
    assert!(killed > 40, "only {killed} kills");
}

/// The process dies while it uploads, at every single block; EBS goes on.
#[tokio::test(flavor = "current_thread")]
async fn a_kill_at_any_put_is_made_good_by_the_next_sweep_with_the_same_snapshot() {
    let calm = yard().await;
    calm.minutes(20).await;
    let expected = outcome(&calm).await;
    let puts = calm.stock.ebs.store().counters().requests(Operation::PutSnapshotBlock);
    assert!(puts > 3, "{puts}");
    for put in 1..=puts {
        let yard = yard().await;
        yard.clock.advance(SignedDuration::from_mins(1));
        let store = yard.stock.ebs.store();
        store.stop_after(Operation::PutSnapshotBlock, put);
        {
            let killed = yard.sweep();
            tokio::select! { _ = killed => panic!("put {put} came to its end"), () = store.stopped() => {} }
        }
        store.resume();
        yard.clock.advance(TIMEOUT);
        yard.minutes(20).await;
        assert_eq!(outcome(&yard).await, expected, "put {put}");
    }
}
