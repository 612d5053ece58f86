//! A resource of Chaos Mesh: whom it selects, and for how long.
//!
//! Source: Chaos Mesh, `api/v1alpha1` (`SelectorSpec`, `PodChaosSpec`, `NetworkChaosSpec`).

use jiff::SignedDuration;
use serde_json::Value;

use super::{Finding, Limits, Mode, duration};

mod selector;

pub use selector::Selector;
use selector::has_any;

/// The kinds whose `spec` has a mode, a selector and a duration.
const KINDS: [&str; 9] = [
    "DNSChaos",
    "HTTPChaos",
    "IOChaos",
    "JVMChaos",
    "KernelChaos",
    "NetworkChaos",
    "PodChaos",
    "StressChaos",
    "TimeChaos",
];

/// A resource of Chaos Mesh.
#[derive(Clone, Debug, PartialEq)]
pub struct Chaos {
    /// `PodChaos`, `NetworkChaos`, …
    pub kind: String,
    /// `action`: `pod-kill`, `partition`, …; empty where the kind has none.
    pub action: String,
    /// `mode` and `value`, or what is wrong with them.
    pub mode: Result<Mode, String>,
    /// `selector`.
    pub selector: Selector,
    /// `target.selector` of a `NetworkChaos`: the other side.
    pub target: Option<Selector>,
    /// Whether `externalTargets` names the other side.
    pub has_external_targets: bool,
    /// `duration`. Without one, Chaos Mesh goes on until the resource is deleted.
    pub duration: Option<String>,
    /// Whether it has a `scheduler` of its own, as before Chaos Mesh 2.
    pub has_scheduler: bool,
    /// `remoteCluster`: another cluster than the one that FIS knows of.
    pub remote_cluster: Option<String>,
}

/// Whether a resource of `kind` may be judged by its `spec` at all.
pub(super) fn judge_kind(kind: &str, place: &str) -> Result<(), Finding> {
    match kind {
        known if KINDS.contains(&known) => Ok(()),
        "Schedule" => Err(Finding::refuse(
            "kubernetes-schedule",
            place,
            "a Schedule starts faults after the run is over: give the fault itself, and schedule the drill",
        )),
        "AWSChaos" | "GCPChaos" | "PhysicalMachineChaos" => Err(Finding::refuse(
            "kubernetes-beyond-cluster",
            place,
            format!("`{kind}` reaches beyond the cluster, past FIS and every tag: use an action of FIS"),
        )),
        _ => Err(Finding::refuse(
            "kubernetes-kind",
            place,
            format!("`{kind}` has no selector that can be judged; there are {}", KINDS.join(", ")),
        )),
    }
}

impl Chaos {
    pub(super) fn read(kind: &str, spec: &Value) -> Self {
        let text = |key: &str| spec.get(key).and_then(Value::as_str).map(str::to_owned);
        Self {
            kind: kind.to_owned(),
            action: text("action").unwrap_or_default(),
            mode: Mode::read(spec),
            selector: Selector::read(&spec["selector"]),
            target: spec.get("target").map(|target| Selector::read(&target["selector"])),
            has_external_targets: has_any(&spec["externalTargets"]),
            duration: spec.get("duration").filter(|it| !it.is_null()).map(shown),
            has_scheduler: spec.get("scheduler").is_some_and(|scheduler| !scheduler.is_null()),
            remote_cluster: text("remoteCluster").filter(|name| !name.is_empty()),
        }
    }

    /// Whether it happens and is over, without a duration.
    fn is_moment(&self) -> bool {
        self.kind == "PodChaos" && matches!(self.action.as_str(), "pod-kill" | "container-kill")
    }

    /// How long it lasts by itself, where it says so.
    pub(super) fn runs(&self) -> Option<SignedDuration> {
        duration::go(self.duration.as_deref()?).ok()
    }

    pub(super) fn findings(&self, place: &str, limits: &Limits) -> Vec<Finding> {
        let mut findings = Vec::new();
        findings.extend(self.mode_too_wide(place, limits));
        findings.extend(self.selector.findings(&format!("{place}.selector")));
        findings.extend(self.other_side(place));
        findings.extend(self.duration_unknown(place));
        findings.extend(self.destructive(place, limits));
        findings.extend(self.escapes(place));
        findings
    }

    fn mode_too_wide(&self, place: &str, limits: &Limits) -> Option<Finding> {
        let wrong = match &self.mode {
            Ok(mode) => mode.excess(limits)?,
            Err(wrong) => wrong.clone(),
        };
        Some(Finding::refuse("kubernetes-mode", format!("{place}.mode"), wrong))
    }

    /// A partition without another side cuts the pods off from the whole cluster, its DNS and the world.
    fn other_side(&self, place: &str) -> Vec<Finding> {
        if self.kind != "NetworkChaos" {
            return Vec::new();
        }
        let place = format!("{place}.target");
        match &self.target {
            Some(target) => target.findings(&format!("{place}.selector")),
            None if self.action == "partition" && !self.has_external_targets => vec![Finding::refuse(
                "kubernetes-cluster-wide",
                place,
                "without a `target` the pods are cut off from the whole cluster, its DNS and their own health \
                 checks: name the other side by namespace and label, or in `externalTargets`",
            )],
            None => Vec::new(),
        }
    }

    fn duration_unknown(&self, place: &str) -> Option<Finding> {
        let place = format!("{place}.duration");
        match &self.duration {
            Some(text) => {
                let wrong = duration::go(text).err()?;
                Some(Finding::refuse("kubernetes-duration-malformed", place, wrong))
            }
            None if self.is_moment() => None,
            None => Some(Finding::refuse(
                "kubernetes-duration-absent",
                place,
                "without a `duration` the fault lasts until somebody deletes it, also when FIS can't: add one",
            )),
        }
    }

    fn destructive(&self, place: &str, limits: &Limits) -> Option<Finding> {
        let message =
            format!("stopping the experiment can't undo `{}`: it needs an explicit allowance", self.action);
        let is_refused = self.is_moment() && !limits.allow_destructive;
        is_refused.then(|| Finding::refuse("kubernetes-destructive", format!("{place}.action"), message))
    }

    fn escapes(&self, place: &str) -> Vec<Finding> {
        let scheduler = self.has_scheduler.then(|| {
            let message = "a `scheduler` starts the fault again after the run is over: remove it";
            Finding::refuse("kubernetes-schedule", format!("{place}.scheduler"), message)
        });
        let remote = self.remote_cluster.as_ref().map(|name| {
            let message =
                format!("the fault goes to the cluster `{name}`, which FIS knows nothing of: remove it");
            Finding::refuse("kubernetes-beyond-cluster", format!("{place}.remoteCluster"), message)
        });
        scheduler.into_iter().chain(remote).collect()
    }
}

fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rules(kind: &str, spec: Value, limits: &Limits) -> Vec<(&'static str, String)> {
        let findings = Chaos::read(kind, &spec).findings("spec", limits);
        findings.into_iter().map(|finding| (finding.rule, finding.place)).collect()
    }

    fn shop() -> Value {
        json!({ "namespaces": ["shop"], "labelSelectors": { "app": "cart" } })
    }

    #[test]
    fn a_partition_needs_another_side_and_an_end() {
        let spec = json!({ "action": "partition", "mode": "all", "direction": "both", "selector": shop() });
        assert_eq!(
            rules("NetworkChaos", spec, &Limits::default()),
            [
                ("kubernetes-mode", "spec.mode".to_owned()),
                ("kubernetes-cluster-wide", "spec.target".to_owned()),
                ("kubernetes-duration-absent", "spec.duration".to_owned()),
            ]
        );
        let spec = json!({ "action": "partition", "mode": "one", "duration": "1m", "selector": shop(),
            "target": { "mode": "all", "selector": shop() } });
        assert!(rules("NetworkChaos", spec, &Limits::default()).is_empty());
    }

    #[test]
    fn a_kill_needs_no_duration_but_an_allowance() {
        let spec = json!({ "action": "container-kill", "mode": "one", "selector": shop() });
        let refused = rules("PodChaos", spec.clone(), &Limits::default());
        assert_eq!(refused, [("kubernetes-destructive", "spec.action".to_owned())]);
        assert!(rules("PodChaos", spec, &Limits { allow_destructive: true, ..Limits::default() }).is_empty());
    }

    #[test]
    fn a_fault_with_its_own_schedule_or_in_another_cluster_is_refused() {
        let spec = json!({ "mode": "one", "duration": "soon", "selector": shop(), "remoteCluster": "other",
            "scheduler": { "cron": "@every 5m" } });
        let found: Vec<_> =
            rules("StressChaos", spec, &Limits::default()).into_iter().map(|it| it.0).collect();
        assert_eq!(
            found,
            ["kubernetes-duration-malformed", "kubernetes-schedule", "kubernetes-beyond-cluster"]
        );
    }
}
