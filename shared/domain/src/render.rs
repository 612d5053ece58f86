//! A message in the words and the shape of each sort of channel: pure, escaped first and cut after.

pub mod mail;
pub mod pagerduty;
pub mod slack;
pub mod teams;
pub mod terminal;

#[cfg(test)]
pub(crate) mod sample;

use crate::{
    message::Message,
    notice::{Change, Fact, Kind, Link, Notice},
    text,
};

/// How many facts a message has at most.
const FACTS: usize = 16;
/// How many links it has at most.
const LINKS: usize = 5;
/// The longest address, in bytes: a longer one would take a card of its own.
const URL: usize = 1_000;
/// The facts that are of one case, and not of a storm.
const OF_ONE_CASE: [&str; 7] =
    ["Status", "Deadline", "Deadline was", "Resources", "Incomplete", "Account", "Region"];

/// What is known, each on one line: of a storm its extent, and then what is true of all.
pub(crate) fn facts(message: &Message) -> Vec<Fact> {
    let notice = &message.notice;
    let fact = |name: &str, value: String| Fact { name: name.to_owned(), value };
    let owner = notice.owner.iter().map(|owner| fact("Owner", owner.clone()));
    let facts: Vec<_> = match &message.fold {
        None => notice.facts.iter().cloned().chain(owner).collect(),
        Some(fold) => {
            let deadline =
                fold.deadline.map(|at| at.strftime("%-d %b %Y %H:%M UTC, the earliest").to_string());
            let regions = fold.regions.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
            let shown = u32::try_from(fold.examples.len()).unwrap_or(u32::MAX);
            let more = fold.accounts.saturating_sub(shown);
            let accounts = fold.examples.iter().cloned().chain((more > 0).then(|| format!("{more} more")));
            let storm = [fact("Extent", fold.summary())]
                .into_iter()
                .chain(deadline.map(|at| fact("Deadline", at)))
                .chain([fact("Accounts", accounts.collect::<Vec<_>>().join(", "))])
                .chain([fact("Regions", regions)]);
            let common = notice.facts.iter().filter(|it| !OF_ONE_CASE.contains(&it.name.as_str()));
            storm.chain(common.cloned()).collect()
        }
    };
    let clean = |it: Fact| Fact { name: text::line(&it.name), value: text::line(&it.value) };
    facts.into_iter().map(clean).filter(|it| !it.value.is_empty()).take(FACTS).collect()
}

/// Where to go on reading: `https` addresses without anything that could end one in the middle of a text.
pub(crate) fn links(notice: &Notice) -> Vec<Link> {
    let plain = |c: char| c.is_ascii_graphic() && !matches!(c, '<' | '>' | '"' | '`' | '|' | '\\');
    let is_safe = |url: &str| url.starts_with("https://") && url.len() <= URL && url.chars().all(plain);
    let safe = notice.links.iter().filter(|link| is_safe(&link.url)).take(LINKS);
    safe.map(|link| Link { title: text::cut(&text::line(&link.title), 60), url: link.url.clone() }).collect()
}

/// How to introduce the text of `notice`. `None` if it is nothing new: a reminder is the clock's, and not AWS's.
pub(crate) fn text_label(notice: &Notice) -> Option<&'static str> {
    match (notice.kind, notice.change) {
        _ if notice.text.trim().is_empty() => None,
        (Kind::Malformed, _) => Some("As it came"),
        (Kind::Undeliverable, _) => Some("What happened"),
        (Kind::Drill | Kind::Cache, _) => Some("Why"),
        (_, Change::CountedDown) => None,
        _ => Some("AWS says"),
    }
}

/// What it is about, on one line. Of a storm it names what all have in common: the headline of the case that leads it
/// would give that one's Region, and may say that it is over.
pub(crate) fn headline(message: &Message) -> String {
    let notice = &message.notice;
    let own = text::line(&notice.headline);
    let (Some(fold), Some(title)) = (&message.fold, shared_title(notice)) else {
        return if own.is_empty() { "A notice without a headline".to_owned() } else { own };
    };
    let over = if message.is_closed() { "Resolved: " } else { "" };
    let accounts = text::count(usize::try_from(fold.accounts).unwrap_or(usize::MAX), "account");
    let regions = match fold.regions.first() {
        Some(region) if fold.regions.len() == 1 => text::line(region),
        Some(_) | None => text::count(fold.regions.len(), "Region"),
    };
    let deadline = fold.deadline.map(|at| at.strftime(", by %-d %b %Y").to_string()).unwrap_or_default();
    let drill = if notice.drill { "[DRILL] " } else { "" };
    format!("{drill}{over}{} in {accounts}, {regions}{deadline}", text::line(&title))
}

/// What the cases of a storm have in common, from their topic.
fn shared_title(notice: &Notice) -> Option<String> {
    let (first, second) = notice.topic.split_once('|')?;
    match notice.kind {
        Kind::PlannedLifecycle => Some(second.to_owned()),
        Kind::Issue => Some(format!("{first} issue")),
        Kind::ScheduledChange
        | Kind::AccountNotification
        | Kind::Security
        | Kind::GoodNews
        | Kind::Malformed
        | Kind::Undeliverable
        | Kind::Drill
        | Kind::Cache => None,
    }
}

/// What to do next. `None` where the case that leads a storm is over and others are not: its last step is not theirs.
pub(crate) fn next_step(message: &Message) -> Option<String> {
    let is_of_others = message.notice.is_closed() && !message.is_closed();
    let step = text::line(&message.notice.next_step);
    (!is_of_others && !step.is_empty()).then_some(step)
}

/// How many affected resources there are, those that have no name here among them.
pub(crate) fn resource_count(message: &Message) -> usize {
    let count = message.fold.as_ref().map_or(message.notice.resource_count, |fold| fold.resources);
    usize::try_from(count).unwrap_or(usize::MAX)
}

/// `HIGH, planned lifecycle, opened`.
pub(crate) fn standing(message: &Message) -> String {
    let (notice, severity) = (&message.notice, message.severity().as_str().to_uppercase());
    let drill = if notice.drill { "DRILL, " } else { "" };
    let change = match (message.fold.is_some(), notice.is_closed(), message.is_closed()) {
        (true, _, true) => "all resolved",
        (true, true, false) => "partly resolved",
        (false, _, _) | (true, false, false) => notice.change_word(),
    };
    format!("{drill}{severity}, {}, {change}", notice.kind.as_str().replace('-', " "))
}

/// What a message says that an earlier attempt may have shown already.
pub(crate) const REPEATED: &str = "Sent again: you may have seen this message before.";
