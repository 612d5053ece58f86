//! What leaves Watchkeeper arrives as documented, and what did not leave is told from what may have.
#![expect(clippy::expect_used, clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use aws_config::SdkConfig;
use serde_json::{Value, json};
use watchkeeper_domain::{
    failure::Failure,
    notice::Notice,
    ports::{Events, Notices},
    records::{Key, Records, Write},
};
use watchkeeper_shell::Aws;
use watchkeeper_tests::support::{
    aws::{config, config_with, moto, settings, unique},
    faults::{Fault, Faulty, nobody},
    samples::{domain_event, notice},
};

/// A queue in moto: its URL and its ARN.
async fn queue(config: &SdkConfig) -> (aws_sdk_sqs::Client, String, String) {
    let client = aws_sdk_sqs::Client::new(config);
    let url = client.create_queue().queue_name(unique("channel")).send().await.unwrap().queue_url.unwrap();
    let name = aws_sdk_sqs::types::QueueAttributeName::QueueArn;
    let answer =
        client.get_queue_attributes().queue_url(&url).attribute_names(name.clone()).send().await.unwrap();
    let arn = answer.attributes.unwrap().remove(&name).unwrap();
    (client, url, arn)
}

/// The one message in the queue.
async fn the_message(client: &aws_sdk_sqs::Client, url: &str) -> Value {
    let request = client.receive_message().queue_url(url).max_number_of_messages(10).wait_time_seconds(1);
    let messages = request.send().await.unwrap().messages.expect("a message");
    assert_eq!(messages.len(), 1);
    serde_json::from_str(messages[0].body().unwrap()).unwrap()
}

/// A topic in moto to which `queue` is subscribed, for messages that pass `filter`.
async fn topic(config: &SdkConfig, queue: &str, filter: &Value) -> String {
    let client = aws_sdk_sns::Client::new(config);
    let topic = client.create_topic().name(unique("notices")).send().await.unwrap().topic_arn.unwrap();
    let subscribe = client.subscribe().topic_arn(&topic).protocol("sqs").endpoint(queue);
    subscribe.attributes("FilterPolicy", filter.to_string()).send().await.unwrap();
    topic
}

fn aws(config: &SdkConfig, topic: &str, bus: &str) -> Aws {
    Aws::with(config, &settings("no-table", topic, bus))
}

#[tokio::test]
async fn a_notice_arrives_with_its_attributes_and_a_body_that_says_the_same() {
    let Some(endpoint) = moto() else { return };
    let config = config(&endpoint);
    let (sqs, url, queue_arn) = queue(&config).await;
    let topic = topic(&config, &queue_arn, &json!({ "severity": ["high"], "repeated": ["true"] })).await;
    let aws = aws(&config, &topic, "no-bus");

    aws.publish(&notice(), false).await.unwrap();
    aws.publish(&notice(), true).await.unwrap();

    // Only the second one passes the filter.
    let message = the_message(&sqs, &url).await;
    let body: Value = serde_json::from_str(message["Message"].as_str().unwrap()).unwrap();
    let mut expected = serde_json::to_value(notice()).unwrap();
    expected["repeated"] = json!(true);
    assert_eq!(body, expected);
    assert_eq!(serde_json::from_value::<Notice>(body).unwrap(), notice(), "the body can be read back");
    let text = |value: &str| json!({ "Type": "String", "Value": value });
    let attributes = json!({
        "severity": text("high"), "kind": text("planned-lifecycle"), "change": text("counted-down"),
        "service": text("RDS"), "region": text("eu-west-1"), "account": text("111122223333"),
        "owner": text("payments"), "environment": text("production"), "provider_change": text("true"),
        "drill": text("false"), "repeated": text("true"),
    });
    assert_eq!(message["MessageAttributes"], attributes);
    assert_eq!(message.get("Subject"), None);
}

#[tokio::test]
async fn what_is_not_known_is_no_attribute() {
    let Some(endpoint) = moto() else { return };
    let config = config(&endpoint);
    let (sqs, url, queue_arn) = queue(&config).await;
    let topic = topic(&config, &queue_arn, &json!({ "owner": [{ "exists": false }] })).await;
    let unowned = Notice { owner: None, environment: None, service: String::new(), ..notice() };

    aws(&config, &topic, "no-bus").publish(&unowned, false).await.unwrap();

    let message = the_message(&sqs, &url).await;
    let names: Vec<_> = message["MessageAttributes"].as_object().unwrap().keys().collect();
    assert_eq!(
        names,
        ["account", "change", "drill", "kind", "provider_change", "region", "repeated", "severity"]
    );
}

#[tokio::test]
async fn a_notice_that_is_too_large_for_sns_is_not_sent() {
    let server = Faulty::start(Fault::Answer(200, "")).await.unwrap();
    let large = Notice { text: "x".repeat(256 * 1024 - 500), ..notice() };
    let topic = "arn:aws:sns:eu-west-1:123456789012:notices";
    let failure = aws(&config(&server.endpoint), topic, "").publish(&large, false).await.unwrap_err();
    assert!(failure.chain().ends_with("bytes, and SNS takes 262144"), "{}", failure.chain());
    assert_eq!((failure.ambiguous, server.requests()), (false, 0));
}

#[tokio::test]
async fn a_domain_event_arrives_on_the_bus_with_what_people_were_told() {
    let Some(endpoint) = moto() else { return };
    let config = config(&endpoint);
    let (sqs, url, queue_arn) = queue(&config).await;
    let bus = unique("watchkeeper");
    let client = aws_sdk_eventbridge::Client::new(&config);
    client.create_event_bus().name(&bus).send().await.unwrap();
    let pattern = json!({ "source": ["watchkeeper"], "detail-type": ["Case Opened"] });
    let rule = client.put_rule().name("opened").event_bus_name(&bus).event_pattern(pattern.to_string());
    rule.send().await.unwrap();
    let target = aws_sdk_eventbridge::types::Target::builder().id("queue").arn(&queue_arn).build().unwrap();
    client.put_targets().rule("opened").event_bus_name(&bus).targets(target).send().await.unwrap();

    aws(&config, "no-topic", &bus).put(&domain_event()).await.unwrap();

    let event = the_message(&sqs, &url).await;
    assert_eq!(event["source"], "watchkeeper");
    assert_eq!(event["detail-type"], "Case Opened");
    assert_eq!(event["resources"], json!([notice().event_arn]));
    assert_eq!(event["detail"], json!({ "id": domain_event().id, "notice": notice() }));
}

#[tokio::test]
async fn an_event_that_the_bus_rejects_is_a_failure_though_the_answer_says_200() {
    let answer =
        r#"{"FailedEntryCount":1,"Entries":[{"ErrorCode":"ThrottlingException","ErrorMessage":"slow"}]}"#;
    let server = Faulty::start(Fault::Answer(200, answer)).await.unwrap();
    let failure = aws(&config(&server.endpoint), "", "watchkeeper").put(&domain_event()).await.unwrap_err();
    assert_eq!(failure.chain(), "could not put an event on watchkeeper: ThrottlingException: slow");
    assert!(!failure.ambiguous);
}

#[tokio::test]
async fn a_topic_that_is_not_there_is_certain_and_has_its_code_in_the_chain() {
    let Some(endpoint) = moto() else { return };
    let topic = "arn:aws:sns:eu-west-1:123456789012:nobody-made-this";
    let failure = aws(&config(&endpoint), topic, "").publish(&notice(), false).await.unwrap_err();
    let chain = failure.chain();
    assert!(chain.starts_with(&format!("could not publish to {topic}: NotFound: ")), "{chain}");
    assert!(chain.contains("(HTTP 404, request "), "{chain}");
    assert_eq!(chain.matches("NotFound").count(), 1, "{chain}");
    assert!(!failure.ambiguous);
}

#[tokio::test]
async fn a_table_that_is_not_there_is_certain_and_has_its_code_in_the_chain() {
    let Some(endpoint) = moto() else { return };
    let failure = record(&aws(&config(&endpoint), "", "")).await.unwrap_err();
    assert!(
        failure.chain().starts_with("could not write CASE#1 / HEAD: ResourceNotFoundException: "),
        "{}",
        failure.chain()
    );
    assert!(!failure.ambiguous);
}

#[tokio::test]
async fn without_a_connection_nothing_was_sent() {
    let aws = aws(&config(&nobody().await.unwrap()), "arn:aws:sns:eu-west-1:123456789012:notices", "bus");
    for failure in [tell(&aws).await, conclude(&aws).await, record(&aws).await].map(Result::unwrap_err) {
        let chain = failure.chain();
        assert!(!failure.ambiguous, "{chain}");
        assert!(chain.contains("onnection refused"), "{chain}");
        assert_eq!(chain.matches("onnection refused").count(), 1, "{chain}");
    }
}

#[tokio::test]
async fn silence_leaves_it_in_doubt_and_only_what_can_be_repeated_is_tried_again() {
    each_fault_leaves_it_in_doubt(Fault::Silence, "timeout").await;
}

#[tokio::test]
async fn a_connection_that_breaks_leaves_it_in_doubt_and_only_what_can_be_repeated_is_tried_again() {
    each_fault_leaves_it_in_doubt(Fault::HangUp, "connection closed").await;
}

#[tokio::test]
async fn an_error_of_the_service_leaves_it_in_doubt_and_only_what_can_be_repeated_is_tried_again() {
    each_fault_leaves_it_in_doubt(Fault::Answer(500, "{}"), "HTTP 500").await;
}

/// An adapter that gets no good answer says that it may have happened, and tells why. Only DynamoDB is asked again.
async fn each_fault_leaves_it_in_doubt(fault: Fault, why: &str) {
    let server = Faulty::start(fault).await.unwrap();
    let config = config_with(&server.endpoint, Duration::from_millis(100));
    let aws = aws(&config, "arn:aws:sns:eu-west-1:123456789012:notices", "bus");
    let told = (tell(&aws).await, server.requests());
    let concluded = (conclude(&aws).await, server.requests());
    let recorded = (record(&aws).await, server.requests());
    assert_eq!([told.1, concluded.1, recorded.1], [1, 2, 5]);
    for failure in [told.0, concluded.0, recorded.0].map(Result::unwrap_err) {
        assert!(failure.ambiguous, "{}", failure.chain());
        assert!(failure.chain().contains(why), "{}", failure.chain());
    }
}

#[tokio::test]
async fn an_answer_that_cannot_be_read_leaves_it_in_doubt() {
    let server = Faulty::start(Fault::Answer(200, "<html>a proxy's login page</html>")).await.unwrap();
    let aws = aws(&config(&server.endpoint), "arn:aws:sns:eu-west-1:123456789012:notices", "bus");
    for failure in [tell(&aws).await, conclude(&aws).await].map(Result::unwrap_err) {
        assert!(failure.ambiguous, "{}", failure.chain());
        assert!(failure.chain().contains("an answer that cannot be read (HTTP 200)"), "{}", failure.chain());
    }
}

#[tokio::test]
async fn what_is_refused_is_certain() {
    let refusal = r#"{"__type":"AccessDeniedException","message":"not allowed"}"#;
    let server = Faulty::start(Fault::Answer(400, refusal)).await.unwrap();
    let failure = conclude(&aws(&config(&server.endpoint), "", "bus")).await.unwrap_err();
    assert!(!failure.ambiguous, "{}", failure.chain());
    let expected = "could not put an event on bus: AccessDeniedException: not allowed (HTTP 400, request ";
    assert!(failure.chain().starts_with(expected), "{}", failure.chain());
}

async fn tell(aws: &Aws) -> Result<(), Failure> {
    aws.publish(&notice(), false).await
}

async fn conclude(aws: &Aws) -> Result<(), Failure> {
    aws.put(&domain_event()).await
}

async fn record(aws: &Aws) -> Result<(), Failure> {
    let write = Write { body: &1, due: None, expires_at: None };
    aws.keep(&Key::head("CASE#1"), &write).await
}
