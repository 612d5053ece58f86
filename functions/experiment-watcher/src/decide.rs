//! Every rule of this function: what is known, whether it must end, and what it has proved.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use watchkeeper_domain::{
    drill::{Drill, Drills, Fact, Facts, Objection, Proof, Site},
    experiment::{
        Experiment, ResolvedTarget, Status,
        timeline::StateChange,
        verdict::{Evidence, Outcome, Trial, Verdict},
    },
    fis::Template,
    notice::{DomainEvent, Notice},
    ports::Series,
    records,
};

use crate::{
    objections::objections,
    watch::{Told, Watch},
    words,
};

/// A decision of this function.
pub type Decision = watchkeeper_domain::decision::Decision<Reason, Watch, Effect>;

/// All that this function may do to the world.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    /// Tell people, through the topic `notices`.
    Tell(Box<Notice>),
    /// Tell other functions, on the custom bus.
    Emit(Box<DomainEvent>),
    /// Keep what a drill has proved, beside it: guards and scores read it there.
    Prove(Box<Proof>, u32),
    /// Act: stop the experiment.
    Stop {
        /// Its id.
        experiment: String,
    },
}

/// Why it was decided so.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// Something new is known of it.
    Heard,
    /// Something objects to its going on.
    Stopped(Vec<Objection>),
    /// It has a verdict.
    Judged(Outcome),
    /// It is over, and will be judged once the metrics can have arrived.
    Over(Status),
    /// It is over, and what it is judged on cannot be read: why not. It waits for an hour at most.
    Unread(String),
    /// It is a preview: it does nothing, and proves nothing.
    Preview,
    /// FIS does not know it, or not any more.
    Unknown,
    /// Nothing has changed.
    NothingNew,
}

/// What has happened.
#[derive(Clone, Debug, PartialEq)]
pub enum News {
    /// FIS says that it has changed.
    Changed(StateChange),
    /// Its dead man wakes.
    DeadMan,
    /// A tick, or an issue: look.
    Look,
}

/// What was observed.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    /// What has happened.
    pub news: News,
    /// The experiment, if FIS knows it.
    pub experiment: Option<Experiment>,
    /// What its targets came to, once that can be known.
    pub resolved: Option<Fact<Vec<ResolvedTarget>>>,
    /// Its template.
    pub template: Option<Template>,
    /// What the guards judge, of one that is not over.
    pub facts: Option<Facts>,
    /// What it is judged on, of one whose time has come; or why that must wait.
    pub evidence: Option<Fact<Evidence>>,
}

/// What holds while a decision is made.
#[derive(Clone, Copy, Debug)]
pub struct Rules<'a> {
    /// The drill, if it is one that the configuration has.
    pub drill: Option<&'a Drill>,
    /// What holds for all of them.
    pub drills: &'a Drills,
    /// Where it takes place, and whether on the leash.
    pub site: &'a Site,
    /// The moment.
    pub now: Timestamp,
}

/// How often an experiment that should stop is stopped again, until it is over.
const AGAIN: SignedDuration = SignedDuration::from_secs(55);
/// How long an experiment may take (AWS FIS User Guide, "Quotas and limitations"). One that FIS does not know so long after
/// it was heard of is over, whatever became of it.
const LONGEST: SignedDuration = SignedDuration::from_hours(12);

/// What `seen` means for the experiment.
pub fn decide(watch: &Watch, seen: &Seen, rules: Rules<'_>) -> Decision {
    let next = taken_in(watch, seen);
    if next.timeline.skips_actions == Some(true) {
        return Decision::because(Reason::Preview);
    }
    if next.timeline.status().is_none() {
        return Decision::because(Reason::Unknown);
    }
    match (&next.verdict, &seen.evidence, &next.timeline.end) {
        (Some(_), _, _) => settled(watch, Watch { wake_at: None, ..next }, Reason::NothingNew),
        (None, Some(Ok(evidence)), _) => judged(next, evidence, rules),
        (None, Some(Err(why)), Some(_)) => over(watch, next, Reason::Unread(why.clone()), rules),
        (None, None, Some(end)) => over(watch, next.clone(), Reason::Over(end.clone()), rules),
        (None, None | Some(Err(_)), None) => on_the_way(watch, next, seen, rules),
    }
}

/// Everything that is known now.
pub(crate) fn taken_in(watch: &Watch, seen: &Seen) -> Watch {
    let mut next = watch.clone();
    match &seen.news {
        News::Changed(change) => next.timeline.hear(change),
        News::DeadMan | News::Look => {}
    }
    if let Some(experiment) = &seen.experiment {
        next.timeline.get(experiment);
    }
    if let Some(Ok(resolved)) = &seen.resolved {
        next.timeline.resolve(resolved);
    }
    if let (None, Some(template)) = (&next.template, &seen.template) {
        next.template = Some(template.hash());
        next.targets = template.targets.keys().cloned().collect();
    }
    next
}

/// Whether nothing more will be known of it.
pub(crate) fn is_lost(next: &Watch, seen: &Seen, now: Timestamp) -> bool {
    let timeline = &next.timeline;
    let heard = timeline.states.iter().filter_map(|step| step.at).chain(timeline.created_at).max();
    seen.experiment.is_none() && heard.is_some_and(|at| now.duration_since(at) > LONGEST)
}

/// It is not over. It is looked at every minute, and ended as soon as anything objects.
fn on_the_way(watch: &Watch, mut next: Watch, seen: &Seen, rules: Rules<'_>) -> Decision {
    next.wake_at = Some(next.wake_at.unwrap_or(rules.now));
    let objections = objections(&next, seen, rules);
    if !objections.is_empty() || next.stop.is_some() {
        return stop(watch, next, objections, rules);
    }
    if !next.timeline.is_own() && seen.experiment.is_some() && next.told.insert(Told::Stranger) {
        return told(Reason::Heard, next, &[], rules);
    }
    settled(watch, next, Reason::Heard)
}

/// It must end: FIS is asked once a minute until it does, and people are told once.
fn stop(watch: &Watch, mut next: Watch, objections: Vec<Objection>, rules: Rules<'_>) -> Decision {
    let Rules { site, now, .. } = rules;
    let reason = Reason::Stopped(objections);
    if site.leash {
        let is_first = next.told.insert(Told::Leash);
        return if is_first { told(reason, next, &[], rules) } else { settled(watch, next, reason) };
    }
    let asked = next.stop.as_ref().map(|(_, at)| *at);
    if asked.is_some_and(|at| now.duration_since(at) < AGAIN) {
        return settled(watch, next, reason);
    }
    let why = next.stop.take().map_or_else(|| words::objections(&reason), |(why, _)| why);
    next.stop = Some((why, now));
    let act = Effect::Stop { experiment: next.timeline.experiment.clone() };
    let decision = match next.told.insert(Told::Stop) {
        true => told(reason, next, &[], rules),
        false => Decision::because(reason).record(next),
    };
    decision.then(act)
}

/// It is over: judged as soon as what it is judged on can be there.
fn over(watch: &Watch, mut next: Watch, reason: Reason, rules: Rules<'_>) -> Decision {
    next.wake_at = Some(trial(&next, rules).judged_at().unwrap_or(rules.now));
    match next.timeline.end.clone() {
        Some(end @ (Status::Stopped | Status::Failed | Status::Cancelled))
            if next.told.insert(Told::EarlyEnd) =>
        {
            told(Reason::Over(end), next, &[], rules)
        }
        _ => settled(watch, next, reason),
    }
}

fn judged(mut next: Watch, evidence: &Evidence, rules: Rules<'_>) -> Decision {
    let verdict = trial(&next, rules).judge(evidence);
    let (outcome, recovered) = (verdict.outcome, verdict.recovered);
    next.verdict = Some(verdict);
    next.wake_at = None;
    let proof = next.timeline.drill.clone().filter(|_| next.timeline.is_own()).map(|drill| Proof {
        drill,
        experiment: next.timeline.experiment.clone(),
        template: next.template.clone().unwrap_or_default(),
        outcome: outcome.as_str().to_owned(),
        recovered,
        at: rules.now,
    });
    let seq = next.seq + 1;
    let series = evidence.series.as_deref().unwrap_or_default();
    let decision = told(Reason::Judged(outcome), next, series, rules);
    match proof {
        Some(proof) => decision.then(Effect::Prove(Box::new(proof), seq)),
        None => decision,
    }
}

/// The run as it is to be judged.
pub(crate) fn trial<'a>(watch: &'a Watch, rules: Rules<'a>) -> Trial<'a> {
    Trial {
        timeline: &watch.timeline,
        hypothesis: rules.drill.and_then(|drill| drill.hypothesis.as_ref()),
        recovery: rules.drill.map_or(SignedDuration::from_mins(30), |drill| drill.recovery),
        targets: &watch.targets,
    }
}

/// `next`, if it is anything new.
fn settled(watch: &Watch, next: Watch, reason: Reason) -> Decision {
    if next == *watch { Decision::because(reason) } else { Decision::because(reason).record(next) }
}

/// `next`, and people are told. `series` is what was measured, for a small picture.
fn told(reason: Reason, mut next: Watch, series: &[Series], rules: Rules<'_>) -> Decision {
    next.seq += 1;
    let notice = words::notice(&reason, &next, series, rules);
    let event = words::event(&reason, &notice, rules.site);
    Decision::because(reason)
        .record(next)
        .then(Effect::Tell(Box::new(notice)))
        .then(Effect::Emit(Box::new(event)))
}

impl records::Effect for Effect {
    fn id(&self) -> String {
        match self {
            Self::Tell(notice) => format!("notice-{}", notice.id),
            Self::Emit(event) => format!("event-{}", event.id),
            Self::Prove(proof, _) => format!("proof-{}", proof.experiment),
            Self::Stop { experiment } => format!("stop-{experiment}"),
        }
    }

    fn seq(&self) -> u32 {
        match self {
            Self::Tell(notice) => notice.seq,
            Self::Emit(event) => event.notice.seq,
            Self::Prove(_, seq) => *seq,
            Self::Stop { .. } => 0,
        }
    }

    fn is_act(&self) -> bool {
        matches!(self, Self::Stop { .. })
    }
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Heard => f.write_str("something new is known"),
            Self::Stopped(_) => write!(f, "it must end: {}", words::objections(self)),
            Self::Judged(outcome) => write!(f, "judged: {}", outcome.as_str()),
            Self::Over(status) => write!(f, "over: {}", status.as_str()),
            Self::Unread(why) => write!(f, "over, and not judged yet: {why}"),
            Self::Preview => f.write_str("a preview"),
            Self::Unknown => f.write_str("FIS does not know it"),
            Self::NothingNew => f.write_str("nothing has changed"),
        }
    }
}

impl std::fmt::Display for Effect {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Tell(notice) => {
                write!(f, "Tell people ({}): {}", notice.severity.as_str(), notice.headline)
            }
            Self::Emit(event) => write!(f, "Put “{}” on the bus", event.detail_type),
            Self::Prove(proof, _) => write!(f, "Keep that {} was {}", proof.drill, proof.outcome),
            Self::Stop { experiment } => write!(f, "Stop {experiment}"),
        }
    }
}

/// What a verdict says in one line: the outcome, and what decided it.
pub(crate) fn in_a_line(verdict: &Verdict) -> String {
    let first = verdict.because.first().map(ToString::to_string).unwrap_or_default();
    format!("{}: {first}", verdict.outcome.as_str())
}
