//! A night on the wire: the real client, and an endpoint as strict as EBS.

use std::time::Duration;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_ebs::config::{Credentials, SharedCredentialsProvider};
use watchkeeper_domain::failure::Failure;
use watchkeeper_sim::{
    clock::Clock,
    ebs::{Damage, Fault, Operation, Server, SnapshotState, Store},
};
use watchkeeper_volume::{
    device::{Device, MEMORY},
    ebs::Ebs,
    ext4::{Volume, Written},
    night::{self, Done, Receipt, Verdict},
    snapshots::{BLOCK, Order, Origin, SnapshotId, Snapshots},
};

use crate::{DIRECTORY, OURS, bases::order, bytes, judge, now};

struct Estate {
    store: Store,
    ebs: Ebs,
}

impl Estate {
    async fn new() -> Self {
        let server = Server::start(Clock::at(now())).await.unwrap();
        let config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-central-1"))
            .credentials_provider(SharedCredentialsProvider::new(Credentials::new(
                "A", "secret", None, None, "test",
            )))
            .endpoint_url(&server.endpoint)
            .build();
        Self { store: server.store(), ebs: Ebs::connect(&config) }
    }

    /// A snapshot of our own making, with a file of 20 MiB.
    async fn base(&self) -> SnapshotId {
        let device = Device::blank(self.ebs.clone(), 1, MEMORY);
        let edit = |volume: &Volume<Ebs>| {
            volume.make_dirs(["repository/base"], &DIRECTORY)?;
            volume.write_file("repository/base/big", &bytes(1, 20 << 20)[..], &OURS)
        };
        night::make(&device, ("cache", [7; 16], now()), edit).await.unwrap();
        let snapshot = self.ebs.start(&order(Origin::Empty, 1, "base")).await.unwrap();
        let receipt = night::upload(&device, &snapshot).await.unwrap();
        self.ebs.complete(&snapshot, receipt.blocks, receipt.checksum).await.unwrap();
        snapshot
    }

    /// Edits and uploads into the snapshot that `order` starts.
    async fn run(&self, base: &SnapshotId, order: &Order) -> Result<(Receipt, Done), Failure> {
        let snapshot = self.ebs.start(order).await?;
        let device = Device::open(self.ebs.clone(), base, MEMORY).await?;
        let done = night::edit(&device, now(), tonight).await?;
        Ok((night::upload(&device, &snapshot).await?, done))
    }

    async fn verify(&self, base: &SnapshotId, receipt: &Receipt, done: Done) -> Result<Verdict, Failure> {
        night::verify(&self.ebs, (Some(base), receipt), (done, now()), MEMORY).await
    }

    fn assert_sound(&self, snapshot: &SnapshotId) {
        let directory = tempfile::tempdir().unwrap();
        let image = directory.path().join("snapshot.img");
        self.store.export(snapshot.as_str(), &mut std::fs::File::create(&image).unwrap()).unwrap();
        judge::assert_image_sound(&image);
    }
}

fn tonight(volume: &Volume<Ebs>) -> Result<Done, Failure> {
    volume.make_dirs(["repository/new"], &DIRECTORY)?;
    let mut written: Vec<Written> = Vec::new();
    for number in 0..40 {
        let path = format!("repository/new/{number}");
        written.push(volume.write_file(&path, &bytes(number, 300_000)[..], &OURS)?);
    }
    assert!(volume.remove("repository/base/big")?);
    Ok(Done { written, removed: vec!["repository/base/big".to_owned()] })
}

fn child(base: &SnapshotId) -> Order {
    let tags = vec![("watchkeeper:run".to_owned(), "r-1".to_owned())];
    Order { tags, ..order(Origin::Parent(base.clone()), 1, "child") }
}

#[tokio::test]
async fn from_start_to_verdict() {
    let estate = Estate::new().await;
    let base = estate.base().await;
    let (receipt, done) = estate.run(&base, &child(&base)).await.unwrap();
    estate.ebs.complete(&receipt.snapshot, receipt.blocks, receipt.checksum).await.unwrap();
    let verdict = estate.verify(&base, &receipt, done).await.unwrap();
    assert!(matches!(verdict, Verdict::Sound { files: 40, bytes: 12_000_000, .. }), "{verdict:?}");
    let seen = estate.store.snapshot(receipt.snapshot.as_str()).unwrap();
    assert_eq!(seen.state, SnapshotState::Completed);
    assert_eq!(seen.parent.as_deref(), Some(base.as_str()));
    assert_eq!(seen.tags["watchkeeper:run"], "r-1");
    assert_eq!(seen.written.len(), receipt.blocks as usize);
    estate.assert_sound(&receipt.snapshot);
}

#[tokio::test]
async fn whatever_passes_is_got_over() {
    let estate = Estate::new().await;
    let base = estate.base().await;
    let passing = [Fault::RequestThrottled, Fault::Server(500), Fault::Cut];
    estate.store.script(Operation::ListSnapshotBlocks, passing);
    estate.store.script(Operation::StartSnapshot, passing);
    let more = [Fault::NotFound, Fault::Throttling, Fault::Server(503), Fault::NotFound];
    estate.store.script(Operation::PutSnapshotBlock, passing.into_iter().chain(more));
    estate.store.script(Operation::GetSnapshotBlock, [Fault::HalfThenCut, Fault::WrongChecksum, Fault::Cut]);
    let (receipt, done) = estate.run(&base, &child(&base)).await.unwrap();
    estate.store.script(Operation::CompleteSnapshot, [Fault::Server(500), Fault::RequestThrottled]);
    estate.ebs.complete(&receipt.snapshot, receipt.blocks, receipt.checksum).await.unwrap();
    estate.store.script(Operation::ListChangedBlocks, passing);
    let verdict = estate.verify(&base, &receipt, done).await.unwrap();
    assert!(matches!(verdict, Verdict::Sound { .. }), "{verdict:?}");
    assert_eq!(estate.store.snapshots().len(), 2, "one token, one snapshot");
    estate.assert_sound(&receipt.snapshot);
}

#[tokio::test]
async fn what_will_not_pass_is_asked_once() {
    let estate = Estate::new().await;
    let base = estate.base().await;
    let before = estate.store.counters();
    estate.store.set(|settings| _ = settings.denied.insert(Operation::GetSnapshotBlock));
    let failure = estate.run(&base, &child(&base)).await.unwrap_err();
    assert!(failure.chain().contains("AccessDeniedException"), "{}", failure.chain());
    assert!(!failure.ambiguous);
    let asked = estate.store.counters().requests(Operation::GetSnapshotBlock)
        - before.requests(Operation::GetSnapshotBlock);
    assert_eq!(asked, 1);
}

#[tokio::test]
async fn a_snapshot_that_is_unknown_and_was_not_started_now_is_not_waited_for() {
    let estate = Estate::new().await;
    let block = watchkeeper_volume::snapshots::Block::new(bytes(1, BLOCK).into()).unwrap();
    let unknown = SnapshotId::new("snap-0123456789abcdef0");
    let put = estate.ebs.put(&unknown, watchkeeper_volume::snapshots::BlockIndex(0), &block);
    let failure = tokio::time::timeout(Duration::from_secs(5), put).await.unwrap().unwrap_err();
    assert!(failure.chain().contains("ResourceNotFoundException"), "{}", failure.chain());
}

#[tokio::test]
async fn short_and_empty_pages_are_pages_and_expired_tokens_are_got_anew() {
    let estate = Estate::new().await;
    let base = estate.base().await;
    estate.store.shorten_pages([3, 0, 5, 0, 0, 7]);
    let listing = estate.ebs.list(&base).await.unwrap();
    assert_eq!(listing.len(), estate.store.snapshot(base.as_str()).unwrap().blocks);

    let device = Device::open(estate.ebs.clone(), &base, MEMORY).await.unwrap();
    estate.store.expire_tokens();
    let before = estate.store.counters().requests(Operation::ListSnapshotBlocks);
    device.prefetch([(0, 1 << 30)]).await.unwrap();
    assert_eq!(device.progress().counts().read, listing.len() as u64);
    let listed = estate.store.counters().requests(Operation::ListSnapshotBlocks) - before;
    assert_eq!(listed, 1, "all that find their token stale list once");
}

#[tokio::test]
async fn a_run_that_was_killed_is_begun_again_with_the_same_snapshot() {
    let estate = Estate::new().await;
    let base = estate.base().await;
    for puts in [1, 7, 20] {
        estate.store.stop_after(Operation::PutSnapshotBlock, puts);
        let order = child(&base);
        let run = estate.run(&base, &order);
        tokio::select! {
            outcome = run => panic!("it was not killed: {outcome:?}"),
            () = estate.store.stopped() => {}
        }
        estate.store.resume();
    }
    let (receipt, done) = estate.run(&base, &child(&base)).await.unwrap();
    estate.ebs.complete(&receipt.snapshot, receipt.blocks, receipt.checksum).await.unwrap();
    assert_eq!(estate.store.snapshots().len(), 2);
    assert!(matches!(estate.verify(&base, &receipt, done).await.unwrap(), Verdict::Sound { .. }));
    estate.assert_sound(&receipt.snapshot);
}

#[tokio::test]
async fn a_snapshot_that_has_other_blocks_too_is_not_completed() {
    let estate = Estate::new().await;
    let base = estate.base().await;
    let (receipt, _) = estate.run(&base, &child(&base)).await.unwrap();
    let block = watchkeeper_volume::snapshots::Block::new(bytes(1, BLOCK).into()).unwrap();
    estate.ebs.put(&receipt.snapshot, watchkeeper_volume::snapshots::BlockIndex(2000), &block).await.unwrap();
    let failure = estate.ebs.complete(&receipt.snapshot, receipt.blocks, receipt.checksum).await.unwrap_err();
    assert!(!failure.ambiguous, "{}", failure.chain());
}

#[tokio::test]
async fn when_the_answer_to_complete_is_lost_doubt_remains() {
    let estate = Estate::new().await;
    let base = estate.base().await;
    let (receipt, done) = estate.run(&base, &child(&base)).await.unwrap();
    estate.store.script(Operation::CompleteSnapshot, [Fault::Cut]);
    let failure = estate.ebs.complete(&receipt.snapshot, receipt.blocks, receipt.checksum).await.unwrap_err();
    assert!(failure.ambiguous, "{}", failure.chain());
    assert!(matches!(estate.verify(&base, &receipt, done).await.unwrap(), Verdict::Sound { .. }));
}

#[tokio::test]
async fn damage_on_the_way_into_the_snapshot_is_found() {
    let estate = Estate::new().await;
    let base = estate.base().await;
    let (receipt, done) = estate.run(&base, &child(&base)).await.unwrap();
    estate.ebs.complete(&receipt.snapshot, receipt.blocks, receipt.checksum).await.unwrap();
    let id = receipt.snapshot.as_str();
    let put = estate.store.snapshot(id).unwrap().written;
    for index in [*put.first().unwrap(), *put.last().unwrap()] {
        estate.store.corrupt(id, index, Damage::Silent).unwrap();
        let verdict = estate.verify(&base, &receipt, done.clone()).await.unwrap();
        assert!(matches!(&verdict, Verdict::Unsound(faults) if !faults.is_empty()), "{index}: {verdict:?}");
        estate.store.corrupt(id, index, Damage::Silent).unwrap(); // turned back
    }
    assert!(matches!(estate.verify(&base, &receipt, done).await.unwrap(), Verdict::Sound { .. }));
}

#[tokio::test]
async fn a_verdict_names_every_file_that_is_not_what_it_should_be() {
    let estate = Estate::new().await;
    let base = estate.base().await;
    let (receipt, mut done) = estate.run(&base, &child(&base)).await.unwrap();
    estate.ebs.complete(&receipt.snapshot, receipt.blocks, receipt.checksum).await.unwrap();
    done.written[3].digest = done.written[4].digest;
    done.written[5].size += 1;
    done.written[6].path = "repository/nowhere".to_owned();
    done.removed.push("repository/new/8".to_owned());
    let receipt = Receipt { blocks: receipt.blocks + 1, ..receipt };
    let Verdict::Unsound(faults) = estate.verify(&base, &receipt, done).await.unwrap() else {
        panic!("sound")
    };
    let said: Vec<String> = faults.iter().map(ToString::to_string).collect();
    let parts = ["blocks differ", "new/3 is not", "new/5 is not", "nowhere is not", "new/8 was removed"];
    assert!(said.len() == 5 && said.iter().zip(parts).all(|(said, part)| said.contains(part)), "{said:?}");
}

#[tokio::test]
async fn a_block_whose_bytes_are_not_those_of_its_checksum_is_not_used() {
    let estate = Estate::new().await;
    let base = estate.base().await;
    estate.store.corrupt(base.as_str(), 0, Damage::Visible).unwrap();
    let hurried = Estate { ebs: estate.ebs.within(Duration::from_secs(1)), ..estate };
    let failure = hurried.run(&base, &child(&base)).await.unwrap_err();
    assert!(failure.chain().contains("checksum"), "{}", failure.chain());
}

#[tokio::test]
async fn nothing_goes_on_when_time_is_over() {
    let estate = Estate::new().await;
    let base = estate.base().await;
    estate.store.script(Operation::GetSnapshotBlock, [Fault::Hang; 40]);
    let hurried = Estate { ebs: estate.ebs.within(Duration::from_millis(700)), ..estate };
    let order = child(&base);
    let run = hurried.run(&base, &order);
    let failure = tokio::time::timeout(Duration::from_secs(5), run).await.unwrap().unwrap_err();
    assert!(failure.chain().contains("no answer"), "{}", failure.chain());
}
