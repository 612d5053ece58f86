//! Measures that are set up often.

use std::collections::BTreeMap;

use super::{Metric, Source};

/// `preset`: a series that need not be spelled out.
///
/// Source: Amazon CloudWatch User Guide, "Amazon EKS and Kubernetes Container Insights metrics", and "Using math
/// expressions with CloudWatch metrics" (`DIFF`). Time to ready is no metric there: [`Preset::RunningPods`] with `min` gives
/// the time until enough pods run, as the time to recover; a pod may run before it is ready.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Preset {
    /// `pod-restarts`: how often containers of a pod were restarted in each period. The metric itself counts all restarts so
    /// far, and never falls.
    PodRestarts,
    /// `running-pods`: how many pods of a service run.
    RunningPods,
}

impl Preset {
    /// Every preset.
    pub const ALL: [Self; 2] = [Self::PodRestarts, Self::RunningPods];

    /// Its word in the configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PodRestarts => "pod-restarts",
            Self::RunningPods => "running-pods",
        }
    }

    /// The dimensions that the metric has, all of which must be given.
    pub fn dimensions(self) -> [&'static str; 3] {
        match self {
            Self::PodRestarts => ["ClusterName", "Namespace", "PodName"],
            Self::RunningPods => ["ClusterName", "Namespace", "Service"],
        }
    }

    /// The series of these dimensions.
    pub fn source(self, dimensions: BTreeMap<String, String>) -> Source {
        let metric = |name: &str, stat: &str| Metric {
            namespace: "ContainerInsights".to_owned(),
            name: name.to_owned(),
            dimensions,
            stat: stat.to_owned(),
        };
        match self {
            Self::PodRestarts => Source::Expression {
                expression: "DIFF(restarts)".to_owned(),
                inputs: BTreeMap::from([(
                    "restarts".to_owned(),
                    metric("pod_number_of_container_restarts", "Maximum"),
                )]),
            },
            Self::RunningPods => Source::Metric(metric("service_number_of_running_pods", "Minimum")),
        }
    }
}
