//! The completion callback of a BPM platform, in both directions: we call the business system of a workspace when an
//! instance ends approved, and we are called when a process of another engine has ended.

mod callback;
mod codes;
mod handlers;
pub mod translate;
pub mod wire;

pub use callback::{CallbackSettings, TokenChange, call};
pub use handlers::Action;
pub use translate::verdict;

use crate::app::{App, Shared};
use crate::error::Error;
use crate::extract::{Path, read_body, refuse_nul};
use crate::http::{self, trace_of};
use crate::secrets::{TokenKind, token_hash, token_tenant};
use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use serde_json::{Map, Value as Json};
use wire::{Answer, ProcessEndCallBack};
use zhupi_engine::ids::TenantId;
use zhupi_store::Token;

/// A caller may show so many tokens, in as many headers; each costs a look into the database.
const TOKENS_LOOKED_AT: usize = 4;

/// The routes of this surface; what goes wrong is said in its words.
pub fn routes(app: &Shared) -> Router<Shared> {
    let routes = Router::new()
        .route("/flow/{flow_instance_id}/call-back/complete", post(complete))
        .merge(http::nothing_else("/flow"));
    http::shell(app, routes, codes::render)
}

/// Another engine reports that a process has ended normally.
async fn complete(
    State(app): State<Shared>,
    Path(flow_instance_id): Path<String>,
    request: Request,
) -> Result<Response, Error> {
    let (trace, headers) = (trace_of(request.extensions()), request.headers().clone());
    let tenant = authenticate(&app, &headers).await?;
    trace.note_tenant(tenant);
    let report = read_report(&read_body(request, &app).await?)?;
    app.take_completion(tenant, &flow_instance_id, &report).await?;
    Ok(axum::Json(Answer::done()).into_response())
}

fn read_report(body: &[u8]) -> Result<ProcessEndCallBack, Error> {
    refuse_nul(body)?;
    // By way of a map, since a list would be read member by member.
    let members = serde_json::from_slice::<Map<String, Json>>(body);
    let report = members.and_then(|members| serde_json::from_value(Json::Object(members)));
    report.map_err(|cause| Error::BadRequest {
        field: None,
        message: format!("the body is not a `ProcessEndCallBackRo`: {cause}"),
    })
}

/// By a token of the workspace, in `Authorization` or the header that the workspace has configured.
async fn authenticate(app: &App, headers: &HeaderMap) -> Result<TenantId, Error> {
    let given = headers.iter().filter_map(|(name, value)| {
        let value = value.to_str().ok()?.trim();
        let token = value.split_once(' ').map_or(value, |(_, token)| token.trim());
        Some((name, token, token_tenant(TokenKind::Api, token)?))
    });
    for (name, token, tenant) in given.take(TOKENS_LOOKED_AT) {
        let configured = app.callback_settings(tenant).await?.map(|settings| settings.token_header);
        let fits = *name == header::AUTHORIZATION
            || configured.is_some_and(|configured| name.as_str().eq_ignore_ascii_case(&configured));
        if fits && may_report(app, tenant, token).await? {
            return Ok(tenant);
        }
    }
    Err(Error::Unauthenticated)
}

async fn may_report(app: &App, tenant: TenantId, token: &str) -> Result<bool, Error> {
    let Some(token) = app.store.load_token(tenant, &token_hash(token), app.now_us()).await? else {
        return Ok(false);
    };
    Ok(is_trusted(app, tenant, &token).await? && token.scopes.iter().any(|scope| scope == "write"))
}

/// Only administrators give tokens to apps. Anybody has one of his own, with which he could have a handler submit in the
/// name of whoever is registered there.
async fn is_trusted(app: &App, tenant: TenantId, token: &Token) -> Result<bool, Error> {
    let Some(user) = token.user else { return Ok(true) };
    let directory = app.directory(tenant).await?;
    Ok(directory.is_active(user) && (token.app.is_some() || directory.is_admin(user)))
}
