//! Forms before they are submitted: what somebody has begun and not finished, and options that other systems offer.

use crate::app::Shared;
use crate::app::copies::Copy;
use crate::caller::Caller;
use crate::error::Error;
use crate::extract::{IfMatch, Json, Path, Tagged};
use crate::view::moment;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;
use zhupi_engine::Problem;
use zhupi_engine::decide::{Copied, TITLE_LIMIT};
use zhupi_engine::form::{Field, Form};
use zhupi_engine::ids::{DepartmentId, InstanceId, NodeId, TemplateId, UserId};
use zhupi_store::{FORM_DRAFT_LIMIT, FormDraft};

pub fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(list_drafts, create_draft))
        .routes(routes!(get_draft, update_draft, delete_draft))
        .routes(routes!(copy_instance))
        .routes(routes!(list_field_options))
}

/// A form that somebody has not finished. Nothing in it has to fit yet.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct DraftInput {
    /// The id or the code of the template.
    template: String,
    #[serde(default)]
    title: String,
    #[serde(default)]
    filled_in: FilledIn,
}

/// What was filled in so far, as a submission takes it.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
struct FilledIn {
    #[schema(value_type = Option<Uuid>)]
    department: Option<DepartmentId>,
    /// Values by control.
    #[schema(value_type = Object)]
    form: Map<String, Value>,
    /// People by node.
    #[schema(value_type = Object)]
    picks: BTreeMap<NodeId, Vec<UserId>>,
    /// People who shall be told.
    #[schema(value_type = Vec<Uuid>)]
    cc: Vec<UserId>,
    /// The ended instance that is asked once more.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Uuid>)]
    copied_from: Option<InstanceId>,
}

/// A form that the caller has not finished.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = FormDraft)]
struct DraftBody {
    id: Uuid,
    #[schema(value_type = Uuid)]
    template: TemplateId,
    title: String,
    filled_in: FilledIn,
    /// Counts its changes; its entity tag.
    revision: u32,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
}

/// What was copied.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct CopiedDraft {
    #[serde(flatten)]
    draft: DraftBody,
    /// The version of the template that is submitted now, which the values were fitted to.
    version: u32,
    /// What does not fit that version any more and was left out; each with `path`, `code`, `message` and `severity`.
    #[schema(value_type = Vec<Object>)]
    left_out: Vec<Problem>,
}

/// All the forms that the caller has not finished.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = FormDrafts)]
struct Drafts {
    /// The one changed last comes first.
    items: Vec<DraftBody>,
}

/// What can be chosen in a control.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct FieldOptions {
    items: Vec<OptionItem>,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = FieldOption)]
struct OptionItem {
    id: String,
    label: String,
}

/// List the caller's drafts
///
/// Forms he has begun and not submitted, and those that were handed over to him. Nobody else sees them.
#[utoipa::path(get, path = "/drafts", operation_id = "list_drafts", tag = "instances",
    responses((status = 200, description = "all of them", body = Drafts)))]
async fn list_drafts(State(app): State<Shared>, caller: Caller) -> Result<Json<Drafts>, Error> {
    let drafts = app.store.list_form_drafts(caller.tenant, caller.user).await?;
    let items = drafts.into_iter().map(show).collect::<Result<_, _>>()?;
    Ok(Json(Drafts { items }))
}

/// Keep a draft
///
/// A person keeps at most 100 drafts. A submission that names one as `draft` takes it away.
#[utoipa::path(post, path = "/drafts", operation_id = "create_draft", tag = "instances",
    request_body = DraftInput,
    responses((status = 201, description = "it is kept", body = DraftBody),
              (status = 422, description = "the caller has as many as he may have")))]
async fn create_draft(
    State(app): State<Shared>,
    caller: Caller,
    Json(input): Json<DraftInput>,
) -> Result<Response, Error> {
    let draft = read(&app, &caller, Uuid::now_v7(), 1, input).await?;
    create(&app, &caller, &draft).await?;
    Ok((StatusCode::CREATED, Tagged(1, show(draft)?)).into_response())
}

async fn create(app: &Shared, caller: &Caller, draft: &FormDraft) -> Result<(), Error> {
    let created = app.store.create_form_draft(caller.tenant, caller.user, draft).await;
    created.map_err(|error| match error {
        zhupi_store::Error::Conflict => {
            let message = format!("you have {FORM_DRAFT_LIMIT} drafts: submit or delete one first");
            Error::Invalid(vec![Problem::error("", "too_many_drafts", message)])
        }
        other => other.into(),
    })
}

/// Ask once more
///
/// Keeps a draft of what an ended instance asked, for its initiator: values, files, picks and people to be told, as far as
/// they fit the version of the template that is submitted now. Submitting what the draft holds begins a new instance that is
/// tied to the old one.
#[utoipa::path(post, path = "/instances/{id}/copy", operation_id = "copy_instance", tag = "instances",
    params(("id" = Uuid, Path)),
    responses((status = 201, description = "it is kept", body = CopiedDraft),
              (status = 403, description = "somebody else asked"),
              (status = 422, description = "it has not ended, or the caller has as many drafts as he may have")))]
async fn copy_instance(
    State(app): State<Shared>,
    caller: Caller,
    Path(id): Path<InstanceId>,
) -> Result<Response, Error> {
    let Copy { template, version, copied } = app.prepare_copy(caller.tenant, caller.user, id).await?;
    let Copied { title, department, form, picks, cc, left_out } = copied;
    let filled_in = FilledIn { department, form, picks, cc, copied_from: Some(id) };
    let body = serde_json::to_string(&filled_in).map_err(Error::internal)?;
    let (now, id) = (app.now_us(), Uuid::now_v7());
    let draft = FormDraft { id, template, title, body, revision: 1, created_at: now, updated_at: now };
    create(&app, &caller, &draft).await?;
    let body = CopiedDraft { draft: show(draft)?, version, left_out };
    Ok((StatusCode::CREATED, Tagged(1, body)).into_response())
}

/// Get a draft
#[utoipa::path(get, path = "/drafts/{id}", operation_id = "get_draft", tag = "instances",
    params(("id" = Uuid, Path)), responses((status = 200, description = "the draft", body = DraftBody)))]
async fn get_draft(
    State(app): State<Shared>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<Tagged<DraftBody>, Error> {
    let draft = app.store.load_form_draft(caller.tenant, caller.user, id).await?.ok_or(Error::NotFound)?;
    Ok(Tagged(draft.revision.into(), show(draft)?))
}

/// Change a draft
///
/// Replaces what was filled in.
#[utoipa::path(put, path = "/drafts/{id}", operation_id = "update_draft", tag = "instances",
    params(("id" = Uuid, Path), ("If-Match" = String, Header)), request_body = DraftInput,
    responses((status = 200, description = "it is changed", body = DraftBody),
              (status = 412, description = "somebody changed it meanwhile")))]
async fn update_draft(
    State(app): State<Shared>,
    caller: Caller,
    Path(id): Path<Uuid>,
    if_match: IfMatch,
    Json(input): Json<DraftInput>,
) -> Result<Tagged<DraftBody>, Error> {
    let seen = u32::try_from(if_match.required()?).map_err(|_| Error::PreconditionFailed)?;
    let (tenant, user) = (caller.tenant, caller.user);
    let before = app.store.load_form_draft(tenant, user, id).await?.ok_or(Error::NotFound)?;
    let draft = FormDraft { created_at: before.created_at, ..read(&app, &caller, id, seen, input).await? };
    app.store.update_form_draft(tenant, user, &draft).await.map_err(|error| match error {
        zhupi_store::Error::Conflict => Error::PreconditionFailed,
        other => other.into(),
    })?;
    let revision = seen + 1;
    Ok(Tagged(revision.into(), show(FormDraft { revision, ..draft })?))
}

/// Delete a draft
#[utoipa::path(delete, path = "/drafts/{id}", operation_id = "delete_draft", tag = "instances",
    params(("id" = Uuid, Path)), responses((status = 204, description = "it is gone")))]
async fn delete_draft(
    State(app): State<Shared>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<StatusCode, Error> {
    let deleted = app.store.delete_form_draft(caller.tenant, caller.user, id).await?;
    if deleted { Ok(StatusCode::NO_CONTENT) } else { Err(Error::NotFound) }
}

/// List the options of a control
///
/// Of the version that is submitted now. A column of a table is named as `table.column`. Options of another system are
/// fetched from there, at most once a minute.
#[utoipa::path(get, path = "/templates/{id}/fields/{field}/options", operation_id = "list_field_options",
    tag = "templates", params(("id" = Uuid, Path), ("field" = String, Path)),
    responses((status = 200, description = "the options", body = FieldOptions),
              (status = 503, description = "the other system does not offer them right now")))]
async fn list_field_options(
    State(app): State<Shared>,
    caller: Caller,
    Path((id, key)): Path<(TemplateId, String)>,
) -> Result<Json<FieldOptions>, Error> {
    let found = app.find_template(caller.tenant, caller.user, id).await?;
    let template = found.current.ok_or(Error::TemplateNotPublished)?;
    let field = find_field(&template.form, &key).ok_or(Error::NotFound)?;
    let options = match &field.options_source {
        Some(source) => {
            let fetched = app.options(caller.tenant, source).await;
            let fetched = fetched.map_err(|why| Error::Unavailable(why.into()))?;
            fetched.to_vec()
        }
        None => field.options.clone(),
    };
    let items = options.into_iter().map(|option| OptionItem { id: option.id.0, label: option.label });
    Ok(Json(FieldOptions { items: items.collect() }))
}

fn find_field<'f>(form: &'f Form, key: &str) -> Option<&'f Field> {
    let columns = || {
        form.fields.iter().find_map(|table| {
            let column = key.strip_prefix(table.id.as_str())?.strip_prefix('.')?;
            table.columns.iter().find(|it| it.id.as_str() == column)
        })
    };
    form.fields.iter().find(|field| field.id.as_str() == key).or_else(columns)
}

async fn read(
    app: &Shared,
    caller: &Caller,
    id: Uuid,
    revision: u32,
    input: DraftInput,
) -> Result<FormDraft, Error> {
    let found = app.find_template_named(caller.tenant, caller.user, &input.template).await?;
    let title = input.title.trim().to_owned();
    if title.chars().count() > TITLE_LIMIT {
        return Err(Error::field("title", format!("at most {TITLE_LIMIT} characters")));
    }
    let body = serde_json::to_string(&input.filled_in).map_err(Error::internal)?;
    let now = app.now_us();
    Ok(FormDraft { id, template: found.row.id, title, body, revision, created_at: now, updated_at: now })
}

fn show(draft: FormDraft) -> Result<DraftBody, Error> {
    Ok(DraftBody {
        id: draft.id,
        template: draft.template,
        title: draft.title,
        filled_in: serde_json::from_str(&draft.body).map_err(Error::internal)?,
        revision: draft.revision,
        created_at: moment(draft.created_at),
        updated_at: moment(draft.updated_at),
    })
}
