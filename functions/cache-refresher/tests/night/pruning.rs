//! What is taken out again.

use cache_refresher::night::Outcome;
use watchkeeper_domain::{cache::Prune, failure::Failure};
use watchkeeper_sim::maven::bytes;
use watchkeeper_volume::{
    ebs::Ebs,
    ext4::{Attributes, Volume},
};

use crate::{
    estate::{Estate, THEIRS},
    judge::Image,
};

const PRUNED: [&str; 3] = ["m2/g/a/1/_remote.repositories", "m2/g/a/1/a-1.jar", "m2/g/a/1/a-1.pom"];

/// Twelve artifacts of one version, and `a` with three, the first of them the oldest.
fn fill(volume: &Volume<Ebs>) -> Result<(), Failure> {
    let mut paths: Vec<String> = (0..12).map(|number| format!("m2/g/x{number}/1/x{number}-1.pom")).collect();
    paths.extend(PRUNED.map(str::to_owned));
    paths.extend(["m2/g/a/2/a-2.jar", "m2/g/a/3/a-3.jar", "wheels/six.whl"].map(str::to_owned));
    let folders: Vec<&str> = paths.iter().filter_map(|path| Some(path.rsplit_once('/')?.0)).collect();
    volume.make_dirs(folders, &THEIRS)?;
    for (path, second) in paths.iter().zip(0..) {
        let modified = THEIRS.modified + jiff::SignedDuration::from_secs(second);
        volume.write_file(path, path.as_bytes(), &Attributes { modified, ..THEIRS })?;
    }
    Ok(())
}

#[tokio::test]
async fn old_versions_go_with_all_that_is_beside_them() {
    let estate = Estate::new().await;
    let base = estate.base(1, fill).await;
    let mut task = estate.task(&[("m2/g/b/1/b-1.jar", bytes(1, 100))]);
    task.cache.prune = Prune { keep_versions: Some(2), unused_days: None };
    task.next(&base);
    let (snapshot, account) = estate.publish(&task).await;
    assert_eq!((account.removed, account.written_files), (3, 1));
    let image = Image::of(&estate.store, &snapshot);
    PRUNED.iter().chain(&["m2/g/a/1"]).for_each(|path| image.assert_lacks(path));
    image.assert_has("m2/g/a/2/a-2.jar", b"m2/g/a/2/a-2.jar");
    assert_eq!(estate.files(&snapshot).await.len(), 12 + 3 + 1);
    task.next(&snapshot);
    assert!(matches!(estate.run(&task).await.unwrap(), Outcome::Idle(_)));
}

#[tokio::test]
async fn a_night_that_only_removes_makes_a_generation_and_a_rehearsal_of_it_none() {
    let estate = Estate::new().await;
    let base = estate.base(1, fill).await;
    let mut task = estate.task(&[("wheels/six.whl", b"wheels/six.whl".to_vec())]);
    task.cache.prune = Prune { keep_versions: Some(2), unused_days: None };
    task.next(&base);
    task.rehearses = true;
    let before = estate.store.counters();
    let Outcome::Rehearsed(account) = estate.run(&task).await.unwrap() else { panic!("not rehearsed") };
    assert_eq!((account.removed, account.written_files), (3, 0));
    estate.assert_untouched(&before);
    task.rehearses = false;
    let (snapshot, account) = estate.publish(&task).await;
    assert_eq!((account.removed, account.written_files, account.planned_files), (3, 0, 0));
    Image::of(&estate.store, &snapshot).assert_lacks("m2/g/a/1");
}

#[tokio::test]
async fn what_tonight_names_stays_even_when_it_is_old() {
    let estate = Estate::new().await;
    let base = estate.base(1, fill).await;
    let mut task = estate.task(&[("m2/g/a/1/a-1.jar", b"m2/g/a/1/a-1.jar".to_vec())]);
    task.cache.prune = Prune { keep_versions: Some(2), unused_days: None };
    task.next(&base);
    assert!(matches!(estate.run(&task).await.unwrap(), Outcome::Idle(_)));
}

#[tokio::test]
async fn what_nobody_has_named_for_days_goes() {
    let estate = Estate::new().await;
    let base = estate.base(1, fill).await;
    let names: Vec<String> = (0..12).map(|number| format!("m2/g/x{number}/1/x{number}-1.pom")).collect();
    let mut files: Vec<_> = names.iter().map(|path| (path.as_str(), path.as_bytes().to_vec())).collect();
    files.extend(["m2/g/a/2/a-2.jar", "m2/g/a/3/a-3.jar"].map(|path| (path, path.as_bytes().to_vec())));
    let mut task = estate.task(&files);
    task.cache.prune = Prune { keep_versions: None, unused_days: Some(2) };
    task.next(&base);
    let (noted, account) = estate.publish(&task).await;
    assert_eq!((account.removed, account.written_files), (0, 0), "only noted");
    let notes = estate.look(&noted, |volume| volume.read(".watchkeeper/unused")).await;
    assert_eq!(String::from_utf8(notes).unwrap(), "2026-11-22 m2/g/a/1\n");
    task.next(&noted);
    assert!(
        matches!(estate.run(&task).await.unwrap(), Outcome::Idle(_)),
        "a day later there is nothing new to note"
    );
    task.next(&noted);
    let (pruned, account) = estate.publish(&task).await;
    assert_eq!(account.removed, 3);
    let image = Image::of(&estate.store, &pruned);
    image.assert_lacks("m2/g/a/1");
    image.assert_has("m2/g/a/2/a-2.jar", b"m2/g/a/2/a-2.jar");
    image.assert_has(".watchkeeper/unused", b"");
    assert!(
        estate.files(&pruned).await.contains(&"wheels/six.whl".to_owned()),
        "what is no package is left alone"
    );
}

#[tokio::test]
async fn a_feeder_that_names_nothing_takes_nothing_out() {
    let estate = Estate::new().await;
    let base = estate.base(1, fill).await;
    let mut task = estate.task(&[]);
    task.cache.prune = Prune { keep_versions: Some(2), unused_days: Some(1) };
    task.next(&base);
    let Outcome::Idle(account) = estate.run(&task).await.unwrap() else { panic!("not idle") };
    assert_eq!(account.problems, ["feeder 1 (list) has named nothing: nothing is taken out"]);
}

#[tokio::test]
async fn more_than_a_quarter_is_not_taken_out_in_one_night() {
    let estate = Estate::new().await;
    let base = estate.base(1, fill).await;
    let mut task = estate.task(&[("wheels/six.whl", b"wheels/six.whl".to_vec())]);
    task.cache.prune = Prune { keep_versions: None, unused_days: Some(1) };
    task.next(&base);
    let (noted, _) = estate.publish(&task).await;
    task.next(&noted);
    let Outcome::Idle(account) = estate.run(&task).await.unwrap() else { panic!("not idle") };
    assert!(account.problems[0].starts_with("15 of 15 folders would go, more than a quarter"), "{account:?}");
}
