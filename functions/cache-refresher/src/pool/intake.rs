//! What has become of the volumes: orders that were answered, volumes that EC2 shows.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use watchkeeper_domain::{
    cache::{CACHE_TAG, TOKEN_TAG},
    ports::{Made, Volume, VolumeOrigin, VolumeState},
};

use super::{
    Effect, Phase, Pool, Reason, Slot, Trouble,
    decide::{Acted, Answer, Seen},
};
use crate::decide::Rules;

/// How long EC2 is left alone after it has refused a volume.
const HOLD: SignedDuration = SignedDuration::from_mins(5);
/// How long an order is repeated with its token before it is given up.
const ORDER: SignedDuration = SignedDuration::from_mins(10);
/// How many slots back a lost order is looked for.
const REMEMBERED: u32 = 200;

/// What the last act came to. Returns what was refused, or has failed.
pub(super) fn take_in(next: &mut Pool, seen: &Seen, rules: Rules<'_>) -> Option<Reason> {
    let Acted { act, answer } = seen.acted.as_ref()?;
    let Effect::Make(order) = act else {
        return match answer {
            Answer::Failed(why) => Some(Reason::TriesAgain(why.clone())),
            Answer::Done | Answer::Made(_) => None,
        };
    };
    let number = next.slots.iter().find_map(|(number, slot)| match &slot.phase {
        Phase::Making { order: own, .. } if own.token == order.token => Some(*number),
        Phase::Making { .. }
        | Phase::Filling { .. }
        | Phase::Ready { .. }
        | Phase::Claimed { .. }
        | Phase::Retiring { .. } => None,
    })?;
    match answer {
        Answer::Made(Made::Volume(volume)) => {
            let slot = next.slots.get_mut(&number)?;
            slot.phase = Phase::Filling { volume: volume.clone(), since: rules.now };
            None
        }
        // The slot goes, and with it its token: EC2 may hold on to that.
        Answer::Made(Made::Refused { code, message }) => {
            next.slots.remove(&number);
            let until = Some(rules.now + HOLD);
            match order.origin {
                VolumeOrigin::Volume { .. } => next.copies_hold_until = until,
                VolumeOrigin::Snapshot { .. } => {
                    next.hold_until = until;
                    let why = format!("{code}: {message}");
                    let trouble = Trouble { since: rules.now, why: why.clone(), told: false, is_over: false };
                    next.trouble.get_or_insert(trouble).why = why;
                }
            }
            Some(Reason::Refused(format!("{code}: {message}")))
        }
        Answer::Failed(why) => {
            next.hold_until = Some(rules.now + SignedDuration::from_mins(1));
            Some(Reason::TriesAgain(why.clone()))
        }
        Answer::Done => None,
    }
}

/// Orders whose answer was lost are found by their tokens, also those that were given up too early: these go again.
pub(super) fn adopt(next: &mut Pool, seen: &Seen, rules: Rules<'_>) {
    let known: Vec<String> =
        next.slots.values().filter_map(|it| it.phase.volume().map(str::to_owned)).collect();
    let is_strange = |it: &&Volume| is_here(it, next, rules) && !known.contains(&it.id);
    let strangers: Vec<_> = seen.volumes.iter().filter(is_strange).collect();
    let tokens: BTreeMap<String, u32> = (next.next.saturating_sub(REMEMBERED)..next.next)
        .map(|number| (next.token(number), number))
        .collect();
    for volume in strangers {
        let Some(number) = volume.tags.get(TOKEN_TAG).and_then(|token| tokens.get(token)) else { continue };
        match next.slots.get_mut(number) {
            Some(slot) => slot.phase = Phase::Filling { volume: volume.id.clone(), since: rules.now },
            None => {
                let because = "its order was given up".to_owned();
                let phase = Phase::Retiring { volume: volume.id.clone(), because };
                next.slots.insert(*number, Slot { generation: 0, is_source: false, phase });
            }
        }
    }
}

/// Whether it is a volume of this cache in this zone that is not on its way out.
pub(super) fn is_here(volume: &Volume, pool: &Pool, rules: Rules<'_>) -> bool {
    volume.zone == pool.zone
        && volume.tags.get(CACHE_TAG) == Some(&rules.cache.name)
        && !matches!(volume.state, VolumeState::Deleting | VolumeState::Deleted)
}

/// Every volume goes on as far as EC2 says that it has come.
pub(super) fn advance(
    next: &mut Pool,
    volumes: &BTreeMap<&str, &Volume>,
    Rules { now, cache, .. }: Rules<'_>,
) {
    let keeps = cache.pool.as_ref().map(|pool| pool.claim);
    next.slots.retain(|_, slot| {
        let there = slot.phase.volume().and_then(|id| volumes.get(id));
        let state = there.map(|it| it.state);
        let is_gone = matches!(state, None | Some(VolumeState::Deleting | VolumeState::Deleted));
        match slot.phase.clone() {
            Phase::Making { since, .. } => now.duration_since(since) < ORDER,
            // EC2 is eventually consistent: a new volume may not be listed at once.
            Phase::Filling { since, .. } if is_gone => now.duration_since(since) < ORDER,
            Phase::Filling { volume, .. } => {
                if state == Some(VolumeState::Error) {
                    slot.phase = Phase::Retiring { volume, because: "EC2 could not make it".to_owned() };
                } else if there.is_some_and(|it| is_usable(it)) {
                    slot.phase = Phase::Ready { volume, since: now };
                }
                true
            }
            Phase::Ready { .. } | Phase::Claimed { .. } | Phase::Retiring { .. } if is_gone => false,
            Phase::Ready { volume, .. } => {
                if state == Some(VolumeState::InUse) {
                    let (by, until) =
                        ("somebody who did not claim it".to_owned(), now + keeps.unwrap_or(HOLD));
                    slot.phase = Phase::Claimed { volume, by, since: now, until };
                } else if state == Some(VolumeState::Error) {
                    slot.phase = Phase::Retiring { volume, because: "it has failed".to_owned() };
                }
                true
            }
            Phase::Claimed { volume, by, since, until } if until <= now => {
                slot.phase = match (state, keeps) {
                    (Some(VolumeState::InUse), Some(keeps)) => {
                        Phase::Claimed { volume, by, since, until: now + keeps }
                    }
                    _ => {
                        let because = format!("{by} has claimed it and not given it back in time");
                        Phase::Retiring { volume, because }
                    }
                };
                true
            }
            Phase::Claimed { .. } | Phase::Retiring { .. } => true,
        }
    });
}

/// Without a rate, blocks come when they are read; with one, it is worth waiting for. A copy is usable at once.
fn is_usable(volume: &Volume) -> bool {
    let is_filled = volume.initialization_mib.is_none() || volume.initialized.is_some_and(|it| it >= 100);
    volume.state == VolumeState::Available && (is_filled || volume.source.is_some())
}
