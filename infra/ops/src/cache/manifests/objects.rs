//! The objects of a generation in Kubernetes: their names and fields.

use serde_yaml_ng::Value;
use watchkeeper_domain::cache::Cache;

use super::Generation;

const DRIVER: &str = "ebs.csi.aws.com";
const SNAPSHOTS: &str = "snapshot.storage.k8s.io";
/// The label of a node with the id of its zone, and the driver's key for volumes in it.
const ZONE_ID: &str = "topology.k8s.aws/zone-id";

/// What is said about a generation in Kubernetes.
pub(super) struct Objects<'a> {
    pub(super) cache: &'a Cache,
    pub(super) generation: &'a Generation,
    pub(super) namespace: &'a str,
}

impl Objects<'_> {
    pub(super) fn content(&self) -> Value {
        map([
            ("apiVersion", format!("{SNAPSHOTS}/v1").into()),
            ("kind", "VolumeSnapshotContent".into()),
            ("metadata", map([("name", self.content_name().into()), ("labels", self.labels())])),
            (
                "spec",
                map([
                    ("driver", DRIVER.into()),
                    ("deletionPolicy", "Retain".into()),
                    ("source", map([("snapshotHandle", self.generation.snapshot.as_str().into())])),
                    ("sourceVolumeMode", "Filesystem".into()),
                    (
                        "volumeSnapshotRef",
                        map([
                            ("kind", "VolumeSnapshot".into()),
                            ("name", self.name().into()),
                            ("namespace", self.namespace.into()),
                        ]),
                    ),
                ]),
            ),
        ])
    }

    pub(super) fn snapshot(&self) -> Value {
        let source = map([("volumeSnapshotContentName", self.content_name().into())]);
        map([
            ("apiVersion", format!("{SNAPSHOTS}/v1").into()),
            ("kind", "VolumeSnapshot".into()),
            ("metadata", self.metadata(self.name())),
            ("spec", map([("source", source)])),
        ])
    }

    pub(super) fn class(&self, zone: Option<&String>) -> Value {
        let rate = self.cache.pool.as_ref().and_then(|pool| pool.initialization_mib);
        self.storage_class(self.class_name(zone), zone, rate)
    }

    pub(super) fn clone_class(&self, zone: Option<&String>) -> Value {
        self.storage_class(self.class_name(zone) + "-clone", zone, None)
    }

    fn storage_class(&self, name: String, zone: Option<&String>, rate: Option<u32>) -> Value {
        let rate = rate.map(|rate| ("volumeInitializationRate", rate.to_string().into()));
        let parameters = [("type", "gp3".into()), ("csi.storage.k8s.io/fstype", "ext4".into())];
        let binding = if zone.is_some() { "Immediate" } else { "WaitForFirstConsumer" };
        let topologies = zone.map(|zone| {
            let expression = map([("key", ZONE_ID.into()), ("values", vec![zone.as_str()].into())]);
            ("allowedTopologies", vec![map([("matchLabelExpressions", vec![expression].into())])].into())
        });
        // Not of one generation, so it has no label of one.
        let fields = [
            ("apiVersion", "storage.k8s.io/v1".into()),
            ("kind", "StorageClass".into()),
            ("metadata", map([("name", name.into())])),
            ("provisioner", DRIVER.into()),
            ("parameters", map(parameters.into_iter().chain(rate))),
            ("reclaimPolicy", "Delete".into()),
            ("volumeBindingMode", binding.into()),
        ];
        map(fields.into_iter().chain(topologies))
    }

    pub(super) fn claim(&self, zone: Option<&String>) -> Value {
        let source = map([
            ("apiGroup", SNAPSHOTS.into()),
            ("kind", "VolumeSnapshot".into()),
            ("name", self.name().into()),
        ]);
        self.volume_claim(self.claim_name(zone), self.class_name(zone), source)
    }

    pub(super) fn clone_claim(&self, zone: Option<&String>) -> Value {
        let name = self.claim_name(zone);
        let source = map([("kind", "PersistentVolumeClaim".into()), ("name", name.as_str().into())]);
        self.volume_claim(name + "-clone", self.class_name(zone) + "-clone", source)
    }

    fn volume_claim(&self, name: String, class: String, source: Value) -> Value {
        let size = map([("storage", format!("{}Gi", self.generation.size_gib).into())]);
        map([
            ("apiVersion", "v1".into()),
            ("kind", "PersistentVolumeClaim".into()),
            ("metadata", self.metadata(name)),
            (
                "spec",
                map([
                    ("storageClassName", class.into()),
                    ("accessModes", vec!["ReadWriteOnce"].into()),
                    ("resources", map([("requests", size)])),
                    ("dataSource", source),
                ]),
            ),
        ])
    }

    fn metadata(&self, name: String) -> Value {
        map([("name", name.into()), ("namespace", self.namespace.into()), ("labels", self.labels())])
    }

    /// A label is a text: a bare number would be refused.
    fn labels(&self) -> Value {
        map([
            ("app.kubernetes.io/name", self.base().into()),
            ("app.kubernetes.io/managed-by", "watchkeeper".into()),
            ("watchkeeper/generation", self.generation.number.to_string().into()),
        ])
    }

    /// The name of a cache may end in a dash; no name in Kubernetes does.
    fn base(&self) -> String {
        format!("{}-cache", self.cache.name)
    }

    fn name(&self) -> String {
        format!("{}-{}", self.base(), self.generation.number)
    }

    /// It is of no namespace, so it bears that in its name. A namespace has no dots.
    fn content_name(&self) -> String {
        format!("{}.{}", self.namespace, self.name())
    }

    fn class_name(&self, zone: Option<&String>) -> String {
        self.base() + &zone.map(|zone| format!("-{zone}")).unwrap_or_default()
    }

    fn claim_name(&self, zone: Option<&String>) -> String {
        self.name() + &zone.map(|zone| format!("-{zone}")).unwrap_or_default()
    }
}

fn map(entries: impl IntoIterator<Item = (&'static str, Value)>) -> Value {
    Value::Mapping(entries.into_iter().map(|(key, value)| (key.into(), value)).collect())
}
