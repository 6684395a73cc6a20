//! Tasks over our own API: the four boxes with their counts. What people do with a task: `decisions.rs`, `signers.rs`.

use super::call::{ActHeaders, Acted, OnInstance};
use super::instances::{InstanceBody, stuck_at};
use crate::app::Shared;
use crate::caller::Caller;
use crate::error::Error;
use crate::extract::{Json, Query};
use crate::page::{PageOf, PageQuery};
use crate::view::{
    self, Curtain, ItemView, Person, StuckView, TemplateRef, access_of, due_of, item_view, task_id,
};
use axum::extract::State;
use futures_util::future::try_join_all;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use zhupi_engine::ids::{InstanceId, NodeId, TemplateId};
use zhupi_engine::template::{Block, Deadline};
use zhupi_engine::{Command, Directory, Status, Template};
use zhupi_store::{TaskBox, TaskFilter, TaskKind, TaskRow};

pub fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(list_tasks)).routes(routes!(mark_read))
}

/// A page of one box.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct Tasks {
    #[serde(flatten)]
    page: PageOf<TaskLine>,
    counts: Counts,
}

/// How many there are in each box; nobody counts beyond 1000.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
struct Counts {
    todo: u32,
    done: u32,
    cc: u32,
    mine: u32,
}

/// A task, or an instance the caller was told of or submitted.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct TaskLine {
    /// The id of the task; absent where there is nothing to decide.
    task: Option<String>,
    #[schema(value_type = Uuid)]
    instance: InstanceId,
    template: TemplateRef,
    title: String,
    /// Its serial number, where the template numbers its instances.
    serial: Option<String>,
    initiator: Person,
    #[schema(value_type = String)]
    status: Status,
    /// Of one's own: where it has stopped until an administrator has looked at it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    stuck: Vec<StuckView>,
    #[schema(value_type = Option<String>)]
    node: Option<NodeId>,
    /// What people call that node.
    node_title: Option<String>,
    /// The element or rows the branch runs for in which the task stands.
    #[serde(skip_serializing_if = "Option::is_none")]
    item: Option<ItemView>,
    /// Until when it should be decided: the time limit; where there are but the usual reminders, the first of them.
    #[schema(value_type = Option<String>, format = DateTime)]
    due_at: Option<Timestamp>,
    /// When it came into the box.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// The caller has opened it; of what he was told of.
    read: Option<bool>,
}

#[derive(Clone, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct TaskQuery {
    /// `todo`, `done`, `cc` or `mine`.
    #[serde(rename = "box", default)]
    #[param(value_type = String)]
    of: BoxWord,
    #[param(value_type = Option<Uuid>)]
    template: Option<TemplateId>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum BoxWord {
    #[default]
    Todo,
    Done,
    Cc,
    Mine,
}

/// List the caller's tasks
///
/// One box, newest first, and how many there are in each.
#[utoipa::path(get, path = "/tasks", operation_id = "list_tasks", tag = "tasks",
    params(TaskQuery, PageQuery), responses((status = 200, description = "a page", body = Tasks)))]
async fn list_tasks(
    State(app): State<Shared>,
    caller: Caller,
    Query(query): Query<TaskQuery>,
    Query(page): Query<PageQuery>,
) -> Result<Json<Tasks>, Error> {
    let kind = match query.of {
        BoxWord::Todo => TaskBox::Todo,
        BoxWord::Done => TaskBox::Done,
        BoxWord::Cc => TaskBox::Cc,
        BoxWord::Mine => TaskBox::Mine,
    };
    let filter = TaskFilter { template: query.template };
    let found = app.store.list_tasks(caller.tenant, caller.user, kind, &filter, &page.page()?).await?;
    let counts = app.store.count_boxes(caller.tenant, caller.user).await?;
    let counts = Counts { todo: counts.todo, done: counts.done, cc: counts.cc, mine: counts.mine };
    let directory = app.directory(caller.tenant).await?;
    // At once, so that what the lines say of their instances is loaded together.
    let rows = try_join_all(found.rows.into_iter().map(async |row| {
        let template = app.template(caller.tenant, row.template, row.template_version).await?;
        let beside = beside(&app, &caller, &row, &template, &directory).await?;
        Ok::<_, Error>(line(row, beside, &template, &directory))
    }))
    .await?;
    let page = PageOf::of(zhupi_store::PageOf { rows, next: found.next }, |line| line);
    Ok(Json(Tasks { page, counts }))
}

/// Mark an instance as read
///
/// For people who were told of it. Reading it again changes nothing.
#[utoipa::path(post, path = "/instances/{id}/read", operation_id = "mark_read", tag = "tasks",
    params(("id" = Uuid, Path), ActHeaders),
    responses((status = 200, description = "the instance", body = InstanceBody)))]
async fn mark_read(on: OnInstance) -> Acted {
    on.act(Command::MarkRead).await
}

/// What a task says of itself that stands in its instance alone.
#[derive(Default)]
struct FromInstance {
    item: Option<ItemView>,
    due_at: Option<Timestamp>,
    stuck: Vec<StuckView>,
}

/// Looked up only where there is something of the kind: a time limit at the node, branches for elements, or an instance of
/// one's own that has stopped.
async fn beside(
    app: &Shared,
    caller: &Caller,
    row: &TaskRow,
    template: &Template,
    directory: &Directory,
) -> Result<FromInstance, Error> {
    let Some(slot) = row.slot() else {
        let stuck = match row.kind {
            TaskKind::Instance => stuck_at(app, caller, (row.instance, row.status), template).await?,
            TaskKind::Cc(_) | TaskKind::Slot(_) => Vec::new(),
        };
        return Ok(FromInstance { stuck, ..FromInstance::default() });
    };
    let limited = match row.node.as_ref().and_then(|node| template.block(node)) {
        Some(Block::Approval(node)) => node.deadline != Deadline::None,
        Some(_) | None => false,
    };
    if !limited && !template.blocks().iter().any(|block| matches!(block, Block::Each(_))) {
        return Ok(FromInstance::default());
    }
    let Some(stored) = app.store.load_instance(caller.tenant, row.instance).await? else {
        return Ok(FromInstance::default());
    };
    let instance = &stored.instance;
    let Some((visit, _)) = instance.slot(slot) else { return Ok(FromInstance::default()) };
    let access = access_of(instance, template, directory, caller.user);
    let item = item_view(instance, template, directory, Curtain::new(template, &access), visit);
    Ok(FromInstance { item, due_at: due_of(visit), stuck: Vec::new() })
}

fn line(row: TaskRow, beside: FromInstance, template: &Template, directory: &Directory) -> TaskLine {
    let title = |node: &NodeId| Some(template.block(node)?.title().to_owned());
    TaskLine {
        node_title: row.node.as_ref().and_then(title),
        item: beside.item,
        due_at: beside.due_at,
        stuck: beside.stuck,
        task: row.slot().map(|slot| task_id(row.instance, slot)),
        instance: row.instance,
        template: TemplateRef {
            id: row.template,
            name: template.name.clone(),
            version: row.template_version,
        },
        title: row.title,
        serial: row.serial,
        initiator: Person::of(row.initiator, directory),
        status: row.status,
        node: row.node,
        at: view::moment(row.at),
        read: match row.kind {
            TaskKind::Cc(_) => Some(row.is_read),
            TaskKind::Slot(_) | TaskKind::Instance => None,
        },
    }
}
