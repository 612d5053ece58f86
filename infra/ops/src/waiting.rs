//! What is still to be shown after a replay, and what never will be without a person.

use anyhow::{Context, Result, anyhow};
use jiff::SignedDuration;
use watchkeeper_domain::{records::Records, render::terminal::Paint, text::count};

use crate::{machine::Machine, queue::Queue, screen::Screen};

/// How far ahead to look.
const AHEAD: SignedDuration = SignedDuration::from_hours(24 * 7);

/// A line for the conversations that wait on the clock, and one for the notices that wait in `queue`. Empty when
/// everything has been shown.
///
/// # Errors
/// When the table or the file cannot be read.
pub async fn waiting(machine: &Machine, queue: &Queue, screen: &Screen) -> Result<String> {
    let due = machine.world.due(notifier::NAME, machine.now() + AHEAD).await;
    let due = due.map_err(|failure| anyhow!(failure.chain()))?;
    let mut text = String::new();
    if let Some((_, first)) = due.first() {
        let until = first.strftime("%-d %b %Y %H:%M UTC");
        text.push_str(&format!("\n{}, the first until {until}\n", waits(due.len(), "conversation")));
    }
    let file = queue.shown();
    let undelivered = queue.waiting().with_context(|| format!("could not read {file}"))?;
    if undelivered > 0 {
        let title = screen.paint(&format!("{} in {file}", waits(undelivered, "notice")), Paint::Bold);
        text.push_str(&format!(
            "\n{title}, refused by a channel\n  Mend it, send what waits again with `cargo run -- replay {file}`, and \
             delete the file.\n"
        ));
    }
    Ok(text)
}

fn waits(number: usize, noun: &str) -> String {
    let verb = if number == 1 { "waits" } else { "wait" };
    format!("{} {verb}", count(number, noun))
}
