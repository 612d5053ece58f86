use proptest::prelude::*;

use super::*;
use crate::experiment::{
    hypothesis::Range,
    statistics::Aggregate,
    verdict::{Measured, Numbers},
    windows::Interval,
};

fn minute(minute: i64) -> jiff::Timestamp {
    jiff::Timestamp::from_second(1_772_618_400 + minute * 60).unwrap()
}

fn windows() -> Windows {
    let fault = Interval { from: minute(0), to: minute(10) };
    let minutes = SignedDuration::from_mins;
    Windows::around(minute(0), fault, minutes(20), minutes(15)).unwrap()
}

fn points(value: impl Fn(i64) -> Option<f64>) -> Vec<Point> {
    (-60..60).filter_map(|n| Some(Point { at: minute(n), value: value(n)? })).collect()
}

/// Slower while the fault lasts, back in bounds after five minutes; three points are missing.
fn slower(n: i64) -> Option<f64> {
    let wave = 0.02 * f64::from(i32::try_from(n.rem_euclid(5)).unwrap());
    match n {
        -8 | -7 | 20 => None,
        0..10 => Some(0.9 + 3.0 * wave),
        10..15 => Some(0.9 - 0.12 * f64::from(i32::try_from(n - 9).unwrap())),
        _ => Some(0.2 + wave),
    }
}

fn measured(name: &str, points: &[Point], ranges: [Range; 3]) -> Measured {
    let numbers = |part: Part| {
        let values: Vec<_> = windows()
            .share(part, points, SignedDuration::from_mins(1))
            .points
            .iter()
            .map(|it| it.value)
            .collect();
        Numbers { value: Aggregate::Mean.of(&values), ..Numbers::default() }
    };
    let with = |(part, range)| (part, Numbers { range: Some(range), ..numbers(part) });
    Measured {
        name: name.into(),
        is_complete: true,
        unit: "s".into(),
        period: SignedDuration::from_mins(1),
        aggregate: Aggregate::Mean,
        parts: Part::ALL.into_iter().zip(ranges).map(with).collect(),
        recovered_after: None,
    }
}

fn at_most(high: f64) -> Range {
    Range { low: None, high: Some(high) }
}

#[test]
fn a_line_of_blocks_shows_the_windows_and_the_gaps() {
    let line = |width| sparkline(&points(slower), &windows(), SignedDuration::from_mins(1), width);
    assert_eq!(line(100), "▂▂▂▂▂▂▂▂▂▂▂▂··▂▂▂▂▂▂│▇▇███▇▇███│▆▅▄▃▃▂▂▂▂▂·▂▂▂▂");
    assert_eq!(line(15), "▂▂▂▂▂▂▂│████│▆▃▂▂▂");
    let sparkline = |value: fn(i64) -> Option<f64>| {
        sparkline(&points(value), &windows(), SignedDuration::from_mins(1), 10)
    };
    assert_eq!(sparkline(|_| None), "");
    assert_eq!(sparkline(|_| Some(0.0)), "▁▁▁▁│▁▁│▁▁▁");
    let noise = sparkline(|n| Some(if n % 2 == 0 { 99.98 } else { 99.97 }));
    assert!(noise.chars().all(|c| matches!(c, '▄' | '▅' | '│')), "{noise}");
}

#[test]
fn a_picture_of_a_slow_service() {
    let points = points(slower);
    let picture = svg(
        &measured("latency p99", &points, [at_most(0.5), at_most(1.0), at_most(0.5)]),
        &points,
        &windows(),
    );
    insta::assert_snapshot!(picture.replace("><", ">\n<"));
}

#[test]
fn a_picture_without_a_point_is_a_picture() {
    let picture = svg(&measured("nothing", &[], [Range::default(); 3]), &[], &windows());
    assert!(picture.contains("no data") && !picture.contains("NaN") && !picture.contains("inf"));
}

proptest! {
    #[test]
    fn whatever_is_measured_the_picture_is_whole(
        name in any::<String>(), values in prop::collection::vec(prop::option::of(any::<f64>()), 120), limit in any::<f64>(),
    ) {
        let points = points(|n| values[usize::try_from(n + 60).unwrap()]);
        let picture = svg(&measured(&name, &points, [at_most(limit); 3]), &points, &windows());
        prop_assert!(!picture.contains("NaN") && !picture.contains("inf,") && !picture.contains("<script"));
        prop_assert_eq!(picture.matches("<text").count(), picture.matches("</text>").count());
        let line = sparkline(&points, &windows(), SignedDuration::from_mins(1), 40);
        prop_assert!(line.chars().count() <= 45, "{}", line);
    }

    #[test]
    fn names_cannot_leave_their_place(name in "[<>&\"'a]{0,20}") {
        let picture = svg(&measured(&name, &[], [Range::default(); 3]), &[], &windows());
        let bare = picture.matches('<').count();
        let plain = svg(&measured("a", &[], [Range::default(); 3]), &[], &windows());
        prop_assert_eq!(bare, plain.matches('<').count());
    }
}
