//! For checking a whole database: all instances and histories page by page, and whether the columns and rows that exist
//! for lists say the same as the states they follow from.

use crate::error::Result;
use crate::instances::{Stored, status_number, stored};
use crate::sql::{Row, Sql};
use crate::store::Store;
use crate::tasks;
use jiff::Timestamp;
use std::collections::BTreeMap;
use uuid::Uuid;
use zhupi_engine::Instance;
use zhupi_engine::ids::{InstanceId, TenantId};

pub(crate) static ALL: &[&Sql] = &[&SCAN, &HISTORIES, &TASKS];

static SCAN: Sql = Sql::new(
    "SELECT state, head, business_key, created_at, updated_at, tenant_id, id, version, template_id, template_version,
            initiator_id, status, title, ended_at
     FROM instances WHERE (tenant_id, id) > ($1, $2) ORDER BY tenant_id, id LIMIT $3",
);
static HISTORIES: Sql = Sql::new(
    "SELECT h.tenant_id, h.instance_id, i.id
     FROM (SELECT DISTINCT tenant_id, instance_id FROM history WHERE (tenant_id, instance_id) > ($1, $2)
           ORDER BY tenant_id, instance_id LIMIT $3) AS h
     LEFT JOIN instances i ON i.tenant_id = h.tenant_id AND i.id = h.instance_id
     ORDER BY h.tenant_id, h.instance_id",
);
static TASKS: Sql = Sql::new(
    "SELECT kind, n, person_id, box, at, node_id, is_read, template_id
     FROM tasks WHERE tenant_id = $1 AND instance_id = $2",
);

/// An instance as a scan finds it.
#[derive(Clone, PartialEq, Debug)]
pub struct Scanned {
    /// Whose.
    pub tenant: TenantId,
    /// The id of its row.
    pub id: InstanceId,
    /// What is kept.
    pub stored: Stored,
    /// The columns of its row that say something else than its state.
    pub differing: Vec<&'static str>,
}

/// That there is a history.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct HistoryOf {
    /// Whose.
    pub tenant: TenantId,
    /// Of which instance.
    pub instance: InstanceId,
    /// Whether that instance is there.
    pub has_instance: bool,
}

impl Store {
    /// Instances of all tenants in the order of their ids; the next ones begin behind the last of these.
    pub async fn scan_instances(
        &self,
        after: Option<(TenantId, InstanceId)>,
        limit: u32,
    ) -> Result<Vec<Scanned>> {
        let (tenant, id) = from(after);
        let rows = self.query(&SCAN, vec![tenant.into(), id.into(), limit.into()]).await?;
        rows.iter().map(scanned).collect()
    }

    /// The same for histories.
    pub async fn scan_histories(
        &self,
        after: Option<(TenantId, InstanceId)>,
        limit: u32,
    ) -> Result<Vec<HistoryOf>> {
        let (tenant, id) = from(after);
        let rows = self.query(&HISTORIES, vec![tenant.into(), id.into(), limit.into()]).await?;
        let found = |row: &Row| {
            Ok(HistoryOf {
                tenant: TenantId(row.uuid(0)?),
                instance: row.uuid(1)?.into(),
                has_instance: row.opt_uuid(2)?.is_some(),
            })
        };
        rows.iter().map(found).collect()
    }

    /// Where the task rows of an instance are not those that follow from its state; empty where all are.
    pub async fn check_tasks(&self, tenant: TenantId, instance: &Instance) -> Result<Vec<String>> {
        let rows = self.query(&TASKS, vec![tenant.into(), instance.id.into()]).await?;
        let mut kept = BTreeMap::new();
        for row in &rows {
            let task = tasks::kept(row)?;
            kept.insert((task.kind, task.n), (task, row.uuid(7)?));
        }
        let mut faults = Vec::new();
        for task in tasks::changes(None, instance) {
            let (kind, n) = (task.kind, task.n);
            match kept.remove(&(kind, n)) {
                None => faults.push(format!("{} is missing", tasks::named(kind, n))),
                Some(found) if found != (task, instance.template.0) => {
                    faults.push(format!("{} differs from its state", tasks::named(kind, n)));
                }
                Some(_) => {}
            }
        }
        let foreign = |(kind, n)| format!("{} does not follow from its state", tasks::named(kind, n));
        faults.extend(kept.into_keys().map(foreign));
        Ok(faults)
    }
}

fn from(after: Option<(TenantId, InstanceId)>) -> (Uuid, Uuid) {
    after.map_or((Uuid::nil(), Uuid::nil()), |(tenant, id)| (tenant.0, id.0))
}

fn scanned(row: &Row) -> Result<Scanned> {
    let stored = stored(row)?;
    let differing = differing(row, &stored.instance);
    Ok(Scanned { tenant: TenantId(row.uuid(5)?), id: row.uuid(6)?.into(), stored, differing })
}

/// A column that cannot even be read differs too.
fn differing(row: &Row, state: &Instance) -> Vec<&'static str> {
    let ended_at = state.ended_at.map(Timestamp::as_microsecond);
    let columns = [
        ("id", row.uuid(6).is_ok_and(|it| it == state.id.0)),
        ("version", row.i64(7).is_ok_and(|it| it == state.version.cast_signed())),
        ("template_id", row.uuid(8).is_ok_and(|it| it == state.template.0)),
        ("template_version", row.i64(9).is_ok_and(|it| it == i64::from(state.template_version))),
        ("initiator_id", row.uuid(10).is_ok_and(|it| it == state.initiator.0)),
        ("status", row.i64(11).is_ok_and(|it| it == status_number(state.status))),
        ("title", row.str(12).is_ok_and(|it| it == state.title)),
        ("ended_at", row.opt_i64(13).is_ok_and(|it| it == ended_at)),
    ];
    columns.into_iter().filter(|(_, same)| !same).map(|(name, _)| name).collect()
}
