//! CI caches: what a deployed stack knows of them, what is asked of it, and what can be seen of their snapshots.
//!
//! | module | what it holds |
//! |---|---|
//! | [`known`] | what the table knows of a cache |
//! | [`show`](mod@show) | the same, for people |
//! | [`refresh`](mod@refresh) | a night asked for, and its end waited for |
//! | [`rehearsal`] | what a night would do, worked out here |
//! | [`inspect`](mod@inspect) | a look into a snapshot |
//! | [`claim`](mod@claim) | a volume for a job, and back |
//! | [`rollback`](mod@rollback) | an earlier generation asked for |
//! | [`request`] | what is put on the bus |
//! | [`manifests`](mod@manifests) | a generation for Kubernetes |

pub mod claim;
pub mod inspect;
pub mod known;
pub mod manifests;
pub mod refresh;
pub mod rehearsal;
pub mod request;
pub mod rollback;
pub mod show;

use anyhow::{Result, anyhow};
use watchkeeper_domain::{cache::Cache, config::Config};

use crate::{
    cli::{Place, cache::CacheCommand},
    screen::Screen,
};

/// Runs one command about caches. Returns whether nothing failed.
///
/// # Errors
/// What kept the command from being carried out at all.
pub async fn run(place: &Place, what: &CacheCommand, screen: &mut Screen) -> Result<bool> {
    match what {
        CacheCommand::Show(what) => show::show(place, what, screen).await,
        CacheCommand::Refresh(what) if what.dry_run => rehearsal::rehearse(place, what, screen).await,
        CacheCommand::Refresh(what) => refresh::refresh(place, what, screen).await,
        CacheCommand::Inspect(what) => inspect::inspect(place, what, screen).await,
        CacheCommand::Claim(what) => claim::claim(place, what, screen).await,
        CacheCommand::Release(what) => claim::release(place, what, screen).await,
        CacheCommand::Rollback(what) => rollback::rollback(place, what, screen).await,
        CacheCommand::Manifests(what) => manifests::write(place, what, screen).await,
    }
}

/// The cache called `name`.
pub(crate) fn find<'a>(config: &'a Config, name: &str) -> Result<&'a Cache> {
    config.caches.iter().find(|cache| cache.name == name).ok_or_else(|| {
        let known: Vec<_> = config.caches.iter().map(|cache| cache.name.as_str()).collect();
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        anyhow!("there is no cache `{name}` in the configuration; known: {known}")
    })
}
