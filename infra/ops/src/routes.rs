//! Who hears what, by `template.yaml`: events of the default bus, and notices of the topic.

use anyhow::{Result, anyhow};
use serde_json::Value;
use watchkeeper_sim::bus::{Bus, DEFAULT, Source};

use crate::functions::Function;

/// The logical id of the SNS topic to which notices are published.
pub const NOTICES: &str = "Notices";

/// The name of the custom bus.
const BUS: &str = "watchkeeper";

/// The routes of the template.
#[derive(Debug)]
pub struct Routes {
    /// Rules, schedules, subscriptions.
    pub bus: Bus,
}

impl Routes {
    /// The routes of the SAM template `yaml`.
    ///
    /// # Errors
    /// When something in it cannot be routed here exactly as in AWS.
    pub fn from_template(yaml: &str) -> Result<Self> {
        Self::new(Bus::from_template(yaml).map_err(|failure| anyhow!(failure.chain()))?)
    }

    /// The routes of `bus`.
    ///
    /// # Errors
    /// When a subscription of the topic filters.
    pub fn new(bus: Bus) -> Result<Self> {
        for route in bus.routes() {
            if let Source::Topic { topic, filter, .. } = &route.source
                && topic == NOTICES
                && !filter.is_null()
            {
                let (name, function) = (&route.name, &route.function);
                return Err(anyhow!("SNS {name} of {function}: a filter policy is not known here"));
            }
        }
        Ok(Self { bus })
    }

    /// The functions that `event` invokes, on the bus on which its source speaks: AWS and rehearsals on the default one,
    /// Watchkeeper on its own. What a schedule of a drill, a dead man or a CI job sends has no rule.
    pub fn functions_for(&self, event: &Value) -> Vec<&str> {
        match (event["tick"].as_str(), event["source"].as_str()) {
            (Some("drill"), _) => vec![Function::ChaosTrigger.logical_id()],
            (Some("dead-man"), _) => vec![Function::ExperimentWatcher.logical_id()],
            (None, None) if ["claim", "release"].iter().any(|key| event[*key].is_object()) => {
                vec![Function::CacheRefresher.logical_id()]
            }
            (_, Some("watchkeeper" | "watchkeeper.ops")) => self.bus.functions_for(event, BUS),
            (_, _) => self.bus.functions_for(event, DEFAULT),
        }
    }

    /// The functions that hear every notice.
    pub fn hear_notices(&self) -> Vec<&str> {
        let hears = |source: &Source| matches!(source, Source::Topic { topic, .. } if topic == NOTICES);
        let routes = self.bus.routes().iter().filter(|route| hears(&route.source));
        routes.map(|route| route.function.as_str()).collect()
    }

    /// The rules, each as `function hears pattern`.
    pub fn rules(&self) -> Vec<String> {
        let rules = self.bus.routes().iter().filter_map(|route| match &route.source {
            Source::Rule { pattern, .. } => Some(format!("{} hears {}", route.function, pattern.source())),
            Source::Schedule { .. } | Source::Topic { .. } | Source::Other(_) => None,
        });
        rules.collect()
    }
}
