//! What is kept of a conversation: one on each channel for each case, or for each storm of cases.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use watchkeeper_domain::{
    case::YEAR,
    message::{Fold, Message},
    notice::{Kind, Notice, Severity},
    records::Key,
    text::fingerprint,
};

/// `THREAD#<channel>#<thread>`: which conversation a case has joined on a channel. Written once.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Joined {
    /// The conversation: the thread of the case that leads it.
    pub conversation: String,
}

/// `TOPIC#<channel>#<topic>`: the conversation that new cases of a topic join, for a while.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Topic {
    /// The conversation.
    pub conversation: String,
    /// Until when.
    pub until: Timestamp,
}

/// `TALK#<channel>#<conversation>` / `NOTICE#<thread>#<seq>`: a notice that is to be shown. Written once.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Mention {
    /// The case.
    pub thread: String,
    /// Its place in the case.
    pub seq: u32,
    /// The affected account.
    pub account: String,
    /// The impacted Region.
    pub region: String,
    /// How much it matters.
    pub severity: Severity,
    /// The day by which somebody must have acted.
    pub deadline: Option<Timestamp>,
    /// How many affected resources there are.
    pub resources: u32,
    /// Whether the case is over.
    pub closed: bool,
    /// When it may be shown, if not at once: quiet hours.
    pub hold_until: Option<Timestamp>,
    /// All of it, when its case leads the conversation; those that are folded in only count.
    pub notice: Option<Box<Notice>>,
}

/// `TALK#<channel>#<conversation>` / `HEAD`: how far a conversation has come.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Talk {
    /// What the channel shows.
    pub said: Option<Said>,
    /// The channel's id of the first message, where it gives one.
    pub first: Option<String>,
    /// Whether the first message is still to be edited.
    pub stale_first: bool,
    /// Who is showing something now.
    pub claim: Option<Claim>,
    /// Whether an attempt may have been shown, though nobody knows.
    pub doubtful: bool,
    /// How often it failed in a row.
    pub tries: u32,
    /// When to try again after a failure.
    pub retry_at: Option<Timestamp>,
    /// When to say more of a storm.
    pub pause_until: Option<Timestamp>,
    /// How many seconds the last pause was.
    pub pause_secs: i64,
    /// What the channel will never show, and why.
    pub refused: Option<Refused>,
    /// When the sweep should look, at the latest.
    pub wake_at: Option<Timestamp>,
    /// When it was last changed.
    pub changed_at: Timestamp,
}

/// What a channel shows.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Said {
    /// Which notices: [`News::said`].
    pub digest: String,
    /// The newest of the leading case.
    pub lead_seq: u32,
}

/// A lease on speaking in a conversation.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Claim {
    /// What is being shown.
    pub said: Said,
    /// The end of the lease: the deadline of the invocation.
    pub until: Timestamp,
}

/// What a channel will never show.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Refused {
    /// Which notices: [`News::said`].
    pub digest: String,
    /// What the channel answered.
    pub cause: String,
}

impl watchkeeper_domain::records::State for Talk {
    fn wake_at(&self) -> Option<Timestamp> {
        self.wake_at
    }

    fn expires_at(&self) -> Option<Timestamp> {
        Some(self.changed_at + YEAR * 5)
    }
}

impl Mention {
    /// What `conversation` is to keep of `notice`.
    pub fn of(notice: &Notice, conversation: &str, hold_until: Option<Timestamp>) -> Self {
        let leads = notice.thread == conversation;
        Self {
            thread: notice.thread.clone(),
            seq: notice.seq,
            account: notice.account.clone(),
            region: notice.region.clone(),
            severity: notice.severity,
            deadline: notice.deadline,
            resources: notice.resource_count,
            closed: notice.is_closed(),
            hold_until,
            notice: leads.then(|| Box::new(notice.clone())),
        }
    }

    /// The sort key.
    pub fn sort_key(&self) -> String {
        format!("NOTICE#{}#{:06}", self.thread, self.seq)
    }
}

/// What there is to say in a conversation at one moment: the newest notice of each case.
#[derive(Clone, Debug, PartialEq)]
pub struct News {
    newest: BTreeMap<String, Mention>,
    lead: Box<Notice>,
    /// When more may be said, because quiet hours end.
    pub held_until: Option<Timestamp>,
}

impl News {
    /// What `mentions` come to at `now`. `Err` with the end of the quiet hours when all are held back, or `None` when
    /// the leading case is not among them.
    pub fn of(mentions: Vec<Mention>, now: Timestamp) -> Result<Self, Option<Timestamp>> {
        let held_until = mentions.iter().filter_map(|it| it.hold_until).filter(|until| *until > now).min();
        let (mut newest, mut lead): (BTreeMap<String, Mention>, Option<Box<Notice>>) = Default::default();
        for mut mention in mentions.into_iter().filter(|it| it.hold_until.is_none_or(|until| until <= now)) {
            // They come in the order of their keys, so the later one of a case is the newer one.
            lead = mention.notice.take().or(lead);
            newest.insert(mention.thread.clone(), mention);
        }
        let lead = lead.ok_or(held_until)?;
        Ok(Self { newest, lead, held_until })
    }

    /// What showing it would mean.
    pub fn said(&self) -> Said {
        let seqs: Vec<_> = self.newest.values().map(|it| (it.thread.as_str(), it.seq.to_string())).collect();
        let digest = fingerprint(seqs.iter().flat_map(|(thread, seq)| [*thread, seq.as_str()]));
        Said { digest, lead_seq: self.lead.seq }
    }

    /// How many cases it speaks of.
    pub fn cases(&self) -> usize {
        self.newest.len()
    }

    /// The message that says it.
    pub fn message(&self, conversation: &str, repeated: bool) -> Message {
        Message {
            notice: (*self.lead).clone(),
            fold: (self.cases() > 1).then(|| self.fold()),
            conversation: conversation.to_owned(),
            repeated,
        }
    }

    fn fold(&self) -> Fold {
        let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        let open = || self.newest.values().filter(|it| !it.closed);
        let mut accounts: Vec<_> = self.newest.values().map(|it| it.account.as_str()).collect();
        accounts.sort_unstable();
        accounts.dedup();
        Fold {
            cases: number(self.cases()),
            open: number(open().count()),
            accounts: number(accounts.len()),
            regions: self
                .newest
                .values()
                .map(|it| it.region.clone())
                .take(10_000)
                .collect::<std::collections::BTreeSet<_>>()
                .into_iter()
                .take(40)
                .collect(),
            resources: self.newest.values().map(|it| it.resources).fold(0, u32::saturating_add),
            severity: open().map(|it| it.severity).max().unwrap_or(Severity::Low),
            deadline: open().filter_map(|it| it.deadline).min(),
            examples: accounts.into_iter().take(10).map(str::to_owned).collect(),
        }
    }
}

/// Whether cases of the topic of `notice` may be folded into one conversation.
pub fn folds(notice: &Notice) -> bool {
    matches!(notice.kind, Kind::PlannedLifecycle | Kind::Issue) && !notice.drill
}

/// The longest pause in a storm.
const LONGEST_PAUSE: SignedDuration = SignedDuration::from_mins(15);

impl Talk {
    /// The pause after this message: a minute, then twice as long each time.
    pub fn next_pause(&self) -> SignedDuration {
        SignedDuration::from_secs((self.pause_secs * 2).max(60)).min(LONGEST_PAUSE)
    }

    /// The wait after this failure: half a minute, then twice as long each time, up to a quarter of an hour.
    pub fn next_backoff(&self) -> SignedDuration {
        let doubled = 30_i64.saturating_mul(1 << self.tries.min(10));
        SignedDuration::from_secs(doubled).min(LONGEST_PAUSE)
    }
}

/// The keys of what is kept.
pub mod keys {
    use super::{Key, fingerprint};

    /// Which conversation a case has joined.
    pub fn joined(channel: &str, thread: &str) -> Key {
        Key::head(format!("THREAD#{channel}#{thread}"))
    }

    /// The conversation that new cases of a topic join.
    pub fn topic(channel: &str, topic: &str) -> Key {
        Key::head(format!("TOPIC#{channel}#{}", fingerprint([topic])))
    }

    /// The partition of a conversation.
    pub fn talk(channel: &str, conversation: &str) -> String {
        format!("TALK#{channel}#{conversation}")
    }

    /// The channel and the conversation that a partition belongs to, if it is one.
    pub fn from_talk(pk: &str) -> Option<(&str, &str)> {
        pk.strip_prefix("TALK#")?.split_once('#')
    }
}
