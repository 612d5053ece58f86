//! EC2's error codes: which of them are an answer, and which are trouble.
//!
//! Source: EC2 API Reference, "Error codes"; EBS User Guide, "Copy an Amazon EBS volume".

use std::error::Error;

use aws_sdk_ec2::{
    config::http::HttpResponse,
    error::{ProvideErrorMetadata, SdkError},
};
use watchkeeper_domain::{failure::Failure, ports::Made};
use watchkeeper_shell::error::failure;

/// There is no such snapshot.
pub(super) const NO_SNAPSHOT: &str = "InvalidSnapshot.NotFound";
/// There is no such volume.
pub(super) const NO_VOLUME: &str = "InvalidVolume.NotFound";
/// The token is that of another order, or what it made is gone or broken.
pub(super) const OTHER_ORDER: &str = "IdempotentParameterMismatch";

/// A refusal that will stay one, or else the failure of `operation` on `subject`.
pub(super) fn made<E>(
    operation: &'static str,
    subject: &str,
    error: SdkError<E, HttpResponse>,
) -> Result<Made, Failure>
where
    E: Error + ProvideErrorMetadata + Send + Sync + 'static,
{
    match error.code().filter(|code| is_lasting(code)) {
        Some(code) => Ok(Made::Refused {
            code: code.to_owned(),
            message: error.message().unwrap_or("no message").to_owned(),
        }),
        None => Err(failure(operation, subject, error)),
    }
}

/// Whether EC2 will say the same if it is asked again at once.
///
/// The quota of initialization rates has no documented code (unverified); that it ends like those of all other quotas is
/// a guess. So is what EC2 says of a source that is already being copied: `IncorrectState` would fit.
fn is_lasting(code: &str) -> bool {
    match code {
        // That is the rate of calls, a matter of seconds.
        "RequestLimitExceeded" => false,
        OTHER_ORDER | "IncorrectState" | "InsufficientVolumeCapacity" => true,
        _ => {
            code.ends_with("LimitExceeded")
                || code.starts_with("InvalidSnapshot.")
                || code.starts_with("InvalidVolume.")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_and_lost_sources_last_and_trouble_does_not() {
        for code in [
            "CopyVolumesLimitExceeded",
            "VolumeLimitExceeded",
            "MaxIOPSLimitExceeded",
            "ResourceLimitExceeded",
            "IdempotentParameterMismatch",
            "IncorrectState",
            "InsufficientVolumeCapacity",
            "InvalidSnapshot.NotFound",
            "InvalidVolume.NotFound",
        ] {
            assert!(is_lasting(code), "{code}");
        }
        for code in
            ["RequestLimitExceeded", "Throttling", "InternalError", "Unavailable", "UnauthorizedOperation"]
        {
            assert!(!is_lasting(code), "{code}");
        }
        assert!(!is_lasting("InvalidParameterValue"), "an order that cannot be is a defect of ours");
    }
}
