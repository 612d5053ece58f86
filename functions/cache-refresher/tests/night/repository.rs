//! A repository of packages on this machine.

use std::{
    collections::BTreeMap,
    future::pending,
    io,
    sync::{Arc, Mutex},
};

use http_body_util::Full;
use hyper::{
    Request, Response,
    body::{Bytes, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use sha1::Sha1;
use sha2::{Digest, Sha256};
use tokio::net::TcpListener;

/// The server. It ends with the runtime of its test. Clones share it.
#[derive(Clone)]
pub struct Repository {
    pub base: String,
    shelf: Arc<Mutex<Shelf>>,
}

#[derive(Default)]
struct Shelf {
    replies: BTreeMap<String, Reply>,
    requests: usize,
}

/// How a request is answered.
#[derive(Clone)]
pub enum Reply {
    Body(Bytes),
    Status(u16),
    Hang,
}

impl Repository {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let repository = Self { base, shelf: Arc::default() };
        tokio::spawn(serve(listener, repository.clone()));
        repository
    }

    /// Answers `path` so from now on.
    pub fn put(&self, path: &str, reply: Reply) {
        self.shelf.lock().unwrap().replies.insert(format!("/{path}"), reply);
    }

    /// A file with its `.sha1`.
    pub fn file(&self, path: &str, bytes: &[u8]) {
        self.put(path, Reply::Body(Bytes::copy_from_slice(bytes)));
        self.put(&format!("{path}.sha1"), Reply::Body(hex(&Sha1::digest(bytes)).into()));
    }

    /// The requests so far.
    pub fn requests(&self) -> usize {
        self.shelf.lock().unwrap().requests
    }

    /// A line of the feeder `list` for a file that stands here under its own path.
    pub fn line(&self, path: &str, bytes: &[u8]) -> String {
        let sha256 = hex(&Sha256::digest(bytes));
        let url = format!("{}/{path}", self.base);
        serde_json::json!({ "url": url, "path": path, "sha256": sha256, "size": bytes.len() }).to_string()
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

async fn serve(listener: TcpListener, repository: Repository) {
    while let Ok((connection, _)) = listener.accept().await {
        let repository = repository.clone();
        let service = service_fn(move |request| answer(repository.clone(), request));
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(connection), service));
    }
}

async fn answer(repository: Repository, request: Request<Incoming>) -> io::Result<Response<Full<Bytes>>> {
    let reply = {
        let mut shelf = repository.shelf.lock().unwrap();
        shelf.requests += 1;
        shelf.replies.get(request.uri().path()).cloned()
    };
    let (status, body) = match reply.unwrap_or(Reply::Status(404)) {
        Reply::Body(body) => (200, body),
        Reply::Status(status) => (status, Bytes::new()),
        Reply::Hang => pending().await,
    };
    Response::builder().status(status).body(Full::new(body)).map_err(io::Error::other)
}
