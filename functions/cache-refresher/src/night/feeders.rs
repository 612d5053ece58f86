//! The feeders of a cache, ready to be asked.

use watchkeeper_domain::{
    cache::{Feeder as Configured, Source},
    failure::Failure,
};
use watchkeeper_packages::{
    Answer, Feeder, Repositories, Request, Url, VolumePath,
    maven::Remote,
    nexus::{Layout, Listing},
};

use super::Job;

/// The longest list of packages that is read from an address, in bytes.
const LIST: u64 = 16 * 1024 * 1024;

/// All of them, in their order. Lists that stand at an address are read now.
///
/// # Errors
/// With the feeder's name, when its list is not there or its configuration cannot be used.
pub(super) async fn ready(from: &impl Repositories, job: &Job<'_>) -> Result<Vec<Feeder>, Failure> {
    let mut feeders = Vec::new();
    for (number, feeder) in (1..).zip(&job.cache.feeders) {
        let ready = prepare(from, feeder, job).await;
        feeders.push(ready.map_err(|failure| {
            let subject = format!("feeder {number} ({}) of {}", kind(feeder), job.cache.name);
            Failure::new("use", subject, failure)
        })?);
    }
    Ok(feeders)
}

/// Whether it says everything that it knows each night, so that to name nothing means that something is wrong, and what
/// it does not name is not used.
pub(super) fn tells_all(feeder: &Configured, job: &Job<'_>) -> bool {
    match feeder {
        Configured::Manifest { .. } | Configured::List { .. } => true,
        Configured::Nexus { delta, .. } => !delta || job.newer_than.is_none(),
        Configured::Missed { .. } => false,
    }
}

/// Its kind, as it is configured.
pub(super) fn kind(feeder: &Configured) -> &'static str {
    match feeder {
        Configured::Manifest { .. } => "manifest",
        Configured::Missed { .. } => "missed",
        Configured::Nexus { .. } => "nexus",
        Configured::List { .. } => "list",
    }
}

async fn prepare(from: &impl Repositories, feeder: &Configured, job: &Job<'_>) -> Result<Feeder, Failure> {
    Ok(match feeder {
        Configured::Manifest { source, repository, under } => Feeder::Manifest {
            text: text(from, source, job).await?,
            remote: remote(repository, under.as_deref())?,
        },
        Configured::Missed { at_least, repository, under } => Feeder::Missed {
            reports: job.missed.to_vec(),
            at_least: *at_least,
            remote: remote(repository, under.as_deref())?,
        },
        Configured::Nexus { base, repository, maven, delta, under } => Feeder::Nexus(Listing {
            base: address(base)?,
            repository: repository.clone(),
            newer_than: job.newer_than.filter(|_| *delta),
            layout: if *maven { Layout::Maven } else { Layout::Plain },
            under: folder(under.as_deref())?,
        }),
        Configured::List { source } => Feeder::List { text: text(from, source, job).await? },
    })
}

async fn text(from: &impl Repositories, source: &Source, job: &Job<'_>) -> Result<String, Failure> {
    let url = match source {
        Source::File(path) => {
            let text = job.manifests.get(path).cloned();
            return text.ok_or_else(|| Failure::new("read", path, "it is not beside the configuration"));
        }
        Source::Url(url) => url,
    };
    let failure = |cause: String| Failure::new("read", url, cause);
    match from.get(&Request::text(address(url)?, LIST)).await? {
        Answer::Found(bytes) => String::from_utf8(bytes).map_err(|error| failure(error.to_string())),
        Answer::Refused(status) => Err(failure(format!("it was refused with {status}"))),
        Answer::TooLong => Err(failure(format!("it has more than {} MiB", LIST >> 20))),
    }
}

fn remote(repository: &str, under: Option<&str>) -> Result<Remote, Failure> {
    Ok(Remote { base: address(repository)?, under: folder(under)? })
}

fn address(text: &str) -> Result<Url, Failure> {
    Url::parse(text).map_err(|error| Failure::new("read", format!("the address {text}"), error.to_string()))
}

fn folder(under: Option<&str>) -> Result<Option<VolumePath>, Failure> {
    let parse = |text: &str| {
        VolumePath::parse(text).map_err(|bad| Failure::new("use", format!("the folder {text}"), bad))
    };
    under.map(parse).transpose()
}
