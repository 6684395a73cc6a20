//! The likely path of a submission over our own API, before anything is submitted.

use super::instances::NewInstance;
use crate::app::Shared;
use crate::caller::Caller;
use crate::error::Error;
use crate::extract::Json;
use crate::view::{PreviewView, preview_view};
use axum::extract::State;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use zhupi_engine::form::read_partial;
use zhupi_engine::preview;

pub fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(preview_instance))
}

/// Preview a submission
///
/// Who would be asked, in which order and why. Values and picks may still be missing. Nothing is kept.
#[utoipa::path(post, path = "/preview", operation_id = "preview_instance", tag = "instances",
    request_body = NewInstance,
    responses((status = 200, description = "the likely path", body = PreviewView),
              (status = 422, description = "the values do not fit the form")))]
async fn preview_instance(
    State(app): State<Shared>,
    caller: Caller,
    Json(new): Json<NewInstance>,
) -> Result<Json<PreviewView>, Error> {
    let directory = app.directory(caller.tenant).await?;
    let (template, submission) = new.read(&app, &caller, read_partial).await?;
    let preview = preview(&template, &directory, caller.user, &submission.submit, app.now())?;
    Ok(Json(preview_view(preview, &directory)))
}
