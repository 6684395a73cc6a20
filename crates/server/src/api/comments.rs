//! Words beside the decisions, over our own API.

use super::instances::act_on;
use crate::app::Shared;
use crate::caller::Caller;
use crate::error::Error;
use crate::extract::{IdempotencyKey, IfMatch, Json, Path};
use crate::view::{CommentView, comment_views};
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use zhupi_engine::Command;
use zhupi_engine::ids::{FileId, InstanceId, UserId};

pub fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(list_comments, add_comment))
}

/// Something to say.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewComment {
    /// May be empty where there are attachments.
    #[serde(default)]
    text: String,
    /// People who should read it; from now on they may see the instance.
    #[serde(default)]
    #[schema(value_type = Vec<Uuid>)]
    mentions: Vec<UserId>,
    /// Files that the caller uploaded; whoever may see the instance may download them with `?instance=`.
    #[serde(default)]
    #[schema(value_type = Vec<Uuid>)]
    attachments: Vec<FileId>,
}

/// Everything that was said, in order.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct Comments {
    items: Vec<CommentView>,
}

/// List comments
#[utoipa::path(get, path = "/instances/{id}/comments", operation_id = "list_comments", tag = "comments",
    params(("id" = Uuid, Path)), responses((status = 200, description = "all of them", body = Comments)))]
async fn list_comments(
    State(app): State<Shared>,
    caller: Caller,
    Path(id): Path<InstanceId>,
) -> Result<Json<Comments>, Error> {
    let seen = app.see_instance(caller.tenant, caller.user, id).await?;
    Ok(Json(Comments { items: comment_views(&seen.stored.instance, &seen.directory) }))
}

/// Add a comment
#[utoipa::path(post, path = "/instances/{id}/comments", operation_id = "add_comment", tag = "comments",
    params(("id" = Uuid, Path), ("Idempotency-Key" = Option<String>, Header)), request_body = NewComment,
    responses((status = 201, description = "all comments, the new one last", body = Comments),
              (status = 422, description = "no words, or too many words, people or files")))]
async fn add_comment(
    State(app): State<Shared>,
    caller: Caller,
    Path(id): Path<InstanceId>,
    key: IdempotencyKey,
    Json(new): Json<NewComment>,
) -> Result<(StatusCode, Json<Comments>), Error> {
    let attachments = app.own_files(&caller, &new.attachments).await?;
    let command = Command::Comment { text: new.text, mentions: new.mentions, attachments };
    let acted = act_on(&app, &caller, id, command, (IfMatch(None), key)).await?;
    let directory = app.directory(caller.tenant).await?;
    Ok((StatusCode::CREATED, Json(Comments { items: comment_views(&acted.instance, &directory) })))
}
