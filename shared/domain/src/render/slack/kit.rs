//! The few parts of Block Kit that are used.

use jiff::Timestamp;
use serde_json::{Value, json};

/// A moment in the reader's own time zone (Slack developer documentation, "Rich text block", "Date element type").
/// `None` for one that no client could show.
pub(super) fn date(at: Timestamp) -> Option<Value> {
    let format = "{date_short_pretty} {time}";
    let seconds = at.as_second();
    (0..=4_102_444_800)
        .contains(&seconds)
        .then(|| json!({ "type": "date", "timestamp": seconds, "format": format, "fallback": moment(at) }))
}

/// A moment for everybody.
pub(super) fn moment(at: Timestamp) -> String {
    at.strftime("%-d %b %Y %H:%M UTC").to_string()
}

/// Text as it is: no `mrkdwn`, and no `:emoji:`.
pub(super) fn plain(text: &str) -> Value {
    json!({ "type": "plain_text", "text": text, "emoji": false })
}

/// A block of text with styles.
pub(super) fn rich(elements: Vec<Value>) -> Value {
    json!({ "type": "rich_text", "elements": elements })
}

/// A paragraph of it.
pub(super) fn section(elements: Vec<Value>) -> Value {
    json!({ "type": "rich_text_section", "elements": elements })
}

/// A piece of text as it is. Slack takes no empty one.
pub(super) fn words(text: &str) -> Value {
    json!({ "type": "text", "text": text })
}

/// The same in bold.
pub(super) fn bold(text: &str) -> Value {
    json!({ "type": "text", "text": text, "style": { "bold": true } })
}

/// The same in the type of code.
pub(super) fn code(text: &str) -> Value {
    json!({ "type": "text", "text": text, "style": { "code": true } })
}

/// A link to `url`.
pub(super) fn link(text: &str, url: &str) -> Value {
    json!({ "type": "link", "url": url, "text": text })
}
