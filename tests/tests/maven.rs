//! Maven as the judge: what a first build had to download, two jobs report; the night fills a volume with it; the next
//! build runs from that volume without a repository. The packages are Debian's own, served on this machine.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::{Value, json};
use tempfile::TempDir;
use watchkeeper_domain::cache::{Feeder, Source};
use watchkeeper_shell::Outcome;
use watchkeeper_sim::memory::Memory;
use watchkeeper_tests::support::{
    caches::{Yard, asked},
    template,
};

/// What Debian's packages of Java libraries put where Maven finds it.
const DEBIAN: &str = "/usr/share/maven-repo";
/// What binds a jar that has been tested. The versions that Maven takes by itself depend on Maven.
const PLUGINS: [&str; 4] =
    ["maven-resources-plugin", "maven-compiler-plugin", "maven-surefire-plugin", "maven-jar-plugin"];
/// Below it is Maven's local repository on the volume.
const UNDER: &str = "repository";

/// An AWS CLI that keeps the entries which it is told to put on a bus.
const AWS: &str = r#"#!/bin/sh
for said do
  case $said in file://*) { cat "${said#file://}"; echo; } >>"${0%/*}/entries" ;; esac
done
echo 0
"#;
/// Mounts an image for one command only: with the command's namespace the mount goes, too.
const MOUNT: &str = r#"mount -o loop "$1" "$2"; shift 2; exec "$@""#;

const CLASS: &str = r#"
package org.example;

public final class Greeter {
    public static String greet(String name) { return "Hello, " + name; }
}
"#;
const TEST: &str = r#"
package org.example;

import static org.junit.Assert.assertEquals;

public class GreeterTest {
    @org.junit.Test public void greets() { assertEquals("Hello, Ada", Greeter.greet("Ada")); }
}
"#;

#[tokio::test(flavor = "current_thread")]
async fn a_real_build_runs_offline_from_what_two_jobs_have_missed_or_a_manifest_names() {
    let ci = match pom() {
        Ok(pom) => Ci::new(pom),
        Err(absent) => return eprintln!("SKIPPED: {absent}"),
    };
    let yard = yard().await;
    let (packages, missed) = first_build(&ci, &yard).await;
    yard.minutes(3).await;
    assert_eq!(tree(&yard).await, missed, "{:?}", yard.headlines());
    let mut named = self::yard().await;
    feed(&mut named, manifest(&packages, &missed));
    named.minutes(3).await;
    assert_eq!(tree(&named).await, missed, "the feeder finds the POMs that Maven reads, and no others");

    let snapshot = yard.standing().await.current().unwrap().snapshot.clone();
    yard.fsck(&snapshot);
    let Some(volume) = Disk::of(&yard, &snapshot, &ci) else { return };
    let repository = volume.root.join(UNDER);
    succeeded(&volume.command("diff").arg("-r").args([&packages, &repository]).output().unwrap());
    ci.build("offline", &volume, None).await;
    let before = yard.repository.asked().len();
    ci.build("online", &volume, Some(("another", &mirror(&yard)))).await;
    assert_eq!(yard.repository.asked()[before..], [] as [String; 0]);
}

async fn yard() -> Yard<Memory> {
    let yard = Yard::new(Memory::default(), "").await;
    yard.repository.serve_folder("/maven2", DEBIAN);
    yard
}

fn mirror(yard: &Yard<Memory>) -> String {
    format!("{}/maven2", yard.repository.base)
}

/// Builds with nothing in the local repository, and reports that as two jobs: the local repository without what Maven
/// keeps beside packages, and what is in it.
async fn first_build(ci: &Ci, yard: &Yard<Memory>) -> (PathBuf, BTreeSet<String>) {
    let disk = Disk { root: ci.path("plain"), image: None };
    let packages = disk.root.join(UNDER);
    fs::create_dir_all(&packages).unwrap();
    ci.script(&["begin"], &packages, "");
    ci.build("first", &disk, Some(("nexus", &mirror(yard)))).await;
    for job in ["job 1", "job 2"] {
        for report in ci.report(&packages, job) {
            assert_eq!(yard.invoke(&report).await.outcome, Outcome::Acted);
        }
    }
    let beside = ["-type", "f", "!", "-name", "*.jar", "!", "-name", "*.pom", "-delete"];
    succeeded(&Command::new("find").arg(&packages).args(beside).output().unwrap());
    let missed = files(&packages);
    let asked = yard.repository.asked();
    let is_asked_for = |path: &String| asked.contains(&format!("/maven2/{path}"));
    assert!(!missed.is_empty() && missed.iter().all(is_asked_for), "{missed:?}");
    (packages, missed)
}

/// Leaves it `manifest` as its only feeder.
fn feed(yard: &mut Yard<Memory>, manifest: String) {
    yard.repository.serve("/manifest", manifest);
    let source = Source::Url(format!("{}/manifest", yard.repository.base));
    let feeder = Feeder::Manifest { source, repository: mirror(yard), under: Some(UNDER.to_owned()) };
    yard.config.caches[0].feeders = vec![feeder];
}

/// The project's POM with what Debian has, or what it does not have.
fn pom() -> Result<String, String> {
    for program in ["mvn", "javac", "timeout"] {
        let found = Command::new("sh").args(["-c", "command -v \"$1\"", "sh", program]).output();
        if !found.is_ok_and(|found| found.status.success()) {
            return Err(format!("there is no {program}"));
        }
    }
    let plugin = |name| {
        let version = version("org/apache/maven/plugins", name)?;
        Ok(format!("<plugin><artifactId>{name}</artifactId><version>{version}</version></plugin>"))
    };
    let plugins: Result<String, String> = PLUGINS.into_iter().map(plugin).collect();
    let plugins = plugins?;
    let junit = version("junit", "junit")?;
    // A forked JVM takes ten seconds to end: it waits for Maven's next ping.
    Ok(format!(
        "<project><modelVersion>4.0.0</modelVersion>\
         <groupId>org.example</groupId><artifactId>greeter</artifactId><version>1.0</version>\
         <properties><project.build.sourceEncoding>UTF-8</project.build.sourceEncoding>\
         <maven.compiler.source>11</maven.compiler.source><maven.compiler.target>11</maven.compiler.target>\
         <forkCount>0</forkCount></properties>\
         <dependencies><dependency><groupId>junit</groupId><artifactId>junit</artifactId>\
         <version>{junit}</version><scope>test</scope></dependency></dependencies>\
         <build><plugins>{plugins}</plugins></build></project>"
    ))
}

/// The version that is Debian's own: the others are links to it, by names such as `4.x`, or say where it has moved.
fn version(group: &str, artifact: &str) -> Result<String, String> {
    let folder = Path::new(DEBIAN).join(group).join(artifact);
    let versions = fs::read_dir(&folder).into_iter().flatten().flatten();
    let versions = versions.filter_map(|entry| entry.file_name().into_string().ok()).filter(|version| {
        let is_number = version.bytes().all(|it| it.is_ascii_digit() || it == b'.');
        is_number && folder.join(version).join(format!("{artifact}-{version}.jar")).exists()
    });
    versions.max().ok_or_else(|| format!("Debian's {artifact} is not in {}", folder.display()))
}

/// The paths below the local repository on the current volume.
async fn tree(yard: &Yard<Memory>) -> BTreeSet<String> {
    let tree = yard.current_tree().await.into_keys();
    tree.filter_map(|path| path.strip_prefix(&format!("{UNDER}/")).map(str::to_owned)).collect()
}

/// The paths of the files in `folder`.
fn files(folder: &Path) -> BTreeSet<String> {
    let found = Command::new("find").arg(folder).args(["-type", "f", "-printf", "%P\\n"]).output().unwrap();
    succeeded(&found).lines().map(str::to_owned).collect()
}

/// The packages in `files` as coordinates, and those that only say where they have moved. Parents and BOMs are for the
/// feeder to find.
fn manifest(folder: &Path, files: &BTreeSet<String>) -> String {
    let is_moved = |path: &str| fs::read_to_string(folder.join(path)).unwrap().contains("<relocation>");
    let coordinate = |path: &String| {
        let mut parts = path.rsplitn(4, '/');
        let mut part = || parts.next().unwrap();
        let (file, version, artifact, group) = (part(), part(), part(), part().replace('/', "."));
        let rest = file.strip_prefix(&format!("{artifact}-{version}")).unwrap();
        let classifier = rest.strip_suffix(".jar").and_then(|rest| rest.strip_prefix('-'));
        let classifier = classifier.map(|it| format!("jar:{it}:")).unwrap_or_default();
        format!("{group}:{artifact}:{classifier}{version}\n")
    };
    files.iter().filter(|path| path.ends_with(".jar") || is_moved(path)).map(coordinate).collect()
}

/// A disk in a job's hands.
struct Disk {
    /// Where its files are.
    root: PathBuf,
    /// What the kernel mounts there. Without it they are there already.
    image: Option<PathBuf>,
}

impl Disk {
    /// A volume made of a snapshot: mounted by the kernel where it lets us, or else as debugfs reads it.
    fn of(yard: &Yard<Memory>, snapshot: &str, ci: &Ci) -> Option<Self> {
        let (root, image) = (ci.path("volume"), ci.path("image"));
        fs::create_dir(&root).unwrap();
        yard.stock.ebs.store().export(snapshot, &mut File::create(&image).unwrap()).unwrap();
        let mounted = Self { root: root.clone(), image: Some(image.clone()) };
        match mounted.command("true").output() {
            Ok(done) if done.status.success() => return Some(mounted),
            Ok(done) => eprintln!("SKIPPED: mount: {}", String::from_utf8_lossy(&done.stderr).trim()),
            Err(absent) => eprintln!("SKIPPED: mount: {absent}"),
        }
        let dump = format!("rdump /{UNDER} {}", root.display());
        match Command::new("debugfs").arg("-R").arg(dump).arg(&image).output() {
            Ok(_) => Some(Self { root, image: None }),
            Err(absent) => {
                eprintln!("SKIPPED: debugfs: {absent}");
                None
            }
        }
    }

    /// A command that sees its files, and may take two minutes.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new("timeout");
        command.arg("120");
        if let Some(image) = &self.image {
            command.args(["unshare", "--mount", "sh", "-ec", MOUNT, "sh"]).arg(image).arg(&self.root);
        }
        command.arg(program);
        command
    }
}

/// What it printed.
#[track_caller]
fn succeeded(done: &Output) -> String {
    let said = format!("{}{}", String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    assert!(done.status.success(), "{said}");
    said
}

/// A machine for builds of one project.
struct Ci {
    folder: TempDir,
    pom: String,
}

impl Ci {
    fn new(pom: String) -> Self {
        let ci = Self { folder: tempfile::tempdir().unwrap(), pom };
        fs::create_dir_all(ci.path("bin")).unwrap();
        fs::write(ci.path("bin/aws"), AWS).unwrap();
        fs::set_permissions(ci.path("bin/aws"), fs::Permissions::from_mode(0o755)).unwrap();
        ci
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Checks the project out and builds it with the local repository on `disk`: behind a mirror, its id and address,
    /// or else offline. Nothing that this machine has set for Maven counts.
    async fn build(&self, name: &str, disk: &Disk, mirror: Option<(&str, &str)>) {
        let (project, home) = (self.path(name), self.path("home"));
        self.check_out(&project);
        let settings = project.join("settings.xml");
        fs::write(&settings, with(mirror)).unwrap();
        let mut maven = disk.command("mvn");
        maven.current_dir(&project).arg("-B").arg("-ntp").arg("-s").arg(&settings).arg("-gs").arg(&settings);
        maven.arg(format!("-Dmaven.repo.local={}", disk.root.join(UNDER).display())).arg("package");
        maven.args(mirror.is_none().then_some("-o"));
        // Java takes the home from the user's entry, not from HOME. Little runs long enough to be worth compiling well.
        let java = format!("-Duser.home={} -XX:TieredStopAtLevel=1 -XX:+UseSerialGC", home.display());
        maven.env("HOME", home).env("MAVEN_OPTS", java).env("MAVEN_SKIP_RC", "1");
        maven.env_remove("MAVEN_ARGS").env_remove("JAVA_TOOL_OPTIONS");
        // The repository is served by this thread.
        let done = tokio::task::spawn_blocking(move || maven.output().unwrap()).await.unwrap();
        let said = succeeded(&done);
        assert!(said.contains("Tests run: 1, Failures: 0, Errors: 0, Skipped: 0"), "{said}");
        assert!(project.join("target/greeter-1.0.jar").exists(), "{said}");
    }

    fn check_out(&self, project: &Path) {
        for (path, text) in [
            ("pom.xml", self.pom.as_str()),
            ("src/main/java/org/example/Greeter.java", CLASS),
            ("src/test/java/org/example/GreeterTest.java", TEST),
        ] {
            fs::create_dir_all(project.join(path).parent().unwrap()).unwrap();
            fs::write(project.join(path), text).unwrap();
        }
    }

    /// Runs `infra/ci/report-missed.sh` as `job`.
    fn script(&self, args: &[&str], repository: &Path, job: &str) {
        let mut script = Command::new("sh");
        script.args(["-c", "PATH=\"$1:$PATH\"; shift; exec sh \"$@\"", "sh"]).arg(self.path("bin"));
        script.arg(template::repository("infra/ci/report-missed.sh")).args(args).arg(repository);
        succeeded(&script.env("WATCHKEEPER_JOB", job).output().unwrap());
    }

    /// What `job` puts on the bus after its build.
    fn report(&self, repository: &Path, job: &str) -> Vec<Value> {
        self.script(&["files"], repository, job);
        let given = fs::read_to_string(self.path("bin/entries")).unwrap();
        fs::remove_file(self.path("bin/entries")).unwrap();
        let calls = given.lines().map(|call| serde_json::from_str::<Value>(call).unwrap());
        let event = |call: Value| {
            let entry = &call[0];
            let detail = serde_json::from_str(entry["Detail"].as_str().unwrap()).unwrap();
            assert_eq!(entry["Source"], json!("watchkeeper.ops"));
            asked(entry["DetailType"].as_str().unwrap(), detail)
        };
        calls.map(event).collect()
    }
}

/// Settings with one mirror of everything, or with nothing.
fn with(mirror: Option<(&str, &str)>) -> String {
    let mirror = mirror.map(|(id, url)| {
        format!("<mirrors><mirror><id>{id}</id><mirrorOf>*</mirrorOf><url>{url}</url></mirror></mirrors>")
    });
    format!("<settings>{}</settings>", mirror.unwrap_or_default())
}
