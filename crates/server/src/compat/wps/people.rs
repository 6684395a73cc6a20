//! The numbers of people, departments and groups, looked up in the alias table and made at first use.

use super::numbers::{DEPARTMENT, GROUP, Mentioned, People, USER};
use crate::app::App;
use crate::error::Error;
use serde::Serialize;
use serde_json::Value as Json;
use std::collections::BTreeSet;
use uuid::Uuid;
use zhupi_engine::ids::{DepartmentId, GroupId, TenantId, UserId};

/// One body may name at most so many people, departments and groups.
const MENTIONED: usize = 2000;

/// Whom the numbers of a body mean; numbers of nobody are left out.
pub async fn people_mentioned(app: &App, tenant: TenantId, mentioned: &Mentioned) -> Result<People, Error> {
    if mentioned.users.len() + mentioned.departments.len() + mentioned.groups.len() > MENTIONED {
        let message = format!("the body may name at most {MENTIONED} people and departments");
        return Err(Error::BadRequest { field: None, message });
    }
    let mut people = People::default();
    for number in &mentioned.users {
        if let Some(id) = find(app, tenant, USER, *number).await? {
            people.add_user(*number, UserId(id));
        }
    }
    for number in &mentioned.departments {
        if let Some(id) = find(app, tenant, DEPARTMENT, *number).await? {
            people.add_department(*number, DepartmentId(id));
        }
    }
    for number in &mentioned.groups {
        if let Some(id) = find(app, tenant, GROUP, *number).await? {
            people.add_group(*number, GroupId(id));
        }
    }
    Ok(people)
}

async fn find(app: &App, tenant: TenantId, kind: &str, number: i64) -> Result<Option<Uuid>, Error> {
    Ok(app.store.resolve_alias(tenant, kind, &number.to_string()).await?)
}

/// The numbers of everybody who stands in these things, wherever in them.
pub async fn people_in(app: &App, tenant: TenantId, things: &[&impl Serialize]) -> Result<People, Error> {
    let directory = app.directory(tenant).await?;
    let mut ids = BTreeSet::new();
    for thing in things {
        collect(&serde_json::to_value(thing).map_err(Error::internal)?, &mut ids);
    }
    let mut people = People::default();
    for id in ids {
        if directory.user(UserId(id)).is_some() {
            people.add_user(app.store.number_for(tenant, USER, id).await?, UserId(id));
        } else if directory.department(DepartmentId(id)).is_some() {
            people.add_department(app.store.number_for(tenant, DEPARTMENT, id).await?, DepartmentId(id));
        } else if directory.group(GroupId(id)).is_some() {
            people.add_group(app.store.number_for(tenant, GROUP, id).await?, GroupId(id));
        }
    }
    Ok(people)
}

fn collect(json: &Json, ids: &mut BTreeSet<Uuid>) {
    match json {
        Json::String(text) => ids.extend(text.parse::<Uuid>()),
        Json::Array(list) => list.iter().for_each(|item| collect(item, ids)),
        Json::Object(map) => map.values().for_each(|value| collect(value, ids)),
        Json::Null | Json::Bool(_) | Json::Number(_) => {}
    }
}
