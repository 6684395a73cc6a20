//! Workspaces, and the two counters that tell a cache when what it holds of one has grown old.

use crate::sql::{Expect, Row, Sql, Stmt, Written, stmt};
use crate::{Result, Store};
use zhupi_engine::ids::TenantId;

/// A workspace.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Tenant {
    /// Never reused.
    pub id: TenantId,
    /// The short name people type at login; unique among all workspaces.
    pub code: String,
    /// The name people see.
    pub name: String,
    /// IANA name of its time zone.
    pub time_zone: String,
    /// Epoch µs.
    pub created_at: i64,
}

/// How often a workspace's cacheable rows have changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TenantVersions {
    /// The workspace.
    pub tenant: TenantId,
    /// Counts writes to people, departments, roles and groups.
    pub directory: i64,
    /// Counts writes to templates, apps, webhooks and settings, and revoked tokens.
    pub config: i64,
}

impl Store {
    /// Adds a workspace. `Duplicate` where its code is taken.
    pub async fn create_tenant(&self, tenant: &Tenant) -> Result<()> {
        let params = vec![
            tenant.id.into(),
            tenant.code.as_str().into(),
            tenant.name.as_str().into(),
            tenant.time_zone.as_str().into(),
            tenant.created_at.into(),
        ];
        self.write(vec![stmt(&INSERT, params, Expect::One)]).await?.or_conflict()
    }

    /// Gives a workspace another name and time zone; `false` where there is no such workspace.
    pub async fn update_tenant(&self, tenant: TenantId, name: &str, time_zone: &str) -> Result<bool> {
        let params = vec![tenant.into(), name.into(), time_zone.into()];
        Ok(self.write(vec![stmt(&UPDATE, params, Expect::One)]).await? == Written::Done)
    }

    /// The workspace with this id.
    pub async fn load_tenant(&self, tenant: TenantId) -> Result<Option<Tenant>> {
        self.query_one_opt(&LOAD, vec![tenant.into()]).await?.as_ref().map(read).transpose()
    }

    /// The workspace with this code.
    pub async fn load_tenant_by_code(&self, code: &str) -> Result<Option<Tenant>> {
        self.query_one_opt(&LOAD_BY_CODE, vec![code.into()]).await?.as_ref().map(read).transpose()
    }

    /// Every workspace, by id. The operator's view: it crosses workspaces.
    pub async fn list_tenants(&self) -> Result<Vec<Tenant>> {
        self.query(&LIST, vec![]).await?.iter().map(read).collect()
    }

    /// The counter of a workspace's directory; `None` where there is no such workspace.
    pub async fn load_directory_version(&self, tenant: TenantId) -> Result<Option<i64>> {
        let row = self.query_one_opt(&DIRECTORY_VERSION, vec![tenant.into()]).await?;
        row.map(|row| row.i64(0)).transpose()
    }

    /// The counters of every workspace, for caches to compare theirs with.
    pub async fn tenant_versions(&self) -> Result<Vec<TenantVersions>> {
        self.query(&VERSIONS, vec![]).await?.iter().map(read_versions).collect()
    }
}

/// To be the first statement of every write to the directory: it also keeps two such writes of one workspace in
/// line, so that they never wait for each other in a circle.
pub(crate) fn directory_changed(tenant: TenantId) -> Stmt {
    stmt(&DIRECTORY_CHANGED, vec![tenant.into()], Expect::One)
}

/// The same for a write that was made from the directory as it stood at this version: nothing is written where it is at
/// another one.
pub(crate) fn directory_changed_at(tenant: TenantId, version: i64) -> Stmt {
    stmt(&DIRECTORY_CHANGED_AT, vec![tenant.into(), version.into()], Expect::One)
}

/// To be the first statement of every write to templates, apps, webhooks and settings.
pub(crate) fn config_changed(tenant: TenantId) -> Stmt {
    stmt(&CONFIG_CHANGED, vec![tenant.into()], Expect::One)
}

fn read(row: &Row) -> Result<Tenant> {
    Ok(Tenant {
        id: TenantId(row.uuid(0)?),
        code: row.text(1)?,
        name: row.text(2)?,
        time_zone: row.text(3)?,
        created_at: row.i64(4)?,
    })
}

fn read_versions(row: &Row) -> Result<TenantVersions> {
    Ok(TenantVersions { tenant: TenantId(row.uuid(0)?), directory: row.i64(1)?, config: row.i64(2)? })
}

static INSERT: Sql = Sql::new(
    "INSERT INTO tenants (id, code, name, time_zone, directory_version, config_version, created_at)
     VALUES ($1, $2, $3, $4, 1, 1, $5)",
);
static UPDATE: Sql = Sql::new(
    "UPDATE tenants SET name = $2, time_zone = $3, directory_version = directory_version + 1,
            config_version = config_version + 1
     WHERE id = $1",
);
static LOAD: Sql = Sql::new("SELECT id, code, name, time_zone, created_at FROM tenants WHERE id = $1");
static LOAD_BY_CODE: Sql =
    Sql::new("SELECT id, code, name, time_zone, created_at FROM tenants WHERE code = $1");
static LIST: Sql = Sql::new("SELECT id, code, name, time_zone, created_at FROM tenants ORDER BY id");
static VERSIONS: Sql = Sql::new("SELECT id, directory_version, config_version FROM tenants ORDER BY id");
static DIRECTORY_CHANGED: Sql =
    Sql::new("UPDATE tenants SET directory_version = directory_version + 1 WHERE id = $1");
static DIRECTORY_CHANGED_AT: Sql = Sql::new(
    "UPDATE tenants SET directory_version = directory_version + 1 WHERE id = $1 AND directory_version = $2",
);
static DIRECTORY_VERSION: Sql = Sql::new("SELECT directory_version FROM tenants WHERE id = $1");
static CONFIG_CHANGED: Sql = Sql::new("UPDATE tenants SET config_version = config_version + 1 WHERE id = $1");

pub(crate) static ALL: &[&Sql] = &[
    &INSERT,
    &UPDATE,
    &LOAD,
    &LOAD_BY_CODE,
    &LIST,
    &VERSIONS,
    &DIRECTORY_CHANGED,
    &DIRECTORY_CHANGED_AT,
    &DIRECTORY_VERSION,
    &CONFIG_CHANGED,
];
