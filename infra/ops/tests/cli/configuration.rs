//! The configuration that is delivered: what stands in comments there works, once it is uncommented.

use std::{fs, path::Path};

use jiff::Timestamp;
use watchkeeper_domain::{
    config::{Config, Destination, Routing},
    notice::{Kind, Notice, Severity},
};

use crate::{ROOT, fresh, json_lines, out, watchkeeper};

fn text() -> String {
    fs::read_to_string(Path::new(ROOT).join("infra/config/watchkeeper.toml")).unwrap()
}

/// Without the `#` of every example. Prose has a space behind it.
fn uncommented() -> String {
    let line = |line: &str| match line.strip_prefix('#') {
        Some(example) if !example.is_empty() && !example.starts_with(' ') => format!("{example}\n"),
        Some(_) | None => format!("{line}\n"),
    };
    text().lines().map(line).collect()
}

/// A notice as `explain` shows it.
fn notice() -> Notice {
    let event = "events/health-responder/04-ec2-instance-retirement-2022-schema.json";
    let told = out(&watchkeeper(&fresh("configuration").join("state"), &["explain", event, "--json"]));
    serde_json::from_value(json_lines(&told).remove(0)["notices"][0].take()).unwrap()
}

fn destinations(routing: &Routing, notice: &Notice, now: &str) -> Vec<(String, Option<Timestamp>)> {
    let pair = |it: Destination| (it.channel, it.hold_until);
    routing.destinations(notice, now.parse().unwrap()).into_iter().map(pair).collect()
}

#[test]
fn as_delivered_it_names_no_channel() {
    assert_eq!(Config::parse(&text()).unwrap().routing, Routing::default());
}

#[test]
fn its_examples_are_channels_and_routes_that_do_what_their_comments_say() {
    let config = Config::parse(&uncommented()).unwrap();
    let routing = &config.routing;
    let names: Vec<_> = routing.channels.iter().map(|channel| channel.name.as_str()).collect();
    assert_eq!(names, ["slack", "slack-databases", "teams", "pager", "messages"]);

    let (night, morning) = ("2026-11-20T23:00:00Z", "2026-11-21T06:00:00Z".parse().ok());
    let grave = Notice { severity: Severity::Critical, environment: Some("production".into()), ..notice() };
    let at_once = |names: &[&str]| names.iter().map(|it| ((*it).to_owned(), None)).collect::<Vec<_>>();
    assert_eq!(destinations(routing, &grave, night), at_once(&["pager", "slack", "teams"]));
    let usual = Notice { severity: Severity::High, ..grave };
    assert_eq!(destinations(routing, &usual, night), [("slack".into(), morning), ("teams".into(), morning)]);
    let database = Notice { service: "RDS".into(), ..usual };
    assert_eq!(destinations(routing, &database, night), at_once(&["slack-databases"]));
    let news = Notice { kind: Kind::GoodNews, actionability: "INFORMATIONAL".into(), ..database };
    assert_eq!(destinations(routing, &news, night), []);
}
