use jiff::Timestamp;
use proptest::prelude::*;

use super::{size::length, *};
use crate::render::sample::{closed, everywhere, message, storm, worst};

/// Everything that Slack counts and shows, and a panic where it would answer `invalid_blocks`.
fn shown(value: &Value, counted: &mut Vec<String>) {
    let kind = value["type"].as_str().unwrap_or("message");
    let strings: &[&str] = match kind {
        "message" => &["text"],
        "header" | "rich_text" | "context" | "rich_text_section" | "rich_text_list" | "rich_text_quote" => {
            &[]
        }
        "text" | "plain_text" => &["text"],
        "link" => &["text", "url"],
        "date" => &["format", "fallback"],
        "emoji" => &["name"],
        other => panic!("{other} is not among what we use"),
    };
    for name in strings {
        let text = value[name].as_str().unwrap();
        assert!(!text.is_empty(), "Slack takes no empty text: {value}");
        counted.push(text.to_owned());
    }
    if kind == "header" {
        let header = value["text"]["text"].as_str().unwrap();
        assert!((1..=150).contains(&length(header)));
        shown(&value["text"], counted);
    }
    if kind == "plain_text" {
        assert_eq!(value["emoji"], false, "no :emoji: of somebody else's");
    }
    for list in ["blocks", "elements"] {
        for inner in value[list].as_array().into_iter().flatten() {
            shown(inner, counted);
        }
    }
}

/// Checks what Slack demands of a message, and that nothing in it is live.
fn check(rendered: &Value, message: &Message) {
    let blocks = rendered["blocks"].as_array().unwrap();
    assert!((1..=50).contains(&blocks.len()));
    assert!(size(blocks) <= BLOCKS, "{} characters of JSON", size(blocks));
    let mut counted = Vec::new();
    shown(rendered, &mut counted);
    let total: usize = counted.iter().map(|text| length(text)).sum();
    assert!(total < 12_000, "{total} characters");
    let json = rendered.to_string();
    assert!(!json.contains("mrkdwn"), "nothing is parsed");
    escaped(rendered["text"].as_str().unwrap());
    let ours = links(&message.notice);
    for url in json.split("\"url\":\"").skip(1).map(|rest| rest.split('"').next().unwrap()) {
        assert!(ours.iter().any(|link| link.url == url), "{url} is not ours");
    }
}

/// Panics where `text` has something that `mrkdwn` would act on besides the three entities.
fn escaped(text: &str) {
    assert!(!text.contains(['<', '>']), "{text}");
    for rest in text.split('&').skip(1) {
        assert!(["amp;", "lt;", "gt;"].iter().any(|entity| rest.starts_with(entity)), "{text}");
    }
}

#[test]
fn an_ordinary_notice() {
    insta::assert_json_snapshot!(blocks(&message()));
}

#[test]
fn a_storm_speaks_of_all_and_not_of_the_case_that_leads_it() {
    insta::assert_json_snapshot!(blocks(&storm()));
}

#[test]
fn a_case_that_is_over() {
    insta::assert_json_snapshot!(blocks(&closed()));
}

#[test]
fn a_reply_says_what_has_changed() {
    insta::assert_json_snapshot!(reply(&closed()));
}

#[test]
fn a_workflow_gets_flat_text() {
    insta::assert_json_snapshot!(workflow(&message()));
}

#[test]
fn a_drill_and_a_repeat_are_marked_in_words() {
    let mut drill = message();
    drill.notice.drill = true;
    drill.repeated = true;
    for rendered in [blocks(&drill), reply(&drill)] {
        let json = rendered.to_string();
        assert!(json.contains("DRILL") && json.contains(REPEATED), "{json}");
        assert!(rendered["text"].as_str().unwrap().contains("(sent again)"));
    }
}

#[test]
fn a_step_of_a_case_that_is_over_is_not_told_to_those_that_are_not() {
    let mut storm = storm();
    storm.notice = closed().notice;
    let json = blocks(&storm).to_string();
    assert!(json.contains("partly resolved"), "{json}");
    assert!(!json.contains("Nothing more to do") && !json.contains("white_check_mark"), "{json}");
}

#[test]
fn a_date_that_no_client_could_show_is_left_out() {
    let mut old = message();
    old.notice.deadline = Some(Timestamp::MIN);
    assert!(!blocks(&old).to_string().contains("\"date\""));
}

#[test]
fn the_worst_of_everything_still_fits() {
    for mut message in worst() {
        check(&blocks(&message), &message);
        check(&reply(&message), &message);
        message.fold = None;
        check(&blocks(&message), &message);
        check(&reply(&message), &message);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn no_text_is_too_long_or_live(message in everywhere()) {
        check(&blocks(&message), &message);
        check(&reply(&message), &message);
    }

    #[test]
    fn no_variable_of_a_workflow_is_empty_or_live(message in everywhere()) {
        let variables = workflow(&message);
        let variables = variables.as_object().unwrap();
        for (name, value) in variables.iter().filter(|(name, _)| *name != "link") {
            let value = value.as_str().unwrap();
            prop_assert!(!value.is_empty(), "{}", name);
            escaped(value);
        }
        let total: usize = variables.values().map(|value| value.as_str().unwrap().chars().count()).sum();
        prop_assert!(total < 12_000, "{} characters", total);
    }
}
