//! Objects over our own API: tell of them, look at them, follow their approvals, settle conflicts.

use crate::app::entities::{HiddenFields, ToldOfEntity, What};
use crate::app::{App, Shared, access};
use crate::caller::Caller;
use crate::error::Error;
use crate::extract::{IfMatch, Json, Path, Query, Tagged};
use crate::page::{PageOf, PageQuery};
use crate::view::{
    ApprovalFacts, EntityApprovalView, EntityFlags, EntityHistoryEntry, EntityView, access_of, approval_view,
    entity_view, history_entry,
};
use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;
use zhupi_engine::entity::{Choice, EntityType, Side};
use zhupi_engine::ids::{InstanceId, TenantId, UserId};
use zhupi_store::{EntityRow, Page, RunRow};

pub fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(list_entities))
        .routes(routes!(get_entity, put_entity, delete_entity))
        .routes(routes!(list_history))
        .routes(routes!(list_approvals))
        .routes(routes!(list_conflicts))
        .routes(routes!(settle_conflict))
        .routes(routes!(resubmit))
}

/// What an object is to say.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct EntityBody {
    /// By field; fields that are not named stay as they are.
    #[serde(default)]
    #[schema(value_type = Object)]
    data: Map<String, Value>,
    /// What people call its fields, where its sort does not say.
    #[serde(default)]
    labels: BTreeMap<String, String>,
    /// The text people know it by, or the field that holds it; absent: as its sort says.
    title: Option<String>,
}

/// How a conflict is settled.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Resolution {
    choice: ChoiceWord,
    /// With `merge`: which side wins, by field.
    #[serde(default)]
    fields: BTreeMap<String, SideWord>,
}

/// Which side wins as a whole.
#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum ChoiceWord {
    /// Everything the approval brings.
    Ours,
    /// The object stays as it is.
    Theirs,
    /// Field by field.
    Merge,
}

/// Which side wins for a field.
#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum SideWord {
    Ours,
    Theirs,
}

/// The approval that was begun.
#[derive(Serialize, ToSchema)]
struct Resubmitted {
    instance: Uuid,
}

impl Resolution {
    fn read(self) -> Choice {
        let side = |word: SideWord| match word {
            SideWord::Ours => Side::Ours,
            SideWord::Theirs => Side::Theirs,
        };
        match self.choice {
            ChoiceWord::Ours => Choice::Ours,
            ChoiceWord::Theirs => Choice::Theirs,
            ChoiceWord::Merge => {
                Choice::Merge(self.fields.into_iter().map(|(field, word)| (field, side(word))).collect())
            }
        }
    }
}

/// List objects of a sort
///
/// Those the caller may see: he told of them first, sees an approval of them, or is an administrator.
#[utoipa::path(get, path = "/entities/{entity_type}", operation_id = "list_entities", tag = "entities",
    params(("entity_type" = String, Path), PageQuery),
    responses((status = 200, description = "the newest first", body = PageOf<EntityView>)))]
async fn list_entities(
    State(app): State<Shared>,
    caller: Caller,
    Path(entity_type): Path<String>,
    Query(page): Query<PageQuery>,
) -> Result<Json<PageOf<EntityView>>, Error> {
    app.entity_type(caller.tenant, &entity_type).await?.ok_or(Error::NotFound)?;
    let found = app.store.list_entities(caller.tenant, &entity_type, &page.page()?).await?;
    let mut rows = Vec::new();
    for row in found.rows {
        if let Some(hidden) = app.hidden_of_entity(caller.tenant, caller.user, &row).await? {
            rows.push(show_without(&app, &caller, row, &hidden).await?);
        }
    }
    Ok(Json(PageOf::of(zhupi_store::PageOf { rows, next: found.next }, |view| view)))
}

/// Show an object
#[utoipa::path(get, path = "/entities/{entity_type}/{id}", operation_id = "get_entity", tag = "entities",
    params(("entity_type" = String, Path), ("id" = String, Path)),
    responses((status = 200, description = "the object, its revision as `ETag`", body = EntityView),
              (status = 404, description = "there is none that the caller may see")))]
async fn get_entity(
    State(app): State<Shared>,
    caller: Caller,
    Path((entity_type, id)): Path<(String, String)>,
) -> Result<Tagged<EntityView>, Error> {
    let (_, row, hidden) = seen(&app, &caller, &entity_type, &id).await?;
    let view = show_without(&app, &caller, row, &hidden).await?;
    Ok(Tagged(view.revision.unsigned_abs(), view))
}

/// Tell what an object says
///
/// It is made where it is not there, else the named fields change: at once, or once an approval has ended, as the triggers
/// of its sort say. `approvals` of the answer shows which.
#[utoipa::path(put, path = "/entities/{entity_type}/{id}", operation_id = "put_entity", tag = "entities",
    params(("entity_type" = String, Path), ("id" = String, Path),
           ("If-Match" = Option<String>, Header, description = "the revision that was read")),
    request_body = EntityBody,
    responses((status = 200, description = "taken", body = EntityView),
              (status = 409, description = "an approval is running that does not allow it"),
              (status = 412, description = "it has changed since"),
              (status = 422, description = "it does not fit its sort")))]
async fn put_entity(
    State(app): State<Shared>,
    caller: Caller,
    Path((entity_type, id)): Path<(String, String)>,
    revision: IfMatch,
    Json(body): Json<EntityBody>,
) -> Result<Tagged<EntityView>, Error> {
    app.entity_type(caller.tenant, &entity_type).await?.ok_or(Error::NotFound)?;
    let told = ToldOfEntity {
        entity_type,
        id,
        what: What::Saved,
        data: body.data,
        labels: body.labels,
        title: body.title,
        seen: seen_revision(revision),
    };
    app.tell_entity(caller.tenant, caller.user, &told).await?;
    let row = app.store.load_entity(caller.tenant, &told.entity_type, &told.id).await?;
    let view = show(&app, &caller, row.ok_or(Error::NotFound)?).await?;
    Ok(Tagged(view.revision.unsigned_abs(), view))
}

/// Delete an object
///
/// At once, or once an approval has ended, as the triggers of its sort say.
#[utoipa::path(delete, path = "/entities/{entity_type}/{id}", operation_id = "delete_entity", tag = "entities",
    params(("entity_type" = String, Path), ("id" = String, Path),
           ("If-Match" = Option<String>, Header, description = "the revision that was read")),
    responses((status = 200, description = "taken; `deleted` says whether it is gone", body = EntityView),
              (status = 404, description = "there is none"),
              (status = 409, description = "an approval is running that does not allow it")))]
async fn delete_entity(
    State(app): State<Shared>,
    caller: Caller,
    Path((entity_type, id)): Path<(String, String)>,
    revision: IfMatch,
) -> Result<Tagged<EntityView>, Error> {
    app.entity_type(caller.tenant, &entity_type).await?.ok_or(Error::NotFound)?;
    let told = ToldOfEntity {
        entity_type,
        id,
        what: What::Deleted,
        data: Map::new(),
        labels: BTreeMap::new(),
        title: None,
        seen: seen_revision(revision),
    };
    app.tell_entity(caller.tenant, caller.user, &told).await?;
    let row = app.store.load_entity(caller.tenant, &told.entity_type, &told.id).await?;
    let view = show(&app, &caller, row.ok_or(Error::NotFound)?).await?;
    Ok(Tagged(view.revision.unsigned_abs(), view))
}

/// Show the history of an object
#[utoipa::path(get, path = "/entities/{entity_type}/{id}/history", operation_id = "list_entity_history",
    tag = "entities", params(("entity_type" = String, Path), ("id" = String, Path), PageQuery),
    responses((status = 200, description = "the latest change first", body = PageOf<EntityHistoryEntry>)))]
async fn list_history(
    State(app): State<Shared>,
    caller: Caller,
    Path((entity_type, id)): Path<(String, String)>,
    Query(page): Query<PageQuery>,
) -> Result<Json<PageOf<EntityHistoryEntry>>, Error> {
    let (sort, row, hidden) = seen(&app, &caller, &entity_type, &id).await?;
    let directory = app.directory(caller.tenant).await?;
    let found = app.store.list_entity_history(caller.tenant, &entity_type, &id, &page.page()?).await?;
    Ok(Json(PageOf::of(found, |entry| history_entry((&sort, &row), &entry, &hidden, &directory))))
}

/// List the approvals of an object
///
/// Those the caller may see.
#[utoipa::path(get, path = "/entities/{entity_type}/{id}/approvals", operation_id = "list_entity_approvals",
    tag = "entities", params(("entity_type" = String, Path), ("id" = String, Path), PageQuery),
    responses((status = 200, description = "the newest first", body = PageOf<EntityApprovalView>)))]
async fn list_approvals(
    State(app): State<Shared>,
    caller: Caller,
    Path((entity_type, id)): Path<(String, String)>,
    Query(page): Query<PageQuery>,
) -> Result<Json<PageOf<EntityApprovalView>>, Error> {
    seen(&app, &caller, &entity_type, &id).await?;
    let found = app.store.list_entity_runs(caller.tenant, &entity_type, &id, &page.page()?).await?;
    let mut rows = Vec::new();
    for run in found.rows {
        rows.extend(show_approval(&app, caller.tenant, caller.user, run).await?);
    }
    Ok(Json(PageOf::of(zhupi_store::PageOf { rows, next: found.next }, |view| view)))
}

/// List conflicts between approvals and objects
///
/// For administrators of the workspace: all of them; for others: those of templates they administer.
#[utoipa::path(get, path = "/entity-conflicts", operation_id = "list_entity_conflicts", tag = "entities",
    params(PageQuery),
    responses((status = 200, description = "the newest first", body = PageOf<EntityApprovalView>)))]
async fn list_conflicts(
    State(app): State<Shared>,
    caller: Caller,
    Query(page): Query<PageQuery>,
) -> Result<Json<PageOf<EntityApprovalView>>, Error> {
    let found = app.store.list_entity_conflicts(caller.tenant, &page.page()?).await?;
    let mut rows = Vec::new();
    for run in found.rows {
        let Ok(of) = app.see_instance(caller.tenant, caller.user, run.instance).await else { continue };
        if access::may_manage(&of.template.settings, &of.directory, caller.user) {
            rows.extend(show_approval(&app, caller.tenant, caller.user, run).await?);
        }
    }
    Ok(Json(PageOf::of(zhupi_store::PageOf { rows, next: found.next }, |view| view)))
}

/// Settle a conflict
///
/// `If-Match` is the revision of the object that was seen.
#[utoipa::path(post, path = "/entity-approvals/{instance}/resolution", operation_id = "settle_entity_conflict",
    tag = "entities", request_body = Resolution,
    params(("instance" = Uuid, Path), ("If-Match" = String, Header, description = "the object's revision")),
    responses((status = 200, description = "settled", body = EntityApprovalView),
              (status = 403, description = "not yours to settle"),
              (status = 409, description = "there is no conflict"),
              (status = 412, description = "the object has changed since"),
              (status = 422, description = "a field is left open")))]
async fn settle_conflict(
    State(app): State<Shared>,
    caller: Caller,
    Path(instance): Path<Uuid>,
    revision: IfMatch,
    Json(body): Json<Resolution>,
) -> Result<Json<EntityApprovalView>, Error> {
    let seen = i64::try_from(revision.required()?).unwrap_or(i64::MAX);
    let (tenant, user) = (caller.tenant, caller.user);
    let run = app.resolve_conflict(tenant, user, InstanceId(instance), &body.read(), seen).await?;
    Ok(Json(show_approval(&app, tenant, user, run).await?.ok_or(Error::NotFound)?))
}

/// Ask again for what an approval asked for
///
/// After a refusal or a withdrawal, as long as nothing newer was asked of the object.
#[utoipa::path(post, path = "/entity-approvals/{instance}/resubmission", operation_id = "resubmit_entity",
    tag = "entities", params(("instance" = Uuid, Path)),
    responses((status = 201, description = "begun", body = Resubmitted),
              (status = 409, description = "it cannot be asked for again by the caller")))]
async fn resubmit(
    State(app): State<Shared>,
    caller: Caller,
    Path(instance): Path<Uuid>,
) -> Result<(axum::http::StatusCode, Json<Resubmitted>), Error> {
    let old = app.see_instance(caller.tenant, caller.user, InstanceId(instance)).await?.stored.instance.id;
    let new = app.resubmit_entity(caller.tenant, caller.user, old).await?;
    Ok((axum::http::StatusCode::CREATED, Json(Resubmitted { instance: new.0 })))
}

fn seen_revision(revision: IfMatch) -> Option<i64> {
    revision.0.map(|revision| i64::try_from(revision).unwrap_or(i64::MAX))
}

async fn seen(
    app: &App,
    caller: &Caller,
    entity_type: &str,
    id: &str,
) -> Result<(EntityType, EntityRow, HiddenFields), Error> {
    let sort = app.entity_type(caller.tenant, entity_type).await?.ok_or(Error::NotFound)?;
    let row = app.store.load_entity(caller.tenant, entity_type, id).await?.ok_or(Error::NotFound)?;
    let hidden = app.hidden_of_entity(caller.tenant, caller.user, &row).await?.ok_or(Error::NotFound)?;
    Ok((sort, row, hidden))
}

/// What an object says is hidden from whoever may not see it, though he may tell of it.
async fn show(app: &App, caller: &Caller, mut row: EntityRow) -> Result<EntityView, Error> {
    let Some(hidden) = app.hidden_of_entity(caller.tenant, caller.user, &row).await? else {
        row.data = Map::new();
        return Ok(entity_view(row, Vec::new()));
    };
    show_without(app, caller, row, &hidden).await
}

async fn show_without(
    app: &App,
    caller: &Caller,
    mut row: EntityRow,
    hidden: &HiddenFields,
) -> Result<EntityView, Error> {
    let (tenant, user) = (caller.tenant, caller.user);
    row.data.retain(|field, _| !hidden.contains(field));
    let mut runs = app.store.list_entity_runs(tenant, &row.entity_type, &row.id, &Page::first(1)).await?.rows;
    let open = app.store.list_open_runs(tenant, &row.entity_type, &row.id).await?;
    let latest = runs.first().map(|run| run.instance);
    runs.extend(open.into_iter().rev().filter(|run| Some(run.instance) != latest));
    let mut approvals = Vec::new();
    for run in runs {
        approvals.extend(show_approval(app, tenant, user, run).await?);
    }
    Ok(entity_view(row, approvals))
}

/// `None`: the viewer may not see it.
async fn show_approval(
    app: &App,
    tenant: TenantId,
    viewer: UserId,
    run: RunRow,
) -> Result<Option<EntityApprovalView>, Error> {
    let Ok(of) = app.see_instance(tenant, viewer, run.instance).await else { return Ok(None) };
    let instance = &of.stored.instance;
    let rules = app.store.load_entity_trigger(tenant, run.trigger).await?.ok_or(Error::NotFound)?;
    let row =
        app.store.load_entity(tenant, &run.entity_type, &run.entity_id).await?.ok_or(Error::NotFound)?;
    let sort = app.entity_type(tenant, &run.entity_type).await?.ok_or(Error::NotFound)?;
    let flags = EntityFlags::of(instance, &of.template, &of.directory, viewer, app.now());
    let access = access_of(instance, &of.template, &of.directory, viewer);
    let hidden = app.hidden_of_run(tenant, &run, &of.template, &access).await?;
    let can_resubmit = app.may_resubmit(tenant, viewer, &run).await?;
    Ok(Some(approval_view(&ApprovalFacts {
        sort: &sort,
        row: &row,
        run: &run,
        rules: &rules,
        hidden: &hidden,
        instance,
        directory: &of.directory,
        flags: EntityFlags { can_resubmit, ..flags },
    })))
}
