//! Wire JSON → an experiment has changed, an issue is open, the dead man wakes, a tick, foreign or malformed.

use aws_lambda_events::eventbridge::EventBridgeEvent;
use jiff::Timestamp;
use serde_json::Value;
use watchkeeper_domain::{
    experiment::{Status, timeline::StateChange},
    notice::Notice,
    text,
};
use watchkeeper_shell::envelope::opened;

/// What this function is given, and its id.
#[derive(Clone, Debug, PartialEq)]
pub struct Arrival {
    /// For the log.
    pub id: String,
    /// What it is.
    pub event: Event,
}

/// What has happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// An experiment has entered another state.
    StateChanged(StateChange),
    /// A Health case was opened or has changed.
    CaseChanged(Box<Notice>),
    /// The dead man of the experiment with this token wakes: nobody has ended it.
    DeadManWoke(String),
    /// A minute has passed: look at what runs, and judge what is over.
    SweepDue,
    /// None of our business: ignored and counted.
    Foreign(String),
    /// Ours by its source, and not readable.
    Malformed(String),
}

/// Longer ids are none: they become part of a key.
const LONGEST: usize = 128;

/// Reads whatever Lambda was invoked with. Never fails and never returns nothing.
pub fn parse(payload: &Value, now: Timestamp) -> Vec<Arrival> {
    let arrival = |payload: Value| {
        let id = text_of(&payload, "id").unwrap_or_else(|| "-".to_owned());
        Arrival { id, event: read(&payload, now) }
    };
    opened(payload).into_iter().map(arrival).collect()
}

fn read(payload: &Value, now: Timestamp) -> Event {
    match payload["tick"].as_str() {
        Some("sweep") => return Event::SweepDue,
        Some("dead-man") => {
            let token = text_of(payload, "token").ok_or("`token` is missing, or not a text".to_owned());
            return token.map_or_else(Event::Malformed, Event::DeadManWoke);
        }
        Some(_) | None => {}
    }
    let event: EventBridgeEvent<Value> = match serde::Deserialize::deserialize(payload) {
        Ok(event) => event,
        Err(_) => return Event::Foreign("not an EventBridge event".to_owned()),
    };
    let at = event.time.and_then(|time| Timestamp::from_second(time.timestamp()).ok()).unwrap_or(now);
    let detail = &event.detail;
    let read = match (event.source.as_str(), event.detail_type.as_str()) {
        ("aws.fis", "FIS Experiment State Change") => change(detail, at).map(Event::StateChanged),
        ("watchkeeper", "Case Opened" | "Case Updated") => {
            let notice = serde::Deserialize::deserialize(&detail["notice"]);
            notice
                .map(|it| Event::CaseChanged(Box::new(it)))
                .map_err(|error| format!("`detail.notice`: {error}"))
        }
        (source, kind) => Ok(Event::Foreign(text::cut(&format!("{source}: {kind}"), 200))),
    };
    read.unwrap_or_else(Event::Malformed)
}

/// Its keys are in kebab-case, unlike the API's. Events of 2021 have no template id.
///
/// Source: AWS FIS User Guide, "Monitor AWS FIS experiments using Amazon EventBridge".
fn change(detail: &Value, at: Timestamp) -> Result<StateChange, String> {
    let id = text_of(detail, "experiment-id").ok_or("`detail.experiment-id` is missing, or not a text")?;
    if id.len() > LONGEST {
        return Err(format!("`detail.experiment-id` is longer than {LONGEST} characters"));
    }
    let to = state(&detail["new-state"]).ok_or("`detail.new-state.status` is missing, or not a text")?;
    let from = state(&detail["old-state"]).unwrap_or((Status::Pending, String::new()));
    Ok(StateChange { experiment: id, template: text_of(detail, "experiment-template-id"), from, to, at })
}

fn state(state: &Value) -> Option<(Status, String)> {
    let status = text_of(state, "status")?;
    Some((Status::from(text::cut(&status, 64)), text_of(state, "reason").unwrap_or_default()))
}

fn text_of(value: &Value, key: &str) -> Option<String> {
    value[key].as_str().filter(|text| !text.trim().is_empty()).map(text::line)
}

#[cfg(test)]
mod tests;
