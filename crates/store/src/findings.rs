//! What was found about published templates when they were last looked at, and which have to be looked at again.

use crate::sql::{Expect, Row, Sql, stmt};
use crate::{Result, Store};
use zhupi_engine::ids::{TemplateId, TenantId};

/// What was found about a published version.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Findings {
    /// Of which template.
    pub template: TemplateId,
    /// Which version.
    pub version: u32,
    /// The state of the directory it was looked at with; see [`crate::TenantVersions`].
    pub directory_version: i64,
    /// JSON.
    pub problems: String,
    /// Epoch µs.
    pub checked_at: i64,
}

/// A published version that has to be looked at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Unchecked {
    /// The workspace.
    pub tenant: TenantId,
    /// Its template.
    pub template: TemplateId,
    /// The version that is submitted now.
    pub version: u32,
    /// The state of the directory now.
    pub directory_version: i64,
}

impl Store {
    /// What was found about a template when it was last looked at.
    pub async fn load_findings(&self, tenant: TenantId, template: TemplateId) -> Result<Option<Findings>> {
        let row = self.query_one_opt(&LOAD, vec![tenant.into(), template.into()]).await?;
        row.as_ref().map(|row| read(template, row)).transpose()
    }

    /// Keeps what was found, in place of what was found before.
    pub async fn put_findings(&self, tenant: TenantId, found: &Findings) -> Result<()> {
        let params = vec![
            tenant.into(),
            found.template.into(),
            found.version.into(),
            found.directory_version.into(),
            found.problems.as_str().into(),
            found.checked_at.into(),
        ];
        self.write(vec![stmt(&PUT, params, Expect::One)]).await?.or_conflict()
    }

    /// Some enabled templates, of all workspaces, whose current version was never looked at, or before `old`, or with
    /// another state of the directory and before `changed`. Both are epoch µs.
    pub async fn list_unchecked(&self, old: i64, changed: i64, limit: u32) -> Result<Vec<Unchecked>> {
        let rows = self.query(&LIST_UNCHECKED, vec![old.into(), changed.into(), limit.into()]).await?;
        rows.iter().map(read_unchecked).collect()
    }
}

fn read(template: TemplateId, row: &Row) -> Result<Findings> {
    Ok(Findings {
        template,
        version: row.u32(0)?,
        directory_version: row.i64(1)?,
        problems: row.text(2)?,
        checked_at: row.i64(3)?,
    })
}

fn read_unchecked(row: &Row) -> Result<Unchecked> {
    Ok(Unchecked {
        tenant: TenantId(row.uuid(0)?),
        template: TemplateId(row.uuid(1)?),
        version: row.u32(2)?,
        directory_version: row.i64(3)?,
    })
}

static LOAD: Sql = Sql::new(
    "SELECT version, directory_version, problems, checked_at FROM template_findings
     WHERE tenant_id = $1 AND template_id = $2",
);
static PUT: Sql = Sql::new(
    "INSERT INTO template_findings (tenant_id, template_id, version, directory_version, problems, checked_at)
     VALUES ($1, $2, $3, $4, $5, $6)
     ON CONFLICT (tenant_id, template_id) DO UPDATE SET version = excluded.version,
         directory_version = excluded.directory_version, problems = excluded.problems,
         checked_at = excluded.checked_at",
);
static LIST_UNCHECKED: Sql = Sql::new(
    "SELECT t.tenant_id, t.id, t.current_version, n.directory_version
     FROM templates t JOIN tenants n ON n.id = t.tenant_id
     LEFT JOIN template_findings f ON f.tenant_id = t.tenant_id AND f.template_id = t.id
     WHERE t.state = 'enabled' AND t.current_version > 0
       AND (f.version IS NULL OR f.version <> t.current_version OR f.checked_at < $1
            OR (f.directory_version <> n.directory_version AND f.checked_at < $2))
     ORDER BY t.tenant_id, t.id LIMIT $3",
);

pub(crate) static ALL: &[&Sql] = &[&LOAD, &PUT, &LIST_UNCHECKED];
