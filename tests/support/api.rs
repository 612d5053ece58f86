//! A stand-in for AWS's APIs: it answers as it is told, and remembers what it was asked.

use std::{
    collections::{BTreeMap, VecDeque},
    io,
    sync::{Arc, Mutex, PoisonError},
};

use ciborium::Value as Cbor;
use http_body_util::{BodyExt, Full};
use hyper::{
    HeaderMap, Method, Request, Response, StatusCode, Uri,
    body::{Bytes, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// The server. It ends with the test. An operation is called by its name (`DescribeEvents`), or in a REST API by method
/// and path (`POST /schedules/x`).
#[derive(Clone, Debug)]
pub struct Api {
    /// Its address, for `endpoint_url`.
    pub endpoint: String,
    script: Arc<Mutex<Script>>,
}

#[derive(Debug, Default)]
struct Script {
    answers: BTreeMap<String, VecDeque<Answer>>,
    asked: Vec<(String, Value)>,
    heads: Vec<String>,
}

#[derive(Clone, Debug)]
struct Answer {
    status: StatusCode,
    error: Option<String>,
    body: Value,
}

impl Answer {
    fn refusal(code: &str, message: &str) -> Self {
        let body = json!({ "__type": code, "message": message });
        Self { status: StatusCode::BAD_REQUEST, error: Some(code.to_owned()), body }
    }
}

impl Api {
    /// Starts it. Whatever it is not told to answer, it refuses.
    pub async fn start() -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let endpoint = format!("http://{}", listener.local_addr()?);
        let api = Self { endpoint, script: Arc::default() };
        let server = api.clone();
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                let server = server.clone();
                let service = service_fn(move |request| serve(server.clone(), request));
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(connection), service));
            }
        });
        Ok(api)
    }

    /// Answers the next call of `operation` that has no answer yet with `body`. In an API of CBOR, `{"$time": 7}` is the
    /// moment 7 s after 1970.
    pub fn answer(&self, operation: &str, body: Value) {
        self.add(operation, Answer { status: StatusCode::OK, error: None, body });
    }

    /// Refuses the next call of `operation` that has no answer yet, with HTTP 400.
    pub fn refuse(&self, operation: &str, code: &str, message: &str) {
        self.add(operation, Answer::refusal(code, message));
    }

    /// What `operation` was asked, in order.
    pub fn asked(&self, operation: &str) -> Vec<Value> {
        let script = self.script.lock().unwrap_or_else(PoisonError::into_inner);
        script.asked.iter().filter(|(name, _)| name == operation).map(|(_, body)| body.clone()).collect()
    }

    /// The first line and the headers of each call, in order: `GET /oncalls?limit=1`, `accept: …`.
    pub fn heads(&self) -> Vec<String> {
        self.script.lock().unwrap_or_else(PoisonError::into_inner).heads.clone()
    }

    /// How many calls there were.
    pub fn calls(&self) -> usize {
        self.script.lock().unwrap_or_else(PoisonError::into_inner).asked.len()
    }

    fn take(&self, head: String, operation: String, body: Value) -> Answer {
        let mut script = self.script.lock().unwrap_or_else(PoisonError::into_inner);
        script.heads.push(head);
        let told = script.answers.get_mut(&operation).and_then(VecDeque::pop_front);
        let answer = told.unwrap_or_else(|| Answer::refusal("NotTold", &operation));
        script.asked.push((operation, body));
        answer
    }

    fn add(&self, operation: &str, answer: Answer) {
        let mut script = self.script.lock().unwrap_or_else(PoisonError::into_inner);
        script.answers.entry(operation.to_owned()).or_default().push_back(answer);
    }
}

async fn serve(api: Api, request: Request<Incoming>) -> io::Result<Response<Full<Bytes>>> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    let is_cbor = head.headers.contains_key("smithy-protocol");
    let body = if is_cbor { from_cbor(&body) } else { serde_json::from_slice(&body).unwrap_or_default() };
    let headers =
        head.headers.iter().map(|(name, value)| format!("\n{name}: {}", value.to_str().unwrap_or("?")));
    let first = format!("{} {}{}", head.method, head.uri, headers.collect::<String>());
    let answer = api.take(first, operation(&head.method, &head.uri, &head.headers), body);
    let mut response = Response::builder().status(answer.status);
    if let Some(error) = answer.error {
        response = response.header("x-amzn-errortype", error);
    }
    let body = if is_cbor { to_cbor(&answer.body) } else { Bytes::from(answer.body.to_string()) };
    response.header("smithy-protocol", "rpc-v2-cbor").body(body.into()).map_err(io::Error::other)
}

fn operation(method: &Method, uri: &Uri, headers: &HeaderMap) -> String {
    let target = headers.get("x-amz-target").and_then(|it| it.to_str().ok());
    let name = target.and_then(|it| it.rsplit('.').next());
    let name = name.or_else(|| uri.path().split_once("/operation/").map(|(_, name)| name));
    name.map_or_else(|| format!("{method} {}", uri.path()), str::to_owned)
}

fn from_cbor(body: &[u8]) -> Value {
    fn json(value: Cbor) -> Value {
        match value {
            Cbor::Text(text) => text.into(),
            Cbor::Bool(yes) => yes.into(),
            Cbor::Integer(number) => i64::try_from(number).unwrap_or_default().into(),
            Cbor::Float(number) => number.into(),
            Cbor::Array(items) => items.into_iter().map(json).collect(),
            Cbor::Map(fields) => {
                let fields =
                    fields.into_iter().map(|(key, value)| (key.into_text().unwrap_or_default(), json(value)));
                Value::Object(fields.collect())
            }
            // The SDK writes seconds as a float.
            Cbor::Tag(1, time) => json!({ "$time": time.as_float().map(|time| time as i64) }),
            _ => Value::Null,
        }
    }
    ciborium::from_reader(body).map(json).unwrap_or_default()
}

fn to_cbor(body: &Value) -> Bytes {
    fn cbor(value: &Value) -> Cbor {
        match value {
            Value::Object(fields) => match fields.get("$time").and_then(Value::as_i64) {
                Some(time) => Cbor::Tag(1, Box::new(time.into())),
                None => {
                    Cbor::Map(fields.iter().map(|(key, value)| (key.clone().into(), cbor(value))).collect())
                }
            },
            Value::Array(items) => Cbor::Array(items.iter().map(cbor).collect()),
            Value::String(text) => text.clone().into(),
            Value::Bool(yes) => (*yes).into(),
            Value::Number(number) => match number.as_i64() {
                Some(number) => number.into(),
                None => number.as_f64().unwrap_or_default().into(),
            },
            Value::Null => Cbor::Null,
        }
    }
    let mut bytes = Vec::new();
    // Writing into memory does not fail.
    let _ = ciborium::into_writer(&cbor(body), &mut bytes);
    bytes.into()
}
