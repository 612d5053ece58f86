//! `halt`: the switch in the table that ends every drill and lets none begin, and the safety levers of FIS.

use anyhow::Result;
use futures::future::join_all;
use jiff::tz::TimeZone;
use watchkeeper_domain::{
    drill::Halt as Thrown,
    experiment::Lever,
    failure::Failure,
    records::{Entry, Nothing, Record, Records, Write},
    render::terminal::Paint,
    text,
};
use watchkeeper_shell::{SafetyLever, Table, observe::halt_key};

use crate::{
    cli::stack::Halt,
    drill::past::moment,
    screen::Screen,
    stack::{Stack, explained, is_in_doubt},
    table, when,
};

/// How often the switch is tried while others move it, too.
const RACES: usize = 3;

/// What came of one step, for people.
type Step = Result<String, String>;

/// Halts all drills, or lets them run again. Each step is tried, whatever becomes of the others. Returns whether all of
/// them succeeded.
///
/// # Errors
/// When no Region is named at all.
pub async fn halt(what: &Halt, screen: &mut Screen) -> Result<bool> {
    let stack = Stack::connect().await;
    let mut regions = what.region.clone();
    if regions.is_empty() {
        regions.push(stack.region()?);
    }
    regions.sort();
    regions.dedup();
    let levers = join_all(regions.iter().map(|region| pull(stack.lever(region), what)));
    let switch = async {
        match stack.table(&what.table) {
            Ok(table) => turn(&table, what).await,
            Err(error) => Err(format!("{error:#}")),
        }
    };
    let (levers, switch) = tokio::join!(levers, switch);
    let names = regions.iter().map(|region| format!("safety lever of {region}"));
    let steps: Vec<_> =
        [("switch of the stack".to_owned(), switch)].into_iter().chain(names.zip(levers)).collect();
    let is_done = steps.iter().all(|(_, step)| step.is_ok());
    match show(what, &steps, screen) {
        Err(error) if is_done => Err(error),
        Ok(()) | Err(_) => Ok(is_done), // whoever reads no more still learns from the exit status what failed
    }
}

fn show(what: &Halt, steps: &[(String, Step)], screen: &mut Screen) -> Result<()> {
    let row = |(name, step): &(String, Step)| {
        let words = match step {
            Ok(words) => words.clone(),
            Err(why) => format!("FAILED: {why}"),
        };
        vec![name.clone(), text::line(&words)]
    };
    let rows: Vec<_> = steps.iter().map(row).collect();
    for (line, (_, step)) in table::lines(&rows).iter().zip(steps) {
        let line = if step.is_err() { screen.paint(line, Paint::Bold) } else { line.clone() };
        screen.line(&line)?;
    }
    let failed = steps.iter().any(|(_, step)| step.is_err());
    screen.line(match (what.off, failed) {
        (false, false) => {
            "No drill starts. The lever ends what runs at once, the switch within a minute.\n\
             To take it back: `watchkeeper halt --off --because …`"
        }
        (false, true) => "NOT ALL OF IT IS HALTED: mend what failed, and give the same command again",
        (true, false) => "Drills may start again",
        (true, true) => "Not all of it is taken back: mend what failed, and give the same command again",
    })?;
    Ok(())
}

/// Throws the switch, or takes it back. One that stands as wanted is left as it is.
async fn turn(table: &Table, what: &Halt) -> Step {
    let thrown = Thrown { by: what.why.by.clone(), because: what.why.because.clone(), at: when::now() };
    let wanted = (!what.off).then_some(thrown);
    for _ in 0..RACES {
        let record: Record<Option<Thrown>, Nothing> = table.read(&halt_key()).await.map_err(unread)?;
        let before = record.state.flatten();
        match (&before, &wanted) {
            // Ours, of an attempt whose answer was lost.
            (Some(before), Some(wanted)) if before == wanted => return Ok("thrown".to_owned()),
            (Some(before), Some(_)) => return Ok(format!("was thrown already, {}", by(before))),
            (None, None) => return Ok("was not thrown".to_owned()),
            (Some(_), None) | (None, Some(_)) => {}
        }
        let write = Write { body: &wanted, due: None, expires_at: None };
        let swapped: Option<Vec<Entry<Nothing>>> =
            table.swap(&halt_key(), record.version, &write, &[]).await.map_err(undone)?;
        match (swapped, before) {
            (Some(_), None) => return Ok("thrown".to_owned()),
            (Some(_), Some(before)) => return Ok(format!("taken back; it was thrown {}", by(&before))),
            (None, _) => {}
        }
    }
    Err(format!("others moved it {RACES} times meanwhile"))
}

fn by(thrown: &Thrown) -> String {
    let at = moment(thrown.at, &TimeZone::UTC);
    format!("by {} on {at}: {}", text::line(&thrown.by), text::line(&thrown.because))
}

/// Engages the lever, or disengages it and says what it was engaged for.
async fn pull(lever: SafetyLever, what: &Halt) -> Step {
    let reason = format!("{}, by {}", what.why.because, what.why.by);
    if !what.off {
        let stands = lever.engage(&reason).await.map_err(undone)?;
        return Ok(engaged(&stands, &reason));
    }
    let before = lever.read().await.map_err(unread)?;
    match before.status.as_str() {
        "disengaged" => return Ok("was not engaged".to_owned()),
        "engaging" => {
            return Err("it is still engaging, and cannot be moved: try again in a minute".to_owned());
        }
        _ => {}
    }
    lever.disengage(&reason).await.map_err(undone)?;
    Ok(format!("disengaged; it was {} because: {}", before.status, text::line(&before.reason)))
}

fn engaged(stands: &Lever, reason: &str) -> String {
    match stands.status.as_str() {
        "engaging" => "engaging: FIS is ending what runs, and lets nothing begin".to_owned(),
        status if stands.reason == reason => status.to_owned(),
        status => format!("was {status} already, because: {}", text::line(&stands.reason)),
    }
}

fn unread(failure: Failure) -> String {
    explained(&failure)
}

fn undone(failure: Failure) -> String {
    let doubt = if is_in_doubt(&failure) { " (it may have been done all the same)" } else { "" };
    format!("{}{doubt}", explained(&failure))
}
