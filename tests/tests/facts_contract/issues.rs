//! Open issues, of AWS Health.

use serde_json::json;
use watchkeeper_domain::ports::Issues;
use watchkeeper_shell::HealthApi;
use watchkeeper_tests::support::{api::Api, aws::config};

#[tokio::test]
async fn issues_come_with_what_aws_says_of_them_and_the_names_of_what_they_affect() {
    let api = Api::start().await.unwrap();
    let arns: Vec<_> =
        (0..11).map(|number| format!("arn:aws:health:eu-west-1::event/EC2/X/{number:02}")).collect();
    let event = |arn: &String| json!({ "arn": arn, "service": "EC2", "eventTypeCode": "AWS_EC2_API_ISSUE", "region": "eu-west-1" });
    let mut events: Vec<_> = arns.iter().map(event).collect();
    events[0]["availabilityZone"] = "eu-west-1a".into();
    events.push(
        json!({ "arn": "arn:aws:health:eu-west-1::event/FIS/X/1", "service": "FIS", "region": "eu-west-1" }),
    );
    api.answer("DescribeEvents", json!({ "events": events[..5], "nextToken": "more" }));
    api.answer("DescribeEvents", json!({ "events": events[5..] }));
    let said = json!([{ "event": { "arn": arns[0] }, "eventDescription": { "latestDescription": "APIs are slow." } }]);
    api.answer(
        "DescribeEventDetails",
        json!({ "successfulSet": said, "failedSet": [{ "eventArn": arns[1] }] }),
    );
    api.answer("DescribeEventDetails", json!({}));
    let entity = |name: &str| json!([{ "eventArn": arns[0], "entityValue": name }]);
    api.answer("DescribeAffectedEntities", json!({ "entities": entity("i-1"), "nextToken": "more" }));
    api.answer("DescribeAffectedEntities", json!({ "entities": entity("i-2") }));
    api.answer("DescribeAffectedEntities", json!({ "entities": [] }));

    let issues = HealthApi::connect(&config(&api.endpoint)).open_issues("eu-west-1").await.unwrap();

    let found: Vec<_> = issues.iter().map(|issue| issue.arn.clone()).collect();
    assert_eq!(found, arns);
    assert_eq!(issues[0].text, "APIs are slow.\ni-1\ni-2\neu-west-1a");
    let known = [&issues[1].service, &issues[1].region, &issues[1].type_code, &issues[1].text];
    assert_eq!(known, ["EC2", "eu-west-1", "AWS_EC2_API_ISSUE", ""]);
    let filter = json!({
        "eventTypeCategories": ["issue"], "eventStatusCodes": ["open"], "regions": ["eu-west-1", "global"],
    });
    assert_eq!(api.asked("DescribeEvents")[0], json!({ "filter": filter, "maxResults": 100 }));
    assert_eq!(api.asked("DescribeEvents")[1]["nextToken"], "more");
    assert_eq!(
        api.asked("DescribeEventDetails"),
        [json!({ "eventArns": arns[..10] }), json!({ "eventArns": arns[10..] })]
    );
    let entities = api.asked("DescribeAffectedEntities");
    assert_eq!(entities[0], json!({ "filter": { "eventArns": arns[..10] }, "maxResults": 100 }));
    assert_eq!((&entities[1]["nextToken"], entities.len()), (&json!("more"), 3));
}

#[tokio::test]
async fn without_issues_nothing_more_is_asked() {
    let api = Api::start().await.unwrap();
    api.answer("DescribeEvents", json!({ "events": [] }));
    assert_eq!(HealthApi::connect(&config(&api.endpoint)).open_issues("eu-west-1").await.unwrap(), []);
    assert_eq!(api.calls(), 1);
}

#[tokio::test]
async fn an_account_without_the_support_plan_is_told_what_to_set() {
    let api = Api::start().await.unwrap();
    let health = HealthApi::connect(&config(&api.endpoint));
    api.refuse("DescribeEvents", "SubscriptionRequiredException", "");
    let chain = health.open_issues("eu-west-1").await.unwrap_err().chain();
    assert!(chain.contains("set `health_api = false` in `[drills]`"), "{chain}");
    api.refuse("DescribeEvents", "AccessDeniedException", "not allowed");
    let chain = health.open_issues("eu-west-1").await.unwrap_err().chain();
    let expected =
        "could not read the open issues of AWS Health: AccessDeniedException: not allowed (HTTP 400, ";
    assert!(chain.starts_with(expected), "{chain}");
}
