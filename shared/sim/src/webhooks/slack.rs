//! Slack as it answers (Slack API documentation, "Sending messages using incoming webhooks", `chat.postMessage`,
//! `chat.update`), with the limits of Block Kit that matter to us.

use serde_json::{Value, json};

use super::Answer;

/// A message of a bot that is not a reply.
#[derive(Clone, Debug, PartialEq)]
pub struct Posted {
    /// Its channel.
    pub channel: String,
    /// Its id.
    pub ts: String,
    /// What it said first.
    pub body: Value,
    /// What it was edited to, in order.
    pub edits: Vec<Value>,
    /// The replies in its thread, in order.
    pub replies: Vec<Value>,
}

#[derive(Debug, Default)]
pub(super) struct Posts {
    all: Vec<Posted>,
    last: u32,
}

impl Posts {
    pub(super) fn all(&self) -> &[Posted] {
        &self.all
    }

    pub(super) fn post(&mut self, bearer: Option<&str>, body: Value) -> Answer {
        let channel = match allowed(bearer, &body) {
            Ok(channel) => channel,
            Err(code) => return error(code),
        };
        self.last += 1;
        let ts = format!("1795132800.{:06}", self.last);
        let answer = json!({ "ok": true, "channel": channel, "ts": ts, "message": { "ts": ts } });
        match body["thread_ts"].as_str() {
            Some(first) => match self.find(&channel, first) {
                Some(first) => first.replies.push(body),
                None => return error("thread_not_found"),
            },
            None => self.all.push(Posted { channel, ts, body, edits: vec![], replies: vec![] }),
        }
        Answer::new(200, answer.to_string())
    }

    pub(super) fn update(&mut self, bearer: Option<&str>, body: Value) -> Answer {
        let channel = match allowed(bearer, &body) {
            Ok(channel) => channel,
            Err(code) => return error(code),
        };
        let ts = body["ts"].as_str().unwrap_or_default().to_owned();
        let Some(first) = self.find(&channel, &ts) else { return error("message_not_found") };
        first.edits.push(body);
        Answer::new(200, json!({ "ok": true, "channel": channel, "ts": ts, "text": "" }).to_string())
    }

    fn find(&mut self, channel: &str, ts: &str) -> Option<&mut Posted> {
        self.all.iter_mut().find(|it| it.channel == channel && it.ts == ts)
    }
}

/// The channel, or why not.
fn allowed(bearer: Option<&str>, body: &Value) -> Result<String, &'static str> {
    if bearer.is_none_or(str::is_empty) {
        return Err("not_authed");
    }
    let channel = body["channel"].as_str().filter(|it| !it.is_empty()).ok_or("channel_not_found")?;
    flaw(body).map_or_else(|| Ok(channel.to_owned()), Err)
}

/// An incoming webhook.
pub(super) fn hook(body: &Value) -> Answer {
    match flaw(body) {
        Some(code) => Answer::new(400, code),
        None => Answer::new(200, "ok"),
    }
}

/// A workflow: flat variables of text.
pub(super) fn workflow(body: &Value) -> Answer {
    let is_flat = body.as_object().is_some_and(|it| it.values().all(Value::is_string));
    if is_flat {
        Answer::new(200, json!({ "ok": true }).to_string())
    } else {
        Answer::new(400, "invalid_workflow_input")
    }
}

/// What is wrong with a message, if anything.
fn flaw(body: &Value) -> Option<&'static str> {
    let blocks = body["blocks"].as_array().map(Vec::as_slice).unwrap_or_default();
    let text = body["text"].as_str().unwrap_or_default();
    let header = |block: &Value| block["type"] == "header" && characters(&block["text"]["text"]) > 150;
    let section = |block: &Value| block["type"] == "section" && characters(&block["text"]["text"]) > 3_000;
    match () {
        () if text.is_empty() && blocks.is_empty() => Some("no_text"),
        () if blocks.len() > 50 || blocks.iter().any(|it| header(it) || section(it)) => {
            Some("invalid_blocks")
        }
        () if Value::from(blocks).to_string().chars().count() > 13_200 => Some("msg_blocks_too_long"),
        () => None,
    }
}

fn characters(text: &Value) -> usize {
    text.as_str().unwrap_or_default().chars().count()
}

/// A refusal by its code, as `path` gives it.
pub(super) fn refusal(path: &str, code: &str) -> Answer {
    if path.starts_with("/api/") {
        return error(code);
    }
    let status = match code {
        "action_prohibited" | "invalid_token" => 403,
        "channel_not_found" | "no_active_hooks" | "no_service" | "no_team" | "team_disabled" => 404,
        "channel_is_archived" => 410,
        _ => 400,
    };
    Answer::new(status, code)
}

pub(super) fn is_refusal(answer: &Answer) -> bool {
    answer.body.starts_with(r#"{"error":"#)
}

fn error(code: &str) -> Answer {
    Answer::new(200, json!({ "error": code, "ok": false }).to_string())
}
