//! Microsoft Teams: an Adaptive Card for a Workflows address.
//!
//! Only the title and the facts are parsed as Markdown, and escaped for it. Everything else is a `TextRun`, which Teams
//! shows as it is (Adaptive Cards, "TextRun": "Markdown is not supported"), a paragraph to a block, since not every
//! client breaks lines inside one.

use serde_json::{Value, json};

use crate::{
    message::Message,
    notice::Severity,
    render::{REPEATED, facts, headline, links, next_step, resource_count, standing, text_label},
    text,
};

/// The largest card, in bytes. Teams refuses a message of about 28 KB ("Create and send messages", "Message size
/// limit"); what a Workflow adds on the way is not documented.
const CARD: usize = 24 * 1024;
/// The longest title.
const TITLE: usize = 200;
/// The longest name of a fact.
const NAME: usize = 24;
/// The longest value of a fact.
const VALUE: usize = 120;
/// The longest next step.
const STEP: usize = 400;
/// How much of the text, and how many resources, in steps: the first that fits is taken. The last one always does.
const STEPS: [Extent; 4] = [
    Extent { text: 1_000, paragraphs: 10, resources: 10 },
    Extent { text: 600, paragraphs: 6, resources: 6 },
    Extent { text: 250, paragraphs: 3, resources: 3 },
    Extent { text: 0, paragraphs: 0, resources: 0 },
];

/// How much of what AWS may have written at length is shown.
#[derive(Clone, Copy)]
struct Extent {
    text: usize,
    paragraphs: usize,
    resources: usize,
}

/// `message` as what a Workflow with the trigger "When a Teams webhook request is received" posts.
pub fn card(message: &Message) -> Value {
    let cards = STEPS.into_iter().map(|extent| envelope(message, extent));
    let mut cards = cards.skip_while(|card| card.to_string().len() > CARD);
    cards.next().unwrap_or_else(|| envelope(message, STEPS[STEPS.len() - 1]))
}

/// Whether `url` is of an Office 365 connector. Microsoft has retired those (Microsoft 365 developer blog, "Retirement
/// of Office 365 connectors within Microsoft Teams"): nothing that is sent there is shown any more. A Workflow takes
/// their place.
pub fn retired(url: &str) -> bool {
    let url = url.trim().to_ascii_lowercase();
    let rest = url.split_once("://").map_or(url.as_str(), |(_, rest)| rest);
    let (host, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    let host = host.split_once(':').map_or(host, |(host, _)| host);
    let is_outlook = matches!(host, "outlook.office.com" | "outlook.office365.com");
    host == "webhook.office.com"
        || host.ends_with(".webhook.office.com")
        || (is_outlook && path.starts_with("/webhook"))
}

fn envelope(message: &Message, extent: Extent) -> Value {
    let title = text::cut(&headline(message), TITLE);
    let content = json!({
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "fallbackText": markdown(&title),
        "msteams": { "width": "Full" },
        "body": body(message, &title, extent),
        "actions": actions(message),
    });
    json!({
        "type": "message",
        "attachments": [{
            "contentType": "application/vnd.microsoft.card.adaptive",
            "contentUrl": null,
            "content": content,
        }],
    })
}

fn body(message: &Message, title: &str, extent: Extent) -> Vec<Value> {
    let mut body = vec![
        json!({
            "type": "TextBlock",
            "text": markdown(title),
            "size": "Large",
            "weight": "Bolder",
            "color": colour(message),
            "wrap": true,
        }),
        paragraph(&standing(message), Some("Bolder")),
    ];
    body.extend(message.repeated.then(|| paragraph(REPEATED, None)));
    let facts: Vec<_> = facts(message).iter().map(|it| fact(&it.name, &it.value)).collect();
    if !facts.is_empty() {
        body.push(json!({ "type": "FactSet", "facts": facts }));
    }
    body.extend(affected(message, extent));
    let step = next_step(message).map(|step| run(&text::cut(&step, STEP)));
    body.extend(step.into_iter().flat_map(|step| titled("Next step", vec![block(step)])));
    body.extend(said(message, extent));
    body.extend(context(message));
    body
}

/// The named colours of the schema; the words beside it say the same.
fn colour(message: &Message) -> &'static str {
    match message.severity() {
        _ if message.is_closed() => "Good",
        Severity::Critical | Severity::High => "Attention",
        Severity::Medium => "Warning",
        Severity::Low => "Accent",
    }
}

fn fact(name: &str, value: &str) -> Value {
    json!({ "title": markdown(&text::cut(name, NAME)), "value": markdown(&text::cut(value, VALUE)) })
}

/// The first resources, and how many more there are.
fn affected(message: &Message, extent: Extent) -> Vec<Value> {
    let shown = message.notice.resources.iter().take(extent.resources);
    let shown = shown.map(|it| (text::line(&it.name), text::line(&it.status).to_lowercase()));
    let shown: Vec<_> = shown.filter(|(name, _)| !name.is_empty()).collect();
    let more = resource_count(message).saturating_sub(shown.len());
    let mut lines: Vec<_> = shown
        .iter()
        .map(|(name, status)| {
            let mut name = run(&text::cut(name, VALUE));
            name["fontType"] = json!("Monospace");
            let status = run(&format!("  {}", text::cut(status, NAME)));
            json!({ "type": "RichTextBlock", "spacing": "None", "inlines": [name, status] })
        })
        .collect();
    if more > 0 && !lines.is_empty() {
        lines.push(paragraph(&format!("… and {more} more"), None));
    }
    titled("Affected", lines)
}

/// AWS's words, cut to so many characters and paragraphs.
fn said(message: &Message, extent: Extent) -> Vec<Value> {
    let Some(label) = text_label(&message.notice) else { return Vec::new() };
    let text = text::cut(&text::clean(&message.notice.text), extent.text);
    let mut lines: Vec<_> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    let is_long = lines.len() > extent.paragraphs;
    lines.truncate(extent.paragraphs);
    lines.extend((is_long && !lines.is_empty()).then_some("…"));
    titled(label, lines.into_iter().map(|line| paragraph(line, None)).collect())
}

/// What to search for: `RDS, AWS_RDS_PLANNED_LIFECYCLE_EVENT, 111122223333, eu-west-1`.
fn context(message: &Message) -> Option<Value> {
    let notice = &message.notice;
    let parts = [&notice.service, &notice.type_code, &notice.account, &notice.region];
    let parts = parts.map(|part| text::cut(&text::line(part), VALUE));
    let line = parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ");
    let first = if message.fold.is_some() { "First case: " } else { "" };
    let mut run = run(&format!("{first}{line}"));
    run["isSubtle"] = json!(true);
    run["size"] = json!("Small");
    let block = json!({ "type": "RichTextBlock", "separator": true, "inlines": [run] });
    (!line.is_empty()).then_some(block)
}

/// Our own addresses and the dashboard's. Teams shows up to six.
fn actions(message: &Message) -> Vec<Value> {
    let open = |title: &str, url: &str| json!({ "type": "Action.OpenUrl", "title": title, "url": url });
    let links = links(&message.notice);
    links.iter().map(|it| open(if it.title.is_empty() { "Link" } else { &it.title }, &it.url)).collect()
}

/// `blocks` below a heading. Nothing where there are none.
fn titled(title: &str, blocks: Vec<Value>) -> Vec<Value> {
    let mut heading = run(title);
    heading["weight"] = json!("Bolder");
    let heading = json!({ "type": "RichTextBlock", "inlines": [heading] });
    let heading = (!blocks.is_empty()).then_some(heading);
    heading.into_iter().chain(blocks).collect()
}

fn paragraph(text: &str, weight: Option<&str>) -> Value {
    let mut run = run(text);
    if let Some(weight) = weight {
        run["weight"] = json!(weight);
    }
    block(run)
}

fn block(run: Value) -> Value {
    json!({ "type": "RichTextBlock", "spacing": "Small", "inlines": [run] })
}

/// Text as it is, but for the date functions that every text of a card understands (Adaptive Cards, "Text features").
fn run(text: &str) -> Value {
    json!({ "type": "TextRun", "text": parted(text) })
}

/// `text` on one line as Markdown that shows it as it is (CommonMark 0.31, "Backslash escapes").
///
/// Only what could be live is escaped, since clients on telephones have shown the backslashes
/// (MicrosoftDocs/msteams-docs, issue 5793): brackets, quotes of code, emphasis, HTML, entities, and an address's colon
/// anywhere; the marks of lists, quotations and headings at the start of the line.
fn markdown(text: &str) -> String {
    let text = parted(&text::line(text));
    let digits = text.chars().take_while(char::is_ascii_digit).count();
    let mut out = String::with_capacity(text.len());
    for (at, c) in text.char_indices() {
        let rest = &text[at + c.len_utf8()..];
        let is_live = match c {
            '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '&' | '~' | '|' | '!' => true,
            '#' | '+' | '-' | '=' => at == 0,
            '.' | ')' => digits > 0 && at == digits,
            ':' => rest.starts_with("//"),
            _ => false,
        };
        if is_live {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// `text` with every `{{` parted.
fn parted(text: &str) -> String {
    let mut text = text.to_owned();
    while text.contains("{{") {
        text = text.replace("{{", "{ {");
    }
    text
}

#[cfg(test)]
mod tests;
