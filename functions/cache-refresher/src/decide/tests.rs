use std::collections::BTreeMap;

use watchkeeper_domain::{
    cache::{CACHE_TAG, GENERATION_TAG, SOURCE_TAG, TOKEN_TAG},
    notice::{Change, Notice},
    ports::{Snapshot, SnapshotState},
    records::State,
};
use watchkeeper_volume::night::{Fault, Verdict};

use super::*;
use crate::{
    fixture::{account, cache, look, now, sealed, site, snapshot, standing},
    night::Outcome,
    standing::Doomed,
};

const LATER: SignedDuration = SignedDuration::from_mins(15);

/// Decides, off the leash, a quarter of an hour before the deadline.
fn decided(standing: &Standing, seen: &Seen) -> Decision {
    at(standing, seen, now(), false)
}

fn at(standing: &Standing, seen: &Seen, now: Timestamp, leash: bool) -> Decision {
    let (cache, site) = (cache("copy_to = [\"eu-central-1\"]"), site(leash));
    decide(standing, seen, Rules { cache: &cache, site: &site, now, deadline: now + LATER })
}

fn asked(id: &str) -> Seen {
    Seen { news: News::Asked { id: id.into(), because: "its schedule".into() }, ..look() }
}

/// What was done by the last decision, with what came of it.
fn then(decision: &Decision, answer: Answer) -> Seen {
    let act = decision.effects.iter().find(|it| watchkeeper_domain::records::Effect::is_act(*it)).unwrap();
    Seen { acted: Some(Acted { act: act.clone(), answer }), ..look() }
}

fn with(seen: Seen, state: SnapshotState) -> Seen {
    Seen { snapshot: Some(snapshot("snap-2", state)), ..seen }
}

fn next(decision: &Decision) -> Standing {
    decision.next.clone().unwrap()
}

fn notice(decision: &Decision) -> &Notice {
    let told = decision.effects.iter().find_map(|effect| match effect {
        Effect::Tell(notice) => Some(notice.as_ref()),
        Effect::Emit(_)
        | Effect::Write(_)
        | Effect::Complete(_)
        | Effect::Check(_)
        | Effect::Copy(_)
        | Effect::Delete(_) => None,
    });
    told.unwrap_or_else(|| panic!("{decision}"))
}

fn written(files: u64, left: u64) -> Answer {
    Answer::Wrote(Box::new(Outcome::Written(sealed("snap-2"), account(files, left))))
}

fn sound() -> Answer {
    Answer::Checked(Verdict::Sound { files: 5, bytes: 5, read: 5 })
}

/// The night of a cache that has generation 1, up to where its snapshot is read back.
fn up_to_check(left: u64) -> Decision {
    let begun = decided(&standing(&[1]), &asked("2026-11-24T03:00"));
    let sealing = decided(&next(&begun), &then(&begun, written(5, left)));
    assert_eq!(sealing.because, Reason::Sealing);
    let checking = decided(&next(&sealing), &with(then(&sealing, Answer::Done), SnapshotState::Completed));
    assert_eq!(checking.because, Reason::Checking);
    checking
}

fn checked(decision: &Decision, answer: Answer) -> Decision {
    decided(&next(decision), &with(then(decision, answer), SnapshotState::Completed))
}

#[test]
fn a_night_is_written_sealed_read_back_and_only_then_published() {
    let checking = up_to_check(0);
    assert_eq!(next(&checking).current, Some(1), "jobs get the last generation until the check is done");
    let published = checked(&checking, sound());
    let standing = next(&published);
    assert_eq!(published.because, Reason::Published(2));
    assert_eq!((standing.current, standing.night.clone(), standing.generations.len()), (Some(2), None, 2));
    assert_eq!(standing.generations[1].snapshot, "snap-2");
    assert_eq!(notice(&published).headline, "Cache maven refreshed: generation 2, 5 files, 5.0 kB");
    assert_eq!(notice(&published).change, Change::Resolved);
    assert_eq!(standing.answered_at, Some(now()));
}

#[test]
fn the_same_night_comes_once_and_another_waits_for_it() {
    let begun = decided(&standing(&[1]), &asked("a"));
    assert!(matches!(begun.effects[..], [Effect::Write(_)]), "{begun}");
    assert_eq!(decided(&next(&begun), &asked("a")).because, Reason::Duplicate);
    assert_eq!(decided(&next(&begun), &asked("b")).because, Reason::UnderWay(now()));
    let other = decided(&next(&begun), &look());
    assert_eq!((other.because, other.next), (Reason::InProgress(now() + LATER), None));
}

#[test]
fn a_snapshot_that_does_not_read_back_is_never_published() {
    let checking = up_to_check(0);
    let fault = Fault::Left("a/b".into());
    let failed = checked(&checking, Answer::Checked(Verdict::Unsound(vec![fault])));
    let standing = next(&failed);
    assert_eq!((standing.current, standing.generations.len(), standing.night.is_none()), (Some(1), 1, true));
    assert_eq!(notice(&failed).headline, "Cache maven was not refreshed");
    assert!(
        notice(&failed).text.contains("snap-2 was read back, and a/b was removed and is there"),
        "{failed}"
    );
    assert_eq!(standing.spent.len(), 1, "its snapshot goes");
    let last = standing.last.unwrap();
    assert!(last.outcome.contains("the last generation stays: snap-2 was read back"), "{last:?}");
}

#[test]
fn a_snapshot_that_cannot_be_read_now_is_read_later_and_not_written_again() {
    let mut checking = up_to_check(0);
    for _ in 1..TRIES {
        let failed = Answer::Failed { why: "throttled".into(), in_doubt: false };
        let later = checked(&checking, failed);
        assert_eq!((later.because.clone(), later.effects.len()), (Reason::TriesAgain("throttled".into()), 0));
        checking = decided(&next(&later), &with(look(), SnapshotState::Completed));
        assert_eq!((checking.because.clone(), next(&checking).night.unwrap().attempt), (Reason::Checking, 1));
    }
    let failed = Answer::Failed { why: "throttled".into(), in_doubt: false };
    assert_eq!(checked(&checking, failed).because, Reason::Failed("throttled".into()));
}

#[test]
fn what_is_left_becomes_the_next_generation_right_after_and_people_hear_at_the_end() {
    let published = checked(&up_to_check(7), sound());
    assert!(matches!(published.effects[..], [Effect::Emit(_)]), "{published}");
    let standing = next(&published);
    let night = standing.night.clone().unwrap();
    assert_eq!(
        (night.part, night.number, night.parent.as_deref(), night.phase.clone()),
        (2, 3, Some("snap-2"), Phase::Queued)
    );
    assert!(standing.wake_at().unwrap() <= now(), "the next sweep goes on");
    let second = decided(&standing, &look());
    let done = decided(&next(&second), &then(&second, Answer::Wrote(Box::new(Outcome::Idle(account(0, 0))))));
    assert_eq!(done.because, Reason::NothingNew);
    assert_eq!(notice(&done).headline, "Cache maven refreshed: generation 2, 5 files, 5.0 kB");
}

#[test]
fn nothing_new_is_told_to_nobody_unless_somebody_waits_for_good_news() {
    let begun = decided(&standing(&[1]), &asked("a"));
    let idle = || Answer::Wrote(Box::new(Outcome::Idle(account(0, 0))));
    let done = decided(&next(&begun), &then(&begun, idle()));
    assert_eq!((done.because.clone(), done.effects.len()), (Reason::NothingNew, 0));
    let troubled = Standing { seq: 1, ..next(&begun) };
    let done = decided(&troubled, &then(&begun, idle()));
    assert_eq!(notice(&done).headline, "Cache maven is up to date");
    assert_eq!((next(&done).thread, next(&done).seq), (1, 0));
}

#[test]
fn a_night_that_has_written_nothing_gives_its_number_back_unless_a_snapshot_may_bear_it() {
    let idle = || Answer::Wrote(Box::new(Outcome::Idle(account(0, 0))));
    let number = |decision: &Decision| next(decision).night.unwrap().number;
    let begun = decided(&standing(&[1]), &asked("a"));
    assert_eq!(number(&begun), 2);
    let done = decided(&next(&begun), &then(&begun, idle()));
    assert_eq!(number(&decided(&next(&done), &asked("b"))), 2);

    let killed = at(&next(&begun), &look(), now() + LATER, false);
    assert!(matches!(killed.because, Reason::Writing { .. }), "{killed}");
    let done = decided(&next(&killed), &then(&killed, idle()));
    assert_eq!(number(&decided(&next(&done), &asked("b"))), 3);
}

#[test]
fn a_failure_is_tried_again_with_another_snapshot_and_told_in_the_end() {
    let mut decision = decided(&standing(&[1]), &asked("a"));
    let mut tokens = std::collections::BTreeSet::new();
    let mut time = now();
    for attempt in 1..TRIES {
        let night = next(&decision).night.unwrap();
        assert_eq!((night.attempt, night.tries), (attempt, attempt));
        assert!(tokens.insert(night.token("maven")), "each has a token of its own");
        let failed = Answer::Failed { why: "the repository does not answer".into(), in_doubt: false };
        let paused = at(&next(&decision), &then(&decision, failed), time, false);
        assert!(matches!(paused.because, Reason::TriesAgain(_)), "{paused}");
        assert_eq!(at(&next(&paused), &look(), time, false).because, Reason::Waiting);
        time += PAUSE;
        decision = at(&next(&paused), &look(), time, false);
    }
    let failed = Answer::Failed { why: "the repository does not answer".into(), in_doubt: false };
    let over = at(&next(&decision), &then(&decision, failed), time, false);
    assert_eq!(notice(&over).text, "the repository does not answer");
    let facts: Vec<_> = notice(&over).facts.iter().map(|it| format!("{}: {}", it.name, it.value)).collect();
    assert_eq!(facts, ["Jobs get: generation 1 of 24 Nov 2026 02:00 UTC"]);
    assert_eq!((next(&over).current, next(&over).night), (Some(1), None));
}

#[test]
fn whoever_was_killed_while_writing_goes_on_with_the_same_snapshot_as_long_as_it_is_open() {
    let begun = next(&decided(&standing(&[1]), &asked("a")));
    let later = now() + LATER;
    let again = |seen: &Seen| next(&at(&begun, seen, later, false)).night.unwrap();
    assert_eq!((again(&look()).attempt, again(&look()).tries), (1, 2));
    assert_eq!(again(&with(look(), SnapshotState::Pending)).attempt, 1);
    // EBS has cancelled it, and its token is burned; or it was sealed, and what was put is not known.
    assert_eq!(again(&with(look(), SnapshotState::Error)).attempt, 2);
    assert_eq!(again(&with(look(), SnapshotState::Completed)).attempt, 2);
}

#[test]
fn whoever_was_killed_while_sealing_learns_from_the_snapshot_what_happened() {
    let begun = decided(&standing(&[1]), &asked("a"));
    let sealing = next(&decided(&next(&begun), &then(&begun, written(5, 0))));
    assert_eq!(decided(&sealing, &with(look(), SnapshotState::Completed)).because, Reason::Checking);
    let again = decided(&sealing, &with(look(), SnapshotState::Pending));
    assert!(matches!(again.effects[..], [Effect::Complete(_)]), "{again}");
    // The second time EBS may refuse what the first has done.
    let refused = Answer::Failed { why: "ConflictException".into(), in_doubt: false };
    let seen = with(then(&again, refused.clone()), SnapshotState::Completed);
    assert_eq!(decided(&next(&again), &seen).because, Reason::Checking);
    let seen = with(then(&again, refused), SnapshotState::Pending);
    assert!(matches!(decided(&next(&again), &seen).because, Reason::TriesAgain(_)));
}

#[test]
fn ebs_has_two_hours_to_complete_a_snapshot() {
    let begun = decided(&standing(&[1]), &asked("a"));
    let sealing = decided(&next(&begun), &then(&begun, written(5, 0)));
    let waiting = decided(&next(&sealing), &with(then(&sealing, Answer::Done), SnapshotState::Pending));
    assert_eq!(waiting.because, Reason::Waiting);
    let pending = with(look(), SnapshotState::Pending);
    let soon = at(&next(&waiting), &pending, now() + LONGEST_COMPLETION, false);
    assert_eq!(soon.because, Reason::Waiting);
    let late = now() + LONGEST_COMPLETION + SignedDuration::from_secs(1);
    assert!(matches!(at(&next(&waiting), &pending, late, false).because, Reason::TriesAgain(_)));
}

#[test]
fn on_the_leash_it_is_told_what_would_be_written_and_nothing_is_done() {
    let begun = at(&standing(&[]), &asked("a"), now(), true);
    let outcome = Outcome::Rehearsed(account(5, 0));
    let told = at(&next(&begun), &then(&begun, Answer::Wrote(Box::new(outcome))), now(), true);
    assert_eq!(notice(&told).headline, "Cache maven on the leash: 5 files, 5.0 kB would be written");
    let after = next(&told);
    assert_eq!((after.night, after.care, after.answered_at), (None, false, None));
    let care = at(&Standing { care: true, ..standing(&[1, 2, 3]) }, &look(), now(), true);
    assert_eq!((care.because, care.effects.len()), (Reason::Leashed, 0));
}

#[test]
fn a_rollback_changes_what_jobs_get_and_what_the_next_night_begins_with() {
    let back = |to| Seen { news: News::RolledBack { to, because: "builds break, by ada".into() }, ..look() };
    let decision = decided(&standing(&[1, 2]), &back(None));
    assert_eq!(next(&decision).current, Some(1));
    assert_eq!(notice(&decision).headline, "Cache maven is back at generation 1");
    let night = next(&decided(&next(&decision), &asked("b"))).night.unwrap();
    assert_eq!((night.parent.as_deref(), night.number), (Some("snap-1"), 3));
    assert_eq!(decided(&standing(&[1, 2]), &back(Some(2))).because, Reason::CurrentAlready(2));
    let none = decided(&standing(&[1, 2]), &back(Some(7)));
    assert_eq!(none.because.to_string(), "there is no generation 7; kept: 1, 2");
    assert!(none.because.is_refusal());
}

fn home(snapshots: Vec<Snapshot>) -> Seen {
    let abroad = ("eu-central-1".to_owned(), Vec::new());
    Seen { snapshots: BTreeMap::from([("eu-west-1".to_owned(), snapshots), abroad]), ..look() }
}

fn kept(numbers: &[u32]) -> Vec<Snapshot> {
    numbers.iter().map(|number| snapshot(&format!("snap-{number}"), SnapshotState::Completed)).collect()
}

#[test]
fn generations_beyond_those_that_are_kept_go_the_oldest_first_and_never_the_current_one() {
    let rolled_back = Standing { current: Some(1), care: true, ..standing(&[1, 2, 3]) };
    let decision = decided(&rolled_back, &home(kept(&[1, 2, 3])));
    assert_eq!(
        decision.effects,
        [Effect::Delete(Doomed { region: "eu-west-1".into(), snapshot: "snap-2".into() })]
    );
    let left: Vec<_> = next(&decision).generations.iter().map(|it| it.number).collect();
    assert_eq!(left, [1, 3]);
    // Recorded first: a kill in between leaves it on the list.
    assert_eq!(next(&decision).doomed.len(), 1);
    let gone = Seen { acted: then(&decision, Answer::Done).acted, ..home(kept(&[1, 3])) };
    assert!(next(&decided(&next(&decision), &gone)).doomed.is_empty());
}

#[test]
fn what_does_not_carry_our_tag_or_was_not_seen_is_not_deleted() {
    let standing = Standing { care: true, ..standing(&[1, 2, 3]) };
    let mut foreign = kept(&[1, 2, 3]);
    foreign[0].tags.insert(CACHE_TAG.into(), "another".into());
    for seen in [home(foreign), home(kept(&[2, 3]))] {
        let decision = decided(&standing, &seen);
        assert!(!decision.effects.iter().any(|it| matches!(it, Effect::Delete(_))), "{decision}");
        assert!(next(&decision).doomed.is_empty());
    }
}

#[test]
fn only_leftovers_that_this_record_knows_of_go() {
    let mut standing = Standing { care: true, ..standing(&[1]) };
    standing.generations[0].copies.insert("eu-central-1".into(), "snap-c".into());
    standing.spent.insert("token of a night that failed".into(), now());
    let mut leftover = snapshot("snap-9", SnapshotState::Error);
    leftover.tags.insert(TOKEN_TAG.into(), "token of a night that failed".into());
    let mut stranger = snapshot("snap-8", SnapshotState::Completed);
    stranger.tags.insert(TOKEN_TAG.into(), "token of another stack".into());
    let mut snapshots = kept(&[1]);
    snapshots.extend([stranger, leftover]);
    let decision = decided(&standing, &home(snapshots));
    assert_eq!(
        decision.effects,
        [Effect::Delete(Doomed { region: "eu-west-1".into(), snapshot: "snap-9".into() })]
    );
}

#[test]
fn a_copy_is_made_once_and_found_again_by_its_tags() {
    let standing = Standing { care: true, ..standing(&[1]) };
    let decision = decided(&standing, &home(kept(&[1])));
    let [Effect::Copy(copy)] = &decision.effects[..] else { panic!("{decision}") };
    assert_eq!((copy.snapshot.as_str(), copy.to.as_str()), ("snap-1", "eu-central-1"));
    assert_eq!((copy.tags[GENERATION_TAG].as_str(), copy.tags[SOURCE_TAG].as_str()), ("1", "snap-1"));
    // The answer was lost.
    let mut seen = home(kept(&[1]));
    let mut made = snapshot("snap-c", SnapshotState::Pending);
    made.tags.extend(copy.tags.clone());
    seen.snapshots.get_mut("eu-central-1").unwrap().push(made);
    let done = decided(&next(&decision), &seen);
    assert_eq!((done.because.clone(), next(&done).care), (Reason::CaredFor, false));
    assert_eq!(next(&done).generations[0].copies["eu-central-1"], "snap-c");
}

#[test]
fn a_copy_that_fails_is_told_and_waits_for_the_next_night() {
    let standing = Standing { care: true, ..standing(&[1]) };
    let decision = decided(&standing, &home(kept(&[1])));
    let failed = Answer::Failed { why: "ResourceLimitExceeded".into(), in_doubt: false };
    let told = decided(&next(&decision), &Seen { acted: then(&decision, failed).acted, ..home(kept(&[1])) });
    assert_eq!(notice(&told).text, "ResourceLimitExceeded");
    assert!(!next(&told).care);
}
