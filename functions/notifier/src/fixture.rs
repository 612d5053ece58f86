//! Notices for tests.

use jiff::Timestamp;
use watchkeeper_domain::notice::{Change, Kind, Notice, Severity};

pub(crate) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// The notice `seq` of a case of its own.
pub(crate) fn notice(seq: u32) -> Notice {
    let base = crate::words::undeliverable("slack", &empty(), "404", at("2026-11-20T12:00:00Z"));
    Notice {
        id: format!("n{seq}"),
        thread: "lead".into(),
        seq,
        kind: Kind::PlannedLifecycle,
        change: if seq == 1 { Change::Opened } else { Change::Updated },
        severity: Severity::High,
        topic: "topic".into(),
        ..base
    }
}

fn empty() -> Notice {
    serde_json::from_value(serde_json::json!({
        "id": "", "thread": "", "seq": 1, "kind": "issue", "change": "opened", "severity": "low", "headline": "",
        "text": "", "facts": [], "resources": [], "resource_count": 0, "deadline": null, "owner": null,
        "next_step": "", "links": [], "service": "", "type_code": "", "region": "eu-west-1",
        "account": "111122223333", "environment": null, "personas": [], "actionability": "", "event_arn": "",
        "topic": "", "provider_change": true, "drill": false, "at": "2026-11-20T12:00:00Z"
    }))
    .unwrap()
}
