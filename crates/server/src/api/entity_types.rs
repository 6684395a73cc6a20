//! Sorts of objects and their triggers over our own API. For administrators; anybody may look.

use crate::app::Shared;
use crate::app::entities::registry::{KnownType, TriggerDraft};
use crate::caller::{Caller, Scope};
use crate::error::Error;
use crate::extract::{IfMatch, Json, Path, Tagged, read_value};
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;
use zhupi_engine::entity::{EntityType, Trigger};
use zhupi_engine::ids::TemplateId;
use zhupi_store::TriggerRow;

pub fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(list_types))
        .routes(routes!(put_type))
        .routes(routes!(list_triggers, create_trigger))
        .routes(routes!(get_trigger, update_trigger))
}

/// A sort of objects.
#[derive(Serialize, ToSchema)]
struct TypeView {
    key: String,
    name: String,
    /// Each with `id`, `title`, `kind` and what its kind needs, as in a form.
    #[schema(value_type = Vec<Object>)]
    fields: Value,
    title_field: Option<String>,
    stage_field: Option<String>,
    strict: bool,
    /// Who may make, change and delete objects; empty: everybody.
    #[schema(value_type = Object)]
    editors: Value,
    /// To be sent as `If-Match` with a change; 0 for a sort that came along.
    revision: i64,
}

/// What a sort of objects is to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct TypeBody {
    name: String,
    /// Each with `id`, `title`, `kind` and what its kind needs, as in a form.
    #[serde(default)]
    #[schema(value_type = Vec<Object>)]
    fields: Vec<Value>,
    /// The field people know an object by.
    title_field: Option<String>,
    /// The field that says at which stage an object is.
    stage_field: Option<String>,
    /// Refuse other fields, and values that do not fit.
    #[serde(default)]
    strict: bool,
    /// Who may make, change and delete objects, as `users`, `departments`, `roles` and `groups`; empty: everybody.
    #[serde(default)]
    #[schema(value_type = Object)]
    editors: Map<String, Value>,
}

/// All sorts of objects.
#[derive(Serialize, ToSchema)]
struct Types {
    items: Vec<TypeView>,
}

/// When approvals of objects start.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct TriggerBody {
    /// The key of the sort of objects.
    entity_type: String,
    /// The template that is started.
    template: Uuid,
    #[serde(default = "yes")]
    enabled: bool,
    /// `name`, `on` (`created`, `updated`, `deleted`, `stage_changed`), and optionally `odds`, `watch`, `stages`, `filter`
    /// (groups of conditions), `fields`, `apply`, `editable`, `deletion`, `after`, `on_revoke` and `form`.
    #[schema(value_type = Object)]
    trigger: Value,
}

fn yes() -> bool {
    true
}

/// A trigger.
#[derive(Serialize, ToSchema)]
struct TriggerView {
    id: Uuid,
    entity_type: String,
    template: Uuid,
    enabled: bool,
    #[schema(value_type = Object)]
    trigger: Value,
    /// To be sent as `If-Match` with a change.
    revision: i64,
}

/// All triggers.
#[derive(Serialize, ToSchema)]
struct Triggers {
    items: Vec<TriggerView>,
}

impl TypeView {
    fn of(known: KnownType) -> Self {
        let KnownType { sort, revision } = known;
        Self {
            key: sort.key,
            name: sort.name,
            fields: json!(sort.fields),
            title_field: sort.title_field.map(|field| field.0),
            stage_field: sort.stage_field.map(|field| field.0),
            strict: sort.strict,
            editors: json!(sort.editors),
            revision,
        }
    }
}

impl TriggerView {
    fn of(row: TriggerRow) -> Self {
        Self {
            id: row.id,
            entity_type: row.entity_type,
            template: row.template.0,
            enabled: row.enabled,
            trigger: json!(row.trigger),
            revision: row.revision,
        }
    }
}

impl TriggerBody {
    fn read(self) -> Result<TriggerDraft, Error> {
        let trigger: Trigger = serde_json::from_value(self.trigger)
            .map_err(|cause| Error::field("trigger", cause.to_string()))?;
        let template = TemplateId(self.template);
        Ok(TriggerDraft { entity_type: self.entity_type, template, enabled: self.enabled, trigger })
    }
}

/// List sorts of objects
///
/// The usual ones of a CRM are there from the beginning.
#[utoipa::path(get, path = "/entity-types", operation_id = "list_entity_types", tag = "entities",
    responses((status = 200, description = "all of them", body = Types)))]
async fn list_types(State(app): State<Shared>, caller: Caller) -> Result<Json<Types>, Error> {
    let types = app.entity_types(caller.tenant).await?;
    Ok(Json(Types { items: types.into_iter().map(TypeView::of).collect() }))
}

/// Add or change a sort of objects
///
/// `If-Match` is needed to change one that the workspace has added or changed before.
#[utoipa::path(put, path = "/entity-types/{key}", operation_id = "put_entity_type", tag = "entities",
    params(("key" = String, Path), ("If-Match" = Option<String>, Header, description = "the revision that was read")),
    request_body = TypeBody,
    responses((status = 200, description = "kept, its revision as `ETag`", body = TypeView),
              (status = 412, description = "it has changed since"),
              (status = 422, description = "it cannot work")))]
async fn put_type(
    State(app): State<Shared>,
    caller: Caller,
    Path(key): Path<String>,
    revision: IfMatch,
    Json(body): Json<TypeBody>,
) -> Result<Tagged<TypeView>, Error> {
    app.require_admin(&caller).await?;
    let raw = json!({
        "key": key, "name": body.name, "fields": body.fields, "title_field": body.title_field,
        "stage_field": body.stage_field, "strict": body.strict, "editors": body.editors,
    });
    let sort: EntityType = read_value(&raw)?;
    let seen = i64::try_from(revision.0.unwrap_or(0)).unwrap_or(i64::MAX);
    let revision = app.put_entity_type(caller.tenant, caller.user, sort.clone(), seen).await?;
    Ok(Tagged(revision.unsigned_abs(), TypeView::of(KnownType { sort, revision })))
}

/// List triggers
#[utoipa::path(get, path = "/entity-triggers", operation_id = "list_entity_triggers", tag = "entities",
    responses((status = 200, description = "all triggers, the oldest first", body = Triggers)))]
async fn list_triggers(State(app): State<Shared>, caller: Caller) -> Result<Json<Triggers>, Error> {
    app.require_admin(&caller).await?;
    let rows = app.store.list_entity_triggers(caller.tenant).await?;
    Ok(Json(Triggers { items: rows.into_iter().map(TriggerView::of).collect() }))
}

/// Add a trigger
///
/// Whoever adds one administers the template it starts.
#[utoipa::path(post, path = "/entity-triggers", operation_id = "create_entity_trigger", tag = "entities",
    request_body = TriggerBody,
    responses((status = 201, description = "added, its revision as `ETag`", body = TriggerView),
              (status = 403, description = "not your template"),
              (status = 422, description = "it cannot work")))]
async fn create_trigger(
    State(app): State<Shared>,
    caller: Caller,
    Json(body): Json<TriggerBody>,
) -> Result<(StatusCode, Tagged<TriggerView>), Error> {
    caller.require(Scope::Admin)?;
    let row = app.create_trigger(caller.tenant, caller.user, body.read()?).await?;
    Ok((StatusCode::CREATED, Tagged(row.revision.unsigned_abs(), TriggerView::of(row))))
}

/// Show a trigger
#[utoipa::path(get, path = "/entity-triggers/{id}", operation_id = "get_entity_trigger", tag = "entities",
    params(("id" = Uuid, Path)),
    responses((status = 200, description = "the trigger, its revision as `ETag`", body = TriggerView),
              (status = 404, description = "there is none")))]
async fn get_trigger(
    State(app): State<Shared>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<Tagged<TriggerView>, Error> {
    let row = app.store.load_entity_trigger(caller.tenant, id).await?.ok_or(Error::NotFound)?;
    app.template_to_change(caller.tenant, caller.user, row.template).await?;
    Ok(Tagged(row.revision.unsigned_abs(), TriggerView::of(row)))
}

/// Change a trigger
///
/// What runs goes by the new rules, but for when its change reaches the object.
#[utoipa::path(put, path = "/entity-triggers/{id}", operation_id = "update_entity_trigger", tag = "entities",
    params(("id" = Uuid, Path), ("If-Match" = String, Header, description = "the revision that was read")),
    request_body = TriggerBody,
    responses((status = 200, description = "changed, its revision as `ETag`", body = TriggerView),
              (status = 404, description = "there is none"),
              (status = 412, description = "it has changed since"),
              (status = 422, description = "it cannot work")))]
async fn update_trigger(
    State(app): State<Shared>,
    caller: Caller,
    Path(id): Path<Uuid>,
    revision: IfMatch,
    Json(body): Json<TriggerBody>,
) -> Result<Tagged<TriggerView>, Error> {
    caller.require(Scope::Admin)?;
    let seen = i64::try_from(revision.required()?).unwrap_or(i64::MAX);
    let row = app.update_trigger(caller.tenant, caller.user, id, seen, body.read()?).await?;
    Ok(Tagged(row.revision.unsigned_abs(), TriggerView::of(row)))
}
