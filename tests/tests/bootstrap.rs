//! The release binaries, as Lambda runs them: under AWS's own Runtime Interface Emulator, against a moto server.

mod cache_refresher;
mod chaos_trigger;
mod health_responder;
mod notifier;

use std::{
    fs,
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    time::Duration,
};

use aws_config::SdkConfig;
use serde_json::Value;
use tempfile::NamedTempFile;
use watchkeeper_shell::Table;
use watchkeeper_tests::support::aws;

/// What a function finds: moto in the place of AWS, with a table, the topic `notices` and the bus.
struct Account {
    emulator: String,
    bootstrap: String,
    moto: String,
    config: SdkConfig,
    table: String,
    topic: String,
    bus: String,
}

impl Account {
    /// One for the release binary of `function`, where `tests/run` has put all that it needs.
    async fn open(function: &str) -> Option<Self> {
        let release = aws::peer("WATCHKEEPER_TEST_RELEASE")?;
        let (emulator, moto) = (aws::peer("WATCHKEEPER_TEST_RIE")?, aws::moto()?);
        let (config, bootstrap) = (aws::config(&moto), format!("{release}/{function}"));
        let (table, bus) = (aws::unique("lambda"), aws::unique("bus"));
        let sns = aws_sdk_sns::Client::new(&config);
        let topic = sns.create_topic().name(aws::unique("notices")).send().await.unwrap().topic_arn.unwrap();
        aws_sdk_eventbridge::Client::new(&config).create_event_bus().name(&bus).send().await.unwrap();
        Table::connect(&config, &table).create().await.unwrap();
        Some(Self { emulator, bootstrap, moto, config, table, topic, bus })
    }

    /// The function with `toml` as its configuration, and `more` in its environment.
    fn start(&self, toml: &str, more: &[(&str, &str)]) -> Lambda {
        let mut file = NamedTempFile::new().unwrap();
        file.write_all(toml.as_bytes()).unwrap();
        let free = || TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let (address, api) = (free(), free());
        let emulator = Command::new(&self.emulator)
            .args(["--runtime-interface-emulator-address", &address.to_string()])
            .args(["--runtime-api-address", &api.to_string()])
            .arg(&self.bootstrap)
            .env("AWS_LAMBDA_FUNCTION_TIMEOUT", "30")
            .env("AWS_ENDPOINT_URL", &self.moto)
            .env("AWS_REGION", aws::REGION)
            .env("AWS_ACCESS_KEY_ID", "testing")
            .env("AWS_SECRET_ACCESS_KEY", "testing")
            .env("WATCHKEEPER_TABLE", &self.table)
            .env("WATCHKEEPER_NOTICES_TOPIC", &self.topic)
            .env("WATCHKEEPER_BUS", &self.bus)
            .env("WATCHKEEPER_CONFIG", file.path())
            .env("WATCHKEEPER_ACCOUNT", "123456789012")
            .env("WATCHKEEPER_REGION", aws::REGION)
            .envs(more.iter().copied())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lambda = Lambda { emulator, url: format!("http://{address}"), _config: file };
        lambda.listens();
        lambda
    }

    fn assert_small(&self, bytes: u64) {
        assert!(fs::metadata(&self.bootstrap).unwrap().len() < bytes, "the binary stays small");
    }
}

/// A started function; it ends with the test.
struct Lambda {
    emulator: Child,
    url: String,
    _config: NamedTempFile,
}

impl Drop for Lambda {
    fn drop(&mut self) {
        let _ = self.emulator.kill();
        let _ = self.emulator.wait();
    }
}

impl Lambda {
    #[expect(clippy::disallowed_methods, reason = "waits until another process listens")]
    fn listens(&self) {
        let address = self.url.trim_start_matches("http://");
        for _ in 0..100 {
            if TcpStream::connect(address).is_ok() {
                break;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    async fn invoke(&self, payload: &Value) -> Value {
        let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(60)).build().unwrap();
        let request = client.post(format!("{}/2015-03-31/functions/function/invocations", self.url));
        let answer = request.body(payload.to_string()).send().await.unwrap().text().await.unwrap();
        serde_json::from_str(&answer).unwrap_or_else(|error| panic!("{error}: {answer}"))
    }

    /// What the function wrote, once it is stopped.
    fn log(mut self) -> String {
        let _ = Command::new("pkill").args(["-P", &self.emulator.id().to_string()]).status();
        let _ = self.emulator.kill();
        let mut log = String::new();
        self.emulator.stdout.take().unwrap().read_to_string(&mut log).unwrap();
        log
    }
}

/// The lines that `function` logged.
fn lines(log: &str, function: &str) -> Vec<Value> {
    let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.filter(|line| line["function"] == function).collect()
}
