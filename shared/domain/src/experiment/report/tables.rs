//! The tables of a report.

use jiff::{SignedDuration, Timestamp};
use maud::{Markup, html};

use super::{Report, page::badge};
use crate::{
    experiment::{
        statistics::figure,
        timeline::Timeline,
        verdict::{Measured, Numbers, Verdict},
        windows::Part,
    },
    fis::duration::shown,
    text,
};

/// The numbers of one measure, a window a line.
pub(super) fn numbers(measured: &Measured) -> Markup {
    let own = measured.aggregate.to_string();
    let shown = |value: Option<f64>| value.map_or("–".to_owned(), figure);
    let columns = |it: &Numbers| [("min", it.min), ("p50", it.p50), ("p95", it.p95), ("max", it.max)];
    let others: Vec<_> = columns(&Numbers::default()).map(|(name, _)| name).to_vec();
    html! {
        div.table { table {
            tr {
                th { "Window" }
                th.n { (own) }
                @for name in others.iter().filter(|name| **name != own) { th.n { (name) } }
                th.n { "points" }
                th { "asked" }
            }
            @for (part, it) in &measured.parts {
                tr {
                    td { (part.as_str()) }
                    td.n { (shown(it.value)) }
                    @for (_, value) in columns(it).into_iter().filter(|(name, _)| *name != own) { td.n { (shown(value)) } }
                    td.n { (it.present) " of " (it.expected) }
                    td { (asked(*part, it)) }
                }
            }
        } }
    }
}

fn asked(part: Part, numbers: &Numbers) -> String {
    match (part, numbers.range) {
        (_, None) => "unknown without a baseline".to_owned(),
        (Part::Recovery, Some(range)) if !range.is_any() => format!("{range} in the end"),
        (Part::Baseline | Part::Fault | Part::Recovery, Some(range)) => range.to_string(),
    }
}

/// The states and the actions, in the order of time.
pub(super) fn timeline(timeline: &Timeline) -> Markup {
    let mut actions: Vec<_> = timeline.actions.iter().collect();
    actions.sort_by_key(|(name, run)| (run.started_at.is_none(), run.started_at, *name));
    html! {
        h2 { "Timeline" }
        @if !timeline.is_own() { p.faint { "Nobody announced it: it was not started by Watchkeeper." } }
        div.table { table {
            tr { th { "At (UTC)" } th { "State" } th { "In FIS's words" } }
            @for step in &timeline.states {
                tr { td { (clock(step.at)) } td { (step.status.as_str()) } td { (step.reason) } }
            }
        } }
        div.table { table {
            tr { th { "From (UTC)" } th { "To" } th { "Action" } th { "Ended as" } th { "In FIS's words" } }
            @for (name, run) in actions {
                tr {
                    td { (clock(run.started_at)) }
                    td { (clock(run.ended_at)) }
                    td { (text::line(name)) br; code.faint { (run.action_id) } }
                    td { (run.status) }
                    td { (run.reason) }
                }
            }
        } }
    }
}

/// What the targets came to.
pub(super) fn targets(timeline: &Timeline) -> Markup {
    html! {
        h2 { "Targets" }
        @match &timeline.targets {
            None => { p { "Nobody has read what they came to." } },
            Some(targets) if targets.is_empty() => { p { "They came to nothing." } },
            Some(targets) => { div.table { table {
                tr { th { "Target" } th.n { "Resources" } th { "Which" } }
                @for (name, target) in targets {
                    tr {
                        td { (text::line(name)) br; code.faint { (target.resource_type) } }
                        td.n { (target.count) }
                        td {
                            @for name in &target.names { code { (name) } br; }
                            @let more = target.count.saturating_sub(u64::try_from(target.names.len()).unwrap_or(u64::MAX));
                            @if more > 0 { span.faint { "and " (more) " more" } }
                        }
                    }
                }
            } } },
        }
    }
}

/// This run and those before it, the newest first.
pub(super) fn earlier(report: &Report) -> Markup {
    let mut runs: Vec<_> =
        report.earlier.iter().map(|run| (run.at, run.experiment.as_str(), &run.verdict)).collect();
    runs.push((report.at, report.timeline.experiment.as_str(), &report.verdict));
    runs.sort_by_key(|(at, experiment, _)| std::cmp::Reverse((*at, *experiment)));
    let names: Vec<_> = report.verdict.measures.iter().map(|it| it.name.as_str()).collect();
    html! {
        @if !report.earlier.is_empty() {
            h2 { "Compared with earlier runs" }
            div.table { table {
                tr {
                    th { "Judged" } th { "Outcome" } th.n { "Detect" } th.n { "Recover" }
                    @for name in &names { th.n { (text::line(name)) ", fault" } }
                }
                @for (at, experiment, verdict) in runs {
                    tr {
                        td { (at.strftime("%-d %b %Y").to_string()) br; code.faint { (experiment) } }
                        td { (badge(verdict.outcome)) }
                        td.n { (time(verdict.time_to_detect)) }
                        td.n { (time(verdict.time_to_recover)) }
                        @for name in &names { td.n { (fault(verdict, name)) } }
                    }
                }
            } }
        }
    }
}

/// What the fault made of the measure `name`.
fn fault(verdict: &Verdict, name: &str) -> String {
    let measured = verdict.measures.iter().find(|it| it.name == name);
    let value = measured.and_then(|it| it.parts.get(&Part::Fault)).and_then(|it| it.value);
    value.map_or("–".to_owned(), figure)
}

fn time(time: Option<SignedDuration>) -> String {
    time.map_or("–".to_owned(), shown)
}

fn clock(at: Option<Timestamp>) -> String {
    at.map_or("–".to_owned(), |at| at.strftime("%H:%M:%S").to_string())
}
