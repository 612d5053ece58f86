//! What is logged: one JSON line an invocation, with its metrics in the same line.

use std::{
    io::{self, Write},
    time::Duration,
};

use jiff::Timestamp;
use serde_json::{Value, json};
use tracing_subscriber::{EnvFilter, filter::LevelFilter};

/// The CloudWatch namespace of our metrics.
pub const NAMESPACE: &str = "Watchkeeper";

/// How an invocation ended, the gravest last.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Outcome {
    /// The event is none of this function's.
    Foreign,
    /// All was as it should be already.
    Unchanged,
    /// State was written or something was sent.
    Acted,
    /// A rule objected.
    Refused,
    /// The event could not be read, and somebody was told.
    Malformed,
    /// It failed, and will be tried again.
    Failed,
}

impl Outcome {
    const ALL: [Self; 6] =
        [Self::Acted, Self::Unchanged, Self::Refused, Self::Foreign, Self::Malformed, Self::Failed];

    /// The name of its metric.
    pub fn metric(self) -> &'static str {
        match self {
            Self::Acted => "Acted",
            Self::Unchanged => "Unchanged",
            Self::Refused => "Refused",
            Self::Foreign => "Foreign",
            Self::Malformed => "Malformed",
            Self::Failed => "Failed",
        }
    }
}

/// What there is to say about one invocation. Nothing in it may be a secret or a whole event.
#[derive(Clone, Debug)]
pub struct Line<'a> {
    /// The function: `health-responder`. The dimension of every metric.
    pub function: &'a str,
    /// When the invocation ended.
    pub at: Timestamp,
    /// The id of the event, or of the invocation when the event has none.
    pub event_id: &'a str,
    /// What sort of event it was: `health event`, `tick`.
    pub kind: &'a str,
    /// Why it was decided so; empty when nothing was decided.
    pub reason: &'a str,
    /// Each effect in a few words.
    pub effects: &'a [String],
    /// How it ended.
    pub outcome: Outcome,
    /// How long it took.
    pub duration: Duration,
    /// Whether it was the first of its environment.
    pub cold: bool,
    /// How many messages were sent that may have arrived before.
    pub repeated: u64,
    /// The age in seconds of the oldest effect that is recorded and not settled; 0 when there is none.
    pub outbox_age: u64,
    /// The whole chain of the failure.
    pub error: Option<&'a str>,
}

/// The line as JSON, with the block from which CloudWatch takes the metrics (CloudWatch User Guide, "Embedded metric
/// format specification"). `timestamp` and `level` are what Lambda's own log filter reads (Lambda Developer Guide,
/// "JSON structured log format").
pub fn report_line(line: &Line<'_>) -> Value {
    let mut report = json!({
        "timestamp": line.at,
        "level": if line.outcome == Outcome::Failed { "ERROR" } else { "INFO" },
        "function": line.function,
        "event_id": line.event_id,
        "kind": line.kind,
        "reason": line.reason,
        "effects": line.effects,
        "outcome": line.outcome.metric().to_lowercase(),
        "duration_ms": milliseconds(line.duration),
        "cold": line.cold,
        "DurationMs": milliseconds(line.duration),
        "Repeated": line.repeated,
        "OutboxAgeSeconds": line.outbox_age,
    });
    if let Some(error) = line.error {
        report["error"] = error.into();
    }
    let mut metrics = vec![json!({ "Name": "DurationMs", "Unit": "Milliseconds" })];
    for outcome in Outcome::ALL {
        report[outcome.metric()] = u64::from(outcome == line.outcome).into();
        metrics.push(json!({ "Name": outcome.metric(), "Unit": "Count" }));
    }
    metrics.push(json!({ "Name": "Repeated", "Unit": "Count" }));
    metrics.push(json!({ "Name": "OutboxAgeSeconds", "Unit": "Seconds" }));
    report["_aws"] = json!({
        "Timestamp": line.at.as_millisecond(),
        "CloudWatchMetrics": [{ "Namespace": NAMESPACE, "Dimensions": [["function"]], "Metrics": metrics }],
    });
    report
}

/// Writes `report` to standard output as exactly one line.
pub fn print(report: &Value) -> io::Result<()> {
    write_line(&mut io::stdout().lock(), report)
}

/// Sends what libraries have to say to standard output, a JSON object a line: warnings and errors, or what `RUST_LOG`
/// asks for. Repeating it changes nothing.
pub fn init() {
    let filter = EnvFilter::builder().with_default_directive(LevelFilter::WARN.into()).from_env_lossy();
    let subscriber = tracing_subscriber::fmt().json().flatten_event(true).with_env_filter(filter);
    // An error says that a subscriber is there already.
    let _ = subscriber.try_init();
}

fn write_line(out: &mut impl Write, report: &Value) -> io::Result<()> {
    // In one piece: a JSON text has no line break outside its strings, and inside these they are escaped.
    out.write_all(format!("{report}\n").as_bytes())?;
    out.flush()
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line<'a>() -> Line<'a> {
        Line {
            function: "health-responder",
            at: "2026-11-20T12:00:00.25Z".parse().unwrap(),
            event_id: "7bf73129-1428-4cd3-a780-95db273d1602",
            kind: "health event",
            reason: "case opened",
            effects: &[],
            outcome: Outcome::Acted,
            duration: Duration::from_micros(81_900),
            cold: true,
            repeated: 0,
            outbox_age: 0,
            error: None,
        }
    }

    #[test]
    fn a_line_says_all_that_happened() {
        let effects = ["tell opened".to_owned(), "put Case Opened".to_owned()];
        let report = report_line(&Line { effects: &effects, ..line() });
        assert_eq!(report["function"], "health-responder");
        assert_eq!(report["outcome"], "acted");
        assert_eq!(report["effects"], json!(["tell opened", "put Case Opened"]));
        assert_eq!(report["duration_ms"], 81);
        assert_eq!(report["cold"], true);
        assert_eq!(report["level"], "INFO");
        assert_eq!(report["timestamp"], "2026-11-20T12:00:00.25Z");
        assert!(report.get("error").is_none());
    }

    #[test]
    fn every_metric_has_a_number_and_the_dimension_has_a_value() {
        let report = report_line(&line());
        let directive = &report["_aws"]["CloudWatchMetrics"][0];
        assert_eq!(report["_aws"]["Timestamp"], 1_795_176_000_250_i64);
        assert_eq!(directive["Namespace"], "Watchkeeper");
        assert_eq!(directive["Dimensions"], json!([["function"]]));
        let names: Vec<_> =
            directive["Metrics"].as_array().unwrap().iter().map(|m| m["Name"].as_str().unwrap()).collect();
        let outcomes = ["Acted", "Unchanged", "Refused", "Foreign", "Malformed", "Failed"];
        assert_eq!(names[0], "DurationMs");
        assert_eq!(names[1..7], outcomes);
        assert_eq!(names[7..], ["Repeated", "OutboxAgeSeconds"]);
        assert!(names.iter().all(|name| report[name].is_u64()), "{report}");
    }

    #[test]
    fn exactly_one_outcome_is_counted() {
        for outcome in Outcome::ALL {
            let report = report_line(&Line { outcome, ..line() });
            let counted = Outcome::ALL.map(|each| report[each.metric()].as_u64().unwrap());
            assert_eq!(counted.iter().sum::<u64>(), 1);
            assert_eq!(report[outcome.metric()], 1);
        }
    }

    #[test]
    fn a_failure_is_an_error_with_its_chain() {
        let report =
            report_line(&Line { outcome: Outcome::Failed, error: Some("could not read x: y"), ..line() });
        assert_eq!(report["level"], "ERROR");
        assert_eq!(report["error"], "could not read x: y");
    }

    #[test]
    fn a_report_is_one_line_whatever_is_in_it() {
        let mut out = Vec::new();
        let report =
            report_line(&Line { outcome: Outcome::Failed, error: Some("first\nsecond\u{2028}"), ..line() });
        write_line(&mut out, &report).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text.lines().count(), 1);
        assert!(text.ends_with("}\n"));
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), report);
    }
}
