//! What ends a run that is under way. The stop conditions of the template are FIS's own part of it.

use jiff::{SignedDuration, Timestamp};

use super::{Guard, Objection, Question, ask, health, local, targets};

/// How much longer than planned a run may take, for post actions and slow starts.
const GRACE: SignedDuration = SignedDuration::from_mins(5);

/// Everything that ends a run of the drill: a halt, the lever, a closing calendar, a new issue, an alarm, and, once its
/// targets are resolved, a resource that it must not hit.
pub fn breach(question: &Question<'_>) -> Vec<Objection> {
    let mut found = ask(&[local::halt, local::lever, calendar_closed, health::issues, alarm_rings], question);
    if let Some(Err(why)) = &question.facts.targets {
        found.extend(Objection::unread(Guard::BlastRadius, "what it hits", why));
    }
    if matches!(question.facts.targets, Some(Ok(_))) {
        let checks = [targets::opt_in, targets::forbidden, targets::count, targets::share, targets::zones];
        found.extend(ask(&checks, question));
    }
    found
}

/// Whether a run that began at `started_at` and was planned to take `planned` should be over at `now`.
pub fn overtime(started_at: Timestamp, planned: SignedDuration, now: Timestamp) -> Option<Objection> {
    let taken = now.duration_since(started_at);
    if taken <= planned + GRACE {
        return None;
    }
    let (taken, planned) = (taken.as_mins(), planned.as_mins());
    Objection::new(Guard::Overtime, format!("it runs for {taken} minutes, and {planned} were planned"))
}

/// During a run, a calendar that will close later is no reason to stop now.
fn calendar_closed(it: &Question<'_>) -> Option<Objection> {
    let calendars = match &it.facts.calendars {
        Ok(calendars) => calendars,
        Err(why) => return Objection::unread(Guard::Calendar, "a change calendar", why),
    };
    let closed = calendars.iter().find(|calendar| !calendar.open)?;
    Objection::new(Guard::Calendar, format!("the change calendar {} has closed", closed.name))
}

/// During a run, an alarm without data is no reason to stop: the fault may well silence a metric.
fn alarm_rings(it: &Question<'_>) -> Option<Objection> {
    let alarms = match &it.facts.alarms {
        Ok(alarms) => alarms,
        Err(why) => return Objection::unread(Guard::Alarm, "the alarms", why),
    };
    let ringing = alarms.iter().find(|alarm| alarm.state == "ALARM")?;
    Objection::new(Guard::Alarm, format!("the alarm {} rings", ringing.arn))
}
