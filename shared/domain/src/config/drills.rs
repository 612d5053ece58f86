//! `[drills]` and `[[drill]]`: what may be rehearsed, when, and within which limits.

use std::collections::BTreeMap;

use jiff::{SignedDuration, civil::Date, tz::TimeZone};

use super::{NoticeMatcher, reader::Section};
use crate::{
    drill::{Drill, Drills, OnCall, Promotion, TemplateRef},
    experiment::hypothesis::Hypothesis,
};

mod limits;
mod on_call;
pub(super) mod shape;
pub(super) mod times;

const KEYS: [&str; 33] = [
    "name",
    "template",
    "approved",
    "enabled",
    "service",
    "environment",
    "owner",
    "runbook",
    "schedule",
    "zone",
    "flexible_minutes",
    "window",
    "holidays",
    "calendars",
    "alarms",
    "stable_minutes",
    "health_services",
    "announce_minutes",
    "late_minutes",
    "recovery_minutes",
    "on_call",
    "quiet_after_deployment_minutes",
    "interval_hours",
    "interval_work_days",
    "max_runs_per_week",
    "chance_percent",
    "max_cost_dollars",
    "limits",
    "promotion",
    "after_deployment",
    "rehearses",
    "weight",
    "hypothesis",
];

impl Drills {
    pub(super) fn read(root: &Section<'_, '_>) -> Self {
        let common = root.table("drills");
        if let Some(common) = &common {
            common.only(&["zones", "health_api", "holidays", "roles", "on_call", "incident_url"]);
        }
        let shared = common.as_ref().map(Shared::read).unwrap_or_default();
        let sections = root.tables("drill");
        let drills: Vec<_> = sections.iter().map(|section| Drill::read(section, &shared)).collect();
        for (index, section) in sections.iter().enumerate() {
            check_name(section, index, &drills);
            check_promotion(section, index, &drills);
        }
        Self {
            drills,
            zone_ids: common.as_ref().map(zone_ids).unwrap_or_default(),
            health_api: common.as_ref().and_then(|it| it.boolean("health_api")).unwrap_or_default(),
            incident_url: common.and_then(|common| common.url("incident_url")),
        }
    }
}

/// What `[drills]` says of each of them.
#[derive(Default)]
struct Shared {
    holidays: Vec<Date>,
    roles: Vec<String>,
    on_call: Option<OnCall>,
}

impl Shared {
    fn read(common: &Section<'_, '_>) -> Self {
        Self {
            holidays: common.dates("holidays"),
            roles: limits::roles(common),
            on_call: on_call::read(common),
        }
    }
}

impl Drill {
    fn read(section: &Section<'_, '_>, shared: &Shared) -> Self {
        section.only(&KEYS);
        let minutes = |key, range, default| {
            section.integer(key, range).map_or(SignedDuration::from_mins(default), SignedDuration::from_mins)
        };
        let limits = section.table("limits");
        let drill = Self {
            name: section.required("name"),
            template: TemplateRef::from(section.required("template").as_str()),
            approved: section.string("approved"),
            enabled: section.boolean("enabled").unwrap_or_default(),
            service: section.required("service"),
            environment: section.required("environment"),
            owner: section.string("owner"),
            runbook: section.url("runbook"),
            schedule: times::schedule(section),
            zone: section.zone("zone").unwrap_or(TimeZone::UTC),
            flexible: minutes("flexible_minutes", 0..=1440, 0),
            windows: section.tables("window").iter().filter_map(times::window).collect(),
            holidays: section.dates("holidays").into_iter().chain(shared.holidays.iter().copied()).collect(),
            calendars: section.strings("calendars"),
            alarms: section.strings("alarms").into_iter().collect(),
            stable: minutes("stable_minutes", 0..=1440, 10),
            health_services: section.strings("health_services").into_iter().collect(),
            announce: minutes("announce_minutes", 0..=1440, 15),
            lateness: minutes("late_minutes", 1..=1440, 20),
            recovery: minutes("recovery_minutes", 0..=1440, 30),
            on_call: on_call::read(section).or_else(|| shared.on_call.clone()),
            quiet: minutes("quiet_after_deployment_minutes", 0..=1440, 0),
            interval: SignedDuration::from_hours(section.integer("interval_hours", 0..=8760).unwrap_or(20)),
            interval_work_days: section.count("interval_work_days", 0..=250).unwrap_or_default(),
            max_runs_per_week: section.count("max_runs_per_week", 1..=1000),
            chance: section.count("chance_percent", 1..=100).unwrap_or(100),
            max_cost_cents: section.count("max_cost_dollars", 0..=100_000).unwrap_or(10) * 100,
            max_zones: limits.as_ref().and_then(limits::max_zones).unwrap_or(1),
            min_healthy: limits.as_ref().and_then(limits::min_healthy),
            limits: limits::read(limits.as_ref(), &shared.roles),
            promotion: section.table("promotion").as_ref().and_then(promotion),
            after_deployment: shape::deployments(section),
            rehearses: section.table("rehearses").as_ref().map(rehearses),
            weight: section.count("weight", 1..=10).unwrap_or(5),
            hypothesis: section.table("hypothesis").as_ref().map(Hypothesis::read),
        };
        shape::check(section, &drill);
        times::check(section, &drill);
        drill
    }
}

/// `[drills] zones`: the id of each Availability Zone by its name.
fn zone_ids(common: &Section<'_, '_>) -> BTreeMap<String, String> {
    let Some(zones) = common.table("zones") else { return BTreeMap::new() };
    let entries = zones.entries();
    for (name, id) in &entries {
        if name.contains("-az") || !id.contains("-az") {
            zones.problem_at(name, "write the name of a zone and its id, as in eu-west-1a = \"euw1-az2\"");
        }
    }
    entries.into_iter().collect()
}

fn promotion(section: &Section<'_, '_>) -> Option<Promotion> {
    section.only(&["after", "within_days"]);
    let after = section.required("after");
    if !section.has("within_days") {
        section.problem("`within_days` is missing here");
    }
    let days = section.integer("within_days", 1..=365)?;
    Some(Promotion { after, within: SignedDuration::from_hours(24 * days) })
}

fn rehearses(section: &Section<'_, '_>) -> NoticeMatcher {
    let cases = NoticeMatcher::read(section);
    if cases == NoticeMatcher::default() {
        section.problem("this would rehearse every case: add a key, as in service = [\"RDS\"]");
    }
    cases
}

/// Names are told apart without their dashes, since CloudFormation's have none.
fn check_name(section: &Section<'_, '_>, index: usize, drills: &[Drill]) {
    let plain = |drill: &Drill| drill.name.replace('-', "");
    let Some((drill, before)) = drills.get(index).zip(drills.get(..index)) else { return };
    if drill.name.is_empty() {
        return;
    }
    if let Some(other) = before.iter().find(|other| plain(other) == plain(drill)) {
        let message = match other.name == drill.name {
            true => "another drill has this name".to_owned(),
            false => {
                format!("another drill is called {}: the dashes alone don't tell them apart", other.name)
            }
        };
        section.problem_at("name", &message);
    }
}

/// The drill before exists, and does not wait for this one itself.
fn check_promotion(section: &Section<'_, '_>, index: usize, drills: &[Drill]) {
    let before = |drill: &Drill| {
        let after = &drill.promotion.as_ref()?.after;
        drills.iter().find(|other| other.name == *after)
    };
    let Some(drill) = drills.get(index) else { return };
    let Some(promotion) = drill.promotion.as_ref().filter(|promotion| !promotion.after.is_empty()) else {
        return;
    };
    if before(drill).is_none() {
        let known: Vec<_> = drills.iter().map(|other| other.name.as_str()).collect();
        let message = format!("there is no drill `{}`; known: {}", promotion.after, known.join(", "));
        return section.problem_at("promotion", &message);
    }
    let mut chain = std::iter::successors(before(drill), |other| before(other)).take(drills.len());
    if chain.any(|other| other.name == drill.name) {
        section.problem_at("promotion", "these drills wait for each other, so none of them would ever start");
    }
}

#[cfg(test)]
mod tests;
