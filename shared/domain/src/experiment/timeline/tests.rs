use std::{fs, path::PathBuf};

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

/// Something that a watcher may come to know.
#[derive(Clone, Debug)]
enum News {
    Event(StateChange),
    List(Listed),
    Get(Experiment),
    Targets(Vec<ResolvedTarget>),
}

fn take_in(timeline: &mut Timeline, news: &News) {
    match news {
        News::Event(change) => timeline.hear(change),
        News::List(listed) => timeline.list(listed),
        News::Get(experiment) => timeline.get(experiment),
        News::Targets(resolved) => timeline.resolve(resolved),
    }
}

fn told<'a>(news: impl IntoIterator<Item = &'a News>) -> Timeline {
    let mut timeline = Timeline::of("EXPaBCD1efg2HIJkL3");
    news.into_iter().for_each(|news| take_in(&mut timeline, news));
    timeline
}

/// The folder of recorded events beside the checkout, or nothing, said aloud.
fn fixture(name: &str) -> Option<Value> {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/fixtures/fis").join(name);
    let Ok(text) = fs::read_to_string(&file) else {
        eprintln!("SKIPPED: no {}; recorded events are not part of the project", file.display());
        return None;
    };
    Some(serde_json::from_str(&text).unwrap())
}

fn event(payload: &Value) -> StateChange {
    let text = |pointer: &str| payload.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    let state = |name: &str| {
        let part = |key: &str| text(&format!("/detail/{name}/{key}")).unwrap();
        (Status::from(part("status")), part("reason"))
    };
    StateChange {
        experiment: text("/detail/experiment-id").unwrap(),
        template: text("/detail/experiment-template-id"),
        from: state("old-state"),
        to: state("new-state"),
        at: text("/time").unwrap().parse().unwrap(),
    }
}

fn time(value: &Value) -> Option<Timestamp> {
    Timestamp::from_millisecond((value.as_f64()? * 1000.0).round() as i64).ok()
}

fn experiment(payload: &Value) -> Experiment {
    let it = &payload["experiment"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let action = |(name, it): (&String, &Value)| {
        let run = ActionRun {
            action_id: text(&it["actionId"]),
            status: text(&it["state"]["status"]),
            reason: text(&it["state"]["reason"]),
            started_at: time(&it["startTime"]),
            ended_at: time(&it["endTime"]),
        };
        (name.clone(), run)
    };
    Experiment {
        listed: Listed {
            id: text(&it["id"]),
            template: text(&it["experimentTemplateId"]),
            status: Status::from(text(&it["state"]["status"])),
            created_at: time(&it["creationTime"]),
            skips_actions: it["experimentOptions"]["actionsMode"] == "skip-all",
            tags: serde_json::from_value(it["tags"].clone()).unwrap(),
        },
        arn: text(&it["arn"]),
        reason: text(&it["state"]["reason"]),
        error: it["state"].get("error").map(|error| Fault {
            account: text(&error["accountId"]),
            code: text(&error["code"]),
            location: text(&error["location"]),
        }),
        started_at: time(&it["startTime"]),
        ended_at: time(&it["endTime"]),
        actions: it["actions"].as_object().unwrap().iter().map(action).collect(),
        stop_alarms: it["stopConditions"].as_array().unwrap().iter().map(|it| text(&it["value"])).collect(),
        target_accounts: 0,
    }
}

fn recorded(events: &str, seen: &str) -> Option<(Vec<News>, News)> {
    let (events, seen) = (fixture(events)?, fixture(seen)?);
    let events = events.as_array().unwrap().iter().map(|it| News::Event(event(it))).collect();
    Some((events, News::Get(experiment(&seen))))
}

const RECORDED: [(&str, &str, Status); 3] = [
    ("synthetic-sequence-happy.json", "getexperiment-completed.synthetic.json", Status::Completed),
    (
        "synthetic-sequence-stop-condition.json",
        "getexperiment-stopped-by-alarm.synthetic.json",
        Status::Stopped,
    ),
    (
        "synthetic-sequence-failed-target-resolution.json",
        "getexperiment-failed-invalid-target.synthetic.json",
        Status::Failed,
    ),
];

#[test]
fn every_recorded_sequence_ends_in_the_timeline_of_the_sweep() {
    for (events, seen, end) in RECORDED {
        let Some((events, seen)) = recorded(events, seen) else { return };
        let swept = told([&seen]);
        assert_eq!(told(events.iter().chain([&seen])), swept);
        assert_eq!(told([&seen].into_iter().chain(events.iter().rev())), swept);
        assert_eq!((swept.end.clone(), swept.sealed), (Some(end.clone()), true));
        let heard = told(&events);
        assert_eq!((heard.end, heard.sealed), (Some(end), false));
    }
}

#[test]
fn a_run_that_was_stopped_half_way() {
    insta::assert_json_snapshot!(told(&sample(Status::Stopped)));
}

#[test]
fn an_event_without_a_template_and_a_word_that_nobody_knows_are_kept() {
    let change = |from: &str, to: &str, template: Option<&str>| {
        let mut payload = json!({ "time": "2021-12-09T10:00:00Z", "detail": {
            "experiment-id": "EXPaBCD1efg2HIJkL3",
            "old-state": { "status": from, "reason": "r" }, "new-state": { "status": to, "reason": "r" } } });
        if let Some(template) = template {
            payload["detail"]["experiment-template-id"] = template.into();
        }
        News::Event(event(&payload))
    };
    let timeline = told(&[
        change("paused", "completed", None),
        change("running", "paused", Some("EXT1")),
        change("pending", "initiating", None),
    ]);
    let words: Vec<_> = timeline.states.iter().map(|step| step.status.as_str()).collect();
    assert_eq!(words, ["pending", "initiating", "running", "paused", "completed"]);
    assert_eq!(timeline.template.as_deref(), Some("EXT1"));
    assert_eq!(told(&[change("running", "paused", None)]).status().unwrap().as_str(), "paused");
}

#[test]
fn the_first_end_stays_and_another_is_noted() {
    let (Some((_, completed)), Some((stopped, _))) =
        (recorded(RECORDED[0].0, RECORDED[0].1), recorded(RECORDED[1].0, RECORDED[1].1))
    else {
        return;
    };
    let timeline = told([&completed].into_iter().chain(&stopped));
    assert_eq!(timeline.end, Some(Status::Completed));
    assert_eq!(timeline.contradicted_by, BTreeSet::from([Status::Stopped]));
    let other = told(stopped.iter().chain([&completed]));
    assert_eq!((other.end.clone(), other.sealed), (Some(Status::Stopped), true));
    assert_eq!(other.contradicted_by, BTreeSet::from([Status::Completed]));
    assert_eq!(other.states.last().unwrap().reason, "Experiment halted by stop condition.");
    assert!(!other.actions.is_empty());
}

#[test]
fn news_of_another_experiment_change_nothing() {
    let mut timeline = Timeline::of("EXPother");
    sample(Status::Completed)
        .iter()
        .filter(|it| !matches!(it, News::Targets(_)))
        .for_each(|it| take_in(&mut timeline, it));
    assert_eq!(timeline, Timeline::of("EXPother"));
}

#[test]
fn an_action_without_an_end_ends_with_its_experiment() {
    let timeline = told(&sample(Status::Failed));
    let fault = timeline.fault().unwrap();
    assert_eq!((fault.from, fault.to), (second(10), timeline.ended_at.unwrap()));
    let running = told(&sample(Status::Failed)[..6]);
    assert_eq!((running.fault(), running.is_over()), (None, false));
}

#[test]
fn whatever_fis_says_it_fits_into_one_item() {
    let long = "x".repeat(5_000);
    let mut timeline = Timeline::of("EXPaBCD1efg2HIJkL3");
    for n in 0..80 {
        let News::Get(mut seen) = last(&sample(Status::Failed)) else { unreachable!() };
        let run = ActionRun {
            action_id: long.clone(),
            status: long.clone(),
            reason: long.clone(),
            started_at: None,
            ended_at: None,
        };
        seen.actions = BTreeMap::from([(format!("{n}{long}"), run)]);
        seen.reason = long.clone();
        seen.stop_alarms = vec![format!("{n}{long}")];
        seen.listed.tags = BTreeMap::from([(DRILL_TAG.to_owned(), long.clone())]);
        seen.error = Some(Fault { account: long.clone(), code: long.clone(), location: long.clone() });
        timeline.get(&seen);
        let word = || (Status::Other(format!("{n}{long}")), long.clone());
        let at = second(n);
        timeline.hear(&StateChange {
            experiment: timeline.experiment.clone(),
            template: None,
            from: word(),
            to: word(),
            at,
        });
        let many = (0..30).map(|m| target(&format!("{n}{long}"), &format!("{m}{long}"))).collect::<Vec<_>>();
        timeline.resolve(&many);
    }
    let size = serde_json::to_vec(&timeline).unwrap().len();
    assert!(size < 200_000, "{size}");
    assert_eq!(timeline.end, Some(Status::Failed));
    assert_eq!(timeline.targets.unwrap().first_key_value().unwrap().1.count, 30);
}

fn second(second: i64) -> Timestamp {
    Timestamp::from_second(1_772_618_400 + second).unwrap()
}

fn target(name: &str, id: &str) -> ResolvedTarget {
    let information = BTreeMap::from([("arn".to_owned(), format!("arn:aws:ec2:eu-west-1:1:instance/{id}"))]);
    ResolvedTarget { target: name.to_owned(), resource_type: "aws:ec2:instance".to_owned(), information }
}

fn last(news: &[News]) -> News {
    news.last().unwrap().clone()
}

/// Everything that can become known of a run that ends in `end`; the last is `GetExperiment` after the end.
fn sample(end: Status) -> Vec<News> {
    let mut path = vec![Status::Pending, Status::Initiating, Status::Running];
    if end == Status::Stopped {
        path.push(Status::Stopping);
    } else if end == Status::Cancelled {
        path.truncate(1);
    }
    path.push(end);
    let words = |status: &Status| (status.clone(), format!("It is {}.", status.as_str()));
    let mut news = Vec::new();
    for (n, status) in path.iter().enumerate() {
        let n = i64::try_from(n).unwrap();
        let seen = seen(status, n);
        if let Some(before) = path.iter().take_while(|it| *it != status).last() {
            let (experiment, template) =
                (seen.listed.id.clone(), (n > 1).then(|| seen.listed.template.clone()));
            let change = StateChange {
                experiment,
                template,
                from: words(before),
                to: words(status),
                at: second(5 * n),
            };
            news.push(News::Event(change));
        }
        news.push(News::List(seen.listed.clone()));
        news.push(News::Get(seen));
    }
    let targets = News::Targets(vec![target("one", "i-2"), target("one", "i-1"), target("two", "i-3")]);
    news.insert(news.len() - 1, targets);
    news
}

/// What `GetExperiment` shows in `status`, the `n`-th state.
fn seen(status: &Status, n: i64) -> Experiment {
    let run = |status: &str, started_at, ended_at| ActionRun {
        action_id: "aws:ec2:stop-instances".into(),
        status: status.into(),
        reason: format!("Action is {status}."),
        started_at,
        ended_at,
    };
    let actions = match status {
        Status::Pending | Status::Initiating => [run("pending", None, None), run("pending", None, None)],
        Status::Running => [run("running", Some(second(10)), None), run("pending", None, None)],
        Status::Completed => [("completed", 12), ("completed", 14)]
            .map(|(word, end)| run(word, Some(second(10)), Some(second(end)))),
        Status::Stopping => [run("stopping", Some(second(10)), None), run("cancelled", None, None)],
        Status::Stopped => [run("stopped", Some(second(10)), Some(second(17))), run("cancelled", None, None)],
        Status::Failed => [run("failed", Some(second(10)), None), run("cancelled", None, None)],
        Status::Cancelled | Status::Other(_) => [run("cancelled", None, None), run("cancelled", None, None)],
    };
    let tags = [(DRILL_TAG, "checkout"), (TOKEN_TAG, "t1"), ("Name", "n")];
    Experiment {
        listed: Listed {
            id: "EXPaBCD1efg2HIJkL3".into(),
            template: "EXT1".into(),
            status: status.clone(),
            created_at: Some(second(0)),
            skips_actions: false,
            tags: tags.map(|(key, value)| (key.to_owned(), value.to_owned())).into(),
        },
        arn: "arn:aws:fis:eu-west-1:1:experiment/EXPaBCD1efg2HIJkL3".into(),
        reason: format!("It is {}.", status.as_str()),
        error: None,
        started_at: (n > 0 && *status != Status::Cancelled).then(|| second(1)),
        ended_at: status.is_terminal().then(|| second(20)),
        actions: ["a", "b"].map(str::to_owned).into_iter().zip(actions).collect(),
        stop_alarms: vec!["arn:aws:cloudwatch:eu-west-1:1:alarm:errors".into()],
        target_accounts: 0,
    }
}

fn ends() -> impl Strategy<Value = Status> {
    prop::sample::select(vec![Status::Completed, Status::Stopped, Status::Failed, Status::Cancelled])
}

/// Any of the news of a run, any number of times, in any order, with the last of them once more at any place.
fn disordered() -> impl Strategy<Value = (Vec<News>, Vec<News>)> {
    (ends(), prop::collection::vec((any::<u8>(), 0_usize..100), 0..40), 0_usize..100).prop_map(
        |(end, picks, place)| {
            let all = sample(end);
            let picked = picks.into_iter().map(|(_, n)| all[n % all.len()].clone());
            let mut news: Vec<_> = picked.filter(|it| !matches!(it, News::Targets(_))).collect();
            news.insert(place % (news.len() + 1), last(&all));
            (all, news)
        },
    )
}

proptest! {
    #[test]
    fn order_repeats_and_losses_make_no_difference((all, news) in disordered()) {
        let truth = told([&last(&all)]);
        prop_assert_eq!(told(&news), truth);
    }

    #[test]
    fn without_losses_order_and_repeats_make_no_difference_even_before_the_end_is_seen(
        (end, keys, repeats) in (ends(), prop::collection::vec(any::<u32>(), 20), 1_usize..3),
    ) {
        let mut all = sample(end);
        let is_final = |it: &News| matches!(it, News::Get(seen) if seen.listed.status.is_terminal());
        all.retain(|it| !is_final(it));
        let straight = told(&all);
        let mut keyed: Vec<_> = all.iter().zip(keys.iter().cycle()).collect();
        keyed.sort_by_key(|(_, key)| **key);
        let shuffled: Vec<_> = (0..repeats).flat_map(|_| keyed.iter().map(|(news, _)| *news)).collect();
        prop_assert_eq!(told(shuffled), straight);
    }

    #[test]
    fn an_end_is_never_overwritten(first in ends(), second in ends(), cut in 0_usize..20) {
        let mut timeline = told(&sample(first.clone()));
        sample(second.clone()).iter().skip(cut).for_each(|news| take_in(&mut timeline, news));
        prop_assert_eq!(timeline.end.as_ref(), Some(&first));
        prop_assert_eq!(timeline.states.last().map(|step| &step.status), Some(&first));
    }

    #[test]
    fn it_is_stored_and_read_as_it_was((_, news) in disordered()) {
        let timeline = told(&news);
        let stored = serde_json::to_string(&timeline).unwrap();
        prop_assert_eq!(serde_json::from_str::<Timeline>(&stored).unwrap(), timeline);
    }
}
