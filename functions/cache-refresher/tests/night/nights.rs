//! Nights in which all is well.

use cache_refresher::night::Outcome;
use watchkeeper_domain::cache::{Encryption, Feeder, Source};
use watchkeeper_packages::missed::Report;
use watchkeeper_sim::{ebs::Operation, maven::bytes};

use crate::{
    estate::{Estate, THEIRS, began, cache},
    judge::Image,
    repository::Reply,
};

#[tokio::test]
async fn the_first_night_formats_a_volume_and_fills_it() {
    let estate = Estate::new().await;
    let files =
        [("m2/org/a/1/a-1.jar", bytes(1, 9 << 20)), ("wheels/six.whl", bytes(2, 70_000)), ("empty", vec![])];
    let (snapshot, account) = estate.publish(&estate.task(&files)).await;
    let seen = estate.store.snapshot(snapshot.as_str()).unwrap();
    assert_eq!((seen.parent, seen.size_gib, seen.encrypted), (None, 1, false));
    let tags = ["watchkeeper:cache", "watchkeeper:token", "watchkeeper:generation"]
        .map(|tag| seen.tags[tag].as_str());
    assert_eq!(tags, ["maven", "night-1", "1"]);
    assert_eq!(seen.written.len() as u64, account.blocks);
    let image = Image::of(&estate.store, &snapshot);
    files.iter().for_each(|(path, bytes)| image.assert_has(path, bytes));
    for (path, mode) in
        [("m2/org/a/1/a-1.jar", "0644"), ("m2", "0755"), ("m2/org/a/1", "0755"), (".watchkeeper", "0755")]
    {
        let Some(stat) = image.stat(path) else { continue };
        let parts = [
            format!("Mode:  {mode}"),
            "User:  1001".into(),
            "Group:   121".into(),
            "mtime: 0x6b00fb20".into(),
        ];
        assert!(parts.iter().all(|part| stat.contains(part)), "{path}: {stat}");
    }
    assert_eq!((account.planned_files, account.planned_bytes), (3, (9 << 20) + 70_000));
    assert_eq!((account.written_files, account.written_bytes), (3, (9 << 20) + 70_000));
    assert_eq!((account.left, account.removed, account.problem_count), (0, 0, 0));
    let space = account.space.unwrap();
    assert!(
        space.used_bytes > 9 << 20 && space.used_bytes < 60 << 20 && space.total_bytes == 1 << 30,
        "{space:?}"
    );
    assert_eq!(account.example_microdollars, 6 * account.blocks);
}

#[tokio::test]
async fn later_nights_add_what_is_new_and_one_without_news_makes_no_generation() {
    let estate = Estate::new().await;
    let mut files = vec![("m2/a", bytes(1, 600_000)), ("m2/b", bytes(2, 5_000))];
    let mut task = estate.task(&files);
    let (first, _) = estate.publish(&task).await;
    task.next(&first);
    files[1].1 = bytes(3, 5_001);
    files.push(("npm/x/c.tgz", bytes(4, 80_000)));
    estate.list(&mut task, &files);
    let requests = estate.repository.requests();
    let (second, account) = estate.publish(&task).await;
    assert_eq!(estate.repository.requests() - requests, 2, "only what is new is downloaded");
    assert_eq!((account.planned_files, account.written_files), (2, 2));
    assert!(account.blocks < 10, "{account:?}");
    let image = Image::of(&estate.store, &second);
    files.iter().for_each(|(path, bytes)| image.assert_has(path, bytes));
    assert_eq!(estate.store.snapshot(second.as_str()).unwrap().parent.as_deref(), Some(first.as_str()));

    task.next(&second);
    let (before, requests) = (estate.store.counters(), estate.repository.requests());
    let Outcome::Idle(account) = estate.run(&task).await.unwrap() else { panic!("not idle") };
    estate.assert_untouched(&before);
    assert_eq!((account.planned_files, account.left, account.blocks), (0, 0, 0));
    assert_eq!(estate.repository.requests(), requests);
    assert!(account.space.is_some());
}

#[tokio::test]
async fn a_rehearsal_starts_nothing_and_says_what_a_night_would_do() {
    let estate = Estate::new().await;
    let mut task = estate.task(&[("m2/a", bytes(1, 600_000))]);
    for _ in 0..2 {
        task.rehearses = true;
        let before = estate.store.counters();
        let Outcome::Rehearsed(rehearsed) = estate.run(&task).await.unwrap() else { panic!("not rehearsed") };
        estate.assert_untouched(&before);
        task.rehearses = false;
        let (snapshot, account) = estate.publish(&task).await;
        assert_eq!(
            (rehearsed.written_files, rehearsed.written_bytes),
            (account.written_files, account.written_bytes)
        );
        assert_eq!(rehearsed.space, account.space);
        assert!(!rehearsed.blocks_are_at_least && rehearsed.blocks >= account.blocks, "{rehearsed:?}");
        assert!(rehearsed.blocks <= account.blocks + 2, "{rehearsed:?} {account:?}");
        task.next(&snapshot);
        estate.list(&mut task, &[("m2/a", bytes(1, 600_000)), ("m2/b", bytes(2, 900_000))]);
    }
}

#[tokio::test]
async fn a_rehearsal_goes_as_far_as_memory_reaches() {
    let estate = Estate::new().await;
    let paths: Vec<String> = (0..30).map(|number| format!("large/{number:02}")).collect();
    let files: Vec<_> =
        paths.iter().zip(0..).map(|(path, seed)| (path.as_str(), bytes(seed, 8 << 20))).collect();
    let mut task = estate.task(&files);
    task.rehearses = true;
    let Outcome::Rehearsed(account) = estate.run(&task).await.unwrap() else { panic!("not rehearsed") };
    assert!(account.blocks_are_at_least && account.blocks > 200, "{account:?}");
    assert!(account.written_files < 30 && account.peak_memory <= 300_000_000, "{account:?}");
    assert_eq!(estate.store.snapshots().len(), 0);
    task.rehearses = false;
    let (_, account) = estate.publish(&task).await;
    assert_eq!((account.written_files, account.blocks_are_at_least), (30, false));
    assert!(account.peak_memory <= 300_000_000, "{account:?}");
}

#[tokio::test]
async fn a_new_line_is_encrypted_as_configured_and_its_children_are_too() {
    let estate = Estate::new().await;
    let mut task = estate.task(&[("a", bytes(1, 10))]);
    task.cache.encryption = Encryption::Key(None);
    let (first, _) = estate.publish(&task).await;
    task.next(&first);
    estate.list(&mut task, &[("b", bytes(1, 10))]);
    let (second, _) = estate.publish(&task).await;
    assert!([first, second].iter().all(|id| estate.store.snapshot(id.as_str()).unwrap().encrypted));
}

#[tokio::test]
async fn a_replaced_package_loses_the_file_that_ties_it_to_a_mirror_and_others_keep_theirs() {
    let estate = Estate::new().await;
    let base = estate.base(1, |volume| {
        volume.make_dirs(["m2/a/1", "m2/b/1", "m2/c/1"], &THEIRS)?;
        for path in [
            "m2/a/1/a-1.jar",
            "m2/a/1/_remote.repositories",
            "m2/b/1/_remote.repositories",
            "m2/c/1/_remote.repositories",
        ] {
            volume.write_file(path, &b"old"[..], &THEIRS)?;
        }
        Ok(())
    });
    let base = base.await;
    let mut task = estate.task(&[("m2/a/1/a-1.jar", bytes(1, 10)), ("m2/c/1/c-1.jar", bytes(1, 10))]);
    task.next(&base);
    let (snapshot, account) = estate.publish(&task).await;
    let left = ["m2/a/1/a-1.jar", "m2/b/1/_remote.repositories", "m2/c/1/c-1.jar"];
    assert_eq!(estate.files(&snapshot).await, left);
    assert_eq!(account.removed, 0, "what goes with a replaced file is not counted");
}

#[tokio::test]
async fn every_kind_of_feeder_is_asked() {
    let estate = Estate::new().await;
    let pom = b"<project/>".to_vec();
    for path in ["m/g/a/1/a-1", "m/g/b/1/b-1"] {
        estate.repository.file(&format!("{path}.pom"), &pom);
        estate.repository.file(&format!("{path}.jar"), b"jar");
    }
    let base = &estate.repository.base;
    let asset = r#"{"items": [{"path": "x/y.bin", "checksum": {"sha1": "11f6ad8ec52a2984abaafd7c3b516503785c2072"},
        "fileSize": 1}], "continuationToken": null}"#;
    estate.repository.put("service/rest/v1/assets", Reply::Body(asset.into()));
    estate.repository.file("repository/raw/x/y.bin", b"x");
    estate.repository.file("list", estate.repository.line("m/g/a/1/a-1.jar", b"jar").as_bytes());
    let under = |text: &str| Some(text.to_owned());
    let repository = format!("{base}/m");
    let mut task = estate.task(&[]);
    task.cache = cache(vec![
        Feeder::Manifest {
            source: Source::File("mine".into()),
            repository: repository.clone(),
            under: under("m2"),
        },
        Feeder::Missed { at_least: 2, repository, under: under("m3") },
        Feeder::Nexus {
            base: base.clone(),
            repository: "raw".into(),
            maven: false,
            delta: true,
            under: under("raw"),
        },
        Feeder::List { source: Source::Url(format!("{base}/list")) },
    ]);
    task.manifests.insert("mine".to_owned(), "g:a:1".to_owned());
    task.missed = vec![Report { path: "g/b/1/b-1.jar".to_owned(), jobs: 2 }];
    let (snapshot, account) = estate.publish(&task).await;
    let expected = [
        "m/g/a/1/a-1.jar",
        "m2/g/a/1/a-1.jar",
        "m2/g/a/1/a-1.pom",
        "m3/g/b/1/b-1.jar",
        "m3/g/b/1/b-1.pom",
        "raw/x/y.bin",
    ];
    assert_eq!(estate.files(&snapshot).await, expected);
    assert_eq!(account.problem_count, 0, "{account:?}");
}

#[tokio::test]
async fn whoever_watches_hears_of_every_step() {
    let estate = Estate::new().await;
    let task = estate.task(&[("a", bytes(1, 10)), ("b", bytes(1, 10))]);
    let (_, steps) = estate.watched(&task).await;
    assert_eq!(steps, ["opened", "planned 2 and 0", "wrote 1", "wrote 2", "uploading"]);
}

#[tokio::test]
async fn what_is_on_the_volume_says_of_itself_what_it_is() {
    let estate = Estate::new().await;
    let task = estate.task(&[("a", b"hello".to_vec())]);
    let (snapshot, _) = estate.publish(&task).await;
    let text = estate.look(&snapshot, |volume| volume.read(".watchkeeper/generation.json")).await;
    let said: serde_json::Value = serde_json::from_slice(&text).unwrap();
    let sha256 = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
    let expected = serde_json::json!({
        "cache": "maven", "generation": 1, "began": began().to_string(),
        "files": [{ "path": "a", "size": 5, "sha256": sha256 }], "removed": [],
    });
    assert_eq!(said, expected);
    assert_eq!(estate.store.counters().requests(Operation::StartSnapshot), 1);
}
