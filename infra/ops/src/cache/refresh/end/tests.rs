use cache_refresher::{
    decide::{Acted, Answer, Decision, Effect, News, Rules, Seen, decide},
    night::{Account, Outcome},
};
use watchkeeper_domain::{cache::Cache, config::Config, drill::Site};

use super::*;

const CACHE: &str = "[[cache]]\nname = \"maven\"\nenabled = true\nsize_gib = 100\n[[cache.feeder]]\nkind = \"list\"\n\
                     file = \"a\"\n";

fn cache() -> Cache {
    Config::parse(CACHE).unwrap().caches.remove(0)
}

fn at(minute: i64) -> Timestamp {
    Timestamp::from_second(minute * 60).unwrap()
}

/// What the function itself makes of `news`, and of what came of its act.
fn decided(standing: &Standing, news: News, acted: Option<Acted>, now: Timestamp) -> Decision {
    let (cache, site) = (cache(), Site { account: String::new(), region: "eu-west-1".into(), leash: false });
    let rules =
        Rules { cache: &cache, site: &site, now, deadline: now + jiff::SignedDuration::from_mins(15) };
    let seen = Seen { news, acted, snapshot: None, snapshots: Default::default() };
    decide(standing, &seen, rules)
}

fn begun(standing: &Standing, id: &str, now: Timestamp) -> Standing {
    decided(standing, News::Asked { id: id.into(), because: "x, by ada".into() }, None, now).next.unwrap()
}

/// The night under way after its writing has given `answer`.
fn wrote(standing: &Standing, answer: Answer, now: Timestamp) -> Standing {
    let night = standing.night.clone().unwrap();
    let acted = Acted { act: Effect::Write(Box::new(night)), answer };
    decided(standing, News::Look, Some(acted), now).next.unwrap()
}

fn failed(mut standing: Standing, why: &str) -> Standing {
    if let Some(night) = &mut standing.night {
        night.tries = 4;
    }
    wrote(&standing, Answer::Failed { why: why.into(), in_doubt: false }, at(9))
}

fn idle() -> Answer {
    Answer::Wrote(Box::new(Outcome::Idle(Account::default())))
}

fn rehearsed() -> Answer {
    Answer::Wrote(Box::new(Outcome::Rehearsed(Account::default())))
}

fn sort(standing: &Standing, id: &str) -> Option<Sort> {
    match look(standing, id, &TimeZone::UTC) {
        Sight::Ended(end) => Some(end.sort),
        Sight::Underway(_) => None,
    }
}

#[test]
fn each_end_is_known_by_what_the_function_leaves_in_the_table() {
    let before = Standing::new("maven");
    assert_eq!(sort(&before, "mine"), None, "nobody has answered");
    let under_way = begun(&before, "mine", at(5));
    assert_eq!(sort(&under_way, "mine"), None);
    assert_eq!(sort(&begun(&before, "other", at(5)), "mine"), Some(Sort::Busy));
    assert_eq!(sort(&wrote(&under_way, idle(), at(6)), "mine"), Some(Sort::NothingNew));
    assert_eq!(sort(&wrote(&under_way, rehearsed(), at(6)), "mine"), Some(Sort::Rehearsed));
    assert_eq!(sort(&failed(under_way, "no route"), "mine"), Some(Sort::Failed));
}

#[test]
fn after_a_failure_and_from_a_second_look_each_end_is_still_what_it_was() {
    let troubled = failed(begun(&Standing::new("maven"), "first", at(1)), "no route");
    let under_way = begun(&troubled, "mine", at(20));
    for (answer, expected) in [(idle(), Sort::NothingNew), (rehearsed(), Sort::Rehearsed)] {
        let after = wrote(&under_way, answer, at(21));
        assert_eq!(sort(&after, "mine"), Some(expected));
        assert_eq!(sort(&after, "first"), Some(Sort::NothingCame), "the table forgets how it ended");
    }
    assert!(!Sort::NothingCame.is_good());
}

#[test]
fn a_generation_counts_for_the_night_in_which_it_was_published() {
    let before = Standing::new("maven");
    let generation = Generation {
        number: 1,
        snapshot: "snap-1".into(),
        size_gib: 100,
        full_bytes: None,
        published_at: at(7),
        account: Account {
            written_files: 2,
            written_bytes: 3_000,
            removed: 1,
            problem_count: 1,
            ..Account::default()
        },
        copies: Default::default(),
    };
    let over = wrote(&begun(&before, "mine", at(5)), idle(), at(8));
    let published = Standing { generations: vec![generation], current: Some(1), ..over };
    let Sight::Ended(end) = look(&published, "mine", &TimeZone::UTC) else { panic!("not over") };
    assert_eq!((end.sort, end.generations.len()), (Sort::Published, 1));
    assert_eq!(end.because, ["generation 1 (snap-1): 2 files, 3.0 kB, 1 removed, 1 package left out"]);

    let later = begun(&published, "later", at(30));
    assert_eq!(sort(&later, "mine"), Some(Sort::Published), "though another night is under way");
    let given_up = failed(later, "no route");
    assert_eq!(sort(&given_up, "later"), Some(Sort::Failed));
    assert_eq!(sort(&given_up, "mine"), Some(Sort::Published));
}

#[test]
fn what_was_seen_last_is_told_of_a_failure_only() {
    let end = |sort| End::of(sort, Vec::new()).after("tried again at 02:05: no route").because;
    assert_eq!(end(Sort::Failed), ["last seen: tried again at 02:05: no route"]);
    assert_eq!(end(Sort::NothingNew), Vec::<String>::new());
}
