//! What the targets of an experiment came to, and what is known of those resources and of the others of their types.

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt, stream};
use jiff::{SignedDuration, Timestamp};
use watchkeeper_domain::{
    drill::{Drill, Fact, Fleet, Targets},
    experiment::{
        Experiment, ResolvedTarget,
        hypothesis::{Metric, Source},
        windows::Interval,
    },
    failure::Failure,
    ports::{Experiments, Inventory, Metrics, Query, Series},
};

use super::fact;

/// How far back an instance's status checks are looked for: they are measured once a minute, and told some minutes later.
const CHECKED: SignedDuration = SignedDuration::from_mins(10);

/// How many resources are looked at, and how many at once, to find one in a zone that would not be hit.
const LOOKED_AT: usize = 100;
const AT_ONCE: usize = 8;

/// What the targets of `experiment` came to, and what is known of those resources at `now`.
///
/// # Errors
/// When FIS, the tags, the fleets or the zones cannot be read: none of them is guessed.
pub async fn targets<W>(
    world: &W,
    drill: &Drill,
    experiment: &Experiment,
    now: Timestamp,
) -> Result<Targets, Failure>
where
    W: Experiments + Inventory + Metrics,
{
    let resolved: BTreeSet<_> = world.resolved(&experiment.listed.id).await?.into_iter().collect();
    let arns: BTreeSet<_> = resolved.iter().filter_map(|it| it.arn().map(str::to_owned)).collect();
    let tags = world.tags(&arns).await?;
    let zones = if is_lone_task(&resolved) { BTreeMap::new() } else { world.zones(&arns).await? };
    let (id, at) = (experiment.listed.id.clone(), experiment.ended_at);
    let mut targets = Targets { experiment: id, at, resolved, tags, fleets: BTreeMap::new(), zones };
    for kind in targets.resolved.iter().map(|it| it.resource_type.clone()).collect::<BTreeSet<_>>() {
        let tag = &drill.limits.opt_in_tag;
        let fleet = match world.fleet(&kind, &tag.key, &tag.value).await? {
            Some(all) => {
                let size = u64::try_from(all.len()).unwrap_or(u64::MAX);
                let others: BTreeSet<_> = all.difference(&arns).cloned().collect();
                let spared_zone = spared_zone(world, &others, &targets.zones_hit(&kind)).await;
                let well = match drill.min_healthy {
                    Some(_) => well(world, &kind, &others, now).await,
                    None => Ok(None),
                };
                Some(Fleet { size, well, spared_zone })
            }
            None => None,
        };
        targets.fleets.insert(kind, fleet);
    }
    Ok(targets)
}

/// Whether one ECS task is all that would be hit. Nobody tells in which zone a task is; one alone is in one.
fn is_lone_task(resolved: &BTreeSet<ResolvedTarget>) -> bool {
    resolved.len() == 1 && resolved.iter().all(|it| it.resource_type == "aws:ecs:task")
}

/// A zone of one of `others` that is not in `hit`, where several are hit. A resource whose zone can't be read is no
/// witness: it may be gone. Nor is one whose zone is told by name where those in `hit` are told by id.
async fn spared_zone<W: Inventory>(
    world: &W,
    others: &BTreeSet<String>,
    hit: &BTreeSet<&str>,
) -> Option<String> {
    if hit.len() < 2 {
        return None;
    }
    let look = async |arn: &String| world.zones(&BTreeSet::from([arn.clone()])).await.ok()?.remove(arn);
    let zones = stream::iter(others.iter().take(LOOKED_AT).map(look)).buffer_unordered(AT_ONCE);
    let is_id = |zone: &str| zone.contains("-az");
    let is_spared = |zone: &String| hit.iter().all(|it| *it != zone && is_id(it) == is_id(zone));
    let mut spared = Box::pin(zones.filter_map(async |zone| zone.filter(is_spared)));
    spared.next().await
}

/// How many of `arns` are well, or `None` where nobody measures that: only instances have status checks.
async fn well<W: Metrics>(
    world: &W,
    kind: &str,
    arns: &BTreeSet<String>,
    now: Timestamp,
) -> Fact<Option<u64>> {
    if !matches!(kind, "aws:ec2:instance" | "aws:ec2:spot-instance") {
        return Ok(None);
    }
    let queries: Vec<_> = arns.iter().filter_map(|arn| status_checks(arn)).collect();
    let within = Interval { from: now - CHECKED, to: now };
    let series = fact(world.series(&queries, within).await)?;
    if series.iter().any(|it| !it.complete) {
        return Err("CloudWatch has not told all of it".to_owned());
    }
    let passes = |it: &&Series| it.points.last().is_some_and(|point| point.value <= 0.0);
    Ok(u64::try_from(series.iter().filter(passes).count()).ok())
}

/// `StatusCheckFailed`, which is 0 as long as an instance passes. One that is not running has no points.
///
/// Source: Amazon EC2 User Guide, "CloudWatch metrics that are available for your instances" (status check metrics: every
/// minute, at no charge).
fn status_checks(arn: &str) -> Option<Query> {
    let (_, id) = arn.rsplit_once('/')?;
    let metric = Metric {
        namespace: "AWS/EC2".to_owned(),
        name: "StatusCheckFailed".to_owned(),
        dimensions: BTreeMap::from([("InstanceId".to_owned(), id.to_owned())]),
        stat: "Maximum".to_owned(),
    };
    Some(Query { id: id.to_owned(), source: Source::Metric(metric), period: SignedDuration::from_mins(1) })
}
