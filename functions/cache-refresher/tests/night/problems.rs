//! Nights in which something is wrong with a package, a repository, or the cache.

use std::time::Duration;

use cache_refresher::night::Outcome;
use watchkeeper_domain::cache::{Feeder, Source};
use watchkeeper_sim::{ebs::SnapshotState, maven::bytes};

use crate::{
    estate::{Estate, THEIRS, cache},
    repository::Reply,
};

#[tokio::test]
async fn a_bad_package_is_a_problem_and_the_others_are_written() {
    let estate = Estate::new().await;
    let files = ["a/missing", "b/wrong", "c/refused", "d/long", "e/good"].map(|path| (path, bytes(1, 5_000)));
    let mut task = estate.task(&files);
    task.cache.limits.file_mib = 1;
    estate.repository.put("a/missing", Reply::Status(404));
    estate.repository.put("b/wrong", Reply::Body(bytes(2, 5_000).into()));
    estate.repository.put("c/refused", Reply::Status(403));
    estate.repository.put("d/long", Reply::Body(bytes(2, (1 << 20) + 1).into()));
    let (snapshot, account) = estate.publish(&task).await;
    assert_eq!(estate.files(&snapshot).await, ["e/good"]);
    let names = estate.look(&snapshot, |volume| volume.list("")).await;
    let names: Vec<_> = names.iter().map(|entry| entry.name.as_str()).collect();
    assert_eq!(names, [".watchkeeper", "e", "lost+found"], "no directory is left for what did not come");
    let said = [
        "a/missing: the repository does not have it, or has no .sha1 for it",
        "b/wrong: its digest is not the one that the repository publishes",
        "c/refused: the repository refuses it with 403",
        "d/long: it has more than 1048576 bytes",
    ];
    assert_eq!(account.problems, said);
    assert_eq!((account.problem_count, account.written_files, account.left), (4, 1, 0));
}

#[tokio::test]
async fn where_nothing_good_comes_nothing_is_started() {
    let estate = Estate::new().await;
    let mut task = estate.task(&[("a", bytes(1, 5_000))]);
    estate.repository.put("a", Reply::Body("something else".into()));
    for rehearses in [false, true] {
        task.rehearses = rehearses;
        let Outcome::Idle(account) = estate.run(&task).await.unwrap() else { panic!("not idle") };
        assert_eq!((account.problem_count, account.left), (1, 0));
        assert_eq!(estate.store.snapshots().len(), 0);
    }
}

#[tokio::test]
async fn a_repository_that_fails_or_locks_us_out_fails_the_night() {
    let estate = Estate::new().await;
    let task = estate.task(&[("a", bytes(1, 5_000)), ("b", bytes(2, 5_000))]);
    for (status, cause) in [
        (500, "it answers 500"),
        (401, "check the credentials"),
        (403, "every file is held back: check the credentials"),
    ] {
        for path in if status == 403 { &["a", "b"][..] } else { &["b"] } {
            estate.repository.put(path, Reply::Status(status));
        }
        let failure = estate.run(&task).await.unwrap_err().chain();
        assert!(failure.contains(cause), "{failure}");
    }
    let seen = estate.store.snapshots();
    assert!(seen.iter().all(|snapshot| snapshot.state == SnapshotState::Pending), "{seen:?}");
}

#[tokio::test]
async fn one_package_that_is_held_back_says_nothing_of_the_credentials_and_ten_do() {
    let estate = Estate::new().await;
    let paths: Vec<String> = (0..12).map(|number| format!("p{number:02}")).collect();
    let files: Vec<_> = paths.iter().zip(0..).map(|(path, seed)| (path.as_str(), bytes(seed, 100))).collect();
    let mut task = estate.task(&files[..2]);
    let (snapshot, _) = estate.publish(&task).await;
    task.next(&snapshot);
    for (count, is_idle) in [(11, true), (12, false)] {
        estate.list(&mut task, &files[..count]);
        paths[2..].iter().for_each(|path| estate.repository.put(path, Reply::Status(403)));
        let outcome = estate.run(&task).await;
        assert_eq!(matches!(outcome, Ok(Outcome::Idle(_))), is_idle, "{outcome:?}");
    }
}

#[tokio::test]
async fn a_feeder_that_cannot_be_asked_fails_the_night_and_is_named() {
    let estate = Estate::new().await;
    let mut task = estate.task(&[]);
    let list = |source| Feeder::List { source };
    let gone = "http://127.0.0.1:1/list".to_owned();
    for (feeder, expected) in [
        (
            list(Source::File("nowhere.txt".into())),
            "feeder 2 (list) of maven: could not read nowhere.txt: it is not beside",
        ),
        (
            list(Source::Url(gone.clone())),
            "feeder 2 (list) of maven: could not fetch http://127.0.0.1:1/list: no connection",
        ),
        (list(Source::Url(format!("{}/list", estate.repository.base))), "it was refused with 404"),
        (
            Feeder::Missed { at_least: 1, repository: "no address".into(), under: None },
            "feeder 2 (missed) of maven: could not read the address no address",
        ),
        (
            Feeder::Missed { at_least: 1, repository: gone, under: Some("../up".into()) },
            "feeder 2 (missed) of maven: could not use the folder ../up",
        ),
    ] {
        task.cache = cache(vec![task.cache.feeders[0].clone(), feeder]);
        let failure = estate.run(&task).await.unwrap_err().chain();
        assert!(failure.contains(expected), "{failure}");
    }
}

#[tokio::test]
async fn what_cannot_be_written_where_it_should_be_is_a_problem_of_its_own() {
    let estate = Estate::new().await;
    let base = estate.base(1, |volume| {
        volume.make_dirs(["directory/below", "flat"], &THEIRS)?;
        volume.write_file("file", &b"old"[..], &THEIRS)?;
        Ok(())
    });
    let base = base.await;
    let paths = [
        ".watchkeeper/generation.json",
        "directory/below",
        "file/below",
        "good/one",
        "good/one/below",
        "lost+found/x",
        "m2/_remote.repositories",
    ];
    let mut task = estate.task(&paths.map(|path| (path, bytes(1, 100))));
    task.next(&base);
    let (snapshot, account) = estate.publish(&task).await;
    assert_eq!(estate.files(&snapshot).await, ["file", "good/one"]);
    assert_eq!(
        account.problems,
        [
            ".watchkeeper/generation.json: a place that is the volume's own",
            "directory/below: a directory is in its place",
            "file/below: something on its way is no directory",
            "good/one/below: something on its way is no directory",
            "lost+found/x: a place that is the volume's own",
            "m2/_remote.repositories: never written: it ties packages to the name of one mirror",
        ]
    );
}

#[tokio::test]
async fn nothing_is_published_when_nothing_has_come_in_time() {
    let estate = Estate::new().await;
    let mut task = estate.task(&[("a", bytes(1, 10)), ("b", bytes(1, 10))]);
    task.within = Duration::from_secs(2);
    estate.repository.put("a", Reply::Hang);
    let failure = estate.run(&task).await.unwrap_err().chain();
    assert!(failure.contains("not one file has come in time"), "{failure}");
    estate.repository.put("a", Reply::Body(bytes(1, 10).into()));
    estate.repository.put("b", Reply::Hang);
    task.within = Duration::from_secs(6);
    let (snapshot, account) = estate.publish(&task).await;
    assert_eq!((estate.files(&snapshot).await, account.left), (vec!["a".to_owned()], 1));
}
