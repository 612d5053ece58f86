//! When an event happened, by its own account.

use jiff::Timestamp;
use serde_json::Value;

/// Envelopes in envelopes, as in `health-responder`.
const DEEPEST: usize = 4;

/// The `time` of an EventBridge event, or of the event inside an envelope (SNS, SQS, the record of a failed
/// invocation). Nobody believes a year outside 2000 to 2099.
pub fn happened(payload: &Value) -> Option<Timestamp> {
    inside(payload, DEEPEST).filter(|at| (2000..2100).contains(&at.to_zoned(jiff::tz::TimeZone::UTC).year()))
}

fn inside(payload: &Value, depth: usize) -> Option<Timestamp> {
    if depth == 0 {
        return None;
    }
    let record = &payload["Records"][0];
    let text = [&record["Sns"]["Message"], &record["body"], &payload["Message"]];
    let text =
        text.iter().find_map(|it| it.as_str()).and_then(|text| serde_json::from_str::<Value>(text).ok());
    text.and_then(|inner| inside(&inner, depth - 1))
        .or_else(|| payload.get("requestPayload").and_then(|inner| inside(inner, depth - 1)))
        .or_else(|| payload["time"].as_str()?.parse().ok())
        .or_else(|| record["Sns"]["Timestamp"].as_str().or(payload["Timestamp"].as_str())?.parse().ok())
        .or_else(|| {
            let millis = record["attributes"]["SentTimestamp"].as_str()?.parse().ok()?;
            Timestamp::from_millisecond(millis).ok()
        })
}

/// The time on the wall, for an event that does not say when it happened.
#[expect(clippy::disallowed_methods, reason = "an event typed by hand happens now")]
pub fn now() -> Timestamp {
    Timestamp::now()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_event_in_an_envelope_happened_when_it_says_so_itself() {
        let event = json!({"time": "2026-09-14T03:41:25Z"});
        let sns = json!({"Type": "Notification", "Message": event.to_string(), "Timestamp": "2026-09-15T00:00:00Z"});
        let sqs = json!({"Records": [{"body": sns.to_string(), "attributes": {"SentTimestamp": "1"}}]});
        let failed = json!({"requestPayload": sqs});
        for payload in [event, sns, sqs, failed] {
            assert_eq!(happened(&payload), Some("2026-09-14T03:41:25Z".parse().unwrap()), "{payload}");
        }
    }

    #[test]
    fn an_envelope_whose_text_nobody_can_read_was_sent_when_the_carrier_says() {
        let sns = json!({"Records": [{"Sns": {"Message": "{", "Timestamp": "2026-11-16T08:05:08.331Z"}}]});
        assert_eq!(happened(&sns), Some("2026-11-16T08:05:08.331Z".parse().unwrap()));
    }

    #[test]
    fn a_time_that_nobody_believes_counts_as_none() {
        for time in [json!("9999-01-01T00:00:00Z"), json!("soon"), json!(7), json!(null)] {
            assert_eq!(happened(&json!({"time": time})), None);
        }
        assert_eq!(happened(&json!([1])), None);
    }
}
