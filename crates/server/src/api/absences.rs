//! Absences over our own API: who is away when, and who stands in.

use crate::api::Named;
use crate::app::Shared;
use crate::app::absences::moment;
use crate::caller::Caller;
use crate::error::Error;
use crate::extract::{Json, Path, Query};
use crate::page::{PageOf, PageQuery};
use axum::extract::State;
use axum::http::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;
use zhupi_engine::absence::Absence;
use zhupi_engine::ids::{AbsenceId, TemplateId, UserId};
use zhupi_engine::{Directory, Problem};

pub fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(list_absences, create_absence)).routes(routes!(
        get_absence,
        update_absence,
        end_absence
    ))
}

/// A time during which somebody else decides.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct AbsenceInput {
    /// Who is away; absent: oneself. Others only for administrators.
    owner: Option<Uuid>,
    /// Who stands in.
    substitute: Uuid,
    /// The first moment.
    #[schema(value_type = String, format = DateTime)]
    from: Timestamp,
    /// The moment he is back.
    #[schema(value_type = String, format = DateTime)]
    until: Timestamp,
    /// For which templates; empty: for all.
    #[serde(default)]
    templates: Vec<Uuid>,
    #[serde(default)]
    reason: String,
    /// What is open when it begins moves too, and what is undecided when it ends comes back.
    #[serde(default = "yes")]
    move_open: bool,
}

fn yes() -> bool {
    true
}

impl AbsenceInput {
    fn read(self, id: AbsenceId, owner: UserId) -> Absence {
        Absence {
            id,
            owner,
            substitute: UserId(self.substitute),
            from: moment(self.from.as_microsecond()),
            until: moment(self.until.as_microsecond()),
            templates: self.templates.into_iter().map(TemplateId).collect(),
            reason: self.reason,
            move_open: self.move_open,
        }
    }
}

/// A time during which somebody else decides.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Absence)]
struct AbsenceItem {
    id: Uuid,
    owner: Named,
    substitute: Named,
    #[schema(value_type = String, format = DateTime)]
    from: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    until: Timestamp,
    templates: Vec<Uuid>,
    reason: String,
    move_open: bool,
    state: AbsenceState,
    /// What works, but perhaps not as meant; only in the answer to a change.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<Object>)]
    warnings: Vec<Problem>,
}

/// Whether it holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum AbsenceState {
    /// It is to come.
    Coming,
    /// It holds.
    Now,
    /// It has ended.
    Over,
}

fn show(directory: &Directory, absence: Absence, now: Timestamp, warnings: Vec<Problem>) -> AbsenceItem {
    let named = |id: UserId| Named { id: id.0, name: directory.name(id) };
    let state = if now < absence.from {
        AbsenceState::Coming
    } else if now < absence.until {
        AbsenceState::Now
    } else {
        AbsenceState::Over
    };
    AbsenceItem {
        id: absence.id.0,
        owner: named(absence.owner),
        substitute: named(absence.substitute),
        from: absence.from,
        until: absence.until,
        templates: absence.templates.into_iter().map(Uuid::from).collect(),
        reason: absence.reason,
        move_open: absence.move_open,
        state,
        warnings,
    }
}

/// Whose absences to list.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct AbsenceQuery {
    /// Whose; absent: one's own. Others only for administrators.
    owner: Option<Uuid>,
    /// Everybody's; only for administrators.
    #[serde(default)]
    all: bool,
    /// At most how many entries: 1 to 200, usually 50.
    limit: Option<u32>,
    /// `next` of the page before.
    after: Option<String>,
}

/// List absences
///
/// Those that end last come first.
#[utoipa::path(get, path = "/absences", operation_id = "list_absences", tag = "absences",
    params(AbsenceQuery), responses((status = 200, body = PageOf<AbsenceItem>)))]
async fn list_absences(
    State(app): State<Shared>,
    caller: Caller,
    Query(query): Query<AbsenceQuery>,
) -> Result<Json<PageOf<AbsenceItem>>, Error> {
    let page = PageQuery { limit: query.limit, after: query.after }.page()?;
    let owner = query.owner.map_or(caller.user, UserId);
    let directory = app.directory(caller.tenant).await?;
    if (query.all || owner != caller.user) && !directory.is_admin(caller.user) {
        return Err(Error::Forbidden);
    }
    let whose = (!query.all).then_some(owner);
    let rows = app.store.list_absences(caller.tenant, whose, &page).await?;
    let now = app.now();
    Ok(Json(PageOf::of(rows, |row| show(&directory, row, now, Vec::new()))))
}

/// Get an absence
#[utoipa::path(get, path = "/absences/{id}", operation_id = "get_absence", tag = "absences",
    params(("id" = Uuid, Path)),
    responses((status = 200, body = AbsenceItem), (status = 404, description = "no such absence")))]
async fn get_absence(
    State(app): State<Shared>,
    caller: Caller,
    Path(id): Path<AbsenceId>,
) -> Result<Json<AbsenceItem>, Error> {
    let absence = app.absence(&caller, id).await?;
    Ok(Json(show(&*app.directory(caller.tenant).await?, absence, app.now(), Vec::new())))
}

/// Add an absence
///
/// From its beginning, what the owner would be asked is asked of the substitute; both names are kept.
#[utoipa::path(post, path = "/absences", operation_id = "create_absence", tag = "absences",
    request_body = AbsenceInput,
    responses((status = 201, body = AbsenceItem), (status = 403, description = "it is somebody else's"),
              (status = 422, description = "it cannot be: `problems` says why")))]
async fn create_absence(
    State(app): State<Shared>,
    caller: Caller,
    Json(input): Json<AbsenceInput>,
) -> Result<(StatusCode, Json<AbsenceItem>), Error> {
    let owner = input.owner.map_or(caller.user, UserId);
    let absence = input.read(AbsenceId(Uuid::now_v7()), owner);
    Ok((StatusCode::CREATED, put(&app, &caller, absence).await?))
}

/// Change an absence
///
/// Its owner stays. One that is over cannot be changed.
#[utoipa::path(put, path = "/absences/{id}", operation_id = "update_absence", tag = "absences",
    params(("id" = Uuid, Path)), request_body = AbsenceInput,
    responses((status = 200, body = AbsenceItem), (status = 422, description = "it cannot be")))]
async fn update_absence(
    State(app): State<Shared>,
    caller: Caller,
    Path(id): Path<AbsenceId>,
    Json(input): Json<AbsenceInput>,
) -> Result<Json<AbsenceItem>, Error> {
    let owner = app.absence(&caller, id).await?.owner;
    if input.owner.is_some_and(|it| it != owner.0) {
        return Err(Error::field("owner", "an absence stays with its owner"));
    }
    put(&app, &caller, input.read(id, owner)).await
}

async fn put(app: &Shared, caller: &Caller, absence: Absence) -> Result<Json<AbsenceItem>, Error> {
    let warnings = app.put_absence(caller, &absence).await?;
    Ok(Json(show(&*app.directory(caller.tenant).await?, absence, app.now(), warnings)))
}

/// End an absence
///
/// One that has not begun is gone; one that holds ends now.
#[utoipa::path(delete, path = "/absences/{id}", operation_id = "end_absence", tag = "absences",
    params(("id" = Uuid, Path)), responses((status = 204), (status = 422, description = "it is over")))]
async fn end_absence(
    State(app): State<Shared>,
    caller: Caller,
    Path(id): Path<AbsenceId>,
) -> Result<StatusCode, Error> {
    app.end_absence(&caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
