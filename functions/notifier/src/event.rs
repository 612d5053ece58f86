//! Wire JSON → notices from the topic, a sweep tick, foreign or malformed.

use serde_json::Value;
use watchkeeper_domain::notice::Notice;

/// What `notifier` is given.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// A notice was published.
    NoticePublished(Box<Notice>),
    /// A person sends again what this channel has refused.
    NoticeRedriven(Box<Notice>, String),
    /// A minute has passed: look at what is due.
    SweepDue,
    /// Something that is not a notice: ignored and counted.
    Foreign(String),
    /// Something from our topic that is not a notice of this version.
    Malformed(String),
}

/// How deep envelopes may be nested: a failed invocation's record, of SQS, of SNS.
const ENVELOPES: usize = 3;

/// Reads whatever Lambda was invoked with. Never fails and never returns nothing.
pub fn parse(payload: &Value) -> Vec<Event> {
    unwrap(payload, ENVELOPES)
}

fn unwrap(payload: &Value, depth: usize) -> Vec<Event> {
    if let (Some(records), 1..) = (payload["Records"].as_array().filter(|it| !it.is_empty()), depth) {
        return records.iter().flat_map(|record| unwrap_record(record, depth - 1)).collect();
    }
    if let (Some(failed), 1..) = (payload.get("requestPayload"), depth) {
        return unwrap(failed, depth - 1);
    }
    if payload["tick"] == "sweep" {
        return vec![Event::SweepDue];
    }
    vec![Event::Foreign("neither a notice from the topic nor a tick".to_owned())]
}

fn unwrap_record(record: &Value, depth: usize) -> Vec<Event> {
    if let Some(text) = record.pointer("/Sns/Message").and_then(Value::as_str) {
        return vec![notice(text, record.pointer(REFUSED_BY).and_then(Value::as_str))];
    }
    match record.get("body").and_then(Value::as_str).map(serde_json::from_str::<Value>) {
        Some(Ok(body)) => unwrap(&body, depth),
        Some(Err(error)) => vec![Event::Malformed(format!("the body of the record is not JSON: {error}"))],
        None => vec![Event::Foreign("a record that is from neither SNS nor SQS".to_owned())],
    }
}

/// The message attribute by which the failure queue names the channel.
const REFUSED_BY: &str = "/Sns/MessageAttributes/refused_by/Value";

fn notice(text: &str, refused_by: Option<&str>) -> Event {
    match serde_json::from_str::<Notice>(text) {
        Ok(notice) => match refused_by {
            Some(channel) => Event::NoticeRedriven(Box::new(notice), channel.to_owned()),
            None => Event::NoticePublished(Box::new(notice)),
        },
        Err(error) => Event::Malformed(format!("the message is not a notice: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_notice_is_found_from_the_topic_and_in_what_failed_before() {
        let notice = crate::fixture::notice(1);
        let sns = json!({"Records": [{"Sns": {"Message": serde_json::to_string(&notice).unwrap()}}]});
        let expected = vec![Event::NoticePublished(Box::new(notice.clone()))];
        assert_eq!(parse(&sns), expected);
        assert_eq!(parse(&json!({"channel": "slack", "requestPayload": sns})), expected);
        assert_eq!(
            parse(&json!({"Records": [{"body": json!({"requestPayload": sns}).to_string()}]})),
            expected
        );
    }

    #[test]
    fn what_is_no_notice_is_malformed_from_the_topic_and_foreign_from_elsewhere() {
        let kind = |payload: Value| match parse(&payload).remove(0) {
            Event::NoticePublished(_) | Event::NoticeRedriven(..) => "notice",
            Event::SweepDue => "sweep",
            Event::Foreign(_) => "foreign",
            Event::Malformed(_) => "malformed",
        };
        assert_eq!(kind(json!({"Records": [{"Sns": {"Message": "hello"}}]})), "malformed");
        assert_eq!(kind(json!({"Records": [{"Sns": {"Message": "{}"}}]})), "malformed");
        assert_eq!(kind(json!({"Records": [{"s3": {}}]})), "foreign");
        assert_eq!(kind(json!({"source": "aws.ec2"})), "foreign");
        assert_eq!(kind(json!({"tick": "sweep"})), "sweep");
    }
}
