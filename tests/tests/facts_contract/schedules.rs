//! The dead man, of EventBridge Scheduler.

use serde_json::json;
use watchkeeper_domain::ports::DeadMan;
use watchkeeper_shell::{DeadManSchedules, Leash, Schedules};
use watchkeeper_tests::support::{
    api::Api,
    aws::{config, moto, unique},
};

use super::{at, words};

const GROUP: &str = "watchkeeper-drills";
const ROLE: &str = "arn:aws:iam::111122223333:role/watchkeeper-scheduler";
const WATCHER: &str = "arn:aws:lambda:eu-west-1:111122223333:function:experiment-watcher";
const QUEUE: &str = "arn:aws:sqs:eu-west-1:111122223333:dead-letters";

pub(super) fn dead_man(endpoint: &str, leash: Leash) -> DeadManSchedules {
    let [group, role, watcher, dead_letters] = words([GROUP, ROLE, WATCHER, QUEUE]);
    DeadManSchedules::connect(&config(endpoint), Schedules { group, role, watcher, dead_letters }, leash)
}

pub(super) const OFF: Leash = Leash { on: false };

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
