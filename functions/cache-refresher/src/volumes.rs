//! The volumes of a cache, zone by zone: claimed, given back, made and deleted.

use std::cell::RefCell;

use serde_json::json;
use watchkeeper_domain::{
    cache::{CACHE_TAG, Cache},
    failure::Failure,
    records::{Due, Record, Records, State, Write},
};
use watchkeeper_shell::{Concluded, Outcome, Report, conclude, conclude::Rest};

use crate::{
    NAME, Stage, World,
    decide::Rules,
    pool::{self, Acted, Answer, Current, Effect, News, Pool, Reason, Seen},
    standing::Standing,
};

/// How many steps one invocation takes with one pool.
const PASSES: usize = 12;
/// How often a change is decided anew when others change the pool at the same moment; each round one of them is done.
const ROUNDS: usize = 60;

/// Gives the job `by` a volume of the cache in `zone`, or the one that it has already. Touches nothing but the table.
///
/// # Errors
/// When the table cannot be read or written, or too many others claim at the same moment.
pub async fn claim(
    world: &impl Records,
    rules: Rules<'_>,
    (zone, by): (&str, &str),
) -> Result<Reason, Failure> {
    let current = current(world, rules.cache).await?;
    let news = News::Claimed { by: by.to_owned() };
    change(world, rules, (zone, news, current)).await
}

/// Takes `volume` back from the job that has it, in whichever zone of the cache it is. Touches nothing but the table: the
/// sweep deletes it.
///
/// # Errors
/// As [`claim`].
pub async fn release(world: &impl Records, rules: Rules<'_>, volume: &str) -> Result<Reason, Failure> {
    for zone in rules.cache.pool.iter().flat_map(|pool| &pool.zones) {
        let news = News::Released { volume: volume.to_owned() };
        let reason = change(world, rules, (zone, news, None)).await?;
        if !matches!(reason, Reason::NotClaimed(_)) {
            return Ok(reason);
        }
    }
    Ok(Reason::NotClaimed(volume.to_owned()))
}

/// What jobs get now.
async fn current(world: &impl Records, cache: &Cache) -> Result<Option<Current>, Failure> {
    let record: Record<Standing, crate::decide::Effect> = world.read(&Standing::key(&cache.name)).await?;
    Ok(record.state.as_ref().and_then(Standing::current).map(|generation| Current {
        number: generation.number,
        snapshot: generation.snapshot.clone(),
        size_gib: generation.size_gib,
    }))
}

/// A change of the pool that nobody is told of. What others have left in the outbox waits for the sweep: a channel that is
/// down keeps no job from its volume.
async fn change(
    world: &impl Records,
    rules: Rules<'_>,
    (zone, news, current): (&str, News, Option<Current>),
) -> Result<Reason, Failure> {
    let key = Pool::key(&rules.cache.name, zone);
    let seen = Seen { news, acted: None, current, volumes: Vec::new() };
    for _ in 0..ROUNDS {
        let Record { version, state, .. }: Record<Pool, Effect> = world.read(&key).await?;
        let pool = state.unwrap_or_else(|| Pool::new(&rules.cache.name, zone, rules.now));
        let decision = pool::decide(&pool, &seen, rules);
        let Some(next) = decision.next else { return Ok(decision.because) };
        let due = next.wake_at().map(|at| Due { sweep: NAME, at });
        let write = Write { body: &next, due, expires_at: next.expires_at() };
        if world.swap::<Pool, Effect>(&key, version, &write, &[]).await?.is_some() {
            return Ok(decision.because);
        }
    }
    Err(Failure::new("record", key.to_string(), format!("{ROUNDS} others were faster")))
}

impl<W: World> Stage<'_, W> {
    pub(crate) async fn volume_claimed(&self, cache: &str, zone: &str, by: &str) -> Report {
        let Some(cache) = self.named(cache) else { return self.unknown(cache) };
        match claim(self.world, self.rules(cache), (zone, by)).await {
            Ok(reason) => answered("claim", &reason),
            Err(failure) => Report::failed("claim", failure),
        }
    }

    pub(crate) async fn volume_released(&self, cache: &str, volume: &str) -> Report {
        let Some(cache) = self.named(cache) else { return self.unknown(cache) };
        match release(self.world, self.rules(cache), volume).await {
            Ok(reason) => answered("release", &reason),
            Err(failure) => Report::failed("release", failure),
        }
    }

    /// Whose volume it is, its tag says.
    pub(crate) async fn volume_changed(&self, id: &str) -> Report {
        let volume = match self.world.volume(id).await {
            Ok(volume) => volume,
            Err(failure) => return Report::failed("volume", failure),
        };
        let of = volume.and_then(|it| Some((it.tags.get(CACHE_TAG).cloned()?, it.zone)));
        match of.and_then(|(name, zone)| Some((self.named(&name)?, zone))) {
            Some((cache, zone)) => self.pool(cache, &zone, "volume").await.0,
            None => Report::new("volume", Outcome::Unchanged, "not a volume of ours"),
        }
    }

    /// Every pool of `cache`.
    pub(crate) async fn pools(&self, cache: &Cache, kind: &str) -> Report {
        let mut whole = Report::new(kind, Outcome::Unchanged, "");
        for zone in cache.pool.iter().flat_map(|pool| &pool.zones) {
            whole = whole.and(self.pool(cache, zone, kind).await.0);
        }
        whole
    }

    /// Passes over one pool, as long as each has done something that the next one can go on from.
    pub(crate) async fn pool(&self, cache: &Cache, zone: &str, kind: &str) -> (Report, Option<Rest>) {
        let mut whole = Report::new(kind, Outcome::Unchanged, "");
        let (mut acted, mut rest) = (None, None);
        for _ in 0..PASSES {
            let (concluded, answer) = match self.pool_pass(cache, zone, acted.as_ref()).await {
                Ok(concluded) => concluded,
                Err(failure) => return (whole.and(Report::failed(kind, failure)), None),
            };
            let report = concluded.report(kind, self.run.now, ToString::to_string, |effect| match effect {
                Effect::Tell(notice) => Some((**notice).clone()),
                Effect::Make(_) | Effect::Delete(_) => None,
            });
            let outcome = if concluded.because.is_refusal() { Outcome::Refused } else { report.outcome };
            whole = whole.and(Report { outcome, ..report });
            rest = concluded.rest;
            acted = concluded.acted.zip(answer).map(|(act, answer)| Acted { act, answer });
            if acted.is_none() {
                break;
            }
        }
        (whole, rest)
    }

    async fn pool_pass(
        &self,
        cache: &Cache,
        zone: &str,
        acted: Option<&Acted>,
    ) -> Result<(Concluded<Reason, Effect>, Option<Answer>), Failure> {
        let (key, rules) = (Pool::key(&cache.name, zone), self.rules(cache));
        let answer = RefCell::new(None);
        let observe = async || {
            let record: Record<Pool, Effect> = self.world.read(&key).await?;
            let current = current(self.world, cache).await?;
            let volumes = self.world.volumes((CACHE_TAG, &cache.name)).await?;
            Ok((record, Seen { news: News::Look, acted: acted.cloned(), current, volumes }))
        };
        let decide = |record: &Record<Pool, Effect>, seen: &Seen| {
            let pool = record.state.clone();
            let pool = pool.unwrap_or_else(|| Pool::new(&cache.name, zone, self.run.now));
            pool::decide(&pool, seen, rules)
        };
        let failed = |failure: Failure| Answer::Failed(failure.chain());
        let perform = async |effect: &Effect, repeated: bool| {
            let came_of_it = match effect {
                Effect::Tell(notice) => return self.world.publish(notice, repeated).await,
                Effect::Make(order) => self.world.make(order).await.map_or_else(failed, Answer::Made),
                Effect::Delete(id) => {
                    self.world.delete_volume(id).await.map_or_else(failed, |()| Answer::Done)
                }
            };
            *answer.borrow_mut() = Some(came_of_it);
            Ok(())
        };
        let concluded = conclude(self.world, self.run, &key, observe, decide, perform).await?;
        Ok((concluded, answer.into_inner()))
    }
}

/// What whoever has asked gets as an answer.
fn answered(kind: &str, reason: &Reason) -> Report {
    let (outcome, answer) = match reason {
        Reason::Given { volume, generation } => {
            (Outcome::Acted, json!({ "volume": volume, "generation": generation }))
        }
        Reason::NoneReady(coming) => (Outcome::Refused, json!({ "volume": null, "on_their_way": coming })),
        Reason::Released(volume) => (Outcome::Acted, json!({ "released": volume })),
        Reason::NotClaimed(_)
        | Reason::AtRest
        | Reason::Making(_)
        | Reason::Deleting(_)
        | Reason::Waiting
        | Reason::Leashed
        | Reason::Refused(_)
        | Reason::TriesAgain(_) => (Outcome::Refused, json!({ "released": null })),
    };
    Report { answer: Some(answer), ..Report::new(kind, outcome, reason.to_string()) }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use watchkeeper_domain::records::{Entry, Nothing};
    use watchkeeper_sim::memory::Memory;

    use super::*;
    use crate::{
        fixture::{cache, now, site},
        pool::{Phase, Slot, Trouble},
        words,
    };

    const POOL: &str = "pool = { zones = [\"euw1-az1\", \"euw1-az2\"] }";

    #[tokio::test]
    async fn a_notice_that_nobody_can_be_told_keeps_no_job_from_its_volume() {
        let (cache, site, table) = (cache(POOL), site(false), Memory::default());
        let rules = Rules { cache: &cache, site: &site, now: now(), deadline: now() };
        let phase = Phase::Ready { volume: "vol-1".into(), since: now() };
        let mut pool = Pool::new("maven", "euw1-az2", now());
        pool.slots.insert(1, Slot { generation: 1, is_source: false, phase });
        let trouble = Trouble { since: now(), why: "no room".into(), told: true, is_over: false };
        let effect = Effect::Tell(Box::new(words::pool_notice(&trouble, "euw1-az2", rules)));
        let waits =
            Entry { effect, until: Entry::<Effect>::FREE, since: Timestamp::UNIX_EPOCH, doubtful: false };
        let key = Pool::key("maven", "euw1-az2");
        let write = Write { body: &pool, due: None, expires_at: None };
        table.swap(&key, 0, &write, std::slice::from_ref(&waits)).await.unwrap().unwrap();

        let given = Reason::Given { volume: "vol-1".into(), generation: 1 };
        for _ in 0..2 {
            assert_eq!(claim(&table, rules, ("euw1-az2", "job 7")).await.unwrap(), given);
        }
        let none = claim(&table, rules, ("euw1-az2", "job 8")).await.unwrap();
        assert_eq!(none, Reason::NoneReady(0));
        assert_eq!(table.due(NAME, now()).await.unwrap().len(), 1, "the sweep makes another one");
        assert_eq!(release(&table, rules, "vol-1").await.unwrap(), Reason::Released("vol-1".into()));
        assert_eq!(release(&table, rules, "vol-1").await.unwrap(), Reason::NotClaimed("vol-1".into()));
        let record: Record<Pool, Effect> = table.read(&key).await.unwrap();
        assert_eq!((record.version, record.outbox), (3, vec![waits]));
        let other: Record<Pool, Nothing> = table.read(&Pool::key("maven", "euw1-az1")).await.unwrap();
        assert_eq!(other.version, 0, "a zone that has nothing to do with it gets no record");
    }
}
