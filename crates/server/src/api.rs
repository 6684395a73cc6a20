//! Our own API, under `/v1`. The OpenAPI document is made of the same routes, so that the two cannot differ.

mod comments;
mod instances;
mod preview;
mod sessions;
mod tasks;
mod templates;

use crate::app::Shared;
use axum::Router;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_swagger_ui::SwaggerUi;

#[derive(OpenApi)]
#[openapi(info(
    title = "Zhupi",
    description = "Approvals: templates, instances, tasks. Errors are problem documents of RFC 9457 with a stable `code`."
))]
struct Document;

/// The routes, their document at `/v1/openapi.json`, and a page to read it at `/v1/docs`.
pub fn routes() -> Router<Shared> {
    let (routes, document) = described().split_for_parts();
    let page = SwaggerUi::new("/v1/docs").url("/v1/openapi.json", document);
    routes.merge(page)
}

/// The OpenAPI document.
pub fn openapi() -> utoipa::openapi::OpenApi {
    described().into_openapi()
}

fn described() -> OpenApiRouter<Shared> {
    OpenApiRouter::with_openapi(Document::openapi()).nest(
        "/v1",
        OpenApiRouter::new()
            .merge(sessions::routes())
            .merge(templates::routes())
            .merge(preview::routes())
            .merge(instances::routes())
            .merge(tasks::routes())
            .merge(comments::routes()),
    )
}
