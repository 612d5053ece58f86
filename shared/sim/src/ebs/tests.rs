//! Through the real client, which is told to try once.

mod faults;
mod read;
mod write;

use aws_sdk_ebs::{
    Client, Config,
    config::{BehaviorVersion, Credentials, Region, retry::RetryConfig, timeout::TimeoutConfig},
    error::{ProvideErrorMetadata, SdkError},
    operation::{
        complete_snapshot::{CompleteSnapshotError, CompleteSnapshotOutput},
        list_snapshot_blocks::ListSnapshotBlocksOutput,
        put_snapshot_block::{PutSnapshotBlockError, PutSnapshotBlockOutput},
        start_snapshot::{StartSnapshotError, builders::StartSnapshotFluentBuilder},
    },
    primitives::ByteStream,
    types::{Block, ChecksumAggregationMethod, ChecksumAlgorithm},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::*;

/// A server, and the real client of it.
struct Estate {
    clock: Clock,
    store: Store,
    client: Client,
}

type Answer<T, E> = Result<T, SdkError<E>>;

impl Estate {
    async fn new() -> Self {
        let clock = Clock::at("2026-11-20T02:00:00Z".parse::<Timestamp>().unwrap());
        let server = Server::start(clock.clone()).await.unwrap();
        let config = Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-central-1"))
            .credentials_provider(Credentials::new("AKIDEXAMPLE", "secret", None, None, "test"))
            .retry_config(RetryConfig::disabled())
            .timeout_config(TimeoutConfig::disabled())
            .endpoint_url(&server.endpoint)
            .build();
        Self { clock, store: server.store(), client: Client::from_conf(config) }
    }

    fn start(&self, size_gib: i64) -> StartSnapshotFluentBuilder {
        self.client.start_snapshot().volume_size(size_gib)
    }

    /// Starts a snapshot of 1 GiB.
    async fn started(&self) -> String {
        id(self.start(1).send().await)
    }

    async fn put(
        &self,
        id: &str,
        index: i32,
        byte: u8,
    ) -> Answer<PutSnapshotBlockOutput, PutSnapshotBlockError> {
        let data = data(byte);
        let checksum = STANDARD.encode(Sha256::digest(&data));
        self.put_raw(id, index, data, &checksum).await
    }

    async fn put_raw(
        &self,
        id: &str,
        index: i32,
        data: Vec<u8>,
        checksum: &str,
    ) -> Answer<PutSnapshotBlockOutput, PutSnapshotBlockError> {
        let put = self.client.put_snapshot_block().snapshot_id(id).block_index(index);
        let put = put.data_length(BLOCK_SIZE as i32).checksum(checksum);
        put.checksum_algorithm(ChecksumAlgorithm::ChecksumAlgorithmSha256)
            .block_data(ByteStream::from(data))
            .send()
            .await
    }

    async fn complete(&self, id: &str, count: i32) -> Answer<CompleteSnapshotOutput, CompleteSnapshotError> {
        self.client.complete_snapshot().snapshot_id(id).changed_blocks_count(count).send().await
    }

    async fn complete_with(
        &self,
        id: &str,
        count: i32,
        checksum: &str,
    ) -> Answer<CompleteSnapshotOutput, CompleteSnapshotError> {
        self.client
            .complete_snapshot()
            .snapshot_id(id)
            .changed_blocks_count(count)
            .checksum(checksum)
            .checksum_algorithm(ChecksumAlgorithm::ChecksumAlgorithmSha256)
            .checksum_aggregation_method(ChecksumAggregationMethod::ChecksumAggregationLinear)
            .send()
            .await
    }

    async fn listed(&self, id: &str) -> ListSnapshotBlocksOutput {
        self.client.list_snapshot_blocks().snapshot_id(id).send().await.unwrap()
    }

    /// The first byte of a block, by its token, and whether its checksum is right.
    async fn get(&self, id: &str, block: &Block) -> Result<(u8, bool), String> {
        let get = self.client.get_snapshot_block().snapshot_id(id);
        let get = get.block_index(block.block_index().unwrap()).block_token(block.block_token().unwrap());
        let got = get.send().await.map_err(refusal)?;
        assert_eq!(got.data_length(), Some(BLOCK_SIZE as i32));
        let checksum = got.checksum().unwrap().to_owned();
        let data = got.block_data.collect().await.map_err(|error| error.to_string())?.into_bytes();
        assert_eq!(data.len(), BLOCK_SIZE);
        Ok((data[0], STANDARD.encode(Sha256::digest(&data)) == checksum))
    }

    /// A completed snapshot of 1 GiB with blocks full of these bytes by index.
    fn import(&self, blocks: impl IntoIterator<Item = (u32, u8)>) -> String {
        self.store.import_blocks(1, blocks.into_iter().map(|(index, byte)| (index, data(byte)))).unwrap()
    }

    fn state(&self, id: &str) -> SnapshotState {
        self.store.snapshot(id).unwrap().state
    }
}

fn data(byte: u8) -> Vec<u8> {
    vec![byte; BLOCK_SIZE]
}

fn id(
    started: Answer<aws_sdk_ebs::operation::start_snapshot::StartSnapshotOutput, StartSnapshotError>,
) -> String {
    started.unwrap().snapshot_id.unwrap()
}

/// The linear aggregate of blocks full of these bytes.
fn aggregate(bytes: &[u8]) -> String {
    let sums = bytes.iter().map(|byte| Sha256::digest(data(*byte)));
    STANDARD.encode(sums.fold(Sha256::new(), |all, sum| all.chain_update(sum)).finalize())
}

/// `409 ConflictException`, and the reason if there is one.
fn refusal<E: ProvideErrorMetadata + std::fmt::Debug>(error: SdkError<E>) -> String {
    let Some(raw) = error.raw_response() else { return format!("no answer: {error:?}") };
    let body: serde_json::Value = serde_json::from_slice(raw.body().bytes().unwrap()).unwrap();
    let reason = body["Reason"].as_str().map(|reason| format!(" {reason}")).unwrap_or_default();
    format!("{} {}{reason}", raw.status().as_u16(), error.code().unwrap_or("?"))
}

fn refused<T: std::fmt::Debug, E: ProvideErrorMetadata + std::fmt::Debug>(answer: Answer<T, E>) -> String {
    refusal(answer.unwrap_err())
}
