use watchkeeper_domain::{
    cache::{CACHE_TAG, Cache, TOKEN_TAG},
    ports::{VolumeOrigin, VolumeState},
    records::{Effect as _, State},
};

use super::*;
use crate::fixture::{cache, now, site, volume};

const POOL: &str = r#"pool = { zones = ["euw1-az1"], size = 2, most = 4, claim_minutes = 60 }"#;
const RATES: &str =
    r#"pool = { zones = ["euw1-az1"], size = 2, initialization_mib = 300, region_mib = 500 }"#;
const COPIED: &str = r#"pool = { zones = ["euw1-az1"], size = 2, copies = true }"#;

fn current(number: u32) -> Option<Current> {
    Some(Current { number, snapshot: format!("snap-{number}"), size_gib: 100 })
}

/// EC2 and the pool, as they go on together.
struct Story {
    cache: Cache,
    pool: Pool,
    volumes: Vec<Volume>,
    current: Option<Current>,
    now: Timestamp,
}

impl Story {
    fn of(pool: &str) -> Self {
        let now = now();
        let pool_of = Pool::new("maven", "euw1-az1", now);
        Self { cache: cache(pool), pool: pool_of, volumes: Vec::new(), current: current(1), now }
    }

    fn decide(&self, news: News, acted: Option<Acted>, leash: bool) -> Decision {
        let volumes = self.volumes.clone();
        let seen = Seen { news, acted, current: self.current.clone(), volumes };
        let site = site(leash);
        let deadline = self.now + SignedDuration::from_mins(15);
        decide(&self.pool, &seen, Rules { cache: &self.cache, site: &site, now: self.now, deadline })
    }

    fn hear(&mut self, news: News, acted: Option<Acted>) -> Decision {
        let decision = self.decide(news, acted, false);
        if let Some(next) = &decision.next {
            self.pool = next.clone();
        }
        decision
    }

    /// Passes until nothing is done any more; every order becomes a volume that is usable at once.
    fn settle(&mut self) -> Vec<Effect> {
        let (mut acted, mut done) = (None, Vec::new());
        loop {
            let decision = self.hear(News::Look, acted.take());
            let Some(act) = decision.effects.into_iter().find(Effect::is_act) else { return done };
            assert!(done.len() < 20, "{done:?}");
            done.push(act.clone());
            let answer = match &act {
                Effect::Make(order) => {
                    let id = format!("vol-{}", self.volumes.len());
                    let mut made = volume(&id, VolumeState::Available, &order.token);
                    if let VolumeOrigin::Volume { id } = &order.origin {
                        (made.source, made.initialized) = (Some(id.clone()), Some(3));
                    }
                    self.volumes.push(made);
                    Answer::Made(Made::Volume(id))
                }
                Effect::Delete(id) => {
                    let gone = self.volumes.iter_mut().find(|it| it.id == *id).unwrap();
                    gone.state = VolumeState::Deleting;
                    Answer::Done
                }
                Effect::Tell(_) => Answer::Done,
            };
            acted = Some(Acted { act, answer });
        }
    }

    fn claim(&mut self, by: &str) -> Reason {
        self.hear(News::Claimed { by: by.into() }, None).because
    }

    fn phases(&self) -> Vec<(u32, u32, &'static str)> {
        self.pool.slots.iter().map(|(number, slot)| (*number, slot.generation, slot.phase.as_str())).collect()
    }

    fn volume(&mut self, id: &str) -> &mut Volume {
        self.volumes.iter_mut().find(|it| it.id == id).unwrap()
    }
}

fn given(volume: &str, generation: u32) -> Reason {
    Reason::Given { volume: volume.into(), generation }
}

#[test]
fn as_many_volumes_are_made_as_are_to_wait() {
    let mut story = Story::of(POOL);
    assert_eq!(story.settle().len(), 2);
    assert_eq!(story.phases(), [(1, 1, "ready"), (2, 1, "ready")]);
    assert_eq!(story.pool.wake_at(), None);
    assert_eq!(story.hear(News::Look, None).because, Reason::AtRest);
}

#[test]
fn a_job_that_asks_again_gets_what_it_has_and_the_pool_is_filled_up() {
    let mut story = Story::of(POOL);
    story.settle();
    assert_eq!(story.claim("job 1"), given("vol-0", 1));
    assert_eq!(story.claim("job 1"), given("vol-0", 1));
    assert_eq!(story.claim("job 2"), given("vol-1", 1));
    assert_eq!(story.claim("job 3"), Reason::NoneReady(0));
    assert_eq!(story.pool.wake_at(), Some(Timestamp::UNIX_EPOCH), "the next sweep fills it up");
    assert_eq!(story.settle().len(), 2);
    assert_eq!(story.phases().len(), 4);
    // Four are the most: with all of them claimed, none is made.
    story.claim("job 3");
    story.claim("job 4");
    assert_eq!(story.settle(), []);
}

#[test]
fn a_volume_that_a_job_has_had_is_deleted_and_not_handed_out_again() {
    let mut story = Story::of(POOL);
    story.settle();
    story.claim("job 1");
    story.volume("vol-0").state = VolumeState::InUse;
    let released = story.hear(News::Released { volume: "vol-0".into() }, None);
    assert_eq!(released.because, Reason::Released("vol-0".into()));
    assert!(!story.settle().contains(&Effect::Delete("vol-0".into())), "it is still attached");
    story.volume("vol-0").state = VolumeState::Available;
    assert_eq!(story.settle(), [Effect::Delete("vol-0".into())]);
    assert_eq!(
        story.hear(News::Released { volume: "vol-7".into() }, None).because,
        Reason::NotClaimed("vol-7".into())
    );
    assert_eq!(story.phases(), [(2, 1, "ready"), (3, 1, "ready")]);
}

#[test]
fn a_claim_whose_job_has_died_is_taken_back_unless_the_volume_is_still_attached() {
    let mut story = Story::of(POOL);
    story.settle();
    story.claim("job 1");
    story.claim("job 2");
    story.volume("vol-1").state = VolumeState::InUse;
    story.settle();
    assert_eq!(story.pool.wake_at(), Some(now() + SignedDuration::from_mins(60)));
    story.now += SignedDuration::from_mins(60);
    assert_eq!(story.settle(), [Effect::Delete("vol-0".into())]);
    let (_, slot) = story.pool.slots.iter().find(|(_, slot)| slot.phase.volume() == Some("vol-1")).unwrap();
    assert!(
        matches!(&slot.phase, Phase::Claimed { until, .. } if *until == story.now + SignedDuration::from_mins(60))
    );
}

#[test]
fn a_new_generation_takes_over_without_a_moment_in_which_nothing_waits() {
    let mut story = Story::of(POOL);
    story.settle();
    story.current = current(2);
    let mut least = usize::MAX;
    let mut acted = None;
    loop {
        let decision = story.hear(News::Look, acted.take());
        least = least.min(story.pool.ready());
        let Some(act) = decision.effects.into_iter().find(Effect::is_act) else { break };
        let answer = match &act {
            Effect::Make(order) => {
                let id = format!("vol-{}", story.volumes.len());
                story.volumes.push(volume(&id, VolumeState::Available, &order.token));
                Answer::Made(Made::Volume(id))
            }
            Effect::Delete(id) => {
                story.volume(id).state = VolumeState::Deleting;
                Answer::Done
            }
            Effect::Tell(_) => Answer::Done,
        };
        acted = Some(Acted { act, answer });
    }
    assert_eq!(least, 2);
    assert_eq!(story.phases(), [(3, 2, "ready"), (4, 2, "ready")]);
}

#[test]
fn while_the_new_ones_are_filled_jobs_get_the_old_ones_and_the_new_ones_first_afterwards() {
    let mut story = Story::of(POOL);
    story.settle();
    story.current = current(2);
    assert_eq!(story.claim("job 1"), given("vol-0", 1));
    story.settle();
    assert!(matches!(story.claim("job 2"), Reason::Given { generation: 2, .. }));
}

#[test]
fn an_order_whose_answer_was_lost_is_repeated_with_its_token_and_found_by_it() {
    let mut story = Story::of(POOL);
    let first = story.hear(News::Look, None).effects;
    assert_eq!(story.hear(News::Look, None).effects, first, "the same order");
    let Effect::Make(order) = &first[0] else { panic!() };
    story.volumes.push(volume("vol-lost", VolumeState::Available, &order.token));
    story.settle();
    assert_eq!(story.pool.slots[&1].phase.volume(), Some("vol-lost"));
    assert_eq!(story.volumes.len(), 2, "no second one was made for it");
}

#[test]
fn a_volume_of_another_stack_is_let_alone() {
    let mut story = Story::of(POOL);
    story.volumes.push(volume("vol-theirs", VolumeState::Available, "their token"));
    let done = story.settle();
    assert!(done.iter().all(|act| matches!(act, Effect::Make(_))), "{done:?}");
    let mut untagged = Story::of(POOL);
    untagged.settle();
    untagged.claim("job 1");
    untagged.hear(News::Released { volume: "vol-0".into() }, None);
    untagged.volume("vol-0").tags.remove(CACHE_TAG);
    assert!(!untagged.settle().contains(&Effect::Delete("vol-0".into())));
}

#[test]
fn an_order_that_was_given_up_too_early_is_cleared_away() {
    let mut story = Story::of(POOL);
    story.settle();
    let token = story.pool.token(1);
    story.pool.slots.remove(&1);
    story.volumes[0].tags.insert(TOKEN_TAG.into(), token);
    assert!(story.settle().contains(&Effect::Delete("vol-0".into())));
}

#[test]
fn rates_of_initialization_stay_within_the_quota_of_the_region() {
    let mut story = Story::of(RATES);
    let first = story.hear(News::Look, None).effects.remove(0);
    let Effect::Make(order) = &first else { panic!() };
    assert_eq!(order.origin, VolumeOrigin::Snapshot { id: "snap-1".into(), initialization_mib: Some(300) });
    let mut filling = volume("vol-0", VolumeState::Available, &order.token);
    (filling.initialization_mib, filling.initialized) = (Some(300), Some(40));
    story.volumes.push(filling);
    let answer = Answer::Made(Made::Volume("vol-0".into()));
    let next = story.hear(News::Look, Some(Acted { act: first, answer }));
    assert_eq!((next.because, next.effects), (Reason::Waiting, vec![]), "300 and 300 are more than 500");
    assert_eq!(story.phases(), [(1, 1, "filling")], "what is paid for is worth waiting for");
    story.volume("vol-0").initialized = Some(100);
    assert!(matches!(story.hear(News::Look, None).effects[..], [Effect::Make(_)]));
    assert_eq!(story.phases()[0], (1, 1, "ready"));
}

#[test]
fn one_copy_of_a_volume_at_a_time_and_meanwhile_volumes_come_from_the_snapshot() {
    let mut story = Story::of(COPIED);
    let done = story.settle();
    let origins = done.iter().map(|act| match act {
        Effect::Make(order) => order.origin.clone(),
        Effect::Delete(_) | Effect::Tell(_) => panic!("{act:?}"),
    });
    let from_snapshot = VolumeOrigin::Snapshot { id: "snap-1".into(), initialization_mib: None };
    let copied = VolumeOrigin::Volume { id: "vol-0".into() };
    // The source, a copy of it, and a third one while the copy is being filled.
    assert_eq!(origins.collect::<Vec<_>>(), [from_snapshot.clone(), copied, from_snapshot]);
    assert_eq!(story.claim("job 1"), given("vol-1", 1), "nobody gets the source");
}

#[test]
fn a_refused_copy_is_not_asked_for_again_at_once() {
    let mut story = Story::of(COPIED);
    let mut acted = None;
    for _ in 0..2 {
        let decision = story.hear(News::Look, acted.take());
        let act = decision.effects.into_iter().next().unwrap();
        let Effect::Make(order) = &act else { panic!() };
        let answer = match &order.origin {
            VolumeOrigin::Volume { .. } => Answer::Made(Made::Refused {
                code: "CopyVolumesLimitExceeded".into(),
                message: "five at once".into(),
            }),
            VolumeOrigin::Snapshot { .. } => {
                story.volumes.push(volume("vol-0", VolumeState::Available, &order.token));
                Answer::Made(Made::Volume("vol-0".into()))
            }
        };
        acted = Some(Acted { act, answer });
    }
    let next = story.hear(News::Look, acted);
    let [Effect::Make(order)] = &next.effects[..] else { panic!("{next}") };
    assert!(matches!(order.origin, VolumeOrigin::Snapshot { .. }));
    assert_eq!(story.pool.trouble, None, "a limit of copies is no trouble");
}

#[test]
fn whoever_is_refused_for_an_hour_says_so_once_and_again_when_it_is_over() {
    let mut story = Story::of(POOL);
    let mut told = Vec::new();
    for _ in 0..30 {
        let decision = story.hear(News::Look, None);
        let act = decision.effects.iter().find(|it| it.is_act()).cloned();
        let refused = |act| {
            let message = "you have too many".into();
            Acted { act, answer: Answer::Made(Made::Refused { code: "VolumeLimitExceeded".into(), message }) }
        };
        let after = act.map(|act| story.hear(News::Look, Some(refused(act))));
        for effect in decision.effects.iter().chain(after.iter().flat_map(|it| &it.effects)) {
            if let Effect::Tell(notice) = effect {
                told.push(format!("{}: {}", notice.headline, notice.text));
            }
        }
        story.now += SignedDuration::from_mins(5);
    }
    assert_eq!(told, ["Cache maven gets no volumes in euw1-az1: VolumeLimitExceeded: you have too many"]);
    let over = story.settle();
    assert_eq!(over.len(), 2);
    assert_eq!(story.pool.trouble, None);
}

#[test]
fn the_token_of_a_refused_order_is_not_used_again() {
    let mut story = Story::of(POOL);
    let act = story.hear(News::Look, None).effects.remove(0);
    let code = "IdempotentParameterMismatch".to_owned();
    let answer = Answer::Made(Made::Refused { code, message: String::new() });
    let refused = story.hear(News::Look, Some(Acted { act: act.clone(), answer }));
    assert!(matches!(refused.because, Reason::Refused(_)));
    story.now += HOLDS;
    let again = story.hear(News::Look, None).effects.remove(0);
    assert_ne!(act.id(), again.id());
}

const HOLDS: SignedDuration = SignedDuration::from_mins(5);

#[test]
fn on_the_leash_nothing_is_made_or_deleted() {
    let mut story = Story::of(POOL);
    let decision = story.decide(News::Look, None, true);
    assert_eq!((decision.because, decision.effects.len()), (Reason::Leashed, 0));
    story.settle();
    story.claim("job 1");
    story.hear(News::Released { volume: "vol-0".into() }, None);
    assert_eq!(story.decide(News::Look, None, true).effects.len(), 0);
}

#[test]
fn a_zone_without_a_pool_gives_back_what_nobody_has() {
    let mut story = Story::of(POOL);
    story.settle();
    story.claim("job 1");
    story.cache = cache("");
    assert_eq!(story.settle(), [Effect::Delete("vol-1".into())]);
    assert_eq!(story.phases(), [(1, 1, "claimed")]);
}

#[test]
fn a_volume_that_somebody_took_by_hand_counts_as_claimed_and_one_that_is_gone_is_replaced() {
    let mut story = Story::of(POOL);
    story.settle();
    story.volume("vol-0").state = VolumeState::InUse;
    story.volume("vol-1").state = VolumeState::Deleted;
    story.settle();
    assert_eq!(story.phases(), [(1, 1, "claimed"), (3, 1, "ready"), (4, 1, "ready")]);
}
