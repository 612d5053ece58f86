//! Slack: Block Kit for webhooks and bots, flat variables for workflows.
//!
//! Everything in a block is `plain_text` or `rich_text`, which Slack shows as it is: what AWS wrote cannot mention
//! anybody there, link to anything or set a style. Only the `text` beside the blocks is parsed as `mrkdwn`, and is
//! escaped (Slack developer documentation, "Formatting message text", "Escaping text"). Links are links of `rich_text`
//! and no buttons: an app that takes no interactions shows a warning when somebody presses a button.

mod kit;
mod size;

use serde_json::{Value, json};

use crate::{
    message::Message,
    notice::{Change, Severity},
    render::{REPEATED, facts, headline, links, next_step, resource_count, standing, text_label},
    text,
};

use self::{
    kit::{bold, code, date, link, moment, plain, rich, section, words},
    size::{escape, fit, size},
};

/// The largest message. Slack answers `msg_blocks_too_long` to more than about 13,200 characters, and seems to count
/// the JSON: 11,341 characters of text in many elements were too long (slackapi/bolt-js, issues 2509 and 2867; the
/// limit is not documented).
const BLOCKS: usize = 12_000;
/// The longest header (Slack developer documentation, "Header block").
const HEADER: usize = 150;
/// The longest line of text where Slack has no limit of its own.
const LINE: usize = 300;
/// The longest name of a fact.
const NAME: usize = 24;
/// The longest name of a resource, and the longest variable of a workflow that has one line.
const VALUE: usize = 200;
/// The facts that a reply repeats: those that can have changed, and the extent of a storm.
const CHANGING: [&str; 6] = ["Status", "Deadline", "Deadline was", "Resources", "Ended", "Extent"];
/// How much is shown, in steps: the first that fits is taken. The last one always does.
const STEPS: [Extent; 5] = [
    Extent { text: 1_000, resources: 10, facts: 16, value: 200, step: 500, links: 5 },
    Extent { text: 500, resources: 5, facts: 16, value: 120, step: 400, links: 5 },
    Extent { text: 200, resources: 3, facts: 10, value: 80, step: 300, links: 3 },
    Extent { text: 0, resources: 0, facts: 8, value: 60, step: 200, links: 1 },
    Extent { text: 0, resources: 0, facts: 6, value: 60, step: 200, links: 0 },
];

/// How much is shown: characters of texts, numbers of lists.
#[derive(Clone, Copy)]
struct Extent {
    text: usize,
    resources: usize,
    facts: usize,
    value: usize,
    step: usize,
    links: usize,
}

/// The whole message, for a webhook, `chat.postMessage` and `chat.update`: `text` and `blocks`.
pub fn blocks(message: &Message) -> Value {
    let notice = &message.notice;
    fitting(message, |extent| {
        let limit = if notice.change == Change::CountedDown { extent.text / 4 } else { extent.text };
        let label = text_label(notice).unwrap_or("AWS says");
        vec![
            Some(json!({ "type": "header", "text": plain(&fit(&headline(message), HEADER)) })),
            Some(summary(message, extent, |_| true)),
            affected(message, extent),
            step(message, extent),
            quote(label, &fit(&text::clean(&notice.text), limit)),
            link_line(message, extent),
            context(message),
        ]
    })
}

/// The short form for a reply in the thread of a message that [`blocks`] made: what has changed, and what to do.
pub fn reply(message: &Message) -> Value {
    let notice = &message.notice;
    fitting(message, |extent| {
        let said = text_label(notice);
        vec![
            Some(rich(vec![section(vec![bold(&fit(&headline(message), LINE))])])),
            Some(summary(message, extent, |name| CHANGING.contains(&name))),
            step(message, extent),
            said.and_then(|label| quote(label, &fit(&text::clean(&notice.text), extent.text / 2))),
        ]
    })
}

/// The variables of a workflow that begins with a webhook: text, all of them, and none empty, since a workflow demands
/// every variable that it declares. A workflow may put one into a message, so they are escaped.
pub fn workflow(message: &Message) -> Value {
    let notice = &message.notice;
    let said = |text: &str, limit: usize, otherwise: &str| {
        let text = escape(&fit(&text::clean(text), limit));
        if text.is_empty() { otherwise.to_owned() } else { text }
    };
    let line = |text: &str, otherwise: &str| said(&text::line(text), VALUE, otherwise);
    let [most, ..] = STEPS;
    let link = links(notice).into_iter().next().map(|link| link.url);
    let names =
        notice.resources.iter().take(most.resources).map(|it| text::line(&it.name)).collect::<Vec<_>>();
    json!({
        "headline": said(&headline(message), LINE, "-"),
        "severity": message.severity().as_str(),
        "kind": notice.kind.as_str(),
        "change": notice.change.as_str(),
        "standing": said(&standing(message), LINE, "-"),
        "account": line(&notice.account, "-"),
        "environment": line(notice.environment.as_deref().unwrap_or_default(), "-"),
        "region": line(&notice.region, "-"),
        "service": line(&notice.service, "-"),
        "type_code": line(&notice.type_code, "-"),
        "deadline": message.deadline().map_or("none".to_owned(), moment),
        "owner": line(notice.owner.as_deref().unwrap_or_default(), "nobody"),
        "extent": message.fold.as_ref().map_or("1 case".to_owned(), |fold| fold.summary()),
        "resource_count": resource_count(message).to_string(),
        "resources": said(&names.join("\n"), most.text, "-"),
        "next_step": said(&next_step(message).unwrap_or_default(), most.step, "-"),
        "text": said(&notice.text, most.text, "-"),
        "link": link.as_deref().unwrap_or("https://health.aws.amazon.com/health/home"),
        "conversation": line(&message.conversation, "-"),
        "drill": if notice.drill { "yes" } else { "no" },
        "repeated": if message.repeated { REPEATED } else { "no" },
    })
}

/// `text` and as many `blocks` as fit.
fn fitting(message: &Message, blocks: impl Fn(Extent) -> Vec<Option<Value>>) -> Value {
    let [.., least] = STEPS;
    let all = |extent| blocks(extent).into_iter().flatten().collect::<Vec<_>>();
    let mut steps = STEPS.into_iter().map(all).skip_while(|blocks| size(blocks) > BLOCKS);
    let blocks = steps.next().unwrap_or_else(|| all(least));
    json!({ "text": escape(&fit(&fallback(message), LINE)), "blocks": blocks })
}

/// For a notification, a screen reader, and whoever cannot show blocks.
fn fallback(message: &Message) -> String {
    let severity = message.severity().as_str().to_uppercase();
    let severity = if message.is_closed() { String::new() } else { format!("{severity}: ") };
    let repeated = if message.repeated { " (sent again)" } else { "" };
    format!("{severity}{}{repeated}", fit(&headline(message), LINE - 50))
}

/// How it stands, and the facts below it.
fn summary(message: &Message, extent: Extent, is_shown: impl Fn(&str) -> bool) -> Value {
    let mut elements = vec![
        json!({ "type": "emoji", "name": emoji(message) }),
        words(" "),
        bold(&fit(&standing(message), VALUE)),
    ];
    if message.repeated {
        elements.push(words(&format!("\n{REPEATED}")));
    }
    let facts = facts(message).into_iter().filter(|fact| !fact.name.is_empty() && is_shown(&fact.name));
    for fact in facts.take(extent.facts) {
        let (name, value) = (fit(&fact.name, NAME), fit(&fact.value, extent.value));
        elements.extend([words("\n"), bold(&name), words(&format!("  {value}"))]);
        let is_ahead = fact.name == "Deadline" && !message.is_closed();
        if let Some(date) = message.deadline().filter(|_| is_ahead).and_then(date) {
            elements.extend([words(" ("), date, words(" your time)")]);
        }
    }
    rich(vec![section(elements)])
}

/// What catches the eye. The word beside it says the same.
fn emoji(message: &Message) -> &'static str {
    match message.severity() {
        _ if message.is_closed() => "white_check_mark",
        Severity::Critical => "rotating_light",
        Severity::High => "large_orange_circle",
        Severity::Medium => "large_yellow_circle",
        Severity::Low => "information_source",
    }
}

/// The first resources, and how many more there are.
fn affected(message: &Message, extent: Extent) -> Option<Value> {
    let shown = message.notice.resources.iter().take(extent.resources);
    let shown = shown.map(|it| (fit(&text::line(&it.name), VALUE), fit(&text::line(&it.status), NAME)));
    let item = |(name, status): (String, String)| {
        section(vec![code(&name), words(&format!("  {}", status.to_lowercase()))])
    };
    let mut items: Vec<_> = shown.filter(|(name, _)| !name.is_empty()).map(item).collect();
    let more = resource_count(message).saturating_sub(items.len());
    if items.is_empty() {
        return None;
    }
    items.extend((more > 0).then(|| section(vec![words(&format!("… and {more} more"))])));
    let list = json!({ "type": "rich_text_list", "style": "bullet", "elements": items });
    Some(rich(vec![section(vec![bold("Affected")]), list]))
}

fn step(message: &Message, extent: Extent) -> Option<Value> {
    let step = fit(&next_step(message)?, extent.step);
    Some(rich(vec![section(vec![bold("Next step"), words(&format!("  {step}"))])]))
}

/// What somebody else said, marked as such.
fn quote(label: &str, said: &str) -> Option<Value> {
    let quote = json!({ "type": "rich_text_quote", "elements": [words(said)] });
    (!said.is_empty()).then(|| rich(vec![section(vec![bold(label)]), quote]))
}

/// `Runbook · AWS Health Dashboard`.
fn link_line(message: &Message, extent: Extent) -> Option<Value> {
    let mut elements = Vec::new();
    for it in links(&message.notice).iter().take(extent.links) {
        elements.extend((!elements.is_empty()).then(|| words("  ·  ")));
        elements.push(link(if it.title.is_empty() { "Link" } else { &it.title }, &it.url));
    }
    (!elements.is_empty()).then(|| rich(vec![section(elements)]))
}

/// What to search for: `RDS · AWS_RDS_PLANNED_LIFECYCLE_EVENT`, with account and Region where no fact says them.
fn context(message: &Message) -> Option<Value> {
    let notice = &message.notice;
    let facts = facts(message);
    let is_said = |name: &str| facts.iter().any(|fact| fact.name == name);
    let parts = [
        (&notice.service, false),
        (&notice.type_code, false),
        (&notice.account, is_said("Account")),
        (&notice.region, is_said("Region")),
    ];
    let parts = parts.into_iter().filter(|(_, is_said)| !is_said).map(|(part, _)| text::line(part));
    let line = parts.filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" · ");
    let first = if message.fold.is_some() { "First case: " } else { "" };
    let line = plain(&fit(&format!("{first}{line}"), VALUE));
    (line["text"] != "").then(|| json!({ "type": "context", "elements": [line] }))
}

#[cfg(test)]
mod tests;
