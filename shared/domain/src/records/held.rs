//! Whatever holds a table is one.

use jiff::Timestamp;
use serde::{Serialize, de::DeserializeOwned};

use super::{Effect, Entry, Key, Record, Records, Settled, Write};
use crate::failure::Failure;

/// Something that holds a table among other things, as the world of a function does.
pub trait HoldsRecords {
    /// The table.
    type Table: Records;

    /// The table.
    fn records(&self) -> &Self::Table;
}

impl<W: HoldsRecords> Records for W {
    async fn read<S: DeserializeOwned, E: Effect>(&self, key: &Key) -> Result<Record<S, E>, Failure> {
        self.records().read(key).await
    }

    async fn list<T: DeserializeOwned>(&self, pk: &str, prefix: &str) -> Result<Vec<T>, Failure> {
        self.records().list(pk, prefix).await
    }

    async fn keep<T: Serialize>(&self, key: &Key, write: &Write<'_, T>) -> Result<(), Failure> {
        self.records().keep(key, write).await
    }

    async fn swap<S: Serialize, E: Effect>(
        &self,
        key: &Key,
        version: u64,
        write: &Write<'_, S>,
        entries: &[Entry<E>],
    ) -> Result<Option<Vec<Entry<E>>>, Failure> {
        self.records().swap(key, version, write, entries).await
    }

    async fn lease(
        &self,
        key: &Key,
        id: &str,
        from: Timestamp,
        until: Timestamp,
        doubtful: bool,
    ) -> Result<bool, Failure> {
        self.records().lease(key, id, from, until, doubtful).await
    }

    async fn settle<E: Effect>(&self, key: &Key, settled: &[Settled]) -> Result<Vec<Entry<E>>, Failure> {
        self.records().settle(key, settled).await
    }

    async fn due(&self, sweep: &str, now: Timestamp) -> Result<Vec<(Key, Timestamp)>, Failure> {
        self.records().due(sweep, now).await
    }

    async fn rest(&self, key: &Key, was: Timestamp, next: Option<Timestamp>) -> Result<(), Failure> {
        self.records().rest(key, was, next).await
    }
}
