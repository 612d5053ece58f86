//! Standard output: with colours where a person reads it, without them in pipes, and progress beside it.

use std::{
    io::{self, Write},
    time::Duration,
};

use console::Term;
use indicatif::{ProgressBar, ProgressStyle};
use watchkeeper_domain::render::terminal::{Paint, Style, paint};

/// The widest that text is laid out.
const WIDEST: usize = 110;
/// The width where there is no terminal.
const USUAL: usize = 100;
/// How often it is seen that something is waited for.
const TICK: Duration = Duration::from_millis(250);
/// From how many deliveries on a bar shows how far it is.
const MANY: usize = 200;

/// Where a command writes.
pub struct Screen {
    out: Box<dyn Write>,
    is_terminal: bool,
    bar: ProgressBar,
    /// Whether to use colours.
    pub style: Style,
    /// For how many columns to lay out.
    pub width: usize,
}

impl Screen {
    /// Standard output, coloured if it is a terminal and nobody has set `NO_COLOR`.
    pub fn stdout() -> Self {
        let terminal = Term::stdout();
        let width = terminal.size_checked().map_or(USUAL, |(_, columns)| usize::from(columns));
        let style = if console::colors_enabled() { Style::Colour } else { Style::Plain };
        Self {
            out: Box::new(io::stdout()),
            is_terminal: terminal.is_term(),
            bar: ProgressBar::hidden(),
            style,
            width: width.min(WIDEST),
        }
    }

    /// Shows progress on standard error, if that is a terminal and there are many deliveries.
    pub fn progress(&mut self, deliveries: usize) {
        if deliveries > MANY && Term::stderr().is_term() {
            let style = ProgressStyle::with_template("{bar:40} {pos}/{len} deliveries, {eta} left");
            self.bar = ProgressBar::new(u64::try_from(deliveries).unwrap_or(u64::MAX));
            self.bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        }
    }

    /// One delivery more.
    pub fn step(&self) {
        self.bar.inc(1);
    }

    /// Shows on standard error what is waited for: in one place on a terminal, as a line elsewhere.
    ///
    /// # Errors
    /// When nobody reads any more.
    pub fn status(&mut self, text: &str) -> io::Result<()> {
        if !Term::stderr().is_term() {
            return self.error(text);
        }
        if self.bar.is_hidden() {
            self.bar = ProgressBar::new_spinner();
            self.bar.enable_steady_tick(TICK);
            let style = ProgressStyle::with_template("{spinner} {elapsed} {wide_msg}");
            self.bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
        }
        self.bar.set_message(text.to_owned());
        Ok(())
    }

    /// No more progress.
    pub fn done(&mut self) {
        self.bar.finish_and_clear();
        self.bar = ProgressBar::hidden();
    }

    /// Writes `text` and a newline.
    ///
    /// # Errors
    /// When nobody reads any more.
    pub fn line(&mut self, text: &str) -> io::Result<()> {
        self.write(&format!("{text}\n"))
    }

    /// Writes `text`, which ends in a newline.
    ///
    /// # Errors
    /// When nobody reads any more.
    pub fn write(&mut self, text: &str) -> io::Result<()> {
        self.bytes(text.as_bytes())
    }

    /// Writes `bytes` as they are.
    ///
    /// # Errors
    /// When nobody reads any more.
    pub fn bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        let out = &mut self.out;
        let mut write = || out.write_all(bytes).and_then(|()| out.flush());
        if self.is_terminal && !self.bar.is_hidden() { self.bar.suspend(write) } else { write() }
    }

    /// Writes `text` to standard error.
    ///
    /// # Errors
    /// When nobody reads any more.
    pub fn error(&self, text: &str) -> io::Result<()> {
        self.bar.suspend(|| writeln!(io::stderr(), "{text}"))
    }

    /// `text`, painted if colours are used.
    pub fn paint(&self, text: &str, how: Paint) -> String {
        paint(text, how, self.style)
    }
}
