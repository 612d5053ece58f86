//! The SNS topic `notices`: what people are told, for machines.

use aws_config::{SdkConfig, retry::RetryConfig};
use aws_sdk_sns::{Client, types::MessageAttributeValue};
use serde::Serialize;
use serde_json::Value;
use watchkeeper_domain::{failure::Failure, notice::Notice, ports::Notices};

use crate::error::failure;

/// The most that SNS takes: message and attributes together, in bytes (SNS API Reference, `Publish`).
const LIMIT: usize = 256 * 1024;

/// The fields of the body that are message attributes as well, for subscription filters.
const ATTRIBUTES: [&str; 11] = [
    "severity",
    "kind",
    "change",
    "service",
    "region",
    "account",
    "owner",
    "environment",
    "provider_change",
    "drill",
    "repeated",
];

/// The topic. Its client must not retry: `Publish` has no idempotency key, so a repeat has to be marked.
#[derive(Clone, Debug)]
pub struct Topic {
    client: Client,
    arn: String,
}

/// The message: a notice, and whether it may have arrived before.
#[derive(Serialize)]
struct Message<'a> {
    #[serde(flatten)]
    notice: &'a Notice,
    repeated: bool,
}

impl Topic {
    /// The topic `arn`, reached through `config`. A call is tried once: there is no idempotency key.
    pub fn connect(config: &SdkConfig, arn: &str) -> Self {
        let config = aws_sdk_sns::config::Builder::from(config).retry_config(RetryConfig::disabled());
        Self::new(Client::from_conf(config.build()), arn)
    }

    /// The topic `arn`, reached through `client`.
    pub fn new(client: Client, arn: impl Into<String>) -> Self {
        Self { client, arn: arn.into() }
    }
}

impl Notices for Topic {
    /// SNS API Reference, `Publish`. A message of more than 256 KiB is not sent.
    async fn publish(&self, notice: &Notice, repeated: bool) -> Result<(), Failure> {
        const OPERATION: &str = "publish to";
        let body = serde_json::to_value(Message { notice, repeated })
            .map_err(|error| Failure::new(OPERATION, &self.arn, error))?;
        let attributes = attributes(&body);
        let message = body.to_string();
        let size = message.len() + attributes.iter().map(|(k, v)| k.len() + v.len() + 6).sum::<usize>();
        if size > LIMIT {
            let cause = format!("notice {} has {size} bytes, and SNS takes {LIMIT}", notice.id);
            return Err(Failure::new(OPERATION, &self.arn, cause));
        }
        let mut request = self.client.publish().topic_arn(&self.arn).message(message);
        for (name, value) in attributes {
            let value = MessageAttributeValue::builder().data_type("String").string_value(value).build();
            let value = value.map_err(|error| Failure::new(OPERATION, &self.arn, error))?;
            request = request.message_attributes(name, value);
        }
        request.send().await.map_err(|error| failure(OPERATION, &self.arn, error))?;
        Ok(())
    }
}

/// The attributes, taken from the body, so that the two say the same. SNS refuses empty ones, so these are left out.
fn attributes(body: &Value) -> Vec<(&'static str, String)> {
    let text = |name| match &body[name] {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Bool(yes) => Some(yes.to_string()),
        Value::String(_) | Value::Null | Value::Number(_) | Value::Array(_) | Value::Object(_) => None,
    };
    ATTRIBUTES.into_iter().filter_map(|name| text(name).map(|text| (name, text))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_repeat_the_body_and_are_never_empty() {
        let body = serde_json::json!({
            "severity": "high", "kind": "issue", "region": "", "owner": null, "drill": false, "repeated": true,
            "seq": 3,
        });
        let expected = [("severity", "high"), ("kind", "issue"), ("drill", "false"), ("repeated", "true")];
        assert_eq!(attributes(&body), expected.map(|(name, value)| (name, value.to_owned())));
    }
}
