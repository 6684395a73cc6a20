//! Our own API, under `/v1`. The OpenAPI document is made of the same routes, so that the two cannot differ.

mod absences;
mod apps;
mod batch;
mod calendars;
mod call;
mod callbacks;
mod comments;
mod decisions;
mod deliveries;
mod directory;
mod document;
mod entities;
mod entity_types;
mod files;
mod forms;
mod handover;
mod hooks;
mod instances;
mod migrations;
mod parameters;
mod preview;
mod regression;
mod seals;
mod sessions;
mod signers;
mod steps;
mod tasks;
mod template_migration;
mod templates;
mod webhooks;

use crate::app::Shared;
use axum::{Router, middleware};
use document::{Doors, Problem, add_problems};
use parameters::{Parameters, refuse_unknown};
use std::sync::Arc;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_swagger_ui::SwaggerUi;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Zhupi",
        description = "Approvals: templates, instances, tasks. Errors are problem documents of RFC 9457 with a stable `code`."
    ),
    security(("session" = []), ("token" = [])),
    components(schemas(Problem)),
    modifiers(&Doors)
)]
struct Document;

/// The routes, their document at `/v1/openapi.json`, and a page to read it at `/v1/docs`.
pub fn routes(app: &Shared) -> Router<Shared> {
    let (routes, document) = described(app.config.limits.file_bytes).split_for_parts();
    let known = Arc::new(Parameters::of(&document));
    let routes = routes.route_layer(middleware::from_fn_with_state(known, refuse_unknown));
    let page = SwaggerUi::new("/v1/docs").url("/v1/openapi.json", add_problems(document));
    routes.merge(page)
}

/// The OpenAPI document.
pub fn openapi() -> utoipa::openapi::OpenApi {
    add_problems(described(0).into_openapi())
}

fn described(file_limit: usize) -> OpenApiRouter<Shared> {
    let all = OpenApiRouter::new()
        .merge(sessions::routes())
        .merge(directory::routes())
        .merge(handover::routes())
        .merge(calendars::routes())
        .merge(absences::routes())
        .merge(templates::routes())
        .merge(template_migration::routes())
        .merge(regression::routes())
        .merge(preview::routes())
        .merge(instances::routes())
        .merge(forms::routes())
        .merge(steps::routes())
        .merge(migrations::routes())
        .merge(tasks::routes())
        .merge(decisions::routes())
        .merge(signers::routes())
        .merge(batch::routes())
        .merge(comments::routes())
        .merge(apps::routes())
        .merge(files::routes(file_limit))
        .merge(webhooks::routes())
        .merge(deliveries::routes())
        .merge(hooks::routes())
        .merge(callbacks::routes())
        .merge(seals::routes())
        .merge(entity_types::routes())
        .merge(entities::routes());
    OpenApiRouter::with_openapi(Document::openapi()).nest("/v1", all)
}

/// Something with a name.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize, utoipa::ToSchema)]
pub(crate) struct Named {
    pub id: uuid::Uuid,
    pub name: String,
}
