//! Handing over everything of a person who leaves, over our own API.

use crate::app::Shared;
use crate::app::handover::{Belonging, Handover, Kind, Outcome, Wish};
use crate::caller::Caller;
use crate::error::Error;
use crate::extract::{Json, Path};
use axum::extract::State;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;
use zhupi_engine::ids::{InstanceId, UserId};

/// How many running instances are looked through where nobody says.
const USUAL: u32 = 500;
const MOST: u32 = 2_000;

pub fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(hand_over))
}

/// Who gets what.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct HandoverInput {
    /// Who gets what `receivers` does not say.
    to: Uuid,
    /// Who gets things of a kind.
    #[serde(default)]
    #[schema(value_type = BTreeMap<String, Uuid>)]
    receivers: BTreeMap<Kind, Uuid>,
    /// Why; it stays in the history of every instance.
    reason: String,
    /// Only show what there is.
    #[serde(default)]
    dry_run: bool,
    /// `next` of the answer before: goes on with the instances behind it.
    after: Option<Uuid>,
    /// How many running instances to look through: 1 to 2000, usually 500.
    limit: Option<u32>,
}

/// What there was, and what became of it.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct HandoverReport {
    items: Vec<HandoverItem>,
    /// What to send as `after`, until it is absent. Stopping half-way does no harm.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<Uuid>,
}

/// One thing he leaves behind.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct HandoverItem {
    kind: Kind,
    /// Absent for drafts and requests, which are only counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<Uuid>,
    name: String,
    /// How often he is named in it, or how many there are.
    count: u32,
    outcome: HandoverOutcome,
    /// Why it stays with him.
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
}

/// What became of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum HandoverOutcome {
    /// It was only looked at.
    Seen,
    /// Somebody else has it.
    Given,
    /// It stays with him.
    Kept,
}

fn show(item: Belonging) -> HandoverItem {
    let (outcome, why) = match item.outcome {
        Outcome::Seen => (HandoverOutcome::Seen, None),
        Outcome::Given => (HandoverOutcome::Given, None),
        Outcome::Kept(why) => (HandoverOutcome::Kept, Some(why)),
    };
    let Belonging { kind, id, name, count, .. } = item;
    HandoverItem { kind, id, name, count, outcome, why }
}

impl HandoverInput {
    fn read(self, from: UserId) -> Result<Wish, Error> {
        let instances = match self.limit.unwrap_or(USUAL) {
            limit @ 1..=MOST => limit,
            _ => return Err(Error::field("limit", format!("expected 1 to {MOST}"))),
        };
        let receivers = self.receivers.into_iter().map(|(kind, user)| (kind, UserId(user))).collect();
        let after = self.after.map(InstanceId);
        Ok(Wish { from, to: UserId(self.to), receivers, reason: self.reason, after, instances })
    }
}

/// Hand over what a person leaves behind
///
/// His open tasks, places he was named for, roles, templates and the like go to others. With `dry_run` they are only shown.
/// Running instances are looked through in parts: call it again with `next` until there is none.
#[utoipa::path(post, path = "/users/{id}/handover", operation_id = "hand_over", tag = "directory",
    params(("id" = Uuid, Path)), request_body = HandoverInput,
    responses((status = 200, body = HandoverReport), (status = 403, description = "only administrators may"),
              (status = 422, description = "the receiver has left, or the reason is missing")))]
async fn hand_over(
    State(app): State<Shared>,
    caller: Caller,
    Path(id): Path<UserId>,
    Json(input): Json<HandoverInput>,
) -> Result<Json<HandoverReport>, Error> {
    let only_look = input.dry_run;
    let wish = input.read(id)?;
    let Handover { items, next } = if only_look {
        app.look_at_handover(&caller, &wish).await?
    } else {
        app.hand_over(&caller, &wish).await?
    };
    Ok(Json(HandoverReport { items: items.into_iter().map(show).collect(), next: next.map(Uuid::from) }))
}
