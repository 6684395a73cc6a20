//! Templates: the draft an administrator works on, and the published versions, which never change.
//! Definitions and sources are texts here; what they mean is the engine's and the surfaces' business.

use crate::directory::contains;
use crate::page::{Cursor, Page, PageOf};
use crate::sql::{Expect, P, Row, Sql, Written, stmt};
use crate::tenants::config_changed;
use crate::{Error, Result, Store};
use zhupi_engine::ids::{TemplateId, TenantId, UserId};

/// Whether a template can be used.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TemplateState {
    /// Once published, people can submit it.
    Enabled,
    /// Nobody can submit it; what runs goes on.
    Disabled,
    /// As disabled, shown to nobody and for ever; its code is free again.
    Deleted,
}

impl TemplateState {
    /// The word in the column.
    pub fn as_str(self) -> &'static str {
        match self {
            TemplateState::Enabled => "enabled",
            TemplateState::Disabled => "disabled",
            TemplateState::Deleted => "deleted",
        }
    }

    fn read(text: &str) -> Result<Self> {
        [Self::Enabled, Self::Disabled, Self::Deleted]
            .into_iter()
            .find(|state| state.as_str() == text)
            .ok_or_else(|| Error::corrupt(format!("templates.state: `{text}`")))
    }
}

/// What an administrator works on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Draft {
    /// The name people see in lists.
    pub name: String,
    /// The heading it is listed under; may be empty.
    pub category: String,
    /// The engine's template as JSON.
    pub definition: String,
    /// Which surface wrote `source`, such as `native` or `wps`.
    pub source_kind: String,
    /// The surface's own JSON, verbatim, so that nothing is lost in a round trip.
    pub source: Option<String>,
}

/// Who changed something, and when.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stamp {
    /// The person.
    pub by: UserId,
    /// Epoch µs.
    pub at: i64,
}

/// A template to begin with: enabled, not published, its draft at revision 1.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewTemplate {
    /// Never reused.
    pub id: TemplateId,
    /// The name programs know it by; unique among the workspace's templates that are not deleted.
    pub code: String,
    /// The first draft.
    pub draft: Draft,
    /// Who makes it.
    pub by: UserId,
    /// Epoch µs.
    pub at: i64,
}

/// A template without its texts, as lists show it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TemplateHead {
    /// Never reused.
    pub id: TemplateId,
    /// The name programs know it by.
    pub code: String,
    /// The name people see.
    pub name: String,
    /// The heading it is listed under; may be empty.
    pub category: String,
    /// Whether it can be used.
    pub state: TemplateState,
    /// The version that is submitted now; absent where none was published.
    pub current_version: Option<u32>,
    /// Counts changes of the draft, from 1.
    pub draft_revision: u32,
    /// Who made it.
    pub created_by: UserId,
    /// Epoch µs.
    pub created_at: i64,
    /// Who changed it last.
    pub updated_by: UserId,
    /// Epoch µs.
    pub updated_at: i64,
}

/// A template with its draft.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TemplateRow {
    /// Never reused.
    pub id: TemplateId,
    /// The name programs know it by.
    pub code: String,
    /// The name people see.
    pub name: String,
    /// The heading it is listed under; may be empty.
    pub category: String,
    /// Whether it can be used.
    pub state: TemplateState,
    /// The version that is submitted now; absent where none was published.
    pub current_version: Option<u32>,
    /// The draft: the engine's template as JSON.
    pub draft: String,
    /// Which surface wrote `source`.
    pub source_kind: String,
    /// The draft in the surface's own JSON, verbatim.
    pub source: Option<String>,
    /// Counts changes of the draft, from 1.
    pub draft_revision: u32,
    /// Who made it.
    pub created_by: UserId,
    /// Epoch µs.
    pub created_at: i64,
    /// Who changed it last.
    pub updated_by: UserId,
    /// Epoch µs.
    pub updated_at: i64,
}

/// Which templates to list. The default lists all that are not deleted.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct TemplateFilter {
    /// Only those in this state; the only way to see deleted ones.
    pub state: Option<TemplateState>,
    /// Only those under this heading.
    pub category: Option<String>,
    /// Part of the name or of the code, whatever the case of its letters.
    pub text: Option<String>,
    /// Only those whose draft came from this surface.
    pub source_kind: Option<String>,
    /// Only those that this person made.
    pub created_by: Option<UserId>,
}

/// What becomes the next version, and the draft as well.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewVersion {
    /// Name, heading, definition and source.
    pub draft: Draft,
    /// SHA-256 of the definition, computed by the caller.
    pub digest: [u8; 32],
    /// Who publishes.
    pub by: UserId,
    /// Epoch µs.
    pub at: i64,
}

/// A published version. Never changes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct VersionRow {
    /// The template.
    pub template: TemplateId,
    /// Counted from 1.
    pub version: u32,
    /// The engine's template as JSON.
    pub definition: String,
    /// Which surface wrote `source`.
    pub source_kind: String,
    /// The surface's own JSON, verbatim.
    pub source: Option<String>,
    /// SHA-256 of the definition.
    pub digest: [u8; 32],
    /// Who published it.
    pub published_by: UserId,
    /// Epoch µs.
    pub published_at: i64,
}

/// A published version without its texts, as lists show it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct VersionHead {
    /// Counted from 1.
    pub version: u32,
    /// Which surface it came from.
    pub source_kind: String,
    /// SHA-256 of the definition.
    pub digest: [u8; 32],
    /// Who published it.
    pub published_by: UserId,
    /// Epoch µs.
    pub published_at: i64,
}

impl Store {
    /// Adds a template. `Duplicate` where its code is taken, `Conflict` where the workspace does not exist.
    pub async fn create_template(&self, tenant: TenantId, new: &NewTemplate) -> Result<()> {
        let draft = &new.draft;
        let params = vec![
            tenant.into(),
            new.id.into(),
            new.code.as_str().into(),
            draft.name.as_str().into(),
            draft.category.as_str().into(),
            draft.definition.as_str().into(),
            draft.source_kind.as_str().into(),
            draft.source.clone().into(),
            new.by.into(),
            new.at.into(),
        ];
        let insert = stmt(&INSERT, params, Expect::One);
        self.write(vec![config_changed(tenant), insert]).await?.or_conflict()
    }

    /// The template with this id, deleted ones too.
    pub async fn load_template(&self, tenant: TenantId, id: TemplateId) -> Result<Option<TemplateRow>> {
        let row = self.query_one_opt(&LOAD, vec![tenant.into(), id.into()]).await?;
        row.as_ref().map(read).transpose()
    }

    /// The template with this code, unless it is deleted.
    pub async fn find_template_by_code(&self, tenant: TenantId, code: &str) -> Result<Option<TemplateRow>> {
        let row = self.query_one_opt(&FIND_BY_CODE, vec![tenant.into(), code.into()]).await?;
        row.as_ref().map(read).transpose()
    }

    /// A page of templates, newest first.
    pub async fn list_templates(
        &self,
        tenant: TenantId,
        filter: &TemplateFilter,
        page: &Page,
    ) -> Result<PageOf<TemplateHead>> {
        let params = vec![
            tenant.into(),
            page.before().id.into(),
            filter.state.map(TemplateState::as_str).into(),
            filter.category.clone().into(),
            filter.text.as_deref().map(contains).into(),
            filter.source_kind.clone().into(),
            filter.created_by.into(),
            page.fetch().into(),
        ];
        let rows = self.query(&LIST, params).await?;
        let heads = rows.iter().map(read_head).collect::<Result<Vec<_>>>()?;
        Ok(page.cut(heads, |head| Cursor::new(0, head.id)))
    }

    /// Replaces the draft that is still at revision `expected`, and returns its new revision. The name and heading
    /// in lists follow it. `Conflict` where somebody was faster, or there is no such template (any more).
    pub async fn save_draft(
        &self,
        tenant: TenantId,
        id: TemplateId,
        expected: u32,
        draft: &Draft,
        stamp: Stamp,
    ) -> Result<u32> {
        let save = stmt(&SAVE_DRAFT, draft_params(tenant, id, expected, draft, stamp), Expect::One);
        self.write(vec![config_changed(tenant), save]).await?.or_conflict()?;
        Ok(expected.saturating_add(1))
    }

    /// Makes the next version, moves the template to it and makes it the draft too, all in one write; returns the
    /// version's number. `Conflict` where the draft is no longer at revision `expected`, somebody else published, or
    /// there is no such template (any more).
    pub async fn publish(
        &self,
        tenant: TenantId,
        id: TemplateId,
        expected: u32,
        new: &NewVersion,
    ) -> Result<u32> {
        let Some(row) = self.query_one_opt(&CURRENT_VERSION, vec![tenant.into(), id.into()]).await? else {
            return Err(Error::Conflict);
        };
        let current = row.u32(0)?;
        let version = current.saturating_add(1);
        let stamp = Stamp { by: new.by, at: new.at };
        let mut moved = draft_params(tenant, id, expected, &new.draft, stamp);
        moved.extend([current.into(), version.into()]);
        let inserted = vec![
            tenant.into(),
            id.into(),
            version.into(),
            new.draft.definition.as_str().into(),
            new.draft.source_kind.as_str().into(),
            new.draft.source.clone().into(),
            new.digest.into(),
            new.by.into(),
            new.at.into(),
        ];
        let list = vec![
            config_changed(tenant),
            stmt(&MOVE_TO_VERSION, moved, Expect::One),
            stmt(&INSERT_VERSION, inserted, Expect::One),
        ];
        self.write(list).await?.or_conflict()?;
        Ok(version)
    }

    /// A published version, of a deleted template too.
    pub async fn load_version(
        &self,
        tenant: TenantId,
        id: TemplateId,
        version: u32,
    ) -> Result<Option<VersionRow>> {
        let row = self.query_one_opt(&LOAD_VERSION, vec![tenant.into(), id.into(), version.into()]).await?;
        row.as_ref().map(|row| read_version(id, row)).transpose()
    }

    /// A page of a template's versions, newest first.
    pub async fn list_versions(
        &self,
        tenant: TenantId,
        id: TemplateId,
        page: &Page,
    ) -> Result<PageOf<VersionHead>> {
        let params = vec![tenant.into(), id.into(), page.before().at.into(), page.fetch().into()];
        let rows = self.query(&LIST_VERSIONS, params).await?;
        let heads = rows.iter().map(read_version_head).collect::<Result<Vec<_>>>()?;
        Ok(page.cut(heads, |head| Cursor::new(head.version.into(), id)))
    }

    /// Enables, disables or deletes a template; `false` where there is none, or it is deleted already.
    pub async fn set_template_state(
        &self,
        tenant: TenantId,
        id: TemplateId,
        state: TemplateState,
        stamp: Stamp,
    ) -> Result<bool> {
        let params = vec![tenant.into(), id.into(), state.as_str().into(), stamp.by.into(), stamp.at.into()];
        let list = vec![config_changed(tenant), stmt(&SET_STATE, params, Expect::One)];
        Ok(self.write(list).await? == Written::Done)
    }
}

/// The first ten parameters of `SAVE_DRAFT` and `MOVE_TO_VERSION`.
fn draft_params(tenant: TenantId, id: TemplateId, expected: u32, draft: &Draft, stamp: Stamp) -> Vec<P> {
    vec![
        tenant.into(),
        id.into(),
        expected.into(),
        draft.name.as_str().into(),
        draft.category.as_str().into(),
        draft.definition.as_str().into(),
        draft.source_kind.as_str().into(),
        draft.source.clone().into(),
        stamp.by.into(),
        stamp.at.into(),
    ]
}

fn read_head(row: &Row) -> Result<TemplateHead> {
    Ok(TemplateHead {
        id: TemplateId(row.uuid(0)?),
        code: row.text(1)?,
        name: row.text(2)?,
        category: row.text(3)?,
        state: TemplateState::read(&row.text(4)?)?,
        current_version: Some(row.u32(5)?).filter(|&version| version > 0),
        draft_revision: row.u32(6)?,
        created_by: UserId(row.uuid(7)?),
        created_at: row.i64(8)?,
        updated_by: UserId(row.uuid(9)?),
        updated_at: row.i64(10)?,
    })
}

fn read(row: &Row) -> Result<TemplateRow> {
    let head = read_head(row)?;
    Ok(TemplateRow {
        id: head.id,
        code: head.code,
        name: head.name,
        category: head.category,
        state: head.state,
        current_version: head.current_version,
        draft: row.text(11)?,
        source_kind: row.text(12)?,
        source: row.opt_text(13)?,
        draft_revision: head.draft_revision,
        created_by: head.created_by,
        created_at: head.created_at,
        updated_by: head.updated_by,
        updated_at: head.updated_at,
    })
}

fn read_version_head(row: &Row) -> Result<VersionHead> {
    Ok(VersionHead {
        version: row.u32(0)?,
        source_kind: row.text(1)?,
        digest: row.hash(2)?,
        published_by: UserId(row.uuid(3)?),
        published_at: row.i64(4)?,
    })
}

fn read_version(template: TemplateId, row: &Row) -> Result<VersionRow> {
    let head = read_version_head(row)?;
    Ok(VersionRow {
        template,
        version: head.version,
        definition: row.text(5)?,
        source_kind: head.source_kind,
        source: row.opt_text(6)?,
        digest: head.digest,
        published_by: head.published_by,
        published_at: head.published_at,
    })
}

static INSERT: Sql = Sql::new(
    "INSERT INTO templates (tenant_id, id, code, name, category, state, current_version, draft, draft_source_kind,
                            draft_source, draft_revision, created_by, created_at, updated_by, updated_at)
     VALUES ($1, $2, $3, $4, $5, 'enabled', 0, $6, $7, $8, 1, $9, $10, $9, $10)",
);
static LOAD: Sql = Sql::new(
    "SELECT id, code, name, category, state, current_version, draft_revision, created_by, created_at, updated_by,
            updated_at, draft, draft_source_kind, draft_source
     FROM templates WHERE tenant_id = $1 AND id = $2",
);
static FIND_BY_CODE: Sql = Sql::new(
    "SELECT id, code, name, category, state, current_version, draft_revision, created_by, created_at, updated_by,
            updated_at, draft, draft_source_kind, draft_source
     FROM templates WHERE tenant_id = $1 AND code = $2 AND state <> 'deleted'",
);
static LIST: Sql = Sql::new(
    "SELECT id, code, name, category, state, current_version, draft_revision, created_by, created_at, updated_by,
            updated_at
     FROM templates
     WHERE tenant_id = $1 AND id < $2
       AND (state = $3 OR ($3 IS NULL AND state <> 'deleted'))
       AND (category = $4 OR $4 IS NULL)
       AND (LOWER(name) LIKE $5 ESCAPE '!' OR LOWER(code) LIKE $5 ESCAPE '!' OR $5 IS NULL)
       AND (draft_source_kind = $6 OR $6 IS NULL)
       AND (created_by = $7 OR $7 IS NULL)
     ORDER BY id DESC LIMIT $8",
);
static SAVE_DRAFT: Sql = Sql::new(
    "UPDATE templates
     SET name = $4, category = $5, draft = $6, draft_source_kind = $7, draft_source = $8,
         draft_revision = draft_revision + 1, updated_by = $9, updated_at = $10
     WHERE tenant_id = $1 AND id = $2 AND draft_revision = $3 AND state <> 'deleted'",
);
static CURRENT_VERSION: Sql =
    Sql::new("SELECT current_version FROM templates WHERE tenant_id = $1 AND id = $2");
static MOVE_TO_VERSION: Sql = Sql::new(
    "UPDATE templates
     SET name = $4, category = $5, draft = $6, draft_source_kind = $7, draft_source = $8,
         draft_revision = draft_revision + 1, updated_by = $9, updated_at = $10, current_version = $12
     WHERE tenant_id = $1 AND id = $2 AND draft_revision = $3 AND current_version = $11 AND state <> 'deleted'",
);
static INSERT_VERSION: Sql = Sql::new(
    "INSERT INTO template_versions (tenant_id, template_id, version, definition, source_kind, source, digest,
                                    published_by, published_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
);
static LOAD_VERSION: Sql = Sql::new(
    "SELECT version, source_kind, digest, published_by, published_at, definition, source
     FROM template_versions WHERE tenant_id = $1 AND template_id = $2 AND version = $3",
);
static LIST_VERSIONS: Sql = Sql::new(
    "SELECT version, source_kind, digest, published_by, published_at
     FROM template_versions WHERE tenant_id = $1 AND template_id = $2 AND version < $3
     ORDER BY version DESC LIMIT $4",
);
static SET_STATE: Sql = Sql::new(
    "UPDATE templates SET state = $3, updated_by = $4, updated_at = $5
     WHERE tenant_id = $1 AND id = $2 AND state <> 'deleted'",
);

pub(crate) static ALL: &[&Sql] = &[
    &INSERT,
    &LOAD,
    &FIND_BY_CODE,
    &LIST,
    &SAVE_DRAFT,
    &CURRENT_VERSION,
    &MOVE_TO_VERSION,
    &INSERT_VERSION,
    &LOAD_VERSION,
    &LIST_VERSIONS,
    &SET_STATE,
];
