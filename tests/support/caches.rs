//! A place for caches: `cache-refresher` on any table, the fake EBS and EC2 and a repository on this machine, one process
//! for each invocation, minute by minute.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File},
    path::PathBuf,
    process::Command,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use cache_refresher::{
    NAME, Setting,
    pool::{self, Pool},
    standing::Standing,
};
use http_body_util::Full;
use hyper::{Response, service::service_fn};
use hyper_util::rt::TokioIo;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use watchkeeper_domain::{
    cache::Manifests,
    config::Config,
    drill::Site,
    records::{Record, Records},
};
use watchkeeper_shell::{Report, Run};
use watchkeeper_sim::{
    channels::Channels,
    clock::Clock,
    depot::{Depot, REGION, Stock},
    estate::Estate,
    fis::ACCOUNT,
    fuse::Fuse,
    screens::Screens,
    world::World,
};
use watchkeeper_volume::{
    device::{Device, MEMORY},
    ext4::{Kind, Volume},
    snapshots::{HoldsSnapshots, SnapshotId},
};

/// The zone with the pool.
pub const ZONE: &str = "euw1-az1";
/// How long an invocation may take.
pub const TIMEOUT: SignedDuration = SignedDuration::from_mins(15);

/// Files that are served over HTTP.
#[derive(Clone, Debug)]
pub struct Repository {
    /// Its address.
    pub base: String,
    shelves: Arc<Mutex<Shelves>>,
}

#[derive(Debug, Default)]
struct Shelves {
    files: BTreeMap<String, Vec<u8>>,
    /// What a path begins with, and the folder that has the rest of it.
    folders: BTreeMap<String, PathBuf>,
    asked: Vec<String>,
}

impl Shelves {
    fn answer(&mut self, path: &str) -> Option<Vec<u8>> {
        self.asked.push(path.to_owned());
        self.files.get(path).cloned().or_else(|| self.read(path))
    }

    /// From a folder; a `.sha1` is made of the file that it is of.
    fn read(&self, path: &str) -> Option<Vec<u8>> {
        let (prefix, folder) = self.folders.iter().find(|(prefix, _)| path.starts_with(prefix.as_str()))?;
        let rest = path.strip_prefix(prefix.as_str())?.trim_start_matches('/');
        match rest.strip_suffix(".sha1") {
            Some(file) => fs::read(folder.join(file)).ok().map(|bytes| sha1(&bytes).into_bytes()),
            None => fs::read(folder.join(rest)).ok(),
        }
    }
}

impl Repository {
    /// An empty one.
    pub async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let base = format!("http://{}", listener.local_addr().expect("an address"));
        let shelves = Arc::new(Mutex::new(Shelves::default()));
        let served = Arc::clone(&shelves);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let served = Arc::clone(&served);
                let answer = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
                    let mut shelves = served.lock().unwrap_or_else(PoisonError::into_inner);
                    let found = shelves.answer(request.uri().path());
                    let status = if found.is_some() { 200 } else { 404 };
                    let body = Full::new(Bytes::from(found.unwrap_or_default()));
                    async move { Response::builder().status(status).body(body) }
                });
                let connection = hyper::server::conn::http1::Builder::new();
                tokio::spawn(connection.serve_connection(TokioIo::new(stream), answer));
            }
        });
        Self { base, shelves }
    }

    /// Serves `bytes` at `path`, which begins with a slash.
    pub fn serve(&self, path: &str, bytes: impl Into<Vec<u8>>) {
        self.shelves().files.insert(path.to_owned(), bytes.into());
    }

    /// Serves the files of `folder` below `prefix`, which begins with a slash, and the `.sha1` of each.
    pub fn serve_folder(&self, prefix: &str, folder: impl Into<PathBuf>) {
        self.shelves().folders.insert(prefix.to_owned(), folder.into());
    }

    /// The paths that were asked for, in order.
    pub fn asked(&self) -> Vec<String> {
        self.shelves().asked.clone()
    }

    fn shelves(&self) -> MutexGuard<'_, Shelves> {
        self.shelves.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Serves a list of `files` at `/list`, and the files.
    pub fn list(&self, files: &[(&str, Vec<u8>)]) {
        let lines = files.iter().map(|(path, bytes)| {
            self.serve(&format!("/files/{path}"), bytes.clone());
            let url = format!("{}/files/{path}", self.base);
            json!({ "url": url, "path": path, "sha256": hex(bytes), "size": bytes.len() }).to_string()
        });
        let lines: Vec<String> = lines.collect();
        self.serve("/list", lines.join("\n"));
    }
}

fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The hash that a Maven repository has beside a file.
pub fn sha1(bytes: &[u8]) -> String {
    sha1::Sha1::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What stays when a process ends.
#[derive(Clone, Debug)]
pub struct Yard<R> {
    /// The table.
    pub records: R,
    /// What was published.
    pub channels: Channels,
    /// EBS and EC2.
    pub stock: Stock,
    /// The time.
    pub clock: Clock,
    /// What belongs into the cache.
    pub repository: Repository,
    /// The configuration of every process.
    pub config: Config,
    /// Where it takes place.
    pub site: Site,
}

/// Tuesday, 24 November 2026, 02:59 in Berlin: a minute before the night is due.
pub fn before() -> Timestamp {
    "2026-11-24T01:59:00Z".parse().expect("a timestamp")
}

/// A file that looks like no other.
pub fn file(seed: u8, size: usize) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(u64::from(seed));
    std::iter::repeat_with(|| random.u8(..)).take(size).collect()
}

impl<R: Records + Clone> Yard<R> {
    /// A cache `files` of 1 GiB, fed by a list, with a pool of two volumes and `more` keys.
    pub async fn new(records: R, more: &str) -> Self {
        let clock = Clock::at(before());
        let repository = Repository::start().await;
        let toml = format!(
            r#"
[[cache]]
name = "files"
enabled = true
owner = "platform"
size_gib = 1
schedule = "cron(0 3 * * ? *)"
zone = "Europe/Berlin"
keep = 2
pool = {{ zones = ["{ZONE}"], size = 2, most = 6, claim_minutes = 60 }}
{more}

[[cache.feeder]]
kind = "list"
url = "{base}/list"

[[cache.feeder]]
kind = "missed"
at_least = 2
repository = "{base}/maven2"
under = "repository"
"#,
            base = repository.base,
        );
        let config = Config::parse(&toml).expect("a configuration");
        let site = Site { account: ACCOUNT.into(), region: REGION.into(), leash: false };
        let stock = Stock::start(&clock).await.expect("EBS");
        repository.list(&[("a/one.bin", file(1, 700_000)), ("a/two.txt", b"two\n".to_vec())]);
        Self { records, channels: Channels::default(), stock, clock, repository, config, site }
    }

    /// A process of its own, to be killed as `fuse` says.
    pub fn process(&self, fuse: Fuse) -> World<R> {
        let (records, channels, clock) = (self.records.clone(), self.channels.clone(), self.clock.clone());
        World { records, screens: Screens::default(), channels, fuse, estate: Estate::at(&clock), clock }
    }

    /// Invokes the function with `payload` now.
    pub async fn invoke(&self, payload: &Value) -> Report {
        self.invoke_in(&self.process(Fuse::never()), payload).await
    }

    /// Invokes it in a process of the caller's.
    pub async fn invoke_in(&self, process: &World<R>, payload: &Value) -> Report {
        let now = self.clock.now();
        let run = Run { function: NAME, now, deadline: now + TIMEOUT };
        let manifests = Manifests::new();
        let setting = Setting { config: &self.config, manifests: &manifests, site: &self.site };
        let depot = Depot { world: process, stock: &self.stock };
        Box::pin(cache_refresher::handle(&depot, setting, payload, &run)).await
    }

    /// The minute's sweep.
    pub async fn sweep(&self) -> Report {
        self.invoke(&json!({ "tick": "sweep" })).await
    }

    /// Lets time pass, with a sweep each minute.
    pub async fn minutes(&self, minutes: i64) {
        for _ in 0..minutes {
            self.clock.advance(SignedDuration::from_mins(1));
            self.sweep().await;
        }
    }

    /// Lets time pass until a minute before the next night, without a sweep.
    pub fn until_next_night(&self) {
        let past = self.clock.now().duration_since(before());
        let days = past.as_hours() / 24 + 1;
        self.clock.advance_to(before() + SignedDuration::from_hours(24 * days));
    }

    /// Where the cache stands.
    pub async fn standing(&self) -> Standing {
        let record: Record<Standing, cache_refresher::decide::Effect> =
            self.records.read(&Standing::key("files")).await.expect("a record");
        record.state.unwrap_or_default()
    }

    /// The numbers of its generations, and that of the current one.
    pub async fn generations(&self) -> (Vec<u32>, Option<u32>) {
        let standing = self.standing().await;
        (standing.generations.iter().map(|it| it.number).collect(), standing.current)
    }

    /// Its pool: the generation and the phase of each volume.
    pub async fn pool(&self) -> Vec<(u32, &'static str)> {
        let record: Record<Pool, pool::Effect> =
            self.records.read(&Pool::key("files", ZONE)).await.expect("a record");
        let slots = record.state.map(|pool| pool.slots).unwrap_or_default();
        slots.values().map(|slot| (slot.generation, slot.phase.as_str())).collect()
    }

    /// The files of a snapshot, without what is the volume's own, each with its SHA-256.
    pub async fn tree(&self, snapshot: &str) -> BTreeMap<String, String> {
        let process = self.process(Fuse::never());
        let depot = Depot { world: &process, stock: &self.stock };
        let snapshots = HoldsSnapshots::snapshots(&depot, Duration::from_secs(60));
        let id = SnapshotId::new(snapshot);
        let device = Device::open(snapshots, &id, MEMORY).await.expect("a snapshot");
        let now = self.clock.now();
        let read = move || {
            let volume = Volume::open_read_only(device, now).expect("a filesystem");
            let mut paths = Vec::new();
            let visit = &mut |path: &str, stat: &watchkeeper_volume::ext4::Stat| {
                if stat.kind == Kind::File && !path.starts_with(".watchkeeper") {
                    paths.push(path.to_owned());
                }
            };
            volume.walk("", visit).expect("a tree");
            let read = |path: String| {
                let bytes = volume.read(&path).expect("a file");
                (path, hex(&bytes))
            };
            paths.into_iter().map(read).collect()
        };
        tokio::task::spawn_blocking(read).await.expect("a thread")
    }

    /// The files of the current generation.
    pub async fn current_tree(&self) -> BTreeMap<String, String> {
        let standing = self.standing().await;
        self.tree(&standing.current().expect("a generation").snapshot).await
    }

    /// Lets `e2fsck -fn` judge a snapshot, where there is one.
    pub fn fsck(&self, snapshot: &str) {
        let folder = tempfile::tempdir().expect("a folder");
        let image = folder.path().join("image");
        let mut exported = File::create(&image).expect("a file");
        self.stock.ebs.store().export(snapshot, &mut exported).expect("an image");
        match Command::new("e2fsck").arg("-fn").arg(&image).output() {
            Ok(checked) => {
                let said = String::from_utf8_lossy(&checked.stdout).into_owned();
                assert!(checked.status.success(), "{said}");
            }
            Err(absent) => eprintln!("SKIPPED: e2fsck: {absent}"),
        }
    }

    /// The ids of all snapshots at home.
    pub fn snapshots(&self) -> BTreeSet<String> {
        self.stock.ebs.store().snapshots().into_iter().map(|it| it.id).collect()
    }

    /// What people were told, in order, repeats left out.
    pub fn headlines(&self) -> Vec<String> {
        let mut seen = BTreeSet::new();
        let notices = self.channels.notices().into_iter().map(|(notice, _)| notice);
        notices.filter(|notice| seen.insert(notice.id.clone())).map(|notice| notice.headline).collect()
    }

    /// The detail-types of what was put on the bus, repeats left out.
    pub fn events(&self) -> Vec<String> {
        let mut seen = BTreeSet::new();
        let events = self.channels.events().into_iter();
        events.filter(|event| seen.insert(event.id.clone())).map(|event| event.detail_type).collect()
    }
}

/// What a person puts on the bus.
pub fn asked(what: &str, detail: Value) -> Value {
    json!({
        "version": "0", "id": format!("{what} {detail}"), "source": "watchkeeper.ops", "detail-type": what,
        "account": ACCOUNT, "time": "2026-11-24T10:00:00Z", "region": REGION, "resources": [], "detail": detail,
    })
}

/// What EBS says of a snapshot.
pub fn snapshot_event(snapshot: &str) -> Value {
    json!({
        "version": "0", "id": format!("of {snapshot}"), "source": "aws.ec2", "account": ACCOUNT,
        "detail-type": "EBS Snapshot Notification", "time": "2026-11-24T02:05:00Z", "region": REGION,
        "resources": [format!("arn:aws:ec2::{REGION}:snapshot/{snapshot}")],
        "detail": { "event": "createSnapshot", "result": "succeeded", "cause": "", "request-id": "",
            "snapshot_id": format!("arn:aws:ec2::{REGION}:snapshot/{snapshot}"),
            "source": format!("arn:aws:ec2::{REGION}:volume/vol-ffffffff"),
            "startTime": "2026-11-24T02:00:00Z", "endTime": "2026-11-24T02:05:00Z" },
    })
}
