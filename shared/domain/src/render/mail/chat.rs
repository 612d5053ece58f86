//! A custom notification for Amazon Q Developer in chat applications, which passes it on to Slack or Teams.
//!
//! The shape is that of the Amazon Q Developer in chat applications Administrator Guide, "Custom notifications". What
//! does not conform is dropped without a word, so everything optional is left out where it would be empty.
//!
//! `client-markdown` is rendered by whichever client shows it, and whether Amazon Q escapes anything on the way is not
//! documented. So what we did not write is disarmed in a way that needs no decoding: characters that begin markup are
//! replaced by ones that look like them, or parted by an invisible joiner.

use serde_json::{Value, json};

use crate::{
    message::Message,
    render::{REPEATED, facts, headline, links, next_step, standing, text_label},
    text,
};

/// The most characters of a title. The real limit is undocumented: unverified.
const TITLE: usize = 250;
/// The most characters of a description. The real limit is undocumented: unverified.
const DESCRIPTION: usize = 8_000;
/// The most characters of a name.
const NAME: usize = 40;
/// The most characters of a value.
const VALUE: usize = 200;
/// The most characters of a step.
const STEP: usize = 600;
/// How many resources are named.
const RESOURCES: usize = 10;
/// The most characters of AWS's own words.
const TEXT: usize = 3_000;
/// U+2060 WORD JOINER: it has no width, and belongs to no markup.
const JOINER: char = '\u{2060}';

/// `message` as a custom notification.
pub(super) fn notification(message: &Message) -> Value {
    let notice = &message.notice;
    let title = title(message);
    json!({
        "version": "1.0",
        "source": "custom",
        "id": text::cut(&notice.id, VALUE),
        "content": {
            "textType": "client-markdown",
            "title": title,
            "description": description(message),
            "nextSteps": steps(message),
            "keywords": keywords(message),
        },
        "metadata": metadata(message, &title),
    })
}

fn title(message: &Message) -> String {
    let severity = message.severity().as_str().to_uppercase();
    text::cut(&plain(&format!("{severity}: {}", headline(message))), TITLE)
}

/// A list of what is known, the resources, and AWS's own words as a quotation.
fn description(message: &Message) -> String {
    let notice = &message.notice;
    let mut lines = vec![plain(&standing(message))];
    lines.extend(message.repeated.then(|| REPEATED.to_owned()));
    let fact = |name: &str, value: &str| format!("• {}: {}", short(name, NAME), short(value, VALUE));
    lines.extend(facts(message).iter().map(|it| fact(&it.name, &it.value)));
    lines.extend(
        resources(message).iter().map(|(status, name)| format!("• {} {}", short(status, NAME), code(name))),
    );
    if let Some(label) = text_label(notice) {
        lines.push(format!("{label}:"));
        let said = text::cut(&text::clean(&notice.text), TEXT);
        lines.extend(said.lines().map(|line| format!("> {}", block(line)).trim_end().to_owned()));
    }
    text::cut(&lines.join("\n"), DESCRIPTION)
}

fn steps(message: &Message) -> Vec<String> {
    let step = next_step(message).map(|step| text::cut(&block(&step), STEP));
    let links = links(&message.notice);
    let links = links.iter().map(|link| format!("{}: {}", plain(&link.title), link.url));
    step.into_iter().chain(links).collect()
}

fn keywords(message: &Message) -> Vec<String> {
    let notice = &message.notice;
    let words = [message.severity().as_str(), notice.kind.as_str(), &notice.service, &notice.region];
    words.iter().map(|word| short(word, NAME)).filter(|word| !word.is_empty()).collect()
}

/// `threadId` makes a thread of a case, where the channel's preferences allow it.
fn metadata(message: &Message, title: &str) -> Value {
    let notice = &message.notice;
    let kind = notice.kind.as_str();
    let named = if notice.type_code.is_empty() { kind } else { &notice.type_code };
    let context = [
        ("severity", message.severity().as_str()),
        ("kind", kind),
        ("change", notice.change.as_str()),
        ("account", &notice.account),
        ("region", &notice.region),
        ("owner", notice.owner.as_deref().unwrap_or_default()),
        ("case", &notice.thread),
    ];
    let context = context.map(|(name, value)| (name.to_owned(), Value::String(short(value, VALUE))));
    let context = context.into_iter().filter(|(_, value)| value != "").collect();
    let mut metadata = json!({
        "threadId": text::cut(&text::line(&message.conversation), VALUE),
        "summary": title,
        "eventType": short(named, VALUE),
        "additionalContext": Value::Object(context),
    });
    let related: Vec<_> = resources(message).into_iter().map(|(_, name)| plain(&name)).collect();
    if !related.is_empty() {
        metadata["relatedResources"] = json!(related);
    }
    metadata
}

/// The status and the name of the first ones.
fn resources(message: &Message) -> Vec<(String, String)> {
    let shown = message.notice.resources.iter().take(RESOURCES);
    shown.map(|it| (it.status.clone(), text::cut(&text::line(&it.name), VALUE))).collect()
}

fn short(text: &str, limit: usize) -> String {
    text::cut(&plain(text), limit)
}

/// [`plain`], where a line begins: no heading, list, rule or table.
fn block(text: &str) -> String {
    let text = plain(text);
    if text.starts_with(['#', '-', '+', '=', '|']) { format!("{JOINER}{text}") } else { text }
}

/// `text` on one line, in which nothing formats, links or mentions, on Slack or Teams, decoded or not. A bare address
/// stays one: it shows where it goes.
fn plain(text: &str) -> String {
    let text = text::line(text);
    let mut out = String::with_capacity(text.len());
    let (mut before, mut rest) = (' ', text.chars());
    while let Some(c) = rest.next() {
        let after = rest.as_str();
        match c {
            '<' => out.push('‹'),
            '>' => out.push('›'),
            '*' => out.push('∗'),
            '~' => out.push('∼'),
            '`' => out.push('ˋ'),
            '_' if !(before.is_alphanumeric() && after.starts_with(char::is_alphanumeric)) => out.push('＿'),
            '@' if !before.is_ascii_alphanumeric() => out.extend([c, JOINER]),
            '&' if begins_entity(after) => out.extend([c, JOINER]),
            ']' => out.extend([c, JOINER]),
            _ => out.push(c),
        }
        before = c;
    }
    out
}

/// Whether an `&` before `text` makes a character of it: `lt;`, `#60;`, and where a decoder is lenient, `lt`.
fn begins_entity(text: &str) -> bool {
    let after = text.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || c == '#');
    let is_named = after.len() < text.len() && after.starts_with(';');
    let is_lenient = ["#", "lt", "gt", "LT", "GT", "amp", "AMP"].iter().any(|name| text.starts_with(name));
    is_named || is_lenient
}

/// `text` between backticks, where only a backtick, an entity and Slack's angle brackets mean anything.
fn code(text: &str) -> String {
    let inside: String = text
        .chars()
        .map(|c| match c {
            '`' => 'ˋ',
            '<' => '‹',
            '>' => '›',
            '&' => '＆', // fullwidth
            _ => c,
        })
        .collect();
    format!("`{inside}`")
}
