//! Which instances were begun as sub-processes, by the instance that all of them come from. Written with the first change of
//! each: `commit.rs`.

use crate::sql::Sql;
use crate::{Result, Store};
use zhupi_engine::ids::{InstanceId, TenantId};

pub(crate) static ALL: &[&Sql] = &[&COUNT];

static COUNT: Sql = Sql::new(
    "SELECT count(*) FROM (SELECT 1 FROM children WHERE tenant_id = $1 AND root_id = $2 LIMIT $3) AS found",
);

impl Store {
    /// How many sub-processes, of whatever depth, were begun under an instance; no more than `most` are counted.
    pub async fn count_children(&self, tenant: TenantId, root: InstanceId, most: u32) -> Result<u32> {
        let params = vec![tenant.into(), root.into(), most.into()];
        self.query_one_opt(&COUNT, params).await?.map_or(Ok(0), |row| row.u32(0))
    }
}
