//! The report as one page of HTML: no script, nothing loaded from elsewhere, legible in light, in dark and on paper.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::{Report, tables};
use crate::{
    experiment::{
        hypothesis::Hypothesis,
        plot,
        verdict::{Measured, Outcome, Verdict},
    },
    fis::duration::shown,
    text,
};

const STYLE: &str = "\
:root{color-scheme:light dark}body{font:15px/1.5 system-ui,sans-serif;max-width:760px;margin:2rem auto;padding:0 1rem;\
color:light-dark(#1f2937,#e5e7eb);background:light-dark(#fff,#0b1220)}h1{font-size:1.5rem;margin:0 0 .25rem}\
h2{font-size:1.1rem;margin:2rem 0 .5rem}p{margin:.25rem 0}table{border-collapse:collapse;width:100%}\
th,td{text-align:left;padding:.3rem .6rem .3rem 0;border-bottom:1px solid light-dark(#e5e7eb,#374151);vertical-align:top}\
th{font-weight:600}.n{text-align:right;padding-right:1rem;font-variant-numeric:tabular-nums}.faint{color:light-dark(#6b7280,#9ca3af)}\
.table{overflow-x:auto}code{overflow-wrap:anywhere}svg{width:100%;height:auto;display:block;margin:.5rem 0}\
.outcome{display:inline-block;padding:.1rem .6rem;border-radius:.4rem;color:#fff;font-weight:600}\
.passed{background:#15803d}.failed{background:#b91c1c}.inconclusive{background:#92400e}.errored{background:#6d28d9}\
.aborted{background:#4b5563}@media print{body{max-width:none}h2{break-after:avoid}svg,tr{break-inside:avoid}}";

/// `report` as a page of HTML. Everything that somebody else wrote is escaped.
pub fn html(report: &Report) -> String {
    let name = report.drill.as_deref().unwrap_or("An experiment that no drill has started");
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (name) ": " (report.verdict.outcome.as_str()) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                h1 { (text::line(name)) }
                p.faint {
                    (place(report)) " · " code { (report.timeline.experiment) } " · judged "
                    (report.at.strftime("%-d %b %Y %H:%M UTC").to_string())
                }
                (verdict(&report.verdict))
                (hypothesis(report.hypothesis.as_ref()))
                (measures(report))
                (tables::timeline(&report.timeline))
                (tables::targets(&report.timeline))
                (tables::earlier(report))
            }
        }
    };
    page.into_string()
}

fn place(report: &Report) -> String {
    let words = [&report.service, &report.environment].map(|word| text::line(word));
    let words: Vec<_> = words.into_iter().filter(|word| !word.is_empty()).collect();
    if words.is_empty() { "no service is named".to_owned() } else { words.join(", ") }
}

fn verdict(verdict: &Verdict) -> Markup {
    html! {
        h2 { "Verdict" }
        p { (badge(verdict.outcome)) }
        ul { @for because in &verdict.because { li { (text::line(&because.to_string())) "." } } }
        p { "Time to detect: " (verdict.time_to_detect.map_or("no alarm went off".to_owned(), shown)) }
        p {
            "Time to recover: "
            @match (verdict.time_to_recover, verdict.recovered) {
                (Some(time), _) if time.is_zero() => { "nothing was amiss when the fault was over" },
                (Some(time), _) => { (shown(time)) },
                (None, _) => { "not known to be well again in time: the next run waits for a person" },
            }
        }
    }
}

/// An outcome, in its colour.
pub(super) fn badge(outcome: Outcome) -> Markup {
    html! { span class=(format!("outcome {}", outcome.as_str())) { (outcome.as_str()) } }
}

fn hypothesis(hypothesis: Option<&Hypothesis>) -> Markup {
    html! {
        h2 { "Hypothesis" }
        @match hypothesis {
            None => { p { "None: nothing was claimed, so nothing is proved." } },
            Some(it) => {
                @if let Some(title) = &it.title { p { (text::line(title)) } }
                ul {
                    @for measure in &it.measures { li { (text::line(&measure.to_string())) } }
                    @for alarm in &it.alarms { li { code { (alarm) } " stays quiet." } }
                    @if !it.detected_by.is_empty() {
                        li {
                            "Within " (shown(it.detect_within)) ", one of these goes off: "
                            @for (n, alarm) in it.detected_by.iter().enumerate() {
                                @if n > 0 { ", " } code { (alarm) }
                            }
                            "."
                        }
                    }
                }
            },
        }
    }
}

fn measures(report: &Report) -> Markup {
    let Some(windows) = &report.verdict.windows else { return html! {} };
    let points = |measured: &Measured| {
        let series = report.series.iter().find(|series| series.id == measured.name);
        series.map(|series| series.points.as_slice()).unwrap_or_default()
    };
    html! {
        @if !report.verdict.measures.is_empty() {
            h2 { "Measures" }
            @for measured in &report.verdict.measures {
                // An SVG of our own, whose texts are escaped.
                (PreEscaped(plot::svg(measured, points(measured), windows)))
                (tables::numbers(measured))
            }
        }
    }
}
