//! One conversation: observe → decide → record the claim → perform → settle, until there is nothing more to say.

use watchkeeper_domain::{
    channel::Channel,
    failure::Failure,
    message::Trouble,
    notice::Kind,
    records::{Due, Entry, Key, Nothing, Record, State, Write},
};
use watchkeeper_shell::Run;

use crate::{
    NAME, World,
    decide::{Attempt, Effect, Reason, decide, leaves_it, settle},
    talk::{Mention, News, Talk, keys},
    words,
};

/// How often one invocation looks at a conversation. Two cover a message and a look whether more has come; losing a
/// race, a reply with its edit and a message meanwhile take a few more. What is left is found by the sweep.
const LOOKS: usize = 10;

/// What came of speaking.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Spoken {
    /// Why nothing more was said.
    pub because: Reason,
    /// How many messages were shown.
    pub shown: usize,
    /// How many of them may have been shown before.
    pub repeated: usize,
}

/// One invocation at one conversation.
pub(crate) struct Talking<'a, W> {
    pub world: &'a W,
    pub run: &'a Run,
    pub channel: &'a Channel,
    pub conversation: &'a str,
}

impl<W: World> Talking<'_, W> {
    /// Says what there is to say. `leads` says whether it is for the leading case, which no storm keeps waiting.
    pub(crate) async fn speak(&self, leads: bool) -> Result<Spoken, Failure> {
        let key = self.key();
        let mut spoken = Spoken { because: Reason::SomebodySpeaks, shown: 0, repeated: 0 };
        for _ in 0..LOOKS {
            let record: Record<Talk, Nothing> = self.world.read(&key).await?;
            let talk = record.state.unwrap_or_default();
            if let Some(reason) = leaves_it(&talk, leads, self.run.now) {
                return Ok(Spoken { because: reason, ..spoken });
            }
            let mentions: Vec<Mention> = self.world.list(&key.pk, "NOTICE#").await?;
            let news = News::of(mentions, self.run.now);
            let place = (self.conversation, self.channel.kind.has_threads());
            let mut decision = decide(&talk, &news, place, (self.run.now, self.run.deadline));
            spoken.because = decision.because;
            let Some(next) = decision.next else { return Ok(spoken) };
            let is_ours = self.swap(&key, record.version, &next).await?;
            // Whoever rests or loses looks again: what came meanwhile relied on it.
            let (Some(effect), true) = (decision.effects.pop(), is_ours) else { continue };
            let outcome = self.perform(&key, record.version + 1, &next, &effect).await?;
            match outcome {
                Ok(_) => {
                    spoken.shown += 1;
                    spoken.repeated += usize::from(effect.message.repeated);
                }
                Err(trouble) if !trouble.passing => spoken.because = Reason::Refused(trouble.cause),
                Err(_) => {}
            }
        }
        Ok(spoken)
    }

    /// Lets what the channel has refused be tried once more.
    pub(crate) async fn forget_refusal(&self) -> Result<(), Failure> {
        let key = self.key();
        let record: Record<Talk, Nothing> = self.world.read(&key).await?;
        if let Some(talk) = record.state.filter(|talk| talk.refused.is_some()) {
            self.swap(&key, record.version, &Talk { refused: None, ..talk }).await?;
        }
        Ok(())
    }

    fn key(&self) -> Key {
        Key::head(keys::talk(&self.channel.name, self.conversation))
    }

    async fn swap(&self, key: &Key, version: u64, next: &Talk) -> Result<bool, Failure> {
        let due = next.wake_at().map(|at| Due { sweep: NAME, at });
        let write = Write { body: next, due, expires_at: next.expires_at() };
        let no_outbox: &[Entry<Nothing>] = &[];
        Ok(self.world.swap(key, version, &write, no_outbox).await?.is_some())
    }

    /// Shows what is claimed, and records what came of it.
    async fn perform(
        &self,
        key: &Key,
        version: u64,
        talk: &Talk,
        effect: &Effect,
    ) -> Result<Result<Option<String>, Trouble>, Failure> {
        let outcome = self.world.show(self.channel, &effect.message, &effect.post).await;
        let threads = self.channel.kind.has_threads();
        let (next, refused) = settle(talk, Attempt { effect, threads, outcome: &outcome }, self.run.now);
        if let Some(refused) = refused {
            // Before it is recorded: if this invocation is stopped here, the next one does it again.
            self.give_up(effect, &refused.cause).await?;
        }
        self.swap(key, version, &next).await?;
        Ok(outcome)
    }

    /// What the channel will never show waits in the failure queue, and people hear of it elsewhere.
    async fn give_up(&self, effect: &Effect, cause: &str) -> Result<(), Failure> {
        let notice = &effect.message.notice;
        self.world.put_undelivered(&self.channel.name, notice, cause).await?;
        if notice.kind == Kind::Undeliverable {
            return Ok(());
        }
        let alert = words::undeliverable(&self.channel.name, notice, cause, self.run.now);
        self.world.publish(&alert, false).await
    }
}
