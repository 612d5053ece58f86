//! Stand-ins for AWS, and clients that reach nothing else.

use std::{
    io,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use aws_config::{BehaviorVersion, Region, SdkConfig, timeout::TimeoutConfig};
use aws_sdk_dynamodb::config::{Credentials, SharedCredentialsProvider};
use dynoxide::{Database, server};
use tokio::net::TcpListener;
use watchkeeper_shell::Settings;

/// The Region of every stand-in.
pub const REGION: &str = "eu-west-1";

/// A configuration whose every client talks to `endpoint`, with an account that exists nowhere.
pub fn config(endpoint: &str) -> SdkConfig {
    config_with(endpoint, Duration::from_secs(30))
}

/// The same, giving up an attempt after `patience`.
pub fn config_with(endpoint: &str, patience: Duration) -> SdkConfig {
    let credentials = Credentials::new("testing", "testing", None, None, "test");
    let timeouts = TimeoutConfig::builder().operation_attempt_timeout(patience).build();
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static(REGION))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .endpoint_url(endpoint)
        .timeout_config(timeouts)
        .build()
}

/// The endpoint of an empty DynamoDB in this process. It ends with the test.
pub async fn dynoxide() -> io::Result<String> {
    let database = Database::memory().map_err(io::Error::other)?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let endpoint = format!("http://{}", listener.local_addr()?);
    tokio::spawn(server::serve_on(listener, database));
    Ok(endpoint)
}

/// The endpoint of the moto server that `tests/run` has started.
pub fn moto() -> Option<String> {
    peer("WATCHKEEPER_TEST_MOTO")
}

/// Where `tests/run` has put something that a test needs. A test skips without it, and says so.
#[expect(clippy::disallowed_methods, reason = "how tests/run tells where its peers are")]
pub fn peer(variable: &str) -> Option<String> {
    let peer = std::env::var(variable).ok().filter(|it| !it.is_empty());
    if peer.is_none() {
        eprintln!("SKIPPED: {variable} is not set; tests/run sets it");
    }
    peer
}

/// A name that no other test uses, in this run or beside it.
pub fn unique(name: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("{name}-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// Settings with the names of what a test has made.
pub fn settings(table: &str, notices_topic: &str, bus: &str) -> Settings {
    Settings {
        table: table.to_owned(),
        notices_topic: notices_topic.to_owned(),
        bus: bus.to_owned(),
        config: "infra/config/watchkeeper.toml".into(),
    }
}
