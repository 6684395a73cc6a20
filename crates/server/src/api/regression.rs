//! A draft tried on finished instances over our own API, before it is published.

use crate::app::Shared;
use crate::app::regression::{MOST_CASES, Versions};
use crate::caller::Caller;
use crate::error::Error;
use crate::extract::{Json, Path};
use axum::extract::State;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use zhupi_engine::Problem;
use zhupi_engine::ids::{InstanceId, NodeId, TemplateId};
use zhupi_engine::regression::{NodeRegression, Regression};

pub fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(run_regression))
}

/// What to try the draft on.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Trial {
    /// The last so many finished instances: 1 to 1000, absent: 1000.
    last: Option<u32>,
    /// The version the draft is compared with; absent: the one that is submitted now.
    against: Option<u32>,
}

/// What would become of finished instances under the draft, with the people of today. Each counts once under `same`,
/// `other_path`, `other_people` or `refused`.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct RegressionView {
    /// The version the draft was compared with.
    against: u32,
    /// How many were tried.
    run: u32,
    /// As before.
    same: u32,
    /// Through other nodes or lanes, or to another end.
    other_path: u32,
    /// Through the same nodes, with other people asked or told.
    other_people: u32,
    /// The draft would not go on with it.
    refused: u32,
    /// Of all of them: with a node at which the draft finds nobody.
    nobody: u32,
    /// The nodes at which something differs.
    nodes: Vec<NodeRegressionView>,
}

/// What differs at one node, in how many instances.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct NodeRegressionView {
    #[schema(value_type = String)]
    node: NodeId,
    title: String,
    /// It is reached only under the draft.
    new: u32,
    /// It is not reached any more.
    gone: u32,
    /// It asks or tells other people, decides in another way, or takes another lane.
    changed: u32,
    /// Nobody is found there.
    nobody: u32,
    /// Some of these instances.
    #[schema(value_type = Vec<Uuid>)]
    examples: Vec<InstanceId>,
}

/// Try the draft of a template on finished instances
///
/// How many of the last finished instances would take another path under the draft, ask other people, or find nobody.
/// Nothing is kept.
#[utoipa::path(post, path = "/templates/{id}/regression", operation_id = "run_regression", tag = "templates",
    params(("id" = Uuid, Path)), request_body = Trial,
    responses((status = 200, description = "what would differ", body = RegressionView),
              (status = 409, description = "no version is published yet"),
              (status = 422, description = "the draft has errors: it says which and where")))]
async fn run_regression(
    State(app): State<Shared>,
    caller: Caller,
    Path(id): Path<TemplateId>,
    Json(body): Json<Trial>,
) -> Result<Json<RegressionView>, Error> {
    let last = body.last.unwrap_or(MOST_CASES);
    if !(1..=MOST_CASES).contains(&last) {
        return Err(Error::field("last", format!("expected 1 to {MOST_CASES}")));
    }
    let found = app.template_to_change(caller.tenant, caller.user, id).await?;
    let current = found.row.current_version;
    let against = body.against.or(current).ok_or(Error::TemplateNotPublished)?;
    let old = app.template(caller.tenant, id, against).await?;
    let problems = app.check_definition(caller.tenant, &found.draft, &found.row.source_kind).await?;
    if problems.iter().any(Problem::is_error) {
        return Err(Error::Invalid(problems));
    }
    let versions = Versions { old, new: Arc::new(found.draft) };
    let report = app.run_regression(caller.tenant, id, &versions, last).await?;
    Ok(Json(view(against, report)))
}

fn view(against: u32, report: Regression) -> RegressionView {
    let node = |(node, found): (NodeId, NodeRegression)| NodeRegressionView {
        node,
        title: found.title,
        new: found.new,
        gone: found.gone,
        changed: found.changed,
        nobody: found.nobody,
        examples: found.examples,
    };
    RegressionView {
        against,
        run: report.run,
        same: report.same,
        other_path: report.other_path,
        other_people: report.other_people,
        refused: report.refused,
        nobody: report.nobody,
        nodes: report.nodes.into_iter().map(node).collect(),
    }
}
