//! What the initiator does with his own instance over our own API, and how administrators step in.

use super::call::{ActHeaders, Acted, OnInstance};
use super::instances::InstanceBody;
use crate::app::Shared;
use crate::error::Error;
use crate::extract::Json;
use crate::view::read_task_id;
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use zhupi_engine::command::{self, Command, Intervention};
use zhupi_engine::ids::{NodeId, SlotId, TokenId, UserId, VisitId};

pub fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(withdraw_instance))
        .routes(routes!(resubmit_instance))
        .routes(routes!(urge_instance))
        .routes(routes!(revoke_instance))
        .routes(routes!(tell_people))
        .routes(routes!(intervene))
}

/// Why something is taken back.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Withdrawal {
    /// Needed once somebody decided.
    #[serde(default)]
    reason: String,
}

/// What the initiator has mended.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Resubmission {
    /// In which words.
    #[serde(default)]
    comment: String,
    /// Values to change, by control; `null` clears one. What is not named stays.
    #[serde(default)]
    #[schema(value_type = Object)]
    form: Map<String, Value>,
    /// People he picks, by node; what is not named stays.
    #[serde(default)]
    #[schema(value_type = Object)]
    picks: BTreeMap<NodeId, Vec<UserId>>,
}

/// Asking to hurry.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Urging {
    #[serde(default)]
    comment: String,
}

/// Why it should be revoked.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Revocation {
    reason: String,
}

/// Whom to tell.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Telling {
    #[schema(value_type = Vec<Uuid>)]
    people: Vec<UserId>,
}

/// How an administrator steps in, and why.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SteppingIn {
    what: What,
    /// It stays in the history.
    reason: String,
}

/// How an administrator steps in.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(tag = "action", rename_all = "snake_case", deny_unknown_fields)]
enum What {
    /// A token goes on at another node, in its own branch or before the fork.
    Jump {
        token: u32,
        #[schema(value_type = String)]
        to: NodeId,
    },
    /// A task goes to somebody else.
    Reassign {
        task: String,
        #[schema(value_type = Uuid)]
        to: UserId,
    },
    /// People are asked at a visit that has nobody.
    Staff {
        visit: u32,
        #[schema(value_type = Vec<Uuid>)]
        people: Vec<UserId>,
    },
    /// A visit is passed over.
    Skip { visit: u32 },
    /// The instance ends.
    Terminate {},
    /// Other people will be asked at a node that is not reached yet; nobody: those of the template again.
    SetApprovers {
        #[schema(value_type = String)]
        node: NodeId,
        #[schema(value_type = Vec<Uuid>)]
        people: Vec<UserId>,
    },
    /// A suspended instance tries again where it stopped.
    Retry {},
    /// Everything open or planned for one person goes to another.
    HandOver {
        #[schema(value_type = Uuid)]
        from: UserId,
        #[schema(value_type = Uuid)]
        to: UserId,
    },
}

impl What {
    fn read(self, on: &OnInstance) -> Result<Intervention, Error> {
        Ok(match self {
            What::Jump { token, to } => Intervention::Jump { token: TokenId(token), to },
            What::Reassign { task, to } => Intervention::Reassign { slot: slot_of(&task, on)?, to },
            What::Staff { visit, people } => Intervention::Staff { visit: VisitId(visit), people },
            What::Skip { visit } => Intervention::Skip { visit: VisitId(visit) },
            What::Terminate {} => Intervention::Terminate,
            What::SetApprovers { node, people } => Intervention::SetApprovers { node, people },
            What::Retry {} => Intervention::Retry,
            What::HandOver { from, to } => Intervention::HandOver { from, to },
        })
    }
}

/// The slot of a task of this very instance.
fn slot_of(task: &str, on: &OnInstance) -> Result<SlotId, Error> {
    match read_task_id(task) {
        Some((instance, slot)) if instance == on.instance => Ok(slot),
        Some(_) | None => Err(Error::field("what.task", "no task of this instance")),
    }
}

/// Withdraw an instance
#[utoipa::path(post, path = "/instances/{id}/withdraw", operation_id = "withdraw_instance", tag = "instances",
    params(("id" = Uuid, Path), ActHeaders), request_body = Withdrawal,
    responses((status = 200, description = "it is withdrawn", body = InstanceBody),
              (status = 409, description = "it has ended, or the template does not allow it now")))]
async fn withdraw_instance(on: OnInstance, Json(Withdrawal { reason }): Json<Withdrawal>) -> Acted {
    on.act(Command::Withdraw { reason }).await
}

/// Resubmit an instance
///
/// For the initiator of what was sent back to him.
#[utoipa::path(post, path = "/instances/{id}/resubmit", operation_id = "resubmit_instance", tag = "instances",
    params(("id" = Uuid, Path), ActHeaders), request_body = Resubmission,
    responses((status = 200, description = "it runs again", body = InstanceBody),
              (status = 422, description = "the values do not fit, or something is missing")))]
async fn resubmit_instance(on: OnInstance, Json(body): Json<Resubmission>) -> Acted {
    let Resubmission { comment, form, picks } = body;
    let edits = on.read_edits(&form).await?;
    on.act(Command::Resubmit(command::Resubmit { comment, edits, picks })).await
}

/// Urge those an instance waits for
///
/// Not more often than the template allows.
#[utoipa::path(post, path = "/instances/{id}/urge", operation_id = "urge_instance", tag = "instances",
    params(("id" = Uuid, Path), ActHeaders), request_body = Urging,
    responses((status = 200, description = "they are asked to hurry", body = InstanceBody),
              (status = 409, description = "it was done a moment ago: it says when again")))]
async fn urge_instance(on: OnInstance, Json(Urging { comment }): Json<Urging>) -> Acted {
    on.act(Command::Urge { comment }).await
}

/// Revoke an approved instance
///
/// Within the time the template allows; where it says so, those who approved are asked first.
#[utoipa::path(post, path = "/instances/{id}/revoke", operation_id = "revoke_instance", tag = "instances",
    params(("id" = Uuid, Path), ActHeaders), request_body = Revocation,
    responses((status = 200, description = "it is revoked, or its approvers are asked", body = InstanceBody),
              (status = 409, description = "the template does not allow it, or not any more")))]
async fn revoke_instance(on: OnInstance, Json(Revocation { reason }): Json<Revocation>) -> Acted {
    on.act(Command::Revoke { reason }).await
}

/// Tell more people of an instance
#[utoipa::path(post, path = "/instances/{id}/tell", operation_id = "tell_people", tag = "instances",
    params(("id" = Uuid, Path), ActHeaders), request_body = Telling,
    responses((status = 200, description = "they are told", body = InstanceBody)))]
async fn tell_people(on: OnInstance, Json(Telling { people }): Json<Telling>) -> Acted {
    on.act(Command::Tell { people }).await
}

/// Step in as an administrator
///
/// Of the template or the workspace: jump, reassign, staff, skip, terminate, set approvers of nodes not yet reached, retry,
/// hand over. The reason stays in the history.
#[utoipa::path(post, path = "/instances/{id}/interventions", operation_id = "intervene", tag = "instances",
    params(("id" = Uuid, Path), ActHeaders), request_body = SteppingIn,
    responses((status = 200, description = "the instance after it", body = InstanceBody),
              (status = 403, description = "the caller administers neither the template nor the workspace"),
              (status = 422, description = "it cannot be done here, or the reason is missing")))]
async fn intervene(on: OnInstance, Json(SteppingIn { what, reason }): Json<SteppingIn>) -> Acted {
    let what = what.read(&on)?;
    on.act(Command::Intervene { what, reason }).await
}
