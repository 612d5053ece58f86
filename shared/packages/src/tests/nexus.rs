//! The listing of a Nexus of every age.

use serde_json::{Value, json};

use super::{Reply, Server, Shelf, path, problems, sha1, url, wanted};
use crate::{
    Feeder, Limits, Plan, Url,
    nexus::{Layout, Listing},
    plan,
};

const ALL: &str = "/service/rest/v1/assets?repository=central";
/// 2026-11-20T00:00:00Z in milliseconds.
const DELTA: &str = "/service/rest/v1/configuration/assets?repository=central&newerThan=1795132800000";

fn listing(server: &Server) -> Listing {
    Listing {
        base: url(&server.base),
        repository: "central".to_owned(),
        newer_than: None,
        layout: Layout::Maven,
        under: Some(path("m2")),
    }
}

fn asset(path: &str) -> Value {
    // A real one says more; what it believes its own name to be must not choose where we go.
    json!({
        "downloadUrl": format!("http://169.254.169.254/{path}"), "path": path, "id": "x", "repository": "central",
        "format": "maven2", "checksum": { "sha1": sha1(path.as_bytes()), "md5": "x" }, "fileSize": path.len(),
        "lastModified": "2011-08-25T15:00:50.408+00:00",
    })
}

fn page(assets: &[Value], token: Option<&str>) -> Reply {
    Reply::Body(json!({ "items": assets, "continuationToken": token }).to_string().into_bytes())
}

fn jar(n: usize) -> String {
    format!("g/a/{n}/a-{n}.jar")
}

/// The pages of `total` jars, `size` a page.
fn serve(server: &Server, first: &str, total: usize, size: usize) {
    let jars: Vec<Value> = (0..total).map(|n| asset(&jar(n))).collect();
    let pages: Vec<&[Value]> = jars.chunks(size).collect();
    for (n, assets) in pages.iter().enumerate() {
        let target = if n == 0 { first.to_owned() } else { format!("{first}&continuationToken=t{n}") };
        let token = (n + 1 < pages.len()).then(|| format!("t{}", n + 1));
        server.put(&target, page(assets, token.as_deref()));
    }
}

async fn planned(listing: Listing, limits: Limits) -> Result<Plan, String> {
    let plan = plan(&[Feeder::Nexus(listing)], &super::web(), &Shelf::default(), &limits).await;
    plan.map_err(|failure| failure.chain())
}

#[tokio::test]
async fn all_pages_are_read_whatever_their_size() {
    for size in [10, 100] {
        let server = Server::start().await;
        serve(&server, ALL, 205, size);
        let plan = planned(listing(&server), Limits::default()).await.unwrap();
        assert_eq!(plan.wanted.len(), 205);
        assert_eq!(server.targets().len(), 205_usize.div_ceil(size));
        let first = &plan.wanted[0];
        assert_eq!((first.path.as_str(), first.size), ("m2/g/a/0/a-0.jar", Some(13)));
        assert_eq!(first.url, url(&format!("{}/repository/central/g/a/0/a-0.jar", server.base)));
        assert_eq!(first.digest.to_string(), format!("sha1:{}", sha1(jar(0).as_bytes())));
    }
}

#[tokio::test]
async fn a_new_nexus_is_asked_for_what_is_new_only() {
    let server = Server::start().await;
    serve(&server, DELTA, 3, 2);
    let newer_than = Some("2026-11-20T00:00:00Z".parse().unwrap());
    let plan = planned(Listing { newer_than, ..listing(&server) }, Limits::default()).await.unwrap();
    assert_eq!(plan.wanted.len(), 3);
    assert_eq!(server.targets(), [DELTA.to_owned(), format!("{DELTA}&continuationToken=t1")]);
    assert!(server.asked().iter().all(|it| it.protocol.as_deref() == Some("1")));
}

#[tokio::test]
async fn an_old_nexus_or_too_few_rights_leave_the_whole_list_less_what_is_surely_old() {
    for status in [400, 401, 403, 404, 405] {
        let server = Server::start().await;
        server.put(DELTA, Reply::Status(status));
        let mut assets = [asset(&jar(1)), asset(&jar(2)), asset(&jar(3))];
        assets[1]["blobCreated"] = "2026-11-19T23:59:59.999+00:00".into();
        assets[2]["blobCreated"] = "2026-11-20T00:00:00.000+00:00".into();
        server.put(ALL, page(&assets, None));
        let newer_than = Some("2026-11-20T00:00:00Z".parse().unwrap());
        let plan = planned(Listing { newer_than, ..listing(&server) }, Limits::default()).await.unwrap();
        assert_eq!(wanted(&plan), ["m2/g/a/1/a-1.jar", "m2/g/a/3/a-3.jar"], "{status}");
    }
}

#[tokio::test]
async fn a_token_that_has_expired_begins_the_list_anew_once() {
    let server = Server::start().await;
    serve(&server, ALL, 30, 10);
    let second = format!("{ALL}&continuationToken=t1");
    server.script(&second, [Reply::Status(406)]);
    let plan = planned(listing(&server), Limits::default()).await.unwrap();
    assert_eq!(plan.wanted.len(), 30);
    assert_eq!((server.count(ALL), server.count(&second)), (2, 2));
    server.put(&second, Reply::Status(406));
    let error = planned(listing(&server), Limits::default()).await.unwrap_err();
    assert!(error.ends_with("/: it was refused with 406: check the address"), "{error}");
}

#[tokio::test]
async fn a_list_without_end_ends() {
    let server = Server::start().await;
    server.put(ALL, page(&[asset(&jar(1))], Some("t1")));
    server.put(&format!("{ALL}&continuationToken=t1"), page(&[asset(&jar(1))], Some("t1")));
    let error = planned(listing(&server), Limits::default()).await.unwrap_err();
    assert!(error.ends_with("a continuationToken came twice"), "{error}");
    serve(&server, ALL, 30, 10);
    let error = planned(listing(&server), Limits { pages: 2, ..Limits::default() }).await.unwrap_err();
    assert!(error.ends_with("it has more than 2 pages; list what is newer only"), "{error}");
    assert_eq!(
        planned(listing(&server), Limits { pages: 3, ..Limits::default() }).await.unwrap().wanted.len(),
        30
    );
}

#[tokio::test]
async fn no_repository_no_rights_and_no_json_fail_the_plan() {
    let server = Server::start().await;
    for (reply, expected) in [
        (Reply::Status(404), "refused with 404: check the address and the repository's name"),
        (Reply::Status(401), "refused with 401: check the credentials and what they may read"),
        (Reply::Status(500), "it answers 500"),
        (Reply::Body(b"<html>log in</html>".to_vec()), "could not list central of http://127.0.0.1"),
    ] {
        server.put(ALL, reply);
        let error = planned(listing(&server), Limits::default()).await.unwrap_err();
        assert!(error.contains(expected), "{error}");
    }
}

#[tokio::test]
async fn by_products_are_left_out_and_of_a_snapshot_the_newest_build_is_taken() {
    let server = Server::start().await;
    let snapshot = |stamp: &str| format!("/g/a/1-SNAPSHOT/a-1-{stamp}.jar");
    let paths = [
        "/g/a/1/a-1.pom".to_owned(),
        "/g/a/1/a-1.pom.sha1".to_owned(),
        "/g/a/maven-metadata.xml".to_owned(),
        snapshot("20261119.010000-9"),
        snapshot("20261120.010000-10"),
        snapshot("20261118.010000-8"),
        "/../../etc/passwd".to_owned(),
        "/.index/nexus-maven-repository-index.gz".to_owned(),
        "/readme.txt".to_owned(),
    ];
    let mut assets = paths.map(|path| asset(&path)).to_vec();
    assets.push(json!({ "path": "/g/a/2/a-2.jar", "checksum": {}, "fileSize": 0 }));
    server.put(ALL, page(&assets, None));
    let plan = planned(listing(&server), Limits::default()).await.unwrap();
    assert_eq!(wanted(&plan), ["m2/g/a/1-SNAPSHOT/a-1-SNAPSHOT.jar", "m2/g/a/1/a-1.pom"]);
    assert!(plan.wanted[0].url.as_str().ends_with("/a-1-20261120.010000-10.jar"));
    assert_eq!(
        problems(&plan),
        [
            "/../../etc/passwd: no path for a volume: a segment that is . or ..",
            "/g/a/2/a-2.jar: the repository has no digest for it",
            "/readme.txt: not laid out as a Maven repository: group/artifact/version/artifact-version.extension",
        ]
    );
}

#[tokio::test]
async fn other_formats_are_taken_path_by_path_and_the_better_digest_counts() {
    let server = Server::start().await;
    let sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    let mut npm = asset("@scope/pkg/-/pkg-1.0.0.tgz");
    npm["checksum"]["sha256"] = sha256.into();
    server.put(ALL, page(&[npm], None));
    let listing = Listing { layout: Layout::Plain, under: None, ..listing(&server) };
    let plan = planned(listing, Limits::default()).await.unwrap();
    assert_eq!(wanted(&plan), ["@scope/pkg/-/pkg-1.0.0.tgz"]);
    assert_eq!(plan.wanted[0].digest.to_string(), format!("sha256:{sha256}"));
    let at: &Url = &plan.wanted[0].url;
    assert_eq!(at.as_str(), format!("{}/repository/central/@scope/pkg/-/pkg-1.0.0.tgz", server.base));
}

#[tokio::test]
async fn what_the_volume_has_is_told_by_size_and_digest() {
    let server = Server::start().await;
    let paths = ["g/a/1/a-1.jar", "g/a/2/a-2.jar", "g/a/3-SNAPSHOT/a-3-SNAPSHOT.jar"];
    server.put(ALL, page(&paths.map(asset), None));
    let mut shelf = Shelf::with(&[
        ("m2/g/a/1/a-1.jar", paths[0].as_bytes()),
        ("m2/g/a/2/a-2.jar", b"cut off"),
        ("m2/g/a/3-SNAPSHOT/a-3-SNAPSHOT.jar", "G/a/3-SNAPSHOT/a-3-SNAPSHOT.jar".as_bytes()),
    ]);
    let feeders = [Feeder::Nexus(listing(&server))];
    let plan = plan(&feeders, &super::web(), &shelf, &Limits::default()).await.unwrap();
    assert_eq!(wanted(&plan), ["m2/g/a/2/a-2.jar", "m2/g/a/3-SNAPSHOT/a-3-SNAPSHOT.jar"]);
    assert_eq!(plan.already_there, [path("m2/g/a/1/a-1.jar")]);
    assert_eq!(
        *shelf.reads.borrow(),
        ["m2/g/a/3-SNAPSHOT/a-3-SNAPSHOT.jar"],
        "only what may have changed is read"
    );
    shelf.files.insert("m2/g/a/1/a-1.jar".to_owned(), b"G/a/1/a-1.jar".to_vec());
    shelf.knows_digests = true;
    let plan = crate::plan(&feeders, &super::web(), &shelf, &Limits::default()).await.unwrap();
    assert_eq!(plan.wanted.len(), 3, "a digest that is known for nothing counts before the size");
}
