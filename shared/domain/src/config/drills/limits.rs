//! `limits = { … }` of a drill.

use jiff::SignedDuration;

use crate::{
    config::reader::Section,
    fis::{Limits, Tag},
};

const KEYS: [&str; 12] = [
    "max_count",
    "max_percent",
    "max_duration_minutes",
    "max_zones",
    "min_healthy",
    "allow_destructive",
    "allowed_actions",
    "allow_ssm_automation",
    "allow_empty_targets",
    "allow_unlogged",
    "opt_in_tag",
    "forbid_tags",
];

/// What is not given is as strict as [`Limits::default`]. The roles are those of all drills.
pub(super) fn read(section: Option<&Section<'_, '_>>, roles: &[String]) -> Limits {
    let default = Limits { allowed_roles: roles.to_vec(), ..Limits::default() };
    let Some(section) = section else { return default };
    section.only(&KEYS);
    let allowed_actions = match section.has("allowed_actions") {
        true => {
            patterns(section, "allowed_actions", "aws:", "the id of an action, as in aws:ec2:stop-instances")
        }
        false => default.allowed_actions,
    };
    let documents = "the ARN of a document, as in arn:aws:ssm:*:*:document/Fail*";
    Limits {
        opt_in_tag: tag(section, "opt_in_tag").unwrap_or(default.opt_in_tag),
        max_count: section.count("max_count", 1..=1000).unwrap_or(default.max_count),
        max_percent: section.count("max_percent", 1..=100).unwrap_or(default.max_percent),
        max_duration: section
            .integer("max_duration_minutes", 1..=720) // FIS allows 12 hours
            .map_or(default.max_duration, SignedDuration::from_mins),
        allow_destructive: section.boolean("allow_destructive").unwrap_or_default(),
        allowed_actions,
        allowed_roles: default.allowed_roles,
        allow_ssm_automation: patterns(section, "allow_ssm_automation", "arn:", documents),
        allow_empty_targets: section.boolean("allow_empty_targets").unwrap_or_default(),
        allow_unlogged: section.boolean("allow_unlogged").unwrap_or_default(),
        forbid_tags: forbid_tags(section),
    }
}

/// `max_zones`, which is no limit of a template.
pub(super) fn max_zones(section: &Section<'_, '_>) -> Option<u64> {
    section.count("max_zones", 1..=20)
}

/// `min_healthy`, which only a count of resources can tell.
pub(super) fn min_healthy(section: &Section<'_, '_>) -> Option<u64> {
    section.count("min_healthy", 1..=1_000_000)
}

/// `roles` of `[drills]`.
pub(super) fn roles(common: &Section<'_, '_>) -> Vec<String> {
    patterns(common, "roles", "arn:", "the ARN of a role, as in arn:aws:iam::*:role/fis-*")
}

fn patterns(section: &Section<'_, '_>, key: &str, begin: &str, what: &str) -> Vec<String> {
    let patterns = section.strings(key);
    for pattern in patterns.iter().filter(|pattern| !pattern.starts_with(begin)) {
        section.problem_at(key, &format!("`{pattern}` must be {what}"));
    }
    patterns
}

/// `forbid_tags`, each `KEY=VALUE` with `*` and `?`.
fn forbid_tags(section: &Section<'_, '_>) -> Vec<String> {
    let tags = section.strings("forbid_tags");
    for tag in tags.iter().filter(|tag| tag.split_once('=').is_none_or(|(key, _)| key.trim().is_empty())) {
        section.problem_at("forbid_tags", &format!("`{tag}` must be a tag, as in \"NoChaos=*\""));
    }
    tags
}

fn tag(section: &Section<'_, '_>, key: &str) -> Option<Tag> {
    let text = section.string(key)?;
    let tag = text.split_once('=').filter(|(key, _)| !key.trim().is_empty());
    if tag.is_none() {
        section.problem_at(key, &format!("`{key}` must be a tag, as in \"ChaosReady=Yes\""));
    }
    tag.map(|(key, value)| Tag { key: key.to_owned(), value: value.to_owned() })
}
