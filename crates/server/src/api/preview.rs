//! The likely path of a submission over our own API: for whoever fills in a form, and for whoever draws a template and
//! wants to see it under assumptions. Nothing is kept and nobody is told.

mod assumptions;

use super::instances::NewInstance;
use crate::app::Shared;
use crate::app::look_ahead::Look;
use crate::caller::Caller;
use crate::error::Error;
use crate::extract::{Json, Path};
use crate::view::{FieldView, PreviewView, form_fields, preview_view};
use assumptions::AssumptionsInput;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use zhupi_engine::form::{FieldAccess, compute, read_partial};
use zhupi_engine::ids::{DepartmentId, NodeId, TemplateId, UserId};
use zhupi_engine::preview::Assumptions;
use zhupi_engine::{Problem, Rejection, Submit, Template};

pub fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(preview_instance)).routes(routes!(preview_template))
}

/// What a submission would come to.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct Preview {
    #[serde(flatten)]
    path: PreviewView,
    /// The controls with their values as the form reckons them, and which of them are shown and required.
    form: Vec<FieldView>,
}

/// A request to try a template on.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct TryOut {
    /// A published version; absent: the draft.
    version: Option<u32>,
    /// Who asks; absent: the caller.
    #[schema(value_type = Option<Uuid>)]
    initiator: Option<UserId>,
    /// In which of his departments; absent: in the first.
    #[schema(value_type = Option<Uuid>)]
    department: Option<DepartmentId>,
    /// Values by control.
    #[serde(default)]
    #[schema(value_type = Object)]
    form: Map<String, Value>,
    /// People the initiator picks, by node.
    #[serde(default)]
    #[schema(value_type = Object)]
    picks: BTreeMap<NodeId, Vec<UserId>>,
    /// People the initiator wants told.
    #[serde(default)]
    #[schema(value_type = Vec<Uuid>)]
    cc: Vec<UserId>,
    /// What is taken for granted. Where nothing is, everybody approves and everything that is waited for answers yes.
    #[serde(default)]
    assumptions: AssumptionsInput,
}

/// Preview a submission
///
/// Who would be asked, in which order, why and until when, and what the form makes of the values. Values and picks may still
/// be missing. Nothing is kept.
#[utoipa::path(post, path = "/preview", operation_id = "preview_instance", tag = "instances",
    request_body = NewInstance,
    responses((status = 200, description = "the likely path", body = Preview),
              (status = 422, description = "the values do not fit the form")))]
async fn preview_instance(
    State(app): State<Shared>,
    caller: Caller,
    Json(new): Json<NewInstance>,
) -> Result<Json<Preview>, Error> {
    let (template, submission) = new.read(&app, &caller, read_partial).await?;
    let (tenant, viewer) = (caller.tenant, caller.user);
    let look = Look { tenant, viewer, initiator: viewer, template: &template, submit: &submission.submit };
    show(&app, look, Assumptions::default()).await
}

/// Try a template
///
/// The likely path of a request by anybody, under assumptions: who rejects, returns or lets the time run out, what other
/// systems answer, other people than those of today. Of the draft or a version, for the template's managers. Nothing is
/// kept, nobody is told and no other system is called.
#[utoipa::path(post, path = "/templates/{id}/preview", operation_id = "preview_template", tag = "templates",
    params(("id" = Uuid, Path)), request_body = TryOut,
    responses((status = 200, description = "the path; what was assumed and did not happen under `unmet`", body = Preview),
              (status = 403, description = "not a manager of the template"),
              (status = 422, description = "the draft has errors, or values or assumptions do not fit: it says which and where")))]
async fn preview_template(
    State(app): State<Shared>,
    caller: Caller,
    Path(id): Path<TemplateId>,
    Json(wish): Json<TryOut>,
) -> Result<Json<Preview>, Error> {
    let template = drawn(&app, &caller, id, wish.version).await?;
    let form = read_partial(&template.form, &wish.form);
    let form = form.map_err(|problems| Rejection::FormInvalid { problems })?;
    let directory = app.directory(caller.tenant).await?;
    let assumptions = wish.assumptions.read(&template, &directory).map_err(Error::Invalid)?;
    let TryOut { department, picks, cc, .. } = wish;
    let submit = Submit { department, form, picks, cc, ..Submit::default() };
    let (tenant, viewer) = (caller.tenant, caller.user);
    let initiator = wish.initiator.unwrap_or(viewer);
    let look = Look { tenant, viewer, initiator, template: &template, submit: &submit };
    show(&app, look, assumptions).await
}

/// The draft, if nothing in it is an error, or a version; for managers of the template.
async fn drawn(
    app: &Shared,
    caller: &Caller,
    id: TemplateId,
    version: Option<u32>,
) -> Result<Arc<Template>, Error> {
    let found = app.template_to_change(caller.tenant, caller.user, id).await?;
    if let Some(version) = version {
        return app.template(caller.tenant, id, version).await;
    }
    let problems = app.check_definition(caller.tenant, &found.draft, &found.row.source_kind).await?;
    if problems.iter().any(Problem::is_error) {
        return Err(Error::Invalid(problems));
    }
    Ok(Arc::new(found.draft))
}

async fn show(app: &Shared, look: Look<'_>, assumptions: Assumptions) -> Result<Json<Preview>, Error> {
    let mut path = app.look_ahead(look, assumptions).await?;
    for problem in &mut path.unmet {
        problem.path = format!("assumptions.{}", problem.path);
    }
    let directory = app.directory(look.tenant).await?;
    let today = directory.today(app.now());
    let form = &look.template.form;
    let data = compute(form, look.submit.form.clone(), today);
    let form = form_fields(form, &data, &FieldAccess::default(), &directory, today);
    Ok(Json(Preview { path: preview_view(path, &directory), form }))
}
