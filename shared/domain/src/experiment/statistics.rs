//! What a window's points come to: percentiles, mean, and how many points are missing. A missing point is never zero.

use serde::{Deserialize, Serialize};

use crate::text;

/// How the points of a window become one number.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(try_from = "String", into = "String")]
pub enum Aggregate {
    /// `mean`.
    #[default]
    Mean,
    /// `min`: the least.
    Min,
    /// `max`: the greatest. With an upper bound, each point must keep it.
    Max,
    /// `p50`, `p99.9`: a percentile of the points, from 0 to 100. See [`percentile`].
    Percentile(f64),
}

impl Aggregate {
    /// What `points` come to. `None` of none.
    pub fn of(self, points: &[f64]) -> Option<f64> {
        match self {
            Self::Mean => mean(points),
            Self::Min => points.iter().copied().min_by(f64::total_cmp),
            Self::Max => points.iter().copied().max_by(f64::total_cmp),
            Self::Percentile(percent) => percentile(points, percent),
        }
    }
}

impl std::fmt::Display for Aggregate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Mean => f.write_str("mean"),
            Self::Min => f.write_str("min"),
            Self::Max => f.write_str("max"),
            Self::Percentile(percent) => write!(f, "p{percent}"),
        }
    }
}

impl std::str::FromStr for Aggregate {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        let percent = |word: &str| {
            let digits = word.strip_prefix('p')?;
            let is_plain = digits.chars().all(|c| c.is_ascii_digit() || c == '.');
            let percent = is_plain.then(|| digits.parse().ok()).flatten()?;
            (0.0..=100.0).contains(&percent).then_some(Self::Percentile(percent))
        };
        match word {
            "mean" => Ok(Self::Mean),
            "min" => Ok(Self::Min),
            "max" => Ok(Self::Max),
            "median" => Ok(Self::Percentile(50.0)),
            _ => percent(word)
                .ok_or_else(|| format!("`{}` is none of mean, median, min, max, p95", text::cut(word, 40))),
        }
    }
}

impl TryFrom<String> for Aggregate {
    type Error = String;

    fn try_from(word: String) -> Result<Self, String> {
        word.parse()
    }
}

impl From<Aggregate> for String {
    fn from(aggregate: Aggregate) -> Self {
        aggregate.to_string()
    }
}

/// The arithmetic mean, which lies between the least and the greatest point. `None` of no points.
pub fn mean(points: &[f64]) -> Option<f64> {
    let (low, high) = (Aggregate::Min.of(points)?, Aggregate::Max.of(points)?);
    let share = 1.0 / approximate(points.len());
    let sum: f64 = points.iter().map(|point| point * share).sum();
    // A hundred times 0.1 is a little more than 10: the mean of equal points would not be one of them.
    Some(sum.clamp(low, high))
}

/// The `percent`-th percentile, between 0 and 100: with the points in order, at the ranks 0 to `n - 1`, it stands at rank
/// `(n - 1) * percent / 100`, and between two ranks on the straight line from one to the other. `None` of no points.
///
/// This is type 7 of Hyndman and Fan, "Sample Quantiles in Statistical Packages" (1996), the default of NumPy, R and
/// spreadsheets. (CloudWatch's own percentiles, such as `p99` as a statistic, are CloudWatch's: each point is one.)
pub fn percentile(points: &[f64], percent: f64) -> Option<f64> {
    let mut sorted = points.to_vec();
    sorted.sort_by(f64::total_cmp);
    let last = sorted.len().checked_sub(1)?;
    let rank = (percent.clamp(0.0, 100.0) / 100.0) * approximate(last);
    let below = floor(rank);
    let (low, high) = (*sorted.get(below)?, *sorted.get(below.saturating_add(1).min(last))?);
    let part = rank - approximate(below);
    Some((low * (1.0 - part) + high * part).clamp(low, high))
}

/// `value` for people: four digits that matter, no exponent, no zeros at the end.
pub fn figure(value: f64) -> String {
    let size = value.abs();
    let places = match size {
        _ if size >= 1_000.0 => 0,
        _ if size >= 100.0 => 1,
        _ if size >= 10.0 => 2,
        _ if size >= 1.0 => 3,
        _ if size >= 0.001 => 4,
        _ => 6,
    };
    let text = format!("{value:.places$}");
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

/// `count` as a number with a point: exact, since a window has fewer points than 2^53.
fn approximate(count: usize) -> f64 {
    count as f64
}

/// The whole rank below `rank`, which is not negative.
fn floor(rank: f64) -> usize {
    rank.floor() as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PERCENTS: [f64; 9] = [0.0, 1.0, 25.0, 50.0, 90.0, 95.0, 99.0, 99.9, 100.0];

    /// Seed, length, mean and the percentiles of [`generated`], by NumPy 2.4.6 (`mean`, `percentile`, method `linear`).
    const NUMPY: [(u64, usize, f64, [f64; 9]); 6] = [
        (
            1,
            1,
            29785.766,
            [
                29785.766, 29785.766, 29785.766, 29785.766, 29785.766, 29785.766, 29785.766, 29785.766,
                29785.766,
            ],
        ),
        (
            2,
            2,
            -296285.1345,
            [
                -1014182.637,
                -999824.68695,
                -655233.88575,
                -296285.1344999999,
                278032.86750000005,
                349822.61775,
                407254.41795000003,
                420176.57299500017,
                421612.368,
            ],
        ),
        (
            3,
            7,
            -286140.38842857146,
            [
                -800236.534,
                -788697.4617399999,
                -568442.996,
                -394437.122,
                164707.62720000005,
                221238.8915999999,
                266463.9031199999,
                276639.53071200015,
                277770.156,
            ],
        ),
        (
            5,
            60,
            44353.5195,
            [
                -1052481.056,
                -1026910.19463,
                -509358.38875,
                113252.33850000001,
                918618.3871000002,
                1028378.2617500001,
                1055783.33563,
                1060442.724163,
                1060960.434,
            ],
        ),
        (
            7,
            101,
            6496.464059405934,
            [
                -1070311.723,
                -1057201.712,
                -506791.816,
                35003.371,
                869928.943,
                1009707.263,
                1058246.816,
                1064280.9235999999,
                1064951.38,
            ],
        ),
        (
            11,
            997,
            -47652.04779739217,
            [
                -1071387.334,
                -1052888.48896,
                -598850.154,
                -82944.526,
                845547.7884,
                940169.0137999998,
                1050035.78196,
                1070378.7791280004,
                1073621.538,
            ],
        ),
    ];

    /// A series that NumPy's side of [`NUMPY`] generates in the same way.
    fn generated(seed: u64, length: usize) -> Vec<f64> {
        let next = |x: &u64| Some((1_103_515_245 * x + 12_345) % (1 << 31));
        let whole = std::iter::successors(Some(seed), next).skip(1).take(length);
        whole.map(|x| (i32::try_from(x).unwrap() - (1 << 30)).into()).map(|x: f64| x / 1000.0).collect()
    }

    fn is_near(one: f64, other: f64) -> bool {
        (one - other).abs() <= 1e-9 * one.abs().max(other.abs()).max(1.0)
    }

    #[test]
    fn numpy_finds_the_same() {
        for (seed, length, average, percentiles) in NUMPY {
            let series = generated(seed, length);
            assert!(is_near(mean(&series).unwrap(), average), "{length}");
            for (percent, expected) in PERCENTS.into_iter().zip(percentiles) {
                let found = percentile(&series, percent).unwrap();
                assert!(is_near(found, expected), "{length}, p{percent}: {found}, {expected}");
            }
        }
    }

    #[test]
    fn nothing_comes_to_nothing() {
        for aggregate in [Aggregate::Mean, Aggregate::Min, Aggregate::Max, Aggregate::Percentile(50.0)] {
            assert_eq!(aggregate.of(&[]), None);
        }
    }

    #[test]
    fn the_mean_of_equal_points_is_one_of_them() {
        assert_eq!(mean(&[0.1; 1000]), Some(0.1));
    }

    #[test]
    fn words_are_read_as_they_are_written() {
        for word in ["mean", "min", "max", "p95", "p99.9", "p0", "p100"] {
            assert_eq!(word.parse::<Aggregate>().unwrap().to_string(), word);
        }
        assert_eq!("median".parse(), Ok(Aggregate::Percentile(50.0)));
        for word in ["p101", "p", "p-1", "pinf", "pnan", "sum", "P95", "p1e1", ""] {
            assert!(word.parse::<Aggregate>().is_err(), "{word}");
        }
    }

    #[test]
    fn figures_are_short_and_never_lie_about_nothing() {
        let shown = [0.0, -0.0, 0.8123, 0.1, 12.3456, 123_456.7, 99.96, 0.000_012_3, -2.5, 1e9].map(figure);
        let expected =
            ["0", "0", "0.8123", "0.1", "12.35", "123457", "99.96", "0.000012", "-2.5", "1000000000"];
        assert_eq!(shown, expected);
        assert_eq!(figure(1e-9), "0");
    }

    proptest! {
        /// The smallest step function that stands at `x[i]` for `i / (n - 1)`, with straight lines between.
        #[test]
        fn a_percentile_is_on_the_line_between_its_neighbours(
            series in prop::collection::vec(-1e6..1e6_f64, 2..50), percent in 0.0..100.0_f64,
        ) {
            let found = percentile(&series, percent).unwrap();
            let mut sorted = series;
            sorted.sort_by(f64::total_cmp);
            let steps: f64 = u32::try_from(sorted.len() - 1).unwrap().into();
            let at = |rank: usize| f64::from(u32::try_from(rank).unwrap()) / steps * 100.0;
            let rank = (0..sorted.len() - 1).find(|rank| percent <= at(rank + 1) + 1e-9).unwrap();
            let slope = (sorted[rank + 1] - sorted[rank]) / (at(rank + 1) - at(rank));
            let expected = sorted[rank] + slope * (percent - at(rank));
            prop_assert!((found - expected).abs() < 1e-3, "{} {}", found, expected);
        }

        #[test]
        fn order_makes_no_difference_and_percentiles_rise(
            series in prop::collection::vec(-1e6..1e6_f64, 1..50), low in 0.0..100.0_f64, more in 0.0..100.0_f64,
        ) {
            let mut reversed = series.clone();
            reversed.reverse();
            prop_assert_eq!(percentile(&series, low), percentile(&reversed, low));
            prop_assert!(percentile(&series, low) <= percentile(&series, low + more));
            let (min, max) = (Aggregate::Min.of(&series), Aggregate::Max.of(&series));
            prop_assert!(min <= mean(&series) && mean(&series) <= max);
        }
    }
}
