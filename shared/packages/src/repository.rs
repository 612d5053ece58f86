//! The port to everything that is fetched over HTTP.

use reqwest::Url;
use serde::Serializer;
use watchkeeper_domain::failure::Failure;

use crate::plan::Cause;

/// Repositories of packages, reached by address.
#[expect(async_fn_in_trait, reason = "functions run on one thread, so futures need not be Send")]
pub trait Repositories {
    /// Gets what stands at the address. Retries and time-outs are the implementation's.
    ///
    /// # Errors
    /// When there is no answer that means anything about the one address: no connection, a time-out, 5xx.
    async fn get(&self, request: &Request) -> Result<Answer, Failure>;
}

/// One GET.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Request {
    /// From where.
    pub url: Url,
    /// The longest body that is taken, in bytes.
    pub limit: u64,
    /// How long it may take.
    pub kind: Kind,
    /// A header that the address asks for.
    pub header: Option<(&'static str, &'static str)>,
}

/// What is expected to come.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// A listing, a POM, a digest: little.
    Text,
    /// A file for the volume: perhaps much.
    File,
}

/// What came of a GET.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Answer {
    /// The whole body.
    Found(Vec<u8>),
    /// A status from 400 to 499, except those that mean "later".
    Refused(u16),
    /// More than [`Request::limit`].
    TooLong,
}

impl Request {
    /// For something short at `url`.
    pub fn text(url: Url, limit: u64) -> Self {
        Self { url, limit, kind: Kind::Text, header: None }
    }

    /// For a file at `url`.
    pub fn file(url: Url, limit: u64) -> Self {
        Self { url, limit, kind: Kind::File, header: None }
    }
}

/// The body, or what is wrong with this one address. What would be wrong with the next one as well is a failure.
pub(crate) async fn read(
    from: &impl Repositories,
    request: &Request,
) -> Result<Result<Vec<u8>, Cause>, Failure> {
    match from.get(request).await? {
        Answer::Found(body) => Ok(Ok(body)),
        Answer::TooLong => Ok(Err(Cause::TooLong { limit: request.limit })),
        Answer::Refused(404 | 410) => Ok(Err(Cause::Missing)),
        // A repository's firewall says 403 (or 451) for a single package that it holds back.
        Answer::Refused(status @ (403 | 451)) => Ok(Err(Cause::Refused { status })),
        Answer::Refused(status) => Err(refused(&request.url, status)),
    }
}

/// A refusal that concerns the repository, not one file.
pub(crate) fn refused(url: &Url, status: u16) -> Failure {
    Failure::new("fetch", shown(url), refusal(status))
}

/// What to look at after a refusal.
pub(crate) fn refusal(status: u16) -> String {
    let check = match status {
        401 | 403 => "check the credentials and what they may read",
        404 | 410 => "check the address and the repository's name",
        _ => "check the address",
    };
    format!("it was refused with {status}: {check}")
}

/// `url` as it may be shown: without credentials and without a query, which may be a signature.
pub fn shown(url: &Url) -> String {
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    format!("{}://{}{port}{}", url.scheme(), url.host_str().unwrap_or_default(), url.path())
}

pub(crate) fn serialize_shown<S: Serializer>(url: &Url, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&shown(url))
}

/// The address `path` below `base`. `path` has no empty segment and no dots.
pub(crate) fn below(base: &Url, path: &str) -> Url {
    let mut url = base.clone();
    url.set_query(None);
    url.set_fragment(None);
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.pop_if_empty().extend(path.split('/'));
    }
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_of_an_address_has_neither_password_nor_signature() {
        let url =
            Url::parse("https://bob:hunter2@repo.example.com:8443/a/b.jar?X-Amz-Signature=abc#d").unwrap();
        assert_eq!(shown(&url), "https://repo.example.com:8443/a/b.jar");
    }

    #[test]
    fn an_address_below_a_base_is_the_same_with_and_without_its_last_slash() {
        for base in ["https://repo.example.com/maven2", "https://repo.example.com/maven2/?x=1"] {
            let url = below(&Url::parse(base).unwrap(), "org/a/1.0+b/a b#c?.jar");
            assert_eq!(url.as_str(), "https://repo.example.com/maven2/org/a/1.0+b/a%20b%23c%3F.jar");
        }
    }
}
