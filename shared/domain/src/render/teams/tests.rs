use proptest::prelude::*;

use super::*;
use crate::render::sample::{closed, everywhere, message, storm, worst};

/// The required properties of Adaptive Cards 1.4, "Schema explorer", for the elements that are used.
fn required(kind: &str) -> &'static [&'static str] {
    match kind {
        "AdaptiveCard" => &["version", "body"],
        "TextBlock" | "TextRun" => &["text"],
        "FactSet" => &["facts"],
        "RichTextBlock" => &["inlines"],
        "Action.OpenUrl" => &["url", "title"],
        other => panic!("{other} is not among what we use"),
    }
}

/// Panics where `element` lacks what the schema requires, or holds Markdown that is live.
fn valid(element: &Value) {
    let kind = element["type"].as_str().unwrap();
    for name in required(kind) {
        assert!(!element[name].is_null(), "{kind} without {name}: {element}");
    }
    if kind == "TextBlock" {
        dead(element["text"].as_str().unwrap());
    }
    if kind == "TextRun" {
        let text = element["text"].as_str().unwrap();
        assert!(!text.is_empty() && !text.contains(['\n', '\r']) && !text.contains("{{"), "{text:?}");
    }
    for fact in element["facts"].as_array().into_iter().flatten() {
        for part in ["title", "value"] {
            dead(fact[part].as_str().unwrap());
        }
    }
    for list in ["body", "actions", "inlines"] {
        for inner in element[list].as_array().into_iter().flatten() {
            valid(inner);
        }
    }
}

/// Panics where `text` has Markdown that does something.
fn dead(text: &str) {
    let mut left = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => left.push(
                chars.next().map_or('\\', |escaped| if escaped.is_ascii_punctuation() { '_' } else { '\\' }),
            ),
            '_' => panic!("live: {text}"),
            c => left.push(c),
        }
    }
    let live = ['\\', '`', '*', '[', ']', '<', '>', '&', '~', '|', '!', '\n'];
    assert!(!left.contains(live) && !left.contains("://") && !left.contains("{{"), "live: {text}");
    let after_number = left.trim_start_matches(|c: char| c.is_ascii_digit());
    assert!(!left.starts_with(['#', '+', '-', '=', ' ']), "live: {text}");
    assert!(after_number == left || !after_number.starts_with(['.', ')']), "live: {text}");
}

fn check(card: &Value, message: &Message) {
    assert!(card.to_string().len() <= CARD, "{} bytes", card.to_string().len());
    assert_eq!(card["type"], "message");
    let attachment = &card["attachments"][0];
    assert_eq!(attachment["contentType"], "application/vnd.microsoft.card.adaptive");
    let content = &attachment["content"];
    assert_eq!((&content["type"], &content["version"]), (&json!("AdaptiveCard"), &json!("1.4")));
    valid(content);
    dead(content["fallbackText"].as_str().unwrap());
    let actions = content["actions"].as_array().unwrap();
    let ours = links(&message.notice);
    assert!(actions.len() <= 6);
    assert!(actions.iter().all(|it| ours.iter().any(|link| it["url"] == link.url)));
}

fn content(message: &Message) -> Value {
    let mut card = card(message);
    check(&card, message);
    card["attachments"][0]["content"].take()
}

#[test]
fn an_ordinary_notice() {
    insta::assert_json_snapshot!(card(&message()));
}

#[test]
fn a_storm_speaks_of_all_and_not_of_the_case_that_leads_it() {
    insta::assert_json_snapshot!(content(&storm())["body"]);
}

#[test]
fn a_case_that_is_over() {
    insta::assert_json_snapshot!(content(&closed())["body"]);
}

#[test]
fn a_drill_and_a_repeat_are_marked_in_words() {
    let mut drill = message();
    drill.notice.drill = true;
    drill.repeated = true;
    let json = content(&drill).to_string();
    assert!(json.contains("DRILL") && json.contains(REPEATED), "{json}");
}

#[test]
fn ordinary_words_have_no_backslash() {
    let headline = "Amazon RDS (MySQL 8.0) end of support in eu-west-1, by 30 Nov 2026: 1. now";
    assert_eq!(markdown(headline), headline);
}

#[test]
fn markup_is_shown_as_it_was_written() {
    assert_eq!(markdown("[x](https://evil.example) <b>"), r"\[x\](https\://evil.example) \<b\>");
    assert_eq!(markdown("12. AWS_EC2 *a*"), r"12\. AWS\_EC2 \*a\*");
    assert_eq!(markdown("- a - b"), r"\- a - b");
    assert_eq!(markdown("{{{DATE(x)}}}"), "{ { {DATE(x)}}}");
}

#[test]
fn a_long_text_of_wide_characters_is_shortened_until_it_fits() {
    let mut long = message();
    long.notice.text = "\u{1f525}".repeat(100_000);
    long.notice.headline = "\u{1f525}".repeat(1_000);
    let resource = long.notice.resources[0].clone();
    long.notice.resources = vec![resource; 20];
    long.notice.resources.iter_mut().for_each(|it| it.name = "\u{1f525}".repeat(200));
    long.notice.resource_count = 5_000;
    let json = content(&long).to_string();
    assert!(json.contains("more") && json.contains("AWS says"), "{json}");
}

#[test]
fn a_connector_is_retired_and_a_workflow_is_not() {
    for url in [
        "https://example.webhook.office.com/webhookb2/1/IncomingWebhook/2/3",
        "https://EXAMPLE.Webhook.Office.com:443/webhookb2/1",
        "https://outlook.office.com/webhook/1",
        "https://outlook.office365.com/webhook/1/IncomingWebhook/2",
    ] {
        assert!(retired(url), "{url}");
    }
    for url in [
        "https://prod-1.westeurope.logic.azure.com:443/workflows/1/triggers/manual/paths/invoke?sig=1",
        "https://1.2.environment.api.powerplatform.com/powerautomate/automations/direct/workflows/1",
        "https://example.com/?next=https://x.webhook.office.com/",
        "https://webhook.office.com.example.com/",
        "",
    ] {
        assert!(!retired(url), "{url}");
    }
}

#[test]
fn the_worst_of_everything_still_fits() {
    for mut message in worst() {
        check(&card(&message), &message);
        message.fold = None;
        check(&card(&message), &message);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn no_card_is_too_large_or_live(message in everywhere()) {
        check(&card(&message), &message);
    }

    #[test]
    fn what_is_escaped_reads_as_before(text in "[ -~]{0,40}") {
        let line = parted(&text::line(&text));
        let escaped = markdown(&text);
        dead(&escaped);
        let mut shown = String::new();
        let mut chars = escaped.chars();
        while let Some(c) = chars.next() {
            shown.extend(if c == '\\' { chars.next() } else { Some(c) });
        }
        prop_assert_eq!(shown, line);
    }
}
