//! What the tests share: peers to talk to, and samples to talk about.

pub mod aws;
pub mod estate;
pub mod faults;
pub mod newsroom;
pub mod samples;
pub mod template;
