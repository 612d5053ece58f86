//! `[[cache]]`: which CI caches there are, what belongs into each, and where its volumes wait.

use std::{collections::BTreeSet, ops::RangeInclusive};

use jiff::tz::TimeZone;

use super::{
    drills::{shape, times},
    reader::Section,
};
use crate::cache::{Cache, Encryption, Feeder, Files, NightLimits, Prune, is_snapshot};

mod feeders;
mod pool;

const KEYS: [&str; 18] = [
    "name",
    "enabled",
    "owner",
    "runbook",
    "schedule",
    "zone",
    "size_gib",
    "snapshot",
    "encrypted",
    "kms_key",
    "files",
    "feeder",
    "access",
    "prune",
    "limits",
    "keep",
    "copy_to",
    "pool",
];

/// Every `[[cache]]`, in the order of the file.
pub(super) fn read(root: &Section<'_, '_>) -> Vec<Cache> {
    let sections = root.tables("cache");
    let caches: Vec<_> = sections.iter().map(Cache::read).collect();
    for (index, section) in sections.iter().enumerate() {
        check_name(section, index, &caches);
    }
    for (section, cache) in sections.iter().zip(&caches) {
        check_prune(section, cache);
    }
    caches
}

impl Cache {
    fn read(section: &Section<'_, '_>) -> Self {
        section.only(&KEYS);
        let has_zone = section.has("schedule") || section.has("zone");
        Self {
            name: section.required("name"),
            enabled: section.boolean("enabled").unwrap_or_default(),
            owner: section.string("owner"),
            runbook: section.url("runbook"),
            schedule: times::schedule(section),
            zone: has_zone.then(|| section.zone("zone")).flatten().unwrap_or(TimeZone::UTC),
            size_gib: needed(section, "size_gib", 1..=16_384),
            snapshot: snapshot(section),
            encryption: encryption(section),
            files: section.table("files").as_ref().map(Files::read).unwrap_or_default(),
            feeders: feeders::read(section),
            access: feeders::access(section),
            prune: section.table("prune").as_ref().map(Prune::read).unwrap_or_default(),
            limits: section.table("limits").as_ref().map(NightLimits::read).unwrap_or_default(),
            keep: number(section, "keep", 2..=50).unwrap_or(3),
            copy_to: regions(section),
            pool: section.table("pool").as_ref().map(pool::read),
        }
    }
}

impl Files {
    fn read(section: &Section<'_, '_>) -> Self {
        section.only(&["uid", "gid", "file_mode", "dir_mode"]);
        let default = Self::default();
        let id = |key| number(section, key, 0..=4_294_967_294);
        Self {
            uid: id("uid").unwrap_or(default.uid),
            gid: id("gid").unwrap_or(default.gid),
            file_mode: mode(section, "file_mode", 0o777).unwrap_or(default.file_mode),
            dir_mode: mode(section, "dir_mode", 0o7777).unwrap_or(default.dir_mode),
        }
    }
}

impl Prune {
    fn read(section: &Section<'_, '_>) -> Self {
        section.only(&["unused_days", "keep_versions"]);
        Self {
            unused_days: number(section, "unused_days", 1..=3650),
            keep_versions: number(section, "keep_versions", 1..=1000),
        }
    }
}

impl NightLimits {
    fn read(section: &Section<'_, '_>) -> Self {
        section.only(&["mib", "file_mib", "in_flight"]);
        let default = Self::default();
        let limits = Self {
            mib: number(section, "mib", 1..=102_400).unwrap_or(default.mib),
            file_mib: number(section, "file_mib", 1..=4096).unwrap_or(default.file_mib),
            in_flight: number(section, "in_flight", 1..=64).unwrap_or(default.in_flight),
        };
        if limits.file_mib > limits.mib {
            let (file, all) = (limits.file_mib, limits.mib);
            let message = format!("a file of {file} MiB would never fit: one invocation writes {all} MiB");
            section.problem_at("file_mib", &message);
        }
        limits
    }
}

fn snapshot(section: &Section<'_, '_>) -> Option<String> {
    let id = section.string("snapshot")?;
    if !is_snapshot(&id) {
        section
            .problem_at("snapshot", &format!("`{id}` is no id of a snapshot, as in snap-0123456789abcdef0"));
    }
    Some(id)
}

fn encryption(section: &Section<'_, '_>) -> Encryption {
    let is_encrypted = section.boolean("encrypted").unwrap_or(true);
    let key = section.string("kms_key");
    if key.as_ref().is_some_and(|arn| !is_key(arn)) {
        section.problem_at(
            "kms_key",
            "`kms_key` must be the ARN of a key, as in arn:aws:kms:eu-west-1:123456789012:key/ID",
        );
    }
    if key.is_some() && !is_encrypted {
        section
            .problem_at("kms_key", "`kms_key` has no effect with `encrypted = false`: leave out one of them");
    }
    for key in ["encrypted", "kms_key"].iter().filter(|key| section.has("snapshot") && section.has(key)) {
        let message =
            format!("`{key}` has no effect with `snapshot`: what is made of it is encrypted as it is");
        section.problem_at(key, &message);
    }
    if is_encrypted { Encryption::Key(key) } else { Encryption::None }
}

/// Permission bits, written as for `chmod`: TOML would take a bare `0644` for an error, and 644 for another number.
fn mode(section: &Section<'_, '_>, key: &str, most: u16) -> Option<u16> {
    if !section.has(key) {
        return None;
    }
    let text = section.string(key)?;
    let mode = u16::from_str_radix(&text, 8).ok();
    let mode = mode.filter(|mode| *mode <= most && text.bytes().all(|it| it.is_ascii_digit()));
    if mode.is_none() {
        let message = format!("`{key}` must be octal digits in quotes, from \"0000\" to \"{most:04o}\"");
        section.problem_at(key, &message);
    }
    mode
}

fn regions(section: &Section<'_, '_>) -> Vec<String> {
    let regions = distinct(section, "copy_to");
    for name in regions.iter().filter(|name| !is_region(name)) {
        section.problem_at("copy_to", &format!("`{name}` is no Region, as in eu-central-1"));
    }
    regions
}

/// Texts, none of them twice.
fn distinct(section: &Section<'_, '_>, key: &str) -> Vec<String> {
    let texts = section.strings(key);
    let mut seen = BTreeSet::new();
    for text in texts.iter().filter(|text| !seen.insert(text.as_str())) {
        section.problem_at(key, &format!("`{text}` is named twice"));
    }
    texts
}

fn number<T: TryFrom<i64>>(section: &Section<'_, '_>, key: &str, range: RangeInclusive<i64>) -> Option<T> {
    section.integer(key, range)?.try_into().ok()
}

fn needed(section: &Section<'_, '_>, key: &str, range: RangeInclusive<i64>) -> u32 {
    if !section.has(key) {
        section.problem(&format!("`{key}` is missing here"));
    }
    number(section, key, range).unwrap_or_default()
}

/// A feeder that names only what is new says nothing of what is still in use.
fn check_prune(section: &Section<'_, '_>, cache: &Cache) {
    let is_delta = |feeder: &Feeder| matches!(feeder, Feeder::Nexus { delta: true, .. });
    if cache.prune.unused_days.is_some() && cache.feeders.iter().any(is_delta) {
        let message = "`unused_days` would take out what is in use: a feeder with `delta` names only what is new; use \
                       `keep_versions`, or leave out `delta`";
        section.problem_at("prune", message);
    }
}

/// As those of drills: they differ by more than dashes, since CloudFormation's have none.
fn check_name(section: &Section<'_, '_>, index: usize, caches: &[Cache]) {
    let plain = |cache: &Cache| cache.name.replace('-', "");
    let Some((cache, before)) = caches.get(index).zip(caches.get(..index)) else { return };
    let name = &cache.name;
    if !name.is_empty() && !shape::is_name(name) {
        let message = "must begin with a small letter; then small letters, digits and dashes, 40 in all";
        section.problem_at("name", &format!("`{name}` {message}"));
    }
    if let Some(other) = before.iter().find(|other| !name.is_empty() && plain(other) == plain(cache)) {
        let message = match other.name == *name {
            true => "another cache has this name".to_owned(),
            false => {
                format!("another cache is called {}: the dashes alone don't tell them apart", other.name)
            }
        };
        section.problem_at("name", &message);
    }
}

/// `eu-west-1`, `us-gov-west-1`.
fn is_region(text: &str) -> bool {
    let parts: Vec<_> = text.split('-').collect();
    let Some((number, words)) = parts.split_last() else { return false };
    let is_word = |word: &&str| !word.is_empty() && word.bytes().all(|it| it.is_ascii_lowercase());
    words.len() >= 2
        && words.iter().all(is_word)
        && !number.is_empty()
        && number.bytes().all(|it| it.is_ascii_digit())
}

/// `StartSnapshot` and `CreateVolume` take keys by their ARN (EBS direct APIs, `KmsKeyArn`).
fn is_key(arn: &str) -> bool {
    let parts: Vec<_> = arn.splitn(6, ':').collect();
    let [start, partition, service, region, account, key] = parts.as_slice() else { return false };
    let is_account = account.len() == 12 && account.bytes().all(|it| it.is_ascii_digit());
    *start == "arn"
        && partition.starts_with("aws")
        && *service == "kms"
        && is_region(region)
        && is_account
        && key.strip_prefix("key/").is_some_and(|id| !id.is_empty())
}

#[cfg(test)]
mod tests;
