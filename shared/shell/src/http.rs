//! A POST or a GET over HTTPS, and what its answer means: shown or read, not so, or nobody knows.

use std::{error::Error, time::Duration};

use jiff::{SignedDuration, Timestamp, fmt::rfc2822};
use reqwest::{
    Client, RequestBuilder, Response, Url,
    header::{self, AUTHORIZATION, DATE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER},
    redirect::Policy,
};
#[cfg(feature = "channels")]
use serde_json::Value;
use watchkeeper_domain::{failure::Failure, message::Trouble};

/// The most of an answer that is read, in bytes. The answers that mean something have less than 1 KB.
const BODY: usize = 64 * 1024;
/// The longest that a channel may ask us to leave it alone.
const LONGEST_WAIT: SignedDuration = SignedDuration::from_hours(1);
/// How much of a refusal's body goes into its cause, in characters.
const CAUSE: usize = 80;

/// How long to wait for an answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Patience {
    /// For a connection.
    pub connect: Duration,
    /// For everything together.
    pub total: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { connect: Duration::from_secs(2), total: Duration::from_secs(5) }
    }
}

/// What was answered with a 2xx status.
pub(crate) struct Answer {
    pub status: u16,
    pub body: String,
}

/// A client that tries once, follows no redirect (body and token are meant for one address only), takes no proxy from
/// the environment, and keeps no connection: one that dies while Lambda has frozen us looks like a lost answer.
pub(crate) fn client(patience: Patience) -> Result<Client, Failure> {
    Client::builder()
        .connect_timeout(patience.connect)
        .timeout(patience.total)
        .redirect(Policy::none())
        .retry(reqwest::retry::never())
        .pool_max_idle_per_host(0)
        .no_proxy()
        .referer(false)
        .user_agent(concat!("watchkeeper/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|error| Failure::new("make", "the HTTPS client", error.without_url()))
}

/// Posts `message` as JSON to `url`, once.
///
/// Neither `url` nor `bearer` nor a routing key is ever part of the trouble: the address of a webhook is its password.
#[cfg(feature = "channels")]
pub(crate) async fn post(
    client: &Client,
    url: &str,
    bearer: Option<&str>,
    message: &Value,
) -> Result<Answer, Trouble> {
    let mut request =
        client.post(address(url)?).header(header::CONTENT_TYPE, "application/json; charset=utf-8");
    if let Some(token) = bearer {
        request = request.header(AUTHORIZATION, credentials("Bearer ", token)?);
    }
    let hidden = secrets(url).chain(bearer).chain(routing_key(message));
    answer(request.body(message.to_string()), hidden).await
}

/// Gets `url` as a document of the type `accept`, with the token that `authorization` has after its scheme. An attempt
/// that comes to nothing is repeated once and at once, if that can help and nobody has asked for a wait.
///
/// Neither `url` nor the token is ever part of the trouble.
#[cfg(feature = "drills")]
pub(crate) async fn get(
    client: &Client,
    url: &str,
    accept: &str,
    authorization: Option<(&str, &str)>,
) -> Result<Answer, Trouble> {
    let attempt = async || {
        let mut request = client.get(address(url)?).header(header::ACCEPT, accept);
        if let Some((scheme, token)) = authorization {
            request = request.header(AUTHORIZATION, credentials(scheme, token)?);
        }
        answer(request, secrets(url).chain(authorization.map(|(_, token)| token))).await
    };
    match attempt().await {
        Err(trouble) if trouble.passing && trouble.retry_after.is_none() => attempt().await,
        answer => answer,
    }
}

/// Sends `request`. What is `hidden` is left out of the trouble.
async fn answer<'a>(
    request: RequestBuilder,
    hidden: impl Iterator<Item = &'a str>,
) -> Result<Answer, Trouble> {
    let response = request.send().await.map_err(|error| unanswered(&error))?;
    let status = response.status().as_u16();
    let wait = retry_after(response.headers());
    let body = read(response).await;
    match status {
        200..=299 => body.map(|body| Answer { status, body }),
        _ => Err(refused(status, wait, &without(&body.unwrap_or_default(), hidden))),
    }
}

/// Where to send. Only this machine may be spoken to without TLS: the fake channels of a test are there.
fn address(url: &str) -> Result<Url, Trouble> {
    let url = Url::parse(url).map_err(|_| Trouble::lasting("no web address where one is needed"))?;
    let is_here = matches!(url.host_str(), Some("127.0.0.1" | "localhost" | "[::1]"));
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_here => Ok(url),
        _ => Err(Trouble::lasting("an address that does not begin with https://")),
    }
}

fn credentials(scheme: &str, token: &str) -> Result<HeaderValue, Trouble> {
    let value = HeaderValue::try_from(format!("{scheme}{token}"));
    let mut value = value.map_err(|_| Trouble::lasting("a token with characters that no token has"))?;
    value.set_sensitive(true);
    Ok(value)
}

/// Nothing was sent before the connection stood (RFC 9110, 9.2.2: a POST may not be repeated unless that is known).
fn unanswered(error: &reqwest::Error) -> Trouble {
    let deepest =
        std::iter::successors(error.source(), |error: &&(dyn Error + 'static)| (*error).source()).last();
    match (error.is_connect(), error.is_timeout()) {
        (true, true) => Trouble::passing("no connection in time", None),
        (true, false) => Trouble::passing(format!("no connection{}", reason(deepest)), None),
        (false, true) => Trouble::in_doubt("no answer in time"),
        (false, false) if error.is_builder() => Trouble::lasting("a request that cannot be made"),
        (false, false) => Trouble::in_doubt("the connection broke before the answer"),
    }
}

/// The operating system's word, which names no address. Anything else may, and is left out.
fn reason(error: Option<&(dyn Error + 'static)>) -> String {
    let kind = error.and_then(|error| error.downcast_ref::<std::io::Error>()).map(std::io::Error::kind);
    kind.map(|kind| format!(": {kind}")).unwrap_or_default()
}

async fn read(mut response: Response) -> Result<String, Trouble> {
    let broken = |error: reqwest::Error| {
        let cause = if error.is_timeout() { "no whole answer in time" } else { "an answer that breaks off" };
        Trouble::in_doubt(cause)
    };
    let mut body = Vec::new();
    while body.len() < BODY
        && let Some(chunk) = response.chunk().await.map_err(broken)?
    {
        body.extend_from_slice(&chunk);
    }
    body.truncate(BODY);
    Ok(String::from_utf8_lossy(&body).into_owned())
}

/// What a status means that is not 2xx (RFC 9110, 15; RFC 6585, 4 for 429).
fn refused(status: u16, wait: Option<SignedDuration>, body: &str) -> Trouble {
    let cause = cause(status, body);
    match status {
        429 => Trouble::passing(cause, wait),
        503 if wait.is_some() => Trouble::passing(cause, wait),
        408 | 500..=599 => Trouble::in_doubt(cause),
        _ => Trouble::lasting(cause),
    }
}

/// `404 no_service`: the status, and the beginning of the body.
pub(crate) fn cause(status: u16, body: &str) -> String {
    let body = watchkeeper_domain::text::line(body);
    let body: String = body.chars().take(CAUSE).collect();
    format!("{status} {body}").trim_end().to_owned()
}

/// `body` without `secrets`: a refusal may repeat what it refuses.
fn without<'a>(body: &str, secrets: impl Iterator<Item = &'a str>) -> String {
    secrets.fold(body.to_owned(), |body, secret| body.replace(secret, "…"))
}

/// What of an address is secret: all of it, and its long parts by themselves.
fn secrets(url: &str) -> impl Iterator<Item = &str> {
    let parts = url.split(['/', '?', '&', '=', '#']).filter(|part| part.len() >= 8);
    std::iter::once(url).filter(|url| !url.is_empty()).chain(parts)
}

/// The key in an event for PagerDuty.
#[cfg(feature = "channels")]
fn routing_key(message: &Value) -> Option<&str> {
    message["routing_key"].as_str().filter(|key| !key.is_empty())
}

/// Seconds, or a date (RFC 9110, 10.2.3), which is compared with the answer's own `Date`, so that nobody's clock is
/// asked.
fn retry_after(headers: &HeaderMap) -> Option<SignedDuration> {
    let text = |name: HeaderName| headers.get(name)?.to_str().ok().map(str::trim);
    let asked = text(RETRY_AFTER)?;
    let wait = match asked.parse::<u32>() {
        Ok(seconds) => SignedDuration::from_secs(i64::from(seconds)),
        Err(_) => date(asked)?.duration_since(date(text(DATE)?)?),
    };
    Some(wait.clamp(SignedDuration::ZERO, LONGEST_WAIT))
}

/// `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110, 5.6.7).
fn date(text: &str) -> Option<Timestamp> {
    rfc2822::DateTimeParser::new().parse_timestamp(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers<const N: usize>(pairs: [(HeaderName, &'static str); N]) -> HeaderMap {
        pairs.map(|(name, value)| (name, HeaderValue::from_static(value))).into_iter().collect()
    }

    #[test]
    fn a_wait_is_asked_for_in_seconds_or_by_date_and_is_an_hour_at_most() {
        let date = || (DATE, "Fri, 20 Nov 2026 12:00:00 GMT");
        let wait = |headers: HeaderMap| retry_after(&headers).map(|wait| wait.as_secs());
        assert_eq!(wait(headers([(RETRY_AFTER, "30")])), Some(30));
        assert_eq!(wait(headers([(RETRY_AFTER, "86400")])), Some(3_600));
        assert_eq!(wait(headers([(RETRY_AFTER, "Fri, 20 Nov 2026 12:00:45 GMT"), date()])), Some(45));
        assert_eq!(wait(headers([(RETRY_AFTER, "Fri, 20 Nov 2026 11:00:00 GMT"), date()])), Some(0));
        assert_eq!(wait(headers([(RETRY_AFTER, "Fri, 20 Nov 2026 12:00:45 GMT")])), None);
        assert_eq!(wait(headers([(RETRY_AFTER, "soon"), date()])), None);
        assert_eq!(wait(headers([date()])), None);
    }

    #[test]
    fn a_status_says_whether_it_was_shown_and_whether_to_try_again() {
        let wait = Some(SignedDuration::from_secs(7));
        let passing = |wait| (true, false, wait);
        let (in_doubt, lasting) = ((true, true, None), (false, false, None));
        for (status, wait, expected) in [
            (429, wait, passing(wait)),
            (429, None, passing(None)),
            (503, wait, passing(wait)),
            (503, None, in_doubt),
            (408, None, in_doubt),
            (500, wait, in_doubt),
            (502, None, in_doubt),
            (504, None, in_doubt),
            (301, None, lasting),
            (307, None, lasting),
            (400, wait, lasting),
            (401, None, lasting),
            (403, None, lasting),
            (404, None, lasting),
            (410, None, lasting),
            (413, None, lasting),
        ] {
            let trouble = refused(status, wait, "");
            assert_eq!((trouble.passing, trouble.ambiguous, trouble.retry_after), expected, "{status}");
        }
    }

    #[test]
    fn a_cause_is_the_status_and_the_beginning_of_the_body() {
        assert_eq!(refused(404, None, "no_service\n").cause, "404 no_service");
        assert_eq!(refused(500, None, "").cause, "500");
        let long = refused(400, None, &format!("<html>\u{7}\u{202e}{}", "x".repeat(1_000))).cause;
        assert!(long.starts_with("400 <html>xxx"), "{long}");
        assert_eq!(long.chars().count(), 84);
    }

    #[test]
    #[cfg(feature = "channels")]
    fn a_refusal_that_repeats_the_address_or_the_key_does_not_get_into_the_cause() {
        let url = "https://hooks.example.com/services/T00000000/B00000000/sEcReTsEcReT?sig=aBcDeFgHiJ";
        let said = format!("no {url}; no sEcReTsEcReT; no aBcDeFgHiJ; no tOkEn; no kEy");
        let message = serde_json::json!({ "routing_key": "kEy" });
        let hidden = without(&said, secrets(url).chain(Some("tOkEn")).chain(routing_key(&message)));
        assert_eq!(hidden, "no …; no …; no …; no …; no …");
    }

    #[test]
    fn nothing_is_sent_without_tls_but_to_this_machine() {
        let cause = |url| address(url).err().map(|trouble| trouble.cause);
        assert_eq!(cause("https://hooks.example.com/x"), None);
        assert_eq!(cause("http://127.0.0.1:1/x"), None);
        for url in
            ["http://hooks.example.com/x", "http://127.0.0.1.example.com/", "ftp://127.0.0.1/", "file:///x"]
        {
            assert_eq!(cause(url).as_deref(), Some("an address that does not begin with https://"), "{url}");
        }
        assert_eq!(cause("xoxb-a-token").as_deref(), Some("no web address where one is needed"));
    }
}
