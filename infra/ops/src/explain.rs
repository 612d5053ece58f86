//! `explain`: what would be done about an event and why. Nothing is done.

use anyhow::{Result, anyhow};
use health_responder::{
    decide::{Decision, Effect, decide},
    event::{Event, Malformed, parse},
    severity,
};
use serde_json::{Value, json};
use watchkeeper_domain::{
    case::{Case, Communication, Page, page_prefix},
    failure::Failure,
    notice::Notice,
    records::{Key, Record, Records},
    terminal::{self, Paint, render},
    text,
};

use crate::{
    checkout::Checkout,
    cli::{Explain, Place},
    functions::Function,
    input,
    machine::Machine,
    screen::Screen,
};

/// Explains every event in the file that `what` names, against a copy of the state.
///
/// # Errors
/// What is missing of the repository, or keeps the machine from starting.
pub async fn explain(place: &Place, what: &Explain, screen: &mut Screen) -> Result<bool> {
    let checkout = Checkout::find(place)?;
    let (mut all_well, mut is_first) = (true, true);
    for input in input::read(std::slice::from_ref(&what.file)) {
        match input.event {
            Ok(payload) => {
                let mut machine = Machine::copy(&checkout).await?;
                let all = explanations(&mut machine, &payload).await.map_err(|it| anyhow!(it.chain()))?;
                for explanation in all {
                    if !what.json && !std::mem::take(&mut is_first) {
                        screen.line("")?;
                    }
                    explanation.show(&input.file, what.json, screen)?;
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

/// What is to be said about one event.
#[derive(Clone, Debug)]
struct Explanation {
    event_id: String,
    function: Option<&'static str>,
    facts: Vec<(&'static str, String)>,
    /// The decision as a paragraph, and as it is.
    decision: String,
    details: Value,
    notices: Vec<Notice>,
}

async fn explanations(machine: &mut Machine, payload: &Value) -> Result<Vec<Explanation>, Failure> {
    let functions: Vec<_> = machine.functions_for(payload).into_iter().map(str::to_owned).collect();
    if functions.is_empty() {
        return Ok(vec![nobody(machine, payload)]);
    }
    let mut all = Vec::new();
    for logical_id in functions {
        match Function::named(&logical_id) {
            Some(Function::HealthResponder) => {
                machine.arrive(payload);
                for arrival in parse(payload, machine.now()) {
                    let explanation = match arrival.event {
                        Event::PageDelivered(page) => about_page(machine, &page).await?,
                        Event::Malformed(malformed) => about_malformed(machine, &malformed, payload).await,
                        Event::Foreign(what) => short("foreign", &format!("Ignored and counted: {what}.")),
                        Event::SweepDue => short("sweep", "Whatever is due is looked at again."),
                    };
                    all.push(Explanation {
                        event_id: arrival.id,
                        function: Some(Function::HealthResponder.name()),
                        ..explanation
                    });
                }
            }
            None => {
                all.push(short("event", &format!("{logical_id} would be invoked, which does not run here.")))
            }
        }
    }
    Ok(all)
}

/// Why no function hears of `payload`.
fn nobody(machine: &Machine, payload: &Value) -> Explanation {
    let said = |key: &str| payload[key].as_str().unwrap_or("none").to_owned();
    let mut explanation = short("foreign", "No function is invoked: no rule in template.yaml matches.");
    explanation.event_id = said("id");
    explanation.facts.extend([("Source", said("source")), ("Detail-type", said("detail-type"))]);
    explanation.facts.extend(machine.rules().into_iter().map(|rule| ("Rule", rule)));
    explanation
}

fn short(kind: &str, decision: &str) -> Explanation {
    Explanation {
        event_id: "-".to_owned(),
        function: None,
        facts: vec![("Kind", kind.to_owned())],
        decision: decision.to_owned(),
        details: Value::Null,
        notices: Vec::new(),
    }
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
        ..short("health event", &decision.to_string())
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
        Some(case) => format!("{}, {} since {}", case.status, notices(case.seq), minute(case.opened_at)),
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

fn notices(number: u32) -> String {
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
        ..short("malformed", &format!("{}. The event waits in the failure queue.", delivery.reason))
    }
}

impl Explanation {
    fn show(&self, file: &str, json: bool, screen: &mut Screen) -> Result<()> {
        if json {
            return Ok(screen.line(&self.to_json(file).to_string())?);
        }
        screen.line(&screen.paint(file, Paint::Bold))?;
        let function = self.function.unwrap_or("none").to_owned();
        for (name, value) in [("Function", function)].iter().chain(&self.facts) {
            let value = text::line(value);
            screen.line(&format!("  {}  {value}", screen.paint(&format!("{name:<13}"), Paint::Dim)))?;
        }
        screen.line("")?;
        for line in terminal::wrap(&self.decision, screen.width, false) {
            screen.line(&line)?;
        }
        for notice in &self.notices {
            screen.line("")?;
            screen.write(&render(notice, screen.width, screen.style))?;
        }
        Ok(())
    }

    fn to_json(&self, file: &str) -> Value {
        let facts: serde_json::Map<_, _> =
            self.facts.iter().map(|(name, value)| (name.to_lowercase(), json!(value))).collect();
        json!({
            "file": file,
            "event_id": self.event_id,
            "function": self.function,
            "event": facts,
            "because": self.decision,
            "decision": self.details,
            "notices": self.notices,
        })
    }
}
