//! What people say to a task over our own API: yes, no, neither, back; and how they take and give back tasks.

use super::call::{ActHeaders, Acted, OnTask};
use super::instances::InstanceBody;
use crate::app::Shared;
use crate::error::Error;
use crate::extract::Json;
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use zhupi_engine::command::{self, Command};
use zhupi_engine::ids::{FileId, NodeId, UserId};
use zhupi_engine::template::ResumePolicy;

pub fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(approve_task))
        .routes(routes!(reject_task))
        .routes(routes!(abstain_task))
        .routes(routes!(return_task))
        .routes(routes!(take_back_task))
        .routes(routes!(claim_task))
        .routes(routes!(release_task))
}

/// A decision.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Opinion {
    /// In which words; the node says whether they are needed.
    #[serde(default)]
    comment: String,
    /// Values to change, by control, where the node allows it; `null` clears one.
    #[serde(default)]
    #[schema(value_type = Object)]
    form: Map<String, Value>,
    /// The `digest` of the content that the approver saw; another one refuses the decision.
    seen: Option<String>,
    /// People he picks for nodes that leave it to him.
    #[serde(default)]
    #[schema(value_type = Object)]
    picks: BTreeMap<NodeId, Vec<UserId>>,
    /// A picture of the approver's handwritten signature, which he uploaded; the node says whether it is needed.
    #[schema(value_type = Option<Uuid>)]
    signature: Option<FileId>,
    /// Files that the approver uploaded and that belong to the decision; whoever may see the instance may download them with
    /// `?instance=`.
    #[serde(default)]
    #[schema(value_type = Vec<Uuid>)]
    attachments: Vec<FileId>,
}

impl Opinion {
    async fn read(self, at: &OnTask) -> Result<command::Opinion, Error> {
        let edits = at.on.read_edits(&self.form).await?;
        let attachments = at.on.app.own_files(&at.on.caller, &self.attachments).await?;
        let signature = match self.signature {
            Some(id) => Some(at.on.app.own_signature(&at.on.caller, id).await?),
            None => None,
        };
        Ok(command::Opinion {
            slot: at.slot,
            comment: self.comment,
            edits,
            seen: self.seen,
            picks: self.picks,
            signature,
            attachments,
        })
    }
}

/// Sending something back for correction.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Return {
    /// The node it goes back to, on the way it came; absent: to the initiator.
    #[schema(value_type = Option<String>)]
    to: Option<NodeId>,
    /// A further level of a chain of approvers, from 2; absent: its first.
    level: Option<u32>,
    /// How it goes on from there, where the node leaves that to whoever returns it: `replay`, `straight_back` or `smart`.
    #[schema(value_type = Option<String>)]
    resume: Option<ResumePolicy>,
    /// The caller knows that branches beside his own end with it (`ends_branches` of the target); without it such a return is
    /// refused.
    #[serde(default)]
    confirmed: bool,
    /// Why; needed unless the node says otherwise.
    #[serde(default)]
    comment: String,
    /// Values to change, by control, where the node allows it; `null` clears one.
    #[serde(default)]
    #[schema(value_type = Object)]
    form: Map<String, Value>,
    /// Files that the caller uploaded and that belong to it.
    #[serde(default)]
    #[schema(value_type = Vec<Uuid>)]
    attachments: Vec<FileId>,
}

/// Approve a task
///
/// At a node where people carry something out, it says that it is done.
#[utoipa::path(post, path = "/tasks/{id}/approve", operation_id = "approve_task", tag = "tasks",
    params(("id" = String, Path), ActHeaders), request_body = Opinion,
    responses((status = 200, description = "the instance after it", body = InstanceBody),
              (status = 409, description = "somebody was faster: it says who, what and when"),
              (status = 422, description = "words, a signature, a file or values that the node demands are missing")))]
async fn approve_task(at: OnTask, Json(body): Json<Opinion>) -> Acted {
    let opinion = body.read(&at).await?;
    at.act(Command::Approve(opinion)).await
}

/// Reject a task
#[utoipa::path(post, path = "/tasks/{id}/reject", operation_id = "reject_task", tag = "tasks",
    params(("id" = String, Path), ActHeaders), request_body = Opinion,
    responses((status = 200, description = "the instance after it", body = InstanceBody),
              (status = 409, description = "somebody was faster: it says who, what and when"),
              (status = 422, description = "words, a signature or a file that the node demands are missing")))]
async fn reject_task(at: OnTask, Json(body): Json<Opinion>) -> Acted {
    let opinion = body.read(&at).await?;
    at.act(Command::Reject(opinion)).await
}

/// Abstain at a task
///
/// Where a vote allows it: neither yes nor no.
#[utoipa::path(post, path = "/tasks/{id}/abstain", operation_id = "abstain_task", tag = "tasks",
    params(("id" = String, Path), ActHeaders), request_body = Opinion,
    responses((status = 200, description = "the instance after it", body = InstanceBody),
              (status = 422, description = "there is no vote, or it allows no abstention")))]
async fn abstain_task(at: OnTask, Json(body): Json<Opinion>) -> Acted {
    let opinion = body.read(&at).await?;
    at.act(Command::Abstain(opinion)).await
}

/// Return a task
///
/// Sends the request back to the initiator or to a node before, for correction. It is no vote and takes effect at once.
#[utoipa::path(post, path = "/tasks/{id}/return", operation_id = "return_task", tag = "tasks",
    params(("id" = String, Path), ActHeaders), request_body = Return,
    responses((status = 200, description = "the instance after it", body = InstanceBody),
              (status = 409, description = "it ends branches beside the own one, and that is not confirmed: it says how many"),
              (status = 422, description = "it cannot be sent back there, or words are missing")))]
async fn return_task(at: OnTask, Json(body): Json<Return>) -> Acted {
    let Return { to, level, resume, confirmed, comment, form, attachments } = body;
    let opinion = Opinion { comment, form, attachments, ..Opinion::default() }.read(&at).await?;
    let to = match (to, level) {
        (None, _) => command::ReturnTo::Initiator,
        (Some(node), None | Some(0 | 1)) => command::ReturnTo::Node(node),
        (Some(node), Some(level)) => command::ReturnTo::Level { node, level },
    };
    at.act(Command::Return(command::Return { opinion, to, resume, confirmed })).await
}

/// Take back one's decision at a task
///
/// As long as nobody has decided on the way after it.
#[utoipa::path(post, path = "/tasks/{id}/take-back", operation_id = "take_back_task", tag = "tasks",
    params(("id" = String, Path), ActHeaders),
    responses((status = 200, description = "the task is open again", body = InstanceBody),
              (status = 409, description = "it is too late: it says why")))]
async fn take_back_task(at: OnTask) -> Acted {
    let slot = at.slot;
    at.act(Command::TakeBack { slot }).await
}

/// Claim a task of a pool
#[utoipa::path(post, path = "/tasks/{id}/claim", operation_id = "claim_task", tag = "tasks",
    params(("id" = String, Path), ActHeaders),
    responses((status = 200, description = "it is the caller's", body = InstanceBody),
              (status = 409, description = "somebody was faster: it says who")))]
async fn claim_task(at: OnTask) -> Acted {
    let slot = at.slot;
    at.act(Command::Claim { slot }).await
}

/// Release a claimed task
///
/// Gives it back to its pool.
#[utoipa::path(post, path = "/tasks/{id}/release", operation_id = "release_task", tag = "tasks",
    params(("id" = String, Path), ActHeaders),
    responses((status = 200, description = "others can claim it", body = InstanceBody)))]
async fn release_task(at: OnTask) -> Acted {
    let slot = at.slot;
    at.act(Command::Release { slot }).await
}
