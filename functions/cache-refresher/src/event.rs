//! Wire JSON → a night is asked for, a job wants a volume, a snapshot or a volume has changed, a tick, foreign, malformed.

use aws_lambda_events::eventbridge::EventBridgeEvent;
use serde_json::Value;
use watchkeeper_domain::text::{self, fingerprint};
use watchkeeper_shell::envelope::opened;

/// How many paths one report of missed packages may have.
const PATHS: usize = 20_000;

/// What this function is given, and its id.
#[derive(Clone, Debug, PartialEq)]
pub struct Arrival {
    /// For the log.
    pub id: String,
    /// What it is.
    pub event: Event,
}

/// What has happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// A person asks for a night.
    RefreshRequested {
        /// The cache.
        cache: String,
        /// The same for every copy of the request.
        id: String,
        /// Who, and why.
        because: String,
    },
    /// A person wants an earlier generation back.
    RollbackRequested {
        /// The cache.
        cache: String,
        /// Which; the one before without a number.
        to: Option<u32>,
        /// Who, and why.
        because: String,
    },
    /// A job had to download packages.
    PackagesMissed(Missed),
    /// A job wants a volume, and waits for the answer.
    VolumeClaimed {
        /// The cache.
        cache: String,
        /// The id of the job's Availability Zone.
        zone: String,
        /// The job: the same each time it asks.
        by: String,
    },
    /// A job gives a volume back.
    VolumeReleased {
        /// The cache.
        cache: String,
        /// The volume.
        volume: String,
    },
    /// EBS has completed a snapshot, or given it up.
    SnapshotChanged {
        /// `snap-…`.
        snapshot: String,
    },
    /// EBS has made a volume, or deleted it.
    VolumeChanged {
        /// `vol-…`.
        volume: String,
    },
    /// A minute has passed: look at what is due.
    SweepDue,
    /// None of our business: ignored and counted.
    Foreign(String),
    /// Ours by its source, and not readable.
    Malformed(String),
}

/// What a job had to download, since the cache did not have it.
#[derive(Clone, Debug, PartialEq)]
pub struct Missed {
    /// The cache.
    pub cache: String,
    /// The job.
    pub job: String,
    /// The paths, relative to the local repository.
    pub paths: Vec<String>,
    /// The id of the report.
    pub id: String,
}

/// Reads whatever Lambda was invoked with. Never fails and never returns nothing.
pub fn parse(payload: &Value) -> Vec<Arrival> {
    let arrival = |payload: Value| {
        let id = text_of(&payload, "id").unwrap_or_else(|| "-".to_owned());
        Arrival { id, event: read(&payload) }
    };
    opened(payload).into_iter().map(arrival).collect()
}

fn read(payload: &Value) -> Event {
    if payload["tick"] == "sweep" {
        return Event::SweepDue;
    }
    let invoked = [("claim", claim as fn(&Value) -> Result<Event, String>), ("release", release)];
    for (key, read) in invoked {
        if let Some(asked) = payload.get(key) {
            return read(asked).unwrap_or_else(Event::Malformed);
        }
    }
    let event: EventBridgeEvent<Value> = match serde::Deserialize::deserialize(payload) {
        Ok(event) => event,
        Err(_) => return Event::Foreign("neither an EventBridge event nor a claim".to_owned()),
    };
    let id = event.id.clone().unwrap_or_default();
    let detail = &event.detail;
    let read = match (event.source.as_str(), event.detail_type.as_str()) {
        ("aws.ec2", "EBS Snapshot Notification") => snapshot(detail),
        ("aws.ec2", "EBS Volume Notification") => volume(payload),
        ("watchkeeper.ops", "Cache Refresh Requested") => refresh(detail, id),
        ("watchkeeper.ops", "Cache Rollback Requested") => rollback(detail),
        ("watchkeeper.ops", "Cache Missed") => missed(detail, id),
        (source, kind) => Ok(Event::Foreign(text::cut(&format!("{source}: {kind}"), 200))),
    };
    read.unwrap_or_else(Event::Malformed)
}

fn claim(asked: &Value) -> Result<Event, String> {
    let [cache, zone, by] = ["cache", "zone", "by"].map(|key| required(asked, key));
    Ok(Event::VolumeClaimed { cache: cache?, zone: zone?, by: by? })
}

fn release(asked: &Value) -> Result<Event, String> {
    Ok(Event::VolumeReleased { cache: required(asked, "cache")?, volume: required(asked, "volume")? })
}

/// `detail.snapshot_id` is an ARN (EBS User Guide, "Amazon EventBridge events for Amazon EBS").
fn snapshot(detail: &Value) -> Result<Event, String> {
    let arn = required(detail, "snapshot_id")?;
    Ok(Event::SnapshotChanged { snapshot: last_part(&arn) })
}

/// The volume stands in `resources`, as an ARN (the same page).
fn volume(payload: &Value) -> Result<Event, String> {
    let arns = payload["resources"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let arn = arns.into_iter().find(|arn| arn.contains(":volume/"));
    arn.map(|arn| Event::VolumeChanged { volume: last_part(arn) })
        .ok_or_else(|| "`resources` names no volume".to_owned())
}

fn last_part(arn: &str) -> String {
    arn.rsplit('/').next().unwrap_or(arn).to_owned()
}

fn refresh(detail: &Value, id: String) -> Result<Event, String> {
    // The sender's own id where it gives one: it looks for the night by it.
    let id = text_of(detail, "id").unwrap_or(id);
    if id.is_empty() {
        return Err("the event has no id".to_owned());
    }
    Ok(Event::RefreshRequested { cache: required(detail, "cache")?, id, because: because(detail)? })
}

fn rollback(detail: &Value) -> Result<Event, String> {
    let to = match detail.get("to").filter(|to| !to.is_null()) {
        None => None,
        Some(number) => {
            let number = number.as_u64().and_then(|number| u32::try_from(number).ok());
            Some(number.ok_or("`to` is not the number of a generation")?)
        }
    };
    Ok(Event::RollbackRequested { cache: required(detail, "cache")?, to, because: because(detail)? })
}

fn because(detail: &Value) -> Result<String, String> {
    Ok(format!("{}, by {}", required(detail, "because")?, required(detail, "by")?))
}

fn missed(detail: &Value, id: String) -> Result<Event, String> {
    let paths = detail["paths"].as_array().ok_or("`paths` is missing, or not a list")?;
    let text = |path: &Value| path.as_str().map(str::to_owned);
    let paths: Option<Vec<_>> = paths.iter().take(PATHS).map(text).collect();
    let paths = paths.ok_or("`paths` has something that is not a text")?;
    if id.is_empty() {
        return Err("the event has no id".to_owned());
    }
    Ok(Event::PackagesMissed(Missed {
        cache: required(detail, "cache")?,
        job: required(detail, "job")?,
        paths,
        id,
    }))
}

fn required(value: &Value, key: &str) -> Result<String, String> {
    text_of(value, key).ok_or_else(|| format!("`{key}` is missing, or not a text"))
}

/// At most 200 characters: ids become parts of keys.
fn text_of(value: &Value, key: &str) -> Option<String> {
    let text = value[key].as_str().filter(|text| !text.trim().is_empty())?;
    Some(if text.len() <= 200 { text::line(text) } else { fingerprint([text]) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn event(source: &str, kind: &str, detail: Value) -> Event {
        let payload = json!({
            "version": "0", "id": "e-1", "source": source, "detail-type": kind, "account": "444455556666",
            "time": "2026-11-21T02:00:00Z", "region": "eu-west-1",
            "resources": ["arn:aws:ec2:eu-west-1:444455556666:volume/vol-0a"], "detail": detail,
        });
        parse(&payload).remove(0).event
    }

    #[test]
    fn a_claim_is_an_invocation_of_its_own() {
        let claim = json!({ "claim": { "cache": "maven", "zone": "euw1-az1", "by": "job 7" } });
        let expected =
            Event::VolumeClaimed { cache: "maven".into(), zone: "euw1-az1".into(), by: "job 7".into() };
        assert_eq!(parse(&claim)[0].event, expected);
        let release = json!({ "release": { "cache": "maven", "volume": "vol-0a" } });
        assert_eq!(
            parse(&release)[0].event,
            Event::VolumeReleased { cache: "maven".into(), volume: "vol-0a".into() }
        );
        let half = json!({ "claim": { "cache": "maven", "by": "job 7" } });
        assert_eq!(parse(&half)[0].event, Event::Malformed("`zone` is missing, or not a text".into()));
    }

    #[test]
    fn ebs_names_snapshots_and_volumes_by_arn() {
        let detail = json!({ "event": "createSnapshot", "result": "succeeded",
            "snapshot_id": "arn:aws:ec2::eu-west-1:snapshot/snap-0b" });
        assert_eq!(
            event("aws.ec2", "EBS Snapshot Notification", detail),
            Event::SnapshotChanged { snapshot: "snap-0b".into() }
        );
        assert_eq!(
            event("aws.ec2", "EBS Volume Notification", json!({ "event": "createVolume" })),
            Event::VolumeChanged { volume: "vol-0a".into() }
        );
    }

    #[test]
    fn a_rollback_may_name_a_generation_and_a_request_says_who_asks() {
        let asked = json!({ "cache": "maven", "to": 3, "because": "builds break", "by": "ada" });
        assert_eq!(
            event("watchkeeper.ops", "Cache Rollback Requested", asked),
            Event::RollbackRequested {
                cache: "maven".into(),
                to: Some(3),
                because: "builds break, by ada".into()
            }
        );
        let wrong = json!({ "cache": "maven", "to": "last", "because": "x", "by": "ada" });
        assert!(matches!(event("watchkeeper.ops", "Cache Rollback Requested", wrong), Event::Malformed(_)));
        let anonymous = json!({ "cache": "maven", "because": "x" });
        assert!(matches!(
            event("watchkeeper.ops", "Cache Refresh Requested", anonymous),
            Event::Malformed(_)
        ));
    }

    #[test]
    fn a_report_of_missed_packages_is_a_list_of_texts() {
        let report = json!({ "cache": "maven", "job": "7", "paths": ["a/b.jar"] });
        let expected = Missed {
            cache: "maven".into(),
            job: "7".into(),
            paths: vec!["a/b.jar".into()],
            id: "e-1".into(),
        };
        assert_eq!(event("watchkeeper.ops", "Cache Missed", report), Event::PackagesMissed(expected));
        let wrong = json!({ "cache": "maven", "job": "7", "paths": [1] });
        assert!(matches!(event("watchkeeper.ops", "Cache Missed", wrong), Event::Malformed(_)));
        assert!(matches!(
            event("aws.ec2", "EC2 Instance State-change Notification", json!({})),
            Event::Foreign(_)
        ));
    }
}
