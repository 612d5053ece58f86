//! The release binary, as Lambda runs it: under AWS's own Runtime Interface Emulator, against a moto server.

use std::{
    fs,
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use watchkeeper_domain::{fis::Template, notice::Change};
use watchkeeper_shell::Table;
use watchkeeper_sim::{
    clock::Clock,
    depot::Stock,
    ec2,
    fis::{self, Fis, Resolution},
    webhooks::{Reply, Server},
};
use watchkeeper_tests::support::{
    api::Api,
    aws,
    caches::{self, Repository, ZONE, file},
    estate::{backup, event},
    newsroom::{from_topic, notice},
    range::{self, INSTANCE, STOP, TEMPLATE, asked},
    template::{events, repository},
};

/// A started function; it ends with the test.
struct Lambda {
    emulator: Child,
    port: u16,
}

impl Drop for Lambda {
    fn drop(&mut self) {
        let _ = self.emulator.kill();
        let _ = self.emulator.wait();
    }
}

impl Lambda {
    #[expect(clippy::disallowed_methods, reason = "waits until another process listens")]
    fn start(emulator: &str, bootstrap: &str, variables: &[(&str, &str)]) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let api = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let emulator = Command::new(emulator)
            .args(["--runtime-interface-emulator-address", &format!("127.0.0.1:{port}")])
            .args(["--runtime-api-address", &format!("127.0.0.1:{api}")])
            .arg(bootstrap)
            .env("AWS_LAMBDA_FUNCTION_TIMEOUT", "30")
            .envs(variables.iter().copied())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        for _ in 0..100 {
            if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                break;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Self { emulator, port }
    }

    fn invoke(&self, payload: &Value) -> Value {
        let body = payload.to_string();
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        let path = "/2015-03-31/functions/function/invocations";
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: lambda\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            body.len()
        );
        stream.write_all((head + &body).as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let body = answer.split_once("\r\n\r\n").unwrap().1;
        let (start, end) = (body.find('{').unwrap(), body.rfind('}').unwrap());
        serde_json::from_str(&body[start..=end]).unwrap_or_else(|error| panic!("{error}: {answer}"))
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

/// The emulator, the release binary of `function` and moto, as `tests/run` names them.
fn peers(function: &str) -> Option<(String, String, String)> {
    let release = aws::peer("WATCHKEEPER_TEST_RELEASE")?;
    Some((aws::peer("WATCHKEEPER_TEST_RIE")?, format!("{release}/{function}"), aws::moto()?))
}

/// The environment of every function: moto in the place of AWS, and nobody's credentials.
fn environment(moto: &str) -> Vec<(&str, &str)> {
    vec![
        ("AWS_ENDPOINT_URL", moto),
        ("AWS_REGION", aws::REGION),
        ("AWS_ACCESS_KEY_ID", "testing"),
        ("AWS_SECRET_ACCESS_KEY", "testing"),
    ]
}

/// The lines that `function` logged.
fn lines(log: &str, function: &str) -> Vec<Value> {
    let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.filter(|line| line["function"] == function).collect()
}

#[tokio::test]
async fn health_responder_answers_events_under_the_runtime_interface_emulator() {
    let Some((emulator, bootstrap, moto)) = peers("health-responder") else { return };
    let config = aws::config(&moto);
    let (table, topic, bus) = (aws::unique("lambda"), aws::unique("notices"), aws::unique("bus"));
    let sns = aws_sdk_sns::Client::new(&config);
    let topic = sns.create_topic().name(topic).send().await.unwrap().topic_arn.unwrap();
    aws_sdk_eventbridge::Client::new(&config).create_event_bus().name(&bus).send().await.unwrap();
    let sqs = aws_sdk_sqs::Client::new(&config);
    let queue = sqs.create_queue().queue_name(aws::unique("seen")).send().await.unwrap().queue_url.unwrap();
    let arn = format!("arn:aws:sqs:{}:123456789012:{}", aws::REGION, queue.rsplit('/').next().unwrap());
    sns.subscribe().topic_arn(&topic).protocol("sqs").endpoint(arn).send().await.unwrap();
    Table::connect(&config, &table).create().await.unwrap();

    let toml = repository("infra/config/watchkeeper.toml").canonicalize().unwrap();
    let mut variables = environment(&moto);
    variables.extend([
        ("WATCHKEEPER_TABLE", table.as_str()),
        ("WATCHKEEPER_NOTICES_TOPIC", &topic),
        ("WATCHKEEPER_BUS", &bus),
        ("WATCHKEEPER_CONFIG", toml.to_str().unwrap()),
    ]);
    let lambda = Lambda::start(&emulator, &bootstrap, &variables);

    let opened = lambda.invoke(&event(1, json!({})));
    assert_eq!((&opened["outcome"], &opened["reason"]), (&json!("acted"), &json!("A new case")), "{opened}");
    let copy = lambda.invoke(&backup(&event(1, json!({}))));
    assert_eq!((&copy["outcome"], &copy["notices"]), (&json!("unchanged"), &json!([])), "{copy}");
    let foreign = lambda.invoke(&events("foreign").into_values().next().unwrap());
    assert_eq!(foreign["outcome"], "foreign");
    let swept = lambda.invoke(&json!({"tick": "sweep"}));
    assert_eq!(swept["outcome"], "unchanged", "{swept}");
    let malformed = lambda.invoke(&events("malformed")["01-health-without-event-arn.json"]);
    assert_eq!(malformed["errorType"], "Malformed", "{malformed}");
    let cause = malformed["errorMessage"].as_str().unwrap();
    assert_eq!(cause, "could not understand a Health event: `detail.eventArn` is missing");
    let samples = events("health-responder");
    let answers: Vec<_> = samples.iter().map(|(name, sample)| (name, lambda.invoke(sample))).collect();
    for (name, answer) in &answers {
        assert!(matches!(answer["outcome"].as_str(), Some("acted" | "unchanged")), "{name}: {answer}");
    }
    let told =
        2 + answers.iter().map(|(_, answer)| answer["notices"].as_array().unwrap().len()).sum::<usize>();

    let mut seen = Vec::new();
    loop {
        let batch = sqs.receive_message().queue_url(&queue).max_number_of_messages(10).send().await.unwrap();
        let messages = batch.messages.unwrap_or_default();
        if messages.is_empty() {
            break;
        }
        for message in messages {
            let envelope: Value = serde_json::from_str(&message.body.unwrap()).unwrap();
            let notice: Value = serde_json::from_str(envelope["Message"].as_str().unwrap()).unwrap();
            seen.push(notice["id"].as_str().unwrap().to_owned());
            sqs.delete_message()
                .queue_url(&queue)
                .receipt_handle(message.receipt_handle.unwrap())
                .send()
                .await
                .unwrap();
        }
    }
    seen.sort();
    let sent = seen.len();
    seen.dedup();
    assert_eq!((sent, seen.len()), (told, told), "each notice arrives once");

    let log = lambda.log();
    let ours = lines(&log, "health-responder");
    assert_eq!(ours.len(), 5 + samples.len(), "one line an invocation");
    assert!(ours.iter().all(|line| line["_aws"]["CloudWatchMetrics"][0]["Namespace"] == "Watchkeeper"));
    assert!(!log.contains("AKIAIOSFODNN7EXAMPLE"), "no key id in the log");
    assert!(fs::metadata(&bootstrap).unwrap().len() < 12_000_000, "the binary stays small");
}

#[tokio::test]
async fn notifier_shows_a_notice_under_the_runtime_interface_emulator() {
    let Some((emulator, bootstrap, moto)) = peers("notifier") else { return };
    let config = aws::config(&moto);
    let (table, server) = (aws::unique("lambda"), Server::start().await.unwrap());
    let sns = aws_sdk_sns::Client::new(&config);
    let topic = sns.create_topic().name(aws::unique("topic")).send().await.unwrap().topic_arn.unwrap();
    let queue =
        aws_sdk_sqs::Client::new(&config).create_queue().queue_name(aws::unique("failures")).send().await;
    let queue = queue.unwrap().queue_url.unwrap();
    Table::connect(&config, &table).create().await.unwrap();

    let name = aws::unique("hook");
    let secrets = aws_sdk_secretsmanager::Client::new(&config);
    let address = format!("{}/slack/hook", server.base);
    secrets.create_secret().name(&name).secret_string(&address).send().await.unwrap();
    let toml = format!(
        "[notifier]\ndefault = [\"hook\"]\n[[channel]]\nname = \"hook\"\nkind = \"slack-webhook\"\n\
         secret = \"secretsmanager:{name}\"\n"
    );
    let path = std::env::temp_dir().join(format!("{name}.toml"));
    fs::write(&path, toml).unwrap();

    let mut variables = environment(&moto);
    variables.extend([
        ("WATCHKEEPER_TABLE", table.as_str()),
        ("WATCHKEEPER_NOTICES_TOPIC", &topic),
        ("WATCHKEEPER_MESSAGES_TOPIC", &topic),
        ("WATCHKEEPER_FAILURE_QUEUE_URL", &queue),
        ("WATCHKEEPER_CONFIG", path.to_str().unwrap()),
    ]);
    let lambda = Lambda::start(&emulator, &bootstrap, &variables);
    // The emulator is asked from another thread, since the channel is served by this one.
    let ask = async |lambda: Lambda, payload: Value| {
        tokio::task::spawn_blocking(move || (lambda.invoke(&payload), lambda)).await.unwrap()
    };
    let opened = from_topic(&notice("case", 1, Change::Opened));
    let (answer, lambda) = ask(lambda, opened.clone()).await;
    assert_eq!(answer["outcome"], "acted", "{answer}");
    let (answer, lambda) = ask(lambda, opened).await;
    assert_eq!(
        (&answer["outcome"], &answer["reason"]),
        (&json!("unchanged"), &json!("hook: shown")),
        "{answer}"
    );
    server.script("/slack/hook", [Reply::Status(404), Reply::Status(404)]);
    let (answer, lambda) = ask(lambda, from_topic(&notice("case", 2, Change::Resolved))).await;
    assert!(answer["reason"].as_str().unwrap().contains("404"), "{answer}");
    let (swept, lambda) = ask(lambda, json!({"tick": "sweep"})).await;
    assert_eq!(swept["outcome"], "unchanged", "{swept}");
    assert_eq!(server.shown("/slack/hook").len(), 1);

    let sqs = aws_sdk_sqs::Client::new(&config);
    let waiting = sqs.receive_message().queue_url(&queue).send().await.unwrap().messages.unwrap();
    let waiting: Value = serde_json::from_str(waiting[0].body.as_deref().unwrap()).unwrap();
    assert_eq!(waiting["channel"], "hook");
    assert!(waiting["cause"].as_str().unwrap().starts_with("404"), "{waiting}");

    let log = lambda.log();
    fs::remove_file(path).unwrap();
    assert_eq!(lines(&log, "notifier").len(), 4, "{log}");
    assert!(!log.contains("/slack/hook"), "no address in the log");
}

/// What the guards ask, answered well for as many passes as a drill has.
fn well(api: &Api) {
    for _ in 0..20 {
        let alarm =
            json!({ "AlarmArn": STOP, "StateValue": "OK", "StateTransitionedTimestamp": { "$time": 7 } });
        api.answer("DescribeAlarms", json!({ "MetricAlarms": [alarm] }));
        api.answer("DescribeOpsItems", json!({ "OpsItemSummaries": [] }));
        let tags = json!([{ "Key": "ChaosReady", "Value": "Yes" }]);
        let resource = json!({ "ResourceARN": INSTANCE, "Tags": tags });
        api.answer("GetResources", json!({ "ResourceTagMappingList": [resource] }));
        let properties = json!({ "AvailabilityZone": "eu-west-1a" }).to_string();
        let description = json!({ "Identifier": "i-1", "Properties": properties });
        api.answer(
            "GetResource",
            json!({ "TypeName": "AWS::EC2::Instance", "ResourceDescription": description }),
        );
    }
}

/// A drill for whoever asks, at any hour.
fn drill_at_any_hour() -> String {
    let hash = Template::parse(&range::template()).unwrap().hash();
    let days = r#"["MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"]"#;
    format!(
        r#"
[[drill]]
name = "stop-one"
template = "{TEMPLATE}"
approved = "{hash}"
enabled = true
service = "checkout"
environment = "staging"
zone = "UTC"
announce_minutes = 0
recovery_minutes = 0
interval_hours = 0
[[drill.window]]
days = {days}
from = "00:00"
to = "23:59"
[[drill.window]]
days = {days}
from = "12:00"
to = "11:59"
"#
    )
}

#[tokio::test]
async fn chaos_trigger_starts_a_drill_and_on_the_leash_sends_fis_nothing() {
    let Some((emulator, bootstrap, moto)) = peers("chaos-trigger") else { return };
    let config = aws::config(&moto);
    #[expect(clippy::disallowed_methods, reason = "the release binary lives in the real time")]
    let clock = Clock::at(Timestamp::now());
    let fake = Fis::at(&clock);
    // Template ids of AWS have no fixed length.
    fake.put_template(TEMPLATE, range::template());
    fake.resolve("One", Resolution::arns([INSTANCE]));
    let (fis, api) = (fis::http::Server::start(fake.clone()).await.unwrap(), Api::start().await.unwrap());
    well(&api);
    let (table, bus) = (aws::unique("lambda"), aws::unique("bus"));
    let sns = aws_sdk_sns::Client::new(&config);
    let topic = sns.create_topic().name(aws::unique("notices")).send().await.unwrap().topic_arn.unwrap();
    aws_sdk_eventbridge::Client::new(&config).create_event_bus().name(&bus).send().await.unwrap();
    Table::connect(&config, &table).create().await.unwrap();
    let path = std::env::temp_dir().join(format!("{}.toml", aws::unique("drills")));
    fs::write(&path, drill_at_any_hour()).unwrap();

    let start = |leash: &str| {
        let mut variables = environment(&moto);
        variables.extend([
            ("AWS_ENDPOINT_URL_FIS", fis.endpoint.as_str()),
            ("AWS_ENDPOINT_URL_CLOUDWATCH", &api.endpoint),
            ("AWS_ENDPOINT_URL_SSM", &api.endpoint),
            ("AWS_ENDPOINT_URL_RESOURCE_GROUPS_TAGGING_API", &api.endpoint),
            ("AWS_ENDPOINT_URL_CLOUDCONTROL", &api.endpoint),
            ("WATCHKEEPER_TABLE", &table),
            ("WATCHKEEPER_NOTICES_TOPIC", &topic),
            ("WATCHKEEPER_BUS", &bus),
            ("WATCHKEEPER_CONFIG", path.to_str().unwrap()),
            ("WATCHKEEPER_ACCOUNT", "123456789012"),
            ("WATCHKEEPER_REGION", aws::REGION),
            ("WATCHKEEPER_LEASH", leash),
            ("WATCHKEEPER_SCHEDULE_GROUP", "default"),
            ("WATCHKEEPER_SCHEDULE_ROLE", "arn:aws:iam::123456789012:role/dead-man"),
            ("WATCHKEEPER_WATCHER", "arn:aws:lambda:eu-west-1:123456789012:function:watcher"),
            ("WATCHKEEPER_DEAD_LETTERS", "arn:aws:sqs:eu-west-1:123456789012:dead-letters"),
        ]);
        Lambda::start(&emulator, &bootstrap, &variables)
    };
    // The emulator is asked from another thread, since FIS is served by this one.
    let ask = async |lambda: Lambda, payload: Value| {
        tokio::task::spawn_blocking(move || (lambda.invoke(&payload), lambda)).await.unwrap()
    };
    let sweep = json!({ "tick": "sweep" });

    let leashed = start("on");
    let (answer, leashed) = ask(leashed, asked("Drill Requested", "stop-one", clock.now())).await;
    assert_eq!(answer["reason"], "announced", "{answer}");
    let (answer, leashed) = ask(leashed, sweep.clone()).await;
    assert_eq!(answer["reason"], "nothing objects, and the leash is on", "{answer}");
    assert_eq!(fake.starts().len(), 0, "no call that changes anything reaches FIS");
    drop(leashed);

    let lambda = start("off");
    let later = clock.advance(SignedDuration::from_secs(1));
    let (answer, lambda) = ask(lambda, asked("Drill Requested", "stop-one", later)).await;
    assert_eq!(answer["reason"], "announced", "{answer}");
    let (answer, lambda) = ask(lambda, sweep.clone()).await;
    assert_eq!(fake.starts().len(), 1, "the preview: {answer}");
    clock.advance(SignedDuration::from_secs(30));
    let (answer, lambda) = ask(lambda, sweep.clone()).await;
    let orders = fake.starts();
    assert_eq!(orders.iter().map(|it| it.skips_actions).collect::<Vec<_>>(), [true, false], "{answer}");
    let scheduler = aws_sdk_scheduler::Client::new(&config);
    let name = format!("watchkeeper-dead-man-{}", orders[1].token);
    let dead_man = scheduler.get_schedule().name(&name).send().await.unwrap();
    assert_eq!(dead_man.target.unwrap().arn, "arn:aws:scheduler:::aws-sdk:fis:stopExperiment");
    clock.advance(SignedDuration::from_secs(30));
    let (answer, lambda) = ask(lambda, sweep.clone()).await;
    assert_eq!((&answer["outcome"], &answer["reason"]), (&json!("acted"), &json!("running")), "{answer}");
    let (answer, lambda) = ask(lambda, sweep).await;
    assert_eq!(answer["outcome"], "unchanged", "{answer}");

    let log = lambda.log();
    fs::remove_file(path).unwrap();
    assert_eq!(lines(&log, "chaos-trigger").len(), 5, "{log}");
    assert!(fs::metadata(&bootstrap).unwrap().len() < 16_000_000, "the binary stays small");
}

/// A cache for whoever asks, fed by a list.
fn cache_on_request(repository: &Repository) -> String {
    format!(
        r#"
[[cache]]
name = "files"
enabled = true
size_gib = 1
pool = {{ zones = ["{ZONE}"], size = 1 }}
[[cache.feeder]]
kind = "list"
url = "{}/list"
"#,
        repository.base
    )
}

#[tokio::test]
async fn cache_refresher_makes_a_cache_and_hands_its_volume_to_a_job() {
    let Some((emulator, bootstrap, moto)) = peers("cache-refresher") else { return };
    let config = aws::config(&moto);
    #[expect(clippy::disallowed_methods, reason = "the release binary lives in the real time")]
    let clock = Clock::at(Timestamp::now());
    let (stock, repository) = (Stock::start(&clock).await.unwrap(), Repository::start().await);
    let ec2 = ec2::http::Server::start(stock.ec2.clone()).await.unwrap();
    repository.list(&[("a/one.bin", file(1, 700_000)), ("a/two.txt", b"two\n".to_vec())]);
    let (table, bus) = (aws::unique("lambda"), aws::unique("bus"));
    let sns = aws_sdk_sns::Client::new(&config);
    let topic = sns.create_topic().name(aws::unique("notices")).send().await.unwrap().topic_arn.unwrap();
    aws_sdk_eventbridge::Client::new(&config).create_event_bus().name(&bus).send().await.unwrap();
    Table::connect(&config, &table).create().await.unwrap();
    let path = std::env::temp_dir().join(format!("{}.toml", aws::unique("caches")));
    fs::write(&path, cache_on_request(&repository)).unwrap();

    let start = |leash: &str| {
        let mut variables = environment(&moto);
        variables.extend([
            ("AWS_ENDPOINT_URL_EBS", stock.ebs.endpoint.as_str()),
            ("AWS_ENDPOINT_URL_EC2", &ec2.endpoint),
            ("WATCHKEEPER_TABLE", &table),
            ("WATCHKEEPER_NOTICES_TOPIC", &topic),
            ("WATCHKEEPER_BUS", &bus),
            ("WATCHKEEPER_CONFIG", path.to_str().unwrap()),
            ("WATCHKEEPER_ACCOUNT", "123456789012"),
            ("WATCHKEEPER_REGION", aws::REGION),
            ("WATCHKEEPER_LEASH", leash),
            ("AWS_LAMBDA_FUNCTION_TIMEOUT", "300"),
        ]);
        Lambda::start(&emulator, &bootstrap, &variables)
    };
    let ask = async |lambda: Lambda, payload: Value| {
        tokio::task::spawn_blocking(move || (lambda.invoke(&payload), lambda)).await.unwrap()
    };
    let refresh = |id: &str| {
        let detail = json!({ "cache": "files", "by": "ada", "because": "the first one", "id": id });
        caches::asked("Cache Refresh Requested", detail)
    };
    let claim = json!({ "claim": { "cache": "files", "zone": ZONE, "by": "job 7" } });

    let leashed = start("on");
    let (answer, leashed) = ask(leashed, refresh("on the leash")).await;
    assert!(answer["reason"].as_str().unwrap().contains("the leash is on"), "{answer}");
    assert_eq!(stock.ebs.store().snapshots().len(), 0, "no call that changes anything reaches EBS");
    drop(leashed);

    let lambda = start("off");
    let (answer, lambda) = ask(lambda, refresh("off the leash")).await;
    // The rehearsal had number 1, and no number is given twice.
    assert!(answer["reason"].as_str().unwrap().contains("generation 2 is published"), "{answer}");
    clock.advance(SignedDuration::from_mins(1));
    let (answer, lambda) = ask(lambda, json!({ "tick": "sweep" })).await;
    assert_eq!(answer["reason"], "enough volumes wait", "{answer}");
    let (answer, lambda) = ask(lambda, claim.clone()).await;
    let volume = stock.ec2.seen()[0].clone();
    assert_eq!(
        (&answer["answer"]["volume"], &answer["answer"]["generation"]),
        (&json!(volume.id), &json!(2))
    );
    assert_eq!(volume.snapshot, Some(stock.ebs.store().snapshots()[0].id.clone()));
    let (again, lambda) = ask(lambda, claim).await;
    assert_eq!(again["answer"], answer["answer"]);

    let log = lambda.log();
    fs::remove_file(path).unwrap();
    assert_eq!(lines(&log, "cache-refresher").len(), 4, "{log}");
    assert!(fs::metadata(&bootstrap).unwrap().len() < 24_000_000, "the binary stays small");
}
