//! Every notice reaches its channels, once, and in order.
//!
//! | module | what it holds |
//! |---|---|
//! | [`event`] | wire JSON → notices, a sweep tick, foreign, malformed |
//! | [`mod@decide`] | every rule of this function |
//! | [`talk`] | what is kept of a conversation, and what there is to say in it |

use std::collections::BTreeMap;

use futures::future::join_all;
use jiff::Timestamp;
use serde_json::Value;
use watchkeeper_domain::{
    case::YEAR,
    channel::Channel,
    config::{Config, Destination},
    failure::Failure,
    notice::{Kind, Notice},
    ports::{Channels, Notices, Undelivered},
    records::{Entry, Key, Nothing, Record, Records, Write},
};
use watchkeeper_shell::{Outcome, Report, Run};

use decide::Reason;
use event::Event;
use speak::{Spoken, Talking};
use talk::{Joined, Mention, Topic, folds, keys};

pub mod decide;
pub mod event;
mod speak;
pub mod talk;
pub mod words;

#[cfg(test)]
mod fixture;

/// The name of this function: of its sweep, its log lines, its metrics.
pub const NAME: &str = "notifier";

/// What this function reaches of the world: its policy in `template.yaml`, as a test sees to.
pub trait World: Records + Channels + Undelivered + Notices {}
impl<W: Records + Channels + Undelivered + Notices> World for W {}

/// Handles whatever Lambda was invoked with.
pub async fn handle(world: &impl World, config: &Config, payload: &Value, run: &Run) -> Report {
    let mut reports = Vec::new();
    for event in event::parse(payload) {
        let report = match event {
            Event::NoticePublished(notice) => {
                let destinations = destinations(world, config, &notice, run.now).await;
                arrive(world, config, (&notice, destinations, false), run).await
            }
            Event::NoticeRedriven(notice, channel) => {
                let destinations = Ok(vec![Destination { channel, hold_until: None }]);
                arrive(world, config, (&notice, destinations, true), run).await
            }
            Event::SweepDue => sweep(world, config, run).await,
            Event::Foreign(what) => Report::new("foreign", Outcome::Foreign, what),
            Event::Malformed(why) => Report::malformed("malformed notice", "a message of the topic", why),
        };
        reports.push(report);
    }
    Report::whole(reports)
}

/// A notice goes to each of its channels, and none waits for another. `again` says that a person wants it tried once
/// more where it was refused.
async fn arrive(
    world: &impl World,
    config: &Config,
    (notice, destinations, again): (&Notice, Result<Vec<Destination>, Failure>, bool),
    run: &Run,
) -> Report {
    let destinations = match destinations {
        Ok(destinations) => destinations,
        Err(failure) => return Report::failed("notice", failure),
    };
    let deliver = |destination: Destination| async move {
        let channel = config.routing.channel(&destination.channel)?;
        let delivery = Delivery { notice, channel, hold_until: destination.hold_until, again };
        Some((&channel.name, delivery.deliver(world, config, run).await))
    };
    let outcomes = join_all(destinations.into_iter().map(deliver)).await;
    let mut report = Report::new("notice", Outcome::Unchanged, "");
    report.event_id.clone_from(&notice.id);
    for (channel, outcome) in outcomes.into_iter().flatten() {
        report = report.and(told(channel, outcome, &notice.id));
    }
    if report.outcome == Outcome::Acted {
        report.notices.push(notice.clone());
    }
    if report.reason.is_empty() {
        "no channel is to show it".clone_into(&mut report.reason);
    }
    report
}

/// Where `notice` goes: where the routes say, and wherever its case has been told of before, whatever they say now. So
/// what was opened there is also closed there.
async fn destinations<W: Records>(
    world: &W,
    config: &Config,
    notice: &Notice,
    now: Timestamp,
) -> Result<Vec<Destination>, Failure> {
    if notice.kind == Kind::Undeliverable {
        let others =
            config.routing.default.iter().filter(|channel| **channel != words::refusing_channel(notice));
        return Ok(others
            .map(|channel| Destination { channel: channel.clone(), hold_until: None })
            .collect());
    }
    let mut destinations = config.routing.destinations(notice, now);
    if notice.seq > 1 {
        for channel in &config.routing.channels {
            let is_known = destinations.iter().any(|it| it.channel == channel.name);
            if !is_known && conversation_of(world, &channel.name, &notice.thread).await?.is_some() {
                destinations.push(Destination { channel: channel.name.clone(), hold_until: None });
            }
        }
    }
    Ok(destinations)
}

/// A notice on its way to one channel.
struct Delivery<'a> {
    notice: &'a Notice,
    channel: &'a Channel,
    hold_until: Option<Timestamp>,
    again: bool,
}

impl Delivery<'_> {
    async fn deliver(&self, world: &impl World, config: &Config, run: &Run) -> Result<Spoken, Failure> {
        let (notice, channel) = (self.notice, self.channel);
        let conversation = join(world, config, notice, channel, run.now).await?;
        let mention = Mention::of(notice, &conversation, self.hold_until);
        let key = Key { pk: keys::talk(&channel.name, &conversation), sk: mention.sort_key() };
        world.keep(&key, &Write { body: &mention, due: None, expires_at: Some(run.now + YEAR * 5) }).await?;
        let talking = Talking { world, run, channel, conversation: &conversation };
        if self.again {
            talking.forget_refusal().await?;
        }
        talking.speak(notice.thread == conversation).await
    }
}

/// The conversation of `notice` on `channel`: the one that its case has joined, or that its topic has opened lately, or
/// its own.
async fn join<W: Records>(
    world: &W,
    config: &Config,
    notice: &Notice,
    channel: &Channel,
    now: Timestamp,
) -> Result<String, Failure> {
    if let Some(conversation) = conversation_of(world, &channel.name, &notice.thread).await? {
        return Ok(conversation);
    }
    let conversation = match folds(notice) {
        true => open_topic(world, config, notice, channel, now).await?,
        false => notice.thread.clone(),
    };
    let key = keys::joined(&channel.name, &notice.thread);
    let expires_at = Some(now + YEAR * 5);
    world
        .keep(&key, &Write { body: &Joined { conversation: conversation.clone() }, due: None, expires_at })
        .await?;
    // Another invocation may have written another one first.
    Ok(conversation_of(world, &channel.name, &notice.thread).await?.unwrap_or(conversation))
}

async fn conversation_of<W: Records>(
    world: &W,
    channel: &str,
    thread: &str,
) -> Result<Option<String>, Failure> {
    let key = keys::joined(channel, thread);
    let joined: Vec<Joined> = world.list(&key.pk, &key.sk).await?;
    Ok(joined.into_iter().next().map(|joined| joined.conversation))
}

/// The conversation that new cases of the topic join. It is this one's own if none was opened lately.
async fn open_topic<W: Records>(
    world: &W,
    config: &Config,
    notice: &Notice,
    channel: &Channel,
    now: Timestamp,
) -> Result<String, Failure> {
    let key = keys::topic(&channel.name, &notice.topic);
    loop {
        let record: Record<Topic, Nothing> = world.read(&key).await?;
        if let Some(topic) = record.state.filter(|topic| topic.until > now) {
            return Ok(topic.conversation);
        }
        let until = now + config.routing.fold_window;
        let topic = Topic { conversation: notice.thread.clone(), until };
        let write = Write { body: &topic, due: None, expires_at: Some(until + YEAR) };
        let no_outbox: &[Entry<Nothing>] = &[];
        if world.swap(&key, record.version, &write, no_outbox).await?.is_some() {
            return Ok(topic.conversation);
        }
    }
}

/// The minute's sweep: quiet hours that have ended, retries, storms. A channel that fails is left alone until the next.
async fn sweep(world: &impl World, config: &Config, run: &Run) -> Report {
    let due = match world.due(NAME, run.now).await {
        Ok(due) => due,
        Err(failure) => return Report::failed("sweep", failure),
    };
    let mut by_channel: BTreeMap<String, Vec<(Key, Timestamp)>> = BTreeMap::new();
    for (key, was) in due {
        let channel = keys::from_talk(&key.pk).map(|(channel, _)| channel.to_owned()).unwrap_or_default();
        by_channel.entry(channel).or_default().push((key, was));
    }
    let look = |(name, due): (String, Vec<(Key, Timestamp)>)| async move {
        let mut report = Report::new("sweep", Outcome::Unchanged, "");
        for (key, was) in due {
            let outcome = look(world, config, (&name, &key, was), run).await;
            let has_failed = matches!(&outcome, Ok(spoken) if matches!(spoken.because, Reason::Backoff(_)));
            report = report.and(told(&name, outcome, &key.pk));
            if has_failed {
                break;
            }
        }
        report
    };
    let reports = join_all(by_channel.into_iter().map(look)).await;
    reports.into_iter().fold(Report::new("sweep", Outcome::Unchanged, ""), Report::and)
}

async fn look(
    world: &impl World,
    config: &Config,
    (name, key, was): (&str, &Key, Timestamp),
    run: &Run,
) -> Result<Spoken, Failure> {
    let talk = keys::from_talk(&key.pk)
        .and_then(|(_, conversation)| Some((config.routing.channel(name)?, conversation)));
    let spoken = match talk {
        Some((channel, conversation)) => Talking { world, run, channel, conversation }.speak(true).await?,
        None => Spoken { because: Reason::Unknown, shown: 0, repeated: 0 },
    };
    if spoken.because == Reason::Unknown {
        world.rest(key, was, None).await?;
    }
    Ok(spoken)
}

fn told(channel: &str, outcome: Result<Spoken, Failure>, id: &str) -> Report {
    match outcome {
        Ok(spoken) => {
            let acted = if spoken.shown > 0 { Outcome::Acted } else { Outcome::Unchanged };
            Report {
                effects: (0..spoken.shown).map(|_| format!("show {channel} {id}")).collect(),
                repeated: spoken.repeated,
                ..Report::new("", acted, format!("{channel}: {}", spoken.because))
            }
        }
        Err(failure) => Report::failed("", failure),
    }
}
