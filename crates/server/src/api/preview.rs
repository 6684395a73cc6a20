//! The likely path of a submission over our own API, before anything is submitted.

use super::instances::NewInstance;
use crate::app::Shared;
use crate::caller::Caller;
use crate::error::Error;
use crate::extract::Json;
use crate::view::{FieldView, PreviewView, form_fields, preview_view};
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use zhupi_engine::form::{FieldAccess, compute, read_partial};
use zhupi_engine::preview;

pub fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(preview_instance))
}

/// What a submission would come to.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct Preview {
    #[serde(flatten)]
    path: PreviewView,
    /// The controls with their values as the form reckons them, and which of them are shown and required.
    form: Vec<FieldView>,
}

/// Preview a submission
///
/// Who would be asked, in which order and why, and what the form makes of the values. Values and picks may still be
/// missing. Nothing is kept.
#[utoipa::path(post, path = "/preview", operation_id = "preview_instance", tag = "instances",
    request_body = NewInstance,
    responses((status = 200, description = "the likely path", body = Preview),
              (status = 422, description = "the values do not fit the form")))]
async fn preview_instance(
    State(app): State<Shared>,
    caller: Caller,
    Json(new): Json<NewInstance>,
) -> Result<Json<Preview>, Error> {
    let directory = app.directory(caller.tenant).await?;
    let (template, submission) = new.read(&app, &caller, read_partial).await?;
    let now = app.now();
    let path = preview(&template, &directory, caller.user, &submission.submit, now)?;
    let today = directory.today(now);
    let data = compute(&template.form, submission.submit.form, today);
    let form = form_fields(&template.form, &data, &FieldAccess::default(), &directory, today);
    Ok(Json(Preview { path: preview_view(path, &directory), form }))
}
