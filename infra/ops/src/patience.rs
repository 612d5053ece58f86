//! Waiting until the table tells of an end, and what people read of it.

use std::time::Duration;

use anyhow::Result;
use jiff::SignedDuration;
use watchkeeper_domain::text;

use crate::{screen::Screen, when};

/// How often in a row the table may fail to answer.
const PATIENCE: usize = 12;

/// How far something has come.
#[derive(Clone, Debug, PartialEq)]
pub enum Sight<E> {
    /// It goes on: what is waited for.
    Underway(String),
    /// It is over.
    Ended(E),
}

/// Looks every `every_ms` until there is an end, or `minutes` are over. Returns what was seen last, and what the screen
/// showed before that.
///
/// # Errors
/// When the last look has failed, or too many in a row.
#[expect(clippy::disallowed_methods, reason = "a person or a pipeline waits here, and no Lambda")]
pub async fn wait<E>(
    (minutes, every_ms): (u16, u64),
    screen: &mut Screen,
    mut look: impl AsyncFnMut() -> Result<Sight<E>>,
) -> Result<(Sight<E>, String)> {
    let deadline = when::now().saturating_add(SignedDuration::from_mins(i64::from(minutes)))?;
    let (mut failures, mut shown) = (0, String::new());
    loop {
        let is_late = when::now() >= deadline;
        let so_far = match look().await {
            Ok(Sight::Underway(so_far)) if !is_late => {
                failures = 0;
                so_far
            }
            Ok(last) => return Ok((last, shown)),
            Err(error) if failures == PATIENCE || is_late => return Err(error),
            Err(error) => {
                failures += 1;
                format!("trying again: {error:#}")
            }
        };
        if so_far != shown {
            let _ = screen.status(&so_far);
            shown = so_far;
        }
        tokio::time::sleep(Duration::from_millis(every_ms)).await;
    }
}

/// An end for people: what it is, why, and what to do now.
pub fn ending(title: &str, because: &[String], next_step: Option<&str>) -> String {
    let because: String = because.iter().map(|it| format!("  - {}\n", text::line(it))).collect();
    let next_step = next_step.map(|next| format!("  next: {next}\n")).unwrap_or_default();
    format!("{title}\n{because}{next_step}")
}
