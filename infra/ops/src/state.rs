//! What is remembered on one machine: an embedded DynamoDB in a file, reached as the real one is.

use std::{env, fs, path::Path};

use anyhow::{Context, Result, anyhow};
use aws_sdk_dynamodb::{
    Client,
    config::{BehaviorVersion, Credentials, Region},
};
use dynoxide::{Database, server};
use tokio::net::TcpListener;

use crate::checkout::shown;

/// The name of the table. The file holds nothing else.
pub const TABLE: &str = "watchkeeper";

/// The file in which it is.
const FILE: &str = "state.db";

/// The state in the folder `state`, which is created if there is none.
///
/// # Errors
/// When it cannot be created or opened.
pub fn open(state: &Path) -> Result<Database> {
    fs::create_dir_all(state).with_context(|| format!("could not create {}", shown(state)))?;
    let file = state.join(FILE);
    let path = file.to_str().ok_or_else(|| anyhow!("{} is not UTF-8", file.display()))?;
    let mend = || {
        format!(
            "could not open {}: another one may be using it, so name another folder with --state",
            shown(&file)
        )
    };
    Database::new(path).with_context(mend)
}

/// A copy in memory of the state in the folder `state`, or an empty one.
///
/// # Errors
/// When it cannot be read.
pub fn copy(state: &Path) -> Result<Database> {
    let database = Database::memory().context("could not make room for a copy of the state")?;
    if state.join(FILE).is_file() {
        let read = restore(&database, state);
        read.with_context(|| format!("could not read the state in {}", shown(state)))?;
    }
    Ok(database)
}

/// Fills `database` with what is in the folder `state`. SQLite would leave files beside the one that it reads, so it
/// reads a copy.
fn restore(database: &Database, state: &Path) -> Result<()> {
    let copy = env::temp_dir().join(format!("watchkeeper-{}", std::process::id()));
    fs::create_dir(&copy)?;
    let mut files = [FILE, "state.db-wal"].iter().filter(|file| state.join(file).is_file());
    let copied = files.try_for_each(|file| fs::copy(state.join(file), copy.join(file)).map(drop));
    let restored = copied
        .map_err(anyhow::Error::from)
        .and_then(|()| Ok(database.restore_from(&copy.join(FILE).to_string_lossy())?));
    fs::remove_dir_all(&copy)?;
    restored
}

/// Serves `database` on a free local port until the process ends. Returns a client of it.
///
/// # Errors
/// When there is no free port.
pub async fn serve(database: Database) -> Result<Client> {
    let listener = TcpListener::bind("127.0.0.1:0").await.context("could not open a local port")?;
    let endpoint = format!("http://{}", listener.local_addr()?);
    tokio::spawn(server::serve_on(listener, database));
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static("eu-west-1"))
        .credentials_provider(Credentials::new("local", "local", None, None, "one machine"))
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .endpoint_url(endpoint);
    Ok(Client::from_conf(config.build()))
}
