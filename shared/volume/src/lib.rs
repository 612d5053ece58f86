//! An EBS snapshot as a block device: its ext4 filesystem is edited in place, and only the blocks that changed are
//! uploaded, as an incremental snapshot that is verified. No instance, no mount, no disk.
//!
//! | module | what it holds |
//! |---|---|
//! | [`snapshots`] | the port: what the EBS direct APIs can do, in our own small types |
//! | [`ebs`] | its adapter: time-outs, retries, pace |
//! | [`device`] | the block device: what is held in memory, read ahead, sent ahead |
//! | [`ext4`] | the filesystem on it: which are refused, and what is done to files |
//! | [`night`] | one refresh from end to end: start, upload, complete, verify |
//! | [`progress`] | how far it is, for whoever watches |

pub mod device;
pub mod ebs;
pub mod ext4;
pub mod night;
pub mod progress;
pub mod snapshots;
