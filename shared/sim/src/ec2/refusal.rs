//! What EC2 says instead of doing what is asked (EC2 API Reference, "Error codes").

use watchkeeper_domain::failure::Failure;

#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Refusal {
    /// It says why not.
    Answer { status: u16, code: String, message: String },
    /// It never answers.
    Silence,
}

impl Refusal {
    pub fn new(code: &str, message: impl Into<String>) -> Self {
        Self::Answer { status: status(code), code: code.to_owned(), message: message.into() }
    }

    /// A code that was asked for.
    pub fn of_code(code: &str) -> Self {
        Self::new(code, "EC2 was told to say so.")
    }

    pub fn no_snapshot(id: &str) -> Self {
        Self::new("InvalidSnapshot.NotFound", format!("The snapshot '{id}' does not exist."))
    }

    pub fn no_volume(id: &str) -> Self {
        Self::new("InvalidVolume.NotFound", format!("The volume '{id}' does not exist."))
    }

    pub fn other_order() -> Self {
        let message = "The request uses the same client token as a previous, but non-identical request.";
        Self::new("IdempotentParameterMismatch", message)
    }

    pub fn state(id: &str, is: &str) -> Self {
        Self::new("IncorrectState", format!("'{id}' is {is}"))
    }

    pub fn parameter(message: impl Into<String>) -> Self {
        Self::new("InvalidParameterValue", message)
    }

    pub fn unsupported(message: impl Into<String>) -> Self {
        Self::new("UnsupportedOperation", message)
    }

    pub fn has_code(&self, expected: &str) -> bool {
        matches!(self, Self::Answer { code, .. } if code == expected)
    }

    /// Code and message, if it is about the order and not about the call.
    pub fn of_order(&self) -> Option<(&str, &str)> {
        let Self::Answer { status, code, message } = self else { return None };
        let is_of_call = match code.as_str() {
            "InsufficientVolumeCapacity" => false,
            "InvalidParameterValue" | "UnauthorizedOperation" | "UnsupportedOperation" => true,
            _ => *status >= 500,
        };
        (!is_of_call).then_some((code, message))
    }

    /// The failure of `operation` on `subject`.
    pub fn failure(self, operation: &'static str, subject: &str) -> Failure {
        match self {
            Self::Silence => Failure::new(operation, subject, "it was not answered").in_doubt(),
            Self::Answer { status, code, message } => {
                let failure = Failure::new(operation, subject, format!("{code}: {message}"));
                if status >= 500 { failure.in_doubt() } else { failure }
            }
        }
    }
}

fn status(code: &str) -> u16 {
    match code {
        "RequestLimitExceeded" | "Unavailable" | "ServiceUnavailable" => 503,
        "InternalError" | "InternalFailure" | "InsufficientVolumeCapacity" => 500,
        "UnauthorizedOperation" => 403,
        _ => 400,
    }
}
