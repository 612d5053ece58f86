//! Names and ids of a drill that nobody else would check before it is due.

use wildmatch::WildMatch;

use crate::{
    config::reader::Section,
    drill::{Drill, TemplateRef},
};

/// The shapes of name, template, approval, calendars, alarms and services.
pub(super) fn check(section: &Section<'_, '_>, drill: &Drill) {
    let wrong = |key: &str, value: &str, is_good: bool, what: &str| {
        if !is_good && !value.is_empty() {
            section.problem_at(key, &format!("`{value}` {what}"));
        }
    };
    let name = &drill.name;
    wrong(
        "name",
        name,
        is_name(name),
        "must begin with a small letter; then small letters, digits and dashes, 40 in all",
    );
    if let TemplateRef::Name(name) = &drill.template {
        wrong(
            "template",
            name,
            is_name(name),
            "is neither an id of an experiment template (EXT and letters or digits) nor the name of one, as in \
             network-partition",
        );
    }
    if let Some(hash) = &drill.approved {
        let is_hash = hash.len() == 32 && hash.bytes().all(|it| matches!(it, b'0'..=b'9' | b'a'..=b'f'));
        wrong("approved", hash, is_hash, "is no hash of a template: `watchkeeper drill approve` writes it");
    }
    for calendar in &drill.calendars {
        wrong(
            "calendars",
            calendar,
            is_calendar(calendar),
            "is no SSM Change Calendar: write its name or its ARN",
        );
    }
    for alarm in &drill.alarms {
        let is_alarm =
            resource(alarm, "cloudwatch").is_some_and(|it| it.starts_with("alarm:") && it.len() > 6);
        wrong(
            "alarms",
            alarm,
            is_alarm,
            "is no ARN of an alarm, as in arn:aws:cloudwatch:eu-west-1:123456789012:alarm:NAME",
        );
    }
    for service in &drill.health_services {
        let is_service = service.bytes().all(|it| it.is_ascii_alphanumeric() || it == b'_');
        wrong("health_services", service, is_service, "is no service as AWS Health names it, as in EC2");
    }
}

/// `after_deployment`: `codepipeline:NAME`, `codedeploy:APP/GROUP`.
pub(super) fn deployments(section: &Section<'_, '_>) -> Vec<WildMatch> {
    let key = "after_deployment";
    let names = section.strings(key);
    for name in &names {
        let is_deployment = match name.split_once(':') {
            Some(("codepipeline", pipeline)) => !pipeline.is_empty() && !pipeline.contains('/'),
            Some(("codedeploy", group)) => {
                group.split_once('/').is_some_and(|(app, group)| !app.is_empty() && !group.is_empty())
            }
            Some(_) | None => false,
        };
        if !is_deployment {
            section.problem_at(
                key,
                &format!("`{name}` must be codepipeline:NAME or codedeploy:APPLICATION/GROUP"),
            );
        }
    }
    names.iter().map(|name| WildMatch::new(name)).collect()
}

pub(in crate::config) fn is_name(text: &str) -> bool {
    let starts_well = text.bytes().next().is_some_and(|it| it.is_ascii_lowercase());
    let is_fit = |it: u8| it.is_ascii_lowercase() || it.is_ascii_digit() || it == b'-';
    starts_well && text.len() <= 40 && text.bytes().all(is_fit)
}

/// A name as SSM documents have them, or an ARN with one.
fn is_calendar(text: &str) -> bool {
    let name = resource(text, "ssm").map_or(Some(text), |resource| resource.strip_prefix("document/"));
    let is_fit = |it: u8| it.is_ascii_alphanumeric() || matches!(it, b'_' | b'-' | b'.');
    name.is_some_and(|name| (3..=128).contains(&name.len()) && name.bytes().all(is_fit))
}

/// What follows the account in an ARN of `service`.
fn resource<'t>(arn: &'t str, service: &str) -> Option<&'t str> {
    let parts: Vec<_> = arn.splitn(6, ':').collect();
    let [start, partition, of, region, account, resource] = parts.as_slice() else { return None };
    let is_account = account.len() == 12 && account.bytes().all(|it| it.is_ascii_digit());
    let is_arn = *start == "arn" && partition.starts_with("aws") && !region.is_empty() && is_account;
    (is_arn && *of == service).then_some(resource)
}
