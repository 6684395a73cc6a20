//! Our errors as this surface says them: the seed's error shape, with a status that is no success.

use super::wire::Answer;
use crate::error::Error;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

pub fn render(error: &Error, _request_id: &str) -> Response {
    (status(error), axum::Json(Answer::failed(message(error)))).into_response()
}

fn status(error: &Error) -> StatusCode {
    match error {
        Error::Unauthenticated | Error::LoginFailed => StatusCode::UNAUTHORIZED,
        Error::CsrfFailed | Error::Forbidden => StatusCode::FORBIDDEN,
        Error::NotFound => StatusCode::NOT_FOUND,
        Error::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
        Error::Rejected(_)
        | Error::Entity(_)
        | Error::Invalid(_)
        | Error::BadRequest { .. }
        | Error::Duplicate { .. }
        | Error::PreconditionFailed
        | Error::PreconditionRequired
        | Error::IdempotencyMismatch
        | Error::TemplateNotPublished
        | Error::TemplateDisabled => StatusCode::BAD_REQUEST,
        Error::WrongMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        Error::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Error::TooMany { .. } => StatusCode::TOO_MANY_REQUESTS,
        Error::Conflict | Error::Timeout | Error::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
        Error::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// Findings are named, since this shape has room for one text only.
fn message(error: &Error) -> String {
    match error {
        Error::Invalid(problems) => problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "),
        other => other.to_string(),
    }
}
