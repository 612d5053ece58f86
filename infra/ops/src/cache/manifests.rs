//! `cache manifests`: a generation for Kubernetes, so that pods get volumes of it without any call to AWS of their own.
//!
//! | object | name | what it is for |
//! |---|---|---|
//! | `VolumeSnapshotContent` | `NAMESPACE.NAME-cache-N` | the snapshot of generation N, which deleting the object leaves alone |
//! | `VolumeSnapshot` | `NAME-cache-N` | the same, for pods of the namespace |
//! | `StorageClass` | `NAME-cache-ZONE` | gp3 in one zone, filled at the rate of the pool |
//! | `PersistentVolumeClaim` | `NAME-cache-N-ZONE` | a volume of the snapshot |
//!
//! Handles and data sources cannot be changed once they are there, so each generation has objects of its own; a tool that
//! prunes takes the old ones away. Fields: Kubernetes documentation, "Volume Snapshots" (pre-provisioned), "Storage Classes"
//! and "CSI Volume Cloning"; the CRDs of kubernetes-csi/external-snapshotter (`snapshot.storage.k8s.io/v1`); EBS CSI driver,
//! `docs/parameters.md` and `examples/kubernetes/snapshot/manifests/snapshot-import`.
//!
//! A class of several zones would be shorter, and would not work with zone ids: nodes tell the provisioner their zone by its
//! name only, so a claim that waits for its pod finds the pod's zone not among those allowed (external-provisioner,
//! `pkg/controller/topology.go`). A claim in a class of one zone is filled at once, and its pod goes where it is.

use std::fs;

use anyhow::{Context, Result};
use serde_yaml_ng::Value;
use watchkeeper_domain::cache::Cache;

use self::objects::Objects;
use super::{find, known};
use crate::{
    checkout::{Checkout, shown},
    cli::{Place, cache::Manifests},
    screen::Screen,
    stack::Stack,
};

mod objects;

/// A published state of a cache.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Generation {
    /// From 1.
    pub number: u32,
    /// Its snapshot.
    pub snapshot: String,
    /// The size of its volume, in GiB.
    pub size_gib: u32,
}

/// Shows the manifests, or writes them into a file. Returns true.
///
/// # Errors
/// An unknown cache or generation, a table that cannot be read, or a file that cannot be written.
pub async fn write(place: &Place, what: &Manifests, screen: &mut Screen) -> Result<bool> {
    let config = Checkout::find(place)?.config()?;
    let cache = find(&config, &what.name)?;
    let generation = generation(cache, what).await?;
    let text = manifests(cache, &generation, &what.namespace)?;
    let Some(folder) = &what.out else {
        screen.write(&text)?;
        return Ok(true);
    };
    let path = folder.join(format!("{}-cache.yaml", cache.name));
    fs::write(&path, text).with_context(|| format!("could not write {}", shown(&path)))?;
    screen.line(&format!("{}: generation {} of {}", shown(&path), generation.number, cache.name))?;
    Ok(true)
}

/// The generation that was asked for: as it was given, or as the table has it.
async fn generation(cache: &Cache, what: &Manifests) -> Result<Generation> {
    if let (Some(snapshot), Some(number)) = (&what.snapshot, what.generation) {
        let size_gib = what.size_gib.unwrap_or(cache.size_gib);
        return Ok(Generation { number, snapshot: snapshot.clone(), size_gib });
    }
    let table = Stack::connect().await.table(&what.table);
    let table = table
        .context("no generation: name it with --generation and --snapshot, or the table that knows it")?;
    let standing = known::standing(&table, &cache.name).await?;
    let found = known::generation(&standing, &cache.name, what.generation)?;
    Ok(Generation {
        number: found.number,
        snapshot: found.snapshot.clone(),
        size_gib: what.size_gib.unwrap_or(found.size_gib),
    })
}

/// The manifests of `generation` for pods in `namespace`. The same generation gives the same text.
///
/// # Errors
/// When YAML cannot hold them, which no configuration brings about.
pub fn manifests(cache: &Cache, generation: &Generation, namespace: &str) -> Result<String> {
    let objects = Objects { cache, generation, namespace };
    let mut text = head(cache, generation, namespace);
    text += &document(CONTENT, &objects.content())?;
    text += &document(SNAPSHOT, &objects.snapshot())?;
    let zones = cache.pool.as_ref().map(|pool| pool.zones.iter().map(Some).collect());
    for zone in zones.unwrap_or_else(|| vec![None]) {
        text += &document(if zone.is_some() { CLASS } else { ANY_CLASS }, &objects.class(zone))?;
        text += &document(CLAIM, &objects.claim(zone))?;
    }
    let zone = cache.pool.as_ref().and_then(|pool| pool.zones.first());
    text += &example(CLONE, &[objects.clone_class(zone), objects.clone_claim(zone)])?;
    Ok(text)
}

const CONTENT: &str = "The snapshot. `Retain`: Watchkeeper deletes it, when it is old, and nobody else does.";
const SNAPSHOT: &str = "The same, for pods of this namespace.";
const CLASS: &str = "One zone, by its id: a claim is filled at once, and its pod goes there.";
const ANY_CLASS: &str =
    "Without a pool in watchkeeper.toml: a claim is filled where its pod goes, as blocks are read.";
const CLAIM: &str = "A volume of the snapshot. A generic ephemeral volume of a pod takes the same `spec`, and gives each \
                     pod one of its own.";
const CLONE: &str = "\
Take away the `#` from the first `---` on, to copy a volume that is there already. It can be read at once, but it is not
for many:
- one copy of a source at a time, the next when that one is initialized; five in a Region (EBS User Guide, \"Copy an
  Amazon EBS volume\"), unless the quota was raised. Further claims wait.
- the same namespace as its source, and the same zone: the scheduler does not see to that, the class does. (Without a zone
  in the class, give the pod a nodeSelector topology.k8s.aws/zone-id.)
- EBS CSI driver v1.51.0 or later, with ec2:CopyVolumes; EKS Auto Mode lacks that (aws/containers-roadmap#2812).
- copies take no initialization rate, so they have a class of their own.";

fn head(cache: &Cache, generation: &Generation, namespace: &str) -> String {
    let (Cache { name, keep, .. }, number) = (cache, generation.number);
    format!(
        "# Generation {number} of the CI cache {name}, for pods in the namespace {namespace}. Written by `watchkeeper cache\n\
         # manifests {name}`: change watchkeeper.toml, not this file. It needs the snapshot controller and the EBS CSI driver.\n\
         # The snapshot goes when {keep} newer generations are there: write and apply this anew before.\n"
    )
}

fn document(comment: &str, object: &Value) -> Result<String> {
    Ok(format!("---\n{}{}", commented(comment, "# "), serde_yaml_ng::to_string(object)?))
}

/// Documents that are only shown.
fn example(comment: &str, objects: &[Value]) -> Result<String> {
    let mut text = String::new();
    for object in objects {
        text += &format!("---\n{}", serde_yaml_ng::to_string(object)?);
    }
    Ok(format!("\n{}{}", commented(comment, "# "), commented(&text, "#")))
}

fn commented(text: &str, mark: &str) -> String {
    text.lines().map(|line| format!("{mark}{line}\n")).collect()
}

#[cfg(test)]
mod tests;
