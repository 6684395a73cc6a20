//! Taking running instances over to another version of their template, over our own API.

use super::migrations::MigrationView;
use crate::app::Shared;
use crate::app::migration::{Looked, Outcome, Which, Wish};
use crate::caller::{Caller, Scope};
use crate::error::Error;
use crate::extract::{Json, Path};
use crate::page::{PageOf, PageQuery};
use axum::extract::State;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;
use zhupi_engine::Directory;
use zhupi_engine::ids::{InstanceId, NodeId, TemplateId};

/// Most instances that can be named.
const MOST: usize = 200;
/// Most ids that can be said to have changed: as many as a flow has.
const MOST_NODES: usize = 500;

pub fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(migrate_instances))
}

/// Which instances go over to which version: either `instances` or `from`.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct MigrationInput {
    /// The version they shall follow; absent: the one that is submitted now.
    to: Option<u32>,
    /// These, at most 200.
    instances: Option<Vec<Uuid>>,
    /// All that run after this version, looked for part by part.
    from: Option<u32>,
    /// With `from`: how many of the template's instances to look through: 1 to 200, usually 50.
    limit: Option<u32>,
    /// With `from`: `next` of the answer before.
    after: Option<String>,
    /// New ids of nodes and lanes whose id changed, by the old ones.
    #[serde(default)]
    #[schema(value_type = BTreeMap<String, String>)]
    nodes: BTreeMap<NodeId, NodeId>,
    /// Why; it stays in the history of every instance.
    reason: String,
    /// Only look at what would change.
    #[serde(default)]
    dry_run: bool,
}

/// What was found about an instance, and what became of it.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct MigrationItem {
    #[schema(value_type = Uuid)]
    instance: InstanceId,
    outcome: MigrationOutcome,
    /// The version it follows now; absent where there is no such instance.
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<u32>,
    /// Why it was refused, for programs.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'static str>,
    /// Why it was refused, for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
    /// What it would mean.
    #[serde(flatten)]
    report: MigrationView,
}

/// What became of an instance.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum MigrationOutcome {
    /// It was only looked at, and could go over.
    Seen,
    /// It follows the other version now.
    Migrated,
    /// It followed that version already.
    Same,
    /// It stays as it is.
    Refused,
}

impl MigrationInput {
    fn read(self, template: TemplateId) -> Result<Wish, Error> {
        let which = match (self.instances, self.from) {
            (Some(ids), None) if ids.len() <= MOST => {
                Which::These(ids.into_iter().collect::<BTreeSet<_>>().into_iter().map(InstanceId).collect())
            }
            (Some(_), None) => return Err(Error::field("instances", format!("at most {MOST}"))),
            (None, Some(version)) => {
                let page = PageQuery { limit: self.limit, after: self.after }.page()?;
                Which::Following { version, page }
            }
            (Some(_), Some(_)) | (None, None) => {
                return Err(Error::field("instances", "either `instances` or `from` says which"));
            }
        };
        if self.nodes.len() > MOST_NODES {
            return Err(Error::field("nodes", format!("at most {MOST_NODES}")));
        }
        let Self { to, nodes, reason, dry_run: only_look, .. } = self;
        Ok(Wish { template, to, nodes, reason, which, only_look })
    }
}

fn show(looked: Looked, directory: &Directory) -> MigrationItem {
    let Looked { instance, version, report, outcome } = looked;
    let (outcome, refused) = match outcome {
        Outcome::Seen => (MigrationOutcome::Seen, None),
        Outcome::Migrated => (MigrationOutcome::Migrated, None),
        Outcome::Same => (MigrationOutcome::Same, None),
        Outcome::Refused(error) => (MigrationOutcome::Refused, Some(error)),
    };
    MigrationItem {
        instance,
        outcome,
        version,
        code: refused.as_ref().map(Error::code),
        why: refused.map(|error| error.to_string()),
        report: MigrationView::of(report, directory),
    }
}

/// Take running instances over to another version of their template
///
/// For its managers. Where an instance stands it stays, with the same people unless the other version asks other people there
/// or asks them otherwise. Each goes over by itself; with `dry_run` none does. With `from`, call it again with `next` until
/// there is none.
#[utoipa::path(post, path = "/templates/{id}/migration", operation_id = "migrate_instances", tag = "templates",
    params(("id" = Uuid, Path)), request_body = MigrationInput,
    responses((status = 200, description = "what became of each", body = PageOf<MigrationItem>),
              (status = 403, description = "only managers of the template may"),
              (status = 422, description = "there is no such version, or the reason is missing")))]
async fn migrate_instances(
    State(app): State<Shared>,
    caller: Caller,
    Path(id): Path<TemplateId>,
    Json(input): Json<MigrationInput>,
) -> Result<Json<PageOf<MigrationItem>>, Error> {
    caller.require(Scope::Admin)?;
    let looked = app.migrate_instances(&caller, input.read(id)?).await?;
    let directory = app.directory(caller.tenant).await?;
    Ok(Json(PageOf::of(looked, |it| show(it, &directory))))
}
