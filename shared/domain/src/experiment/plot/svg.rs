//! The picture of a measure: shaded windows, the tolerance as a band, the points as a line that breaks at gaps.

use jiff::{SignedDuration, Timestamp};
use maud::{Markup, html};

use super::axis::{self, Scale};
use crate::{
    experiment::{
        statistics::figure,
        verdict::{Measured, Numbers},
        windows::{Part, Windows},
    },
    fis::duration::shown,
    ports::Point,
    text,
};

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 256.0;
const LEFT: f64 = 58.0;
const RIGHT: f64 = 704.0;
const TOP: f64 = 62.0;
const BOTTOM: f64 = 226.0;

/// Colours by class, for light and for dark. The classes begin with `wk-`: an SVG in a page shares its styles.
const STYLE: &str = "\
.wk-ground{fill:#fff}.wk-text{fill:#374151;font:12px system-ui,sans-serif}.wk-title{font-weight:600;font-size:14px}\
.wk-faint{fill:#6b7280}.wk-grid{stroke:#e5e7eb}.wk-fault{fill:#f59e0b;fill-opacity:.16}\
.wk-recovery{fill:#0ea5e9;fill-opacity:.09}.wk-baseline{fill:none}.wk-band{fill:#16a34a;fill-opacity:.09}\
.wk-limit{stroke:#15803d;stroke-width:1.5;stroke-dasharray:5 4}.wk-line{fill:none;stroke:#2563eb;stroke-width:2;stroke-linejoin:round}\
.wk-point{fill:#2563eb}.wk-out{fill:#dc2626}\
@media(prefers-color-scheme:dark){.wk-ground{fill:#111827}.wk-text{fill:#e5e7eb}.wk-faint{fill:#9ca3af}\
.wk-grid{stroke:#374151}.wk-band{fill-opacity:.16}.wk-limit{stroke:#4ade80}.wk-line{stroke:#60a5fa}\
.wk-point{fill:#60a5fa}.wk-out{fill:#f87171}}";

/// `measured` with its `points`, as an SVG of its own: 720 × 256, without scripts, for light and for dark.
pub fn svg(measured: &Measured, points: &[Point], windows: &Windows) -> String {
    let plot = Plot::of(measured, points, windows);
    let unit =
        if measured.unit.is_empty() { String::new() } else { format!(" ({})", text::line(&measured.unit)) };
    let title = format!("{}{unit}", text::cut(&text::line(&measured.name), 60));
    let markup = html! {
        svg xmlns="http://www.w3.org/2000/svg" viewBox=(format!("0 0 {WIDTH} {HEIGHT}"))
            width=(WIDTH) height=(HEIGHT) role="img" aria-label=(plot.description(&title)) {
            style { (maud::PreEscaped(STYLE)) }
            rect.wk-ground width=(WIDTH) height=(HEIGHT) {}
            text.wk-text.wk-title x="12" y="22" { (title) }
            (plot.windows())
            (plot.grid())
            (plot.bands())
            (plot.line())
        }
    };
    markup.into_string()
}

struct Plot<'a> {
    measured: &'a Measured,
    windows: &'a Windows,
    slots: Vec<(Part, Option<Point>)>,
    scale: Scale,
    ticks: Vec<f64>,
}

impl<'a> Plot<'a> {
    fn of(measured: &'a Measured, points: &[Point], windows: &'a Windows) -> Self {
        let finite = |point: Option<Point>| point.filter(|point| point.value.is_finite());
        let slots: Vec<_> = Part::ALL
            .into_iter()
            .flat_map(|part| {
                let slots = windows.slots(part, points, measured.period);
                slots.into_iter().map(move |point| (part, finite(point)))
            })
            .collect();
        let limits =
            measured.parts.values().filter_map(|it| it.range).flat_map(|it| [it.low, it.high]).flatten();
        let values = slots.iter().filter_map(|(_, point)| point.map(|it| it.value));
        let (scale, ticks) = Scale::of(&values.chain(limits).collect::<Vec<_>>()).rounded();
        Self { measured, windows, slots, scale, ticks }
    }

    fn x(&self, at: Timestamp) -> f64 {
        let whole = self.windows.whole();
        let (part, all) = (at.duration_since(whole.from), whole.duration().max(SignedDuration::from_secs(1)));
        (LEFT + part.div_duration_f64(all) * (RIGHT - LEFT)).clamp(LEFT, RIGHT)
    }

    fn y(&self, value: f64) -> f64 {
        BOTTOM - self.scale.part(value) * (BOTTOM - TOP)
    }

    fn place(&self, point: Point) -> (f64, f64) {
        // A point stands for its whole period, so it stands in its middle.
        let middle = self.measured.period.checked_div(2).and_then(|half| point.at.checked_add(half).ok());
        (self.x(middle.unwrap_or(point.at)), self.y(point.value))
    }

    /// For those who can't see the picture.
    fn description(&self, title: &str) -> String {
        let parts = self.measured.parts.iter().map(|(part, numbers)| {
            let value = numbers.value.map_or("no data".to_owned(), figure);
            format!("{}: {value}", part.as_str())
        });
        format!("{title}. {}", parts.collect::<Vec<_>>().join(", "))
    }

    /// From where to where `part` is.
    fn sides(&self, part: Part) -> (f64, f64) {
        let window = self.windows.of(part);
        let from = self.x(window.from);
        (from, self.x(window.to).max(from + 2.0))
    }

    /// Each window with its name and its number.
    fn windows(&self) -> Markup {
        html! {
            @for (part, numbers) in &self.measured.parts {
                @let (from, to) = self.sides(*part);
                rect class=(format!("wk-{}", part.as_str()))
                    x=(px(from)) y=(px(TOP)) width=(px(to - from)) height=(px(BOTTOM - TOP)) {}
                text.wk-text x=(px(self.middle(from, to))) y="40" text-anchor="middle" { (part.as_str()) }
                text.wk-text.wk-faint x=(px(self.middle(from, to))) y="55" text-anchor="middle" {
                    (self.caption(*part, numbers, to - from > 100.0))
                }
            }
        }
    }

    /// What a window came to, and what was asked of it if there is room to say so. Of the recovery, what counts is when.
    fn caption(&self, part: Part, numbers: &Numbers, has_room: bool) -> String {
        let well_after = self.measured.recovered_after.filter(|_| part == Part::Recovery && has_room);
        if let Some(after) = well_after {
            return if after.is_zero() { "well".to_owned() } else { format!("well after {}", shown(after)) };
        }
        let value = numbers.value.map_or("no data".to_owned(), figure);
        let range = numbers.range.filter(|_| has_room).unwrap_or_default();
        let limit =
            |word: &str, limit: Option<f64>| limit.map(|limit| format!(" · {word} {}", figure(limit)));
        [Some(value), limit("min", range.low), limit("max", range.high)].into_iter().flatten().collect()
    }

    /// The middle between two places, not so near to a side that a label would leave the picture.
    fn middle(&self, from: f64, to: f64) -> f64 {
        f64::midpoint(from, to).clamp(LEFT + 24.0, RIGHT - 24.0)
    }

    /// The tolerance in each window.
    fn bands(&self) -> Markup {
        html! {
            @for (part, numbers) in &self.measured.parts {
                @let (from, to) = self.sides(*part);
                (self.band(numbers, from, to))
            }
        }
    }

    fn band(&self, numbers: &Numbers, from: f64, to: f64) -> Markup {
        let range = numbers.range.unwrap_or_default();
        let (top, foot) =
            (range.high.map_or(TOP, |high| self.y(high)), range.low.map_or(BOTTOM, |low| self.y(low)));
        html! {
            @if !range.is_any() {
                rect.wk-band x=(px(from)) y=(px(top)) width=(px(to - from)) height=(px((foot - top).max(0.0))) {}
            }
            @for limit in [range.high, range.low].into_iter().flatten() {
                @let y = self.y(limit);
                line.wk-limit x1=(px(from)) x2=(px(to)) y1=(px(y)) y2=(px(y)) {}
            }
        }
    }

    fn grid(&self) -> Markup {
        html! {
            @for tick in &self.ticks {
                @let y = self.y(*tick);
                line.wk-grid x1=(px(LEFT)) x2=(px(RIGHT)) y1=(px(y)) y2=(px(y)) {}
                text.wk-text.wk-faint x=(px(LEFT - 8.0)) y=(px(y + 4.0)) text-anchor="end" { (figure(*tick)) }
            }
            @for at in axis::times(self.windows.whole()) {
                @let x = self.x(at);
                line.wk-grid x1=(px(x)) x2=(px(x)) y1=(px(BOTTOM)) y2=(px(BOTTOM + 5.0)) {}
                text.wk-text.wk-faint x=(px(x)) y=(px(BOTTOM + 19.0)) text-anchor="middle" {
                    (at.strftime("%H:%M").to_string())
                }
            }
            text.wk-text.wk-faint x=(px(LEFT - 8.0)) y=(px(BOTTOM + 19.0)) text-anchor="end" { "UTC" }
        }
    }

    /// The line, broken where a point is missing, and a dot for each point; those out of bounds stand out.
    fn line(&self) -> Markup {
        let pieces = self.slots.split(|(_, point)| point.is_none());
        let path = |piece: &[(Part, Option<Point>)]| {
            let places = piece.iter().filter_map(|(_, point)| point.map(|it| self.place(it)));
            places.map(|(x, y)| format!("{},{}", px(x), px(y))).collect::<Vec<_>>().join(" ")
        };
        let dot = if self.slots.len() > 120 { "1.2" } else { "2.2" };
        html! {
            @for piece in pieces.filter(|piece| piece.len() > 1) {
                polyline.wk-line points=(path(piece)) {}
            }
            @for (part, point) in &self.slots {
                @if let Some(point) = point {
                    @let (x, y) = self.place(*point);
                    @if self.is_out(*part, point.value) {
                        circle.wk-out cx=(px(x)) cy=(px(y)) r="3.6" {}
                    } @else {
                        circle.wk-point cx=(px(x)) cy=(px(y)) r=(dot) {}
                    }
                }
            }
        }
    }

    fn is_out(&self, part: Part, value: f64) -> bool {
        let range = self.measured.parts.get(&part).and_then(|it| it.range);
        range.is_some_and(|range| !range.contains(value))
    }
}

/// A place in the picture, to a tenth of a unit.
fn px(place: f64) -> String {
    format!("{place:.1}")
}
