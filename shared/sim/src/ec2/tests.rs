//! Through the ports; the HTTP around it has its tests beside the adapter.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use watchkeeper_domain::{
    cache::TOKEN_TAG,
    ports::{Archive, Made, SnapshotCopy, SnapshotState, VolumeOrder, VolumeOrigin, VolumeState, Volumes},
};

use super::*;
use crate::ebs::BLOCK_SIZE;

/// EC2 with a snapshot of a volume of 8 GiB that has 600 MiB of data.
struct Estate {
    clock: Clock,
    ec2: Ec2,
    snapshot: String,
}

const MIB_OF_DATA: u32 = 600;

impl Estate {
    fn new() -> Self {
        let clock = Clock::at("2026-11-20T02:00:00Z".parse().unwrap());
        let store = Store::new(clock.clone());
        let block = hyper::body::Bytes::from(vec![7; BLOCK_SIZE]);
        let blocks = (0..MIB_OF_DATA * 2).map(|index| (index, block.clone()));
        let snapshot = store.import_blocks(8, blocks).unwrap();
        Self { ec2: Ec2::over(&store, &clock), clock, snapshot }
    }

    fn order(&self, token: &str, rate: Option<u32>) -> VolumeOrder {
        let origin = VolumeOrigin::Snapshot { id: self.snapshot.clone(), initialization_mib: rate };
        order(token, origin)
    }

    async fn make(&self, order: &VolumeOrder) -> String {
        match self.ec2.make(order).await.unwrap() {
            Made::Volume(id) => id,
            Made::Refused { code, message } => panic!("{code}: {message}"),
        }
    }

    async fn refused(&self, order: &VolumeOrder) -> String {
        match self.ec2.make(order).await.unwrap() {
            Made::Refused { code, .. } => code,
            Made::Volume(id) => panic!("{id}"),
        }
    }

    async fn look(&self, id: &str) -> Volume {
        self.ec2.volume(id).await.unwrap().unwrap()
    }

    fn seconds(&self, seconds: i64) {
        self.clock.advance(SignedDuration::from_secs(seconds));
    }
}

fn order(token: &str, origin: VolumeOrigin) -> VolumeOrder {
    let tags: BTreeMap<_, _> = [(TOKEN_TAG.to_owned(), token.to_owned())].into();
    VolumeOrder { origin, zone: "euw1-az1".to_owned(), size_gib: 8, token: token.to_owned(), tags }
}

fn copy_of(source: &str, token: &str) -> VolumeOrder {
    order(token, VolumeOrigin::Volume { id: source.to_owned() })
}

#[tokio::test]
async fn a_volume_is_filled_at_the_rate_that_was_asked_for() {
    let estate = Estate::new();
    let id = estate.make(&estate.order("a", Some(100))).await;
    let seen = estate.look(&id).await;
    assert_eq!((seen.state, seen.initialized), (VolumeState::Creating, Some(0)));
    estate.seconds(5 + 3);
    let seen = estate.look(&id).await;
    assert_eq!((seen.state, seen.initialized), (VolumeState::Available, Some(50)), "6 s for 600 MiB");
    estate.seconds(3);
    assert_eq!(estate.look(&id).await.initialized, Some(100));
    assert!(estate.ec2.attach(&id, "i-1"));
    let seen = estate.look(&id).await;
    assert_eq!((seen.state, seen.attached_to), (VolumeState::InUse, vec!["i-1".to_owned()]));
    assert!(!estate.ec2.attach(&id, "i-2"));
    estate.ec2.delete_volume(&id).await.unwrap_err();
    estate.ec2.detach(&id);
    estate.ec2.delete_volume(&id).await.unwrap();
    assert_eq!(estate.look(&id).await.state, VolumeState::Deleting);
    estate.seconds(5);
    assert_eq!(estate.look(&id).await.state, VolumeState::Deleted);
    estate.ec2.delete_volume(&id).await.expect("nothing happens to one that is not there");
    estate.seconds(60);
    assert_eq!(estate.ec2.volume(&id).await.unwrap(), None);
}

#[tokio::test]
async fn a_source_is_copied_once_at_a_time_and_a_copy_not_before_it_is_whole() {
    let estate = Estate::new();
    let source = estate.make(&estate.order("source", None)).await;
    assert_eq!(estate.refused(&copy_of(&source, "early")).await, "IncorrectState");
    estate.seconds(5);
    let first = estate.make(&copy_of(&source, "first")).await;
    assert_eq!(estate.refused(&copy_of(&source, "second")).await, "IncorrectState");
    estate.seconds(5 + 6);
    assert_eq!(estate.refused(&copy_of(&first, "nested")).await, "IncorrectState");
    assert_eq!(estate.look(&first).await.initialized, Some(48), "six hours a TiB are 12.4 s for 600 MiB");
    estate.seconds(7);
    assert_eq!(estate.look(&first).await.initialized, Some(100));
    estate.make(&copy_of(&source, "second")).await;
    let nested = estate.make(&copy_of(&first, "nested")).await;
    let nested = estate.look(&nested).await;
    assert_eq!((nested.source.as_ref(), nested.zone.as_str()), (Some(&first), "euw1-az1"));
}

#[tokio::test]
async fn five_copies_are_under_way_at_most() {
    let estate = Estate::new();
    let mut sources = Vec::new();
    for token in ["a", "b", "c", "d", "e", "f"] {
        sources.push(estate.make(&estate.order(token, None)).await);
    }
    estate.seconds(5);
    let (last, sources) = sources.split_last().unwrap();
    for source in sources {
        estate.make(&copy_of(source, &format!("copy-of-{source}"))).await;
    }
    assert_eq!(sources.len(), MOST_COPIES);
    assert_eq!(estate.refused(&copy_of(last, "too-many")).await, "CopyVolumesLimitExceeded");
    estate.seconds(60);
    estate.make(&copy_of(last, "too-many")).await;
}

#[tokio::test]
async fn rates_add_up_until_volumes_are_whole() {
    let estate = Estate::new();
    for place in 0..16 {
        estate.make(&estate.order(&place.to_string(), Some(300))).await;
    }
    assert_eq!(estate.refused(&estate.order("201", Some(201))).await, "ResourceLimitExceeded");
    estate.make(&estate.order("200", Some(200))).await;
    estate.make(&estate.order("slow", None)).await;
    estate.seconds(10);
    estate.make(&estate.order("201", Some(201))).await;
}

#[tokio::test]
async fn a_token_is_one_volume_until_that_is_gone() {
    let estate = Estate::new();
    let order = estate.order("a", Some(100));
    let id = estate.make(&order).await;
    assert_eq!(estate.make(&order).await, id);
    let other = VolumeOrder { size_gib: 9, ..order.clone() };
    assert_eq!(estate.refused(&other).await, "IdempotentParameterMismatch");
    assert_eq!(estate.ec2.seen().len(), 1);
    estate.ec2.break_volume(&id);
    assert_eq!(estate.look(&id).await.state, VolumeState::Error);
    assert_eq!(estate.refused(&order).await, "IdempotentParameterMismatch");
    estate.ec2.delete_volume(&id).await.unwrap();
    assert_eq!(estate.refused(&order).await, "IdempotentParameterMismatch");
}

#[tokio::test]
async fn an_order_that_was_carried_out_is_found_though_a_quota_is_used_up() {
    let estate = Estate::new();
    estate.ec2.limit_storage(Some(8));
    let order = estate.order("a", None);
    let id = estate.make(&order).await;
    assert_eq!(estate.make(&order).await, id);
    assert_eq!(estate.refused(&estate.order("b", None)).await, "VolumeLimitExceeded");
    let untagged = VolumeOrder { tags: BTreeMap::new(), ..order };
    assert_eq!(estate.refused(&untagged).await, "VolumeLimitExceeded", "the token alone is of no use");
}

#[tokio::test]
async fn an_order_that_cannot_be_is_a_failure() {
    let estate = Estate::new();
    let good = estate.order("a", Some(100));
    let id = estate.snapshot.clone();
    let rate = VolumeOrigin::Snapshot { id, initialization_mib: Some(99) };
    for bad in [
        VolumeOrder { token: "with spaces".to_owned(), ..good.clone() },
        VolumeOrder { token: "x".repeat(65), ..good.clone() },
        VolumeOrder { size_gib: 7, ..good.clone() },
        VolumeOrder { zone: "eu-west-1a".to_owned(), ..good.clone() },
        VolumeOrder { origin: rate, ..good.clone() },
    ] {
        let failure = estate.ec2.make(&bad).await.unwrap_err();
        assert!(!failure.ambiguous && failure.chain().contains("InvalidParameterValue"), "{bad:?}");
    }
    let origin = VolumeOrigin::Snapshot { id: "snap-0".to_owned(), initialization_mib: None };
    assert_eq!(estate.refused(&VolumeOrder { origin, ..good }).await, "InvalidSnapshot.NotFound");
}

#[tokio::test]
async fn a_copy_in_another_region_outlives_its_source() {
    let estate = Estate::new();
    let copy = SnapshotCopy {
        snapshot: estate.snapshot.clone(),
        from: REGION.to_owned(),
        to: "eu-central-1".to_owned(),
        description: "a copy".to_owned(),
        tags: [("a".to_owned(), "b".to_owned())].into(),
    };
    let id = estate.ec2.copy_snapshot(&copy).await.unwrap();
    assert_ne!(id, estate.snapshot, "no id is of two Regions");
    assert_eq!(estate.ec2.snapshot(REGION, &id).await.unwrap(), None);
    let seen = estate.ec2.snapshot("eu-central-1", &id).await.unwrap().unwrap();
    assert_eq!((seen.state, &seen.tags, seen.full_bytes), (SnapshotState::Pending, &copy.tags, None));
    let again = SnapshotCopy { snapshot: id.clone(), from: copy.to.clone(), to: REGION.to_owned(), ..copy };
    estate.ec2.copy_snapshot(&again).await.expect_err("of one that is not completed");
    estate.clock.advance(COPYING);
    estate.ec2.delete_snapshot(REGION, &estate.snapshot).await.unwrap();
    assert_eq!(estate.ec2.snapshot(REGION, &estate.snapshot).await.unwrap(), None);
    let [seen] = estate.ec2.snapshots("eu-central-1", ("a", "b")).await.unwrap().try_into().unwrap();
    assert_eq!((seen.id.as_str(), seen.state), (id.as_str(), SnapshotState::Completed));
    assert_eq!((seen.size_gib, seen.full_bytes), (8, Some(u64::from(MIB_OF_DATA) << 20)));
    assert_eq!(estate.ec2.store("eu-central-1").block(&id, 3).unwrap()[0], 7);
}

#[tokio::test]
async fn a_snapshot_is_not_shown_before_it_is_seen_by_the_direct_apis() {
    let estate = Estate::new();
    estate.ec2.store(REGION).set(|settings| settings.invisible = SignedDuration::from_secs(56));
    assert_eq!(estate.ec2.snapshot(REGION, &estate.snapshot).await.unwrap(), None);
    estate.seconds(56);
    assert!(estate.ec2.snapshot(REGION, &estate.snapshot).await.unwrap().is_some());
}

#[tokio::test]
async fn it_goes_wrong_on_request_and_counts() {
    let estate = Estate::new();
    let order = estate.order("a", None);
    estate.ec2.refuse_next(Operation::CreateVolume, 1, "RequestLimitExceeded");
    estate.ec2.refuse_next(Operation::CreateVolume, 1, "InsufficientVolumeCapacity");
    estate.ec2.fail_next(Operation::CreateVolume, 1, Outcome::Refuse);
    estate.ec2.fail_next(Operation::CreateVolume, 1, Outcome::HangAfterAccepting);
    assert!(estate.ec2.make(&order).await.unwrap_err().ambiguous);
    assert_eq!(estate.refused(&order).await, "InsufficientVolumeCapacity");
    assert!(!estate.ec2.make(&order).await.unwrap_err().ambiguous);
    assert_eq!(estate.ec2.seen().len(), 0);
    assert!(estate.ec2.make(&order).await.unwrap_err().ambiguous);
    assert_eq!(estate.ec2.seen().len(), 1, "it was done all the same");
    assert_eq!(estate.make(&order).await, estate.ec2.seen()[0].id);
    assert_eq!(estate.ec2.calls(Operation::CreateVolume), 5);
}
