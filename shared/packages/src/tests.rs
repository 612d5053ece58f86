//! The whole crate against a repository on this machine.

mod debian;
mod fetch;
mod maven;
mod nexus;
mod server;
mod volume;
mod web;

use reqwest::Url;

use self::{
    server::{Reply, Server, sha1},
    volume::Shelf,
};
use crate::{Feeder, Limits, Plan, Web, maven::Remote, plan};

fn path(text: &str) -> crate::VolumePath {
    crate::VolumePath::parse(text).unwrap()
}

fn url(text: &str) -> Url {
    Url::parse(text).unwrap()
}

/// The paths that are wanted.
fn wanted(plan: &Plan) -> Vec<&str> {
    plan.wanted.iter().map(|it| it.path.as_str()).collect()
}

fn problems(plan: &Plan) -> Vec<String> {
    plan.problems.iter().map(ToString::to_string).collect()
}

/// The plan for a manifest of packages in the repository `/m2` of `server`.
async fn planned(server: &Server, shelf: &Shelf, manifest: &str) -> Plan {
    let remote = Remote { base: url(&format!("{}/m2", server.base)), under: None };
    let feeder = Feeder::Manifest { text: manifest.to_owned(), remote };
    plan(&[feeder], &web(), shelf, &Limits::default()).await.unwrap()
}

/// A client that does not make a test wait.
fn web() -> Web {
    Web::connect(web::SHORT, Vec::new()).unwrap()
}
