//! The deployed stack: reached as the usual environment and profile say (`AWS_PROFILE`, `AWS_REGION`, `AWS_ENDPOINT_URL…`).

use anyhow::{Context, Error, Result, anyhow};
use aws_config::SdkConfig;
use watchkeeper_domain::failure::Failure;
use watchkeeper_shell::{Bus, Fis, Leash, SafetyLever, Table, aws::sdk_config, secrets::Secrets};
use watchkeeper_volume::ebs::Ebs;

use crate::cli::stack::{AtBus, AtTable};

/// The stack of one account and Region.
#[derive(Clone, Debug)]
pub struct Stack {
    config: SdkConfig,
}

impl Stack {
    /// Connects. Nothing is sent yet.
    pub async fn connect() -> Self {
        Self { config: sdk_config().await }
    }

    /// The Region of the environment.
    ///
    /// # Errors
    /// When it names none.
    pub fn region(&self) -> Result<String> {
        let region = self.config.region().map(ToString::to_string);
        region.context("no Region: set AWS_REGION, or AWS_PROFILE to a profile that has one")
    }

    /// The table.
    ///
    /// # Errors
    /// When nobody has named it, or no Region.
    pub fn table(&self, at: &AtTable) -> Result<Table> {
        let name = at.table.as_deref().filter(|name| !name.is_empty()).context(
            "no table: name it with --table or WATCHKEEPER_TABLE. It is the output `Table` of the stack: \
             aws cloudformation describe-stacks --stack-name watchkeeper --query 'Stacks[0].Outputs'",
        )?;
        self.region()?;
        Ok(Table::connect(&self.config, name))
    }

    /// The bus.
    ///
    /// # Errors
    /// When no Region is named.
    pub fn bus(&self, at: &AtBus) -> Result<Bus> {
        self.region()?;
        Ok(Bus::connect(&self.config, &at.bus))
    }

    /// FIS, on the leash: it is read and nothing else.
    ///
    /// # Errors
    /// When no Region is named.
    pub fn fis(&self) -> Result<Fis> {
        self.region()?;
        Ok(Fis::connect(&self.config, Leash::default()))
    }

    /// The EBS direct APIs.
    ///
    /// # Errors
    /// When no Region is named.
    pub fn ebs(&self) -> Result<Ebs> {
        self.region()?;
        Ok(Ebs::connect(&self.config))
    }

    /// The secrets that watchkeeper.toml names.
    pub fn secrets(&self) -> Secrets {
        Secrets::connect(&self.config)
    }

    /// The safety lever of `region`.
    pub fn lever(&self, region: &str) -> SafetyLever {
        SafetyLever::connect(&self.config, region)
    }
}

/// The failure of a read, as people are shown it.
pub fn told(failure: Failure) -> Error {
    anyhow!(explained(&failure))
}

/// `failure` with its whole chain, and with the mend where it is the environment that is wrong.
pub fn explained(failure: &Failure) -> String {
    let chain = failure.chain();
    if is_unsigned(failure) {
        return format!("could not {} {}: {UNSIGNED}", failure.operation, failure.subject);
    }
    if chain.contains("ResourceNotFoundException") {
        return format!(
            "{chain}\n  it is not in this account and Region: see --table, --bus, AWS_PROFILE, AWS_REGION"
        );
    }
    chain
}

/// Whether what was tried may have happened all the same.
pub fn is_in_doubt(failure: &Failure) -> bool {
    failure.ambiguous && !is_unsigned(failure)
}

const UNSIGNED: &str = "no AWS credentials: set AWS_PROFILE, or sign in as you do for the AWS CLI";

/// Whether nothing was sent, since there were no credentials to sign it with: the words are the SDK's, from
/// `aws_config::meta::credentials::CredentialsProviderChain`.
fn is_unsigned(failure: &Failure) -> bool {
    failure.chain().contains("no credentials found in chain")
}
