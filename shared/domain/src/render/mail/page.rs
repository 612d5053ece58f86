//! Plain text on lines of 72 columns, which is what mail programs show without wrapping it again.

use crate::{
    render::terminal::{columns, wrap},
    text,
};

/// The width of a line. Only a word that is longer has more, and is then alone on its line.
pub(super) const WIDTH: usize = 72;
/// The widest name that values are aligned for.
const WIDEST: usize = 16;
/// How far the inside of a section is indented.
const INDENT: usize = 2;

/// The lines so far.
#[derive(Debug, Default)]
pub(super) struct Page {
    out: String,
}

impl Page {
    /// The text, ending in one newline.
    pub(super) fn finish(self) -> String {
        self.out
    }

    pub(super) fn line(&mut self, line: &str) {
        self.out.push_str(line.trim_end());
        self.out.push('\n');
    }

    pub(super) fn blank(&mut self) {
        self.line("");
    }

    pub(super) fn paragraph(&mut self, text: &str) {
        self.prefixed("", text);
    }

    pub(super) fn indented(&mut self, text: &str) {
        self.prefixed("  ", text);
    }

    /// Underlined.
    pub(super) fn headline(&mut self, text: &str) {
        let lines = wrap(text, WIDTH, false);
        let widest = lines.iter().map(|line| columns(line)).max().unwrap_or_default();
        lines.iter().for_each(|line| self.line(line));
        self.line(&"=".repeat(widest.min(WIDTH)));
    }

    /// The beginning of a section.
    pub(super) fn title(&mut self, text: &str) {
        self.blank();
        self.paragraph(text);
    }

    /// As in an answer to a mail, so that it is plain who wrote it.
    pub(super) fn quoted(&mut self, text: &str) {
        for line in text.lines() {
            if line.trim().is_empty() {
                self.line(">");
            } else {
                self.prefixed("> ", line);
            }
        }
    }

    /// Names and values, aligned.
    pub(super) fn rows(&mut self, rows: &[(String, String)]) {
        self.table(0, rows);
    }

    /// The same inside a section.
    pub(super) fn indented_rows(&mut self, rows: &[(String, String)]) {
        self.table(INDENT, rows);
    }

    fn prefixed(&mut self, prefix: &str, text: &str) {
        for line in wrap(text, WIDTH - columns(prefix), false) {
            self.line(&format!("{prefix}{line}"));
        }
    }

    fn table(&mut self, indent: usize, rows: &[(String, String)]) {
        let names = rows.iter().map(|(name, _)| columns(name)).filter(|width| *width <= WIDEST);
        let width = names.max().unwrap_or_default();
        let room = WIDTH - indent - width - 2;
        for (name, value) in rows {
            let lines = wrap(value, room, false);
            let fits = columns(name) <= width && lines.iter().all(|line| columns(line) <= room);
            if !fits {
                self.stacked(indent, name, value);
                continue;
            }
            let mut name = text::line(name);
            for line in lines {
                let gap = " ".repeat(width.saturating_sub(columns(&name)) + 2);
                self.line(&format!("{}{name}{gap}{line}", " ".repeat(indent)));
                name.clear();
            }
        }
    }

    /// A value below its name, where it has the whole line.
    fn stacked(&mut self, indent: usize, name: &str, value: &str) {
        self.prefixed(&" ".repeat(indent), name);
        self.prefixed(&" ".repeat(indent + INDENT), value);
    }
}
