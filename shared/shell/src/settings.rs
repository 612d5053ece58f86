//! Where things are, from the environment: read in this one place, at start-up.

use std::path::PathBuf;

use watchkeeper_domain::{drill::Site, failure::Failure};

/// The value of a variable of this process.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
pub fn env(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// The names that `template.yaml` gives to what it deploys.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Settings {
    /// `WATCHKEEPER_TABLE`: the name of the DynamoDB table.
    pub table: String,
    /// `WATCHKEEPER_NOTICES_TOPIC`: the ARN of the SNS topic `notices`.
    pub notices_topic: String,
    /// `WATCHKEEPER_BUS`: the name of the custom event bus.
    pub bus: String,
    /// `WATCHKEEPER_CONFIG`: the path of `watchkeeper.toml`.
    pub config: PathBuf,
}

impl Settings {
    /// The settings that `lookup` gives, by the name of the variable. An empty value counts as none. The failure names every
    /// variable that is not set.
    pub fn read(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, Failure> {
        let mut variables = Variables::new(lookup);
        let settings = variables.common();
        variables.all_set(settings)
    }
}

/// The names of what notifier needs. It puts no domain events on the bus.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NotifierSettings {
    /// `WATCHKEEPER_TABLE`: the name of the DynamoDB table.
    pub table: String,
    /// `WATCHKEEPER_NOTICES_TOPIC`: the ARN of the SNS topic `notices`, for alerts about channels.
    pub notices_topic: String,
    /// `WATCHKEEPER_MESSAGES_TOPIC`: the ARN of the SNS topic `messages`.
    pub messages_topic: String,
    /// `WATCHKEEPER_FAILURE_QUEUE_URL`: the URL of the SQS queue for what no channel will ever show.
    pub failure_queue: String,
    /// `WATCHKEEPER_CONFIG`: the path of `watchkeeper.toml`.
    pub config: PathBuf,
}

impl NotifierSettings {
    /// The settings that `lookup` gives, by the name of the variable. An empty value counts as none. The failure names every
    /// variable that is not set.
    pub fn read(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, Failure> {
        let mut variables = Variables::new(lookup);
        let settings = Self {
            table: variables.value("WATCHKEEPER_TABLE"),
            notices_topic: variables.value("WATCHKEEPER_NOTICES_TOPIC"),
            messages_topic: variables.value("WATCHKEEPER_MESSAGES_TOPIC"),
            failure_queue: variables.value("WATCHKEEPER_FAILURE_QUEUE_URL"),
            config: variables.value("WATCHKEEPER_CONFIG").into(),
        };
        variables.all_set(settings)
    }
}

/// The names of what `chaos-trigger` and `experiment-watcher` need.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DrillSettings {
    /// The table, the topic, the bus and the configuration.
    pub common: Settings,
    /// `WATCHKEEPER_ACCOUNT`, `WATCHKEEPER_REGION` and `WATCHKEEPER_LEASH`: only the word `off` takes the leash off.
    pub site: Site,
    /// `WATCHKEEPER_SCHEDULE_GROUP`: the name of the group of the dead-man schedules.
    pub schedule_group: String,
    /// `WATCHKEEPER_SCHEDULE_ROLE`: the ARN of the role with which they act.
    pub schedule_role: String,
    /// `WATCHKEEPER_WATCHER`: the ARN of `experiment-watcher`, which they wake.
    pub watcher: String,
    /// `WATCHKEEPER_DEAD_LETTERS`: the ARN of the queue for what they could not deliver.
    pub dead_letters: String,
}

impl DrillSettings {
    /// The settings that `lookup` gives, by the name of the variable. An empty value counts as none. The failure names every
    /// variable that is not set.
    pub fn read(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, Failure> {
        let mut variables = Variables::new(lookup);
        let settings = Self {
            common: variables.common(),
            site: variables.site(),
            schedule_group: variables.value("WATCHKEEPER_SCHEDULE_GROUP"),
            schedule_role: variables.value("WATCHKEEPER_SCHEDULE_ROLE"),
            watcher: variables.value("WATCHKEEPER_WATCHER"),
            dead_letters: variables.value("WATCHKEEPER_DEAD_LETTERS"),
        };
        variables.all_set(settings)
    }
}

/// The names of what `cache-refresher` needs.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CacheSettings {
    /// The table, the topic, the bus and the configuration.
    pub common: Settings,
    /// `WATCHKEEPER_ACCOUNT`, `WATCHKEEPER_REGION` and `WATCHKEEPER_LEASH`: only the word `off` takes the leash off.
    pub site: Site,
}

impl CacheSettings {
    /// The settings that `lookup` gives, by the name of the variable. An empty value counts as none. The failure names every
    /// variable that is not set.
    pub fn read(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, Failure> {
        let mut variables = Variables::new(lookup);
        let settings = Self { common: variables.common(), site: variables.site() };
        variables.all_set(settings)
    }
}

/// Variables by name, and which of those asked for are not set.
struct Variables<L> {
    lookup: L,
    missing: Vec<&'static str>,
}

impl<L: Fn(&str) -> Option<String>> Variables<L> {
    fn new(lookup: L) -> Self {
        Self { lookup, missing: Vec::new() }
    }

    fn value(&mut self, name: &'static str) -> String {
        (self.lookup)(name).filter(|value| !value.is_empty()).unwrap_or_else(|| {
            self.missing.push(name);
            String::new()
        })
    }

    fn common(&mut self) -> Settings {
        Settings {
            table: self.value("WATCHKEEPER_TABLE"),
            notices_topic: self.value("WATCHKEEPER_NOTICES_TOPIC"),
            bus: self.value("WATCHKEEPER_BUS"),
            config: self.value("WATCHKEEPER_CONFIG").into(),
        }
    }

    fn site(&mut self) -> Site {
        Site {
            account: self.value("WATCHKEEPER_ACCOUNT"),
            region: self.value("WATCHKEEPER_REGION"),
            leash: self.value("WATCHKEEPER_LEASH") != "off",
        }
    }

    /// `settings`, if everything that was asked for is set.
    fn all_set<T>(self, settings: T) -> Result<T, Failure> {
        if self.missing.is_empty() {
            return Ok(settings);
        }
        Err(Failure::new("read", "the environment", format!("not set: {}", self.missing.join(", "))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_missing_variable_is_named_at_once() {
        let failure = Settings::read(|name| match name {
            "WATCHKEEPER_TABLE" => Some("watchkeeper".to_owned()),
            "WATCHKEEPER_BUS" => Some(String::new()),
            _ => None,
        })
        .unwrap_err();
        assert_eq!(
            failure.chain(),
            "could not read the environment: \
             not set: WATCHKEEPER_NOTICES_TOPIC, WATCHKEEPER_BUS, WATCHKEEPER_CONFIG"
        );
    }

    #[test]
    fn each_variable_goes_to_its_own_setting() {
        let settings = Settings::read(|name| Some(format!("<{name}>"))).unwrap();
        assert_eq!(settings.table, "<WATCHKEEPER_TABLE>");
        assert_eq!(settings.notices_topic, "<WATCHKEEPER_NOTICES_TOPIC>");
        assert_eq!(settings.bus, "<WATCHKEEPER_BUS>");
        assert_eq!(settings.config, PathBuf::from("<WATCHKEEPER_CONFIG>"));
    }

    #[test]
    fn notifier_names_its_own_variables() {
        let settings = NotifierSettings::read(|name| Some(format!("<{name}>"))).unwrap();
        assert_eq!(settings.table, "<WATCHKEEPER_TABLE>");
        assert_eq!(settings.notices_topic, "<WATCHKEEPER_NOTICES_TOPIC>");
        assert_eq!(settings.messages_topic, "<WATCHKEEPER_MESSAGES_TOPIC>");
        assert_eq!(settings.failure_queue, "<WATCHKEEPER_FAILURE_QUEUE_URL>");
        assert_eq!(settings.config, PathBuf::from("<WATCHKEEPER_CONFIG>"));
        let failure = NotifierSettings::read(|_| None).unwrap_err();
        assert_eq!(
            failure.chain(),
            "could not read the environment: not set: WATCHKEEPER_TABLE, WATCHKEEPER_NOTICES_TOPIC, WATCHKEEPER_MESSAGES_TOPIC, \
             WATCHKEEPER_FAILURE_QUEUE_URL, WATCHKEEPER_CONFIG"
        );
    }

    #[test]
    fn only_one_word_takes_the_leash_off() {
        let leash = |word: &str| {
            let value = |name: &str| Some(if name == "WATCHKEEPER_LEASH" { word } else { name }.to_owned());
            let caches = CacheSettings::read(value).unwrap().site.leash;
            assert_eq!(DrillSettings::read(value).unwrap().site.leash, caches);
            caches
        };
        assert_eq!(["off", "on", "OFF", "false", "0"].map(leash), [false, true, true, true, true]);
        assert!(DrillSettings::read(|_| None).unwrap_err().chain().contains("WATCHKEEPER_LEASH"));
    }
}
