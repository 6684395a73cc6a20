//! Calls of a surface, made in the process itself: the same routes, checks and answers as over the network.

use crate::app::Shared;
use crate::error::Error;
use crate::router;
use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::http::{Method, Request, header};
use serde_json::Value as Json;
use tower::ServiceExt;

const ANSWER_LIMIT: usize = 1 << 20;

/// Every route of the server.
pub struct Surface {
    router: Router,
}

impl Surface {
    pub fn of(app: &Shared) -> Self {
        Self { router: router(app.clone()) }
    }

    pub async fn post(&self, path: &str, headers: &[(&str, &str)], body: &Json) -> Result<Json, Error> {
        let body = Bytes::from(body.to_string());
        self.send(Method::POST, path, headers, "application/json", body).await
    }

    pub async fn get(&self, path: &str, headers: &[(&str, &str)]) -> Result<Json, Error> {
        self.send(Method::GET, path, headers, "application/json", Bytes::new()).await
    }

    /// Anything but a success of the HTTP kind is an error.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        content_type: &str,
        body: Bytes,
    ) -> Result<Json, Error> {
        let mut request =
            Request::builder().method(method).uri(path).header(header::CONTENT_TYPE, content_type);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::from(body)).map_err(Error::internal)?;
        let response = self.router.clone().oneshot(request).await.map_err(Error::internal)?;
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, ANSWER_LIMIT).await.map_err(Error::internal)?;
        if !parts.status.is_success() {
            let text = String::from_utf8_lossy(&bytes).into_owned();
            return Err(Error::internal(format!("{path} answers {}: {text}", parts.status)));
        }
        serde_json::from_slice(&bytes).map_err(Error::internal)
    }
}
