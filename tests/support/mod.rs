//! What the tests share: peers to talk to, and samples to talk about.

pub mod api;
pub mod aws;
pub mod caches;
pub mod estate;
pub mod faults;
pub mod newsroom;
pub mod range;
pub mod samples;
pub mod template;
