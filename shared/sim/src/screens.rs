//! What people see: every channel as a list of messages, with failures on request; and the failure queue.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use watchkeeper_domain::{
    channel::Channel,
    failure::Failure,
    message::{Message, Post, Trouble},
    notice::Notice,
    ports::{Channels, Undelivered},
};

use crate::turn::turn;

/// Every channel, in memory. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Screens {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    shown: Vec<Shown>,
    troubles: BTreeMap<String, Vec<Trouble>>,
    undelivered: Vec<(String, Notice, String)>,
}

/// A message that a channel has taken.
#[derive(Clone, Debug, PartialEq)]
pub struct Shown {
    /// The channel.
    pub channel: String,
    /// The message.
    pub message: Message,
    /// How it was to be shown.
    pub post: Post,
}

impl Screens {
    /// What was shown, in order.
    pub fn shown(&self) -> Vec<Shown> {
        self.with(|state| state.shown.clone())
    }

    /// What waits in the failure queue: channel, notice, cause.
    pub fn undelivered(&self) -> Vec<(String, Notice, String)> {
        self.with(|state| state.undelivered.clone())
    }

    /// Makes the next messages to `channel` end in `troubles`, in this order. An ambiguous one shows the message all
    /// the same.
    pub fn trouble(&self, channel: &str, troubles: impl IntoIterator<Item = Trouble>) {
        let troubles: Vec<_> = troubles.into_iter().collect();
        self.with(|state| state.troubles.entry(channel.to_owned()).or_default().extend(troubles));
    }

    fn with<T>(&self, look: impl FnOnce(&mut State) -> T) -> T {
        look(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Channels for Screens {
    async fn show(
        &self,
        channel: &Channel,
        message: &Message,
        post: &Post,
    ) -> Result<Option<String>, Trouble> {
        turn().await;
        self.with(|state| {
            let troubles = state.troubles.entry(channel.name.clone()).or_default();
            let trouble = (!troubles.is_empty()).then(|| troubles.remove(0));
            if trouble.as_ref().is_none_or(|trouble| trouble.ambiguous) {
                let (channel, message, post) = (channel.name.clone(), message.clone(), post.clone());
                state.shown.push(Shown { channel, message, post });
            }
            match trouble {
                Some(trouble) => Err(trouble),
                None => Ok(channel.kind.has_threads().then(|| format!("message-{}", state.shown.len()))),
            }
        })
    }
}

impl Undelivered for Screens {
    async fn put_undelivered(&self, channel: &str, notice: &Notice, cause: &str) -> Result<(), Failure> {
        turn().await;
        self.with(|state| state.undelivered.push((channel.to_owned(), notice.clone(), cause.to_owned())));
        Ok(())
    }
}
