//! What is looked after between nights: copies in other Regions, and snapshots that nobody needs any more.
//!
//! Only what this record knows of is ever deleted: a generation of its own, a snapshot whose token it has given up, a
//! second copy of a generation. It must carry the tag of the cache and have been seen a moment ago; the current generation
//! is never among it. So a table that was lost, or a second stack with a cache of the same name, costs nobody a snapshot.
//! What is to go is recorded first; so a kill in between leaves nothing behind.

use std::collections::BTreeSet;

use watchkeeper_domain::{
    cache::{CACHE_TAG, GENERATION_TAG, SOURCE_TAG, TOKEN_TAG},
    ports::{Snapshot, SnapshotCopy, SnapshotState},
};

use super::{Answer, Decision, Effect, Reason, Rules, Seen};
use crate::{
    standing::{Doomed, Generation, Standing},
    words::{self, Saying},
};

/// What is to be done next while no night is under way.
pub(super) fn look_after(standing: &Standing, seen: &Seen, rules: Rules<'_>) -> Decision {
    if !standing.care && standing.doomed.is_empty() {
        return Decision::because(Reason::Nothing);
    }
    if rules.site.leash {
        return Decision::because(Reason::Leashed).record(Standing { care: false, ..standing.clone() });
    }
    let mut next = standing.clone();
    if let Some(trouble) = take_in(&mut next, seen) {
        let decision = Decision::because(Reason::TriesAgain(trouble.clone()));
        next.care = false; // with the next night
        return words::told(decision, next, Saying::Uncared { why: &trouble }, rules);
    }
    adopt_copies(&mut next, seen);
    doom(&mut next, seen, rules);
    next.doomed.retain(|doomed| is_ours(doomed, seen, rules));
    if let Some(doomed) = next.doomed.first().cloned() {
        let reason = Reason::Deleting(doomed.snapshot.clone());
        return Decision::because(reason).record(next).then(Effect::Delete(doomed));
    }
    if let Some(copy) = missing_copy(&next, rules) {
        let reason = Reason::Copying(copy.to.clone());
        return Decision::because(reason).record(next).then(Effect::Copy(Box::new(copy)));
    }
    Decision::because(Reason::CaredFor).record(Standing { care: false, ..next })
}

/// What the last act came to. Returns what went wrong.
fn take_in(next: &mut Standing, seen: &Seen) -> Option<String> {
    let acted = seen.acted.as_ref()?;
    match (&acted.act, &acted.answer) {
        (Effect::Delete(doomed), Answer::Done) => {
            next.doomed.retain(|it| it != doomed);
            None
        }
        (Effect::Delete(doomed), Answer::Failed { why, .. }) => {
            next.doomed.retain(|it| it != doomed);
            Some(why.clone())
        }
        (Effect::Copy(copy), Answer::Copied(id)) => {
            let copied = next.generations.iter_mut().find(|it| it.snapshot == copy.snapshot)?;
            copied.copies.insert(copy.to.clone(), id.clone());
            None
        }
        (Effect::Copy(_), Answer::Failed { why, .. }) => Some(why.clone()),
        _ => None,
    }
}

/// Copies that an earlier attempt has made are found by their tags.
fn adopt_copies(next: &mut Standing, seen: &Seen) {
    for generation in &mut next.generations {
        let number = generation.number.to_string();
        for (region, snapshots) in &seen.snapshots {
            let is_copy = |it: &&Snapshot| {
                it.id != generation.snapshot
                    && it.state != SnapshotState::Error
                    && it.tags.get(GENERATION_TAG) == Some(&number)
                    && it.tags.get(SOURCE_TAG) == Some(&generation.snapshot)
            };
            if let Some(copy) = snapshots.iter().find(is_copy) {
                generation.copies.entry(region.clone()).or_insert_with(|| copy.id.clone());
            }
        }
    }
}

/// What nobody needs any more goes onto the list: generations beyond those that are kept, and leftovers of nights and
/// copies that came to nothing.
fn doom(next: &mut Standing, seen: &Seen, rules: Rules<'_>) {
    let keep = usize::try_from(rules.cache.keep).unwrap_or(usize::MAX).max(1);
    while next.generations.len() > keep {
        let Some(oldest) = next.generations.iter().position(|it| Some(it.number) != next.current) else {
            break;
        };
        let Generation { snapshot, copies, .. } = next.generations.remove(oldest);
        next.doomed.extend(copies.into_iter().map(|(region, snapshot)| Doomed { region, snapshot }));
        next.doomed.push(Doomed { region: rules.site.region.clone(), snapshot });
    }
    let known: BTreeSet<String> = next
        .generations
        .iter()
        .flat_map(|it| std::iter::once(&it.snapshot).chain(it.copies.values()))
        .chain(next.doomed.iter().map(|it| &it.snapshot))
        .cloned()
        .collect();
    // EBS cancels by itself what is still open.
    let is_spent = |it: &Snapshot| {
        let token = it.tags.get(TOKEN_TAG).filter(|_| it.state != SnapshotState::Pending);
        token.is_some_and(|token| next.spent.contains_key(token))
    };
    let is_double = |it: &Snapshot| it.tags.get(SOURCE_TAG).is_some_and(|source| known.contains(source));
    let leftovers = seen.snapshots.iter().flat_map(|(region, snapshots)| {
        let left = snapshots.iter().filter(|it| !known.contains(&it.id) && (is_spent(it) || is_double(it)));
        left.map(|it| Doomed { region: region.clone(), snapshot: it.id.clone() })
    });
    let leftovers: Vec<_> = leftovers.collect();
    next.doomed.extend(leftovers);
}

/// Whether it was seen a moment ago, with our tag. What is not there needs no deleting.
fn is_ours(doomed: &Doomed, seen: &Seen, rules: Rules<'_>) -> bool {
    let there = seen.snapshots.get(&doomed.region).into_iter().flatten().find(|it| it.id == doomed.snapshot);
    there.is_some_and(|it| it.tags.get(CACHE_TAG) == Some(&rules.cache.name))
}

/// The first Region that has no copy of the current generation.
fn missing_copy(next: &Standing, rules: Rules<'_>) -> Option<SnapshotCopy> {
    let current = next.current()?;
    let to = rules.cache.copy_to.iter().find(|region| !current.copies.contains_key(*region))?;
    let name = &rules.cache.name;
    let tags = [
        (CACHE_TAG, name.clone()),
        (GENERATION_TAG, current.number.to_string()),
        (SOURCE_TAG, current.snapshot.clone()),
        ("Name", format!("watchkeeper cache {name}")),
    ];
    Some(SnapshotCopy {
        snapshot: current.snapshot.clone(),
        from: rules.site.region.clone(),
        to: to.clone(),
        description: format!("Generation {} of the cache {name}", current.number),
        tags: tags.into_iter().map(|(key, value)| (key.to_owned(), value)).collect(),
    })
}
