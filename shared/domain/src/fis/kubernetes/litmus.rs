//! A `ChaosEngine` of Litmus: which application, which experiments, and for how long.
//!
//! Source: Litmus, `api/litmuschaos/v1alpha1/chaosengine_types.go`, and the tunables of its experiments
//! (<https://litmuschaos.github.io/litmus/experiments/categories/contents/>).

use jiff::SignedDuration;
use serde_json::Value;

use super::{Finding, Limits, refuse_system};

mod experiment;

pub use experiment::Experiment;

/// A `ChaosEngine`.
#[derive(Clone, Debug, PartialEq)]
pub struct Engine {
    /// `engineState`: only `active` does anything.
    pub state: Option<String>,
    /// `annotationCheck`: whether pods must carry Litmus's own opt-in, `litmuschaos.io/chaos: "true"`.
    pub annotation_check: Option<String>,
    /// `appinfo`, or the entries of `selectors`.
    pub applications: Vec<Application>,
    /// `experiments`, one after the other.
    pub experiments: Vec<Experiment>,
}

/// Which pods.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Application {
    /// `appns`, or `namespace`. Litmus takes its own when it is empty.
    pub namespace: String,
    /// `applabel`, or `labels` or `names`. Litmus takes every pod of the namespace when it is empty.
    pub label: String,
}

impl Engine {
    pub(super) fn read(spec: &Value) -> Self {
        let text = |key: &str| spec.get(key).filter(|it| !it.is_null()).map(shown);
        let workloads = [&spec["selectors"]["workloads"], &spec["selectors"]["pods"]];
        let selected = workloads.into_iter().filter_map(Value::as_array).flatten().map(Application::selected);
        let mut applications: Vec<_> = selected.collect();
        if applications.is_empty() || spec.get("appinfo").is_some() {
            applications.push(Application::read(&spec["appinfo"]));
        }
        let experiments = spec["experiments"].as_array().into_iter().flatten();
        Self {
            state: text("engineState"),
            annotation_check: text("annotationCheck"),
            applications,
            experiments: experiments.map(Experiment::read).collect(),
        }
    }

    /// How long its experiments last, one after the other, with the ramp before and after each.
    pub(super) fn runs(&self) -> Option<SignedDuration> {
        let seconds = self.experiments.iter().map(|it| {
            Some(it.seconds("TOTAL_CHAOS_DURATION")? + 2 * it.seconds("RAMP_TIME").unwrap_or_default())
        });
        seconds.sum::<Option<i64>>().map(SignedDuration::from_secs)
    }

    pub(super) fn findings(&self, place: &str, limits: &Limits) -> Vec<Finding> {
        let mut findings = Vec::new();
        findings.extend(self.inactive(place));
        findings.extend(self.annotation_unchecked(place));
        findings.extend(self.applications.iter().flat_map(|it| it.findings(&format!("{place}.appinfo"))));
        if self.experiments.is_empty() {
            let message =
                "no experiment: the run would end well and test nothing: name one, such as pod-delete";
            findings.push(Finding::refuse(
                "litmus-experiments-absent",
                format!("{place}.experiments"),
                message,
            ));
            findings.push(duration_absent(&format!("{place}.experiments")));
        }
        let experiments = self.experiments.iter().enumerate();
        findings.extend(
            experiments.flat_map(|(at, it)| it.findings(&format!("{place}.experiments[{at}]"), limits)),
        );
        findings
    }

    fn inactive(&self, place: &str) -> Option<Finding> {
        let message = "only an engine whose state is `active` does anything: the run would test nothing";
        let is_active = self.state.as_deref() == Some("active");
        (!is_active).then(|| Finding::refuse("litmus-inactive", format!("{place}.engineState"), message))
    }

    /// Litmus 3 has no such check any more, so this only warns.
    fn annotation_unchecked(&self, place: &str) -> Option<Finding> {
        let message = "Litmus does not ask whether the application opted in: set `annotationCheck` to \"true\" \
                       where your Litmus knows it";
        let is_checked = self.annotation_check.as_deref() == Some("true");
        let place = format!("{place}.annotationCheck");
        (!is_checked).then(|| Finding::warn("litmus-annotation-unchecked", place, message))
    }
}

impl Application {
    fn read(appinfo: &Value) -> Self {
        let text = |key: &str| appinfo[key].as_str().unwrap_or_default().to_owned();
        Self { namespace: text("appns"), label: text("applabel") }
    }

    fn selected(entry: &Value) -> Self {
        let text = |key: &str| entry[key].as_str().unwrap_or_default();
        let label = [text("labels"), text("names")].concat();
        Self { namespace: text("namespace").to_owned(), label }
    }

    fn findings(&self, place: &str) -> Vec<Finding> {
        let mut findings = Vec::from_iter(refuse_system(&self.namespace, format!("{place}.appns")));
        if self.namespace.is_empty() {
            let message = "no namespace: Litmus takes its own: name that of the application";
            findings.push(Finding::refuse("kubernetes-cluster-wide", format!("{place}.appns"), message));
        }
        if self.label.is_empty() {
            let message = "every pod of the namespace is selected: add a label, such as app=cart";
            findings.push(Finding::refuse("kubernetes-namespace-wide", format!("{place}.applabel"), message));
        }
        findings
    }
}

fn duration_absent(place: &str) -> Finding {
    let message = "no TOTAL_CHAOS_DURATION: Litmus takes the default of its hub: add it, in whole seconds";
    Finding::refuse("kubernetes-duration-absent", place, message)
}

fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn engine(env: Value, name: &str) -> Value {
        json!({ "engineState": "active", "annotationCheck": "true",
            "appinfo": { "appns": "shop", "applabel": "app=cart", "appkind": "deployment" },
            "experiments": [{ "name": name, "spec": { "components": { "env": env } } }] })
    }

    fn rules(spec: &Value, limits: &Limits) -> Vec<&'static str> {
        Engine::read(spec).findings("spec", limits).into_iter().map(|finding| finding.rule).collect()
    }

    #[test]
    fn an_engine_without_experiments_tests_nothing() {
        let spec = json!({ "engineState": "active", "appinfo": { "appns": "shop", "applabel": "app=cart" } });
        assert_eq!(
            rules(&spec, &Limits::default()),
            ["litmus-annotation-unchecked", "litmus-experiments-absent", "kubernetes-duration-absent"]
        );
    }

    #[test]
    fn experiments_run_one_after_the_other_with_their_ramps() {
        let env =
            json!([{ "name": "TOTAL_CHAOS_DURATION", "value": 60 }, { "name": "RAMP_TIME", "value": "10" }]);
        let mut spec = engine(env, "pod-cpu-hog");
        let again = spec["experiments"][0].clone();
        spec["experiments"].as_array_mut().unwrap().push(again);
        assert_eq!(Engine::read(&spec).runs(), Some(SignedDuration::from_secs(160)));
    }

    #[test]
    fn an_application_is_a_namespace_and_a_label_in_either_form() {
        let mut spec = engine(json!([{ "name": "TOTAL_CHAOS_DURATION", "value": "60" }]), "pod-cpu-hog");
        spec["appinfo"] = json!({ "appns": "kube-system" });
        let found = rules(&spec, &Limits::default());
        assert_eq!(found, ["kubernetes-system-namespace", "kubernetes-namespace-wide"]);
        spec.as_object_mut().unwrap().remove("appinfo");
        assert_eq!(
            rules(&spec, &Limits::default()),
            ["kubernetes-cluster-wide", "kubernetes-namespace-wide"]
        );
        spec["selectors"] =
            json!({ "workloads": [{ "kind": "deployment", "namespace": "shop", "labels": "app=cart" }] });
        assert!(rules(&spec, &Limits::default()).is_empty());
    }

    #[test]
    fn an_engine_that_is_stopped_tests_nothing() {
        let mut spec = engine(json!([{ "name": "TOTAL_CHAOS_DURATION", "value": "60" }]), "pod-cpu-hog");
        spec["engineState"] = json!("stop");
        assert_eq!(rules(&spec, &Limits::default()), ["litmus-inactive"]);
    }
}
