use std::collections::BTreeSet;

use jiff::civil::{date, datetime};
use proptest::prelude::*;

use super::*;

fn zone(name: &str) -> TimeZone {
    TimeZone::get(name).unwrap()
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn locals(cron: &str, zone_name: &str, from: &str, to: &str) -> Vec<String> {
    let (cron, zone) = (Cron::parse(cron).unwrap(), zone(zone_name));
    occurrences(&cron, &zone, at(from), at(to)).map(|it| format!("{it} {}", it.at)).collect()
}

#[test]
fn a_time_that_the_clock_skips_does_not_happen() {
    assert_eq!(
        locals("cron(30 2 * * ? *)", "Europe/Berlin", "2027-03-27T00:00:00Z", "2027-03-30T00:00:00Z"),
        ["2027-03-27T02:30 2027-03-27T01:30:00Z", "2027-03-29T02:30 2027-03-29T00:30:00Z"]
    );
}

#[test]
fn a_time_that_the_clock_shows_twice_happens_at_the_first() {
    assert_eq!(
        locals("cron(30 2 * * ? *)", "Europe/Berlin", "2026-10-25T00:00:00Z", "2026-10-26T00:00:00Z"),
        ["2026-10-25T02:30 2026-10-25T00:30:00Z"]
    );
    let second = "2026-10-25T01:00:00Z"; // 02:00 again
    assert_eq!(
        locals("cron(30 2 * * ? *)", "Europe/Berlin", second, "2026-10-26T00:00:00Z"),
        [""; 0],
        "a schedule that is looked at between the two has had its run"
    );
}

#[test]
fn the_beginning_belongs_to_the_time_looked_at_and_the_end_does_not() {
    let (first, second) = ("2026-11-24T10:00:00Z", "2026-11-25T10:00:00Z");
    let daily = |from, to| locals("cron(0 10 * * ? *)", "UTC", from, to);
    assert_eq!(daily(first, second), ["2026-11-24T10:00 2026-11-24T10:00:00Z"]);
    assert_eq!(daily("2026-11-24T10:00:00.5Z", second), [""; 0]);
}

#[test]
fn skipped_times_are_named_with_the_hour_to_keep_out_of() {
    let berlin = zone("Europe/Berlin");
    let cron = Cron::parse("cron(15/30 2 ? * SUN *)").unwrap();
    let found: Vec<_> =
        skipped(&cron, &berlin, at("2026-11-21T00:00:00Z"), at("2029-11-21T00:00:00Z")).collect();
    assert_eq!(found.len(), 6, "{found:?}");
    assert_eq!(
        found[0].to_string(),
        "02:15 is skipped on 2027-03-28, when the clock goes forward: move it out of 02:00–03:00"
    );
    let tuesdays = Cron::parse("cron(0 2 ? * TUE *)").unwrap();
    assert_eq!(
        skipped(&tuesdays, &berlin, at("2026-11-21T00:00:00Z"), at("2029-11-21T00:00:00Z")).next(),
        None
    );
}

#[test]
fn half_an_hour_and_a_whole_day_can_be_skipped() {
    let one = |cron: &str, zone_name: &str, from: &str, until: &str| {
        let (cron, zone) = (Cron::parse(cron).unwrap(), zone(zone_name));
        skipped(&cron, &zone, at(from), at(until)).map(|it| it.to_string()).collect::<Vec<_>>()
    };
    let island =
        one("cron(0/30 2 * * ? *)", "Australia/Lord_Howe", "2026-10-01T00:00:00Z", "2026-11-01T00:00:00Z");
    assert_eq!(
        island,
        ["02:00 is skipped on 2026-10-04, when the clock goes forward: move it out of 02:00–02:30"]
    );
    let samoa = one("cron(0 10 * * ? *)", "Pacific/Apia", "2011-12-01T00:00:00Z", "2012-02-01T00:00:00Z");
    assert_eq!(
        samoa,
        ["10:00 is skipped on 2011-12-30, when the clock goes forward: \
          move it out of 2011-12-30 00:00–2011-12-31 00:00"]
    );
}

#[test]
fn a_skipped_time_first_comes_when_the_clock_jumps() {
    let berlin = zone("Europe/Berlin");
    let change = at("2027-03-28T01:00:00Z");
    for local in [datetime(2027, 3, 28, 2, 0, 0, 0), datetime(2027, 3, 28, 2, 59, 0, 0)] {
        assert_eq!(first_moment(&berlin, local), Some(change), "{local}");
    }
    assert_eq!(first_moment(&berlin, datetime(2027, 3, 28, 3, 0, 0, 0)), Some(change));
    assert_eq!(first_moment(&berlin, datetime(2026, 10, 25, 2, 30, 0, 0)), Some(at("2026-10-25T00:30:00Z")));
}

/// Zones in weeks in which their clock does something: an hour and half an hour, forward and back, at night and at
/// midnight, for Ramadan, a whole day; and one that never changes.
const WEEKS: [(&str, &str); 13] = [
    ("Europe/Berlin", "2027-03-28T00:00:00Z"),
    ("Europe/Berlin", "2026-10-25T00:00:00Z"),
    ("America/New_York", "2027-03-14T06:00:00Z"),
    ("America/New_York", "2026-11-01T05:00:00Z"),
    ("Australia/Lord_Howe", "2026-10-03T15:00:00Z"),
    ("Australia/Lord_Howe", "2027-04-03T15:00:00Z"),
    ("America/Sao_Paulo", "2018-11-04T02:00:00Z"),
    ("America/Sao_Paulo", "2018-02-18T01:00:00Z"),
    ("America/Havana", "2027-03-14T04:00:00Z"),
    ("Africa/Casablanca", "2026-02-15T02:00:00Z"),
    ("Africa/Casablanca", "2026-03-22T02:00:00Z"),
    ("Pacific/Apia", "2011-12-30T09:00:00Z"),
    ("Asia/Kolkata", "2026-11-01T00:00:00Z"),
];

/// A field from `low` to `high`, drawn up to `most`: its text and the values that it means.
fn field(low: i8, high: i8, most: i8) -> impl Strategy<Value = (String, BTreeSet<i8>)> {
    let value = low..=most;
    prop_oneof![
        Just(("*".to_owned(), (low..=high).collect())),
        value.clone().prop_map(|one| (one.to_string(), BTreeSet::from([one]))),
        (value.clone(), value.clone())
            .prop_map(|(one, other)| { (format!("{one},{other}"), BTreeSet::from([one, other])) }),
        (value.clone(), value.clone()).prop_map(|(one, other)| {
            let (first, last) = (one.min(other), one.max(other));
            (format!("{first}-{last}"), (first..=last).collect())
        }),
        (value.clone(), 1..=(high - low)).prop_map(move |(first, step)| {
            let values = (first..=high).filter(|value| (value - first) % step == 0);
            (format!("{first}/{step}"), values.collect())
        }),
    ]
}

/// What an expression means, field by field.
#[derive(Debug)]
struct Meaning {
    minute: BTreeSet<i8>,
    hour: BTreeSet<i8>,
    month: BTreeSet<i8>,
    day: Option<BTreeSet<i8>>,
    weekday: Option<BTreeSet<i8>>,
}

impl Meaning {
    fn names(&self, at: DateTime) -> bool {
        let from_sunday = at.weekday().to_sunday_one_offset();
        self.minute.contains(&at.minute())
            && self.hour.contains(&at.hour())
            && self.month.contains(&at.month())
            && self.day.as_ref().is_none_or(|days| days.contains(&at.day()))
            && self.weekday.as_ref().is_none_or(|days| days.contains(&from_sunday))
    }
}

/// An expression without L, W and #, and what it means.
fn expression() -> impl Strategy<Value = (String, Meaning)> {
    let hour = prop_oneof![3 => field(0, 23, 4), 1 => field(0, 23, 23)];
    let date = (field(1, 31, 31), field(1, 12, 12), field(1, 7, 7));
    let fields = (field(0, 59, 59), hour, any::<bool>(), date);
    fields.prop_map(|(minute, hour, is_monthly, (day, month, weekday))| {
        let (day, weekday) = if is_monthly { (Some(day), None) } else { (None, Some(weekday)) };
        let text = |field: &Option<(String, _)>| field.as_ref().map_or("?", |it| &it.0).to_owned();
        let days = format!("{} {} {}", text(&day), month.0, text(&weekday));
        let text = format!("cron({} {} {days} *)", minute.0, hour.0);
        let (day, weekday) = (day.map(|it| it.1), weekday.map(|it| it.1));
        (text, Meaning { minute: minute.1, hour: hour.1, month: month.1, day, weekday })
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// Minute by minute: whatever the clock shows for the first time and the expression names, and nothing else.
    #[test]
    fn in_weeks_of_daylight_saving_each_local_time_runs_once_and_only_skipped_ones_are_missing(
        (text, meaning) in expression(),
        (name, change) in prop::sample::select(&WEEKS[..]),
        begin in -4000i64..200,
        length in 0i64..6000,
    ) {
        let minutes = SignedDuration::from_mins;
        let (cron, zone) = (Cron::parse(&text), zone(name));
        prop_assume!(cron.is_ok()); // 31 February
        let cron = cron.unwrap();
        let from = at(change) + minutes(begin);
        let to = from + minutes(length);

        let mut shown = BTreeSet::new();
        let mut expected = Vec::new();
        let mut now = from - SignedDuration::from_hours(3);
        while now < to {
            let local = zone.to_datetime(now);
            if shown.insert(local) && now >= from && meaning.names(local) {
                expected.push(Occurrence { local, at: now });
            }
            now += minutes(1);
        }
        let found: Vec<_> = occurrences(&cron, &zone, from, to).collect();
        prop_assert!(found.is_sorted_by(|one, next| one.at < next.at && one.local < next.local));
        prop_assert_eq!(&found, &expected);

        // What is named on the wall and never shown is what is skipped.
        let (first, last) = (zone.to_datetime(from), zone.to_datetime(to));
        let named = cron.local_times(first).take_while(|local| *local < last);
        let missing: Vec<_> = named.filter(|local| !shown.contains(local)).collect();
        let told = skipped(&cron, &zone, from - minutes(1), to).map(|it| it.local);
        let told: Vec<_> = told.filter(|local| (first..last).contains(local)).collect();
        prop_assert_eq!(told, missing);
    }
}

#[test]
fn an_expression_that_names_no_more_moments_ends() {
    let cron = Cron::parse("cron(0 10 24 11 ? 2026)").unwrap();
    assert_eq!(cron.local_times(date(2026, 11, 25).at(0, 0, 0, 0)).next(), None);
    let rare = Cron::parse("cron(0 0 29 2 ? *)").unwrap();
    let utc = TimeZone::UTC;
    assert_eq!(occurrences(&rare, &utc, at("2026-11-21T00:00:00Z"), at("2027-11-21T00:00:00Z")).next(), None);
}
