//! The commands and their options.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use jiff::civil::Date;

pub mod cache;
pub mod stack;

/// The whole command line.
#[derive(Debug, Parser)]
#[command(
    name = "watchkeeper",
    version,
    about = "Watchkeeper on one machine: what AWS announces, told to people once.",
    long_about = LONG_ABOUT,
    after_long_help = CLOCK,
    disable_help_subcommand = true
)]
pub struct Cli {
    /// What to do; `local` when nothing is named.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// Where things are.
    #[command(flatten)]
    pub place: Place,
}

const LONG_ABOUT: &str = "Watchkeeper on one machine: what AWS announces, told to people once.\n\n\
The functions' own code runs here, with the real DynamoDB adapter on an embedded DynamoDB in a file. Events are \
routed by the rules of template.yaml, and alerts by the routes of watchkeeper.toml. While that names no channel, the \
terminal is the channel, and nothing leaves this machine. The repository is the nearest folder with a template.yaml, \
from the current one upwards.";

const CLOCK: &str = "The clock:\n\
A replay says what would have been said at the time. The clock stands at each event's own `time` (of an envelope: \
that of the event inside) and never goes back: an event older than the one before it comes when that one did. So does \
an event without a time; the first of all comes now.\n\n\
Whenever time passes, the sweep runs at each tick of its schedule at which something is due, so that reminders of \
deadlines and announcements of drills come at their own time. After the last event the clock goes on until no page can be missing any more, and \
what quiet hours or a storm have held back is shown.\n\n\
Channels:\n\
Slack, Teams and PagerDuty channels of watchkeeper.toml get real messages. Their secrets are read from AWS as the usual \
environment says (AWS_PROFILE, AWS_REGION, AWS_ENDPOINT_URL). The topic `messages` has no address here: its mails are \
shown. What a channel refuses for good makes the command fail and waits in undelivered.jsonl beside the state; \
`replay` takes that file too, and tries only the channels that have refused.\n\n\
Exit status:\n\
0 when all went well, 1 when something failed or a problem was found, 2 for wrong arguments.";

/// Where things are.
#[derive(Args, Clone, Debug, Default)]
pub struct Place {
    /// Folder in which state is kept [default: .watchkeeper in the repository].
    #[arg(long, global = true, value_name = "DIR")]
    pub state: Option<PathBuf>,
    /// Configuration file [default: infra/config/watchkeeper.toml in the repository].
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// What to do.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Replay the sample events in the order in which they happened, and show what people are told (the default).
    Local,
    /// Replay event files, folders of them, or a recorded corpus.
    #[command(after_long_help = CLOCK)]
    Replay(Replay),
    /// Say what would be done about an event and why, and do nothing.
    Explain(Explain),
    /// Report every problem in the configuration, the template and the sample events.
    Check(Check),
    /// Rehearsals of failures with AWS FIS.
    #[command(subcommand)]
    Drill(Drill),
    /// CI caches.
    #[command(subcommand)]
    Cache(cache::CacheCommand),
    /// End every drill and FIS experiment at once, and let none begin; or take that back.
    Halt(stack::Halt),
}

/// `drill`.
#[derive(Clone, Debug, Subcommand)]
pub enum Drill {
    /// Judge FIS experiment templates, ours or anybody's: every reason why one should not be started.
    Lint(Lint),
    /// When each drill is due, and what is known now that would refuse it.
    Preview(Preview),
    /// Write the schedules that watchkeeper.toml declares as a CloudFormation template.
    Schedules(Schedules),
    /// Approve the template of a drill that you have read: its hash is written into watchkeeper.toml.
    Approve(Approve),
    /// Take days without drills from an iCalendar file: they are written into watchkeeper.toml.
    Holidays(Holidays),
    /// Ask the deployed stack for a run. The guards decide whether there is one.
    Start(stack::Start),
    /// Cancel the run that is announced.
    Cancel(stack::Tell),
    /// Let a drill run again that has failed.
    Release(stack::Tell),
    /// Ask for a run and wait for its verdict: exit status 0 only when it has passed.
    Gate(stack::Gate),
    /// Show where a drill stands, and each decision about it with its reason.
    Log(stack::Log),
    /// Show what a run has proved: verdict, times, measures, targets, earlier runs.
    Report(stack::Report),
    /// Show how well each service stands failures, and how much of that is known.
    Score(stack::Score),
}

/// `replay`.
#[derive(Args, Clone, Debug, Default)]
pub struct Replay {
    /// Files, or folders with .json, .ndjson and .jsonl files in them, sorted by path. A file holds one event, an array
    /// of events, or one event a line.
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Deliver in another order, the same for the same seed.
    #[arg(long, value_name = "SEED")]
    pub shuffle: Option<u64>,
    /// Deliver each event this many times.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub times: u32,
    /// Print one JSON object a line: every delivery, and every sweep that had something to say. What channels show is left
    /// out, unless one fails.
    #[arg(long)]
    pub json: bool,
}

/// `explain`.
#[derive(Args, Clone, Debug, Default)]
pub struct Explain {
    /// A file with an event, as for `replay`.
    pub file: PathBuf,
    /// Print one JSON object for each event, one a line.
    #[arg(long)]
    pub json: bool,
}

/// `check`.
#[derive(Args, Clone, Debug, Default)]
pub struct Check {
    /// Print one JSON object.
    #[arg(long)]
    pub json: bool,
    /// Read the secrets of the channels as well, from AWS as the usual environment says, and report those that cannot
    /// work. No value is shown.
    #[arg(long)]
    pub connect: bool,
}

/// `drill lint`.
#[derive(Args, Clone, Debug, Default)]
pub struct Lint {
    /// Files with a template: as the API answers it, as the CLI takes it, or CloudFormation with any number of them. Or the
    /// name of one of ours, as in network-partition.
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// The tag by which a resource's owner agrees to drills [default: ChaosReady=Yes].
    #[arg(long, value_name = "KEY=VALUE")]
    pub opt_in: Option<String>,
    /// The most resources that one target may select by number [default: 5].
    #[arg(long, value_name = "N")]
    pub max_count: Option<u64>,
    /// The largest share of resources that one target may select, in percent [default: 50].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=100))]
    pub max_percent: Option<u64>,
    /// Allow actions that stopping the experiment cannot undo.
    #[arg(long)]
    pub allow_destructive: bool,
    /// Only warn of a template without a log.
    #[arg(long)]
    pub allow_unlogged: bool,
    /// Allow SSM documents by a pattern of their ARN: somebody has read what they do.
    #[arg(long, value_name = "PATTERN")]
    pub allow_document: Vec<String>,
    /// Refuse every role that FIS would act as but those, by a pattern of their ARN, as `[drills] roles` does.
    #[arg(long, value_name = "PATTERN")]
    pub allow_role: Vec<String>,
    /// Print one JSON object a template and line.
    #[arg(long)]
    pub json: bool,
}

/// `drill preview`.
#[derive(Args, Clone, Debug, Default)]
pub struct Preview {
    /// How many days.
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = clap::value_parser!(u16).range(1..=366))]
    pub days: u16,
    /// The first day, in UTC [default: now].
    #[arg(long, value_name = "DAY")]
    pub from: Option<Date>,
    /// Print one JSON object a run and line.
    #[arg(long)]
    pub json: bool,
}

/// `drill schedules`.
#[derive(Args, Clone, Debug, Default)]
pub struct Schedules {
    /// Write nothing, and fail when the file is not what would be written.
    #[arg(long)]
    pub check: bool,
    /// The file [default: infra/schedules.yaml in the repository].
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// `drill approve`.
#[derive(Args, Clone, Debug, Default)]
pub struct Approve {
    /// The drill, as watchkeeper.toml calls it.
    pub name: String,
    /// A file with the template, as `aws fis get-experiment-template` answers it, or any other form that `lint` takes
    /// [default: the template in FIS, read from AWS as the usual environment says].
    #[arg(long, value_name = "FILE")]
    pub template: Option<PathBuf>,
    /// Which one, where the file holds several: its logical id or its name [default: the name that the drill gives].
    #[arg(long, value_name = "ID", requires = "template")]
    pub resource: Option<String>,
}

/// `drill holidays`.
#[derive(Args, Clone, Debug, Default)]
pub struct Holidays {
    /// An iCalendar file (.ics). Each of its events that takes whole days counts, alone or repeated every year.
    pub file: PathBuf,
    /// The first day that is taken [default: today, in UTC].
    #[arg(long, value_name = "DAY")]
    pub from: Option<Date>,
    /// The last day that is taken [default: the end of the year after the first].
    #[arg(long, value_name = "DAY")]
    pub until: Option<Date>,
    /// Write nothing, and show what would be added.
    #[arg(long)]
    pub dry_run: bool,
    /// Print one JSON object.
    #[arg(long)]
    pub json: bool,
}

impl Cli {
    /// What to do.
    pub fn what(&self) -> Command {
        self.command.clone().unwrap_or(Command::Local)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_well_formed_and_local_is_the_default() {
        Cli::command().debug_assert();
        let cli = Cli::parse_from(["watchkeeper", "--state", "s"]);
        assert!(matches!(cli.what(), Command::Local));
        assert_eq!(cli.place.state, Some(PathBuf::from("s")));
    }
}
