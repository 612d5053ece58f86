//! The feeder `maven`: packages in a plain Maven repository, laid out as Central is.
//!
//! For each coordinate it wants the POM, the artifact, and every POM that Maven reads before it can use them: parents,
//! imported BOMs and what these stand on, and the new name of a package that has moved. Without one of them a build
//! stops. **Dependencies are not resolved**: the manifest, or what CI jobs have missed, says which packages a build
//! needs. `mvn` computes that from versions that only a whole project knows.
//!
//! On the volume there are packages and POMs, nothing beside them: no `.sha1` and no `_remote.repositories`. Maven
//! takes a file without a tracking file for one that was installed here, whatever its mirror is called. A snapshot is
//! written as `a-1.0-SNAPSHOT.jar`, from the newest build that `maven-metadata.xml` names.

mod closure;
mod coordinate;
mod effective;
mod layout;
mod metadata;
mod pom;

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt, TryStreamExt, stream};
use reqwest::Url;
use watchkeeper_domain::failure::Failure;

pub(crate) use self::{
    coordinate::Coordinate,
    layout::{Build, Place, place},
};
use self::{coordinate::Gav, metadata::Metadata, pom::Pom};
use crate::{
    Digest, VolumePath,
    contents::{ANNOUNCED, Asked, Contents},
    feeder::{Found, World},
    path::BadPath,
    plan::{Candidate, Cause, Problem, sidecar},
    repository::{self, Repositories, Request, below},
};

/// The most of a POM, or of a `maven-metadata.xml`, that is read, in bytes. The longest on Central has about 1 MB.
const XML: u64 = 4 * 1024 * 1024;

/// A Maven repository and its place on the volume. Several repositories behind one address (a group in Nexus, a
/// virtual repository in Artifactory) are one.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Remote {
    /// Where it is: groups are right below.
    pub base: Url,
    /// The local repository's folder on the volume, as in `m2/repository`; the volume's root without one.
    pub under: Option<VolumePath>,
}

/// A POM that was looked for.
struct Loaded {
    pom: Result<Pom, Cause>,
    /// If it was downloaded.
    digest: Option<Digest>,
    /// What the files of a snapshot are called.
    metadata: Metadata,
    /// Whether one that the volume has may be left as it is: it is no snapshot, and not garbage.
    is_pom_fixed: bool,
}

impl Loaded {
    fn missing(is_pom_fixed: bool) -> Self {
        Self { pom: Err(Cause::Missing), digest: None, metadata: Metadata::default(), is_pom_fixed }
    }
}

/// What `coordinates` take.
pub(crate) async fn find<R: Repositories, C: Contents>(
    world: &World<'_, R, C>,
    remote: &Remote,
    coordinates: Vec<Coordinate>,
    mut problems: Vec<Problem>,
) -> Result<Found, Failure> {
    let mut wanted: BTreeSet<Coordinate> = coordinates.into_iter().collect();
    let mut poms: BTreeMap<Gav, Loaded> = BTreeMap::new();
    let mut steps = 0..=world.limits.depth;
    let survey = loop {
        let known = poms.iter().map(|(gav, loaded)| (gav, loaded.pom.as_ref().ok())).collect();
        let mut survey = closure::survey(wanted.iter(), &known);
        let is_allowed = steps.next().is_some() && poms.len() + survey.missing.len() <= world.limits.poms;
        if survey.missing.is_empty() || !is_allowed {
            problems.extend(survey.missing.iter().map(|gav| Problem::new(&gav.to_string(), Cause::TooDeep)));
            break survey;
        }
        let missing: Vec<Gav> = std::mem::take(&mut survey.missing).into_iter().collect();
        for gavs in missing.chunks(ANNOUNCED) {
            let paths: Vec<VolumePath> = gavs.iter().filter_map(|gav| remote.pom_path(gav)).collect();
            world.contents.announce(&paths, Asked::Read).await?;
            let loads = stream::iter(gavs).map(|gav| load(world, remote, gav.clone()));
            let loaded: Vec<_> = loads.buffered(world.limits.in_flight.max(1)).try_collect().await?;
            poms.extend(loaded);
        }
    };
    problems.extend(survey.problems);
    wanted.extend(survey.moved);
    let mut found = Found { candidates: Vec::new(), problems };
    for candidate in poms.iter().map(|(gav, pom)| remote.pom(gav, pom)).chain(remote.packages(&wanted, &poms))
    {
        match candidate {
            Ok(candidate) => found.candidates.push(candidate),
            Err(problem) => found.problems.push(problem),
        }
    }
    Ok(found)
}

/// The POM of `gav`: from the volume if it has it and it never changes, or else from the repository, hash checked.
async fn load<R: Repositories, C: Contents>(
    world: &World<'_, R, C>,
    remote: &Remote,
    gav: Gav,
) -> Result<(Gav, Loaded), Failure> {
    let mut loaded = Loaded::missing(!gav.is_snapshot());
    if gav.is_snapshot() {
        match remote.metadata(world.repositories, &gav).await? {
            Ok(metadata) => loaded.metadata = metadata,
            Err(cause) => return Ok((gav, Loaded { pom: Err(cause), ..loaded })),
        }
    } else if let Some(path) = remote.pom_path(&gav)
        && let Some(bytes) = world.contents.read(&path).await?
    {
        match Pom::parse(&bytes) {
            Ok(pom) => return Ok((gav, Loaded { pom: Ok(pom), ..loaded })),
            Err(_) => loaded.is_pom_fixed = false,
        }
    }
    let url = remote.url(&gav, &loaded.metadata, None, "pom");
    match verified(world.repositories, url).await? {
        Ok((bytes, digest)) => {
            loaded.pom = Pom::parse(&bytes).map_err(Cause::unreadable);
            loaded.digest = Some(digest);
        }
        Err(cause) => loaded.pom = Err(cause),
    }
    Ok((gav, loaded))
}

async fn verified(from: &impl Repositories, url: Url) -> Result<Result<(Vec<u8>, Digest), Cause>, Failure> {
    let digest = match sidecar(from, &url).await? {
        Ok(digest) => digest,
        Err(cause) => return Ok(Err(cause)),
    };
    let bytes = repository::read(from, &Request::text(url, XML)).await?;
    Ok(bytes
        .and_then(|bytes| if digest.is_of(&bytes) { Ok((bytes, digest)) } else { Err(Cause::WrongDigest) }))
}

impl Remote {
    /// The names of a snapshot's files. A repository without `maven-metadata.xml` has them without timestamps.
    async fn metadata(
        &self,
        from: &impl Repositories,
        gav: &Gav,
    ) -> Result<Result<Metadata, Cause>, Failure> {
        let url = below(&self.base, &format!("{}/maven-metadata.xml", gav.folder()));
        Ok(match repository::read(from, &Request::text(url, XML)).await? {
            Ok(bytes) => Metadata::parse(&bytes).map_err(Cause::unreadable),
            Err(Cause::Missing) => Ok(Metadata::default()),
            Err(cause) => Err(cause),
        })
    }

    fn url(&self, gav: &Gav, metadata: &Metadata, classifier: Option<&str>, extension: &str) -> Url {
        let version = metadata.version(gav, classifier, extension);
        below(&self.base, &gav.file(version.as_ref().unwrap_or(&gav.version), classifier, extension))
    }

    fn path(&self, in_repository: &str) -> Result<VolumePath, BadPath> {
        VolumePath::under(self.under.as_ref(), in_repository)
    }

    /// Where the POM of a release is on the volume. That of a snapshot is not looked at.
    fn pom_path(&self, gav: &Gav) -> Option<VolumePath> {
        let path = || self.path(&gav.file(&gav.version, None, "pom")).ok();
        (!gav.is_snapshot()).then(path).flatten()
    }

    fn pom(&self, gav: &Gav, loaded: &Loaded) -> Result<Candidate, Problem> {
        let candidate = self.candidate(gav, loaded, None, "pom")?;
        match &loaded.pom {
            Ok(_) => Ok(candidate),
            Err(cause) => Err(Problem::new(candidate.path.as_str(), cause.clone())),
        }
    }

    /// The artifacts of `wanted`. A package without a POM is taken as it is: Maven does so too. One that has moved has
    /// no artifact under its old name.
    fn packages(
        &self,
        wanted: &BTreeSet<Coordinate>,
        poms: &BTreeMap<Gav, Loaded>,
    ) -> impl Iterator<Item = Result<Candidate, Problem>> {
        wanted.iter().filter_map(|it| {
            let loaded = poms.get(&it.gav)?;
            let pom = loaded.pom.as_ref().ok();
            let extension =
                it.extension.as_deref().or_else(|| extension(pom.map(|pom| pom.packaging.as_str())))?;
            let has_moved = pom.is_some_and(|pom| pom.relocation.is_some());
            let is_pom = extension == "pom" && it.classifier.is_none();
            (!has_moved && !is_pom)
                .then(|| self.candidate(&it.gav, loaded, it.classifier.as_deref(), extension))
        })
    }

    fn candidate(
        &self,
        gav: &Gav,
        loaded: &Loaded,
        classifier: Option<&str>,
        extension: &str,
    ) -> Result<Candidate, Problem> {
        let in_repository = gav.file(&gav.version, classifier, extension);
        let path =
            self.path(&in_repository).map_err(|bad| Problem::new(&in_repository, Cause::BadPath(bad)))?;
        let is_pom = extension == "pom" && classifier.is_none();
        Ok(Candidate {
            path,
            url: self.url(gav, &loaded.metadata, classifier, extension),
            digest: loaded.digest.filter(|_| is_pom),
            size: None,
            is_fixed: if is_pom { loaded.is_pom_fixed } else { !gav.is_snapshot() },
        })
    }
}

/// The extension of a package (Maven's artifact handlers): that of a `bundle` or a `maven-plugin` is `jar` too.
fn extension(packaging: Option<&str>) -> Option<&str> {
    match packaging {
        Some("pom") => None,
        Some(packaging @ ("war" | "ear" | "rar" | "aar" | "zip")) => Some(packaging),
        Some(_) | None => Some("jar"),
    }
}
