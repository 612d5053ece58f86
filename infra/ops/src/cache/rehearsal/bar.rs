//! How far a night is, on standard error, where that is a terminal.

use std::{cell::RefCell, sync::Arc, time::Duration};

use cache_refresher::{night::Step, words::bytes};
use console::Term;
use indicatif::{ProgressBar, ProgressStyle};
use watchkeeper_volume::progress::Progress;

/// How often it is seen that something goes on.
const TICK: Duration = Duration::from_millis(250);

/// A line that is written over and over; none where nobody watches.
pub(super) struct Bar {
    bar: ProgressBar,
    counters: RefCell<Option<Arc<Progress>>>,
}

impl Bar {
    pub(super) fn new() -> Self {
        let bar = if Term::stderr().is_term() { ProgressBar::new_spinner() } else { ProgressBar::hidden() };
        bar.set_style(style("{spinner} {elapsed} {wide_msg}"));
        bar.set_message("listing the blocks of the snapshot");
        bar.enable_steady_tick(TICK);
        Self { bar, counters: RefCell::default() }
    }

    /// Shows `step`.
    pub(super) fn show(&self, step: &Step) {
        match step {
            Step::Opened(counters) => {
                *self.counters.borrow_mut() = Some(Arc::clone(counters));
                self.bar.set_message("asking the feeders, and looking what is there");
            }
            Step::Planned { files, removals } => {
                let removals = if *removals > 0 { format!("{removals} go; ") } else { String::new() };
                self.bar.set_message(format!("{removals}{}", self.blocks()));
                self.bar.set_style(style("{bar:30} {pos} of {len} files, {eta} left  {wide_msg}"));
                self.bar.set_length(*files);
            }
            Step::Wrote(amount) => {
                self.bar.set_position(amount.files);
                self.bar.set_message(format!("{}; {}", bytes(amount.bytes), self.blocks()));
            }
            Step::Uploading { blocks } => self.bar.set_message(format!("{blocks} blocks to put")),
        }
    }

    /// No more progress.
    pub(super) fn done(&self) {
        self.bar.finish_and_clear();
    }

    fn blocks(&self) -> String {
        let read = self.counters.borrow().as_ref().map_or(0, |counters| counters.counts().read);
        format!("{read} blocks read")
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
