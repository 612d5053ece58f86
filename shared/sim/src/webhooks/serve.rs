//! The HTTP around it.

use std::{future::pending, io};

use http_body_util::{BodyExt, Full, Limited};
use hyper::{
    Request, Response, StatusCode,
    body::{Bytes, Incoming},
    header::{AUTHORIZATION, RETRY_AFTER},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

use super::{Answer, End, Server};

/// The most that is taken of a request, in bytes.
const LIMIT: usize = 4 * 1024 * 1024;

pub(super) async fn serve(listener: TcpListener, server: Server) {
    while let Ok((connection, _)) = listener.accept().await {
        let server = server.clone();
        let service = service_fn(move |request| answer(server.clone(), request));
        let connection = http1::Builder::new().serve_connection(TokioIo::new(connection), service);
        tokio::spawn(connection);
    }
}

/// An error closes the connection without an answer.
async fn answer(server: Server, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, io::Error> {
    let (head, body) = request.into_parts();
    let bearer =
        head.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    let body = Limited::new(body, LIMIT).collect().await.map_err(io::Error::other)?.to_bytes();
    match server.take(head.uri.path(), bearer, &body) {
        End::Answer(answer) => response(answer),
        End::Hang => pending().await,
        End::Cut => Err(io::ErrorKind::ConnectionAborted.into()),
    }
}

fn response(answer: Answer) -> Result<Response<Full<Bytes>>, io::Error> {
    let status = StatusCode::from_u16(answer.status).map_err(io::Error::other)?;
    let mut response = Response::builder().status(status);
    if let Some(seconds) = answer.retry_after {
        response = response.header(RETRY_AFTER, seconds);
    }
    response.body(Full::new(Bytes::from(answer.body))).map_err(io::Error::other)
}
