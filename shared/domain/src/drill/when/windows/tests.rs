use jiff::civil::{Time, Weekday, date, time};
use proptest::prelude::*;

use super::*;

const MON_TO_THU: [Weekday; 4] = [Weekday::Monday, Weekday::Tuesday, Weekday::Wednesday, Weekday::Thursday];

fn window(days: &[Weekday], from: Time, to: Time) -> Window {
    Window { days: days.to_vec(), from, to }
}

fn working_hours() -> Vec<Window> {
    vec![window(&MON_TO_THU, time(10, 0, 0, 0), time(16, 0, 0, 0))]
}

fn berlin() -> TimeZone {
    TimeZone::get("Europe/Berlin").unwrap()
}

fn local(text: &str) -> Timestamp {
    text.parse::<jiff::civil::DateTime>().unwrap().to_zoned(berlin()).unwrap().timestamp()
}

fn told(windows: &[Window], holidays: &[Date], start: &str, minutes: i64) -> String {
    let holidays = holidays.iter().copied().collect();
    let fits = fits(windows, &berlin(), &holidays, local(start), SignedDuration::from_mins(minutes));
    fits.map_or_else(|why| why.to_string(), |()| "fits".to_owned())
}

#[test]
fn the_whole_run_lies_in_a_window_whose_end_is_not_in_it() {
    let it = |start: &str, minutes| told(&working_hours(), &[], start, minutes);
    assert_eq!(it("2026-11-24T10:00", 360), "fits");
    assert_eq!(it("2026-11-24T15:00", 60), "fits");
    assert_eq!(
        it("2026-11-24T15:30", 50),
        "it would be over at Tue 2026-11-24 16:20, and its window closes at 16:00; it fits at Wed 2026-11-25 10:00"
    );
    assert_eq!(
        it("2026-11-24T16:00", 0),
        "Tue 2026-11-24 16:00 is outside of its windows; it fits at Wed 2026-11-25 10:00"
    );
    assert_eq!(
        it("2026-11-24T09:59", 30),
        "Tue 2026-11-24 09:59 is outside of its windows; it fits at Tue 2026-11-24 10:00"
    );
    assert_eq!(
        it("2026-11-27T12:00", 30),
        "Fri 2026-11-27 12:00 is outside of its windows; it fits at Mon 2026-11-30 10:00"
    );
}

#[test]
fn without_a_window_or_with_too_short_ones_it_fits_at_no_time() {
    assert_eq!(told(&[], &[], "2026-11-24T10:00", 1), "it has no window: add a `[[drill.window]]`");
    assert_eq!(
        told(&working_hours(), &[], "2026-11-24T10:00", 361),
        "it would be over at Tue 2026-11-24 16:01, and its window closes at 16:00; \
         no window of the next year has room for 6h 1m"
    );
}

#[test]
fn a_window_over_midnight_begins_on_its_day_and_ends_on_the_next() {
    let night = [window(&[Weekday::Friday], time(22, 0, 0, 0), time(6, 0, 0, 0))];
    assert_eq!(told(&night, &[], "2026-11-27T23:30", 120), "fits");
    assert_eq!(told(&night, &[], "2026-11-28T05:00", 60), "fits");
    assert_eq!(
        told(&night, &[], "2026-11-27T05:00", 60),
        "Fri 2026-11-27 05:00 is outside of its windows; it fits at Fri 2026-11-27 22:00"
    );
}

#[test]
fn windows_that_touch_are_one() {
    let always = [window(
        &[
            Weekday::Monday,
            Weekday::Tuesday,
            Weekday::Wednesday,
            Weekday::Thursday,
            Weekday::Friday,
            Weekday::Saturday,
            Weekday::Sunday,
        ],
        time(0, 0, 0, 0),
        time(0, 0, 0, 0),
    )];
    assert_eq!(told(&always, &[], "2026-11-27T23:30", 120), "fits");
    let split = [
        window(&[Weekday::Monday], time(10, 0, 0, 0), time(12, 0, 0, 0)),
        window(&[Weekday::Monday], time(12, 0, 0, 0), time(14, 0, 0, 0)),
    ];
    assert_eq!(told(&split, &[], "2026-11-30T11:30", 60), "fits");
}

#[test]
fn a_holiday_on_any_day_that_the_run_touches_objects() {
    let night = [window(&[Weekday::Thursday], time(22, 0, 0, 0), time(6, 0, 0, 0))];
    let christmas = [date(2026, 12, 25)];
    assert_eq!(told(&night, &christmas, "2026-12-24T22:30", 90), "fits", "over at midnight");
    assert_eq!(
        told(&night, &christmas, "2026-12-24T22:30", 91),
        "2026-12-25 is a holiday; it fits at Thu 2026-12-31 22:00"
    );
    assert_eq!(
        told(&night, &[date(2026, 12, 24)], "2026-12-24T23:30", 60),
        "2026-12-24 is a holiday; it fits at Fri 2026-12-25 00:00",
        "the morning after is free"
    );
}

#[test]
fn an_end_or_a_beginning_that_the_clock_skips_is_the_change_itself() {
    let sunday = |from, to| [window(&[Weekday::Sunday], from, to)];
    let before = sunday(time(1, 0, 0, 0), time(2, 30, 0, 0)); // closes at 02:00, which is 03:00
    assert_eq!(told(&before, &[], "2027-03-28T01:00", 60), "fits");
    assert!(told(&before, &[], "2027-03-28T01:00", 61).contains("its window closes at 03:00"));
    let after = sunday(time(2, 30, 0, 0), time(5, 0, 0, 0)); // opens at 03:00
    assert_eq!(told(&after, &[], "2027-03-28T03:00", 120), "fits");
    assert!(told(&after, &[], "2027-03-28T03:00", 121).contains("closes at 05:00"));
    let inside = sunday(time(2, 0, 0, 0), time(2, 45, 0, 0)); // never opens on that day
    assert!(told(&inside, &[], "2027-03-28T03:00", 0).ends_with("it fits at Sun 2027-04-04 02:00"));
}

#[test]
fn an_end_that_the_clock_shows_twice_is_the_first() {
    let sunday = [window(&[Weekday::Sunday], time(1, 0, 0, 0), time(2, 30, 0, 0))];
    assert_eq!(told(&sunday, &[], "2026-10-25T01:00", 90), "fits");
    assert!(told(&sunday, &[], "2026-10-25T01:00", 91).contains("closes at 02:30"));
    let through = [window(&[Weekday::Sunday], time(1, 0, 0, 0), time(4, 0, 0, 0))];
    assert_eq!(told(&through, &[], "2026-10-25T01:00", 240), "fits", "that night has four hours from 1 to 4");
}

#[test]
fn a_clock_that_goes_back_over_midnight_shows_two_days() {
    let zone = TimeZone::get("America/St_Johns").unwrap(); // 00:01 was 23:01 of the day before
    let always = [window(&[Weekday::Saturday, Weekday::Sunday], time(0, 0, 0, 0), time(0, 0, 0, 0))];
    let start = "2010-11-07T02:30:30Z".parse().unwrap();
    let within = |holidays: &[Date]| {
        fits(&always, &zone, &holidays.iter().copied().collect(), start, SignedDuration::from_mins(1))
    };
    assert_eq!(within(&[]), Ok(()));
    assert_eq!(within(&[date(2010, 11, 6)]).unwrap_err().why, Why::Holiday(date(2010, 11, 6)));
}

/// Weeks in which the clock goes forward, or not at all.
const WEEKS: [(&str, &str); 7] = [
    ("Europe/Berlin", "2027-03-28T01:00:00Z"),
    ("America/New_York", "2027-03-14T07:00:00Z"),
    ("Australia/Lord_Howe", "2026-10-03T15:30:00Z"),
    ("America/Sao_Paulo", "2018-11-04T03:00:00Z"),
    ("Africa/Casablanca", "2026-03-22T02:00:00Z"),
    ("Pacific/Apia", "2011-12-30T10:00:00Z"),
    ("Asia/Kolkata", "2026-11-01T00:00:00Z"),
];

fn any_window() -> impl Strategy<Value = Window> {
    let days = [
        Weekday::Sunday,
        Weekday::Monday,
        Weekday::Tuesday,
        Weekday::Wednesday,
        Weekday::Thursday,
        Weekday::Friday,
        Weekday::Saturday,
    ];
    let at = (0i8..24, prop::sample::select(vec![0i8, 15, 30]))
        .prop_map(|(hour, minute)| time(hour, minute, 0, 0));
    (prop::sample::subsequence(days.to_vec(), 1..=7), at.clone(), at).prop_map(|(days, from, to)| Window {
        days,
        from,
        to,
    })
}

/// Whether the clock on the wall says that a window is open.
fn is_open(windows: &[Window], now: jiff::civil::DateTime) -> bool {
    let (today, yesterday) = (now.weekday(), now.weekday().previous());
    windows.iter().any(|it| {
        let on = |day| it.days.contains(&day);
        if it.from < it.to {
            on(today) && it.from <= now.time() && now.time() < it.to
        } else {
            on(today) && it.from <= now.time() || on(yesterday) && now.time() < it.to
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn it_fits_when_the_clock_shows_an_open_window_in_every_minute_and_the_next_time_does(
        windows in prop::collection::vec(any_window(), 1..4),
        (name, change) in prop::sample::select(&WEEKS[..]),
        begin in -240i64..240,
        quarters in 1i64..40,
        holiday in prop::option::of(-1i64..2),
    ) {
        let quarter = SignedDuration::from_mins(15);
        let hundred_days = SignedDuration::from_hours(2400);
        let zone = TimeZone::get(name).unwrap();
        let change: Timestamp = change.parse().unwrap();
        let start = change + quarter * i32::try_from(begin).unwrap();
        let span = quarter * i32::try_from(quarters).unwrap();
        let holiday = holiday.map(|days| zone.to_datetime(change).date() + Span::new().days(days));
        // A day that Samoa skipped is on no clock, and nobody's holiday.
        let exists = |day: &Date| zone.to_datetime(first_moment(&zone, day.at(12, 0, 0, 0)).unwrap()).date() == *day;
        let holidays: BTreeSet<_> = holiday.into_iter().filter(exists).collect();
        let is_free = |start: Timestamp| {
            let moments = (0..quarters * 15).map(|minutes| start + SignedDuration::from_mins(minutes));
            moments.map(|at| zone.to_datetime(at)).all(|now| is_open(&windows, now) && !holidays.contains(&now.date()))
        };
        match fits(&windows, &zone, &holidays, start, span) {
            Ok(()) => prop_assert!(is_free(start)),
            // In autumn an hour comes twice: the tests above say what holds then.
            Err(OutsideWindow { next: Some(next), .. }) if next - hundred_days < start => {
                prop_assert!(start < next && is_free(next), "{next}");
                // Windows open and days begin at quarters of an hour in all of these zones.
                let mut earlier = (0..700).map(|index| start + quarter * index).take_while(|at| *at < next);
                prop_assert!(!earlier.any(is_free));
            }
            Err(_) => prop_assert!(!is_free(start)),
        }
    }
}
