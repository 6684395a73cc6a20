//! Objects whose changes are approved: their sorts, their triggers, their approvals, and the history of each. What they
//! mean: `zhupi_engine::entity`. Every write of an object needs the revision before it.

mod rows;
mod statements;

pub(crate) use rows::{COLUMNS_OF_ENTITY, COLUMNS_OF_RUN, read_entity, read_run};
pub(crate) use statements::{ALL, put_trigger, write};

use crate::instances::{COLUMNS_OF_STORED, Stored, stored};
use crate::outbox::{self, Delivery};
use crate::page::{Cursor, Page, PageOf};
use crate::sql::{Expect, P, Sql, stmt};
use crate::{Error, Result, Store, json};
use statements as sql;
use std::collections::BTreeMap;
use uuid::Uuid;
use zhupi_engine::entity::{Data, EntityType, FieldChange, Run, Trigger};
use zhupi_engine::ids::{InstanceId, TemplateId, TenantId, UserId};

/// A sort of objects that a workspace has added or changed.
#[derive(Clone, PartialEq, Debug)]
pub struct EntityTypeRow {
    /// The sort.
    pub sort: EntityType,
    /// Counts changes, from 1.
    pub revision: i64,
    /// Who changed it last.
    pub updated_by: UserId,
    /// When, in microseconds since 1970.
    pub updated_at: i64,
}

/// What starts approvals of objects.
#[derive(Clone, PartialEq, Debug)]
pub struct TriggerRow {
    /// Its id.
    pub id: Uuid,
    /// Of which sort of objects.
    pub entity_type: String,
    /// What is started.
    pub template: TemplateId,
    /// Whether anything is.
    pub enabled: bool,
    /// When, and what holds meanwhile and after.
    pub trigger: Trigger,
    /// Counts changes, from 1.
    pub revision: i64,
    /// Who made it.
    pub created_by: UserId,
    /// When, in microseconds since 1970.
    pub created_at: i64,
    /// Who changed it last.
    pub updated_by: UserId,
    /// When, in microseconds since 1970.
    pub updated_at: i64,
}

/// An object.
#[derive(Clone, PartialEq, Debug)]
pub struct EntityRow {
    /// Of which sort.
    pub entity_type: String,
    /// Its name in the system that keeps it.
    pub id: String,
    /// A UUIDv7 of ours: the order in which objects came.
    pub row_id: Uuid,
    /// What it says.
    pub data: Data,
    /// What people call its fields, where the sort does not say.
    pub labels: BTreeMap<String, String>,
    /// The text people know it by.
    pub title: String,
    /// It is gone.
    pub deleted: bool,
    /// Counts changes, from 1.
    pub revision: i64,
    /// Who told of it first.
    pub created_by: UserId,
    /// When, in microseconds since 1970.
    pub created_at: i64,
    /// When it last changed, in microseconds since 1970.
    pub updated_at: i64,
}

/// An instance that is about an object.
#[derive(Clone, PartialEq, Debug)]
pub struct RunRow {
    /// The instance.
    pub instance: InstanceId,
    /// Which sort of object.
    pub entity_type: String,
    /// Which object.
    pub entity_id: String,
    /// What started it.
    pub trigger: Uuid,
    /// After which template.
    pub template: TemplateId,
    /// What it asks for and how far it is.
    pub run: Run,
    /// Who asked.
    pub submitter: UserId,
    /// When, in microseconds since 1970.
    pub submitted_at: i64,
    /// When nothing was left to do, in microseconds since 1970.
    pub settled_at: Option<i64>,
}

/// One change of an object.
#[derive(Clone, PartialEq, Debug)]
pub struct EntityEntry {
    /// The object's revision after it.
    pub revision: i64,
    /// When, in microseconds since 1970.
    pub at: i64,
    /// Who told of it, asked for it or decided it.
    pub actor: UserId,
    /// What happened.
    pub kind: EntryKind,
    /// The approval it belongs to.
    pub instance: Option<InstanceId>,
    /// What changed; of an entry that changes nothing: what is asked for.
    pub changes: Vec<FieldChange>,
}

/// What happened to an object.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EntryKind {
    /// It was told of for the first time, or again after it had been deleted.
    Created,
    /// It changed without an approval.
    Changed,
    /// An approval of a change began; nothing changed yet.
    Asked,
    /// An approval of a change began, and the change was made at once.
    Ahead,
    /// What a running approval asks for changed.
    Amended,
    /// What an approval brought was made.
    Applied,
    /// Nothing came of an approval.
    Dropped,
    /// What an approval had brought was taken back.
    Reverted,
    /// An approval ended, and could not be laid over what the object says by now.
    Conflict,
    /// An administrator settled a conflict.
    Resolved,
    /// It was deleted without an approval.
    Deleted,
}

impl EntryKind {
    const ALL: [EntryKind; 11] = [
        EntryKind::Created,
        EntryKind::Changed,
        EntryKind::Asked,
        EntryKind::Ahead,
        EntryKind::Amended,
        EntryKind::Applied,
        EntryKind::Dropped,
        EntryKind::Reverted,
        EntryKind::Conflict,
        EntryKind::Resolved,
        EntryKind::Deleted,
    ];

    /// Its word.
    pub fn as_str(self) -> &'static str {
        match self {
            EntryKind::Created => "created",
            EntryKind::Changed => "changed",
            EntryKind::Asked => "asked",
            EntryKind::Ahead => "ahead",
            EntryKind::Amended => "amended",
            EntryKind::Applied => "applied",
            EntryKind::Dropped => "dropped",
            EntryKind::Reverted => "reverted",
            EntryKind::Conflict => "conflict",
            EntryKind::Resolved => "resolved",
            EntryKind::Deleted => "deleted",
        }
    }

    fn from_word(word: &str) -> Result<Self> {
        let kind = Self::ALL.into_iter().find(|kind| kind.as_str() == word);
        kind.ok_or_else(|| Error::corrupt(format!("entity_history.kind: `{word}`")))
    }
}

/// A change of an object with everything that belongs to it.
#[derive(Clone, PartialEq, Debug)]
pub struct EntityWrite {
    /// The revision it is based on; absent: the object is not there yet.
    pub before: Option<i64>,
    /// The object after it.
    pub entity: EntityRow,
    /// The approval that begins, goes on or ends with it.
    pub run: Option<RunRow>,
    /// What happened, one entry for each revision.
    pub entries: Vec<EntityEntry>,
}

impl Store {
    /// Adds or changes a sort of objects that still has the revision before its own: `Conflict` where it has not.
    pub async fn put_entity_type(&self, tenant: TenantId, row: &EntityTypeRow) -> Result<()> {
        let mut params: Vec<P> = vec![
            tenant.into(),
            row.sort.key.as_str().into(),
            json::write(&row.sort)?.into(),
            row.revision.into(),
            row.updated_by.into(),
            row.updated_at.into(),
        ];
        let sql = first_or_next(row.revision, &mut params, &sql::INSERT_TYPE, &sql::UPDATE_TYPE);
        conflict_if_there(
            self.write(vec![stmt(sql, params, Expect::One)]).await.and_then(|it| it.or_conflict()),
        )
    }

    /// The sorts that the workspace has added or changed, by key.
    pub async fn list_entity_types(&self, tenant: TenantId) -> Result<Vec<EntityTypeRow>> {
        let rows = self.query(&sql::LIST_TYPES, vec![tenant.into()]).await?;
        rows.iter().map(rows::read_type).collect()
    }

    /// Adds or changes a trigger that still has the revision before its own: `Conflict` where it has not.
    pub async fn put_entity_trigger(&self, tenant: TenantId, row: &TriggerRow) -> Result<()> {
        conflict_if_there(self.write(vec![put_trigger(tenant, row)?]).await.and_then(|it| it.or_conflict()))
    }

    /// A trigger.
    pub async fn load_entity_trigger(&self, tenant: TenantId, id: Uuid) -> Result<Option<TriggerRow>> {
        let row = self.query_one_opt(&sql::LOAD_TRIGGER, vec![tenant.into(), id.into()]).await?;
        row.as_ref().map(rows::read_trigger).transpose()
    }

    /// All triggers, the oldest first.
    pub async fn list_entity_triggers(&self, tenant: TenantId) -> Result<Vec<TriggerRow>> {
        let rows = self.query(&sql::LIST_TRIGGERS, vec![tenant.into()]).await?;
        rows.iter().map(rows::read_trigger).collect()
    }

    /// The enabled triggers of a sort of objects, the oldest first.
    pub async fn list_enabled_triggers(
        &self,
        tenant: TenantId,
        entity_type: &str,
    ) -> Result<Vec<TriggerRow>> {
        let rows = self.query(&sql::LIST_ENABLED, vec![tenant.into(), entity_type.into()]).await?;
        rows.iter().map(rows::read_trigger).collect()
    }

    /// An object.
    pub async fn load_entity(
        &self,
        tenant: TenantId,
        entity_type: &str,
        id: &str,
    ) -> Result<Option<EntityRow>> {
        let params = vec![tenant.into(), entity_type.into(), id.into()];
        self.query_one_opt(&sql::LOAD_ENTITY, params)
            .await?
            .as_ref()
            .map(|row| read_entity(row, 0))
            .transpose()
    }

    /// Objects of a sort that are not deleted, the newest first.
    pub async fn list_entities(
        &self,
        tenant: TenantId,
        entity_type: &str,
        page: &Page,
    ) -> Result<PageOf<EntityRow>> {
        let params = vec![tenant.into(), entity_type.into(), page.before().id.into(), page.fetch().into()];
        let rows = self.query(&sql::LIST_ENTITIES, params).await?;
        let rows = rows.iter().map(|row| read_entity(row, 0)).collect::<Result<Vec<_>>>()?;
        Ok(page.cut(rows, |row| Cursor::new(0, row.row_id)))
    }

    /// Writes a change of an object that goes with no change of an instance, and what is to be told of it: `Conflict`
    /// where somebody was faster.
    pub async fn write_entity(
        &self,
        tenant: TenantId,
        change: &EntityWrite,
        told: &[Delivery],
    ) -> Result<()> {
        let mut list = write(tenant, change)?;
        list.extend(told.iter().map(outbox::insertion));
        conflict_if_there(self.write(list).await.and_then(|it| it.or_conflict()))
    }

    /// The approval that an instance is.
    pub async fn load_entity_run(&self, tenant: TenantId, instance: InstanceId) -> Result<Option<RunRow>> {
        let row = self.query_one_opt(&sql::LOAD_RUN, vec![tenant.into(), instance.into()]).await?;
        row.as_ref().map(|row| read_run(row, 0)).transpose()
    }

    /// The approvals of an object, the newest first.
    pub async fn list_entity_runs(
        &self,
        tenant: TenantId,
        entity_type: &str,
        entity_id: &str,
        page: &Page,
    ) -> Result<PageOf<RunRow>> {
        let params = vec![
            tenant.into(),
            entity_type.into(),
            entity_id.into(),
            page.before().id.into(),
            page.fetch().into(),
        ];
        let rows = self.query(&sql::LIST_RUNS, params).await?;
        let rows = rows.iter().map(|row| read_run(row, 0)).collect::<Result<Vec<_>>>()?;
        Ok(page.cut(rows, |row| Cursor::new(0, row.instance)))
    }

    /// The latest approvals of an object with their instances, from new to old, and no more than `limit`.
    pub async fn list_latest_runs(
        &self,
        tenant: TenantId,
        entity_type: &str,
        entity_id: &str,
        limit: u32,
    ) -> Result<Vec<(RunRow, Stored)>> {
        let params = vec![tenant.into(), entity_type.into(), entity_id.into(), limit.into()];
        let rows = self.query(&sql::LIST_LATEST, params).await?;
        rows.iter().map(|row| Ok((read_run(row, COLUMNS_OF_STORED)?, stored(row)?))).collect()
    }

    /// The open approvals of an object, the oldest first.
    pub async fn list_open_runs(
        &self,
        tenant: TenantId,
        entity_type: &str,
        entity_id: &str,
    ) -> Result<Vec<RunRow>> {
        let params = vec![tenant.into(), entity_type.into(), entity_id.into()];
        self.query(&sql::LIST_OPEN_RUNS, params).await?.iter().map(|row| read_run(row, 0)).collect()
    }

    /// Approvals whose conflict waits for an administrator, the newest first.
    pub async fn list_entity_conflicts(&self, tenant: TenantId, page: &Page) -> Result<PageOf<RunRow>> {
        let params = vec![tenant.into(), page.before().id.into(), page.fetch().into()];
        let rows = self.query(&sql::LIST_CONFLICTS, params).await?;
        let rows = rows.iter().map(|row| read_run(row, 0)).collect::<Result<Vec<_>>>()?;
        Ok(page.cut(rows, |row| Cursor::new(0, row.instance)))
    }

    /// How often a trigger has started for an object.
    pub async fn count_entity_runs(
        &self,
        tenant: TenantId,
        entity_type: &str,
        entity_id: &str,
        trigger: Uuid,
    ) -> Result<i64> {
        let params = vec![tenant.into(), entity_type.into(), entity_id.into(), trigger.into()];
        self.query_one_opt(&sql::COUNT_RUNS, params).await?.map_or(Ok(0), |row| row.i64(0))
    }

    /// What happened to an object, the latest first.
    pub async fn list_entity_history(
        &self,
        tenant: TenantId,
        entity_type: &str,
        entity_id: &str,
        page: &Page,
    ) -> Result<PageOf<EntityEntry>> {
        let params = vec![
            tenant.into(),
            entity_type.into(),
            entity_id.into(),
            page.before().at.into(),
            page.fetch().into(),
        ];
        let rows = self.query(&sql::LIST_HISTORY, params).await?;
        let rows = rows.iter().map(rows::read_entry).collect::<Result<Vec<_>>>()?;
        Ok(page.cut(rows, |entry| Cursor::new(entry.revision, Uuid::nil())))
    }
}

/// The statement for a first revision or a later one, which has to find the one before it.
fn first_or_next(
    revision: i64,
    params: &mut Vec<P>,
    first: &'static Sql,
    next: &'static Sql,
) -> &'static Sql {
    if revision > 1 {
        params.push((revision - 1).into());
        next
    } else {
        first
    }
}

/// That a row is there already means here that somebody was faster.
fn conflict_if_there(outcome: Result<()>) -> Result<()> {
    match outcome {
        Err(Error::Duplicate { .. }) => Err(Error::Conflict),
        other => other,
    }
}
