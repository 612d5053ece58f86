//! PagerDuty as it answers (Events API v2 Overview, "Send an Alert Event", "Send a Change Event"), with its incidents.

use serde_json::{Value, json};

use super::Answer;

/// An incident.
#[derive(Clone, Debug, PartialEq)]
pub struct Incident {
    /// The key of the service.
    pub routing_key: String,
    /// The key by which later events find it, while it is open.
    pub dedup_key: String,
    /// How it stands.
    pub state: IncidentState,
    /// The events that it was made of, in order.
    pub events: Vec<Value>,
}

/// How an incident stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum IncidentState {
    /// Somebody is being called.
    Triggered,
    /// Somebody is at it.
    Acknowledged,
    /// It is over. It never opens again.
    Resolved,
}

#[derive(Debug, Default)]
pub(super) struct Incidents {
    all: Vec<Incident>,
}

impl Incidents {
    pub(super) fn all(&self) -> &[Incident] {
        &self.all
    }

    /// A trigger joins the open incident with its key, or opens a new one. Anything else without one is dropped.
    pub(super) fn enqueue(&mut self, size: usize, event: &Value) -> Answer {
        if let Some(answer) = flaw(size, event) {
            return answer;
        }
        let text = |name: &str| event[name].as_str().unwrap_or_default().to_owned();
        let (routing_key, dedup_key) = (text("routing_key"), text("dedup_key"));
        let is_it = |it: &&mut Incident| {
            it.state != IncidentState::Resolved && it.routing_key == routing_key && it.dedup_key == dedup_key
        };
        let open = self.all.iter_mut().find(is_it);
        match (text("event_action").as_str(), open) {
            ("trigger", _) if !is_payload(&event["payload"], true) => return invalid("payload"),
            ("trigger", None) => {
                let events = vec![event.clone()];
                let state = IncidentState::Triggered;
                self.all.push(Incident { routing_key, dedup_key: dedup_key.clone(), state, events });
            }
            ("trigger", Some(open)) => open.events.push(event.clone()),
            ("acknowledge", Some(open)) => {
                open.state = IncidentState::Acknowledged;
                open.events.push(event.clone());
            }
            ("resolve", Some(open)) => {
                open.state = IncidentState::Resolved;
                open.events.push(event.clone());
            }
            ("acknowledge" | "resolve", None) => {}
            _ => return invalid("event_action"),
        }
        let body = json!({ "status": "success", "message": "Event processed", "dedup_key": dedup_key });
        Answer::new(202, body.to_string())
    }
}

/// A change event.
pub(super) fn change(size: usize, event: &Value) -> Answer {
    match flaw(size, event) {
        Some(answer) => answer,
        None if !is_payload(&event["payload"], false) => invalid("payload"),
        None => {
            Answer::new(202, json!({ "status": "success", "message": "Change event processed" }).to_string())
        }
    }
}

fn flaw(size: usize, event: &Value) -> Option<Answer> {
    let key = event["routing_key"].as_str().unwrap_or_default();
    let dedup = event["dedup_key"].as_str().unwrap_or_default();
    match () {
        () if size > 512 * 1024 => Some(Answer::new(413, "Payload Too Large")),
        () if key.len() != 32 => Some(invalid("routing_key")),
        () if dedup.chars().count() > 255 => Some(invalid("dedup_key")),
        () => None,
    }
}

fn is_payload(payload: &Value, is_alert: bool) -> bool {
    let summary = payload["summary"].as_str().unwrap_or_default().chars().count();
    let severity = payload["severity"].as_str();
    let is_severity = matches!(severity, Some("critical" | "error" | "warning" | "info"));
    let is_source = payload["source"].as_str().is_some_and(|it| !it.is_empty());
    (1..=1_024).contains(&summary) && (!is_alert || is_severity && is_source)
}

fn invalid(field: &str) -> Answer {
    let body = json!({
        "status": "invalid event",
        "message": "Event object is invalid",
        "errors": [format!("'{field}' is missing, blank or too long")],
    });
    Answer::new(400, body.to_string())
}
