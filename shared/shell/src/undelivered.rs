//! The failure queue: what a channel will never show, in a form that can be sent through notifier again.

use aws_config::{SdkConfig, retry::RetryConfig};
use aws_sdk_sqs::Client;
use serde_json::{Value, json};
use watchkeeper_domain::{failure::Failure, notice::Notice, ports::Undelivered, text};

use crate::error::failure;

/// The most that we put in a message, in bytes. SQS takes more by now (SQS Developer Guide, "Message quotas": 1 MiB),
/// but a Lambda destination's message has 256 KiB, and whoever redrives one must be able to invoke with it.
const LIMIT: usize = 256 * 1024;
/// How much of a cause is kept, in characters.
const CAUSE: usize = 1_000;

/// The queue.
#[derive(Clone, Debug)]
pub struct FailureQueue {
    client: Client,
    url: String,
}

impl FailureQueue {
    /// The queue at `url`, reached through `config`. Calls are tried three times: to find the same notice in the queue
    /// twice is better than not to find it.
    pub fn connect(config: &SdkConfig, url: &str) -> Self {
        let retries = RetryConfig::standard().with_max_attempts(3);
        let config = aws_sdk_sqs::config::Builder::from(config).retry_config(retries);
        Self { client: Client::from_conf(config.build()), url: url.to_owned() }
    }
}

impl Undelivered for FailureQueue {
    /// SQS API Reference, `SendMessage`.
    async fn put_undelivered(&self, channel: &str, notice: &Notice, cause: &str) -> Result<(), Failure> {
        const OPERATION: &str = "send to";
        let subject = || format!("the failure queue notice {}", notice.id);
        let body = body(channel, notice, cause).map_err(|error| Failure::new(OPERATION, subject(), error))?;
        let body = body.to_string();
        if body.len() > LIMIT {
            let cause = format!("it has {} bytes, and at most {LIMIT} can be sent again", body.len());
            return Err(Failure::new(OPERATION, subject(), cause));
        }
        let request = self.client.send_message().queue_url(&self.url).message_body(body);
        request.send().await.map_err(|error| failure(OPERATION, subject(), error))?;
        Ok(())
    }
}

/// `requestPayload` is where a Lambda destination keeps the event of a failed invocation, too (Lambda Developer Guide,
/// "Asynchronous invocation"), so that one command redrives both. It is the event with which SNS invokes a function
/// ("Using Lambda with Amazon SNS").
fn body(channel: &str, notice: &Notice, cause: &str) -> Result<Value, serde_json::Error> {
    let message = serde_json::to_string(notice)?;
    let record = json!({
        "EventVersion": "1.0",
        "EventSource": "aws:sns",
        "EventSubscriptionArn": "",
        "Sns": {
            "Type": "Notification",
            "MessageId": notice.id,
            "TopicArn": "",
            "Subject": null,
            "Message": message,
            "Timestamp": notice.at.to_string(),
            "SignatureVersion": "1",
            "Signature": "",
            "SigningCertUrl": "",
            "UnsubscribeUrl": "",
            // Tells notifier that a person sends it again, and to which channel.
            "MessageAttributes": { "refused_by": { "Type": "String", "Value": channel } },
        },
    });
    Ok(json!({
        "channel": channel,
        "cause": text::cut(&text::line(cause), CAUSE),
        "requestPayload": { "Records": [record] },
    }))
}
