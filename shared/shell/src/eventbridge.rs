//! The custom event bus `watchkeeper`: what functions concluded, for other functions and for anybody's automation.

use aws_config::{SdkConfig, retry::RetryConfig};
use aws_sdk_eventbridge::{
    Client,
    types::{PutEventsRequestEntry, PutEventsResultEntry, builders::PutEventsRequestEntryBuilder},
};
use serde_json::{Value, json};
use watchkeeper_domain::{failure::Failure, notice::DomainEvent, ports::Events};

use crate::error::failure;

/// The `source` of everything that Watchkeeper puts on a bus.
pub const SOURCE: &str = "watchkeeper";
/// The `source` of what people and their pipelines ask of it.
pub const OPS_SOURCE: &str = "watchkeeper.ops";

const OPERATION: &str = "put an event on";

/// The bus. Its client must not retry: `PutEvents` has no idempotency key, so a repeat has to be known.
#[derive(Clone, Debug)]
pub struct Bus {
    client: Client,
    name: String,
}

impl Bus {
    /// The bus `name`, reached through `config`. A call is tried once: there is no idempotency key.
    pub fn connect(config: &SdkConfig, name: &str) -> Self {
        let config = aws_sdk_eventbridge::config::Builder::from(config).retry_config(RetryConfig::disabled());
        Self::new(Client::from_conf(config.build()), name)
    }

    /// The bus `name`, reached through `client`.
    pub fn new(client: Client, name: impl Into<String>) -> Self {
        Self { client, name: name.into() }
    }

    /// Asks the functions for something: `detail_type` as their rules have it. It is tried once, so that a failure in doubt
    /// stays the caller's to judge; `detail.id` is what makes a second try the same request.
    ///
    /// # Errors
    /// When the bus has not taken it, or may not have.
    pub async fn ask(&self, detail_type: &str, detail: &Value) -> Result<(), Failure> {
        let entry = PutEventsRequestEntry::builder().source(OPS_SOURCE).detail_type(detail_type);
        self.send(entry.detail(detail.to_string())).await
    }

    /// EventBridge API Reference, `PutEvents`: an entry can fail in an answer that says 200.
    async fn send(&self, entry: PutEventsRequestEntryBuilder) -> Result<(), Failure> {
        let entry = entry.event_bus_name(&self.name).build();
        let answer = self.client.put_events().entries(entry).send().await;
        let answer = answer.map_err(|error| failure(OPERATION, &self.name, error))?;
        if answer.failed_entry_count() == 0 {
            return Ok(());
        }
        Err(rejected(&self.name, answer.entries().first()))
    }
}

impl Events for Bus {
    async fn put(&self, event: &DomainEvent) -> Result<(), Failure> {
        let entry = PutEventsRequestEntry::builder()
            .source(SOURCE)
            .detail_type(&event.detail_type)
            .detail(json!({ "id": event.id, "notice": event.notice }).to_string())
            .set_resources(resources(event));
        self.send(entry).await
    }
}

fn resources(event: &DomainEvent) -> Option<Vec<String>> {
    let arn = &event.notice.event_arn;
    (!arn.is_empty()).then(|| vec![arn.clone()])
}

/// The failure of an entry. `InternalFailure` is EventBridge's own trouble; all other codes are refusals
/// (EventBridge API Reference, `PutEventsResultEntry`).
fn rejected(bus: &str, entry: Option<&PutEventsResultEntry>) -> Failure {
    let code = entry.and_then(|entry| entry.error_code()).unwrap_or("no error code");
    let message = entry.and_then(|entry| entry.error_message()).unwrap_or("no message");
    let failure = Failure::new(OPERATION, bus, format!("{code}: {message}"));
    if code.starts_with("Internal") { failure.in_doubt() } else { failure }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rejected_entry_fails_with_its_code_and_message() {
        let entry =
            PutEventsResultEntry::builder().error_code("NotAuthorizedForSource").error_message("not yours");
        let failure = rejected("watchkeeper", Some(&entry.build()));
        assert_eq!(
            failure.chain(),
            "could not put an event on watchkeeper: NotAuthorizedForSource: not yours"
        );
        assert!(!failure.ambiguous);
    }

    #[test]
    fn an_internal_failure_leaves_the_event_in_doubt() {
        let entry = PutEventsResultEntry::builder().error_code("InternalFailure").build();
        assert!(rejected("watchkeeper", Some(&entry)).ambiguous);
    }
}
