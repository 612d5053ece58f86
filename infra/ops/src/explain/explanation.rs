//! What is to be said about one event.

use serde_json::{Value, json};
use watchkeeper_domain::{
    notice::Notice,
    render::terminal::{self, Paint, render},
    text,
};

use super::destinations::Destinations;
use crate::screen::Screen;

/// What is to be said about one event.
#[derive(Clone, Debug)]
pub(super) struct Explanation {
    /// `-` when it has none.
    pub(super) event_id: String,
    /// The function that hears it.
    pub(super) function: Option<&'static str>,
    /// What the event is.
    pub(super) facts: Vec<(&'static str, String)>,
    /// The decision as a paragraph.
    pub(super) decision: String,
    /// The decision as it is.
    pub(super) details: Value,
    /// What would be published.
    pub(super) notices: Vec<Notice>,
    /// Where each of `notices` would go.
    pub(super) destinations: Vec<Destinations>,
}

impl Explanation {
    /// One of few words.
    pub(super) fn short(kind: &str, decision: &str) -> Self {
        Self {
            event_id: "-".to_owned(),
            function: None,
            facts: vec![("Kind", kind.to_owned())],
            decision: decision.to_owned(),
            details: Value::Null,
            notices: Vec::new(),
            destinations: Vec::new(),
        }
    }

    /// For people.
    pub(super) fn to_text(&self, file: &str, screen: &Screen) -> String {
        let mut lines = vec![screen.paint(file, Paint::Bold)];
        let function = ("Function", self.function.unwrap_or("none").to_owned());
        let facts = [function].into_iter().chain(self.facts.iter().cloned());
        lines.extend(facts.map(|(name, value)| row(name, &text::line(&value), screen)));
        lines.push(String::new());
        lines.extend(terminal::wrap(&self.decision, screen.width, false));
        let mut out = format!("{}\n", lines.join("\n"));
        for (index, notice) in self.notices.iter().enumerate() {
            out.push_str(&format!("\n{}", render(notice, screen.width, screen.style)));
            let goes_to = self.destinations.get(index).map(Destinations::lines).unwrap_or_default();
            let rows = goes_to
                .iter()
                .enumerate()
                .map(|(index, line)| row(if index == 0 { "Goes to" } else { "" }, line, screen));
            let rows: Vec<_> = rows.collect();
            out.push_str(&format!("\n{}\n", rows.join("\n")));
        }
        out
    }

    /// For machines.
    pub(super) fn to_json(&self, file: &str) -> Value {
        let facts: serde_json::Map<_, _> =
            self.facts.iter().map(|(name, value)| (name.to_lowercase(), json!(value))).collect();
        json!({
            "file": file,
            "event_id": self.event_id,
            "function": self.function,
            "event": facts,
            "because": self.decision,
            "decision": self.details,
            "notices": self.notices,
            "destinations": self.destinations.iter().map(Destinations::to_json).collect::<Vec<_>>(),
        })
    }
}

fn row(name: &str, value: &str, screen: &Screen) -> String {
    format!("  {}  {value}", screen.paint(&format!("{name:<13}"), Paint::Dim))
}
