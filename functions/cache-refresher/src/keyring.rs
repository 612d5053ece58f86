//! The repositories of caches, and the secrets that open them.

use tokio::sync::OnceCell;
use watchkeeper_domain::{cache, config::Config, failure::Failure};
use watchkeeper_packages::{Access, Answer, Credentials, Patience, Repositories, Request, Url, Web};
use watchkeeper_shell::secrets::Secrets;

/// The repositories, and the secrets that open them. These are read with the first request: a job that claims a volume
/// needs none.
#[derive(Debug)]
pub struct Keyring {
    secrets: Secrets,
    access: Vec<cache::Access>,
    web: OnceCell<Web>,
}

impl Keyring {
    /// What every `[[cache.access]]` of `config` opens. Nothing is read yet.
    pub fn new(secrets: Secrets, config: &Config) -> Self {
        let access = config.caches.iter().flat_map(|cache| cache.access.clone()).collect();
        Self { secrets, access, web: OnceCell::new() }
    }

    async fn open(&self) -> Result<Web, Failure> {
        let mut access = Vec::new();
        for cache::Access { base, secret } in &self.access {
            let base = Url::parse(base).map_err(|error| Failure::new("understand", base.as_str(), error))?;
            let value = self.secrets.value(secret).await?;
            let credentials = match value.split_once(':') {
                Some((user, password)) => {
                    Credentials::Basic { user: user.to_owned(), password: password.to_owned() }
                }
                None => Credentials::Bearer(value),
            };
            access.push(Access { base, credentials });
        }
        Web::connect(Patience::default(), access)
    }
}

impl Repositories for Keyring {
    async fn get(&self, request: &Request) -> Result<Answer, Failure> {
        self.web.get_or_try_init(|| self.open()).await?.get(request).await
    }
}
