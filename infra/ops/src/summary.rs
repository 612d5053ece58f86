//! What a replay came to, and what is open.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use aws_sdk_dynamodb::types::AttributeValue;
use health_responder::decide::Effect;
use jiff::Timestamp;
use watchkeeper_domain::{
    case::{Case, done},
    records::{HEAD, Key, Record, Records},
    render::terminal::{Paint, columns},
    text::{self, count},
};
use watchkeeper_shell::Outcome;

use crate::{channels::TERMINAL, delivery::Delivery, machine::Machine, screen::Screen, state::TABLE};

/// How often what happened.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Tally {
    /// Deliveries, and files that could not be read.
    pub events: usize,
    /// State was written or somebody was told.
    pub acted: usize,
    /// Duplicates, repetitions, stale and muted ones.
    pub unchanged: usize,
    /// A rule objected.
    pub refused: usize,
    /// None of our business.
    pub foreign: usize,
    /// Nobody could read it as a Health event.
    pub malformed: usize,
    /// It went wrong.
    pub failed: usize,
    /// Sweeps that had something to say.
    pub sweeps: usize,
    /// Messages to people, by channel.
    pub alerts: BTreeMap<String, usize>,
}

impl Tally {
    /// Counts one delivery or sweep.
    pub fn add(&mut self, delivery: &Delivery) {
        for shown in &delivery.shown {
            *self.alerts.entry(shown.channel.name.clone()).or_default() += 1;
        }
        if delivery.outcome == Outcome::Failed {
            self.failed += 1;
        }
        if delivery.follows {
            return;
        }
        if delivery.is_sweep() {
            self.sweeps += 1;
            return;
        }
        self.events += 1;
        match delivery.outcome {
            Outcome::Acted => self.acted += 1,
            Outcome::Unchanged => self.unchanged += 1,
            Outcome::Refused => self.refused += 1,
            Outcome::Foreign => self.foreign += 1,
            Outcome::Malformed => self.malformed += 1,
            Outcome::Failed => {}
        }
    }

    /// Counts a file, or a line of one, that is not JSON.
    pub fn add_unread(&mut self) {
        self.events += 1;
        self.failed += 1;
    }

    /// The tally for people.
    pub fn to_text(&self, screen: &Screen) -> String {
        let alerts = self.alerts_in_words();
        let told = match (alerts, self.sweeps) {
            (None, _) => "Nobody was alerted.".to_owned(),
            (Some(alerts), 0) => format!("{alerts}."),
            (Some(alerts), sweeps) => format!("{alerts}; {} had something to say.", count(sweeps, "sweep")),
        };
        let counts = [
            (self.acted, "acted on"),
            (self.unchanged, "unchanged"),
            (self.refused, "refused"),
            (self.foreign, "foreign"),
            (self.malformed, "malformed"),
            (self.failed, "failed"),
        ];
        let counts = counts.iter().filter(|(count, what)| *count > 0 || *what == "failed");
        let counts: Vec<_> = counts.map(|(count, what)| format!("{count} {what}")).collect();
        let events = screen.paint(&count(self.events, "event"), Paint::Bold);
        format!("\n{events}: {}. {told}\n", counts.join(", "))
    }

    /// `15 alerts`, or `15 alerts (12 on slack, 3 on pager)`.
    fn alerts_in_words(&self) -> Option<String> {
        let total = self.alerts.values().sum();
        let by_channel: Vec<_> =
            self.alerts.iter().map(|(name, count)| format!("{count} on {name}")).collect();
        match self.alerts.keys().next()?.as_str() {
            TERMINAL if self.alerts.len() == 1 => Some(count(total, "alert")),
            _ => Some(format!("{} ({})", count(total, "alert"), by_channel.join(", "))),
        }
    }
}

/// The cases that are not closed.
#[derive(Clone, Debug, Default)]
pub struct OpenCases {
    /// Those that people were told of, the nearest deadline first.
    pub told: Vec<Case>,
    /// How many nobody was told of, because they are muted.
    pub muted: usize,
    /// How many notices are recorded and not sent.
    pub unsent: usize,
}

/// Reads what is open. One that cannot be interpreted is a failure.
///
/// # Errors
/// When the table cannot be read.
pub async fn open_cases(machine: &Machine) -> Result<OpenCases> {
    let mut open = OpenCases::default();
    for key in heads(machine).await? {
        let record: Record<Case, Effect> =
            machine.world.records.read(&key).await.map_err(|failure| anyhow::anyhow!(failure.chain()))?;
        open.unsent += record.outbox.len();
        match record.state.filter(|case| !case.is_closed()) {
            Some(case) if case.seq > 0 => open.told.push(case),
            Some(_) => open.muted += 1,
            None => {}
        }
    }
    open.told.sort_by_key(|case| {
        (case.deadline.is_none(), case.deadline, std::cmp::Reverse(case.severity), case.id.clone())
    });
    Ok(open)
}

async fn heads(machine: &Machine) -> Result<Vec<Key>> {
    let scan = machine.client.scan().table_name(TABLE).consistent_read(true);
    let mut items = scan
        .projection_expression("pk, sk")
        .filter_expression("sk = :head AND begins_with(pk, :case)")
        .expression_attribute_values(":head", AttributeValue::S(HEAD.to_owned()))
        .expression_attribute_values(":case", AttributeValue::S("CASE#".to_owned()))
        .into_paginator()
        .items()
        .send();
    let mut keys = Vec::new();
    while let Some(item) = items.next().await {
        let item = item.context("could not scan the table")?;
        keys.extend(item.get("pk").and_then(|pk| pk.as_s().ok()).map(Key::head));
    }
    Ok(keys)
}

const HEADINGS: [&str; 7] = ["DEADLINE", "LEFT", "SEVERITY", "RESOURCES", "OWNER", "ACCOUNT", "CASE"];
const SEVERITY: usize = 2;

impl OpenCases {
    /// A table for people, at `now`.
    pub fn to_text(&self, now: Timestamp, screen: &Screen) -> String {
        let at = now.strftime("%-d %b %Y %H:%M UTC");
        let title = screen.paint(&count(self.told.len(), "open case"), Paint::Bold);
        let mut out = format!("\n{title} at {at}\n");
        let rows: Vec<_> = self.told.iter().map(|case| (row(case, now), Some(case.severity))).collect();
        let headings = (HEADINGS.map(str::to_owned), None);
        let all: Vec<_> =
            if rows.is_empty() { Vec::new() } else { [headings].into_iter().chain(rows).collect() };
        let widths: Vec<_> = (0..HEADINGS.len())
            .map(|i| all.iter().map(|(row, _)| columns(&row[i])).max().unwrap_or(0))
            .collect();
        for (row, severity) in &all {
            let mut line = String::new();
            for (i, (cell, width)) in row.iter().zip(&widths).enumerate() {
                let padded = format!("{cell:<width$}");
                line.push_str("  ");
                line.push_str(&match severity {
                    None => screen.paint(&padded, Paint::Dim),
                    Some(severity) if i == SEVERITY => {
                        let padding = " ".repeat(width - columns(cell));
                        screen.paint(cell, Paint::Severity(*severity)) + &padding
                    }
                    Some(_) => padded,
                });
            }
            out.push_str(line.trim_end());
            out.push('\n');
        }
        for (number, what) in [(self.muted, "muted"), (self.unsent, "recorded and not sent yet")] {
            if number > 0 {
                out.push_str(&screen.paint(&format!("  and {number} {what}"), Paint::Dim));
                out.push('\n');
            }
        }
        out
    }
}

fn row(case: &Case, now: Timestamp) -> [String; 7] {
    let total: u32 = case.entities.values().sum();
    let resources = match total {
        0 => "–".to_owned(),
        total => format!("{} of {total}", total.saturating_sub(done(&case.entities))),
    };
    [
        case.deadline.map_or("–".to_owned(), |at| at.strftime("%-d %b %Y").to_string()),
        case.deadline.map_or("–".to_owned(), |at| left(at, now)),
        case.severity.as_str().to_owned(),
        resources,
        text::line(case.owner.as_deref().unwrap_or("–")),
        case.id.account.clone(),
        text::cut(&text::line(&case.headline), 60),
    ]
}

fn left(at: Timestamp, now: Timestamp) -> String {
    let days = at.duration_since(now).as_hours() / 24;
    let shown = count(usize::try_from(days.unsigned_abs()).unwrap_or_default(), "day");
    match days {
        _ if at < now && days == 0 => "passed today".to_owned(),
        ..0 => format!("{shown} ago"),
        0 => "today".to_owned(),
        1.. => shown,
    }
}
