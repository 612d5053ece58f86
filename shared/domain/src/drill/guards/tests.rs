use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;
use serde_json::json;
use wildmatch::WildMatch;

use super::{
    BEFORE_PREVIEW, FORESEEABLE,
    live::overtime,
    sample::{self, INSTANCE, STOP, Sample, listed, minutes, now, template},
};
use crate::{
    channel::SecretName,
    drill::{
        Deployments, Fleet, Floor, Halt, OnCall, Promotion, Proof,
        deployments::{Progress, Stage},
    },
    experiment::{ResolvedTarget, Status, hypothesis::Hypothesis},
    fis::Template,
    ports::{Alarm, CalendarState, Issue},
};

fn only(found: &[String], says: &str) {
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].contains(says), "{found:?} should say: {says}");
}

#[test]
fn nothing_objects_to_the_sample() {
    assert_eq!(Sample::before_preview(|_| ()), [""; 0]);
    assert_eq!(Sample::before_start(|_| ()), [""; 0]);
    assert_eq!(Sample::ask(&FORESEEABLE, |_| ()), [""; 0]);
}

#[test]
fn every_fact_that_cannot_be_read_is_an_objection() {
    let lost = || "the network is down".to_owned();
    type Spoil = fn(&mut Sample, String);
    let spoils: [(&str, Spoil); 12] = [
        ("[halt]", |it, why| it.facts.halt = Err(why)),
        ("[lever]", |it, why| it.facts.lever = Err(why)),
        ("[approval]", |it, why| it.facts.template = Err(why)),
        ("[incident]", |it, why| it.facts.incidents = Err(why)),
        ("[health]", |it, why| it.facts.issues = Err(why)),
        ("[alarm]", |it, why| it.facts.alarms = Err(why)),
        ("[concurrency]", |it, why| it.facts.active = Err(why)),
        ("[concurrency]", |it, why| it.facts.floor = Err(why)),
        ("[blocked]", |it, why| it.facts.proofs = Err(why)),
        ("[calendar]", |it, why| {
            it.drill.calendars = vec!["freeze".into()];
            it.facts.calendars = Err(why);
        }),
        ("[on-call]", |it, why| {
            it.drill.on_call = Some(on_call());
            it.facts.on_call = Err(why);
        }),
        ("[deployment]", |it, why| {
            it.drill.quiet = minutes(30);
            it.facts.deployments = Err(why);
        }),
    ];
    for (guard, spoil) in spoils {
        let found = Sample::before_preview(|it| spoil(it, lost()));
        let says = found.iter().any(|it| it.contains(guard) && it.contains("the network is down"));
        assert!(says, "{guard}: {found:?}");
    }
    only(&Sample::before_start(|it| it.facts.targets = Some(Err(lost()))), "[preview]");
}

#[test]
fn switches_object_before_anything_else() {
    only(&Sample::before_preview(|it| it.drill.enabled = false), "switched off");
    let halt = Halt { by: "ada".into(), because: "sale".into(), at: now() };
    only(
        &Sample::before_preview(|it| it.facts.halt = Ok(Some(halt))),
        "ada has halted all drills: sale [halt]",
    );
    for status in ["engaged", "engaging", "anything new"] {
        let found = Sample::before_preview(|it| {
            it.facts.lever.as_mut().unwrap().status = status.into();
        });
        only(&found, &format!("the safety lever is {status}"));
    }
}

#[test]
fn a_run_starts_neither_too_early_nor_too_late() {
    only(&Sample::before_preview(|it| it.plan.announced_at = None), "nobody was told");
    let early = |it: &mut Sample| it.plan.announced_at = Some(now() - minutes(14));
    only(&Sample::before_preview(early), "15 minutes before [announcement]");
    assert_eq!(Sample::before_preview(|it| it.plan.due = now() - minutes(20)), [""; 0]);
    only(&Sample::before_preview(|it| it.plan.due = now() - minutes(21)), "21 minutes late");
}

fn on_call() -> OnCall {
    let secret = SecretName::Ssm("/watchkeeper/pagerduty-api".into());
    OnCall { schedule: "PSHOP".into(), secret, endpoint: String::new() }
}

#[test]
fn somebody_must_be_on_call_where_the_drill_says_so() {
    let with = |answer: bool| {
        Sample::before_preview(move |it| {
            it.drill.on_call = Some(on_call());
            it.facts.on_call = Ok(answer);
        })
    };
    assert_eq!(with(true), [""; 0]);
    only(&with(false), "nobody is on call in the PagerDuty schedule PSHOP");
    assert_eq!(Sample::before_preview(|it| it.facts.on_call = Ok(false)), [""; 0], "it does not ask");
}

#[test]
fn the_run_and_its_recovery_must_fit_into_the_window() {
    // Ten minutes of run and thirty of recovery: 15:20 is the last moment.
    let at = |time: &str| -> jiff::Timestamp { format!("2026-11-24T{time}Z").parse().unwrap() };
    let shift = |time: &'static str| {
        Sample::before_preview(move |it| {
            let by = at(time).duration_since(it.now);
            it.now = at(time);
            it.plan.due += by;
            it.plan.announced_at = it.plan.announced_at.map(|at| at + by);
            it.facts.alarms =
                Ok(vec![Alarm { arn: STOP.into(), state: "OK".into(), since: Some(now() - minutes(900)) }]);
        })
    };
    assert_eq!(shift("14:20:00"), [""; 0]);
    only(&shift("14:21:00"), "[window]");
    only(&shift("07:59:00"), "[window]");
    let holiday = |it: &mut Sample| {
        it.drill.holidays.insert("2026-11-24".parse().unwrap());
    };
    only(&Sample::before_preview(holiday), "[window]");
}

#[test]
fn a_calendar_must_be_open_until_the_planned_end() {
    let calendar = |open, until: i64| {
        Sample::before_preview(move |it| {
            it.drill.calendars = vec!["freeze".into()];
            let until = Some(now() + minutes(until));
            it.facts.calendars = Ok(vec![CalendarState { name: "freeze".into(), open, until }]);
        })
    };
    assert_eq!(calendar(true, 40), [""; 0]);
    only(&calendar(true, 39), "before the drill is over");
    only(&calendar(false, 400), "is closed");
    let other = |it: &mut Sample| {
        it.drill.calendars = vec!["freeze".into(), "sale".into()];
        it.facts.calendars = Ok(vec![CalendarState { name: "freeze".into(), open: true, until: None }]);
    };
    only(&Sample::before_preview(other), "sale could not be read");
}

#[test]
fn only_real_starts_count_for_the_interval() {
    let last = |hours: i64| {
        Sample::before_preview(move |it| it.plan.started_at = Some(now() - SignedDuration::from_hours(hours)))
    };
    assert_eq!(last(20), [""; 0]);
    only(&last(19), "at least 20 hours");
}

#[test]
fn work_days_are_monday_to_friday_without_holidays() {
    let with = |least: u64, last: &str, holidays: &[&str]| {
        let (last, holidays) = (last.parse().unwrap(), holidays.iter().map(|day| day.parse().unwrap()));
        let holidays: BTreeSet<_> = holidays.collect();
        [&FORESEEABLE[..], &BEFORE_PREVIEW[..]].map(|checks| {
            Sample::ask(checks, |it| {
                it.drill.interval_work_days = least;
                it.drill.holidays = holidays.clone();
                it.plan.started_at = Some(last);
            })
        })
    };
    // It is due on Tuesday the 24th. In Berlin the 20th, a Friday, ends at 23:00 UTC.
    let friday = "2026-11-20T22:59:59Z";
    assert_eq!(with(2, friday, &[]), [[""; 0]; 2], "Monday and Tuesday");
    for found in with(3, friday, &[]) {
        only(&found, "2026-11-20T22:59:59Z, 2 work days ago; 3 must lie between two runs [interval]");
    }
    for found in with(2, friday, &["2026-11-23"]) {
        only(&found, "1 work day ago; 2 must lie");
    }
    for found in with(3, "2026-11-20T23:00:00Z", &[]) {
        only(&found, "2 work days ago");
    }
    assert_eq!(
        with(0, "2026-11-23T00:00:00Z", &["2026-11-24"]).map(|it| it.len()),
        [1, 1],
        "only the holiday objects"
    );
}

#[test]
fn a_week_has_a_limit_that_a_weekly_drill_never_meets() {
    let with = |most: Option<u64>, starts: &[&str]| {
        let starts: Vec<_> = starts.iter().map(|at| at.parse().unwrap()).collect();
        [&FORESEEABLE[..], &BEFORE_PREVIEW[..]].map(|checks| {
            Sample::ask(checks, |it| {
                it.drill.max_runs_per_week = most;
                it.plan.starts = starts.clone();
            })
        })
    };
    // It is due on the 24th. In Berlin the 18th begins at 23:00 UTC.
    let week = ["2026-11-17T22:59:59Z", "2026-11-17T23:00:00Z", "2026-11-20T09:00:00Z"];
    assert_eq!(with(Some(3), &week), [[""; 0]; 2]);
    for found in with(Some(2), &week) {
        only(&found, "it ran 2 times since 2026-11-18; 2 a week are allowed [interval]");
    }
    assert_eq!(with(None, &week), [[""; 0]; 2]);
    assert_eq!(with(Some(1), &["2026-11-17T09:08:00Z"]), [[""; 0]; 2], "seen running late last time");
}

#[test]
fn dice_are_cast_for_scheduled_runs_only_and_fall_the_same_way_twice() {
    let cast = |run: usize, scheduled: bool| {
        Sample::before_preview(move |it| {
            it.drill.chance = 50;
            it.plan.scheduled = scheduled;
            it.plan.run = format!("run {run}");
        })
    };
    let refused = (0..200).filter(|run| !cast(*run, true).is_empty()).count();
    assert!((60..140).contains(&refused), "{refused} of 200");
    assert!((0..200).all(|run| cast(run, true) == cast(run, true)));
    assert!((0..200).all(|run| cast(run, false).is_empty()));
}

#[test]
fn one_drill_at_a_time_and_none_beside_an_experiment_of_somebody_else() {
    let active = |token: &str, status: Status| {
        let listed = listed(token, status);
        Sample::before_preview(move |it| it.facts.active = Ok(vec![listed]))
    };
    only(&active("a stranger's", Status::Pending), "EXP7 of template EXT7 is pending");
    only(&active("a stranger's", Status::Other("paused".into())), "is paused");
    assert_eq!(active("own preview", Status::Running), [""; 0]);
    assert_eq!(active("a stranger's", Status::Completed), [""; 0]);
    let floor = Floor { drill: "other".into(), run: "r".into(), since: now() };
    only(&Sample::before_preview(|it| it.facts.floor = Ok(Some(floor))), "the drill other is under way");
}

#[test]
fn an_approval_is_for_one_template() {
    only(&Sample::before_preview(|it| it.drill.approved = None), "nobody has approved");
    let changed = |it: &mut Sample| {
        let mut json = template();
        json["targets"]["One"]["selectionMode"] = json!("COUNT(2)");
        it.facts.template = Ok(Some(Template::parse(&json).unwrap()));
    };
    only(&Sample::before_preview(changed), "has changed since it was approved");
    let gone = Sample::before_preview(|it| it.facts.template = Ok(None));
    assert!(gone.iter().any(|it| it.contains("FIS has no template EXT1")), "{gone:?}");
}

#[test]
fn a_template_that_a_rule_refuses_is_refused_even_if_approved() {
    let spoil = |it: &mut Sample| {
        let mut json = template();
        json["stopConditions"] = json!([{ "source": "none" }]);
        let template = Template::parse(&json).unwrap();
        it.drill.approved = Some(template.hash());
        it.facts.template = Ok(Some(template));
    };
    only(&Sample::before_preview(spoil), "stopConditions");
}

#[test]
fn the_upper_bound_of_the_price_must_be_in_the_budget() {
    only(&Sample::before_preview(|it| it.drill.max_cost_cents = 99), "$1.00, and $0.99 are allowed");
    assert_eq!(Sample::before_preview(|it| it.drill.max_cost_cents = 100), [""; 0]);
}

#[test]
fn the_alarms_of_the_hypothesis_are_ok_before_a_start_and_may_ring_during_the_run() {
    const PAGE: &str = "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:Page";
    let spoil = |state: &'static str| {
        move |it: &mut Sample| {
            it.drill.hypothesis = Some(Hypothesis {
                title: None,
                measures: Vec::new(),
                alarms: BTreeSet::new(),
                detected_by: BTreeSet::from([PAGE.into()]),
                detect_within: minutes(5),
                recovery: None,
                baseline: minutes(30),
                min_data_percent: 80,
            });
            let page = Alarm { arn: PAGE.into(), state: state.into(), since: Some(now() - minutes(60)) };
            it.facts.alarms.as_mut().unwrap().push(page);
        }
    };
    assert_eq!(Sample::before_preview(spoil("OK")), [""; 0]);
    only(&Sample::before_preview(spoil("ALARM")), "alarm:Page is ALARM [alarm]");
    let mut it = Sample::new();
    spoil("OK")(&mut it);
    assert!(!super::super::alarms_of(&it.drill, None).contains(PAGE), "what a run is watched by");
}

#[test]
fn every_alarm_is_ok_and_has_been_for_a_while() {
    let alarm = |state: &str, minutes_ago: i64| {
        let since = Some(now() - minutes(minutes_ago));
        let alarm = Alarm { arn: STOP.into(), state: state.into(), since };
        Sample::before_preview(move |it| it.facts.alarms = Ok(vec![alarm]))
    };
    assert_eq!(alarm("OK", 10), [""; 0]);
    only(&alarm("OK", 9), "is OK only since");
    only(&alarm("ALARM", 99), "is ALARM");
    only(&alarm("INSUFFICIENT_DATA", 99), "is INSUFFICIENT_DATA");
    only(&Sample::before_preview(|it| it.facts.alarms = Ok(Vec::new())), "does not exist");
    let own = |it: &mut Sample| {
        it.drill.alarms.insert("arn:aws:cloudwatch:eu-west-1:1:alarm:mine".into());
    };
    only(&Sample::before_preview(own), "alarm:mine does not exist");
}

fn issue(service: &str, text: &str) -> Issue {
    Issue {
        arn: "arn:aws:health:eu-west-1::event/x".into(),
        service: service.into(),
        region: "eu-west-1".into(),
        type_code: "AWS_X_OPERATIONAL_ISSUE".into(),
        text: text.into(),
    }
}

#[test]
fn an_open_issue_objects_in_the_services_of_the_drill_and_in_those_its_safety_rests_on() {
    let with = |service: &str| {
        let issue = issue(service, "errors");
        Sample::before_preview(move |it| it.facts.issues = Ok(vec![issue]))
    };
    only(&with("EC2"), "an issue open for EC2 in eu-west-1: errors");
    only(&with("CLOUDWATCH"), "CLOUDWATCH");
    assert_eq!(with("CHIME"), [""; 0]);
    assert_eq!(with("FIS"), [""; 0], "a run that reaches other accounts makes a notice of its own there");
}

#[test]
fn a_zone_narrows_an_issue_only_when_everything_is_certain() {
    let with = |text: &str, known: &[(&str, &str)]| {
        let issue = issue("EC2", text);
        let known: BTreeMap<_, _> =
            known.iter().map(|(name, id)| ((*name).to_owned(), (*id).to_owned())).collect();
        Sample::before_preview(move |it| {
            it.facts.issues = Ok(vec![issue]);
            it.drills.zone_ids = known;
        })
    };
    let ids = [("eu-west-1a", "euw1-az1"), ("eu-west-1b", "euw1-az2")];
    assert_eq!(with("power in euw1-az2", &ids), [""; 0], "the drill is in euw1-az1");
    assert_eq!(with("instances in eu-west-1b.", &ids), [""; 0]);
    assert_eq!(with("power in euw1-az1, euw1-az2", &ids).len(), 1, "its own zone is among them");
    assert_eq!(with("power in euw1-az2", &[]).len(), 1, "nobody knows the id of eu-west-1a");
    assert_eq!(with("power in eu-west-1c", &ids).len(), 1, "nobody knows the id of eu-west-1c");
    assert_eq!(with("a single zone", &ids).len(), 1, "no zone is named");
}

#[test]
fn an_incident_in_progress_is_no_time_for_a_drill() {
    only(
        &Sample::before_preview(|it| it.facts.incidents = Ok(vec!["checkout is down".into()])),
        "checkout is down",
    );
}

#[test]
fn what_is_or_was_just_deployed_is_left_in_peace_unless_the_drill_waits_for_it() {
    let with = |what: &'static str, stage: Stage, minutes_ago: i64, quiet: i64| {
        Sample::before_preview(move |it| {
            it.drill.quiet = minutes(quiet);
            it.drill.after_deployment = vec![WildMatch::new("codepipeline:shop-*")];
            let progress =
                Progress { what: what.into(), id: "e-1".into(), stage, at: now() - minutes(minutes_ago) };
            it.facts.deployments = Ok(Deployments::default().with(&progress, now()));
        })
    };
    only(
        &with("codepipeline:cart", Stage::Ended, 29, 30),
        "the last deployment of codepipeline:cart ended at 2026-11-24T08:31:00Z; 30 minutes of quiet are asked for",
    );
    only(
        &with("codepipeline:cart", Stage::UnderWay, 90, 30),
        "codepipeline:cart is being deployed since 2026-11-24T07:30:00Z [deployment]",
    );
    assert_eq!(with("codepipeline:cart", Stage::Ended, 30, 30), [""; 0]);
    for stage in [Stage::Ended, Stage::UnderWay] {
        assert_eq!(with("codepipeline:cart", stage, 1, 0), [""; 0], "it does not ask");
        assert_eq!(with("codepipeline:shop-staging", stage, 1, 30), [""; 0]);
    }
}

fn proof(drill: &str, outcome: &str, days_ago: i64) -> Proof {
    Proof {
        drill: drill.into(),
        experiment: "EXP3".into(),
        template: String::new(),
        outcome: outcome.into(),
        recovered: outcome != "failed",
        at: now() - SignedDuration::from_hours(24 * days_ago),
    }
}

#[test]
fn a_failure_blocks_the_next_run_until_somebody_releases_it() {
    let with = |proofs: Vec<Proof>, released: Option<i64>| {
        Sample::before_preview(move |it| {
            it.facts.proofs = Ok(proofs);
            it.plan.released_at = released.map(|days| now() - SignedDuration::from_hours(24 * days));
        })
    };
    only(&with(vec![proof("stop-one", "failed", 3)], None), "EXP3) failed");
    only(&with(vec![proof("stop-one", "failed", 3)], Some(4)), "[blocked]");
    assert_eq!(with(vec![proof("stop-one", "failed", 3)], Some(2)), [""; 0]);
    assert_eq!(with(vec![proof("stop-one", "failed", 3), proof("stop-one", "passed", 1)], None), [""; 0]);
    assert_eq!(with(vec![proof("another", "failed", 3)], None), [""; 0]);
    let unwell = Proof { recovered: false, ..proof("stop-one", "passed", 1) };
    only(&with(vec![unwell], None), "did not recover");
}

#[test]
fn the_environment_before_goes_first() {
    let with = |proofs: Vec<Proof>| {
        Sample::before_preview(move |it| {
            it.drill.promotion =
                Some(Promotion { after: "in-staging".into(), within: SignedDuration::from_hours(24 * 14) });
            it.facts.proofs = Ok(proofs);
        })
    };
    only(&with(Vec::new()), "in-staging has never run");
    only(&with(vec![proof("in-staging", "inconclusive", 1)]), "its last run was inconclusive");
    only(&with(vec![proof("in-staging", "passed", 15)]), "longer than 14 days ago");
    assert_eq!(with(vec![proof("in-staging", "passed", 14)]), [""; 0]);
}

#[test]
fn a_preview_must_be_fresh_and_show_something_for_every_target() {
    only(&Sample::before_start(|it| it.facts.targets = None), "there was no preview");
    let targets = |it: &mut Sample| it.facts.targets.clone().unwrap().unwrap();
    only(
        &Sample::before_start(|it| {
            let mut targets = targets(it);
            targets.at = Some(now() - minutes(16));
            it.facts.targets = Some(Ok(targets));
        }),
        "more than 15 minutes old",
    );
    only(
        &Sample::before_start(|it| {
            let mut targets = targets(it);
            targets.resolved.clear();
            it.facts.targets = Some(Ok(targets));
        }),
        "the target One came to nothing",
    );
}

#[test]
fn a_tag_that_forbids_wins_over_the_one_that_opts_in() {
    let with = |forbidden: &str, value: &str| {
        Sample::before_start(|it| {
            it.drill.limits.forbid_tags = vec![forbidden.into()];
            let mut targets = it.facts.targets.clone().unwrap().unwrap();
            targets.tags.get_mut(INSTANCE).unwrap().insert("NoChaos".into(), value.into());
            it.facts.targets = Some(Ok(targets));
        })
    };
    only(&with("NoChaos=*", ""), "i-1 has the tag NoChaos=, which forbids to hit it [opt-in]");
    only(&with("NoChaos=until 20??", "until 2027"), "NoChaos=until 2027");
    assert_eq!(with("NoChaos=yes", "no"), [""; 0]);
    assert_eq!(with("Chaos=*", "yes"), [""; 0], "another tag");
}

fn another(number: usize) -> ResolvedTarget {
    ResolvedTarget {
        target: "One".into(),
        resource_type: "aws:ec2:instance".into(),
        information: BTreeMap::from([("arn".into(), format!("{INSTANCE}{number}"))]),
    }
}

#[test]
fn every_resource_has_opted_in() {
    let found = Sample::before_start(|it| {
        let mut targets = it.facts.targets.clone().unwrap().unwrap();
        targets.resolved.insert(another(2));
        targets.fleets.insert("aws:ec2:instance".into(), Some(sample::fleet(8)));
        it.facts.targets = Some(Ok(targets));
    });
    only(&found, "i-12 without the tag ChaosReady=Yes");
    let other = Sample::before_start(|it| {
        let mut targets = it.facts.targets.clone().unwrap().unwrap();
        targets.tags.get_mut(INSTANCE).unwrap().insert("ChaosReady".into(), "No".into());
        it.facts.targets = Some(Ok(targets));
    });
    only(&other, "[opt-in]");
}

#[test]
fn count_share_and_zones_have_limits() {
    let with = |resources: usize, fleet: u64, zones: usize| {
        Sample::before_start(move |it| {
            let mut targets = it.facts.targets.clone().unwrap().unwrap();
            targets.resolved = (0..resources).map(another).collect::<BTreeSet<_>>();
            for (index, target) in targets.resolved.iter().enumerate() {
                let arn = target.arn().unwrap().to_owned();
                targets.tags.insert(arn.clone(), BTreeMap::from([("ChaosReady".into(), "Yes".into())]));
                targets.zones.insert(arn, format!("euw1-az{}", 1 + index % zones));
            }
            targets.fleets.insert("aws:ec2:instance".into(), Some(sample::fleet(fleet)));
            it.facts.targets = Some(Ok(targets));
        })
    };
    assert_eq!(with(5, 10, 1), [""; 0]);
    only(&with(6, 100, 1), "came to 6 resources; 5 are allowed");
    only(&with(5, 9, 1), "5 of 9 resources");
    only(&with(4, 100, 2), "2 Availability Zones would be hit (euw1-az1, euw1-az2)");
    assert_eq!(with(1, 1, 1), [""; 0], "the only one that opted in");
}

#[test]
fn never_every_zone_in_which_the_resources_live() {
    let with = |zones: usize, spared: Option<&str>| {
        let spared_zone = spared.map(str::to_owned);
        Sample::before_start(move |it| {
            it.drill.max_zones = 3;
            let mut targets = it.facts.targets.clone().unwrap().unwrap();
            targets.resolved = (0..zones).map(another).collect();
            for (index, target) in targets.resolved.iter().enumerate() {
                let arn = target.arn().unwrap().to_owned();
                targets.tags.insert(arn.clone(), BTreeMap::from([("ChaosReady".into(), "Yes".into())]));
                targets.zones.insert(arn, format!("euw1-az{index}"));
            }
            let fleet = Fleet { spared_zone, ..sample::fleet(20) };
            targets.fleets.insert("aws:ec2:instance".into(), Some(fleet));
            it.facts.targets = Some(Ok(targets));
        })
    };
    only(
        &with(2, None),
        "with resources of type aws:ec2:instance would be hit (euw1-az0, euw1-az1) [blast-radius]",
    );
    assert_eq!(with(2, Some("euw1-az2")), [""; 0]);
    assert_eq!(with(1, None), [""; 0], "if it is the only one, that is no more than a share");
    only(&with(4, Some("euw1-az9")), "4 Availability Zones would be hit");
}

#[test]
fn of_what_is_left_only_what_is_well_counts_where_that_is_measured() {
    let with = |well: Result<Option<u64>, &str>| {
        let well = well.map_err(str::to_owned);
        Sample::before_start(move |it| {
            it.drill.min_healthy = Some(3);
            let mut targets = it.facts.targets.clone().unwrap().unwrap();
            targets.fleets.insert("aws:ec2:instance".into(), Some(Fleet { well, ..sample::fleet(5) }));
            it.facts.targets = Some(Ok(targets));
        })
    };
    assert_eq!(with(Ok(Some(3))), [""; 0]);
    only(
        &with(Ok(Some(2))),
        "2 of 5 resources of type aws:ec2:instance would be left and well; 3 are asked for",
    );
    assert_eq!(with(Ok(None)), [""; 0], "4 are left");
    only(
        &with(Err("throttled")),
        "how many resources of type aws:ec2:instance are well could not be read: throttled",
    );
}

#[test]
fn so_many_must_be_left_and_what_nobody_can_count_is_not_left() {
    let with = |least: Option<u64>, fleet: Option<u64>| {
        Sample::before_start(move |it| {
            it.drill.min_healthy = least;
            it.drill.limits.max_percent = 100;
            let mut targets = it.facts.targets.clone().unwrap().unwrap();
            targets.fleets.insert("aws:ec2:instance".into(), fleet.map(sample::fleet));
            it.facts.targets = Some(Ok(targets));
        })
    };
    assert_eq!(with(Some(2), Some(3)), [""; 0]);
    only(&with(Some(3), Some(3)), "2 of 3 resources of type aws:ec2:instance would be left; 3 are asked for");
    only(&with(Some(1), Some(1)), "0 of 1 resources");
    only(&with(Some(1), Some(0)), "0 of 0 resources");
    only(&with(Some(1), None), "nobody can count the resources of type aws:ec2:instance");
    assert_eq!(with(None, None), [""; 0]);
}

#[test]
fn a_run_is_stopped_by_what_has_changed_and_not_by_what_was_foreseen() {
    use super::{Question, breach};
    let breaches = |spoil: fn(&mut Sample)| {
        let mut it = Sample::new();
        it.now += minutes(5);
        spoil(&mut it);
        let question =
            Question { drill: &it.drill, drills: &it.drills, plan: &it.plan, facts: &it.facts, now: it.now };
        breach(&question).iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(breaches(|_| ()), [""; 0]);
    assert_eq!(breaches(|it| it.plan.due = now() - minutes(300)), [""; 0], "lateness is for the start");
    let silent = |it: &mut Sample| it.facts.alarms.as_mut().unwrap()[0].state = "INSUFFICIENT_DATA".into();
    assert_eq!(breaches(silent), [""; 0], "the fault may silence a metric");
    only(&breaches(|it| it.facts.alarms.as_mut().unwrap()[0].state = "ALARM".into()), "rings");
    only(&breaches(|it| it.facts.issues = Ok(vec![issue("EC2", "errors")])), "[health]");
    let closed = |it: &mut Sample| {
        it.facts.calendars = Ok(vec![CalendarState { name: "freeze".into(), open: false, until: None }]);
    };
    only(&breaches(closed), "has closed");
    let untagged = |it: &mut Sample| {
        let mut targets = it.facts.targets.clone().unwrap().unwrap();
        targets.tags.clear();
        it.facts.targets = Some(Ok(targets));
    };
    only(&breaches(untagged), "[opt-in]");
    only(&breaches(|it| it.facts.targets = Some(Err("lost".into()))), "what it hits could not be read: lost");
}

#[test]
fn overtime_is_what_goes_on_after_a_few_minutes_of_grace() {
    assert!(overtime(now(), minutes(10), now() + minutes(15)).is_none());
    let found = overtime(now(), minutes(10), now() + minutes(16)).unwrap();
    assert_eq!(found.to_string(), "it runs for 16 minutes, and 10 were planned [overtime]");
}
