//! The template: approved, unchanged, within the rules, within the budget.

use super::{Guard, Objection, Question};
use crate::fis::{self, Severity, Template, plan::CENTS_PER_ACTION_MINUTE};

/// The template is the one that somebody has read: its canonical hash stands in `watchkeeper.toml`.
pub(super) fn approval(it: &Question<'_>) -> Option<Objection> {
    let Some(approved) = &it.drill.approved else { return super::local::approved(it) };
    let hash = match template(it, Guard::Approval) {
        Ok(template) => template.hash(),
        Err(objection) => return Some(objection),
    };
    if hash == *approved {
        return None;
    }
    let name = &it.drill.name;
    let because = format!(
        "the template has changed since it was approved ({approved}, now {hash}): read it, then \
         `watchkeeper drill approve {name}`"
    );
    Objection::new(Guard::Approval, because)
}

/// Every rule of [`fis::lint()`] that refuses.
pub(super) fn template_rules(it: &Question<'_>) -> Option<Objection> {
    let template = template(it, Guard::Policy).ok()?; // the guard before has objected
    let findings = fis::lint(template, &it.drill.limits);
    let refused: Vec<_> = findings.iter().filter(|finding| finding.severity == Severity::Refuse).collect();
    let first = refused.first()?;
    let others = match refused.len() {
        1 => String::new(),
        all => format!(" (and {} more: `watchkeeper drill lint` lists them)", all - 1),
    };
    Objection::new(Guard::Policy, format!("{}: {}{others}", first.place, first.message))
}

/// The upper bound of the price: every action to its end, in every account.
pub(super) fn cost(it: &Question<'_>) -> Option<Objection> {
    let template = template(it, Guard::Cost).ok()?;
    let Some(minutes) = fis::action_minutes(template) else {
        return Objection::new(Guard::Cost, "nobody knows what the run costs: an action has no duration");
    };
    let cents = minutes * CENTS_PER_ACTION_MINUTE * (1 + template.target_accounts);
    if cents <= it.drill.max_cost_cents {
        return None;
    }
    let allowed = it.drill.max_cost_cents;
    let because = format!(
        "the run may cost ${}.{:02}, and ${}.{:02} are allowed",
        cents / 100,
        cents % 100,
        allowed / 100,
        allowed % 100
    );
    Objection::new(Guard::Cost, because)
}

fn template<'a>(it: &Question<'a>, guard: Guard) -> Result<&'a Template, Objection> {
    let id = &it.drill.template;
    let objection = match &it.facts.template {
        Ok(Some(template)) => return Ok(template),
        Ok(None) => format!("FIS has no template {id} in this account and Region"),
        Err(why) => format!("the template {id} could not be read: {why}"),
    };
    Err(Objection { guard, because: objection })
}
