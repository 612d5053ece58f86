//! A Maven repository laid out for the purpose.

use std::time::Duration;

use super::{Reply, Server, Shelf, path, planned, problems, sha1, url, wanted};
use crate::{Feeder, Limits, maven::Remote, missed::Report, plan};

/// A POM called `g:artifact:version` that says `inside`, and its jar.
fn package(server: &Server, artifact: &str, version: &str, inside: &str) {
    pom(server, artifact, version, inside);
    let folder = format!("/m2/g/{artifact}/{version}/{artifact}-{version}");
    server.file(&format!("{folder}.jar"), format!("jar of {artifact} {version}").as_bytes());
}

fn pom(server: &Server, artifact: &str, version: &str, inside: &str) {
    let target = format!("/m2/g/{artifact}/{version}/{artifact}-{version}.pom");
    server.file(&target, project(inside).as_bytes());
}

fn project(inside: &str) -> String {
    format!("<project xmlns='http://maven.apache.org/POM/4.0.0'>{inside}</project>")
}

fn parent(artifact: &str, version: &str) -> String {
    format!(
        "<parent><groupId>g</groupId><artifactId>{artifact}</artifactId><version>{version}</version></parent>"
    )
}

fn import(artifact: &str, version: &str) -> String {
    format!(
        "<dependencyManagement><dependencies><dependency><groupId>g</groupId><artifactId>{artifact}</artifactId>\
         <version>{version}</version><type>pom</type><scope>import</scope></dependency></dependencies></dependencyManagement>"
    )
}

/// `a` has a parent that imports a BOM by a property which `a` sets; the BOM has a parent of its own.
fn family(server: &Server) {
    package(server, "a", "1", &format!("{}<properties><v>2</v></properties>", parent("top", "5")));
    let top = format!("<packaging>pom</packaging><properties><v>1</v></properties>{}", import("bom", "${v}"));
    pom(server, "top", "5", &top);
    pom(server, "bom", "2", &format!("<packaging>pom</packaging>{}", parent("root", "9")));
    pom(server, "root", "9", "<packaging>pom</packaging>");
}

const FAMILY: [&str; 5] =
    ["g/a/1/a-1.jar", "g/a/1/a-1.pom", "g/bom/2/bom-2.pom", "g/root/9/root-9.pom", "g/top/5/top-5.pom"];

#[tokio::test]
async fn a_package_comes_with_every_pom_behind_it_and_nothing_else() {
    let server = Server::start().await;
    family(&server);
    let plan = planned(&server, &Shelf::default(), "g:a:1").await;
    assert_eq!(wanted(&plan), FAMILY);
    assert_eq!(problems(&plan), [""; 0]);
    let jar = &plan.wanted[0];
    assert_eq!(jar.url, url(&format!("{}/m2/g/a/1/a-1.jar", server.base)));
    assert_eq!(jar.digest.to_string(), format!("sha1:{}", sha1(b"jar of a 1")));
    assert_eq!(server.count("/m2/g/a/1/a-1.jar"), 0, "a plan downloads POMs only");
}

#[tokio::test]
async fn what_the_volume_has_costs_no_request() {
    let server = Server::start().await;
    family(&server);
    let manifest = "g:a:1";
    let mut shelf = Shelf::default();
    for wanted in planned(&server, &shelf, manifest).await.wanted {
        let bytes = crate::fetch(&super::web(), &wanted, &Limits::default()).await.unwrap().unwrap();
        shelf.files.insert(wanted.path.to_string(), bytes);
    }
    let before = server.asked().len();
    let plan = planned(&server, &shelf, manifest).await;
    assert_eq!(plan.already_there, FAMILY.map(path));
    assert_eq!((wanted(&plan), server.asked().len()), (vec![], before));
    shelf.files.remove("g/root/9/root-9.pom");
    let plan = planned(&server, &shelf, manifest).await;
    assert_eq!(wanted(&plan), ["g/root/9/root-9.pom"], "a hole is found behind what is there");
    shelf.files.insert("g/root/9/root-9.pom".to_owned(), b"garbage".to_vec());
    let plan = planned(&server, &shelf, manifest).await;
    assert_eq!(wanted(&plan), ["g/root/9/root-9.pom"], "garbage is replaced");
}

#[tokio::test]
async fn the_packaging_says_what_there_is_unless_the_manifest_does() {
    let server = Server::start().await;
    pom(&server, "p", "1", "<packaging>pom</packaging>");
    package(&server, "plugin", "1", "<packaging>maven-plugin</packaging>");
    pom(&server, "w", "1", "<packaging>war</packaging>");
    server.file("/m2/g/w/1/w-1.war", b"war");
    pom(&server, "z", "1", "<packaging>pom</packaging>");
    server.file("/m2/g/z/1/z-1-bin.tar.gz", b"tar");
    package(&server, "j", "1", "");
    let manifest = "g:p:1\ng:plugin:1\ng:w:1\ng:z:tar.gz:bin:1\ng:j:pom:1";
    let plan = planned(&server, &Shelf::default(), manifest).await;
    let packages: Vec<_> = wanted(&plan).into_iter().filter(|path| !path.ends_with(".pom")).collect();
    assert_eq!(packages, ["g/plugin/1/plugin-1.jar", "g/w/1/w-1.war", "g/z/1/z-1-bin.tar.gz"]);
    assert_eq!((plan.wanted.len(), problems(&plan)), (8, vec![]));
}

#[tokio::test]
async fn what_is_missing_or_held_back_is_a_problem_of_its_own() {
    let server = Server::start().await;
    package(&server, "a", "1", &parent("gone", "1"));
    package(&server, "b", "1", "");
    server.put("/m2/g/b/1/b-1.jar.sha1", Reply::Status(403));
    server.file("/m2/g/c/1/c-1.jar", b"a jar without a POM");
    package(&server, "d", "1", "");
    server.put("/m2/g/d/1/d-1.jar.sha1", Reply::Body(b"<html>".to_vec()));
    let plan = planned(&server, &Shelf::default(), "g:a:1\ng:b:1\ng:c:1\ng:d:1").await;
    assert_eq!(
        problems(&plan),
        [
            "g/b/1/b-1.jar: the repository refuses it with 403",
            "g/c/1/c-1.pom: the repository does not have it, or has no .sha1 for it",
            "g/d/1/d-1.jar: the repository has no digest for it",
            "g/gone/1/gone-1.pom: the repository does not have it, or has no .sha1 for it",
        ]
    );
    let expected = ["g/a/1/a-1.jar", "g/a/1/a-1.pom", "g/b/1/b-1.pom", "g/c/1/c-1.jar", "g/d/1/d-1.pom"];
    assert_eq!(wanted(&plan), expected);
}

#[tokio::test]
async fn a_pom_with_another_digest_is_not_believed() {
    let server = Server::start().await;
    package(&server, "a", "1", &parent("evil", "1"));
    server.put("/m2/g/a/1/a-1.pom.sha1", Reply::Body(sha1(b"something else").into_bytes()));
    let plan = planned(&server, &Shelf::default(), "g:a:1").await;
    assert_eq!(wanted(&plan), ["g/a/1/a-1.jar"]);
    assert_eq!(problems(&plan), ["g/a/1/a-1.pom: its digest is not the one that the repository publishes"]);
    assert!(!server.targets().iter().any(|target| target.contains("evil")));
}

#[tokio::test]
async fn what_cannot_be_resolved_is_named_and_ends_nothing_else() {
    let server = Server::start().await;
    package(&server, "a", "1", &import("bom", "${env.BOM}"));
    package(&server, "b", "1", &parent("b", "1"));
    package(&server, "c", "1", "<packaging>");
    package(&server, "d", "1", "");
    let plan = planned(&server, &Shelf::default(), "g:a:1\ng:b:1\ng:c:1\ng:d:1\nnonsense").await;
    let problems = problems(&plan);
    assert_eq!(
        problems[0], "g/c/1/c-1.pom: unreadable: expected 'packaging' tag, not 'project' at 1:63",
        "{problems:?}"
    );
    assert_eq!(problems[1], "g:a:1: ${env.BOM} is defined neither in this POM nor in its parents");
    assert_eq!(problems[2], "g:b:1: a POM that is its own ancestor");
    assert_eq!(problems[3..], ["line 5: unreadable: nonsense"]);
    assert_eq!(wanted(&plan).len(), 7);
}

#[tokio::test]
async fn a_line_of_parents_is_followed_so_far_and_no_farther() {
    let server = Server::start().await;
    for n in 0..10 {
        pom(
            &server,
            "p",
            &n.to_string(),
            &format!("<packaging>pom</packaging>{}", parent("p", &(n + 1).to_string())),
        );
    }
    pom(&server, "p", "10", "<packaging>pom</packaging>");
    let feeder = |server: &Server| Feeder::Manifest {
        text: "g:p:0".to_owned(),
        remote: Remote { base: url(&format!("{}/m2/", server.base)), under: Some(path("m2/repository")) },
    };
    for (limits, count, problem) in [
        (Limits { depth: 10, ..Limits::default() }, 11, None),
        (Limits { depth: 9, ..Limits::default() }, 10, Some("g:p:10: more POMs behind it than are followed")),
        (Limits { poms: 4, ..Limits::default() }, 4, Some("g:p:4: more POMs behind it than are followed")),
    ] {
        let plan = plan(&[feeder(&server)], &super::web(), &Shelf::default(), &limits).await.unwrap();
        assert_eq!(plan.wanted.len(), count);
        assert!(wanted(&plan).iter().all(|path| path.starts_with("m2/repository/g/p/")));
        assert_eq!(problems(&plan).first().map(String::as_str), problem);
    }
}

#[tokio::test]
async fn a_package_that_has_moved_comes_under_its_new_name_with_the_old_pom() {
    let server = Server::start().await;
    let relocation = "<distributionManagement><relocation><artifactId>new</artifactId></relocation></distributionManagement>";
    pom(&server, "old", "1", relocation);
    package(&server, "new", "1", "");
    let plan = planned(&server, &Shelf::default(), "g:old:1").await;
    assert_eq!(wanted(&plan), ["g/new/1/new-1.jar", "g/new/1/new-1.pom", "g/old/1/old-1.pom"]);
    assert_eq!(problems(&plan), [""; 0]);
}

#[tokio::test]
async fn a_snapshot_is_written_without_its_timestamp_and_again_when_there_is_a_new_build() {
    let server = Server::start().await;
    let build = |n: u32| {
        let stamp = format!("1-20261120.01000{n}-{n}");
        let value = |extension: &str| {
            format!(
                "<snapshotVersion><extension>{extension}</extension><value>{stamp}</value></snapshotVersion>"
            )
        };
        let versions = ["jar", "pom"].map(value).concat();
        let xml = format!(
            "<metadata><versioning><snapshotVersions>{versions}</snapshotVersions></versioning></metadata>"
        );
        server.put("/m2/g/s/1-SNAPSHOT/maven-metadata.xml", Reply::Body(xml.into_bytes()));
        server.file(&format!("/m2/g/s/1-SNAPSHOT/s-{stamp}.pom"), project("").as_bytes());
        server.file(&format!("/m2/g/s/1-SNAPSHOT/s-{stamp}.jar"), format!("build {n}").as_bytes());
    };
    build(1);
    let mut shelf = Shelf::default();
    let plan = planned(&server, &shelf, "g:s:1-SNAPSHOT").await;
    assert_eq!(wanted(&plan), ["g/s/1-SNAPSHOT/s-1-SNAPSHOT.jar", "g/s/1-SNAPSHOT/s-1-SNAPSHOT.pom"]);
    assert!(plan.wanted[0].url.as_str().ends_with("/s-1-20261120.010001-1.jar"));
    for wanted in plan.wanted {
        let bytes = crate::fetch(&super::web(), &wanted, &Limits::default()).await.unwrap().unwrap();
        shelf.files.insert(wanted.path.to_string(), bytes);
    }
    assert_eq!(planned(&server, &shelf, "g:s:1-SNAPSHOT").await.already_there.len(), 2);
    build(2);
    let plan = planned(&server, &shelf, "g:s:1-SNAPSHOT").await;
    assert_eq!(wanted(&plan), ["g/s/1-SNAPSHOT/s-1-SNAPSHOT.jar"], "the POM has stayed the same");
}

#[tokio::test]
async fn a_repository_without_metadata_has_snapshots_under_their_plain_name() {
    let server = Server::start().await;
    package(&server, "s", "1-SNAPSHOT", "");
    let plan = planned(&server, &Shelf::default(), "g:s:1-SNAPSHOT").await;
    assert_eq!(wanted(&plan), ["g/s/1-SNAPSHOT/s-1-SNAPSHOT.jar", "g/s/1-SNAPSHOT/s-1-SNAPSHOT.pom"]);
}

#[tokio::test]
async fn what_jobs_have_missed_comes_with_the_poms_behind_it() {
    let server = Server::start().await;
    family(&server);
    let report = |path: &str| Report { path: path.to_owned(), jobs: 2 };
    let remote = Remote { base: url(&format!("{}/m2", server.base)), under: None };
    let reports = ["g/a/1/a-1.jar", "g/a/1/_remote.repositories", "../a"].map(report).to_vec();
    let feeder = Feeder::Missed { reports, at_least: 2, remote };
    let plan = plan(&[feeder], &super::web(), &Shelf::default(), &Limits::default()).await.unwrap();
    assert_eq!(wanted(&plan), FAMILY);
    assert_eq!(problems(&plan), ["../a: no path for a volume: a segment that is . or .."]);
}

#[tokio::test]
async fn a_repository_that_does_not_answer_fails_the_plan_and_says_which() {
    let server = Server::start().await;
    family(&server);
    let remote = Remote { base: url("http://127.0.0.1:1/m2"), under: None };
    let broken = Feeder::Manifest { text: "g:a:1".to_owned(), remote };
    let error =
        plan(&[broken], &super::web(), &Shelf::default(), &Limits::default()).await.unwrap_err().chain();
    assert!(
        error.starts_with("could not fetch http://127.0.0.1:1/m2/g/a/1/a-1.pom.sha1: no connection"),
        "{error}"
    );
    for status in [401, 500] {
        server.put("/m2/g/root/9/root-9.pom", Reply::Status(status));
        let remote = Remote { base: url(&format!("{}/m2", server.base)), under: None };
        let feeder = Feeder::Manifest { text: "g:a:1".to_owned(), remote };
        assert!(
            plan(&[feeder], &super::web(), &Shelf::default(), &Limits::default()).await.is_err(),
            "{status}"
        );
    }
}

#[tokio::test]
async fn requests_for_a_plan_go_side_by_side_within_the_limit() {
    let server = Server::start().await;
    server.delay(Duration::from_millis(20));
    let manifest: Vec<String> = (0..60).map(|n| format!("g:a{n}:1")).collect();
    for n in 0..60 {
        package(&server, &format!("a{n}"), "1", "");
    }
    assert_eq!(planned(&server, &Shelf::default(), &manifest.join("\n")).await.wanted.len(), 120);
    assert!((2..=16).contains(&server.most()), "{}", server.most());
    assert_eq!(server.targets().len(), 60 * 3, "two for a POM, one for a jar");
}

#[tokio::test]
async fn several_feeders_are_one_plan_in_the_order_of_its_paths() {
    let server = Server::start().await;
    family(&server);
    let sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    let line = |path: &str| {
        format!(r#"{{"url": "{}/x", "path": "{path}", "sha256": "{sha256}", "size": 3}}"#, server.base)
    };
    let list = Feeder::List { text: [line("npm/x.tgz"), line("a/there.tgz")].join("\n") };
    let remote = Remote { base: url(&format!("{}/m2", server.base)), under: None };
    let maven = Feeder::Manifest { text: "g:root:9".to_owned(), remote };
    let shelf = Shelf::with(&[("a/there.tgz", b"abc")]);
    let plan = plan(&[list, maven], &super::web(), &shelf, &Limits { file_bytes: 2, ..Limits::default() })
        .await
        .unwrap();
    assert_eq!(wanted(&plan), ["g/root/9/root-9.pom"]);
    assert_eq!(plan.already_there, [path("a/there.tgz")]);
    assert_eq!(problems(&plan), ["npm/x.tgz: it has more than 2 bytes"]);
    let json = serde_json::to_value(&plan).unwrap();
    assert_eq!(json["wanted"][0]["url"], format!("{}/m2/g/root/9/root-9.pom", server.base));
    assert_eq!(json["problems"][0]["cause"], serde_json::json!({ "too-long": { "limit": 2 } }));
}
