//! Forgetting what has served its time: old deliveries with their attempts, keys of requests, logins that are over. What
//! people decided is never among it. Some rows at a time, so that nobody waits behind a long write.

use crate::Result;
use crate::sql::{Expect, Sql, stmt};
use crate::store::Store;

/// What is forgotten is older than this, in microseconds since 1970; `None`: it is kept for ever.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Outdated {
    /// Deliveries that were taken, by when they were due the last time. Those that wait or died stay.
    pub delivered_before: Option<i64>,
    /// Keys under which requests were carried out: sent again later, such a request is a new one.
    pub keys_before: Option<i64>,
    /// Sessions and tokens that have expired, or were revoked.
    pub logins_before: Option<i64>,
}

impl Store {
    /// Forgets at most `limit` rows of each sort; `false`: there was nothing to forget.
    pub async fn forget_outdated(&self, outdated: Outdated, limit: u32) -> Result<bool> {
        let mut forgot = self.forget_deliveries(outdated.delivered_before, limit).await?;
        let rest = [
            (&KEYS, outdated.keys_before),
            (&SESSIONS, outdated.logins_before),
            (&TOKENS, outdated.logins_before),
        ];
        for (sql, before) in rest {
            let Some(before) = before else { continue };
            forgot |= !self.write_returning(sql, vec![before.into(), limit.into()]).await?.is_empty();
        }
        Ok(forgot)
    }

    /// Each with its attempts, or not at all.
    async fn forget_deliveries(&self, before: Option<i64>, limit: u32) -> Result<bool> {
        let Some(before) = before else { return Ok(false) };
        let mut list = Vec::new();
        for row in self.query(&OLD_DELIVERIES, vec![before.into(), limit.into()]).await? {
            let delivery = || Ok::<_, crate::Error>(vec![row.uuid(0)?.into(), row.uuid(1)?.into()]);
            list.push(stmt(&ATTEMPTS, delivery()?, Expect::Any));
            list.push(stmt(&DELIVERY, delivery()?, Expect::Any));
        }
        if list.is_empty() {
            return Ok(false);
        }
        self.write(list).await?.or_conflict()?;
        Ok(true)
    }
}

// Of a delivery that was taken, `next_at` is when it was due the last time.
pub(crate) static OLD_DELIVERIES: Sql =
    Sql::new("SELECT tenant_id, id FROM outbox WHERE state = 1 AND next_at < $1 ORDER BY next_at LIMIT $2");
static ATTEMPTS: Sql = Sql::new("DELETE FROM delivery_attempts WHERE tenant_id = $1 AND delivery_id = $2");
static DELIVERY: Sql = Sql::new("DELETE FROM outbox WHERE tenant_id = $1 AND id = $2 AND state = 1");
pub(crate) static KEYS: Sql = Sql::new(
    "DELETE FROM idempotency WHERE (tenant_id, user_id, key) IN (
         SELECT tenant_id, user_id, key FROM idempotency WHERE created_at < $1 ORDER BY created_at LIMIT $2) RETURNING tenant_id",
);
pub(crate) static SESSIONS: Sql = Sql::new(
    "DELETE FROM sessions WHERE (tenant_id, token_hash) IN (
         SELECT tenant_id, token_hash FROM sessions WHERE expires_at < $1 ORDER BY expires_at LIMIT $2) RETURNING tenant_id",
);
pub(crate) static TOKENS: Sql = Sql::new(
    "DELETE FROM tokens WHERE (tenant_id, id) IN (
         SELECT tenant_id, id FROM tokens WHERE expires_at < $1 OR revoked_at < $1 LIMIT $2) RETURNING tenant_id",
);

pub(crate) static ALL: &[&Sql] = &[&OLD_DELIVERIES, &ATTEMPTS, &DELIVERY, &KEYS, &SESSIONS, &TOKENS];
