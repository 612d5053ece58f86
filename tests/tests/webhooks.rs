//! What a channel answers becomes what the notifier may do next, and no secret is ever part of it.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use jiff::SignedDuration;
use serde_json::Value;
use watchkeeper_domain::{
    channel::{Channel, ChannelKind, SecretName},
    message::{Message, Post, Trouble},
    notice::{Change, Kind, Notice, Severity},
    ports::Channels,
};
use watchkeeper_shell::{
    Webhooks,
    channels::{MessagesTopic, Patience, Secrets},
};
use watchkeeper_sim::webhooks::{IncidentState, Reply, Server};
use watchkeeper_tests::support::{
    aws::{config, moto, unique},
    faults::{Fault, Faulty, nobody},
    samples::notice,
};

const KEY: &str = "R0UT1NGKEYR0UT1NGKEYR0UT1NGKEY00";
const ENQUEUE: &str = "/v2/enqueue";
const NO_TOPIC: &str = "arn:aws:sns:eu-west-1:123456789012:messages";

fn message() -> Message {
    let notice = Notice { kind: Kind::Issue, change: Change::Opened, ..notice() };
    Message { conversation: notice.thread.clone(), notice, fold: None, repeated: false }
}

fn secret() -> SecretName {
    SecretName::Ssm("/watchkeeper/secret".to_owned())
}

fn pager(base: &str) -> Channel {
    let kind = ChannelKind::PagerDuty { secret: secret(), endpoint: base.to_owned() };
    Channel { name: "pager".to_owned(), kind }
}

/// Channels that know one secret, and wait for two seconds.
fn webhooks(value: &str) -> Webhooks {
    let patience = Patience { connect: Duration::from_secs(2), total: Duration::from_secs(2) };
    let topic = MessagesTopic::connect(&config("http://127.0.0.1:9"), NO_TOPIC);
    Webhooks::new(Secrets::given([(secret(), value.to_owned())]), topic, patience).unwrap()
}

async fn page(base: &str) -> Result<Option<String>, Trouble> {
    webhooks(KEY).show(&pager(base), &message(), &Post::New).await
}

/// What the notifier goes by: whether to try again, whether it may have been shown, when to try.
fn means(trouble: &Trouble) -> (bool, bool, Option<i64>) {
    (trouble.passing, trouble.ambiguous, trouble.retry_after.map(|wait| wait.as_secs()))
}

const LASTING: (bool, bool, Option<i64>) = (false, false, None);
const IN_DOUBT: (bool, bool, Option<i64>) = (true, true, None);

#[tokio::test]
async fn each_answer_says_what_to_do_next() {
    let server = Server::start().await.unwrap();
    for (reply, meaning, cause) in [
        (Reply::Status(400), LASTING, "400 as scripted"),
        (Reply::Status(404), LASTING, "404 as scripted"),
        (Reply::Status(410), LASTING, "410 as scripted"),
        (Reply::Status(413), LASTING, "413 as scripted"),
        (Reply::Status(301), LASTING, "301 as scripted"),
        (Reply::Status(307), LASTING, "307 as scripted"),
        (Reply::Status(408), IN_DOUBT, "408 as scripted"),
        (Reply::Status(500), IN_DOUBT, "500 as scripted"),
        (Reply::Status(502), IN_DOUBT, "502 as scripted"),
        (Reply::Status(503), IN_DOUBT, "503 as scripted"),
        (Reply::RetryAfter(503, 20), (true, false, Some(20)), "503 later"),
        (Reply::Status(429), (true, false, None), "429 as scripted"),
        (Reply::RetryAfter(429, 3), (true, false, Some(3)), "429 later"),
        (Reply::RetryAfter(429, 90_000), (true, false, Some(3_600)), "429 later"),
        (Reply::Hang, IN_DOUBT, "no answer in time"),
        (Reply::CutAfterAccepting, IN_DOUBT, "the connection broke before the answer"),
    ] {
        server.script(ENQUEUE, [reply]);
        let before = server.counts().get(ENQUEUE).copied().unwrap_or_default();
        let trouble = page(&server.base).await.unwrap_err();
        assert_eq!((means(&trouble), trouble.cause.as_str()), (meaning, cause), "{reply:?}");
        let after = server.counts()[ENQUEUE];
        let is_shown = matches!(reply, Reply::Hang | Reply::CutAfterAccepting);
        assert_eq!(after.requests - before.requests, 1, "{reply:?} is tried once");
        assert_eq!(after.shown - before.shown, usize::from(is_shown), "{reply:?}");
    }
    assert_eq!(page(&server.base).await, Ok(Some("triggered".to_owned())));
}

#[tokio::test]
async fn without_a_connection_nothing_was_shown() {
    let trouble = page(&nobody().await.unwrap()).await.unwrap_err();
    assert_eq!(
        (means(&trouble), trouble.cause.as_str()),
        ((true, false, None), "no connection: connection refused")
    );
}

#[tokio::test]
async fn a_host_that_is_not_there_is_a_passing_trouble() {
    let topic = MessagesTopic::connect(&config("http://127.0.0.1:9"), NO_TOPIC);
    let secrets = Secrets::given([(secret(), KEY.to_owned())]);
    let webhooks = Webhooks::new(secrets, topic, Patience::default()).unwrap();
    let nowhere = pager("https://events.pagerduty.invalid");
    let trouble = webhooks.show(&nowhere, &message(), &Post::New).await.unwrap_err();
    assert!(
        trouble.passing && !trouble.ambiguous && trouble.cause.starts_with("no connection"),
        "{trouble:?}"
    );
    assert!(!trouble.cause.contains("pagerduty"), "{trouble:?}");
}

#[tokio::test]
async fn an_answer_that_goes_on_for_ever_is_not_read_to_its_end() {
    let endless: &str = Box::leak("no ".repeat(5_000_000).into_boxed_str());
    let server = Faulty::start(Fault::Answer(404, endless)).await.unwrap();
    let trouble = page(&server.endpoint).await.unwrap_err();
    assert_eq!(trouble.cause.chars().count(), 84);
}

#[tokio::test]
async fn who_sends_too_fast_is_told_when_to_come_back() {
    let server = Server::start().await.unwrap();
    server.allow_per_second(1);
    page(&server.base).await.unwrap();
    let trouble = page(&server.base).await.unwrap_err();
    assert_eq!(trouble.retry_after, Some(SignedDuration::from_secs(1)));
    let count = server.counts()[ENQUEUE];
    assert_eq!((count.requests, count.shown, count.too_fast), (2, 1, 1));
}

#[tokio::test]
async fn an_incident_lives_on_pagerduty_as_long_as_its_case() {
    let server = Server::start().await.unwrap();
    let (webhooks, pager) = (webhooks(KEY), pager(&server.base));
    let with = |change| Message { notice: Notice { change, ..message().notice }, ..message() };
    let triggered = Post::Edit("triggered".to_owned());
    let state = || server.incidents().iter().map(|it| it.state).collect::<Vec<_>>();

    assert_eq!(webhooks.show(&pager, &with(Change::Resolved), &Post::New).await, Ok(None));
    assert_eq!(server.counts().get(ENQUEUE), None, "the end of what never was is not sent");
    let id = webhooks.show(&pager, &with(Change::Opened), &Post::New).await.unwrap();
    assert_eq!((id.as_deref(), state()), (Some("triggered"), vec![IncidentState::Triggered]));
    webhooks.show(&pager, &with(Change::Updated), &triggered).await.unwrap();
    webhooks.show(&pager, &with(Change::BurnedDown), &triggered).await.unwrap();
    assert_eq!(state(), [IncidentState::Acknowledged]);
    webhooks.show(&pager, &with(Change::Resolved), &triggered).await.unwrap();
    assert_eq!(state(), [IncidentState::Resolved]);
    webhooks.show(&pager, &with(Change::Reopened), &triggered).await.unwrap();
    assert_eq!(state(), [IncidentState::Resolved, IncidentState::Triggered]);
    assert_eq!(server.incidents()[0].events.len(), 4);
}

#[tokio::test]
async fn what_is_planned_is_a_change_event_without_an_id() {
    let server = Server::start().await.unwrap();
    let notice = Notice { kind: Kind::ScheduledChange, severity: Severity::Medium, ..message().notice };
    let planned = Message { notice, ..message() };
    assert_eq!(webhooks(KEY).show(&pager(&server.base), &planned, &Post::New).await, Ok(None));
    assert_eq!(server.shown("/v2/change/enqueue").len(), 1);
    assert_eq!(server.incidents(), []);
}

#[tokio::test]
async fn a_refused_secret_is_tried_at_most_once_more() {
    let server = Server::start().await.unwrap();
    for status in [401, 403] {
        let before = server.counts().get(ENQUEUE).copied().unwrap_or_default().requests;
        server.script(ENQUEUE, [Reply::Status(status), Reply::Status(status)]);
        let trouble = page(&server.base).await.unwrap_err();
        assert_eq!((means(&trouble), trouble.cause), (LASTING, format!("{status} as scripted")));
        assert_eq!(server.counts()[ENQUEUE].requests - before, 2);
        server.script(ENQUEUE, [Reply::Status(status)]);
        assert!(page(&server.base).await.is_ok());
    }
}

#[tokio::test]
async fn only_the_operators_command_has_a_terminal() {
    let channel = Channel { name: "terminal".to_owned(), kind: ChannelKind::Terminal };
    let trouble = webhooks(KEY).show(&channel, &message(), &Post::New).await.unwrap_err();
    assert_eq!(trouble, Trouble::lasting("only the operator's command has a terminal"));
}

#[tokio::test]
async fn no_secret_is_in_anything_that_can_be_printed() {
    const HUSH: &str = "R0UT1NGKEYR0UT1NGKEYR0UT1NGKEY00";
    let echo =
        "refused: R0UT1NGKEYR0UT1NGKEYR0UT1NGKEY00, /services/T0/R0UT1NGKEYR0UT1NGKEYR0UT1NGKEY00?sig=x";
    let echo = Faulty::start(Fault::Answer(400, echo)).await.unwrap();
    let silent = Faulty::start(Fault::Silence).await.unwrap();
    let cut = Faulty::start(Fault::HangUp).await.unwrap();
    for base in [echo.endpoint, silent.endpoint, cut.endpoint, nobody().await.unwrap(), "no address".into()] {
        let (url, endpoint) = (format!("{base}/services/T0/{HUSH}?sig=x"), base.clone());
        let bot = ChannelKind::SlackBot { secret: secret(), channel: "C1".into(), endpoint };
        for (kind, value) in [
            (pager(&base).kind, HUSH),
            (bot, HUSH),
            (ChannelKind::SlackWebhook { secret: secret() }, &url),
            (ChannelKind::SlackWorkflow { secret: secret() }, &url),
            (ChannelKind::Teams { secret: secret() }, &url),
        ] {
            let (webhooks, channel) = (webhooks(value), Channel { name: "any".into(), kind });
            let trouble = webhooks.show(&channel, &message(), &Post::New).await.unwrap_err();
            for printed in [format!("{trouble:?}"), format!("{webhooks:?}")] {
                assert!(!printed.contains("R0UT1NG"), "{printed}");
                assert!(!printed.contains(&base), "{printed}");
            }
        }
    }
}

/// A secret in one of moto's stores.
struct Kept {
    config: aws_config::SdkConfig,
    name: SecretName,
}

impl Kept {
    async fn new(endpoint: &str, name: SecretName, value: &str) -> Self {
        let config = config(endpoint);
        if let SecretName::SecretsManager(id) = &name {
            let client = aws_sdk_secretsmanager::Client::new(&config);
            client.create_secret().name(id).secret_string("none yet").send().await.unwrap();
        }
        let kept = Self { config, name };
        kept.put(value).await;
        kept
    }

    async fn put(&self, value: &str) {
        match &self.name {
            SecretName::SecretsManager(id) => {
                let client = aws_sdk_secretsmanager::Client::new(&self.config);
                client.put_secret_value().secret_id(id).secret_string(value).send().await.unwrap();
            }
            SecretName::Ssm(id) => {
                let secure = aws_sdk_ssm::types::ParameterType::SecureString;
                let request = aws_sdk_ssm::Client::new(&self.config).put_parameter().name(id).value(value);
                request.r#type(secure).overwrite(true).send().await.unwrap();
            }
        }
    }

    fn webhooks(&self) -> Webhooks {
        Webhooks::connect(&self.config, NO_TOPIC).unwrap()
    }
}

#[tokio::test]
async fn a_secret_is_read_once_and_again_after_it_was_refused() {
    let Some(endpoint) = moto() else { return };
    let names =
        [SecretName::SecretsManager(unique("pager")), SecretName::Ssm(format!("/{}", unique("pager")))];
    for name in names {
        let server = Server::start().await.unwrap();
        let (old, new) = ("O".repeat(32), "N".repeat(32));
        let kept = Kept::new(&endpoint, name.clone(), &format!(" {old}\n")).await;
        let kind = ChannelKind::PagerDuty { secret: name, endpoint: server.base.clone() };
        let (webhooks, channel) = (kept.webhooks(), Channel { name: "pager".to_owned(), kind });
        let keys = || -> Vec<Value> {
            server.shown(ENQUEUE).iter().map(|body| body["routing_key"].clone()).collect()
        };

        webhooks.show(&channel, &message(), &Post::New).await.unwrap();
        kept.put(&new).await;
        webhooks.show(&channel, &message(), &Post::New).await.unwrap();
        assert_eq!(keys(), [old.as_str(), old.as_str()], "it is kept in memory, without the newline");
        server.script(ENQUEUE, [Reply::Status(403)]);
        webhooks.show(&channel, &message(), &Post::New).await.unwrap();
        webhooks.show(&channel, &message(), &Post::New).await.unwrap();
        assert_eq!(keys()[2..], [new.as_str(), new.as_str()]);
    }
}

#[tokio::test]
async fn a_secret_that_is_not_there_is_a_lasting_trouble() {
    let Some(endpoint) = moto() else { return };
    for (name, cause) in [
        (
            SecretName::SecretsManager("gone".into()),
            "secret \"gone\": Secrets Manager: ResourceNotFoundException",
        ),
        (SecretName::Ssm("/gone".into()), "parameter \"/gone\": Parameter Store: ParameterNotFound"),
    ] {
        let kind = ChannelKind::PagerDuty { secret: name, endpoint: "https://events.example.com".to_owned() };
        let channel = Channel { name: "pager".to_owned(), kind };
        let webhooks = Webhooks::connect(&config(&endpoint), NO_TOPIC).unwrap();
        let trouble = webhooks.show(&channel, &message(), &Post::New).await.unwrap_err();
        assert_eq!(trouble, Trouble::lasting(cause));
    }
}

#[tokio::test]
async fn whoever_cannot_read_the_secret_has_certainly_shown_nothing() {
    let silent = Faulty::start(Fault::Answer(500, "{}")).await.unwrap();
    let webhooks = Webhooks::connect(&config(&silent.endpoint), NO_TOPIC).unwrap();
    let trouble =
        webhooks.show(&pager("https://events.example.com"), &message(), &Post::New).await.unwrap_err();
    assert_eq!(means(&trouble), (true, false, None), "{trouble:?}");
}
