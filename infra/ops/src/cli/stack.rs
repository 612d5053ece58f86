//! The commands that speak to a deployed stack, and their options.

use std::path::PathBuf;

use clap::Args;
use watchkeeper_domain::text;

/// The longest text that a request may carry, in bytes: `chaos-trigger` and `cache-refresher` know longer ones by their
/// hash only.
const LONGEST: usize = 200;
/// The longest id of a request: it becomes part of a key.
const LONGEST_ID: usize = 100;

/// The table of the stack.
#[derive(Args, Clone, Debug, Default)]
pub struct AtTable {
    /// Table of the deployed stack: its output `Table`.
    #[arg(long, value_name = "NAME", env = "WATCHKEEPER_TABLE", hide_env_values = true)]
    pub table: Option<String>,
}

impl AtTable {
    /// Whether somebody has named it.
    pub fn is_named(&self) -> bool {
        self.table.as_ref().is_some_and(|name| !name.is_empty())
    }
}

/// The bus of the stack.
#[derive(Args, Clone, Debug, Default)]
pub struct AtBus {
    /// Event bus of the deployed stack: its output `Bus`.
    #[arg(
        long,
        value_name = "NAME",
        env = "WATCHKEEPER_BUS",
        hide_env_values = true,
        default_value = "watchkeeper"
    )]
    pub bus: String,
}

/// Who wants it, and why.
#[derive(Args, Clone, Debug, Default)]
pub struct Why {
    /// Why, in one line: it is told to people, and kept.
    #[arg(long, value_name = "WHY", value_parser = said)]
    pub because: String,
    /// Who [default: the user of this machine].
    #[arg(long, value_name = "WHO", env = "USER", hide_env = true, value_parser = said)]
    pub by: String,
}

/// `drill start`.
#[derive(Args, Clone, Debug, Default)]
pub struct Start {
    /// The drill, as watchkeeper.toml calls it.
    pub name: String,
    /// Who wants it, and why.
    #[command(flatten)]
    pub why: Why,
    /// Id of the request [default: a new one]. For three days, the same id makes no second run.
    #[arg(long, value_name = "ID", value_parser = id)]
    pub id: Option<String>,
    /// The bus.
    #[command(flatten)]
    pub bus: AtBus,
}

/// `drill cancel`, `drill release`.
#[derive(Args, Clone, Debug, Default)]
pub struct Tell {
    /// The drill, as watchkeeper.toml calls it.
    pub name: String,
    /// Who wants it, and why.
    #[command(flatten)]
    pub why: Why,
    /// The bus.
    #[command(flatten)]
    pub bus: AtBus,
}

/// `drill gate`.
#[derive(Args, Clone, Debug, Default)]
pub struct Gate {
    /// The drill, as watchkeeper.toml calls it.
    pub name: String,
    /// Who wants it, and why.
    #[command(flatten)]
    pub why: Why,
    /// Id of the request [default: a new one]. A second gate with the same id waits for the same run, and asks for none.
    #[arg(long, value_name = "ID", value_parser = id)]
    pub id: Option<String>,
    /// How long to wait for the verdict, in minutes: announcement, run, recovery and metrics take their time.
    #[arg(long, value_name = "MINUTES", default_value_t = 90, value_parser = clap::value_parser!(u16).range(0..=1440))]
    pub wait: u16,
    /// How often to look, in milliseconds.
    #[arg(long, hide = true, default_value_t = 5000)]
    pub every_ms: u64,
    /// Print one JSON object at the end.
    #[arg(long)]
    pub json: bool,
    /// The table.
    #[command(flatten)]
    pub table: AtTable,
    /// The bus.
    #[command(flatten)]
    pub bus: AtBus,
}

/// `drill log`.
#[derive(Args, Clone, Debug, Default)]
pub struct Log {
    /// The drill, as watchkeeper.toml calls it.
    pub name: String,
    /// How many runs to show: the last ones.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..))]
    pub last: u16,
    /// Show what was known when each decision was made, too.
    #[arg(long)]
    pub facts: bool,
    /// Print one JSON object.
    #[arg(long)]
    pub json: bool,
    /// The table.
    #[command(flatten)]
    pub table: AtTable,
}

/// `drill report`.
#[derive(Args, Clone, Debug, Default)]
pub struct Report {
    /// The drill, as watchkeeper.toml calls it.
    pub name: String,
    /// Which experiment of it [default: the last one that has a verdict].
    #[arg(long, value_name = "ID")]
    pub experiment: Option<String>,
    /// Write the report as a page with plots to this file.
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// Print one JSON object: everything that the report is made of.
    #[arg(long)]
    pub json: bool,
    /// The table.
    #[command(flatten)]
    pub table: AtTable,
}

/// `drill score`.
#[derive(Args, Clone, Debug, Default)]
pub struct Score {
    /// Print one JSON object.
    #[arg(long)]
    pub json: bool,
    /// The table.
    #[command(flatten)]
    pub table: AtTable,
}

/// `halt`.
#[derive(Args, Clone, Debug, Default)]
pub struct Halt {
    /// Who wants it, and why.
    #[command(flatten)]
    pub why: Why,
    /// Let drills run again: the switch and the safety lever are taken back.
    #[arg(long)]
    pub off: bool,
    /// Region whose safety lever is pulled; may be given several times [default: the Region of the environment]. The switch
    /// is always that of the table.
    #[arg(long, value_name = "REGION")]
    pub region: Vec<String>,
    /// The table.
    #[command(flatten)]
    pub table: AtTable,
}

/// A text on one line.
pub(super) fn said(text: &str) -> Result<String, String> {
    let line = text::line(text);
    match line.len() {
        0 => Err("say it in a few words".to_owned()),
        length if length > LONGEST => Err(format!("{length} bytes; say it in {LONGEST} at most")),
        _ => Ok(line),
    }
}

/// An id of a request.
pub(super) fn id(text: &str) -> Result<String, String> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.:/".contains(c);
    match text {
        "" => Err("an id has at least one character".to_owned()),
        _ if text.len() > LONGEST_ID => Err(format!("an id has at most {LONGEST_ID} characters")),
        _ if !text.chars().all(is_plain) => Err("an id is made of letters, digits and - _ . : /".to_owned()),
        _ => Ok(text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_chaos_trigger_would_know_by_its_hash_only_is_refused_here() {
        assert_eq!(said(" release\n 4.2 "), Ok("release 4.2".to_owned()));
        assert_eq!(said(&"a".repeat(200)), Ok("a".repeat(200)));
        assert_eq!(said(&"ž".repeat(101)), Err("202 bytes; say it in 200 at most".to_owned()));
        assert!(said(" \n").is_err());
    }

    #[test]
    fn an_id_reaches_the_table_as_it_was_given() {
        assert_eq!(id("build-7.2:retry_1/a"), Ok("build-7.2:retry_1/a".to_owned()));
        for wrong in ["", "two words", "tab\t", "žluťoučký", &"a".repeat(101)] {
            assert!(id(wrong).is_err(), "{wrong}");
        }
    }
}
