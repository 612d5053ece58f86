//! `cache claim`, `cache release`: a volume for a job, and back. Both change the table only; the sweep of
//! `cache-refresher` makes and deletes volumes.

use anyhow::{Result, anyhow};
use cache_refresher::pool::{Phase, Pool, Reason};
use serde_json::{Value, json};
use watchkeeper_domain::{cache::Cache, failure::Failure, text};

use super::{find, known};
use crate::{
    checkout::Checkout,
    cli::{
        Place,
        cache::{Claim, Release},
    },
    screen::Screen,
    stack::{Stack, explained, is_in_doubt},
    when,
};

/// Gets a volume, and prints its id. Returns whether there was one.
///
/// # Errors
/// An unknown cache, or one without a pool in the zone; a table that cannot be read or written.
pub async fn claim(place: &Place, what: &Claim, screen: &mut Screen) -> Result<bool> {
    let config = Checkout::find(place)?.config()?;
    let cache = find(&config, &what.name)?;
    let zone = pool_in(cache, &what.az_id)?;
    let (stack, now) = (Stack::connect().await, when::now());
    let (table, site) = (stack.table(&what.table)?, known::site(&stack.region()?));
    let rules = known::rules(cache, &site, now);
    let reason = cache_refresher::claim(&table, rules, (zone, &what.by)).await.map_err(|failure| {
        let again = "asked again with the same --by, it is the same volume";
        undone(&failure, again)
    })?;
    let given = given(&reason);
    let pool = known::pool(&table, &cache.name, zone).await?;
    match given {
        _ if what.json => screen.line(&answer(given, what, pool.as_ref()).to_string())?,
        Some((volume, _)) => screen.line(volume)?,
        None => {
            let trouble = pool.and_then(|pool| pool.trouble);
            let why = trouble.map(|it| format!("; EC2 refuses: {}", text::line(&it.why)));
            screen.error(&format!("{} in {zone}: {reason}{}", cache.name, why.unwrap_or_default()))?;
        }
    }
    Ok(given.is_some())
}

/// Gives a volume back. Returns whether somebody had it.
///
/// # Errors
/// An unknown cache; a table that cannot be read or written.
pub async fn release(place: &Place, what: &Release, screen: &mut Screen) -> Result<bool> {
    let config = Checkout::find(place)?.config()?;
    let cache = find(&config, &what.name)?;
    let stack = Stack::connect().await;
    let (table, site) = (stack.table(&what.table)?, known::site(&stack.region()?));
    let rules = known::rules(cache, &site, when::now());
    let reason = cache_refresher::release(&table, rules, &what.volume).await;
    let reason = reason.map_err(|failure| undone(&failure, "giving it back again does no harm"))?;
    let is_done = matches!(reason, Reason::Released(_));
    match is_done {
        true => screen.line(&format!("{reason}: it is deleted once it is not attached"))?,
        false => screen.error(&format!("{}: {reason}", cache.name))?,
    }
    Ok(is_done)
}

/// `zone`, if the cache has a pool there.
fn pool_in<'a>(cache: &Cache, zone: &'a str) -> Result<&'a str> {
    let zones = cache.pool.as_ref().map(|pool| pool.zones.as_slice()).unwrap_or_default();
    if zones.iter().any(|it| it == zone) {
        return Ok(zone);
    }
    Err(match zones {
        [] => anyhow!("{} has no pool of volumes: give it one in watchkeeper.toml (`pool`)", cache.name),
        zones => anyhow!("{} has no pool of volumes in {zone}; it has in: {}", cache.name, zones.join(", ")),
    })
}

fn given(reason: &Reason) -> Option<(&str, u32)> {
    if let Reason::Given { volume, generation } = reason { Some((volume, *generation)) } else { None }
}

/// What was answered, with the end of the claim.
fn answer(given: Option<(&str, u32)>, what: &Claim, pool: Option<&Pool>) -> Value {
    let phases = || pool.iter().flat_map(|pool| pool.slots.values()).map(|slot| &slot.phase);
    let end = |phase: &Phase| {
        let Phase::Claimed { volume, until, .. } = phase else { return None };
        given.is_some_and(|(given, _)| given == volume).then_some(*until)
    };
    let is_coming = |phase: &&Phase| matches!(phase, Phase::Making { .. } | Phase::Filling { .. });
    json!({
        "cache": what.name,
        "az_id": what.az_id,
        "by": what.by,
        "volume": given.map(|(volume, _)| volume),
        "generation": given.map(|(_, generation)| generation),
        "until": phases().find_map(end),
        "on_their_way": phases().filter(is_coming).count(),
    })
}

fn undone(failure: &Failure, again: &str) -> anyhow::Error {
    let doubt = match is_in_doubt(failure) {
        true => format!("\n  it may have been done all the same: {again}"),
        false => String::new(),
    };
    anyhow!("{}{doubt}", explained(failure))
}
