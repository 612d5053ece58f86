//! Mail as plain text, and Amazon Q Developer in chat applications: the forms of one SNS message.

mod chat;
mod page;

use serde_json::json;

use crate::{
    message::Message,
    render::{REPEATED, facts, headline, links, next_step, resource_count, standing, text_label},
    text,
};

use self::page::Page;

/// The most characters of a subject: SNS takes "less than 100 characters" (SNS API Reference, `Publish`).
const SUBJECT: usize = 99;
/// The most characters of the short form.
const SHORT: usize = 1_000;
/// The most characters of a headline. This and the limits that follow keep all forms together far below the 262,144
/// bytes that SNS takes (SNS API Reference, `Publish`).
const HEADLINE: usize = 300;
/// The most characters of a fact.
const VALUE: usize = 400;
/// The most characters of the name of a resource.
const NAME: usize = 300;
/// How many resources are named.
const RESOURCES: usize = 20;
/// The most characters of AWS's own words.
const TEXT: usize = 3_000;

/// One message in the forms that the subscriptions of the topic `messages` get (SNS Developer Guide, "Publishing with
/// a message structure").
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Forms {
    /// For every protocol without a form of its own: one short paragraph. SNS demands it.
    pub default: String,
    /// Plain text that reads well at 72 columns.
    pub email: String,
    /// For Amazon Q Developer in chat applications: a custom notification, as JSON.
    pub https: String,
}

impl Forms {
    /// What `Publish` takes with `MessageStructure=json`.
    pub fn to_json(&self) -> String {
        json!({ "default": self.default, "email": self.email, "https": self.https }).to_string()
    }
}

/// All forms of `message`.
pub fn forms(message: &Message) -> Forms {
    Forms { default: short(message), email: email(message), https: chat::notification(message).to_string() }
}

/// The subject of a mail: printable ASCII on one line, which begins with a letter, a digit or punctuation (SNS API
/// Reference, `Publish`).
pub fn subject(message: &Message) -> String {
    let severity = message.severity().as_str().to_uppercase();
    let repeated = if message.repeated { "(again) " } else { "" };
    let headline = text::cut(&headline(message), SUBJECT);
    let subject = ascii(&format!("[{severity}] {repeated}{headline}"));
    match subject.get(..SUBJECT) {
        Some(start) if subject.len() > SUBJECT => format!("{}...", start[..SUBJECT - 3].trim_end()),
        Some(_) | None => subject,
    }
}

/// `text` in ASCII: the usual typography in its typewriter form, anything else as `?`.
fn ascii(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            ' '..='~' => out.push(c),
            '…' => out.push_str("..."),
            '→' => out.push_str("->"),
            '–' | '—' | '‑' => out.push('-'),
            '‘' | '’' => out.push('\''),
            '“' | '”' => out.push('"'),
            _ if c.is_whitespace() => out.push(' '),
            _ => out.push('?'),
        }
    }
    out.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn short(message: &Message) -> String {
    let fold = message.fold.as_ref().map(|fold| format!("{}.", fold.summary()));
    let parts = [
        Some(format!("{}: {}.", standing(message), text::cut(&headline(message), HEADLINE))),
        fold,
        next_step(message).map(|step| text::cut(&step, VALUE)),
        message.repeated.then(|| REPEATED.to_owned()),
    ];
    text::cut(&parts.into_iter().flatten().collect::<Vec<_>>().join(" "), SHORT)
}

fn email(message: &Message) -> String {
    let notice = &message.notice;
    let mut page = Page::default();
    page.paragraph(&standing(message));
    page.headline(&text::cut(&headline(message), HEADLINE));
    if message.repeated {
        page.blank();
        page.paragraph(REPEATED);
    }
    page.blank();
    let rows: Vec<_> = facts(message)
        .into_iter()
        .map(|fact| (text::cut(&fact.name, 24), text::cut(&fact.value, VALUE)))
        .collect();
    page.rows(&rows);
    resources(&mut page, message);
    if let Some(step) = next_step(message) {
        page.title("Next step");
        page.indented(&text::cut(&step, 2 * VALUE));
    }
    for link in links(notice) {
        page.title(&link.title);
        page.indented(&link.url);
    }
    if let Some(label) = text_label(notice) {
        page.title(label);
        page.quoted(&text::cut(&text::clean(&notice.text), TEXT));
    }
    page.blank();
    page.line("--");
    let thread = text::cut(&text::line(&notice.thread), 64);
    page.paragraph(&format!("Watchkeeper, message {} of case {thread}", notice.seq));
    page.finish()
}

fn resources(page: &mut Page, message: &Message) {
    let notice = &message.notice;
    if notice.resources.is_empty() {
        return;
    }
    page.title("Affected");
    let shown = notice.resources.iter().take(RESOURCES);
    let rows: Vec<_> = shown.map(|it| (text::line(&it.status), text::line(&it.name))).collect();
    let rows: Vec<_> =
        rows.into_iter().map(|(status, name)| (text::cut(&status, 24), text::cut(&name, NAME))).collect();
    page.indented_rows(&rows);
    let more = resource_count(message).saturating_sub(rows.len());
    if more > 0 {
        page.indented(&format!("… and {more} more"));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;
    use crate::{
        notice::Notice,
        render::sample::{closed, everywhere, message, notice, storm},
        render::terminal::columns,
    };

    fn chat(message: &Message) -> Value {
        serde_json::from_str(&forms(message).https).unwrap()
    }

    #[test]
    fn a_mail_reads_well() {
        for (name, message) in [("ordinary", message()), ("storm", storm()), ("closed", closed())] {
            let mail = format!("Subject: {}\n\n{}", subject(&message), forms(&message).email);
            insta::assert_snapshot!(format!("mail_{name}"), mail);
        }
    }

    #[test]
    fn the_short_form_says_what_and_what_to_do() {
        insta::assert_snapshot!("mail_default", forms(&message()).default);
    }

    #[test]
    fn amazon_q_gets_a_custom_notification() {
        for (name, message) in [("ordinary", message()), ("storm", storm()), ("closed", closed())] {
            insta::assert_json_snapshot!(format!("chat_{name}"), chat(&message));
        }
    }

    #[test]
    fn a_repeat_says_so_in_every_form() {
        let again = Message { repeated: true, ..message() };
        let forms = forms(&again);
        assert!(subject(&again).contains("(again)"));
        for form in [forms.default, forms.email, forms.https] {
            assert!(form.contains("Sent again"), "{form}");
        }
    }

    #[test]
    fn a_subject_is_ascii_and_short() {
        let headline = format!("“Größe” → 東京 \u{1f525} — x… {}", "y".repeat(200));
        let subject = subject(&Message { notice: Notice { headline, ..notice() }, ..message() });
        assert!(subject.starts_with("[HIGH] \"Gr??e\" -> ?? ? - x... yyy"), "{subject}");
        assert_eq!((subject.len(), subject.ends_with("...")), (99, true));
    }

    #[test]
    fn a_name_that_is_longer_than_a_line_stays_whole_on_its_own() {
        let name = format!("arn:aws:rds:eu-west-1:111122223333:db:{}", "n".repeat(80));
        let mut long = message();
        long.notice.resources[0].name = name.clone();
        let mail = forms(&long).email;
        assert!(mail.lines().any(|line| line.trim() == name), "{mail}");
    }

    #[test]
    fn nothing_in_the_text_is_live_in_a_chat() {
        let text = "<!channel> @channel @here <@U1> *b* _i_ ~s~ `c` [x](https://evil.example) ![i](https://evil.example) \
                    &lt;!here&gt; <at>all</at>\n# h\n- l\n[y]: https://evil.example\n```f\nAWS_RDS_X a@b.example ?a=1&b=2";
        let said = chat(&Message { notice: Notice { text: text.into(), ..notice() }, ..message() });
        insta::assert_snapshot!("chat_hostile", said["content"]["description"].as_str().unwrap());
    }

    /// What could be markup, a mention or a masked link in Slack or Teams, but for the quotation mark that we set.
    fn is_live(text: &str) -> bool {
        let text =
            text.lines().map(|line| line.strip_prefix('>').unwrap_or(line)).collect::<Vec<_>>().join("\n");
        let outside: String = text.split('`').step_by(2).collect();
        let mention = |(at, _): (usize, &str)| {
            let after = outside[at + 1..].starts_with(|c: char| c.is_ascii_alphanumeric());
            after && !outside[..at].ends_with(|c: char| c.is_ascii_alphanumeric())
        };
        text.contains(['<', '>'])
            || outside.contains(['*', '~'])
            || ["](", "][", "]:", "&lt", "&#", "&gt"].iter().any(|it| outside.contains(it))
            || outside.lines().any(|line| line.trim().starts_with(['#', '-', '+', '=', '|']))
            || outside.match_indices('@').any(mention)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn whatever_aws_writes_it_fits_and_nothing_is_live(message in everywhere()) {
            let forms = forms(&message);
            let all = forms.to_json();
            prop_assert!(all.len() <= 262_144, "{} bytes", all.len());
            let read: Value = serde_json::from_str(&all).unwrap();
            prop_assert!(read["default"].as_str().is_some_and(|it| !it.is_empty() && it.chars().count() <= SHORT));

            for line in forms.email.lines() {
                let word = line.trim_start_matches("> ").trim();
                prop_assert!(columns(line) <= 72 || !word.contains(' '), "{line:?}");
                prop_assert!(!line.contains(char::is_control), "{line:?}");
            }

            let subject = subject(&message);
            prop_assert!((1..100).contains(&subject.len()), "{subject:?}");
            prop_assert!(subject.bytes().all(|c| (b' '..=b'~').contains(&c)), "{subject:?}");
            prop_assert!(subject.starts_with('['), "{subject:?}");

            let chat: Value = serde_json::from_str(&forms.https).unwrap();
            let (content, metadata) = (&chat["content"], &chat["metadata"]);
            let steps = content["nextSteps"].as_array().unwrap();
            let own = ["title", "description"].map(|name| content[name].as_str().unwrap());
            prop_assert!(own[0].chars().count() <= 250 && own[1].chars().count() <= 8_000);
            prop_assert!(!own[0].is_empty() && !own[1].is_empty());
            for text in own.into_iter().chain(steps.first().and_then(Value::as_str)) {
                prop_assert!(!is_live(text), "{text}");
            }
            prop_assert!(metadata["additionalContext"].as_object().unwrap().values().all(Value::is_string));
        }
    }
}
