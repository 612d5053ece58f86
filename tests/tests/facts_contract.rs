//! What a guard has to know is asked for as documented, read whole, and a failure where it cannot be read.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use watchkeeper_domain::{
    experiment::{
        hypothesis::{Metric, Source},
        windows::Interval,
    },
    failure::Failure,
    ports::{
        Alarm, AlarmChange, Alarms, CalendarState, Calendars, DeadMan, History, Inventory, Issues, Metrics,
        Query, StopCall, StopSort,
    },
};
use watchkeeper_shell::{
    CloudWatchAlarms, CloudWatchMetrics, DeadManSchedules, EventHistory, HealthApi, Leash, Resources,
    Schedules, SystemsManager,
};
use watchkeeper_tests::support::{
    api::Api,
    aws::{REGION, config, moto, unique},
    faults::{Fault, Faulty},
};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn set<const N: usize>(items: [&str; N]) -> BTreeSet<String> {
    items.map(str::to_owned).into()
}

fn words<const N: usize>(items: [&str; N]) -> [String; N] {
    items.map(str::to_owned)
}

// ── alarms ─────────────────────────────────────────────────────────────────────────────────────────────────

fn alarm_arn(region: &str, name: &str) -> String {
    format!("arn:aws:cloudwatch:{region}:111122223333:alarm:{name}")
}

#[tokio::test]
async fn alarms_of_every_type_are_read_by_name_page_by_page_and_known_by_their_arn() {
    let api = Api::start().await.unwrap();
    let [p99, tree, logs, gone] = ["p99: slow", "tree", "logs", "gone"].map(|name| alarm_arn(REGION, name));
    let elsewhere = alarm_arn("us-east-1", "errors");
    let alarm = |arn: &str, state: &str| json!({ "AlarmArn": arn, "StateValue": state, "StateUpdatedTimestamp": { "$time": 90 } });
    let mut slow = alarm(&p99, "ALARM");
    slow["StateTransitionedTimestamp"] = json!({ "$time": 60 });
    let namesake = alarm(&alarm_arn(REGION, "errors"), "OK");
    api.answer("DescribeAlarms", json!({ "MetricAlarms": [slow, namesake], "NextToken": "more" }));
    api.answer(
        "DescribeAlarms",
        json!({ "CompositeAlarms": [alarm(&tree, "OK")], "LogAlarms": [alarm(&logs, "INSUFFICIENT_DATA")] }),
    );

    let alarms = CloudWatchAlarms::connect(&config(&api.endpoint));
    let asked = BTreeSet::from([p99.clone(), tree.clone(), logs.clone(), gone, elsewhere]);
    let found = alarms.alarms(&asked).await.unwrap();

    let expected = [(p99, "ALARM", 60), (tree, "OK", 90), (logs, "INSUFFICIENT_DATA", 90)];
    let expected =
        expected.map(|(arn, state, since)| Alarm { arn, state: state.into(), since: Some(at(since)) });
    assert_eq!(found, expected);
    let first = json!({
        "AlarmNames": ["errors", "gone", "logs", "p99: slow", "tree"],
        "AlarmTypes": ["MetricAlarm", "CompositeAlarm", "LogAlarm"], "MaxRecords": 100,
    });
    let mut second = first.clone();
    second["NextToken"] = "more".into();
    assert_eq!(api.asked("DescribeAlarms"), [first, second]);
}

#[tokio::test]
async fn a_call_takes_a_hundred_alarms_and_nobody_asks_for_none() {
    let api = Api::start().await.unwrap();
    api.answer("DescribeAlarms", json!({}));
    api.answer("DescribeAlarms", json!({}));
    let alarms = CloudWatchAlarms::connect(&config(&api.endpoint));
    let many = (0..101).map(|number| alarm_arn(REGION, &number.to_string())).collect();
    assert_eq!(alarms.alarms(&many).await.unwrap(), []);
    let sizes = api
        .asked("DescribeAlarms")
        .iter()
        .map(|it| it["AlarmNames"].as_array().unwrap().len())
        .collect::<Vec<_>>();
    assert_eq!(sizes, [100, 1]);
    alarms.alarms(&set(["no-arn"])).await.unwrap();
    assert_eq!(api.calls(), 2, "no names would mean all alarms");
}

// ── calendars and incidents ────────────────────────────────────────────────────────────────────────────────

#[tokio::test]
async fn each_calendar_is_asked_by_itself_for_the_moment_given() {
    let api = Api::start().await.unwrap();
    let until = "2026-11-24T06:00:00Z";
    api.answer("GetCalendarState", json!({ "State": "CLOSED", "AtTime": "x", "NextTransitionTime": until }));
    api.answer(
        "GetCalendarState",
        json!({ "State": "OPEN", "NextTransitionTime": "2026-11-24T07:00:00+0100" }),
    );
    api.answer("GetCalendarState", json!({ "State": "OPEN" }));
    let manager = SystemsManager::connect(&config(&api.endpoint));
    let names = words(["freeze", "releases", "always"]);
    let now = "2026-11-21T09:15:30.5Z".parse().unwrap();

    let states = manager.calendars(&names, now).await.unwrap();

    let until = Some(until.parse().unwrap());
    let expected = [("freeze", false, until), ("releases", true, until), ("always", true, None)];
    assert_eq!(states, expected.map(|(name, open, until)| CalendarState { name: name.into(), open, until }));
    let asked = ["freeze", "releases", "always"];
    let asked = asked.map(|name| json!({ "CalendarNames": [name], "AtTime": "2026-11-21T09:15:30Z" }));
    assert_eq!(api.asked("GetCalendarState"), asked);
}

#[tokio::test]
async fn a_calendar_that_cannot_be_read_is_a_failure_that_names_it() {
    let api = Api::start().await.unwrap();
    let manager = SystemsManager::connect(&config(&api.endpoint));
    for code in ["InvalidDocument", "InvalidDocumentType", "UnsupportedCalendarException"] {
        api.refuse("GetCalendarState", code, "not like this");
        let failure = manager.calendars(&words(["freeze"]), at(0)).await.unwrap_err();
        let expected = format!(
            "could not read the state of the change calendar freeze: {code}: not like this (HTTP 400, "
        );
        assert!(failure.chain().starts_with(&expected), "{}", failure.chain());
    }
    api.answer("GetCalendarState", json!({ "State": "OPEN", "NextTransitionTime": "soon" }));
    let failure = manager.calendars(&words(["freeze"]), at(0)).await.unwrap_err();
    assert!(failure.chain().contains("the change calendar freeze: "), "{}", failure.chain());
}

#[tokio::test]
async fn incidents_are_the_open_ops_items_of_high_severity_page_by_page() {
    let api = Api::start().await.unwrap();
    let item = |title: &str| json!({ "OpsItemId": "oi-1", "Title": title });
    api.answer(
        "DescribeOpsItems",
        json!({ "OpsItemSummaries": [item("checkout is down")], "NextToken": "more" }),
    );
    api.answer("DescribeOpsItems", json!({ "OpsItemSummaries": [{ "OpsItemId": "oi-2" }] }));
    let manager = SystemsManager::connect(&config(&api.endpoint));

    assert_eq!(manager.incidents(None).await.unwrap(), ["checkout is down", "oi-2"]);

    let filters = json!([
        { "Key": "Status", "Values": ["Open", "InProgress"], "Operator": "Equal" },
        { "Key": "Severity", "Values": ["1", "2"], "Operator": "Equal" },
    ]);
    let first = json!({ "OpsItemFilters": filters, "MaxResults": 50 });
    let second = json!({ "OpsItemFilters": filters, "MaxResults": 50, "NextToken": "more" });
    assert_eq!(api.asked("DescribeOpsItems"), [first, second]);
}

#[tokio::test]
async fn a_page_of_incidents_is_read_beside_the_ops_items() {
    let api = Api::start().await.unwrap();
    let manager = SystemsManager::connect(&config(&api.endpoint));
    let page = format!("{}/incidents", api.endpoint);
    api.answer("DescribeOpsItems", json!({ "OpsItemSummaries": [{ "Title": "checkout is down" }] }));
    api.answer("GET /incidents", json!([{ "title": "carts are slow" }]));
    assert_eq!(manager.incidents(Some(&page)).await.unwrap(), ["checkout is down", "carts are slow"]);

    api.answer("DescribeOpsItems", json!({}));
    api.answer("GET /incidents", json!({ "incidents": [] }));
    let failure = manager.incidents(Some(&page)).await.unwrap_err();
    assert!(
        failure.chain().starts_with("could not read the open incidents at 127.0.0.1: "),
        "{}",
        failure.chain()
    );
    api.answer("GET /incidents", json!([]));
    assert!(
        manager.incidents(Some(&page)).await.unwrap_err().chain().contains("OpsItems"),
        "they are no less needed"
    );
}

// ── issues ─────────────────────────────────────────────────────────────────────────────────────────────────

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

// ── resources ──────────────────────────────────────────────────────────────────────────────────────────────

fn ec2(kind: &str, id: &str) -> String {
    format!("arn:aws:ec2:{REGION}:111122223333:{kind}/{id}")
}

fn described(properties: &Value) -> Value {
    json!({ "ResourceDescription": { "Identifier": "x", "Properties": properties.to_string() } })
}

#[tokio::test]
async fn tags_are_read_a_hundred_at_once_without_a_word_about_pages() {
    let api = Api::start().await.unwrap();
    let arns: BTreeSet<_> = (0..101).map(|number| ec2("instance", &format!("i-{number:03}"))).collect();
    let (first, last) = (arns.first().unwrap(), arns.last().unwrap());
    let tagged = json!([{ "ResourceARN": first, "Tags": [{ "Key": "ChaosReady", "Value": "Yes" }] }]);
    api.answer("GetResources", json!({ "PaginationToken": "", "ResourceTagMappingList": tagged }));
    // A resource that once had tags.
    api.answer("GetResources", json!({ "ResourceTagMappingList": [{ "ResourceARN": last, "Tags": [] }] }));
    let resources = Resources::connect(&config(&api.endpoint));

    let tags = resources.tags(&arns).await.unwrap();

    let expected = BTreeMap::from([("ChaosReady".to_owned(), "Yes".to_owned())]);
    assert_eq!(tags, BTreeMap::from([(first.clone(), expected)]));
    let all: Vec<_> = arns.iter().cloned().collect();
    assert_eq!(
        api.asked("GetResources"),
        [json!({ "ResourceARNList": all[..100] }), json!({ "ResourceARNList": [last] })]
    );
    api.answer("GetResources", json!({ "PaginationToken": "more", "ResourceTagMappingList": [] }));
    let chain = resources.tags(&set([last])).await.unwrap_err().chain();
    assert_eq!(chain, "could not read the tags of resources: the answer is not whole");
}

#[tokio::test]
async fn tags_that_the_tagging_api_does_not_tell_are_in_the_resources_own_description() {
    let api = Api::start().await.unwrap();
    let role = "arn:aws:iam::111122223333:role/teams/checkout-api";
    api.answer("GetResource", described(&json!({ "Tags": [{ "Key": "ChaosReady", "Value": "Yes" }] })));
    let resources = Resources::connect(&config(&api.endpoint));
    assert_eq!(resources.tags(&set([role])).await.unwrap()[role]["ChaosReady"], "Yes");
    assert_eq!(
        api.asked("GetResource"),
        [json!({ "TypeName": "AWS::IAM::Role", "Identifier": "checkout-api" })]
    );
    assert_eq!(api.asked("GetResources"), Vec::<Value>::new());
}

#[tokio::test]
async fn a_fleet_is_counted_by_tag_and_type_page_by_page() {
    let api = Api::start().await.unwrap();
    let page = |count: usize, token: &str| json!({ "ResourceTagMappingList": vec![json!({}); count], "PaginationToken": token });
    api.answer("GetResources", page(100, "more"));
    api.answer("GetResources", page(3, ""));
    let resources = Resources::connect(&config(&api.endpoint));

    assert_eq!(resources.fleet("aws:ec2:ebs-volume", "ChaosReady", "Yes").await.unwrap(), Some(103));
    assert_eq!(resources.fleet("aws:eks:pod", "ChaosReady", "Yes").await.unwrap(), None);

    let first = json!({
        "TagFilters": [{ "Key": "ChaosReady", "Values": ["Yes"] }],
        "ResourceTypeFilters": ["ec2:volume"], "ResourcesPerPage": 100,
    });
    let mut second = first.clone();
    second["PaginationToken"] = "more".into();
    assert_eq!(api.asked("GetResources"), [first, second]);
}

#[tokio::test]
async fn moto_knows_tags_and_numbers_of_instances() {
    let Some(endpoint) = moto() else { return };
    let tag = unique("ChaosReady");
    let form = format!(
        "Action=RunInstances&Version=2016-11-15&ImageId=ami-12c6146b&MinCount=2&MaxCount=2&TagSpecification.1.ResourceType=instance\
         &TagSpecification.1.Tag.1.Key={tag}&TagSpecification.1.Tag.1.Value=Yes"
    );
    let credential = format!("AWS4-HMAC-SHA256 Credential=testing/20261121/{REGION}/ec2/aws4_request");
    let request = reqwest::Client::new().post(&endpoint).body(form).header("authorization", credential);
    let request = request.header("content-type", "application/x-www-form-urlencoded");
    let answer = request.send().await.unwrap().text().await.unwrap();
    let id = answer.split("<instanceId>").nth(1).unwrap().split('<').next().unwrap();
    let arn = format!("arn:aws:ec2:{REGION}:123456789012:instance/{id}");
    let resources = Resources::connect(&config(&endpoint));

    assert_eq!(resources.fleet("aws:ec2:instance", &tag, "Yes").await.unwrap(), Some(2));
    assert_eq!(resources.fleet("aws:ec2:instance", &tag, "No").await.unwrap(), Some(0));
    assert_eq!(resources.fleet("aws:ec2:subnet", &tag, "Yes").await.unwrap(), Some(0));
    let nobody = ec2("instance", "i-0");
    let tags = resources.tags(&set([&arn, &nobody])).await.unwrap();
    assert_eq!(tags, BTreeMap::from([(arn, BTreeMap::from([(tag, "Yes".to_owned())]))]));
}

#[tokio::test]
async fn a_zone_goes_by_its_id_where_that_is_told_and_what_is_regional_has_none() {
    let api = Api::start().await.unwrap();
    let cluster = format!("arn:aws:eks:{REGION}:111122223333:cluster/shop");
    let resources = Resources::connect(&config(&api.endpoint));
    // One at a time, so that each answer meets its question.
    let zone = async |arn: &str| resources.zones(&set([arn])).await.unwrap().remove(arn);

    api.answer(
        "GetResource",
        described(&json!({ "AvailabilityZone": "eu-west-1a", "AvailabilityZoneId": "" })),
    );
    assert_eq!(zone(&ec2("instance", "i-1")).await.as_deref(), Some("eu-west-1a"));
    api.answer(
        "GetResource",
        described(&json!({ "AvailabilityZone": "eu-west-1a", "AvailabilityZoneId": "euw1-az2" })),
    );
    assert_eq!(zone(&ec2("subnet", "subnet-1")).await.as_deref(), Some("euw1-az2"));
    assert_eq!(zone(&cluster).await, None);

    let asked = [("Instance", "i-1"), ("Subnet", "subnet-1")];
    let asked = asked.map(|(kind, id)| json!({ "TypeName": format!("AWS::EC2::{kind}"), "Identifier": id }));
    assert_eq!(api.asked("GetResource"), asked);
}

#[tokio::test]
async fn one_zone_is_never_called_two_things() {
    let api = Api::start().await.unwrap();
    let both = described(&json!({ "AvailabilityZone": "eu-west-1a", "AvailabilityZoneId": "euw1-az2" }));
    let name = described(&json!({ "AvailabilityZone": "eu-west-1a" }));
    // Whichever is asked first: they are in the same zone.
    api.answer("GetResource", both);
    api.answer("GetResource", name);
    let resources = Resources::connect(&config(&api.endpoint));
    let zones = resources.zones(&set([&ec2("instance", "i-1"), &ec2("volume", "vol-1")])).await.unwrap();
    assert_eq!(zones.into_values().collect::<Vec<_>>(), ["euw1-az2", "euw1-az2"]);
}

#[tokio::test]
async fn a_zone_that_cannot_be_read_is_a_failure() {
    let api = Api::start().await.unwrap();
    let resources = Resources::connect(&config(&api.endpoint));
    let arn = ec2("instance", "i-1");
    let chain = async |arn: &str| resources.zones(&set([arn])).await.unwrap_err().chain();
    api.refuse("GetResource", "ResourceNotFoundException", "no such instance");
    let expected =
        format!("could not read the zone of {arn}: ResourceNotFoundException: no such instance (HTTP 400, ");
    assert!(chain(&arn).await.starts_with(&expected));
    api.answer("GetResource", described(&json!({ "InstanceId": "i-1" })));
    assert_eq!(chain(&arn).await, format!("could not read the zone of {arn}: it has none"));
    api.answer("GetResource", json!({}));
    assert!(chain(&arn).await.starts_with(&format!("could not read the zone of {arn}: ")));
    let task = format!("arn:aws:ecs:{REGION}:111122223333:task/shop/0a1b");
    assert!(chain(&task).await.ends_with("Cloud Control does not tell of ECS tasks"));
}

// ── dead-man schedules ─────────────────────────────────────────────────────────────────────────────────────

const GROUP: &str = "watchkeeper-drills";
const ROLE: &str = "arn:aws:iam::111122223333:role/watchkeeper-scheduler";
const WATCHER: &str = "arn:aws:lambda:eu-west-1:111122223333:function:experiment-watcher";
const QUEUE: &str = "arn:aws:sqs:eu-west-1:111122223333:dead-letters";

fn dead_man(endpoint: &str, leash: Leash) -> DeadManSchedules {
    let [group, role, watcher, dead_letters] = words([GROUP, ROLE, WATCHER, QUEUE]);
    DeadManSchedules::connect(&config(endpoint), Schedules { group, role, watcher, dead_letters }, leash)
}

const OFF: Leash = Leash { on: false };

#[tokio::test]
async fn a_dead_man_is_armed_moved_aimed_and_disarmed() {
    let Some(endpoint) = moto() else { return };
    let (dead_man, name) = (dead_man(&endpoint, OFF), unique("dead-man"));
    let scheduler = aws_sdk_scheduler::Client::new(&config(&endpoint));
    scheduler.create_schedule_group().name(GROUP).send().await.unwrap();
    let schedule = async || {
        let schedule = scheduler.get_schedule().group_name(GROUP).name(&name).send().await.unwrap();
        let target = schedule.target().unwrap();
        let expression = schedule.schedule_expression().unwrap().to_owned();
        (expression, target.arn().to_owned(), target.input().unwrap().to_owned())
    };
    let armed = r#"{"tick":"dead-man","token":"t1"}"#;

    dead_man.arm(&name, at(3_600), "t1").await.unwrap();
    assert_eq!(schedule().await, ("at(1970-01-01T01:00:00)".into(), WATCHER.into(), armed.into()));
    dead_man.arm(&name, at(7_200), "t1").await.unwrap();
    assert_eq!(schedule().await, ("at(1970-01-01T02:00:00)".into(), WATCHER.into(), armed.into()));
    dead_man.aim(&name, at(7_201), "EXP1").await.unwrap();
    let stop = "arn:aws:scheduler:::aws-sdk:fis:stopExperiment";
    assert_eq!(schedule().await, ("at(1970-01-01T02:00:01)".into(), stop.into(), r#"{"Id":"EXP1"}"#.into()));
    dead_man.disarm(&name).await.unwrap();
    dead_man.disarm(&name).await.unwrap();
    let gone = scheduler.get_schedule().group_name(GROUP).name(&name).send().await.unwrap_err();
    assert!(gone.as_service_error().unwrap().is_resource_not_found_exception());
    dead_man.aim(&name, at(9), "EXP1").await.unwrap();
    assert_eq!(schedule().await.1, stop, "it is made if it is gone");
}

#[tokio::test]
async fn a_schedule_fires_on_time_retries_for_an_hour_and_deletes_itself_also_when_it_is_changed() {
    let api = Api::start().await.unwrap();
    api.refuse("POST /schedules/night", "ConflictException", "it exists");
    api.answer("PUT /schedules/night", json!({ "ScheduleArn": "x" }));
    dead_man(&api.endpoint, OFF).arm("night", at(0), "t1").await.unwrap();
    let expected = json!({
        "GroupName": GROUP, "ScheduleExpression": "at(1970-01-01T00:00:00)", "ScheduleExpressionTimezone": "UTC",
        "FlexibleTimeWindow": { "Mode": "OFF" }, "ActionAfterCompletion": "DELETE",
        "Target": {
            "Arn": WATCHER, "RoleArn": ROLE, "Input": r#"{"tick":"dead-man","token":"t1"}"#,
            "RetryPolicy": { "MaximumEventAgeInSeconds": 3600, "MaximumRetryAttempts": 185 },
            "DeadLetterConfig": { "Arn": QUEUE },
        },
    });
    for operation in ["POST /schedules/night", "PUT /schedules/night"] {
        let mut asked = api.asked(operation).remove(0);
        asked.as_object_mut().unwrap().remove("ClientToken").unwrap();
        assert_eq!(asked, expected, "{operation}");
    }
}

#[tokio::test]
async fn a_schedule_that_cannot_be_set_or_deleted_is_a_failure() {
    let api = Api::start().await.unwrap();
    let dead_man = dead_man(&api.endpoint, OFF);
    api.refuse("POST /schedules/night", "ServiceQuotaExceededException", "too many");
    api.refuse("POST /schedules/night", "ConflictException", "it exists");
    api.refuse("PUT /schedules/night", "ValidationException", "in the past");
    api.refuse("DELETE /schedules/night", "AccessDeniedException", "no");
    let failures = [
        dead_man.arm("night", at(0), "t1").await,
        dead_man.aim("night", at(0), "EXP1").await,
        dead_man.disarm("night").await,
    ];
    let expected = [
        "could not create the schedule night: ServiceQuotaExceededException: too many",
        "could not change the schedule night: ValidationException: in the past",
        "could not delete the schedule night: AccessDeniedException: no",
    ];
    for (failure, expected) in failures.map(Result::unwrap_err).iter().zip(expected) {
        assert!(failure.chain().starts_with(expected), "{}", failure.chain());
    }
}

#[tokio::test]
async fn with_the_leash_on_no_schedule_is_set_or_deleted() {
    let api = Api::start().await.unwrap();
    let dead_man = dead_man(&api.endpoint, Leash::default());
    let failures = [
        dead_man.arm("night", at(0), "t1").await,
        dead_man.aim("night", at(0), "EXP1").await,
        dead_man.disarm("night").await,
    ];
    for failure in failures.map(Result::unwrap_err) {
        assert!(failure.chain().contains("the schedule night: the leash is on"), "{}", failure.chain());
        assert!(!failure.ambiguous);
    }
    assert_eq!(api.calls(), 0);
}

// ── metrics and history ────────────────────────────────────────────────────────────────────────────────────

fn metric(name: &str) -> Metric {
    let dimensions = BTreeMap::from([("LoadBalancer".to_owned(), "app/shop/1".to_owned())]);
    Metric { namespace: "AWS/ApplicationELB".into(), name: name.into(), dimensions, stat: "Sum".into() }
}

fn query(id: &str, source: Source) -> Query {
    Query { id: id.into(), source, period: SignedDuration::from_secs(60) }
}

fn stat(id: &str, name: &str) -> Value {
    let dimensions = json!([{ "Name": "LoadBalancer", "Value": "app/shop/1" }]);
    let metric = json!({ "Namespace": "AWS/ApplicationELB", "MetricName": name, "Dimensions": dimensions });
    json!({ "Id": id, "MetricStat": { "Metric": metric, "Period": 60, "Stat": "Sum" } })
}

const HOUR: (i64, i64) = (0, 3_600);

fn hour() -> Interval {
    Interval { from: at(HOUR.0), to: at(HOUR.1) }
}

#[tokio::test]
async fn a_metric_and_an_expression_are_read_page_by_page() {
    let api = Api::start().await.unwrap();
    let result = |second: i64, value: f64, status: &str| json!([{ "Id": "result", "Label": "x", "StatusCode": status, "Values": [value], "Timestamps": [{ "$time": second }] }]);
    api.answer(
        "GetMetricData",
        json!({ "MetricDataResults": result(0, 1.5, "PartialData"), "NextToken": "more" }),
    );
    api.answer("GetMetricData", json!({ "MetricDataResults": result(60, 2.5, "Complete") }));
    api.answer("GetMetricData", json!({ "MetricDataResults": result(0, 7.0, "PartialData") }));
    let metrics = CloudWatchMetrics::connect(&config(&api.endpoint));
    let inputs = BTreeMap::from([("e".to_owned(), metric("Errors"))]);
    let rate = Source::Expression { expression: "100 * e".into(), inputs };
    let queries = [query("requests", Source::Metric(metric("RequestCount"))), query("error rate", rate)];

    let series = metrics.series(&queries, hour()).await.unwrap();

    let seen = series.iter().map(|it| {
        (it.id.as_str(), it.complete, it.points.iter().map(|it| (it.at, it.value)).collect::<Vec<_>>())
    });
    let expected =
        [("requests", true, vec![(at(0), 1.5), (at(60), 2.5)]), ("error rate", false, vec![(at(0), 7.0)])];
    assert_eq!(seen.collect::<Vec<_>>(), expected);
    let asked = api.asked("GetMetricData");
    let of = |queries: Value| {
        json!({
            "MetricDataQueries": queries, "StartTime": { "$time": HOUR.0 }, "EndTime": { "$time": HOUR.1 },
            "ScanBy": "TimestampAscending",
        })
    };
    assert_eq!(asked[0], of(json!([stat("result", "RequestCount")])));
    assert_eq!(asked[1]["NextToken"], "more");
    let mut input = stat("e", "Errors");
    input["ReturnData"] = false.into();
    assert_eq!(asked[2], of(json!([{ "Id": "result", "Expression": "100 * e", "ReturnData": true }, input])));
}

#[tokio::test]
async fn an_expression_that_is_refused_names_the_query() {
    let api = Api::start().await.unwrap();
    api.refuse("GetMetricData", "ValidationError", "Error in expression");
    let source = Source::Expression { expression: "100 *".into(), inputs: BTreeMap::new() };
    let metrics = CloudWatchMetrics::connect(&config(&api.endpoint));
    let chain = metrics.series(&[query("error rate", source)], hour()).await.unwrap_err().chain();
    let expected =
        "could not read the metric \"error rate\": ValidationError: Error in expression (HTTP 400, ";
    assert!(chain.starts_with(expected), "{chain}");
    assert_eq!(api.asked("GetMetricData")[0]["MetricDataQueries"][0]["Period"], 60);
}

#[tokio::test]
async fn the_changes_of_alarms_are_read_page_by_page_and_told_in_order() {
    let api = Api::start().await.unwrap();
    let item = |second: i64, from: &str, to: &str| {
        let data =
            json!({ "version": "1.0", "oldState": { "stateValue": from }, "newState": { "stateValue": to } });
        json!({ "AlarmName": "x", "Timestamp": { "$time": second }, "HistoryData": data.to_string() })
    };
    api.answer(
        "DescribeAlarmHistory",
        json!({ "AlarmHistoryItems": [item(60, "OK", "ALARM")], "NextToken": "more" }),
    );
    let late = [item(120, "ALARM", "OK"), item(HOUR.1, "OK", "ALARM")];
    api.answer("DescribeAlarmHistory", json!({ "AlarmHistoryItems": late }));
    api.answer("DescribeAlarmHistory", json!({ "AlarmHistoryItems": [item(30, "INSUFFICIENT_DATA", "OK")] }));
    let history = EventHistory::connect(&config(&api.endpoint));
    let [errors, p99] = ["errors", "p99"].map(|name| alarm_arn(REGION, name));

    let changes = history.alarm_changes(&set([&errors, &p99]), hour()).await.unwrap();

    let expected =
        [(30, &p99, "INSUFFICIENT_DATA", "OK"), (60, &errors, "OK", "ALARM"), (120, &errors, "ALARM", "OK")];
    let expected = expected.map(|(second, arn, from, to)| AlarmChange {
        at: at(second),
        arn: arn.clone(),
        from: from.into(),
        to: to.into(),
    });
    assert_eq!(changes, expected);
    let asked = api.asked("DescribeAlarmHistory");
    let first = json!({
        "AlarmName": "errors", "AlarmTypes": ["MetricAlarm", "CompositeAlarm", "LogAlarm"],
        "HistoryItemType": "StateUpdate", "StartDate": { "$time": HOUR.0 }, "EndDate": { "$time": HOUR.1 },
        "MaxRecords": 100, "ScanBy": "TimestampAscending",
    });
    assert_eq!(asked[0], first);
    assert_eq!((&asked[1]["NextToken"], &asked[2]["AlarmName"]), (&json!("more"), &json!("p99")));
    api.answer(
        "DescribeAlarmHistory",
        json!({ "AlarmHistoryItems": [{ "Timestamp": { "$time": 60 }, "HistoryData": "{}" }] }),
    );
    let chain = history.alarm_changes(&set([&p99]), hour()).await.unwrap_err().chain();
    assert_eq!(chain, format!("could not read the history of {p99}: a change that cannot be read"));
}

#[tokio::test]
async fn who_ended_an_experiment_is_known_and_who_was_not_allowed_to_is_left_out() {
    let api = Api::start().await.unwrap();
    let event = |second: i64, record: &Value| json!({ "EventTime": second, "Username": "ada", "CloudTrailEvent": record.to_string() });
    let call = |id: &str, who: &Value| json!({ "eventSource": "fis.amazonaws.com", "userIdentity": who, "requestParameters": { "id": id } });
    let (ada, service) = (
        json!({ "arn": "arn:aws:iam::111122223333:user/ada" }),
        json!({ "invokedBy": "scheduler.amazonaws.com" }),
    );
    let mut refused = call("EXP1", &ada);
    refused["errorCode"] = "AccessDenied".into();
    let mut other = call("EXP1", &ada);
    other["eventSource"] = "states.amazonaws.com".into();
    let stops = [
        event(90, &call("EXP1", &service)),
        event(80, &call("EXP2", &ada)),
        event(70, &refused),
        event(65, &other),
    ];
    api.answer("LookupEvents", json!({ "Events": stops, "NextToken": "more" }));
    api.answer("LookupEvents", json!({ "Events": [event(60, &call("EXP1", &ada))] }));
    let lever = |status: &str| {
        let state = json!({ "id": "default", "state": { "status": status, "reason": "drill" } });
        json!({ "eventSource": "fis.amazonaws.com", "userIdentity": {}, "requestParameters": state })
    };
    api.answer(
        "LookupEvents",
        json!({ "Events": [event(75, &lever("engaged")), event(85, &lever("disengaged"))] }),
    );

    let calls = EventHistory::connect(&config(&api.endpoint)).stop_calls("EXP1", hour()).await.unwrap();

    let expected = [
        (60, StopSort::StopExperiment, "arn:aws:iam::111122223333:user/ada"),
        (75, StopSort::SafetyLever, "ada"),
        (90, StopSort::StopExperiment, "scheduler.amazonaws.com"),
    ];
    assert_eq!(calls, expected.map(|(second, sort, by)| StopCall { at: at(second), sort, by: by.into() }));
    let asked = api.asked("LookupEvents");
    let of = |name: &str| {
        json!({
            "LookupAttributes": [{ "AttributeKey": "EventName", "AttributeValue": name }],
            "StartTime": HOUR.0, "EndTime": HOUR.1, "MaxResults": 50,
        })
    };
    assert_eq!((&asked[0], &asked[2]), (&of("StopExperiment"), &of("UpdateSafetyLeverState")));
    assert_eq!(asked[1]["NextToken"], "more");
}

// ── retries ────────────────────────────────────────────────────────────────────────────────────────────────

#[tokio::test]
async fn every_call_is_tried_three_times() {
    async fn tries<T>(read: impl AsyncFnOnce(&str) -> Result<T, Failure>) -> (usize, bool) {
        let server = Faulty::start(Fault::Answer(500, "{}")).await.unwrap();
        let failure = read(&server.endpoint).await.err().expect("a failure");
        (server.requests(), failure.ambiguous)
    }
    let alarm = set([&alarm_arn(REGION, "p99")]);
    let instance = set([&ec2("instance", "i-1")]);
    let tries = futures::join!(
        tries(async |it| CloudWatchAlarms::connect(&config(it)).alarms(&alarm).await),
        tries(async |it| SystemsManager::connect(&config(it)).calendars(&words(["freeze"]), at(0)).await),
        tries(async |it| SystemsManager::connect(&config(it)).incidents(None).await),
        tries(async |it| HealthApi::connect(&config(it)).open_issues(REGION).await),
        tries(async |it| Resources::connect(&config(it)).tags(&instance).await),
        tries(async |it| Resources::connect(&config(it)).fleet("aws:ec2:instance", "k", "v").await),
        tries(async |it| Resources::connect(&config(it)).zones(&instance).await),
        tries(async |it| EventHistory::connect(&config(it)).alarm_changes(&alarm, hour()).await),
        tries(async |it| EventHistory::connect(&config(it)).stop_calls("EXP1", hour()).await),
        tries(async |it| {
            let query = query("requests", Source::Metric(metric("RequestCount")));
            CloudWatchMetrics::connect(&config(it)).series(&[query], hour()).await
        }),
        tries(async |it| dead_man(it, OFF).arm("night", at(0), "t1").await),
        tries(async |it| dead_man(it, OFF).disarm("night").await),
    );
    let three = (3, true);
    assert_eq!(tries, (three, three, three, three, three, three, three, three, three, three, three, three));
}
