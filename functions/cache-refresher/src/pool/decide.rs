//! Every rule of a pool: when a volume is made, who gets one, and when one goes.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use watchkeeper_domain::ports::{Made, Volume};

use super::{Effect, Phase, Pool, Reason, Slot, intake, supply};
use crate::{decide::Rules, words};

/// How long volumes may be refused before people hear of it.
const TELL_AFTER: SignedDuration = SignedDuration::from_hours(1);

/// A decision about a pool.
pub type Decision = watchkeeper_domain::decision::Decision<Reason, Pool, Effect>;

/// What was observed.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    /// What has happened.
    pub news: News,
    /// What the last pass of this invocation did, and what came of it.
    pub acted: Option<Acted>,
    /// The generation that jobs get.
    pub current: Option<Current>,
    /// The volumes of the cache, in all zones. Claims and releases do without.
    pub volumes: Vec<Volume>,
}

/// The generation that jobs get.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Current {
    /// Its number.
    pub number: u32,
    /// Its snapshot.
    pub snapshot: String,
    /// The size of its volume, in GiB.
    pub size_gib: u32,
}

/// What has happened.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum News {
    /// A job wants a volume.
    Claimed {
        /// The job: the same each time it asks.
        by: String,
    },
    /// A job gives a volume back.
    Released {
        /// Its id.
        volume: String,
    },
    /// Perhaps something: look.
    Look,
}

/// What was done a moment ago.
#[derive(Clone, Debug, PartialEq)]
pub struct Acted {
    /// The act.
    pub act: Effect,
    /// What came of it.
    pub answer: Answer,
}

/// What came of an act.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// What EC2 made of an order.
    Made(Made),
    /// It is done.
    Done,
    /// It failed, with these words.
    Failed(String),
}

/// What `seen` means for the pool.
pub fn decide(pool: &Pool, seen: &Seen, rules: Rules<'_>) -> Decision {
    match &seen.news {
        News::Claimed { by } => claim(pool, by, seen, rules),
        News::Released { volume } => release(pool, volume),
        News::Look => look(pool, seen, rules),
    }
}

/// A job that asks again gets what it has. The current generation comes first, and of one generation the oldest volume.
fn claim(pool: &Pool, by: &str, seen: &Seen, rules: Rules<'_>) -> Decision {
    let given =
        |volume: &str, slot: &Slot| Reason::Given { volume: volume.to_owned(), generation: slot.generation };
    for slot in pool.slots.values() {
        if let Phase::Claimed { volume, by: has, .. } = &slot.phase
            && has == by
        {
            return Decision::because(given(volume, slot));
        }
    }
    let current = seen.current.as_ref().map(|it| it.number);
    let ready = pool.slots.iter().filter_map(|(number, slot)| match &slot.phase {
        Phase::Ready { volume, .. } if !slot.is_source => {
            Some((Some(slot.generation) != current, *number, slot, volume))
        }
        Phase::Ready { .. }
        | Phase::Making { .. }
        | Phase::Filling { .. }
        | Phase::Claimed { .. }
        | Phase::Retiring { .. } => None,
    });
    let Some((_, number, slot, volume)) = ready.min_by_key(|(is_old, number, ..)| (*is_old, *number)) else {
        let is_coming = |slot: &&Slot| matches!(slot.phase, Phase::Making { .. } | Phase::Filling { .. });
        return Decision::because(Reason::NoneReady(pool.slots.values().filter(is_coming).count()));
    };
    let keeps = rules.cache.pool.as_ref().map_or(SignedDuration::from_hours(2), |pool| pool.claim);
    let phase = Phase::Claimed {
        volume: volume.clone(),
        by: by.to_owned(),
        since: rules.now,
        until: rules.now + keeps,
    };
    let mut next = Pool { look_at: Some(Timestamp::UNIX_EPOCH), ..pool.clone() };
    next.slots.insert(number, Slot { phase, ..slot.clone() });
    Decision::because(given(volume, slot)).record(next)
}

fn release(pool: &Pool, volume: &str) -> Decision {
    let is_it =
        |slot: &&mut Slot| matches!(&slot.phase, Phase::Claimed { volume: claimed, .. } if claimed == volume);
    let mut next = Pool { look_at: Some(Timestamp::UNIX_EPOCH), ..pool.clone() };
    let Some(slot) = next.slots.values_mut().find(is_it) else {
        return Decision::because(Reason::NotClaimed(volume.to_owned()));
    };
    slot.phase = Phase::Retiring { volume: volume.to_owned(), because: "its job is done".to_owned() };
    Decision::because(Reason::Released(volume.to_owned())).record(next)
}

/// Everything that has moved is taken in, and then one act at most is ordered.
fn look(pool: &Pool, seen: &Seen, rules: Rules<'_>) -> Decision {
    let mut next = pool.clone();
    let refused = intake::take_in(&mut next, seen, rules);
    let volumes: BTreeMap<&str, &Volume> = seen.volumes.iter().map(|it| (it.id.as_str(), it)).collect();
    intake::adopt(&mut next, seen, rules);
    intake::advance(&mut next, &volumes, rules);
    supply::retire_outdated(&mut next, seen, rules);
    let tell = trouble(&mut next, rules);
    let act = if rules.site.leash { None } else { supply::act(&mut next, seen, &volumes, rules) };
    next.look_at = look_at(&next, rules);
    let reason = match (&act, refused) {
        (Some(Effect::Make(_)), _) => Reason::Making(next.next - 1),
        (Some(Effect::Delete(volume)), _) => Reason::Deleting(volume.clone()),
        (Some(Effect::Tell(_)) | None, Some(reason)) => reason,
        (Some(Effect::Tell(_)) | None, None) if rules.site.leash => Reason::Leashed,
        (Some(Effect::Tell(_)) | None, None) if next.look_at == Some(Timestamp::UNIX_EPOCH) => {
            Reason::Waiting
        }
        (Some(Effect::Tell(_)) | None, None) => Reason::AtRest,
    };
    let mut decision = Decision::because(reason);
    if next != *pool || act.is_some() {
        decision = decision.record(next);
    }
    tell.into_iter().chain(act).fold(decision, Decision::then)
}

/// Whether people have to hear that no volumes come, or that they come again.
fn trouble(next: &mut Pool, rules: Rules<'_>) -> Option<Effect> {
    let size = rules.cache.pool.as_ref().map_or(0, |pool| usize::try_from(pool.size).unwrap_or(usize::MAX));
    let is_over = next.ready() >= size;
    let trouble = next.trouble.as_mut()?;
    trouble.is_over = is_over;
    let is_due = !trouble.told && rules.now.duration_since(trouble.since) >= TELL_AFTER;
    let tell = (is_over && trouble.told) || (!is_over && is_due);
    let notice = tell.then(|| words::pool_notice(trouble, &next.zone, rules));
    trouble.told |= is_due;
    if is_over {
        next.trouble = None;
    }
    notice.map(|notice| Effect::Tell(Box::new(notice)))
}

/// Each time while something is on its way, or missing; else when the next claim runs out.
fn look_at(next: &Pool, rules: Rules<'_>) -> Option<Timestamp> {
    let is_moving = |slot: &Slot| {
        matches!(slot.phase, Phase::Making { .. } | Phase::Filling { .. } | Phase::Retiring { .. })
    };
    let size = supply::wanted(next, rules).map_or(0, |pool| usize::try_from(pool.size).unwrap_or(usize::MAX));
    if next.slots.values().any(is_moving) || next.ready() < size {
        return Some(Timestamp::UNIX_EPOCH);
    }
    let ends = next.slots.values().filter_map(|slot| match &slot.phase {
        Phase::Claimed { until, .. } => Some(*until),
        Phase::Making { .. } | Phase::Filling { .. } | Phase::Ready { .. } | Phase::Retiring { .. } => None,
    });
    ends.min()
}

#[cfg(test)]
mod tests;
