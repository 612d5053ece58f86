//! What goes wrong on request.

use std::{pin::pin, sync::Arc, time::Duration};

use aws_sdk_ebs::operation::put_snapshot_block::PutSnapshotBlockError;
use tokio::time::{Instant, timeout};

use super::*;

/// Long enough for an answer on a busy machine to have come, if one came.
const PATIENCE: Duration = Duration::from_millis(300);

#[tokio::test]
async fn the_next_requests_go_wrong_in_the_order_of_the_script_and_then_all_is_well() {
    let estate = Estate::new().await;
    let id = estate.started().await;
    let faults = [
        Fault::RequestThrottled,
        Fault::Throttling,
        Fault::Server(500),
        Fault::Server(503),
        Fault::NotFound,
        Fault::Denied,
        Fault::Unreadable,
    ];
    estate.store.script(Operation::PutSnapshotBlock, faults);
    estate.started().await;
    for expected in [
        "400 RequestThrottledException ACCOUNT_THROTTLED",
        "400 ThrottlingException",
        "500 InternalServerException",
        "503 InternalServerException",
        "404 ResourceNotFoundException SNAPSHOT_NOT_FOUND",
        "403 AccessDeniedException UNAUTHORIZED_ACCOUNT",
        "400 ValidationException INVALID_PARAMETER_VALUE",
    ] {
        assert_eq!(refused(estate.put(&id, 0, 1).await), expected);
        assert_eq!(estate.store.block(&id, 0), None);
    }
    estate.put(&id, 0, 1).await.unwrap();
    let counters = estate.store.counters();
    assert_eq!(counters.requests(Operation::PutSnapshotBlock), 8);
    assert_eq!(counters.requests(Operation::StartSnapshot), 2);
    assert_eq!((counters.blocks_put, counters.bytes_put()), (1, 524_288));
}

#[tokio::test]
async fn the_client_knows_its_errors() {
    let estate = Estate::new().await;
    let id = estate.started().await;
    estate.store.script(Operation::PutSnapshotBlock, [Fault::RequestThrottled, Fault::NotFound]);
    let error = estate.put(&id, 0, 1).await.unwrap_err().into_service_error();
    assert!(matches!(error, PutSnapshotBlockError::RequestThrottledException(_)), "{error:?}");
    let error = estate.put(&id, 0, 1).await.unwrap_err().into_service_error();
    assert!(matches!(error, PutSnapshotBlockError::ResourceNotFoundException(_)), "{error:?}");
}

#[tokio::test]
async fn an_answer_may_never_come_and_nothing_is_done() {
    let estate = Estate::new().await;
    let id = estate.started().await;
    estate.store.script(Operation::PutSnapshotBlock, [Fault::Hang]);
    assert!(timeout(PATIENCE, estate.put(&id, 0, 1)).await.is_err());
    assert_eq!(estate.store.block(&id, 0), None);
}

#[tokio::test]
async fn an_answer_may_never_come_although_all_is_done() {
    let estate = Estate::new().await;
    let id = estate.started().await;
    estate.store.script(Operation::PutSnapshotBlock, [Fault::Lose]);
    estate.store.stop_after(Operation::PutSnapshotBlock, 1);
    let mut put = pin!(estate.put(&id, 0, 1));
    tokio::select! {
        answer = &mut put => panic!("there was an answer: {answer:?}"),
        () = estate.store.stopped() => {}
    }
    assert!(timeout(PATIENCE, put).await.is_err());
    assert!(estate.store.block(&id, 0).is_some());
}

#[tokio::test]
async fn a_connection_may_be_cut_after_the_deed() {
    let estate = Estate::new().await;
    let id = estate.started().await;
    estate.store.script(Operation::CompleteSnapshot, [Fault::Cut]);
    let refusal = refused(estate.complete(&id, 0).await);
    assert!(refusal.starts_with("no answer: DispatchFailure"), "{refusal}");
    assert_eq!(estate.state(&id), SnapshotState::Completed);
}

#[tokio::test]
async fn half_a_block_may_come() {
    let estate = Estate::new().await;
    let id = estate.import([(0, 1)]);
    let listed = estate.listed(&id).await;
    estate.store.script(Operation::GetSnapshotBlock, [Fault::HalfThenCut, Fault::HalfThenHang]);
    let cut = estate.get(&id, &listed.blocks()[0]).await.unwrap_err();
    assert!(cut.contains("streaming error"), "{cut}");
    assert!(timeout(PATIENCE, estate.get(&id, &listed.blocks()[0])).await.is_err());
    assert_eq!(estate.get(&id, &listed.blocks()[0]).await, Ok((1, true)));
    let counters = estate.store.counters();
    assert_eq!((counters.blocks_got, counters.bytes_got()), (3, 3 * 524_288));
}

#[tokio::test]
async fn a_checksum_may_be_wrong() {
    let estate = Estate::new().await;
    let pending = estate.started().await;
    estate.store.script(Operation::PutSnapshotBlock, [Fault::WrongChecksum]);
    let put = estate.put(&pending, 0, 1).await.unwrap();
    assert_ne!(put.checksum(), Some(&*STANDARD.encode(Sha256::digest(data(1)))));
    let id = estate.import([(0, 1)]);
    let listed = estate.listed(&id).await;
    estate.store.script(Operation::GetSnapshotBlock, [Fault::WrongChecksum]);
    assert_eq!(estate.get(&id, &listed.blocks()[0]).await, Ok((1, false)));
    assert_eq!(estate.get(&id, &listed.blocks()[0]).await, Ok((1, true)));
}

#[tokio::test]
async fn access_may_be_denied_for_good() {
    let estate = Estate::new().await;
    estate.store.set(|settings| settings.denied = [Operation::StartSnapshot].into());
    for _ in 0..2 {
        let refusal = refused(estate.start(1).send().await);
        assert_eq!(refusal, "403 AccessDeniedException UNAUTHORIZED_ACCOUNT");
    }
    estate.store.set(|settings| settings.denied.clear());
    estate.started().await;
}

#[tokio::test]
async fn quotas_throttle_each_operation_in_its_own_words() {
    let estate = Estate::new().await;
    let (id, completed) = (estate.started().await, estate.import([(0, 1)]));
    let listed = estate.listed(&completed).await;
    estate.store.set(|settings| {
        settings.quotas = Some(Quotas { per_snapshot: 0, blocks: 0, lists: 0, changes: 0 });
    });
    let of_snapshot = "400 RequestThrottledException RESOURCE_LEVEL_THROTTLE";
    assert_eq!(refused(estate.put(&id, 0, 1).await), of_snapshot);
    assert_eq!(estate.get(&completed, &listed.blocks()[0]).await.unwrap_err(), of_snapshot);
    let list = estate.client.list_snapshot_blocks().snapshot_id(&completed).send().await;
    assert_eq!(refused(list), "400 RequestThrottledException ACCOUNT_THROTTLED");
    assert_eq!(refused(estate.start(1).send().await), "400 ThrottlingException");
    assert_eq!(refused(estate.complete(&id, 0).await), "400 ThrottlingException");
    estate.store.set(|settings| settings.quotas = Some(Quotas::AWS));
    estate.complete(&id, 0).await.unwrap();
}

#[tokio::test]
async fn an_answer_takes_as_long_as_told() {
    let estate = Estate::new().await;
    let latency = Duration::from_millis(50);
    estate.store.set(|settings| settings.latency = [(Operation::StartSnapshot, latency)].into());
    let begin = Instant::now();
    estate.started().await;
    assert!(begin.elapsed() >= latency);
}

#[tokio::test]
async fn the_server_stops_after_exactly_so_many_puts_even_if_they_come_together() {
    let estate = Arc::new(Estate::new().await);
    let id = estate.started().await;
    let together = Duration::from_millis(50);
    estate.store.set(|settings| settings.latency = [(Operation::PutSnapshotBlock, together)].into());
    estate.store.stop_after(Operation::PutSnapshotBlock, 3);
    let night = async {
        let mut puts = tokio::task::JoinSet::new();
        for index in 0..10 {
            let (estate, id) = (Arc::clone(&estate), id.clone());
            puts.spawn(async move { estate.put(&id, index, 1).await.map(drop).map_err(refusal) });
        }
        puts.join_all().await
    };
    let mut night = pin!(night);
    tokio::select! {
        results = &mut night => panic!("the night came to an end: {results:?}"),
        () = estate.store.stopped() => {}
    }
    assert!(timeout(PATIENCE, night).await.is_err());
    assert_eq!(estate.store.counters().blocks_put, 3);
    assert!(timeout(PATIENCE, estate.complete(&id, 3)).await.is_err());
    estate.store.resume();
    estate.complete(&id, 3).await.unwrap();
}

#[tokio::test]
async fn the_server_may_stop_before_anything_else() {
    let estate = Estate::new().await;
    estate.store.stop_after(Operation::StartSnapshot, 0);
    estate.store.stopped().await;
    assert!(timeout(PATIENCE, estate.started()).await.is_err());
    assert_eq!(estate.store.snapshots(), []);
}
