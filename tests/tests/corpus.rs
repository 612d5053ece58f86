//! Recorded and adapted payloads of AWS, where they are present: each gets an outcome, none panics, none is dropped.

use std::{collections::BTreeMap, fs, path::PathBuf};

use serde_json::{Value, json};
use watchkeeper_shell::Outcome;
use watchkeeper_sim::memory::Memory;
use watchkeeper_tests::support::estate::{Estate, minute};

/// The corpus beside the checkout, or nothing, said aloud.
fn corpus() -> Option<BTreeMap<String, Value>> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/fixtures/health");
    let Ok(files) = fs::read_dir(&folder) else {
        eprintln!("SKIPPED: no recorded payloads at {}; they are not part of the project", folder.display());
        return None;
    };
    let paths = files.map(|file| file.unwrap().path());
    let json = paths.filter(|path| path.extension().is_some_and(|it| it == "json"));
    let read = |path: PathBuf| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        (name, serde_json::from_slice(&fs::read(path).unwrap()).unwrap())
    };
    Some(json.map(read).collect())
}

#[tokio::test]
async fn every_recorded_payload_gets_an_outcome() {
    let Some(corpus) = corpus() else { return };
    let estate = Estate::new(Memory::default());
    let mut outcomes: BTreeMap<&str, usize> = BTreeMap::new();
    for (name, payload) in &corpus {
        let report = estate.deliver(payload, minute(0)).await;
        assert!(report.failure.is_none(), "{name}: {:?}", report.failure);
        assert_ne!(report.reason, "", "{name}");
        *outcomes.entry(report.outcome.metric()).or_default() += 1;
        let is_event = payload.get("detail").is_some() || payload.get("Records").is_some();
        assert_eq!(is_event, report.outcome != Outcome::Foreign, "{name}: {}", report.reason);
    }
    println!("{outcomes:?}");
    // Some pages of a longer notice are not in the corpus: after the page timeout, what has come is told.
    let before = estate.told().len();
    assert!(estate.sweep(minute(11)).await.failure.is_none());
    assert!(estate.told().len() > before);
    for notice in estate.told() {
        assert_ne!(notice.headline, "");
        assert!(!notice.text.contains("\\n"), "{}", notice.text);
        assert!(serde_json::to_vec(&notice).unwrap().len() < 32 * 1024);
    }
}

#[tokio::test]
async fn recorded_payloads_again_tell_nobody() {
    let Some(corpus) = corpus() else { return };
    let estate = Estate::new(Memory::default());
    let deliver = async |at: i64| {
        for payload in corpus.values() {
            estate.deliver(payload, minute(at)).await;
        }
    };
    deliver(0).await;
    estate.sweep(minute(11)).await;
    let told = estate.told().len();
    deliver(12).await;
    assert_eq!(estate.told().len(), told);
}

#[test]
fn facts_of_the_corpus_are_read_right() {
    let Some(corpus) = corpus() else { return };
    let page = |name: &str| {
        let (_, payload) = corpus.iter().find(|(file, _)| file.starts_with(name)).unwrap();
        match health_responder::event::parse(payload, minute(0)).remove(0).event {
            health_responder::event::Event::PageDelivered(page) => *page,
            other => panic!("{other:?}"),
        }
    };
    let read = |name: &str| {
        let page = page(name);
        let kind = health_responder::severity::kind(&page.content);
        let deadline = health_responder::severity::deadline(kind, &page.content).map(|at| at.to_string());
        json!([kind, page.content.status, deadline, page.page, page.total_pages, page.entities.len()])
    };
    let expected = [
        ("02", json!(["issue", "open", null, 1, 1, 0])),
        ("05", json!(["planned-lifecycle", "open", "2026-08-27T13:19:03Z", 1, 10, 4])),
        ("07", json!(["issue", "open", null, 1, 1, 1])),
        ("08", json!(["issue", "closed", null, 1, 1, 1])),
        ("09", json!(["scheduled-change", "upcoming", "2022-06-27T08:00:00Z", 1, 1, 1])),
        ("16", json!(["good-news", "open", null, 1, 1, 1])),
        ("18", json!(["scheduled-change", "open", "2023-08-16T23:18:51Z", 1, 1, 2])),
        ("21", json!(["security", "open", null, 1, 1, 2])),
        ("26", json!(["planned-lifecycle", "closed", "2025-09-01T07:00:00Z", 1, 1, 2])),
        (
            "32-synthetic-paged-lambda-ple-page2",
            json!(["planned-lifecycle", "upcoming", "2026-04-30T07:00:00Z", 2, 3, 40]),
        ),
        ("34", json!(["issue", "paused", null, 1, 1, 2])),
        ("35", json!(["scheduled-change", "upcoming", "2022-06-27T08:00:00Z", 1, 1, 1])),
    ];
    for (name, expected) in expected {
        assert_eq!(read(name), expected, "{name}");
    }
}
