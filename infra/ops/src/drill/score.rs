//! `drill score`: how well each service stands the failures that are rehearsed, and how much of that is known.

use anyhow::Result;
use jiff::Timestamp;
use serde_json::json;
use watchkeeper_domain::{
    drill::{Drills, Proof, partition},
    experiment::score::{Board, Exercise, Score, Standing, board},
    records::Records,
    render::terminal::Paint,
    text::{self, count},
};
use watchkeeper_shell::{Table, observe::PROOF};

use crate::{
    checkout::Checkout,
    cli::{Place, stack},
    screen::Screen,
    stack::{Stack, told},
    table, when,
};

/// Shows the scores. Returns true, however low they are.
///
/// # Errors
/// A configuration or a table that cannot be read.
pub async fn score(place: &Place, what: &stack::Score, screen: &mut Screen) -> Result<bool> {
    let drills = Checkout::find(place)?.config()?.drills;
    let table = Stack::connect().await.table(&what.table)?;
    let (proofs, now) = (proofs(&table, &drills).await?, when::now());
    let board = board(drills.drills.iter().map(Exercise::from), &proofs, now);
    let unproved = unproved(&drills, &board);
    if what.json {
        let json = json!({ "at": now, "whole": board.whole, "services": board.services, "without_verdict": unproved });
        screen.line(&json.to_string())?;
    } else {
        screen.write(&to_text(&drills, &board, &unproved, now, screen))?;
    }
    Ok(true)
}

async fn proofs(table: &Table, drills: &Drills) -> Result<Vec<Proof>> {
    let mut proofs = Vec::new();
    for drill in &drills.drills {
        proofs.extend(table.list::<Proof>(&partition(&drill.name), PROOF).await.map_err(told)?);
    }
    Ok(proofs)
}

/// The drills that are switched on, and have neither passed nor failed yet.
fn unproved<'a>(drills: &'a Drills, board: &Board) -> Vec<&'a str> {
    let is_unproved = |name: &str| board.whole.drills.get(name).is_none_or(|it| it.outcome.is_none());
    let enabled = drills.drills.iter().filter(|drill| drill.enabled).map(|drill| drill.name.as_str());
    enabled.filter(|name| is_unproved(name)).collect()
}

fn to_text(drills: &Drills, board: &Board, unproved: &[&str], now: Timestamp, screen: &Screen) -> String {
    let headings = vec!["SCORE".to_owned(), "COVERAGE".to_owned(), "SERVICE".to_owned()];
    let services = board.services.iter().map(|(service, score)| row(&text::line(service), score));
    let rows: Vec<_> =
        [headings].into_iter().chain(services).chain([row("all of them", &board.whole)]).collect();
    let mut out = lines(&rows, screen);
    let is_enabled = |name: &str| drills.named(name).is_some_and(|drill| drill.enabled);
    let standings = board.services.values().flat_map(|score| &score.drills);
    let headings = ["VERDICT", "AGE", "WORTH", "WEIGHT", "DRILL"].map(str::to_owned).to_vec();
    let each = standings.map(|(name, standing)| proof(name, standing, is_enabled(name), now));
    out.push('\n');
    out.push_str(&lines(&[headings].into_iter().chain(each).collect::<Vec<_>>(), screen));
    if !unproved.is_empty() {
        let title = screen.paint("Switched on, and without a verdict", Paint::Bold);
        out.push_str(&format!("\n{title}: {}\n", unproved.join(", ")));
    }
    out
}

fn lines(rows: &[Vec<String>], screen: &Screen) -> String {
    let mut lines = table::lines(rows).into_iter();
    let first = lines.next().map(|line| screen.paint(&line, Paint::Dim));
    first.into_iter().chain(lines).map(|line| line + "\n").collect()
}

fn row(service: &str, score: &Score) -> Vec<String> {
    let figure = score.score.map_or("–".to_owned(), |score| format!("{score:.0}"));
    vec![format!("{figure:>5}"), format!("{:>6.0} %", score.coverage), service.to_owned()]
}

fn proof(name: &str, standing: &Standing, is_enabled: bool, now: Timestamp) -> Vec<String> {
    let age = standing.at.map_or("–".to_owned(), |at| {
        let days = now.duration_since(at).as_hours() / 24;
        count(usize::try_from(days).unwrap_or_default(), "day")
    });
    let off = if is_enabled { "" } else { " (switched off)" };
    vec![
        standing.outcome.map_or("–", |outcome| outcome.as_str()).to_owned(),
        age,
        format!("{:>3.0} %", 100.0 * standing.freshness),
        standing.weight.to_string(),
        format!("{name}{off}"),
    ]
}
