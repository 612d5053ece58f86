//! `drill approve` without a file: the template is read from AWS, which is the fake FIS behind its API.

use std::{fs, path::PathBuf, process::Output};

use jiff::Timestamp;
use serde_json::{Value, json};
use watchkeeper_sim::{
    channels::Outcome,
    clock::Clock,
    fis::{Fis, Operation, http::Server},
};

use super::{DRILLS, template, text, write};
use crate::{command, config, fresh, out};

/// An account, and a configuration beside it.
struct Account {
    fis: Fis,
    server: Server,
    dir: PathBuf,
    config: String,
}

impl Account {
    /// One that has the template of the drill `hourly`.
    async fn new(name: &str, drills: &str) -> Self {
        let (fis, dir) = (Fis::at(&Clock::at(Timestamp::UNIX_EPOCH)), fresh(name));
        fis.put_template("EXT2", deployed());
        let server = Server::start(fis.clone()).await.unwrap();
        let config = config(&dir, drills);
        Self { fis, server, dir, config }
    }

    /// `drill approve`, with what is set in the environment.
    async fn approve(&self, name: &str, environment: &[(&str, &str)]) -> Output {
        let mut command =
            command(&self.dir.join("state"), &["drill", "approve", name, "--config", &self.config]);
        for unset in
            ["AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID"]
        {
            command.env_remove(unset);
        }
        command.env("AWS_CONFIG_FILE", "/dev/null").env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null");
        command.env("AWS_EC2_METADATA_DISABLED", "true").env("NO_PROXY", "127.0.0.1");
        command.env("AWS_ENDPOINT_URL", &self.server.endpoint).envs(environment.iter().copied());
        tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
    }

    fn written(&self) -> String {
        fs::read_to_string(&self.config).unwrap()
    }
}

const REGION: (&str, &str) = ("AWS_REGION", "eu-west-1");
const SIGNED: [(&str, &str); 3] =
    [REGION, ("AWS_ACCESS_KEY_ID", "testing"), ("AWS_SECRET_ACCESS_KEY", "testing")];

/// As it is in FIS.
fn deployed() -> Value {
    let mut template = template()["experimentTemplate"].take();
    template["tags"] = json!({ "Name": "stop-one", "watchkeeper": "drill" });
    template
}

#[tokio::test]
async fn what_is_in_aws_is_judged_as_from_a_file_and_its_hash_is_written() {
    let account = Account::new("approve-aws", DRILLS).await;
    let told = out(&account.approve("hourly", &SIGNED).await);
    let hash = told.lines().find_map(|line| line.trim().strip_prefix("hash ")).unwrap();
    let written = DRILLS.replace("\"EXT2\"\n", &format!("\"EXT2\"\napproved = \"{hash}\"\n"));
    assert_eq!(account.written(), written);
    assert_eq!(account.fis.calls(Operation::Templates), 0, "an id is not looked up");
    let again = out(&account.approve("hourly", &SIGNED).await);
    assert!(again.ends_with("hourly was approved as it is\n"), "{again}");

    let file = write(&account.dir, "template.json", &json!({ "experimentTemplate": deployed() }));
    let other = config(&fresh("approve-aws-file"), DRILLS);
    let args = ["drill", "approve", "hourly", "--template", &file, "--config", &other];
    let of_file = out(&crate::watchkeeper(&account.dir, &args));
    let verdict =
        |told: &str| told.split_once(": may be started\n").unwrap().1.replace(&other, &account.config);
    assert!(told.starts_with("FIS in eu-west-1: EXT2: may be started\n"), "{told}");
    assert_eq!(verdict(&told).lines().next(), verdict(&of_file).lines().next());
    assert!(of_file.contains(hash), "{of_file}");
}

#[tokio::test]
async fn a_drill_by_name_is_approved_by_the_one_template_of_that_name() {
    let drills = DRILLS.replace("EXT2", "stop-one");
    let account = Account::new("approve-aws-name", &drills).await;
    let mut other = deployed();
    other["tags"]["Name"] = json!("stop-two");
    for id in ["EXT1", "EXT3", "EXT4"] {
        account.fis.put_template(id, other.clone());
    }
    let told = out(&account.approve("hourly", &SIGNED).await);
    assert!(told.starts_with("FIS in eu-west-1: EXT2: may be started\n"), "{told}");
    assert_ne!(account.written(), drills);
}

#[tokio::test]
async fn a_template_that_cannot_be_read_approves_nothing_and_says_why() {
    let drills = DRILLS.replace("EXT1", "stop-one").replace("EXT3", "stop-two");
    let account = Account::new("approve-aws-unread", &drills).await;
    account.fis.put_template("EXT7", deployed());
    let refused = async |name: &str, environment: &[(&str, &str)]| {
        let output = account.approve(name, environment).await;
        assert_eq!((output.status.code(), text(&output.stdout)), (Some(1), String::new()), "{output:?}");
        let told = text(&output.stderr);
        let start = format!("error: {name} is not approved: ");
        told.strip_prefix(&start).unwrap_or_else(|| panic!("{told}")).to_owned()
    };
    assert!(refused("weekly", &SIGNED).await.contains(": EXT2, EXT7; name the one that is meant by its id"));
    let none = refused("asked-for", &SIGNED).await;
    assert!(none.contains("has the tags Name=stop-two and watchkeeper=drill: deploy infra/fis"), "{none}");
    for operation in [Operation::Template, Operation::Templates] {
        account.fis.fail_next(operation, 1, Outcome::Refuse);
    }
    let read = refused("hourly", &SIGNED).await;
    assert!(read.contains("could not read the experiment template EXT2: AccessDeniedException"), "{read}");
    let list = refused("weekly", &SIGNED).await;
    assert!(list.contains("could not list the experiment templates of FIS: AccessDenied"), "{list}");
    assert!(refused("hourly", &[REGION]).await.contains("no AWS credentials: set AWS_PROFILE"));
    assert!(refused("hourly", &SIGNED[1..]).await.contains("no Region: set AWS_REGION"));
    assert_eq!(account.written(), drills);
}

#[tokio::test]
async fn what_is_gone_or_refused_is_not_approved() {
    let account = Account::new("approve-aws-refused", &DRILLS.replace("EXT3", "EXT9")).await;
    let gone = text(&account.approve("asked-for", &SIGNED).await.stderr);
    assert!(
        gone.contains("asked-for is not approved: FIS has no template EXT9 in this account and eu-west-1"),
        "{gone}"
    );
    let mut endless = deployed();
    endless["stopConditions"] = json!([{ "source": "none" }]);
    account.fis.put_template("EXT2", endless);
    let output = account.approve("hourly", &SIGNED).await;
    assert_eq!(output.status.code(), Some(1));
    let told = text(&output.stdout);
    assert!(told.starts_with("FIS in eu-west-1: EXT2: refused\n"), "{told}");
    assert!(
        told.ends_with("hourly is not approved: mend what is refused, or allow it in its limits\n"),
        "{told}"
    );
    assert_eq!(account.written(), DRILLS.replace("EXT3", "EXT9"));
}
