//! Drills from their announcement to their start: what is done, what is told, and what must never happen.

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use serde_json::{Value, json};
use watchkeeper_domain::{
    drill::{Cron, Halt, TemplateRef},
    notice::{Change, Notice},
    ports::Issue,
    records::{Entry, Key, Nothing, Records, Write},
};
use watchkeeper_shell::Outcome;
use watchkeeper_sim::{
    channels,
    facts::{Question, Resource},
    fis::{Operation, Resolution},
    fuse::Fuse,
    memory::Memory,
};
use watchkeeper_tests::support::{
    estate::interleave,
    range::{INSTANCE, Range, TEMPLATE, asked, before, drill, fired, template},
};

fn range() -> Range<Memory> {
    Range::new(Memory::default())
}

#[tokio::test(flavor = "current_thread")]
async fn a_drill_is_announced_previewed_guarded_by_a_dead_man_and_started() {
    let range = range();
    range.minutes(50).await;
    let (previews, runs) = range.orders();
    assert_eq!((previews.len(), runs.len(), range.experiments()), (1, 1, 1));
    assert_ne!(previews[0].token, runs[0].token);
    let headlines = range.headlines();
    assert_eq!(
        headlines,
        [
            "Drill stop-one in staging starts in 15 minutes (24 Nov 2026 10:00 CET)",
            "Drill stop-one in staging started",
        ]
    );
    let started = range.estate.fis.runs().into_iter().find(|run| !run.listed.skips_actions).unwrap();
    let due: Timestamp = "2026-11-24T09:00:00Z".parse().unwrap();
    let late = started.listed.created_at.unwrap().duration_since(due).as_secs();
    assert!((0..=180).contains(&late), "{late} s after it was due");
    assert!(range.channels.notices().iter().all(|(_, repeated)| !repeated));
    let started = &range.told()[1];
    let costs = started.facts.iter().find(|fact| fact.name == "Costs").map(|fact| fact.value.as_str());
    assert_eq!(costs, Some("at most $1.00 (10 action-minutes)"));
    assert_eq!(started.resources.iter().map(|it| it.name.as_str()).collect::<Vec<_>>(), [INSTANCE]);
    assert!(started.next_step.contains("watchkeeper halt"), "{}", started.next_step);
    let events: Vec<_> = range.channels.events().into_iter().map(|event| event.detail_type).collect();
    assert_eq!(events, ["Drill Announced", "Drill Started"]);
    assert!(range.estate.dead_man.armed().is_empty(), "the experiment is over, and so is its dead man");
}

#[tokio::test(flavor = "current_thread")]
async fn the_dead_man_is_armed_before_the_start_and_aimed_after_it() {
    let range = range();
    let mut before_start = None;
    for _ in 0..26 {
        range.minutes(1).await;
        let armed = range.estate.dead_man.armed();
        match range.orders().1.len() {
            0 => before_start = armed.first().cloned().or(before_start),
            _ => {
                assert_eq!(armed.len(), 1, "{armed:?}");
                let target = format!("{:?}", armed[0].target);
                assert!(target.contains("Stop"), "it points at the experiment: {target}");
            }
        }
    }
    // It is armed and the start ordered in one invocation; that it comes first is seen when the start fails.
    range.estate.fis.fail_next(Operation::Start, 0, channels::Outcome::Refuse);
    assert_eq!(range.orders().1.len(), 1);
    let other = self::range();
    other.minutes(20).await;
    other.estate.fis.fail_next(Operation::Start, 100, channels::Outcome::Refuse);
    other.minutes(2).await;
    let (previews, _) = other.orders();
    assert!(other.experiments() == 0 || !previews.is_empty());
}

#[tokio::test(flavor = "current_thread")]
async fn on_the_leash_everything_is_judged_and_told_and_nothing_is_touched() {
    let mut range = range();
    range.site.leash = true;
    range.minutes(50).await;
    assert_eq!(range.estate.fis.starts().len(), 0);
    assert_eq!(range.estate.dead_man.armed().len(), 0);
    let told = range.told();
    assert_eq!(told.len(), 2, "{:?}", range.headlines());
    assert_eq!(told[1].headline, "Drill stop-one in staging rehearsed on the leash");
    assert_eq!(told[1].change, Change::Resolved);
}

#[tokio::test(flavor = "current_thread")]
async fn no_fact_that_cannot_be_read_lets_a_drill_start() {
    let questions = [Question::Alarms, Question::Incidents, Question::Tags, Question::Fleet, Question::Zones];
    for question in questions {
        let range = range();
        range.estate.facts.fail(question, "the network is down");
        range.minutes(50).await;
        assert_eq!(range.experiments(), 0, "{question:?}");
        assert!(range.headlines()[1].contains("refused"), "{question:?}: {:?}", range.headlines());
    }
    for operation in [Operation::Template, Operation::Experiments, Operation::Lever, Operation::Resolved] {
        let range = range();
        range.estate.fis.fail_next(operation, 1000, channels::Outcome::Refuse);
        range.minutes(50).await;
        assert_eq!(range.experiments(), 0, "{operation:?}");
    }
}

/// A range whose drill calls its template by name.
fn named() -> Range<Memory> {
    let mut drill = drill("by-name");
    drill.template = TemplateRef::from("stop-one");
    Range::with(Memory::default(), vec![drill])
}

#[tokio::test(flavor = "current_thread")]
async fn a_drill_by_name_is_looked_up_previewed_and_started_as_the_one_template_of_that_name() {
    let range = named();
    let mut other = template();
    other["tags"]["Name"] = json!("stop-two");
    range.estate.fis.put_template("EXT0", other);
    let mut unmarked = template();
    unmarked["tags"] = json!({ "Name": "stop-one" });
    range.estate.fis.put_template("EXT2", unmarked);
    range.minutes(50).await;
    assert_eq!(range.experiments(), 1, "{:?}", range.headlines());
    let orders = range.estate.fis.starts();
    assert!(orders.len() == 2 && orders.iter().all(|order| order.template == TEMPLATE), "{orders:?}");
    let (lists, reads) = (Operation::Templates, Operation::Template);
    let (lists, reads) = (range.estate.fis.calls(lists), range.estate.fis.calls(reads));
    assert!(0 < lists && lists < reads, "once a pass, and not for what runs: {lists} lists, {reads} reads");
    let told = range.told();
    let template = |notice: &Notice| {
        notice.facts.iter().find(|it| it.name == "Template").map(|it| it.value.clone()).unwrap()
    };
    assert_eq!(template(&told[0]), "stop-one", "nobody has looked it up yet");
    assert_eq!(template(&told[1]), "stop-one (EXT1)");
}

#[tokio::test(flavor = "current_thread")]
async fn a_drill_by_id_costs_no_list() {
    let range = range();
    range.minutes(50).await;
    assert_eq!(range.experiments(), 1);
    assert_eq!(range.estate.fis.calls(Operation::Templates), 0);
    assert!(range.estate.fis.calls(Operation::Template) > 0);
}

#[tokio::test(flavor = "current_thread")]
async fn a_name_that_fits_none_or_two_or_cannot_be_looked_up_is_a_refusal_that_says_so() {
    type Spoil = fn(&Range<Memory>);
    let spoils: [(Spoil, &str); 3] = [
        (
            |it| it.estate.fis.put_template(TEMPLATE, json!({ "tags": { "Name": "stop-two" } })),
            "has the tags Name=stop-one and watchkeeper=drill: deploy infra/fis",
        ),
        (
            |it| it.estate.fis.put_template("EXT2", template()),
            "EXT1, EXT2; name the one that is meant by its id",
        ),
        (
            |it| it.estate.fis.fail_next(Operation::Templates, 1000, channels::Outcome::Refuse),
            "could not list the experiment templates of FIS",
        ),
    ];
    for (spoil, says) in spoils {
        let range = named();
        spoil(&range);
        range.minutes(50).await;
        assert_eq!(range.estate.fis.starts().len(), 0, "{says}");
        let refused = &range.told()[1];
        assert!(refused.headline.contains("refused"), "{}", refused.headline);
        assert!(refused.text.contains("the template stop-one could not be read: "), "{}", refused.text);
        assert!(refused.text.contains(says), "{says}: {}", refused.text);
    }
}

#[tokio::test(flavor = "current_thread")]
async fn a_name_that_comes_to_fit_two_after_the_preview_starts_nothing() {
    let range = named();
    while range.orders().0.is_empty() {
        range.minutes(1).await;
    }
    range.estate.fis.put_template("EXT2", template());
    range.minutes(30).await;
    assert_eq!(range.experiments(), 0);
    assert!(range.told()[1].text.contains("2 experiment templates"), "{:?}", range.told()[1]);
}

#[tokio::test(flavor = "current_thread")]
async fn what_changes_between_preview_and_start_is_seen() {
    type Spoil = fn(&Range<Memory>);
    let spoils: [(&str, Spoil); 5] = [
        ("lever", |it| it.estate.fis.engage_lever("sale")),
        ("incident", |it| it.estate.facts.open_incident("checkout is down")),
        ("opt-in", |it| {
            let resource_type = "aws:ec2:instance".to_owned();
            let resource = Resource { resource_type, ..Resource::default() };
            it.estate.facts.set_resource(INSTANCE, resource);
        }),
        ("there is no such resource", |it| it.estate.facts.remove_resource(INSTANCE)),
        ("alarm", |it| it.estate.facts.fail(Question::Alarms, "down")),
    ];
    for (guard, spoil) in spoils {
        let range = range();
        while range.orders().0.is_empty() {
            range.minutes(1).await;
        }
        spoil(&range);
        range.minutes(30).await;
        assert_eq!(range.experiments(), 0, "{guard}");
        let told = range.told();
        assert!(told[1].text.contains(guard), "{guard}: {:?} {}", told[1].headline, told[1].text);
    }
}

#[tokio::test(flavor = "current_thread")]
async fn a_mistyped_tag_is_found_by_the_preview_and_proves_nothing_by_completing() {
    let range = range();
    range.estate.fis.resolve("One", Resolution::nothing());
    range.minutes(50).await;
    assert_eq!((range.orders().0.len(), range.experiments()), (1, 0));
    assert!(range.headlines()[1].contains("refused"), "{:?}", range.headlines());
}

#[tokio::test(flavor = "current_thread")]
async fn a_halt_refuses_every_drill() {
    let range = range();
    let halt = Some(Halt { by: "ada".into(), because: "sale".into(), at: before() });
    let write = Write { body: &halt, due: None, expires_at: None };
    let none: Vec<Entry<Nothing>> = Vec::new();
    range.records.swap(&Key::head("HALT"), 0, &write, &none).await.unwrap();
    range.minutes(50).await;
    assert_eq!(range.estate.fis.starts().len(), 0);
    assert!(range.headlines()[1].contains("ada has halted all drills: sale"), "{:?}", range.headlines());
}

#[tokio::test(flavor = "current_thread")]
async fn an_open_issue_that_health_has_told_of_refuses_until_it_is_over() {
    let notice = |seq: u32, change: &str| {
        let mut notice = serde_json::to_value(watchkeeper_tests::support::samples::notice()).unwrap();
        notice["kind"] = json!("issue");
        notice["service"] = json!("EC2");
        notice["region"] = json!("eu-west-1");
        notice["seq"] = json!(seq);
        notice["change"] = json!(change);
        json!({
            "version": "0", "id": "1", "source": "watchkeeper", "detail-type": "Case Opened",
            "account": "123456789012", "region": "eu-west-1", "time": "2026-11-24T08:41:00Z", "resources": [],
            "detail": { "id": "e", "notice": notice },
        })
    };
    let refused = range();
    refused.invoke(&notice(1, "opened")).await;
    refused.minutes(50).await;
    assert_eq!(refused.estate.fis.starts().len(), 0);
    assert!(refused.told()[1].text.contains("[health]"));

    let over = range();
    over.invoke(&notice(2, "resolved")).await;
    over.invoke(&notice(1, "opened")).await; // an older one comes late
    over.minutes(50).await;
    assert_eq!(over.experiments(), 1, "{:?}", over.headlines());

    let mut asked = range();
    asked.config.drills.health_api = true;
    asked.estate.facts.open_issue(Issue {
        arn: "arn:aws:health:eu-west-1::event/EC2/x/1".into(),
        service: "EC2".into(),
        region: "eu-west-1".into(),
        type_code: "AWS_EC2_OPERATIONAL_ISSUE".into(),
        text: "errors".into(),
    });
    asked.minutes(50).await;
    assert_eq!(asked.estate.fis.starts().len(), 0);
}

#[tokio::test(flavor = "current_thread")]
async fn duplicates_of_every_trigger_start_nothing_twice() {
    let range = range();
    for _ in 0..3 {
        range.invoke(&fired("stop-one", "2026-11-24T09:00:00Z")).await;
    }
    range.minutes(25).await;
    for _ in 0..3 {
        range.invoke(&fired("stop-one", "2026-11-24T09:00:00Z")).await;
    }
    range.minutes(60 * 30).await;
    range.invoke(&fired("stop-one", "2026-11-24T09:00:00Z")).await;
    assert_eq!(range.experiments(), 1);
    assert_eq!(range.told().len(), 2, "{:?}", range.headlines());
}

#[tokio::test(flavor = "current_thread")]
async fn a_lost_answer_to_the_start_is_found_again_by_its_token() {
    let range = range();
    while range.orders().0.is_empty() {
        range.minutes(1).await;
    }
    range.estate.fis.fail_next(Operation::Start, 1, channels::Outcome::HangAfterAccepting);
    range.minutes(40).await;
    assert_eq!(range.experiments(), 1);
    assert_eq!(range.headlines().len(), 2, "{:?}", range.headlines());
}

#[tokio::test(flavor = "current_thread")]
async fn a_list_that_lags_behind_starts_nothing_twice() {
    let range = range();
    range.estate.fis.lag_list_by(SignedDuration::from_secs(90));
    range.minutes(60).await;
    assert_eq!(range.experiments(), 1, "{:?}", range.headlines());
}

#[tokio::test(flavor = "current_thread")]
async fn without_a_single_event_of_fis_the_sweep_brings_a_drill_to_its_end() {
    let range = range();
    range.estate.fis.lose_next_events(1000);
    range.minutes(50).await;
    assert_eq!(range.headlines().len(), 2, "{:?}", range.headlines());
}

/// A crash before or after every step of every minute's invocation, then the next minute: started once, told once.
#[tokio::test(flavor = "current_thread")]
async fn a_crash_anywhere_neither_loses_a_drill_nor_starts_it_twice() {
    let calm = range();
    calm.minutes(50).await;
    let expected = calm.headlines();
    let mut killed = 0;
    for minute in [4, 20, 21, 22, 23] {
        for step in 0..200 {
            for after in [false, true] {
                let range = range();
                range.minutes(minute).await;
                range.clock.advance(SignedDuration::from_mins(1));
                let fuse = if after { Fuse::after(step) } else { Fuse::before(step) };
                let process = range.process(fuse);
                range.invoke_in(&process, &json!({ "tick": "sweep" })).await;
                if !process.fuse.is_blown() {
                    continue;
                }
                killed += 1;
                range.minutes(45).await;
                assert_eq!(
                    range.experiments(),
                    1,
                    "minute {minute}, step {step}, after {after}: {:?}",
                    range.headlines()
                );
                let told: Vec<_> = range.headlines();
                assert_eq!(told.last(), expected.last(), "minute {minute}, step {step}, after {after}");
                assert_eq!(told.len(), 2, "minute {minute}, step {step}, after {after}: {told:?}");
            }
            let range = self::range();
            range.minutes(minute).await;
            range.clock.advance(SignedDuration::from_mins(1));
            let process = range.process(Fuse::never());
            range.invoke_in(&process, &json!({ "tick": "sweep" })).await;
            if step >= process.fuse.steps() {
                break;
            }
        }
    }
    assert!(killed > 40, "only {killed} kills");
}

#[tokio::test(flavor = "current_thread")]
async fn invocations_side_by_side_start_nothing_twice() {
    for seed in 0..60 {
        let range = range();
        for _ in 0..40 {
            range.clock.advance(SignedDuration::from_mins(1));
            let events = range.estate.fis.take_events();
            let mut payloads = vec![json!({ "tick": "sweep" }), json!({ "tick": "sweep" })];
            payloads.push(fired("stop-one", "2026-11-24T09:00:00Z"));
            payloads.extend(events);
            let tasks: Vec<_> = payloads
                .iter()
                .map(|payload| -> std::pin::Pin<Box<dyn Future<Output = _>>> {
                    Box::pin(range.invoke(payload))
                })
                .collect();
            interleave(seed, tasks).await;
        }
        assert_eq!(range.experiments(), 1, "seed {seed}: {:?}", range.headlines());
        assert_eq!(range.headlines().len(), 2, "seed {seed}: {:?}", range.headlines());
    }
}

#[tokio::test(flavor = "current_thread")]
async fn of_two_drills_that_are_due_together_one_starts_and_the_other_says_why_not() {
    for seed in 0..20 {
        let range = Range::with(Memory::default(), vec![drill("one"), drill("other")]);
        for _ in 0..50 {
            range.clock.advance(SignedDuration::from_mins(1));
            let events = range.estate.fis.take_events();
            let mut payloads = vec![json!({ "tick": "sweep" }), json!({ "tick": "sweep" })];
            payloads.extend(events);
            let tasks: Vec<_> = payloads
                .iter()
                .map(|payload| -> std::pin::Pin<Box<dyn Future<Output = _>>> {
                    Box::pin(range.invoke(payload))
                })
                .collect();
            interleave(seed, tasks).await;
        }
        assert_eq!(range.experiments(), 1, "seed {seed}: {:?}", range.headlines());
        let refused: Vec<_> = range.told().into_iter().filter(|it| it.headline.contains("refused")).collect();
        assert_eq!(refused.len(), 1, "seed {seed}: {:?}", range.headlines());
        assert!(refused[0].text.contains("[concurrency]"), "{}", refused[0].text);
    }
}

#[tokio::test(flavor = "current_thread")]
async fn a_person_asks_cancels_and_is_told() {
    let range = range();
    let at = range.clock.now();
    let ask = asked("Drill Requested", "stop-one", at);
    range.invoke(&ask).await;
    range.invoke(&ask).await;
    assert_eq!(range.told().len(), 1);
    range.minutes(2).await;
    range.invoke(&asked("Drill Cancelled", "stop-one", range.clock.now())).await;
    assert_eq!(range.headlines()[1], "Drill stop-one in staging cancelled");
    range.invoke(&ask).await; // it comes once more
    range.minutes(12).await;
    assert_eq!(range.estate.fis.starts().len(), 0);
    let unknown = range.invoke(&asked("Drill Requested", "stop-on", at)).await;
    assert_eq!(unknown.outcome, Outcome::Refused);
    assert_eq!(unknown.reason, "there is no drill `stop-on`; known: stop-one");
}

#[tokio::test(flavor = "current_thread")]
async fn a_deployment_asks_for_the_drills_that_wait_for_it() {
    let mut waiting = drill("after-deploy");
    waiting.schedule = None;
    waiting.after_deployment = vec![wildmatch::WildMatch::new("codepipeline:checkout-*")];
    let range = Range::with(Memory::default(), vec![waiting]);
    let pipeline = |name: &str, state: &str| {
        json!({
            "version": "0", "id": "p", "source": "aws.codepipeline",
            "detail-type": "CodePipeline Pipeline Execution State Change", "account": "123456789012",
            "region": "eu-west-1", "time": range.clock.now().to_string(), "resources": [],
            "detail": { "pipeline": name, "state": state, "execution-id": "e-1" },
        })
    };
    range.invoke(&pipeline("checkout-staging", "STARTED")).await;
    range.invoke(&pipeline("basket", "SUCCEEDED")).await;
    assert_eq!(range.told().len(), 0);
    range.invoke(&pipeline("checkout-staging", "SUCCEEDED")).await;
    range.minutes(40).await;
    assert_eq!(range.experiments(), 1, "{:?}", range.headlines());
}

#[tokio::test(flavor = "current_thread")]
async fn a_start_that_comes_too_late_is_refused() {
    let range = range();
    range.minutes(10).await;
    // Nothing runs for an hour: neither the sweep nor the schedule.
    range.clock.advance(SignedDuration::from_mins(60));
    range.invoke(&fired("stop-one", "2026-11-24T09:00:00Z")).await;
    assert_eq!(range.estate.fis.starts().len(), 0);
    assert!(range.told()[1].text.contains("[lateness]"), "{:?}", range.told());
}

/// Two weeks around a change of the clock in six zones, swept every minute of the days that matter.
#[tokio::test(flavor = "current_thread")]
async fn a_change_of_the_clock_causes_no_extra_run_and_loses_none() {
    let changes = [
        ("Europe/Berlin", "2026-10-24T12:00:00Z", "cron(30 2 * * ? *)"),
        ("America/New_York", "2026-10-31T12:00:00Z", "cron(30 1 * * ? *)"),
        ("America/New_York", "2027-03-13T12:00:00Z", "cron(30 3 * * ? *)"),
        ("Australia/Lord_Howe", "2027-04-03T00:00:00Z", "cron(45 1 * * ? *)"),
        ("Africa/Casablanca", "2027-02-06T12:00:00Z", "cron(30 2 * * ? *)"),
        ("Asia/Kolkata", "2026-10-24T12:00:00Z", "cron(30 2 * * ? *)"),
        ("America/Santiago", "2027-04-03T12:00:00Z", "cron(30 23 * * ? *)"),
    ];
    for (zone, from, cron) in changes {
        let mut nightly = drill("nightly");
        nightly.zone = TimeZone::get(zone).unwrap();
        nightly.schedule = Some(Cron::parse(cron).unwrap());
        for window in &mut nightly.windows {
            window.days =
                (1..=7).map(|day| jiff::civil::Weekday::from_monday_one_offset(day).unwrap()).collect();
            (window.from, window.to) = ("22:00".parse().unwrap(), "08:00".parse().unwrap());
        }
        let range = Range::with(Memory::default(), vec![nightly]);
        range.clock.advance_to(from.parse().unwrap());
        let from = range.clock.now();
        range.minutes(60 * 24 * 3).await;
        assert_eq!(range.experiments(), 3, "{zone} from {from}: {:?}", range.headlines());
    }
}

/// What goes to FIS has the shape that its API wants.
#[tokio::test(flavor = "current_thread")]
async fn every_order_carries_its_drill_and_its_token() {
    let range = range();
    range.minutes(50).await;
    for order in range.estate.fis.starts() {
        assert_eq!(order.tags["watchkeeper:drill"], "stop-one");
        assert_eq!(order.tags["watchkeeper:token"], order.token);
        assert!(order.token.len() <= 64 && order.tags.len() <= 50);
    }
    let log: Vec<Value> = range.records.list("DRILL#stop-one", "LOG#").await.unwrap();
    let reasons: Vec<_> = log.iter().map(|entry| entry["because"].as_str().unwrap().to_owned()).collect();
    assert_eq!(reasons.first().map(String::as_str), Some("announced"));
    assert_eq!(reasons.last().map(String::as_str), Some("over: completed"), "{reasons:?}");
    assert!(log.iter().any(|entry| entry["facts"]["lever"]["Ok"]["status"] == "disengaged"), "{log:?}");
}

#[tokio::test(flavor = "current_thread")]
async fn a_drill_that_is_over_is_not_looked_at_any_more() {
    let range = range();
    range.minutes(60).await;
    assert_eq!(range.experiments(), 1);
    let due =
        range.records.due(chaos_trigger::NAME, range.clock.now() + SignedDuration::from_hours(24)).await;
    assert_eq!(due.unwrap(), []);
}

#[tokio::test(flavor = "current_thread")]
async fn a_drill_that_is_no_longer_declared_ends_before_it_starts() {
    let mut range = range();
    range.minutes(10).await;
    range.config.drills.drills.clear();
    range.minutes(60).await;
    assert_eq!((range.told().len(), range.estate.fis.starts().len()), (1, 0));
    let due =
        range.records.due(chaos_trigger::NAME, range.clock.now() + SignedDuration::from_hours(24)).await;
    assert_eq!(due.unwrap(), []);
}
