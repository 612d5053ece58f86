//! Notices on their way to people: `notifier` on any table and any screens, one process for each invocation.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use watchkeeper_domain::{
    config::Config,
    notice::{Change, Kind, Notice, Severity},
    ports::{Channels, Undelivered},
    records::Records,
};
use watchkeeper_shell::{Report, Run};
use watchkeeper_sim::{channels, clock::Clock, estate::Estate, fuse::Fuse, screens::Screens, world::World};

use super::{estate::start, samples};

/// What stays when a process ends: the table, the screens, what was published.
#[derive(Clone, Debug)]
pub struct Newsroom<R, S = Screens> {
    /// The table.
    pub records: R,
    /// What people see.
    pub screens: S,
    /// What was published: alerts about channels.
    pub channels: channels::Channels,
    /// The configuration of every process.
    pub config: Config,
}

/// One channel of each sort, and everything goes to all of them.
pub const EVERYWHERE: &str = r#"
[notifier]
default = ["hook", "bot", "teams", "pager"]
[[channel]]
name = "hook"
kind = "slack-webhook"
secret = "ssm:/hook"
[[channel]]
name = "bot"
kind = "slack-bot"
secret = "ssm:/bot"
channel = "C1"
[[channel]]
name = "teams"
kind = "teams"
secret = "ssm:/teams"
[[channel]]
name = "pager"
kind = "pagerduty"
secret = "ssm:/pager"
"#;

impl<R, S> Newsroom<R, S>
where
    R: Records + Clone,
    S: Channels + Undelivered + Clone,
{
    /// A newsroom configured by `toml`, in which nothing has happened.
    pub fn new(records: R, screens: S, toml: &str) -> Self {
        let config = Config::parse(toml).expect("a good configuration");
        Self { records, screens, channels: channels::Channels::default(), config }
    }

    /// A process of its own, to be killed as `fuse` says.
    pub fn process(&self, fuse: Fuse) -> World<R, S> {
        let (records, screens) = (self.records.clone(), self.screens.clone());
        let clock = Clock::at(start());
        let estate = Estate::at(&clock);
        World { records, screens, channels: self.channels.clone(), fuse, clock, estate }
    }

    /// Invokes `notifier` with a notice as SNS delivers it.
    pub async fn publish(&self, notice: &Notice, now: Timestamp) -> Report {
        self.invoke(&self.process(Fuse::never()), &from_topic(notice), now).await
    }

    /// The minute's sweep.
    pub async fn sweep(&self, now: Timestamp) -> Report {
        self.invoke(&self.process(Fuse::never()), &json!({"tick": "sweep"}), now).await
    }

    /// A sweep every minute after `from` until `to`.
    pub async fn sweeps(&self, from: Timestamp, to: Timestamp) {
        let mut now = from;
        while now < to {
            now += SignedDuration::from_mins(1);
            self.sweep(now).await;
        }
    }

    /// Invokes it in a process of the caller's.
    pub async fn invoke(&self, process: &World<R, S>, payload: &Value, now: Timestamp) -> Report {
        let run = Run { function: notifier::NAME, now, deadline: now + SignedDuration::from_secs(60) };
        notifier::handle(process, &self.config, payload, &run).await
    }
}

/// `notice` as SNS delivers it to Lambda.
pub fn from_topic(notice: &Notice) -> Value {
    let message = serde_json::to_string(notice).expect("JSON");
    json!({"Records": [{"EventSource": "aws:sns", "Sns": {"Type": "Notification", "Message": message}}]})
}

/// Notice `seq` of the case `thread`: of a kind that is never folded with others.
pub fn notice(thread: &str, seq: u32, change: Change) -> Notice {
    Notice {
        id: format!("{thread}-{seq}"),
        thread: thread.to_owned(),
        topic: thread.to_owned(),
        kind: Kind::ScheduledChange,
        severity: if change == Change::Resolved { Severity::Low } else { Severity::Critical },
        seq,
        change,
        headline: format!("{thread} {seq}"),
        ..samples::notice()
    }
}

/// The opening notice of one of many accounts about one planned lifecycle event.
pub fn of_storm(account: u32) -> Notice {
    Notice {
        kind: Kind::PlannedLifecycle,
        topic: "mysql 8.0".to_owned(),
        account: format!("{account:012}"),
        region: ["eu-west-1", "us-east-1"][usize::from(account.is_multiple_of(2))].to_owned(),
        deadline: Some(start() + SignedDuration::from_hours(24 * i64::from(30 + account % 60))),
        ..notice(&format!("account-{account}"), 1, Change::Opened)
    }
}
