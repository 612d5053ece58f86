//! `explain`: what would be done about an event and why. Nothing is done.

use anyhow::{Result, anyhow};
use health_responder::{
    decide::{Decision, Effect, decide},
    event::{Event, Malformed, parse},
    severity,
};
use serde_json::Value;
use watchkeeper_domain::{
    case::{Case, Communication, Page, page_prefix},
    failure::Failure,
    notice::Notice,
    records::{Key, Record, Records},
    text,
};

use crate::{
    checkout::{Checkout, shown},
    cli::{Explain, Place},
    envelope::notices,
    functions::Function,
    input,
    machine::Machine,
    place,
    screen::Screen,
};
use destinations::{Destinations, Question};
use explanation::Explanation;

mod destinations;
mod explanation;

/// Explains every event in the file that `what` names, against a copy of the state.
///
/// # Errors
/// What is missing of the repository, or keeps the machine from starting.
pub async fn explain(place: &Place, what: &Explain, screen: &mut Screen) -> Result<bool> {
    let checkout = Checkout::find(place)?;
    let (mut all_well, mut is_first) = (true, true);
    let places = places(&checkout)?;
    for input in input::read(std::slice::from_ref(&what.file)) {
        match input.event {
            Ok(payload) => {
                let mut machine = Machine::copy(&checkout).await?;
                let all =
                    explanations(&mut machine, &payload, &places).await.map_err(|it| anyhow!(it.chain()))?;
                for explanation in all {
                    if !what.json && !std::mem::take(&mut is_first) {
                        screen.line("")?;
                    }
                    if what.json {
                        screen.line(&explanation.to_json(&input.file).to_string())?;
                    } else {
                        screen.write(&explanation.to_text(&input.file, screen))?;
                    }
                }
            }
            Err(problem) => {
                all_well = false;
                screen.error(&problem.within(&input.file))?;
            }
        }
    }
    Ok(all_well)
}

/// Where each route is.
fn places(checkout: &Checkout) -> Result<Vec<String>> {
    let file = shown(&checkout.config);
    let places = place::tables(&checkout.config_text()?, "route");
    Ok(places.into_iter().map(|(line, _)| format!("{file}:{line}")).collect())
}

async fn explanations(
    machine: &mut Machine,
    payload: &Value,
    places: &[String],
) -> Result<Vec<Explanation>, Failure> {
    let functions: Vec<_> = machine.functions_for(payload).into_iter().map(str::to_owned).collect();
    if functions.is_empty() {
        return Ok(vec![nobody(machine, payload)]);
    }
    machine.arrive(payload);
    let mut all = Vec::new();
    for logical_id in functions {
        let explained = match Function::named(&logical_id) {
            Some(Function::HealthResponder) => by_health_responder(machine, payload).await?,
            Some(Function::Notifier) => by_notifier(payload),
            Some(function @ (Function::ChaosTrigger | Function::ExperimentWatcher)) => {
                vec![by_trying(machine, (function, "drill"), payload).await]
            }
            Some(function @ Function::CacheRefresher) => {
                vec![by_trying(machine, (function, "cache"), payload).await]
            }
            None => {
                let what = format!("{logical_id} would be invoked, which does not run here.");
                vec![Explanation::short("event", &what)]
            }
        };
        all.extend(explained);
    }
    let question = Question { routing: &machine.config.routing, places, now: machine.now() };
    for explanation in all.iter_mut().filter(|it| it.destinations.is_empty()) {
        for notice in &explanation.notices {
            explanation.destinations.push(question.answer(notice, &machine.world.records).await?);
        }
    }
    Ok(all)
}

async fn by_health_responder(machine: &Machine, payload: &Value) -> Result<Vec<Explanation>, Failure> {
    let mut all = Vec::new();
    for arrival in parse(payload, machine.now()) {
        let explanation = match arrival.event {
            Event::PageDelivered(page) => about_page(machine, &page).await?,
            Event::Malformed(malformed) => about_malformed(machine, &malformed, payload).await,
            Event::Foreign(what) => Explanation::short("foreign", &format!("Ignored and counted: {what}.")),
            Event::SweepDue => Explanation::short("sweep", "Whatever is due is looked at again."),
        };
        let function = Some(Function::HealthResponder.name());
        all.push(Explanation { event_id: arrival.id, function, ..explanation });
    }
    Ok(all)
}

/// What a function makes of it on a machine of its own: without the experiments, snapshots and volumes of the real account.
async fn by_trying(
    machine: &Machine,
    (function, kind): (Function, &'static str),
    payload: &Value,
) -> Explanation {
    let delivery = machine.invoke(function, payload).await;
    let notices = delivery.notices.into_iter().map(|(notice, _)| notice).collect();
    let reason = text::line(&delivery.reason);
    let what = if reason.is_empty() {
        "Whatever is due is looked at again.".to_owned()
    } else {
        format!("{reason}.")
    };
    let function = Some(function.name());
    Explanation { event_id: delivery.event_id, function, notices, ..Explanation::short(kind, &what) }
}

/// A notice as the topic delivers it, one that a channel has refused, or the minute's sweep.
fn by_notifier(payload: &Value) -> Vec<Explanation> {
    let function = Some(Function::Notifier.name());
    let explain = |(notice, again): (Notice, Option<String>)| Explanation {
        event_id: notice.id.clone(),
        function,
        destinations: again.iter().map(|channel| Destinations::again(channel)).collect(),
        notices: vec![notice],
        ..Explanation::short("notice", "It is shown on its channels, unless they show it already.")
    };
    let all: Vec<_> = notices(payload).into_iter().map(explain).collect();
    let sweep = || Explanation::short("sweep", "Whatever waits on a channel is looked at again.");
    if all.is_empty() { vec![Explanation { function, ..sweep() }] } else { all }
}

/// Why no function hears of `payload`.
fn nobody(machine: &Machine, payload: &Value) -> Explanation {
    let said = |key: &str| payload[key].as_str().unwrap_or("none").to_owned();
    let mut explanation =
        Explanation::short("foreign", "No function is invoked: no rule in template.yaml matches.");
    explanation.event_id = said("id");
    explanation.facts.extend([("Source", said("source")), ("Detail-type", said("detail-type"))]);
    explanation.facts.extend(machine.routes.rules().into_iter().map(|rule| ("Rule", rule)));
    explanation
}

/// A page, with all that is known about its case: what the function observes and decides.
async fn about_page(machine: &Machine, page: &Page) -> Result<Explanation, Failure> {
    let records = &machine.world.records;
    let partition = page.case.partition();
    let head: Record<Case, Effect> = records.read(&Key::head(&partition)).await?;
    let mut pages: Vec<Page> = records.list(&partition, &page_prefix(&page.communication)).await?;
    if !pages.iter().any(|known| known.page == page.page) {
        pages.push(page.clone());
    }
    let said = Communication::merge(pages);
    let decision = decide(&page.case, head.state.as_ref(), said.as_ref(), (&machine.config, machine.now()));
    Ok(Explanation {
        facts: page_facts(page, head.state.as_ref()),
        details: serde_json::to_value(&decision).unwrap_or_default(),
        notices: told(&decision),
        ..Explanation::short("health event", &decision.to_string())
    })
}

fn told(decision: &Decision) -> Vec<Notice> {
    let told = decision.effects.iter().filter_map(|effect| match effect {
        Effect::Tell(notice) => Some(Notice::clone(notice)),
        Effect::Emit(_) => None,
    });
    told.collect()
}

fn page_facts(page: &Page, known: Option<&Case>) -> Vec<(&'static str, String)> {
    let content = &page.content;
    let kind = severity::kind(content).as_str().replace('-', " ");
    let state = match known {
        None => "nothing is known about this case".to_owned(),
        Some(case) => format!("{}, {} since {}", case.status, count(case.seq), minute(case.opened_at)),
    };
    vec![
        ("Kind", format!("{kind}, {}", content.status)),
        ("Type", content.type_code.clone()),
        ("Account", page.case.account.clone()),
        ("Event", page.case.event_arn.clone()),
        (
            "Communication",
            format!(
                "{}, page {} of {}, of {}",
                page.communication,
                page.page,
                page.total_pages,
                minute(content.updated_at)
            ),
        ),
        ("State", state),
    ]
}

fn count(number: u32) -> String {
    text::count(usize::try_from(number).unwrap_or(usize::MAX), "notice")
}

fn minute(at: jiff::Timestamp) -> String {
    at.strftime("%-d %b %Y %H:%M UTC").to_string()
}

/// What nobody can read is shown as it came: the function itself says how, on the copy of the state.
async fn about_malformed(machine: &Machine, malformed: &Malformed, payload: &Value) -> Explanation {
    let delivery = machine.invoke(Function::HealthResponder, payload).await;
    Explanation {
        facts: vec![("Kind", "malformed".to_owned()), ("Problem", malformed.why.clone())],
        notices: delivery.notices.into_iter().map(|(notice, _)| notice).collect(),
        ..Explanation::short(
            "malformed",
            &format!("{}. The event waits in the failure queue.", delivery.reason),
        )
    }
}
