//! The feeder `nexus`: what a repository of Sonatype Nexus 3 lists.
//!
//! A proxy repository lists what it has in its own store: what builds have asked it for, which is what is wanted here.
//!
//! | asked first | since | units and rights |
//! |---|---|---|
//! | `GET /service/rest/v1/configuration/assets?repository=…&newerThan=…` | 3.91 (unverified for older ones) | milliseconds; header `X-Nexus-Migration-Protocol-Version: 1`; rights on the instance's configuration |
//! | `GET /service/rest/v1/assets?repository=…`, if the first is refused | 3.3 | 10 assets a page, 100 from 3.74.0 on |
//!
//! Both answer with `items` and a `continuationToken` (Sonatype help, "Assets API" and "Pagination"). The second has no
//! delta: what its `blobCreated` says is older is left out. Its `lastModified` is no help, since for a proxied file it
//! may be the date of the original. `downloadUrl` is not used: it is what the server believes its name to be, and
//! would choose where we go. Files are fetched from `<base>/repository/<name>/<path>`.

use std::{
    collections::{BTreeMap, BTreeSet},
    error::Error,
};

use jiff::Timestamp;
use reqwest::Url;
use serde::Deserialize;
use watchkeeper_domain::failure::Failure;

use crate::{
    Digest, VolumePath,
    contents::Contents,
    feeder::{Found, World},
    maven::{Build, Place, place},
    plan::{Candidate, Cause, Problem},
    repository::{Answer, Repositories, Request, below, refusal, shown},
};

/// The most of a page that is read, in bytes.
const PAGE: u64 = 16 * 1024 * 1024;

/// What to list.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Listing {
    /// Where Nexus is, with its context path if it has one.
    pub base: Url,
    /// The repository's name.
    pub repository: String,
    /// Only what is newer: the beginning of the last night that succeeded, less an hour for a clock that is off.
    /// Everything without one.
    pub newer_than: Option<Timestamp>,
    /// What its paths mean.
    pub layout: Layout,
    /// The repository's folder on the volume; the volume's root without one.
    pub under: Option<VolumePath>,
}

/// What the paths of a repository mean.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Layout {
    /// A `maven2` repository: packages and POMs are taken, by-products are not, and of a snapshot the newest build.
    Maven,
    /// Every file is taken under its own path.
    Plain,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Page {
    items: Vec<Asset>,
    continuation_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Asset {
    /// With a leading slash since 3.26, where files are in a database.
    path: String,
    checksum: Option<BTreeMap<String, Option<String>>>,
    file_size: Option<u64>,
    blob_created: Option<String>,
}

/// A file, and which build of a snapshot it is.
#[derive(Clone)]
struct Listed {
    build: Option<Build>,
    candidate: Candidate,
}

pub(crate) async fn find<R: Repositories, C: Contents>(
    world: &World<'_, R, C>,
    listing: &Listing,
) -> Result<Found, Failure> {
    let delta = match listing.newer_than {
        Some(since) => listing.pages(world, &listing.delta(since)).await?.ok(),
        None => None,
    };
    if let Some(assets) = delta {
        return Ok(listing.found(&assets));
    }
    let all = listing.pages(world, &listing.all()).await?;
    let mut assets = all.map_err(|status| listing.failure(refusal(status)))?;
    assets.retain(|asset| !listing.newer_than.is_some_and(|since| asset.is_older(since)));
    Ok(listing.found(&assets))
}

impl Listing {
    /// Every page from `first` on, or the status with which the first one is refused. A token that is refused (406: it
    /// does not match, or is too old) begins the listing anew, once.
    async fn pages<R: Repositories, C>(
        &self,
        world: &World<'_, R, C>,
        first: &Request,
    ) -> Result<Result<Vec<Asset>, u16>, Failure> {
        let (mut assets, mut tokens, mut restarts) = (Vec::new(), BTreeSet::new(), 0..1);
        let mut request = first.clone();
        for _ in 0..world.limits.pages {
            let page = match self.page(world.repositories, &request).await? {
                Ok(page) => page,
                Err(status) if request.url == first.url => return Ok(Err(status)),
                Err(status) => {
                    restarts.next().ok_or_else(|| self.failure(refusal(status)))?;
                    (assets, tokens, request) = (Vec::new(), BTreeSet::new(), first.clone());
                    continue;
                }
            };
            assets.extend(page.items);
            let Some(token) = page.continuation_token.filter(|it| !it.is_empty()) else {
                return Ok(Ok(assets));
            };
            request.url = first.url.clone();
            request.url.query_pairs_mut().append_pair("continuationToken", &token);
            if !tokens.insert(token) {
                return Err(self.failure("it goes round in circles: a continuationToken came twice"));
            }
        }
        Err(self.failure(format!("it has more than {} pages; list what is newer only", world.limits.pages)))
    }

    async fn page(&self, from: &impl Repositories, request: &Request) -> Result<Result<Page, u16>, Failure> {
        match from.get(request).await? {
            Answer::Found(body) => serde_json::from_slice(&body).map(Ok).map_err(|error| self.failure(error)),
            Answer::Refused(status) => Ok(Err(status)),
            Answer::TooLong => Err(self.failure(format!("a page has more than {PAGE} bytes"))),
        }
    }

    fn failure(&self, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Failure {
        Failure::new("list", format!("{} of {}", self.repository, shown(&self.base)), cause)
    }

    fn delta(&self, since: Timestamp) -> Request {
        let mut url = below(&self.base, "service/rest/v1/configuration/assets");
        let since = since.as_millisecond().to_string();
        url.query_pairs_mut().append_pair("repository", &self.repository).append_pair("newerThan", &since);
        Request { header: Some(("x-nexus-migration-protocol-version", "1")), ..Request::text(url, PAGE) }
    }

    fn all(&self) -> Request {
        let mut url = below(&self.base, "service/rest/v1/assets");
        url.query_pairs_mut().append_pair("repository", &self.repository);
        Request::text(url, PAGE)
    }

    fn found(&self, assets: &[Asset]) -> Found {
        let mut problems = Vec::new();
        let mut newest: BTreeMap<VolumePath, Listed> = BTreeMap::new();
        for asset in assets {
            match self.listed(asset) {
                Ok(Some(listed)) => {
                    let known = newest.entry(listed.candidate.path.clone()).or_insert_with(|| listed.clone());
                    if known.build < listed.build {
                        *known = listed;
                    }
                }
                Ok(None) => {}
                Err(cause) => problems.push(Problem::new(&asset.path, cause)),
            }
        }
        Found { candidates: newest.into_values().map(|listed| listed.candidate).collect(), problems }
    }

    /// `None` for a by-product.
    fn listed(&self, asset: &Asset) -> Result<Option<Listed>, Cause> {
        let remote = VolumePath::parse(asset.path.trim_start_matches('/')).map_err(Cause::BadPath)?;
        let (local, build, is_fixed) = match (self.layout, place(&remote)) {
            (Layout::Plain, _) => (remote.to_string(), None, false),
            (Layout::Maven, Place::ByProduct) => return Ok(None),
            (Layout::Maven, Place::Unknown) => return Err(Cause::UnknownShape),
            (Layout::Maven, Place::Artifact(it)) => (it.local(), it.build, !it.coordinate.gav.is_snapshot()),
        };
        let path = VolumePath::under(self.under.as_ref(), &local).map_err(Cause::BadPath)?;
        let url = below(&self.base, &format!("repository/{}/{remote}", self.repository));
        let digest = Some(asset.digest().ok_or(Cause::NoDigest)?);
        let candidate = Candidate { path, url, digest, size: asset.file_size, is_fixed };
        Ok(Some(Listed { build, candidate }))
    }
}

impl Asset {
    fn digest(&self) -> Option<Digest> {
        let text = |name| self.checksum.as_ref()?.get(name)?.as_deref();
        text("sha256").and_then(Digest::sha256).or_else(|| text("sha1").and_then(Digest::sha1))
    }

    /// Whether it is certain that it is older than `since`.
    fn is_older(&self, since: Timestamp) -> bool {
        let created = self.blob_created.as_ref().and_then(|text| text.parse::<Timestamp>().ok());
        created.is_some_and(|created| created < since)
    }
}
