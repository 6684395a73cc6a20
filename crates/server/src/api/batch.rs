//! One thing done with several tasks or instances in one request, with each for itself, over our own API.

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
use std::collections::BTreeSet;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use zhupi_engine::command::Handing;
use zhupi_engine::event::Decision;
use zhupi_engine::ids::{InstanceId, SlotId, UserId};
use zhupi_engine::{Command, Status};

/// Most things of one request.
const MOST: usize = 200;

/// So many are under way at once.
const AT_ONCE: usize = 8;

pub fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(act_on_tasks))
}

/// One thing to do with several tasks or instances.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Batch {
    action: BatchAction,
    /// Ids of tasks, each once: what to approve, reject or transfer.
    #[serde(default)]
    tasks: Vec<String>,
    /// Ids of instances, each once: what to urge. Of both kinds 1 to 200 together.
    #[serde(default)]
    #[schema(value_type = Vec<Uuid>)]
    instances: Vec<InstanceId>,
    /// To whom tasks are transferred.
    #[schema(value_type = Option<Uuid>)]
    to: Option<UserId>,
    /// In which words, with each of them.
    #[serde(default)]
    comment: String,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum BatchAction {
    Approve,
    Reject,
    /// Each task goes to `to`.
    Transfer,
    /// Those whom each instance waits for are asked to hurry.
    Urge,
}

/// The id that was named, and what to do with what it names.
type Item = (String, Option<(InstanceId, Command)>);

impl Batch {
    /// What to do with each thing that is named; things that cannot be found are `None`.
    fn items(&self) -> Result<Vec<Item>, Error> {
        let tasks: BTreeSet<&String> = self.tasks.iter().collect();
        let instances: BTreeSet<&InstanceId> = self.instances.iter().collect();
        let (named, different) = (self.tasks.len() + self.instances.len(), tasks.len() + instances.len());
        if named != different || !(1..=MOST).contains(&named) {
            return Err(Error::field("tasks", format!("expected 1 to {MOST} ids, each once")));
        }
        let of_tasks = self.tasks.iter().map(|task| {
            let found = match read_task_id(task) {
                Some((instance, slot)) => Some((instance, self.at_task(slot)?)),
                None => None,
            };
            Ok((task.clone(), found))
        });
        let of_instances =
            self.instances.iter().map(|id| Ok((id.to_string(), Some((*id, self.at_instance()?)))));
        of_tasks.chain(of_instances).collect()
    }

    fn at_task(&self, slot: SlotId) -> Result<Command, Error> {
        let comment = self.comment.clone();
        match self.action {
            BatchAction::Approve => Ok(Command::decide(Decision::Approve, slot, comment)),
            BatchAction::Reject => Ok(Command::decide(Decision::Reject, slot, comment)),
            BatchAction::Transfer => {
                let to = self.to.ok_or_else(|| Error::field("to", "it is required"))?;
                Ok(Command::Transfer(Handing { slot, to, comment }))
            }
            BatchAction::Urge => Err(Error::field("tasks", "name `instances` to urge")),
        }
    }

    fn at_instance(&self) -> Result<Command, Error> {
        match self.action {
            BatchAction::Urge => Ok(Command::Urge { comment: self.comment.clone() }),
            BatchAction::Approve | BatchAction::Reject | BatchAction::Transfer => {
                Err(Error::field("instances", "name `tasks` to decide on or transfer"))
            }
        }
    }
}

/// What became of each, in the order they were named.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct BatchResult {
    done: usize,
    /// Refused or left out.
    failed: usize,
    items: Vec<BatchItem>,
}

/// What became of one of them.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct BatchItem {
    /// The task or instance, as it was named.
    id: String,
    ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    instance: Option<InstanceNow>,
    /// Why not, as a problem document with its `code`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    problem: Option<Map<String, Value>>,
}

/// The instance after it.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
struct InstanceNow {
    #[schema(value_type = Uuid)]
    id: InstanceId,
    version: u64,
    #[schema(value_type = String)]
    status: Status,
}

/// Act on several tasks or instances
///
/// Each is checked and done for itself, as if it stood alone; one that is refused hinders no other. Decisions at nodes that
/// do not allow this, or that demand an opinion or a signature, are left out and say so. Under the same `Idempotency-Key` those that were
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
    let act = |(id, found): (String, Option<(InstanceId, Command)>)| {
        let (app, caller, key) = (&app, &caller, key.as_ref().map(|key| format!("{key} {id}")));
        async move {
            let done = match found {
                Some((instance, command)) => act_on(app, caller, (instance, command), key).await,
                None => Err(Error::NotFound),
            };
            item(id, done)
        }
    };
    let items: Vec<BatchItem> =
        stream::iter(batch.items()?.into_iter().map(act)).buffered(AT_ONCE).collect().await;
    let done = items.iter().filter(|item| item.ok).count();
    Ok(Json(BatchResult { done, failed: items.len() - done, items }))
}

async fn act_on(
    app: &Shared,
    caller: &Caller,
    (instance, command): (InstanceId, Command),
    idempotency_key: Option<String>,
) -> Result<InstanceNow, Error> {
    let options = Options { seen_version: None, idempotency_key, manner: Manner::InBatch };
    let acted = app.act(caller.tenant, caller.user, instance, command, options).await?;
    let instance = &acted.instance;
    Ok(InstanceNow { id: instance.id, version: instance.version, status: instance.status })
}

fn item(id: String, done: Result<InstanceNow, Error>) -> BatchItem {
    match done {
        Ok(now) => BatchItem { id, ok: true, instance: Some(now), problem: None },
        Err(why) => {
            if let Some(cause) = why.cause() {
                tracing::error!(id, cause, "a task of a batch failed");
            }
            BatchItem { id, ok: false, instance: None, problem: Some(error::document(&why)) }
        }
    }
}
