//! Downloads, from a server that has something else.

use std::{ops::ControlFlow, time::Duration};

use super::{Reply, Server, path, sha1, url};
use crate::{Cause, Digest, Limits, Wanted, fetch, fetch_all};

fn wanted(server: &Server, target: &str, bytes: &[u8]) -> Wanted {
    Wanted {
        path: path("a/file"),
        url: url(&format!("{}{target}", server.base)),
        digest: Digest::sha1(&sha1(bytes)).unwrap(),
        size: None,
    }
}

#[tokio::test]
async fn bytes_with_another_digest_or_size_are_not_handed_on() {
    let server = Server::start().await;
    server.file("/x", b"what is there");
    let limits = Limits::default();
    let good = wanted(&server, "/x", b"what is there");
    assert_eq!(fetch(&super::web(), &good, &limits).await.unwrap(), Ok(b"what is there".to_vec()));
    let wrong = wanted(&server, "/x", b"what was announced");
    assert_eq!(fetch(&super::web(), &wrong, &limits).await.unwrap(), Err(Cause::WrongDigest));
    let longer = Wanted { size: Some(14), ..good.clone() };
    let cause = Cause::WrongSize { announced: 14, found: 13 };
    assert_eq!(fetch(&super::web(), &longer, &limits).await.unwrap(), Err(cause));
    let short = Limits { file_bytes: 12, ..limits };
    assert_eq!(fetch(&super::web(), &good, &short).await.unwrap(), Err(Cause::TooLong { limit: 12 }));
}

#[tokio::test]
async fn what_is_wrong_with_one_file_is_told_from_what_is_wrong_with_its_repository() {
    let server = Server::start().await;
    for (status, cause) in [
        (404, Some(Cause::Missing)),
        (410, Some(Cause::Missing)),
        (403, Some(Cause::Refused { status: 403 })),
        (451, Some(Cause::Refused { status: 451 })),
        (401, None),
        (400, None),
        (500, None),
    ] {
        server.put("/x", Reply::Status(status));
        let fetched = fetch(&super::web(), &wanted(&server, "/x", b""), &Limits::default()).await;
        assert_eq!(fetched.ok(), cause.map(Err), "{status}");
    }
}

/// What came, in its order.
async fn all(server: &Server, list: &[Wanted], limits: &Limits) -> Vec<Result<Vec<u8>, Cause>> {
    let (mut came, mut targets) = (Vec::new(), Vec::new());
    let take = async |wanted: &Wanted, fetched| {
        targets.push(wanted.url.clone());
        came.push(fetched);
        Ok(ControlFlow::Continue(()))
    };
    fetch_all(&super::web(), list, limits, take).await.unwrap();
    assert!(targets.iter().eq(list.iter().map(|wanted| &wanted.url)), "{}", server.base);
    came
}

#[tokio::test]
async fn downloads_come_in_order_side_by_side_and_one_that_is_bad_spoils_no_other() {
    let server = Server::start().await;
    server.delay(Duration::from_millis(20));
    let files: Vec<(String, Vec<u8>)> = (0..40).map(|n| (format!("/{n}"), vec![n; 100])).collect();
    for (target, bytes) in &files {
        server.file(target, bytes);
    }
    server.put("/7", Reply::Body(b"something else".to_vec()));
    server.put("/8", Reply::Status(404));
    let list: Vec<Wanted> = files.iter().map(|(target, bytes)| wanted(&server, target, bytes)).collect();
    let came = all(&server, &list, &Limits { in_flight: 8, ..Limits::default() }).await;
    for (n, (came, (_, expected))) in came.into_iter().zip(files).enumerate() {
        let expected = match n {
            7 => Err(Cause::WrongDigest),
            8 => Err(Cause::Missing),
            _ => Ok(expected),
        };
        assert_eq!(came, expected, "{n}");
    }
    assert!((2..=8).contains(&server.most()), "{}", server.most());
}

#[tokio::test]
async fn a_repository_that_fails_ends_the_downloads_where_it_fails() {
    let server = Server::start().await;
    let list: Vec<Wanted> = (0..4).map(|n| wanted(&server, &format!("/{n}"), b"x")).collect();
    ["/0", "/1", "/3"].iter().for_each(|target| server.file(target, b"x"));
    server.put("/2", Reply::Status(500));
    let mut taken = 0;
    let take = async |_: &Wanted, _| {
        taken += 1;
        Ok(ControlFlow::Continue(()))
    };
    let failure = fetch_all(&super::web(), &list, &Limits::default(), take).await.unwrap_err();
    assert!(failure.chain().contains("/2: it answers 500"), "{}", failure.chain());
    assert_eq!(taken, 2);
}

#[tokio::test]
async fn downloads_go_on_while_one_is_taken_and_end_when_enough_is_taken() {
    let server = Server::start().await;
    let list: Vec<Wanted> = (0..9).map(|n| wanted(&server, &format!("/{n}"), b"x")).collect();
    (0..9).for_each(|n| server.file(&format!("/{n}"), b"x"));
    let limits = Limits { in_flight: 4, ..Limits::default() };
    let mut taken = 0;
    let take = async |_: &Wanted, _| {
        taken += 1;
        let all_there = async {
            while server.asked().len() < 3 + taken {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(5), all_there).await.unwrap();
        Ok(if taken == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    };
    fetch_all(&super::web(), &list, &limits, take).await.unwrap();
    assert_eq!((taken, server.asked().len()), (3, 6), "no more than 4 at once");
}

#[tokio::test]
async fn long_files_come_one_after_another_and_nothing_is_held_of_those_that_wait() {
    let server = Server::start().await;
    let bytes = vec![7; 5 << 20];
    let mut list = Vec::new();
    for n in 0..4 {
        server.file(&format!("/{n}"), &bytes);
        list.push(wanted(&server, &format!("/{n}"), &bytes));
    }
    list[3].size = Some(5 << 20);
    let mut asked = Vec::new();
    let take = async |_: &Wanted, fetched: Result<Vec<u8>, Cause>| {
        assert!(fetched == Ok(bytes.clone()));
        asked.push(server.asked().len());
        Ok(ControlFlow::Continue(()))
    };
    let limits = Limits { in_flight: 4, file_bytes: 6 << 20, ..Limits::default() };
    fetch_all(&super::web(), &list, &limits, take).await.unwrap();
    assert_eq!(asked, [4, 5, 6, 7], "three are asked for to no avail, the fourth says how long it is");
    assert_eq!(limits.memory(), 22 << 20);
}
