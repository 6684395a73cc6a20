//! What is needed to share work out: who was asked last at a node, and how many open tasks people have.

use crate::sql::{Expect, Row, Sql, stmt};
use crate::tasks::TODO;
use crate::{Result, Store};
use std::collections::BTreeMap;
use zhupi_engine::ids::{NodeId, TemplateId, TenantId, UserId};

pub(crate) static ALL: &[&Sql] = &[&LAST, &TAKE, &LOADS];

static LAST: Sql = Sql::new("SELECT node_id, person_id FROM turns WHERE tenant_id = $1 AND template_id = $2");
static TAKE: Sql = Sql::new(
    "INSERT INTO turns (tenant_id, template_id, node_id, person_id, at) VALUES ($1, $2, $3, $4, $5)
     ON CONFLICT (tenant_id, template_id, node_id) DO UPDATE SET person_id = excluded.person_id, at = excluded.at
     WHERE turns.at <= excluded.at",
);
static LOADS: Sql =
    Sql::new("SELECT person_id, count(*) FROM tasks WHERE tenant_id = $1 AND box = $2 GROUP BY person_id");

impl Store {
    /// Who was asked last at each node of a template at which people take turns.
    pub async fn last_turns(
        &self,
        tenant: TenantId,
        template: TemplateId,
    ) -> Result<BTreeMap<NodeId, UserId>> {
        let rows = self.query(&LAST, vec![tenant.into(), template.into()]).await?;
        rows.iter().map(turn).collect()
    }

    /// Somebody was asked at a node at which people take turns. What happened later is not overwritten. `at` is epoch µs.
    pub async fn take_turn(
        &self,
        tenant: TenantId,
        template: TemplateId,
        node: &NodeId,
        person: UserId,
        at: i64,
    ) -> Result<()> {
        let values = vec![tenant.into(), template.into(), node.as_str().into(), person.into(), at.into()];
        self.write(vec![stmt(&TAKE, values, Expect::Any)]).await?.or_conflict()
    }

    /// How many open tasks each person has; nobody left out has none. Reads an entry of the index for each open task.
    pub async fn open_tasks(&self, tenant: TenantId) -> Result<BTreeMap<UserId, u32>> {
        let rows = self.query(&LOADS, vec![tenant.into(), TODO.into()]).await?;
        rows.iter()
            .map(|row| Ok((row.uuid(0)?.into(), u32::try_from(row.i64(1)?).unwrap_or(u32::MAX))))
            .collect()
    }
}

fn turn(row: &Row) -> Result<(NodeId, UserId)> {
    Ok((NodeId(row.text(0)?), row.uuid(1)?.into()))
}
