//! Notices as SNS delivers them to Lambda, and whom an envelope is meant for.

use jiff::Timestamp;
use notifier::event::Event;
use serde_json::{Value, json};
use watchkeeper_domain::notice::{DomainEvent, Notice};
use watchkeeper_sim::fis::{ACCOUNT, REGION};

use crate::functions::Function;

/// `notice` as SNS delivers it at `now` (Lambda Developer Guide, "Invoking Lambda functions with Amazon SNS").
/// `repeated` and `refused_by` are what the sender says beside it.
pub fn from_topic(notice: &Notice, repeated: bool, refused_by: Option<&str>, now: Timestamp) -> Value {
    let mut message = serde_json::to_value(notice).unwrap_or_default();
    message["repeated"] = json!(repeated);
    let attributes = match refused_by {
        Some(channel) => json!({"refused_by": {"Type": "String", "Value": channel}}),
        None => json!({}),
    };
    json!({"Records": [{
        "EventVersion": "1.0",
        "EventSource": "aws:sns",
        "EventSubscriptionArn": "",
        "Sns": {
            "Type": "Notification",
            "MessageId": notice.id,
            "TopicArn": "",
            "Subject": null,
            "Message": message.to_string(),
            "Timestamp": now.to_string(),
            "MessageAttributes": attributes,
        },
    }]})
}

/// `event` as EventBridge delivers it from the bus `watchkeeper` at `now`.
pub fn from_bus(event: &DomainEvent, now: Timestamp) -> Value {
    json!({
        "version": "0",
        "id": event.id,
        "source": "watchkeeper",
        "detail-type": event.detail_type,
        "account": ACCOUNT,
        "region": REGION,
        "time": now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        "resources": [],
        "detail": { "id": event.id, "notice": event.notice },
    })
}

/// SNS, SQS, or the record of a failed invocation: no rule sees these, they are meant for one function.
pub fn is_envelope(payload: &Value) -> bool {
    payload["Records"].is_array()
        || payload.get("requestPayload").is_some()
        || payload["Type"] == "Notification"
}

/// The function that an envelope is meant for: a notice is for `notifier`, anything else for `health-responder`.
pub fn recipient(envelope: &Value) -> Function {
    if notices(envelope).is_empty() { Function::HealthResponder } else { Function::Notifier }
}

/// The notices in `envelope`, each with the channel that it is sent to again, if it is.
pub fn notices(envelope: &Value) -> Vec<(Notice, Option<String>)> {
    let notice = |event| match event {
        Event::NoticePublished(notice) => Some((*notice, None)),
        Event::NoticeRedriven(notice, channel) => Some((*notice, Some(channel))),
        Event::SweepDue | Event::Foreign(_) | Event::Malformed(_) => None,
    };
    notifier::event::parse(envelope).into_iter().filter_map(notice).collect()
}
