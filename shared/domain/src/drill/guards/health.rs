//! The health of the provider and of the service: open issues, incidents, deployments, alarms.

use std::collections::BTreeSet;

use super::{Guard, Objection, Question};
use crate::{
    drill::{Drills, alarms_before},
    fis::{Template, template::Text},
    ports::Issue,
    text,
};

/// What the safety of any drill rests on: stop conditions, the functions, the events between them. The names are those of
/// AWS Health's `service`.
const FOUNDATIONS: [&str; 8] =
    ["CLOUDWATCH", "DYNAMODB", "EVENTS", "IAM", "INTERNETCONNECTIVITY", "LAMBDA", "MULTIPLE_SERVICES", "SNS"];

/// No issue of AWS Health is open for the Region, or the zones of the drill, in a service that it touches or rests on.
///
/// Notices of FIS itself don't count: a run that reaches other accounts makes one in each of them.
pub(super) fn issues(it: &Question<'_>) -> Option<Objection> {
    let issues = match &it.facts.issues {
        Ok(issues) => issues,
        Err(why) => return Objection::unread(Guard::Health, "the open issues of AWS Health", why),
    };
    let template = it.facts.template.as_ref().ok().and_then(Option::as_ref);
    let services = services(it, template);
    let issue = issues.iter().find(|issue| {
        issue.service != "FIS"
            && services.contains(&issue.service)
            && !is_elsewhere(issue, template, it.drills)
    })?;
    let (service, region) = (&issue.service, &issue.region);
    let about = text::cut(&text::line(&issue.text), 160);
    Objection::new(Guard::Health, format!("AWS Health has an issue open for {service} in {region}: {about}"))
}

/// The services of the drill as Health names them.
fn services(it: &Question<'_>, template: Option<&Template>) -> BTreeSet<String> {
    let named = it.drill.health_services.iter().map(|service| service.to_uppercase());
    let ids = template.into_iter().flat_map(|it| it.actions.values()).filter_map(|it| it.action_id.known());
    // `aws:ec2:stop-instances` → `EC2`
    let acted = ids.filter_map(|id| id.split(':').nth(1)).map(str::to_uppercase);
    let all = named.chain(acted).chain(FOUNDATIONS.map(str::to_owned));
    // Instances stand below all of these, and their zones fail with EC2's.
    let on_instances =
        |service: &String| matches!(service.as_str(), "ECS" | "EKS" | "EBS" | "SSM" | "NETWORK");
    let all: BTreeSet<_> = all.filter(|service| service != "FIS").collect();
    let ec2 = all.iter().any(on_instances).then(|| "EC2".to_owned());
    all.into_iter().chain(ec2).collect()
}

/// Whether `issue` is about other zones than those of the drill. Health events have no field for a zone: one that is
/// named in the text or among the entities narrows it. Whatever is not certain counts as the whole Region.
fn is_elsewhere(issue: &Issue, template: Option<&Template>, drills: &Drills) -> bool {
    let ids = |names: BTreeSet<String>| -> Option<BTreeSet<String>> {
        let ids = names.into_iter().map(|name| match is_zone_id(&name) {
            true => Some(name),
            false => drills.zone_ids.get(&name).cloned(),
        });
        ids.collect::<Option<BTreeSet<_>>>().filter(|ids| !ids.is_empty())
    };
    let Some(hit) = ids(zones_in(&issue.text)) else { return false };
    let Some(ours) = template.and_then(zones_of).and_then(ids) else { return false };
    hit.is_disjoint(&ours)
}

/// The zones that every target of `template` is narrowed to, or `None` if one is not.
fn zones_of(template: &Template) -> Option<BTreeSet<String>> {
    let mut zones = BTreeSet::new();
    for target in template.targets.values() {
        let filter = target
            .filters
            .iter()
            .find(|it| it.path.known().is_some_and(|path| path.to_lowercase().ends_with("availabilityzone")));
        let parameter = target.parameters.get("availabilityZoneIdentifier");
        let named: Vec<&Text> =
            filter.map(|it| it.values.iter().collect()).or(parameter.map(|it| vec![it])).unwrap_or_default();
        let named = named.into_iter().map(Text::known).collect::<Option<Vec<_>>>()?;
        if named.is_empty() {
            return None;
        }
        zones.extend(named.into_iter().map(str::to_owned));
    }
    Some(zones)
}

/// The names (`eu-west-1a`) and ids (`euw1-az2`) of zones in `text`.
fn zones_in(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-'));
    words.filter(|word| is_zone_id(word) || is_zone_name(word)).map(str::to_owned).collect()
}

/// `euw1-az2`.
fn is_zone_id(word: &str) -> bool {
    word.split_once("-az").is_some_and(|(region, number)| {
        !number.is_empty()
            && number.bytes().all(|it| it.is_ascii_digit())
            && region.ends_with(|it: char| it.is_ascii_digit())
            && region.bytes().all(|it| it.is_ascii_lowercase() || it.is_ascii_digit())
    })
}

/// `eu-west-1a`.
fn is_zone_name(word: &str) -> bool {
    let Some((region, zone)) = word.len().checked_sub(1).and_then(|at| word.split_at_checked(at)) else {
        return false;
    };
    let parts: Vec<_> = region.split('-').collect();
    zone.bytes().all(|it| it.is_ascii_lowercase())
        && parts.len() >= 3
        && parts.first().is_some_and(|first| first.len() == 2)
        && parts.last().is_some_and(|last| last.len() == 1 && last.bytes().all(|it| it.is_ascii_digit()))
}

pub(super) fn incidents(it: &Question<'_>) -> Option<Objection> {
    match &it.facts.incidents {
        Ok(open) => {
            let first = text::cut(&text::line(open.first()?), 120);
            Objection::new(Guard::Incident, format!("an incident is in progress: {first}"))
        }
        Err(why) => Objection::unread(Guard::Incident, "the open incidents", why),
    }
}

/// What is being deployed changes under the drill, and what was just deployed, well or not, has not yet shown that it is
/// well. What the drill itself waits for (`after_deployment`) is its reason, and no objection.
pub(super) fn deployments(it: &Question<'_>) -> Option<Objection> {
    if it.drill.quiet.is_zero() {
        return None;
    }
    let deployments = match &it.facts.deployments {
        Ok(deployments) => deployments,
        Err(why) => return Objection::unread(Guard::Deployment, "the last deployments", why),
    };
    let is_reason = |what: &str| it.drill.after_deployment.iter().any(|pattern| pattern.matches(what));
    if let Some((what, since)) = deployments.under_way(|what| !is_reason(what), it.now) {
        return Objection::new(Guard::Deployment, format!("{what} is being deployed since {since}"));
    }
    let (what, at) = deployments.newest(|what| !is_reason(what))?;
    if it.now.duration_since(at) >= it.drill.quiet {
        return None;
    }
    let minutes = it.drill.quiet.as_mins();
    let because =
        format!("the last deployment of {what} ended at {at}; {minutes} minutes of quiet are asked for");
    Objection::new(Guard::Deployment, because)
}

/// Every alarm that ends the run or tells of the service is `OK`, and has been for a while. No data is not good news.
pub(super) fn alarms(it: &Question<'_>) -> Option<Objection> {
    let alarms = match &it.facts.alarms {
        Ok(alarms) => alarms,
        Err(why) => return Objection::unread(Guard::Alarm, "the alarms", why),
    };
    for arn in expected(it) {
        let Some(alarm) = alarms.iter().find(|alarm| alarm.arn == arn) else {
            return Objection::new(Guard::Alarm, format!("the alarm {arn} does not exist"));
        };
        if alarm.state != "OK" {
            return Objection::new(Guard::Alarm, format!("the alarm {arn} is {}", alarm.state));
        }
        let Some(since) = alarm.since else {
            return Objection::unread(Guard::Alarm, &arn, "it does not say since when it is OK");
        };
        if it.now.duration_since(since) < it.drill.stable {
            let minutes = it.drill.stable.as_mins();
            let because =
                format!("the alarm {arn} is OK only since {since}; {minutes} minutes are asked for");
            return Objection::new(Guard::Alarm, because);
        }
    }
    None
}

fn expected(it: &Question<'_>) -> BTreeSet<String> {
    let template = it.facts.template.as_ref().ok().and_then(Option::as_ref);
    alarms_before(it.drill, template)
}
