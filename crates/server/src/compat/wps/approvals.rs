//! The calls about approvals: start, look, decide, take back, say something.

use super::Door;
use super::call::{Call, Scope};
use super::codes::Failure;
use super::numbers::Numbering;
use super::people::{people_in, people_mentioned};
use super::templates::page_of;
use super::translate::{
    Action, Matter, detail, mentioned, read_action, read_template_code, start_submission, status_of,
    status_word,
};
use super::wire::{ApprovalItem, Detail, Done, Items, Listed, Started, With};
use crate::app::App;
use crate::app::act::{Options, Submission};
use crate::error::Error;
use crate::extract::{Json, Path};
use crate::view::access_of;
use axum::extract::Request;
use zhupi_engine::ids::{InstanceId, SlotId, TemplateId, TenantId, UserId};
use zhupi_engine::{Instance, Rejection};
use zhupi_store::{InstanceFilter, InstanceRow, Page};

pub async fn start(door: Door, request: Request) -> Result<Json<With<Started>>, Failure> {
    let call = door.call(request, Scope::ApprovalWrite).await?;
    let app = &door.app;
    let json = call.json()?;
    let code = read_template_code(&json)?;
    let found = app.find_template_named(call.tenant, call.operator, &code).await?;
    let template = found.current.ok_or(Error::TemplateNotPublished)?;
    let people = people_mentioned(app, call.tenant, &mentioned(&json)).await?;
    let today = app.directory(call.tenant).await?.today(app.now());
    let submit = start_submission(&json, &template, &Numbering::of(&template), &people, today)?;
    let submission = Submission {
        template: found.row.id,
        submit,
        business_key: None,
        idempotency_key: door.idempotency_key,
        instance: None,
        draft: None,
    };
    let acted = app.submit(call.tenant, call.operator, submission).await?;
    let id = acted.instance.id.to_string();
    Ok(Json(With::new(Started { approval_code: id.clone(), approval_id: id })))
}

pub async fn get(
    door: Door,
    Path((_, id)): Path<(String, InstanceId)>,
    request: Request,
) -> Result<Json<With<Detail>>, Failure> {
    let call = door.call(request, Scope::ApprovalRead).await?;
    let app = &door.app;
    let seen = app.see_instance(call.tenant, call.operator, id).await?;
    let instance = &seen.stored.instance;
    let code = template_code(app, call.tenant, instance.template).await?;
    let people = people_in(app, call.tenant, &[&Whole(instance, &seen.template)]).await?;
    let access = access_of(instance, &seen.template, &seen.directory, call.operator);
    Ok(Json(With::new(detail(instance, &seen.template, &code, &seen.directory, &people, &access))))
}

/// Everybody who stands in either.
#[derive(serde::Serialize)]
struct Whole<'a>(&'a Instance, &'a zhupi_engine::Template);

async fn template_code(app: &App, tenant: TenantId, id: TemplateId) -> Result<String, Error> {
    Ok(app.store.load_template(tenant, id).await?.ok_or(Error::NotFound)?.code)
}

/// Whoever administers the workspace sees all approvals, others those they started.
pub async fn list(door: Door, request: Request) -> Result<Json<With<Listed<ApprovalItem>>>, Failure> {
    let call = door.call(request, Scope::ApprovalRead).await?;
    let app = &door.app;
    let directory = app.directory(call.tenant).await?;
    let template = match call.param("template_code") {
        None => None,
        Some(code) => Some(app.find_template_named(call.tenant, call.operator, code).await?.row.id),
    };
    let status = match call.param("status") {
        None => None,
        Some(word) => {
            Some(status_of(word).ok_or_else(|| Error::field("status", format!("no status `{word}`")))?)
        }
    };
    let initiator = (!directory.is_admin(call.operator)).then_some(call.operator);
    let filter = InstanceFilter { initiator, template, status, ..InstanceFilter::default() };
    let (offset, limit) = page_of(&call)?;
    let rows = rows_of(app, &call, &filter, offset, limit).await?;
    let total = app.store.count_instances(call.tenant, &filter).await?;
    let mut items = Vec::with_capacity(rows.len());
    for row in rows {
        items.push(item(app, call.tenant, row).await?);
    }
    Ok(Json(With::new(Listed { data: Items { items, total: total as usize } })))
}

async fn rows_of(
    app: &App,
    call: &Call,
    filter: &InstanceFilter,
    offset: usize,
    limit: usize,
) -> Result<Vec<InstanceRow>, Error> {
    let reach = u32::try_from(offset + limit).unwrap_or(u32::MAX);
    let page = app.store.list_instances(call.tenant, filter, &Page::first(reach)).await?;
    Ok(page.rows.into_iter().skip(offset).collect())
}

async fn item(app: &App, tenant: TenantId, row: InstanceRow) -> Result<ApprovalItem, Error> {
    let people = people_in(app, tenant, &[&row.initiator]).await?;
    Ok(ApprovalItem {
        approval_id: row.id.to_string(),
        template_code: template_code(app, tenant, row.template).await?,
        name: row.title,
        status: status_word(row.status),
        initiator: people.user_number(row.initiator),
        create_time: seconds(row.created_at),
        end_time: row.ended_at.map_or(0, seconds),
    })
}

fn seconds(microseconds: i64) -> i64 {
    microseconds.div_euclid(1_000_000)
}

pub async fn act(
    door: Door,
    Path((_, id, action)): Path<(String, InstanceId, String)>,
    request: Request,
) -> Result<Json<Done>, Failure> {
    let call = door.call(request, Scope::ApprovalWrite).await?;
    let action = Action::named(&action).ok_or(Error::NotFound)?;
    let app = &door.app;
    let seen = app.see_instance(call.tenant, call.operator, id).await?;
    let instance = &seen.stored.instance;
    let json = call.json()?;
    let slot = if action.needs_slot() { own_slot(instance, call.operator)? } else { SlotId(0) };
    let people = people_mentioned(app, call.tenant, &mentioned(&json)).await?;
    let numbering = Numbering::of(&seen.template);
    let command = read_action(action, &json, Matter { instance, numbering: &numbering, slot }, &people)?;
    let options = Options { idempotency_key: door.idempotency_key.clone(), ..Options::default() };
    app.act(call.tenant, call.operator, id, command, options).await?;
    Ok(Json(Done::OK))
}

/// The place where the operator is asked; else where he was asked last, so that he hears what became of it.
fn own_slot(instance: &Instance, operator: UserId) -> Result<SlotId, Error> {
    let pending = instance.pending().find(|(_, slot)| slot.assignee == operator).map(|(_, slot)| slot.id);
    let before = || {
        let mut slots = instance.visits.iter().rev().flat_map(|visit| &visit.slots);
        slots.find(|slot| slot.assignee == operator).map(|slot| slot.id)
    };
    pending.or_else(before).ok_or_else(|| Rejection::NotYourTask.into())
}
