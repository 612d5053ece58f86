//! Slack: incoming webhooks, workflows, and a bot with threads.

use reqwest::Client;
use serde::Deserialize;
use serde_json::{Value, json};
use watchkeeper_domain::{
    message::{Message, Post, Trouble},
    render::slack,
};

use crate::http::{self, Answer};

/// The errors after which another attempt can succeed, and nothing was shown (Slack Web API, `chat.postMessage`,
/// "Errors").
const PASSING: [&str; 4] = ["message_limit_exceeded", "rate_limited", "ratelimited", "team_added_to_org"];
/// The errors that leave open what has happened.
const IN_DOUBT: [&str; 4] = ["fatal_error", "internal_error", "request_timeout", "service_unavailable"];
/// The errors that are about the token: another one may have taken its place.
const TOKEN: [&str; 5] = ["account_inactive", "invalid_auth", "not_authed", "token_expired", "token_revoked"];

/// What every method of the Web API answers, and a workflow.
#[derive(Deserialize)]
struct Said {
    ok: bool,
    #[serde(default)]
    error: String,
    ts: Option<String>,
}

/// Posts to an incoming webhook, which can neither thread nor edit: whatever `_post` asks for, it is a new message.
///
/// It answers `ok` (Slack developer documentation, "Sending messages using incoming webhooks").
pub(super) async fn webhook(
    client: &Client,
    url: &str,
    message: &Message,
    _post: &Post,
) -> Result<Option<String>, Trouble> {
    let answer = http::post(client, url, None, &quiet(slack::blocks(message))).await?;
    if answer.body.trim() == "ok" { Ok(None) } else { Err(unexpected(&answer)) }
}

/// Starts a workflow, which does with the variables what its owner wants.
///
/// It answers `ok` or `{"ok":true}`, by its age.
pub(super) async fn workflow(
    client: &Client,
    url: &str,
    message: &Message,
    _post: &Post,
) -> Result<Option<String>, Trouble> {
    let answer = http::post(client, url, None, &slack::workflow(message)).await?;
    if answer.body.trim() == "ok" { Ok(None) } else { said(&answer).map(|_| None) }
}

/// Posts to the channel `to.1` through the Web API at `to.0`, as `post` says. Returns the id (`ts`) of the message.
pub(super) async fn bot(
    client: &Client,
    token: &str,
    to: (&str, &str),
    message: &Message,
    post: &Post,
) -> Result<Option<String>, Trouble> {
    let (endpoint, channel) = to;
    let (method, mut body) = match post {
        Post::New => ("chat.postMessage", quiet(slack::blocks(message))),
        Post::Reply(first) => {
            let mut reply = quiet(slack::reply(message));
            reply["thread_ts"] = json!(first);
            ("chat.postMessage", reply)
        }
        Post::Edit(first) => {
            let mut edit = slack::blocks(message);
            edit["ts"] = json!(first);
            ("chat.update", edit)
        }
    };
    body["channel"] = json!(channel);
    let url = format!("{}/{method}", endpoint.trim_end_matches('/'));
    said(&http::post(client, &url, Some(token), &body).await?)
}

/// `body` without previews of what it links to.
fn quiet(mut body: Value) -> Value {
    body["unfurl_links"] = json!(false);
    body["unfurl_media"] = json!(false);
    body
}

/// What a 200 says: the Web API refuses with a 200 as well.
fn said(answer: &Answer) -> Result<Option<String>, Trouble> {
    let said: Said = serde_json::from_str(&answer.body).map_err(|_| unexpected(answer))?;
    if said.ok { Ok(said.ts) } else { Err(refused(&said.error)) }
}

fn refused(error: &str) -> Trouble {
    let code: String = error.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_').take(80).collect();
    match code.as_str() {
        it if PASSING.contains(&it) => Trouble::passing(code, None),
        it if IN_DOUBT.contains(&it) => Trouble::in_doubt(code),
        it if TOKEN.contains(&it) => Trouble::lasting(format!("401 {code}")),
        "" => Trouble::lasting("refused without a reason"),
        _ => Trouble::lasting(code),
    }
}

/// A 2xx that is none of Slack's, as from a proxy between: nobody knows whether anything was shown.
fn unexpected(answer: &Answer) -> Trouble {
    Trouble::in_doubt(format!("{} with a body that is none of Slack's", answer.status))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn says(body: &str) -> Result<Option<String>, Trouble> {
        said(&Answer { status: 200, body: body.to_owned() })
    }

    #[test]
    fn a_message_that_is_shown_has_an_id() {
        let body = r#"{"ok":true,"channel":"C1","ts":"1795132800.000001","message":{}}"#;
        assert_eq!(says(body), Ok(Some("1795132800.000001".to_owned())));
        assert_eq!(says(r#"{"ok":true}"#), Ok(None));
    }

    #[test]
    fn each_error_says_whether_another_attempt_can_succeed() {
        let lasting = Trouble::lasting;
        for (error, trouble) in [
            ("ratelimited", Trouble::passing("ratelimited", None)),
            ("internal_error", Trouble::in_doubt("internal_error")),
            ("fatal_error", Trouble::in_doubt("fatal_error")),
            ("service_unavailable", Trouble::in_doubt("service_unavailable")),
            ("request_timeout", Trouble::in_doubt("request_timeout")),
            ("invalid_auth", lasting("401 invalid_auth")),
            ("token_revoked", lasting("401 token_revoked")),
            ("not_authed", lasting("401 not_authed")),
            ("account_inactive", lasting("401 account_inactive")),
            ("token_expired", lasting("401 token_expired")),
            ("channel_not_found", lasting("channel_not_found")),
            ("not_in_channel", lasting("not_in_channel")),
            ("message_not_found", lasting("message_not_found")),
            ("cant_update_message", lasting("cant_update_message")),
            ("edit_window_closed", lasting("edit_window_closed")),
            ("one that is new, xoxb-1: <b>", lasting("onethatisnewxoxb1b")),
            ("", lasting("refused without a reason")),
        ] {
            let body = json!({ "ok": false, "error": error }).to_string();
            assert_eq!(says(&body), Err(trouble), "{error}");
        }
    }

    #[test]
    fn a_page_of_somebody_elses_leaves_open_what_has_happened() {
        for body in ["", "<html>Sign in</html>", "[]", r#"{"error":"x"}"#] {
            let trouble = says(body).unwrap_err();
            assert!(trouble.ambiguous, "{trouble:?}");
        }
    }
}
