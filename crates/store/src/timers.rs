//! Timers that are due. They are set and taken away by `commit.rs`, together with the change that asks for it.

use crate::error::Result;
use crate::sql::{Row, Sql};
use crate::store::Store;
use zhupi_engine::ids::{InstanceId, TenantId};

pub(crate) static ALL: &[&Sql] = &[&CLAIM];

static CLAIM: Sql = Sql::new(
    "UPDATE timers SET lease_until = $2
     WHERE lease_until <= $1 AND (tenant_id, instance_id, name) IN (
         SELECT tenant_id, instance_id, name FROM timers WHERE fire_at <= $1 AND lease_until <= $1
         ORDER BY fire_at LIMIT $3)
     RETURNING tenant_id, instance_id, name, fire_at, payload",
);

/// A timer that is due.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TimerRow {
    /// Whose.
    pub tenant: TenantId,
    /// Of which instance.
    pub instance: InstanceId,
    /// Unique within the instance.
    pub name: String,
    /// When it was to fire, in microseconds since 1970.
    pub fire_at: i64,
    /// What to do.
    pub payload: String,
}

impl Store {
    /// Takes timers of all tenants that are due, for itself alone until `lease_until`. Firing one is a change that also
    /// cancels it; one that is not cancelled comes again.
    pub async fn due_timers(&self, now: i64, lease_until: i64, limit: u32) -> Result<Vec<TimerRow>> {
        let rows = self.write_returning(&CLAIM, vec![now.into(), lease_until.into(), limit.into()]).await?;
        rows.iter().map(timer).collect()
    }
}

fn timer(row: &Row) -> Result<TimerRow> {
    Ok(TimerRow {
        tenant: row.uuid(0)?.into(),
        instance: row.uuid(1)?.into(),
        name: row.text(2)?,
        fire_at: row.i64(3)?,
        payload: row.text(4)?,
    })
}
