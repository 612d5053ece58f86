//! How much a night may do.

/// How much of a file is downloaded before its turn has come, in bytes.
pub(crate) const AHEAD: u64 = 4 * 1024 * 1024;

/// The bounds of a plan and of its downloads.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Limits {
    /// Requests under way at the same time.
    pub in_flight: usize,
    /// The longest file, in bytes.
    pub file_bytes: u64,
    /// Pages of one listing.
    pub pages: u32,
    /// POMs read for one feeder.
    pub poms: usize,
    /// How far a POM is followed: parents, imports and relocations, one after another.
    pub depth: u32,
}

impl Default for Limits {
    /// 16 requests, 256 MiB a file, 10,000 pages, 20,000 POMs, 32 steps.
    fn default() -> Self {
        Self { in_flight: 16, file_bytes: 256 * 1024 * 1024, pages: 10_000, poms: 20_000, depth: 32 }
    }
}

impl Limits {
    /// The most that [`crate::fetch_all`] holds, in bytes: one file of any length, and the beginnings of the others.
    pub fn memory(&self) -> u64 {
        self.file_bytes.saturating_add(AHEAD.min(self.file_bytes).saturating_mul(self.in_flight as u64))
    }
}
