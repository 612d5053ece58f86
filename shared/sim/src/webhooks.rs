//! An HTTP server on this machine that takes what webhooks take, and misbehaves on request.
//!
//! | path | in AWS and beyond |
//! |---|---|
//! | `/slack/hook…` | an incoming webhook of Slack |
//! | `/slack/workflow…` | a workflow of Slack |
//! | `/api/chat.postMessage`, `/api/chat.update` | Slack's Web API |
//! | `/teams…` | a Workflows address of Teams |
//! | `/v2/enqueue`, `/v2/change/enqueue` | PagerDuty's Events API v2 |

mod pagerduty;
mod serve;
mod slack;

use std::{
    collections::{BTreeMap, VecDeque},
    io,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use serde_json::Value;
use tokio::{net::TcpListener, time::Instant};

use self::{pagerduty::Incidents, slack::Posts};
pub use self::{
    pagerduty::{Incident, IncidentState},
    slack::Posted,
};

/// The server. It ends with the runtime that it was started on. Clones share it.
#[derive(Clone, Debug)]
pub struct Server {
    /// Its address, without a slash at the end.
    pub base: String,
    state: Arc<Mutex<State>>,
}

/// How a request ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Reply {
    /// With this status. A 2xx shows the message.
    Status(u16),
    /// With this status and so many seconds in `Retry-After`. Nothing is shown.
    RetryAfter(u16, u32),
    /// Never: the message is shown, and the connection stays open.
    Hang,
    /// With a closed connection: the message is shown.
    CutAfterAccepting,
    /// With an error of Slack's, by its code: in a 200 of the Web API, in a 4xx of a webhook. Nothing is shown.
    SlackError(&'static str),
}

/// What a path has seen.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Count {
    /// All requests.
    pub requests: usize,
    /// Those that were shown.
    pub shown: usize,
    /// Those that came too fast, and were answered with 429.
    pub too_fast: usize,
}

#[derive(Debug, Default)]
struct State {
    paths: BTreeMap<String, Path>,
    per_second: Option<usize>,
    posts: Posts,
    incidents: Incidents,
}

#[derive(Debug, Default)]
struct Path {
    shown: Vec<Value>,
    script: VecDeque<Reply>,
    count: Count,
    recent: VecDeque<Instant>,
}

/// What is answered: a status, headers, a body.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Answer {
    status: u16,
    retry_after: Option<u32>,
    body: String,
}

/// What a request comes to.
#[derive(Clone, Debug, Eq, PartialEq)]
enum End {
    Answer(Answer),
    Hang,
    Cut,
}

impl Server {
    /// Starts it on a free port.
    ///
    /// # Errors
    /// When no port can be bound.
    pub async fn start() -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let base = format!("http://{}", listener.local_addr()?);
        let server = Self { base, state: Arc::default() };
        tokio::spawn(serve::serve(listener, server.clone()));
        Ok(server)
    }

    /// The bodies that `path` has accepted, in order.
    pub fn shown(&self, path: &str) -> Vec<Value> {
        self.with(|state| state.paths.get(path).map(|path| path.shown.clone()).unwrap_or_default())
    }

    /// Makes the next requests to `path` end so, in this order. After them all is well again.
    pub fn script(&self, path: &str, replies: impl IntoIterator<Item = Reply>) {
        self.with(|state| state.paths.entry(path.to_owned()).or_default().script.extend(replies));
    }

    /// Answers every path with 429 and `Retry-After: 1` from the next request on that is more than `requests` within
    /// one second.
    pub fn allow_per_second(&self, requests: usize) {
        self.with(|state| state.per_second = Some(requests));
    }

    /// What each path has seen.
    pub fn counts(&self) -> BTreeMap<String, Count> {
        self.with(|state| state.paths.iter().map(|(path, it)| (path.clone(), it.count)).collect())
    }

    /// The first messages of threads that a bot has posted, each with its edits and replies.
    pub fn posted(&self) -> Vec<Posted> {
        self.with(|state| state.posts.all().to_vec())
    }

    /// The incidents that PagerDuty would have, the oldest first.
    pub fn incidents(&self) -> Vec<Incident> {
        self.with(|state| state.incidents.all().to_vec())
    }

    fn with<T>(&self, look: impl FnOnce(&mut State) -> T) -> T {
        look(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes a request that has come to its end.
    fn take(&self, path: &str, bearer: Option<&str>, body: &[u8]) -> End {
        self.with(|state| state.take(path, bearer, body))
    }
}

impl State {
    fn take(&mut self, path: &str, bearer: Option<&str>, body: &[u8]) -> End {
        let per_second = self.per_second;
        let seen = self.paths.entry(path.to_owned()).or_default();
        seen.count.requests += 1;
        if per_second.is_some_and(|limit| seen.is_too_fast(limit)) {
            seen.count.too_fast += 1;
            return End::Answer(Answer { retry_after: Some(1), ..Answer::new(429, "rate_limited") });
        }
        let reply = seen.script.pop_front();
        match reply {
            Some(Reply::Status(status)) if !(200..300).contains(&status) => {
                return End::Answer(Answer::new(status, "as scripted"));
            }
            Some(Reply::RetryAfter(status, seconds)) => {
                return End::Answer(Answer { retry_after: Some(seconds), ..Answer::new(status, "later") });
            }
            Some(Reply::SlackError(code)) => return End::Answer(slack::refusal(path, code)),
            Some(Reply::Status(_) | Reply::Hang | Reply::CutAfterAccepting) | None => {}
        }
        let answer = self.show(path, bearer, body);
        if (200..300).contains(&answer.status) && !slack::is_refusal(&answer) {
            let seen = self.paths.entry(path.to_owned()).or_default();
            seen.count.shown += 1;
            seen.shown.push(serde_json::from_slice(body).unwrap_or_default());
        }
        match reply {
            Some(Reply::Hang) => End::Hang,
            Some(Reply::CutAfterAccepting) => End::Cut,
            Some(Reply::Status(status)) => End::Answer(Answer { status, ..answer }),
            Some(Reply::RetryAfter(..) | Reply::SlackError(_)) | None => End::Answer(answer),
        }
    }

    /// What the real one would do with a request that nothing is in the way of.
    fn show(&mut self, path: &str, bearer: Option<&str>, body: &[u8]) -> Answer {
        let Ok(value) = serde_json::from_slice::<Value>(body) else {
            return Answer::new(400, "invalid_payload");
        };
        match path {
            "/api/chat.postMessage" => self.posts.post(bearer, value),
            "/api/chat.update" => self.posts.update(bearer, value),
            "/v2/enqueue" => self.incidents.enqueue(body.len(), &value),
            "/v2/change/enqueue" => pagerduty::change(body.len(), &value),
            _ if path.starts_with("/slack/hook") => slack::hook(&value),
            _ if path.starts_with("/slack/workflow") => slack::workflow(&value),
            // A Teams message has about 28 KB (Microsoft Learn, "Limits and specifications for Microsoft Teams").
            _ if path.starts_with("/teams") && body.len() > 28 * 1024 => {
                Answer::new(413, "RequestEntityTooLarge")
            }
            _ if path.starts_with("/teams") => Answer::new(202, ""),
            _ => Answer::new(404, "no_such_path"),
        }
    }
}

impl Path {
    fn is_too_fast(&mut self, limit: usize) -> bool {
        let now = Instant::now();
        self.recent.retain(|then| now.duration_since(*then) < Duration::from_secs(1));
        let is_too_fast = self.recent.len() >= limit;
        if !is_too_fast {
            self.recent.push_back(now);
        }
        is_too_fast
    }
}

impl Answer {
    fn new(status: u16, body: impl Into<String>) -> Self {
        Self { status, retry_after: None, body: body.into() }
    }
}
