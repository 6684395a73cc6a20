//! Whose open tasks have to be looked at again, and when: absences begin and end, people leave. A row is written together
//! with what asks for it, so that nothing is forgotten by a crash; sweeping twice does no harm.

use crate::sql::{Expect, Row, Sql, Stmt, stmt};
use crate::{Result, Store};
use zhupi_engine::ids::{InstanceId, TenantId, UserId};

/// A look that is due.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sweep {
    /// Whose.
    pub tenant: TenantId,
    /// At whose tasks.
    pub user: UserId,
    /// Since when, in microseconds since 1970.
    pub due_at: i64,
}

impl Store {
    /// Takes the sweep that is due longest, for itself alone until `lease_until`; times in epoch µs.
    pub async fn due_sweep(&self, now: i64, lease_until: i64) -> Result<Option<Sweep>> {
        let rows = self.write_returning(&CLAIM, vec![now.into(), lease_until.into()]).await?;
        rows.first().map(read).transpose()
    }

    /// Notes that a sweep was done. The person's absences that had ended when it was due are over.
    pub async fn finish_sweep(&self, sweep: &Sweep) -> Result<()> {
        let params = || vec![sweep.tenant.into(), sweep.user.into(), sweep.due_at.into()];
        let list = vec![stmt(&ABSENCES_OVER, params(), Expect::Any), stmt(&DELETE, params(), Expect::Any)];
        self.write(list).await?.or_conflict()
    }

    /// Instances in which a person is asked, by id, behind `after`.
    pub async fn list_asked_instances(
        &self,
        tenant: TenantId,
        person: UserId,
        after: InstanceId,
        limit: u32,
    ) -> Result<Vec<InstanceId>> {
        let params = vec![tenant.into(), person.into(), after.into(), limit.into()];
        self.query(&ASKED, params).await?.iter().map(|row| Ok(row.uuid(0)?.into())).collect()
    }
}

/// Asks for a sweep at a time in epoch µs, as part of the write that makes it necessary.
pub(crate) fn sweep_at(tenant: TenantId, user: UserId, due_at: i64) -> Stmt {
    stmt(&PUT, vec![tenant.into(), user.into(), due_at.into()], Expect::Any)
}

fn read(row: &Row) -> Result<Sweep> {
    Ok(Sweep { tenant: row.uuid(0)?.into(), user: row.uuid(1)?.into(), due_at: row.i64(2)? })
}

static PUT: Sql = Sql::new(
    "INSERT INTO sweeps (tenant_id, user_id, due_at, lease_until) VALUES ($1, $2, $3, 0) ON CONFLICT DO NOTHING",
);
static CLAIM: Sql = Sql::new(
    "UPDATE sweeps SET lease_until = $2
     WHERE lease_until <= $1 AND (tenant_id, user_id, due_at) IN (
         SELECT tenant_id, user_id, due_at FROM sweeps WHERE due_at <= $1 AND lease_until <= $1
         ORDER BY due_at LIMIT 1)
     RETURNING tenant_id, user_id, due_at",
);
static DELETE: Sql = Sql::new("DELETE FROM sweeps WHERE tenant_id = $1 AND user_id = $2 AND due_at = $3");
static ABSENCES_OVER: Sql = Sql::new(
    "UPDATE absences SET is_over = 1 WHERE tenant_id = $1 AND owner_id = $2 AND until_at <= $3 AND is_over = 0",
);
static ASKED: Sql = Sql::new(
    "SELECT DISTINCT instance_id FROM tasks
     WHERE tenant_id = $1 AND person_id = $2 AND box = 0 AND instance_id > $3 ORDER BY instance_id LIMIT $4",
);

pub(crate) static ALL: &[&Sql] = &[&PUT, &CLAIM, &DELETE, &ABSENCES_OVER, &ASKED];
