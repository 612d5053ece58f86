//! Short ways to make things for tests: everything enters as wire JSON.

use jiff::Timestamp;
use serde_json::{Value, json};
use watchkeeper_domain::case::{Communication, Page};

use crate::event::{Event, parse};

pub(crate) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// A page of a planned change to a database in Ireland, different in `changes`.
pub(crate) fn page(changes: &Value, now: Timestamp) -> Page {
    let mut detail = json!({
        "eventArn": "arn:aws:health:eu-west-1::event/RDS/AWS_RDS_X_SCHEDULED/AWS_RDS_X_SCHEDULED_1",
        "service": "RDS", "eventTypeCode": "AWS_RDS_X_SCHEDULED", "eventTypeCategory": "scheduledChange",
        "communicationId": "c1-1", "statusCode": "upcoming", "eventRegion": "eu-west-1",
        "lastUpdatedTime": "2026-11-01T00:00:00Z", "startTime": "2026-12-24T00:00:00Z",
        "actionability": "ACTION_REQUIRED", "personas": ["OPERATIONS"],
        "eventDescription": [{"language": "en_US", "latestDescription": "The database will be changed."}],
        "affectedEntities": [{"entityValue": "db-1", "status": "PENDING"}, {"entityValue": "db-2", "status": "PENDING"}],
        "affectedAccount": "111122223333", "page": "1", "totalPages": "1"
    });
    for (key, value) in changes.as_object().unwrap() {
        detail[key] = value.clone();
    }
    let payload = json!({
        "id": "e-1", "detail-type": "AWS Health Event", "source": "aws.health", "account": "111122223333",
        "time": "2026-11-01T00:00:05Z", "region": "eu-west-1", "detail": detail
    });
    let Event::PageDelivered(page) = parse(&payload, now).remove(0).event else { panic!("not a page") };
    *page
}

/// The communication of one such page.
pub(crate) fn said(changes: Value) -> Communication {
    Communication::merge(vec![page(&changes, at("2026-11-01T00:00:10Z"))]).unwrap()
}
