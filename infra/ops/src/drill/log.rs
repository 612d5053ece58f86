//! `drill log`: where a drill stands now, and each decision about it with its time and reason, run by run.

use anyhow::Result;
use chaos_trigger::{
    log::Entry,
    standing::{Run, Standing, Trigger},
};
use jiff::{Timestamp, tz::TimeZone};
use serde_json::{Value, json};
use watchkeeper_domain::{
    drill::Drill,
    render::terminal::Paint,
    text::{self, count},
};

use super::{
    find,
    past::{self, moment},
};
use crate::{
    checkout::Checkout,
    cli::{Place, stack::Log},
    screen::Screen,
    stack::Stack,
    when,
};

/// How much of one fact is shown, in characters.
const FACT: usize = 200;

/// Shows the log of one drill. Returns true: a refusal is no failure.
///
/// # Errors
/// An unknown drill, or a table that cannot be read.
pub async fn log(place: &Place, what: &Log, screen: &mut Screen) -> Result<bool> {
    let drills = Checkout::find(place)?.config()?.drills;
    let drill = find(&drills, &what.name)?;
    let table = Stack::connect().await.table(&what.table)?;
    let last = usize::from(what.last);
    let standing = past::standing(&table, &drill.name).await?;
    let entries = past::decisions(&table, &drill.name, last, when::now()).await?;
    let courses = courses(&entries, last);
    if what.json {
        screen.line(&to_json(drill, standing.as_ref(), &courses, what.facts)?.to_string())?;
    } else {
        screen.write(&head(drill, standing.as_ref(), screen))?;
        for course in &courses {
            screen.write(&course.to_text(&drill.zone, what.facts, screen))?;
        }
    }
    Ok(true)
}

/// The decisions about one run; or one about none, as a release.
struct Course<'a> {
    entries: Vec<&'a Entry>,
}

/// The last `runs` runs in the order in which they began, and what was decided about none of them meanwhile.
fn courses(entries: &[Entry], runs: usize) -> Vec<Course<'_>> {
    let mut courses: Vec<Course<'_>> = Vec::new();
    for entry in entries {
        let id = |entry: &Entry| entry.run.as_ref().map(|run| run.id.clone());
        let same = |course: &&mut Course<'_>| {
            entry.run.is_some() && course.entries.first().is_some_and(|first| id(first) == id(entry))
        };
        match courses.iter_mut().find(same) {
            Some(course) => course.entries.push(entry),
            None => courses.push(Course { entries: vec![entry] }),
        }
    }
    let about_runs = courses.iter().enumerate().filter(|(_, course)| course.run().is_some());
    let first = about_runs.map(|(place, _)| place).rev().nth(runs.saturating_sub(1));
    courses.split_off(first.unwrap_or_default())
}

/// Where the drill stands.
fn head(drill: &Drill, standing: Option<&Standing>, screen: &Screen) -> String {
    let Drill { name, service, environment, zone, .. } = drill;
    let title = screen.paint(name, Paint::Bold);
    let mut out = format!("{title}: {} in {}\n", text::line(service), text::line(environment));
    let Some(standing) = standing else {
        return out + "  nothing was ever asked of it\n";
    };
    let run = standing.run.as_ref().map(|run| format!("{} ({})", past::phase(run, zone), run.id));
    let on = if drill.enabled { "no run is under way" } else { "no run is under way; it is switched off" };
    let told = |at: Option<Timestamp>| at.map_or("never".to_owned(), |at| moment(at, zone));
    out.push_str(&format!("  now         {}\n", run.unwrap_or_else(|| on.to_owned())));
    out.push_str(&format!("  last start  {}\n", told(standing.started_at)));
    if standing.released_at.is_some() {
        out.push_str(&format!("  released    {}\n", told(standing.released_at)));
    }
    out
}

impl Course<'_> {
    fn run(&self) -> Option<&Run> {
        self.entries.first()?.run.as_ref()
    }

    fn to_text(&self, zone: &TimeZone, facts: bool, screen: &Screen) -> String {
        let mut out = "\n".to_owned();
        if let Some(run) = self.run() {
            let title = screen.paint(&text::line(&run.id), Paint::Bold);
            out.push_str(&format!("{title}, {}: {}\n", asked_by(run.trigger), text::line(&run.because)));
        }
        for entry in &self.entries {
            let at = entry.at.to_zoned(zone.clone()).strftime("%a %F %H:%M:%S").to_string();
            let mut said = said(entry).into_iter();
            out.push_str(&format!("  {at}  {}\n", said.next().unwrap_or_default()));
            let indent = " ".repeat(at.len() + 4);
            said.for_each(|line| out.push_str(&format!("{indent}{line}\n")));
            if facts {
                for line in known(&entry.facts) {
                    out.push_str(&screen.paint(&format!("{indent}{line}"), Paint::Dim));
                    out.push('\n');
                }
            }
        }
        out
    }
}

fn asked_by(trigger: Trigger) -> &'static str {
    match trigger {
        Trigger::Schedule => "scheduled",
        Trigger::Deployment => "after a deployment",
        Trigger::Case => "for a Health case",
        Trigger::Person => "asked for by a person",
    }
}

/// The reason; of a refusal, each objection on a line of its own.
fn said(entry: &Entry) -> Vec<String> {
    let objections = past::objections(entry);
    if objections.is_empty() {
        return vec![text::line(&entry.because)];
    }
    let each = objections.iter().map(|it| format!("- {}", text::line(&it.to_string())));
    [format!("refused: {}", count(objections.len(), "objection"))].into_iter().chain(each).collect()
}

/// What was known, a fact a line. What nobody asked for is left out.
fn known(facts: &Value) -> Vec<String> {
    let Some(facts) = facts.as_object() else {
        let cut = facts.as_str().map(|text| text::cut(&text::line(text), 10 * FACT));
        return cut.into_iter().collect();
    };
    let width = facts.keys().map(String::len).max().unwrap_or_default();
    let fact = |(name, fact): (&String, &Value)| {
        let shown = match (fact.get("Ok"), fact.get("Err").and_then(Value::as_str)) {
            (Some(Value::Null), _) => "none".to_owned(),
            (Some(Value::Array(list)), _) if list.is_empty() => "none".to_owned(),
            (Some(Value::String(text)), _) => text.clone(),
            (Some(value), _) => value.to_string(),
            (None, Some("nobody has asked") | None) => return None,
            (None, Some(why)) => format!("not known: {why}"),
        };
        Some(format!("{name:<width$}  {}", text::cut(&text::line(&shown), FACT)))
    };
    facts.iter().filter_map(fact).collect()
}

fn to_json(drill: &Drill, standing: Option<&Standing>, courses: &[Course<'_>], facts: bool) -> Result<Value> {
    let entry = |entry: &Entry| -> Result<Value> {
        let mut value = serde_json::to_value(entry)?;
        if let (Some(fields), false) = (value.as_object_mut(), facts) {
            fields.remove("facts");
        }
        Ok(value)
    };
    let runs = courses.iter().map(|course| -> Result<Value> {
        let entries: Result<Vec<_>> = course.entries.iter().map(|it| entry(it)).collect();
        Ok(json!({ "run": course.run().map(|run| &run.id), "entries": entries? }))
    });
    let runs: Result<Vec<_>> = runs.collect();
    Ok(json!({ "drill": drill.name, "standing": standing, "runs": runs? }))
}
