//! A measure over its three windows: a line of blocks for chat, and an SVG picture. A missing point is a gap in both.

use jiff::SignedDuration;

use super::{
    statistics,
    windows::{Part, Windows},
};
use crate::ports::Point;

mod axis;
mod svg;

pub use svg::svg;

const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// What a missing point looks like: a blank would be folded with its neighbours by some channels.
const GAP: char = '·';
/// What stands between two windows.
const EDGE: &str = "│";

/// The points of a series as blocks, the windows apart: `▂▂▂│▇█▇│▅▂·▂`. At most about `width` characters; where one stands
/// for several points, it shows the one that is furthest from what is usual.
pub fn sparkline(points: &[Point], windows: &Windows, period: SignedDuration, width: usize) -> String {
    let slots = Part::ALL.map(|part| values(windows, part, points, period));
    let all: Vec<f64> = slots.iter().flatten().copied().flatten().collect();
    let Some(usual) = statistics::percentile(&all, 50.0) else { return String::new() };
    let count: usize = slots.iter().map(Vec::len).sum();
    let several = count.div_ceil(width.max(1)).max(1);
    let scale = axis::Scale::of(&all);
    let one = |values: &[Option<f64>]| {
        let distance = |one: &f64| (one - usual).abs();
        let furthest = values.iter().flatten().copied().max_by(|a, b| distance(a).total_cmp(&distance(b)));
        furthest.map_or(GAP, |value| block(scale.part(value)))
    };
    slots.map(|part| part.chunks(several).map(one).collect::<String>()).join(EDGE)
}

fn values(windows: &Windows, part: Part, points: &[Point], period: SignedDuration) -> Vec<Option<f64>> {
    let slots = windows.slots(part, points, period).into_iter();
    slots.map(|point| point.map(|it| it.value).filter(|value| value.is_finite())).collect()
}

/// The block for a part between 0 and 1.
fn block(part: f64) -> char {
    let place = (part * 8.0).floor().clamp(0.0, 7.0) as usize;
    BLOCKS.get(place).copied().unwrap_or(GAP)
}

#[cfg(test)]
mod tests;
