//! What happens inside a cluster.

use super::super::{
    Finding, Limits, Template,
    actions::INJECT,
    kubernetes::{self, is_system},
    template::Target,
};

/// The Chaos Mesh or Litmus resource of each action is held to the same limits.
pub(super) fn in_clusters(template: &Template, limits: &Limits) -> Vec<Finding> {
    let injections = template.actions.iter().filter(|(_, action)| action.action_id.is(INJECT));
    injections
        .flat_map(|(name, action)| kubernetes::findings(action, &format!("actions.{name}"), limits))
        .collect()
}

/// Pods are selected by a namespace of one's own and a selector.
///
/// Source: AWS FIS User Guide, "Targets for AWS FIS" (parameters of `aws:eks:pod`).
pub(super) fn in_pods(template: &Template, _: &Limits) -> Vec<Finding> {
    let pods = template.targets.iter().filter(|(_, target)| target.resource_type.is("aws:eks:pod"));
    pods.flat_map(|(name, target)| pod_selector(&format!("targets.{name}.parameters"), target)).collect()
}

fn pod_selector(place: &str, target: &Target) -> Vec<Finding> {
    let required = ["clusterIdentifier", "namespace", "selectorType", "selectorValue"];
    let absent = required.into_iter().filter(|name| !target.parameters.contains_key(*name)).map(|name| {
        let message = format!("missing: pods are selected by {}", required.join(", "));
        Finding::refuse("pod-selector-absent", format!("{place}.{name}"), message)
    });
    let namespace = target.parameters.get("namespace").and_then(|namespace| namespace.known());
    let system = namespace.filter(|namespace| is_system(namespace)).map(|namespace| {
        let message = format!("`{namespace}` keeps the cluster itself alive: name a namespace of your own");
        Finding::refuse("kubernetes-system-namespace", format!("{place}.namespace"), message)
    });
    absent.chain(system).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::sample::spoiled;

    #[test]
    fn pods_are_selected_in_a_namespace_of_ones_own() {
        let found = |namespace: &str| {
            spoiled(|it| {
                it["targets"]["One"] = json!({ "resourceType": "aws:eks:pod", "selectionMode": "COUNT(1)",
                    "parameters": { "clusterIdentifier": "shop", "namespace": namespace,
                        "selectorType": "labelSelector" } });
                it["actions"] = json!({ "hog": { "actionId": "aws:eks:pod-cpu-stress",
                    "targets": { "Pods": "One" }, "parameters": { "duration": "PT5M" } } });
            })
        };
        let absent = "Refuse pod-selector-absent targets.One.parameters.selectorValue";
        assert_eq!(found("shop"), ["Warn opt-in-unverified targets.One", absent]);
        assert_eq!(
            found("kube-system")[2],
            "Refuse kubernetes-system-namespace targets.One.parameters.namespace"
        );
    }

    #[test]
    fn a_resource_inside_an_action_is_read() {
        let found = spoiled(|it| {
            it["targets"]["One"] = json!({ "resourceType": "aws:eks:cluster", "selectionMode": "ALL",
                "resourceArns": ["arn:aws:eks:eu-west-1:123456789012:cluster/shop"] });
            it["actions"] = json!({ "kill": { "actionId": "aws:eks:inject-kubernetes-custom-resource",
                "targets": { "Cluster": "One" }, "parameters": { "maxDuration": "PT5M",
                    "kubernetesApiVersion": "chaos-mesh.org/v1alpha1", "kubernetesKind": "Schedule",
                    "kubernetesNamespace": "shop", "kubernetesSpec": "{}" } } });
        });
        assert_eq!(
            found,
            [
                "Warn opt-in-unverified targets.One",
                "Refuse kubernetes-schedule actions.kill.parameters.kubernetesKind",
            ]
        );
    }
}
