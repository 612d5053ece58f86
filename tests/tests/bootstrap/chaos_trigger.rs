//! `chaos-trigger`, on the leash and off it.

use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use watchkeeper_domain::fis::Template;
use watchkeeper_sim::{
    clock::Clock,
    fis::{Fis, Resolution, http::Server},
};
use watchkeeper_tests::support::{
    api::Api,
    range::{self, INSTANCE, STOP, TEMPLATE, asked},
};

use super::{Account, lines};

/// What the guards ask, answered well for as many passes as a drill has.
fn well(api: &Api) {
    for _ in 0..20 {
        let alarm =
            json!({ "AlarmArn": STOP, "StateValue": "OK", "StateTransitionedTimestamp": { "$time": 7 } });
        api.answer("DescribeAlarms", json!({ "MetricAlarms": [alarm] }));
        api.answer("DescribeOpsItems", json!({ "OpsItemSummaries": [] }));
        let tags = json!([{ "Key": "ChaosReady", "Value": "Yes" }]);
        let resource = json!({ "ResourceARN": INSTANCE, "Tags": tags });
        api.answer("GetResources", json!({ "ResourceTagMappingList": [resource] }));
        let properties = json!({ "AvailabilityZone": "eu-west-1a" }).to_string();
        let description = json!({ "Identifier": "i-1", "Properties": properties });
        api.answer(
            "GetResource",
            json!({ "TypeName": "AWS::EC2::Instance", "ResourceDescription": description }),
        );
    }
}

/// A drill for whoever asks, at any hour.
fn drill_at_any_hour() -> String {
    let hash = Template::parse(&range::template()).unwrap().hash();
    let days = r#"["MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"]"#;
    format!(
        r#"
[[drill]]
name = "stop-one"
template = "{TEMPLATE}"
approved = "{hash}"
enabled = true
service = "checkout"
environment = "staging"
zone = "UTC"
announce_minutes = 0
recovery_minutes = 0
interval_hours = 0
[[drill.window]]
days = {days}
from = "00:00"
to = "23:59"
[[drill.window]]
days = {days}
from = "12:00"
to = "11:59"
"#
    )
}

#[tokio::test]
async fn chaos_trigger_starts_a_drill_and_on_the_leash_sends_fis_nothing() {
    let Some(account) = Account::open("chaos-trigger").await else { return };
    #[expect(clippy::disallowed_methods, reason = "the release binary lives in the real time")]
    let clock = Clock::at(Timestamp::now());
    let fake = Fis::at(&clock);
    // Template ids of AWS have no fixed length.
    fake.put_template(TEMPLATE, range::template());
    fake.resolve("One", Resolution::arns([INSTANCE]));
    let (fis, api) = (Server::start(fake.clone()).await.unwrap(), Api::start().await.unwrap());
    well(&api);
    let start = |leash: &str| {
        let variables = [
            ("AWS_ENDPOINT_URL_FIS", fis.endpoint.as_str()),
            ("AWS_ENDPOINT_URL_CLOUDWATCH", &api.endpoint),
            ("AWS_ENDPOINT_URL_SSM", &api.endpoint),
            ("AWS_ENDPOINT_URL_RESOURCE_GROUPS_TAGGING_API", &api.endpoint),
            ("AWS_ENDPOINT_URL_CLOUDCONTROL", &api.endpoint),
            ("WATCHKEEPER_LEASH", leash),
            ("WATCHKEEPER_SCHEDULE_GROUP", "default"),
            ("WATCHKEEPER_SCHEDULE_ROLE", "arn:aws:iam::123456789012:role/dead-man"),
            ("WATCHKEEPER_WATCHER", "arn:aws:lambda:eu-west-1:123456789012:function:watcher"),
            ("WATCHKEEPER_DEAD_LETTERS", "arn:aws:sqs:eu-west-1:123456789012:dead-letters"),
        ];
        account.start(&drill_at_any_hour(), &variables)
    };
    let sweep = json!({ "tick": "sweep" });

    let leashed = start("on");
    let answer = leashed.invoke(&asked("Drill Requested", "stop-one", clock.now())).await;
    assert_eq!(answer["reason"], "announced", "{answer}");
    let answer = leashed.invoke(&sweep).await;
    assert_eq!(answer["reason"], "nothing objects, and the leash is on", "{answer}");
    assert_eq!(fake.starts().len(), 0, "no call that changes anything reaches FIS");
    drop(leashed);

    let lambda = start("off");
    let later = clock.advance(SignedDuration::from_secs(1));
    let answer = lambda.invoke(&asked("Drill Requested", "stop-one", later)).await;
    assert_eq!(answer["reason"], "announced", "{answer}");
    let answer = lambda.invoke(&sweep).await;
    assert_eq!(fake.starts().len(), 1, "the preview: {answer}");
    clock.advance(SignedDuration::from_secs(30));
    let answer = lambda.invoke(&sweep).await;
    let orders = fake.starts();
    assert_eq!(orders.iter().map(|it| it.skips_actions).collect::<Vec<_>>(), [true, false], "{answer}");
    let scheduler = aws_sdk_scheduler::Client::new(&account.config);
    let name = format!("watchkeeper-dead-man-{}", orders[1].token);
    let dead_man = scheduler.get_schedule().name(&name).send().await.unwrap();
    assert_eq!(dead_man.target.unwrap().arn, "arn:aws:scheduler:::aws-sdk:fis:stopExperiment");
    clock.advance(SignedDuration::from_secs(30));
    let answer = lambda.invoke(&sweep).await;
    assert_eq!((&answer["outcome"], &answer["reason"]), (&json!("acted"), &json!("running")), "{answer}");
    let answer = lambda.invoke(&sweep).await;
    assert_eq!(answer["outcome"], "unchanged", "{answer}");

    let log = lambda.log();
    assert_eq!(lines(&log, "chaos-trigger").len(), 5, "{log}");
    account.assert_small(16_000_000);
}
