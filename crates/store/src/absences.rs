//! Who is away when, and who stands in. They are part of the directory until they are over; every write counts its version
//! up and asks for a sweep of the open tasks that it may move.

use crate::page::{Cursor, Page, PageOf};
use crate::sql::{Expect, Row, Sql, Stmt, stmt};
use crate::sweeps::sweep_at;
use crate::tenants::directory_changed;
use crate::{Result, Store, json};
use zhupi_engine::absence::Absence;
use zhupi_engine::ids::{AbsenceId, TenantId, UserId};

impl Store {
    /// Adds an absence, or replaces what it was `before`; `at`, epoch µs, is now. Asks for sweeps now, when it begins and
    /// when it ends. `Conflict` where the workspace does not exist.
    pub async fn put_absence(
        &self,
        tenant: TenantId,
        absence: &Absence,
        before: Option<&Absence>,
        at: i64,
    ) -> Result<()> {
        let (from, until) = (absence.from.as_microsecond(), absence.until.as_microsecond());
        let params = vec![
            tenant.into(),
            absence.id.into(),
            absence.owner.into(),
            from.into(),
            until.into(),
            json::write(absence)?.into(),
            at.into(),
        ];
        let mut list = vec![directory_changed(tenant), stmt(&PUT, params, Expect::One)];
        list.extend(before.into_iter().flat_map(|it| sweeps_of(tenant, it, at)));
        list.push(sweep_at(tenant, absence.owner, from.max(at)));
        list.push(sweep_at(tenant, absence.owner, until.max(at)));
        self.write(list).await?.or_conflict()
    }

    /// Takes an absence away as if it had never been, and asks for a sweep now. `Conflict` where it is gone already.
    pub async fn delete_absence(&self, tenant: TenantId, absence: &Absence, at: i64) -> Result<()> {
        let mut list = vec![
            directory_changed(tenant),
            stmt(&DELETE, vec![tenant.into(), absence.id.into()], Expect::One),
        ];
        list.extend(sweeps_of(tenant, absence, at));
        self.write(list).await?.or_conflict()
    }

    /// The absence with this id, over or not.
    pub async fn load_absence(&self, tenant: TenantId, id: AbsenceId) -> Result<Option<Absence>> {
        self.query_one_opt(&LOAD, vec![tenant.into(), id.into()]).await?.as_ref().map(read).transpose()
    }

    /// A page of absences, those that end last first; of one person or of everybody.
    pub async fn list_absences(
        &self,
        tenant: TenantId,
        owner: Option<UserId>,
        page: &Page,
    ) -> Result<PageOf<Absence>> {
        let from = page.before();
        let params = vec![tenant.into(), from.at.into(), from.id.into(), page.fetch().into(), owner.into()];
        let rows = self.query(&LIST, params).await?.iter().map(read).collect::<Result<Vec<_>>>()?;
        Ok(page.cut(rows, |it| Cursor::new(it.until.as_microsecond(), it.id)))
    }
}

/// The substitute holds what the owner gave, and whoever stands in for him.
fn sweeps_of(tenant: TenantId, absence: &Absence, at: i64) -> [Stmt; 2] {
    [sweep_at(tenant, absence.owner, at), sweep_at(tenant, absence.substitute, at)]
}

fn read(row: &Row) -> Result<Absence> {
    json::read(&row.text(0)?, "absences.definition")
}

static PUT: Sql = Sql::new(
    "INSERT INTO absences (tenant_id, id, owner_id, from_at, until_at, is_over, definition, updated_at)
     VALUES ($1, $2, $3, $4, $5, 0, $6, $7)
     ON CONFLICT (tenant_id, id) DO UPDATE
     SET owner_id = excluded.owner_id, from_at = excluded.from_at, until_at = excluded.until_at, is_over = 0,
         definition = excluded.definition, updated_at = excluded.updated_at",
);
static DELETE: Sql = Sql::new("DELETE FROM absences WHERE tenant_id = $1 AND id = $2");
static LOAD: Sql = Sql::new("SELECT definition FROM absences WHERE tenant_id = $1 AND id = $2");
static LIST: Sql = Sql::new(
    "SELECT definition FROM absences
     WHERE tenant_id = $1 AND (until_at, id) < ($2, $3) AND (owner_id = $5 OR $5 IS NULL)
     ORDER BY until_at DESC, id DESC LIMIT $4",
);

pub(crate) static ALL: &[&Sql] = &[&PUT, &DELETE, &LOAD, &LIST];
