//! A crash before or after every step, then a retry, or the sweep alone: the same world as without it, nothing lost.

use serde_json::{Value, json};
use watchkeeper_domain::{notice::Notice, records::Records};
use watchkeeper_shell::Table;
use watchkeeper_sim::{fuse::Fuse, memory::Memory};
use watchkeeper_tests::support::{
    aws,
    estate::{Estate, essence, event, minute, page},
};

/// What has happened before, and the event whose invocation is killed.
fn stories() -> Vec<(&'static str, Vec<Value>, Value)> {
    let one_done =
        json!([{"entityValue": "db-1", "status": "RESOLVED"}, {"entityValue": "db-2", "status": "PENDING"}]);
    let unreadable = json!({"source": "aws.health", "detail-type": "AWS Health Event", "account": "111122223333", "detail": {}});
    vec![
        ("opened", vec![], event(1, json!({}))),
        ("burned down", vec![event(1, json!({}))], event(2, json!({"affectedEntities": one_done}))),
        ("resolved", vec![event(1, json!({}))], event(2, json!({"statusCode": "closed"}))),
        (
            "nothing new",
            vec![event(1, json!({}))],
            event(2, json!({"eventDescription": [{"language": "en_US", "latestDescription": "update 1"}]})),
        ),
        ("the last page", vec![page(1, 1, 2)], page(1, 2, 2)),
        ("a late page", vec![page(1, 1, 2), json!({"tick": "sweep", "at": 15})], page(1, 2, 2)),
        ("stale", vec![event(2, json!({}))], event(1, json!({}))),
        ("malformed", vec![], unreadable),
        ("a sweep past the page timeout", vec![page(1, 1, 2)], json!({"tick": "sweep"})),
    ]
}

/// What there is to compare of an estate.
#[derive(Debug, PartialEq)]
struct Outcome {
    told: Vec<(String, u32, String)>,
    events: usize,
    case: String,
    waiting: usize,
}

async fn outcome<R: Records + Clone>(estate: &Estate<R>) -> Outcome {
    let (case, waiting) = estate.case().await;
    let told = |notice: Notice| (notice.id, notice.seq, notice.headline);
    let mut events: Vec<_> = estate.channels.events().into_iter().map(|event| event.id).collect();
    events.sort();
    events.dedup();
    Outcome {
        told: estate.told_once().into_iter().map(told).collect(),
        events: events.len(),
        case: case.map(|case| format!("{:?}", essence(&case))).unwrap_or_default(),
        waiting,
    }
}

async fn before<R: Records + Clone>(estate: &Estate<R>, earlier: &[Value]) {
    for payload in earlier {
        let at = payload["at"].as_i64().unwrap_or(0);
        estate.deliver(payload, minute(at)).await;
    }
}

/// Kills the invocation as `fuse` says, retries it a minute later as Lambda does if `retry`, and sweeps twice.
async fn killed<R: Records + Clone>(estate: &Estate<R>, payload: &Value, fuse: Fuse, retry: bool) -> usize {
    let process = estate.process(fuse);
    estate.invoke(&process, payload, minute(20)).await;
    if retry {
        estate.deliver(payload, minute(21)).await;
    }
    estate.sweep(minute(35)).await;
    estate.sweep(minute(60)).await;
    process.fuse.steps()
}

async fn crash_anywhere<R: Records + Clone>(fresh: impl AsyncFn() -> Estate<R>) -> usize {
    let mut kills = 0;
    for (name, earlier, payload) in stories() {
        let undisturbed = fresh().await;
        before(&undisturbed, &earlier).await;
        let steps = killed(&undisturbed, &payload, Fuse::never(), false).await;
        let expected = outcome(&undisturbed).await;
        assert_eq!(expected.waiting, 0, "{name}");
        for step in 0..steps {
            for (when, fuse) in [("before", Fuse::before(step)), ("after", Fuse::after(step))] {
                let estate = fresh().await;
                before(&estate, &earlier).await;
                killed(&estate, &payload, fuse, true).await;
                assert_eq!(outcome(&estate).await, expected, "{name}, killed {when} step {step}");
                kills += 1;
            }
        }
    }
    kills
}

#[tokio::test]
async fn a_crash_before_or_after_any_step_and_a_retry_end_in_the_same_world_on_the_fake_table() {
    let kills = crash_anywhere(async || Estate::new(Memory::default())).await;
    assert!(kills > 80, "only {kills} kills");
}

#[tokio::test]
async fn a_crash_before_or_after_any_step_and_a_retry_end_in_the_same_world_on_dynoxide() {
    let endpoint = aws::dynoxide().await.unwrap();
    let kills = crash_anywhere(async || {
        let table = Table::connect(&aws::config(&endpoint), &aws::unique("crashes"));
        table.create().await.unwrap();
        Estate::new(table)
    })
    .await;
    assert!(kills > 80, "only {kills} kills");
}

#[tokio::test]
async fn once_a_page_is_kept_the_sweep_alone_finishes_what_a_crash_left() {
    for (name, earlier, payload) in stories() {
        if name == "malformed" {
            continue; // it has no page: until its record is written, only the retry knows of it
        }
        let undisturbed = Estate::new(Memory::default());
        before(&undisturbed, &earlier).await;
        let steps = killed(&undisturbed, &payload, Fuse::never(), false).await;
        let expected = outcome(&undisturbed).await;
        for step in 1..steps {
            let estate = Estate::new(Memory::default());
            before(&estate, &earlier).await;
            killed(&estate, &payload, Fuse::before(step), false).await;
            assert_eq!(outcome(&estate).await, expected, "{name}, killed before step {step}");
        }
    }
}

#[tokio::test]
async fn only_a_crash_between_sending_and_settling_repeats_and_the_repeat_is_marked() {
    let payload = event(1, json!({}));
    let undisturbed = Estate::new(Memory::default());
    let steps = killed(&undisturbed, &payload, Fuse::never(), true).await;
    let mut repeats = 0;
    for step in 0..steps {
        for fuse in [Fuse::before(step), Fuse::after(step)] {
            let estate = Estate::new(Memory::default());
            killed(&estate, &payload, fuse, true).await;
            let notices = estate.channels.notices();
            assert!(notices.len() <= 2);
            repeats += usize::from(notices.len() == 2);
        }
    }
    assert_eq!(repeats, 4, "after publish, before and after put, before settle");
}

#[tokio::test]
async fn a_case_that_cannot_be_read_is_reported_and_left_alone() {
    let estate = Estate::new(Memory::default());
    estate.deliver(&event(1, json!({})), minute(0)).await;
    let key = estate.records.snapshot().into_keys().find(|key| key.sk == "HEAD").unwrap();
    estate.records.corrupt(&key, json!({"from": "a later version"}));
    let report = estate.deliver(&event(2, json!({})), minute(1)).await;
    let chain = report.failure.unwrap().chain();
    assert!(chain.contains(&key.pk), "{chain}");
    assert_eq!(estate.records.snapshot()[&key], json!({"from": "a later version"}));
    // and it does not keep the others waiting
    let mut other = event(3, json!({}));
    other["detail"]["affectedAccount"] = json!("444455556666");
    estate.deliver(&other, minute(1)).await;
    assert!(estate.sweep(minute(30)).await.failure.is_some());
    assert_eq!(estate.told().len(), 2);
}
