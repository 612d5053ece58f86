//! What an AWS call's error means for whoever waits for its answer to go on.

use std::error::Error;

use aws_sdk_sns::{
    config::http::HttpResponse,
    error::{ProvideErrorMetadata, SdkError},
};
use watchkeeper_domain::message::Trouble;

use crate::error::failure;

/// Parts of the codes that ask for patience, as in `Throttled`, `KMSThrottling`, `TooManyRequestsException`,
/// `RequestLimitExceeded`, `ExpiredToken` (the sections "Common Errors" and "Errors" of the API references of SNS,
/// Secrets Manager and Systems Manager).
const PASSING: [&str; 4] = ["Throttl", "TooMany", "LimitExceeded", "Expired"];

/// The trouble that `service` has: in doubt where [`failure`] is, lasting after a refusal.
pub(crate) fn trouble<E>(service: &str, error: SdkError<E, HttpResponse>) -> Trouble
where
    E: Error + ProvideErrorMetadata + Send + Sync + 'static,
{
    let code = error.code().map(str::to_owned);
    let failure = failure("reach", service, error);
    let cause = format!("{service}: {}", code.as_deref().unwrap_or("no answer"));
    match code {
        _ if failure.ambiguous => Trouble::in_doubt(cause),
        Some(code) if !PASSING.iter().any(|part| code.contains(part)) => Trouble::lasting(cause),
        Some(_) | None => Trouble::passing(cause, None),
    }
}
