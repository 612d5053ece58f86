//! Every rule of this function: when a run goes one step on, and when it ends before it has begun.
//!
//! ```text
//! Announced ─ Entering ─ Previewing ─ Arming ─ Starting ─ Started ─ over
//!     └───────────┴───────────┴──────────┴─────────┴── refused, cancelled
//! ```
//!
//! Every step to the right asks all guards again, and orders one act at most. A guard that objects ends the run: the
//! next one comes by its schedule.

use jiff::Timestamp;
use watchkeeper_domain::drill::{
    Drill, Drills, Guard, Objection, Site,
    guards::{self, FORESEEABLE, Question},
};

use crate::{
    log::Entry,
    standing::{Phase, Run, Standing},
    words,
};

mod effect;
mod reason;
mod seen;
mod step;

pub use effect::Effect;
pub use reason::Reason;
pub use seen::{Acted, Ask, News, Seen};
use step::step;

/// A decision of this function.
pub type Decision = watchkeeper_domain::decision::Decision<Reason, Standing, Effect>;

/// What holds while a decision is made.
#[derive(Clone, Copy, Debug)]
pub struct Rules<'a> {
    /// The drill, as long as the configuration has it.
    pub drill: &'a Drill,
    /// What holds for all of them.
    pub drills: &'a Drills,
    /// Where it takes place, and whether on the leash.
    pub site: &'a Site,
    /// The moment.
    pub now: Timestamp,
}

/// What `seen` means for the drill.
pub fn decide(standing: &Standing, seen: &Seen, rules: Rules<'_>) -> Decision {
    match (&seen.news, &standing.run) {
        (News::Asked(ask), Some(run)) if ask.id == run.id => step(standing, run, seen, rules),
        (News::Asked(ask), _) if standing.heard.contains_key(&ask.id) => Decision::because(Reason::Duplicate),
        (News::Asked(ask), Some(run)) => busy(standing, run, ask, seen, rules),
        (News::Asked(ask), None) => announce(standing, ask, seen, rules),
        (News::Cancelled(why), Some(run)) => cancel(standing, run, why, seen, rules),
        (News::Released(why), _) => {
            let next = Standing { released_at: Some(rules.now), ..standing.clone() };
            let reason = Reason::Released(why.clone());
            let log = Entry::new(&reason, None, None, rules.now);
            Decision::because(reason).record(next).then(Effect::Log(Box::new(log)))
        }
        (News::Look, Some(run)) => step(standing, run, seen, rules),
        (News::Cancelled(_) | News::Look, None) => Decision::because(Reason::Nothing),
    }
}

/// A run that was asked for while none is under way.
fn announce(standing: &Standing, ask: &Ask, seen: &Seen, rules: Rules<'_>) -> Decision {
    let run = Run::asked(ask, rules);
    let mut next = standing.clone();
    next.hear(&run.id, rules.now);
    let plan = run.plan(standing);
    let Rules { drill, drills, now, .. } = rules;
    let objections =
        guards::ask(&FORESEEABLE, &Question { drill, drills, plan: &plan, facts: &seen.facts, now });
    if objections.is_empty() {
        next.run = Some(run.clone());
        return told(Reason::Announced, next, run, seen, rules);
    }
    told(Reason::Refused(objections), next, run, seen, rules)
}

/// Another run is under way: this one is refused, and the other goes on undisturbed.
fn busy(standing: &Standing, run: &Run, ask: &Ask, seen: &Seen, rules: Rules<'_>) -> Decision {
    let mut next = standing.clone();
    next.hear(&ask.id, rules.now);
    let because = format!("another run of it is under way, announced at {}", run.announced_at);
    let objection = Objection { guard: Guard::Concurrency, because };
    told(Reason::Refused(vec![objection]), next, Run::asked(ask, rules), seen, rules)
}

fn cancel(standing: &Standing, run: &Run, why: &str, seen: &Seen, rules: Rules<'_>) -> Decision {
    match run.phase {
        Phase::Announced | Phase::Entering | Phase::Previewing { .. } | Phase::Arming => {
            end(Reason::Cancelled(why.to_owned()), standing, run, seen, rules)
        }
        Phase::Starting { .. } | Phase::Started { .. } => Decision::because(Reason::TooLateToCancel),
    }
}

/// The run ends before it has begun. A dead man that was armed already finds nothing, and deletes itself.
fn end(reason: Reason, standing: &Standing, run: &Run, seen: &Seen, rules: Rules<'_>) -> Decision {
    let next = Standing { run: None, ..standing.clone() };
    told(reason, next, run.clone(), seen, rules)
}

/// `next`, with `run` told of: a notice, its domain event, and the log.
fn told(reason: Reason, mut next: Standing, mut run: Run, seen: &Seen, rules: Rules<'_>) -> Decision {
    run.seq += 1;
    if let Some(kept) = next.run.as_mut().filter(|kept| kept.id == run.id) {
        kept.seq = run.seq;
    }
    let log = Entry::new(&reason, Some(&run), Some(&seen.facts), rules.now);
    let told = reason.saying().map(|saying| {
        let notice = words::notice(saying, &run, seen, rules);
        let event = words::event(saying, &notice);
        [Effect::Tell(Box::new(notice)), Effect::Emit(Box::new(event))]
    });
    let decision = Decision::because(reason).record(next);
    told.into_iter().flatten().fold(decision, Decision::then).then(Effect::Log(Box::new(log)))
}

impl Run {
    fn asked(ask: &Ask, Rules { drill, now, .. }: Rules<'_>) -> Self {
        let due = ask.due.unwrap_or(ask.at + drill.announce);
        Self {
            id: ask.id.clone(),
            trigger: ask.trigger,
            because: ask.because.clone(),
            due,
            announced_at: now,
            ready_at: due.max(now + drill.announce),
            seq: 0,
            phase: Phase::Announced,
            preview: None,
            ends_by: None,
        }
    }
}

#[cfg(test)]
mod tests;
