//! What targets come to: as the script says, or one resource each.

use std::collections::BTreeMap;

use watchkeeper_domain::{
    experiment::ResolvedTarget,
    fis::template::{Target, Template, Text},
};

use super::{ACCOUNT, REGION, run::Targets};

/// What a target comes to, as a test or a person has scripted it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Resolution {
    /// These resources, each as FIS tells of it: `arn`; of a pod `pod_name`, `namespace`, `cluster_arn`,
    /// `target_container_name`. Without any, the experiment fails or skips the target's actions, as its
    /// `emptyTargetResolutionMode` says.
    To(Vec<BTreeMap<String, String>>),
    /// It cannot be resolved: the experiment fails, whatever its mode.
    Fails,
}

impl Resolution {
    /// The resources with these ARNs.
    pub fn arns<A: Into<String>>(arns: impl IntoIterator<Item = A>) -> Self {
        Self::To(arns.into_iter().map(|arn| BTreeMap::from([("arn".to_owned(), arn.into())])).collect())
    }

    /// Nothing.
    pub fn nothing() -> Self {
        Self::To(Vec::new())
    }
}

/// What all targets of `template` come to by `script`, which goes by their names.
pub(super) fn resolve(template: &Template, script: &BTreeMap<String, Resolution>) -> Targets {
    let skips =
        template.experiment_options.empty_target_resolution_mode.as_ref().is_some_and(|it| it.is("skip"));
    let mut targets = Targets::default();
    for (name, target) in &template.targets {
        let found = match script.get(name) {
            Some(Resolution::To(found)) => found.clone(),
            Some(Resolution::Fails) => {
                targets.lacking.get_or_insert_with(|| name.clone());
                continue;
            }
            None => by_default(name, target),
        };
        if found.is_empty() && skips {
            targets.empty.insert(name.clone());
        } else if found.is_empty() {
            targets.lacking.get_or_insert_with(|| name.clone());
        }
        targets.resolved.extend(found.into_iter().map(|information| ResolvedTarget {
            target: name.clone(),
            resource_type: target.resource_type.to_string(),
            information,
        }));
    }
    targets
}

/// The ARNs that the target names, or one resource with a made-up one.
fn by_default(name: &str, target: &Target) -> Vec<BTreeMap<String, String>> {
    let mut arns: Vec<_> = target.resource_arns.iter().filter_map(Text::known).map(str::to_owned).collect();
    let kind = target.resource_type.to_string();
    if kind == "aws:eks:pod" {
        let cluster = format!("arn:aws:eks:{REGION}:{ACCOUNT}:cluster/{name}");
        let pod = [
            ("pod_name", format!("{name}-0")),
            ("namespace", "default".to_owned()),
            ("cluster_arn", cluster),
            ("target_container_name", name.to_owned()),
        ];
        return vec![pod.map(|(key, value)| (key.to_owned(), value)).into()];
    }
    if arns.is_empty() {
        let (service, resource) = kind.trim_start_matches("aws:").split_once(':').unwrap_or(("fis", &kind));
        arns.push(format!("arn:aws:{service}:{REGION}:{ACCOUNT}:{resource}/{name}"));
    }
    arns.into_iter().map(|arn| BTreeMap::from([("arn".to_owned(), arn)])).collect()
}
