//! Execute records: instances that are about a CRM object, as their people see and decide them.

use super::codes::Failure;
use super::entities::{self, Known, without};
use super::numbers::{self, people};
use super::wire::{
    CentreItem, Detail, EntityData, ExecuteRecord, Flags, Listed, Perform, Rules, WorkflowName,
};
use super::{translate, words, workflows};
use crate::app::act::Options;
use crate::app::entities::HiddenFields;
use crate::app::{App, Shared, access};
use crate::caller::Caller;
use crate::error::Error;
use crate::view::{EntityFlags, access_of};
use serde_json::Map;
use std::sync::Arc;
use zhupi_engine::command::Handing;
use zhupi_engine::entity::EntityType;
use zhupi_engine::event::Decision;
use zhupi_engine::ids::{InstanceId, SlotId, UserId};
use zhupi_engine::{Command, Directory, Instance, Rejection, Status, Template};
use zhupi_store::{CrmCentre, CrmListed, RunRow};

/// Written for somebody who withdraws without words: the CRM has no place for them.
const WITHDRAWN_WITHOUT_WORDS: &str = "撤回审批";

/// A record with everything needed to look at it.
struct Found {
    run: RunRow,
    number: i64,
    instance: Instance,
    template: Arc<Template>,
    directory: Arc<Directory>,
}

/// The current flow of an object, for this reader. An object without a record shows itself and nothing else.
pub async fn detail(app: &App, caller: &Caller, known: &Known) -> Result<Detail, Failure> {
    let is_super_user = app.directory(caller.tenant).await?.is_admin(caller.user);
    let Some((run, instance)) = &known.record else {
        return Ok(Detail {
            flags: Flags::default(),
            is_super_user,
            approval_opinions: "optional",
            execute_record_id: None,
            entity_applying_users: Vec::new(),
            execution_details: Vec::new(),
            workflow: None,
            workflow_version: None,
            execute_record: None,
            approval_entity: entities::approval_entity(known, &Map::new(), &[]),
        });
    };
    let found = see(app, caller, run.clone(), instance.clone()).await?;
    let row = app.store.find_crm_workflow(caller.tenant, instance.template).await?.ok_or(Error::NotFound)?;
    let access = access_of(instance, &found.template, &found.directory, caller.user);
    let hidden = app.hidden_of_run(caller.tenant, run, &found.template, &access).await?;
    let people = people(app, caller.tenant, translate::people_of(instance, &found.template)).await?;
    let mut applying: Vec<UserId> = instance.pending().map(|(_, slot)| slot.assignee).collect();
    applying.dedup();
    let version = workflows::show_version(app, caller.tenant, &row, instance.template_version).await?;
    let rules = workflows::rules_of(&row)?;
    Ok(Detail {
        flags: Flags {
            can_resubmission: app.may_resubmit(caller.tenant, caller.user, run).await?,
            ..flags(app, caller.user, &found)
        },
        is_super_user,
        approval_opinions: translate::approval_opinions(instance, &found.template),
        execute_record_id: Some(found.number),
        entity_applying_users: applying.into_iter().map(|user| people.person(user)).collect(),
        execution_details: translate::nodes(instance, &found.template, &people),
        workflow: Some(workflows::show(app, caller.tenant, &row, &known.row.labels).await?),
        workflow_version: Some(version),
        execute_record: Some(execute_record(found.number, instance)),
        approval_entity: entities::approval_entity(
            known,
            &without(known.asked(), &hidden),
            &rules.editable.fields,
        ),
    })
}

fn execute_record(id: i64, instance: &Instance) -> ExecuteRecord {
    let (status, status_i18n) = words::record_status(instance.status);
    ExecuteRecord {
        id,
        execution_id: instance.id.to_string(),
        duplicate_fail_columns: None,
        duplicate_fail: false,
        status,
        status_i18n,
    }
}

/// What the reader may do now, in this family's words.
fn flags(app: &App, viewer: UserId, found: &Found) -> Flags {
    let Found { instance, template, directory, .. } = found;
    let flags = EntityFlags::of(instance, template, directory, viewer, app.now());
    Flags {
        has_approval_permission: flags.can_approve,
        has_cancel_permission: flags.can_cancel,
        has_agent_permission: flags.can_substitute,
        has_reject_permission: flags.can_reject,
        can_resubmission: flags.can_resubmit,
    }
}

/// Passes, refuses, hands on or withdraws.
pub async fn perform(
    app: &Shared,
    caller: &Caller,
    number: i64,
    asked: Perform,
) -> Result<ExecuteRecord, Failure> {
    let found = find(app, caller, number).await?;
    let words = asked.execute_opinion.unwrap_or_default();
    let for_whom = person(app, caller, "agent_uid", asked.agent_uid).await?;
    let receiver = person(app, caller, "transfer_uid", asked.transfer_uid).await?;
    let slot = || slot_to_decide(&found.instance, for_whom.unwrap_or(caller.user)).map_err(Error::Rejected);
    let command = match asked.execute_action.as_deref() {
        Some("pass") => Command::decide(Decision::Approve, slot()?, words),
        Some("reject") => Command::decide(Decision::Reject, slot()?, words),
        Some("cancel") => withdraw(words),
        Some("transfer") => {
            let to = receiver.ok_or_else(|| Error::field("transfer_uid", "it is required"))?;
            Command::Transfer(Handing { slot: slot()?, to, comment: words })
        }
        Some(other) => {
            let message = format!("`{other}` is none of `pass`, `reject`, `transfer` and `cancel`");
            return Err(Error::field("execute_action", message).into());
        }
        None => return Err(Error::field("execute_action", "it is required").into()),
    };
    act(app, caller, &found, command).await
}

/// Whom the uid in this member means.
async fn person(
    app: &App,
    caller: &Caller,
    member: &str,
    uid: Option<i64>,
) -> Result<Option<UserId>, Failure> {
    let Some(uid) = uid else { return Ok(None) };
    let found = numbers::user_of(app, caller.tenant, uid).await?;
    Ok(Some(found.ok_or_else(|| Error::field(member, format!("nobody has the uid `{uid}`")))?))
}

/// The submitter takes it back.
pub async fn cancel(
    app: &Shared,
    caller: &Caller,
    number: i64,
    words: String,
) -> Result<ExecuteRecord, Failure> {
    let found = find(app, caller, number).await?;
    act(app, caller, &found, withdraw(words)).await
}

/// The submitter asks again after a refusal or a withdrawal; the object gets a new record.
pub async fn resubmit(app: &Shared, caller: &Caller, number: i64) -> Result<ExecuteRecord, Failure> {
    let found = find(app, caller, number).await?;
    let id = app.resubmit_entity(caller.tenant, caller.user, found.run.instance).await?;
    let stored = app.store.load_instance(caller.tenant, id).await?.ok_or(Error::NotFound)?;
    let number = numbers::number(app, caller.tenant, numbers::RECORD, id.0).await?;
    Ok(execute_record(number, &stored.instance))
}

fn withdraw(words: String) -> Command {
    let reason = if words.trim().is_empty() { WITHDRAWN_WITHOUT_WORDS.to_owned() } else { words };
    Command::Withdraw { reason }
}

async fn act(
    app: &Shared,
    caller: &Caller,
    found: &Found,
    command: Command,
) -> Result<ExecuteRecord, Failure> {
    let acted = app.act(caller.tenant, caller.user, found.instance.id, command, Options::default()).await;
    match acted {
        Ok(acted) => Ok(execute_record(found.number, &acted.instance)),
        Err(Error::Rejected(Rejection::AlreadyDecided { by, at, .. })) => {
            let people = people(app, caller.tenant, by).await?;
            Err(Failure::Decided {
                by: by.map(|user| people.directory.name(user)),
                at: at.map(|at| people.minute(at)),
            })
        }
        Err(error) => Err(error.into()),
    }
}

/// The place of this person: his open one, else his last one, about which the engine says who was faster. Nobody else's:
/// whoever stands in for somebody has to say for whom.
fn slot_to_decide(instance: &Instance, person: UserId) -> Result<SlotId, Rejection> {
    let open = instance.pending().find(|(_, slot)| slot.assignee == person).map(|(_, slot)| slot.id);
    let mut slots = instance.visits.iter().flat_map(|visit| &visit.slots);
    let own = slots.rfind(|slot| slot.assignee == person).map(|slot| slot.id);
    open.or(own).ok_or(match instance.status {
        Status::Running => Rejection::NotYourTask,
        status => Rejection::NotRunning { status },
    })
}

async fn find(app: &App, caller: &Caller, number: i64) -> Result<Found, Failure> {
    let tenant = caller.tenant;
    let id = app.store.resolve_alias(tenant, numbers::RECORD, &number.to_string()).await?;
    let id = InstanceId(id.ok_or(Error::NotFound)?);
    let run = app.store.load_entity_run(tenant, id).await?.ok_or(Error::NotFound)?;
    let stored = app.store.load_instance(tenant, id).await?.ok_or(Error::NotFound)?;
    see(app, caller, run, stored.instance).await
}

/// To whoever may not see it, the record does not exist.
async fn see(app: &App, caller: &Caller, run: RunRow, instance: Instance) -> Result<Found, Failure> {
    let template = app.template(caller.tenant, instance.template, instance.template_version).await?;
    let directory = app.directory(caller.tenant).await?;
    if !access::may_see(&instance, &template, &directory, caller.user) {
        return Err(Error::NotFound.into());
    }
    let number = numbers::number(app, caller.tenant, numbers::RECORD, instance.id.0).await?;
    Ok(Found { run, number, instance, template, directory })
}

/// A page of the caller's approval centre.
pub async fn centre(
    app: &App,
    caller: &Caller,
    asked: &CrmCentre,
    page: i64,
) -> Result<Listed<CentreItem>, Failure> {
    let tenant = caller.tenant;
    let (rows, total_count) = app.store.list_crm_records(tenant, asked).await?;
    let submitters: Vec<UserId> = rows.iter().map(|row| row.run.submitter).collect();
    let people = people(app, tenant, submitters).await?;
    let sorts = app.entity_types(tenant).await?;
    let mut list = Vec::new();
    for row in &rows {
        let sort = sorts.iter().map(|known| &known.sort).find(|sort| sort.key == row.run.entity_type);
        let sort = sort.ok_or_else(|| Error::internal(format!("no sort `{}`", row.run.entity_type)))?;
        let id = numbers::number(app, tenant, numbers::RECORD, row.run.instance.0).await?;
        let Ok(seen) = app.see_instance(tenant, caller.user, row.run.instance).await else { continue };
        let access = access_of(&seen.stored.instance, &seen.template, &seen.directory, caller.user);
        let hidden = app.hidden_of_run(tenant, &row.run, &seen.template, &access).await?;
        list.push(item(app, id, row, sort, (&people, &hidden))?);
    }
    Ok(Listed { list, total_count, page, per_page: asked.limit })
}

fn item(
    app: &App,
    id: i64,
    row: &CrmListed,
    sort: &EntityType,
    (people, hidden): (&translate::People, &HiddenFields),
) -> Result<CentreItem, Failure> {
    let damaged = |cause| Error::internal(format!("crm_workflows.body of {}: {cause}", row.workflow));
    let submitted = workflows::time(row.run.submitted_at)?;
    let (status, status_i18n) = words::centre_status(row.status);
    let rules: Rules = serde_json::from_str(&row.workflow_body).map_err(damaged)?;
    let data = without(entities::asked(&row.entity, Some(&row.run)), hidden);
    Ok(CentreItem {
        id,
        submitter: people.owner(row.run.submitter),
        submission_time: people.minute(submitted),
        distance_submission_time: words::distance(submitted, app.now()),
        status,
        status_i18n,
        entity_type: sort.key.clone(),
        app: "crm",
        workflow: WorkflowName { id: row.workflow, name: rules.name },
        entity_data: EntityData {
            id: entities::number_of(&row.entity),
            main_field_value: row.entity.title.clone(),
            module_label: sort.name.clone(),
            body_data: translate::body_data(sort, &data, &row.entity.labels),
        },
    })
}
