//! What forbids an experiment to go on. The guards themselves are in `domain::drill::guards`.

use watchkeeper_domain::{
    drill::{
        Drill, Facts, Guard, Objection,
        guards::{Plan, Question, breach, overtime},
    },
    experiment::Status,
    fis::planned_duration,
};

use crate::{
    decide::{News, Rules, Seen},
    watch::Watch,
};

/// What forbids it to go on. Of what nobody has declared as a drill only a halt is known to be meant.
pub(crate) fn objections(next: &Watch, seen: &Seen, rules: Rules<'_>) -> Vec<Objection> {
    let mut found = Vec::new();
    if seen.news == News::DeadMan {
        let because = "its dead man woke: nobody has ended it in time".to_owned();
        found.push(Objection { guard: Guard::Overtime, because });
    }
    match (&seen.facts, rules.drill) {
        (Some(facts), Some(drill)) => found.extend(of_a_drill(drill, facts, next, seen, rules)),
        (Some(facts), None) => found.extend(halted(facts)),
        (None, _) => {}
    }
    // Somebody else is ending it already, and the verdict should say who. That it never ends is worth telling.
    if next.timeline.status() == Some(&Status::Stopping) && next.stop.is_none() {
        found.retain(|objection| objection.guard == Guard::Overtime);
    }
    found
}

fn of_a_drill(drill: &Drill, facts: &Facts, next: &Watch, seen: &Seen, rules: Rules<'_>) -> Vec<Objection> {
    let Rules { drills, now, .. } = rules;
    let began = next.timeline.started_at.or(next.timeline.created_at).unwrap_or(now);
    let plan = Plan {
        run: String::new(),
        scheduled: false,
        due: began,
        announced_at: None,
        started_at: None,
        starts: Vec::new(),
        released_at: None,
        tokens: [String::new(), next.timeline.token.clone().unwrap_or_default()],
    };
    let mut found = breach(&Question { drill, drills, plan: &plan, facts, now });
    let planned = seen.template.as_ref().and_then(planned_duration).unwrap_or(drill.limits.max_duration);
    found.extend(overtime(began, planned, now));
    found
}

fn halted(facts: &Facts) -> Option<Objection> {
    let halt = facts.halt.as_ref().ok()?.as_ref()?;
    let because = format!("{} has halted all drills: {}", halt.by, halt.because);
    Some(Objection { guard: Guard::Halt, because })
}
