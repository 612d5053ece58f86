//! The facts of a notice, one a line, in the order in which to show them.

use jiff::Timestamp;
use watchkeeper_domain::{
    case::{Actionability, Case, Content, When},
    notice::{Fact, Kind},
    text,
};

use super::{News, left, moment};
use crate::decide::total;

/// All the facts of `news`.
pub(super) fn facts(news: News<'_>, environment: Option<&str>, now: Timestamp) -> Vec<Fact> {
    let News { next, before, said, .. } = news;
    let content = &said.content;
    let account = match environment {
        Some(environment) => format!("{} ({environment})", next.id.account),
        None => next.id.account.clone(),
    };
    let missing = || format!("{} of {} pages have come; the rest may follow", said.pages, said.total_pages);
    let rows = [
        ("Status", Some(status(next, before))),
        ("Deadline", next.deadline.map(|at| format!("{}, {}", moment(at), left(at, now)))),
        ("Deadline was", moved_deadline(next, before)),
        ("Started", show(&content.start).filter(|_| next.deadline.is_none() && next.kind == Kind::Issue)),
        ("Date", show_raw(&content.start)),
        ("Ends", show(&content.end).filter(|_| !said.is_closed() && content.end != content.start)),
        ("Ended", show(&content.end).filter(|_| said.is_closed() && next.kind == Kind::Issue)),
        ("Resources", resource_counts(next)),
        ("IAM user", content.metadata.get("userName").map(|name| text::cut(name, 100))),
        ("Found at", content.metadata.get("exposedUrl").map(|url| text::cut(url, 300))),
        ("Incomplete", (!said.is_complete()).then(missing)),
        ("Account", Some(account)),
        ("Region", Some(content.region.clone()).filter(|it| !it.is_empty())),
        ("Action", action(content)),
    ];
    let fact = |(name, value): (&str, Option<String>)| {
        Some(Fact { name: name.to_owned(), value: text::line(&value?) })
    };
    rows.into_iter().filter_map(fact).collect()
}

fn status(next: &Case, before: Option<&Case>) -> String {
    match before.map(|before| &before.status).filter(|was| **was != next.status) {
        Some(was) => format!("{was} → {}", next.status),
        None => next.status.to_string(),
    }
}

fn moved_deadline(next: &Case, before: Option<&Case>) -> Option<String> {
    let was = before?.deadline?;
    (next.deadline.is_some_and(|is| is != was)).then(|| moment(was))
}

fn show(when: &Option<When>) -> Option<String> {
    match when.as_ref()? {
        When::At(at) => Some(moment(*at)),
        When::Raw(raw) => Some(text::cut(raw, 100)),
    }
}

fn show_raw(when: &Option<When>) -> Option<String> {
    match when.as_ref()? {
        When::At(_) => None,
        When::Raw(raw) => Some(format!("{} (as AWS wrote it)", text::cut(raw, 100))),
    }
}

/// `3: 1 pending, 2 resolved`, or the number alone where AWS gave no status.
fn resource_counts(case: &Case) -> Option<String> {
    let total = total(&case.entities);
    let named = case.entities.iter().filter(|(status, _)| *status != "UNKNOWN" || case.entities.len() > 1);
    let named: Vec<_> =
        named.take(8).map(|(status, count)| format!("{count} {}", status.to_lowercase())).collect();
    match (total, named.is_empty()) {
        (0, _) => None,
        (total, true) => Some(total.to_string()),
        (total, false) => Some(format!("{total}: {}", named.join(", "))),
    }
}

fn action(content: &Content) -> Option<String> {
    Some(match content.actionability.as_ref()? {
        Actionability::ActionRequired => "required".to_owned(),
        Actionability::ActionMayBeRequired => "may be required".to_owned(),
        Actionability::Informational => "none, for information".to_owned(),
        Actionability::Other(raw) => text::cut(raw, 100),
    })
}
