//! The command as a person or a script runs it.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::Value;

mod cache;
mod caches;
mod channels;
mod ci;
mod commands;
mod configuration;
mod drill;
mod explain;
mod lint;
mod remote;
mod stack;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// A folder of this test alone, without what an earlier run left.
fn fresh(name: &str) -> PathBuf {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&dir);
    fs::create_dir_all(&dir).unwrap();
    dir
}

fn command(state: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_watchkeeper"));
    command.current_dir(ROOT).arg("--state").arg(state).args(args);
    command
}

fn watchkeeper(state: &Path, args: &[&str]) -> Output {
    command(state, args).output().unwrap()
}

fn out(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn json_lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A sample event.
fn sample(name: &str) -> Value {
    let path = Path::new(ROOT).join("events/health-responder").join(name);
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

/// A configuration file in `dir`.
fn config(dir: &Path, toml: &str) -> String {
    let path = dir.join("watchkeeper.toml");
    fs::write(&path, toml).unwrap();
    path.to_str().unwrap().to_owned()
}
