//! Which instances ask once more what an ended one asked. Written with the first change of the new one: `commit.rs`.

use crate::sql::Sql;
use crate::{Result, Store};
use zhupi_engine::ids::{InstanceId, TenantId};

pub(crate) static ALL: &[&Sql] = &[&LIST];

static LIST: Sql = Sql::new(
    "SELECT instance_id FROM copies WHERE tenant_id = $1 AND copied_from = $2 ORDER BY instance_id DESC LIMIT $3",
);

impl Store {
    /// The instances that ask once more what this one asked, from new to old, and no more than `limit`.
    pub async fn list_copies(&self, tenant: TenantId, of: InstanceId, limit: u32) -> Result<Vec<InstanceId>> {
        let rows = self.query(&LIST, vec![tenant.into(), of.into(), limit.into()]).await?;
        rows.iter().map(|row| Ok(row.uuid(0)?.into())).collect()
    }
}
