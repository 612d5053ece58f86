//! The commands about CI caches, and their options.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use watchkeeper_domain::cache::{is_snapshot, is_zone_id};

use super::stack::{AtBus, AtTable, Why, id, said};

/// `cache`.
#[derive(Clone, Debug, Subcommand)]
pub enum CacheCommand {
    /// Show what is known of a cache, or of all: generations, the night under way, volumes.
    Show(Show),
    /// Ask the deployed stack for a night now; or, with --dry-run, say what one would do.
    Refresh(Box<Refresh>),
    /// Look into the snapshot of a generation: list a directory, or write a file to standard output.
    Inspect(Inspect),
    /// Get a volume for a job: its id is printed.
    Claim(Claim),
    /// Give a volume back.
    Release(Release),
    /// Let jobs get an earlier generation again.
    Rollback(Rollback),
    /// Write Kubernetes manifests with which pods get volumes of a generation.
    Manifests(Manifests),
}

/// `cache show`.
#[derive(Args, Clone, Debug, Default)]
pub struct Show {
    /// The cache, as watchkeeper.toml calls it [default: all, a line each].
    pub name: Option<String>,
    /// Print one JSON object a cache and line.
    #[arg(long)]
    pub json: bool,
    /// The table.
    #[command(flatten)]
    pub table: AtTable,
}

/// `cache refresh`.
#[derive(Args, Clone, Debug, Default)]
pub struct Refresh {
    /// The cache, as watchkeeper.toml calls it.
    pub name: String,
    /// Why, in one line: it is told to people, and kept.
    #[arg(long, value_name = "WHY", required_unless_present = "dry_run", value_parser = said)]
    pub because: Option<String>,
    /// Who [default: the user of this machine].
    #[arg(long, value_name = "WHO", env = "USER", hide_env = true, required_unless_present = "dry_run", value_parser = said)]
    pub by: Option<String>,
    /// Id of the request [default: a new one]. For three days, the same id makes no second night.
    #[arg(long, value_name = "ID", conflicts_with = "dry_run", value_parser = id)]
    pub id: Option<String>,
    /// Wait until the night is over: exit status 0 only when a generation is published, or nothing was new [default: 120].
    #[arg(long, value_name = "MINUTES", num_args = 0..=1, require_equals = true, default_missing_value = "120",
        conflicts_with = "dry_run", value_parser = clap::value_parser!(u16).range(0..=1440))]
    pub wait: Option<u16>,
    /// Do it here and in memory only: ask the feeders, download what is new, and count the blocks that would be put. Nothing
    /// is started in EBS. It needs the permissions to read that cache-refresher has.
    #[arg(long)]
    pub dry_run: bool,
    /// Snapshot that the rehearsed night begins with [default: the current generation, if the table is named].
    #[arg(long, value_name = "ID", requires = "dry_run", value_parser = snapshot)]
    pub snapshot: Option<String>,
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

/// `cache inspect`.
#[derive(Args, Clone, Debug, Default)]
pub struct Inspect {
    /// The cache, as watchkeeper.toml calls it.
    pub name: String,
    /// A directory or a file on the volume.
    #[arg(default_value = "/")]
    pub path: String,
    /// Which generation [default: the one that jobs get].
    #[arg(long, value_name = "N", conflicts_with = "snapshot", value_parser = clap::value_parser!(u32).range(1..))]
    pub generation: Option<u32>,
    /// Any snapshot, instead of one that the table knows.
    #[arg(long, value_name = "ID", value_parser = snapshot)]
    pub snapshot: Option<String>,
    /// Compare all directories, inodes and bitmaps instead: a part of what `e2fsck -n` does. It reads all of them.
    #[arg(long, conflicts_with = "path")]
    pub audit: bool,
    /// Print one JSON object. Of a file, it says what is known of it, without its content.
    #[arg(long)]
    pub json: bool,
    /// The table.
    #[command(flatten)]
    pub table: AtTable,
}

/// `cache claim`.
#[derive(Args, Clone, Debug, Default)]
pub struct Claim {
    /// The cache, as watchkeeper.toml calls it.
    pub name: String,
    /// Id of the Availability Zone, as in use1-az1: names mean another zone in each account.
    #[arg(long, value_name = "ID", env = "WATCHKEEPER_ZONE", hide_env_values = true, value_parser = zone)]
    pub az_id: String,
    /// What tells the job from others: asked again, the same job gets the same volume.
    #[arg(long, value_name = "JOB", env = "WATCHKEEPER_JOB", hide_env_values = true, value_parser = said)]
    pub by: String,
    /// Print one JSON object.
    #[arg(long)]
    pub json: bool,
    /// The table.
    #[command(flatten)]
    pub table: AtTable,
}

/// `cache release`.
#[derive(Args, Clone, Debug, Default)]
pub struct Release {
    /// The cache, as watchkeeper.toml calls it.
    pub name: String,
    /// The volume. Detach it first: one that is attached stays until it is not.
    #[arg(value_parser = volume)]
    pub volume: String,
    /// The table.
    #[command(flatten)]
    pub table: AtTable,
}

/// `cache rollback`.
#[derive(Args, Clone, Debug, Default)]
pub struct Rollback {
    /// The cache, as watchkeeper.toml calls it.
    pub name: String,
    /// Number of the generation [default: the one before the current one].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub to: Option<u32>,
    /// Who wants it, and why.
    #[command(flatten)]
    pub why: Why,
    /// The table.
    #[command(flatten)]
    pub table: AtTable,
    /// The bus.
    #[command(flatten)]
    pub bus: AtBus,
}

/// `cache manifests`.
#[derive(Args, Clone, Debug, Default)]
pub struct Manifests {
    /// The cache, as watchkeeper.toml calls it.
    pub name: String,
    /// Snapshot of the generation [default: what the table says].
    #[arg(long, value_name = "ID", requires = "generation", value_parser = snapshot)]
    pub snapshot: Option<String>,
    /// Number of the generation [default: the one that jobs get, by the table].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub generation: Option<u32>,
    /// Size of its volume, in GiB [default: what the table says; with --snapshot, `size_gib` of watchkeeper.toml].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=16384))]
    pub size_gib: Option<u32>,
    /// Namespace of the pods.
    #[arg(long, value_name = "NAME", default_value = "ci", value_parser = namespace)]
    pub namespace: String,
    /// Folder for a file NAME-cache.yaml [default: standard output].
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// The table.
    #[command(flatten)]
    pub table: AtTable,
}

fn snapshot(text: &str) -> Result<String, String> {
    let problem = || "it is no id of a snapshot, as in snap-0123456789abcdef0".to_owned();
    is_snapshot(text).then(|| text.to_owned()).ok_or_else(problem)
}

fn volume(text: &str) -> Result<String, String> {
    let is_hex = |it: u8| matches!(it, b'0'..=b'9' | b'a'..=b'f');
    let is_volume = text.strip_prefix("vol-").is_some_and(|id| !id.is_empty() && id.bytes().all(is_hex));
    is_volume
        .then(|| text.to_owned())
        .ok_or("it is no id of a volume, as in vol-0123456789abcdef0".to_owned())
}

fn zone(text: &str) -> Result<String, String> {
    let problem = || "it is no id of an Availability Zone, as in use1-az1".to_owned();
    is_zone_id(text).then(|| text.to_owned()).ok_or_else(problem)
}

/// A DNS label (Kubernetes, "Object Names and IDs").
fn namespace(text: &str) -> Result<String, String> {
    let is_fit = |it: u8| it.is_ascii_lowercase() || it.is_ascii_digit() || it == b'-';
    let is_label = (1..=63).contains(&text.len()) && text.bytes().all(is_fit);
    let problem = || "it must be small letters, digits and dashes inside, 63 in all".to_owned();
    (is_label && !text.starts_with('-') && !text.ends_with('-')).then(|| text.to_owned()).ok_or_else(problem)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use crate::cli::Cli;

    fn accepts(args: &str) -> bool {
        let args = ["watchkeeper", "cache"].into_iter().chain(args.split(' '));
        Cli::try_parse_from(args).is_ok()
    }

    #[test]
    fn what_becomes_part_of_a_manifest_has_its_shape() {
        let manifests = |option: &str, value: &str| {
            let given = format!("{option}={value}");
            let mut args = vec!["watchkeeper", "cache", "manifests", "maven", &given];
            let rest = ["--snapshot=snap-1", "--generation=1"];
            args.extend(rest.iter().filter(|it| !it.starts_with(option)));
            Cli::try_parse_from(args).is_ok()
        };
        assert!(manifests("--namespace", "ci-2") && manifests("--snapshot", "snap-0123456789abcdef0"));
        for namespace in ["", "CI", "-ci", "ci-", "c.i", "c\ni", &"a".repeat(64)] {
            assert!(!manifests("--namespace", namespace), "{namespace:?}");
        }
        assert!(
            !manifests("--snapshot", "snap-1: x")
                && !manifests("--generation", "0")
                && !manifests("--size-gib", "0")
        );
    }

    #[test]
    fn a_snapshot_alone_does_not_say_which_generation_it_is() {
        assert!(accepts("manifests maven") && accepts("manifests maven --generation 7"));
        assert!(!accepts("manifests maven --snapshot snap-1"));
    }

    #[test]
    fn a_dry_run_needs_no_reason_and_takes_nothing_that_is_for_the_stack() {
        assert!(accepts("refresh maven --dry-run") && accepts("refresh maven --dry-run --snapshot snap-1"));
        assert!(
            accepts("refresh maven --because x --by y --wait")
                && accepts("refresh maven --because x --by y --wait=9")
        );
        assert!(
            !accepts("refresh maven --by y")
                && !accepts("refresh maven --because x --by y --snapshot snap-1")
        );
        assert!(!accepts("refresh maven --dry-run --wait") && !accepts("refresh maven --dry-run --id 7"));
    }

    #[test]
    fn zones_and_volumes_are_named_by_their_ids() {
        assert!(
            accepts("claim maven --az-id use1-az1 --by 7")
                && !accepts("claim maven --az-id us-east-1a --by 7")
        );
        assert!(!accepts("claim maven --az-id use1-az1 --by="));
        assert!(
            accepts("release maven vol-0a1")
                && !accepts("release maven snap-0a1")
                && !accepts("release maven vol-")
        );
    }
}
