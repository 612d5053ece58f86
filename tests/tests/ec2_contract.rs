//! One contract for EC2's part of caches, held to by the fake itself, by the adapter in front of it, and by the adapter in
//! front of moto as far as moto goes: it has no ids of zones, no client tokens, no initialization, no copies of volumes.
#![expect(clippy::expect_used, clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use aws_sdk_ec2::types::{ResourceType, Tag, TagSpecification};
use cache_refresher::ec2::Ec2;
use futures::{future::join_all, join};
use hyper::body::Bytes;
use jiff::{SignedDuration, Timestamp};
use watchkeeper_domain::{
    cache::{CACHE_TAG, TOKEN_TAG},
    failure::Failure,
    ports::{
        Archive, Made, Snapshot, SnapshotCopy, SnapshotState, Volume, VolumeOrder, VolumeOrigin, VolumeState,
        Volumes,
    },
};
use watchkeeper_shell::Leash;
use watchkeeper_sim::{
    channels::Outcome,
    clock::Clock,
    ebs::{BLOCK_SIZE, Store},
    ec2::{self, MOST_COPIES, Operation, http::Server},
};
use watchkeeper_tests::support::{
    aws::{REGION, config, config_with, moto, unique},
    faults::{Fault, Faulty, nobody},
};

const ELSEWHERE: &str = "eu-central-1";
const ZONE: &str = "euw1-az1";
const FREE: Leash = Leash { on: false };

/// The fake with a snapshot of a volume of 8 GiB that has 512 MiB of data, its clock, and the adapter in front of it.
struct Estate {
    fake: ec2::Ec2,
    clock: Clock,
    adapter: Ec2,
    /// What the snapshot and all volumes are tagged with.
    cache: String,
    snapshot: String,
}

impl Estate {
    async fn new() -> Self {
        Self::with_patience(Duration::from_secs(30)).await
    }

    async fn with_patience(patience: Duration) -> Self {
        let clock = Clock::at("2026-11-20T02:00:00Z".parse::<Timestamp>().unwrap());
        let store = Store::new(clock.clone());
        let block = Bytes::from(vec![7; BLOCK_SIZE]);
        let snapshot = store.import_blocks(8, (0..1024).map(|index| (index, block.clone()))).unwrap();
        let cache = unique("maven");
        store.tag(&snapshot, CACHE_TAG, &cache);
        let fake = ec2::Ec2::over(&store, &clock);
        let server = Server::start(fake.clone()).await.unwrap();
        let adapter = Ec2::connect(&config_with(&server.endpoint, patience), FREE);
        Self { fake, clock, adapter, cache, snapshot }
    }

    fn order(&self, token: &str, initialization_mib: Option<u32>) -> VolumeOrder {
        order(&self.cache, token, VolumeOrigin::Snapshot { id: self.snapshot.clone(), initialization_mib })
    }

    fn copy_of(&self, source: &str, token: &str) -> VolumeOrder {
        order(&self.cache, token, VolumeOrigin::Volume { id: source.to_owned() })
    }

    fn seconds(&self, seconds: i64) {
        self.clock.advance(SignedDuration::from_secs(seconds));
    }
}

fn order(cache: &str, token: &str, origin: VolumeOrigin) -> VolumeOrder {
    let tags = [(CACHE_TAG, cache), (TOKEN_TAG, token)];
    VolumeOrder {
        origin,
        zone: ZONE.to_owned(),
        size_gib: 8,
        token: token.to_owned(),
        tags: tags.map(|(key, value)| (key.to_owned(), value.to_owned())).into(),
    }
}

async fn made(ec2: &impl Volumes, order: &VolumeOrder) -> String {
    match ec2.make(order).await.unwrap() {
        Made::Volume(id) => id,
        Made::Refused { code, message } => panic!("{code}: {message}"),
    }
}

async fn refused(ec2: &impl Volumes, order: &VolumeOrder) -> String {
    match ec2.make(order).await.unwrap() {
        Made::Refused { code, .. } => code,
        Made::Volume(id) => panic!("{id}"),
    }
}

async fn look(ec2: &impl Volumes, id: &str) -> Volume {
    ec2.volume(id).await.unwrap().unwrap()
}

// ── What everybody keeps to ─────────────────────────────────────────────────────────────────────────────

/// A snapshot of 8 GiB, tagged as the one of `cache`, and a way to let time pass.
async fn the_contract<E: Archive + Volumes>(ec2: &E, cache: &str, snapshot: &str, later: impl Fn()) {
    the_contract_of_volumes(ec2, cache, snapshot, &later).await;
    let seen = ec2.snapshot(REGION, snapshot).await.unwrap().unwrap();
    assert_eq!((seen.id.as_str(), seen.state, seen.size_gib), (snapshot, SnapshotState::Completed, 8));
    assert_eq!(seen.tags, [(CACHE_TAG.to_owned(), cache.to_owned())].into());
    assert!(seen.started_at.is_some() && seen.message.is_empty());
    assert_eq!(ec2.snapshots(REGION, (CACHE_TAG, cache)).await.unwrap(), [seen]);
    assert_eq!(ec2.snapshots(REGION, (CACHE_TAG, "nobody's")).await.unwrap(), []);
    assert_eq!(ec2.snapshots(ELSEWHERE, (CACHE_TAG, cache)).await.unwrap(), []);
    assert_eq!(ec2.snapshot(ELSEWHERE, snapshot).await.unwrap(), None);
    assert_eq!(ec2.snapshot(REGION, "snap-0123456789abcdef0").await.unwrap(), None);

    let copy = SnapshotCopy {
        snapshot: snapshot.to_owned(),
        from: REGION.to_owned(),
        to: ELSEWHERE.to_owned(),
        description: "for <the> \"others\" & us".to_owned(),
        tags: [(CACHE_TAG, cache), (TOKEN_TAG, "<&>")].map(|(a, b)| (a.to_owned(), b.to_owned())).into(),
    };
    let id = ec2.copy_snapshot(&copy).await.unwrap();
    assert_eq!(ec2.snapshot(REGION, &id).await.unwrap(), None);
    later();
    let [seen] = ec2.snapshots(ELSEWHERE, (CACHE_TAG, cache)).await.unwrap().try_into().unwrap();
    assert_eq!((&seen.id, seen.state, seen.size_gib), (&id, SnapshotState::Completed, 8));
    assert_eq!(seen.tags, copy.tags);
    for (region, id) in [(REGION, snapshot), (ELSEWHERE, &id)] {
        ec2.delete_snapshot(region, id).await.unwrap();
        assert_eq!(ec2.snapshot(region, id).await.unwrap(), None);
        ec2.delete_snapshot(region, id).await.expect("nothing happens to one that is not there");
    }
}

async fn the_contract_of_volumes<E: Volumes>(ec2: &E, cache: &str, snapshot: &str, later: &impl Fn()) {
    let origin = VolumeOrigin::Snapshot { id: snapshot.to_owned(), initialization_mib: None };
    let order = order(cache, &unique("token"), origin);
    let id = made(ec2, &order).await;
    later();
    let seen = look(ec2, &id).await;
    assert_eq!((&seen.id, seen.state, &seen.tags), (&id, VolumeState::Available, &order.tags));
    assert_eq!((seen.snapshot.as_deref(), &seen.source), (Some(snapshot), &None));
    assert_eq!((seen.initialization_mib, seen.initialized), (None, None));
    assert!(seen.created_at.is_some() && seen.attached_to.is_empty());
    assert_eq!(ec2.volumes((CACHE_TAG, cache)).await.unwrap(), [seen]);
    assert_eq!(ec2.volumes((CACHE_TAG, "nobody's")).await.unwrap(), []);
    assert_eq!(ec2.volume("vol-0123456789abcdef0").await.unwrap(), None);

    ec2.delete_volume(&id).await.unwrap();
    ec2.delete_volume(&id).await.expect("nothing happens to one that is not there");
    ec2.delete_volume("vol-0123456789abcdef0").await.expect("nor here");
    later();
    assert_eq!(ec2.volumes((CACHE_TAG, cache)).await.unwrap(), []);
    assert!(ec2.volume(&id).await.unwrap().is_none_or(|volume| volume.state == VolumeState::Deleted));
    let gone = VolumeOrigin::Snapshot { id: "snap-0123456789abcdef0".to_owned(), initialization_mib: None };
    let order = VolumeOrder { origin: gone, token: unique("token"), ..order };
    assert_eq!(refused(ec2, &order).await, "InvalidSnapshot.NotFound");
}

#[tokio::test]
async fn the_fake_keeps_the_contract() {
    let estate = Estate::new().await;
    the_contract(&estate.fake, &estate.cache, &estate.snapshot, || estate.seconds(600)).await;
}

#[tokio::test]
async fn the_adapter_in_front_of_the_fake_keeps_the_contract() {
    let estate = Estate::new().await;
    the_contract(&estate.adapter, &estate.cache, &estate.snapshot, || estate.seconds(600)).await;
}

#[tokio::test]
async fn the_adapter_in_front_of_moto_keeps_the_contract() {
    let Some(endpoint) = moto() else { return };
    let (config, cache) = (config(&endpoint), unique("maven"));
    let client = aws_sdk_ec2::Client::new(&config);
    let volume = client.create_volume().availability_zone("eu-west-1a").size(8).send().await.unwrap();
    let tag = Tag::builder().key(CACHE_TAG).value(&cache).build();
    let tags = TagSpecification::builder().resource_type(ResourceType::Snapshot).tags(tag).build();
    let snapshot = client.create_snapshot().set_volume_id(volume.volume_id.clone()).tag_specifications(tags);
    let snapshot = snapshot.send().await.unwrap().snapshot_id.unwrap();
    let ec2 = Ec2::connect(&config, FREE);
    assert_eq!(look(&ec2, &volume.volume_id.unwrap()).await.zone, "eu-west-1a", "the name, without an id");
    the_contract(&ec2, &cache, &snapshot, || ()).await;
}

// ── What the adapter sees is what the fake has ──────────────────────────────────────────────────────────

/// Everything that there is to see of a cache.
async fn everything<E: Archive + Volumes>(ec2: &E, cache: &str) -> (Vec<Volume>, Vec<Snapshot>) {
    let volumes = ec2.volumes((CACHE_TAG, cache)).await.unwrap();
    for volume in &volumes {
        assert_eq!(&look(ec2, &volume.id).await, volume);
    }
    let mut snapshots = ec2.snapshots(REGION, (CACHE_TAG, cache)).await.unwrap();
    snapshots.extend(ec2.snapshots(ELSEWHERE, (CACHE_TAG, cache)).await.unwrap());
    (volumes, snapshots)
}

#[tokio::test]
async fn the_adapter_sees_all_pages_all_states_and_how_far_each_volume_is() {
    let estate = Estate::new().await;
    let (fake, ec2, cache) = (&estate.fake, &estate.adapter, &estate.cache);
    let mut seen = BTreeSet::new();
    let source = made(ec2, &estate.order("source", None)).await;
    let broken = made(ec2, &estate.order("broken", None)).await;
    let attached = made(ec2, &estate.order("attached", Some(300))).await;
    let deleted = made(ec2, &estate.order("deleted", Some(100))).await;
    for second in 0..20 {
        match second {
            5 => assert!(fake.attach(&attached, "i-1")),
            6 => made(ec2, &estate.copy_of(&source, "copy")).await.clear(),
            8 => fake.break_volume(&broken),
            10 => ec2.delete_volume(&deleted).await.unwrap(),
            _ => {}
        }
        let all = everything(ec2, cache).await;
        assert_eq!(all, everything(fake, cache).await, "in second {second}");
        seen.extend(all.0.iter().map(|volume| format!("{:?} {:?}", volume.state, volume.initialized)));
        estate.seconds(1);
    }
    let filling = ["Some(0)", "Some(19)", "Some(39)", "Some(58)", "Some(78)"];
    let filling = filling.map(|progress| format!("Available {progress}"));
    let others = [
        "Available None",
        "Creating None",
        "Creating Some(0)",
        "Deleting None",
        "Error None",
        "InUse Some(100)",
    ];
    let expected: BTreeSet<_> = others.map(str::to_owned).into_iter().chain(filling).collect();
    assert_eq!(seen.intersection(&expected).collect::<Vec<_>>(), expected.iter().collect::<Vec<_>>());
    assert_eq!(fake.seen().len(), 5, "more than two pages");
    assert_eq!(fake.seen()[3].state, VolumeState::Deleted, "which `volumes` leaves out");
}

#[tokio::test]
async fn progress_is_asked_for_where_somebody_waits_for_it() {
    let estate = Estate::new().await;
    let (fake, ec2) = (&estate.fake, &estate.adapter);
    let plain = made(ec2, &estate.order("plain", None)).await;
    ec2.volumes((CACHE_TAG, &estate.cache)).await.unwrap();
    assert_eq!(fake.calls(Operation::DescribeVolumeStatus), 0);
    let filled = made(ec2, &estate.order("filled", Some(100))).await;
    estate.seconds(11);
    assert_eq!(look(ec2, &filled).await.initialized, Some(100));
    let copy = made(ec2, &estate.copy_of(&plain, "copy")).await;
    let all = ec2.volumes((CACHE_TAG, &estate.cache)).await.unwrap();
    let progress: BTreeMap<_, _> = all.into_iter().map(|volume| (volume.id, volume.initialized)).collect();
    assert_eq!(progress, [(plain, None), (filled, Some(100)), (copy, Some(0))].into());
    assert_eq!(fake.calls(Operation::DescribeVolumeStatus), 2, "one call for all of them");
    fake.refuse_next(Operation::DescribeVolumeStatus, 1, "InvalidVolume.NotFound");
    let all = ec2.volumes((CACHE_TAG, &estate.cache)).await.unwrap();
    assert!(all.iter().all(|volume| volume.initialized.is_none()), "one was deleted in the meantime");
    fake.refuse_next(Operation::DescribeVolumeStatus, 1, "UnauthorizedOperation");
    ec2.volumes((CACHE_TAG, &estate.cache)).await.expect_err("what can't be read is not guessed");
}

#[tokio::test]
async fn a_tag_is_compared_to_the_letter() {
    let estate = Estate::new().await;
    made(&estate.adapter, &estate.order("a", None)).await;
    for pattern in ["*", "maven*", "?aven*"] {
        assert_eq!(estate.adapter.volumes((CACHE_TAG, pattern)).await.unwrap(), [], "{pattern}");
        assert_eq!(estate.adapter.snapshots(REGION, (CACHE_TAG, pattern)).await.unwrap(), [], "{pattern}");
    }
}

// ── Orders ──────────────────────────────────────────────────────────────────────────────────────────────

/// What comes of orders, whoever is asked.
async fn the_contract_of_orders<E: Volumes>(ec2: &E, estate: &Estate) {
    let first = estate.order("first", Some(100));
    let id = made(ec2, &first).await;
    assert_eq!(made(ec2, &first).await, id, "the same token is the same volume");
    let other = VolumeOrder { size_gib: 9, ..first.clone() };
    assert_eq!(refused(ec2, &other).await, "IdempotentParameterMismatch");
    estate.seconds(10);
    ec2.delete_volume(&id).await.unwrap();
    assert_eq!(
        refused(ec2, &first).await,
        "IdempotentParameterMismatch",
        "a token is used up with its volume"
    );

    let mut sources = Vec::new();
    for place in 0..=MOST_COPIES {
        sources.push(made(ec2, &estate.order(&format!("source-{place}"), None)).await);
    }
    estate.seconds(5);
    let copy = estate.copy_of(&sources[0], "copy-0");
    let id = made(ec2, &copy).await;
    assert_eq!(made(ec2, &copy).await, id);
    assert_eq!(refused(ec2, &estate.copy_of(&sources[0], "again")).await, "IncorrectState");
    for (place, source) in sources.iter().enumerate().take(MOST_COPIES).skip(1) {
        made(ec2, &estate.copy_of(source, &format!("copy-{place}"))).await;
    }
    let last = estate.copy_of(&sources[MOST_COPIES], "last");
    assert_eq!(refused(ec2, &last).await, "CopyVolumesLimitExceeded");
    assert_eq!(made(ec2, &copy).await, id, "it is there, although EC2 names the limit first");
    assert_eq!(look(ec2, &id).await.source.as_ref(), Some(&sources[0]));
    let lost = estate.copy_of("vol-0123456789abcdef0", "lost");
    estate.seconds(60);
    assert_eq!(refused(ec2, &lost).await, "InvalidVolume.NotFound");
    made(ec2, &last).await;

    let odd = VolumeOrder { size_gib: 0, ..estate.order("odd", None) };
    let failure = ec2.make(&odd).await.unwrap_err();
    assert!(!failure.ambiguous && failure.chain().contains("InvalidParameterValue"), "{}", failure.chain());
    assert_eq!(estate.fake.seen().len(), 2 * (MOST_COPIES + 1), "and the first is deleted and forgotten");
}

#[tokio::test]
async fn the_fake_keeps_the_contract_of_orders() {
    let estate = Estate::new().await;
    the_contract_of_orders(&estate.fake, &estate).await;
}

#[tokio::test]
async fn the_adapter_keeps_the_contract_of_orders() {
    let estate = Estate::new().await;
    the_contract_of_orders(&estate.adapter, &estate).await;
}

/// What an order comes to when EC2 always says `code`.
async fn told(ec2: &impl Volumes, estate: &Estate, code: &str) -> String {
    estate.fake.refuse_next(Operation::CreateVolume, 3, code);
    match ec2.make(&estate.order("a", None)).await {
        Ok(Made::Refused { code, .. }) => format!("refused: {code}"),
        Ok(Made::Volume(id)) => panic!("{id}"),
        Err(failure) if failure.ambiguous => "in doubt".to_owned(),
        Err(_) => "a failure".to_owned(),
    }
}

#[tokio::test]
async fn adapter_and_fake_agree_on_what_is_an_answer_and_what_is_trouble() {
    let lasting = [
        "VolumeLimitExceeded",
        "MaxIOPSLimitExceeded",
        "ResourceLimitExceeded",
        "InsufficientVolumeCapacity",
        "IdempotentParameterMismatch",
        "IncorrectState",
        "InvalidSnapshot.NotFound",
    ];
    let certain = ["UnauthorizedOperation", "InvalidParameterValue", "UnsupportedOperation"];
    let doubtful = ["RequestLimitExceeded", "InternalError", "Unavailable"];
    let expected = lasting
        .map(|code| (code, format!("refused: {code}")))
        .into_iter()
        .chain(certain.map(|code| (code, "a failure".to_owned())))
        .chain(doubtful.map(|code| (code, "in doubt".to_owned())));
    let agree = expected.map(async |(code, expected)| {
        let (one, two) = (Estate::new().await, Estate::new().await);
        assert_eq!(told(&one.fake, &one, code).await, expected, "{code}");
        assert_eq!(told(&two.adapter, &two, code).await, expected, "{code}");
    });
    join_all(agree).await;
}

// ── The leash, and what goes wrong on the way ───────────────────────────────────────────────────────────

/// Everything that changes something, once.
async fn changes(ec2: &Ec2) -> Vec<Failure> {
    let of_snapshot = VolumeOrigin::Snapshot { id: "snap-1".to_owned(), initialization_mib: None };
    let of_volume = VolumeOrigin::Volume { id: "vol-1".to_owned() };
    let copy = SnapshotCopy {
        snapshot: "snap-1".to_owned(),
        from: REGION.to_owned(),
        to: ELSEWHERE.to_owned(),
        description: String::new(),
        tags: BTreeMap::new(),
    };
    let (of_snapshot, of_volume) = (order("maven", "a", of_snapshot), order("maven", "b", of_volume));
    let (create, copy_volume, copy_snapshot, delete_snapshot, delete_volume) = join!(
        ec2.make(&of_snapshot),
        ec2.make(&of_volume),
        ec2.copy_snapshot(&copy),
        ec2.delete_snapshot(REGION, "snap-1"),
        ec2.delete_volume("vol-1"),
    );
    vec![
        create.unwrap_err(),
        copy_volume.unwrap_err(),
        copy_snapshot.unwrap_err(),
        delete_snapshot.unwrap_err(),
        delete_volume.unwrap_err(),
    ]
}

#[tokio::test]
async fn on_the_leash_nothing_that_changes_anything_is_sent() {
    let server = Faulty::start(Fault::Answer(400, "<Response/>")).await.unwrap();
    for failure in changes(&Ec2::connect(&config(&server.endpoint), Leash::default())).await {
        assert!(!failure.ambiguous && failure.chain().contains("the leash is on"), "{}", failure.chain());
    }
    assert_eq!(server.requests(), 0);
    let free = changes(&Ec2::connect(&config(&server.endpoint), FREE)).await;
    assert_eq!(server.requests(), free.len(), "off the leash all are sent");
    let held = Ec2::connect(&config(&server.endpoint), Leash::default());
    held.volumes((CACHE_TAG, "maven")).await.unwrap_err();
    assert_eq!(server.requests(), free.len() + 1, "and looking is free");
}

#[tokio::test]
async fn an_order_that_is_not_answered_is_repeated_and_makes_one_volume() {
    let estate = Estate::with_patience(Duration::from_millis(300)).await;
    let (fake, ec2) = (&estate.fake, &estate.adapter);
    fake.fail_next(Operation::CreateVolume, 1, Outcome::HangAfterAccepting);
    let id = made(ec2, &estate.order("a", None)).await;
    assert_eq!((fake.calls(Operation::CreateVolume), fake.seen().len()), (2, 1));
    assert_eq!(fake.seen()[0].id, id);
    fake.fail_next(Operation::CreateVolume, 3, Outcome::HangAfterAccepting);
    let failure = ec2.make(&estate.order("b", None)).await.unwrap_err();
    assert!(failure.ambiguous, "{}", failure.chain());
    assert_eq!((fake.calls(Operation::CreateVolume), fake.seen().len()), (2 + 3, 2), "three tries, no more");
}

#[tokio::test]
async fn an_order_that_used_up_the_quota_without_an_answer_is_found_by_its_tag() {
    let estate = Estate::with_patience(Duration::from_millis(300)).await;
    let (fake, ec2) = (&estate.fake, &estate.adapter);
    fake.limit_storage(Some(8));
    fake.fail_next(Operation::CreateVolume, 1, Outcome::HangAfterAccepting);
    assert_eq!(made(ec2, &estate.order("a", None)).await, fake.seen()[0].id);
    fake.refuse_next(Operation::DescribeVolumes, 1, "UnauthorizedOperation");
    let failure = ec2.make(&estate.order("a", None)).await.unwrap_err();
    assert!(failure.ambiguous, "nobody knows: {}", failure.chain());
    assert_eq!(refused(ec2, &estate.order("b", None)).await, "VolumeLimitExceeded");
    fake.break_volume(&fake.seen()[0].id);
    assert_eq!(refused(ec2, &estate.order("a", None)).await, "IdempotentParameterMismatch");
}

#[tokio::test]
async fn a_copy_of_a_snapshot_is_asked_for_once() {
    let estate = Estate::with_patience(Duration::from_millis(300)).await;
    estate.fake.fail_next(Operation::CopySnapshot, 1, Outcome::HangAfterAccepting);
    let copy = SnapshotCopy {
        snapshot: estate.snapshot.clone(),
        from: REGION.to_owned(),
        to: ELSEWHERE.to_owned(),
        description: "a copy".to_owned(),
        tags: [(CACHE_TAG.to_owned(), estate.cache.clone())].into(),
    };
    let failure = estate.adapter.copy_snapshot(&copy).await.unwrap_err();
    assert!(failure.ambiguous, "{}", failure.chain());
    assert_eq!(estate.fake.calls(Operation::CopySnapshot), 1);
    let found = estate.adapter.snapshots(ELSEWHERE, (CACHE_TAG, &estate.cache)).await.unwrap();
    assert_eq!(found.len(), 1, "what an unanswered call has made is found by its tags");
}

#[tokio::test]
async fn what_is_not_allowed_is_a_certain_failure() {
    let estate = Estate::new().await;
    let (fake, ec2) = (&estate.fake, &estate.adapter);
    let id = made(ec2, &estate.order("a", None)).await;
    let refuse = |operation| fake.fail_next(operation, 1, Outcome::Refuse);
    [Operation::DescribeVolumes, Operation::DeleteVolume].into_iter().for_each(refuse);
    [Operation::DescribeSnapshots, Operation::DeleteSnapshot].into_iter().for_each(refuse);
    let failures = [
        ec2.volume(&id).await.unwrap_err(),
        ec2.delete_volume(&id).await.unwrap_err(),
        ec2.snapshot(REGION, &estate.snapshot).await.unwrap_err(),
        ec2.delete_snapshot(REGION, &estate.snapshot).await.unwrap_err(),
    ];
    for failure in failures {
        assert!(!failure.ambiguous && failure.chain().contains("UnauthorizedOperation: "), "{failure:?}");
    }
    estate.seconds(5);
    assert!(fake.attach(&id, "i-1"));
    let failure = ec2.delete_volume(&id).await.unwrap_err();
    assert!(!failure.ambiguous && failure.chain().contains("VolumeInUse: "), "{}", failure.chain());
    assert_eq!(look(ec2, &id).await.state, VolumeState::InUse);
}

#[tokio::test]
async fn an_error_of_the_service_is_tried_three_times_and_no_connection_is_certain() {
    let server = Faulty::start(Fault::Answer(503, "<Response/>")).await.unwrap();
    let failure = Ec2::connect(&config(&server.endpoint), FREE).volume("vol-1").await.unwrap_err();
    assert_eq!(server.requests(), 3, "{}", failure.chain());
    let ec2 = Ec2::connect(&config(&nobody().await.unwrap()), FREE);
    for failure in changes(&ec2).await {
        assert!(!failure.ambiguous, "{}", failure.chain());
    }
}

#[tokio::test]
async fn an_answer_without_an_id_may_have_made_something() {
    for (answer, change) in
        [("<CreateVolumeResponse/>", 0), ("<CopyVolumesResponse/>", 1), ("<CopySnapshotResponse/>", 2)]
    {
        let server = Faulty::start(Fault::Answer(200, answer)).await.unwrap();
        let ec2 = Ec2::connect(&config(&server.endpoint), FREE);
        let estate = Estate::new().await;
        let failure = match change {
            0 => ec2.make(&estate.order("a", None)).await.unwrap_err(),
            1 => ec2.make(&estate.copy_of("vol-1", "a")).await.unwrap_err(),
            _ => {
                let copy = SnapshotCopy {
                    snapshot: estate.snapshot.clone(),
                    from: REGION.to_owned(),
                    to: ELSEWHERE.to_owned(),
                    description: String::new(),
                    tags: BTreeMap::new(),
                };
                ec2.copy_snapshot(&copy).await.unwrap_err()
            }
        };
        assert!(failure.ambiguous, "{}", failure.chain());
        assert!(failure.chain().ends_with("an answer without an id"), "{}", failure.chain());
    }
}
