//! PagerDuty's REST API: whether anybody is on call.

use aws_config::SdkConfig;
use serde::Deserialize;
use watchkeeper_domain::{drill::OnCall, failure::Failure, ports::OnCalls};

use crate::{
    http::{self, Patience},
    secrets::Secrets,
};

/// The version of the API (PagerDuty developer documentation, "Versioning").
const ACCEPT: &str = "application/vnd.pagerduty+json;version=2";
/// How a key of the API is presented (PagerDuty developer documentation, "Authentication").
const SCHEME: &str = "Token token=";

/// The on-call schedules of PagerDuty, whichever account a key belongs to.
#[derive(Clone, Debug)]
pub struct PagerDutyOnCalls {
    secrets: Secrets,
    patience: Patience,
}

impl PagerDutyOnCalls {
    /// Reaches the stores of secrets through `config`, and PagerDuty with the usual patience. Nothing is sent yet.
    pub fn connect(config: &SdkConfig) -> Self {
        Self::new(Secrets::connect(config), Patience::default())
    }

    /// The same with the parts given.
    pub fn new(secrets: Secrets, patience: Patience) -> Self {
        Self { secrets, patience }
    }
}

impl OnCalls for PagerDutyOnCalls {
    /// PagerDuty API Reference, "List all of the on-calls": without `since` and `until` those of this moment, of the
    /// schedules that an escalation policy uses.
    async fn is_anybody_on_call(&self, on_call: &OnCall) -> Result<bool, Failure> {
        let OnCall { schedule, secret, endpoint } = on_call;
        // A client of its own: drills that don't ask need none.
        let client = http::client(self.patience)?;
        let url = format!("{endpoint}/oncalls?schedule_ids[]={schedule}");
        let get = async |key: &str| http::get(&client, &url, ACCEPT, Some((SCHEME, key))).await;
        let answer = self.secrets.with(secret, get).await.map_err(|trouble| trouble.cause);
        let is_anybody = answer.and_then(|answer| is_anybody(&answer.body, schedule));
        is_anybody.map_err(|cause| {
            Failure::new("read", format!("who is on call in the PagerDuty schedule {schedule}"), cause)
        })
    }
}

/// What of the answer is read.
#[derive(Deserialize)]
struct Listed {
    oncalls: Vec<Entry>,
    #[serde(default)]
    more: bool,
}

/// One on-call. A person who is called without a schedule has none.
#[derive(Deserialize)]
struct Entry {
    user: Named,
    schedule: Option<Named>,
}

#[derive(Deserialize)]
struct Named {
    id: String,
}

/// Whether the answer names a person for `schedule` itself: should the filter be passed over, others are no answer.
fn is_anybody(body: &str, schedule: &str) -> Result<bool, String> {
    let listed: Listed =
        serde_json::from_str(body).map_err(|_| "the answer is no list of on-calls".to_owned())?;
    let is_it = |entry: &Entry| {
        entry.schedule.as_ref().is_some_and(|it| it.id == schedule) && !entry.user.id.is_empty()
    };
    match listed.oncalls.iter().any(is_it) {
        false if listed.more => Err("the answer is not whole".to_owned()),
        found => Ok(found),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the reference shows it, shortened.
    fn listed(schedule: &str) -> String {
        format!(
            r#"{{ "oncalls": [{{
                "user": {{ "id": "PT23IWX", "type": "user_reference", "summary": "Tim Wright" }},
                "schedule": {schedule}, "escalation_level": 2,
                "start": "2015-03-06T15:28:51-05:00", "end": "2015-03-07T15:28:51-05:00"
            }}], "limit": 25, "offset": 0, "more": false, "total": null }}"#
        )
    }

    #[test]
    fn somebody_is_on_call_when_the_schedule_names_a_person() {
        let ours = listed(r#"{ "id": "PI7DH85", "type": "schedule_reference" }"#);
        assert_eq!(is_anybody(&ours, "PI7DH85"), Ok(true));
        assert_eq!(is_anybody(&ours, "POTHER"), Ok(false), "it is somebody else's schedule");
        assert_eq!(is_anybody(&listed("null"), "PI7DH85"), Ok(false), "called without a schedule");
        assert_eq!(is_anybody(r#"{ "oncalls": [] }"#, "PI7DH85"), Ok(false));
        assert_eq!(is_anybody(&ours.replace("PT23IWX", ""), "PI7DH85"), Ok(false));
    }

    #[test]
    fn what_is_no_whole_list_says_nothing() {
        for body in ["", "[]", "{}", r#"{"error": {}}"#, r#"{"oncalls": [{}]}"#, "<html>"] {
            assert!(is_anybody(body, "P").is_err(), "{body}");
        }
        let others = listed(r#"{ "id": "POTHER" }"#).replace("\"more\": false", "\"more\": true");
        assert_eq!(is_anybody(&others, "PI7DH85"), Err("the answer is not whole".to_owned()));
        assert_eq!(is_anybody(&others, "POTHER"), Ok(true));
    }
}
