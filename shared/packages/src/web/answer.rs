//! What an answer means, and what it means that there is none.

use std::{error::Error, time::Duration};

use jiff::{Timestamp, fmt::rfc2822};
use reqwest::{
    Response,
    header::{DATE, HeaderMap, HeaderName, RETRY_AFTER},
};
use watchkeeper_domain::text;

use crate::repository::Answer;

/// How much of an error's text is repeated, in characters.
const EXCERPT: usize = 120;

/// Why an attempt came to nothing.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Trouble {
    pub cause: String,
    /// Whether it may be over soon.
    pub is_passing: bool,
    /// How long the repository asks to be left alone.
    pub retry_after: Option<Duration>,
}

impl Trouble {
    fn passing(cause: impl Into<String>) -> Self {
        Self { cause: cause.into(), is_passing: true, retry_after: None }
    }

    /// The deepest cause is repeated: the operating system's or the TLS library's word. It has no address in it.
    pub(super) fn of(error: &reqwest::Error) -> Self {
        let deepest =
            std::iter::successors(error.source(), |error: &&(dyn Error + 'static)| (*error).source()).last();
        let word = deepest.map(|error| format!(": {}", text::cut(&text::line(&error.to_string()), EXCERPT)));
        let word = word.unwrap_or_default();
        match (error.is_connect(), error.is_timeout()) {
            (true, true) => Self::passing(format!("no connection in time; {ROUTE}")),
            (true, false) => Self::passing(format!("no connection{word}; {ROUTE}")),
            (false, true) => Self::passing("it does not answer in time; check whether it is overloaded"),
            (false, false) if error.is_redirect() => {
                Self { is_passing: false, ..Self::passing(format!("a redirect is not followed{word}")) }
            }
            (false, false) if error.is_builder() => {
                Self { is_passing: false, ..Self::passing("a request that cannot be made") }
            }
            (false, false) => Self::passing(format!("the connection broke{word}")),
        }
    }
}

/// What to look at when there is no connection.
const ROUTE: &str =
    "check host and port, name resolution, and that the subnet's route and the security group let us out";

/// The answer, with at most `limit` bytes of body.
pub(super) async fn read(mut response: Response, limit: u64) -> Result<Answer, Trouble> {
    let status = response.status().as_u16();
    match status {
        200..=299 => {}
        408 | 429 | 500..=599 => {
            let retry_after = retry_after(response.headers()).filter(|_| matches!(status, 429 | 503));
            let cause = format!("it answers {status}: it asks to try later or is out of order");
            return Err(Trouble { retry_after, ..Trouble::passing(cause) });
        }
        400..=499 => return Ok(Answer::Refused(status)),
        _ => {
            let cause = format!("it answers {status}, which means nothing here");
            return Err(Trouble { is_passing: false, ..Trouble::passing(cause) });
        }
    }
    let announced = response.content_length().unwrap_or_default();
    if announced > limit {
        return Ok(Answer::TooLong);
    }
    let mut body = Vec::with_capacity(usize::try_from(announced).unwrap_or_default());
    while let Some(chunk) = response.chunk().await.map_err(|error| Trouble::of(&error))? {
        if (body.len() + chunk.len()) as u64 > limit {
            return Ok(Answer::TooLong);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Answer::Found(body))
}

/// Seconds, or a date (RFC 9110, 10.2.3), which is compared with the answer's own `Date`, so that nobody's clock is
/// asked.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: HeaderName| headers.get(name)?.to_str().ok().map(str::trim);
    let asked = text(RETRY_AFTER)?;
    match asked.parse() {
        Ok(seconds) => Some(Duration::from_secs(seconds)),
        Err(_) => Some(date(asked)?.duration_since(date(text(DATE)?)?).try_into().unwrap_or_default()),
    }
}

/// `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110, 5.6.7).
fn date(text: &str) -> Option<Timestamp> {
    rfc2822::DateTimeParser::new().parse_timestamp(text).ok()
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    #[test]
    fn a_wait_is_asked_for_in_seconds_or_by_date() {
        let wait = |pairs: &[(HeaderName, &'static str)]| {
            let headers =
                pairs.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect();
            retry_after(&headers).map(|wait| wait.as_secs())
        };
        let now = || (DATE, "Fri, 20 Nov 2026 12:00:00 GMT");
        assert_eq!(wait(&[(RETRY_AFTER, "30")]), Some(30));
        assert_eq!(wait(&[(RETRY_AFTER, "Fri, 20 Nov 2026 12:00:45 GMT"), now()]), Some(45));
        assert_eq!(wait(&[(RETRY_AFTER, "Fri, 20 Nov 2026 11:00:00 GMT"), now()]), Some(0));
        assert_eq!(wait(&[(RETRY_AFTER, "Fri, 20 Nov 2026 12:00:45 GMT")]), None);
        assert_eq!(wait(&[(RETRY_AFTER, "soon"), now()]), None);
        assert_eq!(wait(&[now()]), None);
    }
}
