//! What sort of event it is, until when to act, and how much it matters: three tables.

use jiff::{SignedDuration, Timestamp};
use watchkeeper_domain::{
    case::{Actionability, Category, Communication, Content, When},
    notice::{Kind, Severity},
};

use Need::{Anything, Maybe, Must, Nothing};
use Severity::{Critical, High, Low, Medium};

/// What sort of event `content` is about. The first line that applies counts.
pub fn kind(content: &Content) -> Kind {
    match &content.category {
        _ if is_security(content) => Kind::Security,
        _ if is_planned_lifecycle(content) => Kind::PlannedLifecycle,
        _ if is_good_news(content) => Kind::GoodNews,
        Category::Issue | Category::Investigation => Kind::Issue,
        Category::ScheduledChange => Kind::ScheduledChange,
        Category::AccountNotification | Category::Other(_) => Kind::AccountNotification,
    }
}

fn is_security(content: &Content) -> bool {
    let only_security = content.personas.iter().all(|it| it == "SECURITY") && !content.personas.is_empty();
    content.abuse
        || matches!(content.service.as_str(), "RISK" | "ABUSE")
        || content.type_code.contains("CREDENTIALS_EXPOSED")
        || (only_security && content.category != Category::ScheduledChange)
}

/// AWS Health User Guide, "Planned lifecycle events"; one-off codes carry `deprecated_versions` all the same.
fn is_planned_lifecycle(content: &Content) -> bool {
    content.type_code.ends_with("_PLANNED_LIFECYCLE_EVENT")
        || content.metadata.contains_key("deprecated_versions")
}

/// A renewal that went well. The same code also announces renewals that did not.
fn is_good_news(content: &Content) -> bool {
    let text = content.description.to_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
    content.type_code.contains("_RENEWAL_")
        && content.actionability != Some(Actionability::ActionRequired)
        && says(&["completed the renewal", "successfully", "renewed", "was renewed"])
        && !says(&["could not", "unable", "failed", "pending validation"])
}

/// The day by which somebody must have acted on `content`, if there is one.
///
/// The `startTime` of a planned change is the soonest date on which resources are affected. A notification often has its
/// date in the text alone, and then there is none here.
pub fn deadline(kind: Kind, content: &Content) -> Option<Timestamp> {
    let start = content.start.as_ref().and_then(When::timestamp)?;
    match kind {
        Kind::PlannedLifecycle | Kind::ScheduledChange => Some(start),
        Kind::AccountNotification => Some(start).filter(|start| *start > content.updated_at),
        Kind::Issue
        | Kind::Security
        | Kind::GoodNews
        | Kind::Malformed
        | Kind::Undeliverable
        | Kind::Drill
        | Kind::Cache => None,
    }
}

/// Whether somebody has to act.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Need {
    /// Somebody has to.
    Must,
    /// Somebody has to find out.
    Maybe,
    /// Nobody has to.
    Nothing,
    /// In the table: whether or not.
    Anything,
}

/// Kind, need, days left at most (`None`: however many) → severity in production. The first row that fits counts.
const TABLE: &[(Kind, Need, Option<i64>, Severity)] = &[
    (Kind::Security, Anything, None, Critical),
    (Kind::Issue, Nothing, None, Medium),
    (Kind::Issue, Anything, None, Critical),
    (Kind::PlannedLifecycle, Must, Some(7), Critical),
    (Kind::PlannedLifecycle, Must, Some(30), High),
    (Kind::PlannedLifecycle, Must, None, Medium),
    (Kind::PlannedLifecycle, Maybe, Some(30), High),
    (Kind::PlannedLifecycle, Maybe, Some(90), Medium),
    (Kind::PlannedLifecycle, Anything, None, Low),
    (Kind::ScheduledChange, Must, Some(3), Critical),
    (Kind::ScheduledChange, Must, Some(30), High),
    (Kind::ScheduledChange, Must, None, Medium),
    (Kind::ScheduledChange, Maybe, Some(14), High),
    (Kind::ScheduledChange, Maybe, None, Medium),
    (Kind::ScheduledChange, Anything, None, Low),
    (Kind::AccountNotification, Must, Some(30), High),
    (Kind::AccountNotification, Must, None, Medium),
    (Kind::AccountNotification, Maybe, None, Medium),
    (Kind::AccountNotification, Anything, None, Low),
    (Kind::GoodNews, Anything, None, Low),
    (Kind::Malformed, Anything, None, High),
];

/// How much `said` matters at `now`. What is over matters little, and outside production everything but security
/// matters one step less.
pub fn severity(kind: Kind, said: &Communication, environment: Option<&str>, now: Timestamp) -> Severity {
    if said.is_closed() {
        return Low;
    }
    let need = need(kind, said);
    let left = deadline(kind, &said.content).map(|at| at.duration_since(now));
    let fits = |row: &&(Kind, Need, Option<i64>, Severity)| {
        row.0 == kind && (row.1 == need || row.1 == Anything) && is_within(left, row.2)
    };
    let severity = TABLE.iter().find(fits).map_or(Medium, |row| row.3);
    let elsewhere = environment.is_some_and(|it| !it.starts_with("prod"));
    if elsewhere && kind != Kind::Security { severity.lowered() } else { severity }
}

fn is_within(left: Option<SignedDuration>, days: Option<i64>) -> bool {
    days.is_none_or(|days| left.is_some_and(|left| left <= SignedDuration::from_hours(24 * days)))
}

/// What AWS says of it, or what follows from the rest: before December 2025 there was no `actionability`.
fn need(kind: Kind, said: &Communication) -> Need {
    let all_done = !said.entities.is_empty() && said.entities.iter().all(|entity| entity.status.is_done());
    match &said.content.actionability {
        _ if all_done => Nothing,
        Some(Actionability::ActionRequired) => Must,
        Some(Actionability::ActionMayBeRequired | Actionability::Other(_)) => Maybe,
        Some(Actionability::Informational) => Nothing,
        None if kind == Kind::AccountNotification => Nothing,
        None if said.entities.is_empty() => Maybe,
        None => Must,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{at, said};

    fn weigh(changes: serde_json::Value, environment: Option<&str>) -> (Kind, Severity) {
        let said = said(changes);
        let kind = kind(&said.content);
        (kind, severity(kind, &said, environment, at("2026-11-20T00:00:00Z")))
    }

    fn lifecycle(date: &str) -> serde_json::Value {
        serde_json::json!({"eventTypeCode": "AWS_RDS_PLANNED_LIFECYCLE_EVENT", "startTime": date})
    }

    #[test]
    fn a_planned_change_grows_more_severe_as_its_date_comes_near() {
        let dates =
            ["2027-06-01", "2026-12-19", "2026-11-26", "2026-11-01"].map(|day| format!("{day}T00:00:00Z"));
        let severities = dates.map(|date| weigh(lifecycle(&date), Some("production")).1);
        assert_eq!(severities, [Medium, High, Critical, Critical]);
    }

    #[test]
    fn outside_production_all_but_security_matters_one_step_less() {
        let date = "2026-12-10T00:00:00Z";
        assert_eq!(weigh(lifecycle(date), Some("staging")).1, Medium);
        assert_eq!(weigh(lifecycle(date), None).1, High, "an unknown environment may be production");
        let exposed = serde_json::json!({"service": "RISK", "eventTypeCategory": "accountNotification"});
        assert_eq!(weigh(exposed, Some("staging")), (Kind::Security, Critical));
    }

    #[test]
    fn nothing_is_urgent_once_every_resource_is_done() {
        let mut changes = lifecycle("2026-11-21T00:00:00Z");
        changes["affectedEntities"] = serde_json::json!([{"entityValue": "db-1", "status": "RESOLVED"}]);
        assert_eq!(weigh(changes, Some("production")).1, Low);
    }

    #[test]
    fn deprecation_is_known_by_its_code_or_by_its_metadata() {
        let metadata = serde_json::json!({"eventTypeCode": "AWS_RDS_OPERATIONAL_NOTIFICATION",
            "eventMetadata": {"deprecated_versions": "Amazon RDS for MySQL 8.0"}});
        assert_eq!(weigh(metadata, None).0, Kind::PlannedLifecycle);
        assert_eq!(weigh(lifecycle("2027-06-01T00:00:00Z"), None).0, Kind::PlannedLifecycle);
    }

    #[test]
    fn only_a_renewal_that_went_well_is_good_news() {
        let renewal = |text: &str| {
            weigh(
                serde_json::json!({"eventTypeCode": "AWS_ACM_RENEWAL_STATE_CHANGE", "actionability": null,
                "eventDescription": [{"language": "en_US", "latestDescription": text}]}),
                None,
            )
            .0
        };
        assert_eq!(renewal("ACM has completed the renewal of a certificate"), Kind::GoodNews);
        assert_eq!(renewal("ACM was unable to renew; it was renewed last year"), Kind::ScheduledChange);
    }
}
