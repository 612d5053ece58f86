//! EBS, a repository, and a cache between them.

use std::{cell::RefCell, collections::BTreeMap, time::Duration};

use cache_refresher::night::{Account, Job, Outcome, Sealed, Step, check, refresh};
use jiff::{Timestamp, ToSpan, tz::TimeZone};
use watchkeeper_domain::{
    cache::{Cache, Encryption, Feeder, Files, Manifests, NightLimits, Prune, Source},
    failure::Failure,
};
use watchkeeper_packages::{Answer, Patience, Repositories, Request, Web, missed::Report};
use watchkeeper_sim::{
    clock::Clock,
    depot::Stock,
    ebs::{Counters, Operation, Store},
};
use watchkeeper_volume::{
    device::{Device, MEMORY},
    ebs::Ebs,
    ext4::{Attributes, Volume},
    night::{self, Verdict},
    snapshots::{HoldsSnapshots, Order, Origin, SnapshotId, Snapshots},
};

use crate::repository::{Reply, Repository};

/// Short, but not so short that a busy machine looks like a server that hangs.
const SHORT: Patience = Patience {
    connect: Duration::from_secs(2),
    idle: Duration::from_secs(3),
    text: Duration::from_secs(10),
    file: Duration::from_secs(30),
    pause: Duration::from_millis(1),
    longest_pause: Duration::from_secs(1),
};
/// What a night may take.
pub const WITHIN: Duration = Duration::from_secs(300);
/// What the lists of these tests are called.
const LIST: &str = "files.jsonl";

/// What the function reaches.
pub struct Estate {
    pub store: Store,
    pub ebs: Ebs,
    pub repository: Repository,
    web: Web,
}

impl HoldsSnapshots for Estate {
    type Snapshots = Ebs;

    fn snapshots(&self, within: Duration) -> Ebs {
        self.ebs.within(within)
    }
}

impl Repositories for Estate {
    async fn get(&self, request: &Request) -> Result<Answer, Failure> {
        self.web.get(request).await
    }
}

/// A cache and what is asked of its next night.
pub struct Task {
    pub cache: Cache,
    pub manifests: Manifests,
    pub parent: Option<SnapshotId>,
    pub token: String,
    pub generation: u32,
    pub began: Timestamp,
    pub missed: Vec<Report>,
    pub rehearses: bool,
    pub within: Duration,
}

impl Estate {
    pub async fn new() -> Self {
        let stock = Stock::start(&Clock::at(began())).await.unwrap();
        Self {
            store: stock.ebs.store(),
            ebs: stock.client,
            repository: Repository::start().await,
            web: Web::connect(SHORT, Vec::new()).unwrap(),
        }
    }

    /// A night with the feeder `list`, for these files, which the repository has from now on.
    pub fn task(&self, files: &[(&str, Vec<u8>)]) -> Task {
        let mut task = Task {
            cache: cache(vec![Feeder::List { source: Source::File(LIST.to_owned()) }]),
            manifests: BTreeMap::new(),
            parent: None,
            token: "night-1".to_owned(),
            generation: 1,
            began: began(),
            missed: Vec::new(),
            rehearses: false,
            within: WITHIN,
        };
        self.list(&mut task, files);
        task
    }

    /// Names these files instead.
    pub fn list(&self, task: &mut Task, files: &[(&str, Vec<u8>)]) {
        files.iter().for_each(|(path, bytes)| self.repository.put(path, Reply::Body(bytes.clone().into())));
        let lines = files.iter().map(|(path, bytes)| self.repository.line(path, bytes));
        task.manifests.insert(LIST.to_owned(), lines.collect::<Vec<_>>().join("\n"));
    }

    pub async fn run(&self, task: &Task) -> Result<Outcome, Failure> {
        refresh(self, &task.job(), &|_| ()).await
    }

    /// A night that writes, completed and found sound.
    pub async fn publish(&self, task: &Task) -> (SnapshotId, Account) {
        let (sealed, account) = written(self.run(task).await.unwrap());
        self.complete(&sealed).await;
        let verdict = self.check(task, &sealed).await;
        assert!(matches!(verdict, Verdict::Sound { .. }), "{verdict:?}");
        (sealed.receipt.snapshot, account)
    }

    pub async fn complete(&self, sealed: &Sealed) {
        let receipt = &sealed.receipt;
        self.ebs.complete(&receipt.snapshot, receipt.blocks, receipt.checksum).await.unwrap();
    }

    pub async fn check(&self, task: &Task, sealed: &Sealed) -> Verdict {
        check(self, (task.parent.as_ref(), sealed), task.began, WITHIN).await.unwrap()
    }

    /// What came to pass, with the steps that were told.
    pub async fn watched(&self, task: &Task) -> (Result<Outcome, Failure>, Vec<String>) {
        let steps = RefCell::new(Vec::new());
        let watch = |step: Step| {
            let word = match step {
                Step::Opened(_) => "opened".to_owned(),
                Step::Planned { files, removals } => format!("planned {files} and {removals}"),
                Step::Wrote(amount) => format!("wrote {}", amount.files),
                Step::Uploading { .. } => "uploading".to_owned(),
            };
            steps.borrow_mut().push(word);
        };
        let outcome = refresh(self, &task.job(), &watch).await;
        (outcome, steps.into_inner())
    }

    /// A completed snapshot of our own making, with what `fill` puts onto it.
    pub async fn base(
        &self,
        size_gib: u32,
        fill: impl FnOnce(&Volume<Ebs>) -> Result<(), Failure> + Send + 'static,
    ) -> SnapshotId {
        let order = Order {
            origin: Origin::Empty,
            size_gib,
            token: format!("base-{}", self.store.snapshots().len()),
            timeout_minutes: 60,
            description: String::new(),
            tags: Vec::new(),
        };
        let device = Device::blank(self.ebs.clone(), size_gib, MEMORY);
        let snapshot = self.ebs.start(&order).await.unwrap();
        device.send_ahead(&snapshot);
        let before = began() - 720.hours();
        night::make(&device, ("cache", [7; 16], before), fill).await.unwrap();
        let receipt = night::upload(&device, &snapshot).await.unwrap();
        self.ebs.complete(&snapshot, receipt.blocks, receipt.checksum).await.unwrap();
        snapshot
    }

    /// A look at a completed snapshot.
    pub async fn look<T: Send + 'static>(
        &self,
        snapshot: &SnapshotId,
        look: impl FnOnce(&Volume<Ebs>) -> Result<T, Failure> + Send + 'static,
    ) -> T {
        let device = Device::open(self.ebs.clone(), snapshot, MEMORY).await.unwrap();
        night::aside(move || look(&Volume::open_read_only(device, began())?)).await.unwrap()
    }

    /// The paths of all files on a completed snapshot, without our own notes.
    pub async fn files(&self, snapshot: &SnapshotId) -> Vec<String> {
        let walk = |volume: &Volume<Ebs>| {
            let mut files = Vec::new();
            volume.walk("", &mut |path, stat| {
                if stat.kind == watchkeeper_volume::ext4::Kind::File {
                    files.push(path.to_owned());
                }
            })?;
            Ok(files)
        };
        let mut files = self.look(snapshot, walk).await;
        files.retain(|path| !path.starts_with(".watchkeeper/"));
        files.sort();
        files
    }

    /// Asserts that nothing was changed in EBS since `before`.
    pub fn assert_untouched(&self, before: &Counters) {
        let now = self.store.counters();
        for operation in [Operation::StartSnapshot, Operation::PutSnapshotBlock, Operation::CompleteSnapshot]
        {
            assert_eq!(now.requests(operation), before.requests(operation), "{operation:?}");
        }
    }
}

impl Task {
    pub fn job(&self) -> Job<'_> {
        Job {
            cache: &self.cache,
            manifests: &self.manifests,
            parent: self.parent.as_ref(),
            token: &self.token,
            generation: self.generation,
            began: self.began,
            missed: &self.missed,
            newer_than: None,
            rehearses: self.rehearses,
            within: self.within,
        }
    }

    /// The night after, on what this one has made.
    pub fn next(&mut self, parent: &SnapshotId) {
        self.parent = Some(parent.clone());
        self.generation += 1;
        self.token = format!("night-{}", self.generation);
        self.began += 24.hours();
    }
}

/// What a night has written.
pub fn written(outcome: Outcome) -> (Sealed, Account) {
    match outcome {
        Outcome::Written(sealed, account) => (sealed, account),
        Outcome::Idle(_) | Outcome::Rehearsed(_) => panic!("{outcome:?}"),
    }
}

/// When the first of these nights begins.
pub fn began() -> Timestamp {
    "2026-11-21T02:00:00Z".parse().unwrap()
}

/// What files are like that others have written.
pub const THEIRS: Attributes =
    Attributes { mode: 0o664, uid: 7, gid: 8, modified: Timestamp::constant(1_700_000_000, 0) };

pub fn cache(feeders: Vec<Feeder>) -> Cache {
    Cache {
        name: "maven".to_owned(),
        enabled: true,
        owner: None,
        runbook: None,
        schedule: None,
        zone: TimeZone::UTC,
        size_gib: 1,
        snapshot: None,
        encryption: Encryption::None,
        files: Files { uid: 1001, gid: 121, ..Files::default() },
        feeders,
        access: Vec::new(),
        prune: Prune::default(),
        limits: NightLimits::default(),
        keep: 3,
        copy_to: Vec::new(),
        pool: None,
    }
}
