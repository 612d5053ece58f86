//! Messages on the topic `messages`, and what is left over in the failure queue.
#![expect(clippy::expect_used, clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use aws_config::SdkConfig;
use serde_json::{Value, json};
use watchkeeper_domain::{
    channel::{Channel, ChannelKind},
    message::{Message, Post, Trouble},
    notice::Notice,
    ports::{Channels, Undelivered},
    render::mail,
};
use watchkeeper_shell::{FailureQueue, Webhooks};
use watchkeeper_tests::support::{
    aws::{config, config_with, moto, unique},
    faults::{Fault, Faulty},
    samples::notice,
};

fn message() -> Message {
    Message { conversation: notice().thread, notice: notice(), fold: None, repeated: false }
}

async fn queue(config: &SdkConfig) -> (aws_sdk_sqs::Client, String) {
    let client = aws_sdk_sqs::Client::new(config);
    let url = client.create_queue().queue_name(unique("queue")).send().await.unwrap().queue_url.unwrap();
    (client, url)
}

async fn the_body(client: &aws_sdk_sqs::Client, url: &str) -> Value {
    let request = client.receive_message().queue_url(url).max_number_of_messages(10).wait_time_seconds(1);
    let messages = request.send().await.unwrap().messages.expect("a message");
    assert_eq!(messages.len(), 1);
    serde_json::from_str(messages[0].body().unwrap()).unwrap()
}

async fn publish(config: &SdkConfig, topic: &str) -> Result<Option<String>, Trouble> {
    let channel = Channel { name: "messages".to_owned(), kind: ChannelKind::Topic };
    Webhooks::connect(config, topic).unwrap().show(&channel, &message(), &Post::New).await
}

#[tokio::test]
async fn a_message_arrives_with_its_subject_in_the_form_of_the_protocol() {
    let Some(endpoint) = moto() else { return };
    let config = config(&endpoint);
    let (sqs, url) = queue(&config).await;
    let name = aws_sdk_sqs::types::QueueAttributeName::QueueArn;
    let request = sqs.get_queue_attributes().queue_url(&url).attribute_names(name.clone());
    let arn = request.send().await.unwrap().attributes.unwrap().remove(&name).unwrap();
    let sns = aws_sdk_sns::Client::new(&config);
    let topic = sns.create_topic().name(unique("messages")).send().await.unwrap().topic_arn.unwrap();
    sns.subscribe().topic_arn(&topic).protocol("sqs").endpoint(arn).send().await.unwrap();

    assert_eq!(publish(&config, &topic).await, Ok(None));

    let arrived = the_body(&sqs, &url).await;
    assert_eq!(arrived["Subject"], mail::subject(&message()));
    assert_eq!(arrived["Message"], mail::forms(&message()).default);
}

#[tokio::test]
async fn the_answer_of_the_topic_says_what_to_do_next() {
    let topic = "arn:aws:sns:eu-west-1:123456789012:messages";
    let refusal = |code| -> &str {
        let body = json!({ "Error": { "Code": code } });
        let xml = format!(
            "<ErrorResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\"><Error><Type>Sender</Type>\
             <Code>{}</Code><Message>no</Message></Error><RequestId>r</RequestId></ErrorResponse>",
            body["Error"]["Code"].as_str().unwrap()
        );
        Box::leak(xml.into_boxed_str())
    };
    for (fault, expected) in [
        (Fault::Answer(404, refusal("NotFound")), Trouble::lasting("SNS: NotFound")),
        (Fault::Answer(403, refusal("AuthorizationError")), Trouble::lasting("SNS: AuthorizationError")),
        (Fault::Answer(400, refusal("Throttled")), Trouble::passing("SNS: Throttled", None)),
        (Fault::Answer(403, refusal("ExpiredToken")), Trouble::passing("SNS: ExpiredToken", None)),
        (Fault::Answer(500, refusal("InternalError")), Trouble::in_doubt("SNS: InternalError")),
        (Fault::Silence, Trouble::in_doubt("SNS: no answer")),
        (Fault::HangUp, Trouble::in_doubt("SNS: no answer")),
    ] {
        let server = Faulty::start(fault).await.unwrap();
        let config = config_with(&server.endpoint, Duration::from_millis(300));
        assert_eq!(publish(&config, topic).await, Err(expected));
        assert_eq!(server.requests(), 1);
    }
}

#[tokio::test]
async fn what_was_not_delivered_can_be_sent_through_notifier_again() {
    let Some(endpoint) = moto() else { return };
    let config = config(&endpoint);
    let (sqs, url) = queue(&config).await;
    FailureQueue::connect(&config, &url).put_undelivered("pager", &notice(), "404 gone\n").await.unwrap();

    let body = the_body(&sqs, &url).await;
    assert_eq!((&body["channel"], &body["cause"]), (&json!("pager"), &json!("404 gone")));
    let parsed = notifier::event::parse(&body);
    assert_eq!(parsed, [notifier::event::Event::NoticeRedriven(Box::new(notice()), "pager".into())]);
}

#[tokio::test]
async fn what_is_too_large_to_be_sent_again_is_a_failure() {
    let large = Notice { text: "x".repeat(256 * 1024), ..notice() };
    let server = Faulty::start(Fault::Answer(200, "{}")).await.unwrap();
    let queue = FailureQueue::connect(&config(&server.endpoint), "http://127.0.0.1:9/queue");
    let failure = queue.put_undelivered("pager", &large, "404").await.unwrap_err();
    assert!(failure.chain().contains("at most 262144 can be sent again"), "{}", failure.chain());
    assert_eq!(server.requests(), 0);
}
