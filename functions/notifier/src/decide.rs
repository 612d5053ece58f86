//! Every rule of this function: what to show in a conversation now, and what comes of it.

use jiff::Timestamp;
use serde::Serialize;
use watchkeeper_domain::message::{Message, Post, Trouble};

use crate::talk::{Claim, News, Refused, Said, Talk, folds};

/// A decision of this function.
pub type Decision = watchkeeper_domain::decision::Decision<Reason, Talk, Effect>;

/// All that this function may do to a channel, once it is claimed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Effect {
    /// What to show.
    pub message: Message,
    /// How.
    pub post: Post,
}

/// Why it was decided so.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// There is something to show.
    News,
    /// The first message of the conversation no longer says how things are.
    FirstIsStale,
    /// The channel shows it already, or something newer.
    Shown,
    /// Another invocation is speaking, and goes on with this when it is done.
    SomebodySpeaks,
    /// Quiet hours, until then.
    Quiet(Timestamp),
    /// A storm: what has come meanwhile is shown together, then.
    Storm(Timestamp),
    /// The channel has failed; the next try is then.
    Backoff(Timestamp),
    /// The channel will never show it, and why.
    Refused(String),
    /// The index named something of which nothing is kept.
    Unknown,
}

/// Why nothing is to be said in `talk` at `now`, whatever there is to say, if so: most of a storm ends here, without
/// reading the others.
pub fn leaves_it(talk: &Talk, leads: bool, now: Timestamp) -> Option<Reason> {
    let ahead = |at: Option<Timestamp>| at.filter(|at| *at > now);
    if talk.claim.as_ref().is_some_and(|claim| claim.until > now) {
        return Some(Reason::SomebodySpeaks);
    }
    if let Some(at) = ahead(talk.retry_at) {
        return Some(Reason::Backoff(at));
    }
    ahead(talk.pause_until).filter(|_| !leads).map(Reason::Storm)
}

/// What to show in a conversation at `now`. The claim lasts until `deadline`.
pub fn decide(
    talk: &Talk,
    news: &Result<News, Option<Timestamp>>,
    (conversation, threads): (&str, bool),
    (now, deadline): (Timestamp, Timestamp),
) -> Decision {
    let news = match news {
        Ok(news) => news,
        Err(Some(until)) => return wait(talk, Reason::Quiet(*until), *until, now),
        Err(None) => return Decision::because(Reason::Unknown),
    };
    let said = news.said();
    let is_shown = talk.said.as_ref().is_some_and(|before| before.digest == said.digest);
    let is_claimed = talk.claim.as_ref().is_some_and(|claim| claim.until > now);
    if is_shown && !talk.stale_first && !is_claimed {
        let reason = news.held_until.map_or(Reason::Shown, Reason::Quiet);
        return rest(talk, news, reason, now);
    }
    let leads = is_shown || talk.said.as_ref().is_none_or(|before| before.lead_seq < said.lead_seq);
    if let Some(reason) = leaves_it(talk, leads, now) {
        return Decision::because(reason);
    }
    if let Some(refused) = talk.refused.as_ref().filter(|refused| refused.digest == said.digest) {
        return rest(talk, news, Reason::Refused(refused.cause.clone()), now);
    }
    let reason = if is_shown { Reason::FirstIsStale } else { Reason::News };
    let post = match talk.first.clone() {
        Some(first) if threads && leads && !is_shown => Post::Reply(first),
        Some(first) => Post::Edit(first),
        None => Post::New,
    };
    // A lease that ran out was not given back: whoever held it was stopped, perhaps after sending.
    let doubtful = talk.doubtful || talk.claim.is_some();
    let message = news.message(conversation, doubtful);
    let claim = Some(Claim { said, until: deadline });
    let next =
        Talk { claim, doubtful, retry_at: None, wake_at: Some(deadline), changed_at: now, ..talk.clone() };
    Decision::because(reason).record(next).then(Effect { message, post })
}

/// Nothing to do before `until`; the sweep must know of it.
fn wait(talk: &Talk, reason: Reason, until: Timestamp, now: Timestamp) -> Decision {
    if talk.wake_at.is_some_and(|at| at <= until && at > now) {
        return Decision::because(reason);
    }
    Decision::because(reason).record(Talk { wake_at: Some(until), changed_at: now, ..talk.clone() })
}

/// Nothing to do, but for what quiet hours hold back.
fn rest(talk: &Talk, news: &News, reason: Reason, now: Timestamp) -> Decision {
    // While a pause lasts, others rely on it that somebody looks at its end.
    let pause_until = talk.pause_until.filter(|at| *at > now);
    let pause_secs = if pause_until.is_some() { talk.pause_secs } else { 0 };
    let wake_at = news.held_until.into_iter().chain(pause_until).min();
    let next = Talk { pause_until, pause_secs, wake_at, claim: None, ..talk.clone() };
    if next == *talk {
        Decision::because(reason)
    } else {
        Decision::because(reason).record(Talk { changed_at: now, ..next })
    }
}

/// How often a channel may fail in a row: about two hours.
const TRIES: u32 = 12;

/// An attempt to show something, and what came of it.
#[derive(Clone, Copy, Debug)]
pub struct Attempt<'a> {
    /// What was shown.
    pub effect: &'a Effect,
    /// Whether the channel has threads.
    pub threads: bool,
    /// The channel's id of the message, or why it was not shown.
    pub outcome: &'a Result<Option<String>, Trouble>,
}

/// The conversation after `attempt`. The second value says what the channel will never show.
pub fn settle(talk: &Talk, attempt: Attempt<'_>, now: Timestamp) -> (Talk, Option<Refused>) {
    let Some(claim) = talk.claim.clone() else { return (talk.clone(), None) };
    let next = Talk { claim: None, changed_at: now, ..talk.clone() };
    let edits = attempt.threads && matches!(attempt.effect.post, Post::Edit(_));
    match attempt.outcome {
        Ok(id) => (shown(next, attempt.effect, claim.said, id.clone(), now), None),
        // The first message is gone or too old to be edited: what is next begins anew.
        Err(trouble) if edits && !trouble.passing => {
            (Talk { first: None, stale_first: false, doubtful: false, ..next }, None)
        }
        Err(trouble) if trouble.passing && talk.tries + 1 < TRIES => {
            let wait = trouble.retry_after.unwrap_or_default().max(talk.next_backoff());
            let retry_at = Some(now + wait);
            let doubtful = talk.doubtful || trouble.ambiguous;
            (Talk { tries: talk.tries + 1, retry_at, wake_at: retry_at, doubtful, ..next }, None)
        }
        Err(trouble) => {
            let cause = if trouble.passing {
                format!("gave up after {TRIES} tries; the last one: {}", trouble.cause)
            } else {
                trouble.cause.clone()
            };
            let refused = Refused { digest: claim.said.digest, cause };
            let next =
                Talk { refused: Some(refused.clone()), tries: 0, doubtful: false, wake_at: None, ..next };
            (next, Some(refused))
        }
    }
}

fn shown(talk: Talk, effect: &Effect, said: Said, id: Option<String>, now: Timestamp) -> Talk {
    // Only a storm pauses, or what may become one; a case of its own is shown as it goes.
    let may_storm = talk.said.is_none() && folds(&effect.message.notice);
    let pause = (may_storm || effect.message.fold.is_some()).then(|| talk.next_pause());
    let pause_until = pause.map(|pause| now + pause);
    Talk {
        first: talk.first.or(id),
        stale_first: matches!(effect.post, Post::Reply(_)),
        said: Some(said),
        doubtful: false,
        tries: 0,
        refused: None,
        pause_until,
        pause_secs: pause.map_or(0, |pause| pause.as_secs()),
        wake_at: pause_until,
        ..talk
    }
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::News => write!(f, "there is news"),
            Self::FirstIsStale => write!(f, "the first message is out of date"),
            Self::Shown => write!(f, "shown"),
            Self::SomebodySpeaks => write!(f, "another invocation is speaking"),
            Self::Quiet(until) => write!(f, "quiet until {until}"),
            Self::Storm(until) => write!(f, "folded into the next message, at {until}"),
            Self::Backoff(until) => write!(f, "the channel failed; the next try is at {until}"),
            Self::Refused(cause) => write!(f, "the channel refuses it: {cause}"),
            Self::Unknown => write!(f, "nothing is kept under this key"),
        }
    }
}

#[cfg(test)]
mod tests;
