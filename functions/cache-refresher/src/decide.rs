//! Every rule of a cache's nights: when one goes a step on, when a generation is published, and what may go.
//!
//! ```text
//! Writing ─ Sealing ─ Completing ─ Checking ─ published ─ the next part, or over
//!    └────────┴───────────┴────── Pausing: begun again, with another snapshot if this one failed
//! ```
//!
//! The last good generation stays what jobs get until another one is checked, whatever happens. The rules of volumes are
//! in [`crate::pool`].

use jiff::{SignedDuration, Timestamp};
use watchkeeper_domain::{cache::Cache, drill::Site};

use crate::{
    standing::{Night, Phase, Standing},
    words::{self, Saying},
};

mod care;
mod effect;
mod reason;
mod seen;
mod step;

pub use effect::Effect;
pub use reason::Reason;
pub use seen::{Acted, Answer, News, Seen};

/// How often a part is begun, all attempts together, before its night is given up.
pub const TRIES: u32 = 4;
/// How long a night waits before it is begun again.
pub const PAUSE: SignedDuration = SignedDuration::from_mins(5);
/// How long EBS may take to complete a snapshot that was sealed.
pub const LONGEST_COMPLETION: SignedDuration = SignedDuration::from_hours(2);

/// How much of what the last night has seen is asked for again: clocks differ.
const OVERLAP: SignedDuration = SignedDuration::from_hours(1);

/// A decision about a cache.
pub type Decision = watchkeeper_domain::decision::Decision<Reason, Standing, Effect>;

/// What holds while a decision is made.
#[derive(Clone, Copy, Debug)]
pub struct Rules<'a> {
    /// The cache, as the configuration has it.
    pub cache: &'a Cache,
    /// Where it is, and whether on the leash.
    pub site: &'a Site,
    /// The moment.
    pub now: Timestamp,
    /// The end of the invocation.
    pub deadline: Timestamp,
}

/// What `seen` means for the cache.
pub fn decide(standing: &Standing, seen: &Seen, rules: Rules<'_>) -> Decision {
    match (&seen.news, &standing.night) {
        (News::Asked { id, .. }, _) if standing.heard.contains_key(id) => {
            Decision::because(Reason::Duplicate)
        }
        (News::Asked { .. }, Some(night)) => Decision::because(Reason::UnderWay(night.began)),
        (News::Asked { id, because }, None) => begin(standing, id, because, rules),
        (News::RolledBack { .. }, Some(night)) => Decision::because(Reason::UnderWay(night.began)),
        (News::RolledBack { to, because }, None) => roll_back(standing, *to, because, rules),
        (News::Look, Some(night)) => step::step(standing, night, seen, rules),
        (News::Look, None) => care::look_after(standing, seen, rules),
    }
}

/// A night that was asked for while none is under way.
fn begin(standing: &Standing, id: &str, because: &str, rules: Rules<'_>) -> Decision {
    if !rules.cache.enabled {
        return Decision::because(Reason::Disabled);
    }
    let mut next = standing.clone();
    next.hear(id, rules.now);
    let night = Night {
        id: id.to_owned(),
        because: because.to_owned(),
        began: rules.now,
        newer_than: standing.answered_at.map(|at| at - OVERLAP),
        part: 1,
        so_far: Default::default(),
        parent: parent(standing, rules.cache),
        number: standing.highest + 1,
        attempt: 1,
        tries: 0,
        phase: Phase::Writing { until: rules.deadline },
    };
    write(next, night, rules)
}

/// The current generation; the first time, the snapshot that the configuration names, if it does.
fn parent(standing: &Standing, cache: &Cache) -> Option<String> {
    standing.current().map(|it| it.snapshot.clone()).or_else(|| cache.snapshot.clone())
}

/// `night` is written, from now until the end of this invocation.
fn write(mut next: Standing, mut night: Night, rules: Rules<'_>) -> Decision {
    night.tries += 1;
    night.phase = Phase::Writing { until: rules.deadline };
    let reason = Reason::Writing { part: night.part, attempt: night.attempt };
    next.highest = next.highest.max(night.number);
    next.night = Some(night.clone());
    Decision::because(reason).record(next).then(Effect::Write(Box::new(night)))
}

/// An earlier generation is what jobs get again, and what the next night begins with.
fn roll_back(standing: &Standing, to: Option<u32>, because: &str, rules: Rules<'_>) -> Decision {
    let before = |current| standing.generations.iter().rev().find(|it| Some(it.number) < current);
    let wanted = match to {
        Some(number) => standing.numbered(number),
        None => before(standing.current),
    };
    let Some(generation) = wanted else {
        let kept = standing.generations.iter().map(|it| it.number).collect();
        return Decision::because(Reason::NoGeneration { asked: to, kept });
    };
    if standing.current == Some(generation.number) {
        return Decision::because(Reason::CurrentAlready(generation.number));
    }
    let next = Standing { current: Some(generation.number), care: true, ..standing.clone() };
    let reason = Reason::RolledBack { to: generation.number, because: because.to_owned() };
    let saying = Saying::RolledBack { generation, from: standing.current, because };
    words::told(Decision::because(reason), next, saying, rules)
}

#[cfg(test)]
mod tests;
