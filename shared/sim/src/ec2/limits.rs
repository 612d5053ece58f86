//! The quotas of an account in a Region.

use jiff::Timestamp;
use watchkeeper_domain::ports::{VolumeOrder, VolumeOrigin};

use super::{refusal::Refusal, state::State};

/// How many copies of volumes may be under way at once (EBS User Guide, "Copy an Amazon EBS volume").
pub const MOST_COPIES: usize = 5;
/// The rates at which all volumes together may be filled, in MiB/s ("Initialize Amazon EBS volumes", "Quotas").
pub const MOST_RATE: u32 = 5_000;

impl State {
    /// Refuses an order that there is no room for.
    pub fn check_quotas(&self, order: &VolumeOrder, now: Timestamp) -> Result<(), Refusal> {
        let sizes = self.volumes.values().filter(|volume| volume.is_good());
        let stored: u64 = sizes.map(|volume| u64::from(volume.size_gib)).sum();
        if self.storage_gib.is_some_and(|most| stored + u64::from(order.size_gib) > most) {
            let message = "You have exceeded your maximum gp3 storage limit in this region.";
            return Err(Refusal::new("VolumeLimitExceeded", message));
        }
        let filling = || self.volumes.values().filter(|volume| volume.is_initializing(now));
        match order.origin {
            VolumeOrigin::Snapshot { initialization_mib: Some(rate), .. }
                if filling().filter_map(|volume| volume.rate()).sum::<u32>() + rate > MOST_RATE =>
            {
                let message = "The cumulative volume initialization rate is used up.";
                Err(Refusal::new("ResourceLimitExceeded", message))
            }
            VolumeOrigin::Volume { .. }
                if filling().filter(|volume| volume.source().is_some()).count() >= MOST_COPIES =>
            {
                let message = "You have reached the maximum number of in-progress volume copies.";
                Err(Refusal::new("CopyVolumesLimitExceeded", message))
            }
            VolumeOrigin::Snapshot { .. } | VolumeOrigin::Volume { .. } => Ok(()),
        }
    }
}
