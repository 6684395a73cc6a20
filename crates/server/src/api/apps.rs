//! API apps, which sign their calls with a secret, and bearer tokens. A secret is shown once, when it is made.

use crate::app::Shared;
use crate::app::credentials::{NewApp, NewToken};
use crate::caller::{Caller, Scope};
use crate::error::Error;
use crate::extract::{Json, Path, Query};
use crate::page::{PageOf, PageQuery};
use axum::extract::State;
use axum::http::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;
use zhupi_engine::ids::UserId;
use zhupi_store::{App, Token, TokenFilter};

pub fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(create_app, list_apps))
        .routes(routes!(disable_app))
        .routes(routes!(rotate_app))
        .routes(routes!(create_token, list_tokens))
        .routes(routes!(revoke_token))
}

/// An app to be.
#[derive(Deserialize, ToSchema)]
struct AppInput {
    name: String,
    scopes: Vec<Scope>,
    /// Whom it acts as where a call names nobody.
    user: Option<Uuid>,
}

/// An app.
#[derive(Serialize, ToSchema)]
struct AppItem {
    id: String,
    name: String,
    scopes: Vec<String>,
    user: Option<Uuid>,
    active: bool,
    created_by: Uuid,
    #[schema(value_type = String)]
    created_at: Timestamp,
}

/// An app with its secret, which is never shown again.
#[derive(Serialize, ToSchema)]
struct AppSecret {
    id: String,
    secret: String,
}

/// A token to be.
#[derive(Deserialize, ToSchema)]
struct TokenInput {
    name: String,
    /// Not more than the caller has himself.
    scopes: Vec<Scope>,
    /// Whom it acts as; absent: the caller. Others: for administrators.
    user: Option<Uuid>,
    /// The app it is given to; disabled apps' tokens are refused. For administrators. Absent: the app that asks, if one does.
    app: Option<String>,
    /// After how many days it is refused, 1 to 3650; absent: never.
    expires_in_days: Option<u32>,
}

/// A token without its secret.
#[derive(Serialize, ToSchema)]
struct TokenItem {
    id: Uuid,
    name: String,
    scopes: Vec<String>,
    user: Option<Uuid>,
    app: Option<String>,
    #[schema(value_type = String)]
    created_at: Timestamp,
    #[schema(value_type = Option<String>)]
    expires_at: Option<Timestamp>,
    #[schema(value_type = Option<String>)]
    revoked_at: Option<Timestamp>,
}

/// A token, which is never shown again.
#[derive(Serialize, ToSchema)]
struct TokenSecret {
    id: Uuid,
    token: String,
}

/// Which tokens to list.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct TokenQuery {
    /// Those of this app instead of one's own. For administrators.
    app: Option<String>,
    /// At most how many entries: 1 to 200, usually 50.
    limit: Option<u32>,
    /// `next` of the page before.
    after: Option<String>,
}

/// Create an app
#[utoipa::path(
    post, path = "/apps", operation_id = "create_app", tag = "apps", request_body = AppInput,
    responses((status = 201, description = "its secret is shown this once", body = AppSecret))
)]
async fn create_app(
    State(app): State<Shared>,
    caller: Caller,
    Json(input): Json<AppInput>,
) -> Result<(StatusCode, Json<AppSecret>), Error> {
    app.require_admin(&caller).await?;
    let new = NewApp { name: input.name, scopes: input.scopes, user: input.user.map(UserId) };
    let (id, secret) = app.create_app(caller.tenant, caller.user, new).await?;
    Ok((StatusCode::CREATED, Json(AppSecret { id, secret })))
}

/// List apps
#[utoipa::path(
    get, path = "/apps", operation_id = "list_apps", tag = "apps",
    responses((status = 200, body = Vec<AppItem>))
)]
async fn list_apps(State(app): State<Shared>, caller: Caller) -> Result<Json<Vec<AppItem>>, Error> {
    app.require_admin(&caller).await?;
    let apps = app.store.list_apps(caller.tenant).await?;
    Ok(Json(apps.into_iter().map(show_app).collect()))
}

/// Disable an app
///
/// It and its tokens are refused from now on.
#[utoipa::path(
    post, path = "/apps/{id}/disable", operation_id = "disable_app", tag = "apps",
    params(("id" = String, Path)), responses((status = 204))
)]
async fn disable_app(
    State(app): State<Shared>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, Error> {
    app.require_admin(&caller).await?;
    if !app.store.disable_app(caller.tenant, &id, app.now_us()).await? {
        return Err(Error::NotFound);
    }
    app.forget_callers();
    Ok(StatusCode::NO_CONTENT)
}

/// Give an app another secret
///
/// The old one is gone at once.
#[utoipa::path(
    post, path = "/apps/{id}/rotate", operation_id = "rotate_app", tag = "apps",
    params(("id" = String, Path)), responses((status = 200, body = AppSecret))
)]
async fn rotate_app(
    State(app): State<Shared>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<AppSecret>, Error> {
    app.require_admin(&caller).await?;
    let secret = app.rotate_app(caller.tenant, &id).await?;
    Ok(Json(AppSecret { id, secret }))
}

/// Create a token
///
/// In a session, or by a token with the scope `admin`: else whoever finds one that expires could make one that lasts.
#[utoipa::path(
    post, path = "/tokens", operation_id = "create_token", tag = "apps", request_body = TokenInput,
    responses((status = 201, description = "it is shown this once", body = TokenSecret))
)]
async fn create_token(
    State(app): State<Shared>,
    caller: Caller,
    Json(input): Json<TokenInput>,
) -> Result<(StatusCode, Json<TokenSecret>), Error> {
    caller.require(Scope::Admin)?;
    for scope in &input.scopes {
        caller.require(*scope)?;
    }
    let user = input.user.map_or(caller.user, UserId);
    if user != caller.user || input.app.is_some() {
        app.require_admin(&caller).await?;
    }
    let new = NewToken {
        name: input.name,
        scopes: input.scopes,
        user: Some(user),
        app: input.app.or(caller.app().map(str::to_owned)),
        expires_in_days: input.expires_in_days,
    };
    let (id, token) = app.create_token(caller.tenant, new).await?;
    Ok((StatusCode::CREATED, Json(TokenSecret { id, token })))
}

/// List tokens
#[utoipa::path(
    get, path = "/tokens", operation_id = "list_tokens", tag = "apps",
    params(TokenQuery), responses((status = 200, body = PageOf<TokenItem>))
)]
async fn list_tokens(
    State(app): State<Shared>,
    caller: Caller,
    Query(query): Query<TokenQuery>,
) -> Result<Json<PageOf<TokenItem>>, Error> {
    let filter = match query.app {
        Some(id) => {
            app.require_admin(&caller).await?;
            TokenFilter { user: None, app: Some(id) }
        }
        None => TokenFilter { user: Some(caller.user), app: None },
    };
    let page = PageQuery { limit: query.limit, after: query.after }.page()?;
    let tokens = app.store.list_tokens(caller.tenant, &filter, &page).await?;
    Ok(Json(PageOf::of(tokens, show_token)))
}

/// Revoke a token
///
/// One's own; or anybody's, as administrator.
#[utoipa::path(
    delete, path = "/tokens/{id}", operation_id = "revoke_token", tag = "apps",
    params(("id" = Uuid, Path)), responses((status = 204))
)]
async fn revoke_token(
    State(app): State<Shared>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<StatusCode, Error> {
    app.revoke_token(&caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn show_app(app: App) -> AppItem {
    AppItem {
        id: app.id,
        name: app.name,
        scopes: app.scopes,
        user: app.user.map(Uuid::from),
        active: app.active,
        created_by: app.created_by.0,
        created_at: time(app.created_at),
    }
}

fn show_token(token: Token) -> TokenItem {
    TokenItem {
        id: token.id,
        name: token.name,
        scopes: token.scopes,
        user: token.user.map(Uuid::from),
        app: token.app,
        created_at: time(token.created_at),
        expires_at: token.expires_at.map(time),
        revoked_at: token.revoked_at.map(time),
    }
}

fn time(microseconds: i64) -> Timestamp {
    Timestamp::from_microsecond(microseconds).unwrap_or_default()
}
