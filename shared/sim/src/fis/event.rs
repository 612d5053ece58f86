//! The EventBridge event "FIS Experiment State Change".
//!
//! Source: AWS FIS User Guide, "Monitor AWS FIS experiments using Amazon EventBridge".

use jiff::{Timestamp, Unit};
use serde_json::{Value, json};

use super::{
    ACCOUNT, REGION, arn,
    run::{Change, Run},
};

/// The event of the change from `old` to `new`, with an id that is the same on every run.
pub(super) fn event(run: &Run, old: &Change, new: &Change) -> Value {
    let state = |change: &Change| json!({ "status": change.status, "reason": change.reason });
    json!({
        "version": "0",
        "id": format!("{}-{}", run.id, new.status.as_str()),
        "detail-type": "FIS Experiment State Change",
        "source": "aws.fis",
        "account": ACCOUNT,
        "time": seconds(new.at),
        "region": REGION,
        "resources": [arn(&run.id)],
        "detail": {
            "experiment-id": run.id,
            "experiment-template-id": run.order.template,
            "new-state": state(new),
            "old-state": state(old),
        },
    })
}

/// EventBridge's `time` has whole seconds.
fn seconds(at: Timestamp) -> Timestamp {
    at.round(jiff::TimestampRound::new().smallest(Unit::Second).mode(jiff::RoundMode::Trunc)).unwrap_or(at)
}
