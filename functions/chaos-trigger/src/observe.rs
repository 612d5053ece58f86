//! Everything that a decision is made on, read at one moment. What could not be read says so.

use jiff::Timestamp;
use watchkeeper_domain::{
    drill::{Deployments, Drill, Drills, Fact, Facts, Site, alarms_before},
    experiment::{Experiment, Listed, Ordered},
    failure::Failure,
    fis::Template,
    ports::{Alarms, Calendars, Experiments, Inventory, Issues, Metrics, OnCalls},
    records::Records,
};
use watchkeeper_shell::observe::{self, fact, halt, proofs, targets};

use crate::{
    decide::{Acted, News, Seen},
    floor::{self, Holder},
    standing::{Phase, Run, Standing},
};

/// What a pass looks for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Look<'a> {
    pub drill: &'a Drill,
    pub drills: &'a Drills,
    pub site: &'a Site,
    pub now: Timestamp,
}

/// Reads what the next decision about the drill needs, and no more.
pub(crate) async fn look<W>(
    world: &W,
    at: Look<'_>,
    standing: &Standing,
    news: &News,
    acted: Option<&Acted>,
) -> Result<Seen, Failure>
where
    W: Records + Experiments + Alarms + Calendars + OnCalls + Issues + Inventory + Metrics,
{
    let mut seen = Seen {
        news: news.clone(),
        facts: unasked(),
        template_id: at.drill.template.id().map(str::to_owned),
        has_floor: false,
        preview: None,
        experiment: None,
        acted: acted.cloned(),
    };
    let Some(run) = &standing.run else {
        seen.facts.proofs = fact(proofs(world, at.drill).await);
        return Ok(seen);
    };
    match &run.phase {
        Phase::Announced if at.now < run.ready_at => {}
        Phase::Started { experiment, told, .. } => {
            seen.experiment = world.experiment(experiment).await?;
            if let Some(experiment) = seen.experiment.as_ref().filter(|_| !told) {
                // People are told once what it costs at most and what it hits; its guards are asked by the watcher.
                seen.facts.template = observe::template(world, &experiment.listed.template).await;
                seen.template_id = Some(experiment.listed.template.clone());
                seen.facts.targets = Some(fact(targets(world, at.drill, experiment, at.now).await));
            }
        }
        Phase::Announced
        | Phase::Entering
        | Phase::Previewing { .. }
        | Phase::Arming
        | Phase::Starting { .. } => {
            judge(world, at, run, &mut seen).await?;
        }
    }
    Ok(seen)
}

/// All facts for the guards, read side by side.
async fn judge<W>(world: &W, look: Look<'_>, run: &Run, seen: &mut Seen) -> Result<(), Failure>
where
    W: Records + Experiments + Alarms + Calendars + OnCalls + Issues + Inventory + Metrics,
{
    let Look { drill, drills, site, now } = look;
    let (
        halt,
        lever,
        (template_id, template),
        calendars,
        incidents,
        on_call,
        deployments,
        issues,
        listed,
        floor,
        proofs,
    ) = tokio::join!(
        halt(world),
        world.lever(),
        template(world, drill),
        world.calendars(&drill.calendars, now),
        world.incidents(drills.incident_url.as_deref()),
        on_call(world, drill),
        deployments(world, drill),
        observe::issues(world, drills, site),
        world.experiments(),
        floor::holder(world, &drill.name, &run.id),
        proofs(world, drill),
    );
    let alarms = alarms_before(drill, template.as_ref().ok().and_then(Option::as_ref));
    let name = &drill.name;
    let own = |token: &str, list: &[Listed]| {
        list.iter().find(|it| it.token() == Some(token)).map(|it| it.id.clone())
    };
    let listed = fact(listed);
    if let Ok(all) = &listed {
        let answered = answered(seen.acted.as_ref());
        let is_preview = matches!(run.phase, Phase::Previewing { .. });
        let preview = run.preview.clone().or_else(|| answered.clone().filter(|_| is_preview));
        let preview = preview.or_else(|| own(&run.preview_token(name), all));
        let experiment = answered.filter(|_| !is_preview).or_else(|| own(&run.token(name), all));
        seen.preview = found(world, preview).await?;
        seen.experiment = found(world, experiment).await?;
    }
    seen.template_id = template_id;
    seen.has_floor = matches!(floor, Ok(Holder::Ours));
    seen.facts = Facts {
        halt: fact(halt),
        lever: fact(lever),
        template,
        calendars: fact(calendars),
        incidents: fact(incidents),
        on_call,
        deployments,
        issues: fact(issues),
        alarms: fact(world.alarms(&alarms).await),
        active: listed.map(|all| all.into_iter().filter(|it| !it.status.is_terminal()).collect()),
        floor: fact(floor).map(|holder| match holder {
            Holder::Other(floor) => Some(floor),
            Holder::Ours | Holder::Nobody => None,
        }),
        proofs: fact(proofs),
        targets: match &seen.preview {
            Some(preview) if preview.listed.status.is_terminal() => {
                Some(fact(targets(world, drill, preview, now).await))
            }
            Some(_) | None => None,
        },
    };
    Ok(())
}

/// The drill's template, and its id as far as that is known.
async fn template<W: Experiments>(world: &W, drill: &Drill) -> (Option<String>, Fact<Option<Template>>) {
    match observe::template_id(world, &drill.template).await {
        Ok(id) => {
            let template = observe::template(world, &id).await;
            (Some(id), template)
        }
        Err(why) => (None, Err(why)),
    }
}

async fn on_call<W: OnCalls>(world: &W, drill: &Drill) -> Fact<bool> {
    match &drill.on_call {
        Some(on_call) => fact(world.is_anybody_on_call(on_call).await),
        None => not_asked(),
    }
}

async fn deployments<W: Records>(world: &W, drill: &Drill) -> Fact<Deployments> {
    match drill.quiet.is_zero() {
        true => not_asked(),
        false => fact(observe::deployments(world).await),
    }
}

fn answered(acted: Option<&Acted>) -> Option<String> {
    match &acted?.answer {
        Some(Ordered::Accepted(id)) => Some(id.clone()),
        Some(Ordered::Rejected(_)) | None => None,
    }
}

async fn found<W: Experiments>(world: &W, id: Option<String>) -> Result<Option<Experiment>, Failure> {
    match id {
        Some(id) => world.experiment(&id).await,
        None => Ok(None),
    }
}

fn not_asked<T>() -> Fact<T> {
    Err("nobody has asked".to_owned())
}

fn unasked() -> Facts {
    Facts {
        halt: not_asked(),
        lever: not_asked(),
        template: not_asked(),
        calendars: not_asked(),
        incidents: not_asked(),
        on_call: not_asked(),
        deployments: not_asked(),
        issues: not_asked(),
        alarms: not_asked(),
        active: not_asked(),
        floor: not_asked(),
        proofs: not_asked(),
        targets: None,
    }
}
