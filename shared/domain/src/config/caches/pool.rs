//! `pool = { … }` of a cache.

use jiff::SignedDuration;

use super::{distinct, is_region, number};
use crate::{
    cache::{Pool, is_zone_id},
    config::reader::Section,
};

const KEYS: [&str; 7] =
    ["zones", "size", "most", "initialization_mib", "region_mib", "claim_minutes", "copies"];

/// The pool in `section`.
pub(super) fn read(section: &Section<'_, '_>) -> Pool {
    section.only(&KEYS);
    let minutes = section.integer("claim_minutes", 5..=1440).unwrap_or(120);
    let size = number(section, "size", 1..=100).unwrap_or(2);
    let pool = Pool {
        zones: zones(section),
        size,
        most: number(section, "most", 1..=400).unwrap_or(4 * size),
        initialization_mib: number(section, "initialization_mib", 100..=300),
        region_mib: number(section, "region_mib", 100..=1_000_000).unwrap_or(5000),
        claim: SignedDuration::from_mins(minutes),
        copies: section.boolean("copies").unwrap_or_default(),
    };
    if pool.initialization_mib.is_some_and(|rate| rate > pool.region_mib) {
        section.problem_at("region_mib", "`region_mib` must be at least `initialization_mib`");
    }
    if pool.most < pool.size {
        section.problem_at("most", "`most` must be at least `size`, which is 2 by default");
    }
    pool
}

fn zones(section: &Section<'_, '_>) -> Vec<String> {
    if !section.has("zones") {
        section.problem("`zones` is missing here");
    }
    let zones = distinct(section, "zones");
    for zone in zones.iter().filter(|zone| !is_zone_id(zone)) {
        let message = match is_region(zone.trim_end_matches(|it: char| it.is_ascii_lowercase())) {
            true => format!(
                "`{zone}` is the name of a zone, which is another zone in each account: write its id, as in use1-az1 \
                 (aws ec2 describe-availability-zones)"
            ),
            false => format!("`{zone}` is no id of an Availability Zone, as in use1-az1"),
        };
        section.problem_at("zones", &message);
    }
    zones
}
