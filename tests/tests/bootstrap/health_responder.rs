//! `health-responder`, with every sample event.

use aws_sdk_sqs::Client;
use serde_json::{Value, json};
use watchkeeper_tests::support::{
    aws,
    estate::{backup, event},
    template::{events, source},
};

use super::{Account, lines};

#[tokio::test]
async fn health_responder_answers_events_under_the_runtime_interface_emulator() {
    let Some(account) = Account::open("health-responder").await else { return };
    let sqs = Client::new(&account.config);
    let queue = sqs.create_queue().queue_name(aws::unique("seen")).send().await.unwrap().queue_url.unwrap();
    let arn = format!("arn:aws:sqs:{}:123456789012:{}", aws::REGION, queue.rsplit('/').next().unwrap());
    let sns = aws_sdk_sns::Client::new(&account.config);
    sns.subscribe().topic_arn(&account.topic).protocol("sqs").endpoint(arn).send().await.unwrap();
    let lambda = account.start(&source("infra/config/watchkeeper.toml"), &[]);

    let opened = lambda.invoke(&event(1, json!({}))).await;
    assert_eq!((&opened["outcome"], &opened["reason"]), (&json!("acted"), &json!("A new case")), "{opened}");
    let copy = lambda.invoke(&backup(&event(1, json!({})))).await;
    assert_eq!((&copy["outcome"], &copy["notices"]), (&json!("unchanged"), &json!([])), "{copy}");
    let foreign = lambda.invoke(&events("foreign").into_values().next().unwrap()).await;
    assert_eq!(foreign["outcome"], "foreign");
    let swept = lambda.invoke(&json!({"tick": "sweep"})).await;
    assert_eq!(swept["outcome"], "unchanged", "{swept}");
    let malformed = lambda.invoke(&events("malformed")["01-health-without-event-arn.json"]).await;
    assert_eq!(malformed["errorType"], "Malformed", "{malformed}");
    let cause = malformed["errorMessage"].as_str().unwrap();
    assert_eq!(cause, "could not understand a Health event: `detail.eventArn` is missing");
    let samples = events("health-responder");
    let mut told = 2;
    for (name, sample) in &samples {
        let answer = lambda.invoke(sample).await;
        assert!(matches!(answer["outcome"].as_str(), Some("acted" | "unchanged")), "{name}: {answer}");
        told += answer["notices"].as_array().unwrap().len();
    }

    let mut seen = seen(&sqs, &queue).await;
    seen.sort();
    let sent = seen.len();
    seen.dedup();
    assert_eq!((sent, seen.len()), (told, told), "each notice arrives once");

    let log = lambda.log();
    let ours = lines(&log, "health-responder");
    assert_eq!(ours.len(), 5 + samples.len(), "one line an invocation");
    assert!(ours.iter().all(|line| line["_aws"]["CloudWatchMetrics"][0]["Namespace"] == "Watchkeeper"));
    assert!(!log.contains("AKIAIOSFODNN7EXAMPLE"), "no key id in the log");
    account.assert_small(12_000_000);
}

/// The ids of the notices in the queue.
async fn seen(sqs: &Client, queue: &str) -> Vec<String> {
    let mut seen = Vec::new();
    loop {
        let batch = sqs.receive_message().queue_url(queue).max_number_of_messages(10).send().await.unwrap();
        let messages = batch.messages.unwrap_or_default();
        if messages.is_empty() {
            return seen;
        }
        for message in messages {
            let envelope: Value = serde_json::from_str(&message.body.unwrap()).unwrap();
            let notice: Value = serde_json::from_str(envelope["Message"].as_str().unwrap()).unwrap();
            seen.push(notice["id"].as_str().unwrap().to_owned());
            let receipt = message.receipt_handle.unwrap();
            sqs.delete_message().queue_url(queue).receipt_handle(receipt).send().await.unwrap();
        }
    }
}
