//! When a drill is due and may run: `schedule`, `[[drill.window]]`, and the times that must suit each other.

use jiff::civil::Weekday;

use crate::{
    config::reader::Section,
    drill::{Cron, Drill, Window},
};

const DAYS: [(&str, Weekday); 7] = [
    ("MON", Weekday::Monday),
    ("TUE", Weekday::Tuesday),
    ("WED", Weekday::Wednesday),
    ("THU", Weekday::Thursday),
    ("FRI", Weekday::Friday),
    ("SAT", Weekday::Saturday),
    ("SUN", Weekday::Sunday),
];

pub(in crate::config) fn schedule(section: &Section<'_, '_>) -> Option<Cron> {
    let text = section.string("schedule")?;
    let cron = Cron::parse(&text);
    cron.map_err(|why| section.problem_at("schedule", &format!("`schedule`: {why}"))).ok()
}

pub(super) fn window(section: &Section<'_, '_>) -> Option<Window> {
    section.only(&["days", "from", "to"]);
    if !section.has("days") {
        section.problem("`days` is missing here");
    }
    let (names, from, to) = (section.strings("days"), section.time("from"), section.time("to"));
    let days = names.iter().filter_map(|name| {
        let day = DAYS.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        if day.is_none() {
            section.problem_at(
                "days",
                &format!("`{name}` is no day: write MON, TUE, WED, THU, FRI, SAT or SUN"),
            );
        }
        day.map(|(_, day)| *day)
    });
    Some(Window { days: days.collect(), from: from?, to: to? })
}

/// What would keep the drill from ever starting, though it is enabled.
pub(super) fn check(section: &Section<'_, '_>, drill: &Drill) {
    if drill.enabled && drill.windows.is_empty() && !section.has("window") {
        section.problem("it is enabled and has no `[[drill.window]]`, so it would never start");
    }
}
