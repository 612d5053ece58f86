//! Where things are, from the environment: read in this one place, at start-up.

use std::path::PathBuf;

use watchkeeper_domain::failure::Failure;

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
    /// The settings of this process. The failure names every variable that is not set.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
    pub fn from_env() -> Result<Self, Failure> {
        Self::read(|name| std::env::var(name).ok())
    }

    /// The settings that `lookup` gives, by the name of the variable. An empty value counts as none.
    pub fn read(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, Failure> {
        let mut missing = Vec::new();
        let mut value = |name: &'static str| {
            lookup(name).filter(|value| !value.is_empty()).unwrap_or_else(|| {
                missing.push(name);
                String::new()
            })
        };
        let settings = Self {
            table: value("WATCHKEEPER_TABLE"),
            notices_topic: value("WATCHKEEPER_NOTICES_TOPIC"),
            bus: value("WATCHKEEPER_BUS"),
            config: value("WATCHKEEPER_CONFIG").into(),
        };
        if missing.is_empty() {
            return Ok(settings);
        }
        Err(Failure::new("read", "the environment", format!("not set: {}", missing.join(", "))))
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
}
