//! Every interleaving that the architecture names: on the fake table with thousands of chosen orders of steps, and on
//! a DynamoDB engine that we did not write, really side by side.

use std::pin::Pin;

use futures::future::join_all;
use serde_json::{Value, json};
use watchkeeper_domain::{
    notice::{Change, Notice},
    records::Records,
};
use watchkeeper_shell::{Report, Table};
use watchkeeper_sim::{channels::Channels, fuse::Fuse, memory::Memory};
use watchkeeper_tests::support::{
    aws,
    estate::{Estate, backup, essence, event, interleave, minute, page},
};

type Task<'a> = Pin<Box<dyn Future<Output = Report> + 'a>>;

/// How many orders of steps are tried on the fake table.
const ORDERS: u64 = 400;

/// An estate on an empty table of the embedded engine.
async fn dynoxide() -> Estate<Table> {
    let endpoint = aws::dynoxide().await.unwrap();
    let table = Table::connect(&aws::config(&endpoint), &aws::unique("interleavings"));
    table.create().await.unwrap();
    Estate::new(table)
}

fn sequence(notices: &[Notice]) -> Vec<(u32, Change)> {
    notices.iter().map(|notice| (notice.seq, notice.change)).collect()
}

fn no_failures(reports: &[Report]) {
    let failures = reports.iter().filter_map(|report| report.failure.as_ref());
    assert_eq!(failures.map(|failure| failure.chain()).collect::<Vec<_>>(), [""; 0]);
}

/// What is told must be in order and without repeats, and nothing may be left in the outbox.
async fn check<R: Records + Clone>(estate: &Estate<R>, expected: &[(u32, Change)]) {
    assert_eq!(sequence(&estate.told()), expected);
    assert!(estate.channels.notices().iter().all(|(_, repeated)| !repeated));
    assert_eq!(estate.case().await.1, 0, "the outbox is empty");
}

async fn two_regions<R: Records + Clone>(estate: &Estate<R>, seed: Option<u64>) {
    let (original, copy) = (event(1, json!({})), backup(&event(1, json!({}))));
    let both: Vec<Task<'_>> =
        vec![Box::pin(estate.deliver(&original, minute(0))), Box::pin(estate.deliver(&copy, minute(0)))];
    no_failures(&run(seed, both).await);
    check(estate, &[(1, Change::Opened)]).await;
}

async fn run(seed: Option<u64>, tasks: Vec<Task<'_>>) -> Vec<Report> {
    match seed {
        Some(seed) => interleave(seed, tasks).await,
        None => join_all(tasks).await,
    }
}

#[tokio::test]
async fn two_regions_at_once_tell_once() {
    for seed in 0..ORDERS {
        two_regions(&Estate::new(Memory::default()), Some(seed)).await;
    }
    for _ in 0..20 {
        two_regions(&dynoxide().await, None).await;
    }
}

async fn second_update<R: Records + Clone>(estate: &Estate<R>, seed: Option<u64>) -> bool {
    let (first, second) = (event(1, json!({})), event(2, json!({"statusCode": "open"})));
    let both: Vec<Task<'_>> =
        vec![Box::pin(estate.deliver(&first, minute(0))), Box::pin(estate.deliver(&second, minute(0)))];
    let reports = run(seed, both).await;
    no_failures(&reports);
    let (case, waiting) = estate.case().await;
    assert_eq!(waiting, 0);
    assert_eq!(case.unwrap().communication, "c2");
    let told = estate.told();
    assert_eq!(told.last().unwrap().text, "update 2", "the last state is always told");
    assert!(told.windows(2).all(|pair| pair[0].seq < pair[1].seq && pair[0].text < pair[1].text), "{told:?}");
    // Whoever speaks goes on with what is recorded meanwhile.
    reports[0].notices.len() == 2
}

#[tokio::test]
async fn a_second_update_recorded_while_the_first_still_speaks_is_told_after_it() {
    let mut taken_on = 0;
    for seed in 0..ORDERS {
        taken_on += usize::from(second_update(&Estate::new(Memory::default()), Some(seed)).await);
    }
    assert!(taken_on > 0, "the interleaving that gives this test its name was among them");
    for _ in 0..20 {
        second_update(&dynoxide().await, None).await;
    }
}

async fn sweep_beside<R: Records + Clone>(estate: &Estate<R>, seed: Option<u64>) {
    let pages = [page(1, 1, 3), page(1, 2, 3), page(1, 3, 3)];
    no_failures(&[estate.deliver(&pages[0], minute(0)).await, estate.deliver(&pages[1], minute(0)).await]);
    // The page timeout passes in the moment in which the last page comes.
    let both: Vec<Task<'_>> =
        vec![Box::pin(estate.deliver(&pages[2], minute(10))), Box::pin(estate.sweep(minute(10)))];
    no_failures(&run(seed, both).await);
    let told = estate.told();
    assert_eq!(told.last().unwrap().resource_count, 3, "the whole of it is told");
    match told.len() {
        1 => check(estate, &[(1, Change::Opened)]).await,
        _ => check(estate, &[(1, Change::Opened), (2, Change::Updated)]).await,
    }
}

#[tokio::test]
async fn a_sweep_beside_a_live_invocation_does_not_speak_for_it() {
    for seed in 0..ORDERS {
        sweep_beside(&Estate::new(Memory::default()), Some(seed)).await;
    }
    for _ in 0..10 {
        sweep_beside(&dynoxide().await, None).await;
    }
}

#[tokio::test]
async fn a_sweep_that_comes_a_moment_early_looks_again() {
    // The index keeps whole seconds, so it nominates up to a second before the page timeout has passed.
    let moment = |millis| jiff::SignedDuration::from_millis(millis);
    let estate = Estate::new(Memory::default());
    estate.deliver(&page(1, 1, 2), minute(0) + moment(700)).await;
    no_failures(&[estate.sweep(minute(10) + moment(100)).await]);
    assert_eq!(estate.told(), []);
    no_failures(&[estate.sweep(minute(15)).await]);
    check(&estate, &[(1, Change::Opened)]).await;
}

async fn twenty_pages<R: Records + Clone>(estate: &Estate<R>, seed: Option<u64>) {
    let pages: Vec<_> = (1..=21).map(|number| page(1, number, 21)).collect();
    let (late, punctual) = pages.split_last().unwrap();
    let all = punctual.iter().map(|page| Box::pin(estate.deliver(page, minute(0))) as Task<'_>).collect();
    no_failures(&run(seed, all).await);
    assert_eq!(estate.told(), [], "nothing is told before the last page or the timeout");
    no_failures(&[estate.sweep(minute(10)).await]);
    check(estate, &[(1, Change::Opened)]).await;
    no_failures(&[estate.deliver(late, minute(11)).await]);
    check(estate, &[(1, Change::Opened), (2, Change::Updated)]).await;
    let counts: Vec<_> = estate.told().iter().map(|notice| notice.resource_count).collect();
    assert_eq!(counts, [20, 21]);
}

#[tokio::test]
async fn twenty_pages_at_once_are_told_together_and_a_late_one_updates() {
    for seed in 0..40 {
        twenty_pages(&Estate::new(Memory::default()), Some(seed)).await;
    }
    for _ in 0..3 {
        twenty_pages(&dynoxide().await, None).await;
    }
}

async fn all_pages<R: Records + Clone>(estate: &Estate<R>, seed: Option<u64>) {
    let pages: Vec<_> = (1..=20).map(|number| page(1, number, 20)).collect();
    let all = pages.iter().map(|page| Box::pin(estate.deliver(page, minute(0))) as Task<'_>).collect();
    no_failures(&run(seed, all).await);
    check(estate, &[(1, Change::Opened)]).await;
    assert_eq!(estate.told()[0].resource_count, 20);
}

#[tokio::test]
async fn the_last_of_twenty_pages_tells_whichever_it_is() {
    for seed in 0..40 {
        all_pages(&Estate::new(Memory::default()), Some(seed)).await;
    }
    for _ in 0..5 {
        all_pages(&dynoxide().await, None).await;
    }
}

async fn stale_index<R: Records + Clone>(estate: &Estate<R>) {
    // Every delivery leaves the index out of date: it still names what is settled, until a sweep has looked.
    no_failures(&[estate.deliver(&event(1, json!({})), minute(0)).await]);
    let due = estate.records.due(health_responder::NAME, minute(11)).await.unwrap();
    assert_eq!(due.len(), 2, "the head and its page");
    let swept = estate.sweep(minute(11)).await;
    assert_eq!(swept.notices, []);
    no_failures(&[swept]);
    assert_eq!(estate.records.due(health_responder::NAME, minute(60)).await.unwrap(), []);
    check(estate, &[(1, Change::Opened)]).await;
}

#[tokio::test]
async fn a_stale_index_nominates_and_nothing_is_told_twice() {
    stale_index(&Estate::new(Memory::default())).await;
    stale_index(&dynoxide().await).await;

    let estate = Estate::new(Memory::default());
    estate.deliver(&event(1, json!({})), minute(0)).await;
    estate.records.hold_index();
    for minutes in [11, 16, 21] {
        no_failures(&[estate.sweep(minute(minutes)).await]);
    }
    estate.records.release_index();
    check(&estate, &[(1, Change::Opened)]).await;
}

async fn deliveries<R: Records + Clone>(estate: &Estate<R>, events: &[Value]) {
    let all = events.iter().map(|event| Box::pin(estate.deliver(event, minute(0))) as Task<'_>).collect();
    run(None, all).await;
    // Those that lost the race three times are retried by Lambda.
    for event in events {
        no_failures(&[estate.deliver(event, minute(2)).await]);
    }
}

#[tokio::test]
async fn many_updates_at_once_end_as_if_they_had_come_in_order() {
    let events: Vec<_> =
        (1..=8).flat_map(|number| [event(number, json!({})), backup(&event(number, json!({})))]).collect();
    let estate = dynoxide().await;
    deliveries(&estate, &events).await;
    let in_order = Estate::new(Memory::default());
    for event in &events {
        in_order.deliver(event, minute(0)).await;
    }
    let (case, waiting) = estate.case().await;
    assert_eq!(waiting, 0);
    assert_eq!(essence(&case.unwrap()), essence(&in_order.case().await.0.unwrap()));
    let told = estate.told();
    assert!(told.windows(2).all(|pair| pair[0].text < pair[1].text));
    assert_eq!(told.last().unwrap().text, "update 8");
}

#[tokio::test]
async fn news_costs_seven_calls_and_a_duplicate_three() {
    let estate = Estate::new(Memory::default());
    let calls = async |payload: &Value| {
        let process = estate.process(Fuse::never());
        no_failures(&[estate.invoke(&process, payload, minute(0)).await]);
        process.fuse.steps()
    };
    // keep the page, read the head, list the pages, record, publish, put, settle
    assert_eq!(calls(&event(1, json!({}))).await, 7);
    // keep, read, list
    assert_eq!(calls(&backup(&event(1, json!({})))).await, 3);
    // a page that waits for others does not touch the head
    assert_eq!(calls(&page(2, 1, 3)).await, 3);
    // one query of the index, and nothing is due
    assert_eq!(calls(&json!({"tick": "sweep"})).await, 1);
}

#[tokio::test]
async fn what_the_topic_refused_is_told_by_the_retry_and_what_it_may_have_taken_is_marked() {
    use watchkeeper_sim::channels::Outcome;
    let marks =
        |channels: &Channels| channels.notices().iter().map(|(_, repeated)| *repeated).collect::<Vec<_>>();
    let payload = event(1, json!({}));

    let refused = Estate::new(Memory::default());
    refused.channels.fail_next_publishes(3, Outcome::Refuse);
    assert!(refused.deliver(&payload, minute(0)).await.failure.is_some());
    assert_eq!(refused.channels.events().len(), 1, "a dead topic does not mute the bus");
    no_failures(&[refused.deliver(&payload, minute(1)).await]);
    assert_eq!(marks(&refused.channels), [false]);

    let hung = Estate::new(Memory::default());
    hung.channels.fail_next_publishes(1, Outcome::HangAfterAccepting);
    let report = hung.deliver(&payload, minute(0)).await;
    assert_eq!(report.repeated, 1, "the repeat is counted");
    assert_eq!(marks(&hung.channels), [false, true]);
    check_settled(&refused).await;
    check_settled(&hung).await;
}

async fn check_settled(estate: &Estate<Memory>) {
    assert_eq!(estate.case().await.1, 0);
    assert_eq!(estate.told_once().len(), 1);
}
