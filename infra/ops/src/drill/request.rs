//! `drill start`, `drill cancel`, `drill release`: what people ask of `chaos-trigger`, put on the bus.

use anyhow::{Result, anyhow};
use jiff::Timestamp;
use serde_json::json;
use watchkeeper_domain::text::fingerprint;
use watchkeeper_shell::Bus;

use super::find;
use crate::{
    checkout::Checkout,
    cli::{
        Place,
        stack::{Start, Tell, Why},
    },
    screen::Screen,
    stack::{Stack, explained, is_in_doubt},
    when,
};

/// How many characters an id has that nobody has chosen.
const ID: usize = 12;

/// Asks for a run. Returns true: whether there will be one, the guards decide.
///
/// # Errors
/// An unknown drill, or a bus that has not taken it.
pub async fn start(place: &Place, what: &Start, screen: &mut Screen) -> Result<bool> {
    let drills = Checkout::find(place)?.config()?.drills;
    let drill = find(&drills, &what.name)?;
    let request = Request::new(&what.name, &what.why, what.id.as_deref(), when::now());
    request.put("Drill Requested", &Stack::connect().await.bus(&what.bus)?).await?;
    screen.line(&format!("asked for a run of {}: {}", drill.name, request.reason()))?;
    screen.line(&format!("  id    {}: asked again with --id, it is the same run", request.id))?;
    screen.line(&format!(
        "  next  it is announced {} minutes before it starts, or refused: `watchkeeper drill log {}`",
        drill.announce.as_mins(),
        drill.name
    ))?;
    Ok(true)
}

/// Cancels the run that is announced.
///
/// # Errors
/// As [`start`].
pub async fn cancel(place: &Place, what: &Tell, screen: &mut Screen) -> Result<bool> {
    let name = tell("Drill Cancelled", place, what, screen, "asked to cancel the announced run of").await?;
    screen.line(&format!("  next  `watchkeeper drill log {name}` shows it as cancelled"))?;
    screen
        .line("        one that has been ordered from FIS goes on: `watchkeeper halt --because …` ends it")?;
    Ok(true)
}

/// Lets a drill run again that has failed, or after which the service was not well in time.
///
/// # Errors
/// As [`start`].
pub async fn release(place: &Place, what: &Tell, screen: &mut Screen) -> Result<bool> {
    let name = tell("Drill Released", place, what, screen, "asked to let it run again:").await?;
    screen.line(&format!("  next  `watchkeeper drill log {name}` shows it as released"))?;
    Ok(true)
}

async fn tell<'a>(
    kind: &str,
    place: &Place,
    what: &'a Tell,
    screen: &mut Screen,
    asked: &str,
) -> Result<&'a str> {
    let drills = Checkout::find(place)?.config()?.drills;
    find(&drills, &what.name)?;
    let request = Request::new(&what.name, &what.why, None, when::now());
    request.put(kind, &Stack::connect().await.bus(&what.bus)?).await?;
    screen.line(&format!("{asked} {}: {}", what.name, request.reason()))?;
    Ok(&what.name)
}

/// A request, as `chaos-trigger` reads it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Request {
    /// The drill.
    pub drill: String,
    /// Who.
    pub by: String,
    /// Why.
    pub because: String,
    /// The same for every copy of it.
    pub id: String,
}

impl Request {
    /// A request with the id that was chosen, or with a new one.
    pub fn new(drill: &str, why: &Why, id: Option<&str>, now: Timestamp) -> Self {
        let process = std::process::id().to_string();
        let new = || fingerprint([drill, &why.by, &why.because, &now.to_string(), &process]);
        let id = id.map_or_else(|| new().chars().take(ID).collect(), str::to_owned);
        Self { drill: drill.to_owned(), by: why.by.clone(), because: why.because.clone(), id }
    }

    /// The id of the run that it makes.
    pub fn run(&self) -> String {
        format!("person-{}", self.id)
    }

    fn reason(&self) -> String {
        format!("{}, by {}", self.because, self.by)
    }

    /// Puts it on the bus, once.
    ///
    /// # Errors
    /// When the bus has not taken it; or may have, and how to ask again without asking twice.
    pub async fn put(&self, kind: &str, bus: &Bus) -> Result<()> {
        let Self { drill, by, because, id } = self;
        let detail = json!({ "drill": drill, "by": by, "because": because, "id": id });
        bus.ask(kind, &detail).await.map_err(|failure| {
            let mend = match (is_in_doubt(&failure), kind) {
                (false, _) => "nothing was asked for".to_owned(),
                (true, "Drill Requested") => {
                    format!("it may have been asked for all the same: with --id {id}, a second try is no second run")
                }
                (true, _) => "it may have been asked for all the same: asking again does no harm".to_owned(),
            };
            anyhow!("{}\n  {mend}", explained(&failure))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chaos_trigger::{ask::by_request, decide::News, event};

    fn why() -> Why {
        Why { because: "release 4.2".to_owned(), by: "alice".to_owned() }
    }

    #[test]
    fn the_run_is_found_by_the_id_under_which_chaos_trigger_keeps_it() {
        let now: Timestamp = "2026-11-24T09:00:00Z".parse().unwrap();
        let request = Request::new("cart", &why(), Some("build-7"), now);
        let detail = json!({"drill": "cart", "by": "alice", "because": "release 4.2", "id": "build-7"});
        let event = json!({"version": "0", "id": "e1", "source": "watchkeeper.ops", "account": "111122223333",
            "detail-type": "Drill Requested", "time": "2026-11-24T09:00:00Z", "region": "eu-west-1",
            "resources": [], "detail": detail});
        let heard = event::parse(&event, now).remove(0).event;
        let event::Event::DrillRequested(heard) = heard else { panic!("{heard:?}") };
        let (drill, News::Asked(ask)) = by_request(heard) else { panic!("not asked for") };
        assert_eq!((drill, ask.id), ("cart".to_owned(), request.run()));
    }

    #[test]
    fn an_id_that_nobody_has_chosen_is_another_one_each_time() {
        let at = |second| Request::new("cart", &why(), None, Timestamp::from_second(second).unwrap()).id;
        assert_ne!(at(1), at(2));
        assert_eq!(at(1).len(), ID);
    }
}
