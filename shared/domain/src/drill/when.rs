//! When a drill is due and when it may run: cron in a time zone, windows of the week, holidays.
//!
//! Local times are what people agree on, and twice a year they are not times: one that the clock skips does not happen,
//! and one that it shows twice is the first of the two.
//!
//! | module | what it holds |
//! |---|---|
//! | `cron` | an expression of EventBridge Scheduler |
//! | `occurrences` | the moments that it names, and those that daylight saving takes away |
//! | `windows` | whether a run fits, and when it would |

mod cron;
mod occurrences;
mod windows;

pub use cron::Cron;
pub use occurrences::{Occurrence, Skipped, occurrences, skipped};
pub use windows::{OutsideWindow, Why, fits};
