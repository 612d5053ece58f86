//! A deployed stack with a cache: what the function keeps in the table, EBS on a strict fake, a repository.

use std::{
    collections::BTreeMap,
    fs, io,
    process::Output,
    sync::{Arc, Mutex},
};

use cache_refresher::{
    decide,
    night::{Account, Space},
    pool::{self, Phase, Pool, Slot},
    standing::{Generation, Standing},
};
use jiff::Timestamp;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};
use watchkeeper_domain::failure::Failure;
use watchkeeper_sim::{clock::Clock, depot::Stock, ebs::Operation};
use watchkeeper_volume::{
    device::{Device, MEMORY},
    ebs::Ebs,
    ext4::{Attributes, Volume},
    night,
    snapshots::{Digest, Order, Origin, Snapshots},
};

use crate::stack::cloud::Cloud;

/// A cache that is switched on, and one that is not.
pub const CACHES: &str = r#"
[[cache]]
name = "maven"
enabled = true
owner = "platform"
schedule = "cron(30 1 ? * * *)"
zone = "Europe/Berlin"
size_gib = 1
encrypted = false
pool = { zones = ["euw1-az1", "euw1-az2"], size = 2 }

[[cache.feeder]]
kind = "list"
file = "files.jsonl"

[[cache]]
name = "npm"
size_gib = 1

[[cache.feeder]]
kind = "list"
file = "files.jsonl"
"#;

pub const OURS: Attributes =
    Attributes { mode: 0o640, uid: 1000, gid: 121, modified: Timestamp::constant(1_700_000_000, 0) };

/// The stack, and what it keeps caches in.
pub struct Yard {
    pub cloud: Cloud,
    pub stock: Stock,
    pub files: Repository,
}

impl Yard {
    /// Starts one; `name` is that of no other.
    pub async fn start(name: &str) -> Self {
        let cloud = Cloud::configured(name, CACHES).await;
        fs::write(cloud.folder.join("files.jsonl"), "").unwrap();
        let stock = Stock::start(&Clock::at(at(0))).await.unwrap();
        Self { cloud, stock, files: Repository::start().await }
    }

    /// Runs `watchkeeper cache …` in its environment.
    pub async fn ops(&self, args: &[&str]) -> Output {
        self.begin(args).await.unwrap()
    }

    /// Begins to run it.
    pub fn begin(&self, args: &[&str]) -> JoinHandle<Output> {
        let mut command = self.cloud.words(&[&["cache"], args].concat());
        command.env("AWS_ENDPOINT_URL_EBS", &self.stock.ebs.endpoint);
        command.env_remove("WATCHKEEPER_JOB").env_remove("WATCHKEEPER_ZONE");
        self.cloud.reached_by(command)
    }

    /// Where the cache `maven` stands.
    pub async fn stands(&self, standing: &Standing) {
        self.cloud.head::<_, decide::Effect>(&Standing::key("maven"), standing).await;
    }

    /// The pool of `maven` in `euw1-az1`, with these volumes.
    pub async fn pool(&self, phases: &[Phase]) {
        let mut pool = Pool::new("maven", "euw1-az1", at(0));
        for (number, phase) in (1..).zip(phases) {
            pool.slots.insert(number, Slot { generation: 2, is_source: false, phase: phase.clone() });
        }
        self.cloud.head::<_, pool::Effect>(&Pool::key("maven", "euw1-az1"), &pool).await;
    }

    /// Lets the feeders of both caches name these files, which the repository has from now on.
    pub fn list(&self, files: &[(&str, &[u8])]) {
        let line = |(path, bytes): &(&str, &[u8])| {
            self.files.replace(path, bytes);
            let (url, sha256) = (format!("{}/{path}", self.files.base), Digest::of(bytes).to_string());
            format!(
                "{}\n",
                serde_json::json!({"url": url, "path": path, "sha256": sha256, "size": bytes.len()})
            )
        };
        let lines: String = files.iter().map(line).collect();
        fs::write(self.cloud.folder.join("files.jsonl"), lines).unwrap();
    }

    /// A completed snapshot with what `fill` puts onto it.
    pub async fn snapshot(
        &self,
        fill: impl FnOnce(&Volume<Ebs>) -> Result<(), Failure> + Send + 'static,
    ) -> String {
        let ebs = &self.stock.client;
        let order = Order {
            origin: Origin::Empty,
            size_gib: 1,
            token: "base".to_owned(),
            timeout_minutes: 60,
            description: String::new(),
            tags: Vec::new(),
        };
        let device = Device::blank(ebs.clone(), 1, MEMORY);
        let snapshot = ebs.start(&order).await.unwrap();
        device.send_ahead(&snapshot);
        night::make(&device, ("cache", [7; 16], at(0)), fill).await.unwrap();
        let receipt = night::upload(&device, &snapshot).await.unwrap();
        ebs.complete(&snapshot, receipt.blocks, receipt.checksum).await.unwrap();
        snapshot.as_str().to_owned()
    }

    /// How often EBS was asked to change anything.
    pub fn changes(&self) -> u64 {
        let counters = self.stock.ebs.store().counters();
        let changing = [Operation::StartSnapshot, Operation::PutSnapshotBlock, Operation::CompleteSnapshot];
        changing.map(|operation| counters.requests(operation)).iter().sum()
    }
}

/// So many minutes after two in the morning, in Berlin, on a day in winter.
pub fn at(minutes: i64) -> Timestamp {
    let two: Timestamp = "2026-11-17T01:00:00Z".parse().unwrap();
    two + jiff::SignedDuration::from_mins(minutes)
}

/// A generation that was published so many minutes after two.
pub fn generation(number: u32, snapshot: &str, minutes: i64) -> Generation {
    let space = Space { used_bytes: 900_000_000, total_bytes: 1_000_000_000 };
    let account = Account {
        written_files: 214,
        written_bytes: 85_200_000,
        removed: 3,
        blocks: 93,
        space: Some(space),
        ..Account::default()
    };
    Generation {
        number,
        snapshot: snapshot.to_owned(),
        size_gib: 1,
        full_bytes: None,
        published_at: at(minutes),
        account,
        copies: BTreeMap::new(),
    }
}

/// The cache with two generations, the second of which is current.
pub fn standing(snapshot: &str) -> Standing {
    let mut first = generation(1, "snap-01", 10);
    first.copies.insert("eu-central-1".to_owned(), "snap-0c".to_owned());
    Standing {
        generations: vec![first, generation(2, snapshot, 24 * 60)],
        current: Some(2),
        highest: 2,
        answered_at: Some(at(24 * 60 - 10)),
        ..Standing::new("maven")
    }
}

pub fn ready(volume: &str) -> Phase {
    Phase::Ready { volume: volume.to_owned(), since: at(30) }
}

/// A repository of files on this machine.
pub struct Repository {
    pub base: String,
    shelf: Arc<Mutex<BTreeMap<String, Vec<u8>>>>,
}

impl Repository {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let shelf = Arc::<Mutex<BTreeMap<String, Vec<u8>>>>::default();
        let files = Arc::clone(&shelf);
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                tokio::spawn(serve(connection, Arc::clone(&files)));
            }
        });
        Self { base, shelf }
    }

    /// Has other bytes at `path` from now on.
    pub fn replace(&self, path: &str, bytes: &[u8]) {
        self.shelf.lock().unwrap().insert(format!("/{path}"), bytes.to_vec());
    }
}

/// Answers one request.
async fn serve(mut connection: TcpStream, shelf: Arc<Mutex<BTreeMap<String, Vec<u8>>>>) -> io::Result<()> {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        if connection.read_buf(&mut request).await? == 0 {
            return Ok(());
        }
    }
    let request = String::from_utf8_lossy(&request);
    let path = request.split(' ').nth(1).unwrap_or_default();
    let found = shelf.lock().unwrap().get(path).cloned();
    let (status, body) = found.map_or((404, Vec::new()), |body| (200, body));
    let head = format!("HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len());
    connection.write_all(&[head.into_bytes(), body].concat()).await
}
