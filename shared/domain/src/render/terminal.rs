//! A notice as text for a terminal, as a person reads it.

use std::fmt::Write;

use textwrap::{Options, WordSplitter};

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
/// The labels that do not come with the notice.
const LABELS: [&str; 2] = ["Affected", "Next step"];
/// The widest label that values are aligned for.
const WIDEST_LABEL: usize = 16;

/// `notice` laid out for `width` columns, ending in a newline. Addresses and ARNs are never broken, so that they can be
/// copied. Nothing in it can move the cursor or set a colour but what `style` asks for.
pub fn render(notice: &Notice, width: usize, style: Style) -> String {
    let facts = facts(notice);
    let [affected, next_step] = LABELS;
    let said = super::text_label(notice);
    let labels = [affected, next_step].into_iter().chain(said);
    let labels = labels.chain(facts.iter().map(|fact| fact.name.as_str())).map(columns);
    let label = labels.filter(|label| *label <= WIDEST_LABEL).max().unwrap_or_default();
    let mut sheet = Sheet { out: String::new(), width: width.max(NARROWEST), label, style };
    sheet.header(notice);
    sheet.headline(&notice.headline);
    sheet.blank();
    for fact in &facts {
        sheet.row(&fact.name, &sheet.wrap(&fact.value));
    }
    if !notice.resources.is_empty() {
        sheet.row(affected, &resources(&notice.resources, notice.resource_count));
    }
    sheet.row(next_step, &sheet.wrap(&notice.next_step));
    if let Some(label) = said {
        sheet.row(label, &sheet.shortened(&notice.text));
    }
    sheet.links(&notice.links);
    sheet.out
}

/// `text` in that paint, or as it is.
pub fn paint(text: &str, paint: Paint, style: Style) -> String {
    let code = match (style, paint) {
        (Style::Plain, _) => return text.to_owned(),
        _ if text.is_empty() => return String::new(),
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
        let about = format!(" {drill}{}, {} ", notice.kind.as_str().replace('-', " "), notice.change_word());
        let mut at = notice.at.strftime(" %-d %b %Y %H:%M UTC ").to_string();
        let taken = 6 + columns(&word) + columns(&about);
        if taken + columns(&at) >= self.width {
            at.clear();
        }
        let taken = taken + columns(&at);
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
        for line in wrap(headline, self.width, false) {
            let line = paint(&line, Paint::Bold, self.style);
            self.line(&line);
        }
    }

    fn row(&mut self, label: &str, value: &[String]) {
        let mut label = label;
        for line in value {
            let padding = " ".repeat(self.label.saturating_sub(columns(label)));
            let label = paint(std::mem::take(&mut label), Paint::Dim, self.style);
            self.line(&format!("  {label}{padding}  {line}"));
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

    /// `text` on as many lines as the column of values needs.
    fn wrap(&self, text: &str) -> Vec<String> {
        wrap(text, self.room(), false)
    }

    fn room(&self) -> usize {
        self.width.saturating_sub(self.label + 4)
    }

    /// The first few lines of `text`.
    fn shortened(&self, text: &str) -> Vec<String> {
        let text = text::clean(text);
        let mut lines: Vec<_> = text.lines().flat_map(|line| wrap(line, self.room(), true)).collect();
        if lines.len() > TEXT_LINES {
            lines.truncate(TEXT_LINES);
            if let Some(last) = lines.last_mut() {
                let short = wrap(last, self.room().saturating_sub(2), true);
                *last = format!("{} …", short.first().map_or("", String::as_str));
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

/// `text` on lines of at most `width` columns, but for longer words that must not be broken.
pub fn wrap(text: &str, width: usize, break_words: bool) -> Vec<String> {
    let options = Options::new(width).break_words(break_words).word_splitter(WordSplitter::NoHyphenation);
    let text = text::line(text);
    let lines = textwrap::wrap(&text, options).into_iter().filter(|line| !line.is_empty());
    lines.map(|line| line.into_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notice::{Change, Kind};
    use jiff::Timestamp;
    use proptest::prelude::*;

    fn fact(name: &str, value: &str) -> Fact {
        Fact { name: name.into(), value: value.into() }
    }

    fn pending(name: &str) -> Resource {
        Resource { name: format!("arn:aws:rds:eu-west-1:111122223333:db:{name}"), status: "PENDING".into() }
    }

    fn notice() -> Notice {
        let at: Timestamp = "2026-10-31T00:00:00Z".parse().unwrap();
        Notice {
            id: "n".into(),
            thread: "t".into(),
            seq: 1,
            kind: Kind::PlannedLifecycle,
            change: Change::Opened,
            severity: Severity::High,
            headline: "Amazon RDS for MySQL 8.0 end of standard support in eu-west-1, by 30 Nov 2026 (in 30 days)".into(),
            text: "Standard support finished on July 31. The DB instances listed with this event still run it.\n\nBeginning \
                November 30, RDS will upgrade each remaining instance during its weekly maintenance window. To choose \
                your own time, create a blue/green deployment, test your application against it, and switch over \
                before that date. If you need longer, enroll the instance in RDS Extended Support."
                .into(),
            facts: vec![
                fact("Status", "upcoming"),
                fact("Deadline", "30 Nov 2026 00:00 UTC, in 30 days"),
                fact("Resources", "3: 2 pending, 1 resolved"),
                fact("Account", "111122223333 (production)"),
            ],
            resources: vec![pending("orders-mysql"), pending("payments-ledger")],
            resource_count: 3,
            deadline: None,
            owner: Some("payments".into()),
            next_step: "Upgrade with a blue/green deployment on a day of your own choosing: test against the green side, \
                switch over, and keep the blue one for a week."
                .into(),
            links: vec![
                Link { title: "Runbook".into(), url: "https://runbooks.example.com/databases/major-upgrade".into() },
                Link { title: "AWS Health Dashboard".into(), url: "https://health.aws.amazon.com/health/home".into() },
            ],
            service: "RDS".into(),
            type_code: "AWS_RDS_PLANNED_LIFECYCLE_EVENT".into(),
            region: "eu-west-1".into(),
            account: "111122223333".into(),
            environment: None,
            personas: Vec::new(),
            actionability: String::new(),
            event_arn: String::new(),
            topic: String::new(),
            provider_change: true,
            drill: false,
            at,
        }
    }

    /// Text without what [`Style::Colour`] adds.
    fn uncoloured(text: &str) -> String {
        let mut parts = text.split('\u{1b}');
        let first = parts.next().unwrap_or_default().to_owned();
        parts.fold(first, |all, part| all + part.split_once('m').unwrap().1)
    }

    #[test]
    fn a_planned_change() {
        let text = render(&notice(), 100, Style::Plain);
        insta::assert_snapshot!(text);
    }

    #[test]
    fn a_reminder_of_many_resources_on_a_narrow_terminal() {
        let resources = (1..=20).map(|n| pending(&format!("orders-{n}"))).collect();
        let change = Change::CountedDown;
        let notice = Notice { change, resources, resource_count: 25, drill: true, ..notice() };
        let text = render(&notice, 60, Style::Plain);
        insta::assert_snapshot!(text);
    }

    #[test]
    fn a_payload_that_nobody_could_read() {
        let notice = Notice {
            kind: Kind::Malformed,
            headline: "A Health event that cannot be read".into(),
            text: format!("{{\"detail\":\"{}\"}}", "x".repeat(200)),
            facts: vec![fact("Problem", "`detail` is not an object")],
            resources: Vec::new(),
            resource_count: 0,
            owner: None,
            links: Vec::new(),
            ..notice()
        };
        let text = render(&notice, 80, Style::Plain);
        insta::assert_snapshot!(text);
    }

    #[test]
    fn colours_change_nothing_but_colours() {
        let (plain, coloured) = (render(&notice(), 80, Style::Plain), render(&notice(), 80, Style::Colour));
        assert!(coloured.contains("\u{1b}[1;31m HIGH \u{1b}[0m"));
        let trimmed: Vec<_> = uncoloured(&coloured).lines().map(|line| line.trim_end().to_owned()).collect();
        assert_eq!(trimmed, plain.lines().collect::<Vec<_>>());
    }

    proptest! {
        #[test]
        fn nothing_that_aws_writes_can_move_the_cursor(text in any::<String>(), width in 0_usize..200) {
            let text = format!("\u{1b}[31m{text}\u{9b}2J\r\u{8}\u{202e}x");
            let all = Notice {
                headline: text.clone(),
                text: text.clone(),
                facts: vec![fact(&text, &text)],
                resources: vec![Resource { name: text.clone(), status: text.clone() }],
                owner: Some(text.clone()),
                next_step: text.clone(),
                links: vec![Link { title: text.clone(), url: text }],
                ..notice()
            };
            let rendered = render(&all, width, Style::Plain);
            let moves = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
            prop_assert!(!rendered.contains(moves), "{:?}", rendered);
        }
    }
}
