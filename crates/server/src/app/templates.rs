//! Templates from the first draft to the published version: who may change one, what keeps it from being published.
//! Every surface that lets people draw templates comes through here.

mod children;
mod read;

pub use read::read_definition;

use crate::app::{App, access};
use crate::error::Error;
use sha2::{Digest, Sha256};
use std::sync::Arc;
use uuid::Uuid;
use zhupi_engine::decide::TITLE_LIMIT;
use zhupi_engine::ids::{TemplateId, TenantId, UserId};
use zhupi_engine::template::unknown_members;
use zhupi_engine::{Problem, Template, check_template, lint_template};
use zhupi_store::{Draft, NewTemplate, NewVersion, Stamp, TemplateHead, TemplateRow, TemplateState};

/// The source kind of templates drawn in our own words.
pub const NATIVE: &str = "native";

/// What somebody has drawn.
#[derive(Clone, Debug)]
pub struct Drawing {
    pub template: Template,
    /// The heading it is listed under; may be empty.
    pub category: String,
    /// The surface it was drawn in: [`NATIVE`], `wps`, ….
    pub source_kind: &'static str,
    /// The surface's own JSON, verbatim.
    pub source: Option<String>,
}

/// What was found about a published version.
#[derive(Clone, Debug)]
pub struct Looked {
    pub version: u32,
    /// Epoch µs.
    pub at: i64,
    pub problems: Vec<Problem>,
}

/// A template as one person finds it.
#[derive(Clone, Debug)]
pub struct Found {
    pub row: TemplateRow,
    pub draft: Template,
    /// The version that is submitted now.
    pub current: Option<Arc<Template>>,
    /// He administers it.
    pub may_change: bool,
}

impl App {
    /// Begins a template with its first draft. Without a code it gets one.
    pub async fn create_template(
        &self,
        tenant: TenantId,
        actor: UserId,
        code: Option<String>,
        drawing: Drawing,
    ) -> Result<TemplateRow, Error> {
        if !self.manages_templates(tenant, actor).await? {
            return Err(Error::Forbidden);
        }
        let id = TemplateId(Uuid::now_v7());
        let code = code.unwrap_or_else(|| id.0.simple().to_string());
        check_code(&code)?;
        let new = NewTemplate { id, code, draft: drawing.into_draft()?, by: actor, at: self.now_us() };
        self.store.create_template(tenant, &new).await.map_err(|error| match error {
            zhupi_store::Error::Duplicate { .. } => Error::Duplicate { what: "code".to_owned() },
            other => other.into(),
        })?;
        self.store.load_template(tenant, id).await?.ok_or(Error::NotFound)
    }

    /// Replaces the draft that is still at this revision; gives the new revision.
    pub async fn save_draft(
        &self,
        tenant: TenantId,
        actor: UserId,
        id: TemplateId,
        expected_revision: u32,
        drawing: Drawing,
    ) -> Result<u32, Error> {
        self.template_to_change(tenant, actor, id).await?;
        let stamp = Stamp { by: actor, at: self.now_us() };
        let draft = drawing.into_draft()?;
        let saved = self.store.save_draft(tenant, id, expected_revision, &draft, stamp).await;
        saved.map_err(changed_meanwhile)
    }

    /// Everything wrong with a definition that was drawn in this surface, and what the people of today make of it.
    pub async fn check_definition(
        &self,
        tenant: TenantId,
        template: &Template,
        source_kind: &str,
    ) -> Result<Vec<Problem>, Error> {
        let mut problems = check_template(template);
        // Other surfaces keep what is theirs.
        if source_kind == NATIVE {
            problems.extend(unknown_members(template));
        }
        problems.extend(self.check_sources(template));
        problems.extend(self.check_children(tenant, template).await?);
        let directory = self.directory(tenant).await?;
        problems.extend(lint_template(template, &directory));
        Ok(problems)
    }

    /// What is wrong with the published version with the people of today, as of when it was last looked at.
    pub async fn published_problems(
        &self,
        tenant: TenantId,
        actor: UserId,
        id: TemplateId,
    ) -> Result<Looked, Error> {
        let found = self.template_to_change(tenant, actor, id).await?;
        let (Some(version), Some(current)) = (found.row.current_version, found.current) else {
            return Err(Error::NotFound);
        };
        match self.store.load_findings(tenant, id).await? {
            Some(kept) if kept.version == version => Ok(Looked {
                version,
                at: kept.checked_at,
                problems: serde_json::from_str(&kept.problems).map_err(Error::internal)?,
            }),
            Some(_) | None => {
                let problems = self.check_definition(tenant, &current, &found.row.source_kind).await?;
                Ok(Looked { version, at: self.now_us(), problems })
            }
        }
    }

    /// Makes the draft the next version, which never changes; refused with all problems where it has an error. Gives the
    /// version's number, and what one should look at though it is no error.
    pub async fn publish_template(
        &self,
        tenant: TenantId,
        actor: UserId,
        id: TemplateId,
        expected_revision: Option<u32>,
    ) -> Result<(u32, Vec<Problem>), Error> {
        let found = self.template_to_change(tenant, actor, id).await?;
        let warnings = self.refuse_errors(tenant, &found.draft, &found.row.source_kind).await?;
        let row = found.row;
        let expected = expected_revision.unwrap_or(row.draft_revision);
        let digest = Sha256::digest(row.draft.as_bytes()).into();
        let draft = Draft {
            name: row.name,
            category: row.category,
            definition: row.draft,
            source_kind: row.source_kind,
            source: row.source,
        };
        let new = NewVersion { draft, digest, by: actor, at: self.now_us() };
        let version = self.store.publish(tenant, id, expected, &new).await.map_err(changed_meanwhile)?;
        Ok((version, warnings))
    }

    /// Begins a template and publishes it at once, for surfaces that have no drafts; nothing is made where it has an error.
    pub async fn create_published(
        &self,
        tenant: TenantId,
        actor: UserId,
        code: String,
        drawing: Drawing,
    ) -> Result<TemplateRow, Error> {
        self.refuse_errors(tenant, &drawing.template, drawing.source_kind).await?;
        let row = self.create_template(tenant, actor, Some(code), drawing).await?;
        self.publish_template(tenant, actor, row.id, Some(row.draft_revision)).await?;
        Ok(row)
    }

    /// Makes a drawing the next version in one write, whatever the draft was. Gives the version's number.
    pub async fn publish_drawing(
        &self,
        tenant: TenantId,
        actor: UserId,
        id: TemplateId,
        drawing: Drawing,
    ) -> Result<u32, Error> {
        let row = self.template_to_change(tenant, actor, id).await?.row;
        self.refuse_errors(tenant, &drawing.template, drawing.source_kind).await?;
        let draft = drawing.into_draft()?;
        let digest = Sha256::digest(draft.definition.as_bytes()).into();
        let new = NewVersion { draft, digest, by: actor, at: self.now_us() };
        self.store.publish(tenant, id, row.draft_revision, &new).await.map_err(changed_meanwhile)
    }

    /// Everything there is to say about a template that has no errors.
    async fn refuse_errors(
        &self,
        tenant: TenantId,
        template: &Template,
        source_kind: &str,
    ) -> Result<Vec<Problem>, Error> {
        let problems = self.check_definition(tenant, template, source_kind).await?;
        let refused = problems.iter().any(Problem::is_error);
        if refused { Err(Error::Invalid(problems)) } else { Ok(problems) }
    }

    /// Lets people use a template, or no longer. What runs goes on.
    pub async fn set_template_state(
        &self,
        tenant: TenantId,
        actor: UserId,
        id: TemplateId,
        state: TemplateState,
    ) -> Result<(), Error> {
        self.template_to_change(tenant, actor, id).await?;
        let stamp = Stamp { by: actor, at: self.now_us() };
        let changed = self.store.set_template_state(tenant, id, state, stamp).await?;
        if changed { Ok(()) } else { Err(Error::NotFound) }
    }

    /// The template, for somebody who administers it. Others learn whether it exists only if they may use it.
    pub async fn template_to_change(
        &self,
        tenant: TenantId,
        actor: UserId,
        id: TemplateId,
    ) -> Result<Found, Error> {
        let found = self.find_template(tenant, actor, id).await?;
        if found.may_change { Ok(found) } else { Err(Error::Forbidden) }
    }

    /// The template, for somebody who administers it or may use it.
    pub async fn find_template(
        &self,
        tenant: TenantId,
        viewer: UserId,
        id: TemplateId,
    ) -> Result<Found, Error> {
        let row = self.store.load_template(tenant, id).await?.ok_or(Error::NotFound)?;
        self.found(tenant, viewer, row).await?.ok_or(Error::NotFound)
    }

    /// The same, by what its author called it: the id or the code. Whoever may use it when it is enabled learns that it is
    /// not.
    pub async fn find_template_named(
        &self,
        tenant: TenantId,
        viewer: UserId,
        name: &str,
    ) -> Result<Found, Error> {
        let by_id = match name.parse::<TemplateId>() {
            Ok(id) => self.store.load_template(tenant, id).await?,
            Err(_) => None,
        };
        let row = match by_id {
            Some(row) => row,
            None => self.store.find_template_by_code(tenant, name).await?.ok_or(Error::NotFound)?,
        };
        let (id, disabled) = (row.id, row.current_version.filter(|_| row.state == TemplateState::Disabled));
        if let Some(found) = self.found(tenant, viewer, row).await? {
            return Ok(found);
        }
        let Some(version) = disabled else { return Err(Error::NotFound) };
        let (current, directory) = (self.template(tenant, id, version).await?, self.directory(tenant).await?);
        let is_meant = access::may_use(&current.settings, &directory, viewer);
        Err(if is_meant { Error::TemplateDisabled } else { Error::NotFound })
    }

    /// Whether a template stands in this person's lists.
    pub async fn shows_template(
        &self,
        tenant: TenantId,
        viewer: UserId,
        head: &TemplateHead,
    ) -> Result<bool, Error> {
        let directory = self.directory(tenant).await?;
        if directory.is_admin(viewer) {
            return Ok(true);
        }
        if let Some(version) = head.current_version {
            let current = self.template(tenant, head.id, version).await?;
            if head.state == TemplateState::Enabled && access::may_use(&current.settings, &directory, viewer)
            {
                return Ok(true);
            }
        }
        let Some(row) = self.store.load_template(tenant, head.id).await? else { return Ok(false) };
        Ok(self.found(tenant, viewer, row).await?.is_some_and(|found| found.may_change))
    }

    async fn found(
        &self,
        tenant: TenantId,
        viewer: UserId,
        row: TemplateRow,
    ) -> Result<Option<Found>, Error> {
        let directory = self.directory(tenant).await?;
        let draft: Template = serde_json::from_str(&row.draft)
            .map_err(|cause| Error::internal(format!("draft of template {}: {cause}", row.id)))?;
        let current = match row.current_version {
            Some(version) => Some(self.template(tenant, row.id, version).await?),
            None => None,
        };
        let of_current = current.as_deref().map(|template| &template.settings);
        let may_change = access::may_manage(&draft.settings, &directory, viewer)
            || of_current.is_some_and(|settings| access::may_manage(settings, &directory, viewer));
        let usable = row.state == TemplateState::Enabled
            && of_current.is_some_and(|settings| access::may_use(settings, &directory, viewer));
        let visible = row.state != TemplateState::Deleted && (may_change || usable);
        Ok(visible.then_some(Found { row, draft, current, may_change }))
    }
}

impl Drawing {
    fn into_draft(self) -> Result<Draft, Error> {
        let name = self.template.name.trim();
        if name.is_empty() || name.chars().count() > TITLE_LIMIT {
            let message = format!("a name has 1 to {TITLE_LIMIT} characters");
            let problem = Problem::error("name", "title_length", message);
            return Err(Error::Invalid(vec![problem]));
        }
        if self.category.chars().count() > 64 {
            return Err(Error::field("category", "at most 64 characters"));
        }
        let definition = serde_json::to_string(&self.template).map_err(Error::internal)?;
        Ok(Draft {
            name: name.to_owned(),
            category: self.category,
            definition,
            source_kind: self.source_kind.to_owned(),
            source: self.source,
        })
    }
}

fn check_code(code: &str) -> Result<(), Error> {
    let sound = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if (1..=64).contains(&code.len()) && code.bytes().all(sound) {
        return Ok(());
    }
    Err(Error::field("code", "expected 1 to 64 letters, digits, `-`, `_` or `.`"))
}

fn changed_meanwhile(error: zhupi_store::Error) -> Error {
    match error {
        zhupi_store::Error::Conflict => Error::PreconditionFailed,
        other => other.into(),
    }
}
