//! Handing tasks on and bringing in more people, over our own API.

use super::call::{ActHeaders, Acted, OnTask};
use super::instances::InstanceBody;
use crate::app::Shared;
use crate::extract::Json;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use zhupi_engine::command::{self, Command};
use zhupi_engine::event::AddKind;
use zhupi_engine::ids::UserId;
use zhupi_engine::template::{AllReject, Mode, OrReject};

pub fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(transfer_task))
        .routes(routes!(delegate_task))
        .routes(routes!(give_opinion))
        .routes(routes!(add_signers))
        .routes(routes!(remove_signer))
        .routes(routes!(remove_added_signers))
}

/// To whom a task goes.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Handing {
    #[schema(value_type = Uuid)]
    to: UserId,
    /// In which words; he reads them.
    #[serde(default)]
    comment: String,
}

/// An opinion that was asked for.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct AskedOpinion {
    comment: String,
}

/// People who are brought in.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewSigners {
    #[schema(value_type = Vec<Uuid>)]
    people: Vec<UserId>,
    place: Place,
    /// How they decide among themselves.
    #[serde(default)]
    mode: AmongThemselves,
    /// Of people before the caller: their no is an opinion, and he decides all the same.
    #[serde(default)]
    advisory: bool,
    /// In which words; they read them.
    #[serde(default)]
    comment: String,
}

/// Where people are brought in.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Place {
    /// They first, then the caller.
    Before,
    /// The caller approves now, then they decide.
    After,
    /// His place needs him and them.
    Together,
    /// They are his peers: anyone of them as good as he.
    Peers,
}

/// How people who were brought in decide among themselves.
#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum AmongThemselves {
    /// All of them have to approve.
    #[default]
    Countersign,
    /// One is enough.
    OrSign,
    /// All of them, one after another.
    InTurn,
}

/// Transfer a task
///
/// For good; who had it keeps sight of the instance.
#[utoipa::path(post, path = "/tasks/{id}/transfer", operation_id = "transfer_task", tag = "tasks",
    params(("id" = String, Path), ActHeaders), request_body = Handing,
    responses((status = 200, description = "the instance after it", body = InstanceBody),
              (status = 422, description = "that person may not be asked here: it says why")))]
async fn transfer_task(at: OnTask, Json(body): Json<Handing>) -> Acted {
    let handing = body.of(&at);
    at.act(Command::Transfer(handing)).await
}

/// Delegate a task once
///
/// Somebody gives his opinion, then the task comes back.
#[utoipa::path(post, path = "/tasks/{id}/delegate", operation_id = "delegate_task", tag = "tasks",
    params(("id" = String, Path), ActHeaders), request_body = Handing,
    responses((status = 200, description = "the instance after it", body = InstanceBody),
              (status = 422, description = "that person may not be asked here: it says why")))]
async fn delegate_task(at: OnTask, Json(body): Json<Handing>) -> Acted {
    let handing = body.of(&at);
    at.act(Command::Delegate(handing)).await
}

/// Give an opinion that was asked for
///
/// The task goes back to whoever asked.
#[utoipa::path(post, path = "/tasks/{id}/opinion", operation_id = "give_opinion", tag = "tasks",
    params(("id" = String, Path), ActHeaders), request_body = AskedOpinion,
    responses((status = 200, description = "the instance after it", body = InstanceBody)))]
async fn give_opinion(at: OnTask, Json(AskedOpinion { comment }): Json<AskedOpinion>) -> Acted {
    let slot = at.slot;
    at.act(Command::GiveOpinion { slot, comment }).await
}

/// Add signers at a task
///
/// Before, after or beside the caller.
#[utoipa::path(post, path = "/tasks/{id}/add-sign", operation_id = "add_signers", tag = "tasks",
    params(("id" = String, Path), ActHeaders), request_body = NewSigners,
    responses((status = 200, description = "the instance after it", body = InstanceBody),
              (status = 422, description = "one of them may not be asked here, or the node does not allow it")))]
async fn add_signers(at: OnTask, Json(body): Json<NewSigners>) -> Acted {
    let NewSigners { people, place, mode, advisory, comment } = body;
    let kind = match place {
        Place::Before => AddKind::Before,
        Place::After => AddKind::After,
        Place::Together => AddKind::Together,
        Place::Peers => AddKind::Peers,
    };
    let mode = match mode {
        AmongThemselves::Countersign => Mode::Countersign { reject: AllReject::default() },
        AmongThemselves::OrSign => Mode::OrSign { reject: OrReject::default() },
        AmongThemselves::InTurn => Mode::InTurn,
    };
    let slot = at.slot;
    at.act(Command::AddSign(command::AddSign { slot, people, kind, mode, advisory, comment })).await
}

/// Remove a signer
///
/// Somebody who was brought in and has not decided; the task is his.
#[utoipa::path(post, path = "/tasks/{id}/remove", operation_id = "remove_signer", tag = "tasks",
    params(("id" = String, Path), ActHeaders),
    responses((status = 200, description = "the instance after it", body = InstanceBody),
              (status = 403, description = "somebody else brought him in")))]
async fn remove_signer(at: OnTask) -> Acted {
    let slot = at.slot;
    at.act(Command::RemoveSign { slot }).await
}

/// Remove all added signers
///
/// Everybody whom the caller brought in at his task, as long as none of them has acted.
#[utoipa::path(post, path = "/tasks/{id}/remove-added", operation_id = "remove_added_signers", tag = "tasks",
    params(("id" = String, Path), ActHeaders),
    responses((status = 200, description = "the instance after it", body = InstanceBody),
              (status = 409, description = "one of them has acted"),
              (status = 422, description = "he brought in nobody here")))]
async fn remove_added_signers(at: OnTask) -> Acted {
    let slot = at.slot;
    at.act(Command::RemoveAdded { slot }).await
}

impl Handing {
    fn of(self, at: &OnTask) -> command::Handing {
        command::Handing { slot: at.slot, to: self.to, comment: self.comment }
    }
}
