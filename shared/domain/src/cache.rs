//! CI caches: what the configuration declares of one.
//!
//! A cache is a line of EBS snapshots, its generations, each made of the one before by a night's refresh. CI jobs get
//! volumes that were made from the current generation.

use std::collections::BTreeMap;

use jiff::{SignedDuration, tz::TimeZone};

use crate::{channel::SecretName, drill::Cron};

/// The tag that says which cache a snapshot or a volume belongs to. What does not carry it is never deleted.
pub const CACHE_TAG: &str = "watchkeeper:cache";
/// The tag with the token of the order that something was made by.
pub const TOKEN_TAG: &str = "watchkeeper:token";
/// The tag of a copy with the id of the snapshot or volume that it is a copy of.
pub const SOURCE_TAG: &str = "watchkeeper:source";
/// The tag with the number of the generation.
pub const GENERATION_TAG: &str = "watchkeeper:generation";

/// `[[cache]]`: one CI cache.
#[derive(Clone, Debug, PartialEq)]
pub struct Cache {
    /// `name`: small letters, digits and dashes, at most 40 characters.
    pub name: String,
    /// `enabled`: off by default.
    pub enabled: bool,
    /// `owner`: who hears of it.
    pub owner: Option<String>,
    /// `runbook`: an `https` address.
    pub runbook: Option<String>,
    /// `schedule`: when its nights are due, as EventBridge Scheduler writes it. Without one, only when somebody asks.
    pub schedule: Option<Cron>,
    /// `zone`: the IANA time zone of the schedule. UTC without a schedule.
    pub zone: TimeZone,
    /// `size_gib`: the size of its volumes, in GiB. The first generation is made with it; later ones keep theirs.
    pub size_gib: u32,
    /// `snapshot`: an existing snapshot that the first night begins with. Without one, the first night formats a volume.
    pub snapshot: Option<String>,
    /// `encrypted` (by default true) and `kms_key`: how a volume that the first night formats is encrypted. Later ones
    /// keep its key.
    pub encryption: Encryption,
    /// `files`: whose the files are, and what may be done with them.
    pub files: Files,
    /// `[[cache.feeder]]`: who says what belongs into it.
    pub feeders: Vec<Feeder>,
    /// `[[cache.access]]`: which secret opens which repository.
    pub access: Vec<Access>,
    /// `prune`: what is taken out again.
    pub prune: Prune,
    /// `limits`: how much one invocation does.
    pub limits: NightLimits,
    /// `keep`: how many generations are kept, the current one included. At least 2, by default 3.
    pub keep: u32,
    /// `copy_to`: the other Regions that get a copy of each generation.
    pub copy_to: Vec<String>,
    /// `pool`: the volumes that wait for CI jobs.
    pub pool: Option<Pool>,
}

/// How the first volume of a line is encrypted.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Encryption {
    /// Not at all. An account that encrypts by default does it all the same (unverified).
    None,
    /// With this KMS key, by its ARN; with `None`, with the account's default key.
    Key(Option<String>),
}

/// `files = { … }`: whose the files are.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Files {
    /// `uid`: the numeric user: that of the CI runner. By default 1000.
    pub uid: u32,
    /// `gid`: the numeric group. By default 1000.
    pub gid: u32,
    /// `file_mode`: the permission bits of files, as in `"0644"`, which is the default.
    pub file_mode: u16,
    /// `dir_mode`: the permission bits of directories, as in `"0755"`, which is the default.
    pub dir_mode: u16,
}

/// `[[cache.feeder]]`: who says what belongs into a cache.
#[derive(Clone, Debug, PartialEq)]
pub enum Feeder {
    /// `kind = "manifest"`: Maven coordinates, one a line.
    Manifest {
        /// The lines.
        source: Source,
        /// `repository`: the address of the Maven repository that has the packages.
        repository: String,
        /// `under`: the folder on the volume; its root without one.
        under: Option<String>,
    },
    /// `kind = "missed"`: what CI jobs had to download since the cache did not have it.
    Missed {
        /// `at_least`: how many jobs must have missed it. By default 2.
        at_least: u32,
        /// `repository`: the address of the Maven repository that has the packages.
        repository: String,
        /// `under`: the folder on the volume.
        under: Option<String>,
    },
    /// `kind = "nexus"`: what a Nexus 3 repository lists.
    Nexus {
        /// `base`: the address of Nexus.
        base: String,
        /// `repository`: the name of the repository.
        repository: String,
        /// `layout`: whether its paths are Maven's (`maven`, the default) or anybody's (`plain`).
        maven: bool,
        /// `delta`: whether only what is newer than the last night is listed (Nexus 3.91 or later; unverified). By default
        /// it is not.
        delta: bool,
        /// `under`: the folder on the volume.
        under: Option<String>,
    },
    /// `kind = "list"`: address, path and SHA-256 of any files, one a line.
    List {
        /// The lines.
        source: Source,
    },
}

/// Where the lines of a feeder stand.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Source {
    /// `file`: a file beside `watchkeeper.toml`, by its relative path.
    File(String),
    /// `url`: an `https` address, read at the beginning of each night.
    Url(String),
}

/// `[[cache.access]]`: what opens a repository.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Access {
    /// `base`: an address of the host. Scheme, host and port count.
    pub base: String,
    /// `secret`: `secretsmanager:NAME` or `ssm:NAME`. Its value is `user:password`, or a bearer token without a colon.
    pub secret: SecretName,
}

/// `prune = { … }`: what is taken out again. What a feeder names tonight stays in any case.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Prune {
    /// `unused_days`: a folder with packages that no feeder and no job has named for so many days goes. One day's report
    /// that fails to come is no reason: days count from the last night that asked and got an answer.
    pub unused_days: Option<u32>,
    /// `keep_versions`: of each Maven artifact, so many versions stay: those written last.
    pub keep_versions: Option<u32>,
}

/// `limits = { … }`: how much one invocation does. What is left goes into the next generation, right after.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct NightLimits {
    /// `mib`: how much is written, in MiB. By default 2,048.
    pub mib: u64,
    /// `file_mib`: the longest file, in MiB. By default 64: with `in_flight` of them in memory at once.
    pub file_mib: u64,
    /// `in_flight`: how many downloads are under way at once. By default 8.
    pub in_flight: usize,
}

/// `pool = { … }`: the volumes that wait for CI jobs.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Pool {
    /// `zones`: the ids of the Availability Zones, as in `use1-az1`. Names mean another zone in each account; ids don't.
    pub zones: Vec<String>,
    /// `size`: how many volumes of the current generation wait in each zone. By default 2.
    pub size: u32,
    /// `most`: how many volumes a zone has at once at most, claimed ones and those on their way in or out included. By
    /// default four times `size`.
    pub most: u32,
    /// `initialization_mib`: how fast a volume is filled from its snapshot, in MiB/s: 100 to 300. Without it, blocks come
    /// when they are first read, which is slow. EBS bills for it.
    pub initialization_mib: Option<u32>,
    /// `region_mib`: the Region's quota for all such rates together. By default 5,000 MiB/s.
    pub region_mib: u32,
    /// `claim_minutes`: how long a job may keep a volume before it is taken back, unless it is attached. By default 120.
    pub claim: SignedDuration,
    /// `copies`: whether each zone keeps one more volume, which nobody gets, so that new ones are copied from it
    /// (`CopyVolumes`), as far as its limits allow: one copy of a volume at a time, five in a Region. By default not.
    pub copies: bool,
}

/// Whether `text` is an id of a snapshot, as in `snap-0123456789abcdef0`.
pub fn is_snapshot(text: &str) -> bool {
    let is_hex = |it: u8| matches!(it, b'0'..=b'9' | b'a'..=b'f');
    text.strip_prefix("snap-").is_some_and(|id| !id.is_empty() && id.bytes().all(is_hex))
}

/// Whether `text` is an id of an Availability Zone, as in `use1-az1`, or of a Local Zone, as in `usw2-lax1-az1` (EC2 User
/// Guide, "Regions and Zones").
pub fn is_zone_id(text: &str) -> bool {
    let is_fit = |it: u8| it.is_ascii_lowercase() || it.is_ascii_digit();
    let is_part = |part: &str| !part.is_empty() && part.bytes().all(is_fit);
    text.rsplit_once("-az").is_some_and(|(region, number)| {
        let is_number = !number.is_empty() && number.bytes().all(|it| it.is_ascii_digit());
        is_number && region.split('-').all(is_part)
    })
}

/// The lines of the feeders that stand in files, by their paths as configured.
pub type Manifests = BTreeMap<String, String>;

impl Default for Files {
    fn default() -> Self {
        Self { uid: 1000, gid: 1000, file_mode: 0o644, dir_mode: 0o755 }
    }
}

impl Default for NightLimits {
    fn default() -> Self {
        Self { mib: 2048, file_mib: 64, in_flight: 8 }
    }
}

impl Cache {
    /// The files that its feeders name.
    pub fn manifests(&self) -> impl Iterator<Item = &str> {
        self.feeders.iter().filter_map(|feeder| match feeder {
            Feeder::Manifest { source: Source::File(path), .. }
            | Feeder::List { source: Source::File(path) } => Some(path.as_str()),
            Feeder::Manifest { .. } | Feeder::List { .. } | Feeder::Missed { .. } | Feeder::Nexus { .. } => {
                None
            }
        })
    }
}
