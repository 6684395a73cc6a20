//! Deciding on several tasks in one request, each for itself, over our own API.

use crate::app::Shared;
use crate::app::act::{Manner, Options};
use crate::caller::Caller;
use crate::error::{self, Error};
use crate::extract::{IdempotencyKey, Json};
use crate::view::read_task_id;
use axum::extract::State;
use futures_util::{StreamExt, stream};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use zhupi_engine::event::Decision;
use zhupi_engine::ids::{InstanceId, SlotId};
use zhupi_engine::{Command, Status};

/// Most tasks of one request.
const MOST_TASKS: usize = 200;

/// So many are under way at once.
const AT_ONCE: usize = 8;

pub fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(act_on_tasks))
}

/// One thing to do with several tasks.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Batch {
    action: BatchAction,
    /// Ids of tasks: 1 to 200, each once.
    tasks: Vec<String>,
    /// In which words, with each of them.
    #[serde(default)]
    comment: String,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum BatchAction {
    Approve,
    Reject,
}

impl BatchAction {
    fn command(self, slot: SlotId, comment: &str) -> Command {
        let comment = comment.to_owned();
        match self {
            BatchAction::Approve => Command::decide(Decision::Approve, slot, comment),
            BatchAction::Reject => Command::decide(Decision::Reject, slot, comment),
        }
    }
}

/// What became of each task, in the order they were named.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct BatchResult {
    done: usize,
    /// Refused or left out.
    failed: usize,
    items: Vec<BatchItem>,
}

/// What became of one task.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct BatchItem {
    task: String,
    ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    instance: Option<InstanceNow>,
    /// Why not, as a problem document with its `code`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    problem: Option<Map<String, Value>>,
}

/// The instance of a task after it.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
struct InstanceNow {
    #[schema(value_type = Uuid)]
    id: InstanceId,
    version: u64,
    #[schema(value_type = String)]
    status: Status,
}

/// Decide on several tasks
///
/// Each is checked and decided for itself, as if it stood alone; one that is refused hinders no other. Tasks of nodes that
/// do not allow this, or that demand an opinion, are left out and say so. Under the same `Idempotency-Key` those that were
/// done are not done again.
#[utoipa::path(post, path = "/tasks/batch", operation_id = "act_on_tasks", tag = "tasks",
    params(("Idempotency-Key" = Option<String>, Header)), request_body = Batch,
    responses((status = 200, description = "what became of each", body = BatchResult)))]
async fn act_on_tasks(
    State(app): State<Shared>,
    caller: Caller,
    IdempotencyKey(key): IdempotencyKey,
    Json(batch): Json<Batch>,
) -> Result<Json<BatchResult>, Error> {
    check_tasks(&batch.tasks)?;
    let act = |task: &String| {
        let (app, caller, key) = (&app, &caller, key.as_ref().map(|key| format!("{key} {task}")));
        let (task, action, comment) = (task.clone(), batch.action, batch.comment.as_str());
        async move {
            let done = act_on(app, caller, (&task, key), |slot| action.command(slot, comment)).await;
            item(task, done)
        }
    };
    let items: Vec<BatchItem> = stream::iter(batch.tasks.iter().map(act)).buffered(AT_ONCE).collect().await;
    let done = items.iter().filter(|item| item.ok).count();
    Ok(Json(BatchResult { done, failed: items.len() - done, items }))
}

fn check_tasks(tasks: &[String]) -> Result<(), Error> {
    let each_once: std::collections::HashSet<&String> = tasks.iter().collect();
    if (1..=MOST_TASKS).contains(&tasks.len()) && each_once.len() == tasks.len() {
        return Ok(());
    }
    Err(Error::field("tasks", format!("expected 1 to {MOST_TASKS} ids of tasks, each once")))
}

async fn act_on(
    app: &Shared,
    caller: &Caller,
    (task, idempotency_key): (&str, Option<String>),
    command: impl FnOnce(SlotId) -> Command,
) -> Result<InstanceNow, Error> {
    let (instance, slot) = read_task_id(task).ok_or(Error::NotFound)?;
    let options = Options { seen_version: None, idempotency_key, manner: Manner::InBatch };
    let acted = app.act(caller.tenant, caller.user, instance, command(slot), options).await?;
    let instance = &acted.instance;
    Ok(InstanceNow { id: instance.id, version: instance.version, status: instance.status })
}

fn item(task: String, done: Result<InstanceNow, Error>) -> BatchItem {
    match done {
        Ok(now) => BatchItem { task, ok: true, instance: Some(now), problem: None },
        Err(why) => {
            if let Some(cause) = why.cause() {
                tracing::error!(task, cause, "a task of a batch failed");
            }
            BatchItem { task, ok: false, instance: None, problem: Some(error::document(&why)) }
        }
    }
}
