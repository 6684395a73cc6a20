//! Programs that call us, with their secrets, and the tokens that programs and people call with.
//! Secrets are opaque bytes here, encrypted by the caller; tokens are known only by their hash.

use crate::page::{Cursor, Page, PageOf};
use crate::sql::{Expect, Row, Sql, Written, stmt};
use crate::tenants::config_changed;
use crate::{Result, Store, json};
use uuid::Uuid;
use zhupi_engine::ids::{TenantId, UserId};

/// A program that signs its calls with a secret.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct App {
    /// Its public id, unique in the workspace.
    pub id: String,
    /// The name people see.
    pub name: String,
    /// Its secret, encrypted by the caller.
    pub secret: Vec<u8>,
    /// What it may do, in the server's words.
    pub scopes: Vec<String>,
    /// Whom it acts as where a call names nobody.
    pub user: Option<UserId>,
    /// Disabled apps are refused, and so are their tokens.
    pub active: bool,
    /// Who made it.
    pub created_by: UserId,
    /// Epoch µs.
    pub created_at: i64,
    /// Epoch µs of the last change.
    pub updated_at: i64,
}

/// A bearer token.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Token {
    /// Its public id.
    pub id: Uuid,
    /// SHA-256 of the secret the client holds.
    pub token_hash: [u8; 32],
    /// The name people see.
    pub name: String,
    /// Whom it acts as; absent where the call itself has to name somebody.
    pub user: Option<UserId>,
    /// The app it was given to.
    pub app: Option<String>,
    /// What it may do, in the server's words.
    pub scopes: Vec<String>,
    /// Epoch µs.
    pub created_at: i64,
    /// Epoch µs from which it is refused; absent: never.
    pub expires_at: Option<i64>,
    /// Epoch µs at which it was revoked.
    pub revoked_at: Option<i64>,
}

/// Which tokens to list. The default lists all.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct TokenFilter {
    /// Only those that act as this person.
    pub user: Option<UserId>,
    /// Only those of this app.
    pub app: Option<String>,
}

impl Store {
    /// Adds an app. `Duplicate` where its id is taken, `Conflict` where the workspace does not exist.
    pub async fn create_app(&self, tenant: TenantId, app: &App) -> Result<()> {
        let params = vec![
            tenant.into(),
            app.id.as_str().into(),
            app.name.as_str().into(),
            app.secret.clone().into(),
            json::write(&app.scopes)?.into(),
            app.user.into(),
            app.active.into(),
            app.created_by.into(),
            app.created_at.into(),
            app.updated_at.into(),
        ];
        self.write(vec![config_changed(tenant), stmt(&INSERT_APP, params, Expect::One)]).await?.or_conflict()
    }

    /// The app with this id, active or not.
    pub async fn load_app(&self, tenant: TenantId, id: &str) -> Result<Option<App>> {
        let row = self.query_one_opt(&LOAD_APP, vec![tenant.into(), id.into()]).await?;
        row.as_ref().map(read_app).transpose()
    }

    /// Every app of a workspace, by id.
    pub async fn list_apps(&self, tenant: TenantId) -> Result<Vec<App>> {
        self.query(&LIST_APPS, vec![tenant.into()]).await?.iter().map(read_app).collect()
    }

    /// Refuses an app and its tokens from now on; `false` where there is no such app. `at` is epoch µs.
    pub async fn disable_app(&self, tenant: TenantId, id: &str, at: i64) -> Result<bool> {
        let params = vec![tenant.into(), id.into(), at.into()];
        Ok(self.write(vec![config_changed(tenant), stmt(&DISABLE_APP, params, Expect::One)]).await?
            == Written::Done)
    }

    /// Gives an app another secret, encrypted by the caller; the old one is gone at once. `false` where there is no
    /// such app. `at` is epoch µs.
    pub async fn rotate_app_secret(
        &self,
        tenant: TenantId,
        id: &str,
        secret: Vec<u8>,
        at: i64,
    ) -> Result<bool> {
        let params = vec![tenant.into(), id.into(), secret.into(), at.into()];
        Ok(self.write(vec![config_changed(tenant), stmt(&ROTATE_APP, params, Expect::One)]).await?
            == Written::Done)
    }

    /// Adds a token. `Duplicate` where its id or hash is taken.
    pub async fn create_token(&self, tenant: TenantId, token: &Token) -> Result<()> {
        let params = vec![
            tenant.into(),
            token.id.into(),
            token.token_hash.into(),
            token.name.as_str().into(),
            token.user.into(),
            token.app.clone().into(),
            json::write(&token.scopes)?.into(),
            token.created_at.into(),
            token.expires_at.into(),
            token.revoked_at.into(),
        ];
        self.write(vec![stmt(&INSERT_TOKEN, params, Expect::One)]).await?.or_conflict()
    }

    /// The token with this hash, unless at `now` (epoch µs) it has expired, it is revoked, or its app is disabled.
    /// Whether the person it acts as is still active is for the directory to say.
    pub async fn load_token(
        &self,
        tenant: TenantId,
        token_hash: &[u8; 32],
        now: i64,
    ) -> Result<Option<Token>> {
        let row =
            self.query_one_opt(&LOAD_TOKEN, vec![tenant.into(), (*token_hash).into(), now.into()]).await?;
        row.as_ref().map(read_token).transpose()
    }

    /// A page of tokens, newest first, with those that have expired or are revoked.
    pub async fn list_tokens(
        &self,
        tenant: TenantId,
        filter: &TokenFilter,
        page: &Page,
    ) -> Result<PageOf<Token>> {
        let params = vec![
            tenant.into(),
            page.before().id.into(),
            filter.user.into(),
            filter.app.clone().into(),
            page.fetch().into(),
        ];
        let rows = self.query(&LIST_TOKENS, params).await?;
        let tokens = rows.iter().map(read_token).collect::<Result<Vec<_>>>()?;
        Ok(page.cut(tokens, |token| Cursor::new(0, token.id)))
    }

    /// Refuses a token from `at` (epoch µs) on; `false` where there is no such token that is not revoked already.
    pub async fn revoke_token(&self, tenant: TenantId, id: Uuid, at: i64) -> Result<bool> {
        let params = vec![tenant.into(), id.into(), at.into()];
        Ok(self.write(vec![config_changed(tenant), stmt(&REVOKE_TOKEN, params, Expect::One)]).await?
            == Written::Done)
    }
}

fn read_app(row: &Row) -> Result<App> {
    Ok(App {
        id: row.text(0)?,
        name: row.text(1)?,
        secret: row.bytes(2)?,
        scopes: json::read(&row.text(3)?, "apps.scopes")?,
        user: row.opt_uuid(4)?.map(UserId),
        active: row.flag(5)?,
        created_by: UserId(row.uuid(6)?),
        created_at: row.i64(7)?,
        updated_at: row.i64(8)?,
    })
}

fn read_token(row: &Row) -> Result<Token> {
    Ok(Token {
        id: row.uuid(0)?,
        token_hash: row.hash(1)?,
        name: row.text(2)?,
        user: row.opt_uuid(3)?.map(UserId),
        app: row.opt_text(4)?,
        scopes: json::read(&row.text(5)?, "tokens.scopes")?,
        created_at: row.i64(6)?,
        expires_at: row.opt_i64(7)?,
        revoked_at: row.opt_i64(8)?,
    })
}

static INSERT_APP: Sql = Sql::new(
    "INSERT INTO apps (tenant_id, id, name, secret, scopes, user_id, active, created_by, created_at, updated_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
);
static LOAD_APP: Sql = Sql::new(
    "SELECT id, name, secret, scopes, user_id, active, created_by, created_at, updated_at
     FROM apps WHERE tenant_id = $1 AND id = $2",
);
static LIST_APPS: Sql = Sql::new(
    "SELECT id, name, secret, scopes, user_id, active, created_by, created_at, updated_at
     FROM apps WHERE tenant_id = $1 ORDER BY id",
);
static DISABLE_APP: Sql =
    Sql::new("UPDATE apps SET active = 0, updated_at = $3 WHERE tenant_id = $1 AND id = $2");
static ROTATE_APP: Sql =
    Sql::new("UPDATE apps SET secret = $3, updated_at = $4 WHERE tenant_id = $1 AND id = $2");
static INSERT_TOKEN: Sql = Sql::new(
    "INSERT INTO tokens (tenant_id, id, token_hash, name, user_id, app_id, scopes, created_at, expires_at,
                         revoked_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
);
static LOAD_TOKEN: Sql = Sql::new(
    "SELECT id, token_hash, name, user_id, app_id, scopes, created_at, expires_at, revoked_at
     FROM tokens
     WHERE tenant_id = $1 AND token_hash = $2 AND revoked_at IS NULL AND (expires_at > $3 OR expires_at IS NULL)
       AND (app_id IS NULL OR EXISTS (
            SELECT 1 FROM apps WHERE apps.tenant_id = $1 AND apps.id = tokens.app_id AND apps.active = 1))",
);
static LIST_TOKENS: Sql = Sql::new(
    "SELECT id, token_hash, name, user_id, app_id, scopes, created_at, expires_at, revoked_at
     FROM tokens
     WHERE tenant_id = $1 AND id < $2 AND (user_id = $3 OR $3 IS NULL) AND (app_id = $4 OR $4 IS NULL)
     ORDER BY id DESC LIMIT $5",
);
static REVOKE_TOKEN: Sql =
    Sql::new("UPDATE tokens SET revoked_at = $3 WHERE tenant_id = $1 AND id = $2 AND revoked_at IS NULL");

pub(crate) static ALL: &[&Sql] = &[
    &INSERT_APP,
    &LOAD_APP,
    &LIST_APPS,
    &DISABLE_APP,
    &ROTATE_APP,
    &INSERT_TOKEN,
    &LOAD_TOKEN,
    &LIST_TOKENS,
    &REVOKE_TOKEN,
];
