//! A deployed stack on this machine: its table on an embedded DynamoDB, its bus and the safety levers on a stub.

use std::{
    collections::{BTreeMap, VecDeque},
    io,
    path::PathBuf,
    process::{Command, ExitStatus, Output, Stdio},
    sync::{Arc, Mutex},
    time::Duration,
};

use aws_sdk_dynamodb::{
    Client,
    config::{BehaviorVersion, Credentials, Region},
};
use dynoxide::{Database, server};
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::Notify,
    task::JoinHandle,
};
use watchkeeper_domain::records::{Effect, Key, Records, Write};
use watchkeeper_shell::Table;

use super::course::DRILLS;
use crate::{command, config, fresh};

/// How the stub ends a request that it would otherwise answer well.
#[derive(Clone, Copy, Debug)]
pub enum Fault {
    /// With this status and code: nothing is done.
    Refuse(u16, &'static str),
    /// With a 200 in which the entry has failed.
    FailEntry(&'static str),
    /// With a closed connection, though it is done.
    CutAfterAccepting,
}

/// What the stub has seen, and how it stands.
#[derive(Debug, Default)]
pub struct State {
    /// The entries that were put on a bus.
    pub entries: Vec<Value>,
    /// How many requests there were to put some.
    pub puts: usize,
    /// How the next requests to put some end.
    pub put_faults: VecDeque<Fault>,
    /// The safety levers, by Region: status and reason. One that is not here is disengaged.
    pub levers: BTreeMap<String, (String, String)>,
    /// How every request to move the lever of a Region ends.
    pub lever_faults: BTreeMap<String, Fault>,
    /// Regions in which moving a lever takes its time.
    pub slow: Vec<String>,
}

/// The stack.
pub struct Cloud {
    /// Its table.
    pub table: Table,
    /// The folder in which its configuration is.
    pub folder: PathBuf,
    config: String,
    state: Arc<Mutex<State>>,
    asked: Arc<Notify>,
    dynamo: String,
    stub: String,
}

impl Cloud {
    /// Starts one with the drills of [`DRILLS`]; `name` is that of no other.
    pub async fn start(name: &str) -> Self {
        Self::configured(name, DRILLS).await
    }

    /// Starts one with that `watchkeeper.toml`.
    pub async fn configured(name: &str, toml: &str) -> Self {
        let folder = fresh(name);
        let config = config(&folder, toml);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let dynamo = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(server::serve_on(listener, Database::memory().unwrap()));
        let client = aws_sdk_dynamodb::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::from_static("eu-west-1"))
            .credentials_provider(Credentials::new("local", "local", None, None, "test"))
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .endpoint_url(&dynamo);
        let table = Table::new(Client::from_conf(client.build()), "stack-Table-1");
        table.create().await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stub = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::<Mutex<State>>::default();
        let asked = Arc::<Notify>::default();
        let (seen, told) = (Arc::clone(&state), Arc::clone(&asked));
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                tokio::spawn(serve(connection, Arc::clone(&seen), Arc::clone(&told)));
            }
        });
        Self { table, folder, config, state, asked, dynamo, stub }
    }

    /// Looks at the stub, or changes it.
    pub fn with<T>(&self, look: impl FnOnce(&mut State) -> T) -> T {
        look(&mut self.state.lock().unwrap())
    }

    /// A command line about its configuration.
    pub fn words(&self, args: &[&str]) -> Command {
        let mut command = command(&self.folder.join("state"), args);
        command.args(["--config", &self.config]);
        command
    }

    /// Waits until somebody has put an entry on a bus.
    pub async fn asked(&self) {
        tokio::time::timeout(Duration::from_secs(60), self.asked.notified()).await.unwrap();
    }

    /// A command in the environment of the stack, where `alice` works.
    pub fn reached_by(&self, mut command: Command) -> JoinHandle<Output> {
        command.env("AWS_ACCESS_KEY_ID", "testing").env("AWS_SECRET_ACCESS_KEY", "testing");
        self.run(command)
    }

    /// A command in that environment that has nothing to sign with.
    pub fn reached_unsigned_by(&self, mut command: Command) -> JoinHandle<Output> {
        command.env_remove("AWS_ACCESS_KEY_ID").env_remove("AWS_SECRET_ACCESS_KEY");
        self.run(command)
    }

    /// Runs a command of which nobody reads anything.
    pub fn unread(&self, mut command: Command) -> JoinHandle<ExitStatus> {
        command.env("AWS_ACCESS_KEY_ID", "testing").env("AWS_SECRET_ACCESS_KEY", "testing");
        self.equip(&mut command);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        tokio::task::spawn_blocking(move || {
            let mut child = command.spawn().unwrap();
            drop((child.stdout.take(), child.stderr.take()));
            child.wait().unwrap()
        })
    }

    fn run(&self, mut command: Command) -> JoinHandle<Output> {
        self.equip(&mut command);
        tokio::task::spawn_blocking(move || command.output().unwrap())
    }

    fn equip(&self, command: &mut Command) {
        command.env("AWS_ENDPOINT_URL", &self.stub).env("AWS_ENDPOINT_URL_DYNAMODB", &self.dynamo);
        command.env("AWS_REGION", "eu-west-1").env_remove("AWS_PROFILE").env_remove("AWS_SESSION_TOKEN");
        command.env("AWS_CONFIG_FILE", "/dev/null").env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null");
        command.env("AWS_EC2_METADATA_DISABLED", "true").env("NO_PROXY", "127.0.0.1");
        command.env("WATCHKEEPER_TABLE", "stack-Table-1").env_remove("WATCHKEEPER_BUS").env("USER", "alice");
    }

    /// Writes a head over whatever is there.
    pub async fn head<S: serde::Serialize + serde::de::DeserializeOwned, E: Effect>(
        &self,
        key: &Key,
        body: &S,
    ) {
        let version = self.table.read::<S, E>(key).await.unwrap().version;
        let write = Write { body, due: None, expires_at: None };
        assert!(self.table.swap::<S, E>(key, version, &write, &[]).await.unwrap().is_some());
    }

    /// Writes an item that never changes.
    pub async fn keep<T: serde::Serialize>(&self, key: &Key, body: &T) {
        self.table.keep(key, &Write { body, due: None, expires_at: None }).await.unwrap();
    }
}

/// A time on the wall: the commands look at the real clock.
#[expect(clippy::disallowed_methods, reason = "what a command finds must be of its own day")]
pub fn now() -> Timestamp {
    Timestamp::now()
}

async fn serve(mut connection: TcpStream, state: Arc<Mutex<State>>, asked: Arc<Notify>) -> io::Result<()> {
    while let Some((head, body)) = request(&mut connection).await? {
        if head.starts_with("POST / ") {
            asked.notify_one();
        }
        let (status, body) = match answer(&head, &body, &mut state.lock().unwrap()) {
            Ok((status, body)) => (status, body.to_string()),
            Err(()) => return Ok(()),
        };
        let head = format!(
            "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        connection.write_all((head + &body).as_bytes()).await?;
    }
    Ok(())
}

async fn request(connection: &mut TcpStream) -> io::Result<Option<(String, Value)>> {
    let mut bytes = Vec::new();
    loop {
        if connection.read_buf(&mut bytes).await? == 0 {
            return Ok(None);
        }
        let text = String::from_utf8_lossy(&bytes);
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length =
            |line: &str| line.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse().ok();
        if body.len() >= head.lines().find_map(length).unwrap_or(0) {
            return Ok(Some((head.to_owned(), serde_json::from_str(body).unwrap_or_default())));
        }
    }
}

/// What is answered; an error closes the connection.
fn answer(head: &str, body: &Value, state: &mut State) -> Result<(u16, Value), ()> {
    let refuse = |status, code: &str| Ok((status, json!({"__type": code, "message": "as the test wants"})));
    if head.starts_with("POST / ") {
        state.puts += 1;
        return match state.put_faults.pop_front() {
            Some(Fault::Refuse(status, code)) => refuse(status, code),
            Some(Fault::FailEntry(code)) => {
                let entry = json!({"ErrorCode": code, "ErrorMessage": "as the test wants"});
                Ok((200, json!({"FailedEntryCount": 1, "Entries": [entry]})))
            }
            fault @ (Some(Fault::CutAfterAccepting) | None) => {
                state.entries.extend(body["Entries"].as_array().cloned().unwrap_or_default());
                if fault.is_some() {
                    Err(())
                } else {
                    Ok((200, json!({"FailedEntryCount": 0, "Entries": [{}]})))
                }
            }
        };
    }
    // Credential=…/20261124/eu-west-1/fis/aws4_request
    let scope = head.split("Credential=").nth(1).unwrap_or_default();
    let region = scope.split('/').nth(2).unwrap_or_default().to_owned();
    let stands = state.levers.get(&region).cloned().unwrap_or(("disengaged".to_owned(), String::new()));
    if head.starts_with("PATCH ") {
        return pull(&region, &stands, &body["state"], state);
    }
    Ok((200, lever(&stands)))
}

/// As AWS's own page has it: the lever can't be moved while it is engaging; and, as Terraform's has it, not to where it is.
fn pull(region: &str, stands: &(String, String), to: &Value, state: &mut State) -> Result<(u16, Value), ()> {
    let conflict = json!({"__type": "ConflictException", "message": "the lever is there"});
    let fault = state.lever_faults.get(region).copied();
    match fault {
        Some(Fault::Refuse(status, code)) => {
            return Ok((status, json!({"__type": code, "message": "as the test wants"})));
        }
        Some(Fault::FailEntry(_) | Fault::CutAfterAccepting) | None => {}
    }
    let wanted = to["status"].as_str().unwrap();
    if stands.0 == "engaging" || stands.0 == wanted {
        return Ok((409, conflict));
    }
    let is_slow = wanted == "engaged" && state.slow.iter().any(|it| it == region);
    let status = if is_slow { "engaging" } else { wanted };
    let stands = (status.to_owned(), to["reason"].as_str().unwrap().to_owned());
    state.levers.insert(region.to_owned(), stands.clone());
    if fault.is_some() { Err(()) } else { Ok((200, lever(&stands))) }
}

fn lever((status, reason): &(String, String)) -> Value {
    json!({"safetyLever": {"id": "default", "state": {"status": status, "reason": reason}}})
}
