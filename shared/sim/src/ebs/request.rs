//! What is asked: paths, headers, queries and bodies become calls.

use std::{collections::BTreeMap, str::FromStr, sync::Arc};

use base64::{Engine, engine::general_purpose::STANDARD};
use hyper::{Method, body::Bytes, http::request::Parts};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::{
    BLOCK_SIZE,
    refusal::Refusal,
    script::Operation,
    snapshot::{Block, Checksum},
};

/// The operation that a path stands for, and what it names. Empty where it names nothing.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Route<'a> {
    pub operation: Operation,
    pub snapshot: &'a str,
    index: &'a str,
}

impl<'a> Route<'a> {
    pub fn of(method: &Method, path: &'a str) -> Option<Self> {
        let path: Vec<_> = path.split('/').collect();
        let (operation, snapshot, index) = match (method.as_str(), path.as_slice()) {
            ("POST", ["", "snapshots"]) => (Operation::StartSnapshot, "", ""),
            ("POST", ["", "snapshots", "completion", id]) => (Operation::CompleteSnapshot, *id, ""),
            ("PUT", ["", "snapshots", id, "blocks", index]) => (Operation::PutSnapshotBlock, *id, *index),
            ("GET", ["", "snapshots", id, "blocks", index]) => (Operation::GetSnapshotBlock, *id, *index),
            ("GET", ["", "snapshots", id, "blocks"]) => (Operation::ListSnapshotBlocks, *id, ""),
            ("GET", ["", "snapshots", id, "changedblocks"]) => (Operation::ListChangedBlocks, *id, ""),
            _ => return None,
        };
        Some(Self { operation, snapshot, index })
    }
}

/// A request that is well-formed.
pub(super) enum Call {
    Start(Start),
    Put { id: String, index: u32, block: Arc<Block> },
    Complete { id: String, count: usize, aggregate: Option<Checksum> },
    List { id: String, page: Page },
    Changed { first: String, second: String, page: Page },
    Get { id: String, index: u32, token: String },
}

/// The body of `StartSnapshot`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub(super) struct Start {
    pub volume_size: i64,
    pub parent_snapshot_id: Option<String>,
    #[serde(default)]
    pub tags: Vec<Tag>,
    pub description: Option<String>,
    pub client_token: Option<String>,
    pub encrypted: Option<bool>,
    pub kms_key_arn: Option<String>,
    pub timeout: Option<i64>,
}

#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub(super) struct Tag {
    pub key: String,
    pub value: String,
}

/// Which part of a listing is wanted. With a token, `start` is ignored.
pub(super) struct Page {
    pub token: Option<String>,
    pub start: u32,
    pub limit: usize,
}

/// What is asked. The data of a Put is compared with its checksum if `verify` says so.
pub(super) fn read(route: &Route<'_>, head: &Parts, body: Bytes, verify: bool) -> Result<Call, Refusal> {
    let id = route.snapshot.to_owned();
    match route.operation {
        Operation::StartSnapshot => match serde_json::from_slice(&body) {
            Ok(start) => Ok(Call::Start(start)),
            Err(error) => Err(Refusal::parameter(error.to_string())),
        },
        Operation::PutSnapshotBlock => {
            let index = number("BlockIndex", route.index)?;
            Ok(Call::Put { id, index, block: Arc::new(block(head, body, verify)?) })
        }
        Operation::CompleteSnapshot => {
            let count = number("ChangedBlocksCount", header(head, "x-amz-changedblockscount").unwrap_or(""))?;
            Ok(Call::Complete { id, count, aggregate: aggregate(head)? })
        }
        Operation::ListSnapshotBlocks => Ok(Call::List { id, page: page(&query(head))? }),
        Operation::ListChangedBlocks => {
            let mut query = query(head);
            let first = query.remove("firstSnapshotId");
            let first = first.ok_or_else(|| Refusal::parameter("FirstSnapshotId is missing."))?;
            Ok(Call::Changed { first, second: id, page: page(&query)? })
        }
        Operation::GetSnapshotBlock => {
            let index = number("BlockIndex", route.index)?;
            let token = query(head).remove("blockToken");
            let token = token.ok_or_else(|| Refusal::parameter("BlockToken is missing."))?;
            Ok(Call::Get { id, index, token })
        }
    }
}

/// The block of a Put. A body that is cut short or not what its checksum says is refused alike.
fn block(head: &Parts, data: Bytes, verify: bool) -> Result<Block, Refusal> {
    let length: usize = number("DataLength", header(head, "x-amz-data-length").unwrap_or(""))?;
    if length != BLOCK_SIZE {
        return Err(Refusal::parameter(format!("DataLength has to be {BLOCK_SIZE}.")));
    }
    if let Some(progress) = header(head, "x-amz-progress")
        && number::<u8>("Progress", progress)? > 100
    {
        return Err(Refusal::parameter("Progress has to be 0 to 100."));
    }
    algorithm(head)?;
    let claimed = checksum(header(head, "x-amz-checksum").unwrap_or(""))?;
    let is_whole = data.len() == BLOCK_SIZE;
    if !is_whole || verify && <[u8; 32]>::from(Sha256::digest(&data)) != claimed {
        return Err(Refusal::unreadable());
    }
    Ok(Block::with_checksum(data, claimed))
}

/// The checksum of a Complete, which is given with its algorithm and its method or not at all.
fn aggregate(head: &Parts) -> Result<Option<Checksum>, Refusal> {
    let method = header(head, "x-amz-checksum-aggregation-method");
    let Some(given) = header(head, "x-amz-checksum") else {
        return match method {
            Some(_) => Err(Refusal::parameter("Checksum is missing.")),
            None => Ok(None),
        };
    };
    algorithm(head)?;
    if method != Some("LINEAR") {
        return Err(Refusal::parameter("ChecksumAggregationMethod has to be LINEAR."));
    }
    checksum(given).map(Some)
}

fn algorithm(head: &Parts) -> Result<(), Refusal> {
    match header(head, "x-amz-checksum-algorithm") {
        Some("SHA256") => Ok(()),
        _ => Err(Refusal::parameter("ChecksumAlgorithm has to be SHA256.")),
    }
}

fn checksum(text: &str) -> Result<Checksum, Refusal> {
    let bytes = STANDARD.decode(text).ok().and_then(|bytes| bytes.try_into().ok());
    bytes.ok_or_else(|| Refusal::parameter("Checksum has to be a SHA-256 in base64."))
}

/// `MaxResults` is 100 to 10,000; less counts as 100 (`ebsapi-faq`).
fn page(query: &BTreeMap<String, String>) -> Result<Page, Refusal> {
    let get = |name, key| query.get(key).map(|text| number::<u32>(name, text)).transpose();
    let limit = get("MaxResults", "maxResults")?.unwrap_or(10_000).max(100);
    if limit > 10_000 {
        return Err(Refusal::parameter("MaxResults has to be 100 to 10000."));
    }
    let start = get("StartingBlockIndex", "startingBlockIndex")?.unwrap_or_default();
    Ok(Page { token: query.get("pageToken").cloned(), start, limit: limit as usize })
}

fn query(head: &Parts) -> BTreeMap<String, String> {
    form_urlencoded::parse(head.uri.query().unwrap_or_default().as_bytes()).into_owned().collect()
}

fn header<'a>(head: &'a Parts, name: &str) -> Option<&'a str> {
    head.headers.get(name)?.to_str().ok()
}

fn number<T: FromStr>(name: &str, text: &str) -> Result<T, Refusal> {
    text.parse().map_err(|_| Refusal::parameter(format!("{name} is not a number in its range.")))
}
