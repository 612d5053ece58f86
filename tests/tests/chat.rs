//! Slack and Teams over HTTP: what is sent where, and what their answers mean.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use serde_json::json;
use watchkeeper_domain::{
    channel::{Channel, ChannelKind, SecretName},
    message::{Message, Post, Trouble},
    notice::Resource,
    ports::Channels,
};
use watchkeeper_shell::{
    Webhooks,
    channels::{MessagesTopic, Patience, Secrets},
};
use watchkeeper_sim::webhooks::{Reply, Server};
use watchkeeper_tests::support::{aws::config, samples::notice};

const TOKEN: &str = "xoxb-0000000000-sEcReTsEcReT";
const NO_TOPIC: &str = "arn:aws:sns:eu-west-1:123456789012:messages";

fn message() -> Message {
    let notice = notice();
    Message { conversation: notice.thread.clone(), notice, fold: None, repeated: false }
}

/// The longest that anybody can make it, in wide characters.
fn enormous() -> Message {
    let mut message = message();
    let notice = &mut message.notice;
    notice.text = "\u{1f525}".repeat(100_000);
    notice.headline = "\u{1f525}".repeat(1_000);
    notice.next_step = "& < >".repeat(10_000);
    notice.resources = vec![Resource { name: "x".repeat(2_000), status: "PENDING".to_owned() }; 50];
    notice.resource_count = 5_000;
    message
}

fn secret() -> SecretName {
    SecretName::SecretsManager("watchkeeper/chat".to_owned())
}

/// Shows `message` on a channel of `kind` whose secret is `value`.
async fn show(
    kind: ChannelKind,
    value: &str,
    message: &Message,
    post: &Post,
) -> Result<Option<String>, Trouble> {
    let patience = Patience { connect: Duration::from_secs(2), total: Duration::from_secs(2) };
    let topic = MessagesTopic::connect(&config("http://127.0.0.1:9"), NO_TOPIC);
    let webhooks = Webhooks::new(Secrets::given([(secret(), value.to_owned())]), topic, patience).unwrap();
    webhooks.show(&Channel { name: "chat".to_owned(), kind }, message, post).await
}

async fn bot(server: &Server, message: &Message, post: &Post) -> Result<Option<String>, Trouble> {
    let endpoint = format!("{}/api/", server.base);
    let kind = ChannelKind::SlackBot { secret: secret(), channel: "C0123456789".to_owned(), endpoint };
    show(kind, TOKEN, message, post).await
}

#[tokio::test]
async fn a_bot_keeps_one_thread_and_edits_its_first_message() {
    let server = Server::start().await.unwrap();
    let first = bot(&server, &message(), &Post::New).await.unwrap().unwrap();
    let reply = bot(&server, &message(), &Post::Reply(first.clone())).await.unwrap();
    assert!(reply.is_some_and(|reply| reply != first));
    assert_eq!(bot(&server, &message(), &Post::Edit(first.clone())).await, Ok(Some(first.clone())));
    let posted = server.posted();
    let [thread] = posted.as_slice() else { panic!("{posted:?}") };
    assert_eq!((thread.ts.as_str(), thread.channel.as_str()), (first.as_str(), "C0123456789"));
    assert_eq!((thread.replies.len(), thread.edits.len()), (1, 1));
    assert_eq!(thread.edits[0]["blocks"], thread.body["blocks"]);
    assert!(thread.replies[0].to_string().len() < thread.body.to_string().len(), "a reply is shorter");
    for body in [&thread.body, &thread.replies[0]] {
        assert_eq!((&body["unfurl_links"], &body["unfurl_media"]), (&json!(false), &json!(false)));
    }
    for body in [&thread.body, &thread.replies[0], &thread.edits[0]] {
        assert!(body.get("parse").is_none() && body.get("link_names").is_none());
        assert!(!body.to_string().contains(TOKEN), "the token is in the header only");
    }
}

#[tokio::test]
async fn a_refusal_of_the_web_api_comes_with_a_200() {
    let server = Server::start().await.unwrap();
    let path = "/api/chat.postMessage";
    for (code, cause, passing) in [
        ("ratelimited", "ratelimited", true),
        ("internal_error", "internal_error", true),
        ("channel_not_found", "channel_not_found", false),
        // Read again, and refused again.
        ("invalid_auth", "401 invalid_auth", false),
    ] {
        server.script(path, [Reply::SlackError(code), Reply::SlackError(code)]);
        let trouble = bot(&server, &message(), &Post::New).await.unwrap_err();
        assert_eq!((trouble.cause.as_str(), trouble.passing), (cause, passing));
        while bot(&server, &message(), &Post::New).await.is_err() {}
    }
    let gone = bot(&server, &message(), &Post::Edit("1.1".to_owned())).await.unwrap_err();
    assert_eq!((gone.cause.as_str(), gone.passing), ("message_not_found", false));
}

#[tokio::test]
async fn a_token_that_was_changed_meanwhile_gets_a_second_chance() {
    let server = Server::start().await.unwrap();
    server.script("/api/chat.postMessage", [Reply::SlackError("token_revoked")]);
    assert!(bot(&server, &message(), &Post::New).await.unwrap().is_some());
}

#[tokio::test]
async fn a_webhook_posts_whatever_it_is_asked_for() {
    let server = Server::start().await.unwrap();
    for post in [Post::New, Post::Reply("1.1".to_owned()), Post::Edit("1.1".to_owned())] {
        let hook = ChannelKind::SlackWebhook { secret: secret() };
        assert_eq!(show(hook, &format!("{}/slack/hook", server.base), &message(), &post).await, Ok(None));
        let workflow = ChannelKind::SlackWorkflow { secret: secret() };
        let url = format!("{}/slack/workflow", server.base);
        assert_eq!(show(workflow, &url, &message(), &post).await, Ok(None));
        let teams = ChannelKind::Teams { secret: secret() };
        assert_eq!(show(teams, &format!("{}/teams", server.base), &message(), &post).await, Ok(None));
    }
    for path in ["/slack/hook", "/slack/workflow", "/teams"] {
        assert_eq!(server.shown(path).len(), 3, "{path}");
    }
}

#[tokio::test]
async fn a_webhook_that_is_gone_is_gone_for_good() {
    let server = Server::start().await.unwrap();
    server.script("/slack/hook", [Reply::SlackError("no_service"), Reply::Status(204)]);
    let hook = || ChannelKind::SlackWebhook { secret: secret() };
    let url = format!("{}/slack/hook", server.base);
    let trouble = show(hook(), &url, &message(), &Post::New).await.unwrap_err();
    assert_eq!(trouble, Trouble::lasting("404 no_service"));
    let proxy = show(hook(), &url, &message(), &Post::New).await.unwrap_err();
    assert!(proxy.ambiguous, "an empty answer is none of Slack's: {proxy:?}");
}

#[tokio::test]
async fn a_connector_of_office_365_is_refused_before_anything_is_sent() {
    let url = "https://example.webhook.office.com/webhookb2/1/IncomingWebhook/sEcReT";
    let teams = ChannelKind::Teams { secret: secret() };
    let trouble = show(teams, url, &message(), &Post::New).await.unwrap_err();
    assert!(!trouble.passing && trouble.cause.contains("retired"), "{trouble:?}");
    assert!(!trouble.cause.contains("office.com"), "{trouble:?}");
}

#[tokio::test]
async fn an_answer_that_no_workflow_gives_is_a_trouble() {
    let server = Server::start().await.unwrap();
    let url = format!("{}/teams", server.base);
    for (status, is_taken) in [(200, true), (202, true), (201, false), (204, false)] {
        server.script("/teams", [Reply::Status(status)]);
        let teams = ChannelKind::Teams { secret: secret() };
        let answer = show(teams, &url, &message(), &Post::New).await;
        assert_eq!(answer.is_ok(), is_taken, "{status}: {answer:?}");
    }
}

#[tokio::test]
async fn the_longest_message_is_not_too_long() {
    let server = Server::start().await.unwrap();
    let first = bot(&server, &enormous(), &Post::New).await.unwrap().unwrap();
    bot(&server, &enormous(), &Post::Reply(first)).await.unwrap();
    let teams = ChannelKind::Teams { secret: secret() };
    show(teams, &format!("{}/teams", server.base), &enormous(), &Post::New).await.unwrap();
    let hook = ChannelKind::SlackWebhook { secret: secret() };
    show(hook, &format!("{}/slack/hook", server.base), &enormous(), &Post::New).await.unwrap();
}
