//! Taking running instances over to another version of their template, over our own API.

use super::call::{ActHeaders, Acted, OnInstance};
use super::instances::InstanceBody;
use crate::app::Shared;
use crate::app::act::Destination;
use crate::error::Error;
use crate::extract::Json;
use crate::view::Person;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use zhupi_engine::decide::Report;
use zhupi_engine::ids::{NodeId, UserId};
use zhupi_engine::{Command, Directory};

pub fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(migrate_instance)).routes(routes!(preview_migration))
}

/// Where to, and why.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Taking {
    /// A published version of the template.
    version: u32,
    /// New ids of nodes and lanes whose id changed, by their old ones; every other one is the one with its id.
    #[serde(default)]
    #[schema(value_type = Object)]
    nodes: BTreeMap<NodeId, NodeId>,
    /// It stays in the history; not needed to look first.
    #[serde(default)]
    reason: String,
}

/// What a migration would do.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct MigrationView {
    /// It can be taken over: nothing is lost.
    possible: bool,
    /// Nodes and lanes at which it stands and which the version lacks in that place.
    #[schema(value_type = Vec<String>)]
    lost: Vec<NodeId>,
    /// Nodes at which people are asked and will be asked anew.
    #[schema(value_type = Vec<String>)]
    reopened: Vec<NodeId>,
    /// Nodes that were still to come and will not any more.
    #[schema(value_type = Vec<String>)]
    gone: Vec<NodeId>,
    /// Nodes that will come and would not have.
    #[schema(value_type = Vec<String>)]
    added: Vec<NodeId>,
    /// Nodes at which other people will be asked.
    approvers: Vec<ApproversView>,
}

impl MigrationView {
    pub(super) fn of(report: Report, directory: &Directory) -> Self {
        let people =
            |users: BTreeSet<UserId>| users.into_iter().map(|user| Person::of(user, directory)).collect();
        let Report { lost, reopened, gone, added, approvers } = report;
        let approvers = approvers.into_iter().map(|changed| ApproversView {
            node: changed.node,
            before: people(changed.before),
            after: people(changed.after),
        });
        Self { possible: lost.is_empty(), approvers: approvers.collect(), lost, reopened, gone, added }
    }
}

/// Other people are asked at a node.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct ApproversView {
    #[schema(value_type = String)]
    node: NodeId,
    before: Vec<Person>,
    after: Vec<Person>,
}

/// Migrate an instance
///
/// To another version of its template, by whoever administers either. Where it stands it stays, with the same people unless
/// the version asks others there. The history is kept.
#[utoipa::path(post, path = "/instances/{id}/migrate", operation_id = "migrate_instance", tag = "instances",
    params(("id" = Uuid, Path), ActHeaders), request_body = Taking,
    responses((status = 200, description = "it follows that version", body = InstanceBody),
              (status = 409, description = "it does not run"),
              (status = 422, description = "the version lacks a place where it stands, or the reason is missing")))]
async fn migrate_instance(on: OnInstance, Json(body): Json<Taking>) -> Acted {
    let Taking { version, nodes, reason } = body;
    on.act(Command::Migrate { version, nodes, reason }).await
}

/// Preview the migration of an instance
///
/// What would be lost, asked anew, or asked of other people. Nothing is kept.
#[utoipa::path(post, path = "/instances/{id}/migrate/preview", operation_id = "preview_migration", tag = "instances",
    params(("id" = Uuid, Path)), request_body = Taking,
    responses((status = 200, description = "what would happen", body = MigrationView),
              (status = 409, description = "it does not run")))]
async fn preview_migration(on: OnInstance, Json(body): Json<Taking>) -> Result<Json<MigrationView>, Error> {
    let OnInstance { app, caller, instance, .. } = on;
    let to = Destination { version: body.version, nodes: body.nodes };
    let report = app.preview_migration(caller.tenant, caller.user, instance, &to).await?;
    let directory = app.directory(caller.tenant).await?;
    Ok(Json(MigrationView::of(report, &directory)))
}
