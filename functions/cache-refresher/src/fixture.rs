//! What the tests of this crate begin with: a cache with one published generation, off the leash.

use std::collections::BTreeMap;

use jiff::Timestamp;
use watchkeeper_domain::{
    cache::{CACHE_TAG, Cache, TOKEN_TAG},
    config::Config,
    drill::Site,
    ports::{Snapshot, SnapshotState, Volume, VolumeState},
};
use watchkeeper_volume::{
    ext4::Written,
    night::Receipt,
    snapshots::{Digest, SnapshotId},
};

use crate::{
    decide::{News, Seen},
    night::{Account, Sealed},
    standing::{Generation, Standing},
};

pub(crate) fn now() -> Timestamp {
    "2026-11-24T02:00:00Z".parse().unwrap()
}

/// The cache `maven`, with `more` keys.
pub(crate) fn cache(more: &str) -> Cache {
    let toml = format!(
        r#"
[[cache]]
name = "maven"
enabled = true
owner = "platform"
size_gib = 100
schedule = "cron(0 3 * * ? *)"
zone = "Europe/Berlin"
keep = 2
{more}
[[cache.feeder]]
kind = "missed"
repository = "https://repo.example.com/maven2"
"#
    );
    Config::parse(&toml).unwrap().caches.remove(0)
}

pub(crate) fn site(leash: bool) -> Site {
    Site { account: "444455556666".into(), region: "eu-west-1".into(), leash }
}

pub(crate) fn generation(number: u32) -> Generation {
    Generation {
        number,
        snapshot: format!("snap-{number}"),
        size_gib: 100,
        full_bytes: None,
        published_at: now(),
        account: account(10, 0),
        copies: BTreeMap::new(),
    }
}

/// The cache with the generations `numbers`, the last of which is current.
pub(crate) fn standing(numbers: &[u32]) -> Standing {
    let highest = numbers.iter().copied().max().unwrap_or_default();
    Standing {
        generations: numbers.iter().copied().map(generation).collect(),
        current: numbers.last().copied(),
        highest,
        ..Standing::new("maven")
    }
}

pub(crate) fn account(files: u64, left: u64) -> Account {
    Account { written_files: files, written_bytes: files * 1000, left, blocks: files, ..Account::default() }
}

pub(crate) fn sealed(snapshot: &str) -> Sealed {
    let digest = Digest::of(snapshot.as_bytes());
    Sealed {
        receipt: Receipt {
            snapshot: SnapshotId::new(snapshot),
            blocks: 3,
            checksum: digest,
            indexes: digest,
        },
        manifest: Written { path: ".watchkeeper/generation.json".into(), size: 7, digest },
    }
}

pub(crate) fn snapshot(id: &str, state: SnapshotState) -> Snapshot {
    Snapshot {
        id: id.into(),
        state,
        message: String::new(),
        size_gib: 100,
        full_bytes: Some(5),
        started_at: Some(now()),
        tags: BTreeMap::from([(CACHE_TAG.to_owned(), "maven".to_owned())]),
    }
}

pub(crate) fn look() -> Seen {
    Seen { news: News::Look, acted: None, snapshot: None, snapshots: BTreeMap::new() }
}

/// A volume of the pool in `euw1-az1`, made by the order with this token.
pub(crate) fn volume(id: &str, state: VolumeState, token: &str) -> Volume {
    let tags = [(CACHE_TAG, "maven"), (TOKEN_TAG, token)];
    Volume {
        id: id.into(),
        state,
        zone: "euw1-az1".into(),
        snapshot: Some("snap-1".into()),
        source: None,
        initialization_mib: None,
        initialized: None,
        attached_to: Vec::new(),
        created_at: Some(now()),
        tags: tags.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect(),
    }
}
