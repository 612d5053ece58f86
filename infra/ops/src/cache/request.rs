//! What people ask of `cache-refresher`, put on the bus.

use anyhow::{Result, anyhow};
use jiff::Timestamp;
use serde_json::{Value, json};
use watchkeeper_domain::text::fingerprint;
use watchkeeper_shell::Bus;

use crate::stack::{explained, is_in_doubt};

/// How many characters an id has that nobody has chosen.
const ID: usize = 12;

/// A request, as `cache-refresher` reads it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Request {
    /// The cache.
    pub cache: String,
    /// Who.
    pub by: String,
    /// Why.
    pub because: String,
    /// The same for every copy of it.
    pub id: String,
}

impl Request {
    /// A request with the id that was chosen, or with a new one.
    pub fn new(cache: &str, (by, because): (&str, &str), id: Option<&str>, now: Timestamp) -> Self {
        let process = std::process::id().to_string();
        let new = || fingerprint([cache, by, because, &now.to_string(), &process]);
        let id = id.map_or_else(|| new().chars().take(ID).collect(), str::to_owned);
        Self { cache: cache.to_owned(), by: by.to_owned(), because: because.to_owned(), id }
    }

    /// Why, and who: as `cache-refresher` keeps it.
    pub fn reason(&self) -> String {
        format!("{}, by {}", self.because, self.by)
    }

    /// Asks for a night, once.
    ///
    /// # Errors
    /// When the bus has not taken it; or may have, and how to ask again without asking twice.
    pub async fn refresh(&self, bus: &Bus) -> Result<()> {
        let doubt = format!("with --id {}, a second try is no second night", self.id);
        self.put(bus, "Cache Refresh Requested", self.detail(), &doubt).await
    }

    /// Asks for the generation with this number, once.
    ///
    /// # Errors
    /// When the bus has not taken it, or may not have.
    pub async fn rollback(&self, to: u32, bus: &Bus) -> Result<()> {
        let mut detail = self.detail();
        detail["to"] = json!(to);
        self.put(bus, "Cache Rollback Requested", detail, "asking again does no harm").await
    }

    fn detail(&self) -> Value {
        let Self { cache, by, because, id } = self;
        json!({ "cache": cache, "by": by, "because": because, "id": id })
    }

    async fn put(&self, bus: &Bus, kind: &str, detail: Value, doubt: &str) -> Result<()> {
        bus.ask(kind, &detail).await.map_err(|failure| {
            let mend = match is_in_doubt(&failure) {
                false => "nothing was asked for".to_owned(),
                true => format!("it may have been asked for all the same: {doubt}"),
            };
            anyhow!("{}\n  {mend}", explained(&failure))
        })
    }
}

#[cfg(test)]
mod tests {
    use cache_refresher::event::{Event, parse};

    use super::*;

    fn heard(kind: &str, detail: &Value) -> Event {
        let event = json!({"version": "0", "id": "e1", "source": "watchkeeper.ops", "account": "111122223333",
            "detail-type": kind, "time": "2026-11-24T09:00:00Z", "region": "eu-west-1", "resources": [],
            "detail": detail});
        parse(&event).remove(0).event
    }

    #[test]
    fn a_night_is_found_by_the_id_under_which_cache_refresher_keeps_it() {
        let request = Request::new("maven", ("ada", "a new parent"), Some("build-7"), Timestamp::UNIX_EPOCH);
        let expected = Event::RefreshRequested {
            cache: "maven".to_owned(),
            id: "build-7".to_owned(),
            because: request.reason(),
        };
        assert_eq!(heard("Cache Refresh Requested", &request.detail()), expected);
    }

    #[test]
    fn an_id_that_nobody_has_chosen_is_another_one_each_time() {
        let at =
            |second| Request::new("maven", ("ada", "x"), None, Timestamp::from_second(second).unwrap()).id;
        assert_ne!(at(1), at(2));
        assert_eq!(at(1).len(), ID);
    }
}
