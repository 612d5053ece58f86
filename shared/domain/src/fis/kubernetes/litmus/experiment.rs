//! One experiment of a Litmus engine.
//!
//! Source: the tunables of Litmus's experiments
//! (<https://litmuschaos.github.io/litmus/experiments/categories/contents/>).

use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    super::{Finding, Limits, Mode},
    duration_absent, shown,
};

/// One experiment of an engine.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Experiment {
    /// `pod-delete`, `pod-cpu-hog`, …
    pub name: String,
    /// `spec.components.env`.
    pub env: BTreeMap<String, String>,
}

impl Experiment {
    pub(super) fn read(experiment: &Value) -> Self {
        let env = experiment["spec"]["components"]["env"].as_array().into_iter().flatten();
        let pair = |entry: &Value| Some((entry["name"].as_str()?.to_owned(), shown(entry.get("value")?)));
        Self { name: shown(&experiment["name"]), env: env.filter_map(pair).collect() }
    }

    pub(super) fn seconds(&self, name: &str) -> Option<i64> {
        self.env.get(name)?.parse::<u32>().ok().map(i64::from)
    }

    pub(super) fn findings(&self, place: &str, limits: &Limits) -> Vec<Finding> {
        let at = format!("{place}.spec.components.env");
        let mut findings = Vec::new();
        if self.seconds("TOTAL_CHAOS_DURATION").is_none_or(|seconds| seconds == 0) {
            findings.push(duration_absent(&at));
        }
        findings.extend(self.share_too_wide(&at, limits));
        findings.extend(self.names_too_many(&at, limits));
        findings.extend(self.judge_name(&format!("{place}.name"), limits));
        findings
    }

    /// Pods or nodes by name go before any percentage.
    fn names_too_many(&self, place: &str, limits: &Limits) -> Vec<Finding> {
        let lists = ["TARGET_PODS", "TARGET_NODES"].into_iter();
        let judged = lists.filter_map(|name| {
            let named = self.env.get(name)?.split(',').filter(|it| !it.trim().is_empty()).count();
            let wrong = Mode::Fixed(u64::try_from(named).unwrap_or(u64::MAX)).excess(limits)?;
            Some(Finding::refuse("kubernetes-mode", format!("{place}.{name}"), wrong))
        });
        judged.collect()
    }

    /// Without a percentage, or at 0, Litmus hits one pod or node.
    fn share_too_wide(&self, place: &str, limits: &Limits) -> Vec<Finding> {
        let shares = ["PODS_AFFECTED_PERC", "NODES_AFFECTED_PERC"].into_iter();
        let found = shares.filter_map(|name| Some((name, self.env.get(name)?)));
        let judged = found.filter_map(|(name, text)| {
            let wrong = match text.parse() {
                Ok(percent) => Mode::FixedPercent(percent).excess(limits)?,
                Err(_) => format!("`{text}` is no whole number of percent"),
            };
            Some(Finding::refuse("kubernetes-mode", format!("{place}.{name}"), wrong))
        });
        judged.collect()
    }

    fn judge_name(&self, place: &str, limits: &Limits) -> Option<Finding> {
        let name = self.name.as_str();
        let beyond = ["ec2-", "ebs-", "rds-", "aws-", "gcp-", "azure-", "vm-"];
        let moments = ["pod-delete", "container-kill", "node-restart", "node-poweroff"];
        if beyond.iter().any(|prefix| name.starts_with(prefix)) {
            let message =
                format!("`{name}` reaches beyond the cluster, past FIS and every tag: use an action of FIS");
            return Some(Finding::refuse("kubernetes-beyond-cluster", place, message));
        }
        let is_destructive = moments.contains(&name) || name.ends_with("-service-kill");
        let message = format!("stopping the experiment can't undo `{name}`: it needs an explicit allowance");
        (is_destructive && !limits.allow_destructive)
            .then(|| Finding::refuse("kubernetes-destructive", place, message))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rules(env: &Value, name: &str, limits: &Limits) -> Vec<&'static str> {
        let experiment = json!({ "name": name, "spec": { "components": { "env": env } } });
        let findings = Experiment::read(&experiment).findings("experiments[0]", limits).into_iter();
        findings.map(|finding| finding.rule).collect()
    }

    #[test]
    fn share_duration_and_reach_are_held_to_the_limits() {
        let env = |percent: &str| {
            json!([{ "name": "TOTAL_CHAOS_DURATION", "value": "60" },
                { "name": "PODS_AFFECTED_PERC", "value": percent }])
        };
        let limits = Limits::default();
        assert!(rules(&env("50"), "pod-cpu-hog", &limits).is_empty());
        for wrong in ["51", "half"] {
            assert_eq!(rules(&env(wrong), "pod-cpu-hog", &limits), ["kubernetes-mode"]);
        }
        let named = json!([{ "name": "TOTAL_CHAOS_DURATION", "value": "60" },
            { "name": "TARGET_PODS", "value": "a,b,c,d,e,f" }]);
        assert_eq!(rules(&named, "pod-cpu-hog", &limits), ["kubernetes-mode"]);
        assert_eq!(rules(&json!([]), "pod-cpu-hog", &limits), ["kubernetes-duration-absent"]);
        assert_eq!(rules(&env("0"), "ec2-terminate-by-id", &limits), ["kubernetes-beyond-cluster"]);
        assert_eq!(rules(&env("0"), "pod-delete", &limits), ["kubernetes-destructive"]);
        let allowed = Limits { allow_destructive: true, ..limits };
        assert!(rules(&env("0"), "pod-delete", &allowed).is_empty());
    }
}
