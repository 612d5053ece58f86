//! Every rule of this function: what a communication means for its case, and whom to tell.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use watchkeeper_domain::{
    case::{Case, CaseId, Communication, Counts, Order, done},
    config::{Config, Subject},
    notice::{Change, DomainEvent, Notice},
    records,
};

use crate::{severity, words};

/// A decision of this function.
pub type Decision = watchkeeper_domain::decision::Decision<Reason, Case, Effect>;

/// All that this function may do to the world.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    /// Tell people, through the topic `notices`.
    Tell(Box<Notice>),
    /// Tell other functions, on the custom bus.
    Emit(Box<DomainEvent>),
}

/// Why it was decided so.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// There is news.
    News(Change),
    /// The same page has been taken in before: a copy, or a retry.
    Duplicate,
    /// AWS repeats what it has said.
    NothingNew,
    /// Something newer has been taken in already.
    Stale,
    /// The configuration says that nobody wants to hear of it, and why.
    Muted(String),
    /// Not all pages have come, and the page timeout has not passed.
    WaitingForPages {
        /// How many have come.
        have: u32,
        /// How many there are.
        of: u32,
    },
    /// The index named something about which nothing is kept.
    Unknown,
}

/// What `said`, all that has come of one communication, means for `case`.
///
/// A sweep and a delivery are decided alike: neither says anything that the pages don't.
pub fn decide(
    id: &CaseId,
    case: Option<&Case>,
    said: Option<&Communication>,
    (config, now): (&Config, Timestamp),
) -> Decision {
    let Some(said) = said else { return Decision::because(Reason::Unknown) };
    let subject = Subject::new(id, &said.content, &said.entities);
    let mut reason = reason(case, said, config, now);
    if let (Reason::News(_), Some(mute)) = (&reason, config.mute(subject, now)) {
        reason = Reason::Muted(mute.because.clone());
    }
    let next = match &reason {
        Reason::News(_) | Reason::NothingNew | Reason::Muted(_) => take_in(id, case, said, (config, now)),
        Reason::Stale => complete(case, said, config),
        Reason::Duplicate | Reason::WaitingForPages { .. } | Reason::Unknown => None,
    };
    match (reason, next) {
        (Reason::News(change), Some(mut next)) => {
            next.seq += 1;
            let news = words::News { change, next: &next, before: case, said };
            let notice = words::notice(news, config, now);
            let event = words::event(change, &notice);
            next.severity = notice.severity;
            Decision::because(Reason::News(change))
                .record(next)
                .then(Effect::Tell(Box::new(notice)))
                .then(Effect::Emit(Box::new(event)))
        }
        (reason, Some(next)) if Some(&next) != case => Decision::because(reason).record(next),
        (reason, _) => Decision::because(reason),
    }
}

/// The first line that applies counts.
fn reason(case: Option<&Case>, said: &Communication, config: &Config, now: Timestamp) -> Reason {
    let Some(case) = case else {
        return match waiting(said, config, now) {
            Some(waiting) => waiting,
            None if said.is_closed() => Reason::News(Change::Resolved),
            None => Reason::News(Change::Opened),
        };
    };
    let heard = case.heard.get(&said.id).copied();
    match heard {
        Some(pages) if pages >= said.pages => countdown(case, said, now),
        Some(_) => Reason::News(Change::Updated), // a late page of what was told without it
        None if said.order() < case.order => Reason::Stale,
        None => waiting(said, config, now).unwrap_or_else(|| news(case, said)),
    }
}

fn waiting(said: &Communication, config: &Config, now: Timestamp) -> Option<Reason> {
    let until = said.first_received_at + config.health.page_timeout;
    let waits = !said.is_complete() && now < until;
    waits.then_some(Reason::WaitingForPages { have: said.pages, of: said.total_pages })
}

fn countdown(case: &Case, said: &Communication, now: Timestamp) -> Reason {
    let is_due = case.remind_at.is_some_and(|at| at <= now);
    if is_due && said.id == case.communication {
        Reason::News(Change::CountedDown)
    } else {
        Reason::Duplicate
    }
}

/// What is new in `said`, which is not older than anything that `case` has taken in.
fn news(case: &Case, said: &Communication) -> Reason {
    let counts = said.counts();
    match (case.is_closed(), said.is_closed()) {
        _ if case.seq == 0 && !said.is_closed() => Reason::News(Change::Opened),
        (true, false) => Reason::News(Change::Reopened),
        (false, true) => Reason::News(Change::Resolved),
        _ if said.digest() == case.digest => Reason::NothingNew,
        _ if done(&counts) > done(&case.entities) && case.status == said.content.status => {
            Reason::News(Change::BurnedDown)
        }
        _ => Reason::News(Change::Updated),
    }
}

/// The case once `said` is taken in. In whatever order communications come, the newest one wins.
fn take_in(
    id: &CaseId,
    case: Option<&Case>,
    said: &Communication,
    (config, now): (&Config, Timestamp),
) -> Option<Case> {
    let newest = case.is_none_or(|case| place(said) >= (case.order, case.communication.clone()));
    let mut next = match case {
        Some(case) if !newest => case.clone(),
        _ => describe(id, case, said, (config, now)),
    };
    if case.is_some_and(|case| case.order < said.order()) {
        next.heard.clear();
    }
    next.heard.insert(said.id.clone(), said.pages);
    next.changed_at = now;
    Some(with_entities(next, said, config))
}

fn describe(
    id: &CaseId,
    case: Option<&Case>,
    said: &Communication,
    (config, now): (&Config, Timestamp),
) -> Case {
    let content = &said.content;
    let kind = severity::kind(content);
    let deadline = severity::deadline(kind, content).filter(|_| !said.is_closed());
    let care = config.care(Subject::new(id, content, &said.entities));
    Case {
        id: id.clone(),
        communication: said.id.clone(),
        order: said.order(),
        digest: said.digest(),
        heard: case.map(|case| case.heard.clone()).unwrap_or_default(),
        service: content.service.clone(),
        type_code: content.type_code.clone(),
        region: content.region.clone(),
        status: content.status.clone(),
        kind,
        severity: severity::severity(kind, said, care.environment.as_deref(), now),
        deadline,
        owner: match case {
            Some(case) if case.entities_from.is_some() => case.owner.clone(),
            Some(_) | None => care.owner,
        },
        entities: case.map(|case| case.entities.clone()).unwrap_or_default(),
        entities_from: case.and_then(|case| case.entities_from.clone()),
        headline: words::title(content),
        seq: case.map_or(0, |case| case.seq),
        remind_at: deadline.and_then(|deadline| config.next_reminder(deadline, now)),
        opened_at: case.map_or(now, |case| case.opened_at),
        changed_at: now,
    }
}

/// A stale communication can still name the entities of a newer one that names none.
fn complete(case: Option<&Case>, said: &Communication, config: &Config) -> Option<Case> {
    case.cloned().map(|case| with_entities(case, said, config))
}

fn with_entities(mut case: Case, said: &Communication, config: &Config) -> Case {
    if said.entities.is_empty() || case.entities_from.as_ref().is_some_and(|from| place(said) < *from) {
        return case;
    }
    let subject = Subject::new(&case.id, &said.content, &said.entities);
    case.owner = config.care(subject).owner;
    case.entities = said.counts();
    case.entities_from = Some(place(said));
    case
}

/// A total order of the communications of a case, so that every order of arrival ends in the same case.
fn place(said: &Communication) -> (Order, String) {
    (said.order(), said.id.clone())
}

/// How many of `counts` there are.
pub(crate) fn total(counts: &Counts) -> u32 {
    counts.values().sum()
}

impl records::Effect for Effect {
    fn id(&self) -> String {
        match self {
            Self::Tell(notice) => notice.id.clone(),
            Self::Emit(event) => event.id.clone(),
        }
    }

    fn seq(&self) -> u32 {
        match self {
            Self::Tell(notice) => notice.seq,
            Self::Emit(event) => event.notice.seq,
        }
    }
}

impl std::fmt::Display for Effect {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Tell(notice) => {
                write!(f, "Tell people ({}): {}", notice.severity.as_str(), notice.headline)
            }
            Self::Emit(event) => write!(f, "Put \"{}\" on the bus", event.detail_type),
        }
    }
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::News(Change::Opened) => write!(f, "A new case"),
            Self::News(Change::Updated) => write!(f, "Something about the case is different"),
            Self::News(Change::BurnedDown) => write!(f, "More resources are done"),
            Self::News(Change::CountedDown) => write!(f, "The deadline has come closer"),
            Self::News(Change::Resolved) => write!(f, "The case is over"),
            Self::News(Change::Reopened) => write!(f, "The case was over and is open again"),
            Self::Duplicate => write!(f, "A duplicate: this was taken in before"),
            Self::NothingNew => write!(f, "AWS repeats what it has said"),
            Self::Stale => write!(f, "Stale: something newer was taken in before"),
            Self::Muted(because) => write!(f, "Muted: {because}"),
            Self::WaitingForPages { have, of } => write!(f, "Waiting for pages: {have} of {of} have come"),
            Self::Unknown => write!(f, "Nothing is kept under this key"),
        }
    }
}

#[cfg(test)]
mod tests;
