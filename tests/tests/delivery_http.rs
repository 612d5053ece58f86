//! The same promises over real HTTP: servers that refuse, are busy, break, hang and hang up, in every mix.

use std::time::Duration;

use futures::future::join_all;
use jiff::SignedDuration;
use proptest::prelude::*;
use serde_json::Value;
use watchkeeper_domain::{
    channel::{Channel, SecretName},
    failure::Failure,
    message::{Message, Post, Trouble},
    notice::{Change, Notice},
    ports::{Channels, Undelivered},
};
use watchkeeper_shell::{
    Webhooks,
    channels::{MessagesTopic, Patience, Secrets},
};
use watchkeeper_sim::{
    memory::Memory,
    screens::Screens,
    webhooks::{IncidentState, Reply, Server},
};
use watchkeeper_tests::support::{
    aws,
    estate::minute,
    newsroom::{EVERYWHERE, Newsroom, notice, of_storm},
};

/// The real adapters, and a failure queue in memory.
#[derive(Clone, Debug)]
struct Http {
    webhooks: Webhooks,
    queue: Screens,
}

impl Channels for Http {
    async fn show(
        &self,
        channel: &Channel,
        message: &Message,
        post: &Post,
    ) -> Result<Option<String>, Trouble> {
        self.webhooks.show(channel, message, post).await
    }
}

impl Undelivered for Http {
    async fn put_undelivered(&self, channel: &str, notice: &Notice, cause: &str) -> Result<(), Failure> {
        self.queue.put_undelivered(channel, notice, cause).await
    }
}

/// Long enough that a busy machine does not look like a channel that hangs.
const PATIENT: Duration = Duration::from_secs(10);

/// Where the request of each channel arrives, and the channel.
const PATHS: [(&str, &str); 4] = [
    ("hook", "/slack/hook"),
    ("bot", "/api/chat.postMessage"),
    ("teams", "/teams"),
    ("pager", "/v2/enqueue"),
];

/// A newsroom whose channels answer within `patience`, or are taken to hang.
fn newsroom(server: &Server, patience: Duration) -> Newsroom<Memory, Http> {
    let secret = |name: &str, value: String| (SecretName::Ssm(format!("/{name}")), value);
    let secrets = Secrets::given([
        secret("hook", format!("{}/slack/hook", server.base)),
        secret("bot", "xoxb-token".to_owned()),
        secret("teams", format!("{}/teams", server.base)),
        secret("pager", "R0UT1NGKEYR0UT1NGKEYR0UT1NGKEY00".to_owned()),
    ]);
    let patience = Patience { connect: patience, total: patience };
    let topic =
        MessagesTopic::connect(&aws::config("http://127.0.0.1:9"), "arn:aws:sns:eu-west-1:123456789012:x");
    let webhooks = Webhooks::new(secrets, topic, patience).unwrap();
    let toml = EVERYWHERE
        .replace("channel = \"C1\"", &format!("channel = \"C1\"\nendpoint = \"{}/api\"", server.base))
        .replace("\"ssm:/pager\"", &format!("\"ssm:/pager\"\nendpoint = \"{}\"", server.base));
    Newsroom::new(Memory::default(), Http { webhooks, queue: Screens::default() }, &toml)
}

/// The `seq` of what a path has shown, and whether it was marked as a repeat, in order.
fn shown(server: &Server, path: &str) -> Vec<(u32, bool)> {
    let read = |body: &Value| {
        let text = body.to_string();
        let seq = text.split("case ").nth(1).and_then(|rest| rest.chars().next()?.to_digit(10)).unwrap();
        (seq, text.to_lowercase().contains("sent again"))
    };
    server.shown(path).iter().map(read).collect()
}

fn reply() -> impl Strategy<Value = Reply> {
    let statuses = [200, 202, 400, 403, 404, 413, 500].map(Reply::Status);
    let all: Vec<_> = statuses
        .into_iter()
        .chain([Reply::RetryAfter(429, 120), Reply::Hang, Reply::CutAfterAccepting])
        .collect();
    prop::sample::select(all)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 30, ..ProptestConfig::default() })]
    #[test]
    fn in_every_mix_of_answers_each_notice_is_shown_superseded_or_waits_in_the_failure_queue(
        replies in prop::collection::vec((prop::sample::select(PATHS.to_vec()), reply()), 1..8),
        order in Just(vec![1, 2, 3, 3, 1]).prop_shuffle(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let server = Server::start().await.unwrap();
            for ((_, path), reply) in &replies {
                server.script(path, [*reply]);
            }
            let room = newsroom(&server, Duration::from_millis(800));
            for (at, seq) in order.iter().enumerate() {
                let report = room.publish(&notice("case", *seq, Change::Updated), minute(i64::try_from(at).unwrap())).await;
                prop_assert!(report.failure.is_none());
            }
            room.sweeps(minute(5), minute(90)).await;
            for (channel, path) in PATHS {
                let shown = shown(&server, path);
                let may_repeat = replies.iter().any(|((_, hit), reply)| {
                    *hit == path && matches!(reply, Reply::Hang | Reply::CutAfterAccepting | Reply::Status(500))
                });
                let waits = room.screens.queue.undelivered().iter().any(|(name, it, _)| name == channel && it.seq == 3);
                prop_assert!(waits || shown.iter().any(|(seq, _)| *seq == 3), "{}: {:?}", channel, shown);
                prop_assert!(shown.windows(2).all(|pair| pair[0].0 <= pair[1].0), "{}: {:?}", channel, shown);
                let repeats = shown.windows(2).filter(|pair| pair[0].0 == pair[1].0);
                for pair in repeats {
                    prop_assert!(may_repeat && pair[1].1, "{}: {:?}", channel, shown);
                }
            }
            Ok(())
        })?;
    }
}

#[tokio::test]
async fn a_pagerduty_incident_is_opened_once_and_not_again_after_it_was_resolved() {
    let server = Server::start().await.unwrap();
    let room = newsroom(&server, PATIENT);
    room.publish(&notice("case", 1, Change::Opened), minute(0)).await;
    room.publish(&notice("case", 2, Change::BurnedDown), minute(1)).await;
    let states = || server.incidents().into_iter().map(|incident| incident.state).collect::<Vec<_>>();
    assert_eq!(states(), [IncidentState::Acknowledged]);
    room.publish(&notice("case", 4, Change::Resolved), minute(2)).await;
    room.publish(&notice("case", 3, Change::Updated), minute(3)).await;
    room.publish(&notice("case", 1, Change::Opened), minute(4)).await;
    room.sweeps(minute(4), minute(10)).await;
    assert_eq!(states(), [IncidentState::Resolved]);
}

#[tokio::test]
async fn a_slack_thread_has_one_first_message_that_says_how_things_are() {
    let server = Server::start().await.unwrap();
    let room = newsroom(&server, PATIENT);
    for seq in 1..=3 {
        room.publish(&notice("case", seq, Change::Updated), minute(seq.into())).await;
    }
    let posted = server.posted();
    assert_eq!(posted.len(), 1, "{posted:?}");
    assert_eq!(posted[0].replies.len(), 2);
    assert!(posted[0].edits.last().unwrap().to_string().contains("case 3"), "edited");
}

#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "the server counts real seconds")]
async fn a_storm_of_ten_thousand_accounts_never_meets_a_limit_of_one_request_a_second() {
    let server = Server::start().await.unwrap();
    server.allow_per_second(1);
    let room = newsroom(&server, PATIENT);
    for batch in 0..100 {
        let now = minute(0) + SignedDuration::from_millis(batch * 600);
        let notices: Vec<_> = (0..100).map(|n| of_storm(u32::try_from(batch * 100 + n).unwrap())).collect();
        join_all(notices.iter().map(|notice| room.publish(notice, now))).await;
    }
    for at in 1..=6 {
        tokio::time::sleep(Duration::from_millis(1100)).await;
        room.sweep(minute(at)).await;
    }
    for (path, count) in server.counts() {
        assert_eq!(count.too_fast, 0, "{path}");
        assert!((1..=3).contains(&count.requests), "{path}: {}", count.requests);
    }
    assert_eq!(server.posted().len(), 1, "one message, edited");
    assert!(server.posted()[0].edits.last().unwrap().to_string().contains("10000 accounts"));
    assert_eq!(server.incidents().len(), 1);
}
