//! Wire JSON → pages of Health events, a sweep tick, foreign or malformed.
//!
//! Tolerant by rule: what AWS leaves out, misspells or adds must never hide a notice. Sources: AWS Health User Guide,
//! "Reference: AWS Health events Amazon EventBridge schema", and payloads since 2018, which differ from it.

use aws_lambda_events::eventbridge::EventBridgeEvent;
use jiff::Timestamp;
use serde_json::Value;
use watchkeeper_domain::{
    case::{CaseId, Category, Content, Page, Status, When},
    text::{self, fingerprint},
};

mod fields;

use fields::{Fields, instant};

/// What one invocation was given: envelopes (SNS, SQS, a failed invocation's record) may hold several.
#[derive(Clone, Debug, PartialEq)]
pub struct Arrival {
    /// The EventBridge id, for the log only: copies and pages have ids of their own.
    pub id: String,
    /// What it is.
    pub event: Event,
}

/// What `health-responder` is given.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// A page of a Health event was delivered.
    PageDelivered(Box<Page>),
    /// Five minutes have passed: look at what is due.
    SweepDue,
    /// Something that is not about Health: ignored and counted.
    Foreign(String),
    /// Something about Health that nobody can understand: people see it as it came.
    Malformed(Malformed),
}

/// A payload about Health that could not be understood.
#[derive(Clone, Debug, PartialEq)]
pub struct Malformed {
    /// What is missing.
    pub why: String,
    /// The payload, as it came.
    pub raw: String,
    /// The account that received it, where it can be seen.
    pub account: String,
    /// The Region of delivery, where it can be seen.
    pub region: String,
}

/// How deep envelopes may be nested: a failed invocation's record, of SQS, of SNS, of EventBridge.
const ENVELOPES: usize = 4;

/// The longest event ARN that AWS documents.
const LONGEST_ARN: usize = 1600;

/// Reads whatever Lambda was invoked with, at `now`. Never fails and never returns nothing.
pub fn parse(payload: &Value, now: Timestamp) -> Vec<Arrival> {
    unwrap(payload, now, ENVELOPES)
}

fn unwrap(payload: &Value, now: Timestamp, depth: usize) -> Vec<Arrival> {
    if let (Some(records), 1..) = (payload["Records"].as_array().filter(|it| !it.is_empty()), depth) {
        return records.iter().flat_map(|record| unwrap_record(record, now, depth - 1)).collect();
    }
    if let (Some(failed), 1..) = (payload.get("requestPayload"), depth) {
        return unwrap(failed, now, depth - 1);
    }
    if let (Some("Notification"), Some(message), 1..) =
        (payload["Type"].as_str(), payload["Message"].as_str(), depth)
    {
        return unwrap_text(message, payload, now, depth - 1);
    }
    let id = payload["id"].as_str().unwrap_or("-").to_owned();
    vec![Arrival { id, event: read(payload, now) }]
}

fn unwrap_record(record: &Value, now: Timestamp, depth: usize) -> Vec<Arrival> {
    match record.pointer("/Sns/Message").or_else(|| record.get("body")).and_then(Value::as_str) {
        Some(text) => unwrap_text(text, record, now, depth),
        None => vec![foreign(record, "a record that is from neither SNS nor SQS")],
    }
}

fn unwrap_text(text: &str, envelope: &Value, now: Timestamp, depth: usize) -> Vec<Arrival> {
    match serde_json::from_str::<Value>(text) {
        Ok(inner) if inner.is_object() => unwrap(&inner, now, depth),
        Ok(_) | Err(_) => {
            let id = envelope.pointer("/Sns/MessageId").or_else(|| envelope.get("messageId"));
            let id = id.and_then(Value::as_str).unwrap_or("-").to_owned();
            let why = "the message in the envelope is not a JSON object".to_owned();
            let (account, region) = (String::new(), String::new());
            vec![Arrival {
                id,
                event: Event::Malformed(Malformed { why, raw: text.to_owned(), account, region }),
            }]
        }
    }
}

fn foreign(payload: &Value, what: &str) -> Arrival {
    let id = payload["id"].as_str().unwrap_or("-").to_owned();
    Arrival { id, event: Event::Foreign(what.to_owned()) }
}

fn read(payload: &Value, now: Timestamp) -> Event {
    let (source, detail_type) = (payload["source"].as_str(), payload["detail-type"].as_str());
    match (source, detail_type) {
        _ if payload["tick"] == "sweep" => Event::SweepDue,
        (Some("aws.health" | "watchkeeper.drill"), Some("AWS Health Event" | "AWS Health Abuse Event")) => {
            page(payload, now).map_or_else(
                |why| Event::Malformed(malformed(payload, why)),
                |page| Event::PageDelivered(Box::new(page)),
            )
        }
        (Some(source), detail_type) => {
            Event::Foreign(text::cut(&format!("{source}: {}", detail_type.unwrap_or("no detail-type")), 200))
        }
        (None, _) => Event::Foreign("not an EventBridge event".to_owned()),
    }
}

fn malformed(payload: &Value, why: String) -> Malformed {
    let part = |key: &str| payload[key].as_str().unwrap_or_default().to_owned();
    Malformed { why, raw: payload.to_string(), account: part("account"), region: part("region") }
}

/// The page that an EventBridge event carries, or what it lacks to be one.
fn page(payload: &Value, now: Timestamp) -> Result<Page, String> {
    let event: EventBridgeEvent<Value> = serde::Deserialize::deserialize(payload)
        .map_err(|error| format!("the envelope is not readable: {error}"))?;
    let detail = Fields::of(&event.detail).ok_or("`detail` is not an object")?;

    let event_arn = detail.text("eventArn").ok_or("`detail.eventArn` is missing")?;
    if event_arn.len() > LONGEST_ARN {
        return Err(format!("`detail.eventArn` is longer than {LONGEST_ARN} characters"));
    }
    let account = detail.text("affectedAccount").or(event.account.clone());
    let account = account
        .filter(|it| !it.is_empty())
        .ok_or("neither `detail.affectedAccount` nor `account` is there")?;

    let sent_at = event.time.and_then(|time| Timestamp::from_second(time.timestamp()).ok()).unwrap_or(now);
    let content = content(&event, &detail, &event_arn, sent_at);
    let number = detail.number("page").unwrap_or(1).max(1);
    let total_pages = detail.number("totalPages").unwrap_or(1).max(number);
    let entities = detail.entities(event.resources.as_deref().unwrap_or_default());
    let communication = match detail.text("communicationId") {
        Some(id) => without_page_suffix(&id, total_pages),
        None => content_id(&event.detail, total_pages),
    };
    let case = CaseId { account, event_arn };
    Ok(Page { case, communication, page: number, total_pages, received_at: now, content, entities })
}

fn content(event: &EventBridgeEvent<Value>, detail: &Fields<'_>, arn: &str, sent_at: Timestamp) -> Content {
    let type_code = detail.text("eventTypeCode").unwrap_or_else(|| type_code_of(arn));
    let service = detail.text("service").unwrap_or_else(|| service_of(&type_code)).to_uppercase();
    let category = detail.parsed("eventTypeCategory").unwrap_or(Category::Other(String::new()));
    let (start, end) = (detail.when("startTime"), detail.when("endTime"));
    let status =
        detail.parsed("statusCode").unwrap_or_else(|| implied_status(&category, &start, &end, sent_at));
    Content {
        updated_at: detail.text("lastUpdatedTime").and_then(|it| instant(&it)).unwrap_or(sent_at),
        service,
        type_code,
        scope: detail.text("eventScopeCode").unwrap_or_default(),
        region: detail
            .text("eventRegion")
            .or_else(|| region_of(arn))
            .or(event.region.clone())
            .unwrap_or_default(),
        status,
        start,
        end,
        category,
        description: detail.description(),
        metadata: detail.metadata(),
        actionability: detail.parsed("actionability"),
        personas: detail.personas(),
        abuse: event.detail_type.contains("Abuse"),
        drill: event.source == "watchkeeper.drill",
    }
}

/// Before 2023 there was no `statusCode`: an issue closed by getting an `endTime`, and a change was upcoming until then.
fn implied_status(
    category: &Category,
    start: &Option<When>,
    end: &Option<When>,
    sent_at: Timestamp,
) -> Status {
    let start = start.as_ref().and_then(When::timestamp);
    match category {
        Category::Issue if end.is_some() => Status::Closed,
        Category::ScheduledChange if start.is_some_and(|start| start > sent_at) => Status::Upcoming,
        Category::Issue
        | Category::ScheduledChange
        | Category::AccountNotification
        | Category::Investigation
        | Category::Other(_) => Status::Open,
    }
}

/// `communicationId` ends in `-<page>`, even for one page; some captures lack it.
fn without_page_suffix(id: &str, total_pages: u32) -> String {
    let base = id.rsplit_once('-').and_then(|(base, suffix)| {
        let page: u32 = suffix.parse().ok()?;
        (!base.is_empty() && suffix == page.to_string() && (1..=total_pages).contains(&page)).then_some(base)
    });
    let base = base.unwrap_or(id);
    // The id is part of a sort key (1,024 bytes).
    if base.len() <= 200 { base.to_owned() } else { fingerprint([base]) }
}

/// The same for every copy of one communication that came without an id, and for all of its pages.
fn content_id(detail: &Value, total_pages: u32) -> String {
    let mut said = detail.clone();
    if let Some(said) = said.as_object_mut() {
        let differs = |key: &str| matches!(key, "backupEvent" | "page" | "totalPages");
        said.retain(|key, _| !differs(key) && (total_pages == 1 || key != "affectedEntities"));
    }
    format!("content-{}", fingerprint([said.to_string().as_str()]))
}

/// `…:event/SVC/TYPE/TYPE_id`, or in old events `…:event/TYPE_id`.
fn type_code_of(arn: &str) -> String {
    let parts: Vec<_> = arn.split('/').skip(1).collect();
    let code = match parts.as_slice() {
        [_, code, ..] => code,
        [only] => only.trim_end_matches(|c: char| c.is_ascii_digit() || c == '_'),
        [] => "",
    };
    code.to_owned()
}

/// `arn:aws:health:eu-west-1::event/…` → `eu-west-1`.
fn region_of(arn: &str) -> Option<String> {
    arn.split(':').nth(3).filter(|it| !it.is_empty()).map(str::to_owned)
}

/// `AWS_RDS_…` → `RDS`.
fn service_of(type_code: &str) -> String {
    type_code.split('_').nth(1).unwrap_or("UNKNOWN").to_owned()
}

#[cfg(test)]
mod tests;
