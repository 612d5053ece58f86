//! Runs that are killed, and repeated.

use cache_refresher::night::Sealed;
use watchkeeper_domain::cache::Prune;
use watchkeeper_sim::{ebs::Operation, maven::bytes};
use watchkeeper_volume::{
    night::Verdict,
    snapshots::{SnapshotId, Snapshots},
};

use crate::{
    estate::{Estate, THEIRS, Task, written},
    judge::Image,
};

/// Kills a run at its `number`th put, and repeats it.
async fn killed(estate: &Estate, task: &Task, number: u64) -> Sealed {
    estate.store.stop_after(Operation::PutSnapshotBlock, number);
    tokio::select! {
        outcome = estate.run(task) => panic!("it went on: {outcome:?}"),
        () = estate.store.stopped() => {}
    }
    estate.store.resume();
    written(estate.run(task).await.unwrap()).0
}

/// Asserts that two snapshots of 1 GiB are the same byte by byte.
fn assert_same(one: (&Estate, &SnapshotId), other: (&Estate, &SnapshotId)) {
    for index in 0..2048 {
        let [one, other] = [one, other].map(|(estate, id)| estate.store.block(id.as_str(), index));
        assert!(one == other, "block {index}");
    }
}

/// A night that writes, replaces and removes.
async fn second_night(estate: &Estate) -> Task {
    let base = estate.base(1, |volume| {
        let jars = ["a/0/a-0", "a/1/a-1", "a/2/a-2", "b/1/b-1", "c/1/c-1", "d/1/d-1", "e/1/e-1", "f/1/f-1"];
        let jars = jars.map(|path| format!("m2/g/{path}.jar"));
        volume.make_dirs(jars.iter().map(|path| path.rsplit_once('/').unwrap().0), &THEIRS)?;
        for path in jars {
            volume.write_file(&path, &bytes(9, 300_000)[..], &THEIRS)?;
        }
        Ok(())
    });
    let base = base.await;
    let mut task = estate.task(&[
        ("m2/g/b/1/b-1.jar", bytes(1, 300_001)),
        ("m2/g/b/2/b-2.jar", bytes(2, 2 << 20)),
        ("m2/g/z/1/z-1.jar", bytes(3, 1 << 20)),
    ]);
    task.cache.prune = Prune { keep_versions: Some(2), unused_days: Some(30) };
    task.next(&base);
    task
}

#[tokio::test]
async fn a_night_killed_at_any_put_and_repeated_is_the_uninterrupted_one() {
    let estate = Estate::new().await;
    let mut task = second_night(&estate).await;
    let (whole, account) = estate.publish(&task).await;
    Image::of(&estate.store, &whole);
    assert!(account.blocks >= 8 && account.removed == 1, "{account:?}");
    for number in 1..=account.blocks {
        task.token = format!("killed-{number}");
        let sealed = killed(&estate, &task, number).await;
        estate.complete(&sealed).await;
        assert!(matches!(estate.check(&task, &sealed).await, Verdict::Sound { files: 4, .. }), "{number}");
        assert_same((&estate, &sealed.receipt.snapshot), (&estate, &whole));
    }
    assert_eq!(estate.store.snapshots().len() as u64, 2 + account.blocks, "one token, one snapshot");
}

#[tokio::test]
async fn a_first_night_killed_at_any_put_and_repeated_is_the_uninterrupted_one() {
    let estate = Estate::new().await;
    let files = [("a/x", bytes(1, 1 << 20)), ("b", bytes(2, 100_000))];
    let (whole, account) = estate.publish(&estate.task(&files)).await;
    assert!(account.blocks > 2, "{account:?}");
    for number in 1..=account.blocks {
        let other = Estate::new().await;
        let task = other.task(&files);
        let sealed = killed(&other, &task, number).await;
        other.complete(&sealed).await;
        assert!(matches!(other.check(&task, &sealed).await, Verdict::Sound { files: 2, .. }), "{number}");
        assert_same((&estate, &whole), (&other, &sealed.receipt.snapshot));
    }
}

/// More than the 64 MiB that blocks get when downloads may take all the rest: some are put before the night is planned to
/// its end.
#[tokio::test]
async fn a_night_larger_than_memory_killed_while_blocks_are_sent_ahead_is_the_uninterrupted_one() {
    let estate = Estate::new().await;
    let base = estate.base(1, |volume| volume.make_dirs(["m2/g"], &THEIRS).map(drop)).await;
    let files: Vec<_> = (0..12).map(|seed| (format!("m2/g/{seed}.jar"), bytes(seed, 8 << 20))).collect();
    let files: Vec<_> = files.iter().map(|(path, bytes)| (path.as_str(), bytes.clone())).collect();
    let mut task = estate.task(&files);
    task.cache.limits.file_mib = 512;
    task.next(&base);
    let (whole, account) = estate.publish(&task).await;
    Image::of(&estate.store, &whole);
    assert!(account.blocks * 512 > 96 << 10, "{account:?}");
    for number in [1, 40, account.blocks - 1] {
        task.token = format!("killed-{number}");
        let sealed = killed(&estate, &task, number).await;
        estate.complete(&sealed).await;
        assert!(matches!(estate.check(&task, &sealed).await, Verdict::Sound { files: 12, .. }), "{number}");
        assert_same((&estate, &sealed.receipt.snapshot), (&estate, &whole));
    }
}

#[tokio::test]
async fn a_repeated_run_that_would_do_something_else_cannot_be_completed() {
    let estate = Estate::new().await;
    let mut task = second_night(&estate).await;
    let (first, _) = written(estate.run(&task).await.unwrap());
    estate.list(&mut task, &[("m2/g/b/1/b-1.jar", bytes(1, 300_001))]);
    let (second, _) = written(estate.run(&task).await.unwrap());
    assert_eq!(first.receipt.snapshot, second.receipt.snapshot);
    let receipt = &second.receipt;
    let failure = estate.ebs.complete(&receipt.snapshot, receipt.blocks, receipt.checksum).await.unwrap_err();
    assert!(!failure.ambiguous, "{}", failure.chain());
}
