//! Who says what belongs onto the volume.

use watchkeeper_domain::failure::Failure;

use crate::{
    Limits,
    contents::Contents,
    list, manifest,
    maven::{self, Remote},
    missed::{self, Report},
    nexus::{self, Listing},
    plan::{Candidate, Problem},
    repository::Repositories,
};

/// Where the names of packages come from.
#[derive(Clone, Debug, PartialEq)]
pub enum Feeder {
    /// Maven coordinates, one a line: [`crate::manifest`].
    Manifest {
        /// The lines.
        text: String,
        /// Where the packages are.
        remote: Remote,
    },
    /// What CI jobs had to download because the volume did not have it: [`crate::missed`].
    Missed {
        /// What they reported.
        reports: Vec<Report>,
        /// How many jobs must have missed a file.
        at_least: u32,
        /// Where the packages are.
        remote: Remote,
    },
    /// What a Nexus repository lists: [`crate::nexus`].
    Nexus(Listing),
    /// Addresses, paths and digests, one file a line: [`crate::list`].
    List {
        /// The lines.
        text: String,
    },
}

/// What a feeder is given to find out with.
pub(crate) struct World<'a, R, C> {
    pub repositories: &'a R,
    pub contents: &'a C,
    pub limits: &'a Limits,
}

/// What a feeder has to say.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Found {
    pub candidates: Vec<Candidate>,
    pub problems: Vec<Problem>,
}

impl Feeder {
    pub(crate) async fn find<R: Repositories, C: Contents>(
        &self,
        world: &World<'_, R, C>,
    ) -> Result<Found, Failure> {
        match self {
            Self::Manifest { text, remote } => {
                let (coordinates, problems) = manifest::parse(text);
                maven::find(world, remote, coordinates, problems).await
            }
            Self::Missed { reports, at_least, remote } => {
                let (coordinates, problems) = missed::wanted(reports, *at_least);
                maven::find(world, remote, coordinates, problems).await
            }
            Self::Nexus(listing) => nexus::find(world, listing).await,
            Self::List { text } => Ok(list::parse(text)),
        }
    }
}

impl Found {
    pub(crate) fn append(&mut self, mut other: Self) {
        self.candidates.append(&mut other.candidates);
        self.problems.append(&mut other.problems);
    }
}
