//! Change calendars and incidents, of Systems Manager.

use serde_json::json;
use watchkeeper_domain::ports::{CalendarState, Calendars};
use watchkeeper_shell::SystemsManager;
use watchkeeper_tests::support::{api::Api, aws::config};

use super::{at, words};

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
