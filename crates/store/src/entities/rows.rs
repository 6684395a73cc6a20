//! Rows of objects and approvals as the domain knows them.

use super::{EntityEntry, EntityRow, EntityTypeRow, EntryKind, RunRow, TriggerRow};
use crate::sql::Row;
use crate::{Result, json};
use zhupi_engine::ids::{InstanceId, TemplateId, UserId};

/// How many columns [`read_entity`] takes.
pub(crate) const COLUMNS_OF_ENTITY: usize = 11;
/// How many columns [`read_run`] takes.
pub(crate) const COLUMNS_OF_RUN: usize = 9;

pub(super) fn read_type(row: &Row) -> Result<EntityTypeRow> {
    Ok(EntityTypeRow {
        sort: json::read(row.str(0)?, "entity_types.body")?,
        revision: row.i64(1)?,
        updated_by: UserId(row.uuid(2)?),
        updated_at: row.i64(3)?,
    })
}

pub(super) fn read_trigger(row: &Row) -> Result<TriggerRow> {
    Ok(TriggerRow {
        id: row.uuid(0)?,
        entity_type: row.text(1)?,
        template: TemplateId(row.uuid(2)?),
        enabled: row.flag(3)?,
        trigger: json::read(row.str(4)?, "entity_triggers.body")?,
        revision: row.i64(5)?,
        created_by: UserId(row.uuid(6)?),
        created_at: row.i64(7)?,
        updated_by: UserId(row.uuid(8)?),
        updated_at: row.i64(9)?,
    })
}

pub(crate) fn read_entity(row: &Row, first: usize) -> Result<EntityRow> {
    Ok(EntityRow {
        entity_type: row.text(first)?,
        id: row.text(first + 1)?,
        row_id: row.uuid(first + 2)?,
        data: json::read(row.str(first + 3)?, "entities.data")?,
        labels: json::read(row.str(first + 4)?, "entities.labels")?,
        title: row.text(first + 5)?,
        deleted: row.flag(first + 6)?,
        revision: row.i64(first + 7)?,
        created_by: UserId(row.uuid(first + 8)?),
        created_at: row.i64(first + 9)?,
        updated_at: row.i64(first + 10)?,
    })
}

pub(crate) fn read_run(row: &Row, first: usize) -> Result<RunRow> {
    Ok(RunRow {
        instance: InstanceId(row.uuid(first)?),
        entity_type: row.text(first + 1)?,
        entity_id: row.text(first + 2)?,
        trigger: row.uuid(first + 3)?,
        template: TemplateId(row.uuid(first + 4)?),
        run: json::read(row.str(first + 5)?, "entity_runs.body")?,
        submitter: UserId(row.uuid(first + 6)?),
        submitted_at: row.i64(first + 7)?,
        settled_at: row.opt_i64(first + 8)?,
    })
}

pub(super) fn read_entry(row: &Row) -> Result<EntityEntry> {
    Ok(EntityEntry {
        revision: row.i64(0)?,
        at: row.i64(1)?,
        actor: UserId(row.uuid(2)?),
        kind: EntryKind::from_word(row.str(3)?)?,
        instance: row.opt_uuid(4)?.map(InstanceId),
        changes: json::read(row.str(5)?, "entity_history.changes")?,
    })
}
