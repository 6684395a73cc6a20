//! Who is logged in, and how often somebody tried in vain. A session's secret is known here only by its hash.

use crate::sql::{Expect, Row, Sql, Written, stmt};
use crate::{Result, Store};
use zhupi_engine::ids::{TenantId, UserId};

/// One login that has not been undone.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Session {
    /// SHA-256 of the secret the client holds.
    pub token_hash: [u8; 32],
    /// Who logged in.
    pub user: UserId,
    /// Epoch µs.
    pub created_at: i64,
    /// Epoch µs; from then on it is as if it were not there.
    pub expires_at: i64,
}

/// Failed logins under one key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LoginFailures {
    /// How many since `first_at`.
    pub failures: u32,
    /// Epoch µs of the first that still counts.
    pub first_at: i64,
}

impl Store {
    /// Remembers a login. `Duplicate` where the hash is there already.
    pub async fn create_session(&self, tenant: TenantId, session: &Session) -> Result<()> {
        let params = vec![
            tenant.into(),
            session.token_hash.into(),
            session.user.into(),
            session.created_at.into(),
            session.expires_at.into(),
        ];
        self.write(vec![stmt(&INSERT, params, Expect::One)]).await?.or_conflict()
    }

    /// The session with this hash, unless it has expired at `now` (epoch µs).
    pub async fn load_session(
        &self,
        tenant: TenantId,
        token_hash: &[u8; 32],
        now: i64,
    ) -> Result<Option<Session>> {
        let row = self.query_one_opt(&LOAD, vec![tenant.into(), (*token_hash).into(), now.into()]).await?;
        row.as_ref().map(read).transpose()
    }

    /// Lets a session live until `expires_at` (epoch µs); `false` where it is gone.
    pub async fn extend_session(
        &self,
        tenant: TenantId,
        token_hash: &[u8; 32],
        expires_at: i64,
    ) -> Result<bool> {
        let params = vec![tenant.into(), (*token_hash).into(), expires_at.into()];
        Ok(self.write(vec![stmt(&EXTEND, params, Expect::One)]).await? == Written::Done)
    }

    /// Ends a session; nothing happens where it has ended.
    pub async fn delete_session(&self, tenant: TenantId, token_hash: &[u8; 32]) -> Result<()> {
        self.write(vec![stmt(&DELETE, vec![tenant.into(), (*token_hash).into()], Expect::Any)])
            .await?
            .or_conflict()
    }

    /// Ends every session of a person.
    pub async fn delete_sessions_of(&self, tenant: TenantId, user: UserId) -> Result<()> {
        self.write(vec![stmt(&DELETE_OF, vec![tenant.into(), user.into()], Expect::Any)]).await?.or_conflict()
    }

    /// Forgets the sessions that have expired at `now` (epoch µs).
    pub async fn delete_expired_sessions(&self, tenant: TenantId, now: i64) -> Result<()> {
        self.write(vec![stmt(&DELETE_EXPIRED, vec![tenant.into(), now.into()], Expect::Any)])
            .await?
            .or_conflict()
    }

    /// What is known of failed logins under `key` (a login, an address); `None` where there were none.
    pub async fn login_failures(&self, tenant: TenantId, key: &str) -> Result<Option<LoginFailures>> {
        let row = self.query_one_opt(&FAILURES, vec![tenant.into(), key.into()]).await?;
        row.as_ref().map(read_failures).transpose()
    }

    /// Counts a failed login at `at`, and begins at one where the first was before `forget_before` (both epoch µs).
    /// Returns the new count, in which attempts made at the same moment may be included.
    pub async fn record_failure(
        &self,
        tenant: TenantId,
        key: &str,
        at: i64,
        forget_before: i64,
    ) -> Result<LoginFailures> {
        let params = vec![tenant.into(), key.into(), at.into(), forget_before.into()];
        self.write(vec![stmt(&RECORD_FAILURE, params, Expect::One)]).await?.or_conflict()?;
        let found = self.login_failures(tenant, key).await?;
        Ok(found.unwrap_or(LoginFailures { failures: 1, first_at: at }))
    }

    /// Takes back one failed login under `key`: it turned out to be none.
    pub async fn forgive_failure(&self, tenant: TenantId, key: &str) -> Result<()> {
        self.write(vec![stmt(&FORGIVE_FAILURE, vec![tenant.into(), key.into()], Expect::Any)])
            .await?
            .or_conflict()
    }

    /// Forgets the failed logins that began before then (epoch µs): they count no more.
    pub async fn delete_failures_before(&self, tenant: TenantId, before: i64) -> Result<()> {
        self.write(vec![stmt(&DELETE_FAILURES, vec![tenant.into(), before.into()], Expect::Any)])
            .await?
            .or_conflict()
    }

    /// Forgets the failed logins under `key`.
    pub async fn clear_failures(&self, tenant: TenantId, key: &str) -> Result<()> {
        self.write(vec![stmt(&CLEAR_FAILURES, vec![tenant.into(), key.into()], Expect::Any)])
            .await?
            .or_conflict()
    }
}

fn read(row: &Row) -> Result<Session> {
    Ok(Session {
        token_hash: row.hash(0)?,
        user: UserId(row.uuid(1)?),
        created_at: row.i64(2)?,
        expires_at: row.i64(3)?,
    })
}

fn read_failures(row: &Row) -> Result<LoginFailures> {
    Ok(LoginFailures { failures: row.u32(0)?, first_at: row.i64(1)? })
}

static INSERT: Sql = Sql::new(
    "INSERT INTO sessions (tenant_id, token_hash, user_id, created_at, expires_at) VALUES ($1, $2, $3, $4, $5)",
);
static LOAD: Sql = Sql::new(
    "SELECT token_hash, user_id, created_at, expires_at FROM sessions
     WHERE tenant_id = $1 AND token_hash = $2 AND expires_at > $3",
);
static EXTEND: Sql = Sql::new("UPDATE sessions SET expires_at = $3 WHERE tenant_id = $1 AND token_hash = $2");
static DELETE: Sql = Sql::new("DELETE FROM sessions WHERE tenant_id = $1 AND token_hash = $2");
static DELETE_OF: Sql = Sql::new("DELETE FROM sessions WHERE tenant_id = $1 AND user_id = $2");
static DELETE_EXPIRED: Sql = Sql::new("DELETE FROM sessions WHERE tenant_id = $1 AND expires_at <= $2");
static FAILURES: Sql =
    Sql::new("SELECT failures, first_at FROM login_failures WHERE tenant_id = $1 AND key = $2");
static RECORD_FAILURE: Sql = Sql::new(
    "INSERT INTO login_failures (tenant_id, key, failures, first_at, blocked_until) VALUES ($1, $2, 1, $3, 0)
     ON CONFLICT (tenant_id, key) DO UPDATE
     SET failures = CASE WHEN login_failures.first_at < $4 THEN 1 ELSE login_failures.failures + 1 END,
         first_at = CASE WHEN login_failures.first_at < $4 THEN excluded.first_at
                         ELSE login_failures.first_at END",
);
static FORGIVE_FAILURE: Sql = Sql::new(
    "UPDATE login_failures SET failures = failures - 1 WHERE tenant_id = $1 AND key = $2 AND failures > 0",
);
static DELETE_FAILURES: Sql = Sql::new("DELETE FROM login_failures WHERE tenant_id = $1 AND first_at < $2");
static CLEAR_FAILURES: Sql = Sql::new("DELETE FROM login_failures WHERE tenant_id = $1 AND key = $2");

pub(crate) static ALL: &[&Sql] = &[
    &INSERT,
    &LOAD,
    &EXTEND,
    &DELETE,
    &DELETE_OF,
    &DELETE_EXPIRED,
    &FAILURES,
    &RECORD_FAILURE,
    &FORGIVE_FAILURE,
    &DELETE_FAILURES,
    &CLEAR_FAILURES,
];
