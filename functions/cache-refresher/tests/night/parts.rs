//! Nights that are too large for one generation.

use cache_refresher::night::{Account, Outcome};
use watchkeeper_sim::maven::bytes;
use watchkeeper_volume::snapshots::SnapshotId;

use crate::{estate::Estate, judge::Image};

#[tokio::test]
async fn a_large_night_comes_in_parts_in_the_order_of_the_paths() {
    let estate = Estate::new().await;
    let paths: Vec<String> = (0..10).map(|number| format!("d{number}/f")).collect();
    let files: Vec<_> =
        paths.iter().zip(0..).map(|(path, seed)| (path.as_str(), bytes(seed, 400_000))).collect();
    let mut task = estate.task(&files);
    task.cache.limits.mib = 2;
    let (mut whole, mut seen) = (Account::default(), Vec::new());
    loop {
        let (snapshot, account) = estate.publish(&task).await;
        seen.push((estate.files(&snapshot).await.len(), account.left));
        let left = account.left;
        whole = whole.and(account);
        let began = task.began;
        task.next(&snapshot);
        task.began = began;
        if left == 0 {
            let image = Image::of(&estate.store, &snapshot);
            files.iter().for_each(|(path, bytes)| image.assert_has(path, bytes));
            break;
        }
    }
    assert_eq!(seen, [(5, 5), (10, 0)]);
    assert_eq!((whole.planned_files, whole.written_files, whole.left), (10, 10, 0));
    assert!(matches!(estate.run(&task).await.unwrap(), Outcome::Idle(_)));
}

#[tokio::test]
async fn a_file_larger_than_a_part_is_a_part_of_its_own() {
    let estate = Estate::new().await;
    let mut task = estate.task(&[("a", bytes(1, 3 << 20)), ("b", bytes(2, 10))]);
    task.cache.limits.mib = 1;
    let (snapshot, account) = estate.publish(&task).await;
    assert_eq!((estate.files(&snapshot).await, account.left), (vec!["a".to_owned()], 1));
}

#[tokio::test]
async fn a_volume_that_is_full_is_a_problem_and_what_fits_is_written() {
    let estate = Estate::new().await;
    let Some(mut image) = Image::mke2fs("64M") else { return };
    let base = SnapshotId::new(estate.store.import(1, &mut image).unwrap());
    let mut task =
        estate.task(&[("a", bytes(1, 10 << 20)), ("b", bytes(2, 30 << 20)), ("c", bytes(2, 30 << 20))]);
    task.next(&base);
    let (snapshot, account) = estate.publish(&task).await;
    let names = estate.files(&snapshot).await;
    let expected = "the volume is full, 1 file left out: prune, or begin a larger volume";
    assert_eq!((account.left, account.problems), (0, vec![expected.to_owned()]));
    assert_eq!(names, ["a", "b"]);
    task.next(&snapshot);
    let before = estate.store.counters();
    assert!(matches!(estate.run(&task).await.unwrap(), Outcome::Idle(_)));
    estate.assert_untouched(&before);
}
