//! What a run would hit, as the preview has shown it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;

use super::{Guard, Objection, Question};
use crate::{
    drill::{Fleet, Targets},
    experiment::ResolvedTarget,
};

/// How old a preview may be: resources come and go.
const FRESH: SignedDuration = SignedDuration::from_mins(15);

/// There was a preview just now, and every target of the template came to something.
pub(super) fn preview(it: &Question<'_>) -> Option<Objection> {
    let targets = match targets(it) {
        Ok(targets) => targets,
        Err(objection) => return Some(objection),
    };
    if targets.at.is_none_or(|at| it.now.duration_since(at) > FRESH) {
        return Objection::new(Guard::Preview, "the preview is more than 15 minutes old");
    }
    let Ok(Some(template)) = &it.facts.template else { return None };
    let empty =
        template.targets.keys().find(|name| !targets.resolved.iter().any(|it| it.target == **name))?;
    let because =
        format!("the target {empty} came to nothing, as after a mistyped tag: the run would prove nothing");
    Objection::new(Guard::Preview, because)
}

/// Every resource carries the tag by which its owner agrees. FIS does not look at the tags of what is named by ARN.
pub(super) fn opt_in(it: &Question<'_>) -> Option<Objection> {
    let targets = targets(it).ok()?; // the guard before has objected
    let tag = &it.drill.limits.opt_in_tag;
    let has_tag = |target: &&ResolvedTarget| {
        let tags = target.arn().and_then(|arn| targets.tags.get(arn));
        tags.and_then(|tags| tags.get(&tag.key)) == Some(&tag.value)
    };
    let without: Vec<_> = targets.resolved.iter().filter(|target| !has_tag(target)).collect();
    let first = without.first()?.name();
    let others = if without.len() > 1 { format!(" and {} others", without.len() - 1) } else { String::new() };
    Objection::new(Guard::OptIn, format!("{first}{others} without the tag {tag}: its owner has not agreed"))
}

/// No resource carries a tag that forbids it, whoever has opted in: `forbid_tags` wins.
pub(super) fn forbidden(it: &Question<'_>) -> Option<Objection> {
    let targets = targets(it).ok()?;
    let limits = &it.drill.limits;
    targets.resolved.iter().find_map(|target| {
        let mut tags = targets.tags.get(target.arn()?)?.iter();
        let (key, value) = tags.find(|(key, value)| limits.forbids_tag(key, value))?;
        let because = format!("{} has the tag {key}={value}, which forbids to hit it", target.name());
        Objection::new(Guard::OptIn, because)
    })
}

pub(super) fn count(it: &Question<'_>) -> Option<Objection> {
    let targets = targets(it).ok()?;
    let most = it.drill.limits.max_count;
    let (name, count) = by_target(targets).into_iter().find(|(_, count)| *count > most)?;
    Objection::new(
        Guard::BlastRadius,
        format!("the target {name} came to {count} resources; {most} are allowed"),
    )
}

/// The share of all resources of that type that have opted in. A single one is a share of 100 % and nobody's accident:
/// where only one has opted in, that one may be hit.
pub(super) fn share(it: &Question<'_>) -> Option<Objection> {
    let targets = targets(it).ok()?;
    let percent = it.drill.limits.max_percent;
    if percent >= 100 {
        return None;
    }
    for (kind, count) in by_type(targets) {
        match targets.fleets.get(kind) {
            Some(Some(Fleet { size: 1, .. })) => {}
            Some(Some(Fleet { size, .. })) if count * 100 > size * percent => {
                let because = format!(
                    "{count} of {size} resources of type {kind} would be hit; {percent} % are allowed"
                );
                return Objection::new(Guard::BlastRadius, because);
            }
            Some(Some(_)) => {}
            // Pods and the like: their share is read in the template, where a rule has judged it.
            Some(None) => {}
            None => return Objection::unread(Guard::BlastRadius, kind, "nobody counted how many there are"),
        }
    }
    None
}

/// Enough of them are left: of instances, those whose status checks pass; of other types, those that exist, of which
/// stopped ones still do, and what was deleted may for a while. Not asked of a run, for nobody knows whether what it hits
/// is still counted.
pub(super) fn left(it: &Question<'_>) -> Option<Objection> {
    let least = it.drill.min_healthy?;
    let targets = targets(it).ok()?;
    for (kind, count) in by_type(targets) {
        let Some(Some(Fleet { size, well, .. })) = targets.fleets.get(kind) else {
            let because = format!(
                "nobody can count the resources of type {kind}, so that {least} left of them is no more than a hope"
            );
            return Objection::new(Guard::BlastRadius, because);
        };
        let (left, are_well) = match well {
            Ok(Some(well)) => (*well, " and well"),
            Ok(None) => (size.saturating_sub(count), ""),
            Err(why) => {
                let what = format!("how many resources of type {kind} are well");
                return Objection::unread(Guard::BlastRadius, &what, why);
            }
        };
        if left < least {
            let because = format!(
                "{left} of {size} resources of type {kind} would be left{are_well}; {least} are asked for"
            );
            return Objection::new(Guard::BlastRadius, because);
        }
    }
    None
}

/// As many zones as are allowed, and never all in which the resources of one type live, if those are several.
pub(super) fn zones(it: &Question<'_>) -> Option<Objection> {
    let targets = targets(it).ok()?;
    let zones: BTreeSet<_> = targets.zones.values().map(String::as_str).collect();
    let (hit, most) = (u64::try_from(zones.len()).unwrap_or(u64::MAX), it.drill.max_zones);
    let because = if hit > most {
        let zones = zones.into_iter().collect::<Vec<_>>().join(", ");
        format!("{hit} Availability Zones would be hit ({zones}); {most} are allowed")
    } else {
        let (kind, zones) = without_refuge(targets)?;
        format!("every Availability Zone with resources of type {kind} would be hit ({zones})")
    };
    Objection::new(Guard::BlastRadius, because)
}

/// A type of which several zones would be hit, and none is known that would not.
fn without_refuge(targets: &Targets) -> Option<(&str, String)> {
    by_type(targets).into_keys().find_map(|kind| {
        let hit = targets.zones_hit(kind);
        let fleet = targets.fleets.get(kind).and_then(Option::as_ref);
        let has_refuge = fleet.is_some_and(|fleet| fleet.spared_zone.is_some());
        (hit.len() > 1 && !has_refuge).then(|| (kind, hit.into_iter().collect::<Vec<_>>().join(", ")))
    })
}

fn targets<'a>(it: &Question<'a>) -> Result<&'a Targets, Objection> {
    let because = match &it.facts.targets {
        Some(Ok(targets)) => return Ok(targets),
        Some(Err(why)) => format!("what the targets came to could not be read: {why}"),
        None => "there was no preview".to_owned(),
    };
    Err(Objection { guard: Guard::Preview, because })
}

fn by_target(targets: &Targets) -> BTreeMap<&str, u64> {
    let mut counts = BTreeMap::new();
    for target in &targets.resolved {
        *counts.entry(target.target.as_str()).or_default() += 1;
    }
    counts
}

/// How many different resources of each type.
fn by_type(targets: &Targets) -> BTreeMap<&str, u64> {
    let distinct: BTreeSet<_> =
        targets.resolved.iter().map(|it| (it.resource_type.as_str(), it.name())).collect();
    let mut counts = BTreeMap::new();
    for (kind, _) in distinct {
        *counts.entry(kind).or_default() += 1;
    }
    counts
}
