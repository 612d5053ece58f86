//! The content lines of an iCalendar file (RFC 5545, 3.1), and where each of them is.

use icalendar::parser::read_calendar_simple;
use watchkeeper_domain::text;

/// What is shown of a line that is wrong, in characters.
const SHOWN: usize = 40;

/// A line, unfolded.
pub(super) struct Line {
    /// On which line of the file it begins, from 1.
    number: usize,
    text: String,
}

impl Line {
    /// As a parser reads it.
    pub(super) fn content(&self) -> String {
        format!("{}\r\n", self.text)
    }

    pub(super) fn begins_calendar(&self) -> bool {
        self.text.trim_end().eq_ignore_ascii_case("BEGIN:VCALENDAR")
    }

    pub(super) fn ends_calendar(&self) -> bool {
        self.text.trim_end().eq_ignore_ascii_case("END:VCALENDAR")
    }

    /// Whether it is a property, or the begin or the end of something.
    pub(super) fn can_be_read(&self) -> bool {
        let key = self.text.split(':').next().unwrap_or_default();
        let is_bracket = ["BEGIN", "END"].iter().any(|bracket| key.eq_ignore_ascii_case(bracket));
        is_bracket || read_calendar_simple(&format!("BEGIN:X\r\n{}END:X\r\n", self.content())).is_ok()
    }

    /// What is wrong with it, with its place.
    pub(super) fn wrong(&self, problem: &str) -> String {
        format!("line {}: `{}` {problem}", self.number, text::cut(&text::line(&self.text), SHOWN))
    }
}

/// The lines of `bytes`, without a byte order mark and without empty ones. They may end in LF alone. What was folded is
/// joined as bytes, for a fold may part the bytes of one character.
///
/// # Errors
/// The first line that is not UTF-8, the charset that every file has unless it says otherwise (RFC 5545, 3.1.4).
pub(super) fn unfold(bytes: &[u8]) -> Result<Vec<Line>, String> {
    let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
    let mut lines: Vec<(usize, Vec<u8>)> = Vec::new();
    for (index, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
        match (line.strip_suffix(b"\r").unwrap_or(line), lines.last_mut()) {
            ([], _) => {}
            ([b' ' | b'\t', rest @ ..], Some((_, folded))) => folded.extend_from_slice(rest),
            (line, _) => lines.push((index + 1, line.to_vec())),
        }
    }
    let line = |(number, bytes): (usize, Vec<u8>)| {
        let text = String::from_utf8(bytes);
        let text = text.map_err(|_| format!("line {number} is not UTF-8: save the file as UTF-8"))?;
        Ok(Line { number, text })
    };
    lines.into_iter().map(line).collect()
}
