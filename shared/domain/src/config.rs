//! `watchkeeper.toml`: owners, runbooks, next steps, environments, mutes, routes, drills.
//!
//! Parsed once at start-up. Every problem is reported at once, with line and column; nothing unknown is passed over.

use jiff::{SignedDuration, Timestamp, civil::Date};

use crate::{
    cache::Cache,
    case::{CaseId, Content, Entity},
    drill::Drills,
};

mod caches;
mod channels;
mod drills;
mod hypothesis;
mod matcher;
mod notice_matcher;
mod reader;
pub mod routing;

pub use matcher::Matcher;
pub use notice_matcher::NoticeMatcher;
use reader::{Problems, Section};
pub use routing::{Destination, Routing};

/// The whole configuration.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Config {
    /// How Health events are handled.
    pub health: Health,
    /// Which accounts belong to which environment.
    pub environments: Vec<Environment>,
    /// Owners, runbooks and next steps. For each of the three, the first rule that matches and names one wins.
    pub rules: Vec<Rule>,
    /// What nobody wants to hear about.
    pub mutes: Vec<Mute>,
    /// Where people read.
    pub routing: Routing,
    /// What is rehearsed.
    pub drills: Drills,
    /// `[[cache]]`, in the order of the file. Names are unique.
    pub caches: Vec<Cache>,
}

/// `[health]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Health {
    /// `page_timeout_minutes`: how long to wait for the missing pages of a notice before telling what has come.
    pub page_timeout: SignedDuration,
    /// `remind_days`: how many days before a deadline people hear of an open case again.
    pub remind_days: Vec<i64>,
}

impl Default for Health {
    fn default() -> Self {
        Self { page_timeout: SignedDuration::from_mins(10), remind_days: vec![90, 30, 14, 7, 3, 1] }
    }
}

/// `[[environment]]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Environment {
    /// `name`: `production`, `staging`, …
    pub name: String,
    /// `accounts`: 12 digits each.
    pub accounts: Vec<String>,
}

/// `[[rule]]`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rule {
    /// `match`: when the rule applies; all of its keys must match.
    pub matcher: Matcher,
    /// `owner`: a team.
    pub owner: Option<String>,
    /// `runbook`: an `https` address.
    pub runbook: Option<String>,
    /// `next_step`: what to do, in one or two sentences.
    pub next_step: Option<String>,
}

/// `[[mute]]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Mute {
    /// `match`: what is muted.
    pub matcher: Matcher,
    /// `because`: why, for whoever wonders.
    pub because: String,
    /// `until`: the first day on which it is heard again (UTC).
    pub until: Option<Date>,
}

/// What the configuration says about one event.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Care {
    /// Who owns it.
    pub owner: Option<String>,
    /// Where it is written down what to do.
    pub runbook: Option<String>,
    /// What to do next.
    pub next_step: Option<String>,
    /// The environment of the account.
    pub environment: Option<String>,
}

/// What rules and mutes look at.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The affected account.
    pub account: &'a str,
    /// The event ARN.
    pub event_arn: &'a str,
    /// What AWS said.
    pub content: &'a Content,
    /// What it named.
    pub entities: &'a [Entity],
}

/// A problem in a configuration file.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Problem {
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// What is wrong, and the mend.
    pub message: String,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}: {}", self.line, self.column, self.message)
    }
}

impl Config {
    /// Reads `toml`, or reports every problem in it, in the order of the lines.
    ///
    /// # Errors
    /// Text that is not TOML, unknown keys, values of the wrong type or outside their range, rules without effect.
    pub fn parse(toml: &str) -> Result<Self, Vec<Problem>> {
        let problems = Problems::of(toml);
        let config = match Section::root(toml, &problems) {
            Some(root) => Self::read(&root),
            None => Self::default(),
        };
        match problems.into_sorted() {
            none if none.is_empty() => Ok(config),
            some => Err(some),
        }
    }

    fn read(root: &Section<'_, '_>) -> Self {
        root.only(&[
            "health",
            "environment",
            "rule",
            "mute",
            "notifier",
            "channel",
            "route",
            "drills",
            "drill",
            "cache",
        ]);
        Self {
            health: root.table("health").map_or_else(Health::default, |health| Health::read(&health)),
            environments: root.tables("environment").iter().map(Environment::read).collect(),
            rules: root.tables("rule").iter().map(Rule::read).collect(),
            mutes: root.tables("mute").iter().map(Mute::read).collect(),
            routing: Routing::read(root),
            drills: Drills::read(root),
            caches: caches::read(root),
        }
    }

    /// What the rules say about `subject`.
    pub fn care(&self, subject: Subject<'_>) -> Care {
        let mut care = Care { environment: self.environment(subject.account), ..Care::default() };
        for rule in self.rules.iter().filter(|rule| rule.matcher.matches(subject)) {
            care.owner = care.owner.or_else(|| rule.owner.clone());
            care.runbook = care.runbook.or_else(|| rule.runbook.clone());
            care.next_step = care.next_step.or_else(|| rule.next_step.clone());
        }
        care
    }

    /// The mute that silences `subject` at `now`, if one does.
    pub fn mute(&self, subject: Subject<'_>, now: Timestamp) -> Option<&Mute> {
        let today = now.to_zoned(jiff::tz::TimeZone::UTC).date();
        self.mutes
            .iter()
            .find(|mute| mute.until.is_none_or(|until| today < until) && mute.matcher.matches(subject))
    }

    /// When to remind of a case with `deadline` next: at least a day after `now`, when people were told last.
    pub fn next_reminder(&self, deadline: Timestamp, now: Timestamp) -> Option<Timestamp> {
        let days = self.health.remind_days.iter();
        let before = |days: &i64| deadline.checked_sub(SignedDuration::from_hours(24 * days)).ok();
        days.filter_map(before).filter(|at| *at > now + SignedDuration::from_hours(24)).min()
    }

    fn environment(&self, account: &str) -> Option<String> {
        let named = self.environments.iter().find(|it| it.accounts.iter().any(|known| known == account));
        named.map(|environment| environment.name.clone())
    }
}

impl<'a> Subject<'a> {
    /// The subject of `case`, saying `content` about `entities`.
    pub fn new(id: &'a CaseId, content: &'a Content, entities: &'a [Entity]) -> Self {
        Self { account: &id.account, event_arn: &id.event_arn, content, entities }
    }
}

impl Health {
    fn read(section: &Section<'_, '_>) -> Self {
        section.only(&["page_timeout_minutes", "remind_days"]);
        let default = Self::default();
        let minutes = section.integer("page_timeout_minutes", 1..=360);
        Self {
            page_timeout: minutes.map_or(default.page_timeout, SignedDuration::from_mins),
            remind_days: section.integers("remind_days", 0..=1000).unwrap_or(default.remind_days),
        }
    }
}

impl Environment {
    fn read(section: &Section<'_, '_>) -> Self {
        section.only(&["name", "accounts"]);
        Self { name: section.required("name"), accounts: matcher::accounts(section, "accounts", true) }
    }
}

impl Rule {
    fn read(section: &Section<'_, '_>) -> Self {
        section.only(&["match", "owner", "runbook", "next_step"]);
        let rule = Self {
            matcher: Matcher::read(section),
            owner: section.string("owner"),
            runbook: section.url("runbook"),
            next_step: section.string("next_step"),
        };
        if !["owner", "runbook", "next_step"].iter().any(|key| section.has(key)) {
            section.problem("this rule says nothing: add `owner`, `runbook` or `next_step`");
        }
        rule
    }
}

impl Mute {
    fn read(section: &Section<'_, '_>) -> Self {
        section.only(&["match", "because", "until"]);
        let mute = Self {
            matcher: Matcher::read(section),
            because: section.required("because"),
            until: section.date("until"),
        };
        if mute.matcher == Matcher::default() {
            section.problem("this mute would silence everything: add a `match`");
        }
        mute
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_problem_is_reported_at_once_with_its_place() {
        let toml = r#"
[health]
page_timeout_minutes = 0
remind_day = [1]

[[environment]]
name = "production"
accounts = ["1234"]

[[rule]]
match = { service = "RDS", colour = ["red"] }
runbook = "http://wiki/rds"

[[mute]]
because = 7
until = "soon"
"#;
        let problems = Config::parse(toml).unwrap_err();
        let shown: Vec<_> = problems.iter().map(ToString::to_string).collect();
        assert_eq!(
            shown,
            [
                "3:24: `page_timeout_minutes` must be a whole number from 1 to 360",
                "4:1: unknown key `remind_day`; known here: page_timeout_minutes, remind_days",
                "8:12: `1234` is no account id: it has 12 digits, in quotes",
                "11:21: `service` must be a list of texts, as in [\"one\", \"two\"]",
                "11:28: unknown key `colour`; known here: service, type_code, account, region, event, entity, text, tag",
                "12:11: `runbook` must be an address that begins with https://",
                "14:1: this mute would silence everything: add a `match`",
                "15:11: `because` must be a text in quotes, not empty",
                "16:9: `until` must be a day, as in 2026-12-31",
            ]
        );
    }

    #[test]
    fn text_that_is_not_toml_is_a_problem_with_a_place() {
        let problems = Config::parse("[health\n").unwrap_err();
        assert_eq!((problems.len(), problems[0].line), (1, 1));
    }

    #[test]
    fn an_empty_file_is_the_default() {
        assert_eq!(Config::parse(""), Ok(Config::default()));
    }

    #[test]
    fn reminders_come_nearer_and_stop_at_the_deadline() {
        let config = Config::default();
        let deadline: Timestamp = "2026-11-30T00:00:00Z".parse().unwrap();
        let mut now: Timestamp = "2026-11-10T00:00:00Z".parse().unwrap();
        let mut days = Vec::new();
        while let Some(at) = config.next_reminder(deadline, now) {
            days.push(deadline.duration_since(at).as_hours() / 24);
            now = at;
        }
        assert_eq!(days, [14, 7, 3, 1]);
    }
}
