//! The surface of WPS approvals: templates, approvals and what people do with them, each call signed with WPS-4.
//! Who calls: `wps/call.rs`. Our templates and instances in its words and back: `wps/translate.rs`.

mod approvals;
mod call;
mod codes;
mod groups;
mod numbers;
mod people;
mod signature;
mod templates;
mod translate;
mod wire;

use crate::app::{App, Shared};
use crate::error::Error;
use crate::extract::IdempotencyKey;
use crate::http;
use axum::extract::{FromRequestParts, Request};
use axum::http::request::Parts;
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::{get, post, put};
use axum::{Extension, Router};
use call::{Call, Scope};
use codes::Failure;
use signature::{Remembered, Replays};
use std::sync::Arc;
use zhupi_engine::ids::{TenantId, UserId};

/// The routes, behind whatever gateway prefix: the documented one is `/o/woa`.
pub fn routes(app: &Shared) -> Router<Shared> {
    let developer = Router::new()
        .route("/condition/templates", get(templates::list).post(templates::create))
        .route(
            "/condition/templates/{template_code}",
            put(templates::replace).get(templates::get).delete(templates::delete),
        )
        .route("/templates/groups", get(groups::list).post(groups::create))
        .route("/condition/approvals", post(approvals::start))
        .route("/approvals", get(approvals::list))
        .route("/approvals/{approval_id}", get(approvals::get))
        .route("/approvals/{approval_id}/{action}", post(approvals::act));
    let routes = Router::new()
        .nest("/o/{cid}/api/v2/workflow/developer", developer)
        .merge(http::nothing_else("/o/{cid}"))
        .layer(middleware::from_fn(forget_failed))
        .layer(Extension(Arc::new(Replays::default())));
    http::shell(app, routes, codes::render)
}

/// A call that is answered with an error may be sent again as it is: only what was carried out may not come twice.
async fn forget_failed(
    Extension(replays): Extension<Arc<Replays>>,
    mut request: Request,
    next: Next,
) -> Response {
    let remembered = Remembered::default();
    request.extensions_mut().insert(remembered.clone());
    let response = next.run(request).await;
    if !response.status().is_success() {
        replays.forget(&remembered);
    }
    response
}

/// The number under which this surface knows a person, such as the `operator` of each call; made at first use.
pub async fn user_number(app: &App, tenant: TenantId, user: UserId) -> Result<i64, Error> {
    Ok(app.store.number_for(tenant, numbers::USER, user.0).await?)
}

/// Gives a person the number another system knows him by; refused where the number or the person has one.
pub async fn give_number(app: &App, tenant: TenantId, user: UserId, number: i64) -> Result<(), Error> {
    Ok(app.store.put_alias(tenant, numbers::USER, &number.to_string(), user.0).await?)
}

/// What a handler needs before it knows who calls.
struct Door {
    app: Shared,
    replays: Arc<Replays>,
    /// Sending it again with the same call gives the same answer and does nothing.
    idempotency_key: Option<String>,
}

impl Door {
    /// Lets a request in that is signed, and whose token is for this.
    async fn call(&self, request: Request, scope: Scope) -> Result<Call, Failure> {
        Call::read(&self.app, &self.replays, request, scope).await
    }
}

impl FromRequestParts<Shared> for Door {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &Shared) -> Result<Self, Error> {
        let replays = parts.extensions.get::<Arc<Replays>>().cloned();
        let replays = replays.ok_or_else(|| Error::internal("the memory of signed requests is missing"))?;
        let IdempotencyKey(idempotency_key) = IdempotencyKey::from_request_parts(parts, app).await?;
        Ok(Self { app: app.clone(), replays, idempotency_key })
    }
}
