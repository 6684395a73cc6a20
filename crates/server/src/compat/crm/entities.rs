//! CRM objects in this family's words: what the CRM tells of them, and how they are shown. What happens to them:
//! `app/entities.rs`.

use super::codes::Failure;
use super::numbers;
use super::translate;
use super::wire::{EntityEvent, EntityState};
use super::words;
use crate::app::entities::{HiddenFields, ToldOfEntity, What, staged};
use crate::app::{App, Shared};
use crate::caller::Caller;
use crate::error::Error;
use serde_json::{Map, Value as Json};
use zhupi_engine::entity::{Data, EntityType, RunState, lay};
use zhupi_engine::ids::TenantId;
use zhupi_engine::{Instance, Status};
use zhupi_store::{EntityRow, Page, RunRow};

/// An object with its last record.
pub struct Known {
    pub sort: EntityType,
    pub row: EntityRow,
    /// Its number in the CRM.
    pub number: i64,
    pub record: Option<(RunRow, Instance)>,
}

impl Known {
    pub fn instance(&self) -> Option<&Instance> {
        self.record.as_ref().map(|(_, instance)| instance)
    }

    /// Where its last record stands. While a conflict waits to be settled, nothing has come of it yet.
    pub fn status(&self) -> Option<Status> {
        self.record.as_ref().map(|(run, instance)| match run.run.state {
            RunState::Conflict => Status::Running,
            RunState::Running
            | RunState::Applied
            | RunState::Dropped
            | RunState::Reverted
            | RunState::RolledBack => instance.status,
        })
    }

    /// What the record is about: the object as it was asked for.
    pub fn asked(&self) -> Data {
        let record = self.record.as_ref().map(|(run, _)| run);
        asked(&self.row, record)
    }
}

/// The object as a record asks for it, or asked for it in vain.
pub fn asked(row: &EntityRow, run: Option<&RunRow>) -> Data {
    let mut data = row.data.clone();
    if let Some(run) = run {
        match run.run.state {
            RunState::Running | RunState::Dropped | RunState::Reverted | RunState::Conflict => {
                lay(&mut data, staged(run));
            }
            RunState::Applied | RunState::RolledBack => (),
        }
    }
    data
}

/// The object with this number, if we were told of it.
pub async fn load(
    app: &App,
    tenant: TenantId,
    entity_type: &str,
    number: i64,
) -> Result<Option<Known>, Failure> {
    let Some(row) = app.store.load_entity(tenant, entity_type, &number.to_string()).await? else {
        return Ok(None);
    };
    Ok(Some(read(app, tenant, row).await?))
}

/// A row with its last record.
pub async fn read(app: &App, tenant: TenantId, row: EntityRow) -> Result<Known, Failure> {
    let latest = app.store.list_entity_runs(tenant, &row.entity_type, &row.id, &Page::first(1)).await?;
    let record = match latest.rows.into_iter().next() {
        Some(run) => {
            let stored = app.store.load_instance(tenant, run.instance).await?.ok_or(Error::NotFound)?;
            Some((run, stored.instance))
        }
        None => None,
    };
    let sort = sort_of(app, tenant, &row.entity_type).await?;
    Ok(Known { sort, number: number_of(&row), row, record })
}

/// What an object is called by number; those that are not are not shown here.
pub fn number_of(row: &EntityRow) -> i64 {
    row.id.parse().unwrap_or_default()
}

/// The sort of an object, which is there as long as the object is.
pub async fn sort_of(app: &App, tenant: TenantId, key: &str) -> Result<EntityType, Failure> {
    Ok(app.entity_type(tenant, key).await?.ok_or_else(|| Error::internal(format!("no sort `{key}`")))?)
}

/// Refuses a type that there is not.
pub async fn check_type(app: &App, tenant: TenantId, key: &str) -> Result<(), Error> {
    match app.entity_type(tenant, key).await? {
        Some(_) => Ok(()),
        None => Err(Error::field("entity_type", format!("there is no entity type `{key}`"))),
    }
}

/// Takes an event: begins a record, changes an object whose record runs, or just remembers.
pub async fn take(app: &Shared, caller: &Caller, event: EntityEvent) -> Result<Known, Failure> {
    check_type(app, caller.tenant, &event.entity_type).await?;
    let number = event.entity_id.ok_or_else(|| Error::field("entity_id", "it is required"))?;
    let what = match event.trigger.as_str() {
        "created" => What::Made,
        "updated" | "stage_changed" => What::Changed,
        "deleted" => What::Deleted,
        other => {
            let message = format!("`{other}` is none of `created`, `updated`, `stage_changed` and `deleted`");
            return Err(Error::field("trigger", message).into());
        }
    };
    let told = ToldOfEntity {
        entity_type: event.entity_type,
        id: number.to_string(),
        what,
        data: event.data,
        labels: event.fields_label,
        title: event.main_field,
        seen: None,
    };
    app.tell_entity(caller.tenant, caller.user, &told).await?;
    Ok(load(app, caller.tenant, &told.entity_type, number).await?.ok_or(Error::NotFound)?)
}

/// What an object says without what its reader does not see.
pub fn without(mut data: Data, hidden: &HiddenFields) -> Data {
    data.retain(|field, _| !hidden.contains(field));
    data
}

/// The object as the CRM reads it back; without `hidden` not what it says.
pub async fn show(
    app: &App,
    tenant: TenantId,
    known: &Known,
    hidden: Option<&HiddenFields>,
) -> Result<EntityState, Failure> {
    let (approve_status, approve_status_i18n) = words::approve_status(known.status());
    let execute_record_id = match known.instance() {
        Some(instance) => Some(numbers::number(app, tenant, numbers::RECORD, instance.id.0).await?),
        None => None,
    };
    Ok(EntityState {
        entity_type: known.row.entity_type.clone(),
        entity_id: known.number,
        approve_status,
        approve_status_i18n,
        execute_record_id,
        deleted: known.row.deleted,
        data: hidden.map(|hidden| Json::Object(without(known.row.data.clone(), hidden))),
    })
}

/// The object as its record shows it, with the labels of these fields.
pub fn approval_entity(known: &Known, data: &Map<String, Json>, fields: &[String]) -> Map<String, Json> {
    let label =
        |field: &String| (field.clone(), translate::label(&known.sort, field, &known.row.labels).into());
    translate::approval_entity(known.number, data, &known.row.title, fields.iter().map(label).collect())
}
