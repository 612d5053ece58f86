//! Switches, times and calendars.

use jiff::{SignedDuration, Timestamp, ToSpan, civil::Date, civil::Weekday};

use super::{Guard, Objection, Question};
use crate::{drill::when, experiment::Listed, text};

pub(super) fn switch(it: &Question<'_>) -> Option<Objection> {
    if it.drill.enabled {
        return None;
    }
    Objection::new(Guard::Switch, "the drill is switched off: set `enabled = true` in watchkeeper.toml")
}

/// Approval is a reviewed commit: without a hash in `watchkeeper.toml`, nobody has read the template.
pub(super) fn approved(it: &Question<'_>) -> Option<Objection> {
    if it.drill.approved.is_some() {
        return None;
    }
    let name = &it.drill.name;
    let mend = format!("nobody has approved the template: read it, then `watchkeeper drill approve {name}`");
    Objection::new(Guard::Approval, mend)
}

pub(super) fn halt(it: &Question<'_>) -> Option<Objection> {
    match &it.facts.halt {
        Ok(None) => None,
        Ok(Some(halt)) => {
            let because = format!("{} has halted all drills: {}", halt.by, halt.because);
            Objection::new(Guard::Halt, because)
        }
        Err(why) => Objection::unread(Guard::Halt, "the switch that halts all drills", why),
    }
}

/// FIS would accept the experiment and cancel it: a refusal says more.
pub(super) fn lever(it: &Question<'_>) -> Option<Objection> {
    match &it.facts.lever {
        Ok(lever) if lever.is_disengaged() => None,
        Ok(lever) => {
            let because = format!("the safety lever is {}: {}", lever.status, text::line(&lever.reason));
            Objection::new(Guard::Lever, because)
        }
        Err(why) => Objection::unread(Guard::Lever, "the safety lever", why),
    }
}

/// The dice are the run's own id, so that every attempt casts the same.
pub(super) fn chance(it: &Question<'_>) -> Option<Objection> {
    if !it.plan.scheduled || it.drill.chance >= 100 {
        return None;
    }
    let digest = text::fingerprint([it.drill.name.as_str(), it.plan.run.as_str()]);
    let dice = digest.get(..8).and_then(|digits| u64::from_str_radix(digits, 16).ok())? % 100;
    if dice < it.drill.chance {
        return None;
    }
    let because = format!("the dice of this run fell on {dice}; it takes place below {}", it.drill.chance);
    Objection::new(Guard::Chance, because)
}

pub(super) fn announcement(it: &Question<'_>) -> Option<Objection> {
    let Some(at) = it.plan.announced_at else {
        return Objection::new(Guard::Announcement, "nobody was told before");
    };
    if it.now.duration_since(at) >= it.drill.announce {
        return None;
    }
    let minutes = it.drill.announce.as_mins();
    Objection::new(Guard::Announcement, format!("people must be told {minutes} minutes before"))
}

/// Somebody is called if it goes wrong.
pub(super) fn on_call(it: &Question<'_>) -> Option<Objection> {
    let schedule = &it.drill.on_call.as_ref()?.schedule;
    match &it.facts.on_call {
        Ok(true) => None,
        Ok(false) => {
            let because = format!(
                "nobody is on call in the PagerDuty schedule {schedule}, or no escalation policy uses it"
            );
            Objection::new(Guard::OnCall, because)
        }
        Err(why) => Objection::unread(Guard::OnCall, "who is on call", why),
    }
}

pub(super) fn lateness(it: &Question<'_>) -> Option<Objection> {
    let late = it.now.duration_since(it.plan.due);
    if late <= it.drill.lateness {
        return None;
    }
    let (late, allowed) = (late.as_mins(), it.drill.lateness.as_mins());
    Objection::new(Guard::Lateness, format!("it is {late} minutes late, and {allowed} are allowed"))
}

pub(super) fn window(it: &Question<'_>) -> Option<Objection> {
    let span = match &it.facts.template {
        Ok(Some(template)) => it.drill.span(template),
        Ok(None) | Err(_) => None,
    };
    match span {
        Some(span) => within(it, it.now, span),
        None => {
            Objection::new(Guard::Window, "nobody knows how long the run takes, so no window is long enough")
        }
    }
}

/// The same for the due time. As long as the template is not known, its recovery alone must fit.
pub(super) fn window_when_due(it: &Question<'_>) -> Option<Objection> {
    let template = it.facts.template.as_ref().ok().and_then(Option::as_ref);
    let span = template.and_then(|template| it.drill.span(template));
    within(it, it.plan.due, span.unwrap_or(it.drill.recovery))
}

fn within(it: &Question<'_>, start: Timestamp, span: SignedDuration) -> Option<Objection> {
    let fits = when::fits(&it.drill.windows, &it.drill.zone, &it.drill.holidays, start, span);
    Objection::new(Guard::Window, fits.err()?.to_string())
}

/// Open now, and until the run and its recovery are over.
pub(super) fn calendar(it: &Question<'_>) -> Option<Objection> {
    if it.drill.calendars.is_empty() {
        return None;
    }
    let calendars = match &it.facts.calendars {
        Ok(calendars) => calendars,
        Err(why) => return Objection::unread(Guard::Calendar, "a change calendar", why),
    };
    let over = end(it);
    for name in &it.drill.calendars {
        let Some(calendar) = calendars.iter().find(|calendar| calendar.name == *name) else {
            return Objection::unread(Guard::Calendar, name, "it was not in the answer");
        };
        if !calendar.open {
            return Objection::new(Guard::Calendar, format!("the change calendar {name} is closed"));
        }
        if let Some(until) = calendar.until.filter(|until| over.is_none_or(|over| *until < over)) {
            let because = format!("the change calendar {name} closes at {until}, before the drill is over");
            return Objection::new(Guard::Calendar, because);
        }
    }
    None
}

/// When the run and its recovery are over, if they begin now.
fn end(it: &Question<'_>) -> Option<Timestamp> {
    let Ok(Some(template)) = &it.facts.template else { return None };
    it.now.checked_add(it.drill.span(template)?).ok()
}

/// Only real starts count: previews, refusals and rehearsals on the leash do not.
pub(super) fn interval(it: &Question<'_>) -> Option<Objection> {
    let last = it.plan.started_at?;
    if it.now.duration_since(last) >= it.drill.interval {
        return None;
    }
    let hours = it.drill.interval.as_hours();
    Objection::new(
        Guard::Interval,
        format!("it ran at {last}; at least {hours} hours must lie between two runs"),
    )
}

/// The same starts and the days on which people work: whoever mends what a run has shown needs some of them.
pub(super) fn work_days(it: &Question<'_>) -> Option<Objection> {
    let (last, least) = (it.plan.started_at?, it.drill.interval_work_days);
    let day = |at: Timestamp| at.to_zoned(it.drill.zone.clone()).date();
    let is_work = |day: &Date| {
        !matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday) && !it.drill.holidays.contains(day)
    };
    let days = day(last).series(1.day()).skip(1).take_while(|other| *other <= day(it.plan.due));
    let between = days.filter(is_work).take(usize::try_from(least).unwrap_or(usize::MAX)).count();
    if u64::try_from(between).is_ok_and(|between| between >= least) {
        return None;
    }
    let because = format!(
        "it ran at {last}, {} ago; {least} must lie between two runs",
        text::count(between, "work day")
    );
    Objection::new(Guard::Interval, because)
}

/// The same starts, counted by the day in the drill's zone: the day on which it is due and the six before. By the hour, a
/// drill that is due once a week would be in its own way whenever it starts some minutes earlier than the last time.
pub(super) fn weekly(it: &Question<'_>) -> Option<Objection> {
    let most = it.drill.max_runs_per_week?;
    let day = |at: Timestamp| at.to_zoned(it.drill.zone.clone()).date();
    let first = day(it.plan.due).saturating_sub(6.days());
    let count = it.plan.starts.iter().filter(|at| day(**at) >= first).count();
    if u64::try_from(count).is_ok_and(|count| count < most) {
        return None;
    }
    let times = text::count(count, "time");
    Objection::new(Guard::Interval, format!("it ran {times} since {first}; {most} a week are allowed"))
}

/// One at a time, whoever has started the other. It also keeps clear of the quota of five active experiments.
pub(super) fn concurrency(it: &Question<'_>) -> Option<Objection> {
    match &it.facts.floor {
        Ok(None) => {}
        Ok(Some(floor)) => {
            let because = format!("the drill {} is under way since {}", floor.drill, floor.since);
            return Objection::new(Guard::Concurrency, because);
        }
        Err(why) => return Objection::unread(Guard::Concurrency, "the other drills", why),
    }
    let active = match &it.facts.active {
        Ok(active) => active,
        Err(why) => return Objection::unread(Guard::Concurrency, "the other experiments", why),
    };
    let is_own = |other: &Listed| {
        other.token().is_some_and(|token| it.plan.tokens.iter().any(|own| own.as_str() == token))
    };
    let other = active.iter().find(|other| !is_own(other) && !other.status.is_terminal())?;
    let (id, template, status) = (&other.id, &other.template, other.status.as_str());
    Objection::new(Guard::Concurrency, format!("the experiment {id} of template {template} is {status}"))
}
