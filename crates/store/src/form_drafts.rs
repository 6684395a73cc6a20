//! Forms that somebody has not finished. Each person has his own, and sees nobody else's but those that are handed over to
//! him.

use crate::error::Result;
use crate::files::{self, FileRow};
use crate::sql::{Expect, Row, Sql, Stmt, Written, stmt};
use crate::store::Store;
use uuid::Uuid;
use zhupi_engine::ids::{TemplateId, TenantId, UserId};

/// Most drafts of one person.
pub const FORM_DRAFT_LIMIT: u32 = 100;

pub(crate) static ALL: &[&Sql] = &[&INSERT, &ALLOW, &UPDATE, &DELETE, &LOAD, &LIST, &GIVE];

static INSERT: Sql = Sql::new(
    "INSERT INTO form_drafts (tenant_id, user_id, id, template_id, title, body, revision, created_at, updated_at)
     VALUES ($1, $2, $3, $4, $5, $6, 1, $7, $7)",
);
/// Touches the draft only where its owner has no more than he may.
static ALLOW: Sql = Sql::new(
    "UPDATE form_drafts SET revision = 1 WHERE tenant_id = $1 AND user_id = $2 AND id = $3
     AND (SELECT count(*) FROM form_drafts WHERE tenant_id = $1 AND user_id = $2) <= $4",
);
static UPDATE: Sql = Sql::new(
    "UPDATE form_drafts SET template_id = $4, title = $5, body = $6, revision = revision + 1, updated_at = $7
     WHERE tenant_id = $1 AND user_id = $2 AND id = $3 AND revision = $8",
);
static DELETE: Sql = Sql::new("DELETE FROM form_drafts WHERE tenant_id = $1 AND user_id = $2 AND id = $3");
static LOAD: Sql = Sql::new(
    "SELECT id, template_id, title, body, revision, created_at, updated_at
     FROM form_drafts WHERE tenant_id = $1 AND user_id = $2 AND id = $3",
);
static GIVE: Sql = Sql::new(
    "UPDATE form_drafts SET user_id = $3, body = $5, revision = revision + 1
     WHERE tenant_id = $1 AND user_id = $2 AND id = $4 AND revision = $6
     AND (SELECT count(*) FROM form_drafts WHERE tenant_id = $1 AND user_id = $3) < $7",
);
static LIST: Sql = Sql::new(
    "SELECT id, template_id, title, body, revision, created_at, updated_at
     FROM form_drafts WHERE tenant_id = $1 AND user_id = $2 ORDER BY updated_at DESC, id DESC LIMIT $3",
);

/// What is kept of a form that is not finished.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FormDraft {
    /// Its id.
    pub id: Uuid,
    /// Of which template.
    pub template: TemplateId,
    /// What people see in lists; may be empty.
    pub title: String,
    /// What was filled in, as JSON.
    pub body: String,
    /// Counts its changes, from 1.
    pub revision: u32,
    /// Epoch µs.
    pub created_at: i64,
    /// Epoch µs.
    pub updated_at: i64,
}

impl Store {
    /// Makes a draft of a person somebody else's, with what was filled in as `draft.body` says, and adds these files. `Conflict`
    /// where the receiver has as many as he may have, or somebody changed it since `draft.revision`.
    pub async fn give_form_draft(
        &self,
        tenant: TenantId,
        (from, to): (UserId, UserId),
        draft: &FormDraft,
        files: &[FileRow],
    ) -> Result<()> {
        let params = vec![
            tenant.into(),
            from.into(),
            to.into(),
            draft.id.into(),
            draft.body.as_str().into(),
            draft.revision.into(),
            FORM_DRAFT_LIMIT.into(),
        ];
        let mut list = vec![stmt(&GIVE, params, Expect::One)];
        for file in files {
            list.push(files::insertion(tenant, file)?);
        }
        self.write(list).await?.or_conflict()
    }

    /// Keeps a new draft at revision 1. `Conflict` where its owner has as many as he may have.
    pub async fn create_form_draft(&self, tenant: TenantId, owner: UserId, draft: &FormDraft) -> Result<()> {
        let params = vec![
            tenant.into(),
            owner.into(),
            draft.id.into(),
            draft.template.into(),
            draft.title.as_str().into(),
            draft.body.as_str().into(),
            draft.created_at.into(),
        ];
        let allow = vec![tenant.into(), owner.into(), draft.id.into(), FORM_DRAFT_LIMIT.into()];
        let list = vec![stmt(&INSERT, params, Expect::One), stmt(&ALLOW, allow, Expect::One)];
        self.write(list).await?.or_conflict()
    }

    /// Replaces what was filled in, if nobody changed it since `draft.revision`. `Conflict` otherwise.
    pub async fn update_form_draft(&self, tenant: TenantId, owner: UserId, draft: &FormDraft) -> Result<()> {
        let params = vec![
            tenant.into(),
            owner.into(),
            draft.id.into(),
            draft.template.into(),
            draft.title.as_str().into(),
            draft.body.as_str().into(),
            draft.updated_at.into(),
            draft.revision.into(),
        ];
        self.write(vec![stmt(&UPDATE, params, Expect::One)]).await?.or_conflict()
    }

    /// Takes a draft away. `false`: there was none.
    pub async fn delete_form_draft(&self, tenant: TenantId, owner: UserId, id: Uuid) -> Result<bool> {
        Ok(self.write(vec![deletion(tenant, owner, id)]).await? == Written::Done)
    }

    /// A draft of a person.
    pub async fn load_form_draft(
        &self,
        tenant: TenantId,
        owner: UserId,
        id: Uuid,
    ) -> Result<Option<FormDraft>> {
        let row = self.query_one_opt(&LOAD, vec![tenant.into(), owner.into(), id.into()]).await?;
        row.as_ref().map(read).transpose()
    }

    /// All drafts of a person, the one changed last first.
    pub async fn list_form_drafts(&self, tenant: TenantId, owner: UserId) -> Result<Vec<FormDraft>> {
        let params = vec![tenant.into(), owner.into(), FORM_DRAFT_LIMIT.into()];
        self.query(&LIST, params).await?.iter().map(read).collect()
    }
}

/// The statement that takes a draft away, which has to be there.
pub(crate) fn deletion(tenant: TenantId, owner: UserId, id: Uuid) -> Stmt {
    stmt(&DELETE, vec![tenant.into(), owner.into(), id.into()], Expect::One)
}

fn read(row: &Row) -> Result<FormDraft> {
    Ok(FormDraft {
        id: row.uuid(0)?,
        template: row.uuid(1)?.into(),
        title: row.text(2)?,
        body: row.text(3)?,
        revision: row.u32(4)?,
        created_at: row.i64(5)?,
        updated_at: row.i64(6)?,
    })
}
