//! A server on this machine that holds what it is given, and misbehaves on request.

use std::{
    collections::{BTreeMap, VecDeque},
    future::pending,
    io,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll},
    time::Duration,
};

use hyper::{
    Request, Response,
    body::{Body, Bytes, Frame, Incoming, SizeHint},
    header::{AUTHORIZATION, CONTENT_LENGTH},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use sha1::{Digest, Sha1};
use tokio::{net::TcpListener, time::timeout};

/// The server. It ends with the runtime of its test. Clones share it.
#[derive(Clone)]
pub(super) struct Server {
    pub base: String,
    state: Arc<Mutex<State>>,
}

/// How a request is answered.
#[derive(Clone, Debug)]
pub(super) enum Reply {
    Body(Vec<u8>),
    /// Without `Content-Length`.
    Unannounced(Vec<u8>),
    Status(u16),
    /// With a status and a header.
    With(u16, &'static str, String),
    /// With the first bytes only: then nothing more.
    Stall(Vec<u8>),
    /// With the first bytes only: then the connection is closed.
    Cut(Vec<u8>),
    /// Never.
    Hang,
}

/// A request that came.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Asked {
    pub target: String,
    pub authorization: Option<String>,
    pub protocol: Option<String>,
}

#[derive(Default)]
struct State {
    files: BTreeMap<String, Reply>,
    script: BTreeMap<String, VecDeque<Reply>>,
    asked: Vec<Asked>,
    delay: Duration,
    now: usize,
    most: usize,
}

impl Server {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let server = Self { base, state: Arc::default() };
        tokio::spawn(serve(listener, server.clone()));
        server
    }

    /// Answers `target` (path and query) so, from now on.
    pub(super) fn put(&self, target: &str, reply: Reply) {
        self.with(|state| state.files.insert(target.to_owned(), reply));
    }

    /// A file with its `.sha1`.
    pub(super) fn file(&self, target: &str, bytes: &[u8]) {
        self.put(target, Reply::Body(bytes.to_vec()));
        self.put(&format!("{target}.sha1"), Reply::Body(sha1(bytes).into_bytes()));
    }

    /// Answers the next requests for `target` so, and then as before.
    pub(super) fn script(&self, target: &str, replies: impl IntoIterator<Item = Reply>) {
        self.with(|state| state.script.entry(target.to_owned()).or_default().extend(replies));
    }

    pub(super) fn delay(&self, delay: Duration) {
        self.with(|state| state.delay = delay);
    }

    pub(super) fn asked(&self) -> Vec<Asked> {
        self.with(|state| state.asked.clone())
    }

    /// The targets of the requests so far.
    pub(super) fn targets(&self) -> Vec<String> {
        self.asked().into_iter().map(|asked| asked.target).collect()
    }

    pub(super) fn count(&self, target: &str) -> usize {
        self.targets().iter().filter(|it| *it == target).count()
    }

    /// The most requests that were under way at the same time.
    pub(super) fn most(&self) -> usize {
        self.with(|state| state.most)
    }

    fn with<T>(&self, look: impl FnOnce(&mut State) -> T) -> T {
        look(&mut self.state.lock().unwrap())
    }
}

/// The SHA-1 of `bytes`, in hexadecimal.
pub(super) fn sha1(bytes: &[u8]) -> String {
    Sha1::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

async fn serve(listener: TcpListener, server: Server) {
    while let Ok((connection, _)) = listener.accept().await {
        let server = server.clone();
        let service = service_fn(move |request| answer(server.clone(), request));
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(connection), service));
    }
}

async fn answer(server: Server, request: Request<Incoming>) -> io::Result<Response<Piece>> {
    let target = request.uri().path_and_query().unwrap().to_string();
    let header = |name| {
        request
            .headers()
            .get(name)
            .map(|value: &hyper::header::HeaderValue| value.to_str().unwrap().to_owned())
    };
    let asked = Asked {
        target: target.clone(),
        authorization: header(AUTHORIZATION.as_str()),
        protocol: header("x-nexus-migration-protocol-version"),
    };
    let (reply, delay) = server.with(|state| {
        state.asked.push(asked);
        state.now += 1;
        state.most = state.most.max(state.now);
        let scripted = state.script.get_mut(&target).and_then(VecDeque::pop_front);
        (scripted.or_else(|| state.files.get(&target).cloned()), state.delay)
    });
    let _ = timeout(delay, pending::<()>()).await;
    server.with(|state| state.now -= 1);
    respond(reply.unwrap_or(Reply::Status(404))).await
}

async fn respond(reply: Reply) -> io::Result<Response<Piece>> {
    let response = Response::builder();
    let announced = |bytes: &[u8]| Response::builder().header(CONTENT_LENGTH, bytes.len() + 10);
    let response = match reply {
        Reply::Body(bytes) => {
            response.header(CONTENT_LENGTH, bytes.len()).body(Piece(Some(bytes.into()), End::Whole))
        }
        Reply::Unannounced(bytes) => response.body(Piece(Some(bytes.into()), End::Whole)),
        Reply::Status(status) => response.status(status).body(Piece(None, End::Whole)),
        Reply::With(status, name, value) => {
            response.status(status).header(name, value).body(Piece(None, End::Whole))
        }
        Reply::Stall(bytes) => announced(&bytes).body(Piece(Some(bytes.into()), End::Never)),
        Reply::Cut(bytes) => announced(&bytes).body(Piece(Some(bytes.into()), End::Broken)),
        Reply::Hang => pending().await,
    };
    response.map_err(io::Error::other)
}

/// One piece of a body, and what comes after it.
struct Piece(Option<Bytes>, End);

enum End {
    Whole,
    Never,
    Broken,
}

impl Body for Piece {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        match (self.0.take(), &self.1) {
            (Some(bytes), _) => Poll::Ready(Some(Ok(Frame::data(bytes)))),
            (None, End::Whole) => Poll::Ready(None),
            (None, End::Never) => Poll::Pending,
            (None, End::Broken) => Poll::Ready(Some(Err(io::ErrorKind::ConnectionAborted.into()))),
        }
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}
