//! The Chaos Mesh or Litmus resource inside an action: FIS hands it to the cluster without looking.
//!
//! So neither a target preview nor FIS's own limits say anything about whom it hits, or for how long.
//!
//! Source: AWS FIS User Guide, `aws:eks:inject-kubernetes-custom-resource`; the types of Chaos Mesh
//! (`api/v1alpha1/*_types.go`) and of Litmus (`api/litmuschaos/v1alpha1/chaosengine_types.go`).

use jiff::SignedDuration;
use serde_json::Value;

use super::{
    Finding, Limits, duration,
    template::{Action, Text},
};

pub mod chaos_mesh;
pub mod litmus;
mod mode;

pub use mode::Mode;

/// What an action does to a cluster.
#[derive(Clone, Debug, PartialEq)]
pub enum Fault {
    /// A resource of Chaos Mesh.
    ChaosMesh(chaos_mesh::Chaos),
    /// A `ChaosEngine` of Litmus.
    Litmus(litmus::Engine),
}

/// Reads the resource inside `action`, which stands at `place`.
///
/// # Errors
/// Why it can't be read or must not be: an unknown kind, one that outlives the run or reaches beyond the cluster, a
/// `kubernetesSpec` that is no JSON.
pub fn parse(action: &Action, place: &str) -> Result<Fault, Finding> {
    let parameter = |name: &str| {
        let place = format!("{place}.parameters.{name}");
        match action.parameters.get(name) {
            Some(Text::Known(text)) => Ok((text.as_str(), place)),
            Some(Text::Deferred(_)) => Err(Finding::unresolved(place)),
            None => Err(Finding::refuse("kubernetes-spec", place, format!("missing: `{name}` is required"))),
        }
    };
    let (api, at_api) = parameter("kubernetesApiVersion")?;
    let (kind, at_kind) = parameter("kubernetesKind")?;
    let (spec, at_spec) = parameter("kubernetesSpec")?;
    let is_litmus = api == "litmuschaos.io/v1alpha1";
    if !is_litmus && api != "chaos-mesh.org/v1alpha1" {
        let message =
            format!("`{api}` is unknown: FIS takes chaos-mesh.org/v1alpha1 and litmuschaos.io/v1alpha1");
        return Err(Finding::refuse("kubernetes-kind", at_api, message));
    }
    if is_litmus && kind != "ChaosEngine" {
        let message = format!("`{kind}` is no kind of Litmus that FIS takes: it takes ChaosEngine");
        return Err(Finding::refuse("kubernetes-kind", at_kind, message));
    }
    if !is_litmus {
        chaos_mesh::judge_kind(kind, &at_kind)?;
    }
    let spec = json_spec(spec, &at_spec)?;
    Ok(if is_litmus {
        Fault::Litmus(litmus::Engine::read(&spec))
    } else {
        Fault::ChaosMesh(chaos_mesh::Chaos::read(kind, &spec))
    })
}

fn json_spec(text: &str, place: &str) -> Result<Value, Finding> {
    let refuse = |message: String| Finding::refuse("kubernetes-spec", place, message);
    let spec: Value = serde_json::from_str(text).map_err(|error| refuse(format!("not JSON: {error}")))?;
    if !spec.is_object() {
        return Err(refuse("must be the `spec` of the resource, a JSON object".to_owned()));
    }
    if spec.get("spec").is_some() && spec.get("kind").is_some() {
        return Err(refuse("this is the whole manifest: give only what stands under its `spec`".to_owned()));
    }
    Ok(spec)
}

/// Everything that is wrong with the resource inside `action`, which stands at `place`.
pub fn findings(action: &Action, place: &str, limits: &Limits) -> Vec<Finding> {
    let at = format!("{place}.parameters.kubernetesSpec");
    let (mut findings, runs) = match parse(action, place) {
        Err(finding) => (vec![finding], None),
        Ok(Fault::ChaosMesh(chaos)) => (chaos.findings(&at, limits), chaos.runs()),
        Ok(Fault::Litmus(engine)) => (engine.findings(&at, limits), engine.runs()),
    };
    findings.extend(system_namespace(action, place));
    findings.extend(runs.and_then(|runs| outlives(action, runs, &at)));
    findings
}

/// Whether `namespace` belongs to Kubernetes itself.
pub fn is_system(namespace: &str) -> bool {
    namespace.starts_with("kube-")
}

/// `namespace` belongs to Kubernetes itself: DNS, the network and the control plane's agents live there.
fn refuse_system(namespace: &str, place: String) -> Option<Finding> {
    let message = || format!("`{namespace}` keeps the cluster itself alive: name a namespace of your own");
    is_system(namespace).then(|| Finding::refuse("kubernetes-system-namespace", place, message()))
}

fn system_namespace(action: &Action, place: &str) -> Option<Finding> {
    let namespace = action.parameters.get("kubernetesNamespace")?.known()?;
    refuse_system(namespace, format!("{place}.parameters.kubernetesNamespace"))
}

/// FIS fails the action, and deletes the resource, after `maxDuration`, which also holds the seconds that the tool needs
/// to begin. So the fault must have ended by itself before that: nothing stays, even when the deletion fails.
fn outlives(action: &Action, runs: SignedDuration, place: &str) -> Option<Finding> {
    let max = duration::iso(action.parameters.get("maxDuration")?.known()?).ok()?;
    let (lasts, allowed) = (duration::shown(runs), duration::shown(max));
    let message = format!(
        "the fault lasts {lasts}, and FIS gives up after {allowed}, beginning included: make it shorter, or \
         `maxDuration` longer"
    );
    (runs >= max).then(|| Finding::refuse("kubernetes-outlives-action", place, message))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rules(api: &str, kind: &str, spec: &str) -> Vec<&'static str> {
        let action = action(api, kind, spec);
        findings(&action, "actions.a", &Limits::default()).into_iter().map(|finding| finding.rule).collect()
    }

    fn action(api: &str, kind: &str, spec: &str) -> Action {
        let parameters = [
            ("kubernetesApiVersion", api),
            ("kubernetesKind", kind),
            ("kubernetesNamespace", "drills"),
            ("kubernetesSpec", spec),
            ("maxDuration", "PT2M"),
        ];
        let parameters = parameters.map(|(name, value)| (name.to_owned(), Text::from(value)));
        Action { parameters: parameters.into(), ..Action::default() }
    }

    const MESH: &str = "chaos-mesh.org/v1alpha1";

    #[test]
    fn a_kind_that_outlives_the_run_or_leaves_the_cluster_is_refused_unread() {
        assert_eq!(rules(MESH, "Schedule", "{}"), ["kubernetes-schedule"]);
        assert_eq!(rules(MESH, "AWSChaos", "{}"), ["kubernetes-beyond-cluster"]);
        assert_eq!(rules(MESH, "PodNetworkChaos", "{}"), ["kubernetes-kind"]);
        assert_eq!(rules(MESH, "Chaos", "{}"), ["kubernetes-kind"]);
        assert_eq!(rules("litmuschaos.io/v1alpha1", "ChaosExperiment", "{}"), ["kubernetes-kind"]);
        assert_eq!(rules("apps/v1", "Deployment", "{}"), ["kubernetes-kind"]);
    }

    #[test]
    fn a_spec_that_is_none_is_refused() {
        for spec in ["mode: all", "[]", "{\"kind\":\"PodChaos\",\"spec\":{}}"] {
            assert_eq!(rules(MESH, "PodChaos", spec), ["kubernetes-spec"], "{spec}");
        }
        let mut action = action(MESH, "PodChaos", "{}");
        action.parameters.insert("kubernetesSpec".into(), Text::Deferred(json!({ "Ref": "Spec" })));
        assert_eq!(findings(&action, "actions.a", &Limits::default())[0].rule, "unresolved");
    }

    #[test]
    fn a_fault_that_would_outlast_its_action_is_refused() {
        let spec = |duration: &str| {
            json!({ "mode": "one", "duration": duration, "action": "pod-failure",
                "selector": { "namespaces": ["shop"], "labelSelectors": { "app": "cart" } } })
        };
        assert_eq!(rules(MESH, "PodChaos", &spec("2m").to_string()), ["kubernetes-outlives-action"]);
        assert!(rules(MESH, "PodChaos", &spec("90s").to_string()).is_empty());
    }

    #[test]
    fn a_resource_in_kube_system_is_refused() {
        let mut action = action(MESH, "Schedule", "{}");
        action.parameters.insert("kubernetesNamespace".into(), "kube-system".into());
        let last = findings(&action, "actions.a", &Limits::default()).pop().unwrap();
        assert_eq!(last.rule, "kubernetes-system-namespace");
        assert_eq!(last.place, "actions.a.parameters.kubernetesNamespace");
    }
}
