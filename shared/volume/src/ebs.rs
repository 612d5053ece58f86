//! The EBS direct APIs, reached over HTTPS.

mod lists;
mod pace;
mod retry;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use aws_config::{SdkConfig, retry::RetryConfig, timeout::TimeoutConfig};
use aws_sdk_ebs::{
    Client,
    config::http::HttpResponse,
    error::SdkError,
    operation::{get_snapshot_block::GetSnapshotBlockError, put_snapshot_block::PutSnapshotBlockError},
    primitives::ByteStream,
    types::{ChecksumAggregationMethod, ChecksumAlgorithm, Tag, ValidationExceptionReason as Invalid},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use tokio::time::Instant;
use watchkeeper_domain::failure::Failure;

use self::{
    pace::Pace,
    retry::{Call, Refused, Verdict},
};
use crate::snapshots::{
    BLOCK, Block, BlockIndex, Digest, Got, Listing, Order, Origin, SnapshotId, Snapshots,
};

/// How often a listing is begun whose page tokens expire before it ends.
const LISTINGS: usize = 3;
const LIST: &str = "list the blocks of";
const CHANGES: &str = "list the changes of";
const EXPIRED: &str = "its page tokens expire faster than its pages come";
/// How long a snapshot may be unknown after it was started.
const BIRTH: Duration = Duration::from_secs(120);

/// The EBS direct APIs of one Region. Clones share the pace, which is one for gets and one for puts.
#[derive(Clone, Debug)]
pub struct Ebs {
    client: Client,
    until: Option<Instant>,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    gets: Pace,
    puts: Pace,
    /// When the snapshots that were started here were.
    started: Mutex<BTreeMap<SnapshotId, Instant>>,
}

impl Ebs {
    /// Reaches them through `config`. The SDK retries nothing: what is repeated, and when, is said in [`Snapshots`]'s
    /// implementation for this type.
    pub fn connect(config: &SdkConfig) -> Self {
        let timeouts = TimeoutConfig::builder().connect_timeout(Duration::from_secs(2)).build();
        let config = aws_sdk_ebs::config::Builder::from(config)
            .retry_config(RetryConfig::disabled())
            .timeout_config(timeouts);
        let shared = Shared { gets: Pace::new(), puts: Pace::new(), started: Mutex::default() };
        Self { client: Client::from_conf(config.build()), until: None, shared: Arc::new(shared) }
    }

    /// The same, where every call fails that is not done once `time` is over: what is left of the invocation.
    #[must_use]
    pub fn within(&self, time: Duration) -> Self {
        Self { until: Some(Instant::now() + time), ..self.clone() }
    }

    fn call<'a>(
        &self,
        operation: &'static str,
        subject: impl Into<String>,
        pace: Option<&'a Pace>,
    ) -> Call<'a> {
        Call { operation, subject: subject.into(), pace, until: self.until, spread: 0 }
    }

    fn started(&self) -> MutexGuard<'_, BTreeMap<SnapshotId, Instant>> {
        self.shared.started.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Each attempt may take 10 s. Throttles are waited out for 2 minutes with half as many requests under way; 5xx,
/// time-outs and lost connections are tried 8 times; a put into a snapshot that was started here waits for 2 minutes
/// until EBS knows the snapshot. Nothing else is repeated.
impl Snapshots for Ebs {
    /// `ListSnapshotBlocks`, as many pages as it takes, and from the start if a page token expires (60 minutes).
    async fn list(&self, snapshot: &SnapshotId) -> Result<Listing, Failure> {
        for _ in 0..LISTINGS {
            if let Some(listing) = self.list_once(snapshot).await? {
                return Ok(listing);
            }
        }
        Err(Failure::new(LIST, snapshot.as_str(), EXPIRED))
    }

    /// `ListChangedBlocks`, in the same way.
    async fn changed(&self, parent: &SnapshotId, child: &SnapshotId) -> Result<Vec<BlockIndex>, Failure> {
        for _ in 0..LISTINGS {
            if let Some(changed) = self.changed_once(parent, child).await? {
                return Ok(changed);
            }
        }
        Err(Failure::new(CHANGES, child.as_str(), EXPIRED))
    }

    /// `GetSnapshotBlock`. A block whose SHA-256 is not the one in its header is asked for again.
    async fn get(&self, snapshot: &SnapshotId, index: BlockIndex, token: &str) -> Result<Got, Failure> {
        let request = || {
            let request = self.client.get_snapshot_block().snapshot_id(snapshot.as_str());
            let request = request.block_index(wire(index)).block_token(token);
            async move {
                let answer = match request.send().await {
                    Ok(answer) => answer,
                    Err(error) if is_stale_block(&error) => return Ok(Got::StaleToken),
                    Err(error) => return Err(Refused::new(error)),
                };
                let checksum = answer.checksum().map(str::to_owned);
                let broken = |cause: String| Refused::certain(cause).with(Verdict::Transient);
                let data = answer.block_data.collect().await.map_err(|error| broken(error.to_string()))?;
                let block = Block::new(data.into_bytes())
                    .map_err(|size| broken(format!("a block of {size} bytes")))?;
                if checksum.as_deref() != Some(STANDARD.encode(block.digest().0).as_str()) {
                    return Err(broken("its bytes don't have the checksum that came with them".into()));
                }
                Ok(Got::Block(block))
            }
        };
        let call = self.call("read", format!("block {index} of {snapshot}"), Some(&self.shared.gets));
        Call { spread: index.0, ..call }.make(request).await
    }

    /// `StartSnapshot`. Repeating it is safe: the token makes it one snapshot.
    async fn start(&self, order: &Order) -> Result<SnapshotId, Failure> {
        let subject = format!("a snapshot with the token {}", order.token);
        let request = || {
            let mut request = self.client.start_snapshot().volume_size(order.size_gib.into());
            request = request.client_token(&order.token).timeout(order.timeout_minutes.into());
            if !order.description.is_empty() {
                request = request.description(&order.description);
            }
            request = match &order.origin {
                Origin::Parent(parent) => request.parent_snapshot_id(parent.as_str()),
                Origin::Empty => request,
                Origin::Encrypted(key) => request.encrypted(true).set_kms_key_arn(key.clone()),
            };
            for (key, value) in &order.tags {
                request = request.tags(Tag::builder().key(key).value(value).build());
            }
            async move { request.send().await.map_err(Refused::new) }
        };
        let answer = self.call("start", &subject, None).make(request).await?;
        if let Some(size) = answer.block_size().filter(|size| usize::try_from(*size) != Ok(BLOCK)) {
            return Err(Failure::new("start", subject, format!("blocks of {size} bytes")).in_doubt());
        }
        let id = answer.snapshot_id().map(SnapshotId::new);
        let id = id.ok_or_else(|| Failure::new("start", subject, "an answer without its id").in_doubt())?;
        self.started().entry(id.clone()).or_insert_with(Instant::now);
        Ok(id)
    }

    /// `PutSnapshotBlock`. Repeating it is safe: the last put counts.
    async fn put(&self, snapshot: &SnapshotId, index: BlockIndex, block: &Block) -> Result<(), Failure> {
        let checksum = STANDARD.encode(block.digest().0);
        let request = || {
            let request = self.client.put_snapshot_block().snapshot_id(snapshot.as_str());
            let request = request.block_index(wire(index)).data_length(BLOCK as i32);
            let request =
                request.checksum(&checksum).checksum_algorithm(ChecksumAlgorithm::ChecksumAlgorithmSha256);
            let request = request.block_data(ByteStream::from(block.data().clone()));
            async move {
                match request.send().await {
                    Ok(_) => Ok(()),
                    Err(error) if is_unknown(&error) && self.is_young(snapshot) => {
                        Err(Refused::new(error).with(Verdict::NotYet))
                    }
                    Err(error) => Err(Refused::new(error)),
                }
            }
        };
        let call = self.call("put", format!("block {index} into {snapshot}"), Some(&self.shared.puts));
        Call { spread: index.0, ..call }.make(request).await
    }

    /// `CompleteSnapshot`. It is repeated only where the answer is lost, and then a refusal says nothing: doubt stays.
    async fn complete(&self, snapshot: &SnapshotId, blocks: u32, checksum: Digest) -> Result<(), Failure> {
        let count =
            i32::try_from(blocks).map_err(|error| Failure::new("complete", snapshot.as_str(), error))?;
        let request = || {
            let request = self.client.complete_snapshot().snapshot_id(snapshot.as_str());
            let request = request.changed_blocks_count(count).checksum(STANDARD.encode(checksum.0));
            let request = request.checksum_algorithm(ChecksumAlgorithm::ChecksumAlgorithmSha256);
            let request =
                request.checksum_aggregation_method(ChecksumAggregationMethod::ChecksumAggregationLinear);
            async move { request.send().await.map_err(Refused::new) }
        };
        self.call("complete", snapshot.as_str(), None).make(request).await?;
        Ok(())
    }
}

impl Ebs {
    fn is_young(&self, snapshot: &SnapshotId) -> bool {
        self.started().get(snapshot).is_some_and(|started| started.elapsed() < BIRTH)
    }
}

fn is_stale_block(error: &SdkError<GetSnapshotBlockError, HttpResponse>) -> bool {
    matches!(error.as_service_error(), Some(GetSnapshotBlockError::ValidationException(invalid))
        if invalid.reason() == Some(&Invalid::InvalidBlockToken))
}

fn is_unknown(error: &SdkError<PutSnapshotBlockError, HttpResponse>) -> bool {
    matches!(error.as_service_error(), Some(PutSnapshotBlockError::ResourceNotFoundException(_)))
}

fn index(wire: Option<i32>) -> Option<BlockIndex> {
    wire.and_then(|index| u32::try_from(index).ok()).map(BlockIndex)
}

/// The largest volume has 2^27 blocks.
fn wire(index: BlockIndex) -> i32 {
    i32::try_from(index.0).unwrap_or(i32::MAX)
}
