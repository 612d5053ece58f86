//! The operator command `watchkeeper`: the whole system on one machine, without an AWS account.
//!
//! | module | what it holds |
//! |---|---|
//! | [`cli`] | the commands and their options |
//! | [`checkout`] | where the template, the sample events and the configuration are |
//! | [`input`] | event files, read |
//! | [`functions`] | the functions of `template.yaml` that run here |
//! | [`machine`] | the system: table, channels, clock, routing |
//! | [`routes`] | who hears what, by `template.yaml` |
//! | [`envelope`] | notices as SNS delivers them |
//! | [`channels`] | the channels of `watchkeeper.toml`, or the terminal |
//! | [`board`] | what shows messages: this terminal, and real channels |
//! | [`place`] | where things are in `watchkeeper.toml` |
//! | [`queue`] | what no channel will ever show, in a file |
//! | [`state`] | what is remembered: an embedded DynamoDB |
//! | [`sweeps`] | when the sweeps tick |
//! | [`when`] | when an event happened |
//! | [`delivery`] | what a delivery or a sweep came to |
//! | [`show`] | the lines and alerts of a replay |
//! | [`screen`] | standard output, with or without colours, and progress |
//! | [`replay`], [`explain`], [`check`] | one module a command; `local` is a replay too |
//! | [`lint`](mod@lint) | `drill lint` |
//! | [`drill`](mod@drill) | the other commands about drills |
//! | [`cache`] | the commands about CI caches |
//! | [`halt`](mod@halt) | `halt` |
//! | [`stack`] | the deployed stack, for the commands that speak to one |
//! | [`patience`] | waiting for what the stack does |
//! | [`table`] | rows of text |
//! | [`summary`] | what a replay came to, and what is open |
//! | [`waiting`] | what is still to be shown |

pub mod board;
pub mod cache;
pub mod channels;
pub mod check;
pub mod checkout;
pub mod cli;
pub mod delivery;
pub mod drill;
pub mod envelope;
pub mod explain;
pub mod functions;
pub mod halt;
pub mod input;
pub mod lint;
pub mod machine;
pub mod patience;
pub mod place;
pub mod queue;
pub mod replay;
pub mod routes;
pub mod screen;
pub mod show;
pub mod stack;
pub mod state;
pub mod summary;
pub mod sweeps;
pub mod table;
pub mod waiting;
pub mod when;

use std::{
    io::{self, Write},
    process::ExitCode,
};

use anyhow::Result;
use clap::Parser;

use cli::{Cli, Command, Drill, Place};
use screen::Screen;

/// Runs the command that the arguments name. 0 when all went well, 1 when something failed, 2 for wrong arguments.
pub async fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(cli, &mut Screen::stdout()).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            // There is nobody left to tell when this fails too.
            let _ = writeln!(io::stderr(), "error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Runs one command. Returns whether nothing failed.
///
/// # Errors
/// What kept the command from being carried out at all.
pub async fn run(cli: Cli, screen: &mut Screen) -> Result<bool> {
    match &cli.what() {
        Command::Local => replay::local(&cli.place, screen).await,
        Command::Replay(what) => replay::replay(&cli.place, what, screen).await,
        Command::Explain(what) => explain::explain(&cli.place, what, screen).await,
        Command::Check(what) => check::check(&cli.place, what, screen).await,
        Command::Drill(what) => drill(&cli.place, what, screen).await,
        Command::Cache(what) => cache::run(&cli.place, what, screen).await,
        Command::Halt(what) => halt::halt(what, screen).await,
    }
}

async fn drill(place: &Place, what: &Drill, screen: &mut Screen) -> Result<bool> {
    match what {
        Drill::Lint(what) => lint::lint(place, what, screen),
        Drill::Preview(what) => drill::preview(place, what, screen),
        Drill::Schedules(what) => drill::schedules(place, what, screen),
        Drill::Approve(what) => drill::approve(place, what, screen).await,
        Drill::Holidays(what) => drill::holidays(place, what, screen),
        Drill::Start(what) => drill::start(place, what, screen).await,
        Drill::Cancel(what) => drill::cancel(place, what, screen).await,
        Drill::Release(what) => drill::release(place, what, screen).await,
        Drill::Gate(what) => drill::gate(place, what, screen).await,
        Drill::Log(what) => drill::log(place, what, screen).await,
        Drill::Report(what) => drill::report(place, what, screen).await,
        Drill::Score(what) => drill::score(place, what, screen).await,
    }
}

/// Whoever read the output has seen enough, as with `| head`.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let kinds = error.chain().filter_map(|cause| cause.downcast_ref::<io::Error>()).map(io::Error::kind);
    kinds.into_iter().any(|kind| kind == io::ErrorKind::BrokenPipe)
}
