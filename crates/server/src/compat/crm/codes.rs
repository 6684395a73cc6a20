//! Our errors in the CRM's words: `code`/`message`, which its clients read, and `errcode`/`errmsg`, which its
//! documentation shows; every failure has both pairs.

use super::wire::Failed;
use crate::error::{Error, refusal_status};
use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use zhupi_engine::Rejection;

/// Why a call of this surface fails: for one of our common reasons, or for one that only CRM objects have.
#[derive(Debug)]
pub enum Failure {
    Server(Error),
    /// `X-LXY-PLATFORM` or `X-LXY-APP` is missing or none of ours.
    InvalidApp,
    /// Somebody was faster.
    Decided {
        by: Option<String>,
        at: Option<String>,
    },
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure::Server(error)
    }
}

impl From<zhupi_store::Error> for Failure {
    fn from(error: zhupi_store::Error) -> Self {
        Failure::Server(error.into())
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        match self {
            Failure::Server(error) => error.into_response(),
            Failure::InvalidApp => failed(StatusCode::UNAUTHORIZED, 500, "invalid appid".to_owned()),
            Failure::Decided { by, at } => {
                let by = by.map(|name| format!(" by {name}")).unwrap_or_default();
                let at = at.map(|minute| format!(" at {minute}")).unwrap_or_default();
                failed(StatusCode::CONFLICT, 409, format!("the task has been decided already{by}{at}"))
            }
        }
    }
}

/// How the shell around this surface says our common errors.
pub fn render(error: &Error, _request_id: &str) -> Response {
    let status = status(error);
    let mut response = failed(status, i64::from(status.as_u16()), message(error));
    if let Error::TooMany { retry_after_s } = error {
        response.headers_mut().insert(axum::http::header::RETRY_AFTER, (*retry_after_s).into());
    }
    response
}

fn failed(status: StatusCode, code: i64, message: String) -> Response {
    let body = Failed { code, message: message.clone(), errcode: code, errmsg: message };
    (status, Json(body)).into_response()
}

fn message(error: &Error) -> String {
    match error {
        Error::Unauthenticated => "invalid access token".to_owned(),
        Error::Invalid(problems) | Error::Rejected(Rejection::FormInvalid { problems }) => {
            let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
            problems.join("; ")
        }
        Error::BadRequest { field: Some(field), message } => format!("`{field}`: {message}"),
        Error::NotFound
        | Error::MethodNotAllowed
        | Error::LoginFailed
        | Error::CsrfFailed
        | Error::Forbidden
        | Error::Rejected(_)
        | Error::Entity(_)
        | Error::BadRequest { field: None, .. }
        | Error::WrongMediaType
        | Error::TooLarge
        | Error::TooMany { .. }
        | Error::PreconditionFailed
        | Error::PreconditionRequired
        | Error::IdempotencyMismatch
        | Error::Conflict
        | Error::Duplicate { .. }
        | Error::TemplateNotPublished
        | Error::TemplateDisabled
        | Error::Timeout
        | Error::Unavailable(_)
        | Error::Internal(_) => error.to_string(),
    }
}

fn status(error: &Error) -> StatusCode {
    match error {
        Error::NotFound => StatusCode::NOT_FOUND,
        Error::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
        Error::Unauthenticated | Error::LoginFailed => StatusCode::UNAUTHORIZED,
        Error::CsrfFailed | Error::Forbidden => StatusCode::FORBIDDEN,
        Error::Rejected(rejection) => rejection_status(rejection),
        Error::Entity(refusal) => refusal_status(refusal),
        Error::Invalid(_) | Error::IdempotencyMismatch => StatusCode::UNPROCESSABLE_ENTITY,
        Error::BadRequest { .. } => StatusCode::BAD_REQUEST,
        Error::WrongMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        Error::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Error::TooMany { .. } => StatusCode::TOO_MANY_REQUESTS,
        Error::PreconditionFailed => StatusCode::PRECONDITION_FAILED,
        Error::PreconditionRequired => StatusCode::PRECONDITION_REQUIRED,
        Error::Conflict | Error::Duplicate { .. } | Error::TemplateNotPublished | Error::TemplateDisabled => {
            StatusCode::CONFLICT
        }
        Error::Timeout | Error::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
        Error::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

fn rejection_status(rejection: &Rejection) -> StatusCode {
    match rejection {
        Rejection::UserNotActive { .. }
        | Rejection::TemplateNotVisible
        | Rejection::NotYourTask
        | Rejection::NotInitiator
        | Rejection::NotAdministrator
        | Rejection::NotCopied => StatusCode::FORBIDDEN,
        Rejection::TaskNotFound { .. } => StatusCode::NOT_FOUND,
        Rejection::StaleVersion { .. }
        | Rejection::AlreadySubmitted
        | Rejection::NotRunning { .. }
        | Rejection::AlreadyDecided { .. }
        | Rejection::NotYourTurn
        | Rejection::NotClaimed
        | Rejection::Taken { .. }
        | Rejection::ContentChanged
        | Rejection::TakeBackNotAllowed { .. }
        | Rejection::TooSoon { .. }
        | Rejection::RevokeNotAllowed
        | Rejection::StillRunning
        | Rejection::VisitNotOpen { .. }
        | Rejection::WithdrawNotAllowed { .. } => StatusCode::CONFLICT,
        Rejection::DepartmentRequired
        | Rejection::NotInDepartment { .. }
        | Rejection::FormInvalid { .. }
        | Rejection::PickMissing { .. }
        | Rejection::PickNotAllowed { .. }
        | Rejection::PickTooMany { .. }
        | Rejection::CcNotAllowed { .. }
        | Rejection::NobodyFound { .. }
        | Rejection::TextRequired { .. }
        | Rejection::FileRequired { .. }
        | Rejection::TextTooLong { .. }
        | Rejection::TooMany { .. }
        | Rejection::NotOffered { .. }
        | Rejection::NotConfirmed { .. }
        | Rejection::ReturnNotAllowed { .. }
        | Rejection::NotEligible { .. }
        | Rejection::LimitReached { .. }
        | Rejection::NodeNotReachable { .. }
        | Rejection::NotInBatch { .. } => StatusCode::UNPROCESSABLE_ENTITY,
    }
}
