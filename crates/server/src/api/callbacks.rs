//! Completion callbacks of a workspace: which business system is told of ours, and who handles those of other engines.
//! For administrators.

use super::webhooks::time;
use crate::app::{App, Shared};
use crate::caller::Caller;
use crate::compat::bpm::{Action, CallbackSettings, TokenChange};
use crate::error::Error;
use crate::extract::{IfMatch, Json, Path, Tagged};
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;
use zhupi_store::CallbackHandler;

pub fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(get_settings, put_settings))
        .routes(routes!(create, list))
        .routes(routes!(get, update, delete))
}

/// Which business system is told of completions.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SettingsBody {
    /// What comes before `/flow/{flowInstanceId}/call-back/complete`.
    base_uri: String,
    /// In which header the token goes.
    #[serde(default = "authorization")]
    token_header: String,
    /// Absent: the token that is kept stays; empty: none is sent.
    token: Option<String>,
}

fn authorization() -> String {
    "Authorization".to_owned()
}

/// Which business system is told of completions; the token is not shown.
#[derive(Serialize, ToSchema)]
struct SettingsView {
    base_uri: String,
    token_header: String,
    has_token: bool,
}

impl SettingsView {
    fn of(settings: CallbackSettings) -> Self {
        let has_token = settings.has_token();
        Self { base_uri: settings.base_uri, token_header: settings.token_header, has_token }
    }
}

/// Who handles the completions of one class.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct HandlerBody {
    action: Action,
    #[serde(default = "yes")]
    active: bool,
}

/// The same, with the class that reports name.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewHandler {
    /// `callBackProcessClass` of the reports.
    class: String,
    action: Action,
    #[serde(default = "yes")]
    active: bool,
}

fn yes() -> bool {
    true
}

/// A handler that is registered.
#[derive(Serialize, ToSchema)]
struct HandlerView {
    class: String,
    action: Action,
    active: bool,
    /// To be sent as `If-Match` with a change.
    revision: u64,
    created_by: Uuid,
    #[schema(value_type = String, format = DateTime)]
    created_at: jiff::Timestamp,
    #[schema(value_type = String, format = DateTime)]
    updated_at: jiff::Timestamp,
}

impl HandlerView {
    fn of(handler: CallbackHandler) -> Result<Self, Error> {
        Ok(Self {
            action: serde_json::from_str(&handler.action).map_err(Error::internal)?,
            class: handler.class,
            active: handler.active,
            revision: handler.revision,
            created_by: handler.created_by.into(),
            created_at: time(handler.created_at),
            updated_at: time(handler.updated_at),
        })
    }
}

/// Show the completion callback
#[utoipa::path(
    get, path = "/settings/completion-callback", operation_id = "get_completion_callback", tag = "callbacks",
    responses((status = 200, description = "which business system is told", body = SettingsView),
              (status = 404, description = "none is"))
)]
async fn get_settings(State(app): State<Shared>, caller: Caller) -> Result<Json<SettingsView>, Error> {
    app.require_admin(&caller).await?;
    let settings = app.callback_settings(caller.tenant).await?.ok_or(Error::NotFound)?;
    Ok(Json(SettingsView::of(settings)))
}

/// Configure the completion callback
#[utoipa::path(
    put, path = "/settings/completion-callback", operation_id = "put_completion_callback", tag = "callbacks",
    request_body = SettingsBody,
    responses((status = 200, description = "configured", body = SettingsView),
              (status = 400, description = "a member cannot be used"))
)]
async fn put_settings(
    State(app): State<Shared>,
    caller: Caller,
    Json(body): Json<SettingsBody>,
) -> Result<Json<SettingsView>, Error> {
    app.require_admin(&caller).await?;
    let token = match body.token {
        None => TokenChange::Keep,
        Some(token) if token.is_empty() => TokenChange::Remove,
        Some(token) => TokenChange::Replace(token),
    };
    let settings = app.put_callback_settings(caller.tenant, body.base_uri, body.token_header, token).await?;
    Ok(Json(SettingsView::of(settings)))
}

/// Register a handler for completions of other engines
#[utoipa::path(
    post, path = "/callback-handlers", operation_id = "create_callback_handler", tag = "callbacks",
    request_body = NewHandler,
    responses((status = 201, description = "registered", body = HandlerView),
              (status = 409, description = "the class has a handler"))
)]
async fn create(
    State(app): State<Shared>,
    caller: Caller,
    Json(body): Json<NewHandler>,
) -> Result<(StatusCode, Tagged<HandlerView>), Error> {
    app.require_admin(&caller).await?;
    let class = body.class.trim().to_owned();
    if class.is_empty() || class.len() > 200 {
        return Err(Error::field("class", "expected 1 to 200 characters"));
    }
    app.check_action(caller.tenant, &body.action).await?;
    let at = app.now_us();
    let handler = CallbackHandler {
        class,
        action: serde_json::to_string(&body.action).map_err(Error::internal)?,
        active: body.active,
        revision: 1,
        created_by: caller.user,
        created_at: at,
        updated_at: at,
    };
    match app.store.create_callback_handler(caller.tenant, &handler).await {
        Ok(()) => Ok((StatusCode::CREATED, Tagged(1, HandlerView::of(handler)?))),
        Err(zhupi_store::Error::Duplicate { .. }) => Err(Error::Duplicate { what: "class".to_owned() }),
        Err(error) => Err(error.into()),
    }
}

/// List handlers
#[utoipa::path(
    get, path = "/callback-handlers", operation_id = "list_callback_handlers", tag = "callbacks",
    responses((status = 200, description = "all handlers, by class", body = Vec<HandlerView>))
)]
async fn list(State(app): State<Shared>, caller: Caller) -> Result<Json<Vec<HandlerView>>, Error> {
    app.require_admin(&caller).await?;
    let handlers = app.store.list_callback_handlers(caller.tenant).await?;
    Ok(Json(handlers.into_iter().map(HandlerView::of).collect::<Result<_, _>>()?))
}

/// Show a handler
#[utoipa::path(
    get, path = "/callback-handlers/{class}", operation_id = "get_callback_handler", tag = "callbacks",
    params(("class" = String, Path)),
    responses((status = 200, description = "the handler, its revision as `ETag`", body = HandlerView),
              (status = 404, description = "there is none"))
)]
async fn get(
    State(app): State<Shared>,
    caller: Caller,
    Path(class): Path<String>,
) -> Result<Tagged<HandlerView>, Error> {
    let handler = load(&app, &caller, &class).await?;
    Ok(Tagged(handler.revision, HandlerView::of(handler)?))
}

/// Change a handler
#[utoipa::path(
    put, path = "/callback-handlers/{class}", operation_id = "update_callback_handler", tag = "callbacks",
    params(("class" = String, Path), ("If-Match" = String, Header, description = "the revision that was read")),
    request_body = HandlerBody,
    responses((status = 200, description = "changed", body = HandlerView),
              (status = 404, description = "there is none"),
              (status = 412, description = "it has changed since"))
)]
async fn update(
    State(app): State<Shared>,
    caller: Caller,
    Path(class): Path<String>,
    revision: IfMatch,
    Json(body): Json<HandlerBody>,
) -> Result<Tagged<HandlerView>, Error> {
    let before = load(&app, &caller, &class).await?;
    if revision.required()? != before.revision {
        return Err(Error::PreconditionFailed);
    }
    app.check_action(caller.tenant, &body.action).await?;
    let action = serde_json::to_string(&body.action).map_err(Error::internal)?;
    let handler = CallbackHandler { action, active: body.active, updated_at: app.now_us(), ..before };
    match app.store.update_callback_handler(caller.tenant, &handler).await {
        Ok(()) => {}
        Err(zhupi_store::Error::Conflict) => return Err(Error::PreconditionFailed),
        Err(error) => return Err(error.into()),
    }
    let handler = CallbackHandler { revision: handler.revision + 1, ..handler };
    Ok(Tagged(handler.revision, HandlerView::of(handler)?))
}

/// Take a handler away
#[utoipa::path(
    delete, path = "/callback-handlers/{class}", operation_id = "delete_callback_handler", tag = "callbacks",
    params(("class" = String, Path)),
    responses((status = 204, description = "gone"), (status = 404, description = "there is none"))
)]
async fn delete(
    State(app): State<Shared>,
    caller: Caller,
    Path(class): Path<String>,
) -> Result<StatusCode, Error> {
    app.require_admin(&caller).await?;
    if app.store.delete_callback_handler(caller.tenant, &class).await? {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(Error::NotFound)
    }
}

async fn load(app: &App, caller: &Caller, class: &str) -> Result<CallbackHandler, Error> {
    app.require_admin(caller).await?;
    app.store.load_callback_handler(caller.tenant, class).await?.ok_or(Error::NotFound)
}
