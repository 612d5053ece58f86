//! A volume, and how it ages.
//!
//! | moment | state |
//! |---|---|
//! | it is made | `creating` |
//! | + [`CREATING`] | `available`, and it begins to be filled; or `in-use`, once it is attached |
//! | it is deleted | `deleting` |
//! | + [`DELETING`] | `deleted` |
//! | + [`SHOWN`] | it is not found any more |

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use watchkeeper_domain::ports::{Volume, VolumeOrder, VolumeOrigin, VolumeState};

/// How long a volume is `creating`.
pub const CREATING: SignedDuration = SignedDuration::from_secs(5);
/// How long a volume is `deleting`.
pub const DELETING: SignedDuration = SignedDuration::from_secs(5);
/// How long a volume is shown as `deleted`.
pub const SHOWN: SignedDuration = SignedDuration::from_mins(1);
/// How fast a volume is filled when nobody has asked for a rate, in MiB/s. AWS says nothing; this has been reported
/// (terraform-aws-github-runner, issue 5163).
pub const DEFAULT_RATE: u32 = 5;
/// How long the first TiB of a copy takes at most (EBS User Guide, "Copy an Amazon EBS volume").
pub const TIB_OF_COPY: SignedDuration = SignedDuration::from_hours(6);

#[derive(Clone, Debug)]
pub(super) struct Stored {
    pub id: String,
    pub origin: VolumeOrigin,
    /// The id of its Availability Zone.
    pub zone: String,
    pub size_gib: u32,
    pub tags: BTreeMap<String, String>,
    /// How much there is to be filled.
    pub data_bytes: u64,
    pub created_at: Timestamp,
    pub attached_to: Option<String>,
    pub is_broken: bool,
    pub deleted_at: Option<Timestamp>,
}

impl Stored {
    pub fn new(id: String, zone: String, order: &VolumeOrder, data_bytes: u64, now: Timestamp) -> Self {
        Self {
            id,
            origin: order.origin.clone(),
            zone,
            size_gib: order.size_gib,
            tags: order.tags.clone(),
            data_bytes,
            created_at: now,
            attached_to: None,
            is_broken: false,
            deleted_at: None,
        }
    }

    pub fn state(&self, now: Timestamp) -> VolumeState {
        match self.deleted_at {
            Some(at) if now.duration_since(at) < DELETING => VolumeState::Deleting,
            Some(_) => VolumeState::Deleted,
            None if self.is_broken => VolumeState::Error,
            None if now.duration_since(self.created_at) < CREATING => VolumeState::Creating,
            None if self.attached_to.is_some() => VolumeState::InUse,
            None => VolumeState::Available,
        }
    }

    pub fn is_visible(&self, now: Timestamp) -> bool {
        self.deleted_at.is_none_or(|at| now.duration_since(at) < DELETING + SHOWN)
    }

    /// Whether it exists, and did not fail.
    pub fn is_good(&self) -> bool {
        self.deleted_at.is_none() && !self.is_broken
    }

    pub fn is_initializing(&self, now: Timestamp) -> bool {
        self.is_good() && self.progress(now) < 100
    }

    /// How much of it is filled, in percent.
    pub fn progress(&self, now: Timestamp) -> u8 {
        let (passed, takes) = ((now.duration_since(self.created_at) - CREATING).as_millis(), self.takes_ms());
        if takes == 0 || passed >= takes {
            return 100;
        }
        u8::try_from(passed.max(0) * 100 / takes).unwrap_or(100)
    }

    /// The rate that was asked for, in MiB/s.
    pub fn rate(&self) -> Option<u32> {
        match self.origin {
            VolumeOrigin::Snapshot { initialization_mib, .. } => initialization_mib,
            VolumeOrigin::Volume { .. } => None,
        }
    }

    /// The volume that it is a copy of.
    pub fn source(&self) -> Option<&str> {
        match &self.origin {
            VolumeOrigin::Snapshot { .. } => None,
            VolumeOrigin::Volume { id } => Some(id),
        }
    }

    /// The volume as `DescribeVolumes` shows it.
    pub fn show(&self, now: Timestamp) -> Volume {
        let snapshot = match &self.origin {
            VolumeOrigin::Snapshot { id, .. } => Some(id.clone()),
            VolumeOrigin::Volume { .. } => None,
        };
        Volume {
            id: self.id.clone(),
            state: self.state(now),
            zone: self.zone.clone(),
            snapshot,
            source: self.source().map(str::to_owned),
            initialization_mib: self.rate(),
            initialized: None,
            attached_to: self.attached_to.iter().cloned().collect(),
            created_at: Some(self.created_at),
            tags: self.tags.clone(),
        }
    }

    fn takes_ms(&self) -> i128 {
        let bytes = i128::from(self.data_bytes);
        match self.origin {
            VolumeOrigin::Snapshot { initialization_mib, .. } => {
                bytes * 1_000 / (i128::from(initialization_mib.unwrap_or(DEFAULT_RATE)) << 20)
            }
            VolumeOrigin::Volume { .. } => (bytes * TIB_OF_COPY.as_millis()) >> 40,
        }
    }
}
