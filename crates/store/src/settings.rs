//! Named values of a workspace. What they mean, and whether a value is encrypted, is for whoever reads them.

use crate::sql::{Expect, Row, Sql, stmt};
use crate::tenants::config_changed;
use crate::{Result, Store};
use zhupi_engine::ids::TenantId;

/// A named value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Setting {
    /// Unique in the workspace, such as `bpm.callback`.
    pub name: String,
    /// A text, often JSON.
    pub value: String,
    /// Epoch µs of the last change.
    pub updated_at: i64,
}

impl Store {
    /// The value under this name.
    pub async fn load_setting(&self, tenant: TenantId, name: &str) -> Result<Option<String>> {
        let row = self.query_one_opt(&LOAD, vec![tenant.into(), name.into()]).await?;
        row.map(|row| row.text(0)).transpose()
    }

    /// Every setting of a workspace, by name.
    pub async fn list_settings(&self, tenant: TenantId) -> Result<Vec<Setting>> {
        self.query(&LIST, vec![tenant.into()]).await?.iter().map(read).collect()
    }

    /// Adds or replaces a value. `Conflict` where the workspace does not exist. `at` is epoch µs.
    pub async fn put_setting(&self, tenant: TenantId, name: &str, value: &str, at: i64) -> Result<()> {
        let put = stmt(&PUT, vec![tenant.into(), name.into(), value.into(), at.into()], Expect::One);
        self.write(vec![config_changed(tenant), put]).await?.or_conflict()
    }

    /// Removes a value; nothing happens where there is none. `Conflict` where the workspace does not exist.
    pub async fn delete_setting(&self, tenant: TenantId, name: &str) -> Result<()> {
        let delete = stmt(&DELETE, vec![tenant.into(), name.into()], Expect::Any);
        self.write(vec![config_changed(tenant), delete]).await?.or_conflict()
    }
}

fn read(row: &Row) -> Result<Setting> {
    Ok(Setting { name: row.text(0)?, value: row.text(1)?, updated_at: row.i64(2)? })
}

static LOAD: Sql = Sql::new("SELECT value FROM settings WHERE tenant_id = $1 AND name = $2");
static LIST: Sql =
    Sql::new("SELECT name, value, updated_at FROM settings WHERE tenant_id = $1 ORDER BY name");
static PUT: Sql = Sql::new(
    "INSERT INTO settings (tenant_id, name, value, updated_at) VALUES ($1, $2, $3, $4)
     ON CONFLICT (tenant_id, name) DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at",
);
static DELETE: Sql = Sql::new("DELETE FROM settings WHERE tenant_id = $1 AND name = $2");

pub(crate) static ALL: &[&Sql] = &[&LOAD, &LIST, &PUT, &DELETE];
