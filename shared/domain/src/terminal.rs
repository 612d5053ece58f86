//! A notice as text for a terminal, as a person reads it.

use std::fmt::Write;

use textwrap::Options;

use crate::{
    notice::{Fact, Link, Notice, Resource, Severity},
    text,
};

/// Whether to use colours.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Style {
    /// None: for files, pipes, and whoever has set `NO_COLOR`.
    Plain,
    /// ANSI colours.
    Colour,
}

/// How a piece of text stands out.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Paint {
    /// The colour of a severity, bold.
    Severity(Severity),
    /// Bold.
    Bold,
    /// Dim.
    Dim,
}

/// How many resources are named.
const RESOURCES: usize = 8;
/// How many lines of AWS's text are shown.
const TEXT_LINES: usize = 4;
/// The least width that is laid out for.
const NARROWEST: usize = 50;
/// The widest label that values are aligned for.
const WIDEST_LABEL: usize = 16;

/// `notice` laid out for `width` columns, ending in a newline. Addresses and ARNs are never broken, so that they can be
/// copied. Nothing in it can move the cursor or set a colour but what `style` asks for.
pub fn render(notice: &Notice, width: usize, style: Style) -> String {
    let facts = facts(notice);
    let labels = facts.iter().map(|fact| columns(&fact.name)).filter(|label| *label <= WIDEST_LABEL);
    let label = labels.max().unwrap_or_default();
    let mut sheet = Sheet { out: String::new(), width: width.max(NARROWEST), label, style };
    sheet.header(notice);
    sheet.headline(&notice.headline);
    sheet.blank();
    for fact in &facts {
        let value = sheet.wrap(&fact.value, false);
        sheet.row(&fact.name, &value);
    }
    if !notice.resources.is_empty() {
        let lines = resources(&notice.resources, notice.resource_count);
        sheet.row("Affected", &lines);
    }
    let next_step = sheet.wrap(&notice.next_step, false);
    sheet.row("Next step", &next_step);
    let said = sheet.shortened(&notice.text);
    sheet.row("AWS says", &said);
    sheet.links(&notice.links);
    sheet.out
}

/// `text` in that paint, or as it is.
pub fn paint(text: &str, paint: Paint, style: Style) -> String {
    let code = match (style, paint) {
        (Style::Plain, _) => return text.to_owned(),
        (Style::Colour, Paint::Severity(Severity::Critical)) => "1;97;41",
        (Style::Colour, Paint::Severity(Severity::High)) => "1;31",
        (Style::Colour, Paint::Severity(Severity::Medium)) => "1;33",
        (Style::Colour, Paint::Severity(Severity::Low)) => "1;32",
        (Style::Colour, Paint::Bold) => "1",
        (Style::Colour, Paint::Dim) => "2",
    };
    format!("\u{1b}[{code}m{text}\u{1b}[0m")
}

/// The columns that `text` takes.
pub fn columns(text: &str) -> usize {
    textwrap::core::display_width(text)
}

fn facts(notice: &Notice) -> Vec<Fact> {
    let owner = notice.owner.iter().map(|owner| Fact { name: "Owner".into(), value: owner.clone() });
    let all = notice.facts.iter().cloned().chain(owner);
    let clean = |fact: Fact| Fact { name: text::line(&fact.name), value: text::line(&fact.value) };
    // The label that every notice has decides how far to the right values begin.
    all.map(clean).collect()
}

fn resources(shown: &[Resource], count: u32) -> Vec<String> {
    let shown: Vec<_> =
        shown.iter().take(RESOURCES).map(|it| (text::line(&it.status), text::line(&it.name))).collect();
    let widest = shown.iter().map(|(status, _)| columns(status)).max().unwrap_or_default();
    let mut lines: Vec<_> = shown.iter().map(|(status, name)| format!("{status:<widest$}  {name}")).collect();
    let more = usize::try_from(count).unwrap_or(usize::MAX).saturating_sub(shown.len());
    if more > 0 {
        lines.push(format!("… and {more} more"));
    }
    lines
}

/// The text so far, and how to go on.
struct Sheet {
    out: String,
    width: usize,
    label: usize,
    style: Style,
}

impl Sheet {
    /// `━━ HIGH ━━ planned lifecycle, opened ━━━━━━━━━━━ 10 Aug 2026 09:14 UTC ━━`.
    fn header(&mut self, notice: &Notice) {
        let severity = Paint::Severity(notice.severity);
        let word = format!(" {} ", notice.severity.as_str().to_uppercase());
        let drill = if notice.drill { "DRILL, " } else { "" };
        let about =
            format!(" {drill}{}, {} ", notice.kind.as_str().replace('-', " "), notice.change.as_str());
        let at = notice.at.strftime(" %-d %b %Y %H:%M UTC ").to_string();
        let taken = 6 + columns(&word) + columns(&about) + columns(&at);
        let rule = "━".repeat(self.width.saturating_sub(taken).max(1));
        let line = Paint::Dim;
        for (text, how) in [
            ("━━", line),
            (word.as_str(), severity),
            ("━━", line),
            (about.as_str(), Paint::Bold),
            (rule.as_str(), line),
            (at.as_str(), line),
            ("━━", line),
        ] {
            self.out.push_str(&paint(text, how, self.style));
        }
        self.out.push('\n');
    }

    fn headline(&mut self, headline: &str) {
        for line in textwrap::wrap(&text::line(headline), Options::new(self.width).break_words(false)) {
            let line = paint(&line, Paint::Bold, self.style);
            self.line(&line);
        }
    }

    fn row(&mut self, label: &str, value: &[String]) {
        let mut label = label;
        for line in value {
            let padded = format!("{label:<width$}", width = self.label);
            let padded = paint(&padded, Paint::Dim, self.style);
            self.line(&format!("  {padded}  {line}"));
            label = "";
        }
    }

    fn links(&mut self, links: &[Link]) {
        let links: Vec<_> = links.iter().map(|it| (text::line(&it.title), text::line(&it.url))).collect();
        let widest = links.iter().map(|(title, _)| columns(title)).max().unwrap_or_default();
        if widest > 0 {
            self.blank();
        }
        for (title, url) in links {
            let title = paint(&format!("→ {title:<widest$}"), Paint::Dim, self.style);
            self.line(&format!("  {title}  {url}"));
        }
    }

    /// `text` on as many lines as its column needs.
    fn wrap(&self, text: &str, break_words: bool) -> Vec<String> {
        let room = self.width.saturating_sub(self.label + 4);
        let lines = textwrap::wrap(&text::line(text), Options::new(room).break_words(break_words))
            .into_iter()
            .map(|line| line.into_owned());
        lines.filter(|line| !line.is_empty()).collect()
    }

    /// The first few lines of `text`.
    fn shortened(&self, text: &str) -> Vec<String> {
        let text = text::clean(text);
        let mut lines: Vec<_> = text.lines().flat_map(|line| self.wrap(line, true)).collect();
        if lines.len() > TEXT_LINES {
            lines.truncate(TEXT_LINES);
            let room = self.width.saturating_sub(self.label + 6);
            if let Some(last) = lines.last_mut() {
                *last = format!("{} …", last.chars().take(room).collect::<String>().trim_end());
            }
        }
        lines
    }

    fn blank(&mut self) {
        self.line("");
    }

    fn line(&mut self, line: &str) {
        // Writing to a `String` cannot fail.
        let _ = writeln!(self.out, "{}", line.trim_end());
    }
}
