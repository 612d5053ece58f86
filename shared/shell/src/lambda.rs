//! What stands around a function's `handle` in Lambda: start-up, the loop of invocations, the log line.

use std::{
    collections::BTreeSet,
    fs,
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use jiff::Timestamp;
use lambda_runtime::{Diagnostic, Error, LambdaEvent, service_fn};
use serde_json::Value;
use watchkeeper_domain::{
    cache::{Cache, Manifests},
    config::Config,
    failure::Failure,
};

use crate::{
    conclude::Run,
    report::Report,
    settings::{Settings, env},
    telemetry::{self, Line, Outcome},
};

/// Starts logging, and reads the settings and the configuration file that they name.
///
/// # Errors
/// Every missing setting at once, or every problem of the configuration at once.
pub fn start() -> Result<(Settings, Config), Failure> {
    telemetry::init();
    let settings = Settings::read(env)?;
    let config = load(&settings.config.to_string_lossy())?;
    Ok((settings, config))
}

/// Reads the configuration file at `path`.
///
/// # Errors
/// A file that cannot be read, or every problem in it, each with its line and column.
pub fn load(path: &str) -> Result<Config, Failure> {
    let toml = fs::read_to_string(path).map_err(|error| Failure::new("read", path, error))?;
    Config::parse(&toml).map_err(|problems| {
        let problems: Vec<_> = problems.iter().map(|problem| format!("{path}:{problem}")).collect();
        Failure::new("understand", path, problems.join("; "))
    })
}

/// Reads the files that feeders of caches name. They stand beside the configuration file.
///
/// # Errors
/// Every file that cannot be read at once, each with the reason.
pub fn manifests(config_path: &Path, config: &Config) -> Result<Manifests, Failure> {
    let folder = config_path.parent().unwrap_or(Path::new(""));
    let named: BTreeSet<_> = config.caches.iter().flat_map(Cache::manifests).collect();
    let (mut manifests, mut missing) = (Manifests::new(), Vec::new());
    for name in named {
        match fs::read_to_string(folder.join(name)) {
            Ok(text) => _ = manifests.insert(name.to_owned(), text),
            Err(error) => missing.push(format!("{name}: {error}")),
        }
    }
    if missing.is_empty() {
        return Ok(manifests);
    }
    Err(Failure::new("read", format!("files beside {}", config_path.display()), missing.join("; ")))
}

/// Hands every invocation of `function` to `handle`, and logs one line for each.
///
/// # Errors
/// When the Lambda runtime cannot be reached.
pub async fn serve(function: &'static str, handle: impl AsyncFn(Value, Run) -> Report) -> Result<(), Error> {
    let is_warm = AtomicBool::new(false);
    let (handle, is_warm) = (&handle, &is_warm);
    lambda_runtime::run(service_fn(async move |event: LambdaEvent<Value>| {
        let began = now();
        let deadline = i64::try_from(event.context.deadline).unwrap_or(i64::MAX);
        let deadline = Timestamp::from_millisecond(deadline).unwrap_or(Timestamp::MAX);
        let report = Box::pin(handle(event.payload, Run { function, now: began, deadline })).await;
        log(function, &report, began, !is_warm.swap(true, Ordering::Relaxed));
        answer(report)
    }))
    .await
}

fn log(function: &str, report: &Report, began: Timestamp, cold: bool) {
    let ended = now();
    let error = report.failure.as_ref().map(Failure::chain);
    let line = telemetry::report_line(&Line {
        function,
        at: ended,
        event_id: &report.event_id,
        kind: &report.kind,
        reason: &report.reason,
        effects: &report.effects,
        outcome: report.outcome,
        duration: Duration::try_from(ended.duration_since(began)).unwrap_or_default(),
        cold,
        repeated: u64::try_from(report.repeated).unwrap_or(u64::MAX),
        outbox_age: report.outbox_age,
        error: error.as_deref(),
    });
    if let Err(error) = telemetry::print(&line) {
        tracing::error!(%error, "could not write the log line");
    }
}

/// The answer to Lambda: what was decided, or the whole chain of the failure (the runtime keeps only one message).
fn answer(report: Report) -> Result<Value, Diagnostic> {
    match report.failure {
        Some(failure) => Err(Diagnostic {
            error_type: if report.outcome == Outcome::Malformed { "Malformed" } else { "Failure" }.to_owned(),
            error_message: failure.chain(),
        }),
        None => Ok(serde_json::json!({
            "outcome": report.outcome.metric().to_lowercase(),
            "reason": report.reason,
            "notices": report.notices.iter().map(|notice| &notice.id).collect::<Vec<_>>(),
            "answer": report.answer,
        })),
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place where time comes from")]
fn now() -> Timestamp {
    Timestamp::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A cache for each of `files`.
    fn config(files: &[&str]) -> Config {
        let cache = |(number, file): (usize, &&str)| {
            format!(
                "[[cache]]\nname = \"c{number}\"\nsize_gib = 1\n[[cache.feeder]]\nkind = \"list\"\nfile = \"{file}\"\n"
            )
        };
        Config::parse(&files.iter().enumerate().map(cache).collect::<String>()).unwrap()
    }

    #[test]
    fn the_files_of_feeders_are_read_beside_the_configuration() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
        let read = manifests(&path, &config(&["src/lib.rs", "Cargo.toml", "src/lib.rs"])).unwrap();
        assert_eq!(read.keys().collect::<Vec<_>>(), ["Cargo.toml", "src/lib.rs"]);
        assert_eq!(read["Cargo.toml"], fs::read_to_string(&path).unwrap());
        assert_eq!(manifests(&path, &config(&[])).unwrap(), Manifests::new());
    }

    #[test]
    fn every_file_that_is_missing_is_named_at_once() {
        let path = Path::new("nowhere/watchkeeper.toml");
        let failure = manifests(path, &config(&["b.jsonl", "lists/a.jsonl"])).unwrap_err().chain();
        assert!(
            failure.starts_with("could not read files beside nowhere/watchkeeper.toml: b.jsonl: "),
            "{failure}"
        );
        assert!(failure.contains("; lists/a.jsonl: "), "{failure}");
    }
}
