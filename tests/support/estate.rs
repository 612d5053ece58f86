//! A small estate to deliver Health events to, on any engine, one process for each invocation.

use std::{collections::BTreeMap, future::poll_fn, pin::Pin, task::Poll};

use health_responder::{decide::Effect, handle};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use watchkeeper_domain::{
    case::Case,
    config::Config,
    notice::Notice,
    records::{Key, Records},
};
use watchkeeper_shell::{Report, Run};
use watchkeeper_sim::{channels::Channels, clock::Clock, estate, fuse::Fuse, screens::Screens, world::World};

/// What stays when a process ends: the table and what was published.
#[derive(Clone, Debug)]
pub struct Estate<R> {
    /// The table.
    pub records: R,
    /// What was published.
    pub channels: Channels,
    /// The configuration of every process.
    pub config: Config,
}

/// The moment at which every story begins.
pub fn start() -> Timestamp {
    "2026-11-01T00:00:00Z".parse().expect("a timestamp")
}

/// So many minutes into the story.
pub fn minute(minutes: i64) -> Timestamp {
    start() + SignedDuration::from_mins(minutes)
}

impl<R: Records + Clone> Estate<R> {
    /// An estate to which nothing has happened.
    pub fn new(records: R) -> Self {
        Self { records, channels: Channels::default(), config: Config::default() }
    }

    /// A process of its own, to be killed as `fuse` says.
    pub fn process(&self, fuse: Fuse) -> World<R> {
        let (records, channels) = (self.records.clone(), self.channels.clone());
        let clock = Clock::at(start());
        let estate = estate::Estate::at(&clock);
        World { records, screens: Screens::default(), channels, fuse, clock, estate }
    }

    /// Invokes `health-responder` with `payload` at `now`.
    pub async fn deliver(&self, payload: &Value, now: Timestamp) -> Report {
        self.invoke(&self.process(Fuse::never()), payload, now).await
    }

    /// Invokes it in a process of the caller's.
    pub async fn invoke(&self, process: &World<R>, payload: &Value, now: Timestamp) -> Report {
        let deadline = now + SignedDuration::from_secs(30);
        let run = Run { function: health_responder::NAME, now, deadline };
        handle(process, &self.config, payload, &run).await
    }

    /// The five-minute sweep, at `now`.
    pub async fn sweep(&self, now: Timestamp) -> Report {
        self.deliver(&json!({"tick": "sweep"}), now).await
    }

    /// What people were told, in order.
    pub fn told(&self) -> Vec<Notice> {
        self.channels.notices().into_iter().map(|(notice, _)| notice).collect()
    }

    /// The same without the repeats that are marked as such.
    pub fn told_once(&self) -> Vec<Notice> {
        let mut seen: BTreeMap<String, Notice> = BTreeMap::new();
        let notices = self.channels.notices();
        for (notice, repeated) in &notices {
            assert!(*repeated || !seen.contains_key(&notice.id), "told twice, unmarked: {notice:?}");
            seen.entry(notice.id.clone()).or_insert_with(|| notice.clone());
        }
        let mut once: Vec<_> = seen.into_values().collect();
        once.sort_by_key(|notice| (notice.thread.clone(), notice.seq));
        once
    }

    /// The case that [`event`] is about, and how many effects wait in its outbox.
    pub async fn case(&self) -> (Option<Case>, usize) {
        let id = watchkeeper_domain::case::CaseId { account: ACCOUNT.into(), event_arn: ARN.into() };
        let head =
            self.records.read::<Case, Effect>(&Key::head(id.partition())).await.expect("a readable case");
        (head.state, head.outbox.len())
    }
}

/// What is the same about a case however it came about.
pub fn essence(case: &Case) -> impl PartialEq + std::fmt::Debug + use<> {
    let case = case.clone();
    let said = (case.communication, case.order, case.digest, case.heard, case.status, case.headline);
    (said, (case.kind, case.deadline, case.owner, case.entities, case.entities_from))
}

const ACCOUNT: &str = "111122223333";
const ARN: &str =
    "arn:aws:health:eu-west-1::event/RDS/AWS_RDS_PLANNED_LIFECYCLE_EVENT/AWS_RDS_PLANNED_LIFECYCLE_EVENT_1";

/// Communication `number` (from 1, a day apart) about a planned change to two databases, different in `changes`.
pub fn event(number: u32, changes: Value) -> Value {
    let mut detail = json!({
        "eventArn": ARN, "service": "RDS", "eventTypeCode": "AWS_RDS_PLANNED_LIFECYCLE_EVENT",
        "eventTypeCategory": "scheduledChange", "eventScopeCode": "ACCOUNT_SPECIFIC",
        "communicationId": format!("c{number}-1"), "statusCode": "upcoming", "eventRegion": "eu-west-1",
        "lastUpdatedTime": format!("2026-10-{number:02}T00:00:00Z"), "startTime": "2027-12-24T00:00:00Z",
        "eventDescription": [{"language": "en_US", "latestDescription": format!("update {number}")}],
        "eventMetadata": {"deprecated_versions": "Amazon RDS for MySQL 8.0"},
        "affectedEntities": [{"entityValue": "db-1", "status": "PENDING"}, {"entityValue": "db-2", "status": "PENDING"}],
        "affectedAccount": ACCOUNT, "page": "1", "totalPages": "1", "backupEvent": "false",
        "actionability": "ACTION_REQUIRED", "personas": ["OPERATIONS"]
    });
    for (key, value) in changes.as_object().expect("an object") {
        detail[key] = value.clone();
    }
    json!({
        "version": "0", "id": format!("e-{number}"), "detail-type": "AWS Health Event", "source": "aws.health",
        "account": ACCOUNT, "time": format!("2026-10-{number:02}T00:00:05Z"), "region": "eu-west-1",
        "resources": [], "detail": detail
    })
}

/// One page of communication `number`, naming a database of its own.
pub fn page(number: u32, page: u32, of: u32) -> Value {
    event(
        number,
        json!({
            "communicationId": format!("c{number}-{page}"), "page": page.to_string(), "totalPages": of.to_string(),
            "affectedEntities": [{"entityValue": format!("db-{page}"), "status": "PENDING"}]
        }),
    )
}

/// The copy of `event` that AWS delivers to the backup Region.
pub fn backup(event: &Value) -> Value {
    let mut copy = event.clone();
    copy["id"] = json!("copy");
    copy["region"] = json!("us-west-2");
    copy["time"] = json!("2026-10-30T00:00:00Z");
    copy["detail"]["backupEvent"] = json!("true");
    copy
}

/// Runs `tasks` side by side on one thread; `seed` decides whose turn it is whenever one of them waits.
pub async fn interleave<T>(seed: u64, tasks: Vec<Pin<Box<dyn Future<Output = T> + '_>>>) -> Vec<T> {
    let mut tasks: Vec<_> = tasks.into_iter().map(Some).collect();
    let mut results: Vec<Option<T>> = tasks.iter().map(|_| None).collect();
    let mut random = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    poll_fn(move |context| {
        let waiting: Vec<_> = (0..tasks.len()).filter(|&at| tasks[at].is_some()).collect();
        if waiting.is_empty() {
            return Poll::Ready(results.iter_mut().map(|result| result.take().expect("a result")).collect());
        }
        // xorshift64
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let chosen = waiting[usize::try_from(random >> 33).expect("31 bits") % waiting.len()];
        if let Some(task) = &mut tasks[chosen]
            && let Poll::Ready(result) = task.as_mut().poll(context)
        {
            results[chosen] = Some(result);
            tasks[chosen] = None;
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await
}
