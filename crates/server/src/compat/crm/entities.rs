//! CRM objects: what happens when the CRM tells that one was created or changed (semantics B15).
//!
//! An object holds its last record. Beginning one takes two writes: first the object is claimed for the instance that is
//! about to begin, then the instance is submitted under that id. Whoever is cut off between the two leaves an object that
//! names an instance nobody knows; the next event about it begins that very instance.

use super::codes::Failure;
use super::trigger::{Change, filters_hold, judge_change};
use super::wire::{EntityEvent, EntityState, Rules};
use super::{graph, numbers, translate, words, workflows};
use crate::app::act::{Options, Submission};
use crate::app::{App, Shared};
use crate::caller::Caller;
use crate::error::Error;
use serde_json::{Map, Value as Json};
use std::collections::BTreeMap;
use uuid::Uuid;
use zhupi_engine::form::{FormData, Value};
use zhupi_engine::ids::{FieldId, InstanceId, TenantId};
use zhupi_engine::{Command, Instance, Rejection, Status, Submit, Template};
use zhupi_store::{CrmEntity, CrmRecord, CrmWorkflow};

/// How often an event is taken again because somebody else was faster.
const TRIES: u32 = 10;
/// What a workflow gets to see of an object, in characters.
const BODY_LIMIT: usize = 4000;
const TITLE_LIMIT: usize = 120;

/// An object with its data read, and the state of its last record.
pub struct Known {
    pub row: CrmEntity,
    pub data: Map<String, Json>,
    pub staged: Option<Map<String, Json>>,
    pub labels: BTreeMap<String, String>,
    pub instance: Option<Instance>,
}

impl Known {
    pub fn status(&self) -> Option<Status> {
        match (&self.instance, self.row.instance) {
            (Some(instance), _) => Some(instance.status),
            // Claimed, but not begun yet.
            (None, Some(_)) => Some(Status::Draft),
            (None, None) => None,
        }
    }

    /// The row, naming its record only if that has begun.
    fn without_left_over(&self) -> CrmEntity {
        CrmEntity { instance: self.instance.as_ref().map(|instance| instance.id), ..self.row.clone() }
    }

    /// What the record is about: the data asked for, where it is not taken over yet.
    pub fn asked(&self) -> &Map<String, Json> {
        self.staged.as_ref().unwrap_or(&self.data)
    }

    /// The data as it stands now: changes that wait for approval count once they are approved.
    pub fn settled(&self) -> &Map<String, Json> {
        match (&self.staged, self.status()) {
            (Some(staged), Some(Status::Approved)) => staged,
            (_, _) => &self.data,
        }
    }
}

/// The object with this number, if we were told of it.
pub async fn load(
    app: &App,
    tenant: TenantId,
    entity_type: &str,
    entity_id: i64,
) -> Result<Option<Known>, Failure> {
    let Some(row) = app.store.load_crm_entity(tenant, entity_type, entity_id).await? else {
        return Ok(None);
    };
    Ok(Some(read(app, tenant, row).await?))
}

/// A row with the state of its last record.
pub async fn read(app: &App, tenant: TenantId, row: CrmEntity) -> Result<Known, Failure> {
    let instance = match row.instance {
        Some(id) => app.store.load_instance(tenant, id).await?.map(|stored| stored.instance),
        None => None,
    };
    let damaged =
        |cause| Error::internal(format!("crm_entities {} {}: {cause}", row.entity_type, row.entity_id));
    Ok(Known {
        data: serde_json::from_str(&row.data).map_err(damaged)?,
        staged: row.staged.as_deref().map(serde_json::from_str).transpose().map_err(damaged)?,
        labels: serde_json::from_str(&row.labels).map_err(damaged)?,
        instance,
        row,
    })
}

/// Takes an event: begins a record, changes an object whose record runs, or just remembers.
pub async fn take(app: &Shared, caller: &Caller, event: &EntityEvent) -> Result<Known, Failure> {
    check(event)?;
    let mut tries = 1;
    loop {
        match take_once(app, caller, event).await {
            Err(Failure::Server(Error::Conflict)) if tries < TRIES => tries += 1,
            Err(failure) => return Err(failure),
            Ok(()) => break,
        }
    }
    Ok(load(app, caller.tenant, &event.entity_type, id_of(event)?).await?.ok_or(Error::NotFound)?)
}

fn check(event: &EntityEvent) -> Result<(), Failure> {
    if words::entity_type(&event.entity_type).is_none() {
        let message = format!("there is no entity type `{}`", event.entity_type);
        return Err(Error::field("entity_type", message).into());
    }
    if words::trigger_label(&event.trigger).is_none() {
        let message = format!("`{}` is neither `created` nor `updated`", event.trigger);
        return Err(Error::field("trigger", message).into());
    }
    id_of(event).map(drop)
}

fn id_of(event: &EntityEvent) -> Result<i64, Failure> {
    Ok(event.entity_id.ok_or_else(|| Error::field("entity_id", "it is required"))?)
}

async fn take_once(app: &Shared, caller: &Caller, event: &EntityEvent) -> Result<(), Failure> {
    let known = load(app, caller.tenant, &event.entity_type, id_of(event)?).await?;
    if let Some(known) = &known
        && let Some(instance) = &known.instance
        && !instance.status.is_ended()
    {
        return change_running(app, caller, event, known, instance).await;
    }
    let mut data = known.as_ref().map(|known| known.settled().clone()).unwrap_or_default();
    data.extend(event.data.clone());
    match choose(app, caller.tenant, event, &data).await? {
        Some((workflow, rules)) => {
            let start = Start { workflow, rules, timing: &event.trigger, event };
            begin(app, caller, start, known.as_ref(), data).await
        }
        None => {
            let mut entity = entity(app, event, known.as_ref(), &data)?;
            entity.instance = known.and_then(|known| known.instance).map(|instance| instance.id);
            Ok(app.store.put_crm_entity(caller.tenant, &entity, None).await?)
        }
    }
}

/// The first workflow of this moment whose filters hold, unless it starts only once and has.
async fn choose(
    app: &App,
    tenant: TenantId,
    event: &EntityEvent,
    data: &Map<String, Json>,
) -> Result<Option<(CrmWorkflow, Rules)>, Failure> {
    let (kind, id) = (event.entity_type.as_str(), id_of(event)?);
    for (workflow, rules) in workflows::triggered(app, tenant, kind, &event.trigger).await? {
        let again = rules.trigger_odds == "always"
            || app.store.count_crm_records(tenant, kind, id, workflow.template).await? == 0;
        if again && filters_hold(&rules.trigger_filters, data) {
            return Ok(Some((workflow, rules)));
        }
    }
    Ok(None)
}

/// At most one record of an object runs; what may be changed meanwhile, its workflow says.
async fn change_running(
    app: &Shared,
    caller: &Caller,
    event: &EntityEvent,
    known: &Known,
    instance: &Instance,
) -> Result<(), Failure> {
    let record = app.store.find_crm_record(caller.tenant, instance.id).await?.ok_or(Error::NotFound)?;
    let workflow = app.store.find_crm_workflow(caller.tenant, record.template).await?;
    let workflow = workflow.ok_or(Error::NotFound)?;
    let rules = workflows::rules_of(&workflow)?;
    match judge_change(&rules.editable, known.asked(), &event.data) {
        Change::None => Ok(()),
        // A second creation is no edit of the first.
        _ if event.trigger == "created" => Err(Failure::RecordRunning { record: record.number }),
        Change::Locked(fields) => Err(Failure::Locked { record: record.number, fields }),
        Change::Allowed => {
            let mut data = known.asked().clone();
            data.extend(event.data.clone());
            let mut next = entity(app, event, Some(known), &data)?;
            if known.staged.is_some() {
                next.staged = Some(std::mem::replace(&mut next.data, known.row.data.clone()));
            }
            Ok(app.store.put_crm_entity(caller.tenant, &next, None).await?)
        }
        Change::AskAgain => {
            let reason = "the object was changed while the record was running".to_owned();
            let command = Command::Withdraw { reason };
            app.act(caller.tenant, caller.user, instance.id, command, Options::default()).await?;
            let mut data = known.asked().clone();
            data.extend(event.data.clone());
            let start = Start { workflow, rules, timing: &record.trigger_timing, event };
            begin(app, caller, start, Some(known), data).await
        }
    }
}

/// Submits the last record's object again, as it was asked for.
pub async fn resubmit(
    app: &Shared,
    caller: &Caller,
    known: &Known,
    workflow: CrmWorkflow,
    record: &CrmRecord,
) -> Result<(), Failure> {
    let event = EntityEvent {
        trigger: record.trigger_timing.clone(),
        entity_type: record.entity_type.clone(),
        entity_id: Some(record.entity_id),
        data: Map::new(),
        fields_label: BTreeMap::new(),
        main_field: None,
    };
    let rules = workflows::rules_of(&workflow)?;
    let start = Start { workflow, rules, timing: &record.trigger_timing, event: &event };
    begin(app, caller, start, Some(known), known.asked().clone()).await
}

/// What a record begins with.
struct Start<'a> {
    workflow: CrmWorkflow,
    rules: Rules,
    timing: &'a str,
    event: &'a EntityEvent,
}

async fn begin(
    app: &Shared,
    caller: &Caller,
    start: Start<'_>,
    known: Option<&Known>,
    data: Map<String, Json>,
) -> Result<(), Failure> {
    let tenant = caller.tenant;
    let left_over = known.filter(|known| known.instance.is_none()).and_then(|known| known.row.instance);
    let id = left_over.unwrap_or_else(|| InstanceId(Uuid::now_v7()));
    let record = CrmRecord {
        instance: id,
        number: numbers::number(app, tenant, numbers::RECORD, id.0).await?,
        entity_type: start.event.entity_type.clone(),
        entity_id: id_of(start.event)?,
        template: start.workflow.template,
        trigger_timing: start.timing.to_owned(),
        submitter: caller.user,
        submitter_uid: numbers::uid_of(app, tenant, caller.user).await?,
        submitted_at: app.now_us(),
    };
    let mut claimed = entity(app, start.event, known, &data)?;
    claimed.instance = Some(id);
    if start.timing == "updated" {
        let before = known.map(|known| known.settled().clone()).unwrap_or_default();
        claimed.staged = Some(std::mem::replace(&mut claimed.data, Json::Object(before).to_string()));
    }
    let submission = submission(app, caller, &start, &claimed, &data, id).await?;
    app.store.put_crm_entity(tenant, &claimed, Some(&record)).await?;
    match app.submit(tenant, caller.user, submission).await {
        Ok(_) | Err(Error::Rejected(Rejection::AlreadySubmitted)) => Ok(()),
        Err(error) => {
            if is_refusal(&error) {
                let before = known.map(Known::without_left_over);
                app.store.undo_crm_record(tenant, &claimed, before.as_ref(), &record).await?;
            }
            Err(error.into())
        }
    }
}

async fn submission(
    app: &App,
    caller: &Caller,
    start: &Start<'_>,
    entity: &CrmEntity,
    data: &Map<String, Json>,
    id: InstanceId,
) -> Result<Submission, Failure> {
    let tenant = caller.tenant;
    let row = app.store.load_template(tenant, start.workflow.template).await?.ok_or(Error::NotFound)?;
    let version = row.current_version.ok_or(Error::TemplateNotPublished)?;
    let template = app.template(tenant, row.id, version).await?;
    let directory = app.directory(tenant).await?;
    let labels: BTreeMap<String, String> = serde_json::from_str(&entity.labels).unwrap_or_default();
    let lines = translate::body_data(&entity.entity_type, data, &labels);
    let lines: Vec<String> =
        lines.iter().map(|it| format!("{}:{}", it.label, super::trigger::plain(&it.value))).collect();
    let title = format!("{}:{}", start.rules.name, entity.main_field);
    Ok(Submission {
        template: row.id,
        submit: Submit {
            title: shortened(&title, TITLE_LIMIT),
            department: directory.user(caller.user).and_then(|user| user.departments.first().copied()),
            form: form(&template, &entity.main_field, &shortened(&lines.join("\n"), BODY_LIMIT)),
            ..Submit::default()
        },
        business_key: Some(format!("crm:{}:{}", entity.entity_type, entity.entity_id)),
        idempotency_key: None,
        instance: Some(id),
    })
}

/// What the approvers see of the object in every other place; a template drawn elsewhere may lack these controls.
fn form(template: &Template, title: &str, body: &str) -> FormData {
    let values = [(graph::TITLE_FIELD, title), (graph::BODY_FIELD, body)];
    let fit = values
        .into_iter()
        .filter(|(id, text)| !text.trim().is_empty() && template.form.field(&FieldId::from(*id)).is_some());
    FormData(fit.map(|(id, text)| (FieldId::from(id), Value::Text(text.trim().to_owned()))).collect())
}

fn shortened(text: &str, limit: usize) -> String {
    if text.chars().count() <= limit {
        return text.to_owned();
    }
    text.chars().take(limit.saturating_sub(1)).chain(['…']).collect()
}

/// It was refused for good: nothing can have been written.
fn is_refusal(error: &Error) -> bool {
    error.status().is_client_error()
}

/// The object's next row with this data; its record stays.
fn entity(
    app: &App,
    event: &EntityEvent,
    known: Option<&Known>,
    data: &Map<String, Json>,
) -> Result<CrmEntity, Failure> {
    let now = app.now_us();
    let mut labels = known.map(|known| known.labels.clone()).unwrap_or_default();
    labels.extend(event.fields_label.clone());
    Ok(CrmEntity {
        entity_type: event.entity_type.clone(),
        entity_id: id_of(event)?,
        data: Json::Object(data.clone()).to_string(),
        staged: None,
        labels: serde_json::to_string(&labels).map_err(Error::internal)?,
        main_field: Some(translate::main_field(event.main_field.as_deref(), data))
            .filter(|text| !text.is_empty())
            .or_else(|| known.map(|known| known.row.main_field.clone()))
            .unwrap_or_default(),
        instance: known.and_then(|known| known.row.instance),
        revision: known.map_or(0, |known| known.row.revision) + 1,
        created_at: known.map_or(now, |known| known.row.created_at),
        updated_at: now,
    })
}

/// The object as the CRM reads it back.
pub async fn show(app: &App, tenant: TenantId, known: &Known, data: bool) -> Result<EntityState, Failure> {
    let (approve_status, approve_status_i18n) = words::approve_status(known.status());
    let execute_record_id = match &known.instance {
        Some(instance) => Some(numbers::number(app, tenant, numbers::RECORD, instance.id.0).await?),
        None => None,
    };
    Ok(EntityState {
        entity_type: known.row.entity_type.clone(),
        entity_id: known.row.entity_id,
        approve_status,
        approve_status_i18n,
        execute_record_id,
        data: data.then(|| Json::Object(known.settled().clone())),
    })
}
