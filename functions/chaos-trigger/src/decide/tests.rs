use jiff::SignedDuration;
use proptest::prelude::*;
use watchkeeper_domain::{
    drill::Floor,
    experiment::{Ordered, Status},
    records::Effect as _,
};

use super::*;
use crate::fixture::{config, experiment, now, seen, site, standing};

fn decided(standing: &Standing, seen: &Seen, leash: bool) -> Decision {
    let (config, site) = (config(), site(leash));
    let (drill, drills) = (config.drills.named("stop-one").unwrap(), &config.drills);
    decide(standing, seen, Rules { drill, drills, site: &site, now: now() })
}

fn acts(decision: &Decision) -> Vec<String> {
    decision.effects.iter().filter(|effect| effect.is_act()).map(ToString::to_string).collect()
}

fn armed() -> Option<Acted> {
    let act = Effect::Arm { name: "n".into(), at: now(), token: "t".into() };
    Some(Acted { act, answer: None })
}

/// A phase, and what the pass before has done.
fn steps() -> Vec<(Phase, Option<Acted>, &'static str)> {
    let since = now() - SignedDuration::from_mins(3);
    vec![
        (Phase::Announced, None, "Take the floor"),
        (Phase::Entering, None, "Start a preview of EXT1"),
        (Phase::Previewing { since }, None, "Arm the dead man for 2026-11-24T09:20:00Z"),
        (Phase::Arming, None, "Arm the dead man for 2026-11-24T09:20:00Z"),
        (Phase::Arming, armed(), "Start EXT1"),
        (Phase::Starting { since }, None, "Start EXT1"),
    ]
}

#[test]
fn with_nothing_in_the_way_each_phase_orders_its_one_act() {
    for (phase, acted, act) in steps() {
        let seen = Seen { acted, ..seen(News::Look) };
        assert_eq!(acts(&decided(&standing(phase.clone()), &seen, false)), [act], "{phase:?}");
    }
}

type Spoil = (&'static str, fn(&mut Seen));

const SPOILS: [Spoil; 12] = [
    ("halt", |it| it.facts.halt = Err("lost".into())),
    ("lever", |it| it.facts.lever.as_mut().unwrap().status = "engaged".into()),
    ("template", |it| it.facts.template = Ok(None)),
    ("incidents", |it| it.facts.incidents = Err("lost".into())),
    ("issues", |it| it.facts.issues = Err("lost".into())),
    ("alarms", |it| it.facts.alarms = Ok(Vec::new())),
    ("active", |it| it.facts.active = Err("lost".into())),
    ("floor", |it| {
        it.facts.floor = Ok(Some(Floor { drill: "other".into(), run: "r".into(), since: now() }));
    }),
    ("proofs", |it| it.facts.proofs = Err("lost".into())),
    ("targets", |it| it.facts.targets = Some(Err("lost".into()))),
    ("no preview", |it| it.facts.targets = None),
    ("no id", |it| it.template_id = None),
];

proptest! {
    #[test]
    fn nothing_is_started_while_anything_objects_or_cannot_be_read(
        which in prop::collection::btree_set(0..SPOILS.len(), 1..4), step in 0_usize..6, leash in any::<bool>(),
    ) {
        let (phase, acted, _) = steps().remove(step);
        let mut seen = Seen { acted, ..seen(News::Look) };
        for index in &which {
            SPOILS[*index].1(&mut seen);
        }
        let decision = decided(&standing(phase), &seen, leash);
        let starts = |effect: &Effect| matches!(effect, Effect::Start(order) if !order.skips_actions);
        prop_assert!(!decision.effects.iter().any(starts), "{decision}");
        prop_assert!(acts(&decision).len() <= 1);
    }
}

#[test]
fn on_the_leash_nothing_is_begun() {
    let decision = decided(&standing(Phase::Announced), &seen(News::Look), true);
    assert_eq!(acts(&decision), [""; 0]);
    assert_eq!(decision.because, Reason::Rehearsed);
}

#[test]
fn a_refusal_names_everything_that_stands_in_the_way_and_ends_the_run() {
    let mut seen = seen(News::Look);
    for (_, spoil) in &SPOILS[..6] {
        spoil(&mut seen);
    }
    let decision = decided(&standing(Phase::Announced), &seen, false);
    assert!(decision.next.as_ref().unwrap().run.is_none());
    let Reason::Refused(objections) = &decision.because else { panic!("{decision}") };
    let guards: Vec<_> = objections.iter().map(|it| it.guard.as_str()).collect();
    // Without a template nobody knows which alarms to ask for.
    assert_eq!(guards, ["halt", "lever", "window", "approval", "health", "incident"]);
}

#[test]
fn what_fis_rejects_is_told_and_not_tried_again() {
    let order = Box::new(standing(Phase::Entering).run.unwrap().order("stop-one", "EXT1", true));
    let answer = Some(Ordered::Rejected("quota".into()));
    let acted = Some(Acted { act: Effect::Start(order), answer });
    for phase in [Phase::Previewing { since: now() }, Phase::Starting { since: now() }] {
        let seen = Seen { acted: acted.clone(), preview: None, ..seen(News::Look) };
        let decision = decided(&standing(phase), &seen, false);
        assert_eq!(decision.because, Reason::Rejected("quota".into()));
        assert_eq!(acts(&decision), [""; 0]);
    }
}

#[test]
fn what_is_found_with_the_token_is_adopted_whatever_objects() {
    let mut found = Seen { experiment: Some(experiment("EXP1", Status::Pending)), ..seen(News::Look) };
    found.facts.issues = Err("lost".into());
    let mut starting = standing(Phase::Starting { since: now() });
    starting.run.as_mut().unwrap().ends_by = Some(now());
    let decision = decided(&starting, &found, false);
    assert_eq!(acts(&decision), ["Aim the dead man at EXP1"]);
    let phase = decision.next.unwrap().run.unwrap().phase;
    assert_eq!(phase, Phase::Started { experiment: "EXP1".into(), aimed: false, told: false });
}

#[test]
fn an_order_is_not_repeated_before_fis_can_have_shown_it() {
    let nothing = Seen { preview: None, ..seen(News::Look) };
    for phase in [Phase::Previewing { since: now() }, Phase::Starting { since: now() }] {
        let decision = decided(&standing(phase), &nothing, false);
        assert_eq!((decision.next, decision.effects.len()), (None, 0));
    }
}

#[test]
fn a_run_can_be_cancelled_until_it_is_ordered() {
    let cancel = seen(News::Cancelled("a sale, by ada".into()));
    let ended = decided(&standing(Phase::Arming), &cancel, false);
    assert_eq!(ended.because, Reason::Cancelled("a sale, by ada".into()));
    let late = decided(&standing(Phase::Starting { since: now() }), &cancel, false);
    assert_eq!(late.because, Reason::TooLateToCancel);
}

#[test]
fn a_run_counts_as_one_start_whether_it_was_seen_running_or_not() {
    let phase = |told| Phase::Started { experiment: "EXP1".into(), aimed: true, told };
    let ended = |standing: &Standing, status: Status| {
        let seen = Seen { experiment: Some(experiment("EXP1", status)), ..seen(News::Look) };
        decided(standing, &seen, false).next.unwrap().starts
    };
    assert_eq!(ended(&standing(phase(false)), Status::Completed), [now()]);
    assert_eq!(ended(&standing(phase(false)), Status::Cancelled), [], "it did nothing");
    let running = Seen { experiment: Some(experiment("EXP1", Status::Running)), ..seen(News::Look) };
    let told = decided(&standing(phase(false)), &running, false).next.unwrap();
    assert_eq!(told.starts, [now()]);
    assert_eq!(ended(&told, Status::Completed), [now()]);
}

#[test]
fn it_reads_as_one_paragraph() {
    let decision = decided(&standing(Phase::Entering), &seen(News::Look), false);
    assert_eq!(
        decision.to_string(),
        "nothing objects: preview. Record the new state. Store the decision with its facts. Start a preview of EXT1."
    );
}
