//! Everything that this function says to people, as pure functions.

use jiff::Timestamp;
use watchkeeper_domain::{
    drill::{Objection, Site, TemplateRef},
    experiment::Experiment,
    fis::{action_minutes, plan::CENTS_PER_ACTION_MINUTE, planned_duration},
    notice::{Change, DomainEvent, Fact, Kind, Link, Notice, Resource, Severity},
    text::{self, count, fingerprint},
};

use crate::{
    decide::{Rules, Seen},
    standing::{Run, Trigger},
};

/// How many resources a notice names.
const RESOURCES: usize = 20;
/// How many characters of objections a notice carries.
const TEXT: usize = 3000;

/// What there is to tell of a run.
#[derive(Clone, Copy, Debug)]
pub enum Saying<'a> {
    /// It will start.
    Announced,
    /// It was seen running.
    Started,
    /// Something objects.
    Refused(&'a [Objection]),
    /// FIS will not do it: its words.
    Rejected(&'a str),
    /// On the leash, it would have started.
    Rehearsed,
    /// Somebody has cancelled it, and why.
    Cancelled(&'a str),
}

/// What people are told of `run`.
pub fn notice(saying: Saying<'_>, run: &Run, seen: &Seen, rules: Rules<'_>) -> Notice {
    let Rules { drill, site, now, .. } = rules;
    let thread = run.thread(&drill.name);
    let runbook = drill.runbook.clone().map(|url| Link { title: "Runbook".into(), url });
    let resources = resources(seen);
    Notice {
        id: fingerprint([thread.as_str(), &run.seq.to_string(), verb(saying)]),
        seq: run.seq,
        kind: Kind::Drill,
        change: change(saying),
        severity: severity(saying),
        headline: text::cut(&headline(saying, run, rules), 200),
        text: text::cut(&why(saying, run), TEXT),
        facts: facts(run, seen, rules),
        resource_count: u32::try_from(resources.len()).unwrap_or(u32::MAX),
        resources: resources.into_iter().take(RESOURCES).collect(),
        deadline: None,
        owner: drill.owner.clone(),
        next_step: next_step(saying, &drill.name),
        links: runbook.into_iter().chain(console(seen, site)).collect(),
        service: drill.service.clone(),
        type_code: drill.name.clone(),
        region: site.region.clone(),
        account: site.account.clone(),
        environment: Some(drill.environment.clone()),
        personas: vec!["OPERATIONS".to_owned()],
        actionability: String::new(),
        event_arn: seen.experiment.as_ref().map(|it| it.arn.clone()).unwrap_or_default(),
        topic: format!("drill {}", drill.name),
        provider_change: false,
        drill: false,
        at: now,
        thread,
    }
}

/// The domain event beside `notice`.
pub fn event(saying: Saying<'_>, notice: &Notice) -> DomainEvent {
    let detail_type = match saying {
        Saying::Announced => "Drill Announced",
        Saying::Started => "Drill Started",
        Saying::Refused(_) | Saying::Rejected(_) | Saying::Rehearsed | Saying::Cancelled(_) => {
            "Drill Refused"
        }
    };
    let id = fingerprint([notice.id.as_str(), detail_type]);
    DomainEvent { id, detail_type: detail_type.to_owned(), notice: notice.clone() }
}

/// Why a preview is no ground to stand on.
pub fn preview_failed(preview: &Experiment) -> String {
    let status = preview.listed.status.as_str();
    match &preview.error {
        Some(error) => format!("the preview {status}: {} at {}", error.code, error.location),
        None => format!("the preview {status}: {}", text::line(&preview.reason)),
    }
}

fn change(saying: Saying<'_>) -> Change {
    match saying {
        Saying::Announced => Change::Opened,
        Saying::Started => Change::Updated,
        Saying::Refused(_) | Saying::Rejected(_) | Saying::Rehearsed | Saying::Cancelled(_) => {
            Change::Resolved
        }
    }
}

fn severity(saying: Saying<'_>) -> Severity {
    match saying {
        Saying::Announced | Saying::Started => Severity::Medium,
        Saying::Refused(_) | Saying::Rejected(_) | Saying::Rehearsed | Saying::Cancelled(_) => Severity::Low,
    }
}

fn verb(saying: Saying<'_>) -> &'static str {
    match saying {
        Saying::Announced => "announced",
        Saying::Started => "started",
        Saying::Refused(_) => "refused",
        Saying::Rejected(_) => "rejected by FIS",
        Saying::Rehearsed => "rehearsed on the leash",
        Saying::Cancelled(_) => "cancelled",
    }
}

fn headline(saying: Saying<'_>, run: &Run, Rules { drill, site, now, .. }: Rules<'_>) -> String {
    let (name, environment) = (&drill.name, &drill.environment);
    let (verb, at) = (verb(saying), moment(run.ready_at, &drill.zone));
    match saying {
        Saying::Announced if site.leash => {
            format!("Drill {name} in {environment} {verb} for {at}, on the leash")
        }
        Saying::Announced => {
            let minutes = run.ready_at.duration_since(now).as_mins();
            format!("Drill {name} in {environment} starts in {minutes} minutes ({at})")
        }
        Saying::Refused(objections) => {
            let first = objections.first().map(|it| it.because.as_str()).unwrap_or_default();
            format!("Drill {name} in {environment} {verb}: {first}")
        }
        Saying::Started | Saying::Rejected(_) | Saying::Rehearsed | Saying::Cancelled(_) => {
            format!("Drill {name} in {environment} {verb}")
        }
    }
}

/// `24 Nov 2026 10:00 CET`.
fn moment(at: Timestamp, zone: &jiff::tz::TimeZone) -> String {
    at.to_zoned(zone.clone()).strftime("%-d %b %Y %H:%M %Z").to_string()
}

/// All that stands in the way, or what has asked for it.
fn why(saying: Saying<'_>, run: &Run) -> String {
    match saying {
        Saying::Refused(objections) => {
            let lines: Vec<_> = objections.iter().map(|it| format!("- {it}")).collect();
            text::clean(&lines.join("\n"))
        }
        Saying::Rejected(words) | Saying::Cancelled(words) => text::clean(words),
        Saying::Rehearsed => {
            "Nothing objected. The leash is on, so nothing was previewed or started: what a run would hit is not known."
                .to_owned()
        }
        Saying::Announced | Saying::Started => text::clean(&run.because),
    }
}

fn facts(run: &Run, seen: &Seen, Rules { drill, .. }: Rules<'_>) -> Vec<Fact> {
    let template = seen.facts.template.as_ref().ok().and_then(Option::as_ref);
    let asked = match run.trigger {
        Trigger::Schedule => "its schedule",
        Trigger::Deployment => "a deployment",
        Trigger::Case => "a Health case",
        Trigger::Person => "a person",
    };
    let planned = template.and_then(planned_duration).map(|it| format!("{} minutes", it.as_mins()));
    let cost = template.and_then(action_minutes).map(|minutes| {
        let cents = minutes * CENTS_PER_ACTION_MINUTE;
        let minutes = count(usize::try_from(minutes).unwrap_or(usize::MAX), "action-minute");
        format!("at most ${}.{:02} ({minutes})", cents / 100, cents % 100)
    });
    let due = moment(run.due, &drill.zone);
    let all = [
        ("Due", Some(due)),
        ("Asked for by", Some(asked.to_owned())),
        ("Takes", planned),
        ("Costs", cost),
        ("Recovery", Some(format!("within {} minutes", drill.recovery.as_mins()))),
        ("Template", Some(template_name(&drill.template, seen))),
    ];
    let fact = |(name, value): (&str, Option<String>)| Some(Fact { name: name.to_owned(), value: value? });
    all.into_iter().filter_map(fact).collect()
}

/// `EXT1`, `network-partition`, or `network-partition (EXT1)` once that is known.
fn template_name(template: &TemplateRef, seen: &Seen) -> String {
    match (template, &seen.template_id) {
        (TemplateRef::Name(name), Some(id)) => format!("{name} ({id})"),
        (TemplateRef::Name(text) | TemplateRef::Id(text), _) => text.clone(),
    }
}

fn resources(seen: &Seen) -> Vec<Resource> {
    let Some(Ok(targets)) = &seen.facts.targets else { return Vec::new() };
    let resource = |it: &watchkeeper_domain::experiment::ResolvedTarget| Resource {
        name: text::line(&it.name()),
        status: text::line(&it.target),
    };
    targets.resolved.iter().map(resource).collect()
}

fn next_step(saying: Saying<'_>, name: &str) -> String {
    match saying {
        Saying::Announced => {
            format!(
                "Nothing, if that is a good time. If it is not: `watchkeeper drill cancel {name} --because …`"
            )
        }
        Saying::Started => {
            "Watch the service. To end every drill at once: `watchkeeper halt --because …`".to_owned()
        }
        Saying::Refused(_) => format!(
            "Nothing is broken: the drill will be due again. `watchkeeper drill log {name}` shows what was known"
        ),
        Saying::Rejected(_) => "Mend the template or the permissions of chaos-trigger".to_owned(),
        Saying::Rehearsed => {
            "Take the leash off (parameter Leash) once you agree with what it would have done".to_owned()
        }
        Saying::Cancelled(_) => "Nothing: the drill will be due again".to_owned(),
    }
}

/// The page of the experiment, or of the template as long as there is none.
fn console(seen: &Seen, site: &Site) -> Option<Link> {
    let region = &site.region;
    let page = match (&seen.experiment, &seen.template_id) {
        (Some(experiment), _) => format!("ExperimentDetails/{}", experiment.listed.id),
        (None, Some(template)) => format!("ExperimentTemplateDetails/{template}"),
        (None, None) => return None,
    };
    let url = format!("https://{region}.console.aws.amazon.com/fis/home?region={region}#{page}");
    Some(Link { title: "FIS console".to_owned(), url })
}
