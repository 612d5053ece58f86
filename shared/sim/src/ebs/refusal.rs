//! The errors of the EBS direct APIs (EBS direct APIs Reference, "Errors" of each action).

use serde_json::json;

/// An error as it is answered.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Refusal {
    pub status: u16,
    /// The header `x-amzn-errortype`.
    pub kind: &'static str,
    reason: Option<&'static str>,
    message: String,
}

impl Refusal {
    /// A request that cannot be right, with one of the reasons of `ValidationException`.
    pub fn invalid(reason: &'static str, message: impl Into<String>) -> Self {
        Self::new(400, "ValidationException", Some(reason), message)
    }

    pub fn parameter(message: impl Into<String>) -> Self {
        Self::invalid("INVALID_PARAMETER_VALUE", message)
    }

    /// What AWS says of a body that it could not read or that is not what its checksum says (seen in AWS for the first).
    pub fn unreadable() -> Self {
        Self::parameter("Failed to read block data")
    }

    pub fn snapshot_state(id: &str, should: &str) -> Self {
        Self::invalid("INVALID_SNAPSHOT_ID", format!("The snapshot '{id}' is not {should}."))
    }

    pub fn not_found(id: &str) -> Self {
        let message = format!("The snapshot '{id}' does not exist.");
        Self::new(404, "ResourceNotFoundException", Some("SNAPSHOT_NOT_FOUND"), message)
    }

    pub fn denied() -> Self {
        let message = "You do not have sufficient access to perform this action.";
        Self::new(403, "AccessDeniedException", Some("UNAUTHORIZED_ACCOUNT"), message)
    }

    pub fn throttled(reason: &'static str) -> Self {
        let message = "The number of API requests has exceeded the maximum allowed.";
        Self::new(400, "RequestThrottledException", Some(reason), message)
    }

    pub fn throttling() -> Self {
        Self::new(400, "ThrottlingException", None, "Rate exceeded")
    }

    pub fn conflict() -> Self {
        let message = "The request uses the same client token as a previous, but non-identical request.";
        Self::new(409, "ConflictException", None, message)
    }

    pub fn too_many_pending() -> Self {
        let message = "Your current service quotas do not allow you to perform this action.";
        Self::new(402, "ServiceQuotaExceededException", Some("DEPENDENCY_SERVICE_QUOTA_EXCEEDED"), message)
    }

    pub fn server(status: u16) -> Self {
        Self::new(status, "InternalServerException", None, "An internal error has occurred.")
    }

    pub fn unknown_operation() -> Self {
        Self::new(404, "UnknownOperationException", None, "There is no such operation.")
    }

    fn new(
        status: u16,
        kind: &'static str,
        reason: Option<&'static str>,
        message: impl Into<String>,
    ) -> Self {
        Self { status, kind, reason, message: message.into() }
    }

    /// The body.
    pub fn json(&self) -> String {
        match self.reason {
            Some(reason) => json!({ "Message": self.message, "Reason": reason }).to_string(),
            None => json!({ "Message": self.message }).to_string(),
        }
    }
}
