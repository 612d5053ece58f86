//! What earlier runs have proved.

use super::{Guard, Objection, Question};
use crate::drill::Proof;

/// A run that failed, or after which the service was not well in time, blocks the next one until somebody releases it.
pub(super) fn blocked(it: &Question<'_>) -> Option<Objection> {
    let proofs = match &it.facts.proofs {
        Ok(proofs) => proofs,
        Err(why) => return Objection::unread(Guard::Blocked, "the verdicts of earlier runs", why),
    };
    let newest = newest(proofs, &it.drill.name)?;
    let is_bad = newest.outcome == "failed" || !newest.recovered;
    let is_released = it.plan.released_at.is_some_and(|released| released >= newest.at);
    if !is_bad || is_released {
        return None;
    }
    let name = &it.drill.name;
    let what = if newest.outcome == "failed" { "failed" } else { "did not recover in time" };
    let because = format!(
        "its last run ({}) {what}: mend the cause, then `watchkeeper drill release {name} --because …`",
        newest.experiment
    );
    Objection::new(Guard::Blocked, because)
}

/// The environment before goes first: its drill must have passed, and recently.
pub(super) fn promotion(it: &Question<'_>) -> Option<Objection> {
    let promotion = it.drill.promotion.as_ref()?;
    let proofs = match &it.facts.proofs {
        Ok(proofs) => proofs,
        Err(why) => return Objection::unread(Guard::Promotion, "the verdicts of earlier runs", why),
    };
    let (before, days) = (&promotion.after, promotion.within.as_hours() / 24);
    let because = match newest(proofs, before) {
        None => format!("{before} has never run, and must pass first"),
        Some(proof) if proof.outcome != "passed" => {
            format!("{before} must pass first; its last run was {}", proof.outcome)
        }
        Some(proof) if it.now.duration_since(proof.at) > promotion.within => {
            format!("{before} passed at {}, longer than {days} days ago", proof.at)
        }
        Some(_) => return None,
    };
    Objection::new(Guard::Promotion, because)
}

/// The newest verdict on `drill`.
fn newest<'p>(proofs: &'p [Proof], drill: &str) -> Option<&'p Proof> {
    proofs.iter().filter(|proof| proof.drill == drill).max_by_key(|proof| proof.at)
}
