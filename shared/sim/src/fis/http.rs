//! The fake FIS behind the REST-JSON API of the real one, so that an AWS client can talk to it.
//!
//! | a fault of the fake | over HTTP |
//! |---|---|
//! | [`Outcome::Refuse`](crate::channels::Outcome::Refuse) | 403 `AccessDeniedException` |
//! | [`Outcome::HangAfterAccepting`](crate::channels::Outcome::HangAfterAccepting) | no answer |
//!
//! Unverified: what AWS answers when an experiment that is over is stopped. Here it is a `ValidationException`, the
//! harder case. Signatures are not checked.

use std::{future::pending, io};

use http_body_util::{BodyExt, Full, Limited};
use hyper::{
    Method, Request, Response,
    body::{Bytes, Incoming},
    header::CONTENT_TYPE,
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use watchkeeper_domain::{
    experiment::{Order, Ordered},
    failure::Failure,
    ports::{Experiments, Starts, Stops},
};

use super::{Fis, document};

/// The most that is taken of a request, in bytes.
const LIMIT: usize = 1024 * 1024;
/// How much a page has: so little that whoever reads one page only is seen.
const PAGE: usize = 2;

/// The server. It ends with the runtime that it was started on.
#[derive(Clone, Debug)]
pub struct Server {
    /// Its address, without a slash at the end: the `endpoint_url` of a client.
    pub endpoint: String,
}

/// What is answered: JSON, or why not.
type Answer = Result<Value, Refusal>;

enum Refusal {
    /// Status, code, message.
    Error(u16, String, String),
    /// No answer at all.
    Silence,
}

impl Server {
    /// Serves `fis` on a free port.
    ///
    /// # Errors
    /// When no port can be bound.
    pub async fn start(fis: Fis) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let endpoint = format!("http://{}", listener.local_addr()?);
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                let fis = fis.clone();
                let service = service_fn(move |request| respond(fis.clone(), request));
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(connection), service));
            }
        });
        Ok(Self { endpoint })
    }
}

async fn respond(fis: Fis, request: Request<Incoming>) -> io::Result<Response<Full<Bytes>>> {
    let (head, body) = request.into_parts();
    let body = Limited::new(body, LIMIT).collect().await.map_err(io::Error::other)?.to_bytes();
    let path: Vec<_> = head.uri.path().trim_matches('/').split('/').collect();
    let page = Page::of(head.uri.query().unwrap_or_default());
    let response = Response::builder().header(CONTENT_TYPE, "application/json");
    let response = match answer(&fis, &head.method, &path, page, &body).await {
        Ok(json) => response.body(json.to_string().into()),
        Err(Refusal::Error(status, code, message)) => response
            .status(status)
            .header("x-amzn-errortype", code)
            .body(json!({ "message": message }).to_string().into()),
        Err(Refusal::Silence) => pending().await,
    };
    response.map_err(io::Error::other)
}

async fn answer(fis: &Fis, method: &Method, path: &[&str], page: Page, body: &[u8]) -> Answer {
    match (method.as_str(), path) {
        ("GET", ["experimentTemplates"]) => {
            let all: Vec<_> = fis.templates().await?.iter().map(document::template_summary).collect();
            page.of_list("experimentTemplates", all)
        }
        ("GET", ["experimentTemplates", id]) => {
            let template = fis.template(id).await?.ok_or_else(|| not_found(id))?;
            Ok(json!({ "experimentTemplate": template }))
        }
        ("POST", ["experiments"]) => start(fis, body).await,
        ("GET", ["experiments"]) => {
            let all: Vec<_> = fis.experiments().await?.iter().map(document::summary).collect();
            page.of_list("experiments", all)
        }
        ("GET", ["experiments", id]) => {
            fis.experiment(id).await?.ok_or_else(|| not_found(id))?;
            experiment(fis, id)
        }
        ("DELETE", ["experiments", id]) => stop(fis, id).await,
        ("GET", ["experiments", id, "resolvedTargets"]) => {
            fis.document(id).ok_or_else(|| not_found(id))?;
            let all: Vec<_> = fis.resolved(id).await?.iter().map(document::target).collect();
            page.of_list("resolvedTargets", all)
        }
        ("GET", ["safetyLevers", "default"]) => Ok(document::lever(&fis.lever().await?)),
        _ => Err(refusal(404, "UnknownOperationException", "there is no such operation here")),
    }
}

async fn start(fis: &Fis, body: &[u8]) -> Answer {
    let body: Value = serde_json::from_slice(body).map_err(|_| invalid("the body is no JSON"))?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let tags = body["tags"].as_object().into_iter().flatten();
    let order = Order {
        template: text(&body["experimentTemplateId"]),
        token: text(&body["clientToken"]),
        skips_actions: body["experimentOptions"]["actionsMode"] == "skip-all",
        tags: tags.map(|(key, value)| (key.clone(), text(value))).collect(),
    };
    match fis.start(&order).await? {
        Ordered::Accepted(id) => experiment(fis, &id),
        Ordered::Rejected(words) => {
            let (code, message) = words.split_once(": ").unwrap_or((&words, ""));
            let status = match code {
                "ResourceNotFoundException" => 404,
                "ServiceQuotaExceededException" => 402,
                "ConflictException" => 409,
                _ => 400,
            };
            Err(refusal(status, code, message))
        }
    }
}

async fn stop(fis: &Fis, id: &str) -> Answer {
    let was_over = fis.runs().iter().any(|run| run.listed.id == id && run.listed.status.is_terminal());
    fis.stop(id).await?;
    let stopped = experiment(fis, id)?;
    if was_over { Err(invalid("the experiment is over")) } else { Ok(stopped) }
}

fn experiment(fis: &Fis, id: &str) -> Answer {
    let document = fis.document(id).ok_or_else(|| not_found(id))?;
    Ok(json!({ "experiment": document }))
}

/// Which part of a list is wanted.
struct Page {
    from: Option<usize>,
    most: Option<usize>,
}

impl Page {
    fn of(query: &str) -> Self {
        let parameter = |name: &str, default: usize| {
            let value = form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == name);
            value.map_or(Some(default), |(_, value)| value.parse().ok())
        };
        Self { from: parameter("nextToken", 0), most: parameter("maxResults", 100) }
    }

    /// The page of `all`, under the name `list`.
    fn of_list(&self, list: &str, all: Vec<Value>) -> Answer {
        let (Some(from), Some(most @ 1..=100)) = (self.from, self.most) else {
            return Err(invalid("nextToken or maxResults"));
        };
        let end = from.saturating_add(most.min(PAGE));
        let next = (end < all.len()).then(|| end.to_string());
        let items: Vec<_> = all.into_iter().skip(from).take(end - from).collect();
        Ok(match next {
            Some(next) => json!({ list: items, "nextToken": next }),
            None => json!({ list: items }),
        })
    }
}

/// A fault that was asked for.
impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        if failure.ambiguous {
            Self::Silence
        } else {
            refusal(403, "AccessDeniedException", &failure.chain())
        }
    }
}

fn invalid(message: &str) -> Refusal {
    refusal(400, "ValidationException", message)
}

fn not_found(id: &str) -> Refusal {
    refusal(404, "ResourceNotFoundException", &format!("there is no {id}"))
}

fn refusal(status: u16, code: &str, message: &str) -> Refusal {
    Refusal::Error(status, code.to_owned(), message.to_owned())
}
