//! AWS Health events become cases, and people are told once.
//!
//! | module | what it holds |
//! |---|---|
//! | [`event`] | wire JSON → pages, a sweep tick, foreign, malformed |
//! | [`mod@decide`] | every rule of this function |
//! | [`severity`] | kind, deadline and severity: three tables |
//! | [`words`] | everything that it says to people |
//! | [`unread`] | payloads that nobody could read |

use jiff::Timestamp;
use serde_json::Value;
use watchkeeper_domain::{
    case::{Case, CaseId, Communication, Page, page_prefix},
    config::Config,
    failure::Failure,
    notice::Notice,
    ports::{Events, Notices},
    records::{Due, Key, Record, Records, Write},
};
use watchkeeper_shell::{Concluded, Outcome, Report, Run, conclude};

use decide::{Effect, Reason, decide};
use event::{Arrival, Event};

pub mod decide;
pub mod event;
pub mod severity;
mod sweep;
pub mod unread;
pub mod words;

#[cfg(test)]
mod fixture;

/// The name of this function: of its sweep, its log lines, its metrics.
pub const NAME: &str = "health-responder";

/// What this function reaches of the world: its policy in `template.yaml`, as a test sees to.
pub trait World: Records + Notices + Events {}
impl<W: Records + Notices + Events> World for W {}

/// Handles whatever Lambda was invoked with.
pub async fn handle(world: &impl World, config: &Config, payload: &Value, run: &Run) -> Report {
    let mut reports = Vec::new();
    for Arrival { id, event } in event::parse(payload, run.now) {
        let report = match event {
            Event::PageDelivered(page) => deliver(world, config, &page, run).await,
            Event::SweepDue => sweep::sweep(world, config, run).await,
            Event::Foreign(what) => Report::new("foreign", Outcome::Foreign, what),
            Event::Malformed(malformed) => unread::tell(world, &malformed, run).await,
        };
        reports.push(Report { event_id: id, ..report });
    }
    Report::whole(reports)
}

/// A page was delivered: keep it, then conclude its case.
async fn deliver(world: &impl World, config: &Config, page: &Page, run: &Run) -> Report {
    let about = About { case: page.case.clone(), communication: Some(page.communication.clone()) };
    let concluded = match keep(world, config, page).await {
        Ok(()) => about.conclude(world, config, run).await,
        Err(failure) => Err(failure),
    };
    match concluded {
        Ok(concluded) => report("health event", &concluded, run.now),
        Err(failure) => Report::failed("health event", failure),
    }
}

/// Pages are written once and first, and looked at again when their timeout has passed.
async fn keep<W: Records>(world: &W, config: &Config, page: &Page) -> Result<(), Failure> {
    let key = Key { pk: page.case.partition(), sk: page.sort_key() };
    let at = page.received_at + config.health.page_timeout;
    let expires_at = Some(page.received_at + watchkeeper_domain::case::YEAR * 6);
    world.keep(&key, &Write { body: page, due: Some(Due { sweep: NAME, at }), expires_at }).await
}

/// A case, and the communication of it that something has happened to; the newest one if it is the case itself.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
struct About {
    case: CaseId,
    communication: Option<String>,
}

impl About {
    /// Observes, decides, records, performs and settles. A delivery and a sweep do the same.
    async fn conclude(
        &self,
        world: &impl World,
        config: &Config,
        run: &Run,
    ) -> Result<Concluded<Reason, Effect>, Failure> {
        conclude(
            world,
            run,
            &Key::head(self.case.partition()),
            async || self.observe(world).await,
            |head, said| decide(&self.case, head.state.as_ref(), said.as_ref(), (config, run.now)),
            async |effect, repeated| perform(world, effect, repeated).await,
        )
        .await
    }

    async fn observe<W: Records>(
        &self,
        world: &W,
    ) -> Result<(Record<Case, Effect>, Option<Communication>), Failure> {
        let partition = self.case.partition();
        let head: Record<Case, Effect> = world.read(&Key::head(&partition)).await?;
        let newest = head.state.as_ref().map(|case| &case.communication);
        let Some(communication) = self.communication.as_ref().or(newest) else { return Ok((head, None)) };
        let pages = world.list(&partition, &page_prefix(communication)).await?;
        Ok((head, Communication::merge(pages)))
    }
}

async fn perform<W: Notices + Events>(world: &W, effect: &Effect, repeated: bool) -> Result<(), Failure> {
    match effect {
        Effect::Tell(notice) => world.publish(notice, repeated).await,
        Effect::Emit(event) => world.put(event).await,
    }
}

fn report<R: ToString>(kind: &str, concluded: &Concluded<R, Effect>, now: Timestamp) -> Report {
    concluded.report(kind, now, brief, notice)
}

/// An effect as the log may hold it: without the text of a notice.
fn brief(effect: &Effect) -> String {
    match effect {
        Effect::Tell(notice) => format!("tell {} {}", notice.severity.as_str(), notice.id),
        Effect::Emit(event) => format!("emit {} {}", event.detail_type, event.id),
    }
}

fn notice(effect: &Effect) -> Option<Notice> {
    match effect {
        Effect::Tell(notice) => Some(Notice::clone(notice)),
        Effect::Emit(_) => None,
    }
}
