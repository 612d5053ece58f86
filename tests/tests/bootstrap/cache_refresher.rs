//! `cache-refresher`, on the leash and off it.

use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use watchkeeper_sim::{clock::Clock, depot::Stock, ec2::http::Server};
use watchkeeper_tests::support::caches::{Repository, ZONE, asked, file};

use super::{Account, lines};

/// A cache for whoever asks, fed by a list.
fn cache_on_request(repository: &Repository) -> String {
    format!(
        r#"
[[cache]]
name = "files"
enabled = true
size_gib = 1
pool = {{ zones = ["{ZONE}"], size = 1 }}
[[cache.feeder]]
kind = "list"
url = "{}/list"
"#,
        repository.base
    )
}

#[tokio::test]
async fn cache_refresher_makes_a_cache_and_hands_its_volume_to_a_job() {
    let Some(account) = Account::open("cache-refresher").await else { return };
    #[expect(clippy::disallowed_methods, reason = "the release binary lives in the real time")]
    let clock = Clock::at(Timestamp::now());
    let (stock, repository) = (Stock::start(&clock).await.unwrap(), Repository::start().await);
    let ec2 = Server::start(stock.ec2.clone()).await.unwrap();
    repository.list(&[("a/one.bin", file(1, 700_000)), ("a/two.txt", b"two\n".to_vec())]);
    let start = |leash: &str| {
        let variables = [
            ("AWS_ENDPOINT_URL_EBS", stock.ebs.endpoint.as_str()),
            ("AWS_ENDPOINT_URL_EC2", &ec2.endpoint),
            ("WATCHKEEPER_LEASH", leash),
            ("AWS_LAMBDA_FUNCTION_TIMEOUT", "300"),
        ];
        account.start(&cache_on_request(&repository), &variables)
    };
    let refresh = |id: &str| {
        let detail = json!({ "cache": "files", "by": "ada", "because": "the first one", "id": id });
        asked("Cache Refresh Requested", detail)
    };
    let claim = json!({ "claim": { "cache": "files", "zone": ZONE, "by": "job 7" } });

    let leashed = start("on");
    let answer = leashed.invoke(&refresh("on the leash")).await;
    assert!(answer["reason"].as_str().unwrap().contains("the leash is on"), "{answer}");
    assert_eq!(stock.ebs.store().snapshots().len(), 0, "no call that changes anything reaches EBS");
    drop(leashed);

    let lambda = start("off");
    let answer = lambda.invoke(&refresh("off the leash")).await;
    // What was only rehearsed has given its number back.
    assert!(answer["reason"].as_str().unwrap().contains("generation 1 is published"), "{answer}");
    clock.advance(SignedDuration::from_mins(1));
    let answer = lambda.invoke(&json!({ "tick": "sweep" })).await;
    assert_eq!(answer["reason"], "enough volumes wait", "{answer}");
    let answer = lambda.invoke(&claim).await;
    let volume = stock.ec2.seen()[0].clone();
    assert_eq!(
        (&answer["answer"]["volume"], &answer["answer"]["generation"]),
        (&json!(volume.id), &json!(1))
    );
    assert_eq!(volume.snapshot, Some(stock.ebs.store().snapshots()[0].id.clone()));
    let again = lambda.invoke(&claim).await;
    assert_eq!(again["answer"], answer["answer"]);

    let log = lambda.log();
    assert_eq!(lines(&log, "cache-refresher").len(), 4, "{log}");
    account.assert_small(24_000_000);
}
