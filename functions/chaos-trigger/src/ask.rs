//! Which drills an event asks for.

use jiff::{SignedDuration, Timestamp};
use watchkeeper_domain::{
    drill::{
        Drill, Drills,
        when::{Occurrence, occurrences},
    },
    notice::{Change, Notice},
    text,
};

use crate::{
    decide::{Ask, News},
    event::Request,
    standing::Trigger,
};

/// How far the time that EventBridge Scheduler names may lie from ours: it fires at whole minutes.
const SAME_MINUTE: SignedDuration = SignedDuration::from_secs(59);

/// The run that the schedule of `drill` has fired for.
///
/// # Errors
/// When it is none of its times: the schedule was changed meanwhile, or an hour came twice and this is the second.
pub fn by_schedule(drills: &Drills, drill: &str, scheduled: Timestamp) -> Result<News, String> {
    let known =
        drills.named(drill).ok_or_else(|| format!("there is no drill `{drill}` in watchkeeper.toml"))?;
    let cron =
        known.schedule.as_ref().ok_or_else(|| format!("{drill} has no schedule in watchkeeper.toml"))?;
    let (from, to) = (scheduled - SAME_MINUTE, scheduled + SAME_MINUTE);
    let mut times = occurrences(cron, &known.zone, from, to);
    let occurrence = times.next().ok_or_else(|| format!("{scheduled} is not a time of {drill}"))?;
    Ok(News::Asked(scheduled_run(known, &occurrence, scheduled)))
}

/// The runs that come due before people would have to be told, as of `now`: what the sweep announces.
pub fn upcoming(drill: &Drill, now: Timestamp, every: SignedDuration) -> Vec<Ask> {
    let Some(cron) = drill.schedule.as_ref().filter(|_| drill.enabled) else { return Vec::new() };
    let until = now + drill.announce + every;
    occurrences(cron, &drill.zone, now, until).map(|it| scheduled_run(drill, &it, now)).collect()
}

/// A run is known by its local time: an hour that comes twice makes one run.
fn scheduled_run(drill: &Drill, occurrence: &Occurrence, at: Timestamp) -> Ask {
    let (id, due) = (occurrence.to_string(), drill.due(occurrence));
    let because = format!("its schedule, {}", drill.schedule.as_ref().map_or("", |cron| cron.text.as_str()));
    Ask { id, trigger: Trigger::Schedule, due: Some(due), at, because }
}

/// The drills that are due after the deployment `what`.
pub fn by_deployment(drills: &Drills, what: &str, id: &str, at: Timestamp) -> Vec<(String, News)> {
    let due = drills.drills.iter().filter(|drill| drill.after_deployment.iter().any(|it| it.matches(what)));
    let ask = |drill: &Drill| {
        let because = format!("{what} was deployed");
        let ask =
            Ask { id: format!("deployment-{id}"), trigger: Trigger::Deployment, due: None, at, because };
        (drill.name.clone(), News::Asked(ask))
    };
    due.map(ask).collect()
}

/// The drills that rehearse what `notice` announces, once for each case.
pub fn by_case(drills: &Drills, notice: &Notice, now: Timestamp) -> Vec<(String, News)> {
    if notice.change != Change::Opened {
        return Vec::new();
    }
    let due = drills.drills.iter().filter(|it| it.rehearses.as_ref().is_some_and(|it| it.matches(notice)));
    let ask = |drill: &Drill| {
        let because = text::cut(&text::line(&format!("it rehearses: {}", notice.headline)), 300);
        let id = format!("case-{}", notice.thread);
        let ask = Ask { id, trigger: Trigger::Case, due: None, at: now, because };
        (drill.name.clone(), News::Asked(ask))
    };
    due.map(ask).collect()
}

/// What a person, a pipeline or a rule asks for.
pub fn by_request(request: Request) -> (String, News) {
    let Request { drill, by, because, id, at, person } = request;
    let (trigger, prefix) = if person { (Trigger::Person, "person") } else { (Trigger::Deployment, "rule") };
    let because = format!("{because}, by {by}");
    (drill, News::Asked(Ask { id: format!("{prefix}-{id}"), trigger, due: None, at, because }))
}
