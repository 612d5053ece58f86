//! The scripts for CI jobs in `infra/ci`, with an `aws` and a `curl` that only write down what they are told.
//!
//! `aws` answers with the file `answer`, prints what is in `prints`, and exits with what is in `exits`.

use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
    process::{Command, Output},
    time::{Duration, SystemTime},
};

use serde_json::{Value, json};

use crate::{ROOT, fresh};

const AWS: &str = r#"#!/bin/sh
here=${0%/*}/..
n=$(cat "$here/calls" 2>/dev/null || echo 0)
echo $((n + 1)) >"$here/calls"
printf '%s\n' "$@" >"$here/aws-$n"
for last do
  case $last in file://*) cp "${last#file://}" "$here/given-$n" ;; fileb://*) cp "${last#fileb://}" "$here/given-$n" ;; esac
done
[ ! -f "$here/answer" ] || cp "$here/answer" "$last"
cat "$here/prints"
exit "$(cat "$here/exits" 2>/dev/null || echo 0)"
"#;

const CURL: &str = r#"#!/bin/sh
printf '%s\n' "$@" >>"${0%/*}/../curl"
case $* in
  *api/token*) printf 'the-token' ;;
  *'X-aws-ec2-metadata-token: the-token'*availability-zone-id) printf 'euw1-az2' ;;
  *) exit 22 ;;
esac
"#;

/// A job with a local repository in `m2`.
struct Job {
    dir: PathBuf,
}

impl Job {
    fn new(name: &str, prints: &str) -> Self {
        let job = Self { dir: fresh(name) };
        fs::create_dir_all(job.dir.join("bin")).unwrap();
        fs::create_dir_all(job.dir.join("m2")).unwrap();
        for (name, script) in [("aws", AWS), ("curl", CURL)] {
            let path = job.dir.join("bin").join(name);
            fs::write(&path, script).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        fs::write(job.dir.join("prints"), prints).unwrap();
        job
    }

    fn run(&self, script: &str, args: &[&str]) -> Output {
        let mut command = Command::new("sh");
        command.args(["-c", "PATH=\"$1:$PATH\"; export PATH; shift; exec sh \"$@\"", "sh"]);
        command.arg(self.dir.join("bin")).arg(Path::new(ROOT).join("infra/ci").join(script)).args(args);
        for name in ["GITHUB_RUN_ID", "CI_JOB_URL", "BUILD_TAG", "WATCHKEEPER_BUS", "WATCHKEEPER_ZONE"] {
            command.env_remove(name);
        }
        command.env("WATCHKEEPER_JOB", "job \"7\"\n").env("WATCHKEEPER_CACHE_REFRESHER", "refresher");
        command.current_dir(&self.dir).output().unwrap()
    }

    fn report(&self) -> Output {
        self.run("report-missed.sh", &["maven", "m2"])
    }

    /// Leaves the mark, as before a build.
    fn begin(&self) {
        let begun = self.run("report-missed.sh", &["begin", "m2"]);
        assert!(begun.status.success() && begun.stderr.is_empty(), "{begun:?}");
    }

    /// Downloads a file as Maven does: with the time that the repository says.
    fn download(&self, name: &str) {
        let (path, mark) = (self.dir.join("m2").join(name), self.dir.join("m2/.watchkeeper-began"));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let began = fs::metadata(mark).map(|it| (it.mtime(), it.mtime_nsec())).unwrap_or_default();
        // The clock of a filesystem is coarse.
        loop {
            let file = fs::File::create(&path).unwrap();
            file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000)).unwrap();
            let made = file.metadata().unwrap();
            if (made.ctime(), made.ctime_nsec()) > began {
                break;
            }
        }
    }

    fn arguments(&self, call: usize) -> Vec<String> {
        fs::read_to_string(self.dir.join(format!("aws-{call}"))).unwrap().lines().map(str::to_owned).collect()
    }

    /// What the call was given in a file.
    fn given(&self, call: usize) -> Value {
        serde_json::from_slice(&fs::read(self.dir.join(format!("given-{call}"))).unwrap()).unwrap()
    }

    fn calls(&self) -> usize {
        fs::read_to_string(self.dir.join("calls")).map_or(0, |text| text.trim().parse().unwrap())
    }

    /// What all calls have reported.
    fn reported(&self) -> Vec<String> {
        let detail = |call| -> Value {
            serde_json::from_str(self.given(call)[0]["Detail"].as_str().unwrap()).unwrap()
        };
        let paths = |call| detail(call)["paths"].as_array().unwrap().clone();
        (0..self.calls()).flat_map(paths).map(|path| path.as_str().unwrap().to_owned()).collect()
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn what_is_new_since_the_build_began_is_reported_whatever_its_date() {
    let job = Job::new("ci-report", "0");
    job.download("org/a/old/1/old-1.jar");
    job.begin();
    for name in ["org/a/b/1/b-1.jar", "org/a/b/1/b-1.pom", "org/a/b/1/b-1.jar.sha1", "lost+found/x.jar"] {
        job.download(name);
    }
    let told = job.report();
    assert_eq!((told.status.code(), text(&told.stderr)), (Some(0), String::new()));
    assert_eq!(text(&told.stdout), "report-missed: files reported: 2\n");
    let entry = job.given(0);
    assert_eq!(entry.as_array().unwrap().len(), 1);
    assert_eq!(
        (&entry[0]["Source"], &entry[0]["DetailType"], &entry[0]["EventBusName"]),
        (&json!("watchkeeper.ops"), &json!("Cache Missed"), &json!("watchkeeper"))
    );
    let detail: Value = serde_json::from_str(entry[0]["Detail"].as_str().unwrap()).unwrap();
    assert_eq!(
        detail,
        json!({"cache": "maven", "job": "job \"7\"", "paths": ["org/a/b/1/b-1.jar", "org/a/b/1/b-1.pom"]})
    );
    let arguments = job.arguments(0).join(" ");
    assert!(
        arguments.contains("--cli-connect-timeout 5 --cli-read-timeout 10 events put-events"),
        "{arguments}"
    );
}

#[test]
fn a_nasty_name_is_data_and_one_that_maven_would_not_give_is_left_out() {
    let job = Job::new("ci-nasty", "0");
    job.begin();
    let taken = [
        "$(touch pwned).jar",
        "-exec/x.pom",
        "a b/'c'/`touch pwned`;&|.jar",
        "back\\slash\\n\\\\.jar",
        "quo\"te/\",\"x.jar",
        "star*/?[a]{b}%s%%.jar",
        "~/#!/<>.jar",
    ];
    for name in
        taken.iter().chain(&["li\nne/x.jar", "new\n.jar", "tab\t.jar", "uml\u{e4}ut.jar", "\u{1b}[2J.jar"])
    {
        job.download(name);
    }
    let told = job.report();
    assert_eq!((told.status.code(), text(&told.stderr)), (Some(0), String::new()));
    assert_eq!(job.reported(), taken);
    assert!(!job.dir.join("pwned").exists() && !job.dir.join("m2/pwned").exists());
}

#[test]
fn a_large_report_is_sent_in_parts_that_eventbridge_takes() {
    let job = Job::new("ci-large", "0");
    job.begin();
    let name = |number| format!("org/{}/{number:04}.jar", "deep".repeat(30));
    let names: BTreeSet<String> = (0..3500).map(name).collect();
    names.iter().for_each(|name| job.download(name));
    let told = job.report();
    assert_eq!(text(&told.stdout), "report-missed: files reported: 3500\n", "{told:?}");
    assert_eq!(job.calls(), 3);
    for call in 0..3 {
        let entry = job.given(call);
        let length = entry[0]["Detail"].as_str().unwrap().len();
        assert!(length < 201_000, "{length}");
    }
    let reported = job.reported();
    assert_eq!(reported.len(), 3500, "none twice");
    assert_eq!(reported.into_iter().collect::<BTreeSet<_>>(), names);
}

#[test]
fn a_report_that_fails_is_a_warning_and_no_more() {
    let job = Job::new("ci-failing", "0");
    let warned = |args: &[&str], warning: &str| {
        let told = job.run("report-missed.sh", args);
        assert_eq!(told.status.code(), Some(0), "{told:?}");
        let expected = format!("report-missed: {warning}");
        let stderr = text(&told.stderr);
        assert!(stderr.contains(&expected) && stderr.ends_with("; the build goes on\n"), "{stderr}");
    };
    warned(&[], "expected: begin DIR, or CACHE DIR");
    warned(&["maven", "nowhere"], "there is no folder nowhere");
    warned(&["maven", "m2"], "there is no m2/.watchkeeper-began");
    job.begin();
    assert_eq!(text(&job.report().stdout), "report-missed: nothing was missing\n");
    assert_eq!(job.calls(), 0);
    job.download("a.jar");
    fs::write(job.dir.join("prints"), "1").unwrap();
    warned(&["maven", "m2"], "EventBridge did not take the report");
    fs::write(job.dir.join("exits"), "254").unwrap();
    warned(&["maven", "m2"], "put-events has failed");
}

#[test]
fn a_job_claims_a_volume_in_the_zone_of_its_instance_and_gives_it_back() {
    let job = Job::new("ci-claim", "None");
    let reason = r#"maven gives \"volume\":\"vol-0bad\""#;
    let answer = json!({ "answer": { "generation": 7, "volume": "vol-0a1" }, "reason": reason });
    fs::write(job.dir.join("answer"), answer.to_string()).unwrap();
    let claimed = job.run("claim-volume.sh", &["claim", "mav\"en"]);
    assert_eq!((claimed.status.code(), text(&claimed.stdout)), (Some(0), "vol-0a1\n".into()), "{claimed:?}");
    assert_eq!(job.given(0), json!({"claim": {"cache": "mav\"en", "zone": "euw1-az2", "by": "job \"7\""}}));
    let arguments = job.arguments(0).join(" ");
    for argument in [
        "lambda invoke",
        "--function-name refresher",
        "--invocation-type RequestResponse",
        "--cli-read-timeout 30",
    ] {
        assert!(arguments.contains(argument), "{arguments}");
    }
    fs::write(job.dir.join("answer"), json!({ "answer": { "released": "vol-0a1" } }).to_string()).unwrap();
    let released = job.run("claim-volume.sh", &["release", "maven", "vol-0a1"]);
    assert_eq!((released.status.code(), text(&released.stdout)), (Some(0), String::new()), "{released:?}");
    assert_eq!(job.given(1), json!({"release": {"cache": "maven", "volume": "vol-0a1"}}));
}

#[test]
fn without_a_volume_nothing_is_printed_and_the_reason_is_told() {
    let job = Job::new("ci-none", "None");
    let refused = |args: &[&str], reason: &str| {
        let told = job.run("claim-volume.sh", args);
        assert_eq!((told.status.code(), text(&told.stdout)), (Some(1), String::new()), "{told:?}");
        assert!(text(&told.stderr).contains(reason), "{told:?}");
    };
    let answer = json!({ "answer": { "volume": null, "on_their_way": 2 }, "reason": "no volume is ready" });
    fs::write(job.dir.join("answer"), answer.to_string()).unwrap();
    refused(&["claim", "maven"], "claim-volume: no volume: {");
    refused(&["claim", "maven"], "no volume is ready");
    refused(&["release", "maven", "vol-1"], "it was not claimed: ");
    refused(&["claim"], "expected: claim CACHE, or release CACHE VOLUME");
    fs::write(job.dir.join("prints"), "Unhandled").unwrap();
    refused(&["claim", "maven"], "the function has failed: ");
    fs::write(job.dir.join("exits"), "254").unwrap();
    refused(&["claim", "maven"], "the function could not be invoked");
    fs::write(job.dir.join("bin/curl"), "#!/bin/sh\nexit 28\n").unwrap();
    refused(&["claim", "maven"], "this is no EC2 instance with metadata: set WATCHKEEPER_ZONE");
}
