//! `[[cache.feeder]]`, `[[cache.access]]`, and the addresses in them.

use std::collections::BTreeSet;

use crate::{
    cache::{Access, Feeder, Source},
    config::{channels::secret, reader::Section},
};

/// The feeders of the cache in `section`: at least one.
pub(super) fn read(section: &Section<'_, '_>) -> Vec<Feeder> {
    if !section.has("feeder") {
        section.problem("nobody says what belongs into it: add a `[[cache.feeder]]`");
    }
    section.tables("feeder").iter().filter_map(feeder).collect()
}

/// What opens its repositories. A host has one secret.
pub(super) fn access(section: &Section<'_, '_>) -> Vec<Access> {
    let mut hosts = BTreeSet::new();
    let sections = section.tables("access");
    let access = sections.iter().filter_map(|section| {
        section.only(&["base", "secret"]);
        let (base, secret) = (address(section, "base"), secret(section));
        if !hosts.insert(origin(&base).to_ascii_lowercase()) && !base.is_empty() {
            section.problem_at("base", "another `[[cache.access]]` opens this host");
        }
        Some(Access { base, secret: secret? })
    });
    access.collect()
}

fn feeder(section: &Section<'_, '_>) -> Option<Feeder> {
    let kind = section.required("kind");
    match kind.as_str() {
        "manifest" => {
            section.only(&["kind", "file", "url", "repository", "under"]);
            let repository = address(section, "repository");
            Some(Feeder::Manifest { source: source(section)?, repository, under: under(section) })
        }
        "missed" => {
            section.only(&["kind", "at_least", "repository", "under"]);
            let at_least = super::number(section, "at_least", 1..=1000).unwrap_or(2);
            Some(Feeder::Missed {
                at_least,
                repository: address(section, "repository"),
                under: under(section),
            })
        }
        "nexus" => {
            section.only(&["kind", "base", "repository", "layout", "delta", "under"]);
            Some(Feeder::Nexus {
                base: address(section, "base"),
                repository: repository_name(section),
                maven: is_maven(section),
                delta: section.boolean("delta").unwrap_or_default(),
                under: under(section),
            })
        }
        "list" => {
            section.only(&["kind", "file", "url"]);
            Some(Feeder::List { source: source(section)? })
        }
        _ => {
            if !kind.is_empty() {
                section.problem_at("kind", "`kind` must be one of manifest, missed, nexus, list");
            }
            None
        }
    }
}

/// `file` or `url`.
fn source(section: &Section<'_, '_>) -> Option<Source> {
    match (section.has("file"), section.has("url")) {
        (true, false) => Some(Source::File(relative(section, "file", "the file, beside this one")?)),
        (false, true) => Some(Source::Url(address(section, "url"))),
        (true, true) => {
            section.problem_at("url", "`url` and `file` exclude each other: the lines stand in one place");
            None
        }
        (false, false) => {
            section.problem("`file` or `url` is missing here: where the lines stand");
            None
        }
    }
}

fn under(section: &Section<'_, '_>) -> Option<String> {
    section.has("under").then(|| relative(section, "under", "a folder on the volume")).flatten()
}

/// A relative path that leads nowhere else, as a path on the volume must be.
fn relative(section: &Section<'_, '_>, key: &str, what: &str) -> Option<String> {
    let path = section.string(key)?;
    let is_segment = |it: &str| !matches!(it, "" | "." | "..") && !it.contains(|it: char| it.is_control());
    if !path.split('/').all(is_segment) {
        let message = format!("`{key}` must be a relative path without `.` and `..`: {what}");
        section.problem_at(key, &message);
    }
    Some(path)
}

/// The name of a Nexus repository, which becomes part of addresses.
fn repository_name(section: &Section<'_, '_>) -> String {
    let name = section.required("repository");
    if !name.bytes().all(|it| it.is_ascii_alphanumeric() || matches!(it, b'-' | b'_' | b'.')) {
        let message =
            "`repository` must be the name of the repository in Nexus: letters, digits, `-`, `_`, `.`";
        section.problem_at("repository", message);
    }
    name
}

fn is_maven(section: &Section<'_, '_>) -> bool {
    if !section.has("layout") {
        return true;
    }
    let layout = section.string("layout").unwrap_or_default();
    if !matches!(layout.as_str(), "" | "maven" | "plain") {
        section.problem_at("layout", "`layout` must be \"maven\" or \"plain\"");
    }
    layout != "plain"
}

/// An `https` address, or one on this machine. What is wrong with it is not repeated: it may be a password.
fn address(section: &Section<'_, '_>, key: &str) -> String {
    let url = section.required(key);
    let authority = authority(&url);
    let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
    let is_local = url.starts_with("http://") && matches!(host, "127.0.0.1" | "localhost" | "[::1]");
    if url.is_empty() {
        return url;
    }
    if authority.contains('@') {
        let message =
            format!("`{key}` has credentials in it: name their secret in a `[[cache.access]]` instead");
        section.problem_at(key, &message);
    } else if !(url.starts_with("https://") || is_local)
        || host.is_empty()
        || url.contains(|it: char| it.is_whitespace() || it.is_control() || it == '#')
    {
        section.problem_at(key, &format!("`{key}` must be an address that begins with https://"));
    }
    url
}

/// Scheme, host and port.
fn origin(url: &str) -> &str {
    let end = url.find("://").map_or(0, |at| at + 3) + authority(url).len();
    url.get(..end).unwrap_or(url)
}

/// What stands between the scheme and the path.
fn authority(url: &str) -> &str {
    let rest = url.split_once("://").map_or("", |(_, rest)| rest);
    rest.split(['/', '?', '#', '\\']).next().unwrap_or_default()
}
