//! How many requests a second are answered.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use tokio::time::Instant;

use super::{refusal::Refusal, script::Operation};

/// Requests a second, of an account in a Region.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Quotas {
    /// Put, and as many Get, on one snapshot.
    pub per_snapshot: usize,
    /// Put, and as many Get, on all snapshots.
    pub blocks: usize,
    /// ListSnapshotBlocks, and as many ListChangedBlocks.
    pub lists: usize,
    /// Start, and as many Complete.
    pub changes: usize,
}

impl Quotas {
    /// What a new account has (Service Quotas: L-AFAE1BE8, L-1774F84A, L-C125AE42, L-028ACFB9; `ebs-resource-quotas`).
    pub const AWS: Self = Self { per_snapshot: 1_000, blocks: 1_000, lists: 50, changes: 10 };
}

/// The requests of the last second.
#[derive(Debug, Default)]
pub(super) struct Windows {
    account: BTreeMap<Operation, Window>,
    snapshots: BTreeMap<(Operation, String), Window>,
}

impl Windows {
    /// Counts a request, or refuses it. Refused ones don't count.
    pub fn admit(
        &mut self,
        quotas: &Quotas,
        operation: Operation,
        snapshot: &str,
        now: Instant,
    ) -> Result<(), Refusal> {
        let account = self.account.entry(operation).or_default();
        match operation {
            Operation::StartSnapshot | Operation::CompleteSnapshot => {
                if account.is_full(quotas.changes, now) {
                    return Err(Refusal::throttling());
                }
            }
            Operation::ListSnapshotBlocks | Operation::ListChangedBlocks => {
                if account.is_full(quotas.lists, now) {
                    return Err(Refusal::throttled("ACCOUNT_THROTTLED"));
                }
            }
            Operation::PutSnapshotBlock | Operation::GetSnapshotBlock => {
                let one = self.snapshots.entry((operation, snapshot.to_owned())).or_default();
                if one.is_full(quotas.per_snapshot, now) {
                    return Err(Refusal::throttled("RESOURCE_LEVEL_THROTTLE"));
                }
                if account.is_full(quotas.blocks, now) {
                    return Err(Refusal::throttled("ACCOUNT_THROTTLED"));
                }
                one.count(now);
            }
        }
        account.count(now);
        Ok(())
    }
}

#[derive(Debug, Default)]
struct Window {
    recent: VecDeque<Instant>,
}

impl Window {
    fn is_full(&mut self, limit: usize, now: Instant) -> bool {
        while self.recent.front().is_some_and(|then| now.duration_since(*then) >= Duration::from_secs(1)) {
            self.recent.pop_front();
        }
        self.recent.len() >= limit
    }

    fn count(&mut self, now: Instant) {
        self.recent.push_back(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quota_is_of_one_second_and_of_one_operation_and_of_one_snapshot() {
        let quotas = Quotas { per_snapshot: 2, blocks: 3, lists: 1, changes: 1 };
        let (mut windows, start) = (Windows::default(), Instant::now());
        let mut admit = |operation, snapshot, millis| {
            let now = start + Duration::from_millis(millis);
            windows.admit(&quotas, operation, snapshot, now)
        };
        let of_snapshot = Err(Refusal::throttled("RESOURCE_LEVEL_THROTTLE"));
        let of_account = Err(Refusal::throttled("ACCOUNT_THROTTLED"));
        assert_eq!(admit(Operation::PutSnapshotBlock, "a", 0), Ok(()));
        assert_eq!(admit(Operation::PutSnapshotBlock, "a", 500), Ok(()));
        assert_eq!(admit(Operation::PutSnapshotBlock, "a", 999), of_snapshot);
        assert_eq!(admit(Operation::GetSnapshotBlock, "a", 999), Ok(()));
        assert_eq!(admit(Operation::PutSnapshotBlock, "b", 999), Ok(()));
        assert_eq!(admit(Operation::PutSnapshotBlock, "b", 999), of_account);
        assert_eq!(admit(Operation::PutSnapshotBlock, "a", 1_000), Ok(()));
        assert_eq!(admit(Operation::ListSnapshotBlocks, "a", 1_000), Ok(()));
        assert_eq!(admit(Operation::ListChangedBlocks, "a", 1_000), Ok(()));
        assert_eq!(admit(Operation::ListSnapshotBlocks, "b", 1_000), of_account);
        assert_eq!(admit(Operation::StartSnapshot, "", 1_000), Ok(()));
        assert_eq!(admit(Operation::StartSnapshot, "", 1_999), Err(Refusal::throttling()));
        assert_eq!(admit(Operation::StartSnapshot, "", 2_000), Ok(()));
    }
}
