//! What an AWS call's error means: the cause in words, and whether the call may have had its effect all the same.

use std::error::Error;

use aws_sdk_dynamodb::{
    config::http::HttpResponse,
    error::{ProvideErrorMetadata, SdkError},
    operation::RequestId,
};
use watchkeeper_domain::failure::Failure;

/// What AWS answered. Codes and messages come from the section "Errors" of each operation in the API references.
#[derive(Debug, thiserror::Error)]
enum Answer {
    #[error("{code}: {message} (HTTP {status}, request {request})")]
    Refused { code: String, message: String, status: u16, request: String },
    #[error("an answer that cannot be read (HTTP {status})")]
    Unreadable { status: u16, source: Box<dyn Error + Send + Sync> },
}

/// The failure of `operation` on `subject`.
///
/// It is certain when the request never left and after a 4xx. It is in doubt after anything else: a time-out, a
/// connection lost once it stood, an answer that cannot be read, a 5xx. Where the SDK retries (DynamoDB) this is said of the last attempt.
pub fn failure<E>(
    operation: &'static str,
    subject: impl Into<String>,
    error: SdkError<E, HttpResponse>,
) -> Failure
where
    E: Error + ProvideErrorMetadata + Send + Sync + 'static,
{
    let in_doubt = may_have_happened(&error);
    let failure = if matches!(error, SdkError::ServiceError(_)) {
        Failure::new(operation, subject, answer(error))
    } else {
        Failure::new(operation, subject, error)
    };
    if in_doubt { failure.in_doubt() } else { failure }
}

fn may_have_happened<E>(error: &SdkError<E, HttpResponse>) -> bool
where
    E: Error + 'static,
{
    match error {
        SdkError::ConstructionFailure(_) => false,
        SdkError::DispatchFailure(dispatch) => {
            !dispatch.is_user() && !dispatch.as_connector_error().is_some_and(|error| never_connected(error))
        }
        SdkError::ServiceError(answer) => !answer.raw().status().is_client_error(),
        SdkError::TimeoutError(_) | SdkError::ResponseError(_) | _ => true,
    }
}

/// Whether the connection never stood: refused, unreachable, unknown host, no TLS, too slow to connect.
fn never_connected(error: &(dyn Error + 'static)) -> bool {
    std::iter::successors(Some(error), |error: &&(dyn Error + 'static)| (*error).source())
        .filter_map(|error| error.downcast_ref::<hyper_util::client::legacy::Error>())
        .any(|error| error.is_connect())
}

fn answer<E>(error: SdkError<E, HttpResponse>) -> Answer
where
    E: Error + ProvideErrorMetadata + Send + Sync + 'static,
{
    let status = error.raw_response().map_or(0, |answer| answer.status().as_u16());
    let Some(code) = error.code() else { return Answer::Unreadable { status, source: error.into() } };
    Answer::Refused {
        code: code.to_owned(),
        message: error.message().unwrap_or("no message").to_owned(),
        status,
        request: error.request_id().unwrap_or("without id").to_owned(),
    }
}
