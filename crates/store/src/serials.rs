//! Counters of serial numbers. A number is given out once, whatever becomes of it: there may be gaps, never two alike.

use crate::error::{Error, Result};
use crate::sql::Sql;
use crate::store::Store;
use zhupi_engine::ids::{TemplateId, TenantId};

pub(crate) static ALL: &[&Sql] = &[&TAKE];

static TAKE: Sql = Sql::new(
    "INSERT INTO serials (tenant_id, template_id, period, last) VALUES ($1, $2, $3, 1)
     ON CONFLICT (tenant_id, template_id, period) DO UPDATE SET last = serials.last + 1
     RETURNING last",
);

impl Store {
    /// The next number of a template in a period, from 1.
    pub async fn take_serial(&self, tenant: TenantId, template: TemplateId, period: &str) -> Result<u64> {
        let rows = self.write_returning(&TAKE, vec![tenant.into(), template.into(), period.into()]).await?;
        let row = rows.first().ok_or_else(|| Error::corrupt("a counter that gives no number"))?;
        Ok(row.i64(0)?.cast_unsigned())
    }
}
