//! `cache manifests`, and what `check` says of caches.

use std::{fs, path::Path};

use serde_json::{Value, json};

use crate::{config, fresh, out, watchkeeper};

const CACHE: &str = r#"
[[cache]]
name = "maven"
schedule = "cron(30 1 ? * * *)"
zone = "Europe/Berlin"
size_gib = 100

[[cache.feeder]]
kind = "manifest"
file = "lists/maven.txt"
repository = "https://repo.example.com"

[[cache.feeder]]
kind = "list"
file = "wheels.jsonl"
"#;

/// Each problem of the configuration or beside it: file, line, message.
fn found(dir: &Path, toml: &str) -> Vec<(String, Value, String)> {
    let config = config(dir, toml);
    let found = watchkeeper(dir, &["check", "--json", "--config", &config]);
    let found: Value = serde_json::from_slice(&found.stdout).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let problems = found["problems"].as_array().unwrap().iter();
    let problems = problems.map(|it| (text(&it["file"]), it["line"].clone(), text(&it["message"])));
    let folder = format!("/{}/", dir.file_name().unwrap().display());
    problems.filter_map(|(file, line, it)| Some((file.split_once(&folder)?.1.to_owned(), line, it))).collect()
}

#[test]
fn check_reads_the_files_that_feeders_name() {
    let dir = fresh("check-caches");
    let missing = found(&dir, CACHE);
    assert_eq!(missing.len(), 2, "{missing:?}");
    for ((file, line, message), name) in missing.iter().zip(["lists/maven.txt", "wheels.jsonl"]) {
        assert_eq!((file.as_str(), line), ("watchkeeper.toml", &json!(2)));
        assert!(message.contains(&format!("/{name}, which cannot be read: ")), "{message}");
    }
    fs::create_dir_all(dir.join("lists")).unwrap();
    fs::write(dir.join("lists/maven.txt"), "# ours\norg.a:b:1.0\norg.a:b\n").unwrap();
    fs::write(dir.join("wheels.jsonl"), "\n{}\n").unwrap();
    let bad: Vec<_> = found(&dir, CACHE).into_iter().map(|(file, line, _)| (file, line)).collect();
    assert_eq!(bad, [("lists/maven.txt".into(), json!(3)), ("wheels.jsonl".into(), json!(2))]);
    fs::write(dir.join("lists/maven.txt"), "org.a:b:1.0\n").unwrap();
    fs::write(dir.join("wheels.jsonl"), "").unwrap();
    assert_eq!(found(&dir, CACHE), []);
}

#[test]
fn check_refuses_nights_that_the_clock_skips_or_that_never_come() {
    let dir = fresh("check-nights");
    fs::create_dir_all(dir.join("lists")).unwrap();
    fs::write(dir.join("lists/maven.txt"), "").unwrap();
    fs::write(dir.join("wheels.jsonl"), "").unwrap();
    let of = |cron: &str| {
        let [(_, line, message)] =
            found(&dir, &CACHE.replace("cron(30 1 ? * * *)", cron)).try_into().unwrap();
        assert_eq!(line, 4);
        message
    };
    let skipped = of("cron(30 2 ? * * *)");
    assert!(skipped.starts_with("`schedule`: 02:30 is skipped on 20"), "{skipped}");
    assert_eq!(of("cron(0 1 ? * FRI 2020)"), "`schedule`: it names no time within the next three years");
}

#[test]
fn manifests_are_shown_or_written_into_a_folder() {
    let dir = fresh("manifests");
    let config = config(&dir, CACHE);
    let show =
        ["cache", "manifests", "maven", "--config", &config, "--snapshot", "snap-0a1", "--generation", "7"];
    let shown = out(&watchkeeper(&dir, &show));
    assert!(shown.contains("snapshotHandle: snap-0a1") && shown.contains("storage: 100Gi"), "{shown}");
    let write =
        [&show[..], &["--out", dir.to_str().unwrap(), "--size-gib", "120", "--namespace", "builds"]].concat();
    let told = out(&watchkeeper(&dir, &write));
    assert!(told.ends_with("maven-cache.yaml: generation 7 of maven\n"), "{told}");
    let written = fs::read_to_string(dir.join("maven-cache.yaml")).unwrap();
    assert!(written.contains("namespace: builds") && written.contains("storage: 120Gi"), "{written}");
    let unknown = [&["cache", "manifests", "gradle"], &show[3..]].concat();
    let refused = watchkeeper(&dir, &unknown);
    assert_eq!(refused.status.code(), Some(1));
    let told = String::from_utf8(refused.stderr).unwrap();
    assert!(told.contains("there is no cache `gradle` in the configuration; known: maven"), "{told}");
}
