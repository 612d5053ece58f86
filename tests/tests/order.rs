//! Any order of a case's deliveries, with duplicates and backup copies, ends in the same case.

use proptest::prelude::*;
use serde_json::{Value, json};
use watchkeeper_sim::memory::Memory;
use watchkeeper_tests::support::estate::{Estate, backup, essence, event, minute};

/// One communication of a generated story.
#[derive(Clone, Debug)]
struct Said {
    day: u32,
    status: &'static str,
    pages: u32,
    done: u32,
    names_entities: bool,
}

fn said() -> impl Strategy<Value = Said> {
    let status = prop::sample::select(vec!["upcoming", "open", "closed", "paused"]);
    (1..6_u32, status, 1..4_u32, 0..4_u32, prop::bool::weighted(0.8)).prop_map(
        |(day, status, pages, done, names_entities)| Said { day, status, pages, done, names_entities },
    )
}

/// The pages of `said`, which is communication `number`. Its text tells its place in the order of the case.
fn pages(number: usize, said: &Said) -> Vec<Value> {
    let rank = match said.status {
        "upcoming" => 0,
        "closed" => 2,
        _ => 1,
    };
    let place = said.day * 10 + rank;
    let page = |page: u32| {
        let status = |entity: u32| if entity < said.done { "RESOLVED" } else { "PENDING" };
        let entities = json!([{"entityValue": format!("db-{page}"), "status": status(page)}]);
        event(
            said.day,
            json!({
                "communicationId": format!("s{number}-{page}"), "page": page, "totalPages": said.pages,
                "statusCode": said.status,
                "affectedEntities": if said.names_entities { entities } else { json!([]) },
                "eventDescription": [{"language": "en_US", "latestDescription": format!("place {place} of {number}")}],
            }),
        )
    };
    (1..=said.pages).map(page).collect()
}

fn place(text: &str) -> u32 {
    text.split(' ').nth(1).unwrap().parse().unwrap()
}

async fn play(deliveries: &[Value]) -> Estate<Memory> {
    let estate = Estate::new(Memory::default());
    for (at, payload) in deliveries.iter().enumerate() {
        let report = estate.deliver(payload, minute(i64::try_from(at).unwrap())).await;
        assert!(report.failure.is_none(), "{:?}", report.failure);
    }
    for minutes in [120, 150] {
        estate.sweep(minute(minutes)).await;
    }
    estate
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]
    #[test]
    fn any_order_with_duplicates_and_copies_ends_in_the_same_case(
        (story, order) in prop::collection::vec(said(), 1..5).prop_flat_map(|story| {
            let deliveries: Vec<Value> = story.iter().enumerate().flat_map(|(n, said)| pages(n, said)).collect();
            let copies = deliveries.iter().map(backup);
            let all: Vec<Value> = deliveries.iter().cloned().chain(copies).chain(deliveries.clone()).collect();
            (Just(deliveries), Just(all).prop_shuffle())
        })
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (in_order, shuffled) = runtime.block_on(async { (play(&story).await, play(&order).await) });
        let cases = runtime.block_on(async { (in_order.case().await, shuffled.case().await) });
        let (expected, found) = (cases.0.0.unwrap(), cases.1.0.unwrap());
        prop_assert_eq!(essence(&found), essence(&expected));
        prop_assert_eq!((cases.0.1, cases.1.1), (0, 0), "nothing waits in the outbox");

        let told = shuffled.told();
        let mut ids: Vec<_> = told.iter().map(|notice| notice.id.clone()).collect();
        ids.sort();
        ids.dedup();
        prop_assert_eq!(ids.len(), told.len(), "no notice goes out twice");
        let places: Vec<_> = told.iter().map(|notice| place(&notice.text)).collect();
        prop_assert!(places.windows(2).all(|pair| pair[0] <= pair[1]), "none is older than one before: {:?}", places);
        let last = story.iter().map(|it| place(it["detail"]["eventDescription"][0]["latestDescription"].as_str().unwrap())).max();
        prop_assert_eq!(places.last().copied(), last, "the last state is told");
    }
}
