use serde::Deserialize;
use serde_yaml_ng::{Deserializer, Value};
use watchkeeper_domain::config::Config;

use super::*;

const POOL: &str = "pool = { zones = [\"use1-az1\", \"use1-az4\"], initialization_mib = 300 }";

fn cache(pool: &str) -> Cache {
    let toml = format!(
        "[[cache]]\nname = \"maven\"\nsize_gib = 100\nkeep = 5\n{pool}\n[[cache.feeder]]\nkind = \"list\"\nfile = \"a\"\n"
    );
    Config::parse(&toml).unwrap().caches.remove(0)
}

fn text(pool: &str) -> String {
    let generation = Generation { number: 7, snapshot: "snap-0a1".into(), size_gib: 120 };
    manifests(&cache(pool), &generation, "ci").unwrap()
}

/// As a person applies it after taking away the `#` of the example, which begins with its first `---`.
fn uncommented(text: &str) -> String {
    let (live, example) = text.split_once("\n#---\n").unwrap();
    let lines = example.lines().map(|line| line.strip_prefix('#').unwrap());
    format!("{live}\n---\n{}\n", lines.collect::<Vec<_>>().join("\n"))
}

fn objects(text: &str) -> Vec<Value> {
    Deserializer::from_str(text).map(|it| Value::deserialize(it).unwrap()).collect()
}

fn names(objects: &[Value]) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    objects.iter().map(|it| format!("{} {}", text(&it["kind"]), text(&it["metadata"]["name"]))).collect()
}

/// The one object of that kind and name.
fn object<'a>(objects: &'a [Value], kind: &str, name: &str) -> &'a Value {
    objects.iter().find(|it| it["kind"] == kind && it["metadata"]["name"] == name).unwrap()
}

#[test]
fn each_zone_of_the_pool_has_a_class_and_a_claim_and_the_clone_is_only_shown() {
    let live = [
        "VolumeSnapshotContent ci.maven-cache-7",
        "VolumeSnapshot maven-cache-7",
        "StorageClass maven-cache-use1-az1",
        "PersistentVolumeClaim maven-cache-7-use1-az1",
        "StorageClass maven-cache-use1-az4",
        "PersistentVolumeClaim maven-cache-7-use1-az4",
    ];
    let clone =
        ["StorageClass maven-cache-use1-az1-clone", "PersistentVolumeClaim maven-cache-7-use1-az1-clone"];
    assert_eq!(names(&objects(&text(POOL))), live);
    assert_eq!(names(&objects(&uncommented(&text(POOL)))), [&live[..], &clone].concat());
}

/// `required` and `x-kubernetes-validations` of the CRDs of external-snapshotter v8.
#[test]
fn the_snapshot_is_handed_on_from_its_handle_to_the_claim_and_stays_when_they_go() {
    let objects = objects(&text(POOL));
    let content = object(&objects, "VolumeSnapshotContent", "ci.maven-cache-7");
    assert_eq!(content["apiVersion"], "snapshot.storage.k8s.io/v1");
    assert_eq!(content["metadata"]["namespace"], Value::Null, "it is of the whole cluster");
    let spec = &content["spec"];
    assert_eq!(spec["driver"], "ebs.csi.aws.com");
    assert_eq!(spec["deletionPolicy"], "Retain");
    assert_eq!(spec["source"]["snapshotHandle"], "snap-0a1");
    assert_eq!(spec["volumeSnapshotRef"]["name"], "maven-cache-7");
    assert_eq!(spec["volumeSnapshotRef"]["namespace"], "ci");
    let snapshot = object(&objects, "VolumeSnapshot", "maven-cache-7");
    assert_eq!(snapshot["metadata"]["namespace"], "ci");
    assert_eq!(snapshot["spec"]["source"]["volumeSnapshotContentName"], "ci.maven-cache-7");
    let claim = object(&objects, "PersistentVolumeClaim", "maven-cache-7-use1-az4");
    assert_eq!(claim["metadata"]["namespace"], "ci");
    let spec = &claim["spec"];
    assert_eq!(spec["dataSource"]["apiGroup"], "snapshot.storage.k8s.io");
    assert_eq!(
        (&spec["dataSource"]["kind"], &spec["dataSource"]["name"]),
        (&"VolumeSnapshot".into(), &"maven-cache-7".into())
    );
    assert_eq!(
        spec["resources"]["requests"]["storage"], "120Gi",
        "that of the generation, not of the configuration"
    );
    assert_eq!(spec["accessModes"][0], "ReadWriteOnce");
    assert_eq!(spec["storageClassName"], "maven-cache-use1-az4");
}

#[test]
fn a_class_fills_its_volumes_in_one_zone_at_the_rate_of_the_pool() {
    let objects = objects(&uncommented(&text(POOL)));
    let class = object(&objects, "StorageClass", "maven-cache-use1-az4");
    assert_eq!(class["provisioner"], "ebs.csi.aws.com");
    assert_eq!(class["parameters"]["volumeInitializationRate"], "300", "parameters are texts");
    assert_eq!(class["parameters"]["type"], "gp3");
    assert_eq!(class["volumeBindingMode"], "Immediate");
    let topologies = class["allowedTopologies"].as_sequence().unwrap();
    assert_eq!(topologies.len(), 1);
    let expression = &topologies[0]["matchLabelExpressions"][0];
    assert_eq!(expression["key"], "topology.k8s.aws/zone-id");
    assert_eq!(expression["values"], Value::Sequence(vec!["use1-az4".into()]));
}

#[test]
fn a_clone_is_of_the_claim_in_its_zone_and_takes_no_rate() {
    let objects = objects(&uncommented(&text(POOL)));
    let clone = &object(&objects, "PersistentVolumeClaim", "maven-cache-7-use1-az1-clone")["spec"];
    assert_eq!(clone["dataSource"]["kind"], "PersistentVolumeClaim");
    assert_eq!(clone["dataSource"]["name"], "maven-cache-7-use1-az1");
    assert_eq!(clone["storageClassName"], "maven-cache-use1-az1-clone");
    let class = object(&objects, "StorageClass", "maven-cache-use1-az1-clone");
    assert_eq!(class["parameters"].get("volumeInitializationRate"), None);
    assert_eq!(class["allowedTopologies"][0]["matchLabelExpressions"][0]["values"][0], "use1-az1");
}

#[test]
fn without_a_pool_a_volume_is_made_where_its_pod_goes() {
    let objects = objects(&uncommented(&text("")));
    let expected = [
        "VolumeSnapshotContent ci.maven-cache-7",
        "VolumeSnapshot maven-cache-7",
        "StorageClass maven-cache",
        "PersistentVolumeClaim maven-cache-7",
        "StorageClass maven-cache-clone",
        "PersistentVolumeClaim maven-cache-7-clone",
    ];
    assert_eq!(names(&objects), expected);
    let class = object(&objects, "StorageClass", "maven-cache");
    assert_eq!(class["volumeBindingMode"], "WaitForFirstConsumer");
    assert_eq!(class.get("allowedTopologies"), None);
    assert_eq!(class["parameters"].get("volumeInitializationRate"), None);
}

/// What cannot be changed in Kubernetes must have another name, so that the new object comes beside the old one.
#[test]
fn another_generation_changes_names_and_labels_and_leaves_the_classes_alone() {
    let of = |number, snapshot: &str| {
        let generation = Generation { number, snapshot: snapshot.into(), size_gib: 120 };
        objects(&uncommented(&manifests(&cache(POOL), &generation, "ci").unwrap()))
    };
    let (before, after) = (of(7, "snap-0a1"), of(8, "snap-0b2"));
    for (old, new) in before.iter().zip(&after) {
        if old["kind"] == "StorageClass" {
            assert_eq!(old, new);
        } else {
            assert_ne!(old["metadata"]["name"], new["metadata"]["name"]);
            assert_eq!(new["metadata"]["labels"]["watchkeeper/generation"], "8", "a text");
        }
    }
}

#[test]
fn the_sample_is_that_of_the_delivered_configuration() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    let read = |path: &str| fs::read_to_string(format!("{root}/{path}")).unwrap();
    let config = Config::parse(&read("infra/config/watchkeeper.toml")).unwrap();
    let cache = find(&config, "maven").unwrap();
    let snapshot = "snap-0123456789abcdef0".to_owned();
    let generation = Generation { number: 1, snapshot, size_gib: cache.size_gib };
    let expected = manifests(cache, &generation, "ci").unwrap();
    let mend = "write it with `watchkeeper cache manifests maven --snapshot snap-0123456789abcdef0 --generation 1 --out \
                infra/kubernetes`";
    assert_eq!(read("infra/kubernetes/maven-cache.yaml"), expected, "{mend}");
}
