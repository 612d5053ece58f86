//! When a rule or a mute applies.

use std::collections::BTreeMap;

use wildmatch::WildMatch;

use super::{Subject, reader::Section};

/// `match = { … }`: every key that is given must match, and a key matches when any of its values does.
///
/// Values are patterns in which `*` stands for any characters and `?` for one. An empty matcher matches everything.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Matcher {
    /// `service`: `RDS`; upper or lower case.
    pub services: Vec<WildMatch>,
    /// `type_code`: `AWS_RDS_*`.
    pub type_codes: Vec<WildMatch>,
    /// `account`: the affected account.
    pub accounts: Vec<WildMatch>,
    /// `region`: the impacted Region, or `global`.
    pub regions: Vec<WildMatch>,
    /// `event`: the event ARN.
    pub events: Vec<WildMatch>,
    /// `entity`: the ARN or id of any affected entity.
    pub entities: Vec<WildMatch>,
    /// `text`: words of which AWS's text must hold one; upper or lower case.
    pub words: Vec<String>,
    /// `tag`: a tag of any affected entity. Only old events and drills carry tags.
    pub tags: BTreeMap<String, WildMatch>,
}

impl Matcher {
    pub(super) fn read(section: &Section<'_, '_>) -> Self {
        let Some(section) = section.table("match") else { return Self::default() };
        section.only(&["service", "type_code", "account", "region", "event", "entity", "text", "tag"]);
        let patterns = |key| section.strings(key).into_iter().map(|it| WildMatch::new(&it)).collect();
        let tags = section.table("tag").map(|tags| tags.entries()).unwrap_or_default();
        Self {
            services: section
                .strings("service")
                .iter()
                .map(|it| WildMatch::new(&it.to_uppercase()))
                .collect(),
            type_codes: patterns("type_code"),
            accounts: patterns("account"),
            regions: patterns("region"),
            events: patterns("event"),
            entities: patterns("entity"),
            words: section.strings("text").iter().map(|word| word.to_lowercase()).collect(),
            tags: tags.into_iter().map(|(key, value)| (key, WildMatch::new(&value))).collect(),
        }
    }

    /// Whether `subject` is meant.
    pub fn matches(&self, subject: Subject<'_>) -> bool {
        let content = subject.content;
        any(&self.services, |it| it.matches(&content.service.to_uppercase()))
            && any(&self.type_codes, |it| it.matches(&content.type_code))
            && any(&self.accounts, |it| it.matches(subject.account))
            && any(&self.regions, |it| it.matches(&content.region))
            && any(&self.events, |it| it.matches(subject.event_arn))
            && any(&self.entities, |it| subject.entities.iter().any(|entity| it.matches(&entity.value)))
            && self.matches_words(&content.description)
            && self.tags.iter().all(|(key, pattern)| {
                let mut values = subject.entities.iter().filter_map(|entity| entity.tags.get(key));
                values.any(|value| pattern.matches(value))
            })
    }

    fn matches_words(&self, text: &str) -> bool {
        self.words.is_empty() || {
            let text = text.to_lowercase();
            self.words.iter().any(|word| text.contains(word))
        }
    }
}

fn any<T>(given: &[T], matches: impl Fn(&T) -> bool) -> bool {
    given.is_empty() || given.iter().any(matches)
}

/// A list of account ids, each of which must have 12 digits.
pub(super) fn accounts(section: &Section<'_, '_>, key: &str, required: bool) -> Vec<String> {
    let accounts = section.strings(key);
    if required && accounts.is_empty() {
        section.problem(&format!("`{key}` is missing: list at least one account"));
    }
    for account in &accounts {
        if account.len() != 12 || !account.bytes().all(|byte| byte.is_ascii_digit()) {
            section.problem_at(key, &format!("`{account}` is no account id: it has 12 digits, in quotes"));
        }
    }
    accounts
}
