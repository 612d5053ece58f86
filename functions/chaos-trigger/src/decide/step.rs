//! How a run goes on: each phase, and what it takes to leave it.

use jiff::{SignedDuration, Timestamp};
use watchkeeper_domain::{
    drill::{
        Guard, Objection,
        guards::{self, BEFORE_PREVIEW, Question, ask},
    },
    experiment::{Ordered, Status},
};

use super::{Acted, Decision, Effect, Reason, Rules, Seen, end, told};
use crate::{
    log::Entry,
    standing::{Phase, Run, Standing},
    words,
};

/// How long FIS may take to show in its list what it has accepted. Until then an order counts as under way.
const SETTLING: SignedDuration = SignedDuration::from_mins(2);
/// How long a preview may take.
const PREVIEW: SignedDuration = SignedDuration::from_mins(15);
/// How much longer than planned a run may take before the dead man stops it.
const GRACE: SignedDuration = SignedDuration::from_mins(10);

/// The run goes on, if it can.
pub(super) fn step(standing: &Standing, run: &Run, seen: &Seen, rules: Rules<'_>) -> Decision {
    let pass = Pass { standing, run, seen, rules };
    match &run.phase {
        Phase::Announced if rules.now < run.ready_at => Decision::because(Reason::Waiting("its time")),
        Phase::Announced => pass.enter(),
        Phase::Entering => pass.preview(),
        Phase::Previewing { since } => pass.previewed(*since),
        Phase::Arming => pass.arm_or_start(),
        Phase::Starting { since } => pass.started(*since),
        Phase::Started { experiment, aimed, told } => pass.watch(experiment, *aimed, *told),
    }
}

/// One pass over a run.
struct Pass<'a> {
    standing: &'a Standing,
    run: &'a Run,
    seen: &'a Seen,
    rules: Rules<'a>,
}

impl Pass<'_> {
    fn enter(&self) -> Decision {
        if let Some(refusal) = self.refusal(&BEFORE_PREVIEW) {
            return refusal;
        }
        if self.rules.site.leash {
            return self.end(Reason::Rehearsed);
        }
        let floor = Effect::TakeFloor { run: self.run.id.clone() };
        self.go(Reason::Clear("take the floor"), Phase::Entering, floor)
    }

    fn preview(&self) -> Decision {
        if let Some(refusal) = self.refusal(&BEFORE_PREVIEW) {
            return refusal;
        }
        if !self.seen.has_floor {
            return self.enter();
        }
        self.order_preview()
    }

    fn order_preview(&self) -> Decision {
        self.order(Reason::Clear("preview"), Phase::Previewing { since: self.rules.now }, true)
    }

    fn previewed(&self, since: Timestamp) -> Decision {
        if let Some(rejected) = self.rejected() {
            return rejected;
        }
        let age = self.rules.now.duration_since(since);
        let Some(preview) = &self.seen.preview else {
            return match self.refusal(&BEFORE_PREVIEW) {
                _ if age < SETTLING => Decision::because(Reason::Waiting("the preview")),
                Some(refusal) => refusal,
                None => self.order_preview(),
            };
        };
        match &preview.listed.status {
            Status::Completed => match self.start_refusal() {
                Some(refusal) => refusal,
                None => self.arm(),
            },
            Status::Stopped | Status::Failed | Status::Cancelled => {
                self.refuse(Guard::Preview, words::preview_failed(preview))
            }
            Status::Pending | Status::Initiating | Status::Running | Status::Stopping | Status::Other(_)
                if age < PREVIEW =>
            {
                Decision::because(Reason::Waiting("the preview"))
            }
            Status::Pending | Status::Initiating | Status::Running | Status::Stopping | Status::Other(_) => {
                self.refuse(Guard::Preview, "the preview was not over after 15 minutes")
            }
        }
    }

    /// The dead man comes first: whatever happens to us from here on, somebody ends the run.
    fn arm(&self) -> Decision {
        let Some(ends_by) = self.latest_end() else {
            return self.refuse(Guard::Window, "nobody knows how long the run takes");
        };
        let drill = &self.standing.drill;
        let act = Effect::Arm { name: self.run.dead_man(drill), at: ends_by, token: self.run.token(drill) };
        let preview = self.seen.preview.as_ref().map(|preview| preview.listed.id.clone());
        let run = Run { phase: Phase::Arming, ends_by: Some(ends_by), preview, ..self.run.clone() };
        self.record(Reason::Clear("arm the dead man"), run, act)
    }

    fn arm_or_start(&self) -> Decision {
        if let Some(refusal) = self.start_refusal() {
            return refusal;
        }
        match &self.seen.acted {
            Some(Acted { act: Effect::Arm { .. }, .. }) => self.start(),
            Some(_) | None => self.arm(),
        }
    }

    fn start(&self) -> Decision {
        self.order(Reason::Clear("start"), Phase::Starting { since: self.rules.now }, false)
    }

    fn started(&self, since: Timestamp) -> Decision {
        if let Some(rejected) = self.rejected() {
            return rejected;
        }
        if let Some(experiment) = &self.seen.experiment {
            let id = experiment.listed.id.clone();
            let phase = Phase::Started { experiment: id.clone(), aimed: false, told: false };
            return self.aim(Reason::Clear("it is accepted"), phase, id);
        }
        if self.rules.now.duration_since(since) < SETTLING {
            return Decision::because(Reason::Waiting("the experiment to be seen"));
        }
        self.start_refusal().unwrap_or_else(|| self.start())
    }

    /// It is there. From now on `experiment-watcher` ends it if it must be ended.
    fn watch(&self, id: &str, aimed: bool, told: bool) -> Decision {
        let Some(experiment) = &self.seen.experiment else {
            return Decision::because(Reason::Waiting("the experiment to be seen"));
        };
        let aimed = aimed || matches!(&self.seen.acted, Some(Acted { act: Effect::Aim { .. }, .. }));
        let phase = |told| Phase::Started { experiment: id.to_owned(), aimed, told };
        match &experiment.listed.status {
            status if status.is_terminal() => self.over(status.clone(), told),
            Status::Running if !told => self.tell(Reason::Running, phase(true)),
            _ if !aimed => self.aim(Reason::Clear("aim the dead man"), phase(told), id.to_owned()),
            _ if self.run.phase != phase(told) => {
                self.quietly(Reason::Clear("the dead man is aimed"), phase(told))
            }
            Status::Pending
            | Status::Initiating
            | Status::Running
            | Status::Completed
            | Status::Stopping
            | Status::Stopped
            | Status::Failed
            | Status::Cancelled
            | Status::Other(_) => Decision::because(Reason::Waiting("its end")),
        }
    }

    /// A run that was `told` of has been counted as a start.
    fn over(&self, status: Status, told: bool) -> Decision {
        let began = self.seen.experiment.as_ref().is_some_and(|it| {
            it.actions.values().any(|action| action.started_at.is_some()) || status == Status::Completed
        });
        let standing = match (began, told) {
            (true, false) => self.standing.after_start(self.rules.now),
            (true, true) => Standing { started_at: Some(self.rules.now), ..self.standing.clone() },
            (false, _) => self.standing.clone(),
        };
        let next = Standing { run: None, ..standing };
        let reason = Reason::Over(status);
        let log = Entry::new(&reason, Some(self.run), None, self.rules.now);
        let disarm = Effect::Disarm { name: self.run.dead_man(&self.standing.drill) };
        Decision::because(reason).record(next).then(Effect::Log(Box::new(log))).then(disarm)
    }

    fn aim(&self, reason: Reason, phase: Phase, experiment: String) -> Decision {
        let Some(at) = self.run.ends_by else { return self.quietly(reason, phase) };
        let act = Effect::Aim { name: self.run.dead_man(&self.standing.drill), at, experiment };
        self.go(reason, phase, act)
    }

    /// Orders the preview or the run. Without an id of its template a guard has objected before: no guess here.
    fn order(&self, reason: Reason, phase: Phase, skips_actions: bool) -> Decision {
        let Some(template) = &self.seen.template_id else {
            return self.refuse(Guard::Approval, "nobody knows the id of the template");
        };
        let order = self.run.order(&self.standing.drill, template, skips_actions);
        self.go(reason, phase, Effect::Start(Box::new(order)))
    }

    fn latest_end(&self) -> Option<Timestamp> {
        let template = self.seen.facts.template.as_ref().ok()?.as_ref()?;
        let planned = watchkeeper_domain::fis::planned_duration(template)?;
        self.rules.now.checked_add(planned.checked_add(GRACE)?).ok()
    }

    fn refusal(&self, checks: &[guards::Check]) -> Option<Decision> {
        let plan = self.run.plan(self.standing);
        let Rules { drill, drills, now, .. } = self.rules;
        let question = Question { drill, drills, plan: &plan, facts: &self.seen.facts, now };
        let objections = ask(checks, &question);
        (!objections.is_empty()).then(|| self.end(Reason::Refused(objections)))
    }

    fn start_refusal(&self) -> Option<Decision> {
        let plan = self.run.plan(self.standing);
        let Rules { drill, drills, now, .. } = self.rules;
        let objections =
            guards::before_start(&Question { drill, drills, plan: &plan, facts: &self.seen.facts, now });
        (!objections.is_empty()).then(|| self.end(Reason::Refused(objections)))
    }

    fn refuse(&self, guard: Guard, because: impl Into<String>) -> Decision {
        self.end(Reason::Refused(vec![Objection { guard, because: because.into() }]))
    }

    fn rejected(&self) -> Option<Decision> {
        match &self.seen.acted {
            Some(Acted { answer: Some(Ordered::Rejected(words)), .. }) => {
                Some(self.end(Reason::Rejected(words.clone())))
            }
            Some(Acted { answer: Some(Ordered::Accepted(_)) | None, .. }) | None => None,
        }
    }

    fn end(&self, reason: Reason) -> Decision {
        end(reason, self.standing, self.run, self.seen, self.rules)
    }

    /// The next phase, and the act that belongs to it.
    fn go(&self, reason: Reason, phase: Phase, act: Effect) -> Decision {
        self.record(reason, Run { phase, ..self.run.clone() }, act)
    }

    fn record(&self, reason: Reason, run: Run, act: Effect) -> Decision {
        let log = Entry::new(&reason, Some(&run), Some(&self.seen.facts), self.rules.now);
        let next = Standing { run: Some(run), ..self.standing.clone() };
        Decision::because(reason).record(next).then(Effect::Log(Box::new(log))).then(act)
    }

    fn quietly(&self, reason: Reason, phase: Phase) -> Decision {
        let run = Run { phase, ..self.run.clone() };
        Decision::because(reason).record(Standing { run: Some(run), ..self.standing.clone() })
    }

    fn tell(&self, reason: Reason, phase: Phase) -> Decision {
        let run = Run { phase, ..self.run.clone() };
        let next = Standing { run: Some(run.clone()), ..self.standing.after_start(self.rules.now) };
        told(reason, next, run, self.seen, self.rules)
    }
}
