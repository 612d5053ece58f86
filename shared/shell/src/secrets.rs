//! Addresses, tokens and keys, from Secrets Manager or the Parameter Store.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use aws_config::{SdkConfig, retry::RetryConfig, timeout::TimeoutConfig};
use watchkeeper_domain::{channel::SecretName, failure::Failure, message::Trouble};

use crate::trouble::trouble;

/// A secret. It shows itself to nobody who only prints.
#[derive(Clone)]
struct Secret(Arc<str>);

impl Secret {
    /// The value, without space around it: a newline comes easily with a pasted address.
    fn new(value: &str) -> Self {
        Self(value.trim().into())
    }

    fn value(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

/// Secrets by name. One that has been read stays in memory, as long as the process lives or until it is refused.
#[derive(Clone, Debug)]
pub struct Secrets {
    stores: Option<Stores>,
    known: Arc<Mutex<BTreeMap<SecretName, Secret>>>,
}

#[derive(Clone, Debug)]
struct Stores {
    manager: aws_sdk_secretsmanager::Client,
    parameters: aws_sdk_ssm::Client,
}

impl Secrets {
    /// Reads secrets through `config`, each call at most twice and for at most 5 s.
    pub fn connect(config: &SdkConfig) -> Self {
        let retries = RetryConfig::standard().with_max_attempts(2);
        let mut patience = TimeoutConfig::builder().operation_timeout(Duration::from_secs(5)).build();
        if let Some(usual) = config.timeout_config() {
            patience.take_defaults_from(usual);
        }
        let manager = aws_sdk_secretsmanager::config::Builder::from(config)
            .retry_config(retries.clone())
            .timeout_config(patience.clone());
        let parameters =
            aws_sdk_ssm::config::Builder::from(config).retry_config(retries).timeout_config(patience);
        let stores = Stores {
            manager: aws_sdk_secretsmanager::Client::from_conf(manager.build()),
            parameters: aws_sdk_ssm::Client::from_conf(parameters.build()),
        };
        Self { stores: Some(stores), known: Arc::default() }
    }

    /// Secrets that the caller has, and no others: for tests and for one machine.
    pub fn given(values: impl IntoIterator<Item = (SecretName, String)>) -> Self {
        let known = values.into_iter().map(|(name, value)| (name, Secret::new(&value))).collect();
        Self { stores: None, known: Arc::new(Mutex::new(known)) }
    }

    /// The value of the secret called `name`, for a client that keeps it. It must not be printed.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn value(&self, name: &SecretName) -> Result<String, Failure> {
        let secret =
            self.get(name).await.map_err(|trouble| Failure::new("read", shown(name), trouble.cause))?;
        Ok(secret.value().to_owned())
    }

    /// Sends with the secret called `name`. After a 401 or 403 the secret is read again and tried once more: it may
    /// have been rotated.
    #[cfg(any(feature = "channels", feature = "drills"))]
    pub(crate) async fn with<T>(
        &self,
        name: &SecretName,
        send: impl AsyncFn(&str) -> Result<T, Trouble>,
    ) -> Result<T, Trouble> {
        let known = self.get(name).await?;
        match send(known.value()).await {
            Err(trouble) if is_refused_secret(&trouble) => {
                let read = self.fresh(name).await?;
                send(read.value()).await
            }
            answer => answer,
        }
    }

    /// The secret called `name`, from memory if it has been read before.
    async fn get(&self, name: &SecretName) -> Result<Secret, Trouble> {
        match self.known(name) {
            Some(secret) => Ok(secret),
            None => self.fresh(name).await,
        }
    }

    /// The secret called `name`, read anew.
    async fn fresh(&self, name: &SecretName) -> Result<Secret, Trouble> {
        let Some(stores) = &self.stores else {
            return self.known(name).ok_or_else(|| Trouble::lasting(format!("{} is not given", shown(name))));
        };
        let read = match name {
            SecretName::SecretsManager(id) => stores.secret(id).await,
            SecretName::Ssm(id) => stores.parameter(id).await,
        };
        let secret = read.map_err(|trouble| unread(name, trouble))?;
        self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(name.clone(), secret.clone());
        Ok(secret)
    }

    fn known(&self, name: &SecretName) -> Option<Secret> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }
}

impl Stores {
    /// Secrets Manager API Reference, `GetSecretValue`: a secret of bytes has no `SecretString`.
    async fn secret(&self, id: &str) -> Result<Secret, Trouble> {
        let answer = self.manager.get_secret_value().secret_id(id).send().await;
        let answer = answer.map_err(|error| trouble("Secrets Manager", error))?;
        filled(answer.secret_string())
    }

    /// Systems Manager API Reference, `GetParameter`.
    async fn parameter(&self, id: &str) -> Result<Secret, Trouble> {
        let answer = self.parameters.get_parameter().name(id).with_decryption(true).send().await;
        let answer = answer.map_err(|error| trouble("Parameter Store", error))?;
        filled(answer.parameter().and_then(|parameter| parameter.value()))
    }
}

#[cfg(any(feature = "channels", feature = "drills"))]
fn is_refused_secret(trouble: &Trouble) -> bool {
    !trouble.passing && (trouble.cause.starts_with("401") || trouble.cause.starts_with("403"))
}

fn filled(value: Option<&str>) -> Result<Secret, Trouble> {
    let value = value.filter(|value| !value.trim().is_empty());
    value.map(Secret::new).ok_or_else(|| Trouble::lasting("no text in it"))
}

/// Whoever could not read the secret has shown nothing, however the reading ended.
fn unread(name: &SecretName, trouble: Trouble) -> Trouble {
    Trouble { cause: format!("{}: {}", shown(name), trouble.cause), ambiguous: false, ..trouble }
}

/// `secret "slack/hook"`.
fn shown(name: &SecretName) -> String {
    match name {
        SecretName::SecretsManager(id) => format!("secret {id:?}"),
        SecretName::Ssm(id) => format!("parameter {id:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_does_not_print_itself_and_has_no_space_around_it() {
        let name = SecretName::Ssm("/hook".to_owned());
        let secrets = Secrets::given([(name.clone(), " hush\n".to_owned())]);
        assert_eq!(secrets.known(&name).unwrap().value(), "hush");
        assert!(!format!("{secrets:?}").contains("hush"), "{secrets:?}");
    }
}
