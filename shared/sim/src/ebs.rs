//! A strict fake of the EBS direct APIs over HTTP, with snapshots in memory.
//!
//! It follows the EBS direct APIs Reference (2019-11-02), the AWS service model of that date (limits of parameters,
//! HTTP statuses) and the user guide (`ebsapi-elements`, `ebsapi-faq`, `ebs-direct-api-idempotency`). AWS doesn't say
//! everything. What is a guess here, on the strict side:
//!
//! | question | here |
//! |---|---|
//! | which `Reason` goes with which refusal | see the code; `Failed to read block data` has been seen in AWS |
//! | reading or a child of a snapshot that is not `completed` | `ValidationException`, `INVALID_SNAPSHOT_ID` |
//! | Put or Complete on one that is sealed, completed or cancelled | the same |
//! | Start with the token of a cancelled snapshot | brings back the cancelled snapshot, and no new one |
//! | the 101st pending snapshot | `ServiceQuotaExceededException` |
//! | too many Start or Complete | `ThrottlingException`; of the others, `RequestThrottledException` |
//! | no `MaxResults` | 10,000 |
//! | whether "another List request" kills the block tokens of the earlier one | yes, unless it asks for the next page |
//! | Complete with a wrong count or checksum | refused, and the snapshot stays `pending` |
//!
//! Not checked: signatures, KMS keys, the account's encryption by default.

mod answer;
mod archive;
mod gate;
mod image;
mod quota;
mod read;
mod refusal;
mod request;
mod script;
mod serve;
mod snapshot;
mod store;
#[cfg(test)]
mod tests;
mod token;
mod write;

use std::io;

use tokio::net::TcpListener;

pub use self::{
    image::Damage,
    quota::Quotas,
    script::{Counters, Fault, Operation, Settings},
    snapshot::{Snapshot, SnapshotState},
    store::Store,
};
use crate::clock::Clock;

/// The size of a block in bytes, the only one that there is (`PutSnapshotBlock`, `DataLength`).
pub const BLOCK_SIZE: usize = 512 * 1024;

/// The server. It ends with the runtime that it was started on. Clones share it.
#[derive(Clone, Debug)]
pub struct Server {
    /// Its address, without a slash at the end: the `endpoint_url` of a client.
    pub endpoint: String,
    store: Store,
}

impl Server {
    /// Starts it on a free port. Snapshots and tokens age by `clock`; latency and quotas go by the real time.
    ///
    /// # Errors
    /// When no port can be bound.
    pub async fn start(clock: Clock) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let endpoint = format!("http://{}", listener.local_addr()?);
        let store = Store::new(clock);
        tokio::spawn(serve::serve(listener, store.clone()));
        Ok(Self { endpoint, store })
    }

    /// What is behind it.
    pub fn store(&self) -> Store {
        self.store.clone()
    }
}
