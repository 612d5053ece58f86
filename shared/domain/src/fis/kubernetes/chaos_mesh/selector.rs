//! The selector of a Chaos Mesh resource.
//!
//! Source: Chaos Mesh, `api/v1alpha1/common_types.go` (`SelectorSpec`).

use serde_json::Value;

use super::super::{Finding, refuse_system};

/// Which pods.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Selector {
    /// `namespaces`, and those that `pods` names.
    pub namespaces: Vec<String>,
    /// Whether anything narrows it further: labels, fields, annotations, expressions, names, nodes.
    pub is_narrowed: bool,
}

impl Selector {
    pub(super) fn read(selector: &Value) -> Self {
        let listed = selector["namespaces"].as_array().into_iter().flatten();
        let named = selector["pods"].as_object().into_iter().flatten();
        let namespaces =
            listed.filter_map(Value::as_str).chain(named.map(|(namespace, _)| namespace.as_str()));
        let narrowing = [
            "labelSelectors",
            "expressionSelectors",
            "fieldSelectors",
            "annotationSelectors",
            "nodes",
            "nodeSelectors",
            "pods",
        ];
        Self {
            namespaces: namespaces.map(str::to_owned).collect(),
            is_narrowed: narrowing.iter().any(|key| has_any(&selector[*key])),
        }
    }

    pub(super) fn findings(&self, place: &str) -> Vec<Finding> {
        let at = format!("{place}.namespaces");
        let system = self.namespaces.iter().filter_map(|namespace| refuse_system(namespace, at.clone()));
        let mut findings: Vec<_> = system.collect();
        if self.namespaces.is_empty() {
            // Which of the two depends on whether its admission webhook fills the namespace in.
            let message = "no namespace: Chaos Mesh takes its own or every one: name yours";
            findings.push(Finding::refuse("kubernetes-cluster-wide", at, message));
        } else if !self.is_narrowed {
            let message = "every pod of the namespace is selected: add `labelSelectors`";
            findings.push(Finding::refuse("kubernetes-namespace-wide", place, message));
        }
        findings
    }
}

/// Whether a list or an object holds anything.
pub(super) fn has_any(value: &Value) -> bool {
    match value {
        Value::Array(items) => !items.is_empty(),
        Value::Object(fields) => !fields.is_empty(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_selector_must_name_a_namespace_of_ones_own_and_the_pods_in_it() {
        let of = |selector: Value| {
            let findings = Selector::read(&selector).findings("selector").into_iter();
            findings.map(|finding| finding.rule).collect::<Vec<_>>()
        };
        assert_eq!(of(json!(null)), ["kubernetes-cluster-wide"]);
        assert_eq!(of(json!({ "labelSelectors": { "app": "cart" } })), ["kubernetes-cluster-wide"]);
        assert_eq!(
            of(json!({ "namespaces": ["shop"], "labelSelectors": {} })),
            ["kubernetes-namespace-wide"]
        );
        assert_eq!(of(json!({ "pods": { "kube-system": ["dns"] } })), ["kubernetes-system-namespace"]);
        assert!(of(json!({ "pods": { "shop": ["cart-0"] } })).is_empty());
    }
}
