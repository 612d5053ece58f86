//! `drill report`: what a run of a drill has proved, and how that compares with the runs before.

use std::fs;

use anyhow::{Context, Result, anyhow, bail};
use experiment_watcher::{SERIES, decide::Effect, watch::Watch, watch::partition as of_experiment};
use watchkeeper_domain::{
    drill::{Drill, Proof, partition},
    experiment::report::{Earlier, Report, html},
    records::{Record, Records},
};
use watchkeeper_shell::{Table, observe::PROOF};

use super::find;
use crate::{
    checkout::{Checkout, shown},
    cli::{Place, stack},
    screen::Screen,
    stack::{Stack, told},
};

mod text;

/// With how many runs before it a run is compared.
const EARLIER: usize = 10;

/// Shows the report of one run. Returns true, whatever its verdict.
///
/// # Errors
/// An unknown drill; one without that verdict; a table that cannot be read, or a file that cannot be written.
pub async fn report(place: &Place, what: &stack::Report, screen: &mut Screen) -> Result<bool> {
    let drills = Checkout::find(place)?.config()?.drills;
    let drill = find(&drills, &what.name)?;
    let table = Stack::connect().await.table(&what.table)?;
    let proofs = table.list(&partition(&drill.name), PROOF).await.map_err(told)?;
    let report = gather(&table, drill, &proofs, what.experiment.as_deref(), screen).await?;
    if let Some(path) = &what.html {
        fs::write(path, html(&report)).with_context(|| format!("could not write {}", shown(path)))?;
        let outcome = report.verdict.outcome.as_str();
        screen.line(&format!("{}: {} {outcome}", shown(path), drill.name))?;
    } else if what.json {
        screen.line(&serde_json::to_string(&report)?)?;
    } else {
        screen.write(&text::text(&report, &drill.zone, screen))?;
    }
    Ok(true)
}

/// The report of `experiment`, or of the last one of `proofs`, which come in the order of their time. What the drill claims
/// is read in today's configuration: with a verdict, only what came of it is kept.
async fn gather(
    table: &Table,
    drill: &Drill,
    proofs: &[Proof],
    experiment: Option<&str>,
    screen: &Screen,
) -> Result<Report> {
    let name = &drill.name;
    let place = match experiment {
        Some(id) => {
            proofs.iter().position(|proof| proof.experiment == id).ok_or_else(|| unknown(name, id, proofs))?
        }
        None if proofs.is_empty() => {
            bail!("{name} has no verdict yet: `watchkeeper drill log {name}` shows where it stands")
        }
        None => proofs.len().saturating_sub(1),
    };
    let (before, proof) = proofs.split_at(place);
    let proof = proof.first().with_context(|| format!("{name} has no verdict yet"))?;
    let watch = watch(table, &proof.experiment).await?;
    let lost = || anyhow!("what is known of {} has no verdict in it", proof.experiment);
    let Watch { timeline, verdict, .. } = watch;
    Ok(Report {
        drill: Some(name.clone()),
        service: drill.service.clone(),
        environment: drill.environment.clone(),
        hypothesis: drill.hypothesis.clone(),
        timeline,
        verdict: verdict.ok_or_else(lost)?,
        series: table.list(&of_experiment(&proof.experiment), SERIES).await.map_err(told)?,
        earlier: earlier(table, before, screen).await?,
        at: proof.at,
    })
}

/// The last runs of `proofs`. One that cannot be read is named, and left out.
async fn earlier(table: &Table, proofs: &[Proof], screen: &Screen) -> Result<Vec<Earlier>> {
    let mut runs = Vec::new();
    for proof in proofs.iter().rev().take(EARLIER) {
        match watch(table, &proof.experiment).await.map(|watch| watch.verdict) {
            Ok(Some(verdict)) => {
                runs.push(Earlier { experiment: proof.experiment.clone(), at: proof.at, verdict });
            }
            Ok(None) => screen.error(&format!("{} is left out: its verdict is gone", proof.experiment))?,
            Err(error) => screen.error(&format!("{} is left out: {error:#}", proof.experiment))?,
        }
    }
    Ok(runs)
}

async fn watch(table: &Table, experiment: &str) -> Result<Watch> {
    let record: Record<Watch, Effect> = table.read(&Watch::key(experiment)).await.map_err(told)?;
    record.state.with_context(|| format!("nothing is known of {experiment}"))
}

fn unknown(name: &str, id: &str, proofs: &[Proof]) -> anyhow::Error {
    let known: Vec<_> = proofs.iter().rev().take(EARLIER).map(|proof| proof.experiment.as_str()).collect();
    let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
    anyhow!("{name} has no verdict of the experiment {id}; the last that have one: {known}")
}
