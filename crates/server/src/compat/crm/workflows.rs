//! Workflows: templates that start when a CRM object is created or changed. Drawing one is an administrator's business.

use super::codes::Failure;
use super::numbers::{self, people};
use super::trigger::to_trigger;
use super::wire::{FlowEnable, Listed, Rules, SaveWorkflow, Workflow, WorkflowVersion};
use super::{entities, graph, translate};
use crate::app::App;
use crate::app::templates::Drawing;
use crate::caller::{Caller, Scope};
use crate::error::Error;
use crate::extract::read_value;
use jiff::Timestamp;
use serde_json::{Map, Value as Json, json};
use std::collections::{BTreeMap, HashMap};
use uuid::Uuid;
use zhupi_engine::Problem;
use zhupi_engine::entity::Trigger;
use zhupi_engine::form::Form;
use zhupi_engine::ids::{TemplateId, TenantId, UserId};
use zhupi_engine::template::{Settings, Template};
use zhupi_store::{CrmWorkflow, TriggerRow};

/// Which surface wrote a template's source.
const SOURCE_KIND: &str = "crm";

/// Makes a workflow; it starts nothing until a flow is enabled for it. Returns its number.
pub async fn create(app: &App, caller: &Caller, asked: SaveWorkflow) -> Result<i64, Failure> {
    caller.require(Scope::Admin)?;
    check_app(asked.app.as_deref())?;
    let (rules, trigger) = read_rules(app, caller.tenant, &asked.workflow).await?;
    check_notified(app, caller.tenant, &rules).await?;
    let number = numbers::number(app, caller.tenant, numbers::WORKFLOW, Uuid::now_v7()).await?;
    let (name, settings) = (rules.name.clone(), managed_by(caller.user));
    let empty = Template { name, form: Form::default(), flow: vec![], settings };
    let code = Some(format!("crm-{number}"));
    let template = app.create_template(caller.tenant, caller.user, code, drawing(empty, None)).await?;
    let (by, at) = (caller.user, app.now_us());
    let row = CrmWorkflow {
        template: template.id,
        number,
        body: Json::Object(asked.workflow).to_string(),
        created_by: by,
        created_at: at,
        updated_by: by,
        updated_at: at,
        revision: 1,
    };
    app.store.put_crm_workflow(caller.tenant, &row, &trigger_row(&row, &rules, trigger)).await?;
    Ok(number)
}

/// Changes the named members of a workflow; the others stay as they are.
pub async fn update(app: &App, caller: &Caller, number: i64, asked: SaveWorkflow) -> Result<i64, Failure> {
    check_app(asked.app.as_deref())?;
    let row = to_change(app, caller, number).await?;
    let mut body = read_body(&row)?;
    body.extend(asked.workflow);
    let (rules, trigger) = read_rules(app, caller.tenant, &body).await?;
    check_notified(app, caller.tenant, &rules).await?;
    let next = CrmWorkflow {
        body: Json::Object(body).to_string(),
        updated_by: caller.user,
        updated_at: app.now_us(),
        revision: row.revision + 1,
        ..row
    };
    app.store.put_crm_workflow(caller.tenant, &next, &trigger_row(&next, &rules, trigger)).await?;
    Ok(number)
}

/// The trigger that a workflow is: it has the id of the template, and changes whenever the workflow does.
fn trigger_row(row: &CrmWorkflow, rules: &Rules, trigger: Trigger) -> TriggerRow {
    TriggerRow {
        id: row.template.0,
        entity_type: rules.entity_klass.clone(),
        template: row.template,
        enabled: rules.status == "enable",
        trigger,
        revision: row.revision,
        created_by: row.created_by,
        created_at: row.created_at,
        updated_by: row.updated_by,
        updated_at: row.updated_at,
    }
}

/// Makes a drawn flow the workflow's next version. What runs goes on with the version it began with.
pub async fn enable_flow(app: &App, caller: &Caller, raw: Json) -> Result<WorkflowVersion, Failure> {
    let asked: FlowEnable = read_value(&raw)?;
    let number = asked.workflow_id.ok_or_else(|| Error::field("workflow_id", "it is required"))?;
    let row = to_change(app, caller, number).await?;
    let rules = rules_of(&row)?;
    let mentioned =
        graph::uids(&asked.workflow_version).into_iter().chain(rules.notify_others.iter().copied());
    let users = numbers::users_of(app, caller.tenant, mentioned).await?;
    let around = graph::Around {
        name: &rules.name,
        managers: vec![row.created_by],
        notify: known(&users, &rules.notify_others),
        users: &users,
    };
    let template = graph::to_template(&asked.workflow_version, &around).map_err(Error::Invalid)?;
    let version = publish(app, caller, &row, drawing(template, Some(raw.to_string()))).await?;
    show_version(app, caller.tenant, &row, version).await
}

async fn publish(app: &App, caller: &Caller, row: &CrmWorkflow, drawing: Drawing) -> Result<u32, Failure> {
    let (tenant, template) = (caller.tenant, row.template);
    let before = app.template_to_change(tenant, caller.user, template).await?.row.draft_revision;
    let revision = app.save_draft(tenant, caller.user, template, before, drawing).await?;
    Ok(app.publish_template(tenant, caller.user, template, Some(revision)).await?.0)
}

/// The workflow, for somebody who administers the template behind it.
async fn to_change(app: &App, caller: &Caller, number: i64) -> Result<CrmWorkflow, Failure> {
    caller.require(Scope::Admin)?;
    let row = app.store.load_crm_workflow(caller.tenant, number).await?.ok_or(Error::NotFound)?;
    app.template_to_change(caller.tenant, caller.user, row.template).await?;
    Ok(row)
}

/// A page of all workflows, newest first.
pub async fn list(app: &App, caller: &Caller, page: i64, per_page: i64) -> Result<Listed<Workflow>, Failure> {
    let (rows, total_count) =
        app.store.list_crm_workflows(caller.tenant, per_page, (page - 1) * per_page).await?;
    let mut list = Vec::new();
    for row in &rows {
        list.push(show(app, caller.tenant, row, &BTreeMap::new()).await?);
    }
    Ok(Listed { list, total_count, page, per_page })
}

/// One workflow with its current version and the drawing behind it, as it was sent.
pub async fn get(app: &App, caller: &Caller, number: i64) -> Result<Json, Failure> {
    let row = app.store.load_crm_workflow(caller.tenant, number).await?.ok_or(Error::NotFound)?;
    let template = app.store.load_template(caller.tenant, row.template).await?.ok_or(Error::NotFound)?;
    // What the CRM sent and we do not know stays visible; what we know is shown as it is now.
    let mut shown = read_body(&row)?;
    let known = json!(show(app, caller.tenant, &row, &BTreeMap::new()).await?);
    shown.extend(known.as_object().cloned().unwrap_or_default());
    let current = match template.current_version {
        Some(version) => {
            let shown = json!(show_version(app, caller.tenant, &row, version).await?);
            let mut version = drawn(app, caller.tenant, row.template, version).await?;
            version.extend(shown.as_object().cloned().unwrap_or_default());
            Json::Object(version)
        }
        None => Json::Null,
    };
    shown.insert("workflow_version".to_owned(), current);
    Ok(Json::Object(shown))
}

/// A workflow as readers see it; `labels` are what the CRM calls the fields of the object at hand.
pub async fn show(
    app: &App,
    tenant: TenantId,
    row: &CrmWorkflow,
    labels: &BTreeMap<String, String>,
) -> Result<Workflow, Failure> {
    let rules = rules_of(row)?;
    let notified = numbers::users_of(app, tenant, rules.notify_others.iter().copied()).await?;
    let mentioned = [row.created_by, row.updated_by].into_iter().chain(notified.into_values());
    let people = people(app, tenant, mentioned).await?;
    let facts = translate::WorkflowFacts {
        sort: &entities::sort_of(app, tenant, &rules.entity_klass).await?,
        id: row.number,
        oid: translate::oid(tenant),
        rules: &rules,
        created: (row.created_by, time(row.created_at)?),
        updated: (row.updated_by, time(row.updated_at)?),
        labels,
    };
    Ok(translate::workflow(&facts, &people))
}

/// A published version of a workflow as readers see it.
pub async fn show_version(
    app: &App,
    tenant: TenantId,
    row: &CrmWorkflow,
    version: u32,
) -> Result<WorkflowVersion, Failure> {
    let kept = app.store.load_version(tenant, row.template, version).await?.ok_or(Error::NotFound)?;
    let source: Json =
        kept.source.as_deref().and_then(|it| serde_json::from_str(it).ok()).unwrap_or_default();
    let id = translate::version_id(row.template, version);
    let facts = translate::VersionFacts {
        id: numbers::number(app, tenant, numbers::VERSION, id).await?,
        oid: translate::oid(tenant),
        workflow_id: row.number,
        template: row.template,
        version,
        at: time(kept.published_at)?,
        snapshot_url: source.get("snapshot_url").and_then(Json::as_str).map(str::to_owned),
    };
    Ok(translate::workflow_version(facts, &people(app, tenant, []).await?))
}

/// A workflow's rules as it was saved.
pub fn rules_of(row: &CrmWorkflow) -> Result<Rules, Error> {
    serde_json::from_str(&row.body)
        .map_err(|cause| Error::internal(format!("crm_workflows.body of {}: {cause}", row.number)))
}

/// A moment of the database.
pub fn time(at: i64) -> Result<Timestamp, Error> {
    Timestamp::from_microsecond(at).map_err(Error::internal)
}

async fn drawn(
    app: &App,
    tenant: TenantId,
    template: TemplateId,
    version: u32,
) -> Result<Map<String, Json>, Failure> {
    let kept = app.store.load_version(tenant, template, version).await?.ok_or(Error::NotFound)?;
    let source: Json =
        kept.source.as_deref().and_then(|it| serde_json::from_str(it).ok()).unwrap_or_default();
    Ok(source.get("workflow_version").and_then(Json::as_object).cloned().unwrap_or_default())
}

fn drawing(template: Template, source: Option<String>) -> Drawing {
    Drawing { template, category: "CRM".to_owned(), source_kind: SOURCE_KIND, source }
}

fn managed_by(user: UserId) -> Settings {
    Settings { managers: vec![user], ..Settings::default() }
}

async fn read_rules(
    app: &App,
    tenant: TenantId,
    body: &Map<String, Json>,
) -> Result<(Rules, Trigger), Error> {
    let rules: Rules = read_value(&Json::Object(body.clone()))?;
    let sort = app.entity_type(tenant, &rules.entity_klass).await?;
    let trigger = to_trigger(&rules, sort.as_ref()).map_err(Error::Invalid)?;
    Ok((rules, trigger))
}

fn read_body(row: &CrmWorkflow) -> Result<Map<String, Json>, Error> {
    serde_json::from_str(&row.body)
        .map_err(|cause| Error::internal(format!("crm_workflows.body of {}: {cause}", row.number)))
}

fn check_app(app: Option<&str>) -> Result<(), Error> {
    match app {
        Some(app) if !app.eq_ignore_ascii_case("crm") => Err(Error::field("app", "only `crm` is known")),
        Some(_) | None => Ok(()),
    }
}

async fn check_notified(app: &App, tenant: TenantId, rules: &Rules) -> Result<(), Error> {
    let users = numbers::users_of(app, tenant, rules.notify_others.iter().copied()).await?;
    let unknown = rules.notify_others.iter().filter(|uid| !users.contains_key(uid));
    let problems: Vec<Problem> = unknown
        .map(|uid| {
            let message = format!("nobody has the uid `{uid}`");
            Problem::error("workflow.notify_others", "user_unknown", message)
        })
        .collect();
    if problems.is_empty() { Ok(()) } else { Err(Error::Invalid(problems)) }
}

fn known(users: &HashMap<i64, UserId>, uids: &[i64]) -> Vec<UserId> {
    uids.iter().filter_map(|uid| users.get(uid).copied()).collect()
}
