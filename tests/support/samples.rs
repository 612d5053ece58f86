//! Notices and domain events to send.

use jiff::Timestamp;
use watchkeeper_domain::notice::{Change, DomainEvent, Fact, Kind, Link, Notice, Resource, Severity};

/// A notice with something in every field.
pub fn notice() -> Notice {
    Notice {
        id: "3f1c9a:1:opened".into(),
        thread: "3f1c9a".into(),
        seq: 1,
        kind: Kind::PlannedLifecycle,
        change: Change::CountedDown,
        severity: Severity::High,
        headline: "RDS for MySQL 8.0 ends in eu-west-1 <soon> & “for good”".into(),
        text: "Standard support ends.\nUpgrade before that.".into(),
        facts: vec![Fact { name: "Deadline".into(), value: "31 July 2026".into() }],
        resources: vec![Resource {
            name: "arn:aws:rds:eu-west-1:111122223333:db:orders".into(),
            status: "PENDING".into(),
        }],
        resource_count: 12,
        deadline: Some(Timestamp::UNIX_EPOCH),
        owner: Some("payments".into()),
        next_step: "Upgrade to 8.4.".into(),
        links: vec![Link { title: "Runbook".into(), url: "https://example.com/runbooks/rds".into() }],
        service: "RDS".into(),
        type_code: "AWS_RDS_PLANNED_LIFECYCLE_EVENT".into(),
        region: "eu-west-1".into(),
        account: "111122223333".into(),
        environment: Some("production".into()),
        personas: vec!["OPERATIONS".into()],
        actionability: "ACTION_REQUIRED".into(),
        event_arn: "arn:aws:health:eu-west-1::event/RDS/AWS_RDS_PLANNED_LIFECYCLE_EVENT/1".into(),
        topic: "AWS_RDS_PLANNED_LIFECYCLE_EVENT mysql 8.0".into(),
        provider_change: true,
        drill: false,
        at: Timestamp::UNIX_EPOCH,
    }
}

/// The domain event of [`notice`].
pub fn domain_event() -> DomainEvent {
    DomainEvent { id: "3f1c9a:1".into(), detail_type: "Case Opened".into(), notice: notice() }
}
