//! `drill preview`: when each drill is due, and what is known now that would refuse it.
//!
//! The guards themselves are asked, with what this machine can know: the configuration, and the templates of ours. That
//! each earlier run of the table starts is assumed; how long a run of another template takes is in FIS, so that only its
//! recovery is held against the windows.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use serde_json::{Value, json};
use watchkeeper_domain::{
    drill::{
        Drill, Drills, Facts, Guard, Objection,
        guards::{self, FORESEEABLE, Plan, Question},
        when::{Occurrence, occurrences},
    },
    fis::Template,
    render::terminal::{Paint, columns},
    text::count,
};

use super::ours::Ours;
use crate::{
    checkout::Checkout,
    cli::{Place, Preview},
    screen::Screen,
    when,
};

/// Shows every run. Returns true: a refusal is no failure.
///
/// # Errors
/// A configuration with problems, days that nobody can count, or templates of ours that cannot be read.
pub fn preview(place: &Place, what: &Preview, screen: &mut Screen) -> Result<bool> {
    let checkout = Checkout::find(place)?;
    let drills = checkout.config()?.drills;
    let from = match what.from {
        Some(day) => day.to_zoned(TimeZone::UTC)?.timestamp(),
        None => when::now(),
    };
    let days = SignedDuration::from_hours(24 * i64::from(what.days));
    let to = from.checked_add(days).context("--from and --days lead beyond the calendar")?;
    let ours = Ours::read(&checkout)?;
    let mut runs = runs(&drills, ours.as_ref(), from, to);
    for run in &mut runs {
        let missing = ours.as_ref().and_then(|ours| ours.missing(&run.drill.template));
        run.objections.extend(missing.map(|because| Objection { guard: Guard::Approval, because }));
    }
    if what.json {
        for run in &runs {
            screen.line(&run.to_json().to_string())?;
        }
    } else {
        let period =
            format!("{} from {} UTC", count(usize::from(what.days), "day"), from.strftime("%a %F %H:%M"));
        screen.write(&to_text(&drills, &runs, &period, screen))?;
    }
    Ok(true)
}

/// A run that will be due.
#[derive(Clone, Debug, PartialEq)]
struct Run<'a> {
    /// The drill.
    drill: &'a Drill,
    /// Which one it is.
    occurrence: Occurrence,
    /// When it is due, within the flexible window.
    due: Timestamp,
    /// What would refuse it.
    objections: Vec<Objection>,
}

/// The runs of `drills` from `from` on and before `to`, in the order in which they are due.
fn runs<'a>(drills: &'a Drills, ours: Option<&Ours>, from: Timestamp, to: Timestamp) -> Vec<Run<'a>> {
    let runs_of = |drill: &'a Drill| {
        let template = ours.and_then(|ours| ours.template(&drill.template));
        runs_of(drill, drills, template, from, to)
    };
    let mut runs: Vec<_> = drills.drills.iter().flat_map(runs_of).collect();
    runs.sort_by_key(|run| (run.due, &run.drill.name));
    runs
}

fn runs_of<'a>(
    drill: &'a Drill,
    drills: &'a Drills,
    template: Option<&Template>,
    from: Timestamp,
    to: Timestamp,
) -> Vec<Run<'a>> {
    let facts = known(template);
    let occurrences = drill.schedule.iter().flat_map(|cron| occurrences(cron, &drill.zone, from, to));
    let mut starts = Vec::new();
    let run = |occurrence| {
        let due = drill.due(&occurrence);
        let objections = foreseen(drill, drills, &facts, &occurrence, &starts);
        if objections.is_empty() {
            starts.push(due);
        }
        Run { drill, occurrence, due, objections }
    };
    occurrences.map(run).collect()
}

/// What the guards object to that need nothing but the configuration, `facts`, and the starts before.
fn foreseen(
    drill: &Drill,
    drills: &Drills,
    facts: &Facts,
    occurrence: &Occurrence,
    starts: &[Timestamp],
) -> Vec<Objection> {
    let due = drill.due(occurrence);
    let plan = Plan {
        run: occurrence.to_string(),
        scheduled: true,
        due,
        announced_at: Some(due),
        started_at: starts.last().copied(),
        starts: starts.to_vec(),
        released_at: None,
        tokens: Default::default(),
    };
    let question = Question { drill, drills, plan: &plan, facts, now: due };
    let mut objections = guards::ask(&FORESEEABLE, &question);
    objections.retain(|it| !matches!(it.guard, Guard::Blocked | Guard::Promotion)); // they judge verdicts
    objections
}

/// Nothing but the template.
fn known(template: Option<&Template>) -> Facts {
    let unknown = || "not asked for here".to_owned();
    Facts {
        halt: Err(unknown()),
        lever: Err(unknown()),
        template: template.map(|it| Some(it.clone())).ok_or_else(unknown),
        calendars: Err(unknown()),
        incidents: Err(unknown()),
        on_call: Err(unknown()),
        deployments: Err(unknown()),
        issues: Err(unknown()),
        alarms: Err(unknown()),
        active: Err(unknown()),
        floor: Err(unknown()),
        proofs: Err(unknown()),
        targets: None,
    }
}

impl Run<'_> {
    fn local(&self) -> String {
        self.due.to_zoned(self.drill.zone.clone()).strftime("%a %F %H:%M").to_string()
    }

    fn to_json(&self) -> Value {
        let objections = self.objections.iter().map(|it| json!({"guard": it.guard, "because": it.because}));
        let promotion = self.drill.promotion.as_ref().map(|it| it.after.as_str());
        json!({
            "drill": self.drill.name,
            "service": self.drill.service,
            "environment": self.drill.environment,
            "run": self.occurrence.to_string(),
            "zone": self.drill.zone.iana_name(),
            "due": self.due,
            "refused": !self.objections.is_empty(),
            "objections": objections.collect::<Vec<_>>(),
            "after": promotion,
        })
    }
}

const HEADINGS: [&str; 5] = ["DUE", "ZONE", "UTC", "DRILL", "FORESEEN"];
const UNKNOWN: &str = "\
Known only at its time: the template as it is deployed, and of one that is called by its id how long it runs (here
its recovery alone is held against the windows); alarms, AWS Health, change calendars, incidents, deployments, who
is on call, other experiments, what its targets come to.";

fn to_text(drills: &Drills, runs: &[Run<'_>], period: &str, screen: &Screen) -> String {
    let title = screen.paint(&count(runs.len(), "run"), Paint::Bold);
    let mut out = format!("{title} in {period}\n");
    out.push_str(&table(runs, screen));
    for drill in &drills.drills {
        let own: Vec<_> = runs.iter().filter(|run| run.drill.name == drill.name).collect();
        let reasons = reasons(drill, &own);
        if !reasons.is_empty() {
            out.push_str(&format!("\n{}\n", screen.paint(&drill.name, Paint::Bold)));
            reasons.iter().for_each(|reason| out.push_str(&format!("  {reason}\n")));
        }
    }
    out + "\n" + &screen.paint(UNKNOWN, Paint::Dim) + "\n"
}

/// Due in its own zone and in UTC, and the guards that object.
fn table(runs: &[Run<'_>], screen: &Screen) -> String {
    let row = |run: &Run<'_>| {
        let guards: Vec<_> = run.objections.iter().map(|it| it.guard.as_str()).collect();
        let foreseen = if guards.is_empty() {
            "may start".to_owned()
        } else {
            format!("refused: {}", guards.join(", "))
        };
        let zone = run.drill.zone.iana_name().unwrap_or_default().to_owned();
        [run.local(), zone, run.due.strftime("%F %H:%M").to_string(), run.drill.name.clone(), foreseen]
    };
    let headings = (!runs.is_empty()).then(|| HEADINGS.map(str::to_owned));
    let rows: Vec<_> = headings.into_iter().chain(runs.iter().map(row)).collect();
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| columns(cell)).max();
    let widths: Vec<_> = (0..HEADINGS.len()).map(|column| width(column).unwrap_or_default()).collect();
    let mut out = String::new();
    for (index, row) in rows.iter().enumerate() {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("  {cell:<width$}"));
        let line = cells.collect::<String>().trim_end().to_owned();
        out.push_str(&if index == 0 { screen.paint(&line, Paint::Dim) } else { line });
        out.push('\n');
    }
    out
}

/// What a drill waits for, and each objection once: with the times that it is about, unless that is each of them.
fn reasons(drill: &Drill, runs: &[&Run<'_>]) -> Vec<String> {
    let mut times: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut order = Vec::new();
    for run in runs {
        for objection in &run.objections {
            let text = objection.to_string();
            if !order.contains(&text) {
                order.push(text.clone());
            }
            times.entry(text).or_default().push(run.local());
        }
    }
    let reason = |text: String| match times.get(&text).filter(|times| times.len() < runs.len()) {
        Some(times) => format!("{}: {text}", times.join(", ")),
        None => format!("each time: {text}"),
    };
    let schedule =
        drill.schedule.is_none().then(|| "it has no schedule: it is due when asked for".to_owned());
    let promotion = drill.promotion.as_ref().map(|promotion| {
        let days = promotion.within.as_hours() / 24;
        format!("each time: {} must have passed within {days} days before", promotion.after)
    });
    schedule.into_iter().chain(order.into_iter().map(reason)).chain(promotion).collect()
}
