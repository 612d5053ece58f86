//! What a person sends again: the payloads inside records of SQS and of failed invocations.

use serde_json::Value;

/// How deep envelopes may be nested: a failed invocation's record, of SQS.
const DEPTH: usize = 3;

/// The payloads in `payload`, which is its own only one if it is no envelope. A record whose body nobody can read is null.
///
/// Source: AWS Lambda Developer Guide, "Capturing records of Lambda asynchronous invocations" (`requestPayload`).
pub fn opened(payload: &Value) -> Vec<Value> {
    open(payload, DEPTH)
}

fn open(payload: &Value, depth: usize) -> Vec<Value> {
    if let (Some(records), 1..) = (payload["Records"].as_array().filter(|it| !it.is_empty()), depth) {
        let body = |record: &Value| {
            let body = record["body"].as_str().and_then(|body| serde_json::from_str(body).ok());
            body.unwrap_or(Value::Null)
        };
        return records.iter().flat_map(|record| open(&body(record), depth - 1)).collect();
    }
    match payload.get("requestPayload") {
        Some(failed) if depth > 0 => open(failed, depth - 1),
        Some(_) | None => vec![payload.clone()],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_failed_before_comes_out_of_its_envelopes() {
        let tick = json!({ "tick": "sweep" });
        assert_eq!(opened(&tick), std::slice::from_ref(&tick));
        let failed = json!({ "version": "1.0", "requestPayload": tick });
        let queued = json!({ "Records": [{ "body": failed.to_string() }, { "body": "no" }] });
        assert_eq!(opened(&queued), [tick, Value::Null]);
    }
}
