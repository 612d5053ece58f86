//! The HTTP around it.

use std::{future::pending, io};

use http_body_util::{BodyExt, Limited};
use hyper::{Request, Response, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

use super::{
    BLOCK_SIZE,
    answer::{self, Content},
    refusal::Refusal,
    request::{self, Route},
    script::Fault,
    store::Store,
};

/// The most that is read of a request, in bytes: more than a block, so that one that is too long can be refused.
const LIMIT: usize = 2 * BLOCK_SIZE;

pub(super) async fn serve(listener: TcpListener, store: Store) {
    while let Ok((connection, _)) = listener.accept().await {
        // Without it an answer may wait for an acknowledgement of its beginning.
        let _ = connection.set_nodelay(true);
        let store = store.clone();
        let service = service_fn(move |request| answer(store.clone(), request));
        let connection = http1::Builder::new().serve_connection(TokioIo::new(connection), service);
        tokio::spawn(connection);
    }
}

/// An error closes the connection without an answer.
async fn answer(store: Store, request: Request<Incoming>) -> io::Result<Response<Content>> {
    let (head, body) = request.into_parts();
    let body = Limited::new(body, LIMIT).collect().await.map_err(io::Error::other)?.to_bytes();
    let Some(route) = Route::of(&head.method, head.uri.path()) else {
        return answer::refused(&Refusal::unknown_operation());
    };
    let fault = match store.admit(&route).await {
        Ok(fault) => fault,
        Err(refusal) => return answer::refused(&refusal),
    };
    let verify = store.with(|state| state.settings.verify);
    let result = match request::read(&route, &head, body, verify) {
        Ok(call) => store.perform(route.operation, call),
        Err(refusal) => Some(Err(refusal)),
    };
    match result {
        None => pending().await,
        Some(_) if fault == Some(Fault::Lose) => pending().await,
        Some(_) if fault == Some(Fault::Cut) => Err(io::ErrorKind::ConnectionAborted.into()),
        Some(Ok(outcome)) => answer::done(&outcome, fault),
        Some(Err(refusal)) => answer::refused(&refusal),
    }
}
