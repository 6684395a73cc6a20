//! Our errors in this family's words: HTTP 200, `success: false`, and a number of this table. The numbers are stable;
//! 20002 is the one number the family itself is known for.

use super::wire::Answer;
use crate::error::Error;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use zhupi_engine::Rejection;

pub fn render(error: &Error, _request_id: &str) -> Response {
    let answer = Answer::failed(code(error), message(error), is_for_people(error));
    let mut response = axum::Json(answer).into_response();
    if let Error::TooMany { retry_after_s } = error {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(*retry_after_s));
    }
    response
}

pub fn code(error: &Error) -> u32 {
    match error {
        Error::BadRequest { .. } => 10_001,
        Error::Invalid(_) => 10_002,
        Error::WrongMediaType => 10_003,
        Error::TooLarge => 10_004,
        Error::MethodNotAllowed => 10_005,
        Error::TooMany { .. } => 10_006,
        Error::Unauthenticated => 20_002,
        Error::LoginFailed => 20_003,
        Error::Forbidden => 20_004,
        Error::CsrfFailed => 20_005,
        Error::NotFound => 30_001,
        Error::Conflict => 30_002,
        Error::Duplicate { .. } => 30_003,
        Error::PreconditionFailed => 30_004,
        Error::PreconditionRequired => 30_005,
        Error::IdempotencyMismatch => 30_006,
        Error::TemplateNotPublished => 30_007,
        Error::TemplateDisabled => 30_008,
        Error::Rejected(rejection) => rejection_code(rejection),
        Error::Entity(_) => 30_002,
        Error::Internal(_) => 50_000,
        Error::Unavailable(_) => 50_001,
        Error::Timeout => 50_002,
    }
}

fn rejection_code(rejection: &Rejection) -> u32 {
    match rejection {
        Rejection::StaleVersion { .. } => 40_001,
        Rejection::AlreadySubmitted => 40_002,
        Rejection::NotRunning { .. } => 40_003,
        Rejection::UserNotActive { .. } => 40_004,
        Rejection::TemplateNotVisible => 40_005,
        Rejection::DepartmentRequired => 40_006,
        Rejection::NotInDepartment { .. } => 40_007,
        Rejection::FormInvalid { .. } => 40_008,
        Rejection::PickMissing { .. } => 40_009,
        Rejection::PickNotAllowed { .. } => 40_010,
        Rejection::PickTooMany { .. } => 40_011,
        Rejection::CcNotAllowed { .. } => 40_012,
        Rejection::NobodyFound { .. } => 40_013,
        Rejection::TaskNotFound { .. } => 40_014,
        Rejection::AlreadyDecided { .. } => 40_015,
        Rejection::NotYourTurn => 40_016,
        Rejection::NotYourTask => 40_017,
        Rejection::NotInitiator => 40_018,
        Rejection::WithdrawNotAllowed { .. } => 40_019,
        Rejection::TextRequired { .. } => 40_020,
        Rejection::TextTooLong { .. } => 40_021,
        Rejection::NotCopied => 40_022,
        Rejection::TooMany { .. } => 40_023,
        Rejection::NotInBatch { .. } => 40_024,
        Rejection::NotOffered { .. } => 40_025,
        Rejection::NotClaimed => 40_026,
        Rejection::Taken { .. } => 40_027,
        Rejection::ContentChanged => 40_028,
        Rejection::ReturnNotAllowed { .. } => 40_029,
        Rejection::TakeBackNotAllowed { .. } => 40_030,
        Rejection::NotEligible { .. } => 40_031,
        Rejection::LimitReached { .. } => 40_032,
        Rejection::TooSoon { .. } => 40_033,
        Rejection::RevokeNotAllowed => 40_034,
        Rejection::NotAdministrator => 40_035,
        Rejection::NodeNotReachable { .. } => 40_036,
        Rejection::VisitNotOpen { .. } => 40_037,
        Rejection::FileRequired { .. } => 40_038,
        Rejection::NotConfirmed { .. } => 40_039,
        Rejection::StillRunning => 40_040,
    }
}

fn message(error: &Error) -> String {
    match error {
        Error::BadRequest { field: Some(field), message } => format!("`{field}`: {message}"),
        Error::Invalid(problems) | Error::Rejected(Rejection::FormInvalid { problems }) => {
            problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
        }
        other => other.to_string(),
    }
}

/// Whether the person at the screen can do something about it; the rest is for whoever wrote the calling program.
fn is_for_people(error: &Error) -> bool {
    match error {
        Error::Rejected(_)
        | Error::Entity(_)
        | Error::Invalid(_)
        | Error::LoginFailed
        | Error::Unauthenticated
        | Error::Forbidden
        | Error::NotFound
        | Error::TooLarge
        | Error::TooMany { .. }
        | Error::Conflict
        | Error::TemplateNotPublished
        | Error::TemplateDisabled
        | Error::Timeout
        | Error::Unavailable(_) => true,
        Error::BadRequest { .. }
        | Error::WrongMediaType
        | Error::MethodNotAllowed
        | Error::CsrfFailed
        | Error::Duplicate { .. }
        | Error::PreconditionFailed
        | Error::PreconditionRequired
        | Error::IdempotencyMismatch
        | Error::Internal(_) => false,
    }
}
