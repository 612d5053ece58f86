//! Every notice reaches its channels, once and in order, whatever happens on the way.

use std::collections::BTreeMap;

use futures::future::join_all;
use jiff::SignedDuration;
use proptest::prelude::*;
use watchkeeper_domain::records::Records;
use watchkeeper_domain::{
    message::{Message, Post, Trouble},
    notice::{Change, Kind, Notice, Severity},
};
use watchkeeper_shell::Table;
use watchkeeper_sim::{
    fuse::Fuse,
    memory::Memory,
    screens::{Screens, Shown},
};
use watchkeeper_tests::support::{
    aws,
    estate::{interleave, minute},
    newsroom::{EVERYWHERE, Newsroom, from_topic, notice, of_storm},
};

const ALL: [&str; 4] = ["bot", "hook", "pager", "teams"];

fn newsroom(toml: &str) -> Newsroom<Memory> {
    Newsroom::new(Memory::default(), Screens::default(), toml)
}

/// The same on an empty table of the embedded engine at `endpoint`.
async fn on_dynoxide(endpoint: &str) -> Newsroom<Table> {
    let table = Table::connect(&aws::config(endpoint), &aws::unique("delivery"));
    table.create().await.unwrap();
    Newsroom::new(table, Screens::default(), EVERYWHERE)
}

/// What `channel` shows as news: edits of the first message left out where it also replies.
fn news<R>(room: &Newsroom<R>, channel: &str) -> Vec<Message> {
    let shown = room.screens.shown().into_iter().filter(|shown| shown.channel == channel);
    let is_news = |shown: &Shown| !(channel == "bot" && matches!(shown.post, Post::Edit(_)));
    shown.filter(is_news).map(|shown| shown.message).collect()
}

fn seqs(messages: &[Message]) -> Vec<u32> {
    messages.iter().map(|message| message.notice.seq).collect()
}

#[tokio::test]
async fn a_notice_reaches_every_channel_once_however_often_it_comes() {
    let room = newsroom(EVERYWHERE);
    for _ in 0..3 {
        assert!(room.publish(&notice("case", 1, Change::Opened), minute(0)).await.failure.is_none());
    }
    room.sweeps(minute(0), minute(5)).await;
    for channel in ALL {
        assert_eq!(seqs(&news(&room, channel)), [1], "{channel}");
    }
}

#[tokio::test]
async fn a_bot_keeps_one_thread_for_each_case_and_its_first_message_up_to_date() {
    let room = newsroom(EVERYWHERE);
    for (seq, change) in [(1, Change::Opened), (2, Change::Updated), (3, Change::Resolved)] {
        room.publish(&notice("case", seq, change), minute(seq.into())).await;
    }
    let shown = room.screens.shown().into_iter().filter(|shown| shown.channel == "bot");
    let posts: Vec<_> = shown.map(|shown| (shown.post, shown.message.notice.seq)).collect();
    let (Post::New, 1) = posts[0] else { panic!("{posts:?}") };
    let shapes: Vec<_> = posts.iter().map(|(post, seq)| (matches!(post, Post::Edit(_)), *seq)).collect();
    assert_eq!(shapes, [(false, 1), (false, 2), (true, 2), (false, 3), (true, 3)]);
}

#[tokio::test]
async fn what_comes_late_is_superseded_and_never_reopens_anything() {
    let room = newsroom(EVERYWHERE);
    room.publish(&notice("case", 2, Change::Resolved), minute(0)).await;
    room.publish(&notice("case", 1, Change::Opened), minute(1)).await;
    room.sweeps(minute(1), minute(5)).await;
    for channel in ALL {
        assert_eq!(seqs(&news(&room, channel)), [2], "{channel}");
    }
}

#[tokio::test]
async fn what_was_opened_on_a_channel_is_resolved_there_though_no_route_says_so() {
    let routes = "[[route]]\nmatch = { severity = [\"critical\"] }\nchannels = [\"pager\"]\n[[route]]\nchannels = [\"hook\"]\n";
    let room = newsroom(&format!("{EVERYWHERE}{routes}"));
    room.publish(&notice("case", 1, Change::Opened), minute(0)).await;
    room.publish(&notice("case", 2, Change::Resolved), minute(1)).await;
    assert_eq!(seqs(&news(&room, "pager")), [1, 2]);
    assert_eq!(seqs(&news(&room, "hook")), [2]);
}

#[tokio::test]
async fn quiet_hours_hold_back_what_is_not_urgent_and_deliver_it_when_they_end() {
    // The story begins at midnight UTC.
    let quiet =
        "[[route]]\nchannels = [\"hook\"]\nquiet = { from = \"22:00\", to = \"07:00\", zone = \"UTC\" }\n";
    let room = newsroom(&format!("{EVERYWHERE}{quiet}"));
    let planned = |seq, severity| Notice { severity, ..notice("planned", seq, Change::Updated) };
    room.publish(&planned(1, Severity::High), minute(60)).await;
    room.publish(&planned(2, Severity::High), minute(120)).await;
    room.publish(&notice("outage", 1, Change::Opened), minute(130)).await;
    room.sweeps(minute(130), minute(7 * 60 - 1)).await;
    assert_eq!(seqs(&news(&room, "hook")), [1], "only what is urgent");
    room.sweeps(minute(7 * 60 - 1), minute(7 * 60 + 2)).await;
    let shown: Vec<_> = news(&room, "hook").iter().map(|it| it.notice.id.clone()).collect();
    assert_eq!(shown, ["outage-1", "planned-2"], "the newest of what was held back");
}

#[tokio::test]
async fn only_the_channel_that_failed_is_tried_again_and_not_before_it_wants_to() {
    let room = newsroom(EVERYWHERE);
    let busy = Trouble::passing("429", Some(SignedDuration::from_mins(7)));
    room.screens.trouble("hook", [busy]);
    let report = room.publish(&notice("case", 1, Change::Opened), minute(0)).await;
    assert!(report.failure.is_none(), "the sweep will try again");
    room.sweeps(minute(0), minute(6)).await;
    assert_eq!(seqs(&news(&room, "hook")), [0_u32; 0]);
    room.sweeps(minute(6), minute(8)).await;
    for channel in ALL {
        assert_eq!(seqs(&news(&room, channel)), [1], "{channel}");
    }
    assert!(room.screens.shown().iter().all(|shown| !shown.message.repeated));
}

#[tokio::test]
async fn what_a_channel_refuses_waits_in_the_failure_queue_and_people_hear_of_it_elsewhere() {
    let room = newsroom(EVERYWHERE);
    room.screens.trouble("hook", [Trouble::lasting("404 no_service"), Trouble::lasting("404 no_service")]);
    for seq in 1..=2 {
        room.publish(&notice("case", seq, Change::Updated), minute(seq.into())).await;
    }
    let waiting: Vec<_> =
        room.screens.undelivered().into_iter().map(|(channel, it, cause)| (channel, it.id, cause)).collect();
    let refused = |id: &str| ("hook".to_owned(), id.to_owned(), "404 no_service".to_owned());
    assert_eq!(waiting, [refused("case-1"), refused("case-2")]);
    let alerts = room.channels.notices();
    assert_eq!(alerts.len(), 2, "published each time, and told once");
    for (alert, _) in alerts {
        room.publish(&alert, minute(3)).await;
    }
    let told =
        |channel| news(&room, channel).iter().filter(|it| it.notice.kind == Kind::Undeliverable).count();
    assert_eq!(ALL.map(told), [1, 0, 1, 1], "on the default route, without the channel itself");
    room.publish(&notice("case", 3, Change::Updated), minute(9)).await;
    assert_eq!(seqs(&news(&room, "hook")), [3], "a channel that was mended goes on");
}

#[tokio::test]
async fn what_a_person_sends_again_is_tried_once_more_on_that_channel_alone() {
    let room = newsroom(EVERYWHERE);
    room.screens.trouble("hook", [Trouble::lasting("404 no_service")]);
    let notice = notice("case", 1, Change::Opened);
    room.publish(&notice, minute(0)).await;
    room.publish(&notice, minute(1)).await;
    assert_eq!(seqs(&news(&room, "hook")), [0_u32; 0], "SNS delivering twice is not a person");
    let mut payload = from_topic(&notice);
    payload["Records"][0]["Sns"]["MessageAttributes"] =
        serde_json::json!({"refused_by": {"Type": "String", "Value": "hook"}});
    room.invoke(&room.process(Fuse::never()), &payload, minute(2)).await;
    for channel in ALL {
        assert_eq!(seqs(&news(&room, channel)), [1], "{channel}");
    }
}

#[tokio::test]
async fn a_channel_that_never_recovers_is_given_up_after_hours_and_the_notice_is_not_lost() {
    let room = newsroom(EVERYWHERE);
    room.screens.trouble("hook", (0..40).map(|_| Trouble::passing("503", None)));
    room.publish(&notice("case", 1, Change::Opened), minute(0)).await;
    room.sweeps(minute(0), minute(240)).await;
    let undelivered = room.screens.undelivered();
    assert_eq!(undelivered.len(), 1);
    assert!(undelivered[0].2.contains("gave up after 12 tries"), "{}", undelivered[0].2);
}

#[tokio::test]
async fn ten_thousand_accounts_inside_a_minute_are_one_message_updated_a_few_times() {
    let room = newsroom(EVERYWHERE);
    for batch in 0..200 {
        let now = minute(0) + SignedDuration::from_millis(batch * 300);
        let notices: Vec<_> = (0..50).map(|n| of_storm(u32::try_from(batch * 50 + n).unwrap())).collect();
        let reports = join_all(notices.iter().map(|notice| room.publish(notice, now))).await;
        assert!(reports.iter().all(|report| report.failure.is_none()));
    }
    assert_eq!(room.screens.shown().len(), 4, "the first is immediate, on each channel");
    room.sweeps(minute(0), minute(60)).await;
    let mut posts: BTreeMap<String, Vec<Post>> = BTreeMap::new();
    for shown in room.screens.shown() {
        posts.entry(shown.channel).or_default().push(shown.post);
    }
    assert_eq!(posts["bot"][0], Post::New);
    assert!(posts["bot"].iter().skip(1).all(|post| matches!(post, Post::Edit(_))), "one message, edited");
    for (channel, posts) in posts {
        assert!((2..=3).contains(&posts.len()), "{channel}: {}", posts.len());
    }
    for channel in ALL {
        let last = room.screens.shown().into_iter().rfind(|shown| shown.channel == channel).unwrap();
        let fold = last.message.fold.unwrap();
        assert_eq!((fold.cases, fold.accounts, fold.open, fold.regions.len()), (10_000, 10_000, 10_000, 2));
        assert_eq!(fold.deadline, Some(minute(0) + SignedDuration::from_hours(24 * 30)), "the earliest");
    }
}

#[tokio::test]
async fn an_arrival_in_a_storm_costs_six_calls_a_channel_and_reads_nobody_elses_notice() {
    let room = newsroom(EVERYWHERE);
    room.publish(&of_storm(1), minute(0)).await;
    for account in 2..50 {
        let process = room.process(Fuse::never());
        room.invoke(&process, &from_topic(&of_storm(account)), minute(0)).await;
        // joined? topic, join, joined, keep the notice, look whether somebody will show it
        assert_eq!(process.fuse.steps(), 6 * ALL.len());
    }
}

#[tokio::test]
async fn what_arrives_in_the_moment_in_which_the_sweep_goes_to_rest_is_not_left_behind() {
    for seed in 0..400 {
        let room = newsroom(EVERYWHERE);
        room.publish(&of_storm(1), minute(0)).await;
        let second = of_storm(2);
        // The pause after the first message ends at the full minute.
        let before = minute(1) - SignedDuration::from_millis(1);
        let both: Vec<std::pin::Pin<Box<dyn Future<Output = _>>>> =
            vec![Box::pin(room.publish(&second, before)), Box::pin(room.sweep(minute(1)))];
        interleave(seed, both).await;
        room.sweeps(minute(1), minute(10)).await;
        for channel in ALL {
            let last = room.screens.shown().into_iter().rfind(|shown| shown.channel == channel).unwrap();
            assert_eq!(last.message.fold.map(|fold| fold.cases), Some(2), "{channel}, seed {seed}");
        }
    }
}

#[tokio::test]
async fn a_case_after_the_window_begins_a_conversation_of_its_own() {
    let room = newsroom(EVERYWHERE);
    room.publish(&of_storm(1), minute(0)).await;
    room.publish(&of_storm(2), minute(61)).await;
    room.sweeps(minute(61), minute(70)).await;
    let conversations: Vec<_> = news(&room, "hook").into_iter().map(|it| it.conversation).collect();
    assert_eq!(conversations, ["account-1", "account-2"]);
}

fn check<R>(room: &Newsroom<R>, newest: u32) -> Result<(), TestCaseError> {
    for channel in ALL {
        let shown = news(room, channel);
        let seqs = seqs(&shown);
        prop_assert!(seqs.windows(2).all(|pair| pair[0] <= pair[1]), "{}: {:?}", channel, seqs);
        let unmarked =
            shown.windows(2).all(|pair| pair[0].notice.seq < pair[1].notice.seq || pair[1].repeated);
        prop_assert!(unmarked, "{channel}: a repeat that is not marked");
        let waits =
            room.screens.undelivered().iter().any(|(name, it, _)| name == channel && it.seq == newest);
        prop_assert!(waits || seqs.last() == Some(&newest), "{channel}: {seqs:?}, newest {newest}");
    }
    Ok(())
}

fn trouble() -> impl Strategy<Value = Trouble> {
    prop_oneof![
        Just(Trouble::lasting("400")),
        Just(Trouble::passing("429", Some(SignedDuration::from_mins(3)))),
        Just(Trouble::in_doubt("500")),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]
    #[test]
    fn in_every_mix_of_answers_each_notice_is_shown_superseded_or_waits(
        order in Just((1..=4_u32).chain(1..=2).collect::<Vec<_>>()).prop_shuffle(),
        troubles in prop::collection::vec((prop::sample::select(ALL.to_vec()), trouble()), 0..8),
        seed: u64,
    ) {
        let room = newsroom(EVERYWHERE);
        for (channel, trouble) in troubles {
            room.screens.trouble(channel, [trouble]);
        }
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let notices: Vec<_> = order.iter().map(|seq| notice("case", *seq, Change::Updated)).collect();
            let (first, rest) = notices.split_at(3);
            let tasks = first.iter().map(|it| Box::pin(room.publish(it, minute(0))) as std::pin::Pin<Box<dyn Future<Output = _>>>);
            interleave(seed, tasks.collect()).await;
            for (at, notice) in rest.iter().enumerate() {
                room.publish(notice, minute(1 + i64::try_from(at).unwrap())).await;
            }
            room.sweeps(minute(5), minute(240)).await;
        });
        check(&room, 4)?;
    }
}

async fn crash_anywhere<R: Records + Clone>(fresh: impl AsyncFn() -> Newsroom<R>) {
    let opened = notice("case", 1, Change::Opened);
    let resolved = notice("case", 2, Change::Resolved);
    let play = async |fuse: Fuse| {
        let room = fresh().await;
        room.publish(&opened, minute(0)).await;
        let process = room.process(fuse);
        room.invoke(&process, &from_topic(&resolved), minute(10)).await;
        room.invoke(&room.process(Fuse::never()), &from_topic(&resolved), minute(12)).await;
        room.sweeps(minute(12), minute(16)).await;
        (room, process.fuse.steps())
    };
    let (_, steps) = play(Fuse::never()).await;
    assert!(steps > 30);
    for step in 0..steps {
        for fuse in [Fuse::before(step), Fuse::after(step)] {
            let (room, _) = play(fuse).await;
            check(&room, 2).unwrap_or_else(|error| panic!("step {step}: {error}"));
            assert_eq!(room.screens.undelivered(), []);
            let repeats = room.screens.shown().iter().filter(|shown| shown.message.repeated).count();
            assert!(repeats <= 4, "step {step}: {repeats}");
        }
    }
}

#[tokio::test]
async fn a_crash_before_or_after_any_step_loses_nothing_and_only_repeats_what_may_have_been_shown() {
    crash_anywhere(async || newsroom(EVERYWHERE)).await;
    let endpoint = aws::dynoxide().await.unwrap();
    crash_anywhere(async || on_dynoxide(&endpoint).await).await;
}

#[tokio::test]
async fn side_by_side_on_dynoxide_each_case_is_shown_once_and_a_storm_as_one() {
    let endpoint = aws::dynoxide().await.unwrap();
    let room = on_dynoxide(&endpoint).await;
    let opened = notice("case", 1, Change::Opened);
    let storm: Vec<_> = (0..200).map(of_storm).collect();
    let all = storm.iter().chain([&opened, &opened, &opened]);
    let reports = join_all(all.map(|notice| room.publish(notice, minute(0)))).await;
    assert!(reports.iter().all(|report| report.failure.is_none()));
    room.sweeps(minute(0), minute(5)).await;
    for channel in ALL {
        let shown: Vec<_> =
            room.screens.shown().into_iter().filter(|shown| shown.channel == channel).collect();
        let cases = |message: &Message| message.fold.as_ref().map_or(1, |fold| fold.cases);
        assert_eq!(shown.iter().filter(|it| it.message.notice.thread == "case").count(), 1, "{channel}");
        let storm: Vec<_> = shown.iter().filter(|it| it.message.notice.thread != "case").collect();
        assert!(storm.len() <= 3, "{channel}: {}", storm.len());
        assert_eq!(storm.last().map(|it| cases(&it.message)), Some(200), "{channel}");
        assert!(shown.iter().all(|it| !it.message.repeated), "{channel}");
    }
}
