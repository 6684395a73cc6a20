//! What our ids are called elsewhere: other systems' own names, and numbers for those that know only numbers.

use crate::error::{Error, Result};
use crate::sql::{Expect, Sql, stmt};
use crate::store::Store;
use uuid::Uuid;
use zhupi_engine::ids::TenantId;

pub(crate) static ALL: &[&Sql] = &[&EXTERNAL, &INTERNAL, &PUT, &COUNT_UP, &PUT_NUMBER];

static EXTERNAL: Sql =
    Sql::new("SELECT external FROM aliases WHERE tenant_id = $1 AND kind = $2 AND internal = $3");
static INTERNAL: Sql =
    Sql::new("SELECT internal FROM aliases WHERE tenant_id = $1 AND kind = $2 AND external = $3");
static PUT: Sql =
    Sql::new("INSERT INTO aliases (tenant_id, kind, external, internal) VALUES ($1, $2, $3, $4)");
static COUNT_UP: Sql = Sql::new(
    "INSERT INTO counters (tenant_id, kind, last) VALUES ($1, $2, $3)
     ON CONFLICT (tenant_id, kind) DO UPDATE SET last = counters.last + excluded.last",
);
static PUT_NUMBER: Sql = Sql::new(
    "INSERT INTO aliases (tenant_id, kind, external, internal)
     SELECT tenant_id, kind, CAST(last AS TEXT), $3 FROM counters WHERE tenant_id = $1 AND kind = $2",
);

impl Store {
    /// What one of our ids is called elsewhere.
    pub async fn alias(&self, tenant: TenantId, kind: &str, internal: Uuid) -> Result<Option<String>> {
        let row = self.query_one_opt(&EXTERNAL, vec![tenant.into(), kind.into(), internal.into()]).await?;
        row.map(|row| row.text(0)).transpose()
    }

    /// Which of our ids is called so elsewhere.
    pub async fn resolve_alias(&self, tenant: TenantId, kind: &str, external: &str) -> Result<Option<Uuid>> {
        let row = self.query_one_opt(&INTERNAL, vec![tenant.into(), kind.into(), external.into()]).await?;
        row.map(|row| row.uuid(0)).transpose()
    }

    /// Keeps a name. `Error::Duplicate` if either side is taken.
    pub async fn put_alias(
        &self,
        tenant: TenantId,
        kind: &str,
        external: &str,
        internal: Uuid,
    ) -> Result<()> {
        let params = vec![tenant.into(), kind.into(), external.into(), internal.into()];
        self.write(vec![stmt(&PUT, params, Expect::One)]).await?.or_conflict()
    }

    /// The number of one of our ids, given when first asked for; numbers count from 1 within a tenant and kind, past
    /// those that [`Store::put_alias`] gave away. [`Store::resolve_alias`] finds the id again by the number's decimal text.
    pub async fn number_for(&self, tenant: TenantId, kind: &str, internal: Uuid) -> Result<i64> {
        if let Some(number) = self.number(tenant, kind, internal).await? {
            return Ok(number);
        }
        let count_up = |by: i64| stmt(&COUNT_UP, vec![tenant.into(), kind.into(), by.into()], Expect::One);
        let mut step = 1;
        loop {
            let put = stmt(&PUT_NUMBER, vec![tenant.into(), kind.into(), internal.into()], Expect::One);
            match self.write(vec![count_up(1), put]).await {
                // Somebody else gave it a number in the meantime, or the next number is taken.
                Err(Error::Duplicate { .. }) => {}
                outcome => outcome?.or_conflict()?,
            }
            if let Some(number) = self.number(tenant, kind, internal).await? {
                return Ok(number);
            }
            // Where one number was given away by hand, perhaps many were.
            self.write(vec![count_up(step)]).await?.or_conflict()?;
            step *= 2;
        }
    }

    async fn number(&self, tenant: TenantId, kind: &str, internal: Uuid) -> Result<Option<i64>> {
        let number = |text: String| {
            text.parse().map_err(|_| Error::corrupt(format!("`{text}` is no number of the kind `{kind}`")))
        };
        self.alias(tenant, kind, internal).await?.map(number).transpose()
    }
}
