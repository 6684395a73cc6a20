//! Webhooks: where a workspace wants to be told, and of what. The telling itself is the outbox's.

use crate::page::{Cursor, Page, PageOf};
use crate::sql::{Expect, Row, Sql, Written, stmt};
use crate::tenants::config_changed;
use crate::{Result, Store, json};
use uuid::Uuid;
use zhupi_engine::ids::{TenantId, UserId};

/// A webhook.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Webhook {
    /// Its public id.
    pub id: Uuid,
    /// The name people see.
    pub name: String,
    /// Where to post to.
    pub url: String,
    /// Of which events to tell, in the server's words; empty: of all.
    pub events: Vec<String>,
    /// What deliveries are signed with, encrypted by the caller.
    pub secret: Vec<u8>,
    /// Only active ones are told anything.
    pub active: bool,
    /// Counts changes, from 1.
    pub revision: u32,
    /// Who made it.
    pub created_by: UserId,
    /// Epoch µs.
    pub created_at: i64,
    /// Epoch µs of the last change.
    pub updated_at: i64,
}

impl Store {
    /// Adds a webhook. `Duplicate` where its id is taken, `Conflict` where the workspace does not exist.
    pub async fn create_webhook(&self, tenant: TenantId, webhook: &Webhook) -> Result<()> {
        let params = vec![
            tenant.into(),
            webhook.id.into(),
            webhook.name.as_str().into(),
            webhook.url.as_str().into(),
            json::write(&webhook.events)?.into(),
            webhook.secret.clone().into(),
            webhook.active.into(),
            webhook.revision.into(),
            webhook.created_by.into(),
            webhook.created_at.into(),
            webhook.updated_at.into(),
        ];
        let insert = stmt(&INSERT, params, Expect::One);
        self.write(vec![config_changed(tenant), insert]).await?.or_conflict()
    }

    /// The webhook with this id, active or not.
    pub async fn load_webhook(&self, tenant: TenantId, id: Uuid) -> Result<Option<Webhook>> {
        let row = self.query_one_opt(&LOAD, vec![tenant.into(), id.into()]).await?;
        row.as_ref().map(read).transpose()
    }

    /// A page of webhooks, newest first.
    pub async fn list_webhooks(&self, tenant: TenantId, page: &Page) -> Result<PageOf<Webhook>> {
        let params = vec![tenant.into(), page.before().id.into(), page.fetch().into()];
        let rows = self.query(&LIST, params).await?;
        let webhooks = rows.iter().map(read).collect::<Result<Vec<_>>>()?;
        Ok(page.cut(webhooks, |webhook| Cursor::new(0, webhook.id)))
    }

    /// Every active webhook, by id; for a cache, which ends with the workspace's config version.
    pub async fn load_active_webhooks(&self, tenant: TenantId) -> Result<Vec<Webhook>> {
        self.query(&LOAD_ACTIVE, vec![tenant.into()]).await?.iter().map(read).collect()
    }

    /// Replaces name, address, events, secret and activity of the webhook that is still at `webhook.revision`, and
    /// returns its new revision. `Conflict` where somebody was faster, or there is no such webhook.
    pub async fn update_webhook(&self, tenant: TenantId, webhook: &Webhook) -> Result<u32> {
        let params = vec![
            tenant.into(),
            webhook.id.into(),
            webhook.revision.into(),
            webhook.name.as_str().into(),
            webhook.url.as_str().into(),
            json::write(&webhook.events)?.into(),
            webhook.secret.clone().into(),
            webhook.active.into(),
            webhook.updated_at.into(),
        ];
        let update = stmt(&UPDATE, params, Expect::One);
        self.write(vec![config_changed(tenant), update]).await?.or_conflict()?;
        Ok(webhook.revision.saturating_add(1))
    }

    /// Removes a webhook; `false` where there is none.
    pub async fn delete_webhook(&self, tenant: TenantId, id: Uuid) -> Result<bool> {
        let delete = stmt(&DELETE, vec![tenant.into(), id.into()], Expect::One);
        Ok(self.write(vec![config_changed(tenant), delete]).await? == Written::Done)
    }
}

fn read(row: &Row) -> Result<Webhook> {
    Ok(Webhook {
        id: row.uuid(0)?,
        name: row.text(1)?,
        url: row.text(2)?,
        events: json::read(&row.text(3)?, "webhooks.events")?,
        secret: row.bytes(4)?,
        active: row.flag(5)?,
        revision: row.u32(6)?,
        created_by: UserId(row.uuid(7)?),
        created_at: row.i64(8)?,
        updated_at: row.i64(9)?,
    })
}

static INSERT: Sql = Sql::new(
    "INSERT INTO webhooks (tenant_id, id, name, url, events, secret, active, revision, created_by, created_at,
                           updated_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
);
static LOAD: Sql = Sql::new(
    "SELECT id, name, url, events, secret, active, revision, created_by, created_at, updated_at
     FROM webhooks WHERE tenant_id = $1 AND id = $2",
);
static LIST: Sql = Sql::new(
    "SELECT id, name, url, events, secret, active, revision, created_by, created_at, updated_at
     FROM webhooks WHERE tenant_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3",
);
static LOAD_ACTIVE: Sql = Sql::new(
    "SELECT id, name, url, events, secret, active, revision, created_by, created_at, updated_at
     FROM webhooks WHERE tenant_id = $1 AND active = 1 ORDER BY id",
);
static UPDATE: Sql = Sql::new(
    "UPDATE webhooks
     SET name = $4, url = $5, events = $6, secret = $7, active = $8, revision = revision + 1, updated_at = $9
     WHERE tenant_id = $1 AND id = $2 AND revision = $3",
);
static DELETE: Sql = Sql::new("DELETE FROM webhooks WHERE tenant_id = $1 AND id = $2");

pub(crate) static ALL: &[&Sql] = &[&INSERT, &LOAD, &LIST, &LOAD_ACTIVE, &UPDATE, &DELETE];
