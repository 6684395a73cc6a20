//! The statements about objects and their approvals.

use super::{EntityEntry, EntityRow, EntityWrite, RunRow, TriggerRow, first_or_next};
use crate::sql::{Expect, P, Sql, Stmt, stmt};
use crate::{Result, json};
use zhupi_engine::entity::RunState;
use zhupi_engine::ids::TenantId;

/// A change of an object: the object first, so that whoever was slower leaves no trace.
pub(crate) fn write(tenant: TenantId, change: &EntityWrite) -> Result<Vec<Stmt>> {
    let mut list = vec![put_entity(tenant, &change.entity, change.before)?];
    if let Some(run) = &change.run {
        list.push(put_run(tenant, run)?);
    }
    for entry in &change.entries {
        list.push(add_entry(tenant, &change.entity, entry)?);
    }
    Ok(list)
}

/// A trigger, new or changed.
pub(crate) fn put_trigger(tenant: TenantId, row: &TriggerRow) -> Result<Stmt> {
    let mut params: Vec<P> = vec![
        tenant.into(),
        row.id.into(),
        row.entity_type.as_str().into(),
        row.template.into(),
        row.enabled.into(),
        json::write(&row.trigger)?.into(),
        row.revision.into(),
        row.created_by.into(),
        row.created_at.into(),
        row.updated_by.into(),
        row.updated_at.into(),
    ];
    let sql = first_or_next(row.revision, &mut params, &INSERT_TRIGGER, &UPDATE_TRIGGER);
    Ok(stmt(sql, params, Expect::One))
}

fn put_entity(tenant: TenantId, entity: &EntityRow, before: Option<i64>) -> Result<Stmt> {
    let number = entity.id.parse::<i64>().ok().filter(|number| number.to_string() == entity.id);
    let mut params: Vec<P> = vec![
        tenant.into(),
        entity.entity_type.as_str().into(),
        entity.id.as_str().into(),
        json::write(&entity.data)?.into(),
        json::write(&entity.labels)?.into(),
        entity.title.as_str().into(),
        entity.deleted.into(),
        entity.revision.into(),
        entity.updated_at.into(),
    ];
    match before {
        Some(before) => {
            params.push(before.into());
            Ok(stmt(&UPDATE_ENTITY, params, Expect::One))
        }
        None => {
            let row: [P; 4] =
                [number.into(), entity.row_id.into(), entity.created_by.into(), entity.created_at.into()];
            params.extend(row);
            Ok(stmt(&INSERT_ENTITY, params, Expect::One))
        }
    }
}

fn put_run(tenant: TenantId, row: &RunRow) -> Result<Stmt> {
    let params: Vec<P> = vec![
        tenant.into(),
        row.instance.into(),
        row.entity_type.as_str().into(),
        row.entity_id.as_str().into(),
        row.trigger.into(),
        row.template.into(),
        row.run.state.is_open().into(),
        (row.run.state == RunState::Conflict).into(),
        json::write(&row.run)?.into(),
        row.submitter.into(),
        row.submitted_at.into(),
        row.settled_at.into(),
    ];
    Ok(stmt(&PUT_RUN, params, Expect::One))
}

fn add_entry(tenant: TenantId, entity: &EntityRow, entry: &EntityEntry) -> Result<Stmt> {
    let params: Vec<P> = vec![
        tenant.into(),
        entity.entity_type.as_str().into(),
        entity.id.as_str().into(),
        entry.revision.into(),
        entry.at.into(),
        entry.actor.into(),
        entry.kind.as_str().into(),
        entry.instance.into(),
        json::write(&entry.changes)?.into(),
    ];
    Ok(stmt(&ADD_ENTRY, params, Expect::One))
}

pub(super) static INSERT_TYPE: Sql = Sql::new(
    "INSERT INTO entity_types (tenant_id, key, body, revision, updated_by, updated_at)
     VALUES ($1, $2, $3, $4, $5, $6)",
);
pub(super) static UPDATE_TYPE: Sql = Sql::new(
    "UPDATE entity_types SET body = $3, revision = $4, updated_by = $5, updated_at = $6
     WHERE tenant_id = $1 AND key = $2 AND revision = $7",
);
pub(super) static LIST_TYPES: Sql = Sql::new(
    "SELECT body, revision, updated_by, updated_at FROM entity_types WHERE tenant_id = $1 ORDER BY key",
);
static INSERT_TRIGGER: Sql = Sql::new(
    "INSERT INTO entity_triggers (tenant_id, id, entity_type, template_id, enabled, body, revision, created_by,
                                  created_at, updated_by, updated_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
);
static UPDATE_TRIGGER: Sql = Sql::new(
    "UPDATE entity_triggers
     SET entity_type = $3, template_id = $4, enabled = $5, body = $6, revision = $7, created_by = $8,
         created_at = $9, updated_by = $10, updated_at = $11
     WHERE tenant_id = $1 AND id = $2 AND revision = $12",
);

macro_rules! triggers {
    ($rest:literal) => {
        concat!(
            "SELECT id, entity_type, template_id, enabled, body, revision, created_by, created_at, updated_by,
                    updated_at
             FROM entity_triggers WHERE tenant_id = $1",
            $rest
        )
    };
}

pub(super) static LOAD_TRIGGER: Sql = Sql::new(triggers!(" AND id = $2"));
pub(super) static LIST_TRIGGERS: Sql = Sql::new(triggers!(" ORDER BY created_at, id"));
pub(super) static LIST_ENABLED: Sql =
    Sql::new(triggers!(" AND entity_type = $2 AND enabled = 1 ORDER BY created_at, id"));

static INSERT_ENTITY: Sql = Sql::new(
    "INSERT INTO entities (tenant_id, entity_type, id, data, labels, title, deleted, revision, updated_at, number,
                           row_id, created_by, created_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
);
static UPDATE_ENTITY: Sql = Sql::new(
    "UPDATE entities SET data = $4, labels = $5, title = $6, deleted = $7, revision = $8, updated_at = $9
     WHERE tenant_id = $1 AND entity_type = $2 AND id = $3 AND revision = $10",
);

macro_rules! entities {
    ($rest:literal) => {
        concat!(
            "SELECT entity_type, id, row_id, data, labels, title, deleted, revision, created_by, created_at,
                    updated_at
             FROM entities WHERE tenant_id = $1 AND entity_type = $2",
            $rest
        )
    };
}

pub(super) static LOAD_ENTITY: Sql = Sql::new(entities!(" AND id = $3"));
pub(super) static LIST_ENTITIES: Sql =
    Sql::new(entities!(" AND row_id < $3 AND deleted = 0 ORDER BY row_id DESC LIMIT $4"));

static PUT_RUN: Sql = Sql::new(
    "INSERT INTO entity_runs (tenant_id, instance_id, entity_type, entity_id, trigger_id, template_id, is_open,
                              in_conflict, body, submitter_id, submitted_at, settled_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
     ON CONFLICT (tenant_id, instance_id) DO UPDATE
     SET is_open = excluded.is_open, in_conflict = excluded.in_conflict, body = excluded.body,
         settled_at = excluded.settled_at",
);

macro_rules! runs {
    ($rest:literal) => {
        concat!(
            "SELECT instance_id, entity_type, entity_id, trigger_id, template_id, body, submitter_id, submitted_at,
                    settled_at
             FROM entity_runs WHERE tenant_id = $1",
            $rest
        )
    };
}

pub(super) static LOAD_RUN: Sql = Sql::new(runs!(" AND instance_id = $2"));
pub(super) static LIST_RUNS: Sql = Sql::new(runs!(
    " AND entity_type = $2 AND entity_id = $3 AND instance_id < $4 ORDER BY instance_id DESC LIMIT $5"
));
/// The columns of an instance as `instances::LOAD` has them, then those of its approval.
pub(super) static LIST_LATEST: Sql = Sql::new(
    "SELECT i.state, i.head, i.business_key, i.created_at, i.updated_at,
            r.instance_id, r.entity_type, r.entity_id, r.trigger_id, r.template_id, r.body, r.submitter_id,
            r.submitted_at, r.settled_at
     FROM entity_runs r JOIN instances i ON i.tenant_id = r.tenant_id AND i.id = r.instance_id
     WHERE r.tenant_id = $1 AND r.entity_type = $2 AND r.entity_id = $3
     ORDER BY r.instance_id DESC LIMIT $4",
);
pub(super) static LIST_OPEN_RUNS: Sql =
    Sql::new(runs!(" AND entity_type = $2 AND entity_id = $3 AND is_open = 1 ORDER BY instance_id"));
pub(super) static LIST_CONFLICTS: Sql =
    Sql::new(runs!(" AND in_conflict = 1 AND instance_id < $2 ORDER BY instance_id DESC LIMIT $3"));
pub(super) static COUNT_RUNS: Sql = Sql::new(
    "SELECT count(*) FROM entity_runs
     WHERE tenant_id = $1 AND entity_type = $2 AND entity_id = $3 AND trigger_id = $4",
);

static ADD_ENTRY: Sql = Sql::new(
    "INSERT INTO entity_history (tenant_id, entity_type, entity_id, revision, at, actor_id, kind, instance_id, changes)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
);
pub(super) static LIST_HISTORY: Sql = Sql::new(
    "SELECT revision, at, actor_id, kind, instance_id, changes FROM entity_history
     WHERE tenant_id = $1 AND entity_type = $2 AND entity_id = $3 AND revision < $4
     ORDER BY revision DESC LIMIT $5",
);

pub(crate) static ALL: &[&Sql] = &[
    &INSERT_TYPE,
    &UPDATE_TYPE,
    &LIST_TYPES,
    &INSERT_TRIGGER,
    &UPDATE_TRIGGER,
    &LOAD_TRIGGER,
    &LIST_TRIGGERS,
    &LIST_ENABLED,
    &INSERT_ENTITY,
    &UPDATE_ENTITY,
    &LOAD_ENTITY,
    &LIST_ENTITIES,
    &PUT_RUN,
    &LOAD_RUN,
    &LIST_RUNS,
    &LIST_LATEST,
    &LIST_OPEN_RUNS,
    &LIST_CONFLICTS,
    &COUNT_RUNS,
    &ADD_ENTRY,
    &LIST_HISTORY,
];
