//! When a route applies.

use wildmatch::WildMatch;

use super::reader::Section;
use crate::notice::Notice;

/// `match = { … }` of a route: every key that is given must match, and a key matches when any of its values does.
/// `*` stands for any characters and `?` for one.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NoticeMatcher {
    keys: Vec<(&'static str, Vec<WildMatch>)>,
}

/// What a route can match on.
pub(super) const KEYS: [&str; 11] = [
    "kind",
    "severity",
    "service",
    "type_code",
    "event",
    "account",
    "region",
    "owner",
    "environment",
    "persona",
    "actionability",
];

impl NoticeMatcher {
    pub(super) fn read(section: &Section<'_, '_>) -> Self {
        section.only(&KEYS);
        let patterns = |key: &'static str| {
            let patterns = section.strings(key).into_iter().map(|it| WildMatch::new_case_insensitive(&it));
            (key, patterns.collect::<Vec<_>>())
        };
        Self { keys: KEYS.into_iter().map(patterns).filter(|(_, patterns)| !patterns.is_empty()).collect() }
    }

    /// Whether `notice` is meant.
    pub fn matches(&self, notice: &Notice) -> bool {
        self.keys.iter().all(|(key, patterns)| {
            let values = values(key, notice);
            patterns.iter().any(|pattern| values.iter().any(|value| pattern.matches(value)))
        })
    }
}

pub(super) fn values<'n>(key: &str, notice: &'n Notice) -> Vec<&'n str> {
    match key {
        "kind" => vec![notice.kind.as_str()],
        "severity" => vec![notice.severity.as_str()],
        "service" => vec![&notice.service],
        "type_code" => vec![&notice.type_code],
        "event" => vec![&notice.event_arn],
        "account" => vec![&notice.account],
        "region" => vec![&notice.region],
        "owner" => notice.owner.as_deref().into_iter().collect(),
        "environment" => notice.environment.as_deref().into_iter().collect(),
        "persona" => notice.personas.iter().map(String::as_str).collect(),
        "actionability" => vec![&notice.actionability],
        _ => Vec::new(),
    }
}
