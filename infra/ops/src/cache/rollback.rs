//! `cache rollback`: jobs get an earlier generation again.

use anyhow::{Result, anyhow};
use cache_refresher::decide::{News, Reason};

use super::{
    find,
    known::{self, named},
    request::Request,
};
use crate::{
    checkout::Checkout,
    cli::{Place, cache::Rollback},
    screen::Screen,
    stack::Stack,
    when,
};

/// Asks for an earlier generation, if there is that one. Returns true.
///
/// # Errors
/// An unknown cache; no such generation, or a night under way; a table that cannot be read, or a bus that has not taken it.
pub async fn rollback(place: &Place, what: &Rollback, screen: &mut Screen) -> Result<bool> {
    let config = Checkout::find(place)?.config()?;
    let cache = find(&config, &what.name)?;
    let (stack, now) = (Stack::connect().await, when::now());
    let request = Request::new(&cache.name, (&what.why.by, &what.why.because), None, now);
    let standing = known::standing(&stack.table(&what.table)?, &cache.name).await?;
    let site = known::site(&stack.region()?);
    let news = News::RolledBack { to: what.to, because: request.reason() };
    let reason = known::judged(&standing, news, known::rules(cache, &site, now)).because;
    let Reason::RolledBack { to, .. } = reason else {
        return Err(anyhow!("nothing was asked for: {reason}"));
    };
    request.rollback(to, &stack.bus(&what.bus)?).await?;
    let wanted = known::generation(&standing, &cache.name, Some(to))?;
    let instead = standing.current().map(|it| format!(" instead of generation {}", it.number));
    screen.line(&format!(
        "asked for {} of {}{}: {}",
        named(wanted),
        cache.name,
        instead.unwrap_or_default(),
        request.reason()
    ))?;
    screen.line(&format!(
        "  next  jobs get it within a minute, and volumes of it as they are made: `watchkeeper cache show {}`",
        cache.name
    ))?;
    Ok(true)
}
