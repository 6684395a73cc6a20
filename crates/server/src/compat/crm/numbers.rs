//! The numbers this family knows things by: kept in the alias table, made at first use.

use super::translate::People;
use crate::app::App;
use crate::error::Error;
use jiff::tz::TimeZone;
use std::collections::HashMap;
use uuid::Uuid;
use zhupi_engine::ids::{TenantId, UserId};

/// A CRM user.
pub const USER: &str = "crm_user";
/// The account behind a CRM user.
pub const UID: &str = "crm_uid";
/// An execute record.
pub const RECORD: &str = "crm_record";
/// A workflow.
pub const WORKFLOW: &str = "crm_workflow";
/// A published version of a workflow.
pub const VERSION: &str = "crm_version";

/// These people with both their numbers, and the workspace's clock face.
pub async fn people(
    app: &App,
    tenant: TenantId,
    users: impl IntoIterator<Item = UserId>,
) -> Result<People, Error> {
    let directory = app.directory(tenant).await?;
    let mut numbers = HashMap::new();
    for user in users {
        if numbers.contains_key(&user) {
            continue;
        }
        let id = app.store.number_for(tenant, USER, user.0).await?;
        numbers.insert(user, (id, uid_of(app, tenant, user).await?));
    }
    let zone = TimeZone::get(&directory.time_zone).unwrap_or(TimeZone::UTC);
    Ok(People { directory, numbers, zone })
}

/// The account number of a person.
pub async fn uid_of(app: &App, tenant: TenantId, user: UserId) -> Result<i64, Error> {
    Ok(app.store.number_for(tenant, UID, user.0).await?)
}

/// The person behind an account number.
pub async fn user_of(app: &App, tenant: TenantId, uid: i64) -> Result<Option<UserId>, Error> {
    Ok(app.store.resolve_alias(tenant, UID, &uid.to_string()).await?.map(UserId))
}

/// The people behind account numbers; whoever is unknown is left out.
pub async fn users_of(
    app: &App,
    tenant: TenantId,
    uids: impl IntoIterator<Item = i64>,
) -> Result<HashMap<i64, UserId>, Error> {
    let mut users = HashMap::new();
    for uid in uids {
        if let Some(user) = user_of(app, tenant, uid).await? {
            users.insert(uid, user);
        }
    }
    Ok(users)
}

/// The number of anything that has an id.
pub async fn number(app: &App, tenant: TenantId, kind: &str, id: Uuid) -> Result<i64, Error> {
    Ok(app.store.number_for(tenant, kind, id).await?)
}
