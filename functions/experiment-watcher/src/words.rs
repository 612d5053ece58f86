//! Everything that this function says to people, as pure functions.

use jiff::SignedDuration;
use watchkeeper_domain::{
    drill::Site,
    experiment::{
        plot::sparkline,
        verdict::{Measured, Outcome, Verdict},
        windows::Part,
    },
    notice::{Change, DomainEvent, Fact, Kind, Link, Notice, Resource, Severity},
    ports::Series,
    text::{self, fingerprint},
};

use crate::{
    decide::{Reason, Rules, in_a_line},
    watch::Watch,
};

/// How many resources a notice names.
const RESOURCES: usize = 20;
/// How many characters of reasons a notice carries.
const TEXT: usize = 3000;
/// How many characters wide the picture of a measure is: a line on a phone.
const PICTURE: usize = 30;

/// What people are told of `watch`. `series` is what was measured of one that is judged.
pub fn notice(reason: &Reason, watch: &Watch, series: &[Series], rules: Rules<'_>) -> Notice {
    let Rules { drill, site, now, .. } = rules;
    let (id, timeline, thread) = (&watch.timeline.experiment, &watch.timeline, watch.thread());
    let resources = resources(watch);
    let runbook = drill.and_then(|it| it.runbook.clone()).map(|url| Link { title: "Runbook".into(), url });
    Notice {
        id: fingerprint([thread.as_str(), id, &watch.seq.to_string()]),
        thread,
        seq: watch.seq,
        kind: Kind::Drill,
        change: if matches!(reason, Reason::Judged(_)) { Change::Resolved } else { Change::Updated },
        severity: severity(reason, watch),
        headline: text::cut(&headline(reason, watch, rules), 200),
        text: text::cut(&why(reason, watch, series), TEXT),
        facts: facts(watch),
        resource_count: u32::try_from(resources.len()).unwrap_or(u32::MAX),
        resources: resources.into_iter().take(RESOURCES).collect(),
        deadline: None,
        owner: drill.and_then(|it| it.owner.clone()),
        next_step: next_step(reason, watch, site),
        links: runbook.into_iter().chain([console(id, site)]).collect(),
        service: drill.map_or_else(|| "FIS".to_owned(), |it| it.service.clone()),
        type_code: drill.map_or_else(|| timeline.template.clone().unwrap_or_default(), |it| it.name.clone()),
        region: site.region.clone(),
        account: site.account.clone(),
        environment: drill.map(|it| it.environment.clone()),
        personas: vec!["OPERATIONS".to_owned()],
        actionability: String::new(),
        event_arn: format!("arn:aws:fis:{}:{}:experiment/{id}", site.region, site.account),
        topic: format!("drill {}", name(watch)),
        provider_change: false,
        drill: false,
        at: now,
    }
}

/// The domain event beside `notice`.
pub fn event(reason: &Reason, notice: &Notice, site: &Site) -> DomainEvent {
    let detail_type = match reason {
        Reason::Judged(_) => "Drill Finished",
        Reason::Stopped(_) if !site.leash => "Drill Stopped",
        Reason::Stopped(_)
        | Reason::Heard
        | Reason::Over(_)
        | Reason::Unread(_)
        | Reason::Preview
        | Reason::Unknown
        | Reason::NothingNew => "Drill Updated",
    };
    let id = fingerprint([notice.id.as_str(), detail_type]);
    DomainEvent { id, detail_type: detail_type.to_owned(), notice: notice.clone() }
}

/// What objects, in one line.
pub fn objections(reason: &Reason) -> String {
    match reason {
        Reason::Stopped(objections) => {
            objections.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
        }
        Reason::Heard
        | Reason::Judged(_)
        | Reason::Over(_)
        | Reason::Unread(_)
        | Reason::Preview
        | Reason::Unknown
        | Reason::NothingNew => String::new(),
    }
}

fn name(watch: &Watch) -> &str {
    watch.timeline.drill.as_deref().unwrap_or(&watch.timeline.experiment)
}

/// What failed wants a person. What nobody could judge wants one to make it judgeable, some day.
fn severity(reason: &Reason, watch: &Watch) -> Severity {
    let recovered = watch.verdict.as_ref().is_none_or(|verdict| verdict.recovered);
    match reason {
        Reason::Judged(Outcome::Failed) | Reason::Stopped(_) => Severity::High,
        Reason::Judged(_) if !recovered && watch.timeline.is_own() => Severity::High,
        Reason::Judged(Outcome::Inconclusive | Outcome::Errored) if watch.timeline.is_own() => {
            Severity::Medium
        }
        Reason::Over(_) => Severity::Medium,
        Reason::Judged(_)
        | Reason::Heard
        | Reason::Unread(_)
        | Reason::Preview
        | Reason::Unknown
        | Reason::NothingNew => Severity::Low,
    }
}

fn headline(reason: &Reason, watch: &Watch, Rules { drill, site, .. }: Rules<'_>) -> String {
    let environment = drill.map(|it| format!(" in {}", it.environment)).unwrap_or_default();
    let id = &watch.timeline.experiment;
    let what = match watch.timeline.is_own() {
        true => format!("Drill {}{environment}", name(watch)),
        false => format!("Experiment {id}, which no drill has announced,"),
    };
    match reason {
        Reason::Judged(_) => match &watch.verdict {
            Some(verdict) => format!("{what} {}", in_a_line(verdict)),
            None => what,
        },
        Reason::Stopped(_) if site.leash => format!("{what} would be stopped, but for the leash"),
        Reason::Stopped(objections) => {
            let first = objections.first().map(|it| it.because.as_str()).unwrap_or_default();
            format!("{what} is being stopped: {first}")
        }
        Reason::Over(status) => format!("{what} has ended early: {}", status.as_str()),
        Reason::Heard | Reason::Unread(_) | Reason::Preview | Reason::Unknown | Reason::NothingNew => {
            format!("{what} is under way")
        }
    }
}

fn why(reason: &Reason, watch: &Watch, series: &[Series]) -> String {
    let lines = match (reason, &watch.verdict) {
        (Reason::Judged(_), Some(verdict)) => {
            let because = verdict.because.iter().map(|it| format!("- {it}"));
            let measures = verdict.measures.iter().map(|it| format!("- {}", measured(it, verdict, series)));
            because.chain(measures).collect()
        }
        (Reason::Stopped(objections), _) => objections.iter().map(|it| format!("- {it}")).collect(),
        _ => {
            let last = watch.timeline.states.last();
            last.map(|step| text::line(&step.reason)).into_iter().collect::<Vec<_>>()
        }
    };
    text::clean(&lines.join("\n"))
}

/// `p99: 180 ms before, 420 ms during, 185 ms after ▂▂▂│▇█▇│▅▂·▂`.
fn measured(measure: &Measured, verdict: &Verdict, series: &[Series]) -> String {
    let part = |part: Part, word: &str| {
        let value = measure.parts.get(&part).and_then(|numbers| numbers.value);
        let shown = value.map_or_else(|| "no data".to_owned(), |value| number(value, &measure.unit));
        format!("{shown} {word}")
    };
    let parts = [part(Part::Baseline, "before"), part(Part::Fault, "during"), part(Part::Recovery, "after")];
    let series = series.iter().find(|series| series.id == measure.name);
    let picture = series.zip(verdict.windows.as_ref());
    let picture =
        picture.map(|(series, windows)| sparkline(&series.points, windows, measure.period, PICTURE));
    format!("{}: {} {}", measure.name, parts.join(", "), picture.unwrap_or_default()).trim_end().to_owned()
}

fn number(value: f64, unit: &str) -> String {
    let digits = if value.abs() >= 100.0 || value.fract() == 0.0 { 0 } else { 2 };
    let space = if unit.is_empty() || unit == "%" { "" } else { " " };
    format!("{value:.digits$}{space}{unit}")
}

fn facts(watch: &Watch) -> Vec<Fact> {
    let timeline = &watch.timeline;
    let verdict = watch.verdict.as_ref();
    let minutes = |span: SignedDuration| match span.as_secs() {
        secs @ 0..120 => format!("{secs} s"),
        secs => format!("{} min", secs / 60),
    };
    let lasted = timeline.fault().map(|fault| minutes(fault.duration()));
    let all = [
        ("Experiment", Some(timeline.experiment.clone())),
        ("State", timeline.status().map(|status| status.as_str().to_owned())),
        ("Lasted", lasted),
        ("Noticed after", verdict.and_then(|it| it.time_to_detect).map(minutes)),
        ("Recovered after", verdict.and_then(|it| it.time_to_recover).map(minutes)),
        ("Stopped because", watch.stop.as_ref().map(|(why, _)| text::cut(why, 300))),
    ];
    let fact = |(name, value): (&str, Option<String>)| Some(Fact { name: name.to_owned(), value: value? });
    all.into_iter().filter_map(fact).collect()
}

fn resources(watch: &Watch) -> Vec<Resource> {
    let targets = watch.timeline.targets.iter().flatten();
    let named = targets.flat_map(|(target, resolved)| resolved.names.iter().map(move |name| (target, name)));
    named.map(|(target, name)| Resource { name: text::line(name), status: text::line(target) }).collect()
}

fn next_step(reason: &Reason, watch: &Watch, site: &Site) -> String {
    let name = name(watch);
    let blocked = watch.verdict.as_ref().is_some_and(blocks);
    match reason {
        Reason::Judged(_) if blocked && watch.timeline.is_own() => format!(
            "Find the cause, and mend it. The drill waits until `watchkeeper drill release {name} --because …`"
        ),
        Reason::Judged(Outcome::Passed) => {
            format!("Nothing. `watchkeeper drill report {name}` has the numbers")
        }
        Reason::Judged(_) => {
            format!("Look into `watchkeeper drill report {name}`: what was missing for a verdict?")
        }
        Reason::Stopped(_) if site.leash => "Stop it in the FIS console, or take the leash off".to_owned(),
        Reason::Stopped(_) => "Watch the service recover".to_owned(),
        Reason::Over(_) => "Wait for the verdict; watch the service until then".to_owned(),
        Reason::Heard | Reason::Unread(_) | Reason::Preview | Reason::Unknown | Reason::NothingNew => {
            "Ask who has started it: its guards are nobody's".to_owned()
        }
    }
}

/// Whether the next run waits for a person.
fn blocks(verdict: &Verdict) -> bool {
    verdict.outcome == Outcome::Failed || !verdict.recovered
}

fn console(id: &str, site: &Site) -> Link {
    let region = &site.region;
    let url =
        format!("https://{region}.console.aws.amazon.com/fis/home?region={region}#ExperimentDetails/{id}");
    Link { title: "FIS console".to_owned(), url }
}
