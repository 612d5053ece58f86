//! What this function says to people on its own account.

use jiff::Timestamp;
use watchkeeper_domain::{
    notice::{Change, Fact, Kind, Notice, Resource, Severity},
    text::fingerprint,
};

/// Says on the default route that `channel` refuses messages, once a day.
pub fn undeliverable(channel: &str, refused: &Notice, cause: &str, now: Timestamp) -> Notice {
    let day = now.strftime("%Y-%m-%d").to_string();
    let thread = fingerprint(["undeliverable", channel, &day]);
    let fact = |name: &str, value: &str| Fact { name: name.to_owned(), value: value.to_owned() };
    Notice {
        id: fingerprint([thread.as_str(), "1"]),
        seq: 1,
        kind: Kind::Undeliverable,
        change: Change::Opened,
        severity: Severity::High,
        headline: format!("The channel {channel} refuses messages"),
        text: String::new(),
        facts: vec![
            fact("Channel", channel),
            fact("Cause", cause),
            fact("Not shown", &refused.headline),
            fact("Account", &refused.account),
        ],
        resources: vec![Resource { name: channel.to_owned(), status: "REFUSING".to_owned() }],
        resource_count: 1,
        deadline: None,
        owner: None,
        next_step: "Check the channel's secret and its settings, then send again what waits in notifier's failure queue."
            .to_owned(),
        links: Vec::new(),
        service: "WATCHKEEPER".to_owned(),
        type_code: String::new(),
        region: String::new(),
        account: refused.account.clone(),
        environment: None,
        personas: Vec::new(),
        actionability: "ACTION_REQUIRED".to_owned(),
        event_arn: String::new(),
        topic: thread.clone(),
        thread,
        provider_change: false,
        drill: false,
        at: now,
    }
}

/// The channel that such a notice is about.
pub fn refusing_channel(notice: &Notice) -> &str {
    notice.resources.first().map(|resource| resource.name.as_str()).unwrap_or_default()
}
