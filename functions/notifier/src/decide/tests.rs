use jiff::SignedDuration;
use watchkeeper_domain::notice::{Change, Notice};

use super::*;
use crate::{
    fixture::{at, notice},
    talk::Mention,
};

const NOW: &str = "2026-11-20T12:00:00Z";

fn of(notices: &[Notice]) -> Result<News, Option<Timestamp>> {
    News::of(notices.iter().map(|notice| Mention::of(notice, "lead", None)).collect(), at(NOW))
}

fn other(account: &str, seq: u32) -> Notice {
    Notice { thread: account.into(), account: account.into(), ..notice(seq) }
}

fn decide_at(talk: &Talk, notices: &[Notice], (threads, now): (bool, &str)) -> Decision {
    let deadline = at(now) + SignedDuration::from_secs(60);
    decide(talk, &of(notices), ("lead", threads), (at(now), deadline))
}

/// Shows `notices` from the beginning, each as soon as it comes, and returns the conversation.
fn after(notices: &[Notice], threads: bool) -> Talk {
    (1..=notices.len()).fold(Talk::default(), |talk, count| {
        let mut talk = talk;
        loop {
            let decision = decide_at(&talk, &notices[..count], (threads, NOW));
            let Some(next) = decision.next else { return talk };
            talk = match decision.effects.first() {
                None => next,
                Some(effect) => {
                    let outcome = Ok(threads.then(|| "ts1".to_owned()));
                    settle(&next, Attempt { effect, threads, outcome: &outcome }, at(NOW)).0
                }
            };
        }
    })
}

#[test]
fn the_first_notice_is_shown_at_once_under_a_claim() {
    let decision = decide_at(&Talk::default(), &[notice(1)], (false, NOW));
    assert_eq!(decision.because, Reason::News);
    assert_eq!(decision.effects[0].post, Post::New);
    assert!(!decision.effects[0].message.repeated);
    assert_eq!(decision.next.unwrap().claim.unwrap().until, at("2026-11-20T12:01:00Z"));
}

#[test]
fn while_somebody_speaks_nobody_else_does_and_when_it_stops_the_next_one_marks_a_repeat() {
    let claimed = decide_at(&Talk::default(), &[notice(1)], (false, NOW)).next.unwrap();
    assert_eq!(decide_at(&claimed, &[notice(1)], (false, NOW)).because, Reason::SomebodySpeaks);
    let taken_over = decide_at(&claimed, &[notice(1)], (false, "2026-11-20T12:01:00Z"));
    assert!(taken_over.effects[0].message.repeated);
}

#[test]
fn an_overtaken_notice_is_not_shown() {
    let talk = after(&[notice(2)], false);
    assert_eq!(decide_at(&talk, &[notice(1), notice(2)], (false, NOW)).because, Reason::Shown);
}

#[test]
fn where_there_are_threads_news_is_a_reply_and_then_the_first_message_is_edited() {
    let talk = after(&[notice(1)], true);
    let reply = decide_at(&talk, &[notice(1), notice(2)], (true, NOW));
    assert_eq!(reply.effects[0].post, Post::Reply("ts1".into()));
    let outcome = Ok(Some("ts2".to_owned()));
    let attempt = Attempt { effect: &reply.effects[0], threads: true, outcome: &outcome };
    let replied = settle(&reply.next.clone().unwrap(), attempt, at(NOW)).0;
    assert_eq!(replied.first.as_deref(), Some("ts1"), "the first message stays the first");
    let edit = decide_at(&replied, &[notice(1), notice(2)], (true, NOW));
    assert_eq!(
        (edit.because, edit.effects[0].post.clone()),
        (Reason::FirstIsStale, Post::Edit("ts1".into()))
    );
}

#[test]
fn other_cases_wait_for_the_end_of_the_pause_and_the_leading_one_does_not() {
    let talk = after(&[notice(1)], false);
    let storm = [notice(1), other("222222222222", 1)];
    let until = at("2026-11-20T12:01:00Z");
    assert_eq!(decide_at(&talk, &storm, (false, NOW)).because, Reason::Storm(until));
    let shown = decide_at(&talk, &storm, (false, "2026-11-20T12:01:00Z"));
    assert_eq!(shown.effects[0].message.fold.as_ref().unwrap().cases, 2);
    assert_eq!(decide_at(&talk, &[notice(1), notice(2)], (false, NOW)).because, Reason::News);
}

#[test]
fn a_storm_is_over_when_every_case_is() {
    let closed = |notice: Notice| Notice { change: Change::Resolved, ..notice };
    let message = |notices: &[Notice]| of(notices).unwrap().message("lead", false);
    assert!(!message(&[notice(1), closed(notice(2)), other("222222222222", 1)]).is_closed());
    assert!(message(&[closed(notice(2)), closed(other("222222222222", 1))]).is_closed());
}

#[test]
fn a_failure_that_passes_is_tried_again_later_and_one_that_lasts_is_not() {
    let decision = decide_at(&Talk::default(), &[notice(1)], (false, NOW));
    let (claimed, effect) = (decision.next.unwrap(), &decision.effects[0]);
    let settled = |trouble: Trouble| {
        settle(&claimed, Attempt { effect, threads: false, outcome: &Err(trouble) }, at(NOW))
    };

    let (busy, refused) = settled(Trouble::passing("429", Some(SignedDuration::from_mins(5))));
    assert_eq!((busy.retry_at, refused), (Some(at("2026-11-20T12:05:00Z")), None));
    assert_eq!(busy.wake_at, busy.retry_at);
    assert!(!busy.doubtful);
    assert!(settled(Trouble::in_doubt("500")).0.doubtful);

    let (gone, refused) = settled(Trouble::lasting("404"));
    assert_eq!(refused.unwrap().cause, "404");
    let again = decide_at(&gone, &[notice(1)], (false, NOW));
    assert_eq!(again.because, Reason::Refused("404".into()));
    assert_eq!(
        decide_at(&gone, &[notice(1), notice(2)], (false, NOW)).because,
        Reason::News,
        "what is new is tried"
    );
}

#[test]
fn a_first_message_that_cannot_be_edited_any_more_begins_a_new_one() {
    let talk = after(&[notice(1)], true);
    let storm = [notice(1), other("222222222222", 1)];
    let edit = decide_at(&talk, &storm, (true, "2026-11-20T12:01:00Z"));
    assert_eq!(edit.effects[0].post, Post::Edit("ts1".into()));
    let gone = Err(Trouble::lasting("message_not_found"));
    let attempt = Attempt { effect: &edit.effects[0], threads: true, outcome: &gone };
    let (talk, refused) = settle(&edit.next.clone().unwrap(), attempt, at(NOW));
    assert_eq!((talk.first.clone(), refused), (None, None));
    assert_eq!(decide_at(&talk, &storm, (true, "2026-11-20T12:01:00Z")).effects[0].post, Post::New);
}

#[test]
fn what_is_held_back_wakes_the_sweep_when_quiet_hours_end() {
    let until = at("2026-11-21T06:00:00Z");
    let held = News::of(vec![Mention::of(&notice(1), "lead", Some(until))], at(NOW));
    let decision = decide(&Talk::default(), &held, ("lead", false), (at(NOW), at(NOW)));
    assert_eq!(decision.because, Reason::Quiet(until));
    let talk = decision.next.unwrap();
    assert_eq!(talk.wake_at, Some(until));
    assert_eq!(decide(&talk, &held, ("lead", false), (at(NOW), at(NOW))).next, None, "it is recorded once");
}

#[test]
fn pauses_and_backoffs_grow_and_are_bounded() {
    let secs = |talk: Talk| (talk.next_pause().as_secs(), talk.next_backoff().as_secs());
    assert_eq!(secs(Talk::default()), (60, 30));
    assert_eq!(secs(Talk { pause_secs: 60, tries: 1, ..Talk::default() }), (120, 60));
    assert_eq!(secs(Talk { pause_secs: 900, tries: 30, ..Talk::default() }), (900, 900));
}
