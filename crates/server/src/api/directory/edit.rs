//! Changing people, departments, roles and groups: for administrators of the workspace.

use super::{Members, User, show_members, show_user};
use crate::app::Shared;
use crate::app::directory::Change;
use crate::caller::Caller;
use crate::error::Error;
use crate::extract::{Json, Path};
use axum::extract::State;
use axum::http::StatusCode;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;
use zhupi_engine::directory::{self, Department, Role, UserGroup};
use zhupi_engine::ids::{DepartmentId, GroupId, RoleId, UserId};
use zhupi_store::UserRow;

pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(create_user))
        .routes(routes!(update_user))
        .routes(routes!(set_password))
        .routes(routes!(create_department))
        .routes(routes!(update_department))
        .routes(routes!(create_role))
        .routes(routes!(update_role))
        .routes(routes!(create_group))
        .routes(routes!(update_group))
}

/// A person to be.
#[derive(Deserialize, ToSchema)]
struct UserInput {
    name: String,
    /// Unique in the workspace, compared exactly.
    login: String,
    #[serde(default = "yes")]
    active: bool,
    #[serde(default)]
    admin: bool,
    /// The first is the primary one.
    #[serde(default)]
    departments: Vec<Uuid>,
    supervisor: Option<Uuid>,
    /// A decimal text.
    approval_limit: Option<String>,
    email: Option<String>,
    mobile: Option<String>,
    locale: Option<String>,
}

fn yes() -> bool {
    true
}

impl UserInput {
    fn read(self, id: UserId) -> Result<UserRow, Error> {
        let limit = self.approval_limit.as_deref().map(str::parse::<Decimal>).transpose();
        let user = directory::User {
            id,
            name: required("name", self.name)?,
            active: self.active,
            departments: self.departments.into_iter().map(DepartmentId).collect(),
            supervisor: self.supervisor.map(UserId),
            approval_limit: limit.map_err(|_| Error::field("approval_limit", "expected a decimal text"))?,
            admin: self.admin,
        };
        let login = required("login", self.login)?;
        Ok(UserRow { user, login, email: self.email, mobile: self.mobile, locale: self.locale })
    }
}

fn required(field: &str, text: String) -> Result<String, Error> {
    match text.chars().count() {
        0 => Err(Error::field(field, "it is required")),
        1..=200 => Ok(text),
        _ => Err(Error::field(field, "it may have at most 200 characters")),
    }
}

/// A password to be.
#[derive(Deserialize, ToSchema)]
struct PasswordInput {
    /// 8 to 1000 bytes.
    password: String,
    /// The password as it was: required of those who change their own.
    current: Option<String>,
}

/// A department to be.
#[derive(Deserialize, ToSchema)]
struct DepartmentInput {
    name: String,
    parent: Option<Uuid>,
    #[serde(default)]
    heads: Vec<Uuid>,
}

impl DepartmentInput {
    fn read(self, id: DepartmentId) -> Result<Department, Error> {
        Ok(Department {
            id,
            name: required("name", self.name)?,
            parent: self.parent.map(DepartmentId),
            heads: self.heads.into_iter().map(UserId).collect(),
        })
    }
}

/// A role or group to be.
#[derive(Deserialize, ToSchema)]
struct MembersInput {
    name: String,
    #[serde(default)]
    members: Vec<Uuid>,
}

impl MembersInput {
    fn read(self) -> Result<(String, Vec<UserId>), Error> {
        Ok((required("name", self.name)?, self.members.into_iter().map(UserId).collect()))
    }
}

/// The id of what was made.
#[derive(Serialize, ToSchema)]
pub(in crate::api) struct Made {
    pub id: Uuid,
}

/// Add a person
#[utoipa::path(
    post, path = "/users", operation_id = "create_user", tag = "directory", request_body = UserInput,
    responses((status = 201, body = User), (status = 409, description = "the login is taken"),
              (status = 422, description = "it does not fit the rest of the directory"))
)]
async fn create_user(
    State(app): State<Shared>,
    caller: Caller,
    Json(input): Json<UserInput>,
) -> Result<(StatusCode, Json<User>), Error> {
    let row = input.read(UserId(Uuid::now_v7()))?;
    app.change_directory(&caller, Change::User(row.clone())).await?;
    let directory = app.directory(caller.tenant).await?;
    Ok((StatusCode::CREATED, Json(show_user(&directory, &caller, row))))
}

/// Change a person
///
/// Everything but the password is replaced. A disabled person's sessions end.
#[utoipa::path(
    put, path = "/users/{id}", operation_id = "update_user", tag = "directory", request_body = UserInput,
    params(("id" = Uuid, Path)), responses((status = 200, body = User))
)]
async fn update_user(
    State(app): State<Shared>,
    caller: Caller,
    Path(id): Path<UserId>,
    Json(input): Json<UserInput>,
) -> Result<Json<User>, Error> {
    app.directory(caller.tenant).await?.user(id).ok_or(Error::NotFound)?;
    let row = input.read(id)?;
    app.change_directory(&caller, Change::User(row.clone())).await?;
    let directory = app.directory(caller.tenant).await?;
    Ok(Json(show_user(&directory, &caller, row)))
}

/// Set a password
///
/// One's own, with the current one; or anybody's, as administrator. All sessions of the person end.
#[utoipa::path(
    put, path = "/users/{id}/password", operation_id = "set_password", tag = "directory",
    request_body = PasswordInput, params(("id" = Uuid, Path)), responses((status = 204))
)]
async fn set_password(
    State(app): State<Shared>,
    caller: Caller,
    Path(id): Path<UserId>,
    Json(input): Json<PasswordInput>,
) -> Result<StatusCode, Error> {
    app.change_password(&caller, id, &input.password, input.current.as_deref()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Add a department
#[utoipa::path(
    post, path = "/departments", operation_id = "create_department", tag = "directory",
    request_body = DepartmentInput, responses((status = 201, body = Made))
)]
async fn create_department(
    State(app): State<Shared>,
    caller: Caller,
    Json(input): Json<DepartmentInput>,
) -> Result<(StatusCode, Json<Made>), Error> {
    let id = DepartmentId(Uuid::now_v7());
    app.change_directory(&caller, Change::Department(input.read(id)?)).await?;
    Ok((StatusCode::CREATED, Json(Made { id: id.0 })))
}

/// Change a department
#[utoipa::path(
    put, path = "/departments/{id}", operation_id = "update_department", tag = "directory",
    request_body = DepartmentInput, params(("id" = Uuid, Path)), responses((status = 204))
)]
async fn update_department(
    State(app): State<Shared>,
    caller: Caller,
    Path(id): Path<DepartmentId>,
    Json(input): Json<DepartmentInput>,
) -> Result<StatusCode, Error> {
    app.directory(caller.tenant).await?.department(id).ok_or(Error::NotFound)?;
    app.change_directory(&caller, Change::Department(input.read(id)?)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Add a role
#[utoipa::path(
    post, path = "/roles", operation_id = "create_role", tag = "directory", request_body = MembersInput,
    responses((status = 201, body = Members))
)]
async fn create_role(
    State(app): State<Shared>,
    caller: Caller,
    Json(input): Json<MembersInput>,
) -> Result<(StatusCode, Json<Members>), Error> {
    put_role(&app, &caller, RoleId(Uuid::now_v7()), input).await.map(|it| (StatusCode::CREATED, it))
}

/// Change a role
#[utoipa::path(
    put, path = "/roles/{id}", operation_id = "update_role", tag = "directory", request_body = MembersInput,
    params(("id" = Uuid, Path)), responses((status = 200, body = Members))
)]
async fn update_role(
    State(app): State<Shared>,
    caller: Caller,
    Path(id): Path<RoleId>,
    Json(input): Json<MembersInput>,
) -> Result<Json<Members>, Error> {
    app.directory(caller.tenant).await?.role(id).ok_or(Error::NotFound)?;
    put_role(&app, &caller, id, input).await
}

async fn put_role(
    app: &Shared,
    caller: &Caller,
    id: RoleId,
    input: MembersInput,
) -> Result<Json<Members>, Error> {
    let (name, members) = input.read()?;
    let role = Role { id, name, members };
    app.change_directory(caller, Change::Role(role.clone())).await?;
    let directory = app.directory(caller.tenant).await?;
    Ok(Json(show_members(&directory, id.0, &role.name, &role.members)))
}

/// Add a group
#[utoipa::path(
    post, path = "/groups", operation_id = "create_group", tag = "directory", request_body = MembersInput,
    responses((status = 201, body = Members))
)]
async fn create_group(
    State(app): State<Shared>,
    caller: Caller,
    Json(input): Json<MembersInput>,
) -> Result<(StatusCode, Json<Members>), Error> {
    put_group(&app, &caller, GroupId(Uuid::now_v7()), input).await.map(|it| (StatusCode::CREATED, it))
}

/// Change a group
#[utoipa::path(
    put, path = "/groups/{id}", operation_id = "update_group", tag = "directory", request_body = MembersInput,
    params(("id" = Uuid, Path)), responses((status = 200, body = Members))
)]
async fn update_group(
    State(app): State<Shared>,
    caller: Caller,
    Path(id): Path<GroupId>,
    Json(input): Json<MembersInput>,
) -> Result<Json<Members>, Error> {
    app.directory(caller.tenant).await?.group(id).ok_or(Error::NotFound)?;
    put_group(&app, &caller, id, input).await
}

async fn put_group(
    app: &Shared,
    caller: &Caller,
    id: GroupId,
    input: MembersInput,
) -> Result<Json<Members>, Error> {
    let (name, members) = input.read()?;
    let group = UserGroup { id, name, members };
    app.change_directory(caller, Change::Group(group.clone())).await?;
    let directory = app.directory(caller.tenant).await?;
    Ok(Json(show_members(&directory, id.0, &group.name, &group.members)))
}
