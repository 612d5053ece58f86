use super::*;
use crate::{
    config::{
        Config,
        notice_matcher::{KEYS, values},
    },
    render::sample,
};

const CHANNELS: &str = r#"
[[channel]]
name = "slack"
kind = "slack-webhook"
secret = "secretsmanager:watchkeeper/slack"

[[channel]]
name = "pager"
kind = "pagerduty"
secret = "ssm:/watchkeeper/pager"
"#;

fn routing(routes: &str) -> Routing {
    Config::parse(&format!("{CHANNELS}{routes}")).unwrap().routing
}

fn names(routing: &Routing, notice: &Notice, now: &str) -> Vec<String> {
    let destinations = routing.destinations(notice, now.parse().unwrap());
    destinations.into_iter().map(|it| it.channel).collect()
}

const NOON: &str = "2026-11-20T12:00:00Z";

#[test]
fn without_routes_everything_goes_to_the_topic_messages() {
    assert_eq!(names(&Routing::default(), &sample::notice(), NOON), [MESSAGES]);
}

#[test]
fn the_first_match_stops_unless_the_route_says_continue() {
    let first = "[[route]]\nmatch = { service = [\"*\"] }\nchannels = [\"slack\"]\n";
    let second = "[[route]]\nchannels = [\"pager\"]\n";
    assert_eq!(names(&routing(&format!("{first}{second}")), &sample::notice(), NOON), ["slack"]);
    let both = format!("{first}then = \"continue\"\n{second}");
    assert_eq!(names(&routing(&both), &sample::notice(), NOON), ["pager", "slack"]);
}

#[test]
fn what_no_route_matches_takes_the_default_and_what_is_muted_goes_nowhere() {
    let routes = "[notifier]\ndefault = [\"pager\"]\n[[route]]\nmatch = { kind = [\"issue\"] }\nchannels = [\"slack\"]\n";
    let mut notice = sample::notice();
    notice.kind = crate::notice::Kind::Security;
    assert_eq!(names(&routing(routes), &notice, NOON), ["pager"]);
    let muted = "[[route]]\nmute = { type_code = [\"*\"] }\nchannels = [\"slack\"]\n";
    assert_eq!(names(&routing(muted), &notice, NOON), [""; 0]);
}

#[test]
fn every_key_of_a_match_is_looked_at() {
    let notice = Notice {
        owner: Some("payments".into()),
        environment: Some("production".into()),
        personas: vec!["OPERATIONS".into()],
        actionability: "ACTION_REQUIRED".into(),
        ..sample::notice()
    };
    for key in KEYS {
        let matching = values(key, &notice)[0].to_owned();
        for (value, expected) in [(matching.as_str(), "slack"), ("something else", "messages")] {
            let route = format!("[[route]]\nmatch = {{ {key} = [\"{value}\"] }}\nchannels = [\"slack\"]\n");
            assert_eq!(names(&routing(&route), &notice, NOON), [expected], "{key} = {value}");
        }
    }
}

#[test]
fn quiet_hours_hold_back_what_is_not_urgent_until_they_end_where_people_live() {
    let quiet = "quiet = { from = \"22:00\", to = \"07:00\", zone = \"Europe/Berlin\", urgent = \"high\" }\n";
    let routing = routing(&format!("[[route]]\nchannels = [\"slack\"]\n{quiet}"));
    let hold = |severity, now: &str| {
        let notice = Notice { severity, ..sample::notice() };
        routing.destinations(&notice, now.parse().unwrap())[0].hold_until.map(|at| at.to_string())
    };
    assert_eq!(hold(Severity::Medium, "2026-11-20T22:30:00Z"), Some("2026-11-21T06:00:00Z".into()));
    assert_eq!(hold(Severity::Medium, "2026-11-21T05:59:59Z"), Some("2026-11-21T06:00:00Z".into()));
    assert_eq!(hold(Severity::Medium, "2026-11-21T06:00:00Z"), None);
    assert_eq!(hold(Severity::High, "2026-11-20T22:30:00Z"), None);
    // The night in which the clock goes forward is an hour shorter.
    assert_eq!(hold(Severity::Low, "2026-03-28T21:30:00Z"), Some("2026-03-29T05:00:00Z".into()));
}

#[test]
fn an_end_of_quiet_hours_that_the_clock_skips_comes_after_the_gap() {
    let quiet = "quiet = { from = \"23:00\", to = \"02:30\", zone = \"Europe/Berlin\" }\n";
    let routing = routing(&format!("[[route]]\nchannels = [\"slack\"]\n{quiet}"));
    let held = routing.destinations(&sample::notice(), "2026-03-29T00:30:00Z".parse().unwrap());
    assert_eq!(held[0].hold_until.map(|at| at.to_string()), Some("2026-03-29T01:30:00Z".into()));
}

#[test]
fn every_problem_of_channels_and_routes_is_named() {
    let toml = r#"
[notifier]
default = ["nowhere"]
[[channel]]
name = "a b"
kind = "slack-webhook"
secret = "https://hooks.slack.com/services/T/B/secret"
[[channel]]
name = "irc"
kind = "irc"
[[route]]
channels = ["irc"]
then = "perhaps"
quiet = { from = "25:00", to = "07:00", zone = "Berlin" }
"#;
    let problems = Config::parse(toml).unwrap_err();
    let shown: Vec<_> = problems.iter().map(ToString::to_string).collect();
    assert!(!shown.iter().any(|problem| problem.contains("hooks.slack.com")), "a secret is never repeated");
    assert_eq!(
        shown,
        [
            "3:11: there is no channel `nowhere`; known: messages, a b, irc",
            "5:8: `name` must consist of letters, digits and hyphens",
            "7:10: `secret` must name where the secret is kept: \"secretsmanager:NAME\" or \"ssm:NAME\"; never the secret itself",
            "10:8: `kind` must be one of slack-webhook, slack-workflow, slack-bot, teams, pagerduty, topic",
            "13:8: `then` must be \"continue\" or \"stop\"",
            "14:18: `from` must be a time of day, as in \"22:00\"",
            "14:48: `Berlin` is no IANA time zone, as in Europe/Berlin",
        ]
    );
}
