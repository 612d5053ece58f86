//! Where people read on one machine: this terminal, real channels, and a file in the place of the failure queue.

use std::{cell::RefCell, time::Duration};

use watchkeeper_domain::{
    channel::{Channel, ChannelKind},
    failure::Failure,
    message::{Message, Post, Trouble},
    notice::Notice,
    ports::{Channels, Undelivered},
};
use watchkeeper_shell::Webhooks;

use crate::{channels::is_remote, queue::Queue};

/// How often a channel is tried that asks to be left alone for a while.
const TRIES: usize = 5;
/// The longest that is waited for it. Beyond that the sweep tries again, on the clock of the replay.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// Everything that shows messages.
#[derive(Debug, Default)]
pub struct Board {
    webhooks: Option<Webhooks>,
    queue: Option<Queue>,
    new: RefCell<New>,
}

/// What has happened since somebody looked.
#[derive(Clone, Debug, Default)]
pub struct New {
    /// The messages that were shown.
    pub shown: Vec<Shown>,
    /// What a channel will never show.
    pub lost: Vec<Lost>,
}

/// A message that a channel has taken.
#[derive(Clone, Debug, PartialEq)]
pub struct Shown {
    /// The channel.
    pub channel: Channel,
    /// The message.
    pub message: Message,
    /// How it was to be shown.
    pub post: Post,
}

/// A notice that waits in the failure queue.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Lost {
    /// The channel that refused it.
    pub channel: String,
    /// Why.
    pub cause: String,
}

impl Board {
    /// A board that reaches remote channels through `webhooks` and keeps what they refuse in `queue`. The default one
    /// shows on the terminal only.
    pub fn new(webhooks: Option<Webhooks>, queue: Queue) -> Self {
        Self { webhooks, queue: Some(queue), new: RefCell::default() }
    }

    /// What has happened since the last time.
    pub fn take(&self) -> New {
        self.new.take()
    }
}

impl Channels for Board {
    async fn show(
        &self,
        channel: &Channel,
        message: &Message,
        post: &Post,
    ) -> Result<Option<String>, Trouble> {
        let id = match &self.webhooks {
            _ if !is_remote(&channel.kind) => None,
            Some(webhooks) => show_patiently(webhooks, channel, message, post).await?,
            None => return Err(Trouble::lasting("nothing leaves this machine here")),
        };
        let (channel, message, post) = (channel.clone(), message.clone(), post.clone());
        self.new.borrow_mut().shown.push(Shown { channel, message, post });
        Ok(id)
    }
}

/// Lambda would leave the channel alone until a later sweep. The sweeps here follow the clock of the replay, which does
/// not make a channel ready any sooner.
#[expect(clippy::disallowed_methods, reason = "a real channel waits by the clock on the wall")]
async fn show_patiently(
    webhooks: &Webhooks,
    channel: &Channel,
    message: &Message,
    post: &Post,
) -> Result<Option<String>, Trouble> {
    for _ in 1..TRIES {
        let outcome = webhooks.show(channel, message, post).await;
        let asked = outcome.as_ref().err().and_then(|it| it.retry_after.filter(|_| !it.ambiguous));
        match asked.and_then(|wait| Duration::try_from(wait).ok()).filter(|wait| *wait <= LONGEST_WAIT) {
            Some(wait) => tokio::time::sleep(wait).await,
            None => return outcome,
        }
    }
    webhooks.show(channel, message, post).await
}

impl Undelivered for Board {
    async fn put_undelivered(&self, channel: &str, notice: &Notice, cause: &str) -> Result<(), Failure> {
        if let Some(queue) = &self.queue {
            let put = queue.put(channel, notice, cause);
            put.map_err(|error| Failure::new("write to", queue.shown(), error))?;
        }
        let lost = Lost { channel: channel.to_owned(), cause: cause.to_owned() };
        self.new.borrow_mut().lost.push(lost);
        Ok(())
    }
}

impl Shown {
    /// Whether it is laid out over several lines: what is shown on this terminal.
    pub fn is_here(&self) -> bool {
        !is_remote(&self.channel.kind)
    }

    /// Whether it is in the form of a mail.
    pub fn is_mail(&self) -> bool {
        self.channel.kind == ChannelKind::Topic
    }
}
