//! What is answered: outcomes and refusals become responses.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use hyper::{
    Response,
    body::{Body, Bytes, Frame},
    header::{CONTENT_LENGTH, CONTENT_TYPE},
    http::response::Builder,
};
use jiff::Timestamp;
use serde::Serialize;

use super::{
    BLOCK_SIZE,
    refusal::Refusal,
    script::Fault,
    snapshot::{Block, Checksum, Stored},
    token::{BLOCK_TOKEN, Token, later},
};

/// The account of all snapshots.
const OWNER: &str = "111122223333";

/// What a request comes to.
pub(super) enum Outcome {
    /// A status and JSON.
    Json(u16, String),
    /// A Put was taken.
    Taken(Checksum),
    /// A Get.
    Block(Arc<Block>),
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Listed {
    pub block_index: u32,
    pub block_token: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Changed {
    pub block_index: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_block_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub second_block_token: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Started<'a> {
    snapshot_id: &'a str,
    owner_id: &'static str,
    status: &'static str,
    start_time: i64,
    volume_size: u32,
    block_size: usize,
    tags: Vec<Tag<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent_snapshot_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kms_key_arn: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Tag<'a> {
    key: &'a str,
    value: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Listing<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    blocks: Option<&'a [Listed]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    changed_blocks: Option<&'a [Changed]>,
    expiry_time: i64,
    volume_size: u32,
    block_size: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

pub(super) fn started(id: &str, stored: &Stored, now: Timestamp) -> Result<Outcome, Refusal> {
    let started = Started {
        snapshot_id: id,
        owner_id: OWNER,
        status: stored.state(now).word(),
        start_time: stored.started_at.as_second(),
        volume_size: stored.size_gib,
        block_size: BLOCK_SIZE,
        tags: stored.tags.iter().map(|(key, value)| Tag { key, value }).collect(),
        description: stored.description.as_deref(),
        parent_snapshot_id: stored.parent.as_deref(),
        kms_key_arn: stored.kms_key.as_deref(),
    };
    json(201, &started)
}

/// The user guide shows `pending` as the answer to Complete.
pub(super) fn sealed() -> Outcome {
    Outcome::Json(202, r#"{"Status":"pending"}"#.to_owned())
}

pub(super) fn blocks(
    blocks: &[Listed],
    next: Option<&Token>,
    stored: &Stored,
    now: Timestamp,
) -> Result<Outcome, Refusal> {
    json(200, &Listing { blocks: Some(blocks), ..listing(next, stored, now) })
}

pub(super) fn changed_blocks(
    blocks: &[Changed],
    next: Option<&Token>,
    stored: &Stored,
    now: Timestamp,
) -> Result<Outcome, Refusal> {
    json(200, &Listing { changed_blocks: Some(blocks), ..listing(next, stored, now) })
}

fn listing(next: Option<&Token>, stored: &Stored, now: Timestamp) -> Listing<'static> {
    Listing {
        blocks: None,
        changed_blocks: None,
        expiry_time: later(now, BLOCK_TOKEN).as_second(),
        volume_size: stored.size_gib,
        block_size: BLOCK_SIZE,
        next_token: next.map(Token::encode),
    }
}

fn json(status: u16, value: &impl Serialize) -> Result<Outcome, Refusal> {
    let text = serde_json::to_string(value).map_err(|_| Refusal::server(500))?;
    Ok(Outcome::Json(status, text))
}

/// The response to a request that was done, made wrong by `fault`.
pub(super) fn done(outcome: &Outcome, fault: Option<Fault>) -> io::Result<Response<Content>> {
    let sum = |sum: &Checksum| match fault == Some(Fault::WrongChecksum) {
        true => STANDARD.encode(sum.map(|byte| !byte)),
        false => STANDARD.encode(sum),
    };
    let with_sum = |status, text| {
        Response::builder()
            .status(status)
            .header("x-amz-checksum", text)
            .header("x-amz-checksum-algorithm", "SHA256")
    };
    match outcome {
        Outcome::Json(status, text) => {
            let head = Response::builder().status(*status).header(CONTENT_TYPE, "application/json");
            respond(head, Bytes::from(text.clone()), fault)
        }
        Outcome::Taken(checksum) => respond(with_sum(201u16, sum(checksum)), Bytes::new(), fault),
        Outcome::Block(block) => {
            let head = with_sum(200, sum(block.checksum())).header("x-amz-data-length", block.data.len());
            respond(head.header(CONTENT_TYPE, "application/octet-stream"), block.data.clone(), fault)
        }
    }
}

pub(super) fn refused(refusal: &Refusal) -> io::Result<Response<Content>> {
    let head = Response::builder()
        .status(refusal.status)
        .header(CONTENT_TYPE, "application/json")
        .header("x-amzn-errortype", refusal.kind);
    respond(head, Bytes::from(refusal.json()), None)
}

fn respond(head: Builder, body: Bytes, fault: Option<Fault>) -> io::Result<Response<Content>> {
    let head = head.header(CONTENT_LENGTH, body.len());
    let end = match fault {
        Some(Fault::HalfThenHang) => End::Hang,
        Some(Fault::HalfThenCut) => End::CutSoon,
        _ => End::Whole,
    };
    let sent = if end == End::Whole { body.len() } else { body.len() / 2 };
    head.body(Content { data: Some(body.slice(..sent)), end }).map_err(io::Error::other)
}

/// A body that may break off.
pub(super) struct Content {
    data: Option<Bytes>,
    end: End,
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum End {
    Whole,
    Hang,
    /// After a pause, in which what came before is sent.
    CutSoon,
    Cut,
}

impl Body for Content {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        match (self.data.take(), self.end) {
            (Some(data), _) => Poll::Ready(Some(Ok(Frame::data(data)))),
            (None, End::Whole) => Poll::Ready(None),
            (None, End::Hang) => Poll::Pending,
            (None, End::CutSoon) => {
                self.end = End::Cut;
                context.waker().wake_by_ref();
                Poll::Pending
            }
            (None, End::Cut) => Poll::Ready(Some(Err(io::ErrorKind::ConnectionAborted.into()))),
        }
    }
}
