//! Everything that can go wrong, once, and how our own API says it: problem documents of RFC 9457. A compatibility
//! surface matches the same variants in its `codes.rs`.

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value as Json, json};
use std::sync::Arc;
use zhupi_engine::entity::Refusal;
use zhupi_engine::{Problem, Rejection};

/// Everything that can go wrong.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// It does not exist, or not for this caller: another workspace's things do not exist either.
    #[error("there is no such thing here")]
    NotFound,
    #[error("this address does not take this method")]
    MethodNotAllowed,
    #[error("you have to log in, or send a token")]
    Unauthenticated,
    #[error("the workspace, the login or the password is wrong")]
    LoginFailed,
    #[error("the request does not come from a page of Zhupi: `X-CSRF-Token` is missing or wrong")]
    CsrfFailed,
    #[error("you may not do this")]
    Forbidden,
    #[error("{0}")]
    Rejected(Rejection),
    /// Not with this object now.
    #[error("{0}")]
    Entity(Refusal),
    /// Findings in something well-formed.
    #[error("{}", found(.0))]
    Invalid(Vec<Problem>),
    /// Not well-formed.
    #[error("{message}")]
    BadRequest { field: Option<String>, message: String },
    #[error("the body is of a type that is not taken here")]
    WrongMediaType,
    #[error("the body is larger than what is taken here")]
    TooLarge,
    #[error("too many requests: try again in {retry_after_s} s")]
    TooMany { retry_after_s: u64 },
    #[error("it has changed since you read it: read it again")]
    PreconditionFailed,
    #[error("`If-Match` is required, so that nobody's change is lost")]
    PreconditionRequired,
    #[error("this `Idempotency-Key` was used for another request")]
    IdempotencyMismatch,
    /// Somebody changed it again and again while this was tried.
    #[error("others are changing it right now: try again")]
    Conflict,
    #[error("`{what}` is taken already")]
    Duplicate { what: String },
    #[error("the template has no published version")]
    TemplateNotPublished,
    #[error("the template is disabled")]
    TemplateDisabled,
    #[error("it took too long and was given up")]
    Timeout,
    /// A part of Zhupi cannot be reached; the cause is for the log.
    #[error("not available right now: try again soon")]
    Unavailable(Arc<str>),
    /// Our fault; the cause is for the log.
    #[error("something went wrong on our side")]
    Internal(Arc<str>),
}

impl Error {
    /// Our fault, because of this.
    pub fn internal(cause: impl std::fmt::Display) -> Self {
        Self::Internal(cause.to_string().into())
    }

    /// A request that is not well-formed, because of this member of it.
    pub fn field(field: &str, message: impl Into<String>) -> Self {
        Self::BadRequest { field: Some(field.to_owned()), message: message.into() }
    }

    /// What only the log may know.
    pub fn cause(&self) -> Option<&str> {
        match self {
            Error::Unavailable(cause) | Error::Internal(cause) => Some(cause),
            _ => None,
        }
    }

    /// Its stable word for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Error::NotFound => "not_found",
            Error::MethodNotAllowed => "method_not_allowed",
            Error::Unauthenticated => "unauthenticated",
            Error::LoginFailed => "login_failed",
            Error::CsrfFailed => "csrf_failed",
            Error::Forbidden => "forbidden",
            Error::Rejected(rejection) => rejection.code(),
            Error::Entity(refusal) => refusal.code(),
            Error::Invalid(_) => "invalid",
            Error::BadRequest { .. } => "bad_request",
            Error::WrongMediaType => "wrong_media_type",
            Error::TooLarge => "too_large",
            Error::TooMany { .. } => "too_many_requests",
            Error::PreconditionFailed => "precondition_failed",
            Error::PreconditionRequired => "precondition_required",
            Error::IdempotencyMismatch => "idempotency_mismatch",
            Error::Conflict => "conflict",
            Error::Duplicate { .. } => "duplicate",
            Error::TemplateNotPublished => "template_not_published",
            Error::TemplateDisabled => "template_disabled",
            Error::Timeout => "timeout",
            Error::Unavailable(_) => "unavailable",
            Error::Internal(_) => "internal",
        }
    }

    /// The HTTP status of our own API.
    pub fn status(&self) -> StatusCode {
        match self {
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
            Error::Conflict
            | Error::Duplicate { .. }
            | Error::TemplateNotPublished
            | Error::TemplateDisabled => StatusCode::CONFLICT,
            Error::Timeout | Error::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
            Error::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// Members of the problem document beside the standard ones.
    fn more(&self) -> Json {
        match self {
            Error::Rejected(rejection) => rejection_more(rejection),
            Error::Entity(refusal) => refusal_more(refusal),
            Error::Invalid(problems) => json!({ "problems": problems }),
            Error::BadRequest { field: Some(field), .. } => json!({ "field": field }),
            Error::TooMany { retry_after_s } => json!({ "retry_after_s": retry_after_s }),
            Error::Duplicate { what } => json!({ "field": what }),
            Error::NotFound
            | Error::MethodNotAllowed
            | Error::Unauthenticated
            | Error::LoginFailed
            | Error::CsrfFailed
            | Error::Forbidden
            | Error::BadRequest { field: None, .. }
            | Error::WrongMediaType
            | Error::TooLarge
            | Error::PreconditionFailed
            | Error::PreconditionRequired
            | Error::IdempotencyMismatch
            | Error::Conflict
            | Error::TemplateNotPublished
            | Error::TemplateDisabled
            | Error::Timeout
            | Error::Unavailable(_)
            | Error::Internal(_) => Json::Null,
        }
    }
}

impl From<Rejection> for Error {
    fn from(rejection: Rejection) -> Self {
        Self::Rejected(rejection)
    }
}

/// The status of a refusal: 403 says "not you", 404 "no such thing", 409 "not now", 422 "not like this".
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
        | Rejection::NotConfirmed { .. }
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
        | Rejection::ReturnNotAllowed { .. }
        | Rejection::NotEligible { .. }
        | Rejection::LimitReached { .. }
        | Rejection::NodeNotReachable { .. }
        | Rejection::NotInBatch { .. } => StatusCode::UNPROCESSABLE_ENTITY,
    }
}

/// The status of a refusal to do something with an object: "not now", or "not like this".
pub fn refusal_status(refusal: &Refusal) -> StatusCode {
    match refusal {
        Refusal::Locked { .. }
        | Refusal::AlreadyRunning { .. }
        | Refusal::DeletionForbidden { .. }
        | Refusal::NotResubmittable
        | Refusal::NoConflict => StatusCode::CONFLICT,
        Refusal::Undecided { .. } => StatusCode::UNPROCESSABLE_ENTITY,
    }
}

fn refusal_more(refusal: &Refusal) -> Json {
    match refusal {
        Refusal::Locked { instance, fields } => json!({ "approval": instance, "fields": fields }),
        Refusal::AlreadyRunning { instance } | Refusal::DeletionForbidden { instance } => {
            json!({ "approval": instance })
        }
        Refusal::Undecided { fields } => json!({ "fields": fields }),
        Refusal::NotResubmittable | Refusal::NoConflict => Json::Null,
    }
}

fn rejection_more(rejection: &Rejection) -> Json {
    match rejection {
        Rejection::StaleVersion { seen, actual } => json!({ "seen_version": seen, "actual_version": actual }),
        Rejection::NotRunning { status } => json!({ "status_now": status }),
        Rejection::UserNotActive { user } => json!({ "user": user }),
        Rejection::DepartmentRequired => json!({ "field": "department" }),
        Rejection::NotInDepartment { department } => {
            json!({ "field": "department", "department": department })
        }
        Rejection::FormInvalid { problems } => json!({ "field": "form", "problems": problems }),
        Rejection::PickMissing { node } | Rejection::PickTooMany { node } => {
            json!({ "field": "picks", "node": node })
        }
        Rejection::PickNotAllowed { node, user } => json!({ "field": "picks", "node": node, "user": user }),
        Rejection::NobodyFound { node } => json!({ "node": node }),
        Rejection::AlreadyDecided { by, name, at, decision } => {
            json!({ "decided_by": by, "decided_by_name": name, "decided_at": at, "decision": decision })
        }
        Rejection::WithdrawNotAllowed { rule } => json!({ "rule": rule }),
        Rejection::CcNotAllowed { field }
        | Rejection::TextRequired { field }
        | Rejection::FileRequired { field } => json!({ "field": field }),
        Rejection::TextTooLong { field, limit } | Rejection::TooMany { field, limit } => {
            json!({ "field": field, "limit": limit })
        }
        Rejection::NotInBatch { node, .. } | Rejection::NodeNotReachable { node } => json!({ "node": node }),
        Rejection::NotOffered { action } => json!({ "action": action }),
        Rejection::Taken { by } => json!({ "claimed_by": by }),
        Rejection::NotConfirmed { branches } => json!({ "field": "confirmed", "branches": branches }),
        Rejection::ReturnNotAllowed { target } => json!({ "field": "to", "target": target }),
        Rejection::NotEligible { user, .. } => json!({ "user": user }),
        Rejection::LimitReached { limit, .. } => json!({ "limit": limit }),
        Rejection::TooSoon { again_at } => json!({ "again_at": again_at }),
        Rejection::VisitNotOpen { visit } => json!({ "visit": visit }),
        Rejection::AlreadySubmitted
        | Rejection::TemplateNotVisible
        | Rejection::TaskNotFound { .. }
        | Rejection::NotYourTurn
        | Rejection::NotYourTask
        | Rejection::NotInitiator
        | Rejection::NotClaimed
        | Rejection::ContentChanged
        | Rejection::TakeBackNotAllowed { .. }
        | Rejection::RevokeNotAllowed
        | Rejection::StillRunning
        | Rejection::NotAdministrator
        | Rejection::NotCopied => Json::Null,
    }
}

/// How a surface says an error. The text is the id of the request.
pub type Render = fn(&Error, &str) -> Response;

/// An error as a problem document: what it is, in words and for programs.
pub fn document(error: &Error) -> Map<String, Json> {
    let code = error.code();
    let mut document = Map::new();
    document.insert("type".to_owned(), json!(format!("urn:zhupi:problem:{code}")));
    document.insert("title".to_owned(), json!(code.replace('_', " ")));
    document.insert("status".to_owned(), json!(error.status().as_u16()));
    document.insert("detail".to_owned(), json!(error.to_string()));
    document.insert("code".to_owned(), json!(code));
    if let Json::Object(more) = error.more() {
        document.extend(more);
    }
    document
}

/// The problem document of our own API.
pub fn problem(error: &Error, request_id: &str) -> Response {
    let mut document = document(error);
    document.insert("instance".to_owned(), json!(request_id));
    let mut response = Response::new(Body::from(Json::Object(document).to_string()));
    *response.status_mut() = error.status();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    if let Error::TooMany { retry_after_s } = error {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(*retry_after_s));
    }
    response
}

/// What a response carries until `http::shell` renders it in the words of its surface.
#[derive(Clone)]
pub(crate) struct Failed(pub Error);

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        response.extensions_mut().insert(Failed(self));
        response
    }
}

fn found(problems: &[Problem]) -> String {
    match problems.len() {
        1 => "1 problem was found".to_owned(),
        many => format!("{many} problems were found"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn problems_are_counted_in_plain_words() {
        let problem = Problem::error("name", "required", "it is required");
        assert_eq!(Error::Invalid(vec![problem.clone()]).to_string(), "1 problem was found");
        assert_eq!(Error::Invalid(vec![problem.clone(), problem]).to_string(), "2 problems were found");
    }
}
