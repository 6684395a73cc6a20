//! Looking at people, departments, roles and groups. Changing them: `directory/edit.rs`.

mod edit;

pub(super) use edit::Made;

use crate::api::Named;
use crate::app::Shared;
use crate::caller::Caller;
use crate::error::Error;
use crate::extract::{Json, Path, Query};
use crate::page::{PageOf, PageQuery};
use axum::extract::State;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;
use zhupi_engine::Directory;
use zhupi_engine::directory::{Department, User as Person};
use zhupi_engine::ids::{DepartmentId, UserId};
use zhupi_store::{UserFilter, UserRow};

pub fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(list_users))
        .routes(routes!(get_user))
        .routes(routes!(list_departments))
        .routes(routes!(get_department))
        .routes(routes!(list_roles))
        .routes(routes!(list_groups))
        .merge(edit::routes())
}

/// A person.
#[derive(Serialize, ToSchema)]
pub(super) struct User {
    id: Uuid,
    name: String,
    login: String,
    /// Disabled people are never asked and cannot log in.
    active: bool,
    /// He administers the workspace.
    admin: bool,
    /// The first is the primary one.
    departments: Vec<Named>,
    supervisor: Option<Named>,
    /// For himself and administrators.
    #[serde(skip_serializing_if = "Option::is_none")]
    contact: Option<Contact>,
}

/// How to reach a person, and what he may decide.
#[derive(Serialize, ToSchema)]
struct Contact {
    email: Option<String>,
    mobile: Option<String>,
    locale: Option<String>,
    /// The greatest amount he may approve, as a decimal text.
    approval_limit: Option<String>,
}

/// A department.
#[derive(Serialize, ToSchema)]
pub(super) struct DepartmentItem {
    id: Uuid,
    name: String,
    parent: Option<Uuid>,
    /// 1 for those at the top.
    level: usize,
    heads: Vec<Named>,
    /// How many active people stand in it, without those below.
    people: usize,
}

/// A department with its people.
#[derive(Serialize, ToSchema)]
struct DepartmentDetail {
    id: Uuid,
    name: String,
    parent: Option<Uuid>,
    heads: Vec<Named>,
    /// Active people who stand in it, without those below.
    people: Vec<Named>,
}

/// A role or a group.
#[derive(Serialize, ToSchema)]
pub(super) struct Members {
    id: Uuid,
    name: String,
    members: Vec<Named>,
}

/// Which people to list.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct UserQuery {
    /// Part of the name or the login.
    text: Option<String>,
    /// Only active people, or only disabled ones.
    active: Option<bool>,
    /// At most how many entries: 1 to 200, usually 50.
    limit: Option<u32>,
    /// `next` of the page before.
    after: Option<String>,
}

/// List people
#[utoipa::path(
    get, path = "/users", operation_id = "list_users", tag = "directory",
    params(UserQuery), responses((status = 200, body = PageOf<User>))
)]
async fn list_users(
    State(app): State<Shared>,
    caller: Caller,
    Query(query): Query<UserQuery>,
) -> Result<Json<PageOf<User>>, Error> {
    let page = PageQuery { limit: query.limit, after: query.after }.page()?;
    let filter = UserFilter { text: query.text.filter(|text| !text.is_empty()), active: query.active };
    let rows = app.store.list_users(caller.tenant, &filter, &page).await?;
    let directory = app.directory(caller.tenant).await?;
    Ok(Json(PageOf::of(rows, |row| show_user(&directory, &caller, row))))
}

/// Get a person
#[utoipa::path(
    get, path = "/users/{id}", operation_id = "get_user", tag = "directory",
    params(("id" = Uuid, Path)),
    responses((status = 200, body = User), (status = 404, description = "no such person"))
)]
async fn get_user(
    State(app): State<Shared>,
    caller: Caller,
    Path(id): Path<UserId>,
) -> Result<Json<User>, Error> {
    let row = app.store.load_user(caller.tenant, id).await?.ok_or(Error::NotFound)?;
    let directory = app.directory(caller.tenant).await?;
    Ok(Json(show_user(&directory, &caller, row)))
}

pub(super) fn show_user(directory: &Directory, caller: &Caller, row: UserRow) -> User {
    let person = row.user;
    let sees_contact = caller.user == person.id || directory.is_admin(caller.user);
    let contact = sees_contact.then(|| Contact {
        email: row.email,
        mobile: row.mobile,
        locale: row.locale,
        approval_limit: person.approval_limit.map(|limit| limit.to_string()),
    });
    User {
        id: person.id.0,
        name: person.name,
        login: row.login,
        active: person.active,
        admin: person.admin,
        departments: person.departments.iter().map(|id| department_name(directory, *id)).collect(),
        supervisor: person.supervisor.map(|id| user_name(directory, id)),
        contact,
    }
}

fn department_name(directory: &Directory, id: DepartmentId) -> Named {
    let name = directory.department(id).map_or_else(|| id.to_string(), |it| it.name.clone());
    Named { id: id.0, name }
}

fn user_name(directory: &Directory, id: UserId) -> Named {
    Named { id: id.0, name: directory.name(id) }
}

fn user_names(directory: &Directory, ids: &[UserId]) -> Vec<Named> {
    ids.iter().map(|id| user_name(directory, *id)).collect()
}

/// List departments
///
/// The whole tree, each department before those below it.
#[utoipa::path(
    get, path = "/departments", operation_id = "list_departments", tag = "directory",
    responses((status = 200, body = Vec<DepartmentItem>))
)]
async fn list_departments(
    State(app): State<Shared>,
    caller: Caller,
) -> Result<Json<Vec<DepartmentItem>>, Error> {
    let directory = app.directory(caller.tenant).await?;
    let mut people: HashMap<DepartmentId, usize> = HashMap::new();
    for person in directory.users().into_iter().filter(|person| person.active) {
        for department in &person.departments {
            *people.entry(*department).or_default() += 1;
        }
    }
    let show = |(level, it): (usize, &Department)| DepartmentItem {
        id: it.id.0,
        name: it.name.clone(),
        parent: it.parent.map(Uuid::from),
        level,
        heads: user_names(&directory, &it.heads),
        people: people.get(&it.id).copied().unwrap_or_default(),
    };
    Ok(Json(in_tree_order(&directory).into_iter().map(show).collect()))
}

/// Every department with its level, each before those below it. What hangs in a circle comes last, as if at the top.
fn in_tree_order(directory: &Directory) -> Vec<(usize, &Department)> {
    let all = directory.departments();
    let mut below: HashMap<DepartmentId, Vec<&Department>> = HashMap::new();
    let mut waiting = Vec::new();
    let mut circles = Vec::new();
    for department in all {
        match department.parent.filter(|parent| directory.department(*parent).is_some()) {
            _ if directory.path_up(department.id).1 => circles.push((1, department)),
            Some(parent) => below.entry(parent).or_default().push(department),
            None => waiting.push((1, department)),
        }
    }
    waiting.reverse();
    let mut ordered = Vec::new();
    while let Some((level, department)) = waiting.pop() {
        ordered.push((level, department));
        let under = below.remove(&department.id).unwrap_or_default();
        waiting.extend(under.into_iter().rev().map(|it| (level + 1, it)));
    }
    ordered.extend(circles);
    ordered
}

/// Get a department
#[utoipa::path(
    get, path = "/departments/{id}", operation_id = "get_department", tag = "directory",
    params(("id" = Uuid, Path)),
    responses((status = 200, body = DepartmentDetail), (status = 404, description = "no such department"))
)]
async fn get_department(
    State(app): State<Shared>,
    caller: Caller,
    Path(id): Path<DepartmentId>,
) -> Result<Json<DepartmentDetail>, Error> {
    let directory = app.directory(caller.tenant).await?;
    let it = directory.department(id).ok_or(Error::NotFound)?;
    let stands_in = |person: &&Person| person.active && person.departments.contains(&id);
    let people = directory.users().into_iter().filter(stands_in);
    Ok(Json(DepartmentDetail {
        id: id.0,
        name: it.name.clone(),
        parent: it.parent.map(Uuid::from),
        heads: user_names(&directory, &it.heads),
        people: people.map(|person| user_name(&directory, person.id)).collect(),
    }))
}

/// List roles
#[utoipa::path(
    get, path = "/roles", operation_id = "list_roles", tag = "directory",
    responses((status = 200, body = Vec<Members>))
)]
async fn list_roles(State(app): State<Shared>, caller: Caller) -> Result<Json<Vec<Members>>, Error> {
    let directory = app.directory(caller.tenant).await?;
    let roles = directory.roles().into_iter();
    Ok(Json(roles.map(|it| show_members(&directory, it.id.0, &it.name, &it.members)).collect()))
}

/// List groups
#[utoipa::path(
    get, path = "/groups", operation_id = "list_groups", tag = "directory",
    responses((status = 200, body = Vec<Members>))
)]
async fn list_groups(State(app): State<Shared>, caller: Caller) -> Result<Json<Vec<Members>>, Error> {
    let directory = app.directory(caller.tenant).await?;
    let groups = directory.groups().into_iter();
    Ok(Json(groups.map(|it| show_members(&directory, it.id.0, &it.name, &it.members)).collect()))
}

pub(super) fn show_members(directory: &Directory, id: Uuid, name: &str, members: &[UserId]) -> Members {
    Members { id, name: name.to_owned(), members: user_names(directory, members) }
}
