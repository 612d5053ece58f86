//! What a decision about a cache is made on, read at one moment.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use watchkeeper_domain::{
    cache::{CACHE_TAG, Cache, TOKEN_TAG},
    drill::Site,
    failure::Failure,
    ports::{Archive, Snapshot},
};

use crate::{
    decide::{Acted, News, Seen},
    standing::{Night, Phase, Standing},
};

/// Reads what the next decision needs, and no more.
pub(crate) async fn look(
    world: &impl Archive,
    (cache, site, now): (&Cache, &Site, Timestamp),
    standing: &Standing,
    (news, acted): (&News, Option<&Acted>),
) -> Result<Seen, Failure> {
    let mut seen =
        Seen { news: news.clone(), acted: acted.cloned(), snapshot: None, snapshots: BTreeMap::new() };
    if *news != News::Look {
        return Ok(seen);
    }
    match &standing.night {
        Some(night) => seen.snapshot = snapshot(world, (cache, &site.region), night, (acted, now)).await?,
        None if !site.leash && (standing.care || !standing.doomed.is_empty()) => {
            for region in regions(standing, cache, site) {
                let snapshots = world.snapshots(&region, (CACHE_TAG, &cache.name)).await?;
                seen.snapshots.insert(region, snapshots);
            }
        }
        None => {}
    }
    Ok(seen)
}

/// The snapshot of `night`, where its state decides something.
async fn snapshot(
    world: &impl Archive,
    (cache, region): (&Cache, &str),
    night: &Night,
    (acted, now): (Option<&Acted>, Timestamp),
) -> Result<Option<Snapshot>, Failure> {
    match &night.phase {
        Phase::Writing { until } if acted.is_none() && *until <= now => {
            let token = night.token(&cache.name);
            let found = world.snapshots(region, (TOKEN_TAG, &token)).await?;
            Ok(found.into_iter().next())
        }
        Phase::Checking { until, .. } if acted.is_none() && *until > now => Ok(None),
        Phase::Sealing { sealed, .. } | Phase::Completing { sealed, .. } | Phase::Checking { sealed, .. } => {
            world.snapshot(region, sealed.receipt.snapshot.as_str()).await
        }
        Phase::Queued | Phase::Writing { .. } | Phase::Pausing { .. } => Ok(None),
    }
}

/// Where snapshots of the cache are or should be.
fn regions(standing: &Standing, cache: &Cache, site: &Site) -> BTreeSet<String> {
    let copies = standing.generations.iter().flat_map(|it| it.copies.keys());
    let doomed = standing.doomed.iter().map(|it| &it.region);
    copies.chain(doomed).chain(&cache.copy_to).chain([&site.region]).cloned().collect()
}
