//! `notifier`, with a webhook whose address is a secret.

use serde_json::{Value, json};
use watchkeeper_domain::notice::Change;
use watchkeeper_sim::webhooks::{Reply, Server};
use watchkeeper_tests::support::{
    aws,
    newsroom::{from_topic, notice},
};

use super::{Account, lines};

#[tokio::test]
async fn notifier_shows_a_notice_under_the_runtime_interface_emulator() {
    let Some(account) = Account::open("notifier").await else { return };
    let server = Server::start().await.unwrap();
    let sqs = aws_sdk_sqs::Client::new(&account.config);
    let queue = sqs.create_queue().queue_name(aws::unique("failures")).send().await;
    let queue = queue.unwrap().queue_url.unwrap();
    let name = aws::unique("hook");
    let secrets = aws_sdk_secretsmanager::Client::new(&account.config);
    let address = format!("{}/slack/hook", server.base);
    secrets.create_secret().name(&name).secret_string(&address).send().await.unwrap();
    let toml = format!(
        "[notifier]\ndefault = [\"hook\"]\n[[channel]]\nname = \"hook\"\nkind = \"slack-webhook\"\n\
         secret = \"secretsmanager:{name}\"\n"
    );
    let variables =
        [("WATCHKEEPER_MESSAGES_TOPIC", account.topic.as_str()), ("WATCHKEEPER_FAILURE_QUEUE_URL", &queue)];
    let lambda = account.start(&toml, &variables);

    let opened = from_topic(&notice("case", 1, Change::Opened));
    let answer = lambda.invoke(&opened).await;
    assert_eq!(answer["outcome"], "acted", "{answer}");
    let answer = lambda.invoke(&opened).await;
    assert_eq!(
        (&answer["outcome"], &answer["reason"]),
        (&json!("unchanged"), &json!("hook: shown")),
        "{answer}"
    );
    server.script("/slack/hook", [Reply::Status(404), Reply::Status(404)]);
    let answer = lambda.invoke(&from_topic(&notice("case", 2, Change::Resolved))).await;
    assert!(answer["reason"].as_str().unwrap().contains("404"), "{answer}");
    let swept = lambda.invoke(&json!({"tick": "sweep"})).await;
    assert_eq!(swept["outcome"], "unchanged", "{swept}");
    assert_eq!(server.shown("/slack/hook").len(), 1);

    let waiting = sqs.receive_message().queue_url(&queue).send().await.unwrap().messages.unwrap();
    let waiting: Value = serde_json::from_str(waiting[0].body.as_deref().unwrap()).unwrap();
    assert_eq!(waiting["channel"], "hook");
    assert!(waiting["cause"].as_str().unwrap().starts_with("404"), "{waiting}");

    let log = lambda.log();
    assert_eq!(lines(&log, "notifier").len(), 4, "{log}");
    assert!(!log.contains("/slack/hook"), "no address in the log");
}
