//! What operators and their tools ask: is it alive, can it serve, how is it doing.

use crate::app::Shared;
use crate::caller::bearer;
use crate::error::Error;
use crate::secrets::same;
use crate::telemetry;
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::IntoResponse;
use axum::routing::get;

pub fn routes() -> Router<Shared> {
    Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
}

/// The database answers, and has the tables of this version.
async fn ready(State(app): State<Shared>) -> Result<&'static str, Error> {
    app.store.ping().await?;
    app.store.tenant_versions().await?;
    Ok("ready\n")
}

async fn metrics(State(app): State<Shared>, headers: HeaderMap) -> Result<impl IntoResponse, Error> {
    if let Some(token) = &app.config.metrics_token {
        let given = bearer(&headers).ok_or(Error::Unauthenticated)?;
        if !same(given.as_bytes(), token.0.as_bytes()) {
            return Err(Error::Unauthenticated);
        }
    }
    let handle = telemetry::metrics();
    handle.run_upkeep();
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], handle.render()))
}
