//! Payloads about Health that nobody could read: people see them as they came, once, and the event fails all the same.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use watchkeeper_domain::{
    case::YEAR,
    decision::Decision,
    failure::Failure,
    notice::{Change, Fact, Kind, Notice, Severity},
    records::{Key, Record, State},
    text::{self, count, fingerprint},
};
use watchkeeper_shell::{Concluded, Outcome, Report, Run, conclude};

use crate::{World, decide::Effect, event::Malformed, perform, report, words::mask_keys};

/// How many characters of the payload are kept and shown.
const RAW: usize = 3000;

/// What is kept of a payload that nobody could read, so that people hear of it once.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Unread {
    /// What is missing.
    pub why: String,
    /// Its beginning.
    pub raw: String,
    /// When it came first.
    pub at: Timestamp,
}

impl State for Unread {
    fn wake_at(&self) -> Option<Timestamp> {
        None
    }

    fn expires_at(&self) -> Option<Timestamp> {
        Some(self.at + YEAR)
    }
}

/// Shows people a payload as it came, then fails, so that it waits in the failure queue too.
pub(crate) async fn tell(world: &impl World, malformed: &Malformed, run: &Run) -> Report {
    let key = key(malformed);
    let concluded = conclude(
        world,
        run,
        &key,
        async || Ok((world.read(&key).await?, ())),
        |record, ()| decide(record.state.as_ref(), malformed, run.now),
        async |effect, repeated| perform(world, effect, repeated).await,
    )
    .await;
    let kind = "malformed health event";
    match concluded {
        Ok(concluded) => {
            let failure = Failure::new("understand", "a Health event", malformed.why.clone());
            Report {
                outcome: Outcome::Malformed,
                failure: Some(failure),
                ..report(kind, &concluded, run.now)
            }
        }
        Err(failure) => Report::failed(kind, failure),
    }
}

/// Goes on with what an earlier invocation left in the outbox of `key`.
pub(crate) async fn conclude_again(
    world: &impl World,
    key: &Key,
    run: &Run,
) -> Result<Concluded<&'static str, Effect>, Failure> {
    conclude(
        world,
        run,
        key,
        async || Ok((world.read(key).await?, ())),
        |_: &Record<Unread, Effect>, ()| Decision::because("Looked at again"),
        async |effect, repeated| perform(world, effect, repeated).await,
    )
    .await
}

fn key(malformed: &Malformed) -> Key {
    Key::head(format!("MALFORMED#{}", fingerprint([malformed.raw.as_str()])))
}

/// Tells it the first time.
fn decide(known: Option<&Unread>, malformed: &Malformed, now: Timestamp) -> Decision<String, Unread, Effect> {
    if known.is_some() {
        return Decision::because("People have seen this unreadable payload".to_owned());
    }
    let raw = text::cut(&mask_keys(&malformed.raw), RAW);
    let state = Unread { why: malformed.why.clone(), raw: raw.clone(), at: now };
    Decision::because(format!("A Health event that cannot be read: {}", malformed.why))
        .record(state)
        .then(Effect::Tell(Box::new(notice(malformed, raw, now))))
}

fn notice(malformed: &Malformed, raw: String, now: Timestamp) -> Notice {
    let thread = fingerprint([malformed.raw.as_str()]);
    let fact = |name: &str, value: String| Fact { name: name.to_owned(), value };
    Notice {
        id: fingerprint([thread.as_str(), "malformed"]),
        seq: 1,
        kind: Kind::Malformed,
        change: Change::Opened,
        severity: Severity::High,
        headline: "A Health event that cannot be read".to_owned(),
        facts: vec![fact("Problem", malformed.why.clone()), fact("Size", count(malformed.raw.len(), "byte"))],
        text: raw,
        resources: Vec::new(),
        resource_count: 0,
        deadline: None,
        owner: None,
        next_step:
            "Read the payload; look the event up in the AWS Health Dashboard. The whole of it is in the \
                    failure queue."
                .to_owned(),
        links: Vec::new(),
        service: "HEALTH".to_owned(),
        type_code: String::new(),
        region: malformed.region.clone(),
        account: malformed.account.clone(),
        environment: None,
        personas: Vec::new(),
        actionability: String::new(),
        event_arn: String::new(),
        topic: thread.clone(),
        thread,
        provider_change: false,
        drill: false,
        at: now,
    }
}
