//! `cache refresh`: asks for a night, and waits for its end if that is wanted.

use anyhow::{Result, anyhow};
use cache_refresher::{
    decide::{News, Reason},
    standing::Standing,
};
use serde_json::{Value, json};
use watchkeeper_domain::{cache::Cache, render::terminal::Paint};
use watchkeeper_shell::Table;

use self::end::{End, look};
use super::{find, known, request::Request};
use crate::{
    checkout::Checkout,
    cli::{Place, cache::Refresh},
    patience::{Sight, ending, wait},
    screen::Screen,
    stack::Stack,
    when,
};

pub mod end;

/// Asks for a night. Returns true; when it waits, whether a generation is published or nothing was new.
///
/// # Errors
/// An unknown cache, one that is switched off, or one with a night under way; a bus that has not taken the request; a
/// table that cannot be read, or not any more.
pub async fn refresh(place: &Place, what: &Refresh, screen: &mut Screen) -> Result<bool> {
    let config = Checkout::find(place)?.config()?;
    let cache = find(&config, &what.name)?;
    let (stack, now) = (Stack::connect().await, when::now());
    let why = (what.by.as_deref().unwrap_or_default(), what.because.as_deref().unwrap_or_default());
    let request = Request::new(&cache.name, why, what.id.as_deref(), now);
    // Without the table it is only known whether the cache is switched on.
    let is_told = what.wait.is_some() || what.table.is_named();
    let table = is_told.then(|| stack.table(&what.table)).transpose()?;
    let before = match &table {
        Some(table) => known::standing(table, &cache.name).await?,
        None => Standing::new(&cache.name),
    };
    let is_known = was_asked(&request, &before, cache, &stack.region()?)?;
    if !is_known {
        request.refresh(&stack.bus(&what.bus)?).await?;
    }
    if let (Some(minutes), Some(table)) = (what.wait, table) {
        let watch = Watch { table, cache, id: &request.id };
        return watch.until_the_end(what, minutes, screen).await;
    }
    say(&request, is_known, what.json, screen)
}

/// Says what was asked for. Returns true.
fn say(request: &Request, is_known: bool, json: bool, screen: &mut Screen) -> Result<bool> {
    let Request { cache, id, .. } = request;
    if json {
        screen.line(&json!({ "cache": cache, "id": id, "asked_before": is_known }).to_string())?;
        return Ok(true);
    }
    let asked = if is_known { "was asked before for" } else { "asked for" };
    screen.line(&format!("{asked} a night of {cache}: {}", request.reason()))?;
    screen.line(&format!("  id    {id}: asked again with --id, it is the same night"))?;
    screen.line(&format!("  next  `watchkeeper cache show {cache}` shows how far it is"))?;
    Ok(true)
}

/// Whether the same was asked before.
///
/// # Errors
/// When it would be refused.
fn was_asked(request: &Request, before: &Standing, cache: &Cache, region: &str) -> Result<bool> {
    let site = known::site(region);
    let news = News::Asked { id: request.id.clone(), because: request.reason() };
    let reason = known::judged(before, news, known::rules(cache, &site, when::now())).because;
    match reason.is_refusal() {
        true => Err(anyhow!("nothing was asked for: {reason}")),
        false => Ok(reason == Reason::Duplicate),
    }
}

/// Where one looks for the end of a night.
struct Watch<'a> {
    table: Table,
    cache: &'a Cache,
    id: &'a str,
}

impl Watch<'_> {
    async fn until_the_end(&self, what: &Refresh, minutes: u16, screen: &mut Screen) -> Result<bool> {
        let name = &self.cache.name;
        // Whether anybody reads this or not, the exit status tells.
        let _ = screen.error(&format!("{name}: waiting for the night with the id {}", self.id));
        let sight = async || {
            let standing = known::standing(&self.table, name).await?;
            Ok(look(&standing, self.id, &self.cache.zone))
        };
        let seen = wait((minutes, what.every_ms), screen, sight).await;
        screen.done();
        let end = match seen? {
            (Sight::Ended(end), shown) => end.after(&shown),
            (Sight::Underway(so_far), _) => End::late(&so_far, minutes),
        };
        let text = match what.json {
            true => format!("{}\n", self.to_json(&end)),
            false => self.to_text(&end, screen),
        };
        let _ = screen.write(&text);
        Ok(end.sort.is_good())
    }

    fn to_text(&self, end: &End, screen: &Screen) -> String {
        let title = screen.paint(&format!("{} {}", self.cache.name, end.sort.words()), Paint::Bold);
        ending(&title, &end.because, end.sort.next_step(&self.cache.name, self.id).as_deref())
    }

    fn to_json(&self, end: &End) -> Value {
        json!({
            "cache": self.cache.name,
            "id": self.id,
            "refreshed": end.sort.is_good(),
            "end": end.sort.as_str(),
            "because": end.because,
            "generations": end.generations,
            "next_step": end.sort.next_step(&self.cache.name, self.id),
        })
    }
}
