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

/// Every text in the card `value` in which Teams looks for Markdown: all but those of a TextRun.
fn markdown(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) => found.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| markdown(item, found)),
        Value::Object(entries) if value["type"] != "TextRun" => {
            entries.values().for_each(|value| markdown(value, found));
        }
        Value::Object(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn is_within_the_limits_of_slack(body: &Value, name: &str) {
    let blocks = body["blocks"].as_array().unwrap();
    assert!(blocks.len() <= 50, "{name}");
    assert!(body["blocks"].to_string().chars().count() <= 12_000, "{name}");
    for block in blocks {
        if block["type"] == "header" {
            assert_eq!(block["text"]["type"], "plain_text", "{name}");
            assert!(block["text"]["text"].as_str().unwrap().chars().count() <= 150, "{name}");
        }
    }
    // Markup could only live in mrkdwn, and in the fallback.
    assert!(!body["blocks"].to_string().contains("\"mrkdwn\""), "{name}");
    let fallback = body["text"].as_str().unwrap();
    assert!(!fallback.contains('<') && !fallback.contains('>'), "{name}: {fallback}");
}

#[tokio::test]
async fn every_recorded_payload_renders_within_every_limit_of_every_channel() {
    use watchkeeper_domain::{
        message::Message,
        render::{mail, pagerduty, slack, teams},
    };
    let Some(corpus) = corpus() else { return };
    let estate = Estate::new(Memory::default());
    for payload in corpus.values() {
        estate.deliver(payload, minute(0)).await;
    }
    estate.sweep(minute(11)).await;
    let notices = estate.told();
    assert!(notices.len() >= 15, "only {}", notices.len());
    for notice in notices {
        let name = notice.headline.clone();
        let message = Message { conversation: notice.thread.clone(), notice, fold: None, repeated: true };
        for body in [slack::blocks(&message), slack::reply(&message)] {
            is_within_the_limits_of_slack(&body, &name);
        }
        for (key, text) in slack::workflow(&message).as_object().unwrap() {
            let text = text.as_str().unwrap_or_else(|| panic!("{name}: {key} is not a text"));
            assert!(!text.contains('<') && !text.contains('>'), "{name}: {text}");
        }
        let card = teams::card(&message);
        assert!(card.to_string().len() <= 28 * 1024, "{name}");
        let mut live = Vec::new();
        markdown(&card, &mut live);
        assert!(live.iter().all(|text| !text.contains("](http")), "{name}");
        if let Some(pagerduty::Call::Alert(event) | pagerduty::Call::Change(event)) =
            pagerduty::event(&message, "R0UT1NGKEYR0UT1NGKEYR0UT1NGKEY00", true)
        {
            let summary = event["payload"]["summary"].as_str();
            let needs_none = matches!(event["event_action"].as_str(), Some("acknowledge" | "resolve"));
            assert!(summary.is_some() || needs_none, "{name}: {event}");
            assert!(summary.unwrap_or_default().chars().count() <= 1024, "{name}");
            assert!(event.to_string().len() <= 512 * 1024, "{name}");
        }
        let forms = mail::forms(&message);
        assert!(forms.to_json().len() <= 256 * 1024, "{name}");
        let wide =
            |line: &&str| line.chars().count() > 72 && line.trim_start_matches("> ").trim().contains(' ');
        assert_eq!(forms.email.lines().find(wide), None, "{name}");
        let subject = mail::subject(&message);
        assert!(subject.is_ascii() && subject.len() < 100 && !subject.contains('\n'), "{name}: {subject}");
        let chat: Value = serde_json::from_str(&forms.https).unwrap();
        assert_eq!((&chat["version"], &chat["source"]), (&json!("1.0"), &json!("custom")), "{name}");
        let description = chat["content"]["description"].as_str().unwrap();
        assert!(!description.contains("](http") && !description.contains("<!"), "{name}: {description}");
    }
}
