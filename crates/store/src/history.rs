//! What happened to an instance, entry by entry, and the keys of requests that were carried out. Both are written by
//! `commit.rs` and read here.

use crate::change::IdempotencyRow;
use crate::error::Result;
use crate::sql::{Row, Sql};
use crate::store::Store;
use zhupi_engine::ids::{InstanceId, TenantId, UserId};
use zhupi_engine::ledger::Hash;

pub(crate) static ALL: &[&Sql] = &[&LOAD, &FIND_KEY];

static LOAD: Sql = Sql::new(
    "SELECT seq, at, actor_id, command, body, hash FROM history WHERE tenant_id = $1 AND instance_id = $2 ORDER BY seq",
);
static FIND_KEY: Sql = Sql::new(
    "SELECT request_hash, instance_id, created_at FROM idempotency WHERE tenant_id = $1 AND user_id = $2 AND key = $3",
);

/// One accepted command as it is kept.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HistoryRow {
    /// Counts from 1 without a gap.
    pub seq: u64,
    /// When, in microseconds since 1970.
    pub at: i64,
    /// Who.
    pub actor: UserId,
    /// `Command::name`.
    pub command: String,
    /// The text that was hashed: a `ledger::Entry`.
    pub body: String,
    /// Its hash.
    pub hash: Hash,
}

impl Store {
    /// The whole history of an instance, from its beginning.
    pub async fn load_history(&self, tenant: TenantId, instance: InstanceId) -> Result<Vec<HistoryRow>> {
        let rows = self.query(&LOAD, vec![tenant.into(), instance.into()]).await?;
        rows.iter().map(history_row).collect()
    }

    /// What a request under this key led to, if there was one.
    pub async fn find_idempotent(
        &self,
        tenant: TenantId,
        user: UserId,
        key: &str,
    ) -> Result<Option<IdempotencyRow>> {
        let row = self.query_one_opt(&FIND_KEY, vec![tenant.into(), user.into(), key.into()]).await?;
        let found = |row: Row| {
            Ok(IdempotencyRow {
                user,
                key: key.to_owned(),
                request_hash: row.hash(0)?,
                instance: row.uuid(1)?.into(),
                created_at: row.i64(2)?,
            })
        };
        row.map(found).transpose()
    }
}

fn history_row(row: &Row) -> Result<HistoryRow> {
    Ok(HistoryRow {
        seq: row.i64(0)?.cast_unsigned(),
        at: row.i64(1)?,
        actor: row.uuid(2)?.into(),
        command: row.text(3)?,
        body: row.text(4)?,
        hash: row.hash(5)?,
    })
}
