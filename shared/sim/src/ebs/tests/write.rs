//! Start, Put, Complete.

use aws_sdk_ebs::{
    error::DisplayErrorContext,
    operation::start_snapshot::StartSnapshotError,
    types::{Status, Tag},
};
use jiff::SignedDuration;

use super::*;

const NOT_PENDING: &str = "400 ValidationException INVALID_SNAPSHOT_ID";
const PARAMETER: &str = "400 ValidationException INVALID_PARAMETER_VALUE";
const NOT_FOUND: &str = "404 ResourceNotFoundException SNAPSHOT_NOT_FOUND";

#[tokio::test]
async fn a_snapshot_is_started_written_and_completed() {
    let estate = Estate::new().await;
    let tag = Tag::builder().key("started-by").value("cache-refresher").build();
    let started = estate.start(8).tags(tag).description("night").send().await.unwrap();
    assert_eq!(started.status(), Some(&Status::Pending));
    assert_eq!((started.volume_size(), started.block_size()), (Some(8), Some(524_288)));
    assert_eq!(started.start_time().unwrap().secs(), estate.clock.now().as_second());
    assert_eq!((started.tags().len(), started.description()), (1, Some("night")));
    let id = started.snapshot_id.unwrap();
    let put = estate.put(&id, 7, 0xAA).await.unwrap();
    assert_eq!(put.checksum(), Some(&*STANDARD.encode(Sha256::digest(data(0xAA)))));
    let sealed = estate.complete(&id, 1).await.unwrap();
    assert_eq!(sealed.status(), Some(&Status::Pending));
    let snapshot = estate.store.snapshot(&id).unwrap();
    assert_eq!(snapshot.state, SnapshotState::Completed);
    assert_eq!(snapshot.tags["started-by"], "cache-refresher");
    assert_eq!((snapshot.size_gib, snapshot.blocks, snapshot.written.len()), (8, 1, 1));
}

#[tokio::test]
async fn a_snapshot_is_completed_some_time_after_complete_and_takes_no_block_meanwhile() {
    let estate = Estate::new().await;
    estate.store.set(|settings| settings.completion = SignedDuration::from_mins(3));
    let id = estate.started().await;
    estate.complete(&id, 0).await.unwrap();
    estate.clock.advance(SignedDuration::from_secs(179));
    assert_eq!(estate.state(&id), SnapshotState::Pending);
    assert_eq!(refused(estate.put(&id, 0, 1).await), NOT_PENDING);
    estate.clock.advance(SignedDuration::from_secs(1));
    assert_eq!(estate.state(&id), SnapshotState::Completed);
}

#[tokio::test]
async fn sizes_are_1_to_65536_gib_and_at_least_that_of_the_parent() {
    let estate = Estate::new().await;
    for size in [0, -1, 65_537] {
        let refusal = refused(estate.start(size).send().await);
        assert_eq!(refusal, "400 ValidationException INVALID_VOLUME_SIZE", "{size}");
    }
    id(estate.start(65_536).send().await);
    let parent = estate.store.import_blocks(2, [(0, data(1))]).unwrap();
    let child = |size| estate.start(size).parent_snapshot_id(&parent).send();
    assert_eq!(refused(child(1).await), "400 ValidationException INVALID_VOLUME_SIZE");
    id(child(2).await);
}

#[tokio::test]
async fn a_child_inherits_blocks_and_encryption_and_is_not_told_about_encryption_again() {
    let estate = Estate::new().await;
    let parent = id(estate.start(1).encrypted(true).send().await);
    estate.put(&parent, 3, 1).await.unwrap();
    let child = || estate.start(1).parent_snapshot_id(&parent);
    assert_eq!(refused(child().send().await), NOT_PENDING);
    estate.complete(&parent, 1).await.unwrap();
    assert_eq!(refused(child().encrypted(true).send().await), PARAMETER);
    assert_eq!(refused(child().encrypted(false).send().await), PARAMETER);
    assert_eq!(refused(child().kms_key_arn("arn:aws:kms:eu-central-1:1:key/1").send().await), PARAMETER);
    let unknown = estate.start(1).parent_snapshot_id("snap-0abc").send().await;
    assert_eq!(refused(unknown), NOT_FOUND);
    let child = id(child().send().await);
    let snapshot = estate.store.snapshot(&child).unwrap();
    assert_eq!((snapshot.encrypted, snapshot.blocks, snapshot.written.len()), (true, 1, 0));
    assert_eq!(snapshot.parent.as_deref(), Some(&*parent));
    assert_eq!(
        estate.store.block(&child, 3).unwrap().as_ptr(),
        estate.store.block(&parent, 3).unwrap().as_ptr()
    );
    estate.put(&child, 3, 2).await.unwrap();
    assert_eq!(estate.store.block(&parent, 3).unwrap()[0], 1);
    assert_eq!(estate.store.block(&child, 3).unwrap()[0], 2);
}

#[tokio::test]
async fn parameters_of_start_have_limits() {
    let estate = Estate::new().await;
    let start = || estate.start(1);
    let tag = |key: &str, value: &str| Tag::builder().key(key).value(value).build();
    assert_eq!(refused(start().timeout(9).send().await), PARAMETER);
    assert_eq!(refused(start().timeout(4_321).send().await), PARAMETER);
    assert_eq!(refused(start().client_token("x".repeat(65)).send().await), PARAMETER);
    assert_eq!(refused(start().client_token("a b").send().await), PARAMETER);
    assert_eq!(refused(start().description("x".repeat(256)).send().await), PARAMETER);
    assert_eq!(refused(start().kms_key_arn("arn:aws:kms:eu-central-1:1:key/1").send().await), PARAMETER);
    let bad_tags = [
        vec![tag("aws:owner", "x")],
        vec![tag("a", "1"), tag("a", "2")],
        vec![tag(&"k".repeat(128), "")],
        vec![tag("k", &"v".repeat(256))],
        (0..51).map(|i| tag(&format!("k{i}"), "")).collect(),
    ];
    for tags in bad_tags {
        let refusal = refused(start().set_tags(Some(tags)).send().await);
        assert_eq!(refusal, "400 ValidationException INVALID_TAG");
    }
    assert_eq!(estate.store.snapshots(), []);
}

#[tokio::test]
async fn a_put_is_one_whole_block_inside_the_volume_with_its_checksum() {
    let estate = Estate::new().await;
    let id = estate.started().await;
    let sum = |data: &[u8]| STANDARD.encode(Sha256::digest(data));
    for length in [0, BLOCK_SIZE - 1, BLOCK_SIZE + 1] {
        let data = vec![1; length];
        let sum = sum(&data);
        assert_eq!(refused(estate.put_raw(&id, 0, data, &sum).await), PARAMETER, "{length}");
    }
    assert_eq!(refused(estate.put_raw(&id, 0, data(1), &sum(&data(2))).await), PARAMETER);
    assert_eq!(refused(estate.put_raw(&id, 0, data(1), "not base64!").await), PARAMETER);
    assert_eq!(refused(estate.put(&id, 2_048, 1).await), "400 ValidationException INVALID_BLOCK");
    assert_eq!(refused(estate.put(&id, -1, 1).await), PARAMETER);
    assert_eq!(refused(estate.put("snap-0abc", 0, 1).await), NOT_FOUND);
    assert_eq!(refused(estate.put("snap-XYZ", 0, 1).await), NOT_PENDING);
    let other_size = estate.client.put_snapshot_block().snapshot_id(&id).block_index(0).data_length(512);
    let other_size = other_size.checksum(sum(&data(1))).block_data(ByteStream::from(data(1)));
    let other_size = other_size.checksum_algorithm(ChecksumAlgorithm::ChecksumAlgorithmSha256);
    assert_eq!(refused(other_size.send().await), PARAMETER);
    assert_eq!(estate.store.snapshot(&id).unwrap().blocks, 0);
    estate.put(&id, 2_047, 1).await.unwrap();
}

#[tokio::test]
async fn a_checksum_is_believed_when_told_so() {
    let estate = Estate::new().await;
    let id = estate.started().await;
    estate.store.set(|settings| settings.verify = false);
    let claimed = STANDARD.encode([9; 32]);
    let put = estate.put_raw(&id, 0, data(1), &claimed).await.unwrap();
    assert_eq!(put.checksum(), Some(&*claimed));
}

#[tokio::test]
async fn a_block_that_is_put_again_is_overwritten_and_counts_once() {
    let estate = Estate::new().await;
    let id = estate.started().await;
    for (index, byte) in [(5, 1), (2, 2), (5, 3)] {
        estate.put(&id, index, byte).await.unwrap();
    }
    estate.complete_with(&id, 2, &aggregate(&[2, 3])).await.unwrap();
    assert_eq!(estate.store.block(&id, 5).unwrap()[0], 3);
    assert_eq!(estate.store.counters().blocks_put, 3);
}

#[tokio::test]
async fn complete_wants_the_right_count_and_checksum_and_succeeds_once() {
    let estate = Estate::new().await;
    let id = estate.started().await;
    estate.put(&id, 9, 1).await.unwrap();
    estate.put(&id, 4, 2).await.unwrap();
    assert_eq!(refused(estate.complete(&id, 1).await), PARAMETER);
    assert_eq!(refused(estate.complete(&id, 3).await), PARAMETER);
    assert_eq!(refused(estate.complete_with(&id, 2, &aggregate(&[1, 2])).await), PARAMETER);
    let without_method = estate.client.complete_snapshot().snapshot_id(&id).changed_blocks_count(2);
    assert_eq!(refused(without_method.checksum(aggregate(&[2, 1])).send().await), PARAMETER);
    assert_eq!(estate.state(&id), SnapshotState::Pending);
    estate.complete_with(&id, 2, &aggregate(&[2, 1])).await.unwrap();
    assert_eq!(refused(estate.complete_with(&id, 2, &aggregate(&[2, 1])).await), NOT_PENDING);
    assert_eq!(refused(estate.put(&id, 9, 1).await), NOT_PENDING);
}

#[tokio::test]
async fn the_count_and_checksum_of_a_child_are_those_of_its_own_blocks() {
    let estate = Estate::new().await;
    let parent = estate.import([(0, 1), (1, 2)]);
    let child = id(estate.start(1).parent_snapshot_id(&parent).send().await);
    estate.put(&child, 1, 7).await.unwrap();
    assert_eq!(refused(estate.complete(&child, 2).await), PARAMETER);
    estate.complete_with(&child, 1, &aggregate(&[7])).await.unwrap();
}

#[tokio::test]
async fn a_client_token_brings_back_its_snapshot_or_a_conflict() {
    let estate = Estate::new().await;
    let start = |size| estate.start(size).client_token("night-1").send();
    let first = id(start(1).await);
    assert_eq!(id(start(1).await), first);
    let error = start(2).await.unwrap_err();
    assert!(
        matches!(error.as_service_error(), Some(StartSnapshotError::ConflictException(_))),
        "{}",
        DisplayErrorContext(&error)
    );
    assert_eq!(refusal(error), "409 ConflictException");
    assert_ne!(id(estate.start(1).client_token("night-2").send().await), first);
    assert_eq!(estate.store.snapshots().len(), 2);
}

#[tokio::test]
async fn a_snapshot_that_nobody_writes_is_cancelled_and_burns_its_client_token() {
    let estate = Estate::new().await;
    let start = || estate.start(1).timeout(10).client_token("night-1").send();
    let cancelled = id(start().await);
    estate.clock.advance(SignedDuration::from_mins(9));
    estate.put(&cancelled, 0, 1).await.unwrap();
    estate.clock.advance(SignedDuration::from_mins(9));
    estate.put(&cancelled, 1, 1).await.unwrap();
    estate.clock.advance(SignedDuration::from_mins(10));
    assert_eq!(estate.state(&cancelled), SnapshotState::Error);
    assert_eq!(refused(estate.put(&cancelled, 2, 1).await), NOT_PENDING);
    assert_eq!(refused(estate.complete(&cancelled, 2).await), NOT_PENDING);
    let again = start().await.unwrap();
    assert_eq!((again.status(), again.snapshot_id()), (Some(&Status::Error), Some(&*cancelled)));
}

#[tokio::test]
async fn the_time_out_is_60_minutes_by_default_and_ends_with_complete() {
    let estate = Estate::new().await;
    estate.store.set(|settings| settings.completion = SignedDuration::from_hours(2));
    let (left, sealed) = (estate.started().await, estate.started().await);
    estate.complete(&sealed, 0).await.unwrap();
    estate.clock.advance(SignedDuration::from_secs(3_599));
    assert_eq!(estate.state(&left), SnapshotState::Pending);
    estate.clock.advance(SignedDuration::from_secs(1));
    assert_eq!(estate.state(&left), SnapshotState::Error);
    assert_eq!(estate.state(&sealed), SnapshotState::Pending);
}

#[tokio::test]
async fn at_most_100_snapshots_are_pending() {
    let estate = Estate::new().await;
    let mut last = String::new();
    for _ in 0..100 {
        last = estate.started().await;
    }
    let refusal = refused(estate.start(1).send().await);
    assert_eq!(refusal, "402 ServiceQuotaExceededException DEPENDENCY_SERVICE_QUOTA_EXCEEDED");
    estate.complete(&last, 0).await.unwrap();
    estate.started().await;
}

#[tokio::test]
async fn a_fresh_snapshot_is_not_found_for_a_while() {
    let estate = Estate::new().await;
    estate.store.set(|settings| settings.invisible = SignedDuration::from_secs(56));
    let id = estate.started().await;
    estate.clock.advance(SignedDuration::from_secs(55));
    assert_eq!(refused(estate.put(&id, 0, 1).await), NOT_FOUND);
    estate.clock.advance(SignedDuration::from_secs(1));
    estate.put(&id, 0, 1).await.unwrap();
}
