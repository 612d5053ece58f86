//! Channels whose secrets are in AWS (moto): messages really go out, and `check --connect` judges the secrets.

use std::process::{Command, Output};

use aws_sdk_secretsmanager::{
    Client,
    config::{BehaviorVersion, Credentials, Region},
};
use watchkeeper_sim::webhooks::{Reply, Server};

use crate::{command, config, fresh, out};

/// The endpoint of the moto server that `tests/run` has started. A test skips without it, and says so.
#[expect(clippy::disallowed_methods, reason = "how tests/run tells where its peers are")]
#[expect(clippy::print_stderr, reason = "a test that skips says so")]
fn moto() -> Option<String> {
    let moto = std::env::var("WATCHKEEPER_TEST_MOTO").ok().filter(|it| !it.is_empty());
    if moto.is_none() {
        eprintln!("SKIPPED: WATCHKEEPER_TEST_MOTO is not set; tests/run sets it");
    }
    moto
}

/// Secrets that no other test, in this run or another, has.
struct Store {
    client: Client,
    endpoint: String,
    prefix: String,
}

impl Store {
    fn at(endpoint: String, test: &str) -> Self {
        let config = aws_sdk_secretsmanager::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::from_static("eu-west-1"))
            .credentials_provider(Credentials::new("testing", "testing", None, None, "test"))
            .endpoint_url(&endpoint);
        let prefix = format!("watchkeeper/{test}-{}", std::process::id());
        Self { client: Client::from_conf(config.build()), endpoint, prefix }
    }

    async fn keep(&self, name: &str, value: &str) {
        let name = format!("{}/{name}", self.prefix);
        self.client.create_secret().name(name).secret_string(value).send().await.unwrap();
    }

    /// `[[channel]]`, whose secret has its name.
    fn channel(&self, name: &str, kind: &str, more: &str) -> String {
        let secret = format!("secretsmanager:{}/{name}", self.prefix);
        format!("[[channel]]\nname = \"{name}\"\nkind = \"{kind}\"\nsecret = \"{secret}\"\n{more}\n")
    }

    /// Runs `command`, while this runtime goes on.
    async fn run(&self, mut command: Command) -> Output {
        command.env("AWS_ENDPOINT_URL", &self.endpoint).env("AWS_REGION", "eu-west-1");
        command.env("AWS_ACCESS_KEY_ID", "testing").env("AWS_SECRET_ACCESS_KEY", "testing");
        tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
    }
}

#[tokio::test]
async fn notices_go_to_the_real_channels_and_what_one_refuses_is_told_on_the_others() {
    let Some(moto) = moto() else { return };
    let (store, server, dir) = (Store::at(moto, "real"), Server::start().await.unwrap(), fresh("remote"));
    store.keep("slack", &format!("{}/slack/hook", server.base)).await;
    store.keep("pager", &"0".repeat(32)).await;
    server.script("/v2/enqueue", [Reply::RetryAfter(429, 1), Reply::Status(403), Reply::Status(403)]);
    let toml = [
        "[notifier]\ndefault = [\"messages\", \"slack\"]\n",
        &store.channel("slack", "slack-webhook", ""),
        &store.channel("pager", "pagerduty", &format!("endpoint = \"{}\"", server.base)),
        "[[route]]\nchannels = [\"slack\", \"pager\"]\n",
    ];
    let (state, config) = (dir.join("state"), config(&dir, &toml.concat()));
    let event = "events/health-responder/17-exposed-access-key.json";
    let output = store.run(command(&state, &["replay", event, "--config", &config])).await;
    let told = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains("pager: the channel refuses it: 403 as scripted"), "{told}");
    assert!(told.contains("  → slack: CRITICAL "), "{told}");
    assert!(told.contains("Mail of messages: [HIGH] The channel pager refuses messages"), "{told}");
    assert!(told.contains("3 alerts (1 on messages, 2 on slack)"), "{told}");
    assert_eq!(server.shown("/slack/hook").len(), 2);

    // The channel is mended: what waits goes to that one only.
    let queue = state.join("undelivered.jsonl").to_str().unwrap().to_owned();
    let again = store.run(command(&state, &["replay", &queue, "--config", &config])).await;
    assert!(out(&again).contains("  → pager: CRITICAL "), "{again:?}");
    assert_eq!((server.shown("/slack/hook").len(), server.incidents().len()), (2, 1));
}

#[tokio::test]
async fn check_connect_says_which_secret_cannot_work_and_never_what_it_is() {
    let Some(moto) = moto() else { return };
    let (store, dir) = (Store::at(moto, "check"), fresh("check-connect"));
    for (name, value) in [
        ("teams", "https://contoso.webhook.office.com/webhookb2/hush@hush/IncomingWebhook/hush"),
        ("slack", "https://hooks.example.com/services/hush"),
        ("pager", "hush"),
        ("good", "https://hooks.slack.com/services/T0/B0/hush\n"),
    ] {
        store.keep(name, value).await;
    }
    let toml = [
        store.channel("teams", "teams", ""),
        store.channel("slack", "slack-webhook", ""),
        store.channel("pager", "pagerduty", ""),
        store.channel("good", "slack-webhook", ""),
        store.channel("missing", "teams", ""),
    ];
    let broken = config(&dir, &toml.concat());
    let output = store.run(command(&dir, &["check", "--connect", "--config", &broken])).await;
    let told = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{told}");
    for expected in [
        ":4:10: the secret of the teams channel `teams`: it is the address of an Office 365 connector, which \
         Microsoft has retired",
        ":9:10: the secret of the slack-webhook channel `slack`: it does not begin with https://hooks.slack.com/",
        ":14:10: the secret of the pagerduty channel `pager`: a routing key has 32 characters, and this has 4",
        ":24:10: the secret of the teams channel `missing`: it cannot be read: ResourceNotFoundException",
    ] {
        assert!(told.contains(expected), "{told}");
    }
    assert!(
        told.contains("\n4 problems in ") && !told.contains("hush") && output.stderr.is_empty(),
        "{told}"
    );

    // Without the option nobody asks AWS.
    out(&store.run(command(&dir, &["check", "--config", &broken])).await);
    let good = config(&dir, &store.channel("good", "slack-webhook", ""));
    let output = store.run(command(&dir, &["check", "--connect", "--config", &good])).await;
    assert!(out(&output).ends_with("; the secret of 1 channel looks right\n"), "{output:?}");
}
