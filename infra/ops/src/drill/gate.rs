//! `drill gate`: asks for a run and waits for its verdict, so that a pipeline goes on only after a pass.

use anyhow::Result;
use chaos_trigger::log::Entry;
use experiment_watcher::{decide::Effect, watch::Watch};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use watchkeeper_domain::{
    drill::Drill,
    records::{Record, Records},
    render::terminal::Paint,
};
use watchkeeper_shell::Table;

use super::{find, past, request::Request};
use crate::{
    checkout::Checkout,
    cli::{Place, stack::Gate},
    patience::{Sight, ending, wait},
    screen::Screen,
    stack::{Stack, told},
    when,
};

mod end;

pub use end::{End, Seen, Sort, look};

/// How long ago a request may have been made that is waited for, and not made again: `chaos-trigger` itself forgets after
/// three days.
const REMEMBERED: SignedDuration = SignedDuration::from_hours(24 * 7);

/// Asks for a run, unless it was asked for with the same id before, and waits for its end. Returns whether it has passed.
///
/// # Errors
/// An unknown drill; a request that the bus has not taken; a table that cannot be read, or not any more.
pub async fn gate(place: &Place, what: &Gate, screen: &mut Screen) -> Result<bool> {
    let drills = Checkout::find(place)?.config()?.drills;
    let drill = find(&drills, &what.name)?;
    let (stack, now) = (Stack::connect().await, when::now());
    let request = Request::new(&what.name, &what.why, what.id.as_deref(), now);
    let table = stack.table(&what.table)?;
    let mut post = Post { table, drill, request: &request, run: request.run(), since: now };
    if !post.was_asked(now).await? {
        request.put("Drill Requested", &stack.bus(&what.bus)?).await?;
    }
    // Whether anybody reads this or not: the exit status opens the gate.
    let _ = screen.error(&format!("{}: waiting for run {}", drill.name, post.run));
    let end = post.wait(what, screen).await;
    screen.done();
    let (end, seen) = end?;
    let text = match what.json {
        true => format!("{}\n", to_json(drill, &request, &end, &seen)),
        false => to_text(drill, &end, &seen, screen),
    };
    let _ = screen.write(&text);
    Ok(end.sort.is_pass())
}

/// Where one looks for the end of a run.
struct Post<'a> {
    table: Table,
    drill: &'a Drill,
    request: &'a Request,
    run: String,
    /// From when on its decisions are looked for.
    since: Timestamp,
}

impl Post<'_> {
    /// Whether the run was asked for before.
    async fn was_asked(&mut self, now: Timestamp) -> Result<bool> {
        let from = now.saturating_sub(REMEMBERED)?;
        let entries = past::decisions_since(&self.table, &self.drill.name, from, now).await?;
        let first = entries.iter().find(|entry| entry.run.as_ref().is_some_and(|run| run.id == self.run));
        if let Some(first) = first {
            self.since = first.at;
        }
        Ok(first.is_some())
    }

    /// Looks until there is an end, or no time left.
    async fn wait(&self, what: &Gate, screen: &mut Screen) -> Result<(End, Seen)> {
        let (name, mut seen) = (&self.drill.name, Seen::default());
        let sight = async || {
            seen = self.seen().await?;
            Ok(look(&seen, name, &self.drill.zone))
        };
        let end = match wait((what.wait, what.every_ms), screen, sight).await?.0 {
            Sight::Ended(end) => end,
            Sight::Underway(so_far) => End::late(&so_far, &seen, name, &self.request.id, what.wait),
        };
        Ok((end, seen))
    }

    async fn seen(&self) -> Result<Seen> {
        let standing = past::standing(&self.table, &self.drill.name).await?;
        let run = standing.and_then(|it| it.run).filter(|run| run.id == self.run);
        let is_own = |entry: &Entry| entry.run.as_ref().is_some_and(|run| run.id == self.run);
        let mut entries =
            past::decisions_since(&self.table, &self.drill.name, self.since, when::now()).await?;
        entries.retain(is_own);
        let experiment = run.as_ref().and_then(past::started);
        let experiment = experiment.or_else(|| past::experiment(&entries.iter().collect::<Vec<_>>()));
        let watch = match &experiment {
            Some(id) => self.watch(id).await?,
            None => None,
        };
        Ok(Seen { run, entries, experiment, watch })
    }

    async fn watch(&self, experiment: &str) -> Result<Option<Watch>> {
        let record: Record<Watch, Effect> = self.table.read(&Watch::key(experiment)).await.map_err(told)?;
        Ok(record.state)
    }
}

fn to_text(drill: &Drill, end: &End, seen: &Seen, screen: &Screen) -> String {
    let title = screen.paint(&format!("{} {}", drill.name, end.sort.words()), Paint::Bold);
    let experiment = seen.experiment.as_ref().map(|id| format!(" ({id})")).unwrap_or_default();
    ending(&format!("{title}{experiment}"), &end.because, end.next_step.as_deref())
}

fn to_json(drill: &Drill, request: &Request, end: &End, seen: &Seen) -> Value {
    json!({
        "drill": drill.name,
        "id": request.id,
        "run": request.run(),
        "passed": end.sort.is_pass(),
        "end": end.sort.as_str(),
        "because": end.because,
        "next_step": end.next_step,
        "experiment": seen.experiment,
        "verdict": seen.watch.as_ref().and_then(|watch| watch.verdict.as_ref()),
    })
}
