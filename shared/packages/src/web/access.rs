//! Who may know which password.

use reqwest::{RequestBuilder, Url};
use watchkeeper_domain::failure::Failure;

use crate::repository::shown;

/// Credentials, and the one host that they are for.
#[derive(Clone, Debug)]
pub struct Access {
    /// An address of the host. Scheme, host and port count, the path does not.
    pub base: Url,
    /// What to show there.
    pub credentials: Credentials,
}

/// What proves who we are. It is never printed.
#[derive(Clone)]
pub enum Credentials {
    /// A name and a password, or the two halves of a Nexus user token (RFC 7617).
    Basic {
        /// Who.
        user: String,
        /// The proof.
        password: String,
    },
    /// A token (RFC 6750).
    Bearer(String),
}

impl Access {
    /// A password goes over TLS, or stays on this machine.
    pub(super) fn check(&self) -> Result<(), Failure> {
        check(&self.base)?;
        let is_here = matches!(self.base.host_str(), Some("127.0.0.1" | "localhost" | "[::1]"));
        if self.base.scheme() == "https" || is_here {
            return Ok(());
        }
        let cause = "credentials would be sent in the clear: use https, or no credentials";
        Err(Failure::new("send credentials to", shown(&self.base), cause))
    }

    pub(super) fn is_for(&self, url: &Url) -> bool {
        self.base.origin() == url.origin()
    }
}

impl Credentials {
    pub(super) fn add_to(&self, request: RequestBuilder) -> RequestBuilder {
        match self {
            Self::Basic { user, password } => request.basic_auth(user, Some(password)),
            Self::Bearer(token) => request.bearer_auth(token),
        }
    }
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Basic { .. } => "Basic(…)",
            Self::Bearer(_) => "Bearer(…)",
        })
    }
}

/// An address is `http` or `https`, and has no password in it: it is shown in messages.
pub(super) fn check(url: &Url) -> Result<(), Failure> {
    let failure = |cause: &str| Err(Failure::new("fetch", shown(url), cause));
    if !matches!(url.scheme(), "http" | "https") {
        return failure("an address that begins with neither https:// nor http://");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return failure("an address with credentials in it: configure them apart");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn access(base: &str) -> Access {
        let credentials = Credentials::Basic { user: "bob".to_owned(), password: "hunter2".to_owned() };
        Access { base: Url::parse(base).unwrap(), credentials }
    }

    #[test]
    fn a_password_goes_over_tls_or_stays_here() {
        for base in
            ["https://repo.example.com", "http://127.0.0.1:8081", "http://localhost/x", "http://[::1]/"]
        {
            assert!(access(base).check().is_ok(), "{base}");
        }
        for base in [
            "http://repo.example.com",
            "http://127.0.0.1.example.com",
            "ftp://127.0.0.1",
            "https://a:b@x.example.com",
        ] {
            assert!(access(base).check().is_err(), "{base}");
        }
    }

    #[test]
    fn a_password_is_for_one_scheme_host_and_port() {
        let access = access("https://repo.example.com/maven2");
        let is_for = |url: &str| access.is_for(&Url::parse(url).unwrap());
        assert!(is_for("https://repo.example.com:443/other"));
        for url in
            ["http://repo.example.com/", "https://repo.example.com:8443/", "https://x.repo.example.com/"]
        {
            assert!(!is_for(url), "{url}");
        }
    }

    #[test]
    fn neither_a_password_nor_its_owner_is_printed() {
        let text = format!(
            "{:?} {:?}",
            access("https://repo.example.com"),
            Credentials::Bearer("hunter2".to_owned())
        );
        assert!(!text.contains("hunter2") && !text.contains("bob"), "{text}");
        let failure = access("https://bob:hunter2@repo.example.com").check().unwrap_err().chain();
        assert!(!failure.contains("hunter2") && !failure.contains("bob"), "{failure}");
    }
}
