//! Repositories over HTTP and HTTPS.
//!
//! | rule | value ([`Patience`] by default) |
//! |---|---|
//! | connection | 5 s |
//! | nothing comes | 15 s |
//! | the whole of a request | 30 s for a listing, a POM, a digest; 5 min for a file |
//! | attempts | 3, with 1 s and 4 s between them |
//! | tried again | no connection, a time-out, a body that breaks off, 408, 429, 5xx |
//! | not tried again | every other 4xx: 401, 403 and 404 above all |
//! | `Retry-After` of 429 and 503 | honoured up to 30 s; asked for longer, it is given up |
//! | redirects | 5, to the same scheme; credentials are left behind when host or port change |
//!
//! Each is a GET, so trying again does no harm. Nobody's proxy settings are read from the environment.

mod access;
mod answer;

use std::time::Duration;

use reqwest::{Client, redirect::Policy};
use watchkeeper_domain::failure::Failure;

pub use self::access::{Access, Credentials};
use self::answer::Trouble;
use crate::repository::{Answer, Kind, Repositories, Request, shown};

/// How often a request is made at most.
const ATTEMPTS: u32 = 3;
/// How many redirects are followed.
const REDIRECTS: usize = 5;

/// How long to wait for a repository.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Patience {
    /// For a connection.
    pub connect: Duration,
    /// For the next bytes.
    pub idle: Duration,
    /// For the whole of something short.
    pub text: Duration,
    /// For the whole of a file.
    pub file: Duration,
    /// Before the second attempt; four times as long before the third.
    pub pause: Duration,
    /// The most that a repository may ask for in `Retry-After`.
    pub longest_pause: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            idle: Duration::from_secs(15),
            text: Duration::from_secs(30),
            file: Duration::from_secs(300),
            pause: Duration::from_secs(1),
            longest_pause: Duration::from_secs(30),
        }
    }
}

/// The web, with the credentials for some of its hosts.
#[derive(Clone, Debug)]
pub struct Web {
    client: Client,
    patience: Patience,
    access: Vec<Access>,
}

impl Web {
    /// A client of `patience` that has `access`. Connections are kept between requests.
    ///
    /// # Errors
    /// When there are credentials for a host that is not reached by HTTPS, unless it is this machine; or when there is
    /// no TLS to be had.
    pub fn connect(patience: Patience, access: Vec<Access>) -> Result<Self, Failure> {
        access.iter().try_for_each(Access::check)?;
        let client = Client::builder()
            .connect_timeout(patience.connect)
            .read_timeout(patience.idle)
            .redirect(redirects())
            .retry(reqwest::retry::never())
            .no_proxy()
            .referer(false)
            .user_agent(concat!("watchkeeper/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| Failure::new("make", "the HTTPS client", error.without_url()))?;
        Ok(Self { client, patience, access })
    }

    async fn attempt(&self, request: &Request) -> Result<Answer, Trouble> {
        let total = match request.kind {
            Kind::Text => self.patience.text,
            Kind::File => self.patience.file,
        };
        let mut get = self.client.get(request.url.clone()).timeout(total);
        if let Some((name, value)) = request.header {
            get = get.header(name, value);
        }
        if let Some(access) = self.access.iter().find(|it| it.is_for(&request.url)) {
            get = access.credentials.add_to(get);
        }
        let response = get.send().await.map_err(|error| Trouble::of(&error))?;
        answer::read(response, request.limit).await
    }
}

impl Repositories for Web {
    async fn get(&self, request: &Request) -> Result<Answer, Failure> {
        access::check(&request.url)?;
        let failure = |cause: String| Failure::new("fetch", shown(&request.url), cause);
        let mut pauses =
            (1..ATTEMPTS).scan(self.patience.pause, |pause, _| Some(std::mem::replace(pause, *pause * 4)));
        loop {
            let trouble = match self.attempt(request).await {
                Ok(answer) => return Ok(answer),
                Err(trouble) => trouble,
            };
            let pause = match (trouble.is_passing.then(|| pauses.next()).flatten(), trouble.retry_after) {
                (None, _) => return Err(failure(trouble.cause)),
                (Some(_), Some(asked)) if asked > self.patience.longest_pause => {
                    return Err(failure(format!("{}, in {} s", trouble.cause, asked.as_secs())));
                }
                (Some(pause), asked) => asked.unwrap_or(pause),
            };
            wait(pause).await;
        }
    }
}

fn redirects() -> Policy {
    Policy::custom(|attempt| {
        let from = attempt.previous().last().map(|url| url.scheme().to_owned());
        match from {
            _ if attempt.previous().len() > REDIRECTS => attempt.error("it redirects more than 5 times"),
            Some(from) if from != attempt.url().scheme() => {
                let cause = format!("it redirects from {from} to {}", attempt.url().scheme());
                attempt.error(cause)
            }
            Some(_) | None => attempt.follow(),
        }
    })
}

#[expect(clippy::disallowed_methods, reason = "seconds between two attempts at one GET; nothing is polled")]
async fn wait(pause: Duration) {
    tokio::time::sleep(pause).await;
}
