//! Which volumes are made, and which go.
//!
//! | limit | kept how | source |
//! |---|---|---|
//! | one copy of a volume at a time, the next once it is initialised | the volumes are looked at first | EBS User Guide, "Copy an EBS volume" |
//! | five copies in progress in a Region | the same; copies by others show in EC2's refusal | the same |
//! | the initialization rates in a Region | the rates of this cache are added up; the rest, EC2's refusal | EBS User Guide, "Initialize Amazon EBS volumes" |

use std::collections::BTreeMap;

use watchkeeper_domain::{
    cache::{self, CACHE_TAG, GENERATION_TAG, TOKEN_TAG},
    ports::{Volume, VolumeOrder, VolumeOrigin, VolumeState},
};

use super::{
    Effect, Phase, Pool, Slot,
    decide::{Current, Seen},
    intake::is_here,
};
use crate::decide::Rules;

/// How many copies may be in progress in a Region at once.
const COPIES: usize = 5;

/// Volumes of other generations go, once enough of the current one wait; all go that nobody wants any more.
pub(super) fn retire_outdated(next: &mut Pool, seen: &Seen, rules: Rules<'_>) {
    let wanted = wanted(next, rules);
    let current = seen.current.as_ref().map(|it| it.number);
    let ready = |slots: &BTreeMap<u32, Slot>, is_source: bool| {
        let is_ready = |slot: &&Slot| {
            slot.is_source == is_source
                && Some(slot.generation) == current
                && matches!(slot.phase, Phase::Ready { .. })
        };
        slots.values().filter(is_ready).count()
    };
    let size = wanted.map_or(0, |pool| usize::try_from(pool.size).unwrap_or(usize::MAX));
    let enough = [ready(&next.slots, false) >= size, ready(&next.slots, true) >= 1];
    let keeps_source = wanted.is_some_and(|pool| pool.copies);
    for slot in next.slots.values_mut() {
        let Phase::Ready { volume, .. } = &slot.phase else { continue };
        let is_outdated = Some(slot.generation) != current && enough[usize::from(slot.is_source)];
        let because = match wanted {
            None => "this zone has no pool any more",
            Some(_) if slot.is_source && !keeps_source => "nothing is copied from it any more",
            Some(_) if is_outdated => "there is another generation",
            Some(_) => continue,
        };
        slot.phase = Phase::Retiring { volume: volume.clone(), because: because.to_owned() };
    }
}

/// What the configuration wants here.
pub(super) fn wanted<'a>(pool: &Pool, rules: Rules<'a>) -> Option<&'a cache::Pool> {
    let wanted = rules.cache.pool.as_ref().filter(|wanted| wanted.zones.contains(&pool.zone));
    wanted.filter(|_| rules.cache.enabled)
}

/// One act: an order repeated, a volume made, or one deleted.
pub(super) fn act(
    next: &mut Pool,
    seen: &Seen,
    volumes: &BTreeMap<&str, &Volume>,
    rules: Rules<'_>,
) -> Option<Effect> {
    let is_held = next.hold_until.is_some_and(|until| until > rules.now);
    if !is_held {
        next.hold_until = None;
        for slot in next.slots.values() {
            if let Phase::Making { order, .. } = &slot.phase {
                return Some(Effect::Make(order.clone()));
            }
        }
        if let Some(order) = shortage(next, seen, rules) {
            return Some(Effect::Make(Box::new(order)));
        }
    }
    let deletable = next.slots.values().filter_map(|slot| match &slot.phase {
        Phase::Retiring { volume, .. } => volumes.get(volume.as_str()),
        Phase::Making { .. } | Phase::Filling { .. } | Phase::Ready { .. } | Phase::Claimed { .. } => None,
    });
    // What is attached waits, and what does not carry our tags is not ours.
    let mut deletable = deletable.filter(|it| {
        is_here(it, next, rules) && matches!(it.state, VolumeState::Available | VolumeState::Error)
    });
    deletable.next().map(|it| Effect::Delete(it.id.clone()))
}

/// The order of a volume that is missing, with its slot.
fn shortage(next: &mut Pool, seen: &Seen, rules: Rules<'_>) -> Option<VolumeOrder> {
    let pool = wanted(next, rules)?;
    let current = seen.current.as_ref()?;
    let most = usize::try_from(pool.most).unwrap_or(usize::MAX).saturating_add(usize::from(pool.copies));
    let is_coming = |slot: &Slot| {
        slot.generation == current.number
            && matches!(slot.phase, Phase::Making { .. } | Phase::Filling { .. } | Phase::Ready { .. })
    };
    let [waiting, sources] = [false, true]
        .map(|source| next.slots.values().filter(|it| it.is_source == source && is_coming(it)).count());
    let is_source = pool.copies && sources == 0;
    let is_short = is_source || waiting < usize::try_from(pool.size).unwrap_or(usize::MAX);
    if !is_short || next.slots.len() >= most {
        return None;
    }
    let origin = match source(next, seen, current, rules).filter(|_| !is_source) {
        Some(id) => VolumeOrigin::Volume { id },
        None => {
            let initialization_mib = pool.initialization_mib;
            if rate_in_use(seen) + initialization_mib.unwrap_or_default() > pool.region_mib {
                return None;
            }
            VolumeOrigin::Snapshot { id: current.snapshot.clone(), initialization_mib }
        }
    };
    let number = next.next;
    let token = next.token(number);
    let tags = [
        (CACHE_TAG, rules.cache.name.clone()),
        (TOKEN_TAG, token.clone()),
        (GENERATION_TAG, current.number.to_string()),
        ("Name", format!("watchkeeper cache {}", rules.cache.name)),
    ];
    let order = VolumeOrder {
        origin,
        zone: next.zone.clone(),
        size_gib: current.size_gib,
        token,
        tags: tags.into_iter().map(|(key, value)| (key.to_owned(), value)).collect(),
    };
    let phase = Phase::Making { order: Box::new(order.clone()), since: rules.now };
    next.slots.insert(number, Slot { generation: current.number, is_source, phase });
    next.next += 1;
    Some(order)
}

/// The volume to copy, if the limits of copies allow one more.
fn source(next: &mut Pool, seen: &Seen, current: &Current, rules: Rules<'_>) -> Option<String> {
    if next.copies_hold_until.is_some_and(|until| until > rules.now) {
        return None;
    }
    next.copies_hold_until = None;
    let source = next.slots.values().find_map(|slot| match &slot.phase {
        Phase::Ready { volume, .. } if slot.is_source && slot.generation == current.number => {
            Some(volume.clone())
        }
        Phase::Ready { .. }
        | Phase::Making { .. }
        | Phase::Filling { .. }
        | Phase::Claimed { .. }
        | Phase::Retiring { .. } => None,
    })?;
    let in_progress =
        || seen.volumes.iter().filter(|it| it.source.is_some() && it.initialized.is_none_or(|it| it < 100));
    let is_copied = in_progress().any(|it| it.source.as_ref() == Some(&source));
    (!is_copied && in_progress().count() < COPIES).then_some(source)
}

/// The initialization rates that are taken by volumes of this cache, in MiB/s.
fn rate_in_use(seen: &Seen) -> u32 {
    let filling = seen.volumes.iter().filter(|it| it.initialized.is_none_or(|percent| percent < 100));
    filling.filter_map(|it| it.initialization_mib).sum()
}
