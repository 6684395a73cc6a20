//! Extractors that say what is wrong with a request in our one `Error`, and name the member that is.

use crate::error::Error;
use crate::wording::complaint;
use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::header::{self, HeaderName};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// A JSON body, in or out.
#[derive(Clone, Copy, Debug)]
pub struct Json<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = Error;

    async fn from_request(request: Request, state: &S) -> Result<Self, Error> {
        let (is_json, is_typed) =
            (is_json(request.headers()), request.headers().contains_key(header::CONTENT_TYPE));
        if is_typed && !is_json {
            return Err(Error::WrongMediaType);
        }
        let bytes = read_body(request, state).await?;
        // Whoever has nothing to say need not say in which form.
        if !is_json && !bytes.is_empty() {
            return Err(Error::WrongMediaType);
        }
        read_json(&bytes).map(Self)
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        axum::Json(self.0).into_response()
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    kind == "application/json" || (kind.starts_with("application/") && kind.ends_with("+json"))
}

/// The whole body, within the limit of its route.
pub async fn read_body<S: Send + Sync>(request: Request, state: &S) -> Result<Bytes, Error> {
    Bytes::from_request(request, state).await.map_err(|rejection| {
        if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
            Error::TooLarge
        } else {
            Error::BadRequest { field: None, message: "the body ended too early".to_owned() }
        }
    })
}

/// No text may hold the character NUL, which PostgreSQL cannot keep. In JSON it is always written as an escape.
pub fn refuse_nul(json: &[u8]) -> Result<(), Error> {
    let mut rest = json;
    while let Some(at) = rest.iter().position(|byte| *byte == b'\\') {
        rest = rest.get(at..).unwrap_or_default();
        if rest.starts_with(br"\u0000") {
            let message = r"the body holds the character `\u0000`, which no text may have".to_owned();
            return Err(Error::BadRequest { field: None, message });
        }
        // The escaped character may be a backslash itself.
        rest = rest.get(2..).unwrap_or_default();
    }
    Ok(())
}

/// JSON of a whole body; an empty one counts as an empty object.
pub fn read_json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Error> {
    refuse_nul(bytes)?;
    let bytes = if bytes.trim_ascii().is_empty() { b"{}" } else { bytes };
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|cause| {
        let path = cause.path().to_string();
        json_error(&path, cause.inner())
    })?;
    reader.end().map_err(|cause| json_error(".", &cause))?;
    Ok(value)
}

/// A part of a request that was read as JSON before.
pub fn read_value<T: DeserializeOwned>(value: &Value) -> Result<T, Error> {
    serde_path_to_error::deserialize(value)
        .map_err(|cause| json_error(&cause.path().to_string(), cause.inner()))
}

fn json_error(path: &str, cause: &serde_json::Error) -> Error {
    let words = cause.to_string();
    if !cause.is_data() {
        return Error::BadRequest { field: None, message: format!("the body is not JSON: {words}") };
    }
    let (field, message) = complaint(path, &words);
    Error::BadRequest { field: Some(field).filter(|field| !field.is_empty()), message }
}

/// The query of the address.
#[derive(Clone, Copy, Debug)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Error> {
        let pairs = axum::extract::Query::<T>::try_from_uri(&parts.uri);
        pairs.map(|axum::extract::Query(query)| Self(query)).map_err(|rejection| {
            let words = rejection.body_text();
            let words = words.split_once(": ").map_or(words.as_str(), |(_, rest)| rest);
            let (place, words) = words.split_once(": ").unwrap_or(("", words));
            let (field, message) = complaint(place, words);
            Error::BadRequest { field: Some(field).filter(|field| !field.is_empty()), message }
        })
    }
}

/// The variable parts of the address. What cannot be an id is the id of nothing.
#[derive(Clone, Copy, Debug)]
pub struct Path<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        let path = axum::extract::Path::<T>::from_request_parts(parts, state).await;
        path.map(|axum::extract::Path(path)| Self(path)).map_err(|_| Error::NotFound)
    }
}

/// The `Idempotency-Key` of the request, if it has one: 1 to 200 visible characters.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct IdempotencyKey(pub Option<String>);

impl<S: Send + Sync> FromRequestParts<S> for IdempotencyKey {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Error> {
        let Some(value) = parts.headers.get(HeaderName::from_static("idempotency-key")) else {
            return Ok(Self(None));
        };
        let key = value.to_str().ok().filter(|key| (1..=200).contains(&key.len()));
        match key {
            Some(key) => Ok(Self(Some(key.to_owned()))),
            None => Err(Error::field("Idempotency-Key", "expected 1 to 200 visible ASCII characters")),
        }
    }
}

/// The revision that the caller read and wants to change: `If-Match: "7"`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct IfMatch(pub Option<u64>);

impl IfMatch {
    /// The revision, which has to be there.
    pub fn required(self) -> Result<u64, Error> {
        self.0.ok_or(Error::PreconditionRequired)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Error> {
        let Some(value) = parts.headers.get(header::IF_MATCH) else { return Ok(Self(None)) };
        let text = value.to_str().unwrap_or_default().trim();
        let number = text.trim_start_matches("W/").trim_matches('"').parse().ok();
        match number {
            Some(revision) => Ok(Self(Some(revision))),
            None if text == "*" => Ok(Self(None)),
            None => Err(Error::PreconditionFailed),
        }
    }
}

/// A JSON answer with its revision as `ETag`, for `If-Match`.
#[derive(Clone, Copy, Debug)]
pub struct Tagged<T>(pub u64, pub T);

impl<T: Serialize> IntoResponse for Tagged<T> {
    fn into_response(self) -> Response {
        let mut response = axum::Json(self.1).into_response();
        if let Ok(tag) = HeaderValue::from_str(&format!("\"{}\"", self.0)) {
            response.headers_mut().insert(header::ETAG, tag);
        }
        response
    }
}

/// The hash of a request, kept with its `Idempotency-Key`: the same key with another request is a mistake.
pub fn request_hash<T: Serialize>(request: &T) -> [u8; 32] {
    Sha256::digest(serde_json::to_vec(request).unwrap_or_default()).into()
}
