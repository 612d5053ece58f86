//! Where numbers and times stand on an axis.

use jiff::{SignedDuration, Timestamp};

use crate::experiment::windows::Interval;

/// Beyond this, all numbers stand at the top: nothing that is measured is as large.
const MOST: f64 = 1e100;
/// What is nearer together than this is the same.
const LEAST: f64 = 1e-100;

/// What a vertical axis shows, from its foot to its top.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Scale {
    pub(super) low: f64,
    pub(super) high: f64,
}

impl Scale {
    /// All of `values`. It begins at zero unless that would press everything against the top, and calls small noise small.
    pub(super) fn of(values: &[f64]) -> Self {
        let finite = || values.iter().filter(|value| value.is_finite()).map(|value| value.clamp(-MOST, MOST));
        let (Some(low), Some(high)) = (finite().reduce(f64::min), finite().reduce(f64::max)) else {
            return Self { low: 0.0, high: 1.0 };
        };
        let (low, high) = match (low, high) {
            (low, high) if low >= 0.0 && low <= high / 2.0 => (0.0, high),
            (low, high) if high <= 0.0 && high >= low / 2.0 => (low, 0.0),
            both => both,
        };
        let least = (high.abs().max(low.abs()) / 100.0).max(LEAST);
        let missing = (least - (high - low)).max(0.0);
        let below = if low == 0.0 { 0.0 } else { missing / 2.0 };
        Self { low: low - below, high: high + missing - below }
    }

    /// The same with a little room, ending on round numbers, and the round numbers in it.
    pub(super) fn rounded(self) -> (Self, Vec<f64>) {
        let step = round_step((self.high - self.low) / 4.0);
        let (low, high) = ((self.low / step).floor() * step, (self.high / step).ceil() * step);
        let count = ((high - low) / step).round().clamp(1.0, 12.0) as u32;
        let ticks = (0..=count).map(|n| low + f64::from(n) * step).collect();
        (Self { low, high: low + f64::from(count) * step }, ticks)
    }

    /// How far up `value` stands: 0 at the foot, 1 at the top.
    pub(super) fn part(self, value: f64) -> f64 {
        let value = value.clamp(self.low, self.high);
        if value.is_nan() { 0.0 } else { (value - self.low) / (self.high - self.low) }
    }
}

/// The first of 1, 2, 5, 10, 20, 50, … (or 0.5, 0.2, …) that is not below `step`.
fn round_step(step: f64) -> f64 {
    let size = 10.0_f64.powf(step.max(LEAST).log10().floor());
    let round = [1.0, 2.0, 5.0].map(|digit| digit * size).into_iter().find(|round| *round >= step);
    round.unwrap_or(10.0 * size)
}

/// Round times in `whole`, at most eight.
pub(super) fn times(whole: Interval) -> Vec<Timestamp> {
    let steps = [1, 2, 5, 10, 15, 30, 60, 120, 240, 720].map(SignedDuration::from_mins);
    let seconds = whole.duration().as_secs();
    let fits = |step: &SignedDuration| seconds.checked_div(step.as_secs()).is_some_and(|count| count < 8);
    let step = steps.into_iter().find(fits).unwrap_or(SignedDuration::from_hours(24)).as_secs();
    let first = whole.from.as_second().div_euclid(step).saturating_add(1);
    let times = (0..8).map(|n| Timestamp::from_second(first.saturating_add(n).saturating_mul(step)));
    times.filter_map(Result::ok).filter(|at| whole.contains(*at)).collect()
}
