//! PagerDuty Events API v2.
//!
//! Limits from PagerDuty's developer documentation, "Events API v2 Overview", "Send an Alert Event" and "Send a Change
//! Event": `dedup_key` 255 characters, `payload.summary` 1,024 characters, an event 512 KB. All text is shown as it is.

use serde_json::{Map, Value, json};

use crate::{
    message::Message,
    notice::{Change, Kind, Notice, Severity},
    render::{REPEATED, facts, headline, links, next_step, resource_count, standing, text_label},
    text::{self, count, fingerprint},
};

/// The most characters of a summary.
const SUMMARY: usize = 1_024;
/// The most characters of one detail. With [`RESOURCES`] and [`TEXT`] this keeps an event below 64 KB, so that nobody
/// waits for one on a telephone.
const DETAIL: usize = 240;
/// How many resources are named.
const RESOURCES: usize = 10;
/// The most characters of AWS's own words.
const TEXT: usize = 2_000;

/// One request.
#[derive(Clone, Debug, PartialEq)]
pub enum Call {
    /// For `POST /v2/enqueue`: an alert, which may wake somebody.
    Alert(Value),
    /// For `POST /v2/change/enqueue`: a change event, which is only there to be seen.
    Change(Value),
}

/// `message` for the service that `routing_key` belongs to. `triggered` says whether there is an incident with its key.
///
/// `None` where there is nothing to send: PagerDuty drops the end of an incident that it has never seen. An earlier
/// attempt that may have arrived may have been a trigger, so that its end is sent.
pub fn event(message: &Message, routing_key: &str, triggered: bool) -> Option<Call> {
    let action = match (message.is_closed(), message.notice.change) {
        (true, _) if triggered || message.repeated => "resolve",
        (true, _) => return None,
        (false, Change::BurnedDown) if triggered => "acknowledge",
        (false, _) if !triggered && can_wait(message) => {
            return Some(Call::Change(change(message, routing_key)));
        }
        (false, _) => return Some(Call::Alert(trigger(message, routing_key))),
    };
    Some(Call::Alert(json!({
        "routing_key": routing_key,
        "event_action": action,
        "dedup_key": dedup_key(message),
    })))
}

/// The key of the incident: a hash, since an event ARN may be longer than a key.
fn dedup_key(message: &Message) -> String {
    fingerprint([message.conversation.as_str()])
}

/// What is planned or only news, and not grave, wakes nobody.
fn can_wait(message: &Message) -> bool {
    let is_planned = match message.notice.kind {
        Kind::ScheduledChange
        | Kind::PlannedLifecycle
        | Kind::AccountNotification
        | Kind::GoodNews
        | Kind::Drill
        | Kind::Cache => true,
        Kind::Issue | Kind::Security | Kind::Malformed | Kind::Undeliverable => false,
    };
    is_planned && message.severity() <= Severity::Medium
}

fn trigger(message: &Message, routing_key: &str) -> Value {
    let notice = &message.notice;
    let mut payload = payload(message);
    payload.insert("severity".to_owned(), json!(severity(message.severity())));
    payload.insert("class".to_owned(), json!(class(notice)));
    let optional = [("component", Some(&notice.service)), ("group", notice.environment.as_ref())];
    for (name, value) in optional {
        if let Some(value) = value.map(|value| short(value)).filter(|value| !value.is_empty()) {
            payload.insert(name.to_owned(), json!(value));
        }
    }
    let mut event = json!({
        "routing_key": routing_key,
        "event_action": "trigger",
        "dedup_key": dedup_key(message),
        "payload": payload,
        "links": hrefs(notice),
        "client": "Watchkeeper",
    });
    if let Some(first) = links(notice).first() {
        event["client_url"] = json!(first.url);
    }
    event
}

fn change(message: &Message, routing_key: &str) -> Value {
    json!({ "routing_key": routing_key, "payload": payload(message), "links": hrefs(&message.notice) })
}

/// What alerts and change events have in common.
fn payload(message: &Message) -> Map<String, Value> {
    [
        ("summary", json!(summary(message))),
        ("source", json!(source(message))),
        ("timestamp", json!(message.notice.at)),
        ("custom_details", Value::Object(details(message))),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into_iter()
    .collect()
}

fn summary(message: &Message) -> String {
    let repeated = if message.repeated { " (sent again)" } else { "" };
    format!("{}{repeated}", text::cut(&headline(message), SUMMARY - repeated.len()))
}

/// What is affected: `AWS account 111122223333, eu-west-1`.
fn source(message: &Message) -> String {
    let notice = &message.notice;
    let accounts = message.fold.as_ref().map(|fold| usize::try_from(fold.accounts).unwrap_or(usize::MAX));
    match (accounts, notice.account.as_str(), notice.region.as_str()) {
        (Some(accounts), _, _) => count(accounts, "AWS account"),
        (None, "", _) => "Watchkeeper".to_owned(),
        (None, account, "") => short(&format!("AWS account {account}")),
        (None, account, region) => short(&format!("AWS account {account}, {region}")),
    }
}

fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "critical",
        Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low => "info",
    }
}

fn class(notice: &Notice) -> &'static str {
    match (notice.drill, notice.provider_change) {
        (true, _) => "Drill",
        (false, true) => "AWS Provider Change",
        (false, false) => "Watchkeeper",
    }
}

/// Names and texts, flat: PagerDuty shows them as a table, and rules can look into them.
fn details(message: &Message) -> Map<String, Value> {
    let notice = &message.notice;
    let mut details = Map::new();
    let mut put = |name: &str, value: String| {
        if !value.is_empty() {
            details.insert(name.to_owned(), Value::String(value));
        }
    };
    for fact in facts(message) {
        put(&text::cut(&fact.name, 40), short(&fact.value));
    }
    put("What", standing(message));
    put("Next step", text::cut(&next_step(message).unwrap_or_default(), 2 * DETAIL));
    put("Affected", resources(message));
    put("Type", short(&notice.type_code));
    put("Event", short(&notice.event_arn));
    put("Case", short(&notice.thread));
    if let Some(label) = text_label(notice) {
        put(label, text::cut(&text::clean(&notice.text), TEXT));
    }
    if message.repeated {
        put("Note", REPEATED.to_owned());
    }
    details
}

/// One a line. Those of a storm are many, and only the leading case's are known.
fn resources(message: &Message) -> String {
    let shown = message.notice.resources.iter().take(RESOURCES);
    let mut lines: Vec<_> = shown.map(|it| short(&format!("{} {}", it.status, it.name))).collect();
    let more = resource_count(message).saturating_sub(lines.len());
    if more > 0 && !lines.is_empty() {
        lines.push(format!("… and {more} more"));
    }
    lines.join("\n")
}

fn hrefs(notice: &Notice) -> Vec<Value> {
    links(notice).into_iter().map(|link| json!({ "href": link.url, "text": link.title })).collect()
}

fn short(value: &str) -> String {
    text::cut(&text::line(value), DETAIL)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::render::sample::{closed, everywhere, message, notice, storm};

    fn with(kind: Kind, severity: Severity, change: Change) -> Message {
        Message { notice: Notice { kind, severity, change, ..notice() }, ..message() }
    }

    fn action(message: &Message, triggered: bool) -> &'static str {
        match event(message, "R", triggered) {
            None => "nothing",
            Some(Call::Change(_)) => "change",
            Some(Call::Alert(alert)) => match alert["event_action"].as_str() {
                Some("trigger") => "trigger",
                Some("acknowledge") => "acknowledge",
                Some("resolve") => "resolve",
                other => panic!("{other:?}"),
            },
        }
    }

    #[test]
    fn an_ordinary_notice_is_an_alert_with_everything_that_is_known() {
        let Some(Call::Alert(alert)) = event(&message(), "R0UT1NGKEY", false) else { panic!() };
        insta::assert_json_snapshot!("pagerduty_ordinary", alert);
    }

    #[test]
    fn a_storm_is_one_alert_with_its_extent() {
        let Some(Call::Alert(alert)) = event(&storm(), "R0UT1NGKEY", false) else { panic!() };
        insta::assert_json_snapshot!("pagerduty_storm", alert);
    }

    #[test]
    fn the_end_of_an_incident_resolves_it() {
        let Some(Call::Alert(alert)) = event(&closed(), "R0UT1NGKEY", true) else { panic!() };
        insta::assert_json_snapshot!("pagerduty_closed", alert);
    }

    #[test]
    fn the_end_of_what_never_was_an_incident_is_not_sent() {
        assert_eq!(action(&closed(), false), "nothing");
    }

    #[test]
    fn the_end_of_what_may_be_an_incident_is_sent() {
        assert_eq!(action(&Message { repeated: true, ..closed() }, false), "resolve");
    }

    #[test]
    fn what_is_planned_and_not_grave_is_a_change_event() {
        let planned = with(Kind::ScheduledChange, Severity::Medium, Change::Opened);
        let Some(Call::Change(change)) = event(&planned, "R0UT1NGKEY", false) else { panic!() };
        insta::assert_json_snapshot!("pagerduty_change", change);
    }

    #[test]
    fn only_what_is_grave_or_broken_wakes_somebody() {
        use Kind::{
            AccountNotification, GoodNews, Issue, Malformed, PlannedLifecycle, ScheduledChange, Security,
            Undeliverable,
        };
        for kind in [PlannedLifecycle, ScheduledChange, AccountNotification, GoodNews] {
            assert_eq!(action(&with(kind, Severity::Low, Change::Opened), false), "change");
            assert_eq!(action(&with(kind, Severity::Medium, Change::Updated), false), "change");
            assert_eq!(action(&with(kind, Severity::High, Change::CountedDown), false), "trigger");
        }
        for kind in [Issue, Security, Malformed, Undeliverable] {
            assert_eq!(action(&with(kind, Severity::Low, Change::Opened), false), "trigger");
        }
    }

    #[test]
    fn news_of_an_incident_stay_with_it_however_small_they_have_become() {
        let small = |change| with(Kind::ScheduledChange, Severity::Low, change);
        assert_eq!(action(&small(Change::Updated), true), "trigger");
        assert_eq!(action(&small(Change::BurnedDown), true), "acknowledge");
        assert_eq!(action(&small(Change::BurnedDown), false), "change");
        assert_eq!(action(&with(Kind::Issue, Severity::High, Change::Reopened), true), "trigger");
    }

    #[test]
    fn all_events_of_a_conversation_have_one_key_that_fits() {
        let long = Message { conversation: "c".repeat(2_000), ..message() };
        let Some(Call::Alert(opened)) = event(&long, "R", false) else { panic!() };
        let ended = Message { conversation: long.conversation.clone(), ..closed() };
        let Some(Call::Alert(ended)) = event(&ended, "R", true) else { panic!() };
        assert_eq!(opened["dedup_key"], ended["dedup_key"]);
        assert!(opened["dedup_key"].as_str().unwrap().len() <= 255);
    }

    #[test]
    fn a_drill_says_that_it_is_one() {
        let drill =
            Message { notice: Notice { drill: true, provider_change: false, ..notice() }, ..message() };
        let Some(Call::Alert(alert)) = event(&drill, "R", false) else { panic!() };
        assert_eq!(alert["payload"]["class"], "Drill");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn whatever_aws_writes_it_fits(message in everywhere(), triggered: bool) {
            let (limit, body) = match event(&message, "R", triggered) {
                None => return Ok(()),
                Some(Call::Alert(body) | Call::Change(body)) => (64 * 1024, body),
            };
            prop_assert!(body.to_string().len() <= limit, "{} bytes", body.to_string().len());
            if let Some(payload) = body.get("payload") {
                let summary = payload["summary"].as_str().unwrap();
                prop_assert!(!summary.is_empty() && summary.chars().count() <= SUMMARY);
                prop_assert!(!summary.contains(char::is_control));
                prop_assert!(!payload["source"].as_str().unwrap().is_empty());
                prop_assert!(payload["custom_details"].as_object().unwrap().values().all(Value::is_string));
                for link in body["links"].as_array().unwrap() {
                    prop_assert!(link["href"].as_str().unwrap().starts_with("https://"));
                }
            }
        }
    }
}
