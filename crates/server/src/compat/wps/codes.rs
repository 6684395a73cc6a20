//! What goes wrong, in this surface's words: `{"result": "<word>", "msg": "<for people>"}`. The documentation fixes only
//! that `result` is `ok` on success; the words are ours and stable.

use crate::error::Error;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use zhupi_engine::{Problem, Rejection};

/// How many findings a message names.
const NAMED: usize = 5;

/// Why a call fails: for a reason every API knows, or one only signed calls have.
#[derive(Debug)]
pub enum Failure {
    Of(Error),
    /// The signature, the date or the token is missing or wrong.
    Unauthorized(&'static str),
    /// The very same signed request came before.
    Replayed,
    /// The token lacks this scope.
    Scope(&'static str),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure::Of(error)
    }
}

impl From<zhupi_store::Error> for Failure {
    fn from(error: zhupi_store::Error) -> Self {
        Failure::Of(error.into())
    }
}

impl From<Vec<Problem>> for Failure {
    fn from(problems: Vec<Problem>) -> Self {
        Failure::Of(Error::Invalid(problems))
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        match self {
            // The shell says it, and logs what only the log may know.
            Failure::Of(error) => error.into_response(),
            Failure::Unauthorized(message) => answer(StatusCode::UNAUTHORIZED, "Unauthorized", message),
            Failure::Replayed => answer(
                StatusCode::CONFLICT,
                "Replayed",
                "this signed request was accepted before: sign a new one",
            ),
            Failure::Scope(scope) => answer(
                StatusCode::FORBIDDEN,
                "PermissionDenied",
                &format!("the token lacks the scope `{scope}`"),
            ),
        }
    }
}

/// An error of any part of the server, in this surface's shape.
pub fn render(error: &Error, _request_id: &str) -> Response {
    let mut response = answer(error.status(), word(error), &message(error));
    if let Error::TooMany { retry_after_s } = error {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(*retry_after_s));
    }
    response
}

fn answer(status: StatusCode, result: &str, message: &str) -> Response {
    (status, axum::Json(json!({"result": result, "msg": message}))).into_response()
}

fn word(error: &Error) -> &'static str {
    match error {
        Error::NotFound => "NotExists",
        Error::MethodNotAllowed => "MethodNotAllowed",
        Error::Unauthenticated | Error::LoginFailed => "Unauthorized",
        Error::CsrfFailed | Error::Forbidden => "PermissionDenied",
        Error::Rejected(rejection) => rejection_word(rejection),
        Error::Entity(_) => "Conflict",
        Error::Invalid(_)
        | Error::BadRequest { .. }
        | Error::WrongMediaType
        | Error::PreconditionRequired
        | Error::IdempotencyMismatch => "InvalidArgument",
        Error::TooLarge => "TooLarge",
        Error::TooMany { .. } => "TooManyRequests",
        Error::PreconditionFailed | Error::Conflict => "Conflict",
        Error::Duplicate { .. } => "AlreadyExists",
        Error::TemplateNotPublished | Error::TemplateDisabled => "TemplateNotUsable",
        Error::Timeout | Error::Unavailable(_) => "Unavailable",
        Error::Internal(_) => "InternalError",
    }
}

fn rejection_word(rejection: &Rejection) -> &'static str {
    match rejection {
        Rejection::UserNotActive { .. }
        | Rejection::TemplateNotVisible
        | Rejection::NotYourTask
        | Rejection::NotInitiator
        | Rejection::NotAdministrator
        | Rejection::NotCopied => "PermissionDenied",
        Rejection::TaskNotFound { .. } => "NotExists",
        Rejection::AlreadyDecided { .. } => "AlreadyDecided",
        Rejection::StaleVersion { .. } => "Conflict",
        Rejection::AlreadySubmitted
        | Rejection::NotRunning { .. }
        | Rejection::NotYourTurn
        | Rejection::NotClaimed
        | Rejection::Taken { .. }
        | Rejection::ContentChanged
        | Rejection::TakeBackNotAllowed { .. }
        | Rejection::TooSoon { .. }
        | Rejection::RevokeNotAllowed
        | Rejection::StillRunning
        | Rejection::VisitNotOpen { .. }
        | Rejection::WithdrawNotAllowed { .. } => "InvalidState",
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
        | Rejection::NotInBatch { .. } => "InvalidArgument",
    }
}

fn message(error: &Error) -> String {
    match error {
        Error::Invalid(problems) | Error::Rejected(Rejection::FormInvalid { problems }) => list(problems),
        Error::BadRequest { field: Some(field), message } => format!("`{field}`: {message}"),
        Error::Rejected(Rejection::AlreadyDecided { at: Some(at), .. }) => format!("{error} at {at}"),
        other => other.to_string(),
    }
}

/// The first findings, errors before warnings, each with its place.
fn list(problems: &[Problem]) -> String {
    let mut sorted: Vec<&Problem> = problems.iter().collect();
    sorted.sort_by_key(|problem| problem.severity != zhupi_engine::Severity::Error);
    let mut text = sorted.iter().take(NAMED).map(ToString::to_string).collect::<Vec<_>>().join("; ");
    if problems.len() > NAMED {
        text.push_str(&format!("; and {} more", problems.len() - NAMED));
    }
    text
}
