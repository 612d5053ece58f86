//! The client against a server that misbehaves.

use std::time::Duration;

use super::{Reply, Server, url};
use crate::{Access, Answer, Credentials, Patience, Repositories, Request, Web};

/// Short, but not so short that a busy machine looks like a server that hangs.
pub(super) const SHORT: Patience = Patience {
    connect: Duration::from_secs(2),
    idle: Duration::from_secs(1),
    text: Duration::from_secs(5),
    file: Duration::from_secs(5),
    pause: Duration::from_millis(1),
    longest_pause: Duration::from_secs(1),
};

const LIMIT: u64 = 1_000;

async fn get(server: &Server, target: &str) -> Result<Answer, String> {
    let request = Request::text(url(&format!("{}{target}", server.base)), LIMIT);
    super::web().get(&request).await.map_err(|failure| failure.chain())
}

#[tokio::test]
async fn what_may_pass_is_tried_three_times_and_what_may_not_once() {
    let server = Server::start().await;
    for status in [408, 429, 500, 502, 503, 504] {
        let target = format!("/{status}");
        server.put(&target, Reply::Status(status));
        let error = get(&server, &target).await.unwrap_err();
        assert!(
            error.contains(&format!(
                "127.0.0.1:{}/{status}: it answers {status}",
                server.base.rsplit(':').next().unwrap()
            )),
            "{error}"
        );
        assert_eq!(server.count(&target), 3, "{status}");
    }
    for status in [400, 401, 403, 404, 405, 406, 410, 451] {
        let target = format!("/{status}");
        server.put(&target, Reply::Status(status));
        assert_eq!(get(&server, &target).await, Ok(Answer::Refused(status)));
        assert_eq!(server.count(&target), 1, "{status}");
    }
}

#[tokio::test]
async fn it_is_well_again_at_the_third_attempt() {
    let server = Server::start().await;
    server.file("/x", b"hello");
    server.script("/x", [Reply::Status(503), Reply::Cut(b"hel".to_vec())]);
    assert_eq!(get(&server, "/x").await, Ok(Answer::Found(b"hello".to_vec())));
    server.script("/x", [Reply::With(429, "retry-after", "0".to_owned()), Reply::Stall(b"he".to_vec())]);
    assert_eq!(get(&server, "/x").await, Ok(Answer::Found(b"hello".to_vec())));
    assert_eq!(server.count("/x"), 6);
}

#[tokio::test]
async fn a_long_retry_after_is_given_up_and_a_short_one_is_kept() {
    let server = Server::start().await;
    server.put("/long", Reply::With(429, "retry-after", "3600".to_owned()));
    let error = get(&server, "/long").await.unwrap_err();
    assert!(error.ends_with("in 3600 s"), "{error}");
    assert_eq!(server.count("/long"), 1);
    server.file("/short", b"x");
    server.script("/short", [Reply::With(503, "retry-after", "1".to_owned())]);
    let began = tokio::time::Instant::now();
    assert_eq!(get(&server, "/short").await, Ok(Answer::Found(b"x".to_vec())));
    assert!(began.elapsed() >= Duration::from_secs(1), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_server_that_stalls_or_never_answers_is_left_in_time() {
    let server = Server::start().await;
    server.put("/hang", Reply::Hang);
    server.put("/stall", Reply::Stall(b"abc".to_vec()));
    let (hang, stall) = tokio::join!(get(&server, "/hang"), get(&server, "/stall"));
    for (target, answer) in [("/hang", hang), ("/stall", stall)] {
        let error = answer.unwrap_err();
        assert!(error.ends_with("it does not answer in time; check whether it is overloaded"), "{error}");
        assert_eq!(server.count(target), 3);
    }
}

#[tokio::test]
async fn nobody_there_is_named_with_what_to_check() {
    let server = Server::start().await;
    let closed = {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap()
    };
    let request = Request::text(url(&format!("http://{closed}/a?token=hunter2")), LIMIT);
    let error = super::web().get(&request).await.unwrap_err().chain();
    assert!(error.starts_with(&format!("could not fetch http://{closed}/a: no connection")), "{error}");
    assert!(error.contains("security group") && !error.contains("hunter2"), "{error}");
    drop(server);
}

#[tokio::test]
async fn a_body_is_taken_up_to_its_limit_announced_or_not() {
    let server = Server::start().await;
    server.put("/fits", Reply::Body(vec![7; 1_000]));
    server.put("/long", Reply::Body(vec![7; 1_001]));
    assert_eq!(get(&server, "/fits").await, Ok(Answer::Found(vec![7; 1_000])));
    assert_eq!(get(&server, "/long").await, Ok(Answer::TooLong));
    server.put("/fits", Reply::Unannounced(vec![7; 1_000]));
    server.put("/long", Reply::Unannounced(vec![7; 1_001]));
    assert_eq!(get(&server, "/fits").await, Ok(Answer::Found(vec![7; 1_000])));
    assert_eq!(get(&server, "/long").await, Ok(Answer::TooLong));
}

#[tokio::test]
async fn redirects_are_followed_without_the_credentials_to_another_host() {
    let (home, other) = (Server::start().await, Server::start().await);
    other.file("/stored", b"jar");
    home.put("/moved", Reply::With(302, "location", format!("{}/stored", other.base)));
    home.put("/here", Reply::With(307, "location", "/moved".to_owned()));
    let access = Access { base: url(&home.base), credentials: Credentials::Bearer("hunter2".to_owned()) };
    let web = Web::connect(SHORT, vec![access]).unwrap();
    let request = Request::file(url(&format!("{}/here", home.base)), LIMIT);
    assert_eq!(web.get(&request).await.unwrap(), Answer::Found(b"jar".to_vec()));
    let shown: Vec<_> = home.asked().into_iter().map(|it| it.authorization).collect();
    assert_eq!(shown, [Some("Bearer hunter2".to_owned()), Some("Bearer hunter2".to_owned())]);
    assert_eq!(other.asked()[0].authorization, None);
}

#[tokio::test]
async fn credentials_are_for_their_host_only() {
    let (home, other) = (Server::start().await, Server::start().await);
    let credentials = Credentials::Basic { user: "bob".to_owned(), password: "hunter2".to_owned() };
    let web = Web::connect(SHORT, vec![Access { base: url(&home.base), credentials }]).unwrap();
    for server in [&home, &other] {
        web.get(&Request::text(url(&server.base), LIMIT)).await.unwrap();
    }
    assert_eq!(home.asked()[0].authorization.as_deref(), Some("Basic Ym9iOmh1bnRlcjI="));
    assert_eq!(other.asked()[0].authorization, None);
}

#[tokio::test]
async fn redirects_in_circles_or_to_another_scheme_are_not_followed() {
    let server = Server::start().await;
    server.put("/round", Reply::With(301, "location", "/round".to_owned()));
    server.put("/file", Reply::With(301, "location", "https://127.0.0.1:1/x".to_owned()));
    let error = get(&server, "/round").await.unwrap_err();
    assert!(error.ends_with("a redirect is not followed: it redirects more than 5 times"), "{error}");
    let error = get(&server, "/file").await.unwrap_err();
    assert!(error.ends_with("a redirect is not followed: it redirects from http to https"), "{error}");
    assert_eq!(server.count("/file"), 1);
    assert_eq!(server.count("/round"), 6);
}

#[tokio::test]
async fn an_address_with_a_password_in_it_is_not_asked_nor_shown() {
    let server = Server::start().await;
    let base = server.base.replace("http://", "http://bob:hunter2@");
    let error = super::web().get(&Request::text(url(&base), LIMIT)).await.unwrap_err().chain();
    assert!(error.contains("configure them apart") && !error.contains("hunter2"), "{error}");
    assert_eq!(server.asked(), []);
}
