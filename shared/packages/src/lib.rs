//! What belongs into a CI cache, where to get it, and the proof that it is the right thing.
//!
//! | feeder | says |
//! |---|---|
//! | [`manifest`] | Maven coordinates, one a line |
//! | [`missed`] | what CI jobs had to download because the volume did not have it |
//! | [`nexus`] | what a Nexus 3 repository lists, or what is new in it |
//! | [`maven`] | for the first two: the POMs behind a package, and the digests, in a plain Maven repository |
//! | [`list`] | any files at all, with addresses, paths and digests |
//!
//! [`plan()`] asks them and leaves out what the volume has. [`fetch_all`] downloads the plan; no byte is handed on before
//! its digest is right. [`Repositories`] is the port to the repositories and [`Web`] its adapter; [`Contents`] is the port
//! to the volume.

mod contents;
mod digest;
mod feeder;
mod fetch;
mod limits;
pub mod list;
pub mod manifest;
pub mod maven;
pub mod missed;
pub mod nexus;
mod path;
mod plan;
mod repository;
#[cfg(test)]
mod tests;
mod web;

pub use contents::{Asked, Contents, Stored};
pub use digest::Digest;
pub use feeder::Feeder;
pub use fetch::{fetch, fetch_all};
pub use limits::Limits;
pub use path::{BadPath, VolumePath};
pub use plan::{Cause, Plan, Problem, Wanted, plan};
pub use repository::{Answer, Kind, Repositories, Request, shown};
pub use reqwest::Url;
pub use web::{Access, Credentials, Patience, Web};
