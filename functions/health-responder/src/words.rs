//! Everything that this function says to people, as pure functions.

use jiff::{SignedDuration, Timestamp};
use watchkeeper_domain::{
    case::{Actionability, Case, CaseId, Communication, Content, When, done},
    config::{Config, Subject},
    notice::{Change, DomainEvent, Kind, Link, Notice, Resource},
    text::{self, count, fingerprint},
};

use crate::{decide::total, severity::severity};

mod facts;
mod title;

pub use title::title;

use facts::facts;

/// How many resources a notice names.
const RESOURCES: usize = 20;
/// How many characters of AWS's text a notice carries.
const TEXT: usize = 3000;

/// What there is to tell.
#[derive(Clone, Copy, Debug)]
pub struct News<'a> {
    /// What has changed.
    pub change: Change,
    /// The case as it is now.
    pub next: &'a Case,
    /// The case as it was.
    pub before: Option<&'a Case>,
    /// The communication that says so.
    pub said: &'a Communication,
}

/// What people are told of `news`.
pub fn notice(news: News<'_>, config: &Config, now: Timestamp) -> Notice {
    let News { change, next, said, .. } = news;
    let content = &said.content;
    let care = config.care(Subject::new(&next.id, content, &said.entities));
    let severity = severity(next.kind, said, care.environment.as_deref(), now);
    let runbook = care.runbook.map(|url| Link { title: "Runbook".into(), url });
    Notice {
        id: notice_id(&next.id, &said.id, said.pages, change, next.seq),
        thread: next.id.thread(),
        seq: next.seq,
        kind: next.kind,
        change,
        severity,
        headline: headline(news, now),
        text: text::cut(&mask_keys(&content.description), TEXT),
        facts: facts(news, care.environment.as_deref(), now),
        resources: resources(said),
        resource_count: total(&next.entities),
        deadline: next.deadline,
        owner: next.owner.clone(),
        // What is configured says how to get there, which is of no use once one is there.
        next_step: match care.next_step.filter(|_| change != Change::Resolved) {
            Some(configured) => configured,
            None => next_step(change, next, content),
        },
        links: runbook.into_iter().chain(console(&next.id)).collect(),
        service: content.service.clone(),
        type_code: content.type_code.clone(),
        region: content.region.clone(),
        account: next.id.account.clone(),
        environment: care.environment,
        personas: content.personas.clone(),
        actionability: actionability(content),
        event_arn: next.id.event_arn.clone(),
        topic: topic(next, content),
        provider_change: !content.drill,
        drill: content.drill,
        at: now,
    }
}

/// The domain event beside `notice`.
pub fn event(change: Change, notice: &Notice) -> DomainEvent {
    let detail_type = match change {
        Change::Opened | Change::Reopened => "Case Opened",
        Change::Updated | Change::BurnedDown | Change::CountedDown => "Case Updated",
        Change::Resolved => "Case Closed",
    };
    let id = fingerprint([notice.id.as_str(), detail_type]);
    DomainEvent { id, detail_type: detail_type.to_owned(), notice: notice.clone() }
}

fn headline(news: News<'_>, now: Timestamp) -> String {
    let News { change, next: case, said, .. } = news;
    let counts = &case.entities;
    let prefix = match change {
        Change::Opened => String::new(),
        Change::Updated => "Updated: ".to_owned(),
        Change::BurnedDown => format!("{} of {} done: ", done(counts), total(counts)),
        Change::CountedDown => "Reminder: ".to_owned(),
        Change::Resolved if is_cancelled(case, &said.content, now) => "Cancelled: ".to_owned(),
        Change::Resolved => "Resolved: ".to_owned(),
        Change::Reopened => "Reopened: ".to_owned(),
    };
    let drill = if said.content.drill { "[DRILL] " } else { "" };
    let place =
        if case.region.is_empty() { String::new() } else { format!(" in {}", text::line(&case.region)) };
    let deadline = case.deadline.map(|at| format!(", {}", until(at, now))).unwrap_or_default();
    text::cut(&format!("{drill}{prefix}{}{place}{deadline}", title(&said.content)), 200)
}

/// Closed before it began, and the text says so: AWS has no status for it.
fn is_cancelled(case: &Case, content: &Content, now: Timestamp) -> bool {
    let ahead = content.start.as_ref().and_then(When::timestamp).is_some_and(|start| start > now);
    ahead && case.kind == Kind::ScheduledChange && content.description.to_lowercase().contains("cancel")
}

/// `by 30 Nov 2026 (in 41 days)`.
fn until(at: Timestamp, now: Timestamp) -> String {
    format!("by {} ({})", day(at), left(at, now))
}

fn left(at: Timestamp, now: Timestamp) -> String {
    let left = at.duration_since(now);
    let days = left.as_hours() / 24;
    let days_count = |days: i64| count(usize::try_from(days.abs()).unwrap_or_default(), "day");
    match days {
        _ if left < SignedDuration::ZERO && days == 0 => "passed today".to_owned(),
        ..0 => format!("passed {} ago", days_count(days)),
        0 => format!("in {}", count(usize::try_from(left.as_hours()).unwrap_or_default(), "hour")),
        1.. => format!("in {}", days_count(days)),
    }
}

fn day(at: Timestamp) -> String {
    at.strftime("%-d %b %Y").to_string()
}

fn moment(at: Timestamp) -> String {
    at.strftime("%-d %b %Y %H:%M UTC").to_string()
}

fn actionability(content: &Content) -> String {
    let value = serde_json::to_value(&content.actionability).unwrap_or_default();
    value.as_str().unwrap_or_default().to_owned()
}

/// Those that need something first. Resolved ones are left out while others are not.
fn resources(said: &Communication) -> Vec<Resource> {
    let open = said.entities.iter().filter(|entity| !entity.status.is_done());
    let all = said.entities.iter();
    let chosen: Vec<_> = if open.clone().next().is_some() { open.collect() } else { all.collect() };
    let resource = |name: &str, status: &str| Resource {
        name: text::cut(&mask_keys(&text::line(name)), 200),
        status: text::cut(status, 40),
    };
    chosen.into_iter().take(RESOURCES).map(|entity| resource(&entity.value, entity.status.as_str())).collect()
}

/// What to do where the configuration says nothing.
fn next_step(change: Change, case: &Case, content: &Content) -> String {
    let when = case.deadline.map(|at| format!(" before {}", day(at))).unwrap_or_default();
    match (case.kind, change) {
        (Kind::GoodNews, _) => "Nothing to do.".to_owned(),
        (_, Change::Resolved) => "Nothing more to do. Check that what depends on it works again.".to_owned(),
        (Kind::Security, _) => {
            "Treat it as an incident: disable or rotate what was exposed, then look in CloudTrail for its use.".to_owned()
        }
        (Kind::Issue, _) => "Check whether your workloads are affected, and fail over if they are.".to_owned(),
        (Kind::PlannedLifecycle, _) => format!("Plan the upgrade of the resources that are left{when}."),
        (Kind::ScheduledChange, _) => format!("Move or restart the resources yourself{when}, or be ready for it."),
        (Kind::AccountNotification | Kind::Malformed | Kind::Undeliverable | Kind::Drill | Kind::Cache, _) => match &content.actionability {
            Some(Actionability::Informational) => "Nothing to do.".to_owned(),
            _ => "Read what AWS says and decide who acts on it.".to_owned(),
        },
    }
}

/// The event in the AWS Health Dashboard, in the partition that has this address.
fn console(id: &CaseId) -> Option<Link> {
    let readable = |c: char| c.is_ascii_alphanumeric() || matches!(c, ':' | '/' | '-' | '_' | '.');
    let is_plain = id.event_arn.starts_with("arn:aws:") && id.event_arn.chars().all(readable);
    is_plain.then(|| Link {
        title: "AWS Health Dashboard".into(),
        url: format!("https://health.aws.amazon.com/health/home#/account/event-log?eventID={}", id.event_arn),
    })
}

fn topic(case: &Case, content: &Content) -> String {
    match case.kind {
        Kind::PlannedLifecycle => format!("{}|{}", content.type_code, title(content)),
        Kind::Issue => format!("{}|{}", content.service, content.region),
        Kind::ScheduledChange
        | Kind::AccountNotification
        | Kind::Security
        | Kind::GoodNews
        | Kind::Malformed
        | Kind::Undeliverable
        | Kind::Drill
        | Kind::Cache => case.id.thread(),
    }
}

/// The same for the same news, however often and from wherever it comes.
pub(crate) fn notice_id(case: &CaseId, communication: &str, pages: u32, change: Change, seq: u32) -> String {
    let (pages, seq) = (pages.to_string(), seq.to_string());
    fingerprint([case.account.as_str(), &case.event_arn, communication, &pages, change.as_str(), &seq])
}

/// Access key ids, as in a notice of exposed credentials, shortened to what tells two keys apart.
///
/// IAM User Guide, "IAM identifiers": `AKIA` and `ASIA` begin the ids of access keys, which have 20 characters.
pub fn mask_keys(text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    for part in text.split_inclusive(|c: char| !c.is_ascii_alphanumeric()) {
        let word = part.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
        let is_key = word.len() == 20 && (word.starts_with("AKIA") || word.starts_with("ASIA"));
        match (is_key, word.get(..4), word.get(16..)) {
            (true, Some(start), Some(end)) => {
                masked.push_str(&format!("{start}…{end}{}", &part[word.len()..]));
            }
            _ => masked.push_str(part),
        }
    }
    masked
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{at, said};

    #[test]
    fn a_key_is_masked_and_the_text_around_it_is_not() {
        assert_eq!(mask_keys("key AKIAIOSFODNN7EXAMPLE, leaked"), "key AKIA…MPLE, leaked");
        assert_eq!(mask_keys("AKIA is a prefix"), "AKIA is a prefix");
    }

    #[test]
    fn a_notice_of_exposed_credentials_says_whose_and_where() {
        let metadata = serde_json::json!({"userName": "ci", "exposedUrl": "https://example.com/gist", "truncated": "false"});
        let said = said(serde_json::json!({"service": "RISK", "eventMetadata": metadata}));
        let id = crate::fixture::page(&serde_json::json!({}), at("2026-11-01T00:00:00Z")).case;
        let decision =
            crate::decide::decide(&id, None, Some(&said), (&Config::default(), at("2026-11-20T12:00:00Z")));
        let crate::decide::Effect::Tell(notice) = &decision.effects[0] else { panic!() };
        let fact = |name: &str| notice.facts.iter().find(|it| it.name == name).map(|it| it.value.as_str());
        assert_eq!((fact("IAM user"), fact("Found at")), (Some("ci"), Some("https://example.com/gist")));
    }

    #[test]
    fn a_title_comes_from_the_metadata_or_from_the_type_code() {
        let retirement = said(serde_json::json!({"eventTypeCode": "AWS_EC2_INSTANCE_RETIREMENT_SCHEDULED"}));
        assert_eq!(title(&retirement.content), "EC2 instance retirement scheduled");
        let named =
            said(serde_json::json!({"eventMetadata": {"deprecated_versions": "AWS Lambda Python 3.9"}}));
        assert_eq!(title(&named.content), "AWS Lambda Python 3.9");
    }

    #[test]
    fn no_date_is_too_odd_to_tell_of() {
        for date in ["Sun, 2 Jan 9999 00:00:00 GMT", "9999-12-30T22:00:00Z", "-009998-01-02T00:00:00Z"] {
            let said = said(serde_json::json!({"startTime": date, "endTime": date, "lastUpdatedTime": date}));
            let id = crate::fixture::page(&serde_json::json!({}), at("2026-11-01T00:00:00Z")).case;
            let config = Config::default();
            let decision =
                crate::decide::decide(&id, None, Some(&said), (&config, at("2026-11-20T12:00:00Z")));
            assert_eq!(decision.effects.len(), 2, "{date}");
            use watchkeeper_domain::records::State;
            assert!(decision.next.unwrap().expires_at().is_some());
        }
    }

    #[test]
    fn the_time_left_is_told_in_the_unit_that_matters() {
        let now = at("2026-11-20T12:00:00Z");
        let times = [
            "2026-12-20T12:00:00Z",
            "2026-11-21T13:00:00Z",
            "2026-11-20T15:30:00Z",
            "2026-11-20T09:00:00Z",
            "2026-11-10T12:00:00Z",
        ];
        let told = times.map(|time| left(at(time), now));
        assert_eq!(told, ["in 30 days", "in 1 day", "in 3 hours", "passed today", "passed 10 days ago"]);
    }
}
