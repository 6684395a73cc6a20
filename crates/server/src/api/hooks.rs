//! Answers to calls of trigger nodes that wait for one, and the secret with which such calls are signed.

use crate::app::Shared;
use crate::app::act::Options;
use crate::caller::Caller;
use crate::error::Error;
use crate::extract::{Json, Path};
use crate::work::trigger::{Awaited, secret};
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use zhupi_engine::form::{FormData, read_partial};
use zhupi_engine::ids::{FieldId, SYSTEM};
use zhupi_engine::instance::{Outcome, Visit, VisitKind, VisitState};
use zhupi_engine::template::{Block, Trigger, TriggerAction};
use zhupi_engine::{Command, Problem, Rejection, Template};

pub fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(answer)).routes(routes!(trigger_secret))
}

/// What came of a call.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct AnswerBody {
    /// `approved`, and the way goes on, or `rejected`.
    #[serde(default = "approved")]
    #[schema(value_type = String, example = "approved")]
    outcome: Outcome,
    /// Values of the fields that the node lets the answer set.
    #[serde(default)]
    #[schema(value_type = Object)]
    values: Map<String, Value>,
}

fn approved() -> Outcome {
    Outcome::Approved
}

/// Answers the call of a trigger node, once, while it is waited for. Whoever has the address may answer.
#[utoipa::path(
    post, path = "/hooks/{token}", operation_id = "answer_call", tag = "hooks", security(()),
    params(("token" = String, Path, description = "the end of the address that came with the call")),
    request_body = AnswerBody,
    responses((status = 204, description = "taken"),
              (status = 404, description = "no such call"),
              (status = 409, description = "it was answered, or nobody waits for it any more"),
              (status = 422, description = "a value that may not be set, or is none of its field"))
)]
async fn answer(
    State(app): State<Shared>,
    Path(token): Path<String>,
    Json(body): Json<AnswerBody>,
) -> Result<StatusCode, Error> {
    let Awaited { tenant, instance: id, visit } = Awaited::of_token(&app, &token).ok_or(Error::NotFound)?;
    let stored = app.store.load_instance(tenant, id).await?.ok_or(Error::NotFound)?;
    let instance = &stored.instance;
    let waits = |it: &&Visit| it.state == VisitState::Open && it.kind == VisitKind::Call;
    let open =
        instance.visit(visit).filter(waits).ok_or(Error::Rejected(Rejection::VisitNotOpen { visit }))?;
    let template = app.template(tenant, instance.template, instance.template_version).await?;
    let values = read_answer(&template, open, &body.values)?;
    let command = Command::Answer { visit, outcome: body.outcome, values };
    app.act(tenant, SYSTEM, id, command, Options::default()).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn read_answer(template: &Template, visit: &Visit, values: &Map<String, Value>) -> Result<FormData, Error> {
    let sets = match template.block(&visit.node) {
        Some(Block::Trigger(Trigger { action: TriggerAction::CallAndWait { sets, .. }, .. })) => &sets[..],
        Some(_) | None => &[],
    };
    let may = |field: &str| sets.contains(&FieldId(field.to_owned()));
    let problem = |field: &String| {
        Problem::error(format!("values.{field}"), "field_not_editable", "the answer may not set this field")
    };
    let barred: Vec<Problem> = values.keys().filter(|field| !may(field)).map(problem).collect();
    if !barred.is_empty() {
        return Err(Error::Invalid(barred));
    }
    read_partial(&template.form, values).map_err(Error::Invalid)
}

/// The secret of a workspace's trigger nodes.
#[derive(Serialize, ToSchema)]
struct SecretView {
    /// As the Standard Webhooks specification writes it.
    #[schema(example = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")]
    secret: String,
}

/// The secret with which calls of trigger nodes are signed. For administrators.
#[utoipa::path(
    get, path = "/trigger-secret", operation_id = "get_trigger_secret", tag = "hooks",
    responses((status = 200, description = "the secret", body = SecretView))
)]
async fn trigger_secret(State(app): State<Shared>, caller: Caller) -> Result<Json<SecretView>, Error> {
    app.require_admin(&caller).await?;
    Ok(Json(SecretView { secret: secret(&app, caller.tenant)?.to_text() }))
}
