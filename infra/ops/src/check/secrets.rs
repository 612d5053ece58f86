//! Secrets Manager and the Parameter Store, from which the secrets of channels are read to be judged.

use aws_config::{SdkConfig, retry::RetryConfig};
use aws_sdk_secretsmanager::error::{DisplayErrorContext, ProvideErrorMetadata};
use watchkeeper_domain::channel::SecretName;

/// Both stores.
pub(super) struct Stores {
    manager: aws_sdk_secretsmanager::Client,
    parameters: aws_sdk_ssm::Client,
}

impl Stores {
    /// Reaches them through `config`.
    pub(super) fn connect(config: &SdkConfig) -> Self {
        let retries = RetryConfig::standard().with_max_attempts(2);
        let manager =
            aws_sdk_secretsmanager::config::Builder::from(config).retry_config(retries.clone()).build();
        let parameters = aws_sdk_ssm::config::Builder::from(config).retry_config(retries).build();
        Self {
            manager: aws_sdk_secretsmanager::Client::from_conf(manager),
            parameters: aws_sdk_ssm::Client::from_conf(parameters),
        }
    }

    /// The secret called `name`, or why it cannot be read: the code and the message of AWS (Secrets Manager API
    /// Reference, `GetSecretValue`; Systems Manager API Reference, `GetParameter`).
    pub(super) async fn read(&self, name: &SecretName) -> Result<String, String> {
        let value = match name {
            SecretName::SecretsManager(id) => {
                let read = self.manager.get_secret_value().secret_id(id).send().await;
                read.map_err(|error| cause(&error, &DisplayErrorContext(&error)))?.secret_string
            }
            SecretName::Ssm(id) => {
                let read = self.parameters.get_parameter().name(id).with_decryption(true).send().await;
                let read = read.map_err(|error| cause(&error, &DisplayErrorContext(&error)))?;
                read.parameter.and_then(|parameter| parameter.value)
            }
        };
        value.filter(|value| !value.trim().is_empty()).ok_or_else(|| "there is no text in it".to_owned())
    }
}

fn cause(error: &impl ProvideErrorMetadata, chain: &impl std::fmt::Display) -> String {
    match (error.code(), error.message()) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        (Some(code), None) => code.to_owned(),
        (None, _) => chain.to_string(),
    }
}
