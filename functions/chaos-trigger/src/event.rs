//! Wire JSON → somebody asks for a run, an experiment or a deployment has changed, a tick, foreign or malformed.

use aws_lambda_events::eventbridge::EventBridgeEvent;
use jiff::Timestamp;
use serde_json::Value;
use watchkeeper_domain::{
    drill::deployments::{Progress, Stage},
    notice::Notice,
    text::{self, fingerprint},
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
    /// The schedule of a drill has fired for this time.
    ScheduleFired {
        /// The drill.
        drill: String,
        /// The scheduled time.
        scheduled: Timestamp,
    },
    /// A deployment has succeeded: `codepipeline:NAME`, `codedeploy:APP/GROUP`.
    Deployed {
        /// What.
        what: String,
        /// The id of its execution.
        id: String,
        /// When.
        at: Timestamp,
    },
    /// A deployment is under way, or has ended without success.
    DeploymentChanged(Progress),
    /// A rule of the user's own, a person or a pipeline asks for a drill.
    DrillRequested(Request),
    /// A person cancels the run that is announced.
    DrillCancelled(Request),
    /// A person lets a drill run again that has failed.
    DrillReleased(Request),
    /// A Health case was opened, has changed or is closed.
    CaseChanged(Box<Notice>),
    /// An FIS experiment has entered another state.
    ExperimentChanged {
        /// Its id.
        experiment: String,
    },
    /// A minute has passed: look at what is due.
    SweepDue,
    /// None of our business: ignored and counted.
    Foreign(String),
    /// Ours by its source, and not readable.
    Malformed(String),
}

/// What somebody wants of a drill.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// The drill.
    pub drill: String,
    /// Who.
    pub by: String,
    /// Why.
    pub because: String,
    /// The same for every copy of the request.
    pub id: String,
    /// When.
    pub at: Timestamp,
    /// Whether a person asks, or a rule.
    pub person: bool,
}

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
        Some("drill") => return tick(payload, now).unwrap_or_else(Event::Malformed),
        Some(_) | None => {}
    }
    let event: EventBridgeEvent<Value> = match serde::Deserialize::deserialize(payload) {
        Ok(event) => event,
        Err(_) => return Event::Foreign("not an EventBridge event".to_owned()),
    };
    let at = event.time.and_then(|time| Timestamp::from_second(time.timestamp()).ok()).unwrap_or(now);
    let id = event.id.clone().unwrap_or_default();
    let detail = &event.detail;
    let read = match (event.source.as_str(), event.detail_type.as_str()) {
        ("aws.fis", "FIS Experiment State Change") => experiment(detail),
        ("aws.codepipeline", "CodePipeline Pipeline Execution State Change") => pipeline(detail, at),
        ("aws.codedeploy", "CodeDeploy Deployment State-change Notification") => deployment(detail, at),
        ("watchkeeper", kind) if kind.starts_with("Case ") => case(detail),
        ("watchkeeper.ops", "Drill Requested") => request(detail, id, at).map(Event::DrillRequested),
        ("watchkeeper.ops", "Drill Cancelled") => request(detail, id, at).map(Event::DrillCancelled),
        ("watchkeeper.ops", "Drill Released") => request(detail, id, at).map(Event::DrillReleased),
        (source, kind) => Ok(Event::Foreign(text::cut(&format!("{source}: {kind}"), 200))),
    };
    read.unwrap_or_else(Event::Malformed)
}

/// `{"tick":"drill","drill":…,"scheduled":…}` of a schedule, or with `id` and `because` of a rule with an input
/// transformer.
fn tick(payload: &Value, now: Timestamp) -> Result<Event, String> {
    let drill = required(payload, "drill")?;
    if let Some(scheduled) = text_of(payload, "scheduled") {
        let scheduled = instant(&scheduled).ok_or("`scheduled` is not a time, as in 2026-11-24T09:00:00Z")?;
        return Ok(Event::ScheduleFired { drill, scheduled });
    }
    let at = match text_of(payload, "time") {
        Some(time) => instant(&time).ok_or("`time` is not a time, as in 2026-11-24T09:00:00Z")?,
        None => now,
    };
    let id = required(payload, "id").map_err(|lack| format!("{lack}; a rule gives the id of its event"))?;
    let because = text_of(payload, "because").unwrap_or_else(|| "a rule of yours".to_owned());
    let by = "a rule".to_owned();
    Ok(Event::DrillRequested(Request { drill, by, because, id, at, person: false }))
}

fn request(detail: &Value, id: String, at: Timestamp) -> Result<Request, String> {
    if id.is_empty() {
        return Err("the event has no id".to_owned());
    }
    Ok(Request {
        drill: required(detail, "drill")?,
        by: required(detail, "by")?,
        because: required(detail, "because")?,
        // The sender's own id where it gives one: it looks for the run by it.
        id: text_of(detail, "id").unwrap_or(id),
        at,
        person: true,
    })
}

fn experiment(detail: &Value) -> Result<Event, String> {
    Ok(Event::ExperimentChanged { experiment: required(detail, "experiment-id")? })
}

/// The states are those of
/// <https://docs.aws.amazon.com/codepipeline/latest/userguide/detect-state-changes-cloudwatch-events.html>. A failed
/// execution that is tried again is `RESUMED` under its own id.
fn pipeline(detail: &Value, at: Timestamp) -> Result<Event, String> {
    let what = format!("codepipeline:{}", required(detail, "pipeline")?);
    let (id, state) = (required(detail, "execution-id")?, required(detail, "state")?);
    let stage = match state.as_str() {
        "SUCCEEDED" => return Ok(Event::Deployed { what, id, at }),
        "STARTED" | "RESUMED" | "STOPPING" => Stage::UnderWay,
        "FAILED" | "STOPPED" | "CANCELED" | "SUPERSEDED" => Stage::Ended,
        _ => return Ok(Event::Foreign(format!("a pipeline that is {state}"))),
    };
    Ok(Event::DeploymentChanged(Progress { what, id, stage, at }))
}

/// The states are those of <https://pkg.go.dev/github.com/aws/aws-lambda-go/events#CodeDeployDeploymentState>. A blue/green
/// deployment that is `READY` waits for its traffic
/// (<https://docs.aws.amazon.com/codedeploy/latest/userguide/monitoring-sns-event-notifications.html>); that its end is an
/// event of its own is unverified.
fn deployment(detail: &Value, at: Timestamp) -> Result<Event, String> {
    let (application, group) = (required(detail, "application")?, required(detail, "deploymentGroup")?);
    let what = format!("codedeploy:{application}/{group}");
    let (id, state) = (required(detail, "deploymentId")?, required(detail, "state")?);
    let stage = match state.as_str() {
        "SUCCESS" => return Ok(Event::Deployed { what, id, at }),
        "START" | "READY" => Stage::UnderWay,
        "FAILURE" | "STOP" => Stage::Ended,
        _ => return Ok(Event::Foreign(format!("a deployment that is {state}"))),
    };
    Ok(Event::DeploymentChanged(Progress { what, id, stage, at }))
}

fn case(detail: &Value) -> Result<Event, String> {
    let notice = serde::Deserialize::deserialize(&detail["notice"]);
    notice
        .map(|notice| Event::CaseChanged(Box::new(notice)))
        .map_err(|error| format!("`detail.notice`: {error}"))
}

fn required(value: &Value, key: &str) -> Result<String, String> {
    text_of(value, key).ok_or_else(|| format!("`{key}` is missing, or not a text"))
}

/// At most 200 characters: ids become parts of keys.
fn text_of(value: &Value, key: &str) -> Option<String> {
    let text = value[key].as_str().filter(|text| !text.trim().is_empty())?;
    Some(if text.len() <= 200 { text::line(text) } else { fingerprint([text]) })
}

fn instant(text: &str) -> Option<Timestamp> {
    text.parse().ok()
}

#[cfg(test)]
mod tests;
